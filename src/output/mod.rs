//! All output formats, for people and for programs. These functions return text; `main` prints it.

mod diagnostics;
mod diff;
mod explanation;
mod hunks;
mod lint;
mod map;
mod mermaid;
mod observed;
mod report;
mod resources;
mod sarif;
mod screen;
mod statistics;
mod status;
mod status_json;
mod summary;
mod table;
mod target_permission;
mod yaml;

pub(crate) use diagnostics::{render as diagnostics, render_finding as finding};
pub(crate) use diff::{EditedFile, FileDiff, NewFile, new_file, of_document, of_file, of_kustomization, text as diff};
pub(crate) use explanation::explanation;
pub(crate) use lint::{lint_github, lint_json, lint_summary, rules};
pub(crate) use map::account_map;
pub(crate) use mermaid::mermaid;
pub(crate) use observed::{now, observed_lines};
pub(crate) use report::{json_patch, report};
pub(crate) use resources::{resource_lines, resources_summary};
pub(crate) use sarif::{FixedFiles, lint_sarif};
pub(crate) use screen::{DEFAULT_WIDTH, NARROWEST, Screen};
pub(crate) use statistics::{lint_statistics, lint_statistics_json};
pub(crate) use status::{
    TableStyle, account_users, moved, source_words, status_names, status_reasons, status_summary, status_table,
};
pub(crate) use status_json::{UnreadJson, account_json, moves_json, status_json};
pub(crate) use summary::count;
pub(crate) use summary::{Wording, cluster_lines, summary};
pub(crate) use target_permission::{missing, missing_json};
pub(crate) use yaml::yaml;
