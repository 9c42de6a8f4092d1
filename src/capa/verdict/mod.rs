//! Whether a cluster may use its identities, and through which of them it gets to which account: CAPA's
//! `buildProvidersForRef` (`pkg/cloud/scope/session.go`, v2.11.1) for manifests. Pure and total: a circle, a missing link
//! or a bad selector is a verdict.

mod admit;
mod hop;
mod namespaces;

use std::collections::{HashMap, HashSet};

use super::allowed::Namespaces;
use super::labels::Labels;
use super::release::Release;
use super::tables::IdentityKind;
use super::view::{IdentityReference, Object, Role};
use admit::{Fields, Identity, Refusal};

pub use hop::{Hop, Permission};

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why; `None` where it is permitted.
    pub reason: Option<Reason>,
    /// In CAPA's own words, where it has some; `None` where it is permitted.
    pub message: Option<String>,
    /// The identities that CAPA asks, from the object's own to the source.
    pub chain: Vec<Hop>,
    /// What goes wrong later, or is not what it seems.
    pub notes: Vec<String>,
}

/// All that the verdicts of a run hang on.
#[derive(Clone, Debug)]
pub struct World {
    release: Release,
    /// By kind and name; `None` where two documents differ.
    identities: HashMap<(IdentityKind, String), Option<Identity>>,
    /// Labels by the namespace's name; `None` where two documents differ.
    namespaces: HashMap<String, Option<Labels>>,
    secrets: HashSet<String>,
    /// Whether CAPA makes the controller identity by itself.
    made: bool,
}

/// Where CAPA keeps Secrets of static identities, where nothing else is set (`util/system/util.go`).
const MANAGER_NAMESPACE: &str = "capa-system";

impl World {
    /// What objects say to a release of CAPA. Those that are no identity, Namespace, Secret or cluster don't count.
    /// `namespace` is where objects go whose manifests say none.
    pub fn new<'o>(objects: impl IntoIterator<Item = &'o Object>, release: Release, namespace: Option<&str>) -> Self {
        let (identities, namespaces, secrets) = Default::default();
        let mut world = Self { release, identities, namespaces, secrets, made: false };
        for object in objects {
            // A template alone is no cluster.
            let template = matches!(&object.role, Role::Bearer { bearer, .. } if bearer.template);
            let mut starts = object.references().map(|reference| admit::start(object, reference, release));
            world.made |= !template && starts.any(|start| admit::makes_controller_identity(object, &start));
            let Some(name) = object.name.clone() else { continue };
            match &object.role {
                Role::Namespace => {
                    let labels = Some(object.labels.clone());
                    let there = world.namespaces.entry(name).or_insert_with(|| labels.clone());
                    if *there != labels {
                        *there = None;
                    }
                }
                Role::Secret => {
                    let own = object.namespace.as_deref().filter(|own| !own.is_empty());
                    if own.or(namespace) == Some(MANAGER_NAMESPACE) {
                        world.secrets.insert(name);
                    }
                }
                _ => {
                    let Some((kind, identity)) = admit::identity(object, release) else { continue };
                    let identity = Some(identity);
                    let there = world.identities.entry((kind, name)).or_insert_with(|| identity.clone());
                    if *there != identity {
                        *there = None;
                    }
                }
            }
        }
        world
    }

    /// The release that judges.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The namespaces that the objects name: as Namespace, or in an identity's list. Sorted.
    pub fn namespaces(&self) -> Vec<&str> {
        let listed =
            self.identities.values().flatten().filter_map(|identity| identity.allowed.as_ref()?.list.as_deref());
        let mut names: Vec<&str> = self
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
        self.identities.get(&(kind, name.to_owned()))?.as_ref().map(|identity| identity.allowed.as_ref())
    }
}

/// Judges a cluster.
pub fn evaluate(world: &World, subject: &Subject) -> Verdict {
    let made = world.made || subject.makes_controller_identity;
    let mut walk = Walk { world, scope: &subject.scope, made, chain: Vec::new(), open: None, notes: Vec::new() };
    let end = match &subject.start {
        Start::Default => walk.along(IdentityKind::Controller.name(), "default"),
        Start::To { kind, name } => walk.along(kind, name),
        Start::Pod => {
            walk.notes.push("no identity is asked: the controller's own credentials, in every namespace".into());
            Ok(())
        }
        Start::Dropped { kind, since } => {
            walk.notes.push(format!(
                "CAPA {} has no identityRef on {kind}, so the API server drops it: the controller's own credentials; {since} is the first that has it",
                world.release
            ));
            Ok(())
        }
        Start::Class => Err(Stop::unknown(
            Reason::ReferenceInClass,
            "the reference is in no variable: the template of its class says it",
        )),
        Start::Refused { reason, message } => Err(Stop::refused(*reason, message.clone())),
    };
    let end = match end {
        // STS may refuse for certain what is asked before it, whoever the source is.
        Err(stop) if stop.outcome == Outcome::Unknown => {
            walk.leave_open(stop);
            walk.assume()
        }
        end => end.and_then(|()| walk.assume()),
    };
    // A certain refusal counts, whatever was not known before it: the cluster does not get its credentials either way.
    let stop = match (end, walk.open.take()) {
        (Err(stop), None) => Some(stop),
        // Whether CAPA comes round the circle at all hangs on what is not known.
        (Err(stop), Some(open)) if stop.outcome == Outcome::Crash => {
            walk.notes.push(format!("if that is permitted: {}", stop.message));
            Some(open)
        }
        (Err(stop), Some(_)) => Some(stop),
        (Ok(()), open) => open,
    };
    let (outcome, reason, message) = match stop {
        None => (Outcome::Permitted, None, None),
        Some(stop) => (stop.outcome, Some(stop.reason), Some(stop.message)),
    };
    Verdict { outcome, reason, message, chain: walk.chain, notes: walk.notes }
}

/// Why it goes no further.
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

struct Walk<'w> {
    world: &'w World,
    scope: &'w Scope,
    /// Whether CAPA makes the controller identity.
    made: bool,
    chain: Vec<Hop>,
    /// The first thing that is not known, where the chain goes on behind it.
    open: Option<Stop>,
    notes: Vec<String>,
}

impl<'w> Walk<'w> {
    /// Follows the references, in the order of CAPA: an identity exists, lets the namespace in, and has a source.
    fn along(&mut self, kind: &str, name: &str) -> Result<(), Stop> {
        let mut next = (kind.to_owned(), name.to_owned());
        let mut seen: HashSet<(String, String)> = HashSet::new();
        loop {
            let (kind, name) = next.clone();
            if !seen.insert(next) {
                let circle: Vec<&str> = self.chain.iter().map(|hop| hop.name.as_str()).collect();
                let message = format!(
                    "{} -> {name} is a circle: CAPA follows it until its memory ends, and its controller dies, for every cluster",
                    circle.join(" -> ")
                );
                return Err(Stop::new(Outcome::Crash, Reason::EndlessRecursion, message));
            }
            self.chain.push(Hop::new(&kind, &name));
            let Some(known) = IdentityKind::ALL.into_iter().find(|known| known.name() == kind) else {
                return Err(Stop::error(Reason::UnknownKind, admit::unknown_kind(&kind)));
            };
            let Some(source) = self.ask(known, &name)? else { return Ok(()) };
            next = source;
        }
    }

    /// Asks one identity; gives its source, if it has one.
    fn ask(&mut self, kind: IdentityKind, name: &str) -> Result<Option<(String, String)>, Stop> {
        if kind == IdentityKind::Controller && name != "default" {
            let message = format!("Expected AWSClusterControllerIdentity of name default, got {name}");
            return Err(Stop::error(Reason::ControllerIdentityName, message));
        }
        let Some(identity) = self.find(kind, name)? else { return Ok(None) };
        if let (Fields::Role(fields), Some(hop)) = (&identity.fields, self.chain.last_mut()) {
            hop.take(fields, identity.refusal.is_some());
        }
        if let Some(Refusal { reason, message }) = &identity.refusal {
            return Err(Stop::refused(*reason, message.clone()));
        }
        if let Fields::Static { secret } = &identity.fields {
            self.secret(secret)?;
        }
        self.namespace(kind, name, identity)?;
        Ok(match &identity.fields {
            Fields::Role(fields) => fields.source.clone(),
            Fields::Controller | Fields::Static { .. } => None,
        })
    }

    /// The identity; `None` for the one that CAPA makes itself.
    fn find(&mut self, kind: IdentityKind, name: &str) -> Result<Option<&'w Identity>, Stop> {
        match self.world.identities.get(&(kind, name.to_owned())) {
            Some(Some(identity)) => Ok(Some(identity)),
            Some(None) => {
                let message = format!("{}/{name} is there more than once, and says different things", kind.name());
                Err(Stop::unknown(Reason::Ambiguous, message))
            }
            None if kind == IdentityKind::Controller && self.made => {
                if let Some(hop) = self.chain.last_mut() {
                    hop.permission = Some(Permission::yes("CAPA makes it where it is missing, for every namespace"));
                }
                Ok(None)
            }
            None => {
                if kind == IdentityKind::Controller {
                    self.notes.push(
                        "CAPA makes AWSClusterControllerIdentity/default only for an AWSCluster or AWSManagedControlPlane that refers to it; inject --with-controller-identity writes it".into(),
                    );
                }
                let kind = kind.name();
                let message = format!(
                    "{kind}/{name} is in none of these files; if the management cluster has none either, CAPA says: {kind}.infrastructure.cluster.x-k8s.io \"{name}\" not found"
                );
                Err(Stop::unknown(Reason::IdentityNotFound, message))
            }
        }
    }

    /// The Secret of a static identity comes before the namespace. What the files hold of Secrets is seldom all.
    fn secret(&mut self, name: &str) -> Result<(), Stop> {
        if name.is_empty() {
            return Err(Stop::error(Reason::SecretNotFound, "spec.secretRef names no Secret: Secret \"\" not found"));
        }
        if !self.world.secrets.contains(name) {
            let message = format!(
                "Secret {MANAGER_NAMESPACE}/{name} is in none of these files; if the management cluster has none either, CAPA says: Secret \"{name}\" not found"
            );
            self.leave_open(Stop::unknown(Reason::SecretNotFound, message));
        }
        Ok(())
    }

    fn namespace(&mut self, kind: IdentityKind, name: &str, identity: &Identity) -> Result<(), Stop> {
        let labels = |name: &str| self.world.namespaces.get(name)?.as_ref();
        let permission = namespaces::permission(identity.allowed.as_ref(), self.scope, labels).map_err(|error| {
            Stop::error(Reason::InvalidSelector, format!("failed to get label selector from spec selector: {error}"))
        })?;
        let answer = permission.answer;
        let why = permission.why.clone();
        if let Some(hop) = self.chain.last_mut() {
            hop.permission = Some(permission);
        }
        if answer == Some(true) && namespaces::everybody(identity.allowed.as_ref()) {
            for key in &identity.dropped {
                self.notes.push(format!(
                    "{}/{name}: spec.{key} is no field, so the API server drops it, and what is left lets every namespace in",
                    kind.name()
                ));
            }
        }
        match answer {
            Some(true) => Ok(()),
            Some(false) => {
                let message = format!("Namespace is not permitted to use {}: {name}", kind.name());
                Err(Stop::new(Outcome::Denied, Reason::NamespaceNotPermitted, message))
            }
            None => {
                self.leave_open(Stop::unknown(Reason::NamespaceNotKnown, format!("{}/{name}: {why}", kind.name())));
                Ok(())
            }
        }
    }

    fn leave_open(&mut self, stop: Stop) {
        self.open.get_or_insert(stop);
    }
}

#[cfg(test)]
mod tests;
