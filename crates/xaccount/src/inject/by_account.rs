//! Makes a request for each account of the account map.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::classes;
use super::mapped::{Mapped, SpecifiedTarget};
use super::patched;
use super::request::{IdentityRequest, InjectRequest, Target};
use crate::account_map::{Account, AccountMap, AllowedNamespaces, Assigned, Place, Spanned, entry_of};
use crate::aws::{AccountId, Partition};
use crate::capa::{CONTROLLER_IDENTITY, DEFAULT_ROLE_NAME, State};
use crate::diag::{Diagnostic, Span};
use crate::inventory::{Inventory, ObjectId, Resource, SkipReason, Skipped};
use crate::manifest_checks;
use crate::plan::referencing;
use crate::settings::{Origin, Setting, agreed};

/// Why a cluster that belongs to no account is skipped.
const NO_ACCOUNT: &str = "it matches no account of the map, and such clusters are skipped";

/// Why an object of overlays is skipped.
const IN_OVERLAYS: &str = "each kustomization that applies it sets identityRef with a patch";

/// Why a template that belongs to no account is skipped.
const NO_TEMPLATES: &str = "no account of the map lists it under templates";

/// A request for each account of the map that has clusters in the inventory, and the skipped objects. `base` is the
/// request from the flags, `specified` the target from the flags, which must agree with the map.
///
/// # Errors
/// A cluster that matches no account or several; a flag that contradicts the map; a cluster that the map keeps in the
/// source account, but that references another one.
pub(super) fn mapped(
    inventory: &Inventory,
    base: &InjectRequest,
    mapped: &Mapped<'_>,
    specified: &SpecifiedTarget,
) -> Result<(Vec<InjectRequest>, Vec<Skipped>), Vec<Diagnostic>> {
    is_source(mapped, specified, base)?;
    // Ambiguous objects are refused before they are assigned to an account.
    let unreadable: Vec<Diagnostic> = manifest_checks::impossible(inventory).collect();
    if !unreadable.is_empty() {
        return Err(unreadable);
    }
    let mut work = Work { inventory, base, mapped, specified, skipped: Vec::new(), errors: Vec::new() };
    let mut by_account: BTreeMap<usize, BTreeSet<ObjectId>> = BTreeMap::new();
    let mut templates = BTreeMap::new();
    for index in referencing(inventory) {
        match base.selection.selects(inventory, index) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(doubt) => {
                work.errors.push(doubt);
                continue;
            }
        }
        if let Some(account) = work.account_of(index) {
            by_account.entry(account).or_default().insert(index);
            // A template whose class overwrites its reference has no account.
            let overwritten = inventory[index].object.references().any(|reference| reference.class.is_some());
            if inventory[index].is_template() && !overwritten {
                templates.insert(index, account);
            }
        }
    }
    let torn = classes::of_two_accounts(inventory, mapped, &templates);
    work.errors.extend(torn);
    let mut served = work.served_by_sources(&by_account);
    served.keys().for_each(|&source| {
        by_account.entry(source).or_default();
    });
    let mut requests = Vec::new();
    for (account, objects) in by_account {
        let mut request = work.request(&mapped.map.accounts[account], objects);
        request.identity.served = served.remove(&account).unwrap_or_default();
        requests.push(request);
    }
    if work.errors.is_empty() { Ok((requests, work.skipped)) } else { Err(work.errors) }
}

/// The request for one account of the map, without objects.
///
/// # Errors
/// A flag that contradicts the map.
pub fn for_account(
    inventory: &Inventory,
    base: &InjectRequest,
    mapped: &Mapped<'_>,
    account: &Account,
    specified: &SpecifiedTarget,
) -> Result<InjectRequest, Vec<Diagnostic>> {
    is_source(mapped, specified, base)?;
    let mut work = Work { inventory, base, mapped, specified, skipped: Vec::new(), errors: Vec::new() };
    let request = work.request(account, BTreeSet::new());
    if work.errors.is_empty() { Ok(request) } else { Err(work.errors) }
}

/// Refuses a target that is the source account.
fn is_source(mapped: &Mapped<'_>, specified: &SpecifiedTarget, base: &InjectRequest) -> Result<(), Vec<Diagnostic>> {
    let Some(source) = &mapped.map.source.account else { return Ok(()) };
    let place = || (mapped.place)(source.span);
    if specified.account.as_ref().is_some_and(|account| account.value == source.value) {
        return Err(vec![target_is_source(&source.value, &place())]);
    }
    match base.moves.iter().find(|one| one.to.as_ref() == Some(&source.value)) {
        Some(one) => Err(vec![
            Diagnostic::error(format!("{one} moves clusters to the source account"))
                .help(format!("set in the account map at {}", place()))
                .help("to create a cluster in the source account, remove its reference with eject"),
        ]),
        None => Ok(()),
    }
}

/// The error about a target that is the source account, which the map sets at `place`.
pub fn target_is_source(account: &AccountId, place: &str) -> Diagnostic {
    Diagnostic::error(format!("the target account {account} is the source account"))
        .help(format!("set in the account map at {place}"))
        .help("a cluster in the source account needs no role identity: name another account, or omit the cluster")
}

struct Work<'w> {
    inventory: &'w Inventory,
    base: &'w InjectRequest,
    mapped: &'w Mapped<'w>,
    specified: &'w SpecifiedTarget,
    skipped: Vec<Skipped>,
    errors: Vec<Diagnostic>,
}

impl Work<'_> {
    /// The accounts whose identities are the sources of others, with the namespaces of the clusters that use them: CAPA
    /// checks the namespace at each identity of a chain (`pkg/cloud/scope/session.go`, `buildProvidersForRef`, v2.13.0).
    fn served_by_sources(&self, by_account: &BTreeMap<usize, BTreeSet<ObjectId>>) -> BTreeMap<usize, BTreeSet<String>> {
        let mut served: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (&account, objects) in by_account {
            let namespaces = |&index: &ObjectId| self.inventory.namespaces_of(&self.inventory[index]);
            let names: BTreeSet<&str> = objects.iter().flat_map(namespaces).collect();
            for source in sources(self.mapped.map, account) {
                served.entry(source).or_default().extend(names.iter().map(|&name| name.to_owned()));
            }
        }
        served
    }

    /// The index in the map of the account that an object belongs to; `None` if the object is skipped or an error.
    fn account_of(&mut self, index: ObjectId) -> Option<usize> {
        let found = &self.inventory[index];
        let template = found.is_template();
        let place = (self.mapped.file)(found.origin.file);
        let contradictions = patched::contradictions(self.inventory, self.mapped, found, &place);
        if !contradictions.is_empty() {
            self.errors.extend(contradictions);
            return None;
        }
        // The patches decide, and not the manifest.
        if self.inventory.places(found).iter().all(|at| at.reference.is_some()) {
            self.skipped.push(Skipped::new(found, SkipReason::Patched, IN_OVERLAYS));
            return None;
        }
        let assigned = match self.mapped.assigned(self.inventory, found, &place) {
            Ok(assigned) => assigned,
            Err(doubt) => {
                self.errors.push(doubt);
                return None;
            }
        };
        match assigned {
            Assigned::To(account, _) => Some(account),
            Assigned::Source(place) => {
                self.refuse_reference(found, place);
                self.refuse_account_flag(found, place);
                let why = format!("the map keeps its cluster in the source account ({})", (self.mapped.place)(place));
                self.skipped.push(Skipped::new(found, SkipReason::SourceAccount, why));
                None
            }
            Assigned::Several(claims) => {
                self.errors.push(self.several(found, &claims));
                None
            }
            // A template may be used by clusters of many accounts, so only templates that the map names are changed.
            Assigned::Nobody if template || self.mapped.allow_unmapped || self.mapped.map.ignores_unmapped => {
                let why = if template { NO_TEMPLATES } else { NO_ACCOUNT };
                self.skipped.push(Skipped::new(found, SkipReason::Unmapped, why));
                None
            }
            Assigned::Unplaced(entries) => {
                self.errors.push(self.unplaced(found, &entries));
                None
            }
            Assigned::Nobody => {
                self.errors.push(self.unmapped(found));
                None
            }
        }
    }

    /// The error for an object that matches several accounts of the map.
    fn several(&self, found: &Resource, claims: &[(String, Span)]) -> Diagnostic {
        let message = format!("{} matches {} accounts of {}", found.title(), claims.len(), self.mapped.name);
        let error = Diagnostic::error(message).at(found.head(), "");
        let error = claims
            .iter()
            .fold(error, |error, (name, span)| error.help(format!("{name}: {}", (self.mapped.place)(*span))));
        error.help("change the map so that only one of them matches")
    }

    /// The error for an object that entries with paths may match, but whose path is not known.
    fn unplaced(&self, found: &Resource, entries: &[Span]) -> Diagnostic {
        let map = self.mapped.name;
        let message = format!("{}: {map} matches files by path, and its path is unknown", found.title());
        let error = Diagnostic::error(message).at(found.head(), "");
        let error = entries
            .iter()
            .fold(error, |error, span| error.help(format!("this entry may match: {}", (self.mapped.place)(*span))));
        error.help(self.mapped.without_path)
    }

    /// The error for an object that matches no account of the map.
    fn unmapped(&self, found: &Resource) -> Diagnostic {
        let mapped = self.mapped;
        let name = self.inventory.cluster_name(found).unwrap_or("(no name)");
        let namespace = self.inventory.namespace_of(found);
        let seen = match (mapped.file)(found.origin.file) {
            Place::Below(path) => format!("its cluster is {name}, its namespace {namespace}, its path {path}"),
            _ => format!("its cluster is {name}, its namespace {namespace}"),
        };
        let entry = entry_of(name, namespace);
        Diagnostic::error(format!("{} matches no account of {}", found.title(), mapped.name))
            .at(found.head(), "")
            .help(seen)
            .help(format!("add to its account there: {entry}"))
            .help("or pass --allow-unmapped to skip it")
    }

    /// Refuses a reference of a cluster that the map keeps in the source account, other than to the controller
    /// identity.
    fn refuse_reference(&mut self, found: &Resource, place: Span) {
        for reference in found.object.references() {
            let State::Set(existing) = &reference.state else { continue };
            if existing.kind.text().is_none_or(|kind| kind.is_empty() || kind == CONTROLLER_IDENTITY) {
                continue;
            }
            let (kind, name) = (existing.kind.text().unwrap_or_default(), existing.name.text().unwrap_or_default());
            self.errors.push(
                Diagnostic::error(format!(
                    "{} references {kind}/{name}, but the map keeps it in the source account",
                    found.title()
                ))
                .at(found.location(existing.span), "")
                .help(format!("set in the account map at {}", (self.mapped.place)(place)))
                .help("remove the reference, or remove the cluster from source.clusters"),
            );
        }
    }

    /// Refuses an account flag for a cluster that the map keeps in the source account.
    fn refuse_account_flag(&mut self, found: &Resource, place: Span) {
        let source = self.mapped.map.source.account.as_ref();
        let is_other = |asked: &&Setting<AccountId>| source.is_none_or(|source| source.value != asked.value);
        let Some(asked) = self.specified.account.as_ref().filter(is_other) else { return };
        self.errors.push(
            Diagnostic::error(format!(
                "{} is {}, but the map keeps {} in the source account",
                asked.origin,
                asked.value,
                found.title()
            ))
            .at(found.head(), "")
            .help(format!("set in the account map at {}", (self.mapped.place)(place)))
            .help(self.mapped.ways_out),
        );
    }

    fn request(&mut self, account: &Account, objects: BTreeSet<ObjectId>) -> InjectRequest {
        let map = self.mapped.map;
        let mut request = self.base.clone();
        // Its syntax was checked when the map was read.
        let version = map.source.capa_version.as_ref();
        request.release = version.and_then(|version| Some(self.of_map(version.value.parse().ok()?, version.span)));
        request.target = Some(self.target(account));
        let existing = account.identity_ref.as_ref();
        request.existing_identity = existing.map(|existing| self.of_map(existing.value.clone(), existing.span));
        let name = account.identity_name.as_ref().map(|name| self.of_map(name.value.clone(), name.span));
        let name =
            name.or(request.existing_identity.as_ref().map(|existing| existing.with(existing.value.name.clone())));
        request.identity_name = self.agreed(self.base.identity_name.clone(), name, account);
        request.identity = self.identity(account);
        if map.source.controller_identity.as_ref().is_some_and(|kept| kept.value) {
            request.with_controller_identity = request.with_identity;
        }
        if let (Some(file), Some(of_map)) = (&mut request.identity_file, &map.identity_file) {
            file.origin = Origin::Map((self.mapped.place)(of_map.span));
        }
        request.selection.only = Some(objects);
        request
    }

    /// The fields of an account's identity.
    fn identity(&mut self, account: &Account) -> IdentityRequest {
        let (map, base) = (self.mapped.map, &self.base.identity);
        let mut identity = base.clone();
        let source = account.source_identity.as_ref().map(|source| self.of_map(source.value.clone(), source.span));
        identity.source = self.agreed(base.source.clone(), source, account);
        let id = account.external_id.as_ref().map(|id| self.of_map(id.value.to_string(), id.span));
        identity.external_id = self.agreed(base.external_id.clone(), id, account);
        let name = account.session_name.as_ref().map(|name| self.of_map(name.value.to_string(), name.span));
        identity.session_name = self.agreed(base.session_name.clone(), name, account);
        let seconds = account.duration_seconds.as_ref().map(|seconds| self.of_map(seconds.value.get(), seconds.span));
        identity.duration_seconds = self.agreed(base.duration_seconds.clone(), seconds, account);
        let allowed = account.allowed_namespaces.as_ref();
        let allowed = allowed.map(|allowed| self.of_map(allowed.value.clone(), allowed.span));
        let allowed = self.agreed(base.allowed_namespaces.clone(), allowed, account);
        // The default is only the namespaces of its clusters.
        identity.allowed_namespaces = allowed.or_else(|| Some(Setting::default(AllowedNamespaces::Served)));
        for (key, value) in &map.identity_annotations {
            self.add(&mut identity.annotations, key, value, account);
        }
        for (key, value) in &map.identity_labels {
            self.add(&mut identity.labels, key, value, account);
        }
        identity
    }

    /// A value of the map.
    fn of_map<T>(&self, value: T, span: Span) -> Setting<T> {
        Setting::map(value, (self.mapped.place)(span))
    }

    /// The setting that a flag and the map agree on for an account; adds an error if they differ.
    fn agreed<T: PartialEq + Display>(
        &mut self,
        flag: Option<Setting<T>>,
        map: Option<Setting<T>>,
        account: &Account,
    ) -> Option<Setting<T>> {
        agreed(flag, map).unwrap_or_else(|contradiction| {
            self.errors.push(contradiction.diagnostic(Some(&account.name.value), self.mapped.ways_out));
            None
        })
    }

    /// The target of an account; adds an error if flags specify another one.
    fn target(&mut self, account: &Account) -> Target {
        let id = self.of_map(account.account.value.clone(), account.account.span);
        let (role, partition) = match &account.role_arn {
            Some(arn) => (
                self.of_map(arn.value.path_and_name().to_owned(), arn.span),
                Some(self.of_map(arn.value.partition(), arn.span)),
            ),
            None => {
                let partition = account.partition.as_ref().map(|one| self.of_map(one.value, one.span));
                let role = match &account.role_name {
                    Some(name) => self.of_map(name.value.clone(), name.span),
                    None => Setting::default(DEFAULT_ROLE_NAME.to_owned()),
                };
                // A flag may specify what the map does not.
                (role, partition.or_else(|| self.specified.partition.clone()))
            }
        };
        self.contradicting_target(account, &role.value, partition.as_ref().map(|partition| partition.value));
        match &account.role_arn {
            Some(arn) => Target::Role(self.of_map(arn.value.clone().into(), arn.span)),
            None => Target::Account { account: id, role, partition },
        }
    }

    /// Adds an error for the first part of the target in which flags contradict the map.
    fn contradicting_target(&mut self, account: &Account, role: &str, partition: Option<Partition>) {
        let flags = self.specified;
        let at = account.account.span;
        let plain = |role: &str| role.trim_start_matches('/').to_owned();
        let of_flag = flags.role.as_ref().map(|flag| flag.with(plain(&flag.value)));
        let found = agreed(flags.account.clone(), Some(self.of_map(account.account.value.clone(), at)))
            .map(drop)
            .and_then(|()| agreed(of_flag, Some(self.of_map(plain(role), at))).map(drop))
            // A part that the map does not specify is not a contradiction.
            .and_then(|()| agreed(flags.partition.clone(), partition.map(|one| self.of_map(one, at))).map(drop));
        if let Err(contradiction) = found {
            self.errors.push(contradiction.diagnostic(Some(&account.name.value), self.mapped.ways_out));
            return;
        }
        // An account can have several entries, one for each role.
        let name = self.of_map(account.name.value.clone(), account.name.span);
        if let Err(contradiction) = agreed(flags.name.clone(), Some(name)) {
            self.errors.push(contradiction.diagnostic(None, self.mapped.ways_out));
        }
    }

    /// Adds an annotation or a label of the map.
    fn add(&mut self, all: &mut Vec<Setting<(String, String)>>, key: &str, value: &Spanned<String>, account: &Account) {
        let existing = all.iter().find(|one| one.value.0 == key);
        let whole = |value: &str| format!("{key}={value}");
        let flag = existing.map(|one| one.with(whole(&one.value.1)));
        let of_map = self.of_map(whole(&value.value), value.span);
        let is_new = existing.is_none();
        if let Some(agreed) = self.agreed(flag, Some(of_map), account).filter(|_| is_new) {
            all.push(agreed.with((key.to_owned(), value.value.clone())));
        }
    }
}

/// The accounts whose identities are on the way to an account, as far as the map has them.
fn sources(map: &AccountMap, account: usize) -> Vec<usize> {
    let mut chain = vec![account];
    while let Some(source) = chain.last().and_then(|&last| map.accounts[last].source_identity.as_ref()) {
        let is_source = |one: &Account| one.identity_ref.is_none() && one.identity().as_ref() == Some(&source.value);
        match map.accounts.iter().position(is_source) {
            Some(next) if !chain.contains(&next) => chain.push(next),
            _ => break,
        }
    }
    chain.split_off(1)
}
