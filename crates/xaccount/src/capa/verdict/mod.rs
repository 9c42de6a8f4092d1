//! Whether a cluster may use its identities, and through which of them it gets to which account: CAPA's
//! `buildProvidersForRef` (`pkg/cloud/scope/session.go`, v2.11.1) for manifests. Pure and total: a circle, a missing link
//! or a bad selector is a verdict.

mod admit;
mod chain;
mod hop;
mod judge;
mod namespaces;
mod steps;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::allowed::Namespaces;
use super::labels::Labels;
use super::release::Release;
use super::tables::IdentityKind;
use super::view::{IdentityReference, Object, Role};
use admit::Identity;
use steps::Steps;

pub use chain::{Chain, Cursor, Part, Search, Walked};
pub use hop::{Hop, Permission, StepId};
pub use judge::{Judge, evaluate};

/// What becomes of a cluster's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Every identity lets it in.
    Permitted,
    /// An identity does not let its namespace in.
    Denied,
    /// Something on the way can't be.
    Error,
    /// CAPA's controller dies of it, for every cluster.
    Crash,
    /// The files don't say.
    Unknown,
}

impl Outcome {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Denied => "denied",
            Self::Error => "error",
            Self::Crash => "crash",
            Self::Unknown => "unknown",
        }
    }
}

/// Why it is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// An identity does not let the namespace in.
    NamespaceNotPermitted,
    /// Whether an identity lets the namespace in hangs on what the files don't say.
    NamespaceNotKnown,
    /// There is no such identity in the files.
    IdentityNotFound,
    /// There is no such Secret in the files, or none is named.
    SecretNotFound,
    /// A controller identity that is not named `default`.
    ControllerIdentityName,
    /// A kind that is no identity's.
    UnknownKind,
    /// A selector that Kubernetes refuses.
    InvalidSelector,
    /// A circle of identities.
    EndlessRecursion,
    /// The API server or CAPA's webhook refuses the object.
    ObjectRefused,
    /// STS refuses the call.
    AssumeRoleRefused,
    /// A variable that nobody has filled in yet.
    Placeholder,
    /// Two documents, or two keys, say different things.
    Ambiguous,
    /// The reference comes from the cluster's class.
    ReferenceInClass,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NamespaceNotPermitted,
        Self::NamespaceNotKnown,
        Self::IdentityNotFound,
        Self::SecretNotFound,
        Self::ControllerIdentityName,
        Self::UnknownKind,
        Self::InvalidSelector,
        Self::EndlessRecursion,
        Self::ObjectRefused,
        Self::AssumeRoleRefused,
        Self::Placeholder,
        Self::Ambiguous,
        Self::ReferenceInClass,
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NamespaceNotPermitted => "NamespaceNotPermitted",
            Self::NamespaceNotKnown => "NamespaceNotKnown",
            Self::IdentityNotFound => "IdentityNotFound",
            Self::SecretNotFound => "SecretNotFound",
            Self::ControllerIdentityName => "ControllerIdentityName",
            Self::UnknownKind => "UnknownKind",
            Self::InvalidSelector => "InvalidSelector",
            Self::EndlessRecursion => "EndlessRecursion",
            Self::ObjectRefused => "ObjectRefused",
            Self::AssumeRoleRefused => "AssumeRoleRefused",
            Self::Placeholder => "Placeholder",
            Self::Ambiguous => "Ambiguous",
            Self::ReferenceInClass => "ReferenceInClass",
        }
    }
}

/// Where an object lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In this namespace.
    Namespace(String),
    /// In a namespace that its manifest does not say.
    NotSaid,
    /// In none, by its kind.
    Cluster,
}

/// Where CAPA begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Nothing is said, and CAPA's webhook writes `AWSClusterControllerIdentity/default`.
    Default,
    /// This reference.
    To {
        /// As written.
        kind: String,
        /// As written.
        name: String,
    },
    /// Nothing is said, and nothing is asked: the pod's own credentials.
    Pod,
    /// A reference, which the API server drops: the kind has none in this release. So the pod's own credentials.
    Dropped {
        /// The kind.
        kind: &'static str,
        /// The first release with the reference.
        since: &'static str,
    },
    /// Nothing is said in a topology: the template of its class says it.
    Class,
    /// The reference is refused, or can't be told.
    Refused {
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
    },
}

/// The object that is judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Where it lives.
    pub scope: Scope,
    /// Where CAPA begins for it.
    pub start: Start,
    /// Whether CAPA makes `AWSClusterControllerIdentity/default` on seeing it, where that is missing.
    pub makes_controller_identity: bool,
}

impl Subject {
    /// A reference of an object to a release. `namespace` is where objects go whose manifests say none.
    pub fn of(object: &Object, reference: &IdentityReference, release: Release, namespace: Option<&str>) -> Self {
        let own = object.namespace.as_deref().filter(|own| !own.is_empty());
        let scope = match (&object.role, own.or(namespace)) {
            (Role::Bearer { bearer, .. }, _) if bearer.cluster_scoped => Scope::Cluster,
            (_, Some(name)) => Scope::Namespace(name.to_owned()),
            (_, None) => Scope::NotSaid,
        };
        let start = admit::start(object, reference, release);
        Self { scope, makes_controller_identity: admit::makes_controller_identity(object, &start), start }
    }
}

/// What CAPA concludes.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why; `None` where it is permitted.
    pub reason: Option<Reason>,
    /// In CAPA's own words, where it has some; `None` where it is permitted.
    pub message: Option<String>,
    /// The identities that CAPA asks, from the object's own to the source.
    pub chain: Chain,
    /// What goes wrong later, or is not what it seems, and is about none of the identities alone: see [`Hop::notes`].
    pub notes: Vec<String>,
}

impl Verdict {
    /// Of an object that is refused before any identity is asked.
    pub fn refused(reason: Reason, message: String) -> Self {
        let (reason, message) = (Some(reason), Some(message));
        Self { outcome: Outcome::Error, reason, message, chain: Chain::default(), notes: Vec::new() }
    }

    /// All notes about some identities of the chain, which are in its order, with those that are about none of them alone.
    pub fn notes_about(&self, hops: &[Hop<'_>]) -> Vec<String> {
        self.chain.notes(hops, &self.notes)
    }
}

/// All that the verdicts of a run hang on.
#[derive(Clone)]
pub struct World(Arc<Facts>);

struct Facts {
    release: Release,
    steps: Steps,
    /// Labels by the namespace's name; `None` where two documents differ.
    namespaces: HashMap<String, Option<Labels>>,
    /// Whether CAPA makes the controller identity by itself.
    made: bool,
}

impl Facts {
    /// The labels of a namespace, where they are known.
    fn labels(&self, namespace: &str) -> Option<&Labels> {
        self.namespaces.get(namespace)?.as_ref()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("release", &self.0.release).finish_non_exhaustive()
    }
}

/// Where CAPA keeps Secrets of static identities, where nothing else is set (`util/system/util.go`).
const MANAGER_NAMESPACE: &str = "capa-system";

impl World {
    /// What objects say to a release of CAPA. Those that are no identity, Namespace, Secret or cluster don't count.
    /// `namespace` is where objects go whose manifests say none.
    pub fn new<'o>(objects: impl IntoIterator<Item = &'o Object>, release: Release, namespace: Option<&str>) -> Self {
        let mut identities: HashMap<(IdentityKind, String), Option<Identity>> = HashMap::new();
        let mut namespaces: HashMap<String, Option<Labels>> = HashMap::new();
        let (mut secrets, mut made): (HashSet<String>, _) = (HashSet::new(), false);
        for object in objects {
            // A template alone is no cluster.
            let template = matches!(&object.role, Role::Bearer { bearer, .. } if bearer.template);
            let mut starts = object.references().map(|reference| admit::start(object, reference, release));
            made |= !template && starts.any(|start| admit::makes_controller_identity(object, &start));
            let Some(name) = object.name.clone() else { continue };
            match &object.role {
                Role::Namespace => {
                    let labels = Some(object.labels.clone());
                    let there = namespaces.entry(name).or_insert_with(|| labels.clone());
                    if *there != labels {
                        *there = None;
                    }
                }
                Role::Secret => {
                    let own = object.namespace.as_deref().filter(|own| !own.is_empty());
                    if own.or(namespace) == Some(MANAGER_NAMESPACE) {
                        secrets.insert(name);
                    }
                }
                _ => {
                    let Some((kind, identity)) = admit::identity(object, release) else { continue };
                    let identity = Some(identity);
                    let there = identities.entry((kind, name)).or_insert_with(|| identity.clone());
                    if *there != identity {
                        *there = None;
                    }
                }
            }
        }
        let steps =
            Steps::new(identities, &|name| secrets.contains(name), |step, source| hop::judge(step, source, release));
        Self(Arc::new(Facts { release, steps, namespaces, made }))
    }

    /// The release that judges.
    pub fn release(&self) -> Release {
        self.0.release
    }

    /// The namespaces that the objects name: as Namespace, or in an identity's list. Sorted.
    pub fn namespaces(&self) -> Vec<&str> {
        let listed = self.0.steps.iter().filter_map(|step| step.gate.stored()?.list.as_deref());
        let mut names: Vec<&str> = self
            .0
            .namespaces
            .keys()
            .chain(listed.flatten())
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What an identity says of namespaces, if it is known: `None` in the inner lets none in.
    pub fn allowed(&self, kind: IdentityKind, name: &str) -> Option<Option<&Namespaces>> {
        let step = self.0.steps.get(self.0.steps.find(kind.name(), name)?);
        step.is_known.then(|| step.gate.stored())
    }
}

/// Why it goes no further.
#[derive(Clone, Debug)]
struct Stop {
    outcome: Outcome,
    reason: Reason,
    message: String,
}

impl Stop {
    fn new(outcome: Outcome, reason: Reason, message: impl Into<String>) -> Self {
        Self { outcome, reason, message: message.into() }
    }

    fn error(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Outcome::Error, reason, message)
    }

    fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, reason, message)
    }

    /// An object that is refused; one that says two things, or is not filled in, can't be told.
    fn refused(reason: Reason, message: String) -> Self {
        let open = matches!(reason, Reason::Ambiguous | Reason::Placeholder);
        let outcome = if open { Outcome::Unknown } else { Outcome::Error };
        Self::new(outcome, reason, message)
    }
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
