//! Replaces many files, all or nothing.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::lock::{DirectoryLocks, Held, lock};
use super::target::{Replacement, Staged, WriteTarget, resolve};
use super::temporary::remove_stale;
use super::write_error::WriteError;
use lossless_yaml::parallel;

/// Up to this number, files or directories are synced one by one; with more, the whole file system is synced, if there
/// is such a call.
const SYNC_EACH: usize = 16;

/// Attempts if a directory vanishes meanwhile.
const ATTEMPTS: usize = 3;

/// Replaces files, all or nothing.
///
/// Every directory concerned is locked, and another run that writes there waits. Under the lock, temporary files of
/// killed runs are removed; each file is read again and compared with its fingerprint; its new content is written next
/// to it, with the mode and owner of the old file (a new file: 0666 minus the umask); everything is synced once; each
/// file is checked again; then all are renamed into place, and the directories synced. If the run is killed at any
/// moment, each file is whole, old or new.
///
/// A file that we may not write to is refused, although the rename would work. Hard links are broken: the other names
/// keep the old content. Access control lists and extended attributes are not kept. At any time, about as many files as
/// there are threads are in memory, or one that is over 1 MiB.
///
/// The directories of new files are created, and removed again after an error.
///
/// # Errors
/// After [`WriteError::Partial`], some files are new and some old, each of them whole; after
/// [`WriteError::DirectorySync`], all are new. After any other error, no file was changed, and no temporary file is
/// left.
pub fn replace_all(replacements: &[Replacement<'_>]) -> Result<(), WriteError> {
    // Another run can remove a directory that it created, between our look and our lock.
    for _ in 1..ATTEMPTS {
        match replace_once(replacements) {
            Err(WriteError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
    replace_once(replacements)
}

fn replace_once(replacements: &[Replacement<'_>]) -> Result<(), WriteError> {
    let created = NewDirectories::of(replacements)?;
    let targets = resolve(replacements)?;
    let directories: HashSet<PathBuf> = targets.iter().map(|target| target.directory().to_owned()).collect();
    let locks = lock(directories).map_err(|source| WriteError::Lock { source })?;
    // Without the lock, a temporary file can belong to a run in progress.
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
    // Staging and syncing take time. A change meanwhile is found here, before any rename.
    for file in &staged {
        file.check().map_err(|error| error.alone(file.path))?;
    }
    let result = rename_all(staged, &locks);
    match &result {
        Ok(()) | Err(WriteError::Partial { .. } | WriteError::DirectorySync { .. }) => created.keep(),
        Err(_) => {}
    }
    result
}

/// A path without `.`, and without `..` after a directory that does not exist.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if plain.symlink_metadata().is_err() && plain.pop() => {}
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Directories that were created for new files. They are removed again, unless they are kept.
struct NewDirectories(Vec<PathBuf>);

impl NewDirectories {
    /// Creates the directories that new files need.
    fn of(replacements: &[Replacement<'_>]) -> Result<Self, WriteError> {
        let mut created = Self(Vec::new());
        for replacement in replacements.iter().filter(|replacement| replacement.expected.is_none()) {
            // `x/../y/ids.yaml` needs no directory x.
            let path = plain(&replacement.path);
            let parents = path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
            let missing: Vec<&Path> = parents.take_while(|parent| parent.symlink_metadata().is_err()).collect();
            for directory in missing.into_iter().rev() {
                let failed = |source| WriteError::io(directory, "created", source);
                match std::fs::create_dir(directory) {
                    Ok(()) => created.0.push(directory.to_owned()),
                    // Another run was faster.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(failed(error)),
                }
                let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
                if cfg!(unix) {
                    File::open(parent.unwrap_or(Path::new(".")))
                        .and_then(|parent| sync_directory(&parent))
                        .map_err(failed)?;
                }
            }
        }
        Ok(created)
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewDirectories {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // One that is not empty belongs to someone else as well.
            let _ = std::fs::remove_dir(directory);
        }
    }
}

/// Checks each directory once. Returns those in which we may replace only files that we own.
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
    // Removes the temporary files of the skipped files.
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

/// Syncs each directory or, if there are many, each file system: 10,000 syncs of a journal take minutes.
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
        // The error of a file system that can't sync directories, or does not need to.
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

/// On other systems, each file was synced when it was written.
#[cfg(not(target_os = "linux"))]
fn sync_file_systems(_: &DirectoryLocks) -> Result<(), SyncError<'_>> {
    Ok(())
}
