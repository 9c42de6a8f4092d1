//! Plans several requests over one inventory as one.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::by_account::mapped as requests_of;
use super::evidence::Evidence;
use super::judge::Unasked;
use super::mapped::{Mapped, SpecifiedTarget};
use super::proposal::Proposal;
use super::propose::{propose_identity, propose_one, wrong};
use super::request::InjectRequest;
use crate::diag::{Diagnostic, FileId};
use crate::inventory::{Inventory, ObjectId};
use crate::manifest_checks;
use crate::plan::{Change, Failure, Outcome, select, skipped, warnings_of_unclear};
use lossless_yaml::ObjectChange;

/// Plans the inventory for several accounts, like [`super::plan`]. Each object belongs to at most one request. `base`
/// is the request that the others were made from.
///
/// # Errors
/// Those of [`super::plan`], but an empty selection only if no request selects anything. Two requests that change one
/// identity differently, or that would create two identities with the same name.
pub fn plan_each(inventory: &Inventory, base: &InjectRequest, requests: &[InjectRequest]) -> Result<Outcome, Failure> {
    propose_each(inventory, requests)?.judge(inventory, base, &Evidence::default(), Unasked::Refused, None)
}

/// Plans the inventory for several accounts. [`Proposal::judge`] then checks whether clusters may change account.
///
/// # Errors
/// No request selects anything.
pub fn propose_each(inventory: &Inventory, requests: &[InjectRequest]) -> Result<Proposal, Failure> {
    let mut whole = Joined::default();
    let mut nothing = None;
    let wrong = wrong(inventory);
    let mut found = false;
    for request in requests {
        // An identity that only others use, as their source.
        let is_source = request.selection.only.as_ref().is_some_and(BTreeSet::is_empty);
        let proposed = match is_source {
            true => propose_identity(inventory, request).map_err(Failure::Refused),
            false => propose_one(inventory, request, &wrong),
        };
        match proposed {
            Ok(part) => {
                found = true;
                whole.join(inventory, part);
            }
            Err(Failure::EmptySelection(why)) => nothing = nothing.or(Some(why)),
            Err(Failure::Refused(more)) => {
                found = true;
                whole.proposal.refuse(more);
            }
        }
    }
    let mut whole = whole.proposal;
    // In file order; new objects come last.
    whole.outcome.changes.sort_by_key(|change| (change.object.is_none(), change.object));
    whole.outcome.unchanged.sort_unstable();
    match nothing {
        Some(nothing) if !found => Err(Failure::EmptySelection(nothing)),
        _ => Ok(whole),
    }
}

/// Plans the inventory with the account that an account map assigns to each cluster. [`Proposal::judge`] then checks
/// whether clusters may change account. `base` is the request from the flags, `specified` the target from the flags.
///
/// # Errors
/// Those of [`propose_each`]; a cluster that matches no account or several; a flag that contradicts the map; a cluster
/// that the map keeps in the source account, but that references another one.
pub fn propose_mapped(
    inventory: &Inventory,
    base: &InjectRequest,
    mapped: &Mapped<'_>,
    specified: &SpecifiedTarget,
) -> Result<Proposal, Failure> {
    select(inventory, &base.selection)?;
    let (requests, unmapped) = requests_of(inventory, base, mapped, specified).map_err(Failure::Refused)?;
    let mut proposal = propose_each(inventory, &requests)?;
    let outcome = &mut proposal.outcome;
    let about_inventory = manifest_checks::newer(inventory).into_iter();
    outcome.warnings.splice(0..0, about_inventory.chain(warnings_of_unclear(inventory, &base.selection)));
    let of_classes = std::mem::replace(&mut outcome.skipped, skipped(inventory, &base.selection));
    outcome.skipped.extend(unmapped.into_iter().chain(of_classes));
    Ok(proposal)
}

/// Plans the identities of several accounts, independent of the objects that use them.
///
/// # Errors
/// The manifests contradict a request, or two requests contradict each other.
pub fn plan_identities(
    inventory: &Inventory,
    base: &InjectRequest,
    requests: &[InjectRequest],
) -> Result<Outcome, Vec<Diagnostic>> {
    let mut whole = Joined::default();
    for request in requests {
        match propose_identity(inventory, request) {
            Ok(part) => whole.join(inventory, part),
            Err(more) => whole.proposal.refuse(more),
        }
    }
    let judged = whole.proposal.judge(inventory, base, &Evidence::default(), Unasked::Refused, None);
    judged.map_err(|failure| match failure {
        Failure::Refused(errors) => errors,
        Failure::EmptySelection(_) => Vec::new(),
    })
}

/// A proposal joined from several, with indices into it: a map may have thousands of accounts.
#[derive(Default)]
struct Joined {
    proposal: Proposal,
    /// Indices in `proposal.outcome.added`, by title.
    added: HashMap<String, usize>,
    /// Indices in the plan of a file, by the [`key`] of the object, which several objects may share.
    planned: HashMap<(FileId, usize), Vec<usize>>,
    /// Indices in `proposal.outcome.changes`, by object.
    changes: HashMap<ObjectId, Vec<usize>>,
    /// Indices in `proposal.outcome.warnings`, by message.
    warned: HashMap<String, Vec<usize>>,
}

impl Joined {
    fn join(&mut self, inventory: &Inventory, part: Proposal) {
        let part = self.proposal.take(part);
        let mut errors = Vec::new();
        self.join_outcome(inventory, part, &mut errors);
        self.proposal.refuse(errors);
    }

    fn join_outcome(&mut self, inventory: &Inventory, part: Outcome, errors: &mut Vec<Diagnostic>) {
        let mut made: Vec<usize> = Vec::new();
        for (at, added) in part.added.iter().enumerate() {
            match self.added.get(&added.title).map(|&existing| &self.proposal.outcome.added[existing]) {
                None => made.push(at),
                Some(existing) if existing.object == added.object => {}
                Some(existing) => {
                    add_new(errors, vec![one_of_two_accounts(&added.title, &existing.object, &added.object)])
                }
            }
        }
        let new: Vec<_> = made.iter().map(|&at| &part.added[at].object).collect();
        for (file, plan) in part.plans {
            for change in plan.changes {
                self.plan(inventory, file, change, errors);
            }
            let existing = self.proposal.outcome.plans.entry(file).or_default();
            existing.new_documents.extend(plan.new_documents.into_iter().filter(|object| new.contains(&object)));
        }
        if let Some((path, plan)) = &part.new_file {
            let (_, existing) =
                self.proposal.outcome.new_file.get_or_insert_with(|| (path.clone(), lossless_yaml::Plan::default()));
            existing.new_documents.extend(plan.new_documents.iter().filter(|object| new.contains(object)).cloned());
        }
        self.add_changes(part.changes, &made);
        for (at, added) in part.added.into_iter().enumerate() {
            if made.contains(&at) {
                self.added.insert(added.title.clone(), self.proposal.outcome.added.len());
                self.proposal.outcome.added.push(added);
            }
        }
        self.proposal.outcome.unchanged.extend(part.unchanged);
        self.proposal.outcome.skipped.extend(part.skipped);
        for warning in part.warnings {
            let existing = self.warned.entry(warning.message.clone()).or_default();
            if !existing.iter().any(|&at| self.proposal.outcome.warnings[at] == warning) {
                existing.push(self.proposal.outcome.warnings.len());
                self.proposal.outcome.warnings.push(warning);
            }
        }
        self.proposal.outcome.decisions.extend(part.decisions);
    }

    fn plan(&mut self, inventory: &Inventory, file: FileId, change: ObjectChange, errors: &mut Vec<Diagnostic>) {
        let existing = self.proposal.outcome.plans.entry(file).or_default();
        let places = self.planned.entry((file, key(&change))).or_default();
        match places.iter().map(|&at| &existing.changes[at]).find(|(object, _)| *object == change.0) {
            None => {
                places.push(existing.changes.len());
                existing.changes.push(change);
            }
            Some(same) if same.1 == change.1 => {}
            Some(_) => {
                let object =
                    inventory.objects().iter().find(|found| found.origin.file == file && found.origin.at == change.0);
                let title = object.map_or("an object".to_owned(), |found| found.title());
                let error = Diagnostic::error(format!("two accounts would change {title} differently"));
                let error = error.help("give each account its own identity: set identityName in the map");
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

    /// Adds the changes that are not in the list yet. New objects have one change each, in the same order: only those
    /// at the indices in `made` are added.
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
            let same = |existing: &Change| existing.kind == change.kind && existing.after == change.after;
            if !places.iter().any(|&at| same(&self.proposal.outcome.changes[at])) {
                places.push(self.proposal.outcome.changes.len());
                self.proposal.outcome.changes.push(change);
            }
        }
    }
}

/// A hash key for an object. Two objects rarely share one, even in a List with thousands of items.
fn key(change: &ObjectChange) -> usize {
    let item = change.0.base.tokens().nth(1).and_then(|token| token.decoded().parse::<usize>().ok());
    change.0.document.start.wrapping_add(item.unwrap_or(0))
}

/// The error about two definitions of one new identity.
fn one_of_two_accounts(title: &str, one: &Value, other: &Value) -> Diagnostic {
    let role = |object: &Value| object.pointer("/spec/roleARN").and_then(Value::as_str).unwrap_or_default().to_owned();
    let error = Diagnostic::error(format!("two accounts would create {title} with different content"));
    let (one, other) = (role(one), role(other));
    let error = if one == other { error } else { error.help(format!("one is for {one}, the other for {other}")) };
    error.help(
        "identities are cluster-scoped: give one account another identityName in the map, or omit --identity-name",
    )
}

/// Adds errors that are not in the list yet: each request checks the whole inventory.
fn add_new(existing: &mut Vec<Diagnostic>, more: Vec<Diagnostic>) {
    for one in more {
        if !existing.contains(&one) {
            existing.push(one);
        }
    }
}
