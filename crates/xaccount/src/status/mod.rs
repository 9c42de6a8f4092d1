//! What `status` thinks: which cluster is in which account, through which identities, and may it. No I/O.

mod map;
mod moves;
mod users;

use std::collections::{HashMap, HashSet};

use crate::aws::{AccountId, Partition, RoleArn};
use crate::capa::{
    BEARERS, CONTROLLER_IDENTITY, Hop, IdentityKind, Judge, Object, Outcome, ROLE_IDENTITY, Reason, Release, Role,
    Search, Subject, Support, Verdict, Version, World, read_since, served_since, support,
};
use crate::check;
use crate::diag::{Diagnostic, FileId, Location, Severity, Span};
use crate::run::{Found, Run};

pub use crate::check::in_the_source_account;
pub use map::{Map, map};
pub use moves::{Cause, Move, Side, moves};
pub use users::{Door, doors, used_by};

/// The account whose credentials CAPA uses for a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// That of the role.
    Known(AccountId),
    /// That of the management cluster: the controller's own credentials.
    Management,
    /// That of the keys of a static identity, which manifests don't say.
    Static(String),
    /// The files don't say; the identity that would, and what it says instead.
    NotKnown(String),
}

impl Account {
    /// The account's id, if the manifests say it.
    pub fn id(&self) -> Option<&AccountId> {
        match self {
            Self::Known(id) => Some(id),
            _ => None,
        }
    }

    /// In a word.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(id) => id.as_str(),
            Self::Management => "management",
            Self::Static(_) => "static",
            Self::NotKnown(_) => "unknown",
        }
    }

    fn of(verdict: &Verdict) -> Self {
        let Some(first) = verdict.chain.first() else {
            return match verdict.outcome {
                Outcome::Permitted => Self::Management,
                _ => Self::NotKnown(String::new()),
            };
        };
        match (first.account, first.kind) {
            (Some(id), _) => Self::Known(id.clone()),
            (None, CONTROLLER_IDENTITY) => Self::Management,
            (None, kind) if kind == IdentityKind::Static.name() => Self::Static(first.name.to_owned()),
            (None, kind) => {
                let role = first.role_arn.unwrap_or_default();
                Self::NotKnown(format!("{kind}/{} {role}", first.name))
            }
        }
    }
}

/// A cluster, or a template of clusters, and what becomes of its credentials.
#[derive(Clone, Debug)]
pub struct Row {
    /// The object: an index into the run's objects.
    pub object: usize,
    /// The namespace that it says, or that objects without one go to.
    pub namespace: Option<String>,
    /// Its own name.
    pub name: String,
    /// The name of the cluster that it belongs to.
    pub cluster: String,
    /// Whether it is a template.
    pub template: bool,
    /// The account.
    pub account: Account,
    /// What CAPA concludes.
    pub verdict: Verdict,
    /// Where the reference stands, or the deepest thing that is there of it.
    pub reference: Span,
}

impl Row {
    /// Whether CAPA gets no credentials for it, as far as the files say. Nobody asks that of a template.
    pub fn is_refused(&self) -> bool {
        !self.template && self.verdict.outcome != Outcome::Permitted
    }

    /// Makes an error of a verdict that is no refusal yet.
    fn refuse(&mut self, reason: Reason, message: String) {
        if matches!(self.verdict.outcome, Outcome::Permitted | Outcome::Unknown) {
            self.verdict.outcome = Outcome::Error;
            self.verdict.reason = Some(reason);
            self.verdict.message = Some(message);
        }
    }

    /// `NAMESPACE/NAME` of its cluster.
    pub fn title(&self) -> String {
        let namespace = self.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        format!("{namespace}{}", self.cluster)
    }
}

/// All that `status` knows of a run.
#[derive(Clone, Debug)]
pub struct Status<'r> {
    /// The run.
    pub run: &'r Run,
    /// What the verdicts hang on.
    pub world: World,
    /// The clusters, in the order of the files.
    pub rows: Vec<Row>,
    /// What to say although nothing is wrong.
    pub warnings: Vec<Diagnostic>,
}

/// How a run is looked at.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The release of CAPA that judges; by default the newest that serves the API versions of the files.
    pub release: Option<Release>,
    /// Only objects in this namespace, and objects without one, which go there.
    pub namespace: Option<String>,
}

/// Looks at a run.
pub fn status<'r>(run: &'r Run, options: &Options) -> Status<'r> {
    let mut warnings = Vec::new();
    let release = options.release.unwrap_or_else(|| implied(run, &mut warnings));
    let namespace = options.namespace.as_deref();
    // What kubectl drops without a word is not applied.
    let sent = || run.objects().iter().enumerate().filter(|(_, found)| !found.bare);
    let world = World::new(sent().map(|(_, found)| &*found.object), release, namespace);
    for found in run.objects().iter().filter(|found| found.bare && found.object.role.is_ours()) {
        let message = format!("{} counts for nothing: kubectl drops a document that follows '...'", found.title());
        let warning = Diagnostic::warning(message).rule("XA035").at(found.head(), "");
        warnings.push(warning.help("begin the document with '---'"));
    }
    let dropped =
        |found: &Found| check::unsupported(found, release).filter(|(there, _)| *there == Support::NoReference);
    let in_vain = sent().filter(|(_, found)| check::has_reference(found)).filter_map(|(_, found)| dropped(found));
    warnings.extend(in_vain.map(|(_, warning)| warning));
    let mut rows = Vec::new();
    let mut judge = Judge::new(&world);
    for (index, found) in sent() {
        let own = found.object.namespace.as_deref().filter(|own| !own.is_empty());
        if own.is_some_and(|own| namespace.is_some_and(|asked| asked != own)) {
            continue;
        }
        let place = (index, own.or(namespace));
        if let Some(twice) = found.object.twice.as_deref() {
            match &found.object.role {
                Role::Bearer { .. } | Role::Cluster { .. } => {
                    rows.push(refused(run, place, Reason::Ambiguous, &twice.why()));
                }
                Role::Class(_) => {}
                _ => warnings
                    .extend(check::twice(found).map(|error| Diagnostic { severity: Severity::Warning, ..error })),
            }
            continue;
        }
        if found.object.references().next().is_some() {
            warnings.extend(run.doubtful_cluster(found));
        }
        match &found.object.role {
            Role::Refused(why, way_out) => match BEARERS.iter().any(|bearer| bearer.kind == found.object.kind) {
                true => rows.push(refused(run, place, Reason::ObjectRefused, why)),
                false => {
                    let message = format!("{}: {why}", found.title());
                    warnings.push(Diagnostic::warning(message).at(found.head(), "").help(*way_out));
                }
            },
            Role::Cluster { unclear: true, .. } => warnings.push(
                Diagnostic::warning(format!("{} is passed by: its variables name no provider", found.title()))
                    .at(found.head(), "if its class is one of AWS, its reference is in the class"),
            ),
            _ => rows_of(run, place, &mut judge, &mut rows),
        }
    }
    refuse_other_partitions(run, &mut rows);
    // A release that the files imply serves what it can of them; one that is named may not.
    if let Some(release) = options.release {
        refuse_unserved(run, release, &mut rows);
    }
    Status { run, world, rows, warnings }
}

/// The rows of an object: one for each reference that says something else.
fn rows_of(run: &Run, (index, namespace): (usize, Option<&str>), judge: &mut Judge, rows: &mut Vec<Row>) {
    let found = &run.objects()[index];
    let mut seen: HashSet<Subject> = HashSet::new();
    for reference in found.object.references() {
        let subject = Subject::of(&found.object, reference, judge.release(), namespace);
        if seen.contains(&subject) {
            continue;
        }
        let verdict = judge.evaluate(&subject);
        seen.insert(subject);
        rows.push(row(run, (index, namespace), verdict, reference.span));
    }
}

fn row(run: &Run, (object, namespace): (usize, Option<&str>), verdict: Verdict, reference: Span) -> Row {
    let found = &run.objects()[object];
    let template = matches!(&found.object.role, Role::Bearer { bearer, .. } if bearer.template);
    let name = found.object.name.clone().unwrap_or_else(|| "(no name)".into());
    let cluster = match template {
        true => name.clone(),
        false => run.cluster_name(found).map_or_else(|| name.clone(), str::to_owned),
    };
    let (namespace, account) = (namespace.map(str::to_owned), Account::of(&verdict));
    Row { object, namespace, name, cluster, template, account, verdict, reference }
}

/// The row of an object that no release of CAPA takes, or of which readers see two.
fn refused(run: &Run, place: (usize, Option<&str>), reason: Reason, why: &str) -> Row {
    let verdict = Verdict::refused(reason, why.to_owned());
    row(run, place, verdict, run.objects()[place.0].object.kind_span)
}

/// An object whose version a release does not serve is not applied: nor is a cluster whose identity is not.
fn refuse_unserved(run: &Run, release: Release, rows: &mut [Row]) {
    let is_unserved = |index: usize| support(&run.objects()[index].object, release) == Some(Support::NotServed);
    let mut identities = Search::new(|hop| identity_of(run, hop).is_some_and(is_unserved));
    for row in rows {
        let own = Some(row.object).filter(|&index| is_unserved(index));
        let unserved = own.or_else(|| identity_of(run, &identities.find(&row.verdict.chain)?));
        let Some(object) = unserved.map(|index| &*run.objects()[index].object) else { continue };
        let Object { kind, api_version, .. } = object;
        let since = served_since(object);
        let yet = if release < since { format!(" yet; {since} is the first that does") } else { String::new() };
        let message = format!(
            "no matches for kind \"{kind}\" in version \"{api_version}\": CAPA {release} does not serve it{yet}"
        );
        row.refuse(Reason::ObjectRefused, message);
    }
}

/// A cluster's region says its partition, and no role of another one can be assumed for it.
fn refuse_other_partitions(run: &Run, rows: &mut [Row]) {
    let mut others = OtherPartitions::default();
    for row in rows {
        let Some(region) = run.objects()[row.object].object.region() else { continue };
        let Some((identity, role)) = others.find(row, region) else { continue };
        let Some(own) = Partition::of_region(region) else { continue };
        let message = format!(
            "{}: its role is in partition {}, and the region {region} in {own}: no role can be assumed across partitions",
            identity.title(),
            role.partition()
        );
        row.refuse(Reason::AssumeRoleRefused, message);
    }
}

/// Finds identities whose role is in another partition than a cluster's region.
#[derive(Default)]
pub(crate) struct OtherPartitions {
    searches: HashMap<Partition, Search<IsOther>>,
}

type IsOther = Box<dyn Fn(&Hop<'_>) -> bool>;

impl OtherPartitions {
    /// The first of a cluster's chain, and its role.
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

/// The object of an identity: an index into the run's objects.
pub fn identity_of(run: &Run, hop: &Hop<'_>) -> Option<usize> {
    identity(run, hop.kind, hop.name)
}

/// The first identity of a kind and name that kubectl sends.
fn identity(run: &Run, kind: &str, name: &str) -> Option<usize> {
    let kind = IdentityKind::ALL.into_iter().find(|known| known.name() == kind)?;
    run.identities(kind, name).iter().copied().find(|&index| !run.objects()[index].bare)
}

/// The version of an object of CAPA.
fn version(object: &Object) -> Option<Version> {
    let ours = matches!(object.role, Role::Bearer { .. } | Role::Identity(..) | Role::Controller(_) | Role::Static(..));
    let (_, version) = object.api_version.split_once('/').filter(|_| ours)?;
    version.parse().ok()
}

/// The newest release that serves the versions and kinds of CAPA's objects, and has their references.
fn implied(run: &Run, warnings: &mut Vec<Diagnostic>) -> Release {
    let ours = || run.objects().iter().filter(|found| version(&found.object).is_some());
    let versions: HashSet<Version> = ours().filter_map(|found| version(&found.object)).collect();
    let last = ours().max_by_key(|found| read_since(&found.object));
    let since = last.map_or(Release::IDENTITIES, |found| read_since(&found.object)).max(Release::IDENTITIES);
    Release::serving(versions.iter().copied(), since).unwrap_or_else(|| {
        let mut versions: Vec<_> = versions.iter().copied().collect();
        versions.sort();
        let names: Vec<&str> = versions.iter().map(|version| version.name()).collect();
        let message = match (Release::serving(versions.iter().copied(), Release::IDENTITIES), last) {
            (Some(newest), Some(last)) => {
                let kind = &last.object.kind;
                format!(
                    "no release of CAPA serves {} and reads {kind}: {newest} is the last, {since} the first",
                    names.join(" and ")
                )
            }
            _ => format!("no release of CAPA serves {} side by side", names.join(" and ")),
        };
        warnings.push(
            Diagnostic::warning(message)
                .help(format!("judged as {}; --capa-version says which one it is", Release::NEWEST)),
        );
        Release::NEWEST
    })
}

/// Where an identity says its role.
fn role_of(found: &Found) -> Location {
    let span = match &found.object.role {
        Role::Identity(identity, _) => identity.role_arn.span(),
        _ => None,
    };
    found.location(span.unwrap_or(found.object.kind_span))
}

/// Role identities that kubectl sends: index, name and role.
fn role_identities(run: &Run) -> impl Iterator<Item = (usize, &str, RoleArn)> {
    run.objects().iter().enumerate().filter(|(_, found)| !found.bare).filter_map(|(index, found)| {
        let Role::Identity(identity, _) = &found.object.role else { return None };
        let name = found.object.name.as_deref()?;
        // Of two documents of one name, the first is enough to say that there is one.
        let first = self::identity(run, ROLE_IDENTITY, name) == Some(index);
        let role = identity.role_arn.text()?.parse().ok()?;
        first.then_some((index, name, role))
    })
}

/// The file of an object.
fn file_of(run: &Run, index: usize) -> FileId {
    run.objects()[index].file
}
