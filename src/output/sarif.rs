//! Findings as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as GitHub's code scanning takes them.
//!
//! Written by hand: the crates that have SARIF as types make them when they are built, by a code generator that is kept no
//! more. The tests hold the result against the schema of the standard.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::explanation::explanation;
use super::lint::severity;
use lossless_yaml::Splice;
use xaccount::diag::SourceFile as Shown;
use xaccount::diag::{FileId, Label, Span, escape_control};
use xaccount::lint::{Finding, Fix, RULES};

/// The proved changes of a fix, by file.
pub(crate) type Mended = Vec<(FileId, Vec<Splice>)>;

/// The findings as one run. `mended` has the changes of each finding's fix; `None` where there is none, or it can't be made
/// with certainty.
pub(crate) fn lint_sarif<'f>(
    findings: &[Finding],
    mended: &[Option<Mended>],
    file: impl Fn(FileId) -> Rc<Shown<'f>>,
) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id.code(),
                "name": rule.name,
                "shortDescription": {"text": rule.summary},
                "help": {"text": explanation(rule), "markdown": explanation(rule)},
                "defaultConfiguration": {"level": severity(rule.severity)},
            })
        })
        .collect();
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let results: Vec<Value> = findings
        .iter()
        .zip(mended)
        .map(|(finding, mended)| {
            let print = fingerprint(finding, &file);
            let count = seen.entry(print).and_modify(|count| *count += 1).or_insert(1);
            result(finding, mended.as_ref(), format!("{print:016x}:{count}"), &file)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubectl-xaccount",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// The same for a finding whose lines moved: its rule, file and words, and no line. Of several alike the order counts.
fn fingerprint<'f>(finding: &Finding, file: &impl Fn(FileId) -> Rc<Shown<'f>>) -> u64 {
    let label = finding.diagnostic.primary.as_ref();
    let name = label.map_or_else(String::new, |label| file(label.at.file).name.clone());
    let place = label.map_or("", |label| label.text.as_str());
    xxh3_64([finding.rule.id.code(), &name, &finding.diagnostic.message, place].join("\0").as_bytes())
}

fn result<'f>(
    Finding { rule, diagnostic, fix }: &Finding,
    mended: Option<&Mended>,
    fingerprint: String,
    file: &impl Fn(FileId) -> Rc<Shown<'f>>,
) -> Value {
    let help = diagnostic.help.iter().map(|line| format!("\nhelp: {}", escape_control(line)));
    let text = escape_control(&diagnostic.message).into_owned() + &help.collect::<String>();
    let mut result = json!({
        "ruleId": rule.id.code(),
        "ruleIndex": RULES.iter().position(|other| other.id == rule.id),
        "level": severity(diagnostic.severity),
        "message": {"text": text},
        "locations": diagnostic.primary.iter().map(|label| location(label, file)).collect::<Vec<_>>(),
        "partialFingerprints": {"xaccount/v1": fingerprint},
    });
    if !diagnostic.others.is_empty() {
        result["relatedLocations"] = diagnostic.others.iter().map(|label| location(label, file)).collect();
    }
    if let (Some(fix), Some(mended)) = (fix, mended) {
        result["fixes"] = json!([fix_of(fix, mended, file)]);
    }
    result
}

fn location<'f>(label: &Label, file: &impl Fn(FileId) -> Rc<Shown<'f>>) -> Value {
    let file = file(label.at.file);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": artifact(&file.name),
            "region": region(&file, file.first_line(label.at.span)),
        },
    });
    if !label.text.is_empty() {
        location["message"] = json!({"text": escape_control(&label.text)});
    }
    location
}

fn fix_of<'f>(fix: &Fix, mended: &Mended, file: &impl Fn(FileId) -> Rc<Shown<'f>>) -> Value {
    let change = |(id, splices): &(FileId, Vec<Splice>)| {
        let file = file(*id);
        let replacement = |splice: &Splice| {
            let mut replacement = Map::new();
            replacement.insert("deletedRegion".into(), region(&file, splice.span));
            if !splice.text.is_empty() {
                replacement.insert("insertedContent".into(), json!({"text": splice.text}));
            }
            Value::Object(replacement)
        };
        json!({
            "artifactLocation": artifact(&file.name),
            "replacements": splices.iter().map(replacement).collect::<Vec<_>>(),
        })
    };
    json!({
        "description": {"text": fix.what},
        "artifactChanges": mended.iter().map(change).collect::<Vec<_>>(),
    })
}

/// Lines and columns from 1; the end is behind the last character.
fn region(file: &Shown<'_>, span: Span) -> Value {
    let (from, to) = (file.position(span.start), file.position(span.end));
    json!({"startLine": from.line, "startColumn": from.column, "endLine": to.line, "endColumn": to.column})
}

/// A path as a URI: a relative one is below the root of the sources, as GitHub takes it.
fn artifact(name: &str) -> Value {
    let drive = matches!(name.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    if drive {
        return json!({"uri": format!("file:///{}{}", &name[..2], encoded(&name[2..]))});
    }
    if name.starts_with('/') {
        return json!({"uri": format!("file://{}", encoded(name))});
    }
    json!({"uri": encoded(name.strip_prefix("./").unwrap_or(name)), "uriBaseId": "%SRCROOT%"})
}

/// RFC 3986, section 2.3: all but unreserved characters and the slashes of a path.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
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
            assert_eq!(artifact["uri"], uri);
            assert_eq!(artifact.get("uriBaseId").is_some(), relative, "{name}");
        }
    }
}
