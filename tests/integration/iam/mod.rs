//! Grants merged into generated policies and taken out again, judged by an evaluator that is not the program's.
//!
//! `XACCOUNT_CASES=N` runs N cases of each property.

mod documents;
mod evaluator;
mod judge;
mod keys;
mod requests;
mod text;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use serde_json::Value;

use lossless_yaml::{Source, apply};
use xaccount::diag::SpannedError;
use xaccount::iam::{Grant, MergeOptions, MergeOutcome, merge, remove};

use self::documents::{Case, cases};
use self::judge::{
    has_lists, is_there, lets_in, lets_in_nothing_else, names_a_subject, names_nobody_else, never_tagging, plain,
    reason, shuts_out_nobody_else, touches_no_others,
};
use self::requests::Draws;
use crate::suite::{restored, say};

/// How often what happened, to be said and held to a floor.
#[derive(Default)]
struct Tally(RefCell<BTreeMap<&'static str, u32>>);

impl Tally {
    fn count(&self, what: &'static str) {
        *self.0.borrow_mut().entry(what).or_default() += 1;
    }
}

/// Holds a property, and that of each hundred cases so many were of that kind.
fn property(name: &str, holds: fn(&Case, &Tally) -> Result<(), String>, floors: &[(&str, u32)]) {
    let asked = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok());
    let count: u32 = asked.unwrap_or(10_000);
    let tally = Tally::default();
    let mut runner = TestRunner::new(Config {
        cases: count,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 20_000,
        ..Config::default()
    });
    let result = runner.run(&cases(), |case| {
        if is_open(name, &case) {
            return Ok(());
        }
        holds(&case, &tally).map_err(|why| {
            let grant = Value::from(case.grant.statements());
            TestCaseError::fail(format!("{why}\n--- the grant\n{grant}\n--- the document\n{}\n---", case.text))
        })
    });
    let tally = tally.0.into_inner();
    say(&format!("policies: {name}: {tally:?}"));
    result.unwrap_or_else(|error| panic!("{error}"));
    for (what, floor) in floors {
        let found = tally.get(what).copied().unwrap_or_default();
        // A hundred cases and less prove no share.
        assert!(found >= count / 100 * floor || count <= 100, "{name}: {what}: {found} of {count} cases");
    }
}

/// Cases of which the answer is known to be wrong, and to be mended.
fn is_open(property: &str, case: &Case) -> bool {
    let text = case.document.to_string();
    let account = case.grant.arns().iter().any(|arn| arn.ends_with(":root"));
    // The engine compares no fraction in a statement that is put into a list.
    case.document["Statement"].is_object() && text.contains("1.5")
        // An account is taken to be left out where only its root is.
        || account && text.contains("NotPrincipal")
        // The condition of sts:TagSession goes with that of sts:AssumeRole.
        || property == "overwritten" && !case.grant.tag_session && text.contains("TagSession")
}

/// What became of a document.
enum Ran {
    Same(Vec<SpannedError>),
    New(Vec<u8>, Value, Vec<SpannedError>),
    Refused(Vec<SpannedError>),
}

fn merged(old: &[u8], grant: &Grant) -> Result<Ran, String> {
    ran(old, merge(old, grant, &MergeOptions::default()))
}

fn removed(old: &[u8], grant: &Grant) -> Result<Ran, String> {
    ran(old, remove(old, grant))
}

/// Makes the change, and holds that no byte beside it is another one.
fn ran(old: &[u8], outcome: Result<MergeOutcome, Vec<SpannedError>>) -> Result<Ran, String> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(refusals) if refusals.is_empty() => return Err("refused, and no word why".into()),
        Err(refusals) => return Ok(Ran::Refused(refusals)),
    };
    if outcome.plan.changes.is_empty() && outcome.plan.new_documents.is_empty() {
        return Ok(Ran::Same(outcome.warnings));
    }
    let edited =
        apply(&Source::new(old), &outcome.plan).map_err(|refusal| format!("the plan is refused: {refusal}"))?;
    let new = edited.to_bytes(old).unwrap();
    restored(old, &new, edited.splices())?;
    let value = serde_json::from_slice(&new).map_err(|error| format!("the result is no JSON: {error}"))?;
    Ok(Ran::New(new, value, outcome.warnings))
}

fn with(new: &Value, why: impl std::fmt::Display) -> String {
    format!("{why}\n--- the result\n{new}")
}

#[test]
fn a_merged_policy_lets_in_what_was_asked_for_and_nothing_else() {
    let floors =
        [("already", 15), ("added", 10), ("added, warned", 1), ("refused: Deny", 3), ("refused: conditions", 5)];
    property("merged", merging, &floors);
}

fn merging(case: &Case, tally: &Tally) -> Result<(), String> {
    let Case { grant, document, text, seed } = case;
    let mut draws = Draws(*seed);
    match merged(text.as_bytes(), grant)? {
        Ran::Same(warnings) => {
            tally.count("already");
            lets_in(document, case, &warnings, &mut draws)
        }
        Ran::New(bytes, new, warnings) => {
            tally.count(if warnings.is_empty() { "added" } else { "added, warned" });
            lets_in(&new, case, &warnings, &mut draws)
                .and_then(|()| lets_in_nothing_else(document, &new, grant, &mut draws))
                .and_then(|()| adds_no_empty_promise(document, &new))
                .map_err(|why| with(&new, why))?;
            match merged(&bytes, grant).map_err(|why| with(&new, why))? {
                Ran::Same(_) => Ok(()),
                Ran::New(_, again, _) => Err(with(&again, "a second merge changes it again")),
                Ran::Refused(refusals) => Err(with(&new, format!("a second merge is refused: {refusals:?}"))),
            }
        }
        Ran::Refused(refusals) => {
            let reasons = refusals.iter().map(|refusal| reason(refusal, case, &mut draws));
            tally.count(reasons.collect::<Result<Vec<_>, _>>()?[0]);
            Ok(())
        }
    }
}

fn adds_no_empty_promise(old: &Value, new: &Value) -> Result<(), String> {
    match never_tagging(new) <= never_tagging(old) {
        true => Ok(()),
        false => Err("sts:TagSession stands under a condition that it never meets".into()),
    }
}

#[test]
fn conditions_are_replaced_for_those_who_are_asked_for_alone() {
    let floors = [("replaced", 5), ("refused", 3)];
    property("overwritten", overwriting, &floors);
}

fn overwriting(case: &Case, tally: &Tally) -> Result<(), String> {
    let Case { grant, document, text, seed } = case;
    let mut draws = Draws(*seed);
    let options = MergeOptions { overwrite: true };
    // Where nothing stands in the way, there is nothing to overwrite.
    let Ran::Refused(_) = merged(text.as_bytes(), grant)? else { return Ok(()) };
    let Ran::New(bytes, new, warnings) = ran(text.as_bytes(), merge(text.as_bytes(), grant, &options))? else {
        tally.count("refused");
        return Ok(());
    };
    tally.count("replaced");
    lets_in(&new, case, &warnings, &mut draws)
        .and_then(|()| touches_no_others(document, &new, grant, &mut draws))
        .and_then(|()| adds_no_empty_promise(document, &new))
        .map_err(|why| with(&new, why))?;
    match merged(&bytes, grant).map_err(|why| with(&new, why))? {
        Ran::Same(_) => Ok(()),
        _ => Err(with(&new, "a merge changes it again, or is refused")),
    }
}

#[test]
fn what_was_added_is_taken_out_again() {
    let floors =
        [("not there", 30), ("taken out", 5), ("added and taken out", 15), ("byte for byte", 3), ("the last", 1)];
    property("taken out", removing, &floors);
}

fn removing(case: &Case, tally: &Tally) -> Result<(), String> {
    let Case { grant, document, text, seed } = case;
    let (bytes, without, ours) = match removed(text.as_bytes(), grant)? {
        Ran::Same(_) if is_there(document, grant) => return Err("it is there, and not found".into()),
        Ran::Same(_) => (text.clone().into_bytes(), document.clone(), false),
        Ran::New(bytes, new, _) => (bytes, new, true),
        // Nothing would be left.
        Ran::Refused(_) if names_nobody_else(document, grant) => {
            tally.count("the last");
            return Ok(());
        }
        Ran::Refused(refusals) => return Err(format!("not taken out: {refusals:?}")),
    };
    tally.count(if ours { "taken out" } else { "not there" });
    if ours {
        if !names_a_subject(document, grant) {
            return Err(with(&without, "nothing of it was there"));
        }
        shuts_out_nobody_else(document, &without, grant, &mut Draws(*seed)).map_err(|why| with(&without, why))?;
        if !matches!(removed(&bytes, grant), Ok(Ran::Same(_))) {
            return Err(with(&without, "there is more to take out"));
        }
    }
    let Ran::New(added, new, _) = merged(text.as_bytes(), grant)? else { return Ok(()) };
    match removed(&added, grant).map_err(|why| with(&new, why))? {
        Ran::New(back, value, _) => {
            tally.count("added and taken out");
            if plain(&value) != plain(&without) {
                return Err(with(&value, "added and taken out, it is not as before"));
            }
            if !ours && has_lists(document, grant) {
                tally.count("byte for byte");
                if back != bytes {
                    return Err(format!("added and taken out, bytes differ:\n{}", String::from_utf8_lossy(&back)));
                }
            }
            Ok(())
        }
        Ran::Refused(_) if document["Statement"].as_array().is_some_and(Vec::is_empty) => Ok(()),
        Ran::Refused(refusals) => Err(with(&new, format!("not taken out: {refusals:?}"))),
        Ran::Same(_) => Err(with(&new, "what was added is not found")),
    }
}
