//! Temporary files: `.NAME.RANDOM.xaccount-tmp`, next to the file that they will replace.
//!
//! The name does not have the extension of a manifest, so that no other tool reads a half-written file of a killed run
//! as one. It is specific enough that the next run can remove such a file safely.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

const SUFFIX: &str = ".xaccount-tmp";
const RANDOM: usize = 12;
/// Maximum length of NAME, so that the whole has at most 255 bytes, the limit of nearly every file system.
const NAME: usize = 255 - (1 + 1 + RANDOM + SUFFIX.len());

/// Whether a file name has exactly the form that [`create`] gives it.
pub(super) fn is_temporary(name: &OsStr) -> bool {
    let Some(rest) = name.as_encoded_bytes().strip_suffix(SUFFIX.as_bytes()) else {
        return false;
    };
    let Some((start, random)) = rest.split_last_chunk::<RANDOM>() else {
        return false;
    };
    random.iter().all(u8::is_ascii_alphanumeric) && start.len() > 2 && start.starts_with(b".") && start.ends_with(b".")
}

/// Creates an empty temporary file in `directory` (absolute) for the file `name`. `mode` is as in `open`: the process's
/// umask applies. On systems without unix modes, `mode` is ignored.
pub(super) fn create(directory: &Path, name: &OsStr, mode: u32) -> std::io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(cut(name));
    prefix.push(".");
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder.tempfile_in(directory)
}

/// Removes the temporary files of killed runs in `directory`. The caller must have locked it, so that none of these
/// files belongs to a run in progress. A file that can't be removed does no harm: it is never read as a manifest.
pub(super) fn remove_stale(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_temporary(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The start of a name, at most [`NAME`] bytes. If the name is UTF-8, it is cut between two characters, because some
/// file systems refuse a name that is not UTF-8.
#[cfg(unix)]
fn cut(name: &OsStr) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    let bytes = name.as_bytes();
    if bytes.len() <= NAME {
        return name.to_owned();
    }
    let continues = |b: &u8| b & 0xC0 == 0x80;
    let back = (0..4).find(|n| !continues(&bytes[NAME - n])).unwrap_or(0);
    OsStr::from_bytes(&bytes[..NAME - back]).to_owned()
}

#[cfg(not(unix))]
fn cut(name: &OsStr) -> OsString {
    let name = name.to_string_lossy();
    let end = (0..=NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    name[..end.unwrap_or(0)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_match() {
        for name in [".a.yaml.Ab0123456789.xaccount-tmp", "..a.aaaaaaaaaaaa.xaccount-tmp"] {
            assert!(is_temporary(OsStr::new(name)), "{name}");
        }
        for name in [
            "a.yaml",
            ".xaccount-tmp",
            "a.Ab0123456789.xaccount-tmp",
            "..Ab0123456789.xaccount-tmp",
            ".a.Ab012345678.xaccount-tmp",
            ".a.Ab01234567890.xaccount-tmp",
            ".a.Ab012345678-.xaccount-tmp",
            ".aAb0123456789.xaccount-tmp",
            ".a.Ab0123456789.xaccount-tmp.yaml",
            ".a.Ab0123456789.xaccount-tmp~",
        ] {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn created_names_match_and_fit() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.yaml", &"n".repeat(255), &"é".repeat(127), &format!("{}é", "n".repeat(227))] {
            let file = create(directory.path(), OsStr::new(name), 0o600).unwrap();
            let made = file.path().file_name().unwrap();
            assert!(is_temporary(made), "{made:?}");
            assert!(made.len() <= 255, "{made:?}");
            assert!(made.to_str().is_some(), "{made:?}");
        }
    }

    #[test]
    fn stale_files_are_removed_and_others_kept() {
        let directory = tempfile::tempdir().unwrap();
        let stale = ".a.yaml.Ab0123456789.xaccount-tmp";
        let other = ".a.yaml.short.xaccount-tmp";
        for name in [stale, other, "a.yaml"] {
            fs::write(directory.path().join(name), "x").unwrap();
        }
        let folder = directory.path().join(".b.Ab0123456789.xaccount-tmp");
        fs::create_dir(&folder).unwrap();
        remove_stale(directory.path());
        assert!(!directory.path().join(stale).exists());
        assert!(directory.path().join(other).exists());
        assert!(directory.path().join("a.yaml").exists());
        assert!(folder.exists());
    }
}
