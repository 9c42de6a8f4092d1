"""What scripts/package and scripts/wheel share: the build, and archives that are the same for the same commit."""

import json
import os
import pathlib
import subprocess
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NAME = "kubectl-xaccount"
# Zip can't store earlier times.
YEAR_1980 = 315532800


def output(*command, **options):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def host():
    lines = output("rustc", "--version", "--verbose").splitlines()
    return next(line[len("host: "):] for line in lines if line.startswith("host: "))


def build(target, profile, *options):
    """Builds the program and returns its path."""
    environment = dict(os.environ)
    if "msvc" in (target or host()):
        # Without this, it needs the Visual C++ runtime, which some Windows systems don't have.
        environment["RUSTFLAGS"] = environment.get("RUSTFLAGS", "") + " -C target-feature=+crt-static"
    command = ["cargo", "build", "--locked", "--bin", NAME, "--profile", profile]
    command += ["--message-format", "json-render-diagnostics", *options]
    if target:
        command += ["--target", target]
    messages = [json.loads(line) for line in output(*command, env=environment).splitlines()]
    built = [message["executable"] for message in messages if message.get("executable")]
    return pathlib.Path(built[-1])


def source_time():
    """Returns SOURCE_DATE_EPOCH, or the time of the commit."""
    try:
        commit = os.environ.get("SOURCE_DATE_EPOCH") or output("git", "log", "-1", "--format=%ct", stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        commit = 0
    return max(int(commit), YEAR_1980)


def write_zip(path, files, mtime):
    """Writes files: tuples of name, mode and content."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, mode, content in files:
            entry = zipfile.ZipInfo(name, time.gmtime(mtime)[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Always mark it as created on Unix: otherwise the mode is not kept, and the bytes differ.
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
