//! Lists as kubectl flattens them (apimachinery, `unstructured/helpers.go`, `decodeToList`): whatever has `items` is one.

use crate::diag::Span;
use lossless_yaml::{Data, Lookup, NodeId, Tree};

use super::field::{Field, head};
use super::object::{Object, TypeMeta, refused};
use super::tables::{Typed, classify};

/// What stands under the `items` of an object.
#[derive(Debug)]
pub enum Items<'t> {
    /// It is not a list.
    None,
    /// It is one: the items, what they inherit, and the place where an alias or a `<<` brings them, if one does.
    List(&'t [NodeId], ListKind, Option<Span>),
    /// kubectl takes it for a list, and what is in it can't be told, or it is not what it seems.
    Refused(Box<Object>),
}

/// The apiVersion and kind of a list, empty where kubectl finds none.
#[derive(Debug)]
pub struct ListKind {
    api_version: String,
    kind: String,
}

/// The items of what stands at a node. `whole` says that it is a document, not an item of a list.
pub fn items<'t>(tree: &'t Tree<'_>, node: NodeId, whole: bool) -> Items<'t> {
    let kind = Field::of(tree, node, "kind");
    let Some(kind) = kind.text().filter(|kind| !kind.is_empty()) else {
        // kubectl refuses a list without a kind.
        return Items::None;
    };
    let api_version = Field::of(tree, node, "apiVersion").text().unwrap_or_default().to_owned();
    let is_capa = classify(&api_version, kind) != Typed::Foreign;
    let list_kind = || ListKind { api_version: api_version.clone(), kind: kind.to_owned() };
    let refuse = |span, why: String, way_out| {
        let type_meta = TypeMeta { api_version: &api_version, kind };
        Items::Refused(Box::new(refused(tree, node, type_meta, span, why, way_out)))
    };
    let (key, value, inherited) = match tree.get(node, "items") {
        Lookup::Absent => return Items::None,
        Lookup::Ambiguous { key } => {
            let why = match tree.is_merge(key) {
                true => "a '<<' after the key 'items' brings it again: kubectl takes the last, other tools the first",
                false => "the key 'items' is written twice: kubectl takes the last, other tools refuse it",
            };
            return refuse(tree.span(key), why.into(), "remove one of them and run again");
        }
        Lookup::Own { key, value } => (key, value, false),
        Lookup::Inherited { value } => (node, value, true),
    };
    let list = tree.items(value);
    // Of an item, kubectl takes only an array for a list; of a document all but a missing key.
    if is_capa && (whole || list.is_some()) {
        let why = format!("it has 'items', so kubectl takes it for a list of {kind} objects");
        return refuse(tree.span(key), why, "remove 'items', or write kind: List with whole objects, and run again");
    }
    match list {
        Some(items) => {
            let borrowed = inherited || matches!(tree.node(value).data, Data::Alias(_));
            Items::List(items, list_kind(), borrowed.then(|| tree.span(if inherited { node } else { value })))
        }
        None if whole && tree.is_null(value) => Items::List(&[], list_kind(), None),
        None if whole && kind.ends_with("List") => {
            let why = "its 'items' are not a list: kubectl refuses it".into();
            refuse(tree.span(key), why, "write the items as a list and run again")
        }
        None => Items::None,
    }
}

/// A list whose items of ours stand elsewhere, at an anchor: nothing can be edited there for this list alone.
pub fn borrowed(tree: &Tree<'_>, node: NodeId, span: Span) -> Object {
    let text = |name| Field::of(tree, node, name).text().unwrap_or_default().to_owned();
    let why = "an alias or a '<<' brings its objects, which can't be edited there".into();
    let way_out = "write the objects out in place of the alias and run again";
    let type_meta = TypeMeta { api_version: &text("apiVersion"), kind: &text("kind") };
    refused(tree, node, type_meta, span, why, way_out)
}

/// An item that says no kind, in a list of one of our kinds (`AWSClusterList`): kubectl gives it the list's.
pub fn without_kind(tree: &Tree<'_>, item: NodeId, list: &ListKind) -> Option<Object> {
    let kind = list.kind.strip_suffix("List").unwrap_or(&list.kind);
    if classify(&list.api_version, kind) == Typed::Foreign {
        return None;
    }
    let says = match Field::of(tree, item, "kind") {
        Field::Text(kind, _) => !kind.is_empty(),
        Field::Absent if tree.entries(item).is_none() => !tree.is_null(item),
        Field::Ambiguous(_) => true,
        Field::Absent | Field::Null | Field::Typed(..) | Field::Other(_) => false,
    };
    if says {
        return None;
    }
    let why = format!("this item of an {} has no kind of its own: kubectl takes it for an {kind}", list.kind);
    let way_out = "write its apiVersion and kind and run again";
    let type_meta = TypeMeta { api_version: &list.api_version, kind };
    Some(refused(tree, item, type_meta, head(tree, item), why, way_out))
}
