//! Grants merged into generated policies and removed again, checked by an evaluator that is not the program's.
//!
//! `XACCOUNT_CASES=N` runs N cases of each property.

mod documents;
mod evaluator;
mod judge;
mod keys;
mod requests;
mod simulate;
mod text;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use serde_json::Value;

use lossless_yaml::{Source, apply};
use xaccount::diag::SpannedError;
use xaccount::iam::{Grant, MergeOptions, MergeOutcome, Removal, merge, remove};

use self::documents::{Case, cases};
use self::evaluator::{Decision, Request, evaluate};
use self::judge::{
    allows_all, allows_nothing_else, changes_no_others, has_lists, has_own_statement, names_a_subject,
    names_only_subjects, never_tagging, plain, reason, refuses_nothing_else,
};
use self::requests::{Draws, asked};
use crate::suite::{restored, say};

/// How often each outcome happened, for a report and for minimum counts.
#[derive(Default)]
struct Tally(RefCell<BTreeMap<&'static str, u32>>);

impl Tally {
    fn count(&self, what: &'static str) {
        *self.0.borrow_mut().entry(what).or_default() += 1;
    }
}

/// Checks a property, and that each outcome makes up at least a minimum percentage of the cases.
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
        if is_open(&case) {
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
        // A hundred cases or fewer don't prove a percentage.
        assert!(found >= count / 100 * floor || count <= 100, "{name}: {what}: {found} of {count} cases");
    }
}

/// Cases whose answer is known to be wrong and still has to be fixed.
fn is_open(case: &Case) -> bool {
    let text = case.document.to_string();
    // The engine can't compare a fraction in a statement that is put into a list.
    case.document["Statement"].is_object() && text.contains("1.5")
}

/// The outcome for a document.
enum Ran {
    Same(Vec<SpannedError>),
    New(Vec<u8>, Value, Vec<SpannedError>),
    Refused(Vec<SpannedError>),
    /// Nothing is left of the document.
    Emptied,
}

fn merged(old: &[u8], grant: &Grant) -> Result<Ran, String> {
    ran(old, merge(old, grant, &MergeOptions::default()))
}

fn removed(old: &[u8], grant: &Grant) -> Result<Ran, String> {
    match remove(old, grant) {
        Ok(Removal::Left(outcome)) => ran(old, Ok(outcome)),
        Ok(Removal::Nothing(notes)) if notes.is_empty() => Err("emptied without a message".into()),
        Ok(Removal::Nothing(_)) => Ok(Ran::Emptied),
        Err(refusals) => ran(old, Err(refusals)),
    }
}

/// Makes the change, and checks that no other byte is different.
fn ran(old: &[u8], outcome: Result<MergeOutcome, Vec<SpannedError>>) -> Result<Ran, String> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(refusals) if refusals.is_empty() => return Err("refused without a message".into()),
        Err(refusals) => return Ok(Ran::Refused(refusals)),
    };
    if outcome.plan.changes.is_empty() && outcome.plan.new_documents.is_empty() {
        return Ok(Ran::Same(outcome.warnings));
    }
    let edited =
        apply(&Source::new(old), &outcome.plan).map_err(|refusal| format!("the plan is refused: {refusal}"))?;
    let new = edited.to_bytes(old).unwrap();
    restored(old, &new, edited.splices())?;
    let value = serde_json::from_slice(&new).map_err(|error| format!("the result is not JSON: {error}"))?;
    Ok(Ran::New(new, value, outcome.warnings))
}

fn with(new: &Value, why: impl std::fmt::Display) -> String {
    format!("{why}\n--- the result\n{new}")
}

#[test]
fn a_merged_policy_allows_the_grant_and_nothing_else() {
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
            allows_all(document, case, &warnings, &mut draws)
        }
        Ran::New(bytes, new, warnings) => {
            tally.count(if warnings.is_empty() { "added" } else { "added, warned" });
            allows_all(&new, case, &warnings, &mut draws)
                .and_then(|()| allows_nothing_else(document, &new, grant, &mut draws))
                .and_then(|()| adds_no_empty_promise(document, &new))
                .map_err(|why| with(&new, why))?;
            match merged(&bytes, grant).map_err(|why| with(&new, why))? {
                Ran::Same(_) => Ok(()),
                Ran::New(_, again, _) => Err(with(&again, "a second merge changes it again")),
                Ran::Emptied => Err(with(&new, "a second merge leaves nothing")),
                Ran::Refused(refusals) => Err(with(&new, format!("a second merge is refused: {refusals:?}"))),
            }
        }
        Ran::Refused(refusals) => {
            let reasons = refusals.iter().map(|refusal| reason(refusal, case, &mut draws));
            tally.count(reasons.collect::<Result<Vec<_>, _>>()?[0]);
            Ok(())
        }
        Ran::Emptied => Err("a merge leaves nothing".into()),
    }
}

fn adds_no_empty_promise(old: &Value, new: &Value) -> Result<(), String> {
    match never_tagging(new) <= never_tagging(old) {
        true => Ok(()),
        false => Err("sts:TagSession has a condition that it never meets".into()),
    }
}

#[test]
fn conditions_are_replaced_only_for_the_subjects_of_the_grant() {
    let floors = [("replaced", 5), ("added", 5), ("refused", 3)];
    property("overwritten", overwriting, &floors);
}

fn overwriting(case: &Case, tally: &Tally) -> Result<(), String> {
    let Case { grant, document, text, seed } = case;
    let mut draws = Draws(*seed);
    let options = MergeOptions { overwrite: true };
    let was_refused = matches!(merged(text.as_bytes(), grant)?, Ran::Refused(_));
    let (bytes, new, warnings) = match ran(text.as_bytes(), merge(text.as_bytes(), grant, &options))? {
        Ran::New(bytes, new, warnings) => (bytes, new, warnings),
        Ran::Refused(_) if was_refused => {
            tally.count("refused");
            return Ok(());
        }
        // A condition that has to be added can take sts:TagSession away.
        Ran::Refused(_) if document.to_string().to_lowercase().contains("sts:t") => return Ok(()),
        Ran::Refused(refusals) => return Err(format!("refused only with --overwrite: {refusals:?}")),
        Ran::Same(_) if was_refused => return Err("refused, and --overwrite does nothing".into()),
        Ran::Same(_) | Ran::Emptied => return Ok(()),
    };
    tally.count(if was_refused { "replaced" } else { "added" });
    allows_all(&new, case, &warnings, &mut draws)
        .and_then(|()| changes_no_others(document, &new, grant, &mut draws))
        .and_then(|()| adds_no_empty_promise(document, &new))
        .map_err(|why| with(&new, why))?;
    match ran(&bytes, merge(&bytes, grant, &options)).map_err(|why| with(&new, why))? {
        Ran::Same(_) => {}
        _ => return Err(with(&new, "a second --overwrite changes it again, or is refused")),
    }
    match merged(&bytes, grant).map_err(|why| with(&new, why))? {
        Ran::Same(_) => Ok(()),
        _ => Err(with(&new, "a merge changes it again, or is refused")),
    }
}

#[test]
fn what_was_added_can_be_removed_again() {
    let floors = [("absent", 30), ("removed", 5), ("added and removed", 15), ("byte for byte", 3), ("the last", 1)];
    property("removed", removing, &floors);
}

fn removing(case: &Case, tally: &Tally) -> Result<(), String> {
    let Case { grant, document, text, seed } = case;
    let (bytes, without, was_present) = match removed(text.as_bytes(), grant)? {
        Ran::Same(_) if has_own_statement(document, grant) => {
            return Err("the statement exists, and is not found".into());
        }
        Ran::Same(_) => (text.clone().into_bytes(), document.clone(), false),
        Ran::New(bytes, new, _) => (bytes, new, true),
        Ran::Emptied if names_only_subjects(document, grant) => {
            tally.count("the last");
            return Ok(());
        }
        Ran::Emptied => return Err("statements that are not the grant's are gone".into()),
        Ran::Refused(refusals) => return Err(format!("not removed: {refusals:?}")),
    };
    tally.count(if was_present { "removed" } else { "absent" });
    let warns = match remove(text.as_bytes(), grant) {
        Ok(Removal::Left(outcome)) => !outcome.shortfalls.is_empty(),
        _ => false,
    };
    let stays =
        |request: &Request| request.action == "sts:AssumeRole" && evaluate(&without, request) == Decision::Allowed;
    if let Some(request) = asked(grant, 6, &mut Draws(*seed)).into_iter().find(stays).filter(|_| !warns) {
        return Err(with(&without, format!("still allowed, and no warning says so: {request:?}")));
    }
    if was_present {
        if !names_a_subject(document, grant) {
            return Err(with(&without, "the document contained nothing of it"));
        }
        // sts:TagSession is removed with sts:AssumeRole, which it is for.
        let both = Grant { tag_session: true, ..grant.clone() };
        refuses_nothing_else(document, &without, &both, &mut Draws(*seed)).map_err(|why| with(&without, why))?;
        if !matches!(removed(&bytes, grant), Ok(Ran::Same(_))) {
            return Err(with(&without, "there is more to remove"));
        }
    }
    let Ran::New(added, new, _) = merged(text.as_bytes(), grant)? else { return Ok(()) };
    match removed(&added, grant).map_err(|why| with(&new, why))? {
        Ran::New(back, value, _) => {
            tally.count("added and removed");
            if plain(&value) != plain(&without) {
                return Err(with(&value, "after adding and removing, it is not as before"));
            }
            if !was_present && has_lists(document, grant) {
                tally.count("byte for byte");
                if back != bytes {
                    return Err(format!(
                        "after adding and removing, bytes differ:\n{}",
                        String::from_utf8_lossy(&back)
                    ));
                }
            }
            Ok(())
        }
        Ran::Emptied if document["Statement"].as_array().is_some_and(Vec::is_empty) => Ok(()),
        Ran::Emptied => Err(with(&new, "nothing is left")),
        Ran::Refused(refusals) => Err(with(&new, format!("not removed: {refusals:?}"))),
        Ran::Same(_) => Err(with(&new, "what was added is not found")),
    }
}
