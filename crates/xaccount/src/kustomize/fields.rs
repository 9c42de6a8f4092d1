//! Fields as kustomize reads them: names are not case-sensitive (`encoding/json`).

use serde_json::Value;

use crate::diag::Span;
use lossless_yaml::{Data, Lookup, NodeId, Tree};

/// An error: a kustomization can't be read, so the files with its patches are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// The place.
    pub span: Span,
    /// The reason, in a few words.
    pub why: String,
}

impl Unreadable {
    pub(super) fn at(span: Span, why: impl Into<String>) -> Self {
        Self { span, why: why.into() }
    }
}

/// A text and its place.
pub(super) type FieldText = (String, Span);

/// A field; `None` if it is missing.
pub(super) fn field(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Option<NodeId>, Unreadable> {
    match tree.get(node, name) {
        Lookup::Ambiguous { key } => Err(Unreadable::at(tree.span(key), format!("duplicate key '{name}'"))),
        Lookup::Own { value, .. } | Lookup::Inherited { value } => Ok(Some(value)),
        Lookup::Absent => {
            let entries = tree.entries(node).unwrap_or_default().iter();
            let same = |key: NodeId| tree.text(key).is_some_and(|text| text.eq_ignore_ascii_case(name));
            Ok(entries.copied().find(|&(key, _)| same(key)).map(|(_, value)| value))
        }
    }
}

/// A field that is a text, and not empty.
pub(super) fn text(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Option<FieldText>, Unreadable> {
    let value = field(tree, node, name)?.filter(|&value| !tree.is_null(value));
    let text = value.and_then(|value| Some((tree.text(value)?.to_owned(), tree.span(value))));
    Ok(text.filter(|(text, _)| !text.is_empty()))
}

/// The items of a list that may be missing or null.
pub(super) fn list(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Vec<NodeId>, Unreadable> {
    let Some(value) = field(tree, node, name)?.filter(|&value| !tree.is_null(value)) else { return Ok(Vec::new()) };
    let items = tree.items(value).map(<[NodeId]>::to_vec);
    items.ok_or_else(|| Unreadable::at(tree.span(value), format!("'{name}' is not a list")))
}

/// The items of a list that are texts.
pub(super) fn texts(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Vec<FieldText>, Unreadable> {
    let text = |item: NodeId| Some((tree.text(item)?.to_owned(), tree.span(item)));
    Ok(list(tree, node, name)?.into_iter().filter_map(text).collect())
}

/// The entries of a mapping of texts, which may be missing.
pub(super) fn map(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Vec<(String, String)>, Unreadable> {
    let Some(value) = field(tree, node, name)? else { return Ok(Vec::new()) };
    let entries = tree.entries(value).unwrap_or_default().iter();
    let pair = |&(key, value): &(NodeId, NodeId)| Some((tree.text(key)?.to_owned(), tree.text(value)?.to_owned()));
    Ok(entries.filter_map(pair).collect())
}

/// A node as JSON, in which all scalars are texts.
///
/// # Errors
/// It contains an alias: repeated, aliases could become any size.
pub(super) fn json(tree: &Tree<'_>, node: NodeId) -> Result<Value, Unreadable> {
    if matches!(tree.node(node).data, Data::Alias(_)) {
        return Err(Unreadable::at(tree.span(node), "an alias in a patch"));
    }
    if let Some(items) = tree.items(node) {
        return items.iter().map(|&item| json(tree, item)).collect();
    }
    let Some(entries) = tree.entries(node) else {
        return Ok(if tree.is_null(node) { Value::Null } else { tree.text(node).into() });
    };
    let members = entries.iter().filter_map(|&(key, value)| Some((tree.text(key)?.to_owned(), value)));
    let members = members.map(|(key, value)| Ok((key, json(tree, value)?)));
    Ok(Value::Object(members.collect::<Result<_, Unreadable>>()?))
}
