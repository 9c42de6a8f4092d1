//! Our own temporary files: `.NAME.RANDOM.xaccount-tmp`, beside the file that they will replace.
//!
//! The name never ends like a manifest, so that no other tool takes a half-written file of a killed run for one, and it
//! is so exact that the next run can remove such a file without a doubt.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

const SUFFIX: &str = ".xaccount-tmp";
const RANDOM: usize = 12;
/// Of the file's own name, so that the whole is at most 255 bytes, the limit of nearly every file system.
const NAME: usize = 255 - (1 + 1 + RANDOM + SUFFIX.len());

/// Whether a file name is exactly one that [`create`] makes.
pub(super) fn is_temporary(name: &OsStr) -> bool {
    let Some(rest) = name.as_encoded_bytes().strip_suffix(SUFFIX.as_bytes()) else {
        return false;
    };
    let Some((start, random)) = rest.split_last_chunk::<RANDOM>() else {
        return false;
    };
    random.iter().all(u8::is_ascii_alphanumeric) && start.len() > 2 && start.starts_with(b".") && start.ends_with(b".")
}

/// Makes an empty temporary file in `directory` (absolute) for the file `name`, with `mode` as `open` takes it: the
/// process's umask is taken off. Without unix modes, `mode` has no meaning.
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

/// Removes what killed runs left in `directory`. The caller holds the directory's lock, so that none of these files
/// belongs to a run that lives. Nothing depends on it: what cannot be removed stays, and is never taken for a manifest.
pub(super) fn remove_stale(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_temporary(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The start of a name, at most [`NAME`] bytes. It ends between two characters where the name is UTF-8: some file systems
/// refuse a name that is not.
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
    fn made_names_match_and_fit() {
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
    fn stale_files_go_and_others_stay() {
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
