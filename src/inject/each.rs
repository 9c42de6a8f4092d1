//! Several requests over one run, planned as one.

use serde_json::Value;

use super::{Evidence, Failure, Mapped, Outcome, Proposal, Request, SaidTarget, Unasked, propose, select};
use crate::diag::Diagnostic;
use crate::run::Run;

/// Plans the run for several accounts, as [`super::plan`]. An object of the run belongs to one request at most. `base` is what
/// the requests were made from.
///
/// # Errors
/// As [`super::plan`]; nothing to point only where no request finds anything. Two requests that change one identity, or that
/// would make two of one name.
pub fn plan_each(run: &Run, base: &Request, requests: &[Request]) -> Result<Outcome, Failure> {
    propose_each(run, requests)?.judge(run, base, &Evidence::default(), Unasked::Refused, None)
}

/// Plans the run for several accounts; whether clusters may change account is left to [`Proposal::judge`].
///
/// # Errors
/// No request finds anything to point.
pub fn propose_each(run: &Run, requests: &[Request]) -> Result<Proposal, Failure> {
    let mut whole = Proposal::default();
    let mut nothing = None;
    let mut found = false;
    for request in requests {
        match propose(run, request) {
            Ok(part) => {
                found = true;
                add(run, &mut whole, part);
            }
            Err(Failure::Nothing(why)) => nothing = nothing.or(Some(why)),
            Err(Failure::Refused(more)) => {
                found = true;
                whole.refuse(more);
            }
        }
    }
    // In the order of the files, new objects behind them.
    whole.outcome.changes.sort_by_key(|change| change.object.unwrap_or(usize::MAX));
    whole.outcome.right.sort_unstable();
    match nothing {
        Some(nothing) if !found => Err(Failure::Nothing(nothing)),
        _ => Ok(whole),
    }
}

/// Plans the run as an account map says of each cluster; whether clusters may change account is left to [`Proposal::judge`].
/// `base` is what the flags say, `said` what of the target.
///
/// # Errors
/// As [`propose_each`]; a cluster that several accounts claim, or none; a flag that contradicts the map; a cluster that should
/// stay in the source account and points elsewhere.
pub fn propose_mapped(run: &Run, base: &Request, mapped: &Mapped<'_>, said: &SaidTarget) -> Result<Proposal, Failure> {
    select::select(run, &base.selection).map_err(Failure::Nothing)?;
    let (requests, skipped) = super::mapped::mapped(run, base, mapped, said).map_err(Failure::Refused)?;
    let mut proposal = propose_each(run, &requests)?;
    let outcome = &mut proposal.outcome;
    if requests.is_empty() {
        outcome.warnings.extend(select::warnings_of_unclear(run, &base.selection));
    }
    outcome.skipped = select::skipped(run, &base.selection);
    outcome.skipped.extend(skipped);
    Ok(proposal)
}

fn add(run: &Run, whole: &mut Proposal, part: Proposal) {
    let mut errors = Vec::new();
    let outcome = whole.take(part);
    join(run, &mut whole.outcome, outcome, &mut errors);
    whole.refuse(errors);
}

/// Plans the identities of several accounts, whoever uses them.
///
/// # Errors
/// What is there can't be brought together with what is asked for.
pub fn plan_identities(run: &Run, base: &Request, requests: &[Request]) -> Result<Outcome, Vec<Diagnostic>> {
    let mut whole = Proposal::default();
    for request in requests {
        match super::propose_identity(run, request) {
            Ok(part) => add(run, &mut whole, part),
            Err(more) => whole.refuse(more),
        }
    }
    whole.judge(run, base, &Evidence::default(), Unasked::Refused, None).map_err(|failure| match failure {
        Failure::Refused(errors) => errors,
        Failure::Nothing(_) => Vec::new(),
    })
}

fn join(run: &Run, whole: &mut Outcome, part: Outcome, errors: &mut Vec<Diagnostic>) {
    let mut made: Vec<usize> = Vec::new();
    for (at, added) in part.added.iter().enumerate() {
        match whole.added.iter().find(|there| there.title == added.title) {
            None => made.push(at),
            Some(there) if there.object == added.object => {}
            Some(there) => add_new(errors, vec![one_of_two_accounts(&added.title, &there.object, &added.object)]),
        }
    }
    let new: Vec<_> = made.iter().map(|&at| &part.added[at].object).collect();
    for (file, plan) in part.plans {
        let there = whole.plans.entry(file).or_default();
        for change in plan.changes {
            match there.changes.iter().find(|(object, _)| *object == change.0) {
                None => there.changes.push(change),
                Some(same) if same.1 == change.1 => {}
                Some(_) => {
                    let object = run.objects().iter().find(|found| found.file == file && found.at == change.0);
                    let title = object.map_or("an object".to_owned(), |found| found.title());
                    let error = Diagnostic::error(format!("two accounts would change {title}, each otherwise"));
                    let error = error.help("give each account an identity of its own: identityName");
                    add_new(
                        errors,
                        vec![match object {
                            Some(found) => error.at(found.head(), ""),
                            None => error,
                        }],
                    );
                }
            }
        }
        there.new_documents.extend(plan.new_documents.into_iter().filter(|object| new.contains(&object)));
    }
    if let Some((path, plan)) = &part.new_file {
        let (_, there) = whole.new_file.get_or_insert_with(|| (path.clone(), crate::lossless::Plan::default()));
        there.new_documents.extend(plan.new_documents.iter().filter(|object| new.contains(object)).cloned());
    }
    // Of new objects there is a change each, in their order.
    let mut number = 0;
    for change in part.changes {
        if change.object.is_none() {
            number += 1;
            if made.contains(&(number - 1)) {
                whole.changes.push(change);
            }
        } else if !whole
            .changes
            .iter()
            .any(|there| there.object == change.object && there.kind == change.kind && there.after == change.after)
        {
            whole.changes.push(change);
        }
    }
    whole.added.extend(part.added.into_iter().enumerate().filter(|(at, _)| made.contains(at)).map(|(_, added)| added));
    whole.right.extend(part.right);
    add_new(&mut whole.warnings, part.warnings);
    whole.decisions.extend(part.decisions);
}

/// Two contents for one new identity.
fn one_of_two_accounts(title: &str, one: &Value, other: &Value) -> Diagnostic {
    let role = |object: &Value| object.pointer("/spec/roleARN").and_then(Value::as_str).unwrap_or_default().to_owned();
    let error = Diagnostic::error(format!("two accounts would make {title}, each with another content"));
    let (one, other) = (role(one), role(other));
    let error = if one == other { error } else { error.help(format!("one would be for {one}, one for {other}")) };
    error.help(
        "identities are cluster-scoped: give one of them another identityName in the map, or leave --identity-name out",
    )
}

/// Adds what is not there yet: each request looks at the whole run.
fn add_new(there: &mut Vec<Diagnostic>, more: Vec<Diagnostic>) {
    for one in more {
        if !there.contains(&one) {
            there.push(one);
        }
    }
}
