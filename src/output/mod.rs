//! The only place that formats for people and for other programs. It makes texts; the binary prints them.

mod diagnostics;
mod diff;
mod hunks;
mod report;
mod summary;

pub use diagnostics::render as diagnostics;
pub use diff::{FileDiff, NewFile, Unfit, new_file, of_document, of_file, text as diff};
pub use report::{json_patch, report};
pub use summary::{cluster_lines, summary, was_done};
