//! Finds the inputs for the paths of a command line.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Input;
use super::metadata::is_stream;
use super::temporary::is_temporary;

/// Reasons why inputs were not found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// `-` was given more than once.
    #[error("standard input (`-`) is given twice, but it can be read only once; pass it once")]
    StdinTwice,
    /// An empty path, for example of a shell variable that is not set.
    #[error("a path is empty; is a shell variable not set?")]
    Empty,
    /// A URL.
    #[error("{url} is a URL, and URLs are not read; pipe it in: curl -fsSL '{url}' | kubectl xaccount VERB -f -")]
    Url {
        /// The URL, as it was given.
        url: String,
    },
    /// The path does not exist, or is a symbolic link to a missing file.
    #[error("{} does not exist; {}", path.display(), missing(path, *.link))]
    Missing {
        /// The path.
        path: PathBuf,
        /// Whether it is a symbolic link.
        link: bool,
    },
    /// A path cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A directory cannot be listed.
    #[error("the directory {} cannot be listed: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is a socket or a block device.
    #[error("{} is not a file, a directory or a pipe; pass a file, or pipe into `-f -`", path.display())]
    Special {
        /// The path.
        path: PathBuf,
    },
    /// The path is a temporary file that a killed run of this program left.
    #[error("{} is a temporary file left by a killed run of this program; remove it, and pass the original file", path.display())]
    Temporary {
        /// The path.
        path: PathBuf,
    },
}

/// Finds the inputs for these paths, in order.
///
/// `-` is standard input. For a directory, these are its files whose names end in `.yaml`, `.yml` or `.json` (in lower
/// case, as in kubectl), sorted by the bytes of their names; with `recursive`, also those below it, each directory in
/// sorted position. A given path can be a symbolic link to anything. Inside a directory, links to files are followed
/// and links to directories are not, so that there are no loops. Hidden files and files under `.git` are included, as
/// in kubectl; links named `.#…` to missing files are Emacs' locks and are skipped. A file with several names is
/// included only once, at its first position; two hard links are two files.
///
/// A directory without manifests has no inputs; this is not an error.
///
/// # Errors
/// The first [`FindError`].
pub fn find(paths: &[PathBuf], recursive: bool) -> Result<Vec<Input>, FindError> {
    let mut found = Vec::new();
    search(paths, recursive, &mut found, None)?;
    once(found)
}

/// What [`find_present`] found.
#[derive(Debug, Default)]
pub struct Found {
    /// The inputs.
    pub inputs: Vec<Input>,
    /// Symbolic links inside the directories that are named like manifests and lead nowhere.
    pub broken: Vec<PathBuf>,
}

/// As [`find()`], for directories that the user did not name: a broken link inside them is not an error.
///
/// # Errors
/// The first other [`FindError`].
pub fn find_present(paths: &[PathBuf], recursive: bool) -> Result<Found, FindError> {
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    search(paths, recursive, &mut found, Some(&mut broken))?;
    Ok(Found { inputs: once(found)?, broken })
}

/// Finds the inputs for these paths. Without `broken`, a broken link inside a directory is an error.
fn search(
    paths: &[PathBuf],
    recursive: bool,
    found: &mut Vec<FileCandidate>,
    mut broken: Option<&mut Vec<PathBuf>>,
) -> Result<(), FindError> {
    let mut stdin = false;
    for path in paths {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut stdin, true) {
                return Err(FindError::StdinTwice);
            }
            found.push(FileCandidate::exact(Input::Stdin, None));
        } else {
            named(path, recursive, found, broken.as_deref_mut())?;
        }
    }
    Ok(())
}

/// An input, and what is known of its identity without another system call.
struct FileCandidate {
    input: Input,
    key: FileKey,
}

enum FileKey {
    /// Standard input.
    None,
    /// The identity of the file itself.
    Exact(FileIdentity),
    /// The inode number in the directory listing. Some file systems (overlayfs) don't list the true one, and the device
    /// is unknown, so equal numbers are only a reason to check.
    Hint(Option<u64>),
}

#[cfg(unix)]
type FileIdentity = (u64, u64);
#[cfg(not(unix))]
type FileIdentity = PathBuf;

impl FileCandidate {
    fn exact(input: Input, identity: Option<FileIdentity>) -> Self {
        let key = identity.map_or(FileKey::None, FileKey::Exact);
        Self { input, key }
    }
}

fn named(
    path: &Path,
    recursive: bool,
    found: &mut Vec<FileCandidate>,
    broken: Option<&mut Vec<PathBuf>>,
) -> Result<(), FindError> {
    let bytes = path_bytes(path);
    if bytes.is_empty() {
        return Err(FindError::Empty);
    }
    if bytes.starts_with(b"http://") || bytes.starts_with(b"https://") {
        return Err(FindError::Url { url: path.display().to_string() });
    }
    let metadata = fs::metadata(path).map_err(|source| look_error(path, source))?;
    let input = if metadata.is_dir() {
        return directory(path, recursive, found, broken);
    } else if path.file_name().is_some_and(is_temporary) {
        return Err(FindError::Temporary { path: path.to_owned() });
    } else if metadata.is_file() {
        Input::File(path.to_owned())
    } else if is_stream(&metadata) {
        Input::Stream(path.to_owned())
    } else {
        return Err(FindError::Special { path: path.to_owned() });
    };
    let identity = identity(path, &metadata)?;
    found.push(FileCandidate::exact(input, Some(identity)));
    Ok(())
}

fn directory(
    path: &Path,
    recursive: bool,
    found: &mut Vec<FileCandidate>,
    mut broken: Option<&mut Vec<PathBuf>>,
) -> Result<(), FindError> {
    // walkdir takes the kind of each entry from the listing, and asks the system only if the listing doesn't contain
    // it.
    let walk = WalkDir::new(path)
        .min_depth(1)
        .max_depth(if recursive { usize::MAX } else { 1 })
        // In one directory, paths compare like names, so there is no need to split them.
        .sort_by(|a, b| path_bytes(a.path()).cmp(path_bytes(b.path())));
    for entry in walk {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(path).to_owned();
            let source = error.into_io_error().unwrap_or_else(|| io::Error::other("links form a loop"));
            FindError::Directory { path, source }
        })?;
        let kind = entry.file_type();
        if kind.is_dir() || !is_manifest(entry.path()) {
            continue;
        }
        if kind.is_file() {
            let key = FileKey::Hint(listed_inode(&entry));
            let input = Input::File(entry.into_path());
            found.push(FileCandidate { input, key });
        } else if kind.is_symlink() {
            let path = entry.path();
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => {
                    let identity = identity(path, &metadata)?;
                    found.push(FileCandidate::exact(Input::File(entry.into_path()), Some(identity)));
                }
                Ok(_) => {}
                Err(_) if entry.file_name().as_encoded_bytes().starts_with(b".#") => {}
                Err(source) => match broken.as_deref_mut().filter(|_| leads_nowhere(&source)) {
                    Some(broken) => broken.push(entry.into_path()),
                    None => return Err(look_error(path, source)),
                },
            }
        }
    }
    Ok(())
}

/// Whether a symbolic link has this error because nothing is where it leads: a missing file, a path through a file, a loop.
fn leads_nowhere(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The real paths of the manifests in a directory, which must be canonical; with `recursive`, also below it. Links that
/// lead nowhere are skipped. An entry that can't be listed or read is an error of its own; the others are found
/// nevertheless.
pub fn below(directory: &Path, recursive: bool) -> Vec<Result<PathBuf, (PathBuf, io::Error)>> {
    let walk =
        WalkDir::new(directory).min_depth(1).max_depth(if recursive { usize::MAX } else { 1 }).sort_by_file_name();
    let mut found = Vec::new();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_owned();
                let error = error.into_io_error().unwrap_or_else(|| io::Error::other("links form a loop"));
                // A missing or removed directory has no manifests.
                if error.kind() != io::ErrorKind::NotFound {
                    found.push(Err((path, error)));
                }
                continue;
            }
        };
        let kind = entry.file_type();
        if kind.is_dir() || !is_manifest(entry.path()) || is_temporary(entry.file_name()) {
            continue;
        }
        if kind.is_file() {
            found.push(Ok(entry.into_path()));
        } else if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => {
                    let path = entry.into_path();
                    found.push(fs::canonicalize(&path).map_err(|error| (path, error)));
                }
                Err(error) if !leads_nowhere(&error) => found.push(Err((entry.into_path(), error))),
                _ => {}
            }
        }
    }
    found
}

/// A path without links and dots, even if the file or directories above it do not exist.
pub fn real(path: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    let mut components = path.components();
    let above = match components.next_back()? {
        Component::Normal(name) => real(components.as_path())?.join(name),
        Component::ParentDir => {
            let mut above = real(components.as_path())?;
            above.pop();
            above
        }
        Component::CurDir => real(components.as_path())?,
        Component::RootDir | Component::Prefix(_) => return None,
    };
    Some(above)
}

/// Whether a file in a directory is read as a manifest, by its extension.
///
/// Source: `k8s.io/cli-runtime`, `pkg/resource/builder.go`, `FileExtensions`.
pub fn is_manifest(path: &Path) -> bool {
    let path = path_bytes(path);
    [&b".yaml"[..], b".yml", b".json"].iter().any(|extension| path.ends_with(extension))
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// What to do about a path that does not exist.
fn missing(path: &Path, link: bool) -> String {
    if link {
        return "it is a symbolic link to a missing file: fix or remove it".to_owned();
    }
    // `cinder.yml` for `cinder.yaml`.
    let other = |extension: &str| Some(path.with_extension(extension)).filter(|near| near != path && near.is_file());
    match ["yaml", "yml", "json"].into_iter().find_map(other) {
        Some(near) => format!("perhaps {}", near.display()),
        None => "check the spelling and the current directory".to_owned(),
    }
}

fn look_error(path: &Path, source: io::Error) -> FindError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => FindError::Missing { link: path.is_symlink(), path },
        _ => FindError::Io { path, source },
    }
}

/// Keeps only the first occurrence of each file. In the usual case, one directory without links, this needs no system
/// call for each file.
fn once(mut found: Vec<FileCandidate>) -> Result<Vec<Input>, FindError> {
    let mut mentions: HashMap<u64, u32> = HashMap::with_capacity(found.len());
    let (mut exact, mut hints) = (false, false);
    for candidate in &found {
        match candidate.key {
            FileKey::None => {}
            FileKey::Exact(_) => exact = true,
            FileKey::Hint(inode) => {
                hints = true;
                if let Some(inode) = inode {
                    *mentions.entry(inode).or_default() += 1;
                }
            }
        }
    }
    let mixed = exact && hints;
    for candidate in &mut found {
        let (FileKey::Hint(inode), Input::File(path)) = (&candidate.key, &candidate.input) else {
            continue;
        };
        let unsure = inode.is_some_and(|inode| mentions.get(&inode).is_some_and(|count| *count > 1));
        if mixed || unsure {
            let metadata = fs::metadata(path).map_err(|source| look_error(path, source))?;
            candidate.key = FileKey::Exact(identity(path, &metadata)?);
        }
    }
    let mut seen: HashMap<FileIdentity, Vec<PathBuf>> = HashMap::new();
    let first = |candidate: FileCandidate| match (candidate.key, candidate.input.path()) {
        (FileKey::Exact(identity), Some(path)) => {
            let names = seen.entry(identity).or_default();
            // Two names of one file are one input; two hard links are two, because replacing one does not change the
            // other.
            let known = !names.is_empty() && {
                let real = fs::canonicalize(path).ok();
                names.iter().any(|name| fs::canonicalize(name).ok() == real)
            };
            names.push(path.to_owned());
            (!known).then_some(candidate.input)
        }
        _ => Some(candidate.input),
    };
    Ok(found.into_iter().filter_map(first).collect())
}

#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> Result<FileIdentity, FindError> {
    Ok(super::metadata::identity(metadata))
}

#[cfg(not(unix))]
fn identity(path: &Path, _: &Metadata) -> Result<FileIdentity, FindError> {
    fs::canonicalize(path).map_err(|source| look_error(path, source))
}

#[cfg(unix)]
fn listed_inode(entry: &walkdir::DirEntry) -> Option<u64> {
    Some(walkdir::DirEntryExt::ino(entry))
}

#[cfg(not(unix))]
fn listed_inode(_: &walkdir::DirEntry) -> Option<u64> {
    None
}
