//! Admission of identities: what the API server and CAPA's webhooks make of a manifest, and what they refuse
//! (`webhooks/awscluster*identity_webhook.go`, `config/crd/bases`, v2.11.1).

use super::outcome::{Reason, Start};
use crate::capa::allowed::{Allowed, Form, Namespaces};
use crate::capa::field::{ClassDecision, DecidedBy, Field, IdentityReference, Reference, State};
use crate::capa::identity::{RoleIdentity, StaticIdentity};
use crate::capa::object::{Object, ObjectKind};
use crate::capa::release::Release;
use crate::capa::support::{Support, is_kept_as_written, is_unserved, not_served, support};
use crate::capa::tables::{CONTROLLER_IDENTITY, IdentityKind, Version};
use crate::capa::unusable::{UnusableReference, referenced_kind};
use crate::templates::is_filled_in;

/// The release that manifests are evaluated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The release.
    pub release: Release,
    /// Whether it was specified, so that an identity of a version that it does not serve is refused. Otherwise it is the
    /// newest that serves as many of the files' versions as possible.
    pub is_specified: bool,
}

/// An identity. Two documents with the same content are equal, wherever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdmittedIdentity {
    /// Why the object is refused.
    pub(super) refusal: Option<Refusal>,
    /// As stored in the API server; `None` allows no namespace.
    pub(super) allowed: Option<Namespaces>,
    /// Keys that the API server drops.
    pub(super) dropped: Vec<String>,
    /// Labels of its selector that are null.
    pub(super) null_labels: Vec<String>,
    pub(super) fields: IdentityFields,
}

/// The fields of an identity other than the namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentityFields {
    Role(RoleFields),
    Controller,
    Static {
        secret: String,
        /// Whether there is no `secretRef`.
        is_missing: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RoleFields {
    pub(super) arn: String,
    /// Whether a policy ARN is null.
    pub(super) has_null_policy: bool,
    /// Whether there is no `roleARN`.
    pub(super) is_arn_missing: bool,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    /// In seconds; `None` is the SDK's default.
    pub(super) duration: Option<u32>,
    /// `None` if the object is refused.
    pub(super) source: Option<(String, String)>,
}

/// Why an object is not admitted, or why that is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Refusal {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// The identity of an object, with its kind; `None` for other objects.
pub(super) fn identity(object: &Object, releases: Evaluated) -> Option<(IdentityKind, AdmittedIdentity)> {
    let release = releases.release;
    let mut refusals = Refusals::default();
    if releases.is_specified && is_unserved(object, release) {
        refusals.say(Reason::ObjectRefused, not_served(object, release));
    }
    if let Some(field) = object.refusals().next() {
        let name = object.name.as_deref().unwrap_or_default();
        refusals.say(Reason::ObjectRefused, format!("{}/{name}: {}", object.kind, field.message()));
    }
    let (kind, allowed, fields) = match &object.object_kind {
        ObjectKind::Identity(role, _) => (IdentityKind::Role, &role.allowed, {
            refusals.allowed(&role.allowed);
            IdentityFields::Role(refusals.role(role, release))
        }),
        ObjectKind::Controller(controller) => (IdentityKind::Controller, &controller.allowed, {
            refusals.allowed(&controller.allowed);
            IdentityFields::Controller
        }),
        ObjectKind::Static(own, version) => (IdentityKind::Static, &own.allowed, {
            refusals.allowed(&own.allowed);
            let is_missing = own.secret.is_unset() && !own.is_mapping;
            IdentityFields::Static { secret: refusals.secret(own, *version), is_missing }
        }),
        _ => return None,
    };
    let namespaces = match &allowed.form {
        Form::Those(namespaces) => Some(namespaces),
        _ => None,
    };
    if is_kept_as_written(object, release) {
        refusals.schema(allowed, &fields);
    }
    // The validating webhook runs last, and checks the selector last.
    if let Some(Err(error)) = namespaces.map(|namespaces| namespaces.selector.to_selector()) {
        if is_filled_in(&error) {
            let message = "spec.allowedNamespaces.selector has a variable that is not filled in";
            refusals.say(Reason::Placeholder, message);
        } else {
            let message = format!("spec.allowedNamespaces.selector: Invalid value: {error}");
            refusals.say(Reason::InvalidSelector, message);
        }
    }
    let identity = AdmittedIdentity {
        refusal: refusals.first,
        allowed: namespaces.map(|namespaces| namespaces.stored(release)),
        dropped: allowed.dropped.iter().map(|(path, _)| path.clone()).collect(),
        null_labels: allowed.null_labels.iter().map(|(path, _)| path.clone()).collect(),
        fields,
    };
    Some((kind, identity))
}

/// The first problem of an object, in the order of the API server: decoding, schema, validation.
#[derive(Default)]
struct Refusals {
    first: Option<Refusal>,
}

impl Refusals {
    fn say(&mut self, reason: Reason, message: impl Into<String>) {
        self.first.get_or_insert_with(|| Refusal::new(reason, message));
    }

    fn allowed(&mut self, allowed: &Allowed) {
        match &allowed.form {
            Form::Undecodable(path, found, _) => {
                self.say(
                    Reason::ObjectRefused,
                    format!("json: cannot unmarshal {found} into Go struct field spec.{path}"),
                );
            }
            Form::Variable(path, _) => {
                self.say(Reason::Placeholder, format!("spec.{path} is a variable that is not filled in"));
            }
            Form::Twice(_) => self.say(Reason::Ambiguous, "a key in spec.allowedNamespaces is written twice"),
            Form::Nobody | Form::Those(_) => {}
        }
    }

    /// What the CRD refuses in an identity that the webhook leaves as it was written: required fields that are missing,
    /// and nulls in lists (`config/crd/bases`, v2.13.0).
    fn schema(&mut self, allowed: &Allowed, fields: &IdentityFields) {
        let missing = match fields {
            IdentityFields::Role(RoleFields { is_arn_missing: true, .. }) => Some("spec.roleARN"),
            IdentityFields::Static { is_missing: true, .. } => Some("spec.secretRef"),
            _ => None,
        };
        if let Some(path) = missing {
            self.say(Reason::ObjectRefused, format!("{path}: Required value"));
        }
        if matches!(fields, IdentityFields::Role(RoleFields { has_null_policy: true, .. })) {
            let message = "spec.policyARNs: Invalid value: \"null\": must be of type string";
            self.say(Reason::ObjectRefused, message);
        }
        if let Some((path, _)) = allowed.null_items.first() {
            let message = format!("spec.{path}: Invalid value: \"null\": must be of type string");
            self.say(Reason::ObjectRefused, message);
        }
    }

    /// A string; empty if the field is unset.
    fn string(&mut self, field: &Field, path: &str) -> String {
        match field {
            Field::Absent | Field::Null => String::new(),
            Field::Text(text, _) => text.clone(),
            Field::Typed(text, _) => {
                self.say(Reason::ObjectRefused, format!("{path}: {text} is not a string; put it in quotes"));
                String::new()
            }
            Field::Other(_) => {
                self.say(Reason::ObjectRefused, format!("{path}: not a string"));
                String::new()
            }
            Field::Ambiguous(_) => {
                self.say(Reason::Ambiguous, format!("{path} is written twice"));
                String::new()
            }
        }
    }

    fn role(&mut self, role: &RoleIdentity, release: Release) -> RoleFields {
        let some = |text: String| (!text.is_empty()).then_some(text);
        let arn = self.string(&role.role_arn, "spec.roleARN");
        let session_name = some(self.string(&role.session_name, "spec.sessionName"));
        let external_id = some(self.string(&role.external_id, "spec.externalID"));
        let duration = self.duration(&role.duration_seconds, release);
        self.string(&role.inline_policy, "spec.inlinePolicy");
        let source = match start_at(&role.source, "spec.sourceIdentityRef", SOURCE_NAME) {
            Start::To { kind, name } => {
                if let Some((reason, message)) = unusable(&kind, &name, SOURCE_NAME) {
                    self.say(reason, message);
                }
                Some((kind, name))
            }
            Start::Refused { reason, message } => {
                self.say(reason, message);
                None
            }
            _ => {
                let message = "spec.sourceIdentityRef: Invalid value: null: field cannot be set to nil";
                self.say(Reason::ObjectRefused, message);
                None
            }
        };
        let (is_arn_missing, has_null_policy) = (role.role_arn.is_unset(), role.null_policy_arn.is_some());
        RoleFields { arn, is_arn_missing, has_null_policy, session_name, external_id, duration, source }
    }

    /// The CRD allows 900 to 43200, and the webhook of old releases treats a zero as unset.
    fn duration(&mut self, field: &Field, release: Release) -> Option<u32> {
        let path = "spec.durationSeconds";
        let number = match field {
            Field::Absent | Field::Null => return None,
            Field::Typed(..) => field.whole_number(),
            Field::Ambiguous(_) => {
                self.say(Reason::Ambiguous, format!("{path} is written twice"));
                return None;
            }
            Field::Text(text, _) if is_filled_in(text) => {
                self.say(Reason::Placeholder, format!("{path} is a variable that is not filled in"));
                return None;
            }
            Field::Text(..) | Field::Other(_) => None,
        };
        match number {
            Some(0) if release < Release::KEEPS_EMPTY => None,
            Some(seconds @ 900..=43200) => u32::try_from(seconds).ok(),
            Some(seconds) => {
                let limit = if seconds < 900 { "greater than or equal to 900" } else { "less than or equal to 43200" };
                let message = format!("{path}: Invalid value: {seconds}: {path} in body should be {limit}");
                self.say(Reason::ObjectRefused, message);
                None
            }
            None => {
                self.say(Reason::ObjectRefused, format!("{path}: not a number"));
                None
            }
        }
    }

    /// `secretRef` is a name; in v1alpha3 it is a mapping.
    fn secret(&mut self, own: &StaticIdentity, version: Version) -> String {
        let mapping = version == Version::V1Alpha3;
        let unset = own.secret.is_unset() && !own.is_mapping;
        if own.is_mapping != mapping && !unset {
            let (found, wanted) = if mapping { ("string", "SecretReference") } else { ("object", "string") };
            let message = format!(
                "json: cannot unmarshal {found} into Go struct field spec.secretRef of type {wanted} ({version})"
            );
            self.say(Reason::ObjectRefused, message);
            return String::new();
        }
        self.string(&own.secret, "spec.secretRef")
    }
}

/// Where a release of CAPA starts for a reference of an object.
pub(super) fn start(object: &Object, reference: &IdentityReference, release: Release) -> Start {
    let path = reference.path.join(".");
    let name_path = if reference.is_name_only() { path.clone() } else { format!("{path}.name") };
    if let Some(start) = reference.class.as_deref().and_then(|decision| start_in_class(object, decision, reference)) {
        return start;
    }
    match (&object.object_kind, &reference.state) {
        // A duplicate key stays ambiguous, even if the field is dropped.
        (ObjectKind::Referencing { kind_row, .. }, state)
            if support(object, release) == Some(Support::NoReference) && !matches!(state, State::Twice(_)) =>
        {
            match state {
                State::Unset => Start::Pod,
                _ => Start::Dropped { kind: kind_row.kind, since: kind_row.since },
            }
        }
        // The defaulting webhook sets the reference, on create and on update.
        (ObjectKind::Referencing { kind_row, .. }, State::Unset) if kind_row.defaulted => Start::Default,
        (ObjectKind::Referencing { .. }, State::Unset) => Start::Pod,
        (_, State::Unset) => Start::Class,
        (_, state) => match start_at(state, &path, &name_path) {
            Start::To { kind, name } => match unusable(&kind, &name, &name_path) {
                // CAPA has its own message for an unknown kind.
                Some((reason, message)) if reason != Reason::UnknownKind => Start::Refused { reason, message },
                _ => Start::To { kind, name },
            },
            other => other,
        },
    }
}

/// The path of the name of an identity's source.
const SOURCE_NAME: &str = "spec.sourceIdentityRef.name";

/// Where CAPA starts if the class decides the reference; `None` if that is the state of the reference itself.
fn start_in_class(object: &Object, decision: &ClassDecision, reference: &IdentityReference) -> Option<Start> {
    let is_template = matches!(object.object_kind, ObjectKind::Referencing { .. });
    let shown = decision.shown();
    match &decision.by {
        DecidedBy::Unknown(undecided) => {
            Some(Start::InClass(format!("{shown} decides the reference: {}", undecided.why)))
        }
        DecidedBy::Variable(variable) if is_template => {
            let variable = variable.dotted();
            Some(Start::InClass(format!("{shown} writes the reference, from each Cluster's variable {variable}")))
        }
        DecidedBy::Constant(kind, name) if is_template => {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            Some(Start::To { kind: text(kind), name: text(name) })
        }
        DecidedBy::Constant(..) if reference.state == State::Unset => {
            let message = format!("{shown} removes the reference");
            Some(Start::InClass(message))
        }
        DecidedBy::Variable(variable) if reference.state == State::Unset => {
            let (reason, variable) = (Reason::ReferenceInClass, variable.dotted());
            let message = format!("{shown} needs the variable {variable}, which has no value and no default");
            Some(Start::Refused { reason, message })
        }
        DecidedBy::Variable(_) | DecidedBy::Constant(..) => None,
    }
}

fn start_at(state: &State, path: &str, name_path: &str) -> Start {
    let refused = |reason, message| Start::Refused { reason, message };
    match state {
        State::Unset => Start::Pod,
        State::Variable(_) => refused(Reason::Placeholder, format!("{path}: a variable that is not filled in")),
        State::Wrong(_) => refused(Reason::ObjectRefused, format!("{path}: not a mapping of kind and name")),
        State::Twice(_) => refused(Reason::Ambiguous, format!("a key of {path} is written twice")),
        State::Set(existing) => {
            let Reference { kind, name, .. } = &**existing;
            let mut refusals = Refusals::default();
            let kind = refusals.string(kind, &format!("{path}.kind"));
            let name = refusals.string(name, name_path);
            match refusals.first {
                Some(Refusal { reason, message }) => refused(reason, message),
                None => Start::To { kind, name },
            }
        }
    }
}

/// Why the CRD refuses a reference: `kind` is an enumeration, `name` has at least one character.
fn unusable(kind: &str, name: &str, name_path: &str) -> Option<(Reason, String)> {
    match referenced_kind(kind, name) {
        Err(UnusableReference::UnknownKind(_)) if is_filled_in(kind) => {
            Some((Reason::Placeholder, format!("the kind {kind} is a variable that is not filled in")))
        }
        Err(UnusableReference::OtherController(_)) if is_filled_in(name) => {
            Some((Reason::Placeholder, format!("{name_path}: {name} is a variable that is not filled in")))
        }
        Err(UnusableReference::NoKind | UnusableReference::UnknownKind(_)) => {
            Some((Reason::UnknownKind, unknown_kind(kind)))
        }
        Err(UnusableReference::NoName) => {
            let message = format!("{name_path}: Invalid value: \"\": should be at least 1 chars long");
            Some((Reason::ObjectRefused, message))
        }
        // The API server accepts such a name; CAPA refuses it when it gets the credentials.
        Err(UnusableReference::OtherController(_)) | Ok(_) => None,
    }
}

/// CAPA's message (`buildProvidersForRef`). The CRD's enumeration refuses such a reference before that.
pub(super) fn unknown_kind(kind: &str) -> String {
    format!("No such provider known: '{kind}'")
}

/// Whether CAPA creates `AWSClusterControllerIdentity/default` for an object with this start, or for an object created
/// from it: an AWSCluster or an AWSManagedControlPlane that references that kind (`exp/controlleridentitycreator`, on
/// by default). It sees no object that the API server refuses, and none that is paused (`ResourceNotPausedAndHasFilterLabel`
/// of kubernetes-sigs/cluster-api, `util/predicates/generic_predicates.go`).
pub(super) fn makes_controller_identity(object: &Object, start: &Start, release: Release) -> bool {
    let is_refused = object.refusals().next().is_some() || support(object, release) == Some(Support::NotServed);
    if is_refused || object.is_paused {
        return false;
    }
    let watched = match &object.object_kind {
        ObjectKind::Referencing { kind_row, .. } => kind_row.controller_identity,
        ObjectKind::Cluster { .. } => true,
        _ => false,
    };
    watched
        && match start {
            Start::Default => true,
            Start::To { kind, .. } => kind == CONTROLLER_IDENTITY,
            _ => false,
        }
}
