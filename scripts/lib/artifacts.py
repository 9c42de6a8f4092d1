"""The names of what is released for a target: an archive and a wheel."""

import re
import sys

from release_build import NAME, ROOT
from wheel_file import file_name

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# The oldest systems that Rust supports: doc.rust-lang.org/rustc/platform-support.html. A static program for Linux
# needs no C library, so it may have the tags of both.
TAGS = {
    ("linux", "x86_64"): "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64",
    ("linux", "aarch64"): "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
    ("darwin", "x86_64"): "macosx_10_12_x86_64",
    ("darwin", "aarch64"): "macosx_11_0_arm64",
    ("windows", "x86_64"): "win_amd64",
    ("windows", "aarch64"): "win_arm64",
}
TARGETS = [
    f"{machine}-{system}"
    for machine in ("x86_64", "aarch64")
    for system in ("unknown-linux-musl", "apple-darwin", "pc-windows-msvc")
]


def system_of(triple):
    return next((system for system, _ in TAGS if system in triple.split("-")), None)


def archive_name(triple):
    """Returns the archive name of a target in plugin.yaml."""
    platform = f"{system_of(triple)}-{ARCHITECTURES.get(triple.split('-')[0])}"
    found = re.search(rf"/({NAME}-\S+-{platform}\.\S+)\n", (ROOT / "plugin.yaml").read_text())
    if not found:
        sys.exit(f"error: plugin.yaml has no platform for {triple}")
    return found[1]


def wheel_name(triple):
    return file_name(NAME, "py3-none-" + TAGS[system_of(triple), triple.split("-")[0]])
