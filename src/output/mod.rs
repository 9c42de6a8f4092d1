//! The only place that formats for people and for other programs. It makes texts; the binary prints them.

mod diagnostics;
mod diff;
mod hunks;
mod lint;
mod mermaid;
mod report;
mod sarif;
mod shown;
mod status;
mod status_json;
mod summary;
mod table;
mod yaml;

pub use diagnostics::{render as diagnostics, render_finding as finding};
pub use diff::{FileDiff, NewFile, Unfit, new_file, of_document, of_file, text as diff};
pub use lint::{lint_github, lint_json, lint_summary, rules, severity};
pub use mermaid::mermaid;
pub use report::{json_patch, report};
pub use sarif::{Mended, lint_sarif};
pub use shown::{LastShown, Position, Shown};
pub use status::{account_users, moved, status_reasons, status_summary, status_table};
pub use status_json::{account_json, moves_json, status_json};
pub use summary::{cluster_lines, summary, was_done};
pub use yaml::yaml;
