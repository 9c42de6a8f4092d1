//! The logic of `status`: each cluster's account and identities, and whether CAPA allows it. No I/O.

mod controllers;
mod errata;
#[cfg(test)]
mod live_tests;
mod map;
mod moves;
mod not_as_mapped;
mod resources;
mod row;
mod users;

use std::collections::{HashMap, HashSet};

use crate::aws::{Partition, RoleArn};
use crate::capa::{
    CONTROLLER_IDENTITY, Chain, ClusterState, Evaluated, Hop, IdentityKind, Judge, Object, ObjectKind,
    REFERENCING_KINDS, ROLE_IDENTITY, Reason, Release, Search, Subject, Support, Uncertain, Verdict, VerdictOutcome,
    Version, is_unserved, not_served, read_since,
};
use crate::diag::{Diagnostic, FileId, RuleId, Severity, Span};
use crate::inventory::{Inventory, Manifest, ObjectId, Placement, Provenance, Resource};
use crate::manifest_checks::{self, NO_ROLE_ACROSS_PARTITIONS, PartitionMismatch};

pub use crate::manifest_checks::in_the_source_account;
pub use controllers::{Controller, controllers};
pub use map::{AccountClusters, Map, MapOptions, map};
pub use moves::{Cause, Move, MoveSide, moves};
pub use not_as_mapped::mark_not_as_mapped;
pub use resources::ResourcesVerdict;
pub use row::{AccountSummary, MappedAccount, NOT_AS_MAPPED, NotAsMapped, Row};
pub use users::{AccessPath, access_paths, used_by};

/// The result of `status`.
#[derive(Clone, Debug)]
pub struct Status<'r, O = Manifest> {
    /// The inventory.
    pub inventory: &'r Inventory<O>,
    /// The state on which the verdicts depend.
    pub cluster_state: ClusterState,
    /// The clusters, in the order of the files.
    pub rows: Vec<Row>,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// Options of `status`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The release of CAPA to evaluate for; by default, the newest that serves the API versions of the files.
    pub release: Option<Release>,
}

/// Evaluates an inventory.
pub fn status<'r, O: Provenance>(inventory: &'r Inventory<O>, options: &Options) -> Status<'r, O> {
    let mut warnings = Vec::new();
    let release = options.release.unwrap_or_else(|| implied(inventory, &mut warnings));
    // What kubectl silently drops is not applied.
    let sent = || inventory.entries().filter(|(_, found)| !found.origin.is_dropped_by_kubectl());
    let evaluated = Evaluated { release, is_specified: options.release.is_some() };
    let cluster_state =
        ClusterState::new(sent().map(|(_, found)| &*found.object), evaluated, Some(inventory.default_namespace()));
    warnings.extend(warnings_about(inventory, &cluster_state));
    let mut rows = Vec::new();
    let mut judge = Judge::new(&cluster_state);
    for (index, found) in sent() {
        let places = inventory.places(found);
        let place = PlacedObject { index, place: places[0] };
        if let Some(twice) = found.object.twice.as_deref() {
            match &found.object.object_kind {
                ObjectKind::Referencing { .. } | ObjectKind::Cluster { .. } => {
                    rows.push(refused(inventory, place, Reason::Ambiguous, &twice.why()));
                }
                ObjectKind::Class(_) => {}
                _ => warnings.extend(manifest_checks::twice(found).map(as_warning)),
            }
            continue;
        }
        if found.object.references().next().is_some() {
            warnings.extend(inventory.doubtful_cluster(found));
        }
        match &found.object.object_kind {
            ObjectKind::Refused(why, _) => {
                match REFERENCING_KINDS.iter().any(|kind_row| kind_row.kind == found.object.kind) {
                    true => rows.push(refused(inventory, place, Reason::ObjectRefused, why)),
                    false => warnings.extend(manifest_checks::refused(found).map(as_warning)),
                }
            }
            ObjectKind::Cluster { references, .. } if references.is_empty() && found.object.uncertain().is_some() => {
                // A patch may add what decides its account; `doubt_patched` says so.
                for place in places {
                    rows.push(refused(inventory, PlacedObject { index, place }, Reason::Patched, ""));
                }
            }
            _ if manifest_checks::names_no_provider(found) => warnings.push(manifest_checks::no_provider(found)),
            _ => {
                for place in places {
                    rows_of(inventory, PlacedObject { index, place }, &mut judge, &mut rows);
                }
            }
        }
    }
    doubt_patched(inventory, &mut rows);
    refuse_other_partitions(&mut rows);
    refuse_fields(inventory, &mut rows);
    warnings.extend(errata::apply(inventory, release, &mut rows));
    // An implied release serves as many of the files' versions as possible; a requested release may not.
    if let Some(release) = options.release {
        refuse_unserved(inventory, release, &mut rows);
    }
    resources::add_evidence(inventory, &mut rows);
    Status { inventory, cluster_state, rows, warnings }
}

/// Warnings about objects that are not applied as they are written.
fn warnings_about<O: Provenance>(inventory: &Inventory<O>, cluster_state: &ClusterState) -> Vec<Diagnostic> {
    let capa_objects = inventory.objects().iter().filter(|found| found.object.object_kind.is_capa());
    let mut warnings: Vec<Diagnostic> = capa_objects.filter_map(manifest_checks::dropped_by_kubectl).collect();
    warnings.extend(manifest_checks::newer(inventory));
    let release = cluster_state.release();
    if release.is_newer_than_known() {
        let known = Release::NEWEST;
        let message = format!("CAPA {release} is newer than this program knows: it is evaluated as {known}");
        warnings.push(Diagnostic::warning(message).help("look for a release of kubectl-xaccount that knows it"));
    }
    let dropped = |found: &Resource<O>| {
        manifest_checks::unsupported(found, release).filter(|(existing, _)| *existing == Support::NoReference)
    };
    let sent = inventory.objects().iter().filter(|found| !found.origin.is_dropped_by_kubectl());
    let in_vain = sent.filter(|found| manifest_checks::has_reference(found)).filter_map(dropped);
    warnings.extend(in_vain.map(|(_, warning)| warning));
    warnings.extend(replaced_controller_identity(inventory, cluster_state));
    warnings
}

/// Turns an error into a warning: other verbs refuse the object, `status` only warns.
fn as_warning(error: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..error }
}

/// The warning that CAPA creates its own controller identity in place of the files'.
fn replaced_controller_identity<O: Provenance>(
    inventory: &Inventory<O>,
    cluster_state: &ClusterState,
) -> Option<Diagnostic> {
    let why = cluster_state.replaced_controller_identity()?;
    let found = &inventory[identity(inventory, CONTROLLER_IDENTITY, "default")?];
    let message = format!("{} is refused, and CAPA creates its own, for every namespace", found.title());
    let warning = Diagnostic::warning(message).rule(RuleId::NoControllerIdentity).at(found.head(), why);
    Some(warning.help("correct it before you apply: CAPA's webhook refuses every later change of its spec"))
}

/// An object, and the place to which it is applied.
#[derive(Clone, Copy)]
struct PlacedObject<'n> {
    index: ObjectId,
    place: Placement<'n>,
}

/// Adds the rows of an object: one for each distinct reference.
fn rows_of<O: Provenance>(inventory: &Inventory<O>, place: PlacedObject<'_>, judge: &mut Judge, rows: &mut Vec<Row>) {
    let found = &inventory[place.index];
    let mut seen: HashSet<Subject> = HashSet::new();
    for reference in found.object.references() {
        let patched = place.place.reference.map(|patched| patched.in_place_of(reference));
        let reference = patched.as_ref().unwrap_or(reference);
        let subject = Subject::of(&found.object, reference, judge.release(), Some(place.place.namespace));
        if seen.contains(&subject) {
            continue;
        }
        let mut verdict = judge.evaluate(&subject);
        seen.insert(subject);
        verdict.notes.extend(notes_of(place.place));
        rows.push(row(inventory, place, verdict, reference.span));
    }
}

/// What kustomizations set.
fn notes_of(place: Placement<'_>) -> impl Iterator<Item = String> {
    let namespace = place.from.map(|from| format!("{from} sets namespace {}", place.namespace));
    let reference = place
        .reference
        .map(|patched| format!("{} sets identityRef to {}/{} with a patch", patched.place, patched.kind, patched.name));
    namespace.into_iter().chain(reference)
}

fn row<O: Provenance>(inventory: &Inventory<O>, place: PlacedObject<'_>, verdict: Verdict, reference: Span) -> Row {
    let PlacedObject { index: object, place: Placement { namespace, region, .. } } = place;
    let found = &inventory[object];
    let template = found.is_template();
    let name = found.object.name.clone().unwrap_or_else(|| "(no name)".into());
    let cluster = match template {
        true => name.clone(),
        false => inventory.cluster_name(found).map_or_else(|| name.clone(), str::to_owned),
    };
    let (namespace, account) = (namespace.to_owned(), AccountSummary::of(&verdict));
    let region = region.or(found.object.region()).map(str::to_owned);
    let (not_as_mapped, evidence) = (None, Vec::new());
    Row { object, namespace, name, cluster, template, account, verdict, not_as_mapped, evidence, region, reference }
}

/// The row of an object that CAPA refuses, or that is ambiguous.
fn refused<O: Provenance>(inventory: &Inventory<O>, place: PlacedObject<'_>, reason: Reason, why: &str) -> Row {
    let verdict = Verdict::refused(reason, why.to_owned());
    row(inventory, place, verdict, inventory[place.index].object.kind_span)
}

/// Clusters whose reference or identity a patch changes: what it says before is not what is applied.
fn doubt_patched<O: Provenance>(inventory: &Inventory<O>, rows: &mut [Row]) {
    let changed = |index: ObjectId| inventory[index].object.uncertain();
    let mut identities = Search::new(|hop| identity_of(inventory, hop).is_some_and(|index| changed(index).is_some()));
    for row in rows {
        let own = inventory.uncertain(&inventory[row.object], &row.namespace);
        let (what, uncertain) = match own {
            Some(uncertain) => (String::new(), uncertain),
            None => {
                let Some(hop) = identities.find(&row.verdict.chain) else { continue };
                let index = identity_of(inventory, &hop);
                let Some(uncertain) = index.and_then(changed) else { continue };
                (format!("{}: ", hop.title()), uncertain)
            }
        };
        let Uncertain { place, why, build } = uncertain;
        row.verdict.message =
            Some(format!("{what}{place} {why}; see what is applied: {build} | kubectl xaccount status -f -"));
        row.verdict.outcome = VerdictOutcome::Unknown;
        row.verdict.reason = Some(Reason::Patched);
        row.account = AccountSummary::NotKnown(String::new());
        if own.is_some() {
            row.verdict.chain = Chain::default();
        }
    }
}

/// Refuses clusters whose object has a value that the API server refuses for its type or form.
fn refuse_fields<O: Provenance>(inventory: &Inventory<O>, rows: &mut [Row]) {
    for row in rows {
        // A patch may change the value.
        let is_patched = row.verdict.reason == Some(Reason::Patched);
        if let Some(field) = inventory[row.object].object.refusals().next().filter(|_| !is_patched) {
            row.reject(field.message());
        }
    }
}

/// Refuses clusters whose object has a version that the release does not serve, so that it is not applied.
fn refuse_unserved<O: Provenance>(inventory: &Inventory<O>, release: Release, rows: &mut [Row]) {
    for row in rows {
        let object = &*inventory[row.object].object;
        if is_unserved(object, release) {
            row.reject(not_served(object, release));
        }
    }
}

/// Refuses clusters with a role in a different partition than their region, because it can't be assumed.
fn refuse_other_partitions(rows: &mut [Row]) {
    let mut others = OtherPartitions::default();
    for row in rows {
        let Some(region) = row.region.clone() else { continue };
        let Some((identity, role)) = others.find(row, &region) else { continue };
        let Some(own) = Partition::of_region(&region) else { continue };
        // Without the cluster's name, so that clusters with one mismatch are shown together.
        let mismatch = PartitionMismatch {
            subject: "the cluster",
            region: Some(&region),
            partition: own,
            role: &format!("the role of {}", identity.title()),
            role_partition: role.partition(),
        };
        row.refuse(Reason::AssumeRoleRefused, format!("{mismatch}: {NO_ROLE_ACROSS_PARTITIONS}"));
    }
}

/// Finds identities whose role is in another partition than a cluster's region.
#[derive(Default)]
pub(crate) struct OtherPartitions {
    searches: HashMap<Partition, Search<IsOther>>,
}

type IsOther = Box<dyn Fn(&Hop<'_>) -> bool>;

impl OtherPartitions {
    /// The first such identity of a cluster's chain, and its role.
    pub(crate) fn find<'r>(&mut self, row: &'r Row, region: &str) -> Option<(Hop<'r>, RoleArn)> {
        let own = Partition::of_region(region)?;
        let search = self.searches.entry(own).or_insert_with(|| {
            Search::new(Box::new(move |hop| role_of_hop(hop).is_some_and(|role| role.partition() != own)))
        });
        let hop = search.find(&row.verdict.chain)?;
        Some((hop, role_of_hop(&hop)?))
    }
}

fn role_of_hop(hop: &Hop<'_>) -> Option<RoleArn> {
    hop.role_arn?.parse().ok()
}

/// The object of an identity.
pub fn identity_of<O: Provenance>(inventory: &Inventory<O>, hop: &Hop<'_>) -> Option<ObjectId> {
    identity(inventory, hop.kind, hop.name)
}

/// The first identity with a kind and name that kubectl applies.
fn identity<O: Provenance>(inventory: &Inventory<O>, kind: &str, name: &str) -> Option<ObjectId> {
    let kind = IdentityKind::ALL.into_iter().find(|known| known.name() == kind)?;
    inventory.identities(kind, name).iter().copied().find(|&index| !inventory[index].origin.is_dropped_by_kubectl())
}

/// The version of a CAPA object.
fn version(object: &Object) -> Option<Version> {
    let is_capa = matches!(
        object.object_kind,
        ObjectKind::Referencing { .. } | ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..)
    );
    let (_, version) = object.api_version.split_once('/').filter(|_| is_capa)?;
    version.parse().ok()
}

/// The newest release that serves the versions and kinds of the CAPA objects, and supports their references.
fn implied<O: Provenance>(inventory: &Inventory<O>, warnings: &mut Vec<Diagnostic>) -> Release {
    let capa_objects = || inventory.objects().iter().filter(|found| version(&found.object).is_some());
    let versions: HashSet<Version> = capa_objects().filter_map(|found| version(&found.object)).collect();
    let last = capa_objects().max_by_key(|found| read_since(&found.object));
    let since = last.map_or(Release::IDENTITIES, |found| read_since(&found.object)).max(Release::IDENTITIES);
    Release::serving(versions.iter().copied(), since).unwrap_or_else(|| {
        let mut versions: Vec<_> = versions.iter().copied().collect();
        versions.sort();
        let names: Vec<&str> = versions.iter().map(|version| version.name()).collect();
        let message = match (Release::serving(versions.iter().copied(), Release::IDENTITIES), last) {
            (Some(newest), Some(last)) => {
                let kind = &last.object.kind;
                format!(
                    "no release of CAPA serves {} and reads {kind} (last to serve: {newest}, first to read: {since})",
                    names.join(" and ")
                )
            }
            _ => format!("no release of CAPA serves {} together", names.join(" and ")),
        };
        warnings.push(
            Diagnostic::warning(message)
                .help(format!("evaluated for CAPA {}; pass --capa-version to select a release", Release::NEWEST)),
        );
        Release::NEWEST
    })
}

/// The place of an identity's role.
fn role_of<O: Provenance>(found: &Resource<O>) -> O::Place {
    let span = match &found.object.object_kind {
        ObjectKind::Identity(identity, _) => identity.role_arn.span(),
        _ => None,
    };
    found.location(span.unwrap_or(found.object.kind_span))
}

/// The role identities that kubectl applies: object, name and role.
fn role_identities<O: Provenance>(inventory: &Inventory<O>) -> impl Iterator<Item = (ObjectId, &str, RoleArn)> {
    inventory.entries().filter(|(_, found)| !found.origin.is_dropped_by_kubectl()).filter_map(|(index, found)| {
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else { return None };
        let name = found.object.name.as_deref()?;
        // If two documents have the same name, only the first counts.
        let first = self::identity(inventory, ROLE_IDENTITY, name) == Some(index);
        let role = identity.role_arn.text()?.parse().ok()?;
        first.then_some((index, name, role))
    })
}

/// The file of an object, if it is in one.
fn file_of<O: Provenance>(inventory: &Inventory<O>, index: ObjectId) -> Option<FileId> {
    inventory[index].origin.file()
}
