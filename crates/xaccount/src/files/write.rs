//! Replaces many files, all or nothing.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::{DirectoryLocks, Held, lock};
use super::target::{Replacement, Staged, WriteTarget, resolve};
use super::temporary::remove_stale;
use super::write_error::WriteError;
use lossless_yaml::parallel;

/// As many files or directories are synced one by one; more of them with their whole file system, where there is such a
/// call.
const SYNC_EACH: usize = 16;

/// Replaces files, all or nothing.
///
/// Every directory concerned is locked, and another run that writes there waits. Under the lock, what killed runs left there is
/// removed; each file is read again and compared with its fingerprint; its new content is written beside it, with the mode
/// and owner of the old file (a new file: 0666 less the umask); everything is synced once; each file is looked at again; and
/// then all are renamed into place, and the directories synced. Killed at any moment, each file is whole, old or new.
///
/// A file that we may not write to is refused, though the rename would work. A hard link is cut: the other names keep the
/// old content. Access control lists and extended attributes are not kept. In memory are about as many files as there are
/// threads, or one that is over 1 MiB.
///
/// # Errors
/// After [`WriteError::Partial`], some files are new and some old, each of them whole; after [`WriteError::DirectorySync`] all
/// are new. After any other error no file was changed, and no temporary file is left.
pub fn replace_all(replacements: &[Replacement<'_>]) -> Result<(), WriteError> {
    let targets = resolve(replacements)?;
    let directories: HashSet<PathBuf> = targets.iter().map(|target| target.directory().to_owned()).collect();
    let locks = lock(directories).map_err(|source| WriteError::Lock { source })?;
    // Without the lock, it might be the file of a run that lives.
    for directory in locks.held().iter().filter(|directory| directory.locked) {
        remove_stale(&directory.path);
    }
    let own_only = check_directories(&targets)?;
    let sync_each = targets.len() <= SYNC_EACH || !cfg!(target_os = "linux");
    let staged = parallel::try_map_sized(&targets, WriteTarget::size, |target| {
        target.stage(own_only.contains(target.directory()), sync_each)
    })?;
    if !sync_each {
        sync_file_systems(&locks).map_err(|(path, source)| WriteError::io(path, "synced", source))?;
    }
    // Staging and syncing took the time; a change in it is found here, while it costs nothing.
    for file in &staged {
        file.check().map_err(|error| error.alone(file.path))?;
    }
    rename_all(staged, &locks)
}

/// Each directory once. The result: those in which we may replace only what we own.
fn check_directories<'a>(targets: &'a [WriteTarget<'_>]) -> Result<HashSet<&'a Path>, WriteError> {
    let mut checked = HashMap::new();
    for target in targets {
        if !checked.contains_key(target.directory()) {
            checked.insert(target.directory(), target.check_directory()?);
        }
    }
    Ok(checked.into_iter().filter_map(|(directory, own_only)| own_only.then_some(directory)).collect())
}

pub(super) fn rename_all(staged: Vec<Staged<'_>>, locks: &DirectoryLocks) -> Result<(), WriteError> {
    let mut written = Vec::with_capacity(staged.len());
    let mut failure = None;
    let mut rest = staged.into_iter();
    for file in rest.by_ref() {
        let path = file.path;
        match file.check().and_then(|()| file.rename()) {
            Ok(()) => written.push(path),
            Err(error) => {
                failure = Some((path, error));
                break;
            }
        }
    }
    let left: Vec<PathBuf> = rest.as_slice().iter().map(|file| file.path.to_owned()).collect();
    // Removes the temporary files of those.
    drop(rest);
    let synced = if written.is_empty() { Ok(()) } else { sync_directories(locks) };
    match failure {
        None => {
            synced.map_err(|(directory, source)| WriteError::DirectorySync { directory: directory.to_owned(), source })
        }
        Some((path, error)) if written.is_empty() => Err(error.alone(path)),
        Some((path, source)) => Err(WriteError::Partial {
            written: written.into_iter().map(Path::to_owned).collect(),
            failed: path.to_owned(),
            left,
            source,
        }),
    }
}

type SyncError<'a> = (&'a Path, io::Error);

/// Each directory, or where they are many, each file system: 10,000 syncs of a journal take minutes.
fn sync_directories(locks: &DirectoryLocks) -> Result<(), SyncError<'_>> {
    if locks.len() > SYNC_EACH && cfg!(target_os = "linux") {
        return sync_file_systems(locks);
    }
    for Held { path, file, .. } in locks.held() {
        if let (Some(file), true) = (file, cfg!(unix)) {
            sync_directory(file).map_err(|error| (path.as_path(), error))?;
        }
    }
    Ok(())
}

fn sync_directory(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // What a file system says that syncs no directories, or needs no syncing.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

#[cfg(target_os = "linux")]
fn sync_file_systems(locks: &DirectoryLocks) -> Result<(), SyncError<'_>> {
    let mut devices = HashSet::new();
    for Held { path, file, identity, .. } in locks.held() {
        if let Some(file) = file
            && devices.insert(identity.0)
        {
            match rustix::fs::syncfs(file) {
                Err(rustix::io::Errno::NOSYS) => rustix::fs::sync(),
                done => done.map_err(|error| (path.as_path(), error.into()))?,
            }
        }
    }
    Ok(())
}

/// Elsewhere each file was synced when it was written.
#[cfg(not(target_os = "linux"))]
fn sync_file_systems(_: &DirectoryLocks) -> Result<(), SyncError<'_>> {
    Ok(())
}
