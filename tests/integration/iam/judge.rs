//! Checks of a document, by requests drawn from a case.

use serde_json::Value;

use xaccount::diag::SpannedError;
use xaccount::iam::Grant;

use super::documents::Case;
use super::evaluator::{Decision, Request, applying, evaluate, has_key, listed};
use super::requests::{Draws, any, asked, is_certain, is_granted, is_subject};

/// The statements of one effect that a message points at, or whose conditions it points at.
fn pointed_at<'d>(refusal: &SpannedError, case: &'d Case, effect: &str) -> Vec<&'d Value> {
    let pointed: Value = serde_json::from_str(&case.text[refusal.span.range()]).unwrap_or_default();
    let is_it = |statement: &&Value| {
        statement["Effect"] == effect && (**statement == pointed || statement.get("Condition") == Some(&pointed))
    };
    listed(&case.document["Statement"]).iter().filter(is_it).collect()
}

/// Every request of the grant is allowed, except by a Deny that depends on unknown values and causes a warning.
pub(super) fn allows_all(
    document: &Value,
    case: &Case,
    warnings: &[SpannedError],
    draws: &mut Draws,
) -> Result<(), String> {
    let warned: Vec<&Value> = warnings.iter().flat_map(|warning| pointed_at(warning, case, "Deny")).collect();
    for request in asked(&case.grant, 6, draws) {
        match evaluate(document, &request) {
            Decision::Allowed => {}
            Decision::Refused => return Err(format!("a requested grant is refused: {request:?}")),
            Decision::Denied => {
                let denials = applying(document, "Deny", &request);
                if let Some(certain) = denials.iter().find(|denial| is_certain(&case.grant, denial, &request.action)) {
                    return Err(format!("a requested grant is always denied, by {certain}: {request:?}"));
                }
                if !denials.iter().any(|denial| warned.contains(denial)) {
                    return Err(format!(
                        "a requested grant is denied, and the only warnings are about {warned:?}: {request:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The reason for a refusal: a Deny that denies a part of the grant, or an Allow with conditions that names one of the
/// grant's subjects, or restricts them to a pattern. Returns which.
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

/// No request except those of the grant is decided differently than before.
pub(super) fn allows_nothing_else(old: &Value, new: &Value, grant: &Grant, draws: &mut Draws) -> Result<(), String> {
    for _ in 0..24 {
        let request = any(grant, draws);
        let (before, after) = (evaluate(old, &request), evaluate(new, &request));
        if before != after && !is_granted(grant, &request) {
            return Err(format!("not requested, {before:?} before and {after:?} now: {request:?}"));
        }
    }
    Ok(())
}

/// Requests of others than the grant's subjects are decided as before, and the subjects are allowed nothing else.
pub(super) fn changes_no_others(old: &Value, new: &Value, grant: &Grant, draws: &mut Draws) -> Result<(), String> {
    for _ in 0..24 {
        let request = any(grant, draws);
        let (before, after) = (evaluate(old, &request), evaluate(new, &request));
        let refused = is_subject(grant, &request) && (before, after) == (Decision::Allowed, Decision::Refused);
        if before != after && !refused && !is_granted(grant, &request) {
            return Err(format!("not requested, {before:?} before and {after:?} now: {request:?}"));
        }
    }
    Ok(())
}

/// Only requests of the grant are refused now, and none is allowed now.
pub(super) fn refuses_nothing_else(old: &Value, new: &Value, grant: &Grant, draws: &mut Draws) -> Result<(), String> {
    allows_nothing_else(old, new, grant, draws)?;
    for request in asked(grant, 6, draws) {
        let (before, after) = (evaluate(old, &request), evaluate(new, &request));
        if before != after && (before, after) != (Decision::Allowed, Decision::Refused) {
            return Err(format!("removed, {before:?} before and {after:?} now: {request:?}"));
        }
    }
    Ok(())
}

/// The number of statements that seem to allow `sts:TagSession`, and never do: they test a key that its requests don't
/// have.
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

/// A document in which each list of one item is replaced by the item.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() == 1 => plain(&items[0]),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

/// The element of each Allow to which a grant adds its subjects, or from which it removes them.
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

/// Whether some Allow is for a subject of the grant.
pub(super) fn names_a_subject(document: &Value, grant: &Grant) -> bool {
    let names = names(grant);
    subjects(document, grant)
        .flat_map(listed)
        .chain(principal_arns(document))
        .filter_map(Value::as_str)
        .any(|subject| names.contains(&subject))
}

/// The values of all conditions on `aws:PrincipalArn`: the subjects of a statement for the root of their account.
fn principal_arns(document: &Value) -> impl Iterator<Item = &Value> {
    listed(&document["Statement"])
        .iter()
        .filter_map(|statement| statement["Condition"].as_object())
        .flat_map(|condition| condition.values().filter_map(Value::as_object).flatten())
        .filter(|(key, _)| key.eq_ignore_ascii_case("aws:PrincipalArn"))
        .flat_map(|(_, values)| listed(values))
}

/// Whether a statement is the grant's own.
pub(super) fn has_own_statement(document: &Value, grant: &Grant) -> bool {
    let own: Vec<Value> = grant.statements().iter().map(plain).collect();
    listed(&document["Statement"]).iter().any(|statement| own.contains(&plain(statement)))
}

/// Whether all statements are Allows for subjects of the grant alone.
pub(super) fn names_only_subjects(document: &Value, grant: &Grant) -> bool {
    let names = names(grant);
    listed(&document["Statement"]).iter().all(|statement| statement["Effect"] == "Allow")
        && subjects(document, grant).all(|subjects| {
            let is_one = |subject: &str| names.contains(&subject) || subject.ends_with(":root");
            listed(subjects).iter().all(|subject| subject.as_str().is_some_and(is_one))
        })
        && principal_arns(document).all(|arn| arn.as_str().is_some_and(|arn| names.contains(&arn)))
}

/// Whether merging turns no element into a list, so that removing leaves no list.
pub(super) fn has_lists(document: &Value, grant: &Grant) -> bool {
    document["Statement"].is_array() && !subjects(document, grant).any(Value::is_string)
}
