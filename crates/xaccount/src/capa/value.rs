//! A small copy of a value of a manifest, with its spans: what has to be read again when another object is known.

use super::field::{Field, IdentityReference, Reference, Rest, State};
use crate::diag::Span;
use crate::templates::is_filled_in;
use lossless_yaml::{Data, Lookup, NodeId, Tree};

/// A value of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Null.
    Null(Span),
    /// A scalar, or a value that can't be read with certainty.
    Leaf(Field),
    /// A mapping: each key once, in order.
    Mapping(Vec<Member>, Span),
}

/// A member of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: String,
    /// Its span.
    pub span: Span,
    /// The value.
    pub value: Value,
}

impl Value {
    /// Reads a value. An alias and a mapping with a merge key are not followed: they count as something else.
    pub(super) fn read(tree: &Tree<'_>, node: NodeId) -> Self {
        let span = tree.span(node);
        if matches!(tree.node(node).data, Data::Alias(_)) {
            return Self::Leaf(Field::Other(span));
        }
        if tree.is_null(node) {
            return Self::Null(span);
        }
        let Some(entries) = tree.entries(node) else {
            return Self::Leaf(match tree.text(node) {
                Some(text) if tree.is_typed(node) => Field::Typed(text.to_owned(), span),
                Some(text) => Field::Text(text.to_owned(), span),
                None => Field::Other(span),
            });
        };
        let mut members: Vec<Member> = Vec::with_capacity(entries.len());
        for &(key, value) in entries {
            let Some(name) = tree.text(key).filter(|_| !tree.is_merge(key)) else {
                return Self::Leaf(Field::Other(span));
            };
            let value = match tree.get(node, name) {
                Lookup::Ambiguous { key } => Self::Leaf(Field::Ambiguous(tree.span(key))),
                _ => Self::read(tree, value),
            };
            if !members.iter().any(|one| one.key == name) {
                members.push(Member { key: name.to_owned(), span: tree.span(key), value });
            }
        }
        Self::Mapping(members, span)
    }

    /// The member with this key.
    pub fn get(&self, key: &str) -> Option<&Member> {
        match self {
            Self::Mapping(members, _) => members.iter().find(|one| one.key == key),
            _ => None,
        }
    }

    /// The value at a path of keys; `None` if it is missing or null.
    pub fn at<'v>(&'v self, path: &[&str]) -> Option<&'v Self> {
        let value = path.iter().try_fold(self, |value, key| Some(&value.get(key)?.value))?;
        (!matches!(value, Self::Null(_))).then_some(value)
    }

    /// A member of a mapping as a field.
    pub fn field(&self, key: &str) -> Field {
        match self.get(key).map(|member| &member.value) {
            None => Field::Absent,
            Some(Self::Null(_)) => Field::Null,
            Some(Self::Leaf(field)) => field.clone(),
            Some(Self::Mapping(_, span)) => Field::Other(*span),
        }
    }

    /// The text, if it is a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Leaf(field) => field.text(),
            _ => None,
        }
    }

    /// The span.
    pub fn span(&self) -> Span {
        match self {
            Self::Null(span) | Self::Mapping(_, span) => *span,
            Self::Leaf(field) => field.span().unwrap_or_default(),
        }
    }

    /// An identity reference as the whole value.
    pub(super) fn whole(&self) -> State {
        match self {
            Self::Null(_) => State::Unset,
            Self::Mapping(members, span) => {
                let unknown = members.iter().filter(|one| one.key != "kind" && one.key != "name");
                let unknown = unknown.map(|one| (one.key.clone(), one.span)).collect();
                let (kind, name) = (self.field("kind"), self.field("name"));
                // The value of the variable should be a reference, but is something else.
                if !members.is_empty() && kind == Field::Absent && name == Field::Absent {
                    return State::Wrong(*span);
                }
                State::Set(Box::new(Reference { kind, name, span: *span, own: true, is_alias: false, unknown }))
            }
            Self::Leaf(field) => not_a_value(field),
        }
    }

    /// An identity reference of this kind whose name is the value.
    pub(super) fn name_of(&self, kind: &str) -> State {
        match self {
            Self::Null(_) => State::Unset,
            Self::Leaf(name @ (Field::Text(_, span) | Field::Typed(_, span))) => named(kind, name.clone(), *span),
            Self::Leaf(field) => not_a_value(field),
            Self::Mapping(_, span) => State::Wrong(*span),
        }
    }
}

/// A reference whose kind is not written in the same place as its name.
pub(super) fn named(kind: &str, name: Field, span: Span) -> State {
    let kind = Field::Text(kind.to_owned(), span);
    State::Set(Box::new(Reference { kind, name, span, own: true, is_alias: false, unknown: Vec::new() }))
}

fn not_a_value(field: &Field) -> State {
    let span = field.span().unwrap_or_default();
    match field {
        Field::Ambiguous(_) => State::Twice(span),
        _ if field.any_text().is_some_and(is_filled_in) => State::Variable(span),
        _ => State::Wrong(span),
    }
}

/// The place that a path leads to, below a value.
pub(super) struct DeepestValue<'v> {
    /// The number of keys that exist.
    pub(super) present: usize,
    /// The deepest existing value.
    pub(super) value: &'v Value,
    /// The span of its key, or of the value itself.
    pub(super) span: Span,
}

/// Follows a path of keys as far as it exists. A null on the path counts as missing.
pub(super) fn walk<'v>(value: &'v Value, path: &[String]) -> DeepestValue<'v> {
    let mut walked = DeepestValue { present: 0, value, span: value.span() };
    for key in path {
        let Some(member) = walked.value.get(key).filter(|one| !matches!(one.value, Value::Null(_))) else { break };
        walked = DeepestValue { present: walked.present + 1, value: &member.value, span: member.span };
    }
    walked
}

/// A reference at a path, in this state.
pub(super) fn placed(path: Vec<String>, present: usize, state: State, span: Span) -> IdentityReference {
    IdentityReference { path, present, state, precondition: None, span, rest: Rest::Members, class: None }
}
