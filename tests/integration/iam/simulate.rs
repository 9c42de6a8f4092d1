//! Merged policies, given to other evaluators: what a merge leaves or makes must allow the grant there, too.
//!
//! `XACCOUNT_CASES=N` makes N documents.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::documents::{Case, NOTE, cases};
use super::evaluator::{Decision, Request, evaluate, listed};
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

/// Another evaluator.
struct OtherEvaluator {
    name: &'static str,
    program: PathBuf,
    script: &'static str,
    /// Why a decision other than `Allowed` is not a wrong grant; `None` for a finding.
    difference: fn(&Value, &str) -> Option<&'static str>,
}

/// What iam-simulate decides otherwise than AWS documents it.
fn of_simulate(line: &Value, decision: &str) -> Option<&'static str> {
    if decision.starts_with("error: ") {
        return Some("not a document for it");
    }
    let (document, version) = (line["document"].to_string(), &line["document"]["Version"]);
    if document.contains("${") && version != "2012-10-17" {
        // AWS takes a variable as plain text there (IAM user guide, "IAM JSON policy elements: Version").
        return Some("its error about variables in an old version");
    }
    if line["resource"].as_str().is_some_and(|arn| arn.matches(':').count() > 5) && document.contains("*:") {
        // A `*` at the end of a segment goes beyond the colon (IAM user guide, "IAM JSON policy elements: Resource").
        return Some("it matches segment by segment");
    }
    // In the simulator, no address is in the block that has all addresses.
    document.contains("\"0.0.0.0/0\"").then_some("its error about 0.0.0.0/0")
}

/// What ministack decides otherwise than AWS documents it, or what AWS does not document.
fn of_ministack(line: &Value, _: &str) -> Option<&'static str> {
    let document = line["document"].to_string().to_lowercase();
    let conditions = || {
        let statements = listed(&line["document"]["Statement"]).iter();
        statements.filter_map(|statement| statement["Condition"].as_object()).flatten()
    };
    let is_short = |value: &Value| value.as_str().is_some_and(|text| text.split(':').count() < 6);
    let has_short = |(operator, keys): (&String, &Value)| {
        operator.to_lowercase().contains("arn")
            && keys.as_object().unwrap().values().any(|values| listed(values).iter().any(is_short))
    };
    if conditions().any(has_short) {
        return Some("a condition on ARNs whose pattern is not an ARN");
    }
    if conditions().any(|(operator, _)| operator.contains(':') && operator.to_lowercase().ends_with("ifexists")) {
        return Some("a set operator with IfExists");
    }
    if document.contains("${") {
        return Some("it does not know all variables");
    }
    if document.contains("aws:currenttime") || document.contains("aws:epochtime") {
        return Some("it has a clock of its own");
    }
    if document.contains("\"null\"") && document.contains("aws:tagkeys") {
        return Some("its error about tag keys that are absent");
    }
    if line["isTrust"] == true && document.contains("aws:resourceaccount") {
        return Some("it always knows the account of the role");
    }
    let lacks_address = line["context"].get("aws:sourceip").is_none() && document.contains("aws:sourceip");
    lacks_address.then_some("its requests always have an address")
}

/// The merged documents with requests of their grants, one on each line; and the number of documents.
fn requests(count: usize) -> (String, usize) {
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
    (lines, documents)
}

/// Lets another evaluator decide all requests; none of them may be refused.
fn judge(other: &OtherEvaluator) {
    let count: usize = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000);
    let (lines, documents) = requests(count);
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("requests");
    fs::write(&input, &lines).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/iam").join(other.script);
    let stdin = Stdio::from(fs::File::open(&input).unwrap());
    let out = Command::new(&other.program).arg(script).stdin(stdin).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let decisions = String::from_utf8(out.stdout).unwrap();
    let (mut tally, mut wrong): (BTreeMap<&str, usize>, Vec<String>) = (BTreeMap::new(), Vec::new());
    assert_eq!(decisions.lines().count(), lines.lines().count());
    for (text, decision) in lines.lines().zip(decisions.lines()) {
        let asked: Value = serde_json::from_str(text).unwrap();
        let what = match decision {
            "Allowed" => "allowed",
            _ => (other.difference)(&asked, decision).unwrap_or("wrong"),
        };
        *tally.entry(what).or_default() += 1;
        if what == "wrong" {
            wrong.push(format!("{decision}: {text}"));
        }
    }
    say(&format!("policies: {}: {documents} documents, requests: {tally:?}", other.name));
    let first = wrong[..wrong.len().min(8)].join("\n");
    assert!(wrong.is_empty(), "{} wrong grants, the first ones:\n{first}", wrong.len());
    assert!(tally["allowed"] > documents, "{tally:?}");
}

#[test]
fn iam_simulate_allows_what_a_merge_grants() {
    let Some(program) = peer("iam-simulate") else {
        return skip("iam_simulate_allows_what_a_merge_grants", "no iam-simulate");
    };
    judge(&OtherEvaluator { name: "iam-simulate", program, script: "by_simulate.cjs", difference: of_simulate });
}

#[test]
fn ministack_allows_what_a_merge_grants() {
    let Some(program) = peer("ministack") else { return skip("ministack_allows_what_a_merge_grants", "no ministack") };
    // The Python that has its modules.
    let text = fs::read_to_string(program).unwrap();
    let program = PathBuf::from(text.lines().next().unwrap().trim_start_matches("#!"));
    judge(&OtherEvaluator { name: "ministack", program, script: "by_ministack.py", difference: of_ministack });
}
