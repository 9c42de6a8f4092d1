//! What is said of a run and its objects whichever verb reads them: `inject` and `eject` refuse it, `lint` finds it. Each
//! check that is a rule of `lint` has its id.

use std::collections::BTreeMap;
use std::fmt;

use crate::aws::{AccountId, Partition, RoleArn};
use crate::capa::{
    CONTROLLER_IDENTITY, Field, IdentityReference, ObjectKind, Reference, Release, State, Support, Twice,
    UnusableReference, served_since, support,
};
use crate::diag::{Diagnostic, RuleId, Span};
use crate::inventory::{Inventory, ObjectId, Provenance, Resource};

/// Objects of CAPA in a shape that can't be, or of which the account depends on the reader, are errors wherever they stand.
pub(crate) fn impossible(inventory: &Inventory) -> impl Iterator<Item = Diagnostic> {
    inventory.objects().iter().filter_map(|found| {
        let decides = !matches!(found.object.object_kind, ObjectKind::Class(_));
        refused(found).or_else(|| twice(found).filter(|_| decides))
    })
}

/// Why readers differ in what decides the account of an object.
pub(crate) fn twice<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    found.object.twice.as_deref().map(|twice| decided_twice(found, twice))
}

/// Why nobody can tell which label an object has.
pub(crate) fn label_twice(found: &Resource, key: &str, span: Span) -> Diagnostic {
    decided_twice(found, &Twice { path: format!("metadata.labels.{key}"), span, merged: key == "<<" })
}

/// Why nobody can tell the region, which decides the partition.
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

/// Why an object of CAPA can't be, or can't be told.
pub(crate) fn refused<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    let ObjectKind::Refused(why, way_out) = &found.object.object_kind else { return None };
    let error = Diagnostic::error(format!("{}: {why}", found.title())).rule(RuleId::UnknownApiVersion);
    Some(error.at(found.head(), "").help(*way_out))
}

/// One identity name with two role ARNs is an error wherever it stands: the last one applied would win for all.
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
                Diagnostic::error(format!("the identity name '{name}' stands for two role ARNs"))
                    .rule(RuleId::TwoRoles)
                    .at(found.location(identity.role_arn.span().unwrap_or(found.object.kind_span)), arn)
                    .also(first_arn, other)
                    .help("identities are cluster-scoped: the one applied last would take over the clusters of both")
                    .help("give one of them another metadata.name, and name it in its clusters' identityRef"),
            );
        }
    }
    errors
}

/// What follows from two partitions.
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

/// Role identities whose role is in the source account: a cluster there needs none.
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
                    .help("a cluster in the source account needs no role identity: the controller identity does"),
            );
        }
    }
    notes
}

/// Why nobody can tell what stands where a reference belongs.
pub(crate) fn misplaced(found: &Resource, reference: &IdentityReference) -> Option<Diagnostic> {
    let path = reference.path.join("/");
    match reference.state {
        State::Wrong(span) | State::Variable(span) => Some(
            Diagnostic::error(format!("{}: no identityRef can stand here", found.title()))
                .rule(RuleId::InvalidIdentityRef)
                .at(found.location(span), format!("/{path} leads here"))
                .help("an identityRef is a mapping of kind and name; mend this by hand and run again"),
        ),
        State::Twice(span) => Some(
            Diagnostic::error(format!("{}: a key on the way to identityRef is written twice", found.title()))
                .rule(RuleId::InvalidIdentityRef)
                .at(found.location(span), format!("/{path} leads here twice"))
                .help("remove one of them and run again; kubectl takes the last, other tools refuse it"),
        ),
        State::Unset | State::Set(_) => None,
    }
}

/// Why nobody can tell what a reference that is there names.
pub(crate) fn unreadable(found: &Resource, reference: &Reference) -> Option<Diagnostic> {
    [(&reference.kind, "kind"), (&reference.name, "name")].into_iter().find_map(|(field, key)| {
        let what = match field {
            Field::Typed(..) => "kubectl reads this as a number or a boolean",
            Field::Other(_) => "not one text",
            Field::Ambiguous(_) => "written twice",
            _ => return None,
        };
        let title = found.title();
        Some(
            Diagnostic::error(format!("{title}: the identity reference's {key} can't be read with certainty"))
                .rule(RuleId::InvalidIdentityRef)
                .at(found.location(field.span().unwrap_or(reference.span)), what)
                .help(
                    "write kind and name once, as texts, in quotes where they look like something else, and run again",
                ),
        )
    })
}

/// Why nobody can tell whether a topology Cluster runs on AWS.
pub(crate) const NO_PROVIDER: &str = "its variables name no provider";

/// Whether a topology Cluster may run on AWS without a variable that says so.
pub(crate) fn names_no_provider<O: Provenance>(found: &Resource<O>) -> bool {
    matches!(found.object.object_kind, ObjectKind::Cluster { unclear: true, .. })
}

/// Such a Cluster is skipped.
pub(crate) fn no_provider<O: Provenance>(found: &Resource<O>) -> Diagnostic {
    Diagnostic::warning(format!("{} is passed by: {NO_PROVIDER}", found.title()))
        .at(found.head(), "if its class is one of AWS, its reference is in the class")
}

/// Why a reference can't be used. `what` is its field.
pub(crate) fn unusable(found: &Resource, reference: &Reference, what: &str, problem: &UnusableReference) -> Diagnostic {
    let (field, label) = match problem {
        UnusableReference::NoKind => (None, "the API server refuses it"),
        UnusableReference::UnknownKind(_) => (Some(&reference.kind), "the API server refuses it"),
        UnusableReference::NoName => (Some(&reference.name), "the API server refuses it"),
        UnusableReference::OtherController(_) => (Some(&reference.name), "the API server takes this; CAPA then fails"),
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
/// It is missing, or it isn't one mapping of kind and name.
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
        State::Twice(span) => Diagnostic::error(format!("{title}: sourceIdentityRef is written twice"))
            .at(found.location(*span), "")
            .help("kubectl takes the last, other tools refuse it; remove one"),
    };
    Err(error.rule(RuleId::InvalidSourceIdentity))
}

/// What a release of CAPA does not have of an object that names an identity, as a warning: its kind, or the reference. A
/// reference that the API server drops puts the cluster into the source account.
pub(crate) fn unsupported<O: Provenance>(found: &Resource<O>, release: Release) -> Option<(Support, Diagnostic)> {
    let supported = support(&found.object, release).filter(|supported| *supported != Support::Full)?;
    let (kind, title) = (&found.object.kind, found.title());
    let (message, at) = match (supported, &found.object.object_kind) {
        (Support::NoReference, ObjectKind::Referencing { kind_row, reference, .. }) => (
            format!(
                "{title}: CAPA {release} has no identityRef on {kind}: the API server drops it, and the controller uses its own credentials; {} is the first that has it",
                kind_row.since
            ),
            found.location(reference.span),
        ),
        _ => {
            let since = served_since(&found.object);
            let version = found.object.api_version.rsplit('/').next().unwrap_or_default();
            let message = if release < since {
                format!("{title}: CAPA {release} does not have the kind {kind} yet; {since} is the first that does")
            } else {
                format!("{title}: CAPA {release} does not serve {version}")
            };
            (message, found.head())
        }
    };
    Some((supported, Diagnostic::warning(message).rule(RuleId::NotServed).at(at, "")))
}

/// Whether an object of a fixed place has an identity reference that the API server could drop.
pub(crate) fn has_reference<O: Provenance>(found: &Resource<O>) -> bool {
    matches!(&found.object.object_kind, ObjectKind::Referencing { reference, .. } if reference.state != State::Unset)
}

/// A changed template can't be applied over the one that is there.
pub(crate) fn template(found: &Resource) -> Option<Diagnostic> {
    let template = matches!(&found.object.object_kind, ObjectKind::Referencing { kind_row, .. } if kind_row.template);
    template.then(|| {
        Diagnostic::warning(format!(
            "{}: CAPA's webhook does not let a template's spec change once it is applied",
            found.title()
        ))
        .at(found.head(), "")
        .help("if it is applied already: give the template a new metadata.name, and name that in the ClusterClass")
    })
}

/// kubectl drops a document that follows `...` without a marker of its own.
pub(crate) fn dropped_by_kubectl<O: Provenance>(found: &Resource<O>) -> Option<Diagnostic> {
    found.origin.is_dropped_by_kubectl().then(|| {
        Diagnostic::warning(format!("{} follows '...' without a '---': kubectl drops such a document", found.title()))
            .rule(RuleId::DroppedDocument)
            .at(found.head(), "")
            .help("begin the document with '---'")
    })
}
