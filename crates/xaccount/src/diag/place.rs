//! Places in the inputs of a run.

use lossless_yaml::Span;

/// Which input of a run: an index into its list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A place in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes meant.
    pub span: Span,
    /// The bytes of which text may be shown around it: the object's own document. `None` where no text may be shown,
    /// because it could belong to a Secret or a ConfigMap.
    pub window: Option<Span>,
}
