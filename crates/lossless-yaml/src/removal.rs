//! Removal of whole documents: the inverse of adding one after the last.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::parse::parse;
use crate::plan::Splice;
use crate::proof;
use crate::refusal::{Reason, Refusal};
use crate::source::{Document, Source, is_marker, line_end};
use crate::span::Span;
use crate::splice;
use crate::tree::{Format, Tree, has_odd_break};

/// Offset in a segment at which the document itself begins. If only blank lines and comments precede its marker (they
/// followed the `...` of the previous document), that is the marker. Otherwise it is the first line that is not blank.
fn own_start(bytes: &[u8]) -> usize {
    let (mut at, mut blank) = (0, 0);
    while at < bytes.len() {
        let end = line_end(bytes, at);
        let words = bytes[at..end].trim_ascii();
        if words.is_empty() && blank == at {
            blank = end;
        } else if bytes[at] == b'-' && is_marker(bytes, at) && !has_odd_break(&bytes[..at]) {
            return at;
        } else if !(words.is_empty() || words.starts_with(b"#")) {
            break;
        }
        at = end;
    }
    blank
}

/// Checks that nothing else is lost if a document is removed: it must have no comment, no directive and no end marker.
/// What precedes its marker is kept.
///
/// # Errors
/// The part that would be lost, or whose removal would change the neighbours.
pub fn removable(tree: &Tree<'_>) -> Result<(), Refusal> {
    let whole = Span::new(tree.base, tree.base + tree.text.len());
    if tree.format == Format::Json {
        return Err(Refusal::new(Reason::JsonLosesNoValue, whole));
    }
    let start = own_start(tree.text.as_bytes());
    if let Some(comment) = tree.comments.iter().find(|comment| comment.start >= start) {
        return Err(Refusal::new(Reason::CommentInDocument, comment.shifted(tree.base)));
    }
    let bytes = tree.text.as_bytes();
    let mut line = 0;
    while line < bytes.len() {
        if bytes[line] == b'%' || bytes[line] == b'.' && is_marker(bytes, line) {
            let span = Span::new(line, line_end(bytes, line)).shifted(tree.base);
            return Err(Refusal::new(Reason::DirectiveInDocument, span));
        }
        line = line_end(bytes, line);
    }
    Ok(())
}

/// Adds the splices that remove whole documents to those of the other documents, and proves each seam.
pub(crate) fn remove(
    source: &Source<'_>,
    deleted: &BTreeMap<Span, &Value>,
    splices: &mut Vec<Splice>,
) -> Result<(), Refusal> {
    let mut seams = Vec::new();
    let mut found = 0;
    let (mut before, mut open) = (None, None);
    for segment in source.segments() {
        match deleted.get_key_value(&segment.span) {
            Some((span, holds)) => {
                if source.begins_with_brace() {
                    return Err(Refusal::new(Reason::JsonLosesNoValue, *span));
                }
                let tree = parse(&segment)?;
                removable(&tree)?;
                proof::removed(&segment, &tree, holds)?;
                // If several in a row are removed, only the first can have something before its marker.
                let kept = Span::new(span.start, span.start + own_start(segment.bytes));
                splices.push(Splice { span: Span::new(kept.end, span.end), text: String::new(), document: *span });
                found += 1;
                open = open.or(Some(kept));
            }
            None => {
                if let Some(kept) = open.take() {
                    seams.push((before, kept, Some(segment)));
                }
                before = Some(segment);
            }
        }
    }
    if let Some(kept) = open {
        seams.push((before, kept, None));
    }
    if let Some((span, _)) = deleted.first_key_value().filter(|_| found != deleted.len()) {
        return Err(Refusal::new(Reason::DocumentMoved, *span));
    }
    splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
    splice::keep_end(source.bytes(), 0, splices);
    seams.iter().try_for_each(|(before, kept, after)| seam(source, before.as_ref(), *kept, after.as_ref(), splices))
}

/// Proves a seam: the place of removed documents, between the document before them and the one after them. `kept` is
/// what preceded the marker of the first removed one.
fn seam(
    source: &Source<'_>,
    before: Option<&Document<'_>>,
    kept: Span,
    after: Option<&Document<'_>>,
    splices: &[Splice],
) -> Result<(), Refusal> {
    let Some(before) = before else {
        return proof::closed(&source.bytes()[kept.range()], None, !kept.is_empty(), after);
    };
    let end = after.map_or(source.bytes().len(), |after| after.span.start);
    // The text up to `end` as it will be; with `own`, with only the edits of the document before the seam.
    let made = |end: usize, own: bool| {
        let (mut out, mut at) = (Vec::new(), before.span.start);
        for splice in splices.iter().filter(|splice| !own || splice.document == before.span) {
            if before.span.start <= splice.span.start && splice.span.end <= end {
                out.extend_from_slice(&source.bytes()[at..splice.span.start]);
                out.extend_from_slice(splice.text.as_bytes());
                at = splice.span.end;
            }
        }
        out.extend_from_slice(&source.bytes()[at..end]);
        out
    };
    proof::closed(&made(end, false), Some((before, &made(before.span.end, true))), !kept.is_empty(), after)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apply::apply;
    use crate::plan::{ObjectChange, ObjectRef, Plan};
    use json_patch::jsonptr::PointerBuf;
    use json_patch::{PatchOperation, RemoveOperation};
    use std::sync::Arc;

    const OBJECT: &str = "kind: K\nl:\n- {}\n";

    /// The text after the documents with these indices are removed, each of which must be `OBJECT`.
    fn without(text: &str, deleted: &[usize]) -> Result<String, String> {
        let source = Source::new(text.as_bytes());
        let segments: Vec<Span> = source.segments().map(|segment| segment.span).collect();
        let removed = |&index: &usize| (segments[index], json!({"kind": "K", "l": [{}]}));
        let plan = Plan { removed_documents: deleted.iter().map(removed).collect(), ..Plan::default() };
        let edited = apply(&source, &plan)
            .map_err(|refusal| format!("{} at '{}'", refusal.reason, &text[refusal.span.range()]))?;
        Ok(String::from_utf8(edited.to_bytes(text.as_bytes()).unwrap()).unwrap())
    }

    #[test]
    fn a_document_is_removed_with_its_marker() {
        for (old, deleted, new) in [
            ("a: 1\n---\nK", &[1][..], "a: 1\n"),
            ("a: 1\n---\nK---\nb: 2\n", &[1], "a: 1\n---\nb: 2\n"),
            ("K---\nb: 2\n", &[0], "---\nb: 2\n"),
            ("---\nK---\nb: 2\n", &[0], "---\nb: 2\n"),
            ("\u{feff}K---\nb: 2\n", &[0], "\u{feff}---\nb: 2\n"),
            ("\u{feff}K", &[0], "\u{feff}"),
            ("K", &[0], ""),
            ("--- {kind: K, l: [{}]}\n--- b\n", &[0], "--- b\n"),
            ("a: 1\n---\n\nK\n\n", &[1], "a: 1\n"),
            ("# a\na: 1 # b\n# c\n---\nK---\n# d\nb: 2\n", &[1], "# a\na: 1 # b\n# c\n---\n# d\nb: 2\n"),
            ("a: 1\n...\n---\nK---\nb: 2\n", &[1], "a: 1\n...\n---\nb: 2\n"),
            ("a: 1\n...\nK", &[1], "a: 1\n...\n"),
            ("x: {{ x }}: [\n---\nK--- |\n x", &[1], "x: {{ x }}: [\n--- |\n x"),
            ("a: |+\n  b\n\n---\nK---\nb: 2\n", &[1], "a: |+\n  b\n\n---\nb: 2\n"),
            ("K---\na: 1\n---\nK---\nK", &[0, 2, 3], "---\na: 1\n"),
            ("---\n---\nK---\n", &[1], "---\n---\n"),
            // What precedes a marker does not belong to the document.
            ("a: 1\n...\n\n  \n---\nK", &[1], "a: 1\n...\n\n  \n"),
            ("a: 1\n...\n# c\n\n---\nK---\nb: 2\n", &[1], "a: 1\n...\n# c\n\n---\nb: 2\n"),
            ("a: 1\n...\n# c\n---\nK---\nK", &[1, 2], "a: 1\n...\n# c\n"),
            ("# c\n---\nK---\nb: 2\n", &[0], "# c\n---\nb: 2\n"),
            ("\n\nK", &[0], "\n\n"),
            ("a: 1\n---\n---\nK", &[2], "a: 1\n---\n"),
        ] {
            let crlf = |text: &str| text.replace('\n', "\r\n");
            let old = if old.contains("{kind") { old.to_owned() } else { old.replace('K', OBJECT) };
            assert_eq!(without(&old, deleted).as_deref(), Ok(new), "{old}");
            assert_eq!(without(&crlf(&old), deleted), Ok(crlf(new)), "{old} with CRLF");
        }
    }

    #[test]
    fn a_file_without_a_final_line_break_keeps_none() {
        for (old, deleted, new) in [
            ("a: 1\n---\nK", &[1][..], "a: 1"),
            ("a: 1\n---\nK---\nK", &[1, 2], "a: 1"),
            ("a: 'x\n\n---\nK", &[1], "a: 'x\n"),
            ("---\n---\nK", &[1], "---"),
            ("K", &[0], ""),
            ("a: 1\n...\n   \n---\nK", &[1], "a: 1\n...\n   "),
            ("a: 1\n...\n---\nK", &[1], "a: 1\n..."),
            ("a: 1\n--- \n---\nK", &[2], "a: 1\n--- "),
        ] {
            let crlf = |text: &str| text.replace('\n', "\r\n");
            let old = old.replace('K', OBJECT);
            let old = old.trim_end_matches('\n');
            assert_eq!(without(old, deleted).as_deref(), Ok(new), "{old}");
            assert_eq!(without(&crlf(old), deleted), Ok(crlf(new)), "{old} with CRLF");
        }
        for old in ["a: |\n  b\n---\nK", "a: |+\n  b\n---\nK"] {
            let old = old.replace('K', OBJECT);
            let why = without(old.trim_end_matches('\n'), &[1]).unwrap_err();
            assert!(why.contains("inside a block scalar"), "{why}");
        }
    }

    #[test]
    fn a_removal_that_would_lose_something_else_is_refused() {
        for (old, deleted, why) in [
            ("a: 1\n---\n# c\nK", 1, "its document contains a comment at '# c'"),
            ("# c\nK---\na: 1\n", 0, "its document contains a comment at '# c'"),
            ("a: 1\n---\nK# c\n", 1, "its document contains a comment at '# c'"),
            ("a: 1\n--- # c\nK", 1, "its document contains a comment at '# c'"),
            ("a: 1\n---\nK...\nb: 1\n", 1, "its document contains a directive or a '...' line at '...\n'"),
            ("a: 1\n...\n# c\u{85}\n---\nK", 1, "its document contains a comment at '# c\u{85}'"),
            ("%YAML 1.2\n---\nK", 0, "its document contains a directive or a '...' line at '%YAML 1.2\n'"),
            (
                "{\"kind\": \"K\", \"l\": [{}]}\n{}\n",
                0,
                "a value can't be removed from a JSON file at '{\"kind\": \"K\", \"l\": [{}]}'",
            ),
            ("{\"a\": 1}\n---\nK", 1, "a value can't be removed from a JSON file at '---\nkind: K\nl:\n- {}\n'"),
        ] {
            let text = if old.starts_with("{\"k") { old.to_owned() } else { old.replace('K', OBJECT) };
            assert_eq!(without(&text, &[deleted]), Err(why.to_owned()), "{old}");
        }
    }

    /// A document is removed only if it contains the planned value for both readers.
    #[test]
    fn only_the_planned_document_is_removed() {
        for other in [
            "kind: K\n",
            "kind: K\nl:\n- {}\nm: 1\n",
            "l:\n- {}\nkind: K\n",
            "kind: &k K\nl:\n- *k\n",
            "kind: !x K\nl:\n- {}\n",
            "kind: K\nl:\n- {}\nkind: K\n",
        ] {
            assert!(without(&format!("a: 1\n---\n{other}"), &[1]).is_err(), "{other}");
        }
        // The readers disagree about the text of the first value and about the type of the second.
        for (text, holds) in [("b: \"x\u{85}y\"\n", "x\u{85}y"), ("b: on\n", "on")] {
            let removed_documents = vec![(Span::new(0, text.len()), json!({"b": holds}))];
            let plan = Plan { removed_documents, ..Plan::default() };
            assert!(apply(&Source::new(text.as_bytes()), &plan).is_err(), "{text}");
        }
    }

    #[test]
    fn neighbours_of_a_removed_document_stay_unchanged() {
        let text = "a: 1\n---\nb: 2\n...\nc: 3\n";
        let segments: Vec<_> = Source::new(text.as_bytes()).segments().collect();
        let [a, b, c] = &segments[..] else { panic!() };
        let closed =
            |before: &Document<'_>, after| proof::closed(before.bytes, Some((before, before.bytes)), false, after);
        closed(a, Some(b)).unwrap();
        closed(a, None).unwrap();
        closed(b, Some(c)).unwrap();
        // A text without a marker of its own would become part of the previous document.
        assert!(closed(a, Some(c)).is_err());
        assert!(proof::closed(b"a: 1\n---\n", Some((a, a.bytes)), false, None).is_err());
        assert!(proof::closed(b"", Some((a, a.bytes)), false, Some(b)).is_err());
        assert!(proof::closed(b"a: 2\n", Some((a, a.bytes)), false, Some(b)).is_err());
        assert!(proof::closed(b"", None, false, Some(c)).is_err());
    }

    #[test]
    fn a_document_is_not_changed_and_removed() {
        let text = "kind: K\nl:\n- {}\n";
        let document = Span::new(0, text.len());
        let object = ObjectRef { document, base: PointerBuf::new() };
        let removed = |span: Span| vec![(span, json!({"kind": "K", "l": [{}]}))];
        let remove = |path: &str| -> Vec<ObjectChange> {
            let path = PointerBuf::parse(path).unwrap();
            vec![(object.clone(), Arc::new(vec![PatchOperation::Remove(RemoveOperation { path })]))]
        };
        let refused = |plan: Plan| apply(&Source::new(text.as_bytes()), &plan).unwrap_err().reason;
        let both = Plan { changes: remove("/l"), removed_documents: removed(document), ..Plan::default() };
        assert_eq!(refused(both), Reason::ChangedAndRemoved);
        let removed_documents = removed(document);
        let added = Plan { removed_documents, new_documents: vec![json!({})], ..Plan::default() };
        assert_eq!(refused(added), Reason::AddedAndRemoved);
        assert_eq!(refused(Plan { changes: remove(""), ..Plan::default() }), Reason::WholeObject);
        let elsewhere = Plan { removed_documents: removed(Span::new(0, 3)), ..Plan::default() };
        assert_eq!(refused(elsewhere), Reason::DocumentMoved);
    }
}
