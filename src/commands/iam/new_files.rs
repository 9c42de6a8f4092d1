//! New files in a directory, all or none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files::{self, Replacement};

use crate::commands::CommandError;

/// Writes all files, or none; returns how many were new.
///
/// # Errors
/// A file exists with another content, which somebody may have edited.
pub(super) fn write_new(files: &BTreeMap<PathBuf, String>) -> Result<usize, CommandError> {
    let mut new = Vec::new();
    for (path, text) in files {
        let shown = || escape_control(&path.to_string_lossy()).into_owned();
        if let Some(directory) = path.parent().filter(|directory| directory.exists() && !directory.is_dir()) {
            let error = format!("--output-dir: {} is not a directory", escape_control(&directory.to_string_lossy()));
            return Err(Diagnostic::error(error).help("choose another directory").into());
        }
        if path.is_symlink() {
            let error = format!("{} is a symbolic link, and files are not written through links", shown());
            return Err(Diagnostic::error(error).help("remove it, or choose another directory").into());
        }
        match files::read_only(path) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(_) => {
                let error = format!("{} exists with another content", shown());
                let help = "compare and remove it, or choose another directory; nothing was written";
                return Err(Diagnostic::error(error).help(help).into());
            }
            Err(_) if !path.exists() => new.push((path, text)),
            Err(error) => return Err(Diagnostic::error(error.to_string()).into()),
        }
    }
    let renders: Vec<_> = new
        .iter()
        .map(|(_, text)| move |_: &[u8], out: &mut dyn std::io::Write| out.write_all(text.as_bytes()))
        .collect();
    let replacements: Vec<Replacement<'_>> = new
        .iter()
        .zip(&renders)
        .map(|((path, _), render)| Replacement { path: (*path).clone(), expected: None, known: None, render })
        .collect();
    files::replace_all(&replacements).map_err(|error| Diagnostic::error(error.to_string()))?;
    Ok(new.len())
}
