"""Writes wheels (packaging.python.org, "Binary distribution format"), with Python's own library alone."""

import base64
import hashlib
import re
import sys

from release_build import NAME, ROOT, write_zip

LABELS = {"alpha": "a", "beta": "b", "rc": "rc"}


def version():
    """Returns the version in Cargo.toml, as Python writes it: 1.0.0-rc.1 is 1.0.0rc1."""
    text = re.search(r'(?m)^version = "(.+)"', (ROOT / "Cargo.toml").read_text())[1]
    found = re.fullmatch(r"(\d+\.\d+\.\d+)(?:-(alpha|beta|rc)\.(\d+))?", text)
    if not found:
        sys.exit(f"error: PyPI accepts no version such as {text}: use 1.2.3 or 1.2.3-rc.1")
    number, label, count = found.groups()
    return number + (LABELS[label] + count if label else "")


def file_name(distribution, tag):
    return f"{distribution.replace('-', '_')}-{version()}-{tag}.whl"


def write_wheel(directory, distribution, tag, fields, description="", scripts=(), mtime=315532800):
    """Writes a wheel and returns its path.

    `tag` is that of the file's name, where each part may be several, separated by dots. `fields` are those of METADATA,
    besides the name, version and license. `scripts` are files for the environment's bin directory: name and content.
    """
    stem = f"{distribution.replace('-', '_')}-{version()}"
    info = f"{stem}.dist-info"
    python, abi, platforms = tag.split("-")
    metadata = ["Metadata-Version: 2.4", f"Name: {distribution}", f"Version: {version()}"]
    metadata += ["License-Expression: Apache-2.0", "License-File: LICENSE", *fields]
    # A wheel with scripts for one platform is not pure, although it contains no module.
    wheel = ["Wheel-Version: 1.0", f"Generator: {NAME} {version()}"]
    wheel += [f"Root-Is-Purelib: {str(platforms == 'any').lower()}"]
    wheel += [f"Tag: {python}-{abi}-{platform}" for platform in platforms.split(".")]
    files = [(f"{stem}.data/scripts/{name}", 0o755, content) for name, content in scripts]
    files += [
        (f"{info}/METADATA", 0o644, ("\n".join(metadata) + "\n\n" + description).encode()),
        (f"{info}/WHEEL", 0o644, ("\n".join(wheel) + "\n").encode()),
        (f"{info}/licenses/LICENSE", 0o644, (ROOT / "LICENSE").read_bytes()),
    ]
    record = "".join(f"{name},sha256={digest(content)},{len(content)}\n" for name, _, content in files)
    files.append((f"{info}/RECORD", 0o644, (record + f"{info}/RECORD,,\n").encode()))
    path = directory / file_name(distribution, tag)
    write_zip(path, files, mtime)
    return path


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
