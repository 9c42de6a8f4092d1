//! Objects read through spans: absent, null, value or wrong type, unknown keys left alone.
//!
//! A typed derive would drop an unknown key in silence, and in an identity the unknown key is the dangerous one.

use crate::diag::Span;
use lossless_yaml::{Data, Lookup, NodeId, Tree};

use super::alive::{Mark, mark};
use super::allowed::Allowed;
use super::astray::astray;
use super::bound;
use super::identity::{
    ControllerIdentity, RoleIdentity, StaticIdentity, controller_identity, role_identity, static_identity,
};
use super::labels::Labels;
use super::tables::{Bearer, IdentityKind, Typed, Version, WITHOUT_REFERENCE, classify};
use super::topology::{class, cluster};
use super::twice::{Twice, twice};

/// A field as the text has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Not there.
    Absent,
    /// There, and null.
    Null,
    /// There, a string.
    Text(String, Span),
    /// There, a scalar that kubectl reads as a number or a boolean; its text.
    Typed(String, Span),
    /// There, but no scalar.
    Other(Span),
    /// Written twice, or supplied by a later `<<` too; the span is the second place.
    Ambiguous(Span),
}

impl Field {
    /// The scalar's text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// The scalar's text, whatever kubectl takes it for.
    pub fn any_text(&self) -> Option<&str> {
        match self {
            Self::Text(text, _) | Self::Typed(text, _) => Some(text),
            _ => None,
        }
    }

    /// The whole number that kubectl sends of it: `3600`, and `3_600`, `0x384` or `3.6e3` as well (goyaml.v2, `resolve.go`).
    pub fn whole_number(&self) -> Option<i64> {
        let Self::Typed(text, _) = self else { return None };
        let plain = text.replace('_', "");
        let (negative, digits) = match plain.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
        };
        let radixes = [("0x", 16), ("0X", 16), ("0b", 2), ("0o", 8), ("0", 8)];
        let whole = radixes
            .into_iter()
            .find_map(|(prefix, radix)| i64::from_str_radix(digits.strip_prefix(prefix)?, radix).ok())
            .or_else(|| digits.parse().ok().filter(|_| !digits.starts_with('0')));
        let number = whole.or_else(|| {
            let number = digits.parse::<f64>().ok().filter(|number| number.fract() == 0.0)?;
            // Far below the numbers that a float no longer tells apart.
            (number.abs() < 1e15).then_some(number as i64)
        })?;
        Some(if negative { -number } else { number })
    }

    /// Where it stands, if it is there.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Text(_, span) | Self::Typed(_, span) | Self::Other(span) | Self::Ambiguous(span) => Some(*span),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether nothing is said.
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    pub(super) fn of(tree: &Tree<'_>, mapping: NodeId, name: &str) -> Self {
        match tree.get(mapping, name) {
            Lookup::Absent => Self::Absent,
            Lookup::Ambiguous { key } => Self::Ambiguous(tree.span(key)),
            Lookup::Own { value, .. } | Lookup::Inherited { value } => {
                if tree.is_null(value) {
                    Self::Null
                } else {
                    match tree.text(value) {
                        Some(text) if tree.is_typed(value) => Self::Typed(text.to_owned(), tree.span(value)),
                        Some(text) => Self::Text(text.to_owned(), tree.span(value)),
                        None => Self::Other(tree.span(value)),
                    }
                }
            }
        }
    }
}

/// An identity reference: `{kind, name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The kind of the identity.
    pub kind: Field,
    /// Its name.
    pub name: Field,
    /// The whole reference.
    pub span: Span,
    /// Whether it is written in its place; else a `<<` supplies it.
    pub own: bool,
    /// Keys beside these two, which the API server drops.
    pub unknown: Vec<(String, Span)>,
}

/// What stands where an identity reference belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, or null.
    Unset,
    /// A reference, perhaps incomplete.
    Set(Box<Reference>),
    /// Something that is no mapping, there or on the way there.
    Wrong(Span),
    /// A variable that is to become it, or a mapping on the way there.
    Variable(Span),
    /// A key on the way there is written twice, or supplied by a later `<<` too; the span is the second place.
    Twice(Span),
}

/// A place of an object that holds, or is to hold, an identity reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityReference {
    /// From the object to the reference, as pointer tokens, `identityRef` included where it is the key.
    pub path: Vec<String>,
    /// How many steps of the path lead to mappings that are there. One less than the path's length: the parent is there.
    pub present: usize,
    /// What stands there.
    pub state: State,
    /// A list item on the path and the name that it has there: `(["spec", "topology", "variables", "2"], "clusterConfig")`.
    pub guard: Option<(Vec<String>, String)>,
    /// Where the reference stands, or the deepest thing that is there of it.
    pub span: Span,
    /// What is left of the mapping that holds it when it goes; for one that is not there, `Members`.
    pub rest: Rest,
}

/// What is left of a mapping when one member goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Other members.
    Members,
    /// A pair of brackets.
    Brackets,
    /// No line.
    Nothing,
}

/// A reference to another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectReference {
    /// The API group, where the reference says one.
    pub group: Option<String>,
    /// The kind.
    pub kind: String,
    /// The namespace, where the reference says one; else it is the namespace of the object that refers.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// The class of a topology Cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassReference {
    /// The namespace, where the Cluster says one; else it is its own.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// What an object is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It carries a reference in a fixed place.
    Bearer {
        /// Its row of the table.
        bearer: &'static Bearer,
        /// Its version.
        version: Version,
        /// The reference.
        reference: Box<IdentityReference>,
        /// `spec.region`, or the template's.
        region: Field,
        /// What its spec names that belongs to one account: ids of EC2, ARNs, the name of an SSH key.
        bound: Vec<(String, Span)>,
    },
    /// A Cluster.
    Cluster {
        /// `spec.infrastructureRef` and `spec.controlPlaneRef`.
        refers_to: Vec<ObjectReference>,
        /// Its topology's places for a reference; empty without a topology or where another provider runs it.
        references: Vec<IdentityReference>,
        /// Whether it has a topology, and its variables name no provider, neither ours nor another.
        unclear: bool,
        /// The region that its variables say.
        region: Option<String>,
        /// The class of its topology.
        class: Option<ClassReference>,
    },
    /// A ClusterClass: the templates of its infrastructure and its control plane.
    Class(Vec<ObjectReference>),
    /// A role identity.
    Identity(Box<RoleIdentity>, Version),
    /// The controller identity.
    Controller(Box<ControllerIdentity>),
    /// A static identity.
    Static(Box<StaticIdentity>, Version),
    /// A Namespace; only where it was asked for, see [`beside`].
    Namespace,
    /// A Secret; only where it was asked for, see [`beside`]. Nothing is read of it but its name and namespace.
    Secret,
    /// An object of CAPA in a shape that can't be: why, and what to do.
    Refused(String, &'static str),
    /// An object of CAPA that carries no reference, with an `identityRef` in its `spec`: the API server drops it.
    Elsewhere(Span),
    /// Anything else.
    Foreign,
}

/// An object of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// As written.
    pub api_version: String,
    /// As written.
    pub kind: String,
    /// `metadata.name`, if it is a scalar.
    pub name: Option<String>,
    /// `metadata.namespace`, if it is a scalar.
    pub namespace: Option<String>,
    /// Where that stands.
    pub namespace_span: Option<Span>,
    /// `metadata.labels`
    pub labels: Labels,
    /// A key on the way to what decides the account, whose value depends on the reader.
    pub twice: Option<Box<Twice>>,
    /// References that stand where the API server drops them: the path of their mapping, `/spec` perhaps, and the key.
    pub astray: Vec<(String, String, Span)>,
    /// Where its `kind` stands.
    pub kind_span: Span,
    /// Where the object begins.
    pub start: usize,
    /// What shows that it is or was in a management cluster, if anything does.
    pub alive: Option<Box<Mark>>,
    /// What it is.
    pub role: Role,
}

impl Role {
    /// Whether it is of Cluster API or CAPA, or says so: what must be read with certainty.
    pub fn is_ours(&self) -> bool {
        !matches!(self, Self::Foreign | Self::Elsewhere(_) | Self::Namespace | Self::Secret | Self::Class(_))
    }
}

impl Object {
    /// The namespace, if the object says one; an empty text says none.
    pub fn own_namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|own| !own.is_empty())
    }

    /// The places of the object that hold, or are to hold, an identity reference.
    pub fn references(&self) -> impl Iterator<Item = &IdentityReference> {
        let (one, many): (Option<&IdentityReference>, &[IdentityReference]) = match &self.role {
            Role::Bearer { reference, .. } => (Some(reference), &[]),
            Role::Cluster { references, .. } => (None, references),
            _ => (None, &[]),
        };
        one.into_iter().chain(many)
    }

    /// The role ARN of an identity, where it is one text.
    pub fn role_arn(&self) -> Option<&str> {
        match &self.role {
            Role::Identity(identity, _) => identity.role_arn.text(),
            _ => None,
        }
    }

    /// The region that the object says: in its spec, its template's, or its topology's variables.
    pub fn region(&self) -> Option<&str> {
        match &self.role {
            Role::Bearer { region, .. } => region.text(),
            Role::Cluster { region, .. } => region.as_deref(),
            _ => None,
        }
    }
}

/// Reads the object at `node`. `variable` names a topology variable that is to hold a reference though it is not there.
/// `None` for what has no apiVersion and kind, as no Kubernetes object is.
pub fn view(tree: &Tree<'_>, node: NodeId, variable: Option<&[String]>) -> Option<Object> {
    let api_version = Field::of(tree, node, "apiVersion");
    let kind = Field::of(tree, node, "kind");
    for (field, key) in [(&kind, "kind"), (&api_version, "apiVersion")] {
        if let Field::Ambiguous(span) = field {
            let (version, kind) = (api_version.text().unwrap_or_default(), kind.text().unwrap_or(UNKNOWN));
            let why = format!("the key '{key}' is written twice: kubectl takes the last, other tools refuse it");
            return Some(refused(tree, node, (version, kind), *span, why, "remove one of them and run again"));
        }
    }
    for key in ["kind", "apiVersion"] {
        let node_of = tree.value(node, key).map(|value| tree.node(tree.resolve(value)));
        if let Some(tag) = node_of.and_then(|value| value.tag()).filter(|tag| &tree.text[tag.range()] != "!!str") {
            let version = api_version.text().unwrap_or_default();
            let why = format!("the {key} has a tag, and what it stands for can't be told with certainty");
            let way_out = "write it as plain text and run again";
            return Some(refused(tree, node, (version, UNKNOWN), tag.shifted(tree.base), why, way_out));
        }
    }
    let (Field::Text(api_version, _), Field::Text(kind, kind_span)) = (api_version, kind) else {
        return None;
    };
    let role = match classify(&api_version, &kind) {
        Typed::Foreign => elsewhere(tree, node, &api_version, &kind),
        Typed::Refused(why) => Role::Refused(
            why,
            "take the apiVersion that your management cluster serves: kubectl api-resources | grep -i aws",
        ),
        Typed::Identity(IdentityKind::Static, version) => Role::Static(Box::new(static_identity(tree, node)), version),
        Typed::Identity(IdentityKind::Controller, _) => Role::Controller(Box::new(controller_identity(tree, node))),
        Typed::Identity(IdentityKind::Role, version) => {
            Role::Identity(Box::new(role_identity(tree, node, &api_version)), version)
        }
        Typed::Bearer(bearer, version) => {
            let path = bearer.parent.iter().chain(&["identityRef"]).map(|&key| key.to_owned()).collect();
            let parent = descend(tree, node, bearer.parent);
            Role::Bearer {
                bearer,
                version,
                reference: Box::new(reference_at(tree, node, path, None)),
                region: parent.map_or(Field::Absent, |parent| Field::of(tree, parent, "region")),
                bound: parent.map_or_else(Vec::new, |parent| bound::to_an_account(tree, parent)),
            }
        }
        Typed::Cluster => cluster(tree, node, &api_version, variable),
        Typed::Class => Role::Class(class(tree, node, &api_version)),
    };
    Some(Object {
        name: meta(tree, node, "name"),
        namespace: meta(tree, node, "namespace"),
        namespace_span: tree.value(node, "metadata").and_then(|meta| Field::of(tree, meta, "namespace").span()),
        labels: Labels::of(tree, node),
        twice: twice(tree, node, &role).map(Box::new),
        astray: astray(tree, node, &role),
        // Of what carries no reference it is of no interest.
        alive: match &role {
            Role::Bearer { .. } | Role::Cluster { .. } => mark(tree, node, &api_version, &kind),
            _ => None,
        },
        api_version,
        kind,
        kind_span,
        start: tree.span(node).start,
        role,
    })
}

/// An object of CAPA that people take for one that carries a reference.
fn elsewhere(tree: &Tree<'_>, node: NodeId, api_version: &str, kind: &str) -> Role {
    let ours = api_version.split_once('/').is_some_and(|(group, _)| WITHOUT_REFERENCE.contains(&(group, kind)));
    let spec = if ours { spec(tree, node) } else { None };
    match spec.map(|spec| tree.get(spec, "identityRef")) {
        Some(Lookup::Own { key, .. }) => Role::Elsewhere(tree.span(key)),
        _ => Role::Foreign,
    }
}

/// Makes a Namespace or a Secret of an object that is nothing else to us. Whether an identity may be used can hang on them.
pub fn beside(object: &mut Object) {
    if object.role != Role::Foreign || object.api_version != "v1" {
        return;
    }
    match object.kind.as_str() {
        "Namespace" => object.role = Role::Namespace,
        "Secret" => {
            object.role = Role::Secret;
            object.labels = Labels::default();
        }
        _ => {}
    }
}

/// Whether a text holds what is filled in before it is applied: by envsubst, clusterctl or Flux, or, in quotes, by Helm.
pub fn is_variable(text: &str) -> bool {
    ["${", "$(", "{{"].into_iter().any(|open| text.contains(open))
}

/// What an object is called whose kind can't be told.
const UNKNOWN: &str = "object";

/// A text of an object's metadata.
pub(super) fn meta(tree: &Tree<'_>, node: NodeId, name: &str) -> Option<String> {
    Field::of(tree, tree.value(node, "metadata")?, name).any_text().map(str::to_owned)
}

/// An object in a shape that can't be; the span is the place that says so.
pub(super) fn refused(
    tree: &Tree<'_>,
    node: NodeId,
    (api_version, kind): (&str, &str),
    span: Span,
    why: String,
    way_out: &'static str,
) -> Object {
    Object {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: meta(tree, node, "name"),
        namespace: meta(tree, node, "namespace"),
        namespace_span: tree.value(node, "metadata").and_then(|meta| Field::of(tree, meta, "namespace").span()),
        labels: Labels::default(),
        twice: None,
        astray: Vec::new(),
        kind_span: span,
        start: tree.span(node).start,
        alive: None,
        role: Role::Refused(why, way_out),
    }
}

pub(super) fn descend(tree: &Tree<'_>, node: NodeId, path: &[&str]) -> Option<NodeId> {
    path.iter().try_fold(node, |at, key| tree.value(at, key))
}

/// The members of a mapping of texts in an object's metadata.
pub(super) fn texts<'t>(tree: &'t Tree<'_>, object: NodeId, name: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let entries = descend(tree, object, &["metadata", name]).and_then(|texts| tree.entries(texts)).unwrap_or_default();
    entries.iter().filter_map(|&(key, value)| Some((tree.text(key)?, tree.text(value)?)))
}

/// Reads what stands at a path, and how much of the path is there.
pub(super) fn reference_at(
    tree: &Tree<'_>,
    node: NodeId,
    path: Vec<String>,
    guard: Option<(Vec<String>, String)>,
) -> IdentityReference {
    let mut at = node;
    let mut own = true;
    let mut rest = Rest::Members;
    let mut span = head(tree, node);
    for (depth, key) in path.iter().enumerate() {
        let next = match tree.items(at) {
            Some(items) => match key.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(&value) => Lookup::Own { key: value, value },
                None => Lookup::Absent,
            },
            None => tree.get(at, key),
        };
        let value = match next {
            Lookup::Own { key, value } => {
                span = tree.span(key);
                value
            }
            Lookup::Inherited { value } => {
                own = false;
                value
            }
            Lookup::Ambiguous { key } => {
                let state = State::Twice(tree.span(key));
                return IdentityReference { path, present: depth, state, guard, span: tree.span(key), rest };
            }
            Lookup::Absent => {
                return IdentityReference { path, present: depth, state: State::Unset, guard, span, rest };
            }
        };
        if tree.is_null(value) {
            // A null further up is filled as a whole: its key counts as the first missing one.
            return IdentityReference { path, present: depth, state: State::Unset, guard, span, rest };
        }
        let last = depth + 1 == path.len();
        let index = path.get(depth + 1).is_some_and(|token| token.parse::<usize>().is_ok());
        if tree.entries(value).is_none() && (last || tree.items(value).is_none() || !index) {
            let span = tree.span(value);
            let state = match tree.text(value).is_some_and(is_variable) {
                true => State::Variable(span),
                false => State::Wrong(span),
            };
            return IdentityReference { path, present: depth, state, guard, span, rest };
        }
        rest = rest_of(tree, at);
        at = value;
    }
    let present = path.len();
    let (kind, name) = (Field::of(tree, at, "kind"), Field::of(tree, at, "name"));
    // A variable whose value is the reference itself, and holds something else.
    let whole = guard.is_some() && path.last().is_some_and(|last| last == "value");
    let other = tree.entries(at).is_some_and(|entries| !entries.is_empty());
    if whole && other && kind == Field::Absent && name == Field::Absent {
        let span = content(tree, at);
        return IdentityReference { path, present, state: State::Wrong(span), guard, span, rest };
    }
    let unknown = unknown(tree, at, &["kind", "name"]);
    let state = State::Set(Box::new(Reference { kind, name, span: content(tree, at), own, unknown }));
    IdentityReference { path, present, state, guard, span, rest }
}

/// What is left of the mapping without one of its members.
fn rest_of(tree: &Tree<'_>, mapping: NodeId) -> Rest {
    match &tree.node(tree.resolve(mapping)).data {
        Data::Mapping { entries, flow: true } if entries.len() == 1 => Rest::Brackets,
        Data::Mapping { entries, flow: false } if entries.len() == 1 => Rest::Nothing,
        _ => Rest::Members,
    }
}

/// The first line's worth of a node: enough to point at, not a whole cluster.
pub(super) fn head(tree: &Tree<'_>, node: NodeId) -> Span {
    match tree.entries(node).and_then(|entries| entries.first()) {
        Some(&(key, _)) => tree.span(key),
        None => tree.span(node),
    }
}

pub(super) fn content(tree: &Tree<'_>, node: NodeId) -> Span {
    tree.span(tree.resolve(node))
}

/// The keys of a mapping that are none of these.
pub(super) fn unknown(tree: &Tree<'_>, mapping: NodeId, known: &[&str]) -> Vec<(String, Span)> {
    let entries = tree.entries(mapping).unwrap_or_default();
    let other = |key: NodeId| tree.text(key).filter(|text| !tree.is_merge(key) && !known.contains(text));
    entries.iter().filter_map(|&(key, _)| Some((other(key)?.to_owned(), tree.span(key)))).collect()
}

pub(super) fn state(tree: &Tree<'_>, mapping: NodeId, name: &str) -> State {
    reference_at(tree, mapping, vec![name.to_owned()], None).state
}

pub(super) fn spec(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
    tree.value(node, "spec").filter(|&spec| tree.entries(spec).is_some())
}

pub(super) fn allowed(tree: &Tree<'_>, spec: Option<NodeId>) -> Allowed {
    spec.map_or_else(Allowed::nobody, |spec| Allowed::of(tree, spec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    fn read(text: &str) -> Object {
        let tree = yaml::read(text, 0).unwrap();
        view(&tree, tree.root, None).unwrap()
    }

    #[test]
    fn numbers_are_read_as_kubectl_reads_them() {
        let number = |text: &str| Field::Typed(text.into(), Span::default()).whole_number();
        for text in ["3600", "+3600", "3_600", "0xe10", "0b111000010000", "0o7020", "07020", "3600.0", "3.6e3", "36e2"]
        {
            assert_eq!(number(text), Some(3600), "{text}");
        }
        for (text, expected) in [
            ("0900", Some(900)),
            ("0", Some(0)),
            ("-900", Some(-900)),
            ("900.5", None),
            ("true", None),
            ("1e300", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn a_reference_is_seen_in_every_state() {
        let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n";
        for (rest, present, unset) in [
            ("", 0, true),
            ("spec:\n", 0, true),
            ("spec: {}\n", 1, true),
            ("spec: {identityRef: }\n", 1, true),
            ("spec: {identityRef: {}}\n", 2, false),
            ("spec: {identityRef: {kind: K, name: n}}\n", 2, false),
        ] {
            let Role::Bearer { reference, .. } = read(&format!("{head}{rest}")).role else { panic!("{rest}") };
            assert_eq!((reference.present, reference.state == State::Unset), (present, unset), "{rest}");
        }
    }
}
