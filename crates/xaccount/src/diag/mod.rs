//! The parts of every finding and error: spans, labels, diagnostics, and the ids of their rules.
//!
//! Nothing here formats output.

mod diagnostic;
mod escape;
mod lines;
mod place;
mod rule_id;
mod source_map;
mod spanned_error;

pub use lossless_yaml::Span;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use escape::escape_control;
pub use lines::{LineIndex, Position, line_of};
pub use place::{FileId, Location};
pub use rule_id::RuleId;
pub use source_map::{OneSource, SourceFile, SourceFiles, SourceMap};
pub use spanned_error::SpannedError;
