//! From the account map to a request for each account.

use std::collections::{BTreeMap, BTreeSet};

use super::classes;
use super::mapped::{Mapped, SpecifiedTarget, is_template};
use super::namespaces::AllowedNamespaces;
use super::request::{CAPA_VERSION, InjectRequest, Target};
use crate::account_map::{Account, Assigned, MapNamespaces};
use crate::aws::{AccountId, Partition};
use crate::capa::{CONTROLLER_IDENTITY, DEFAULT_ROLE_NAME, State};
use crate::diag::{Diagnostic, Span};
use crate::inventory::{Inventory, Resource, SkipReason, Skipped};
use crate::manifest_checks;
use crate::plan::referencing;

/// What to do where a flag says something else than the map.
const WAYS_OUT: &str = "leave the flag out, change the map, or pass --no-config to go without it";

/// Why a cluster is skipped that no account has.
const NO_ACCOUNT: &str = "it belongs to no account of the map, and --allow-unmapped is specified";

/// Why a template is.
const NO_TEMPLATES: &str = "no account of the map has it under templates";

/// A flag, its value if it was given, and the map's with its place.
type Setting = (&'static str, Option<String>, String, Span);

/// A request for each account of the map that has clusters in the run, and what none is for. `base` is what the flags say,
/// `specified` what of the target: it must be what the map says.
///
/// # Errors
/// A cluster that several accounts claim, or none; a flag that contradicts the map; a cluster that should stay in the source
/// account and points elsewhere.
pub(super) fn mapped(
    inventory: &Inventory,
    base: &InjectRequest,
    mapped: &Mapped<'_>,
    specified: &SpecifiedTarget,
) -> Result<(Vec<InjectRequest>, Vec<Skipped>), Vec<Diagnostic>> {
    is_source(mapped, specified, base)?;
    // What can't be told is refused before anybody asks whose it is.
    let unreadable: Vec<Diagnostic> = manifest_checks::impossible(inventory).collect();
    if !unreadable.is_empty() {
        return Err(unreadable);
    }
    let mut work = Work { inventory, base, mapped, specified, skipped: Vec::new(), errors: Vec::new() };
    let mut by_account: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut templates = BTreeMap::new();
    for index in referencing(inventory) {
        match base.selection.means(inventory, index) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(doubt) => {
                work.errors.push(doubt);
                continue;
            }
        }
        if let Some(account) = work.account_of(index) {
            by_account.entry(account).or_default().insert(index);
            if is_template(&inventory.objects()[index]) {
                templates.insert(index, account);
            }
        }
    }
    let torn = classes::of_two_accounts(inventory, mapped, &templates);
    work.errors.extend(torn);
    let requests: Vec<InjectRequest> =
        by_account.into_iter().map(|(account, objects)| work.request(&mapped.map.accounts[account], objects)).collect();
    if work.errors.is_empty() { Ok((requests, work.skipped)) } else { Err(work.errors) }
}

/// The request for one account of the map and no object.
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
    if specified.account.as_ref() == Some(&source.value) {
        return Err(vec![target_is_source(&source.value, &place())]);
    }
    match base.moves.iter().find(|one| one.to == source.value) {
        Some(one) => Err(vec![
            Diagnostic::error(format!("{one} leads to the source account"))
                .help(format!("the map says so at {}", place()))
                .help("eject removes the reference of a cluster that is to be made in the source account"),
        ]),
        None => Ok(()),
    }
}

/// The refusal of a target that is the source account, which the map names at `place`.
pub fn target_is_source(account: &AccountId, place: &str) -> Diagnostic {
    Diagnostic::error(format!("the target account {account} is the source account"))
        .help(format!("the map says so at {place}"))
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
    /// The account that an object belongs to, by its index in the map; `None` where it is passed by.
    fn account_of(&mut self, index: usize) -> Option<usize> {
        let found = &self.inventory.objects()[index];
        let template = is_template(found);
        let place = (self.mapped.file)(found.file);
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
                self.stays(found, place);
                self.is_asked_away(found, place);
                let why = format!("the map keeps its cluster in the source account ({})", (self.mapped.place)(place));
                self.skipped.push(Skipped::new(found, SkipReason::SourceAccount, why));
                None
            }
            Assigned::Several(claims) => {
                let error =
                    Diagnostic::error(format!("{} belongs to {} accounts of the map", found.title(), claims.len()));
                let error = claims.iter().fold(error.at(found.head(), ""), |error, (name, span)| {
                    error.help(format!("{name}: {}", (self.mapped.place)(*span)))
                });
                self.errors.push(error.help("change the map so that one of them matches"));
                None
            }
            // One template serves clusters of many accounts: only those that the map names are meant.
            Assigned::Nobody if template || self.mapped.allow_unmapped => {
                let why = if template { NO_TEMPLATES } else { NO_ACCOUNT };
                self.skipped.push(Skipped::new(found, SkipReason::Unmapped, why));
                None
            }
            Assigned::Unplaced(entries) => {
                let error =
                    Diagnostic::error(format!("{}: the map decides by path, and its file has none", found.title()));
                let error = entries.iter().fold(error.at(found.head(), ""), |error, span| {
                    error.help(format!("this entry may match: {}", (self.mapped.place)(*span)))
                });
                self.errors.push(error.help(self.mapped.without_path));
                None
            }
            Assigned::Nobody => {
                let name = self.inventory.cluster_name(found).unwrap_or("(no name)");
                self.errors.push(
                    Diagnostic::error(format!("{} belongs to no account of the map", found.title()))
                        .at(found.head(), "")
                        .help(format!(
                            "its cluster is {name}, its namespace {}",
                            found.object.own_namespace().unwrap_or("default")
                        ))
                        .help("add it to the clusters of an account, or pass --allow-unmapped to leave it alone"),
                );
                None
            }
        }
    }

    /// A cluster of the source account has no reference, or the controller identity.
    fn stays(&mut self, found: &Resource, place: Span) {
        for reference in found.object.references() {
            let State::Set(existing) = &reference.state else { continue };
            if existing.kind.text().is_none_or(|kind| kind.is_empty() || kind == CONTROLLER_IDENTITY) {
                continue;
            }
            let (kind, name) = (existing.kind.text().unwrap_or_default(), existing.name.text().unwrap_or_default());
            self.errors.push(
                Diagnostic::error(format!(
                    "{} names {kind}/{name}, but the map keeps it in the source account",
                    found.title()
                ))
                .at(found.location(existing.span), "")
                .help(format!("the map says so at {}", (self.mapped.place)(place)))
                .help("take the reference out, or the cluster out of source.clusters"),
            );
        }
    }

    /// Who names an account for a cluster of the source account may not know that the map keeps it there.
    fn is_asked_away(&mut self, found: &Resource, place: Span) {
        let source = &self.mapped.map.source.account;
        let Some(asked) = self
            .specified
            .account
            .as_ref()
            .filter(|asked| source.as_ref().is_none_or(|source| source.value != **asked))
        else {
            return;
        };
        self.errors.push(
            Diagnostic::error(format!(
                "--account says {asked}, but the map keeps {} in the source account",
                found.title()
            ))
            .at(found.head(), "")
            .help(format!("the map says so at {}", (self.mapped.place)(place)))
            .help(WAYS_OUT),
        );
    }

    fn request(&mut self, account: &Account, objects: BTreeSet<usize>) -> InjectRequest {
        let mut specified: BTreeMap<&'static str, String> = BTreeMap::new();
        let place = |span: Span| (self.mapped.place)(span);
        let mut request = self.base.clone();
        // Its form was checked with the map.
        let version = self.mapped.map.source.capa_version.as_ref();
        request.release = version.and_then(|version| version.value.parse().ok());
        specified.extend(version.map(|version| (CAPA_VERSION, place(version.span))));
        specified.insert("--account", place(account.account.span));
        let (role, partition) = match &account.role_arn {
            Some(role) => {
                specified.insert("--role-arn", place(role.span));
                request.target = Some(Target::Role(role.value.clone()));
                (role.value.path_and_name(), Some(role.value.partition()))
            }
            None => {
                specified.extend(account.role_name.as_ref().map(|name| ("--role-name", place(name.span))));
                specified.extend(account.partition.as_ref().map(|one| ("--partition", place(one.span))));
                let role = account.role_name.as_ref().map_or(DEFAULT_ROLE_NAME, |name| &name.value);
                let partition = account.partition.as_ref().map(|one| one.value);
                request.target = Some(Target::Account {
                    account: account.account.value.clone(),
                    role: role.to_owned(),
                    // What the map leaves open, a flag may say.
                    partition: partition.or(self.specified.partition),
                });
                (role, partition)
            }
        };
        self.contradicting_target(account, role, partition);
        let (identity, base) = (&mut request.identity, &self.base.identity);
        let mut flags: Vec<Setting> = Vec::new();
        if let Some(name) = &account.identity_name {
            flags.push(("--identity-name", self.base.identity_name.clone(), name.value.clone(), name.span));
            request.identity_name = Some(name.value.clone());
        }
        if let Some(id) = &account.external_id {
            flags.push(("--external-id", base.external_id.clone(), id.value.to_string(), id.span));
            identity.external_id = Some(id.value.to_string());
        }
        if let Some(name) = &account.session_name {
            flags.push(("--session-name", base.session_name.clone(), name.value.to_string(), name.span));
            identity.session_name = Some(name.value.to_string());
        }
        if let Some(seconds) = &account.duration_seconds {
            let text = base.duration_seconds.map(|seconds| seconds.to_string());
            flags.push(("--duration", text, seconds.value.to_string(), seconds.span));
            identity.duration_seconds = Some(seconds.value.get());
        }
        if let Some(allowed) = &account.allowed_namespaces {
            let (allowed, span) = (self.allowed(&allowed.value, &objects), allowed.span);
            let text = base.allowed_namespaces.as_ref().map(ToString::to_string);
            flags.push(("--allowed-namespaces", text, allowed.to_string(), span));
            request.identity.allowed_namespaces = Some(allowed);
        }
        for (flag, by_flag, value, span) in flags {
            specified.insert(flag, place(span));
            if let Some(other) = by_flag.filter(|other| *other != value) {
                self.errors.push(contradiction(flag, &other, &value, &account.name.value, &place(span)));
            }
        }
        let annotations = &self.mapped.map.identity_annotations;
        if !annotations.is_empty() {
            specified.insert("--identity-annotation", "the map".to_owned());
            for (key, value) in annotations {
                match request.identity.annotations.iter().find(|(existing, _)| existing == key) {
                    Some((_, other)) if other != value => {
                        let (flag, map) = (format!("{key}={other}"), format!("{key}={value}"));
                        self.errors.push(contradiction(
                            "--identity-annotation",
                            &flag,
                            &map,
                            &account.name.value,
                            "identityAnnotations",
                        ));
                    }
                    Some(_) => {}
                    None => request.identity.annotations.push((key.clone(), value.clone())),
                }
            }
        }
        if let Some(file) = &self.mapped.map.identity_file {
            specified.insert("--identity-file", place(file.span));
        }
        request.selection.only = Some(objects);
        request.specified = specified;
        request
    }

    /// The parts of the target that flags say otherwise than the map; of several the first.
    fn contradicting_target(&mut self, account: &Account, role: &str, partition: Option<Partition>) {
        let by_flag = self.specified;
        let without_slash = |role: &str| role.trim_start_matches('/').to_owned();
        let text = |partition: Partition| partition.to_string();
        let parts = [
            ("--account", by_flag.account.as_ref().map(ToString::to_string), account.account.value.to_string()),
            ("--role-name", by_flag.role.as_deref().map(without_slash), without_slash(role)),
            // What the map leaves open is no contradiction.
            (
                "--partition",
                by_flag.partition.map(text),
                partition.or(by_flag.partition).map_or_else(String::new, text),
            ),
        ];
        let other = parts
            .into_iter()
            .find_map(|(flag, by_flag, by_map)| Some((flag, by_flag.filter(|one| *one != by_map)?, by_map)));
        if let Some((flag, by_flag, by_map)) = other {
            let at = (self.mapped.place)(account.account.span);
            self.errors.push(contradiction(flag, &by_flag, &by_map, &account.name.value, &at));
        }
    }

    fn allowed(&self, allowed: &MapNamespaces, objects: &BTreeSet<usize>) -> AllowedNamespaces {
        match allowed {
            MapNamespaces::All => AllowedNamespaces::All,
            MapNamespaces::List(names) => AllowedNamespaces::List(names.clone()),
            MapNamespaces::Label(key, value) => AllowedNamespaces::Label(key.clone(), value.clone()),
            MapNamespaces::Served => {
                let namespace =
                    |&index: &usize| self.inventory.objects()[index].object.own_namespace().unwrap_or("default");
                let names: BTreeSet<&str> = objects.iter().map(namespace).collect();
                AllowedNamespaces::AtLeast(names.into_iter().map(str::to_owned).collect())
            }
        }
    }
}

fn contradiction(flag: &str, by_flag: &str, by_map: &str, account: &str, place: &str) -> Diagnostic {
    Diagnostic::error(format!("{flag} says {by_flag}, and the map says {by_map} for the account {account}"))
        .help(format!("the map says so at {place}"))
        .help(WAYS_OUT)
}
