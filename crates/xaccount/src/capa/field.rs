//! Fields of objects with their spans: absent, null, a value or a wrong type; unknown keys are kept.
//!
//! A derived type would silently drop unknown keys, and in an identity those are the dangerous ones.

use super::ROLE_IDENTITY;
use crate::diag::Span;
use crate::templates::is_filled_in;
use lossless_yaml::{Data, Lookup, NodeId, Tree};

/// A field as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Missing.
    Absent,
    /// Null.
    Null,
    /// A string.
    Text(String, Span),
    /// A scalar that kubectl reads as a number or a boolean; its text.
    Typed(String, Span),
    /// Not a scalar.
    Other(Span),
    /// Written twice, or also set by a later `<<`; the span is the second place.
    Ambiguous(Span),
}

impl Field {
    /// The text, if it is a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, also if kubectl reads it as a number or a boolean.
    pub fn any_text(&self) -> Option<&str> {
        match self {
            Self::Text(text, _) | Self::Typed(text, _) => Some(text),
            _ => None,
        }
    }

    /// The whole number that kubectl sends for it: `3600`, and `3_600`, `0x384` or `3.6e3` as well (goyaml.v2,
    /// `resolve.go`).
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
            // Far below the range in which a float can't represent every whole number.
            (number.abs() < 1e15).then_some(number as i64)
        })?;
        Some(if negative { -number } else { number })
    }

    /// The span of the value, if there is one.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Text(_, span) | Self::Typed(_, span) | Self::Other(span) | Self::Ambiguous(span) => Some(*span),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether the field is missing or null.
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
    /// Whether it is written in this place; otherwise a `<<` supplies it.
    pub own: bool,
    /// Whether an alias is in its place: the mapping is elsewhere, and other objects may use it.
    pub is_alias: bool,
    /// Keys other than these two, which the API server drops.
    pub unknown: Vec<(String, Span)>,
}

/// The value in the place of an identity reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, or null.
    Unset,
    /// A reference, perhaps incomplete.
    Set(Box<Reference>),
    /// Not a mapping, there or on the path to it.
    Wrong(Span),
    /// A template variable in its place, or in the place of a mapping on the path to it.
    Variable(Span),
    /// A key on the path is written twice, or also set by a later `<<`; the span is the second place.
    Twice(Span),
}

impl State {
    /// The name of the role identity that it references.
    pub fn role_identity(&self) -> Option<&str> {
        match self {
            Self::Set(to) if to.kind.text() == Some(ROLE_IDENTITY) => to.name.text(),
            _ => None,
        }
    }
}

/// A place of an object that has an identity reference, or can get one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityReference {
    /// The path from the object to the reference, as pointer tokens, including `identityRef` if that is the key.
    pub path: Vec<String>,
    /// Number of steps of the path that lead to existing mappings. One less than the path's length: the parent exists.
    pub present: usize,
    /// The value in that place.
    pub state: State,
    /// A list item on the path, and its name: `(["spec", "topology", "variables", "2"], "clusterConfig")`.
    pub precondition: Option<(Vec<String>, String)>,
    /// The span of the reference, or of the deepest existing part of its path.
    pub span: Span,
    /// What is left of its mapping if it is removed; for a missing reference, `Members`.
    pub rest: Rest,
    /// How the patches of a ClusterClass decide it, if they do.
    pub class: Option<Box<ClassDecision>>,
}

/// How the patches of a ClusterClass decide a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassDecision {
    /// The class and the patch, for messages: `patch 'identity' of ClusterClass dev/pond`.
    pub title: String,
    /// The file and line of the patch, for messages.
    pub place: String,
    /// What decides it.
    pub by: DecidedBy,
}

/// What decides a reference in the patches of a ClusterClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// A variable of the Cluster.
    Variable(DecidingVariable),
    /// The class, or its template, with this kind and name.
    Constant(Option<String>, Option<String>),
    /// It can't be followed.
    Unknown(Undecided),
}

/// Why a class's decision can't be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Why, in words.
    pub why: String,
    /// What to do about it.
    pub help: &'static str,
    /// Whether the patch writes only the kind or the name, so that a variable that is a whole reference can't decide it.
    pub part_only: bool,
}

/// A variable of a Cluster that decides its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidingVariable {
    /// Its name, and keys in its value, as in the class.
    pub path: Vec<String>,
    /// The kind of the identity, if the variable is only its name.
    pub kind: Option<IdentityKindSource>,
    /// Whether the Cluster sets it.
    pub is_set: bool,
    /// Whether the class requires it.
    pub required: bool,
    /// Whether the class has a default for it.
    pub has_default: bool,
    /// Whether it is the only variable that the Cluster sets.
    pub only: bool,
}

/// The kind of the identity for a variable that is only its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityKindSource {
    /// The kind.
    pub kind: String,
    /// The template that has it, with its place; `None` if a patch writes it.
    pub template: Option<String>,
}

impl IdentityReference {
    /// Whether it is in a variable of a topology, or would be.
    pub fn is_in_variable(&self) -> bool {
        self.path.get(2).is_some_and(|key| key == "variables")
    }

    /// Whether it is a variable that is only the name of the identity.
    pub fn is_name_only(&self) -> bool {
        matches!(
            self.class.as_deref(),
            Some(ClassDecision { by: DecidedBy::Variable(DecidingVariable { kind: Some(_), .. }), .. })
        )
    }

    /// Whether a variable that is only a name is empty.
    pub fn is_nameless(&self) -> bool {
        self.is_name_only() && matches!(&self.state, State::Set(reference) if reference.name.text() == Some(""))
    }
}

impl DecidingVariable {
    /// As in the class: `identity.name`.
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

impl ClassDecision {
    /// The patch and its place: `patch 'identity' of ClusterClass dev/pond (class.yaml:31)`.
    pub fn shown(&self) -> String {
        format!("{} ({})", self.title, self.place)
    }
}

/// What is left of a mapping if one member is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Other members.
    Members,
    /// An empty pair of brackets.
    Brackets,
    /// No line.
    Nothing,
}

/// A reference to another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectReference {
    /// The API group, if the reference has one.
    pub group: Option<String>,
    /// The version, if the reference has one.
    pub version: Option<String>,
    /// The kind.
    pub kind: String,
    /// The namespace, if the reference has one; otherwise it is the namespace of the referencing object.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// The class of a topology Cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassReference {
    /// The namespace, if the Cluster specifies one; otherwise it is the Cluster's own.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// A text of an object's metadata.
pub(super) fn meta(tree: &Tree<'_>, node: NodeId, name: &str) -> Option<String> {
    Field::of(tree, tree.value(node, "metadata")?, name).any_text().map(str::to_owned)
}

pub(super) fn descend(tree: &Tree<'_>, node: NodeId, path: &[&str]) -> Option<NodeId> {
    path.iter().try_fold(node, |at, key| tree.value(at, key))
}

/// The members of a mapping of texts in an object's metadata.
pub(super) fn texts<'t>(tree: &'t Tree<'_>, object: NodeId, name: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let entries = descend(tree, object, &["metadata", name]).and_then(|texts| tree.entries(texts)).unwrap_or_default();
    entries.iter().filter_map(|&(key, value)| Some((tree.text(key)?, tree.text(value)?)))
}

/// Reads the value at a path, and how much of the path exists.
pub(super) fn reference_at(
    tree: &Tree<'_>,
    node: NodeId,
    path: Vec<String>,
    precondition: Option<(Vec<String>, String)>,
) -> IdentityReference {
    // A variable whose value should be the reference itself.
    let whole = precondition.is_some() && path.last().is_some_and(|last| last == "value");
    let ValueAtPath { present, state, span, rest } = value_at(tree, node, &path, whole);
    IdentityReference { path, present, state, precondition, span, rest, class: None }
}

/// The value at the path of a reference: see [`IdentityReference`].
struct ValueAtPath {
    present: usize,
    state: State,
    span: Span,
    rest: Rest,
}

/// Follows the path of a reference. `whole` means that the value can only be a reference.
fn value_at(tree: &Tree<'_>, node: NodeId, path: &[String], whole: bool) -> ValueAtPath {
    let mut at = node;
    let (mut own, mut is_alias) = (true, false);
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
                return ValueAtPath { present: depth, state, span: tree.span(key), rest };
            }
            Lookup::Absent => {
                return ValueAtPath { present: depth, state: State::Unset, span, rest };
            }
        };
        if tree.is_null(value) {
            // A null on the path is replaced as a whole: its key counts as the first missing one.
            return ValueAtPath { present: depth, state: State::Unset, span, rest };
        }
        let last = depth + 1 == path.len();
        let index = path.get(depth + 1).is_some_and(|token| token.parse::<usize>().is_ok());
        if tree.entries(value).is_none() && (last || tree.items(value).is_none() || !index) {
            let span = tree.span(value);
            let state = match tree.text(value).is_some_and(is_filled_in) {
                true => State::Variable(span),
                false => State::Wrong(span),
            };
            return ValueAtPath { present: depth, state, span, rest };
        }
        rest = rest_of(tree, at);
        is_alias = tree.resolve(value) != value;
        at = value;
    }
    let present = path.len();
    let (kind, name) = (Field::of(tree, at, "kind"), Field::of(tree, at, "name"));
    // It should be the reference itself, but is something else.
    let other = tree.entries(at).is_some_and(|entries| !entries.is_empty());
    if whole && other && kind == Field::Absent && name == Field::Absent {
        let span = content(tree, at);
        return ValueAtPath { present, state: State::Wrong(span), span, rest };
    }
    let unknown = unknown(tree, at, &["kind", "name"]);
    let state = State::Set(Box::new(Reference { kind, name, span: content(tree, at), own, is_alias, unknown }));
    ValueAtPath { present, state, span, rest }
}

/// What is left of the mapping without one of its members.
fn rest_of(tree: &Tree<'_>, mapping: NodeId) -> Rest {
    match &tree.node(tree.resolve(mapping)).data {
        Data::Mapping { entries, flow: true } if entries.len() == 1 => Rest::Brackets,
        Data::Mapping { entries, flow: false } if entries.len() == 1 => Rest::Nothing,
        _ => Rest::Members,
    }
}

/// The first key of a mapping, or the whole node: a short span to point at, instead of a whole cluster.
pub(super) fn head(tree: &Tree<'_>, node: NodeId) -> Span {
    match tree.entries(node).and_then(|entries| entries.first()) {
        Some(&(key, _)) => tree.span(key),
        None => tree.span(node),
    }
}

pub(super) fn content(tree: &Tree<'_>, node: NodeId) -> Span {
    tree.span(tree.resolve(node))
}

/// The keys of a mapping that are not in `known`.
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
