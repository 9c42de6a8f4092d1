//! Text that is edited without loss. Knows no Kubernetes; could be a crate of its own.
//!
//! A text is parsed only for spans; a change is data (RFC 6902 operations in a [`Plan`]), turned into splices of the old
//! bytes; and [`apply`] gives an [`Edited`] out only when two independent readers agree that the result is the old text
//! with exactly that change.

mod build;
pub mod json;
mod plain;
mod plan;
mod proof;
mod removal;
mod second;
mod source;
mod splice;
mod tree;
mod write;
pub mod yaml;

pub use plan::{Edited, ObjectChange, ObjectRef, Plan, Refusal, Splice, apply, line_around, object_node, parse, skim};
pub use removal::{removable, removed_whole};
pub use second::{Seen, first_document};
pub use source::{Document, Format, Letters, Needles, Segments, Source, documents};
pub(crate) use source::{has_odd_break, is_marker};
pub use tree::{Anchor, Data, Lookup, Node, NodeId, ScalarStyle, Tree};
pub use write::{LineEnding, yaml_text};
