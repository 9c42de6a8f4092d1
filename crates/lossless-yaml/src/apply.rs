//! Carries out plans: the only way to make an edit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::edited::Edited;
use crate::parallel;
use crate::parse::{decoded, skim};
use crate::plan::{ObjectChange, Plan, Splice};
use crate::pointer::{locate, tokens};
use crate::proof;
use crate::refusal::{Reason, Refusal};
use crate::removal;
use crate::source::{Document, Source};
use crate::span::Span;
use crate::splice;
use crate::tree::Format;
use crate::write::{self, LineEnding};

/// Carries out a plan and proves the result.
///
/// Every changed document is parsed again. For two readers that share no code, it must equal the old one with exactly
/// the planned operations applied: one compares the *form*, the other the *meaning*.
///
/// # Errors
/// What can't be edited with certainty is refused; no change is made in part.
pub fn apply(source: &Source<'_>, plan: &Plan) -> Result<Edited, Refusal> {
    // One proof for each document: changes of two objects in one list must be proved together.
    let mut grouped: BTreeMap<Span, Vec<&ObjectChange>> = BTreeMap::new();
    for change in &plan.changes {
        grouped.entry(change.0.document).or_default().push(change);
    }
    let deleted: BTreeMap<Span, &Value> = plan.removed_documents.iter().map(|(span, holds)| (*span, holds)).collect();
    if let Some((span, _)) = deleted.iter().find(|(span, _)| grouped.contains_key(*span)) {
        return Err(Refusal::new(Reason::ChangedAndRemoved, *span));
    }
    are_documents(source, grouped.keys().copied())?;
    let by_document: Vec<(Span, Vec<&ObjectChange>)> = grouped.into_iter().collect();
    let results = parallel::map(&by_document, |(span, changes)| edit(source, *span, changes));
    let mut splices = Vec::new();
    for result in results {
        splices.extend(result?);
    }
    if let Some((span, _)) = deleted.first_key_value() {
        if !plan.new_documents.is_empty() {
            return Err(Refusal::new(Reason::AddedAndRemoved, *span));
        }
        removal::remove(source, &deleted, &mut splices)?;
    }
    let mut appended = None;
    if !plan.new_documents.is_empty() {
        let (splice, behind) = append(source, &plan.new_documents, &splices)?;
        splices.push(splice);
        appended = Some(behind);
    }
    Ok(Edited::proved(source.bytes(), splices, appended, deleted.into_keys().collect()))
}

/// Refuses a span that is not one of the file's documents: a part of one could be inside a scalar or a comment, and the
/// proof, which reads only that part, would not notice.
fn are_documents(source: &Source<'_>, spans: impl Iterator<Item = Span>) -> Result<(), Refusal> {
    let mut wanted: BTreeSet<Span> = spans.collect();
    let mut segments = source.segments();
    while !wanted.is_empty()
        && let Some(segment) = segments.next()
    {
        wanted.remove(&segment.span);
    }
    let Some(span) = wanted.first() else { return Ok(()) };
    let end = source.bytes().len();
    Err(Refusal::new(Reason::DocumentMoved, Span::new(span.start.min(end), span.end.min(end))))
}

fn edit(source: &Source<'_>, span: Span, changes: &[&ObjectChange]) -> Result<Vec<Splice>, Refusal> {
    let document = Document {
        bytes: &source.bytes()[span.range()],
        span,
        index: 0,
        format: source.format(),
        literal: true,
        bare: false,
    };
    let old = skim(&document)?;
    let mut splices = Vec::with_capacity(1);
    for (object, operations) in changes {
        let root =
            locate(&old, old.root, &tokens(&object.base)).ok_or_else(|| Refusal::new(Reason::ObjectMoved, span))?;
        splices.extend(splice::splices(&old, root, operations, LineEnding::of(source.bytes()))?);
    }
    splices.iter_mut().for_each(|splice| splice.document = span);
    splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
    splice::keep_end(old.text.as_bytes(), span.start, &mut splices);
    if splices.windows(2).any(|pair| pair[0].span.end > pair[1].span.start) {
        return Err(Refusal::new(Reason::Overlap, span));
    }
    let text = spliced(old.text, &splices, span.start);
    proof::document(&old, &text, changes)?;
    Ok(splices)
}

/// The text with the splices, whose spans count from `base` bytes before it.
fn spliced(text: &str, splices: &[Splice], base: usize) -> String {
    let grown: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut out = String::with_capacity(text.len() + grown);
    let mut at = 0;
    for splice in splices {
        out.push_str(&text[at..splice.span.start - base]);
        out.push_str(&splice.text);
        at = splice.span.end - base;
    }
    out.push_str(&text[at..]);
    out
}

/// The splice that adds documents at the end of a file, and the last document before it.
fn append(source: &Source<'_>, objects: &[Value], edits: &[Splice]) -> Result<(Splice, Span), Refusal> {
    let bytes = source.bytes();
    let end = bytes.len();
    if source.begins_with_brace() {
        return Err(Refusal::new(Reason::JsonTakesNoDocument, Span::new(end, end)));
    }
    if bytes.last() == Some(&b'\r') {
        return Err(Refusal::new(Reason::EndsWithCarriageReturn, Span::new(end - 1, end)));
    }
    let eol = LineEnding::of(bytes).unwrap_or(LineEnding::Lf).text();
    let last = source.segments().last();
    readable_to_the_end(bytes, last.as_ref())?;
    let behind = last.map_or(Span::new(0, end), |document| document.span);
    let ends_line = end == 0 || bytes[end - 1] == b'\n' || (end == 3 && source.segments().next().is_none());
    let mut text = String::new();
    if !ends_line {
        text.push_str(eol);
    }
    for (index, object) in objects.iter().enumerate() {
        // Also after a `---` without content: that document must stay empty.
        if index > 0 || last.is_some() {
            text.push_str("---");
            text.push_str(eol);
        }
        for line in write::document(object) {
            text.push_str(&line);
            text.push_str(eol);
        }
    }
    if !ends_line {
        // The file had no final newline, and still has none.
        text.truncate(text.len() - eol.len());
    }
    let splice = Splice { span: Span::new(end, end), text, document: Span::new(end, end) };
    // The last document is proved with its own edits.
    let own: Vec<Splice> = edits.iter().filter(|edit| edit.document == behind).cloned().collect();
    let last = match std::str::from_utf8(&bytes[behind.start..]) {
        Ok(text) => spliced(text, &own, behind.start).into_bytes(),
        Err(_) => bytes[behind.start..].to_vec(),
    };
    proof::appended(&last, behind, &splice.text, objects)?;
    Ok((splice, behind))
}

/// Refuses a file in which readers would not find a document added at the end, because the text before it is in another
/// encoding or can't be read.
fn readable_to_the_end(bytes: &[u8], last: Option<&Document<'_>>) -> Result<(), Refusal> {
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(Refusal::new(Reason::Utf16, Span::new(0, 2)));
    }
    let whole =
        Document { bytes, span: Span::new(0, bytes.len()), index: 0, format: Format::Yaml, literal: true, bare: false };
    let adding = |reason: fn(Box<Reason>) -> Reason| {
        move |refusal: Refusal| Refusal::new(reason(Box::new(refusal.reason)), refusal.span)
    };
    decoded(&whole).map_err(adding(Reason::FileUnreadable))?;
    let Some(Err(refusal)) = last.map(skim) else { return Ok(()) };
    Err(adding(Reason::LastDocumentUnreadable)(refusal))
}

#[cfg(test)]
mod tests {
    use json_patch::jsonptr::PointerBuf;
    use json_patch::{PatchOperation, ReplaceOperation};
    use serde_json::json;

    use super::*;
    use crate::plan::ObjectRef;

    #[test]
    fn a_change_is_of_a_document_of_the_file() {
        let change = |span: Span| -> ObjectChange {
            let path = PointerBuf::parse("/a").unwrap();
            let replace = PatchOperation::Replace(ReplaceOperation { path, value: json!(5) });
            (ObjectRef { document: span, base: PointerBuf::new() }, vec![replace].into())
        };
        let tried = |text: &str, spans: &[(usize, usize)], new_documents: Vec<Value>| {
            let changes = spans.iter().map(|&(start, end)| change(Span::new(start, end))).collect();
            apply(&Source::new(text.as_bytes()), &Plan { changes, new_documents, ..Plan::default() })
        };
        assert!(tried("a: 1\n---\na: 2\n", &[(0, 5), (5, 14)], vec![]).is_ok());
        for (text, spans) in [
            // Inside a block scalar, quotes and a comment.
            ("s: |\n  a: 1\n  b: 2\n", &[(5, 19)][..]),
            ("s: \"\n  a: 1\n\"\n", &[(7, 11)]),
            ("# a: 1\nb: 2\n", &[(2, 6)]),
            // Past the end, and over each other.
            ("a: 1\n", &[(0, 50)]),
            ("a: 1\n", &[(30, 50)]),
            ("a: 1\nb: 2\n", &[(0, 10), (0, 5)]),
        ] {
            let refusal = tried(text, spans, vec![]).unwrap_err();
            assert_eq!(refusal.reason, Reason::DocumentMoved, "{text}");
            assert!(refusal.span.end <= text.len(), "{text}");
        }
        assert!(tried("a: 1\nb: 2\n", &[(0, 5)], vec![json!({"c": 1})]).is_err());
    }
}
