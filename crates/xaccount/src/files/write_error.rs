//! Errors of replacing files.

use std::io;
use std::path::{Path, PathBuf};

use super::{LockError, ReadError};

/// Reasons why files were not replaced. Except for [`WriteError::Partial`] and [`WriteError::DirectorySync`], no file
/// was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A file has changed since it was read.
    #[error("{} was changed by someone else since it was read; nothing was written; run the command again", path.display())]
    Changed {
        /// The file, as the caller gave it.
        path: PathBuf,
    },
    /// A file no longer exists.
    #[error("{} was removed since it was read; nothing was written; run the command again", path.display())]
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// A new file already exists.
    #[error("{} already exists; nothing was written; remove it, or run the command again so that it is read", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Two replacements are for the same file.
    #[error("{} and {} are the same file; nothing was written; pass it once", first.display(), second.display())]
    SameFile {
        /// The first path.
        first: PathBuf,
        /// The second path.
        second: PathBuf,
    },
    /// A directory, a FIFO, a device, or a path without a file name.
    #[error("{} is not a regular file, and can't be replaced; nothing was written", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// We may not write to the file. (The rename would work, but would ignore its permissions.)
    #[error("{} is read-only for you ({source}); nothing was written; {}", path.display(), make_writable(source))]
    ReadOnlyFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// We may not create or rename files in the directory.
    #[error("{} can't be replaced, because its directory {} is read-only for you ({source}); nothing was written; {}", path.display(), directory.display(), make_writable(source))]
    ReadOnlyDirectory {
        /// The file.
        path: PathBuf,
        /// The real directory, symbolic links resolved.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The new file would have a different owner or group than the old one.
    #[error("{} can't keep its owner and group {uid}:{gid} ({source}); nothing was written; run as its owner, or chown it to yourself", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's numeric id.
        uid: u32,
        /// The group's numeric id.
        gid: u32,
        /// The system's error.
        source: io::Error,
    },
    /// There is no space left, or the quota is exceeded.
    #[error("the disk is full ({source}): no space for the new {}; nothing was changed; free space on that file system and run the command again", path.display())]
    DiskFull {
        /// The file, or the directory whose file system was synced.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Any other error of the system, before the first rename.
    #[error("{} can't be {action}: {source}{}; nothing was changed", path.display(), advice(source))]
    Io {
        /// The file, or the directory whose file system was synced.
        path: PathBuf,
        /// The failed action, as a participle.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The file can't be read again.
    #[error("{source}; nothing was written")]
    Read {
        /// The error, with the file.
        source: ReadError,
    },
    /// A directory can't be locked.
    #[error("{source}; nothing was written")]
    Lock {
        /// The error, with the directory.
        source: LockError,
    },
    /// A rename failed after others had succeeded. Each file is whole, old or new.
    #[error("{} of {} files were written, then {} {source}; it and the files after it still have their old content; run the same command again to write the rest", written.len(), written.len() + 1 + left.len(), failed.display())]
    Partial {
        /// The files with new content.
        written: Vec<PathBuf>,
        /// The file whose rename failed; it has its old content.
        failed: PathBuf,
        /// The files that were not tried after that; they have their old content.
        left: Vec<PathBuf>,
        /// The error for `failed`.
        source: RenameError,
    },
    /// All files were written, but a power failure might still undo some of it.
    #[error("all files were written, but the directory {} could not be synced ({source}); if the machine stops now, some files may still have their old content: then run the command again", directory.display())]
    DirectorySync {
        /// The directory.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Reasons why a file was not renamed into place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenameError {
    /// It has changed since it was read.
    #[error("was changed by someone else")]
    Changed,
    /// It no longer exists.
    #[error("was removed by someone else")]
    Removed,
    /// It should be new, but already exists.
    #[error("was created by someone else")]
    Exists,
    /// The system refused to rename it.
    #[error("could not be renamed into place: {}{}", .0, advice(.0))]
    Io(#[source] io::Error),
}

impl RenameError {
    /// As a [`WriteError`], if no other file had been renamed before.
    pub(super) fn alone(self, path: &Path) -> WriteError {
        let owned = path.to_owned();
        match self {
            Self::Changed => WriteError::Changed { path: owned },
            Self::Removed => WriteError::Removed { path: owned },
            Self::Exists => WriteError::Exists { path: owned },
            Self::Io(source) => WriteError::io(path, "renamed into place", source),
        }
    }
}

impl WriteError {
    /// [`WriteError::DiskFull`] or [`WriteError::Io`].
    pub(super) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            _ => Self::Io { path, action, source },
        }
    }
}

/// What to do if we may not write.
fn make_writable(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "mount its file system for writing, or print the result with -o yaml",
        _ => "make it writable with chmod u+w, or run as its owner",
    }
}

/// What to do about errors whose own text is not helpful.
pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        // A sharing or a lock violation.
        Some(32 | 33) if cfg!(windows) => "; another program has it open: close it there first",
        // A single file that is mounted into a container can be written to, but not replaced.
        _ if error.kind() == io::ErrorKind::ResourceBusy => {
            "; if the file itself is a mount point, as in a container, mount its directory instead"
        }
        _ => "",
    }
}
