"""The build backend (PEP 517) of pyproject.toml, for hooks with `language: python`.

pre-commit installs the repository of a hook with `pip install .`. This repository's own package is empty: it requires
the wheel of the same version. No other build tool is needed, and the version can't differ from that in Cargo.toml.
"""

import pathlib

from wheel_file import version, write_wheel

DISTRIBUTION = "kubectl-xaccount-hooks"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    fields = [
        "Summary: Installs kubectl-xaccount for hooks of pre-commit",
        f"Requires-Dist: kubectl-xaccount=={version()}",
    ]
    return write_wheel(pathlib.Path(wheel_directory), DISTRIBUTION, "py3-none-any", fields).name
