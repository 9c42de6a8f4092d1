//! The names of files in a patch, as `git apply` needs them.

use std::path::{Path, PathBuf};

use crate::output::FileDiff;
use xaccount::diag::Diagnostic;
use xaccount::session;

/// The diffs with file names relative to the root of the Git work tree around the working directory, or else to the working
/// directory. In a work tree, `git apply` reads all names relative to its root, and silently ignores files that are not below
/// the working directory. For a symbolic link, the name is that of the file it points to: no tool patches through a link.
///
/// # Errors
/// A file that is not below the working directory.
pub(super) fn for_git(diffs: Vec<FileDiff>) -> Result<Vec<FileDiff>, Diagnostic> {
    let here = std::env::current_dir()
        .and_then(|here| here.canonicalize())
        .map_err(|error| Diagnostic::error(format!("can't find out the working directory: {error}")))?;
    let root = here.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(&here);
    diffs
        .into_iter()
        .map(|diff| {
            let real = real(&here.join(path(diff.name())));
            match real.strip_prefix(root) {
                Ok(name) if real.starts_with(&here) => Ok(diff.renamed(session::path_bytes(name).into_owned())),
                _ => Err(Diagnostic::error(format!(
                    "{} is not below this directory, so 'git apply' would ignore it",
                    String::from_utf8_lossy(diff.name())
                ))
                .help(format!("the file is {}: run the command in a directory above it", real.display()))
                .help("or use --write instead")),
            }
        })
        .collect()
}

/// The path with symbolic links resolved. For a file that does not exist yet, those of its directory are resolved.
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
