//! Several requests over one run, planned as one.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Change, Evidence, Failure, Mapped, Outcome, Proposal, Request, SaidTarget, Unasked, propose_one, select, wrong,
};
use crate::diag::{Diagnostic, FileId};
use crate::run::Run;
use lossless_yaml::ObjectChange;

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
    let mut whole = Joined::default();
    let mut nothing = None;
    let wrong = wrong(run);
    let mut found = false;
    for request in requests {
        match propose_one(run, request, &wrong) {
            Ok(part) => {
                found = true;
                whole.join(run, part);
            }
            Err(Failure::Nothing(why)) => nothing = nothing.or(Some(why)),
            Err(Failure::Refused(more)) => {
                found = true;
                whole.proposal.refuse(more);
            }
        }
    }
    let mut whole = whole.proposal;
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
    select::select(run, &base.selection)?;
    let (requests, skipped) = super::mapped::mapped(run, base, mapped, said).map_err(Failure::Refused)?;
    let mut proposal = propose_each(run, &requests)?;
    let outcome = &mut proposal.outcome;
    outcome.warnings.splice(0..0, select::warnings_of_unclear(run, &base.selection));
    outcome.skipped = select::skipped(run, &base.selection);
    outcome.skipped.extend(skipped);
    Ok(proposal)
}

/// Plans the identities of several accounts, whoever uses them.
///
/// # Errors
/// What is there can't be brought together with what is asked for.
pub fn plan_identities(run: &Run, base: &Request, requests: &[Request]) -> Result<Outcome, Vec<Diagnostic>> {
    let mut whole = Joined::default();
    for request in requests {
        match super::propose_identity(run, request) {
            Ok(part) => whole.join(run, part),
            Err(more) => whole.proposal.refuse(more),
        }
    }
    let judged = whole.proposal.judge(run, base, &Evidence::default(), Unasked::Refused, None);
    judged.map_err(|failure| match failure {
        Failure::Refused(errors) => errors,
        Failure::Nothing(_) => Vec::new(),
    })
}

/// A proposal made of several, and where in it things are: a map may have thousands of accounts.
#[derive(Default)]
struct Joined {
    proposal: Proposal,
    /// Places in `proposal.outcome.added`, by title.
    added: HashMap<String, usize>,
    /// Places in the plan of a file, by where the object begins; several objects may begin there.
    planned: HashMap<(FileId, usize), Vec<usize>>,
    /// Places in `proposal.outcome.changes`, by object.
    changes: HashMap<usize, Vec<usize>>,
    /// Messages of `proposal.outcome.warnings`.
    warned: HashMap<String, Vec<usize>>,
}

impl Joined {
    fn join(&mut self, run: &Run, part: Proposal) {
        let part = self.proposal.take(part);
        let mut errors = Vec::new();
        self.join_outcome(run, part, &mut errors);
        self.proposal.refuse(errors);
    }

    fn join_outcome(&mut self, run: &Run, part: Outcome, errors: &mut Vec<Diagnostic>) {
        let mut made: Vec<usize> = Vec::new();
        for (at, added) in part.added.iter().enumerate() {
            match self.added.get(&added.title).map(|&there| &self.proposal.outcome.added[there]) {
                None => made.push(at),
                Some(there) if there.object == added.object => {}
                Some(there) => add_new(errors, vec![one_of_two_accounts(&added.title, &there.object, &added.object)]),
            }
        }
        let new: Vec<_> = made.iter().map(|&at| &part.added[at].object).collect();
        for (file, plan) in part.plans {
            for change in plan.changes {
                self.plan(run, file, change, errors);
            }
            let there = self.proposal.outcome.plans.entry(file).or_default();
            there.new_documents.extend(plan.new_documents.into_iter().filter(|object| new.contains(&object)));
        }
        if let Some((path, plan)) = &part.new_file {
            let (_, there) =
                self.proposal.outcome.new_file.get_or_insert_with(|| (path.clone(), lossless_yaml::Plan::default()));
            there.new_documents.extend(plan.new_documents.iter().filter(|object| new.contains(object)).cloned());
        }
        self.add_changes(part.changes, &made);
        for (at, added) in part.added.into_iter().enumerate() {
            if made.contains(&at) {
                self.added.insert(added.title.clone(), self.proposal.outcome.added.len());
                self.proposal.outcome.added.push(added);
            }
        }
        self.proposal.outcome.right.extend(part.right);
        for warning in part.warnings {
            let there = self.warned.entry(warning.message.clone()).or_default();
            if !there.iter().any(|&at| self.proposal.outcome.warnings[at] == warning) {
                there.push(self.proposal.outcome.warnings.len());
                self.proposal.outcome.warnings.push(warning);
            }
        }
        self.proposal.outcome.decisions.extend(part.decisions);
    }

    fn plan(&mut self, run: &Run, file: FileId, change: ObjectChange, errors: &mut Vec<Diagnostic>) {
        let there = self.proposal.outcome.plans.entry(file).or_default();
        let places = self.planned.entry((file, key(&change))).or_default();
        match places.iter().map(|&at| &there.changes[at]).find(|(object, _)| *object == change.0) {
            None => {
                places.push(there.changes.len());
                there.changes.push(change);
            }
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

    /// Adds the changes that are not there yet. Of new objects there is a change each, in their order: those of `made` count.
    fn add_changes(&mut self, changes: Vec<Change>, made: &[usize]) {
        let mut number = 0;
        for change in changes {
            let Some(object) = change.object else {
                number += 1;
                if made.contains(&(number - 1)) {
                    self.proposal.outcome.changes.push(change);
                }
                continue;
            };
            let places = self.changes.entry(object).or_default();
            let same = |there: &Change| there.kind == change.kind && there.after == change.after;
            if !places.iter().any(|&at| same(&self.proposal.outcome.changes[at])) {
                places.push(self.proposal.outcome.changes.len());
                self.proposal.outcome.changes.push(change);
            }
        }
    }
}

/// Something that tells the objects of a document apart, nearly always: a List has thousands.
fn key(change: &ObjectChange) -> usize {
    let item = change.0.base.tokens().nth(1).and_then(|token| token.decoded().parse::<usize>().ok());
    change.0.document.start.wrapping_add(item.unwrap_or(0))
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
