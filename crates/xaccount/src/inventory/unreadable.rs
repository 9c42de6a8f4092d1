//! Errors about files and documents that can't be read with certainty.

use crate::capa;
use crate::diag::{Diagnostic, FileId, Location, RuleId, Span, SpannedError};
use crate::templates;
use lossless_yaml::{Document, NodeId, Refusal, Source, Tree, line_around, skim};

/// The rule for documents that can't be read.
pub(super) const NOT_READABLE: RuleId = RuleId::UnreadableDocument;

/// Why a document is not read.
pub(super) enum ScanProblem {
    Template(Diagnostic),
    /// May be YAML after its variables are substituted.
    Filled(Diagnostic),
    Broken(Diagnostic),
}

/// The error for a document that is an array of objects.
pub(super) fn array_refused(at: Location) -> Diagnostic {
    Diagnostic::error("the document is a list, which kubectl does not accept")
        .rule(NOT_READABLE)
        .at(at, "")
        .help("use kind: List with the objects under 'items', or one document for each object (jsonnet -y)")
}

/// The error for the first document of a file that is an array of objects, of whatever kind. For a run that found nothing;
/// [`scan()`](super::scan()) refuses arrays of CAPA objects only.
pub fn array(file: FileId, bytes: &[u8]) -> Option<Diagnostic> {
    Source::new(bytes).segments().find_map(|document| {
        let tree = skim(&document).ok()?;
        let kind = kind_in_array(&tree, tree.root)?;
        Some(array_refused(Location { file, span: tree.span(kind), window: shown(&document) }))
    })
}

/// The error for the first document of a file that is an array of whatever, also an empty one. For a file that gets one
/// more document: kubectl would accept neither the array nor what follows it.
pub fn any_array(file: FileId, bytes: &[u8]) -> Option<Diagnostic> {
    Source::new(bytes).segments().find_map(|document| {
        let tree = skim(&document).ok()?;
        tree.items(tree.root)?;
        let at = kind_in_array(&tree, tree.root).unwrap_or(tree.root);
        Some(array_refused(Location { file, span: tree.span(at), window: shown(&document) }))
    })
}

/// The kind of the first object in an array.
fn kind_in_array(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
    tree.items(node)?.iter().find_map(|&item| match tree.items(item) {
        Some(_) => kind_in_array(tree, item),
        None => tree.value(item, "apiVersion").and_then(|_| tree.value(item, "kind")),
    })
}

/// The span of a document if its text may be shown; `None` if it could be a Secret or a ConfigMap.
pub(super) fn shown(document: &Document<'_>) -> Option<Span> {
    let body = capa::may_hold_bodies(document.bytes);
    (!body).then_some(document.span)
}

pub(super) fn unreadable(file: FileId, bytes: &[u8], document: &Document<'_>, refusal: Refusal) -> ScanProblem {
    let refusal = SpannedError::from(refusal);
    let at = Location { file, span: refusal.span, window: shown(document) };
    match templates::language(document.bytes) {
        Some(kind) => {
            let wrapper = capa::wrapper_kind_of(document.bytes);
            let what = wrapper.map_or_else(|| "document".to_owned(), |row| format!("{} of {}", row.kind, row.program));
            let message = format!("this {what} is {kind}, not a manifest ({})", refusal.message);
            let mut error = Diagnostic::error(message).at(at, "");
            if let Some(row) = wrapper {
                error = error.help(row.does);
                error.help.extend(row.render.map(|render| format!("to render it: {render}")));
            }
            ScanProblem::Template(
                error.help("render it first and pass the result, or pass --skip-templates to skip it"),
            )
        }
        None => {
            let mut diagnostic = Diagnostic::error(format!("this document can't be read: {}", refusal.message)).rule(NOT_READABLE)
                .at(at, "")
                .help("it contains a kind that can have an identity reference, so it can't be skipped: fix it and run again");
            diagnostic.help.extend(refusal.help);
            let line = line_around(bytes, refusal.span.start);
            match memchr::memmem::find(&bytes[line.range()], b"${") {
                Some(_) => ScanProblem::Filled(diagnostic),
                None => ScanProblem::Broken(diagnostic),
            }
        }
    }
}

/// The error for a document that we can't read, in which an escape or a tag spells a CAPA kind: kubectl may read it.
pub(super) fn spelled(file: FileId, document: &Document<'_>, refusal: Refusal) -> ScanProblem {
    let refusal = SpannedError::from(refusal);
    let at = Location { file, span: refusal.span, window: shown(document) };
    let mut diagnostic = Diagnostic::error(format!("this document can't be read: {}", refusal.message))
        .rule(NOT_READABLE)
        .at(at, "")
        .help("an escape or a tag in it spells a kind that can have an identity reference, and kubectl may read it")
        .help("write the kind as plain text, fix the document and run again");
    diagnostic.help.extend(refusal.help);
    ScanProblem::Broken(diagnostic)
}

pub(super) fn utf16(at: Location) -> Diagnostic {
    Diagnostic::error("this file is UTF-16; manifests must be UTF-8")
        .rule(NOT_READABLE)
        .at(at, "")
        .help("PowerShell's '>' writes UTF-16. Convert it: Get-Content FILE | Set-Content -Encoding utf8 NEW-FILE")
        .help("on other systems: iconv -f UTF-16 -t UTF-8 FILE > NEW-FILE")
}

pub(super) fn doubtful_marker(character: char, at: Location) -> Diagnostic {
    let name = match character {
        '\r' => "a carriage return without a line feed",
        '\u{feff}' => "a byte-order mark in the middle of the file",
        '\u{85}' => "U+0085 (next line)",
        '\u{2028}' => "U+2028 (line separator)",
        _ => "U+2029 (paragraph separator)",
    };
    Diagnostic::error(format!("{name} before a document marker: readers disagree where a document ends"))
        .rule(NOT_READABLE)
        .at(at, "")
        .help("replace it with a line feed and run again")
}

/// The error for log output above the first document, which `2>&1` put there.
pub(super) fn log_lines(file: FileId, source: &Source<'_>) -> Option<Diagnostic> {
    let first = source.segments().next()?;
    let mut at = 0;
    loop {
        let line = line_around(first.bytes, at);
        let text = first.bytes.get(line.range())?;
        let trimmed = text.trim_ascii();
        if !trimmed.is_empty() && trimmed[0] != b'#' {
            if !is_log_line(trimmed) {
                return None;
            }
            let span = Span::new(line.start, line.start + text.trim_ascii_end().len()).shifted(first.span.start);
            let at = Location { file, span, window: None };
            if first.bytes.windows(4).any(|window| window == b"\n```") {
                let error = Diagnostic::error("the file is Markdown, not YAML").rule(NOT_READABLE).at(at, "");
                return Some(error.help("don't name it, or move its YAML into a file"));
            }
            return Some(
                Diagnostic::error("log output precedes the first document").rule(NOT_READABLE).at(at, "").help(
                    "it comes from 'dkp … > FILE 2>&1' or '&>': use 'dkp … > FILE' and run again, or delete the line",
                ),
            );
        }
        if line.end >= first.bytes.len() {
            return None;
        }
        at = line.end;
    }
}

/// Whether a line can't begin a mapping, a collection, a directive or a quoted or block scalar.
fn is_log_line(line: &[u8]) -> bool {
    if matches!(line[0], b'%' | b'-' | b'{' | b'[' | b'?' | b'!' | b'&' | b'*' | b'"' | b'\'' | b'|' | b'>' | b'.') {
        return false;
    }
    let word = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let key = line[..word].ends_with(b":") || line[word..].trim_ascii_start().starts_with(b":");
    !key
}
