//! Starts to write a large file to the disk while its content is produced.

use std::fs::File;
use std::io::{self, Write};

/// Drops a file's pages from the system's cache before it is replaced. Otherwise the rename does it, and all else
/// waits.
pub(super) fn let_go(file: &File) {
    dont_need(file, 0, 0);
}

/// On Linux, this advice starts to write the pages, and drops only those that are already on disk (`mm/fadvise.c`):
/// what was just written stays in memory. On other systems, the final sync does all the work. A length of 0 means the
/// rest of the file.
#[cfg(target_os = "linux")]
fn dont_need(file: &File, start: u64, length: u64) {
    // It is only advice: a file system may ignore it.
    let _ = rustix::fs::fadvise(file, start, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn dont_need(_: &File, _: u64, _: u64) {}

/// Number of bytes after which the system is asked to write them to disk.
const PIECE: usize = 4 << 20;

/// Writes to a new file, so that little work is left for the sync at the end.
pub(super) struct EarlyWriter<'f> {
    file: &'f File,
    /// Offset up to which the system was asked to write.
    asked: u64,
    /// Number of bytes written after it.
    behind: usize,
}

impl<'f> EarlyWriter<'f> {
    /// Creates a writer for an empty file.
    pub(super) fn new(file: &'f File) -> Self {
        Self { file, asked: 0, behind: 0 }
    }
}

impl Write for EarlyWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file;
        let written = file.write(&bytes[..bytes.len().min(PIECE - self.behind)])?;
        self.behind += written;
        if self.behind == PIECE {
            dont_need(self.file, self.asked, self.behind as u64);
            self.asked += self.behind as u64;
            self.behind = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let content: Vec<u8> = (0..2 * PIECE + 7).map(|at| (at % 251) as u8).collect();
        let file = File::create(&path).unwrap();
        let mut writer = EarlyWriter::new(&file);
        for slice in [&content[..5], &content[5..PIECE], &content[PIECE..PIECE + 1], &content[PIECE + 1..]] {
            writer.write_all(slice).unwrap();
        }
        writer.flush().unwrap();
        assert!(std::fs::read(&path).unwrap() == content);
    }
}
