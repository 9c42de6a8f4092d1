//! Reads a file together with its fingerprint.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::content::{self, Bytes};
use super::metadata::{identity, is_stream, modified};

/// The state of a file when it was read. Two fingerprints are equal if it is the same file with the same bytes, and was
/// not written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The device number (`st_dev`); 0 if the system is not unix.
    pub device: u64,
    /// The inode number (`st_ino`); 0 if the system is not unix.
    pub inode: u64,
    /// The length in bytes.
    pub size: u64,
    /// Time of the last write.
    pub modified: SystemTime,
    /// 128-bit xxh3 of all bytes; for a file over 1 MiB, of the hashes of its pieces. It detects accidental changes; it
    /// does not protect against an attacker.
    pub hash: u128,
}

impl Fingerprint {
    fn new(metadata: &Metadata, hash: u128) -> Self {
        let (device, inode) = identity(metadata);
        Self { device, inode, size: metadata.len(), modified: modified(metadata), hash }
    }

    /// Whether a file with this metadata is the same one, with the same length and time of the last write. This costs
    /// one `stat`; the bytes are not compared.
    pub fn same_file_state(&self, metadata: &Metadata) -> bool {
        (self.device, self.inode) == identity(metadata)
            && self.size == metadata.len()
            && self.modified == modified(metadata)
    }
}

/// Reasons why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refused to read it.
    #[error("{} cannot be read: {source}{}", path.display(), super::write_error::advice(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A directory, a FIFO, a device or a socket.
    #[error("{} is not a regular file", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than such a file may be.
    #[error("{} has more than {} MiB; is it the right file?", path.display(), most >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        most: u64,
    },
    /// Another program is writing to it.
    #[error("{} changed twice while it was read; run the command again when the other program is done", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a whole regular file (a symbolic link is followed), and its fingerprint. A file that changes while it is read
/// is read once more.
///
/// # Errors
/// [`ReadError::Io`], [`ReadError::NotRegular`], or [`ReadError::Changed`] if it changed the second time too.
pub fn read(path: &Path) -> Result<(Bytes, Fingerprint), ReadError> {
    let (bytes, fingerprint, _) = read_with_metadata(path)?;
    Ok((bytes, fingerprint))
}

/// Reads a stream ([`super::Input::Stream`]) to its end. It cannot be read a second time.
///
/// # Errors
/// [`ReadError::Io`].
pub fn read_stream(path: &Path) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// Reads a file that is never replaced, or a stream as the shell creates for `<(command)`.
///
/// # Errors
/// As [`read`] and [`read_stream`].
pub fn read_only(path: &Path) -> Result<Vec<u8>, ReadError> {
    match std::fs::metadata(path) {
        Ok(metadata) if is_stream(&metadata) => read_stream(path),
        _ => read(path).map(|(bytes, _)| bytes.into_vec()),
    }
}

/// The most bytes of a file that people write: an account map, a policy.
const MOST: u64 = 10 << 20;

/// Reads a regular file that people write (a symbolic link is followed), of at most 10 MiB. A file that is found by its
/// name may be a link to anything: a device has no end, and a FIFO may have no writer.
///
/// # Errors
/// [`ReadError::Io`], [`ReadError::NotRegular`] or [`ReadError::TooLarge`].
pub fn read_regular(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    // Before it is opened: to open a device can have effects.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(ReadError::NotRegular { path: path.to_owned() });
    }
    let file = open(path).map_err(io)?;
    match file.metadata().map_err(io)?.is_file() {
        true => up_to_most(file, path),
        false => Err(ReadError::NotRegular { path: path.to_owned() }),
    }
}

/// Reads a file that people write, of at most 10 MiB, or a stream as the shell creates for `<(command)`.
///
/// # Errors
/// As [`read_regular`]; only directories and sockets are not regular here.
pub fn read_limited(path: &Path) -> Result<Vec<u8>, ReadError> {
    match std::fs::metadata(path) {
        Ok(metadata) if is_stream(&metadata) => {
            let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
            up_to_most(file, path)
        }
        _ => read_regular(path),
    }
}

fn up_to_most(file: File, path: &Path) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = file.take(MOST + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() as u64 > MOST => Err(ReadError::TooLarge { path: path.to_owned(), most: MOST }),
        Ok(_) => Ok(bytes),
        Err(source) => Err(ReadError::Io { path: path.to_owned(), source }),
    }
}

/// Size of a file in bytes; zero if it is not known.
pub fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

pub(super) fn read_with_metadata(path: &Path) -> Result<(Bytes, Fingerprint, Metadata), ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    for _ in 0..2 {
        let file = open(path).map_err(io)?;
        let before = file.metadata().map_err(io)?;
        if !before.is_file() {
            return Err(ReadError::NotRegular { path: path.to_owned() });
        }
        let (bytes, hash) = content::read(&file, before.len()).map_err(io)?;
        let after = file.metadata().map_err(io)?;
        let same = identity(&before) == identity(&after)
            && before.len() == after.len()
            && modified(&before) == modified(&after);
        if same && bytes.len() as u64 == after.len() {
            return Ok((bytes, Fingerprint::new(&after, hash), after));
        }
    }
    Err(ReadError::Changed { path: path.to_owned() })
}

/// Number of bytes compared at a time: they stay in the processor's cache.
const PIECE: usize = 64 << 10;

/// Opens a file again. `None` if it has changed.
pub(super) fn reopen(path: &Path, expected: &Fingerprint) -> Result<Option<(File, Metadata)>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let file = open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(ReadError::NotRegular { path: path.to_owned() });
    }
    Ok(expected.same_file_state(&metadata).then_some((file, metadata)))
}

/// Whether a file still has exactly these bytes, and has not changed meanwhile. No second copy of them is made.
pub(super) fn is_same(mut file: &File, path: &Path, expected: &Fingerprint, bytes: &[u8]) -> Result<bool, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut piece = vec![0; PIECE.min(bytes.len().saturating_add(1))];
    let mut rest = bytes;
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) if rest.starts_with(&piece[..count]) => rest = &rest[count..],
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io(error)),
        }
    }
    Ok(rest.is_empty() && expected.same_file_state(&file.metadata().map_err(io)?))
}

/// Opens a file without blocking: opening a FIFO would wait for a writer, but must be an error at once.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn bytes_and_fingerprint() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        for content in [&b""[..], b"a: 1\n", &vec![b'x'; 3 << 20]] {
            fs::write(&path, content).unwrap();
            let (bytes, fingerprint) = read(&path).unwrap();
            assert!(*bytes == *content);
            assert_eq!(fingerprint.size, content.len() as u64);
            assert_eq!(read(&path).unwrap().1, fingerprint);
            assert!(fingerprint.same_file_state(&fs::metadata(&path).unwrap()));
        }
    }

    #[test]
    fn every_change_shows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        let old = read(&path).unwrap().1;

        // Same length and same time: only the hash differs.
        fs::write(&path, "a: 2\n").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(old.modified).unwrap();
        let new = read(&path).unwrap().1;
        assert!(old.same_file_state(&fs::metadata(&path).unwrap()));
        assert_ne!(old, new);

        fs::write(&path, "a: 23\n").unwrap();
        assert!(!old.same_file_state(&fs::metadata(&path).unwrap()));

        #[cfg(unix)]
        {
            // The same bytes and time in another file under the same name.
            let other = directory.path().join("b.yaml");
            fs::write(&other, "a: 1\n").unwrap();
            File::options().write(true).open(&other).unwrap().set_modified(old.modified).unwrap();
            fs::rename(&other, &path).unwrap();
            assert!(!old.same_file_state(&fs::metadata(&path).unwrap()));
        }
    }

    #[test]
    fn the_same_bytes_are_known_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        for content in [Vec::new(), b"a: 1\n".to_vec(), vec![b'x'; 2 * PIECE], vec![b'x'; 2 * PIECE + 1]] {
            fs::write(&path, &content).unwrap();
            let (bytes, fingerprint) = read(&path).unwrap();
            let same = || match reopen(&path, &fingerprint).unwrap() {
                Some((file, _)) => is_same(&file, &path, &fingerprint, &bytes).unwrap(),
                None => false,
            };
            assert!(same());
            // Same length and same time: only the bytes differ, at either end.
            for at in [0, content.len().saturating_sub(1)].into_iter().filter(|at| *at < content.len()) {
                let mut other = content.clone();
                other[at] = b'y';
                fs::write(&path, &other).unwrap();
                File::options().write(true).open(&path).unwrap().set_modified(fingerprint.modified).unwrap();
                assert!(!same());
            }
            fs::write(&path, [&content[..], b"z"].concat()).unwrap();
            assert!(!same());
        }
    }

    #[test]
    fn a_file_that_people_write_has_a_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("map.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        assert_eq!(read_regular(&path).unwrap(), b"a: 1\n");
        File::create(&path).unwrap().set_len(MOST).unwrap();
        assert_eq!(read_regular(&path).unwrap().len() as u64, MOST);
        File::create(&path).unwrap().set_len(MOST + 1).unwrap();
        let error = read_regular(&path).unwrap_err().to_string();
        assert!(error.ends_with("map.yaml has more than 10 MiB; is it the right file?"), "{error}");
        #[cfg(unix)]
        {
            let link = directory.path().join("link.yaml");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert!(matches!(read_regular(&link), Err(ReadError::NotRegular { .. })));
            assert!(matches!(read_limited(&link), Err(ReadError::TooLarge { .. })));
            assert_eq!(read_limited(Path::new("/dev/null")).unwrap(), b"");
            let fifo = directory.path().join("fifo");
            let made = std::process::Command::new("mkfifo").arg(&fifo).status();
            if made.is_ok_and(|status| status.success()) {
                assert!(matches!(read_regular(&fifo), Err(ReadError::NotRegular { .. })));
            }
        }
    }

    #[test]
    fn what_is_not_a_regular_file() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(&directory.path().join("none")), Err(ReadError::Io { .. })));
        #[cfg(unix)]
        {
            assert!(matches!(read(directory.path()), Err(ReadError::NotRegular { .. })));
            assert!(matches!(read(Path::new("/dev/null")), Err(ReadError::NotRegular { .. })));
            assert_eq!(read_stream(Path::new("/dev/null")).unwrap(), b"");
            let fifo = directory.path().join("fifo");
            let made = std::process::Command::new("mkfifo").arg(&fifo).status();
            if made.is_ok_and(|status| status.success()) {
                assert!(matches!(read(&fifo), Err(ReadError::NotRegular { .. })));
            }
        }
    }
}
