//! Checks that all verbs share: `inject` and `eject` refuse what they find, `lint` reports it. A check that is a rule
//! of `lint` has the rule's id.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::aws::{AccountId, Partition, RoleArn};
use crate::capa::{
    CONTROLLER_IDENTITY, Field, IdentityReference, Object, ObjectKind, Reference, Release, State, Support, Twice,
    UnusableReference, Version, is_newer, is_unserved, served_since, support,
};
use crate::diag::{Diagnostic, RuleId, Span};
use crate::inventory::{Inventory, ObjectId, Provenance, Resource};

/// Errors about invalid CAPA objects, and objects whose account depends on the YAML reader, anywhere in the inventory.
pub(crate) fn impossible(inventory: &Inventory) -> impl Iterator<Item = Diagnostic> {
    inventory.objects().iter().filter_map(|found| {
        let decides = !matches!(found.object.object_kind, ObjectKind::Class(_));
        refused(found).or_else(|| twice(found).filter(|_| decides))
    })
}

/// The error about a duplicate key that decides the account of an object: readers differ.
pub(crate) fn twice<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    found.object.twice.as_deref().map(|twice| decided_twice(found, twice))
}

/// The error about a duplicate label.
pub(crate) fn label_twice(found: &Resource, key: &str, span: Span) -> Diagnostic {
    decided_twice(found, &Twice { path: format!("metadata.labels.{key}"), span, merged: key == "<<" })
}

/// The error about a duplicate region, which decides the partition.
pub(crate) fn region_twice(found: &Resource) -> Option<Diagnostic> {
    let ObjectKind::Referencing { kind_row, region: Field::Ambiguous(span), .. } = &found.object.object_kind else {
        return None;
    };
    let path = format!("{}.region", kind_row.parent.join("."));
    Some(decided_twice(found, &Twice { path, span: *span, merged: false }))
}

fn decided_twice<O: Provenance>(found: &Resource<O>, twice: &Twice) -> Diagnostic {
    Diagnostic::error(format!("{}: {}", found.title(), twice.why()))
        .rule(RuleId::InvalidIdentityRef)
        .at(found.location(twice.span), "the account of a cluster depends on it")
        .help("remove one of them and run again; kubectl takes the last, other tools refuse it")
}

/// The error about a CAPA object that is invalid or can't be identified.
pub(crate) fn refused<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    let ObjectKind::Refused(why, way_out) = &found.object.object_kind else { return None };
    let error = Diagnostic::error(format!("{}: {why}", found.title())).rule(RuleId::UnknownApiVersion);
    Some(error.at(found.head(), "").help(*way_out))
}

/// The warning about an object of CAPA whose version is newer than this program knows.
fn newer_than_known<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    let version = newer_version(&found.object)?;
    let message = format!(
        "{}: {version} is newer than this program knows (CAPA {}): it is read as {}",
        found.title(),
        Release::NEWEST,
        Version::V1Beta2
    );
    let warning = Diagnostic::warning(message).rule(RuleId::UnknownApiVersion).at(found.head(), "");
    Some(warning.help("look for a release of kubectl-xaccount that knows it"))
}

/// The warnings about objects of CAPA whose version is newer than this program knows: one for each file and version.
pub(crate) fn newer<O: Provenance>(inventory: &Inventory<O>) -> Vec<Diagnostic> {
    let mut reported = BTreeSet::new();
    let newer = inventory.objects().iter().filter_map(|found| Some((found, newer_than_known(found)?)));
    let first =
        newer.filter(|(found, _)| reported.insert((found.origin.file(), found.object.api_version.rsplit('/').next())));
    first.map(|(_, warning)| warning).collect()
}

/// The version of an object of CAPA, if it is newer than this program knows.
fn newer_version(object: &Object) -> Option<&str> {
    let version = object.api_version.rsplit('/').next().filter(|version| is_newer(version))?;
    let is_read = matches!(
        object.object_kind,
        ObjectKind::Referencing { .. } | ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..)
    );
    is_read.then_some(version)
}

/// Errors about identity names with two role ARNs, anywhere in the inventory: the one applied last would win for all
/// clusters.
pub(crate) fn names_of_two_roles(inventory: &Inventory) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let mut seen: BTreeMap<&str, (ObjectId, &str)> = BTreeMap::new();
    for (index, found) in inventory.entries() {
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else {
            continue;
        };
        let (Some(name), Some(arn)) = (found.object.name.as_deref(), identity.role_arn.text()) else {
            continue;
        };
        let (first, other) = *seen.entry(name).or_insert((index, arn));
        if other != arn {
            let first = &inventory[first];
            let first_arn = match &first.object.object_kind {
                ObjectKind::Identity(identity, _) => identity.role_arn.span(),
                _ => None,
            };
            let first_arn = first.location(first_arn.unwrap_or(first.object.kind_span));
            errors.push(
                Diagnostic::error(format!("the identity '{name}' has two role ARNs"))
                    .rule(RuleId::TwoRoles)
                    .at(found.location(identity.role_arn.span().unwrap_or(found.object.kind_span)), arn)
                    .also(first_arn, other)
                    .help("identities are cluster-scoped: the one applied last is used for the clusters of both")
                    .help("give one of them another metadata.name, and use that in its clusters' identityRef"),
            );
        }
    }
    errors
}

/// The label of a partition mismatch.
pub const NO_ROLE_ACROSS_PARTITIONS: &str = "no role can be assumed across partitions";

/// A role in another partition than what it is needed for.
#[derive(Clone, Copy, Debug)]
pub struct PartitionMismatch<'m> {
    /// What the role is needed for, or what specifies the partition.
    pub subject: &'m str,
    /// The region of the subject, if it is a cluster.
    pub region: Option<&'m str>,
    /// The partition of the subject.
    pub partition: Partition,
    /// The role.
    pub role: &'m str,
    /// The partition of the role.
    pub role_partition: Partition,
}

impl fmt::Display for PartitionMismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, region, partition, role, role_partition } = self;
        match region {
            Some(region) => write!(f, "{subject} is in {region}, partition {partition}")?,
            None => write!(f, "{subject} is in partition {partition}")?,
        }
        write!(f, ", but {role} is in partition {role_partition}")
    }
}

impl PartitionMismatch<'_> {
    /// As an error without a place.
    pub fn error(&self) -> Diagnostic {
        Diagnostic::error(self.to_string()).rule(RuleId::PartitionMismatch)
    }
}

/// A role in another partition than the region of a cluster. `fallback` is the place for a region without one.
pub(crate) fn partition(found: &Resource, role: &str, role_partition: Partition, fallback: Span) -> Option<Diagnostic> {
    let region = found.object.region()?;
    let partition = Partition::of_region(region).filter(|own| *own != role_partition)?;
    let span = match &found.object.object_kind {
        ObjectKind::Referencing { region, .. } => region.span(),
        _ => None,
    };
    let subject = &found.title();
    let mismatch = PartitionMismatch { subject, region: Some(region), partition, role, role_partition };
    Some(mismatch.error().at(found.location(span.unwrap_or(fallback)), NO_ROLE_ACROSS_PARTITIONS))
}

/// Notes about role identities whose role is in the source account: a cluster there needs none.
pub fn in_the_source_account<O: Provenance>(inventory: &Inventory<O>, source: &AccountId) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    for found in inventory.objects() {
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else { continue };
        let (Some(text), Some(span)) = (identity.role_arn.text(), identity.role_arn.span()) else { continue };
        if text.parse::<RoleArn>().is_ok_and(|role| role.account() == source) {
            notes.push(
                Diagnostic::note(format!("{}: its role is in the source account {source}", found.title()))
                    .rule(RuleId::TargetIsSource)
                    .at(found.location(span), "")
                    .help("a cluster in the source account needs no role identity: the controller identity is enough"),
            );
        }
    }
    notes
}

/// The error about something else where a reference belongs.
pub(crate) fn misplaced(found: &Resource, reference: &IdentityReference) -> Option<Diagnostic> {
    let path = reference.path.join("/");
    match reference.state {
        State::Wrong(span) | State::Variable(span) => Some(
            Diagnostic::error(format!("{}: an identityRef can't be set here", found.title()))
                .rule(RuleId::InvalidIdentityRef)
                .at(found.location(span), format!("/{path} leads here"))
                .help("an identityRef is a mapping of kind and name; correct this manually and run again"),
        ),
        State::Twice(span) => Some(
            Diagnostic::error(format!("{}: duplicate key in the path of identityRef", found.title()))
                .rule(RuleId::InvalidIdentityRef)
                .at(found.location(span), format!("/{path} leads here twice"))
                .help("remove one of them and run again; kubectl takes the last, other tools refuse it"),
        ),
        State::Unset | State::Set(_) => None,
    }
}

/// The error about an existing reference whose kind or name is ambiguous.
pub(crate) fn unreadable(found: &Resource, reference: &Reference) -> Option<Diagnostic> {
    [(&reference.kind, "kind"), (&reference.name, "name")].into_iter().find_map(|(field, key)| {
        let what = match field {
            Field::Typed(..) => "kubectl reads this as a number or a boolean",
            Field::Other(_) => "not a string",
            Field::Ambiguous(_) => "duplicate key",
            _ => return None,
        };
        let title = found.title();
        Some(
            Diagnostic::error(format!("{title}: the identity reference's {key} can't be read with certainty"))
                .rule(RuleId::InvalidIdentityRef)
                .at(found.location(field.span().unwrap_or(reference.span)), what)
                .help("write kind and name once, as strings, in quotes if they look like another type, and run again"),
        )
    })
}

/// Why it is unknown whether a topology Cluster runs on AWS.
pub(crate) const NO_PROVIDER: &str = "its variables name no provider";

/// Whether a topology Cluster may run on AWS, but has no variable for it.
pub(crate) fn names_no_provider<O: Provenance>(found: &Resource<O>) -> bool {
    matches!(found.object.object_kind, ObjectKind::Cluster { unclear: true, .. })
}

/// The warning that such a Cluster is skipped.
pub(crate) fn no_provider<O: Provenance>(found: &Resource<O>) -> Diagnostic {
    Diagnostic::warning(format!("{} is skipped: {NO_PROVIDER}", found.title()))
        .at(found.head(), "if its class is for AWS, the reference is in the class")
}

/// The error about a reference that can't be used. `what` is its field.
pub(crate) fn unusable(found: &Resource, reference: &Reference, what: &str, problem: &UnusableReference) -> Diagnostic {
    let (field, label) = match problem {
        UnusableReference::NoKind => (None, "the API server refuses it"),
        UnusableReference::UnknownKind(_) => (Some(&reference.kind), "the API server refuses it"),
        UnusableReference::NoName => (Some(&reference.name), "the API server refuses it"),
        UnusableReference::OtherController(_) => {
            (Some(&reference.name), "the API server accepts this; CAPA then fails")
        }
    };
    let at = field.and_then(Field::span).unwrap_or(reference.span);
    let error = Diagnostic::error(format!("{}: {what} {problem}", found.title())).at(found.location(at), label);
    match problem {
        UnusableReference::OtherController(_) => error.rule(RuleId::InvalidSourceIdentity).help("name: default"),
        _ => {
            let error = error.rule(RuleId::InvalidIdentityRef);
            problem.kinds().into_iter().fold(error, Diagnostic::help)
        }
    }
}

/// The reference to an identity's source.
///
/// # Errors
/// It is missing, or it is not a single mapping of kind and name.
pub(crate) fn source_reference<'s>(found: &Resource, source: &'s State) -> Result<&'s Reference, Diagnostic> {
    let title = found.title();
    let error = match source {
        State::Set(reference) => return Ok(reference),
        State::Unset => Diagnostic::error(format!("{title}: there is no sourceIdentityRef"))
            .at(found.head(), "CAPA's webhook refuses the object")
            .help(format!("sourceIdentityRef: {{kind: {CONTROLLER_IDENTITY}, name: default}}")),
        State::Wrong(span) => {
            Diagnostic::error(format!("{title}: sourceIdentityRef is not a mapping of kind and name"))
                .at(found.location(*span), "")
        }
        State::Variable(span) => {
            Diagnostic::error(format!("{title}: sourceIdentityRef is a variable that is not filled in"))
                .at(found.location(*span), "")
        }
        State::Twice(span) => Diagnostic::error(format!("{title}: duplicate key sourceIdentityRef"))
            .at(found.location(*span), "")
            .help("kubectl takes the last, other tools refuse it; remove one"),
    };
    Err(error.rule(RuleId::InvalidSourceIdentity))
}

/// The warning about a release of CAPA that does not support an object's kind, version or reference. A reference that
/// the API server drops puts the cluster into the source account.
pub(crate) fn unsupported<O: Provenance>(found: &Resource<O>, release: Release) -> Option<(Support, Diagnostic)> {
    let supported = match is_unserved(&found.object, release) {
        true => Support::NotServed,
        false => support(&found.object, release).filter(|supported| *supported != Support::Full)?,
    };
    let (kind, title) = (&found.object.kind, found.title());
    let (message, at, help) = match (supported, &found.object.object_kind) {
        (Support::NoReference, ObjectKind::Referencing { kind_row, reference, .. }) => (
            format!("{title}: CAPA {release} has no identityRef on {kind}, so the API server drops it"),
            found.location(reference.span),
            Some(format!(
                "the controller then uses its own credentials; {} is the first release with the field",
                kind_row.since
            )),
        ),
        _ => {
            let since = served_since(&found.object);
            let version = found.object.api_version.rsplit('/').next().unwrap_or_default();
            let message = if release < since {
                format!(
                    "{title}: CAPA {release} does not have the kind {kind} yet; {since} is the first release with it"
                )
            } else {
                format!("{title}: CAPA {release} does not serve {version}")
            };
            (message, found.head(), None)
        }
    };
    let warning = Diagnostic::warning(message).rule(RuleId::NotServed).at(at, "");
    Some((supported, help.into_iter().fold(warning, Diagnostic::help)))
}

/// Whether an object with a field for it has an identity reference, which the API server could drop.
pub(crate) fn has_reference<O: Provenance>(found: &Resource<O>) -> bool {
    matches!(&found.object.object_kind, ObjectKind::Referencing { reference, .. } if reference.state != State::Unset)
}

/// The warning that a changed template can't be applied over the existing one.
pub(crate) fn template(found: &Resource) -> Option<Diagnostic> {
    let template = found.is_template();
    template.then(|| {
        Diagnostic::warning(format!(
            "{}: CAPA's webhook refuses changes to the spec of an applied template",
            found.title()
        ))
        .at(found.head(), "")
        .help("if it is applied already, give the template a new metadata.name, and use that in the ClusterClass")
    })
}

/// The warning about a document that follows `...` without a `---`, which kubectl drops.
pub(crate) fn dropped_by_kubectl<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    found.origin.is_dropped_by_kubectl().then(|| {
        Diagnostic::warning(format!("{} follows '...' without a '---': kubectl drops such a document", found.title()))
            .rule(RuleId::DroppedDocument)
            .at(found.head(), "")
            .help("begin the document with '---'")
    })
}
