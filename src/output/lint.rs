//! The findings of `lint`, for people and for programs; `docs/lint.md` describes the formats.

use json_patch::PatchOperation;
use serde::Serialize;
use serde_json::{Value, json};

use super::screen::Screen;
use xaccount::diag::{Label, Severity, SourceFile, SourceMap, escape_control};
use xaccount::inventory::Inventory;
use xaccount::lint::{Applicability, Finding, Fix, FixEdit, Rule};

pub(super) const API_VERSION: &str = "xaccount.dev/v1alpha1";

/// The document that `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingsJson<'f> {
    api_version: &'static str,
    kind: &'static str,
    capa_version: &'f str,
    findings: Vec<FindingJson<'f>>,
}

#[derive(Serialize)]
struct FindingJson<'f> {
    rule: &'static str,
    name: &'static str,
    severity: &'static str,
    message: &'f str,
    at: Option<PlaceJson<'f>>,
    others: Vec<PlaceJson<'f>>,
    help: &'f [String],
    fix: Option<ProposedFixJson<'f>>,
}

/// A place on one line. Lines and columns are counted from 1; the end is after the last character.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceJson<'f> {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    text: &'f str,
}

#[derive(Serialize)]
struct ProposedFixJson<'f> {
    applicability: &'static str,
    #[serde(flatten)]
    fix: FixJson<'f>,
}

/// What a fix changes: an existing object, or a file to which an object is added.
#[derive(Serialize)]
#[serde(untagged)]
enum FixJson<'f> {
    Object { what: &'f str, file: &'f str, line: usize, object: String, operations: &'f [PatchOperation] },
    Document { what: &'f str, file: &'f str, new: &'f Value },
}

/// The name of a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The name of an applicability, a value of `--fix`.
pub(super) fn applicability(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "safe",
        Applicability::Unsafe => "unsafe",
    }
}

/// `2 errors, 1 warning in 3 files`, or `no findings in 3 files` with this noun.
pub(crate) fn lint_summary<'f>(findings: impl IntoIterator<Item = &'f Finding>, noun: &str, files: usize) -> String {
    let severities: Vec<Severity> = findings.into_iter().map(|finding| finding.diagnostic.severity).collect();
    let count = |severity: Severity, noun: &str| {
        let n = severities.iter().filter(|one| **one == severity).count();
        match n {
            0 => None,
            1 => Some(format!("1 {noun}")),
            _ => Some(format!("{n} {noun}s")),
        }
    };
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counts: Vec<String> = counts.into_iter().filter_map(|(severity, noun)| count(severity, noun)).collect();
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    match counts.is_empty() {
        true => format!("no {noun} in {files}"),
        false => format!("{} in {files}", counts.join(", ")),
    }
}

/// Version 1 of the JSON format.
pub(crate) fn lint_json<'f>(
    inventory: &'f Inventory,
    findings: &'f [Finding],
    release: &'f str,
    files: &SourceMap<'_>,
) -> Value {
    let place = |label: &'f Label| place(label, &files.get(label.at.file));
    let proposed = |rule: &Rule, fix: &'f Fix| ProposedFixJson {
        applicability: applicability(rule.fix.unwrap_or(Applicability::Unsafe)),
        fix: fix_json(inventory, fix),
    };
    let finding = |Finding { rule, diagnostic, fix }: &'f Finding| FindingJson {
        rule: rule.id.code(),
        name: rule.name,
        severity: severity(diagnostic.severity),
        message: &diagnostic.message,
        at: diagnostic.primary.as_ref().map(place),
        others: diagnostic.others.iter().map(place).collect(),
        help: &diagnostic.help,
        fix: fix.as_ref().map(|fix| proposed(rule, fix)),
    };
    json!(FindingsJson {
        api_version: API_VERSION,
        kind: "Findings",
        capa_version: release,
        findings: findings.iter().map(finding).collect(),
    })
}

fn place<'f>(label: &'f Label, file: &SourceFile<'_>) -> PlaceJson<'f> {
    let span = file.first_line(label.at.span);
    let (from, to) = (file.position(span.start), file.position(span.end));
    PlaceJson {
        file: file.name.clone(),
        line: from.line,
        column: from.column,
        end_line: to.line,
        end_column: to.column,
        text: &label.text,
    }
}

fn fix_json<'f>(inventory: &'f Inventory, fix: &'f Fix) -> FixJson<'f> {
    let what = fix.what.as_str();
    match &fix.change {
        FixEdit::Object { object, operations } => {
            let found = &inventory[*object];
            let file = inventory.file(found.origin.file).name.as_str();
            FixJson::Object { what, file, line: found.origin.line, object: found.title(), operations }
        }
        FixEdit::Kustomization { file, operations, .. } => FixJson::Object {
            what,
            file: &inventory.file(*file).name,
            line: 1,
            object: "Kustomization".to_owned(),
            operations,
        },
        FixEdit::Document { file, object, .. } => {
            FixJson::Document { what, file: &inventory.file(*file).name, new: object }
        }
    }
}

/// Annotations as workflow commands of GitHub Actions, one per line (actions/toolkit, `packages/core/src/command.ts`).
pub(crate) fn lint_github(findings: &[Finding], files: &SourceMap<'_>) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut text = String::new();
    for Finding { rule, diagnostic, .. } in findings {
        let level = match diagnostic.severity {
            Severity::Note => "notice",
            other => severity(other),
        };
        let mut properties = Vec::new();
        if let Some(label) = &diagnostic.primary {
            let file = files.get(label.at.file);
            let span = file.first_line(label.at.span);
            let (from, to) = (file.position(span.start), file.position(span.end));
            let name = escape_control(&file.name);
            properties.push(format!("file={}", property(name.strip_prefix("./").unwrap_or(&name))));
            properties.push(format!("line={},endLine={}", from.line, to.line));
            properties.push(format!("col={},endColumn={}", from.column, to.column));
        }
        properties.push(format!("title={}", property(&format!("{} {}", rule.id, rule.name))));
        let mut message = diagnostic.message.clone();
        for line in &diagnostic.help {
            message.push_str(&format!("\nhelp: {line}"));
        }
        let message = visible_lines(&message);
        text.push_str(&format!("::{level} {}::{}\n", properties.join(","), data(&message)));
    }
    text
}

/// The text with control characters made visible, except line ends.
fn visible_lines(text: &str) -> String {
    text.split('\n').map(|line| escape_control(line).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Minimum columns for a summary next to the name of its rule; with less room, it is on the next line.
const NARROWEST_SUMMARY: usize = 30;

/// Columns before a summary on the next line.
const BELOW: usize = 7;

/// All rules, one per line; on a terminal, a summary that does not fit is continued below its first line.
pub(crate) fn rules(rules: &[&Rule], screen: Screen) -> String {
    let width = rules.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    let line = |rule: &&Rule| {
        let before = format!("{}  {:<width$}  {:<7}  ", rule.id, rule.name, severity(rule.severity));
        let is_narrow = screen.width.is_some_and(|columns| columns < before.len() + NARROWEST_SUMMARY);
        let indent = if is_narrow { BELOW } else { before.len() };
        let before = if is_narrow { format!("{}\n{:BELOW$}", before.trim_end(), "") } else { before };
        format!("{before}{}\n", screen.wrap(rule.summary, indent, indent))
    };
    rules.iter().map(line).collect()
}
