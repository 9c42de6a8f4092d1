//! The verdict found hop by hop, each cluster for itself, in CAPA's own order: slow and plain, to compare with.

use std::collections::{HashMap, HashSet};

use super::admit::{AdmittedIdentity, IdentityFields, Refusal, RoleFields};
use super::judge::dropped;
use super::outcome::{MANAGER_NAMESPACE, Permission, Reason, Scope, Start, Stop, VerdictOutcome};
use super::{Subject, admit};
use crate::aws::{AccountId, ExternalId, RoleArn, RoleArnError, SessionName};
use crate::capa::allowed::Namespaces;
use crate::capa::labels::Labels;
use crate::capa::labels::NamespaceLabels;
use crate::capa::object::{Object, ObjectKind};
use crate::capa::release::Release;
use crate::capa::tables::{IdentityKind, ROLE_IDENTITY};
use crate::templates::is_filled_in;

/// Seconds of a session where the identity says nothing (aws-sdk-go-v2, `credentials/stscreds/assume_role_provider.go`,
/// `DefaultDuration`).
const DEFAULT_SECONDS: u32 = 900;

/// Seconds of a session that a role's session may make (STS API reference, `AssumeRole`, role chaining).
const CHAINED_SECONDS: u32 = 3600;

/// An identity that CAPA asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// Its kind, as written.
    pub(super) kind: String,
    /// Its name.
    pub(super) name: String,
    /// The role that is assumed; `None` for other kinds and for an identity that is not known.
    pub(super) role_arn: Option<String>,
    /// The account in the ARN, if it is one.
    pub(super) account: Option<AccountId>,
    /// `spec.sessionName`; where nothing is said, the SDK makes a name from the time.
    pub(super) session_name: Option<String>,
    /// `spec.externalID`
    pub(super) external_id: Option<String>,
    /// Length of a session in seconds, the SDK's default filled in; only where a role is assumed.
    pub(super) duration_seconds: Option<u32>,
    /// Whether the namespace may use it; `None` where CAPA does not come to ask.
    pub(super) permission: Option<Permission>,
}

/// What CAPA concludes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: VerdictOutcome,
    pub(super) reason: Option<Reason>,
    pub(super) message: Option<String>,
    pub(super) chain: Vec<Hop>,
    pub(super) notes: Vec<String>,
}

/// All that the verdicts of a run hang on.
pub(super) struct ClusterState {
    release: Release,
    identities: HashMap<(IdentityKind, String), Option<AdmittedIdentity>>,
    namespaces: HashMap<String, Option<Labels>>,
    secrets: HashSet<String>,
    made: bool,
}

impl ClusterState {
    /// What objects say to a release of CAPA. Those that are no identity, Namespace, Secret or cluster don't count.
    /// `namespace` is where objects go whose manifests say none.
    pub(super) fn new<'o>(
        objects: impl IntoIterator<Item = &'o Object>,
        release: Release,
        namespace: Option<&str>,
    ) -> Self {
        let (identities, namespaces, secrets) = Default::default();
        let mut cluster_state = Self { release, identities, namespaces, secrets, made: false };
        for object in objects {
            // A template alone is no cluster.
            let template = matches!(&object.object_kind, ObjectKind::Referencing { kind_row, .. } if kind_row.template);
            let mut starts = object.references().map(|reference| admit::start(object, reference, release));
            cluster_state.made |= !template && starts.any(|start| admit::makes_controller_identity(object, &start));
            let Some(name) = object.name.clone() else { continue };
            match &object.object_kind {
                ObjectKind::Namespace => {
                    let labels = Some(object.labels.clone());
                    let existing = cluster_state.namespaces.entry(name).or_insert_with(|| labels.clone());
                    if *existing != labels {
                        *existing = None;
                    }
                }
                ObjectKind::Secret => {
                    let own = object.namespace.as_deref().filter(|own| !own.is_empty());
                    if own.or(namespace) == Some(MANAGER_NAMESPACE) {
                        cluster_state.secrets.insert(name);
                    }
                }
                _ => {
                    let Some((kind, identity)) = admit::identity(object, release) else { continue };
                    let identity = Some(identity);
                    let existing = cluster_state.identities.entry((kind, name)).or_insert_with(|| identity.clone());
                    if *existing != identity {
                        *existing = None;
                    }
                }
            }
        }
        cluster_state
    }
}

/// Judges a cluster.
pub(super) fn evaluate(cluster_state: &ClusterState, subject: &Subject) -> Verdict {
    let made = cluster_state.made || subject.makes_controller_identity;
    let mut walk =
        Walk { cluster_state, scope: &subject.scope, made, chain: Vec::new(), open: None, notes: Vec::new() };
    let end = match &subject.start {
        Start::Default => walk.along(IdentityKind::Controller.name(), "default"),
        Start::To { kind, name } => walk.along(kind, name),
        Start::Pod => {
            walk.notes.push("no identity is asked: the controller's own credentials, in every namespace".into());
            Ok(())
        }
        Start::Dropped { kind, since } => {
            walk.notes.push(dropped(cluster_state.release, kind, since));
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
        Err(stop) if stop.outcome == VerdictOutcome::Unknown => {
            walk.leave_open(stop);
            walk.assume()
        }
        end => end.and_then(|()| walk.assume()),
    };
    // A certain refusal counts, whatever was not known before it: the cluster does not get its credentials either way.
    let stop = match (end, walk.open.take()) {
        (Err(stop), None) => Some(stop),
        // Whether CAPA comes round the circle at all hangs on what is not known.
        (Err(stop), Some(open)) if stop.outcome == VerdictOutcome::Crash => {
            walk.notes.push(format!("if that is permitted: {}", stop.message));
            Some(open)
        }
        (Err(stop), Some(_)) => Some(stop),
        (Ok(()), open) => open,
    };
    let (outcome, reason, message) = match stop {
        None => (VerdictOutcome::Permitted, None, None),
        Some(stop) => (stop.outcome, Some(stop.reason), Some(stop.message)),
    };
    Verdict { outcome, reason, message, chain: walk.chain, notes: walk.notes }
}

struct Walk<'w> {
    cluster_state: &'w ClusterState,
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
                return Err(Stop::new(VerdictOutcome::Crash, Reason::EndlessRecursion, message));
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
        if let (IdentityFields::Role(fields), Some(hop)) = (&identity.fields, self.chain.last_mut()) {
            hop.take(fields, identity.refusal.is_some());
        }
        if let Some(Refusal { reason, message }) = &identity.refusal {
            return Err(Stop::refused(*reason, message.clone()));
        }
        if let IdentityFields::Static { secret } = &identity.fields {
            self.secret(secret)?;
        }
        self.namespace(kind, name, identity)?;
        Ok(match &identity.fields {
            IdentityFields::Role(fields) => fields.source.clone(),
            IdentityFields::Controller | IdentityFields::Static { .. } => None,
        })
    }

    /// The identity; `None` for the one that CAPA makes itself.
    fn find(&mut self, kind: IdentityKind, name: &str) -> Result<Option<&'w AdmittedIdentity>, Stop> {
        match self.cluster_state.identities.get(&(kind, name.to_owned())) {
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
        if !self.cluster_state.secrets.contains(name) {
            let message = format!(
                "Secret {MANAGER_NAMESPACE}/{name} is in none of these files; if the management cluster has none either, CAPA says: Secret \"{name}\" not found"
            );
            self.leave_open(Stop::unknown(Reason::SecretNotFound, message));
        }
        Ok(())
    }

    fn namespace(&mut self, kind: IdentityKind, name: &str, identity: &AdmittedIdentity) -> Result<(), Stop> {
        let labels = |name: &str| self.cluster_state.namespaces.get(name)?.as_ref();
        let permission = permission(identity.allowed.as_ref(), self.scope, labels).map_err(|error| {
            Stop::error(Reason::InvalidSelector, format!("failed to get label selector from spec selector: {error}"))
        })?;
        let answer = permission.answer;
        let why = permission.why.clone();
        if let Some(hop) = self.chain.last_mut() {
            hop.permission = Some(permission);
        }
        if answer == Some(true) && everybody(identity.allowed.as_ref()) {
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
                Err(Stop::new(VerdictOutcome::Denied, Reason::NamespaceNotPermitted, message))
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

impl Hop {
    pub(super) fn new(kind: &str, name: &str) -> Self {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        let (role_arn, account, session_name, external_id, duration_seconds, permission) = Default::default();
        Self { kind, name, role_arn, account, session_name, external_id, duration_seconds, permission }
    }

    /// Of an object that is `refused`, only the role is told: the rest may not be what it says.
    pub(super) fn take(&mut self, fields: &RoleFields, refused: bool) {
        self.account = fields.arn.parse::<RoleArn>().ok().map(|arn| arn.account().clone());
        self.role_arn = Some(fields.arn.clone());
        if refused {
            return;
        }
        self.session_name = fields.session_name.clone();
        self.external_id = fields.external_id.clone();
        self.duration_seconds = Some(fields.duration.unwrap_or(DEFAULT_SECONDS));
    }

    fn is_role(&self) -> bool {
        self.kind == ROLE_IDENTITY
    }

    fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl Walk<'_> {
    /// The calls of `sts:AssumeRole` that the chain makes, the source's first, as far as they can be judged without AWS.
    pub(super) fn assume(&mut self) -> Result<(), Stop> {
        for at in (0..self.chain.len()).rev() {
            let source = self.chain.get(at + 1).cloned();
            let hop = self.chain[at].clone();
            // An identity that is not known, or is refused, says nothing of its call.
            let Some(seconds) = hop.duration_seconds else { continue };
            self.call(&hop)?;
            self.session(&hop, seconds, source.as_ref())?;
        }
        Ok(())
    }

    fn call(&mut self, hop: &Hop) -> Result<(), Stop> {
        let title = hop.title();
        let refused = |error: String| Stop::error(Reason::AssumeRoleRefused, format!("{title}: {error}"));
        match hop.role_arn.as_deref().unwrap_or_default().parse::<RoleArn>() {
            Ok(_) => {}
            Err(error @ RoleArnError::Placeholder { .. }) => {
                self.leave_open(Stop::unknown(Reason::Placeholder, format!("{title}: {error}")));
            }
            Err(error) => return Err(refused(error.to_string())),
        }
        let texts = [
            hop.session_name.as_deref().and_then(|text| text.parse::<SessionName>().err()),
            hop.external_id.as_deref().and_then(|text| text.parse::<ExternalId>().err()),
        ];
        match texts.into_iter().flatten().next() {
            None => Ok(()),
            Some(error) => Err(refused(error.to_string())),
        }
    }

    fn session(&mut self, hop: &Hop, seconds: u32, source: Option<&Hop>) -> Result<(), Stop> {
        let title = hop.title();
        let Some(source) = source else { return Ok(()) };
        if seconds > CHAINED_SECONDS && source.is_role() {
            let message = format!(
                "{title}: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining ({seconds})"
            );
            return Err(Stop::error(Reason::AssumeRoleRefused, message));
        }
        if seconds > CHAINED_SECONDS && source.kind == IdentityKind::Controller.name() {
            self.notes.push(format!(
                "{title}: durationSeconds {seconds} is more than the {CHAINED_SECONDS} that STS gives where the controller itself runs as a role"
            ));
        }
        if source.is_role() && self.cluster_state.release >= Release::FREEZES_SOURCE {
            let end = match source.duration_seconds {
                Some(seconds) => format!("after {seconds} seconds"),
                None => "with its session".into(),
            };
            self.notes.push(format!(
                "{title}: since CAPA v2.9.0 its source's credentials are not renewed; they end {end}, and then the chain fails until the controller restarts or the identity is written to"
            ));
        }
        Ok(())
    }
}

/// Whether every namespace is let in.
fn everybody(stored: Option<&Namespaces>) -> bool {
    stored.is_some_and(|stored| *stored == Namespaces::default())
}

/// Whether a cluster may use an identity; `labels` gives those of a namespace, if they are known.
///
/// # Errors
/// A selector that is none, where it was consulted: the list comes first.
fn permission<'l>(
    stored: Option<&Namespaces>,
    scope: &Scope,
    labels: impl FnOnce(&str) -> Option<&'l Labels>,
) -> Result<Permission, String> {
    if *scope == Scope::Cluster {
        return Ok(Permission::yes("an object without a namespace is not asked for one"));
    }
    let Some(stored) = stored else {
        return Ok(no("allowedNamespaces is not set, which lets no namespace in"));
    };
    if everybody(Some(stored)) {
        return Ok(Permission::yes("every namespace"));
    }
    let permission = known(stored, scope, labels)?;
    let open = is_filled_in(&permission.why) || matches!(scope, Scope::Namespace(name) if is_filled_in(name));
    match permission.answer {
        Some(false) if open => Ok(Permission::not_known(format!("{}: a variable is not filled in", permission.why))),
        _ => Ok(permission),
    }
}

/// As [`permission`], where the texts are what they will be.
fn known<'l>(
    stored: &Namespaces,
    scope: &Scope,
    labels: impl FnOnce(&str) -> Option<&'l Labels>,
) -> Result<Permission, String> {
    let list = stored.list.as_deref().unwrap_or_default();
    let Scope::Namespace(namespace) = scope else {
        let selector = stored.selector.to_selector()?;
        return Ok(match list.is_empty() && selector.is_empty() {
            true => no("an empty list and selector let no namespace in"),
            false => Permission::not_known("the manifest does not say its namespace; -n says it"),
        });
    };
    if list.contains(namespace) {
        return Ok(Permission::yes(format!("list has {namespace}")));
    }
    let selector = stored.selector.to_selector()?;
    if selector.is_empty() {
        return Ok(no(match list {
            [] => "an empty list and selector let no namespace in".to_owned(),
            list => format!(
                "list has {}",
                list.iter().map(|name| if name.is_empty() { "\"\"" } else { name }).collect::<Vec<_>>().join(", ")
            ),
        }));
    }
    let text = stored.selector.text();
    Ok(match (NamespaceLabels { name: namespace, others: labels(namespace) }).match_selector(&selector) {
        Some(true) => Permission::yes(format!("{namespace} matches the selector {text}")),
        Some(false) => no(format!("{namespace} does not match the selector {text}")),
        None => {
            Permission::not_known(format!("the labels of namespace {namespace} are in none of these files ({text})"))
        }
    })
}

fn no(why: impl Into<String>) -> Permission {
    Permission { answer: Some(false), why: why.into() }
}
