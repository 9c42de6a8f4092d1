//! A simple, slow implementation to compare with: each cluster's verdict by itself, hop by hop, in CAPA's order.

use std::collections::{HashMap, HashSet};

use super::admit::{AdmittedIdentity, Evaluated, IdentityFields, Refusal, RoleFields};
use super::call::{not_filled_in, null_label};
use super::judge::dropped;
use super::outcome::{MANAGER_NAMESPACE, Permission, Reason, Scope, Start, Stop, VerdictOutcome};
use super::{Subject, admit};
use crate::aws::{AccountId, ExternalId, RoleArn, RoleArnError, SessionName};
use crate::capa::allowed::Namespaces;
use crate::capa::errata;
use crate::capa::labels::Labels;
use crate::capa::labels::NamespaceLabels;
use crate::capa::object::{Object, ObjectKind};
use crate::capa::release::Release;
use crate::capa::tables::{IdentityKind, ROLE_IDENTITY};
use crate::kubernetes::names::is_dns_subdomain;
use crate::templates::is_filled_in;

/// Default length of a session in seconds (aws-sdk-go-v2, `credentials/stscreds/assume_role_provider.go`,
/// `DefaultDuration`).
const DEFAULT_SECONDS: u32 = 900;

/// Maximum length in seconds of a session created with a role's session (STS API reference, `AssumeRole`, role
/// chaining).
const CHAINED_SECONDS: u32 = 3600;

/// An identity that CAPA checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// Its kind, as written.
    pub(super) kind: String,
    /// Its name.
    pub(super) name: String,
    /// The role that is assumed; `None` for other kinds and for an unknown identity.
    pub(super) role_arn: Option<String>,
    /// The account in the ARN, if the ARN is valid.
    pub(super) account: Option<AccountId>,
    /// `spec.sessionName`; without it, the SDK generates a name from the time.
    pub(super) session_name: Option<String>,
    /// `spec.externalID`
    pub(super) external_id: Option<String>,
    /// Length of a session in seconds, or the SDK's default; only if a role is assumed.
    pub(super) duration_seconds: Option<u32>,
    /// Whether the namespace may use it; `None` if CAPA stops before it checks that.
    pub(super) permission: Option<Permission>,
}

/// CAPA's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: VerdictOutcome,
    pub(super) reason: Option<Reason>,
    pub(super) message: Option<String>,
    pub(super) chain: Vec<Hop>,
    pub(super) notes: Vec<String>,
}

/// All facts that the verdicts depend on.
pub(super) struct ClusterState {
    release: Release,
    identities: HashMap<(IdentityKind, String), Option<AdmittedIdentity>>,
    namespaces: HashMap<String, Option<Labels>>,
    secrets: HashSet<String>,
    made: bool,
}

impl ClusterState {
    /// The facts in objects for a release of CAPA, from identities, Namespaces, Secrets and clusters. `namespace` is
    /// the one of objects without a namespace.
    pub(super) fn new<'o>(
        objects: impl IntoIterator<Item = &'o Object>,
        releases: Evaluated,
        namespace: Option<&str>,
    ) -> Self {
        let release = releases.release;
        let (identities, namespaces, secrets) = Default::default();
        let mut cluster_state = Self { release, identities, namespaces, secrets, made: false };
        for object in objects {
            // A template is not a cluster.
            let template = object.is_template();
            let mut starts = object.references().map(|reference| admit::start(object, reference, release));
            cluster_state.made |=
                !template && starts.any(|start| admit::makes_controller_identity(object, &start, release));
            let Some(name) = object.name.clone() else { continue };
            match &object.object_kind {
                ObjectKind::Namespace => {
                    let labels = object.refusals().next().is_none().then(|| object.labels.clone());
                    let existing = cluster_state.namespaces.entry(name).or_insert_with(|| labels.clone());
                    if *existing != labels {
                        *existing = None;
                    }
                }
                ObjectKind::Secret => {
                    let own = object.namespace.as_deref().filter(|own| !own.is_empty());
                    if own.or(namespace) == Some(MANAGER_NAMESPACE) && object.refusals().next().is_none() {
                        cluster_state.secrets.insert(name);
                    }
                }
                _ => {
                    let Some((kind, identity)) = admit::identity(object, releases) else { continue };
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

/// Evaluates a cluster.
pub(super) fn evaluate(cluster_state: &ClusterState, subject: &Subject) -> Verdict {
    let made = cluster_state.made || subject.makes_controller_identity;
    let mut walk =
        Walk { cluster_state, scope: &subject.scope, made, chain: Vec::new(), open: None, notes: Vec::new() };
    let end = match &subject.start {
        Start::Default => walk.along(IdentityKind::Controller.name(), "default"),
        Start::To { kind, name } => walk.along(kind, name),
        Start::Pod => {
            walk.notes.push(super::judge::NO_IDENTITY.into());
            Ok(())
        }
        Start::Dropped { kind, since } => {
            walk.notes.push(dropped(cluster_state.release, kind, since));
            Ok(())
        }
        Start::Class => Err(Stop::unknown(Reason::ReferenceInClass, super::judge::REFERENCE_IN_CLASS)),
        Start::InClass(why) => Err(Stop::unknown(Reason::ReferenceInClass, why.clone())),
        Start::Refused { reason, message } => Err(Stop::refused(*reason, message.clone())),
    };
    let end = match end {
        // STS may certainly refuse an earlier call, whatever the source is.
        Err(stop) if stop.outcome == VerdictOutcome::Unknown => {
            walk.leave_open(stop);
            walk.assume()
        }
        end => end.and_then(|()| walk.assume()),
    };
    // A certain refusal counts, whatever is unknown before it: the cluster does not get credentials either way.
    let stop = match (end, walk.open.take()) {
        (Err(stop), None) => Some(stop),
        // Whether CAPA reaches the cycle at all depends on something unknown.
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
    /// Whether CAPA creates the controller identity.
    made: bool,
    chain: Vec<Hop>,
    /// The first unknown fact at which the chain continues.
    open: Option<Stop>,
    notes: Vec<String>,
}

impl<'w> Walk<'w> {
    /// Follows the references, in CAPA's order: an identity exists, allows the namespace, and has a source.
    fn along(&mut self, kind: &str, name: &str) -> Result<(), Stop> {
        let mut next = (kind.to_owned(), name.to_owned());
        let mut seen: HashSet<(String, String)> = HashSet::new();
        loop {
            let (kind, name) = next.clone();
            if !seen.insert(next) {
                let cycle: Vec<&str> = self.chain.iter().map(|hop| hop.name.as_str()).collect();
                let message = format!(
                    "{} -> {name} is a cycle: CAPA follows it until it runs out of memory, and its controller crashes, for every cluster",
                    cycle.join(" -> ")
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

    /// Checks one identity; returns its source, if it has one.
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
            if kind == IdentityKind::Controller && self.made && Stop::refused(*reason, String::new()).is_error() {
                if let Some(hop) = self.chain.last_mut() {
                    hop.permission = Some(Permission::yes(super::chain::MADE_INSTEAD));
                }
                self.notes.push(super::judge::made_instead(message));
                return Ok(None);
            }
            return Err(Stop::refused(*reason, message.clone()));
        }
        if let IdentityFields::Static { secret, .. } = &identity.fields {
            self.secret(secret)?;
        }
        self.namespace(kind, name, identity)?;
        Ok(match &identity.fields {
            IdentityFields::Role(fields) => fields.source.clone(),
            IdentityFields::Controller | IdentityFields::Static { .. } => None,
        })
    }

    /// The identity; `None` for the one that CAPA creates itself.
    fn find(&mut self, kind: IdentityKind, name: &str) -> Result<Option<&'w AdmittedIdentity>, Stop> {
        match self.cluster_state.identities.get(&(kind, name.to_owned())) {
            Some(Some(identity)) => Ok(Some(identity)),
            Some(None) => {
                let message = format!("{}/{name} is defined more than once, with different content", kind.name());
                Err(Stop::unknown(Reason::Ambiguous, message))
            }
            None if kind == IdentityKind::Controller && self.made => {
                if let Some(hop) = self.chain.last_mut() {
                    hop.permission = Some(Permission::yes(super::chain::MADE_IF_MISSING));
                }
                Ok(None)
            }
            None if !is_dns_subdomain(name) && !is_filled_in(name) => Err(super::steps::impossible(kind, name)),
            None => {
                if kind == IdentityKind::Controller {
                    self.notes.push(super::judge::NOT_CREATED.into());
                }
                let kind = kind.name();
                let message = format!(
                    "{kind}/{name} is not in these files; if it is not in the management cluster either, CAPA reports: {kind}.infrastructure.cluster.x-k8s.io \"{name}\" not found"
                );
                Err(Stop::unknown(Reason::IdentityNotFound, message))
            }
        }
    }

    /// The Secret of a static identity is checked before the namespace. The files seldom contain all Secrets.
    fn secret(&mut self, name: &str) -> Result<(), Stop> {
        if name.is_empty() {
            return Err(Stop::error(Reason::SecretNotFound, "spec.secretRef is empty: Secret \"\" not found"));
        }
        if !self.cluster_state.secrets.contains(name) {
            let message = format!(
                "Secret {MANAGER_NAMESPACE}/{name} is not in these files; if it is not in the management cluster either, CAPA reports: Secret \"{name}\" not found"
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
        if answer == Some(true) && allows_every_namespace(identity.allowed.as_ref()) {
            for key in &identity.dropped {
                self.notes.push(format!(
                    "{}/{name}: spec.{key} is not a known field: the API server drops it, and the rest allows every namespace",
                    kind.name()
                ));
            }
        }
        let title = format!("{}/{name}", kind.name());
        self.notes.extend(identity.null_labels.iter().map(|label| null_label(&title, label)));
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

    /// Sets the fields of a role identity; if the object is `refused`, only its role, as the rest may be wrong.
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
    /// Evaluates the chain's calls of `sts:AssumeRole`, the source's first, as far as that is possible without AWS.
    pub(super) fn assume(&mut self) -> Result<(), Stop> {
        for at in (0..self.chain.len()).rev() {
            let source = self.chain.get(at + 1).cloned();
            let hop = self.chain[at].clone();
            // Nothing is known about the call of an unknown or refused identity.
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
        let [session_name, external_id] =
            [&hop.session_name, &hop.external_id].map(|text| text.as_deref().unwrap_or_default());
        for (field, text, error) in [
            ("sessionName", session_name, session_name.parse::<SessionName>().err()),
            ("externalID", external_id, external_id.parse::<ExternalId>().err()),
        ] {
            match error.filter(|_| !text.is_empty()) {
                Some(_) if is_filled_in(text) => {
                    self.leave_open(Stop::unknown(Reason::Placeholder, not_filled_in(&title, field)));
                }
                Some(error) => return Err(refused(error.to_string())),
                None => {}
            }
        }
        Ok(())
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
                "{title}: durationSeconds {seconds} is more than the {CHAINED_SECONDS} that STS allows if the controller itself runs as a role"
            ));
        }
        if source.is_role() && errata::ROLE_CHAIN_ENDS.affects(self.cluster_state.release) {
            let end = match source.duration_seconds {
                Some(seconds) => format!("after {seconds} seconds"),
                None => "with its session".into(),
            };
            self.notes.push(format!(
                "{title}: since CAPA v2.9.0, the credentials of its source are not renewed; they expire {end}, and then the chain fails until the controller restarts or the identity is updated"
            ));
        }
        Ok(())
    }
}

/// Whether every namespace is allowed.
fn allows_every_namespace(stored: Option<&Namespaces>) -> bool {
    stored.is_some_and(|stored| *stored == Namespaces::default())
}

/// Whether a cluster may use an identity; `labels` returns those of a namespace, if they are known.
///
/// # Errors
/// An invalid selector, if it was needed: the list is checked first.
fn permission<'l>(
    stored: Option<&Namespaces>,
    scope: &Scope,
    labels: impl FnOnce(&str) -> Option<&'l Labels>,
) -> Result<Permission, String> {
    if *scope == Scope::Cluster {
        return Ok(Permission::yes("a cluster-scoped object has no namespace to check"));
    }
    let Some(stored) = stored else {
        return Ok(no("allowedNamespaces is not set, so no namespace is allowed"));
    };
    if allows_every_namespace(Some(stored)) {
        return Ok(Permission::yes("every namespace"));
    }
    let permission = known(stored, scope, labels)?;
    let open = is_filled_in(&permission.why) || matches!(scope, Scope::Namespace(name) if is_filled_in(name));
    match permission.answer {
        Some(false) if open => Ok(Permission::not_known(format!("{}: a variable is not filled in", permission.why))),
        _ => Ok(permission),
    }
}

/// As [`permission`], if no text contains a variable.
fn known<'l>(
    stored: &Namespaces,
    scope: &Scope,
    labels: impl FnOnce(&str) -> Option<&'l Labels>,
) -> Result<Permission, String> {
    let list = stored.list.as_deref().unwrap_or_default();
    let Scope::Namespace(namespace) = scope else {
        let selector = stored.selector.to_selector()?;
        return Ok(match list.is_empty() && selector.is_empty() {
            true => no("list and selector are empty, so no namespace is allowed"),
            false => Permission::not_known("the manifest has no namespace; set it with --default-namespace"),
        });
    };
    if list.contains(namespace) {
        return Ok(Permission::yes(format!("list has {namespace}")));
    }
    let selector = stored.selector.to_selector()?;
    if selector.is_empty() {
        return Ok(no(match list {
            [] => "list and selector are empty, so no namespace is allowed".to_owned(),
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
        None => Permission::not_known(format!("the labels of namespace {namespace} are not in these files ({text})")),
    })
}

fn no(why: impl Into<String>) -> Permission {
    Permission { answer: Some(false), why: why.into() }
}
