//! Removals and insertions into an array: the exact inverse of `add`, and no other change.

use std::cell::Cell;
use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use lossless_yaml::{Data, Document, NodeId, ObjectRef, Plan, ScalarStyle, Source, Tree, apply, parse};

use super::judge::numbered_comments;
use super::manifest::{Stream, streams};
use super::{cases, runner};
use crate::suite::oracle::{Reader, Tree as Seen};
use crate::suite::{restored, say};

/// A node that a pointer can name.
struct Named {
    path: String,
    node: NodeId,
}

fn named(tree: &Tree<'_>, path: &str, node: NodeId, out: &mut Vec<Named>) {
    out.push(Named { path: path.to_owned(), node });
    match &tree.node(node).data {
        Data::Mapping { entries, .. } => {
            for &(key, value) in entries.iter().filter(|&&(key, _)| !tree.is_merge(key)) {
                if let Some(name) = tree.text(key) {
                    named(tree, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), value, out);
                }
            }
        }
        Data::Sequence { items, .. } => {
            for (index, &item) in items.iter().enumerate() {
                named(tree, &format!("{path}/{index}"), item, out);
            }
        }
        _ => {}
    }
}

fn edited(text: &str, document: usize, operations: Vec<PatchOperation>) -> Result<String, String> {
    let source = Source::new(text.as_bytes());
    let document = source.segments().nth(document).ok_or("the document is gone")?.span;
    let object = ObjectRef { document, base: PointerBuf::new() };
    let plan = Plan { changes: vec![(object, operations.into())], ..Plan::default() };
    let edited = apply(&source, &plan).map_err(|refusal| refusal.to_string())?;
    let new = edited.to_bytes(text.as_bytes()).unwrap();
    restored(text.as_bytes(), &new, edited.splices()).unwrap();
    Ok(String::from_utf8(new).unwrap())
}

/// JSON with the spacing of other tools and people, not only that of `serde_json`.
fn spaced(stream: &Stream, style: usize) -> String {
    let text = stream.write();
    match stream.json {
        Some(true) => {
            let unit = ["  ", "    ", "\t", " "][style % 4];
            let line = |line: &str| {
                let blanks = line.len() - line.trim_start_matches(' ').len();
                format!("{}{}", unit.repeat(blanks / 2), &line[blanks..])
            };
            text.split_inclusive('\n').map(line).collect()
        }
        Some(false) if style.is_multiple_of(2) => {
            // Only outside of strings.
            let mut out = String::new();
            let (mut quoted, mut escaped) = (false, false);
            for c in text.chars() {
                out.push(c);
                quoted ^= c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                if !quoted && matches!(c, ',' | ':') {
                    out.push(' ');
                }
            }
            out
        }
        _ => text,
    }
}

fn pointer(path: &str) -> PointerBuf {
    PointerBuf::parse(path).unwrap()
}

fn remove(path: &str) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation { path: pointer(path) })
}

/// The number of entries of a mapping or sequence, and whether it is a mapping.
fn holds(tree: &Tree<'_>, node: NodeId) -> Option<(usize, bool)> {
    match &tree.node(node).data {
        Data::Mapping { entries, .. } => Some((entries.len(), true)),
        Data::Sequence { items, .. } => Some((items.len(), false)),
        _ => None,
    }
}

#[test]
fn what_was_added_can_be_removed_byte_for_byte() {
    let values = [
        json!("v"),
        json!(["yes", {"a": 1, "b": {}}, []]),
        json!({"kind": "K", "spec": {"l": [{"x": "y", "z": ["w"]}], "n": 1}}),
        json!({}),
        json!(null),
        json!("two\nlines"),
    ];
    let done = Cell::new(0);
    let refused = Cell::new(0);
    let additions = proptest::collection::vec((any::<Index>(), any::<Index>()), 1..5);
    let result = runner(cases(1200)).run(
        &(streams(), 0..4_usize, any::<Index>(), additions),
        |(stream, style, document, additions)| {
            let text = spaced(&stream, style);
            let source = Source::new(text.as_bytes());
            let documents: Vec<Document<'_>> = source.segments().collect();
            if documents.is_empty() {
                return Ok(());
            }
            let document = document.index(documents.len());
            let Ok(tree) = parse(&documents[document]) else { return Ok(()) };
            let mut holders = Vec::new();
            named(&tree, "", tree.root, &mut holders);
            holders.retain(|holder| holds(&tree, holder.node).is_some_and(|(entries, _)| entries > 0));
            if holders.is_empty() {
                return Ok(());
            }
            let mut add = Vec::new();
            let mut gone: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for (number, (holder, value)) in additions.iter().enumerate() {
                let holder = holder.get(&holders);
                let (entries, mapping) = holds(&tree, holder.node).unwrap();
                let names = gone.entry(&holder.path).or_default();
                let (last, name) = match mapping {
                    true => (format!("added-{number}"), format!("added-{number}")),
                    false => ("-".to_owned(), (entries + names.len()).to_string()),
                };
                names.push(format!("{}/{name}", holder.path));
                let path = pointer(&format!("{}/{last}", holder.path));
                add.push(PatchOperation::Add(AddOperation { path, value: value.get(&values).clone() }));
            }
            let Ok(new) = edited(&text, document, add) else {
                refused.set(refused.get() + 1);
                return Ok(());
            };
            let gone = gone.values().flat_map(|names| names.iter().rev().map(|name| remove(name))).collect();
            let back = edited(&new, document, gone);
            done.set(done.get() + 1);
            prop_assert!(back.as_ref() == Ok(&text), "--- the input\n{text}\n--- added\n{new}\n--- removed\n{back:?}");
            Ok(())
        },
    );
    say(&format!("properties: added and removed: {} restored, {} not added", done.get(), refused.get()));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(done.get() * 3 > cases(1200), "only {} are edited", done.get());
}

/// The tree with the node at a path replaced, or without it.
fn changed(tree: &Seen, path: &[String], change: &dyn Fn(&Seen) -> Option<Seen>) -> Option<Seen> {
    let Some((step, rest)) = path.split_first() else { return change(tree) };
    match tree {
        Seen::Map(entries, tag) => {
            let at = entries.iter().position(|(key, _)| key.text() == Some(step))?;
            let mut entries = entries.clone();
            match changed(&entries[at].1, rest, change) {
                Some(value) => entries[at].1 = value,
                None => drop(entries.remove(at)),
            }
            Some(Seen::Map(entries, tag.clone()))
        }
        Seen::Seq(items, tag) => {
            let at: usize = step.parse().ok()?;
            let mut items = items.clone();
            match changed(items.get(at)?, rest, change) {
                Some(value) => items[at] = value,
                None => drop(items.remove(at)),
            }
            Some(Seen::Seq(items, tag.clone()))
        }
        Seen::Scalar(..) => None,
    }
}

/// Checks that other readers see the same documents in `with` and `without`, except for `change` at the path in one of
/// them.
fn seen(with: &str, without: &str, path: &str, change: &dyn Fn(&Seen) -> Option<Seen>) -> Result<(), TestCaseError> {
    let path: Vec<String> = pointer(path).tokens().map(|token| token.decoded().into_owned()).collect();
    let mut agree = 0;
    for reader in Reader::ALL {
        let (with, without) = (reader.read(with), reader.read(without));
        if let (Ok([with]), Ok([without])) = (with.as_deref(), without.as_deref()) {
            let expected = changed(with, &path, change);
            prop_assert_eq!(expected.as_ref(), Some(without), "{:?}", reader);
            agree += 1;
        } else {
            // If it could not read the text before, it need not read it now.
            prop_assert!(with.is_err() && without.is_err(), "{:?} reads {:?} and {:?}", reader, with, without);
        }
    }
    prop_assert!(agree > 0, "no other parser can read it");
    Ok(())
}

/// The texts of all scalars of a value.
fn texts<'t>(tree: &'t Tree<'_>, id: NodeId, out: &mut Vec<&'t str>) {
    match &tree.node(id).data {
        Data::Scalar { text, .. } => out.push(text),
        Data::Mapping { entries, .. } => entries.iter().for_each(|&(_, value)| texts(tree, value, out)),
        Data::Sequence { items, .. } => items.iter().for_each(|&item| texts(tree, item, out)),
        Data::Alias(_) => {}
    }
}

#[test]
fn only_the_removed_entry_is_removed() {
    let counts = Cell::new([0; 2]);
    let result = runner(cases(2400)).run(
        &(streams(), 0..4_usize, any::<Index>(), any::<Index>()),
        |(stream, style, document, entry)| {
            let text = spaced(&stream, style);
            let source = Source::new(text.as_bytes());
            let documents: Vec<Document<'_>> = source.segments().collect();
            if documents.is_empty() {
                return Ok(());
            }
            let document = document.index(documents.len());
            let Ok(tree) = parse(&documents[document]) else { return Ok(()) };
            let mut entries = Vec::new();
            named(&tree, "", tree.root, &mut entries);
            // The first is the document itself.
            entries.remove(0);
            if entries.is_empty() {
                return Ok(());
            }
            let entry = entry.get(&entries);
            let [done, refused] = counts.get();
            let Ok(new) = edited(&text, document, vec![remove(&entry.path)]) else {
                counts.set([done, refused + 1]);
                return Ok(());
            };
            counts.set([done + 1, refused]);
            let part = |text: &str| {
                let source = Source::new(text.as_bytes());
                let bytes = source.segments().nth(document).unwrap().bytes.to_vec();
                String::from_utf8(bytes).unwrap()
            };
            // A block scalar may contain text that looks like a comment.
            let mut inside = Vec::new();
            texts(&tree, entry.node, &mut inside);
            let mut comments = numbered_comments(&text);
            comments.retain(|comment| !inside.iter().any(|text| numbered_comments(text).contains(comment)));
            prop_assert_eq!(comments, numbered_comments(&new));
            seen(&part(&text), &part(&new), &entry.path, &|_| None)
                .map_err(|why| TestCaseError::fail(format!("{why}\n--- without {}\n{text}\n--- is\n{new}", entry.path)))
        },
    );
    let [done, refused] = counts.get();
    say(&format!("properties: removed: {done} removed, {refused} refused"));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(done * 3 > cases(2400), "only {done} are removed");
}

/// The value as we read it, if it has no aliases and no reader can take it for something else.
fn value(tree: &Tree<'_>, id: NodeId) -> Option<Value> {
    let value = match &tree.node(id).data {
        Data::Mapping { entries, flow: true } => {
            let member = |&(key, inner): &(NodeId, NodeId)| Some((tree.text(key)?.to_owned(), value(tree, inner)?));
            Value::Object(entries.iter().map(member).collect::<Option<_>>()?)
        }
        Data::Sequence { items, flow: true } => items.iter().map(|&item| value(tree, item)).collect::<Option<_>>()?,
        Data::Scalar { style: ScalarStyle::Absent | ScalarStyle::Literal | ScalarStyle::Folded, .. } => return None,
        Data::Scalar { text, .. } => Value::String(text.clone().into_owned()),
        _ => return None,
    };
    tree.says(id, &value).then_some(value)
}

#[test]
fn entries_put_into_an_array_keep_their_bytes() {
    let counts = Cell::new([0; 2]);
    let result = runner(cases(1200)).run(
        &(streams(), 0..4_usize, any::<Index>(), any::<Index>()),
        |(stream, style, document, entry)| {
            let text = spaced(&stream, style);
            let source = Source::new(text.as_bytes());
            let documents: Vec<Document<'_>> = source.segments().collect();
            if documents.is_empty() {
                return Ok(());
            }
            let document = document.index(documents.len());
            let Ok(tree) = parse(&documents[document]) else { return Ok(()) };
            let mut entries = Vec::new();
            named(&tree, "", tree.root, &mut entries);
            let values: Vec<(&Named, Value)> =
                entries.iter().filter_map(|entry| Some((entry, value(&tree, entry.node)?))).collect();
            if values.is_empty() {
                return Ok(());
            }
            let (entry, old) = entry.get(&values);
            let [done, refused] = counts.get();
            let wrapped = json!([old, {"added": "v"}]);
            let replace = PatchOperation::Replace(ReplaceOperation { path: pointer(&entry.path), value: wrapped });
            let Ok(new) = edited(&text, document, vec![replace]) else {
                counts.set([done, refused + 1]);
                return Ok(());
            };
            counts.set([done + 1, refused]);
            let span = tree.span(entry.node);
            let start = tree.node(entry.node).anchor().map_or(span.start, |anchor| anchor.span.start + tree.base);
            let kept = format!("{}[{}", &text[..start], &text[start..span.end]);
            prop_assert!(new.starts_with(&kept) && new.ends_with(&text[span.end..]), "{text}\n---\n{new}");
            let part = |text: &str| {
                let source = Source::new(text.as_bytes());
                let bytes = source.segments().nth(document).unwrap().bytes.to_vec();
                String::from_utf8(bytes).unwrap()
            };
            let first = |tree: &Seen| match tree {
                Seen::Seq(items, None) if items.len() == 2 && items[1].get("added")?.text() == Some("v") => {
                    Some(items[0].clone())
                }
                _ => None,
            };
            seen(&part(&new), &part(&text), &entry.path, &first)
                .map_err(|why| TestCaseError::fail(format!("{why}\n--- {} of\n{text}\n--- is\n{new}", entry.path)))
        },
    );
    let [done, refused] = counts.get();
    say(&format!("properties: put into an array: {done} done, {refused} refused"));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(done * 3 > cases(1200), "only {done} are done");
}
