//! Whether a document says what it should, by requests drawn from a case.

use serde_json::Value;

use xaccount::diag::SpannedError;
use xaccount::iam::Grant;

use super::documents::Case;
use super::evaluator::{Decision, Request, applying, evaluate, has_key, listed};
use super::requests::{Draws, any, asked, is_certain, is_granted, is_subject};

/// The statements of one effect that a message points at, or at the conditions of.
fn pointed_at<'d>(refusal: &SpannedError, case: &'d Case, effect: &str) -> Vec<&'d Value> {
    let pointed: Value = serde_json::from_str(&case.text[refusal.span.range()]).unwrap_or_default();
    let is_it = |statement: &&Value| {
        statement["Effect"] == effect && (**statement == pointed || statement.get("Condition") == Some(&pointed))
    };
    listed(&case.document["Statement"]).iter().filter(is_it).collect()
}

/// Every request that the grant is about is let in, but for a Deny that hangs on what nobody knows and was warned of.
pub(super) fn lets_in(
    document: &Value,
    case: &Case,
    warnings: &[SpannedError],
    draws: &mut Draws,
) -> Result<(), String> {
    let warned: Vec<&Value> = warnings.iter().flat_map(|warning| pointed_at(warning, case, "Deny")).collect();
    for request in asked(&case.grant, 6, draws) {
        match evaluate(document, &request) {
            Decision::Allowed => {}
            Decision::Refused => return Err(format!("what was asked for is refused: {request:?}")),
            Decision::Denied => {
                let denials = applying(document, "Deny", &request);
                if let Some(certain) = denials.iter().find(|denial| is_certain(&case.grant, denial, &request.action)) {
                    return Err(format!("what was asked for is always denied, by {certain}: {request:?}"));
                }
                if !denials.iter().any(|denial| warned.contains(denial)) {
                    return Err(format!(
                        "what was asked for is denied, and only warned of are {warned:?}: {request:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A refusal has its reason: a Deny that denies something of the grant, or an Allow under conditions that names one of
/// its subjects, or holds them to a pattern. Says which.
pub(super) fn reason(refusal: &SpannedError, case: &Case, draws: &mut Draws) -> Result<&'static str, String> {
    let denials = pointed_at(refusal, case, "Deny");
    let denied = |request: &Request| applying(&case.document, "Deny", request).iter().any(|one| denials.contains(one));
    if !denials.is_empty() && asked(&case.grant, 40, draws).iter().any(denied) {
        return Ok("refused: Deny");
    }
    let guards = |allow: &&Value| {
        let text = allow.to_string();
        let by_arn = text.to_ascii_lowercase().contains("aws:principalarn");
        allow.get("Condition").is_some() && (by_arn || names(&case.grant).iter().any(|name| text.contains(name)))
    };
    if pointed_at(refusal, case, "Allow").iter().any(guards) {
        return Ok("refused: conditions");
    }
    Err(format!("refused without a reason: {refusal:?}"))
}

/// No request but those of the grant is decided otherwise than before.
pub(super) fn lets_in_nothing_else(old: &Value, new: &Value, grant: &Grant, draws: &mut Draws) -> Result<(), String> {
    for _ in 0..24 {
        let request = any(grant, draws);
        let (before, after) = (evaluate(old, &request), evaluate(new, &request));
        if before != after && !is_granted(grant, &request) {
            return Err(format!("not asked for, {before:?} before and {after:?} now: {request:?}"));
        }
    }
    Ok(())
}

/// Others than the grant's subjects are decided as before, and those are let in nowhere else.
pub(super) fn touches_no_others(old: &Value, new: &Value, grant: &Grant, draws: &mut Draws) -> Result<(), String> {
    for _ in 0..24 {
        let request = any(grant, draws);
        let (before, after) = (evaluate(old, &request), evaluate(new, &request));
        let shut_out = is_subject(grant, &request) && (before, after) == (Decision::Allowed, Decision::Refused);
        if before != after && !shut_out && !is_granted(grant, &request) {
            return Err(format!("not asked for, {before:?} before and {after:?} now: {request:?}"));
        }
    }
    Ok(())
}

/// Nobody is shut out but those of the grant, and nothing is let in.
pub(super) fn shuts_out_nobody_else(old: &Value, new: &Value, grant: &Grant, draws: &mut Draws) -> Result<(), String> {
    lets_in_nothing_else(old, new, grant, draws)?;
    for request in asked(grant, 6, draws) {
        let (before, after) = (evaluate(old, &request), evaluate(new, &request));
        if before != after && (before, after) != (Decision::Allowed, Decision::Refused) {
            return Err(format!("taken out, {before:?} before and {after:?} now: {request:?}"));
        }
    }
    Ok(())
}

/// Statements that seem to allow `sts:TagSession`, and never do: on a key that its requests don't have.
pub(super) fn never_tagging(document: &Value) -> usize {
    let lists_tags = |statement: &&Value| listed(&statement["Action"]).iter().any(|action| action == "sts:TagSession");
    let by_key = |statement: &&Value| {
        let operators = statement["Condition"].as_object().into_iter().flatten();
        let mut keys = operators.flat_map(|(_, keys)| keys.as_object().unwrap().keys());
        keys.any(|key| !has_key("sts:TagSession", &key.to_ascii_lowercase()))
    };
    let allows = listed(&document["Statement"]).iter().filter(|statement| statement["Effect"] == "Allow");
    allows.filter(lists_tags).filter(by_key).count()
}

/// A document whose lists of one item are that item.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() == 1 => plain(&items[0]),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

/// Whom each Allow names: the elements that a grant joins or leaves.
fn subjects<'d>(document: &'d Value, grant: &Grant) -> impl Iterator<Item = &'d Value> {
    let trust = grant.is_trust();
    let allows = listed(&document["Statement"]).iter().filter(|statement| statement["Effect"] == "Allow");
    allows.map(move |statement| if trust { &statement["Principal"]["AWS"] } else { &statement["Resource"] })
}

/// The subjects of a grant, and the bare ids of those that are accounts.
fn names(grant: &Grant) -> Vec<&str> {
    let arns = grant.arns();
    let accounts = arns.iter().filter_map(|arn| arn.strip_suffix(":root")?.rsplit(':').next());
    accounts.chain(arns.iter().copied()).collect()
}

/// Some Allow is for a subject of the grant.
pub(super) fn names_a_subject(document: &Value, grant: &Grant) -> bool {
    let names = names(grant);
    subjects(document, grant).flat_map(listed).filter_map(Value::as_str).any(|subject| names.contains(&subject))
}

/// A statement is the grant's own.
pub(super) fn is_there(document: &Value, grant: &Grant) -> bool {
    let own: Vec<Value> = grant.statements().iter().map(plain).collect();
    listed(&document["Statement"]).iter().any(|statement| own.contains(&plain(statement)))
}

/// All statements are Allows for subjects of the grant alone.
pub(super) fn names_nobody_else(document: &Value, grant: &Grant) -> bool {
    let names = names(grant);
    listed(&document["Statement"]).iter().all(|statement| statement["Effect"] == "Allow")
        && subjects(document, grant).all(|subjects| {
            listed(subjects).iter().all(|subject| subject.as_str().is_some_and(|subject| names.contains(&subject)))
        })
}

/// Nothing must become a list, so that nothing stays one.
pub(super) fn has_lists(document: &Value, grant: &Grant) -> bool {
    document["Statement"].is_array() && !subjects(document, grant).any(Value::is_string)
}
