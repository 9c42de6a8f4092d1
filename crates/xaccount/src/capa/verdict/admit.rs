//! Identities as the API server and CAPA's webhooks take them from a manifest: with what they refuse
//! (`webhooks/awscluster*identity_webhook.go`, `config/crd/bases`, v2.11.1).

use super::namespaces::stored;
use super::outcome::{Reason, Start};
use crate::capa::allowed::{Allowed, Form, Namespaces};
use crate::capa::field::{Field, IdentityReference, Reference, State};
use crate::capa::identity::{RoleIdentity, StaticIdentity};
use crate::capa::object::{Object, ObjectKind};
use crate::capa::release::Release;
use crate::capa::support::{Support, support};
use crate::capa::tables::{CONTROLLER_IDENTITY, IdentityKind, Version};
use crate::capa::unusable::{UnusableReference, referenced_kind};

/// An identity. Two documents that say the same are equal, wherever they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdmittedIdentity {
    /// Why the object is not taken at all.
    pub(super) refusal: Option<Refusal>,
    /// As CAPA finds it in the store; `None` lets no namespace in.
    pub(super) allowed: Option<Namespaces>,
    /// Keys that the API server drops.
    pub(super) dropped: Vec<String>,
    pub(super) fields: IdentityFields,
}

/// What an identity says beside the namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentityFields {
    Role(RoleFields),
    Controller,
    Static { secret: String },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RoleFields {
    pub(super) arn: String,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    /// In seconds; `None` is the SDK's default.
    pub(super) duration: Option<u32>,
    /// `None` where the object is refused.
    pub(super) source: Option<(String, String)>,
}

/// Why an object does not get into the cluster, or can't be told.
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

/// The identity that an object is, with its kind.
pub(super) fn identity(object: &Object, release: Release) -> Option<(IdentityKind, AdmittedIdentity)> {
    let mut refusals = Refusals::default();
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
            IdentityFields::Static { secret: refusals.secret(own, *version) }
        }),
        _ => return None,
    };
    let namespaces = match &allowed.form {
        Form::Those(namespaces) => Some(namespaces),
        _ => None,
    };
    // The validating webhook comes last, and looks at the selector last.
    if let Some(Err(error)) = namespaces.map(|namespaces| namespaces.selector.to_selector()) {
        let message = format!("spec.allowedNamespaces.selector: Invalid value: {error}");
        refusals.say(Reason::InvalidSelector, message);
    }
    let identity = AdmittedIdentity {
        refusal: refusals.first,
        allowed: namespaces.map(|namespaces| stored(namespaces, release)),
        dropped: allowed.dropped.iter().map(|(path, _)| path.clone()).collect(),
        fields,
    };
    Some((kind, identity))
}

/// The first thing that is wrong with an object, in the order of the API server: decoding, schema, validation.
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
            Form::Twice(_) => self.say(Reason::Ambiguous, "a key below spec.allowedNamespaces is written twice"),
            Form::Nobody | Form::Those(_) => {}
        }
    }

    /// A string; empty where nothing is said.
    fn string(&mut self, field: &Field, path: &str) -> String {
        match field {
            Field::Absent | Field::Null => String::new(),
            Field::Text(text, _) => text.clone(),
            Field::Typed(text, _) => {
                self.say(Reason::ObjectRefused, format!("{path}: {text} is not a string here; put it in quotes"));
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
        let source = match start_at(&role.source, "spec.sourceIdentityRef") {
            Start::To { kind, name } => {
                if let Some((reason, message)) = unusable(&kind, &name, "spec.sourceIdentityRef") {
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
        RoleFields { arn, session_name, external_id, duration, source }
    }

    /// The CRD takes 900 to 43200, and the webhook of old releases took a zero for nothing.
    fn duration(&mut self, field: &Field, release: Release) -> Option<u32> {
        let path = "spec.durationSeconds";
        let number = match field {
            Field::Absent | Field::Null => return None,
            Field::Typed(..) => field.whole_number(),
            Field::Ambiguous(_) => {
                self.say(Reason::Ambiguous, format!("{path} is written twice"));
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

/// Where a release of CAPA begins for a reference of an object.
pub(super) fn start(object: &Object, reference: &IdentityReference, release: Release) -> Start {
    let path = reference.path.join(".");
    match (&object.object_kind, &reference.state) {
        // Which of two keys counts is not told by dropping one of them.
        (ObjectKind::Referencing { kind_row, .. }, state)
            if support(object, release) == Some(Support::NoReference) && !matches!(state, State::Twice(_)) =>
        {
            match state {
                State::Unset => Start::Pod,
                _ => Start::Dropped { kind: kind_row.kind, since: kind_row.since },
            }
        }
        // The defaulting webhook fills the gap, on create and on update.
        (ObjectKind::Referencing { kind_row, .. }, State::Unset) if kind_row.defaulted => Start::Default,
        (ObjectKind::Referencing { .. }, State::Unset) => Start::Pod,
        (_, State::Unset) => Start::Class,
        (_, state) => match start_at(state, &path) {
            Start::To { kind, name } => match unusable(&kind, &name, &path) {
                // CAPA has words of its own for an unknown kind.
                Some((reason, message)) if reason != Reason::UnknownKind => Start::Refused { reason, message },
                _ => Start::To { kind, name },
            },
            other => other,
        },
    }
}

fn start_at(state: &State, path: &str) -> Start {
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
            let name = refusals.string(name, &format!("{path}.name"));
            match refusals.first {
                Some(Refusal { reason, message }) => refused(reason, message),
                None => Start::To { kind, name },
            }
        }
    }
}

/// What the CRD refuses of a reference: `kind` is an enumeration, `name` has at least one character.
fn unusable(kind: &str, name: &str, path: &str) -> Option<(Reason, String)> {
    match referenced_kind(kind, name) {
        Err(UnusableReference::NoKind | UnusableReference::UnknownKind(_)) => {
            Some((Reason::UnknownKind, unknown_kind(kind)))
        }
        Err(UnusableReference::NoName) => {
            let message = format!("{path}.name: Invalid value: \"\": should be at least 1 chars long");
            Some((Reason::ObjectRefused, message))
        }
        // The API server takes such a name; CAPA refuses it when it asks for the credentials.
        Err(UnusableReference::OtherController(_)) | Ok(_) => None,
    }
}

/// CAPA's words (`buildProvidersForRef`). The enumeration of the CRD refuses such a reference already.
pub(super) fn unknown_kind(kind: &str) -> String {
    format!("No such provider known: '{kind}'")
}

/// Whether CAPA makes `AWSClusterControllerIdentity/default` when it sees an object that begins here, or what is made from
/// it: an AWSCluster or an AWSManagedControlPlane whose reference is to that kind (`exp/controlleridentitycreator`, on by
/// default).
pub(super) fn makes_controller_identity(object: &Object, start: &Start) -> bool {
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
