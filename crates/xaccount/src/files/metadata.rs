//! Information from the metadata of a file.

use std::fs::Metadata;
use std::time::SystemTime;

/// The device and inode numbers.
#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// `std` has no stable file index on Windows.
#[cfg(not(unix))]
pub(super) fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Time of the last write.
pub(super) fn modified(metadata: &Metadata) -> SystemTime {
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Whether it is a FIFO or a character device, which can be read only once.
#[cfg(unix)]
pub(super) fn is_stream(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo() || metadata.file_type().is_char_device()
}

#[cfg(not(unix))]
pub(super) fn is_stream(_: &Metadata) -> bool {
    false
}
