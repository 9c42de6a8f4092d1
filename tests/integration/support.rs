//! What every test needs: the program, in a clean environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program under test, without the environment's ideas of colour.
pub(crate) fn xaccount() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-xaccount"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CI", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// A file of `testdata/`.
#[allow(dead_code)]
pub(crate) fn testdata(name: &str) -> PathBuf {
    root().join("testdata").join(name)
}

/// Runs `inject` with the words of `line`, split at blanks, in `directory`.
#[allow(dead_code)]
pub(crate) fn inject(directory: &Path, line: &str) -> Output {
    let mut command = xaccount();
    command.current_dir(directory).arg("inject").args(line.split_whitespace());
    command.output().expect("the program starts")
}
