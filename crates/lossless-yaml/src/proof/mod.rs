//! The proof that a new text is the old one with exactly the planned change.
//!
//! It has two halves that share no code. *Form* walks the trees of the old and the new text in lock-step: text, style,
//! tags, anchors, aliases, order, duplicates and comments may differ only where the plan changes them. The new tree is
//! always that of the full reader ([`super::yaml`]). *Meaning* reads both texts with a second reader of another lineage
//! (libyaml's; `serde_json` for JSON), applies the operations to the old value with `json-patch`, and compares the
//! result with the new value. What the second reader can't read is refused.

mod form;
mod meaning;

use serde_json::Value;

use crate::parse::parse;
use crate::plan::ObjectChange;
use crate::refusal::{Reason, Refusal};
use crate::source::{Document, Source};
use crate::span::Span;
use crate::tree::Tree;

/// Proves one edited document: `text` is the old text with exactly the operations applied.
pub(super) fn document(old: &Tree<'_>, text: &str, changes: &[&ObjectChange]) -> Result<(), Refusal> {
    let whole = Span::new(old.base, old.base + old.text.len());
    let new = parse(&Document {
        bytes: text.as_bytes(),
        span: Span::new(old.base, old.base + text.len()),
        index: 0,
        format: old.format,
        literal: true,
        bare: false,
    })
    .map_err(|refusal| unproved(&refusal.to_string(), whole))?;
    form::equal(old, &new, changes).map_err(|why| unproved(&why, whole))?;
    meaning::equal(old, &new, changes)?;
    Ok(())
}

fn unproved(why: &str, span: Span) -> Refusal {
    Refusal::new(Reason::Unproved(why.to_owned()), span)
}

/// Proves documents added after the last one of a file, whose text is `old`. Refuses a file that ends with a block
/// scalar without a final newline: for readers of libyaml's lineage, its text would become one line break longer.
pub(super) fn appended(old: &[u8], behind: Span, text: &str, objects: &[Value]) -> Result<(), Refusal> {
    let joined = [old, text.as_bytes()].concat();
    let joined = Source::new(&joined);
    let segments: Vec<_> = joined.segments().collect();
    let kept = segments.len().checked_sub(objects.len()).filter(|&kept| kept <= 1);
    let Some(kept) = kept else {
        return Err(unproved("the new documents are not separate from the last one", behind));
    };
    for (segment, object) in segments[kept..].iter().zip(objects) {
        let tree = parse(segment).map_err(|refusal| unproved(&refusal.to_string(), behind))?;
        // The comments at the end of the file are now before the new document.
        if tree.odd_break().is_some() {
            return Err(Refusal::new(Reason::OddBreakAtEnd, behind));
        }
        form::is_value(&tree, tree.root, object).map_err(|why| unproved(&why, behind))?;
        meaning::is_value(tree.text, object).map_err(|why| why.refusal(behind))?;
    }
    let Some(last) = segments[..kept].first() else {
        return Ok(());
    };
    let before = Source::new(old).segments().next();
    let Some(before) = before.filter(|before| before.bytes != last.bytes) else {
        return Ok(());
    };
    // The last line got a line break.
    if same(&before, last, behind)? {
        return Ok(());
    }
    Err(Refusal::new(Reason::BlockScalarGrows, Span::new(behind.end, behind.end)))
}

/// Whether a document means the same with and without a line break at its end. A document that can't be parsed was not
/// edited, and a marker or the end of the file ends it in either case.
fn same(was: &Document<'_>, is: &Document<'_>, at: Span) -> Result<bool, Refusal> {
    let (Ok(was), Ok(is)) = (parse(was), parse(is)) else {
        return Ok(true);
    };
    form::equal(&was, &is, &[]).map_err(|why| unproved(&why, at))?;
    Ok(meaning::same(was.text, is.text))
}

/// Proves that a document to remove contains exactly this value.
pub(super) fn removed(document: &Document<'_>, tree: &Tree<'_>, holds: &Value) -> Result<(), Refusal> {
    if !tree.says(tree.root, holds) {
        return Err(unproved("it does not contain what is to be removed", document.span));
    }
    meaning::is_value(tree.text, holds).map_err(|why| why.refusal(document.span))
}

/// Proves the place of removed documents. `new` is the text up to it, from the start of the document before it.
/// `before` is that document and its text with only its own edits; `new` may lack its final line break. `kept`: blank
/// lines and comments follow, which preceded the marker of a removed document.
pub(super) fn closed(
    new: &[u8],
    before: Option<(&Document<'_>, &[u8])>,
    kept: bool,
    after: Option<&Document<'_>>,
) -> Result<(), Refusal> {
    let whole = before.map(|(before, _)| before.span).or(after.map(|after| after.span)).unwrap_or_default();
    let joined = [new, after.map_or(&[], |after| after.bytes)].concat();
    let segments: Vec<_> = Source::part(&joined).segments().collect();
    // The kept lines belong to the next document; if there is none, to no document.
    let own = before.map_or(0, |(_, own)| own.len());
    let (head, rest) = new.split_at(if kept { own.min(new.len()) } else { new.len() });
    let behind = after.map(|after| [rest, after.bytes].concat());
    let expected = before.iter().map(|_| head).chain(behind.as_deref());
    let bare = segments.last().is_some_and(|last| last.bare);
    if segments.iter().map(|segment| segment.bytes).ne(expected) || after.is_some_and(|after| after.bare != bare) {
        return Err(unproved("its neighbours would change", whole));
    }
    let (Some((before, own)), Some(first)) = (before, segments.first()) else {
        return Ok(());
    };
    if own == head || same(&Document { bytes: own, ..*before }, first, whole)? {
        return Ok(());
    }
    Err(Refusal::new(Reason::BlockScalarShrinks, Span::new(whole.end, whole.end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::apply;
    use crate::plan::{ObjectRef, Plan};
    use crate::yaml;
    use json_patch::PatchOperation;
    use json_patch::jsonptr::PointerBuf;
    use serde_json::json;

    fn add(path: &str, value: Value) -> PatchOperation {
        PatchOperation::Add(json_patch::AddOperation { path: PointerBuf::parse(path).unwrap(), value })
    }

    fn remove(path: &str) -> PatchOperation {
        PatchOperation::Remove(json_patch::RemoveOperation { path: PointerBuf::parse(path).unwrap() })
    }

    fn replace(path: &str, value: Value) -> PatchOperation {
        PatchOperation::Replace(json_patch::ReplaceOperation { path: PointerBuf::parse(path).unwrap(), value })
    }

    fn changes(text: &str, operation: PatchOperation) -> ObjectChange {
        let object = ObjectRef { document: Span::new(0, text.len()), base: PointerBuf::new() };
        (object, vec![operation].into())
    }

    fn verdict(old: &str, new: &str, operation: PatchOperation) -> Result<(), Refusal> {
        document(&yaml::read(old, 0).unwrap(), new, &[&changes(old, operation)])
    }

    #[test]
    fn only_the_planned_change_passes() {
        let old = "a: 1 # c\nspec:\n  r: x\n";
        let op = || add("/spec/i", json!({"k": "v"}));
        verdict(old, "a: 1 # c\nspec:\n  i:\n    k: v\n  r: x\n", op()).unwrap();
        for wrong in [
            "a: 1 # c\nspec:\n  r: x\n",
            "a: 1\nspec:\n  i:\n    k: v\n  r: x\n",
            "a: 2 # c\nspec:\n  i:\n    k: v\n  r: x\n",
            "a: '1' # c\nspec:\n  i:\n    k: v\n  r: x\n",
            "spec:\n  i:\n    k: v\n  r: x\na: 1 # c\n",
            "a: 1 # c\nspec:\n  i:\n    k: w\n  r: x\n",
            "a: 1 # c\nspec:\n  i:\n    k: v\n    l: v\n  r: x\n",
            "a: 1 # c\nspec: {i: {k: v}, r: x}\n",
            "a: 1 # c\nspec: &s\n  i:\n    k: v\n  r: x\n",
            "a: 1 # c\nspec:\n  i:\n    k: v\n  r: !!str x\n",
            "a: 1 # c\nspec:\n  i:\n    k: v\n  r: x\nb: 1\n",
            "a: 1 # c\nspec:\n  i:\n    k: v\n  r: x\n  r: x\n",
        ] {
            assert!(verdict(old, wrong, op()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_planned_may_be_removed() {
        let old = "a: 1 # c\nspec:\n  r: x\n  i: {k: v}\nl: [1]\n";
        verdict(old, "a: 1 # c\nspec:\n  r: x\nl: [1]\n", remove("/spec/i")).unwrap();
        verdict(old, "a: 1 # c\nspec:\n  r: x\n  i: {}\nl: [1]\n", remove("/spec/i/k")).unwrap();
        verdict(old, "a: 1 # c\nspec:\n  r: x\n  i: {k: v}\nl: []\n", remove("/l/0")).unwrap();
        for wrong in [
            old,
            "a: 1\nspec:\n  r: x\nl: [1]\n",
            "a: 1 # c\nspec:\n  r: 'x'\nl: [1]\n",
            "a: 1 # c\nspec: {r: x}\nl: [1]\n",
            "a: 1 # c\nspec: {}\nl: [1]\n",
            "a: 1 # c\nspec:\n  r: x\n  i: {}\nl: [1]\n",
            "a: 1 # c\nspec:\n  r: x\n  i: ~\nl: [1]\n",
            "a: 1 # c\nspec:\n  r: x\nl: []\n",
            "a: 1 # c\nl: [1]\nspec:\n  r: x\n",
            "a: 1 # c\nspec:\n  r: x\n  i2: {k: v}\nl: [1]\n",
        ] {
            assert!(verdict(old, wrong, remove("/spec/i")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_member_that_a_merge_key_supplies_is_not_gone() {
        let old = "d: &d {r: 1}\ns:\n  r: 2\n  <<: *d\n";
        assert!(verdict(old, "d: &d {r: 1}\ns:\n  <<: *d\n", remove("/s/r")).is_err());
    }

    /// The second reader ignores quotes and comments around the value that stays; the first does not see how brackets
    /// change a text.
    #[test]
    fn a_value_in_new_brackets_stays_as_it_is() {
        let old = "a: {b: 'c', d: &d 1} # c\n";
        let op = || replace("/a", json!([{"b": "c", "d": 1}, "e"]));
        verdict(old, "a: [{b: 'c', d: &d 1}, e] # c\n", op()).unwrap();
        for wrong in [
            "a: [{b: c, d: &d 1}, e] # c\n",
            "a: [{b: 'c', d: 1}, e] # c\n",
            "a: [&d {b: 'c', d: 1}, e] # c\n",
            "a: &d [{b: 'c', d: 1}, e] # c\n",
            "a: [{d: &d 1, b: 'c'}, e] # c\n",
            "a: [{b: 'c', d: &d 1}, e, e] # c\n",
            "a: [{b: 'c', d: &d 1}] # c\n",
            "a: [e, {b: 'c', d: &d 1}] # c\n",
            "a: [{b: 'c', d: &d 1}, e]\n",
            "a:\n- {b: 'c', d: &d 1} # c\n- e\n",
            old,
        ] {
            assert!(verdict(old, wrong, op()).is_err(), "{wrong}");
        }
        assert_eq!(halves("a: 'c'", "a: [c, e]", replace("/a", json!(["c", "e"]))), (false, true));
        assert_eq!(halves("a: 'c'", "a: ['c', \"\u{85}\"]", replace("/a", json!(["c", "\u{85}"]))), (true, false));
    }

    /// Each operation refers to the old text, but in RFC 6902 to the text so far: both must be the same place.
    #[test]
    fn items_are_removed_from_last_to_first() {
        let edit = |text: &str, operations: Value| super::super::splice::tests::edit(text, &operations);
        let go = |paths: &[&str]| paths.iter().map(|path| json!({"op": "remove", "path": path})).collect::<Value>();
        for old in ["l: [a, b, c, d]\n", "l:\n- a\n- b\n- c\n- d\n", "{\"l\": [1, 2, 3, 4]}", "l: [a, b, b, b]\n"] {
            edit(old, go(&["/l/2", "/l/1"])).unwrap_or_else(|error| panic!("{old}: {error}"));
            let wrong = edit(old, go(&["/l/1", "/l/2"])).unwrap_err();
            assert!(wrong.contains("after one that is already removed"), "{old}: {wrong}");
        }
        let mixed = |first: Value, second: Value| edit("l: [{a: 1}, {a: 1}, {a: 1}]\n", json!([first, second]));
        let (set, deleted) =
            (|| json!({"op": "replace", "path": "/l/2/a", "value": 2}), || json!({"op": "remove", "path": "/l/1"}));
        assert_eq!(mixed(set(), deleted()).as_deref(), Ok("l: [{a: 1}, {a: 2}]\n"));
        assert!(mixed(deleted(), set()).is_err());
        let (set, deleted) =
            (|| json!({"op": "add", "path": "/l/0/b", "value": 2}), || json!({"op": "remove", "path": "/l/1"}));
        assert_eq!(mixed(deleted(), set()).as_deref(), Ok("l: [{b: 2, a: 1}, {a: 1}]\n"));
        assert_eq!(mixed(set(), deleted()).as_deref(), Ok("l: [{b: 2, a: 1}, {a: 1}]\n"));
    }

    #[test]
    fn an_item_of_a_list_is_removed_after_the_changes_in_its_items() {
        let old = "items:\n- spec: {a: 1, b: 2}\n- kind: x\n- spec:\n    a: 1\n    b: 2\n";
        let object =
            |base: &str| ObjectRef { document: Span::new(0, old.len()), base: PointerBuf::parse(base).unwrap() };
        let list = (object(""), vec![remove("/items/1")].into());
        let items = [
            (object("/items/0"), vec![remove("/spec/a")].into()),
            (object("/items/2"), vec![remove("/spec/b")].into()),
        ];
        let source = Source::new(old.as_bytes());
        let apply = |changes: Vec<ObjectChange>| apply(&source, &Plan { changes, ..Plan::default() });
        let edited = apply([&items[..], std::slice::from_ref(&list)].concat()).unwrap();
        let new = "items:\n- spec: {b: 2}\n- spec:\n    a: 1\n";
        assert_eq!(String::from_utf8(edited.to_bytes(old.as_bytes()).unwrap()).unwrap(), new);
        assert!(apply([std::slice::from_ref(&list), &items[..]].concat()).is_err());
    }

    /// Whether each half accepts an edit.
    fn halves(old: &str, new: &str, operation: PatchOperation) -> (bool, bool) {
        let change = changes(old, operation);
        let (old, new) = (yaml::read(old, 0).unwrap(), yaml::read(new, 0).unwrap());
        (form::equal(&old, &new, &[&change]).is_ok(), meaning::equal(&old, &new, &[&change]).is_ok())
    }

    /// Values don't show comments, quotes, the order of keys and the notation of a collection.
    #[test]
    fn the_form_half_is_needed() {
        let old = "a: x # c\nspec:\n  r: x\n";
        for wrong in [
            "a: x\nspec:\n  i: v\n  r: x\n",
            "a: 'x' # c\nspec:\n  i: v\n  r: x\n",
            "# c\nspec:\n  i: v\n  r: x\na: x\n",
            "a: x # c\nspec: {i: v, r: x}\n",
            "a: x # c\nspec:\n  i: v\n  r: &r x\n",
        ] {
            assert_eq!(halves(old, wrong, add("/spec/i", json!("v"))), (false, true), "{wrong}");
            assert!(verdict(old, wrong, add("/spec/i", json!("v"))).is_err(), "{wrong}");
        }
    }

    /// For our own reader, U+0085 is an ordinary character; for libyaml, it ends the line.
    #[test]
    fn the_meaning_half_is_needed() {
        let old = "spec:\n  r: x\n";
        let wrong = "spec:\n  i: \"a\u{85}b\"\n  r: x\n";
        assert_eq!(halves(old, wrong, add("/spec/i", json!("a\u{85}b"))), (true, false));
        assert!(verdict(old, wrong, add("/spec/i", json!("a\u{85}b"))).is_err());
        let right = "spec:\n  i: \"a\\u0085b\"\n  r: x\n";
        verdict(old, right, add("/spec/i", json!("a\u{85}b"))).unwrap();
    }

    fn added(text: &str, object: Value) -> Result<(), Refusal> {
        appended(b"a: x\n", Span::new(0, 5), text, &[object])
    }

    /// `on` is a string to one reader and a boolean to another.
    #[test]
    fn the_form_half_is_needed_for_new_documents() {
        added("---\nb: 'on'\n", json!({"b": "on"})).unwrap();
        for wrong in ["---\nb: on\n", "---\nb: &b 'on'\n", "---\nb: |-\n  on\n"] {
            assert!(meaning::is_value(wrong, &json!({"b": "on"})).is_ok(), "{wrong}");
            assert!(added(wrong, json!({"b": "on"})).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_meaning_half_is_needed_for_new_documents() {
        let (wrong, object) = ("---\nb: \"x\u{85}y\"\n", json!({"b": "x\u{85}y"}));
        let tree = yaml::read(wrong, 0).unwrap();
        assert_eq!(form::is_value(&tree, tree.root, &object), Ok(()));
        assert!(added(wrong, object).is_err());
    }

    #[test]
    fn a_merge_key_after_the_new_member_is_refused() {
        let old = "d: &d {r: 1}\nspec:\n  x: 1\n  <<: *d\n";
        let op = add("/spec/i", json!("v"));
        assert!(verdict(old, "d: &d {r: 1}\nspec:\n  i: v\n  x: 1\n  <<: *d\n", op.clone()).is_err());
        verdict(old, "d: &d {r: 1}\nspec:\n  x: 1\n  <<: *d\n  i: v\n", op).unwrap();
    }

    #[test]
    fn a_list_and_its_items_change_together() {
        let item = |index: usize| PointerBuf::parse(format!("/items/{index}")).unwrap();
        for (old, new) in [
            (
                "items:\n- # c\n  spec: {}\n- spec:\n",
                "items:\n- # c\n  spec: {i: v}\n- spec: v\n- n: 1\n- n: 2\nr:\n- x\n",
            ),
            ("items: [{spec: {}}, {spec: }]", "items: [{spec: {i: v}}, {spec: v }, {\"n\": 1}, {\"n\": 2}]\nr:\n- x"),
            (
                "{\"items\": [{\"spec\": {}}, {\"spec\": null}]}",
                "{\"r\": [\"x\"], \"items\": [{\"spec\": {\"i\": \"v\"}}, {\"spec\": \"v\"}, {\"n\": 1}, {\"n\": 2}]}",
            ),
        ] {
            let document = Span::new(0, old.len());
            let object = |base: PointerBuf| ObjectRef { document, base };
            let root =
                vec![add("/items/-", json!({"n": 1})), add("/items/-", json!({"n": 2})), add("/r", json!(["x"]))];
            let plan = Plan {
                changes: vec![
                    (object(item(0)), vec![add("/spec/i", json!("v"))].into()),
                    (object(item(1)), vec![add("/spec", json!("v"))].into()),
                    (object(PointerBuf::new()), root.into()),
                ],
                ..Plan::default()
            };
            let edited = apply(&Source::new(old.as_bytes()), &plan).unwrap_or_else(|error| panic!("{old}: {error}"));
            let bytes = edited.to_bytes(old.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&bytes).replace("\"n\"", "n"), new.replace("\"n\"", "n"));
        }
    }

    #[test]
    fn nothing_is_appended_after_an_unfinished_block_scalar() {
        let plan = Plan { new_documents: vec![json!({"b": "c"})], ..Plan::default() };
        for text in ["a: |\n  x", "a: |+\n  x", "a: >\n  x", "l:\n- |\n  x"] {
            assert!(apply(&Source::new(text.as_bytes()), &plan).is_err(), "{text}");
        }
        for text in ["a: x", "a: |-\n  x", "a: |\n  x\n"] {
            apply(&Source::new(text.as_bytes()), &plan).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn nothing_is_appended_where_the_end_cant_be_read() {
        let plan = Plan { new_documents: vec![json!({"b": "c"})], ..Plan::default() };
        for (text, why) in [
            (&b"\xFF\xFE"[..], "the file is UTF-16"),
            (b"\xFE\xFF\0a", "the file is UTF-16"),
            (b"a\0:\0 \x001\0\n\0", "the text contains a NUL byte"),
            (b"a: \0\n---\nb: 1\n", "the text contains a NUL byte"),
            (b"# \xE9\n---\nb: 1\n", "the text is not UTF-8"),
            (b"a: 1\n---\nb: [\n", "nothing can be added after the last document, which can't be read"),
        ] {
            let refusal = apply(&Source::new(text), &plan).unwrap_err();
            assert!(refusal.to_string().starts_with(why), "{refusal}");
        }
        // A broken document further up does not matter.
        apply(&Source::new(b"a: [\n---\nb: 1\n"), &plan).unwrap();
    }
}
