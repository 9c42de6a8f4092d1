//! Reads a file and computes its hash at the same time; a large file in pieces, on several threads.

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions};
use xxhash_rust::xxh3::xxh3_128;

use lossless_yaml::hash::{PIECE, together};
use lossless_yaml::parallel;

/// From this size on, memory is allocated in large pages, if the system has them: touching 25,000 small pages for a
/// file of 100 MB takes longer than reading it.
pub(super) const LARGE: usize = 8 << 20;

/// Bytes in memory.
#[derive(Debug)]
pub struct Bytes {
    memory: Memory,
    length: usize,
}

#[derive(Debug)]
enum Memory {
    Allocated(Vec<u8>),
    Shared(Arc<Vec<u8>>),
    Mapped(MmapMut),
}

impl Bytes {
    /// Allocates `length` zeros. If there is not enough memory, returns an error and does not abort.
    fn zeroed(length: usize) -> io::Result<Self> {
        if length >= LARGE {
            // An anonymous map: another program's change of the file can't affect it.
            let map = MmapOptions::new().len(length).map_anon()?;
            // A system without large pages uses small ones.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Ok(Self { memory: Memory::Mapped(map), length });
        }
        Ok(vec![0; length].into())
    }

    /// The bytes as a vector; large and shared ones are copied.
    pub fn into_vec(self) -> Vec<u8> {
        match self.memory {
            Memory::Allocated(mut bytes) => {
                bytes.truncate(self.length);
                bytes
            }
            Memory::Shared(bytes) => Arc::unwrap_or_clone(bytes),
            Memory::Mapped(map) => map[..self.length].to_vec(),
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len(), memory: Memory::Allocated(bytes) }
    }
}

impl From<Arc<Vec<u8>>> for Bytes {
    fn from(bytes: Arc<Vec<u8>>) -> Self {
        Self { length: bytes.len(), memory: Memory::Shared(bytes) }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.memory {
            Memory::Allocated(bytes) => &bytes[..self.length],
            Memory::Shared(bytes) => bytes,
            Memory::Mapped(map) => &map[..self.length],
        }
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Allocated(bytes) => &mut bytes[..self.length],
            Memory::Shared(bytes) => Arc::make_mut(bytes).as_mut_slice(),
            Memory::Mapped(map) => &mut map[..self.length],
        }
    }
}

/// Bytes that are kept elsewhere, or that were read for the caller.
#[derive(Debug)]
pub enum FileBytes<'a> {
    /// Borrowed from where they are kept.
    Kept(&'a [u8]),
    /// Read, and owned here.
    Read(Bytes),
}

impl Deref for FileBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Kept(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

impl Default for FileBytes<'_> {
    fn default() -> Self {
        Self::Kept(&[])
    }
}

impl AsRef<[u8]> for FileBytes<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for FileBytes<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Read(bytes.into())
    }
}

/// Reads and hashes `size` bytes from the file's start, or fewer if it has become shorter.
///
/// # Errors
/// The system's error; `OutOfMemory` if there is not enough memory.
pub(super) fn read(file: &File, size: u64) -> io::Result<(Bytes, u128)> {
    let size = usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = Bytes::zeroed(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let pieces = parallel::map_pieces(&mut bytes, PIECE, |start, piece| {
        let filled = fill(file, start as u64, piece)?;
        io::Result::Ok((filled, xxh3_128(&piece[..filled])))
    });
    let (mut filled, mut hashes) = (0, Vec::with_capacity(pieces.len()));
    for piece in pieces {
        let (count, hash) = piece?;
        hashes.extend((count > 0).then_some(hash));
        filled += count;
        if count < PIECE {
            break;
        }
    }
    bytes.length = filled;
    Ok((bytes, together(&hashes)))
}

/// Fills the buffer from an offset of the file; returns the number of bytes read.
fn fill(file: &File, start: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, start)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_and_hashed_in_pieces_as_in_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut seen = std::collections::HashSet::new();
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5, LARGE, LARGE + 1] {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            let file = File::open(&path).unwrap();
            let want = together(&content.chunks(PIECE).map(xxh3_128).collect::<Vec<_>>());
            let (bytes, read_hash) = read(&file, length as u64).unwrap();
            assert!(*bytes == content, "{length}");
            assert_eq!(read_hash, want, "{length}");
            assert!(seen.insert(read_hash), "{length}");
            // A file that has become shorter than the given size.
            let (bytes, read_hash) = read(&file, (length + 2 * PIECE) as u64).unwrap();
            assert!(*bytes == content, "{length}");
            assert_eq!(read_hash, want, "{length}");
        }
    }
}
