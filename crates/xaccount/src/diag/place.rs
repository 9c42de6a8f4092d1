//! Places in the input files.

use lossless_yaml::Span;

/// An input file: an index into the list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A place in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes.
    pub span: Span,
    /// The bytes around it that may be shown: the object's own document. `None` if no text may be shown, because it
    /// could belong to a Secret or a ConfigMap.
    pub window: Option<Span>,
}
