//! Locks directories against other runs of this program.
//!
//! The lock is advisory: it separates two runs of this program, but does not stop an editor. It is on the directory
//! itself, so that no lock file is left in a repository, and the system releases it when a run is killed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Locked directories. Dropping this unlocks them.
#[derive(Debug)]
#[must_use = "the directories are unlocked as soon as this is dropped"]
pub struct DirectoryLocks {
    held: Vec<Held>,
}

/// One directory of [`DirectoryLocks`].
#[derive(Debug)]
pub(super) struct Held {
    /// As the caller gave it.
    pub(super) path: PathBuf,
    /// Device and inode.
    pub(super) identity: (u64, u64),
    /// False if the file system has no locks.
    pub(super) locked: bool,
    /// The open directory, on unix; elsewhere the lock file.
    #[cfg_attr(not(unix), allow(dead_code))]
    pub(super) file: Option<File>,
}

impl DirectoryLocks {
    /// Number of directories, each counted once.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there are no directories.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn held(&self) -> &[Held] {
        &self.held
    }
}

/// Reasons why directories were not locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// A directory cannot be opened or locked.
    #[error("the directory {} cannot be locked: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// More directories than this process may have open at once.
    #[error("can't lock {count} directories at once: this process may not open so many; run `ulimit -n {}` first, or pass fewer directories", count + 64)]
    TooMany {
        /// Number of directories.
        count: usize,
    },
}

/// Locks directories, and waits if another run has locked one. A directory that is given twice, even with another name,
/// is locked once. All runs lock in the same order (device and inode), so that two of them never wait for each other.
/// On a file system without such locks (`ENOLCK`, `EOPNOTSUPP`; some network file systems), the directory is not
/// locked.
///
/// Each directory uses one file descriptor while it is locked. If there are many, the process's soft limit
/// (`RLIMIT_NOFILE`) is raised, up to the hard limit.
///
/// # Errors
/// [`LockError`]; then no directory is locked.
pub fn lock(directories: impl IntoIterator<Item = PathBuf>) -> Result<DirectoryLocks, LockError> {
    let mut directories: Vec<PathBuf> = directories.into_iter().collect();
    directories.sort_unstable();
    directories.dedup();
    raise_limit(directories.len());
    let count = directories.len();
    let mut held = directories
        .into_iter()
        .map(|path| open(&path, count).map(|(identity, file)| Held { path, identity, locked: false, file }))
        .collect::<Result<Vec<_>, _>>()?;
    if cfg!(unix) {
        held.sort_by_key(|directory| directory.identity);
        // A second lock on the same directory would wait for the first forever.
        held.dedup_by_key(|directory| directory.identity);
    }
    for directory in &mut held {
        directory.acquire().map_err(|source| LockError::Io { path: directory.path.clone(), source })?;
    }
    Ok(DirectoryLocks { held })
}

type Opened = ((u64, u64), Option<File>);

#[cfg(unix)]
fn open(path: &Path, count: usize) -> Result<Opened, LockError> {
    let opened = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        if !metadata.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok((super::metadata::identity(&metadata), Some(file)))
    });
    opened.map_err(|source| {
        use rustix::io::Errno;
        match Errno::from_io_error(&source) {
            Some(Errno::MFILE | Errno::NFILE) => LockError::TooMany { count },
            _ => LockError::Io { path: path.to_owned(), source },
        }
    })
}

#[cfg(not(unix))]
fn open(path: &Path, _: usize) -> Result<Opened, LockError> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(((0, 0), None)),
        other => Err(LockError::Io {
            path: path.to_owned(),
            source: other.err().unwrap_or_else(|| io::ErrorKind::NotADirectory.into()),
        }),
    }
}

#[cfg(unix)]
impl Held {
    fn acquire(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        loop {
            match file.lock() {
                Ok(()) => {
                    self.locked = true;
                    return Ok(());
                }
                // `std` does not repeat the system call if a signal with a handler interrupts it.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if has_no_locks(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether an error means that the file system, or the system, has no such locks.
#[cfg(unix)]
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        // EBADF and EINVAL: NFS and some FUSE file systems lock only files that are open for writing, or nothing.
        Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::BADF | Errno::INVAL) => true,
        Some(_) => false,
        // Not an error of the system: `std` does not support locks on this platform.
        None => error.kind() == io::ErrorKind::Unsupported,
    }
}

#[cfg(windows)]
impl Held {
    /// Windows can't lock a directory. Instead, this opens a file that no other process can open, and that the system
    /// deletes when it is closed, even by a killed process.
    fn acquire(&mut self) -> io::Result<()> {
        use std::os::windows::fs::OpenOptionsExt;
        use std::time::Duration;
        const DELETE_ON_CLOSE: u32 = 0x0400_0000;
        const ACCESS_DENIED: i32 = 5;
        const SHARING_VIOLATION: i32 = 32;
        let path = self.path.join(".xaccount-lock");
        let mut denied = 0;
        loop {
            let opened = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .share_mode(0)
                .custom_flags(DELETE_ON_CLOSE)
                .open(&path);
            match opened {
                Ok(file) => {
                    self.file = Some(file);
                    self.locked = true;
                    return Ok(());
                }
                Err(error) => match error.raw_os_error() {
                    Some(SHARING_VIOLATION) => {}
                    // Also the error for a file that is being deleted.
                    Some(ACCESS_DENIED) if denied < 50 => denied += 1,
                    _ => return Err(error),
                },
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[cfg(not(any(unix, windows)))]
impl Held {
    fn acquire(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Best effort: if it fails, opening the directories returns the error.
#[cfg(unix)]
fn raise_limit(directories: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let wanted = directories as u64 + 64;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|soft| soft < wanted) {
        // Not simply the hard limit: it can be "none", which macOS does not accept as a soft limit.
        limit.current = Some(limit.maximum.map_or(wanted, |hard| hard.min(wanted)));
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

#[cfg(not(unix))]
fn raise_limit(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_second_lock_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let first = lock([directory.path().to_owned()]).unwrap();
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let second = lock([directory.path().to_owned()]).unwrap();
                sender.send(second.len()).unwrap();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
            drop(first);
            assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(1));
        });
    }

    #[test]
    fn many_directories_in_any_order_never_deadlock() {
        let root = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..50).map(|n| root.path().join(n.to_string())).collect();
        paths.iter().for_each(|path| std::fs::create_dir(path).unwrap());
        std::thread::scope(|scope| {
            for backwards in [false, true] {
                let mut paths = paths.clone();
                if backwards {
                    paths.reverse();
                }
                scope.spawn(move || (0..20).for_each(|_| assert_eq!(lock(paths.clone()).unwrap().len(), 50)));
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn one_directory_under_two_names_is_locked_once() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("real");
        let link = root.path().join("link");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let locks = lock([real.clone(), link, real]).unwrap();
        assert_eq!(locks.len(), 1);
        assert!(locks.held()[0].locked);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_system_without_locks_is_not_an_error() {
        use rustix::io::Errno;
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::BADF, Errno::INVAL] {
            assert!(has_no_locks(&errno.into()), "{errno}");
        }
        for errno in [Errno::IO, Errno::PERM, Errno::DEADLK] {
            assert!(!has_no_locks(&errno.into()), "{errno}");
        }
        assert!(has_no_locks(&io::ErrorKind::Unsupported.into()));
        assert!(!has_no_locks(&io::ErrorKind::InvalidInput.into()));
    }

    #[test]
    fn what_is_not_a_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = lock([file.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("cannot be locked"), "{error}");
        assert!(lock(["/nowhere/at/all".into()]).is_err());
        assert!(lock([]).unwrap().is_empty());
    }
}
