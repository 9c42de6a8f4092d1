//! Finds and reads files, and replaces many of them, all or nothing.
//!
//! [`find()`] finds the [`Input`]s for the paths of a command line, [`read()`] returns the bytes of one with its
//! [`Fingerprint`], and [`replace_all`] writes the results, if the files have not changed in between. This module knows
//! nothing about the content of files. It never prints, exits or reads the environment; every error has the file and
//! what to do next.
//!
//! In results and messages, paths are as they were typed (joined with what was found below them), never canonical.

mod content;
mod find;
#[cfg(test)]
mod find_tests;
mod lock;
mod metadata;
mod read;
mod target;
mod temporary;
mod write;
mod write_error;
#[cfg(test)]
mod write_tests;
mod writeback;

use std::path::{Path, PathBuf};

pub use content::{Bytes, FileBytes};
pub use find::{FindError, Found, below, find, find_present, is_manifest, real};
pub use lock::{DirectoryLocks, LockError, lock};
pub use read::{Fingerprint, ReadError, read, read_limited, read_only, read_regular, read_stream, size};
pub use target::{Render, Replacement};
pub use write::replace_all;
pub use write_error::{RenameError, WriteError};

/// An input with manifests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// Standard input, given as `-`.
    Stdin,
    /// A regular file, or a symbolic link to one. It can be read again and replaced.
    File(PathBuf),
    /// A FIFO or a character device, as the shell creates for `<(command)`. It can be read once, and never replaced.
    Stream(PathBuf),
}

impl Input {
    /// The path as it was typed; `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) | Self::Stream(path) => Some(path),
        }
    }
}
