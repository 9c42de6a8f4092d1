//! Shared by both test binaries: the program in a clean environment, the project's root, and the cases.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) mod cases;

/// The program under test, without the environment's settings for colour and its management cluster.
pub(crate) fn xaccount() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-xaccount"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CI", "TERM"] {
        command.env_remove(name);
    }
    command.env_remove("KUBERNETES_SERVICE_HOST").env("KUBECONFIG", "/no/kubeconfig");
    command
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
