//! Merged policies, judged by iam-simulate: what a merge leaves or makes must allow the grant there, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::documents::{Case, NOTE, cases};
use super::evaluator::{Decision, Request, evaluate};
use super::requests::{Draws, asked};
use super::{Ran, is_open, merged};
use crate::suite::say;
use crate::support::{peer, skip};

/// Keys with several values, whose conditions need a list.
const MULTIVALUED: [&str; 2] = ["aws:tagkeys", "sts:transitivetagkeys"];

/// The account of the role whose trust policy it is.
const TARGET: &str = "222222222222";

/// A line for the simulator.
fn line(request: &Request, document: &Value, is_trust: bool) -> Value {
    let context = request.context.iter().map(|(key, values)| {
        let value = match values.as_slice() {
            [one] if !MULTIVALUED.contains(&key.as_str()) => json!(one),
            values => json!(values),
        };
        (key.clone(), value)
    });
    let resource = request.resource.clone().unwrap_or_else(|| format!("arn:aws:iam::{TARGET}:role/x"));
    let account = resource.split(':').nth(4).unwrap().to_owned();
    json!({
        "principal": request.session.as_ref().unwrap_or(&request.principal),
        "action": request.action,
        "resource": resource,
        "account": account,
        "context": context.collect::<serde_json::Map<_, _>>(),
        "document": without_notes(document),
        "isTrust": is_trust,
    })
}

/// A document without the members that no statement has, which the simulator refuses.
fn without_notes(document: &Value) -> Value {
    let mut document = document.clone();
    let statements = &mut document["Statement"];
    let list =
        if statements.is_array() { statements.as_array_mut().unwrap() } else { std::slice::from_mut(statements) };
    for statement in list {
        statement.as_object_mut().unwrap().remove(NOTE);
    }
    document
}

/// Why a decision other than `Allowed` is no wrong grant; `None` for a finding.
fn known_difference(line: &Value, decision: &str) -> Option<&'static str> {
    if decision.starts_with("error: ") {
        return Some("not a document for the simulator");
    }
    let (document, version) = (line["document"].to_string(), &line["document"]["Version"]);
    if document.contains("${") && version != "2012-10-17" {
        // AWS takes a variable as plain text there (IAM user guide, "IAM JSON policy elements: Version").
        return Some("its error about variables in an old version");
    }
    // In the simulator, no address is in the block that has all addresses.
    document.contains("\"0.0.0.0/0\"").then_some("its error about 0.0.0.0/0")
}

#[test]
fn what_a_merge_says_is_granted_is_allowed_by_iam_simulate() {
    let name = "what_a_merge_says_is_granted_is_allowed_by_iam_simulate";
    let Some(program) = peer("iam-simulate") else { return skip(name, "no iam-simulate") };
    let count: usize = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let (mut lines, mut documents) = (String::new(), 0);
    let mut runner = TestRunner::new(Config::default());
    let strategy = cases();
    while documents < count {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        if is_open(&case) {
            continue;
        }
        let Case { grant, document, text, seed } = &case;
        let document = match merged(text.as_bytes(), grant).unwrap() {
            Ran::Same(_) => document.clone(),
            Ran::New(_, new, _) => new,
            Ran::Refused(_) | Ran::Emptied => continue,
        };
        documents += 1;
        for request in asked(grant, 1, &mut Draws(*seed)) {
            // A Deny that depends on unknown values is a warning of the merge.
            if evaluate(&document, &request) == Decision::Allowed {
                writeln!(lines, "{}", line(&request, &document, grant.is_trust())).unwrap();
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("requests");
    fs::write(&input, &lines).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/iam/simulate.cjs");
    let stdin = Stdio::from(fs::File::open(&input).unwrap());
    let out = Command::new(program).arg(script).stdin(stdin).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let decisions = String::from_utf8(out.stdout).unwrap();
    let (mut tally, mut wrong): (BTreeMap<&str, usize>, Vec<String>) = (BTreeMap::new(), Vec::new());
    assert_eq!(decisions.lines().count(), lines.lines().count());
    for (text, decision) in lines.lines().zip(decisions.lines()) {
        let asked: Value = serde_json::from_str(text).unwrap();
        let what = match decision {
            "Allowed" => "allowed",
            _ => known_difference(&asked, decision).unwrap_or("wrong"),
        };
        *tally.entry(what).or_default() += 1;
        if what == "wrong" {
            wrong.push(format!("{decision}: {text}"));
        }
    }
    say(&format!("policies: iam-simulate: {documents} documents, requests: {tally:?}"));
    assert!(
        wrong.is_empty(),
        "{} wrong grants, the first ones:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
    assert!(tally["allowed"] > documents, "{tally:?}");
}
