//! The second half of the proof: compares the values that another reader sees, with the help of `json-patch`.

use std::collections::{HashMap, HashSet};
use std::fmt;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Value};

use crate::plan::ObjectChange;
use crate::pointer::{locate, tokens};
use crate::refusal::{Disagreement, Refusal};
use crate::source::{behind_end_markers, line_start};
use crate::span::Span;
use crate::tree::{Data, Format, NodeId, Tree};

/// The value that the second reader saw: collections as they are, every scalar as one opaque string of its type and
/// text.
///
/// It does not use [`Value`]'s own scalars, which lose integers over 64 bits, `.nan`, duplicate keys and tags.
#[derive(Debug, PartialEq)]
struct Read(Value);

const SCALAR: char = '\u{1}';

fn opaque(kind: &str, text: impl fmt::Display) -> Value {
    Value::String(format!("{SCALAR}{kind} {text}"))
}

/// Prefix of a string's opaque form.
const STRING: &str = "\u{1}string ";

/// As `opaque`, without the cost of formatting: nearly all scalars are strings.
fn opaque_string(text: &str) -> Value {
    Value::String([STRING, text].concat())
}

/// A planned value as the second reader must see it.
fn planned(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), planned(v))).collect()),
        Value::Array(items) => Value::Array(items.iter().map(planned).collect()),
        Value::String(text) => opaque_string(text),
        Value::Bool(flag) => opaque("bool", flag),
        Value::Null => opaque("null", ""),
        Value::Number(number) => opaque("int", number),
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Read, E> {
        Ok(Read(opaque("bool", v)))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Read, E> {
        Ok(Read(opaque("int", v)))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Read, E> {
        Ok(Read(opaque("int", v)))
    }
    fn visit_i128<E>(self, v: i128) -> Result<Read, E> {
        Ok(Read(opaque("int", v)))
    }
    fn visit_u128<E>(self, v: u128) -> Result<Read, E> {
        Ok(Read(opaque("int", v)))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Read, E> {
        Ok(Read(opaque("float", v.to_bits())))
    }
    fn visit_str<E>(self, v: &str) -> Result<Read, E> {
        Ok(Read(opaque_string(v)))
    }
    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read(opaque("null", "")))
    }
    fn visit_none<E>(self) -> Result<Read, E> {
        Ok(Read(opaque("null", "")))
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Read, A::Error> {
        let mut items = Vec::new();
        while let Some(Read(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Read(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Read, A::Error> {
        let mut members = Map::new();
        let mut repeats: HashMap<String, usize> = HashMap::new();
        while let Some((Read(key), Read(value))) = access.next_entry()? {
            let mut name = match key {
                Value::String(mut text) => {
                    if text.starts_with(STRING) {
                        text.drain(..STRING.len());
                    }
                    text
                }
                other => other.to_string(),
            };
            // Duplicate entries count, too: the same key again is another member with a number of its own.
            if members.contains_key(&name) {
                let count = repeats.entry(name.clone()).or_default();
                *count += 1;
                name = format!("{name}{SCALAR}{count}");
            }
            members.insert(name, value);
        }
        Ok(Read(Value::Object(members)))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Read, A::Error> {
        let (Read(tag), content) = access.variant::<Read>()?;
        let Read(value) = content.newtype_variant()?;
        Ok(Read(Value::Array(vec![opaque("tag", tag), value])))
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor)
    }
}

fn read(text: &str, format: Format) -> Result<Value, Disagreement> {
    let seen = match format {
        Format::Json => serde_json::from_str::<Read>(text).map_err(|error| error.to_string()),
        Format::Yaml => serde_yaml::from_str::<Read>(text).map_err(|error| error.to_string()),
    };
    // The reader's messages can quote the document, so they are not passed on.
    seen.map(|Read(value)| value).map_err(|message| {
        if message.contains("recursion limit") {
            Disagreement::TooDeep
        } else if message.contains("repetition limit") {
            Disagreement::TooManyAliases
        } else {
            Disagreement::Unreadable
        }
    })
}

/// The text of an object as a document of its own. An item of a block list keeps its column, for the indentation of its
/// content; one that uses an anchor from outside is read with its whole document.
fn object_text<'t>(tree: &'t Tree<'_>, object: NodeId, base: &[String]) -> Option<std::borrow::Cow<'t, str>> {
    if base.is_empty() {
        // An end marker before all content is legal, but libyaml rejects it.
        return Some(tree.text[behind_end_markers(tree.text.as_bytes())..].into());
    }
    let node = tree.node(object);
    let flow = matches!(node.data, Data::Mapping { flow: true, .. });
    if reaches_out(tree, object, object) {
        return None;
    }
    let Span { start, mut end } = node.span();
    if flow {
        return Some(tree.text[start..end].into());
    }
    // A last member without a value ends with its key; the colon belongs to it.
    let rest = &tree.text[end..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest[blanks..].starts_with(':') && !rest[blanks + 1..].starts_with(|c: char| !c.is_ascii_whitespace()) {
        end += blanks + 1;
    }
    let text = &tree.text[start..end];
    let column = node.span().start - line_start(tree.text.as_bytes(), node.span().start);
    Some(format!("{}{text}", " ".repeat(column)).into())
}

/// Whether an alias below `at` refers to an anchor outside `object`. The nodes of an object are consecutive.
fn reaches_out(tree: &Tree<'_>, object: NodeId, at: NodeId) -> bool {
    match &tree.node(at).data {
        Data::Alias(target) => *target < object,
        Data::Mapping { entries, .. } => {
            entries.iter().any(|&(key, value)| reaches_out(tree, object, key) || reaches_out(tree, object, value))
        }
        Data::Sequence { items, .. } => items.iter().any(|&item| reaches_out(tree, object, item)),
        Data::Scalar { .. } => false,
    }
}

/// Checks that after the edit, the second reader sees what it saw before with the operations applied.
///
/// The items of a list are read alone. The whole document is read if an item uses an anchor of another, or if the list
/// itself changes too (a removed item moves the others).
pub(super) fn equal(old: &Tree<'_>, new: &Tree<'_>, changes: &[&ObjectChange]) -> Result<(), Refusal> {
    let mut whole = false;
    let bases: HashSet<Vec<String>> = changes.iter().map(|(object, _)| tokens(&object.base)).collect();
    let inside = |base: &[String]| (0..base.len()).any(|len| bases.contains(&base[..len]));
    let around: HashSet<&[String]> = bases.iter().flat_map(|base| (0..base.len()).map(|len| &base[..len])).collect();
    for &(object, operations) in changes {
        let base = tokens(&object.base);
        if inside(&base) || around.contains(&base[..]) {
            whole |= !operations.is_empty();
            continue;
        }
        let (Some(before), Some(after)) = (locate(old, old.root, &base), locate(new, new.root, &base)) else {
            return Err(Disagreement::Structure.refusal(old.span(old.root)));
        };
        match object_text(old, before, &base).zip(object_text(new, after, &base)) {
            Some((was, is)) => {
                let patch: Vec<_> = operations.iter().filter_map(|operation| rebased(operation, &[])).collect();
                let was = ObjectText { tree: old, node: before, text: &was };
                let is = ObjectText { tree: new, node: after, text: &is };
                patched(was, is, &patch).map_err(|why| why.refusal(old.span(before)))?;
            }
            _ => whole |= !operations.is_empty(),
        }
    }
    if !whole {
        return Ok(());
    }
    // A reader of the whole document sees all its changes.
    let all: Vec<_> = changes
        .iter()
        .flat_map(|(object, operations)| operations.iter().map(|operation| (tokens(&object.base), operation)))
        .filter_map(|(base, operation)| rebased(operation, &base))
        .collect();
    patched(ObjectText::whole(old), ObjectText::whole(new), &all).map_err(|why| why.refusal(old.span(old.root)))
}

/// A node of a tree, and its text for the second reader.
struct ObjectText<'t> {
    tree: &'t Tree<'t>,
    node: NodeId,
    text: &'t str,
}

impl<'t> ObjectText<'t> {
    fn whole(tree: &'t Tree<'t>) -> Self {
        Self { tree, node: tree.root, text: tree.text }
    }

    /// The value that the second reader sees.
    fn value(&self) -> Result<Value, Disagreement> {
        read(self.text, self.tree.format)
    }

    fn has_structure_of(&self, value: &Value) -> bool {
        same_structure(self.tree, self.node, value)
    }
}

/// Checks that the patch turns the old object into the new one, for the second reader.
fn patched(old: ObjectText<'_>, new: ObjectText<'_>, patch: &[PatchOperation]) -> Result<(), Disagreement> {
    let (was, is) = (old.value()?, new.value()?);
    if !old.has_structure_of(&was) || !new.has_structure_of(&is) {
        return Err(Disagreement::Structure);
    }
    let mut expected = was;
    json_patch::patch(&mut expected, patch).map_err(|_| Disagreement::Patch)?;
    if expected == is { Ok(()) } else { Err(Disagreement::Change) }
}

fn rebased(operation: &PatchOperation, prefix: &[String]) -> Option<PatchOperation> {
    let at = |path: &PointerBuf| PointerBuf::from_tokens(prefix).concat(path);
    match operation {
        PatchOperation::Add(add) => {
            Some(PatchOperation::Add(AddOperation { path: at(&add.path), value: planned(&add.value) }))
        }
        PatchOperation::Replace(replace) => {
            Some(PatchOperation::Replace(ReplaceOperation { path: at(&replace.path), value: planned(&replace.value) }))
        }
        PatchOperation::Remove(remove) => Some(PatchOperation::Remove(RemoveOperation { path: at(&remove.path) })),
        _ => None,
    }
}

/// Whether both readers see the same keys and items. A line break that only one of them knows would show here.
fn same_structure(tree: &Tree<'_>, id: NodeId, seen: &Value) -> bool {
    let id = tree.resolve(id);
    if tree.node(id).tag().is_some() {
        return true;
    }
    match (&tree.node(id).data, seen) {
        (Data::Mapping { entries, .. }, Value::Object(members)) => {
            entries.len() == members.len()
                && entries.iter().zip(members).all(|(&(key, value), (name, member))| {
                    let named = match (tree.text(key), name.starts_with(SCALAR)) {
                        (Some(text), false) => name.split(SCALAR).next() == Some(text) || !text.is_ascii(),
                        _ => true,
                    };
                    named && same_structure(tree, value, member)
                })
        }
        (Data::Sequence { items, .. }, Value::Array(values)) => {
            items.len() == values.len()
                && items.iter().zip(values).all(|(&item, value)| same_structure(tree, item, value))
        }
        (Data::Scalar { .. }, Value::String(_)) => true,
        _ => false,
    }
}

/// Checks that the second reader reads exactly this value in the text.
pub(super) fn is_value(text: &str, value: &Value) -> Result<(), Disagreement> {
    if read(text, Format::Yaml)? == planned(value) { Ok(()) } else { Err(Disagreement::Change) }
}

/// Whether the second reader sees the same in both texts; also true if it can read neither.
pub(super) fn same(a: &str, b: &str) -> bool {
    read(a, Format::Yaml).ok() == read(b, Format::Yaml).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_an_unreadable_text_is_reported() {
        let deep = format!("a: {}{}", "[".repeat(130), "]".repeat(130));
        assert_eq!(read(&deep, Format::Yaml), Err(Disagreement::TooDeep));
        let bomb: String =
            (0..9).map(|n| format!("a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(","))).collect();
        assert_eq!(read(&format!("a0: &a0 x\n{bomb}"), Format::Yaml), Err(Disagreement::TooManyAliases));
        assert_eq!(read("a: [", Format::Yaml), Err(Disagreement::Unreadable));
    }

    #[test]
    fn nothing_that_a_value_would_lose_is_lost() {
        let read = |text: &str| read(text, Format::Yaml).unwrap();
        assert_ne!(read("a: 18446744073709551616"), read("a: 18446744073709551617"));
        assert_ne!(read("a: .nan"), read("a: .inf"));
        assert_ne!(read("a: 1\na: 2"), read("a: 3\na: 2"));
        assert_ne!(read("a: !x 1"), read("a: !y 1"));
        assert_ne!(read("a: '1'"), read("a: 1"));
        assert_ne!(read("a: 0.0"), read("a: -0.0"));
    }
}
