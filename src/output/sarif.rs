//! Findings as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for GitHub code scanning.
//!
//! The types are defined here, because the crates with SARIF types generate them at build time with an unmaintained code
//! generator. The tests validate the result against the schema of the standard.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::explanation::section;
use super::lint::severity;
use lossless_yaml::Splice;
use xaccount::diag::{FileId, Label, SourceFile, SourceMap, Span, escape_control};
use xaccount::lint::{Finding, Fix, RULES, Rule};

/// `sarifLog`. The types below have the names in the standard, with the prefix `Sarif`.
#[derive(Serialize)]
struct SarifLog<'f> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [SarifRun<'f>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRun<'f> {
    tool: SarifTool,
    column_kind: &'static str,
    results: Vec<SarifResult<'f>>,
}

#[derive(Serialize)]
struct SarifTool {
    driver: SarifToolComponent,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifToolComponent {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<SarifReportingDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifReportingDescriptor {
    id: &'static str,
    name: &'static str,
    short_description: SarifMessage<&'static str>,
    help: SarifHelp,
    default_configuration: SarifConfiguration,
}

/// A `message` or an `artifactContent`: both have the field `text`.
#[derive(Serialize)]
struct SarifMessage<T> {
    text: T,
}

#[derive(Serialize)]
struct SarifHelp {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
struct SarifConfiguration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'f> {
    rule_id: &'static str,
    rule_index: Option<usize>,
    level: &'static str,
    message: SarifMessage<String>,
    locations: Vec<SarifLocation<'f>>,
    partial_fingerprints: SarifFingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<SarifLocation<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixes: Option<[SarifFix<'f>; 1]>,
}

#[derive(Serialize)]
struct SarifFingerprints {
    #[serde(rename = "xaccount/v1")]
    v1: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation<'f> {
    physical_location: SarifPhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<SarifMessage<Cow<'f, str>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifPhysicalLocation {
    artifact_location: SarifArtifactLocation,
    region: SarifRegion,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

/// Lines and columns counted from 1; the end is after the last character.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRegion {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifFix<'f> {
    description: SarifMessage<&'f str>,
    artifact_changes: Vec<SarifArtifactChange<'f>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifArtifactChange<'f> {
    artifact_location: SarifArtifactLocation,
    replacements: Vec<SarifReplacement<'f>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifReplacement<'f> {
    deleted_region: SarifRegion,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted_content: Option<SarifMessage<&'f str>>,
}

/// The proved edits of a fix, by file.
pub(crate) type FixedFiles = Vec<(FileId, Vec<Splice>)>;

/// The findings as one run. `fixed` has the edits of each finding's fix; `None` if there is no fix, or it can't be proved.
pub(crate) fn lint_sarif<'f>(findings: &'f [Finding], fixed: &'f [Option<FixedFiles>], files: &SourceMap<'_>) -> Value {
    let rule = |rule: &&'static Rule| SarifReportingDescriptor {
        id: rule.id.code(),
        name: rule.name,
        short_description: SarifMessage { text: rule.summary },
        help: SarifHelp { text: section(rule), markdown: section(rule) },
        default_configuration: SarifConfiguration { level: severity(rule.severity) },
    };
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let results = findings.iter().zip(fixed).map(|(finding, fixed)| {
        let print = fingerprint(finding, files);
        let count = seen.entry(print).and_modify(|count| *count += 1).or_insert(1);
        result(finding, fixed.as_ref(), format!("{print:016x}:{count}"), files)
    });
    let driver = SarifToolComponent {
        name: "kubectl-xaccount",
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: RULES.iter().map(rule).collect(),
    };
    json!(SarifLog {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [SarifRun { tool: SarifTool { driver }, column_kind: "unicodeCodePoints", results: results.collect() }],
    })
}

/// A hash of the finding's rule, file and texts, without its line, so that it stays the same when lines move.
fn fingerprint(finding: &Finding, files: &SourceMap<'_>) -> u64 {
    let label = finding.diagnostic.primary.as_ref();
    let name = label.map_or_else(String::new, |label| files.get(label.at.file).name.clone());
    let place = label.map_or("", |label| label.text.as_str());
    xxh3_64([finding.rule.id.code(), &name, &finding.diagnostic.message, place].join("\0").as_bytes())
}

fn result<'f>(
    Finding { rule, diagnostic, fix }: &'f Finding,
    fixed: Option<&'f FixedFiles>,
    fingerprint: String,
    files: &SourceMap<'_>,
) -> SarifResult<'f> {
    let help = diagnostic.help.iter().map(|line| format!("\nhelp: {}", escape_control(line)));
    let text = escape_control(&diagnostic.message).into_owned() + &help.collect::<String>();
    let location = |label: &'f Label| location(label, &files.get(label.at.file));
    SarifResult {
        rule_id: rule.id.code(),
        rule_index: RULES.iter().position(|other| other.id == rule.id),
        level: severity(diagnostic.severity),
        message: SarifMessage { text },
        locations: diagnostic.primary.iter().map(location).collect(),
        partial_fingerprints: SarifFingerprints { v1: fingerprint },
        related_locations: diagnostic.others.iter().map(location).collect(),
        fixes: fix.as_ref().zip(fixed).map(|(fix, fixed)| [fix_of(fix, fixed, files)]),
    }
}

fn location<'f>(label: &'f Label, file: &SourceFile<'_>) -> SarifLocation<'f> {
    SarifLocation {
        physical_location: SarifPhysicalLocation {
            artifact_location: artifact(&file.name),
            region: region(file, file.first_line(label.at.span)),
        },
        message: (!label.text.is_empty()).then(|| SarifMessage { text: escape_control(&label.text) }),
    }
}

fn fix_of<'f>(fix: &'f Fix, fixed: &'f FixedFiles, files: &SourceMap<'_>) -> SarifFix<'f> {
    let replacement = |file: &SourceFile<'_>, splice: &'f Splice| SarifReplacement {
        deleted_region: region(file, splice.span),
        inserted_content: (!splice.text.is_empty()).then_some(SarifMessage { text: splice.text.as_str() }),
    };
    let change = |(id, splices): &'f (FileId, Vec<Splice>)| {
        let file = files.get(*id);
        SarifArtifactChange {
            artifact_location: artifact(&file.name),
            replacements: splices.iter().map(|splice| replacement(&file, splice)).collect(),
        }
    };
    SarifFix { description: SarifMessage { text: &fix.what }, artifact_changes: fixed.iter().map(change).collect() }
}

fn region(file: &SourceFile<'_>, span: Span) -> SarifRegion {
    let (from, to) = (file.position(span.start), file.position(span.end));
    SarifRegion { start_line: from.line, start_column: from.column, end_line: to.line, end_column: to.column }
}

/// A path as a URI: a relative path is relative to the root of the sources, as GitHub expects.
fn artifact(name: &str) -> SarifArtifactLocation {
    let drive = matches!(name.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    let absolute = |uri: String| SarifArtifactLocation { uri, uri_base_id: None };
    if drive {
        return absolute(format!("file:///{}{}", &name[..2], encoded(&name[2..])));
    }
    if name.starts_with('/') {
        return absolute(format!("file://{}", encoded(name)));
    }
    let relative = name.strip_prefix("./").unwrap_or(name);
    SarifArtifactLocation { uri: encoded(relative).to_string(), uri_base_id: Some("%SRCROOT%") }
}

/// Characters to escape in the path of a URI: all except the unreserved ones (RFC 3986, section 2.3) and slashes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

fn encoded(path: &str) -> impl Display {
    utf8_percent_encode(path, ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        for (name, uri, relative) in [
            ("./a b/ü.yaml", "a%20b/%C3%BC.yaml", true),
            ("/tmp/x#y.yaml", "file:///tmp/x%23y.yaml", false),
            ("C:/x.yaml", "file:///C:/x.yaml", false),
            ("-", "-", true),
        ] {
            let artifact = artifact(name);
            assert_eq!(artifact.uri, uri);
            assert_eq!(artifact.uri_base_id.is_some(), relative, "{name}");
        }
    }
}
