//! The names of files in a patch: as `git apply` looks for them.

use std::path::{Path, PathBuf};

use crate::output::FileDiff;
use xaccount::diag::Diagnostic;
use xaccount::session;

/// Names the files of a patch from the root of the Git work tree that we are in, else from the working directory. In a work
/// tree, `git apply` takes all names from its root, and passes by what is not below the working directory without a word. A
/// symbolic link is named by the file that it leads to: no tool patches through a link.
///
/// # Errors
/// A file that is not below the working directory.
pub(super) fn for_git(diffs: Vec<FileDiff>) -> Result<Vec<FileDiff>, Diagnostic> {
    let here = std::env::current_dir()
        .and_then(|here| here.canonicalize())
        .map_err(|error| Diagnostic::error(format!("the working directory can't be told: {error}")))?;
    let root = here.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(&here);
    diffs
        .into_iter()
        .map(|diff| {
            let real = real(&here.join(path(diff.name())));
            match real.strip_prefix(root) {
                Ok(name) if real.starts_with(&here) => Ok(diff.renamed(session::path_bytes(name).into_owned())),
                _ => Err(Diagnostic::error(format!(
                    "{} is not below this directory, so 'git apply' would pass it by",
                    String::from_utf8_lossy(diff.name())
                ))
                .help(format!("it is {}: run the command in a directory above it", real.display()))
                .help("or use --write instead")),
            }
        })
        .collect()
}

/// The path without links; of a file that is not there yet, that of its directory.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    }
}

#[cfg(unix)]
fn path(name: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> PathBuf {
    String::from_utf8_lossy(name).into_owned().into()
}
