//! Lists as kubectl flattens them (apimachinery, `unstructured/helpers.go`, `decodeToList`): every object with `items`
//! is one.

use crate::diag::Span;
use lossless_yaml::{Data, Lookup, NodeId, Tree};

use super::field::{Field, head};
use super::object::{Object, TypeMeta, refused, view_as};
use super::tables::{Typed, classify};

/// The `items` of an object.
#[derive(Debug)]
pub enum Items<'t> {
    /// The object is not a list.
    None,
    /// A list: the items, the type that they inherit, and the span of the alias or `<<` that supplies them, if any.
    List(&'t [NodeId], ListKind, Option<Span>),
    /// kubectl treats the object as a list, but its items can't be read with certainty.
    Refused(Box<Object>),
}

/// The apiVersion and kind of a list; empty if kubectl finds none.
#[derive(Debug)]
pub struct ListKind {
    api_version: String,
    kind: String,
}

/// The items of the object at a node. `whole`: it is a document, not an item of a list.
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
                true => "a '<<' after the key 'items' sets it again: kubectl uses the last one, other tools the first",
                false => "duplicate key 'items': kubectl uses the last one, other tools refuse the file",
            };
            return refuse(tree.span(key), why.into(), "remove one of them and run again");
        }
        Lookup::Own { key, value } => (key, value, false),
        Lookup::Inherited { value } => (node, value, true),
    };
    let list = tree.items(value);
    // kubectl treats an item as a list only if its `items` are an array, but a document whenever it has `items`.
    if is_capa && (whole || list.is_some()) {
        let why = format!("it has 'items', so kubectl treats it as a list of {kind} objects");
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

/// A list whose CAPA items are written elsewhere, at an anchor: they can't be edited for this list alone.
pub fn borrowed(tree: &Tree<'_>, node: NodeId, span: Span) -> Object {
    let text = |name| Field::of(tree, node, name).text().unwrap_or_default().to_owned();
    let why = "its objects come from an alias or a '<<', and can't be edited there".into();
    let way_out = "write the objects out in place of the alias and run again";
    let type_meta = TypeMeta { api_version: &text("apiVersion"), kind: &text("kind") };
    refused(tree, node, type_meta, span, why, way_out)
}

/// An item of a list of a CAPA kind (`AWSClusterList`), if it has no kind of its own. If it has no apiVersion either,
/// kubectl gives it those of the list. `variable` is that of [`view`](super::view()).
pub fn without_kind(tree: &Tree<'_>, item: NodeId, list: &ListKind, variable: Option<&[String]>) -> Option<Object> {
    let kind = list.kind.strip_suffix("List").unwrap_or(&list.kind);
    if classify(&list.api_version, kind) == Typed::Foreign {
        return None;
    }
    let own = Field::of(tree, item, "kind");
    let has_kind = match &own {
        Field::Text(kind, _) => !kind.is_empty(),
        Field::Absent if tree.entries(item).is_none() => !tree.is_null(item),
        Field::Ambiguous(_) => true,
        Field::Absent | Field::Null | Field::Typed(..) | Field::Other(_) => false,
    };
    if has_kind {
        return None;
    }
    let is_empty = |field: &Field| field.is_unset() || field.text() == Some("");
    let (api_version, is_mapping) = (Field::of(tree, item, "apiVersion"), tree.entries(item).is_some());
    if is_mapping && is_empty(&own) && is_empty(&api_version) {
        let kind_span = head(tree, item);
        return Some(view_as(tree, item, list.api_version.clone(), kind.to_owned(), kind_span, variable));
    }
    let why = match is_empty(&api_version) {
        true => format!("this item of an {} has no kind: kubectl treats it as an {kind}", list.kind),
        false => format!("this item of an {} has an apiVersion and no kind: kubectl refuses it", list.kind),
    };
    let way_out = match is_empty(&api_version) {
        true => "add its apiVersion and kind and run again",
        false => "add its kind and run again",
    };
    let type_meta = TypeMeta { api_version: &list.api_version, kind };
    Some(refused(tree, item, type_meta, head(tree, item), why, way_out))
}
