//! The checks of the fuzz targets, as plain functions: cargo-fuzz and `tests/integration/replay.rs` call the same ones.
//! Each panics if the program breaks a promise, and returns otherwise.
//!
//! This file is a module of two packages, so it uses only crates that both have.

mod arn;
mod edit;
mod files;
mod lint;
mod map;
mod prefilter;
mod splitter;

pub use arn::arn;
pub use edit::edit;
pub use files::files;
pub use lint::lint;
pub use map::map;
pub use prefilter::prefilter;
pub use splitter::splitter;

/// Checks one input.
pub type Target = fn(&[u8]);

/// The fuzz targets by their names, which are those of their folders in `corpus`.
pub const TARGETS: [(&str, Target); 7] = [
    ("splitter", splitter),
    ("prefilter", prefilter),
    ("edit", edit),
    ("lint", lint),
    ("arn", arn),
    ("map", map),
    ("files", files),
];
