//! Why files were not replaced.

use std::io;
use std::path::{Path, PathBuf};

use super::{LockError, ReadError};

/// Why files were not replaced. Except for [`WriteError::Partial`] and [`WriteError::DirectorySync`], no file was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A file is not what was read any more.
    #[error("{} was changed by someone else since it was read; nothing was written; run the command again", path.display())]
    Changed {
        /// The file, as the caller gave it.
        path: PathBuf,
    },
    /// A file is gone.
    #[error("{} was removed since it was read; nothing was written; run the command again", path.display())]
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// A new file is there already.
    #[error("{} exists already; nothing was written; remove it, or run the command again so that it is read", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Two replacements mean one file.
    #[error("{} and {} are one file; nothing was written; name it once", first.display(), second.display())]
    SameFile {
        /// The path that came first.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// The directory of a new file is not there.
    #[error("the directory of {} does not exist; nothing was written; make it: mkdir -p '{}'", path.display(), directory.display())]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// Its directory.
        directory: PathBuf,
    },
    /// A directory, a FIFO, a device, or a path without a file name.
    #[error("{} is not a regular file, and can't be replaced; nothing was written", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// We may not write to the file. (The rename would work, but the owner said no.)
    #[error("{} is read-only for you ({source}); nothing was written; {}", path.display(), make_writable(source))]
    ReadOnlyFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// We may make or rename no file in the directory.
    #[error("{} can't be replaced, because its directory {} is read-only for you ({source}); nothing was written; {}", path.display(), directory.display(), make_writable(source))]
    ReadOnlyDirectory {
        /// The file.
        path: PathBuf,
        /// The real directory, symbolic links resolved.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new file would have another owner or group than the old one.
    #[error("{} can't keep its owner and group {uid}:{gid} ({source}); nothing was written; run as its owner, or chown it to yourself", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's number.
        uid: u32,
        /// The group's number.
        gid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// No space left, or over quota.
    #[error("the disk is full ({source}): there is no room for the new {}; nothing was changed; make room on that file system and run the command again", path.display())]
    DiskFull {
        /// The file, or the directory whose file system was synced.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else that the system said no to, before the first rename.
    #[error("{} can't be {action}: {source}{}; nothing was changed", path.display(), advice(source))]
    Io {
        /// The file, or the directory whose file system was synced.
        path: PathBuf,
        /// What was tried, as a participle.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file can't be read again.
    #[error("{source}; nothing was written")]
    Read {
        /// Why, with the file.
        source: ReadError,
    },
    /// A directory can't be locked.
    #[error("{source}; nothing was written")]
    Lock {
        /// Why, with the directory.
        source: LockError,
    },
    /// One rename failed after others had been done. Each file is whole, old or new.
    #[error("{} of {} files were written, then {} {source}; it and the files after it still have their old content; run the same command again: it completes the work", written.len(), written.len() + 1 + left.len(), failed.display())]
    Partial {
        /// The files that are new.
        written: Vec<PathBuf>,
        /// The file whose rename failed; it is old.
        failed: PathBuf,
        /// The files that were not tried after that; they are old.
        left: Vec<PathBuf>,
        /// What went wrong with `failed`.
        source: RenameError,
    },
    /// All files were written, but the system can't promise that a power failure would not undo some of it.
    #[error("all files were written, but the directory {} could not be synced ({source}); if the machine stops now, some files may have their old content: run the command again then", directory.display())]
    DirectorySync {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why one file was not put in its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenameError {
    /// It is not what was read any more.
    #[error("was changed by someone else")]
    Changed,
    /// It is gone.
    #[error("was removed by someone else")]
    Removed,
    /// It should be new, but is there.
    #[error("was made by someone else")]
    Exists,
    /// The system said no.
    #[error("could not be put in its place: {}{}", .0, advice(.0))]
    Io(#[source] io::Error),
}

impl RenameError {
    /// The same, where nothing had been renamed before.
    pub(super) fn alone(self, path: &Path) -> WriteError {
        let owned = path.to_owned();
        match self {
            Self::Changed => WriteError::Changed { path: owned },
            Self::Removed => WriteError::Removed { path: owned },
            Self::Exists => WriteError::Exists { path: owned },
            Self::Io(source) => WriteError::io(path, "put in its place", source),
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

/// What to do where we may not write.
fn make_writable(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "mount its file system for writing, or print the result with -o yaml",
        _ => "chmod u+w it, or run as its owner",
    }
}

/// What to do about errors whose own text says little.
pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        // A sharing or a lock violation.
        Some(32 | 33) if cfg!(windows) => "; another program holds it open: close it there first",
        // One file that is mounted into a container by itself can be written to, but not replaced.
        _ if error.kind() == io::ErrorKind::ResourceBusy => {
            "; if it is a mount of its own, as in a container, mount its directory in its place"
        }
        _ => "",
    }
}
