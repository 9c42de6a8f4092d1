//! Identities, read with the spans of their fields.

use super::allowed::{Allowed, Form, Namespaces};
use super::field::{Field, State, content, meta, spec, state, texts, unknown};
use super::tables::{CONTROLLER_FIELDS, CONTROLLER_IDENTITY, ROLE_FIELDS, ROLE_IDENTITY, STATIC_FIELDS};
use crate::diag::Span;
use lossless_yaml::{Data, NodeId, Tree};

/// An AWSClusterRoleIdentity's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleIdentity {
    /// `spec.roleARN`
    pub role_arn: Field,
    /// `spec.sourceIdentityRef`
    pub source: State,
    /// `spec.allowedNamespaces` as JSON, scalars as strings; `None` if it is absent or null.
    pub allowed_namespaces: Option<(serde_json::Value, Span)>,
    /// `spec.allowedNamespaces` as CAPA gets it from the API server.
    pub allowed: Allowed,
    /// `spec.sessionName`
    pub session_name: Field,
    /// `spec.externalID`
    pub external_id: Field,
    /// `spec.durationSeconds`
    pub duration_seconds: Field,
    /// `spec.inlinePolicy`
    pub inline_policy: Field,
    /// `spec.policyARNs`; an empty list counts as absent.
    pub policy_arns: Field,
    /// An item of `spec.policyARNs` that is null.
    pub null_policy_arn: Option<Span>,
    /// Keys of `spec` that the CRD does not know: the API server drops them.
    pub unknown: Vec<(String, Span)>,
    /// Whether `spec` is a mapping.
    pub has_spec: bool,
    /// `metadata.annotations`
    pub annotations: Vec<(String, String)>,
    /// Whether it equals [`plain_identity`] of its own version, name and role ARN.
    pub plain: bool,
    /// The whole object, with its members as they are written; `None` if a value can't express it, for example because
    /// of a tag or a duplicate key.
    pub whole: Option<Box<serde_json::Value>>,
}

impl RoleIdentity {
    /// Whether it has an empty list of namespaces and no selector, so that no namespace may use it.
    pub fn lists_no_namespace(&self) -> bool {
        let empty = Namespaces { list: Some(Vec::new()), ..Namespaces::default() };
        matches!(&self.allowed.form, Form::Those(allowed) if *allowed == empty)
    }
}

/// An AWSClusterControllerIdentity's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerIdentity {
    /// Keys of `spec` that the CRD does not know: the API server drops them.
    pub unknown: Vec<(String, Span)>,
    /// `spec.allowedNamespaces` as CAPA gets it from the API server.
    pub allowed: Allowed,
}

/// An AWSClusterStaticIdentity's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticIdentity {
    /// Keys of `spec` that the CRD does not know: the API server drops them.
    pub unknown: Vec<(String, Span)>,
    /// `spec.secretRef`: a name; in v1alpha3, a mapping, of which this is the `name`.
    pub secret: Field,
    /// Whether `spec.secretRef` is a mapping.
    pub is_mapping: bool,
    /// `spec.allowedNamespaces` as JSON, scalars as strings; `None` if it is absent or null.
    pub allowed_namespaces: Option<(serde_json::Value, Span)>,
    /// `spec.allowedNamespaces` as CAPA gets it from the API server.
    pub allowed: Allowed,
}

/// The minimal role identity: a name, a role ARN, and the fields that every identity needs. Every namespace may use it,
/// and its source is the controller identity.
pub fn plain_identity(api_version: &str, name: &str, role_arn: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": api_version,
        "kind": ROLE_IDENTITY,
        "metadata": {"name": name},
        "spec": {
            "allowedNamespaces": {},
            "roleARN": role_arn,
            "sourceIdentityRef": {"kind": CONTROLLER_IDENTITY, "name": "default"},
        },
    })
}

pub(super) fn controller_identity(tree: &Tree<'_>, node: NodeId) -> ControllerIdentity {
    let spec = spec(tree, node);
    ControllerIdentity { unknown: unknown_of(tree, spec, &CONTROLLER_FIELDS), allowed: allowed(tree, spec) }
}

/// The keys of a `spec` that are not in `known`.
fn unknown_of(tree: &Tree<'_>, spec: Option<NodeId>, known: &[&str]) -> Vec<(String, Span)> {
    spec.map_or_else(Vec::new, |spec| unknown(tree, spec, known))
}

pub(super) fn static_identity(tree: &Tree<'_>, node: NodeId) -> StaticIdentity {
    let spec = spec(tree, node);
    let field = |name: &str| spec.map_or(Field::Absent, |spec| Field::of(tree, spec, name));
    let reference =
        spec.and_then(|spec| tree.value(spec, "secretRef")).filter(|&existing| tree.entries(existing).is_some());
    StaticIdentity {
        unknown: unknown_of(tree, spec, &STATIC_FIELDS),
        secret: reference.map_or_else(|| field("secretRef"), |reference| Field::of(tree, reference, "name")),
        is_mapping: reference.is_some(),
        allowed_namespaces: allowed_namespaces(tree, spec),
        allowed: allowed(tree, spec),
    }
}

pub(super) fn role_identity(tree: &Tree<'_>, node: NodeId, api_version: &str) -> RoleIdentity {
    let spec = spec(tree, node);
    let field = |name: &str| spec.map_or(Field::Absent, |spec| Field::of(tree, spec, name));
    let empty_list = |name: &str| {
        let list = spec.and_then(|spec| tree.value(spec, name));
        list.and_then(|list| tree.items(list)).is_some_and(<[NodeId]>::is_empty)
    };
    let null_item = |name: &str| {
        let items = tree.items(spec.and_then(|spec| tree.value(spec, name))?)?;
        items.iter().find(|&&item| tree.is_null(item)).map(|&item| tree.span(item))
    };
    let role_arn = field("roleARN");
    let plain = meta(tree, node, "name")
        .zip(role_arn.text())
        .is_some_and(|(name, role)| tree.says(node, &plain_identity(api_version, &name, role)));
    RoleIdentity {
        role_arn,
        source: spec.map_or(State::Unset, |spec| state(tree, spec, "sourceIdentityRef")),
        allowed_namespaces: allowed_namespaces(tree, spec),
        allowed: allowed(tree, spec),
        session_name: field("sessionName"),
        external_id: field("externalID"),
        duration_seconds: field("durationSeconds"),
        inline_policy: field("inlinePolicy"),
        null_policy_arn: null_item("policyARNs"),
        policy_arns: if empty_list("policyARNs") { Field::Absent } else { field("policyARNs") },
        unknown: unknown_of(tree, spec, &ROLE_FIELDS),
        has_spec: spec.is_some(),
        annotations: texts(tree, node, "annotations").map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        plain,
        whole: tree.as_value(node).map(Box::new),
    }
}

/// `allowedNamespaces` of a spec as JSON.
fn allowed_namespaces(tree: &Tree<'_>, spec: Option<NodeId>) -> Option<(serde_json::Value, Span)> {
    let existing = tree.value(spec?, "allowedNamespaces").filter(|&existing| !tree.is_null(existing))?;
    let mut left = MOST_NODES;
    Some((json(tree, existing, 0, &mut left), content(tree, existing)))
}

/// Maximum number of nodes read of an `allowedNamespaces`: nested aliases can turn a few lines into billions of nodes.
const MOST_NODES: usize = 100_000;

/// A small subtree as JSON, scalars as strings, aliases followed a few levels deep.
fn json(tree: &Tree<'_>, node: NodeId, depth: u32, left: &mut usize) -> serde_json::Value {
    use serde_json::Value;
    let node = tree.resolve(node);
    *left = left.saturating_sub(1);
    if *left == 0 || depth > 16 || tree.is_null(node) {
        return Value::Null;
    }
    match &tree.node(node).data {
        Data::Mapping { entries, .. } => Value::Object(
            entries
                .iter()
                .map(|&(key, value)| {
                    (tree.text(key).unwrap_or_default().to_owned(), json(tree, value, depth + 1, left))
                })
                .collect(),
        ),
        Data::Sequence { items, .. } => items.iter().map(|&item| json(tree, item, depth + 1, left)).collect(),
        _ => Value::String(tree.text(node).unwrap_or_default().to_owned()),
    }
}

fn allowed(tree: &Tree<'_>, spec: Option<NodeId>) -> Allowed {
    spec.map_or_else(Allowed::nobody, |spec| Allowed::of(tree, spec))
}
