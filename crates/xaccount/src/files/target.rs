//! One file to replace: its real path, the permission to replace it, and its new content next to it.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::content::LARGE;
use super::read::{Fingerprint, ReadError, is_same, read_with_metadata, reopen};
use super::temporary;
use super::write_error::{RenameError, WriteError};
use super::writeback::{EarlyWriter, let_go};
use lossless_yaml::parallel;

/// Writes new content, given the old bytes (none for a new file). It can be called on another thread, and must not
/// write anywhere else.
pub type Render<'a> = dyn Fn(&[u8], &mut dyn Write) -> io::Result<()> + Sync + 'a;

/// One file and its new content.
pub struct Replacement<'a> {
    /// The file. A symbolic link is followed: the link is kept, and its target is replaced.
    pub path: PathBuf,
    /// The fingerprint of the file when it was read; `None` for a new file, which must not exist.
    pub expected: Option<Fingerprint>,
    /// The bytes that it had then, if they are in memory; otherwise the whole file is read again.
    pub known: Option<&'a [u8]>,
    /// Writes the new content.
    pub render: &'a Render<'a>,
}

impl std::fmt::Debug for Replacement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replacement")
            .field("path", &self.path)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// A replacement, and the real path of its file.
pub(super) struct WriteTarget<'a> {
    pub(super) replacement: &'a Replacement<'a>,
    /// Absolute, and never a symbolic link.
    pub(super) real: PathBuf,
}

/// The new content on disk, in a temporary file. Dropping this removes it.
pub(super) struct Staged<'a> {
    /// As the caller gave it.
    pub(super) path: &'a Path,
    real: &'a Path,
    expected: Option<Fingerprint>,
    temporary: TempPath,
}

/// Finds the real file of each replacement.
pub(super) fn resolve<'a>(replacements: &'a [Replacement<'a>]) -> Result<Vec<WriteTarget<'a>>, WriteError> {
    // A canonical path costs a system call for each of its components, so it is computed once for each directory.
    let mut directories: HashMap<&Path, PathBuf> = HashMap::new();
    let mut seen: HashMap<PathBuf, &Path> = HashMap::with_capacity(replacements.len());
    let mut targets = Vec::with_capacity(replacements.len());
    for replacement in replacements {
        let path = replacement.path.as_path();
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(WriteError::NotRegular { path: path.to_owned() });
        };
        let directory = match directories.get(parent) {
            Some(directory) => directory,
            None => {
                let directory = canonical_directory(replacement, parent)?;
                directories.entry(parent).or_insert(directory)
            }
        };
        let real = real_file(replacement, directory.join(name))?;
        if let Some(first) = seen.insert(real.clone(), path) {
            return Err(WriteError::SameFile { first: first.to_owned(), second: path.to_owned() });
        }
        targets.push(WriteTarget { replacement, real });
    }
    Ok(targets)
}

fn canonical_directory(replacement: &Replacement<'_>, parent: &Path) -> Result<PathBuf, WriteError> {
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    fs::canonicalize(parent).map_err(|source| match (source.kind(), replacement.expected) {
        (io::ErrorKind::NotFound, Some(_)) => WriteError::Removed { path: replacement.path.clone() },
        _ => WriteError::io(&replacement.path, "found", source),
    })
}

fn real_file(replacement: &Replacement<'_>, joined: PathBuf) -> Result<PathBuf, WriteError> {
    let path = || replacement.path.clone();
    let removed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => WriteError::Removed { path: path() },
        _ => WriteError::io(&replacement.path, "found", source),
    };
    let not_regular = || WriteError::NotRegular { path: path() };
    match (fs::symlink_metadata(&joined), replacement.expected) {
        (Ok(_), None) => Err(WriteError::Exists { path: path() }),
        (Ok(metadata), Some(_)) if metadata.is_file() => Ok(joined),
        (Ok(metadata), Some(_)) if metadata.is_symlink() => {
            let real = fs::canonicalize(&joined).map_err(removed)?;
            // Checked here, before the directory of a device is locked.
            if real.is_file() { Ok(real) } else { Err(not_regular()) }
        }
        (Ok(_), Some(_)) => Err(not_regular()),
        (Err(error), None) if error.kind() == io::ErrorKind::NotFound => Ok(joined),
        (Err(error), _) => Err(removed(error)),
    }
}

impl<'a> WriteTarget<'a> {
    pub(super) fn directory(&self) -> &Path {
        self.real.parent().unwrap_or(&self.real)
    }

    /// Number of bytes that will be in memory.
    pub(super) fn size(&self) -> u64 {
        self.replacement.expected.map_or(0, |expected| expected.size)
    }

    /// Checks that we may create and rename files in the target's directory. `true`: only those that we own (the sticky
    /// bit).
    #[cfg(unix)]
    pub(super) fn check_directory(&self) -> Result<bool, WriteError> {
        use rustix::fs::{Access, access};
        use std::os::unix::fs::MetadataExt;
        let directory = self.directory();
        access(directory, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| self.read_only_directory(error.into()))?;
        let metadata =
            fs::metadata(directory).map_err(|error| WriteError::io(&self.replacement.path, "replaced", error))?;
        let user = rustix::process::geteuid();
        Ok(metadata.mode() & 0o1000 != 0 && !user.is_root() && metadata.uid() != user.as_raw())
    }

    /// On Windows, the creation of the temporary file fails.
    #[cfg(not(unix))]
    pub(super) fn check_directory(&self) -> Result<bool, WriteError> {
        Ok(false)
    }

    fn read_only_directory(&self, source: io::Error) -> WriteError {
        WriteError::ReadOnlyDirectory {
            path: self.replacement.path.clone(),
            directory: self.directory().to_owned(),
            source,
        }
    }

    /// Reads the file again, and writes the new content next to it. `sync`: waits until it is on disk. `own_only`: the
    /// result of [`Self::check_directory`].
    pub(super) fn stage(&self, own_only: bool, sync: bool) -> Result<Staged<'_>, WriteError> {
        let Some(expected) = self.replacement.expected else { return self.write_beside(&[], None, sync) };
        let changed = || WriteError::Changed { path: self.replacement.path.clone() };
        let read_error = |error| self.read_error(error);
        let Some(known) = self.replacement.known else {
            let (old, fingerprint, metadata) = read_with_metadata(&self.real).map_err(read_error)?;
            if fingerprint != expected {
                return Err(changed());
            }
            self.check_writable(&metadata, own_only)?;
            return self.write_beside(&old, Some(&metadata), sync);
        };
        let (file, metadata) = reopen(&self.real, &expected).map_err(read_error)?.ok_or_else(changed)?;
        self.check_writable(&metadata, own_only)?;
        // In parallel: the file is renamed only after both are done.
        let large = known.len() >= LARGE;
        let compare = || {
            let same = is_same(&file, &self.real, &expected, known);
            if large {
                let_go(&file);
            }
            same
        };
        let write = || self.write_beside(known, Some(&metadata), sync);
        let (same, staged) = parallel::both(large, compare, write);
        if same.map_err(read_error)? { staged } else { Err(changed()) }
    }

    /// Writes the new content, rendered from the old one, next to the file.
    fn write_beside(&self, old: &[u8], metadata: Option<&Metadata>, sync: bool) -> Result<Staged<'_>, WriteError> {
        let Replacement { path, expected, render, .. } = self.replacement;
        let name = self.real.file_name().unwrap_or_default();
        let temporary = temporary::create(self.directory(), name, metadata.map_or(0o666, mode)).map_err(|source| {
            match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => self.read_only_directory(source),
                _ => WriteError::io(path, "replaced", source),
            }
        })?;
        // Before the content is written, so that only users who may read the old file can ever read the new one.
        if let Some(metadata) = metadata {
            self.keep_owner_and_mode(temporary.as_file(), metadata)?;
        }
        let capacity = old.len().saturating_add(4096).min(128 << 10);
        let mut writer = BufWriter::with_capacity(capacity, EarlyWriter::new(temporary.as_file()));
        render(old, &mut writer)
            .and_then(|()| writer.flush())
            .and_then(|()| if sync { temporary.as_file().sync_all() } else { Ok(()) })
            .map_err(|source| WriteError::io(path, "written", source))?;
        drop(writer);
        Ok(Staged {
            path,
            real: &self.real,
            expected: *expected,
            // Closes the file: 10,000 files must not use 10,000 descriptors.
            temporary: temporary.into_temp_path(),
        })
    }

    fn read_error(&self, error: ReadError) -> WriteError {
        let path = self.replacement.path.clone();
        match error {
            ReadError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => WriteError::Removed { path },
            ReadError::Io { source, .. } => WriteError::Read { source: ReadError::Io { path, source } },
            ReadError::NotRegular { .. } => WriteError::NotRegular { path },
            ReadError::Changed { .. } => WriteError::Changed { path },
            ReadError::TooLarge { most, .. } => WriteError::Read { source: ReadError::TooLarge { path, most } },
        }
    }

    /// Checks that we may write to the file, because a rename does not check it.
    #[cfg(unix)]
    fn check_writable(&self, metadata: &Metadata, own_only: bool) -> Result<(), WriteError> {
        use std::os::unix::fs::MetadataExt;
        rustix::fs::access(&self.real, rustix::fs::Access::WRITE_OK)
            .map_err(|error| WriteError::ReadOnlyFile { path: self.replacement.path.clone(), source: error.into() })?;
        if own_only && metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(self.read_only_directory(rustix::io::Errno::PERM.into()));
        }
        self.check_mount()
    }

    /// Refuses a file that is itself a mount point, as in a container: it can be written to, but not replaced. Without
    /// this check, its rename would fail only after others were done.
    #[cfg(target_os = "linux")]
    fn check_mount(&self) -> Result<(), WriteError> {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        // Before Linux 5.8, the rename fails instead.
        match statx(CWD, &self.real, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()) {
            Ok(stat) if stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) => {
                Err(WriteError::io(&self.replacement.path, "replaced", rustix::io::Errno::BUSY.into()))
            }
            _ => Ok(()),
        }
    }

    #[cfg(all(unix, not(target_os = "linux")))]
    fn check_mount(&self) -> Result<(), WriteError> {
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_writable(&self, metadata: &Metadata, _: bool) -> Result<(), WriteError> {
        if metadata.permissions().readonly() {
            return Err(WriteError::ReadOnlyFile {
                path: self.replacement.path.clone(),
                source: io::ErrorKind::PermissionDenied.into(),
            });
        }
        Ok(())
    }

    #[cfg(unix)]
    fn keep_owner_and_mode(&self, file: &File, old: &Metadata) -> Result<(), WriteError> {
        use rustix::fs::{Gid, Uid, fchown};
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let path = &self.replacement.path;
        let new = file.metadata().map_err(|source| WriteError::io(path, "replaced", source))?;
        let (uid, gid) = (old.uid(), old.gid());
        let owner = (new.uid() != uid).then(|| Uid::from_raw(uid));
        let group = (new.gid() != gid).then(|| Gid::from_raw(gid));
        if owner.is_some() || group.is_some() {
            fchown(file, owner, group).map_err(|error| WriteError::Owner {
                path: path.clone(),
                uid,
                gid,
                source: error.into(),
            })?;
        }
        // fchown may have cleared bits.
        let wanted = old.mode() & 0o7777;
        if new.mode() & 0o7777 != wanted || owner.is_some() || group.is_some() {
            file.set_permissions(fs::Permissions::from_mode(wanted))
                .map_err(|source| WriteError::io(path, "given its mode", source))?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn keep_owner_and_mode(&self, _: &File, _: &Metadata) -> Result<(), WriteError> {
        Ok(())
    }
}

/// For `open`: the old file's mode, without setuid, setgid and sticky bits.
#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

impl Staged<'_> {
    /// Checks that the file is still the one that was read, or still does not exist.
    pub(super) fn check(&self) -> Result<(), RenameError> {
        match (fs::symlink_metadata(self.real), self.expected) {
            (Ok(now), Some(expected)) if now.is_file() && expected.same_file_state(&now) => Ok(()),
            (Ok(_), Some(_)) => Err(RenameError::Changed),
            (Ok(_), None) => Err(RenameError::Exists),
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::NotFound => Err(RenameError::Removed),
            (Err(error), None) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            (Err(error), _) => Err(RenameError::Io(error)),
        }
    }

    /// Renames the new content into place.
    pub(super) fn rename(self) -> Result<(), RenameError> {
        // persist_noclobber is renameat2 with RENAME_NOREPLACE if available, otherwise link and unlink.
        let done = match self.expected {
            Some(_) => self.temporary.persist(self.real),
            None => self.temporary.persist_noclobber(self.real),
        };
        done.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => RenameError::Exists,
            _ => RenameError::Io(failed.error),
        })
    }
}
