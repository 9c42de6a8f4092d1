//! What is to change, as data; and the only way to carry it out.

use std::collections::BTreeMap;
use std::sync::Arc;

use json_patch::PatchOperation;
use json_patch::jsonptr::PointerBuf;
use serde_json::Value;

use super::proof;
use super::removal;
use super::source::{self, Document, Format, Source};
use super::splice;
use super::tree::{NodeId, Tree};
use super::write::{self, LineEnding};
use super::{json, plain, yaml};
use crate::diag::{Diagnostic, FileId, Location, Span};

/// An object of a file: a document's root, or an item of a `List` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    /// The document's segment in the file.
    pub document: Span,
    /// From the document's root to the object: empty, or `/items/3`.
    pub base: PointerBuf,
}

/// An object and the operations on it.
pub type ObjectChange = (ObjectRef, Arc<Vec<PatchOperation>>);

/// What is to change in one file.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Operations by object, pointers relative to the object, at most one entry an object. Operations don't build on each
    /// other: each names a place of the old text. So that the order of RFC 6902 says the same, items of one sequence are
    /// removed from the back, and a list loses items behind all changes in its items. A document goes as a whole by the
    /// operations of [`removed_whole`](super::removed_whole).
    pub changes: Vec<ObjectChange>,
    /// Objects to add behind the last document, members in the order in which they are to be written.
    pub new_documents: Vec<Value>,
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The bytes that go. Empty for an insertion.
    pub span: Span,
    /// The bytes that come.
    pub text: String,
    /// The document that it changes; for what is added behind the last one, the end of the file.
    pub document: Span,
}

/// Why a file can't be edited with certainty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// One sentence without a final stop.
    pub message: String,
    /// The bytes of the file that it is about.
    pub span: Span,
    /// What to do about it.
    pub help: Vec<String>,
}

impl Refusal {
    /// A refusal at a place of the file.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, help: Vec::new() }
    }

    /// As a diagnostic about a file, of which `window` may be shown.
    pub fn in_file(self, file: FileId, window: Option<Span>) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.message).at(Location { file, span: self.span, window }, "");
        diagnostic.help = self.help;
        diagnostic
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }
}

/// A file's proved change. Made by [`apply`] alone, so that nothing unproved can be written or printed.
#[derive(Clone, Debug)]
pub struct Edited {
    splices: Vec<Splice>,
    appended: Option<Span>,
    removed: Vec<Span>,
}

impl Edited {
    /// The splices in the order of their places; they don't overlap.
    pub fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// Whether nothing changes.
    pub fn is_unchanged(&self) -> bool {
        self.splices.is_empty()
    }

    /// The last document of the old file where the last splice adds new documents behind it.
    pub fn appended_behind(&self) -> Option<Span> {
        self.appended
    }

    /// The documents of the old file that go as a whole.
    pub fn removed(&self) -> &[Span] {
        &self.removed
    }

    /// The new content.
    pub fn to_bytes(&self, old: &[u8]) -> Vec<u8> {
        let grown: usize = self.splices.iter().map(|splice| splice.text.len()).sum();
        let mut out = Vec::with_capacity(old.len() + grown);
        // Memory takes everything.
        let _ = self.write_to(old, &mut out);
        out
    }

    /// Writes the new content: the old bytes with the splices.
    pub fn write_to(&self, old: &[u8], out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut at = 0;
        for splice in &self.splices {
            out.write_all(&old[at..splice.span.start])?;
            out.write_all(splice.text.as_bytes())?;
            at = splice.span.end;
        }
        out.write_all(&old[at..])
    }
}

/// Reads a document into a tree, by the reader of its format.
///
/// # Errors
/// Text that is not UTF-8, holds a NUL or a lone carriage return, or is not well-formed.
pub fn parse<'s>(document: &Document<'s>) -> Result<Tree<'s>, Refusal> {
    let base = document.span.start;
    let text = decoded(document)?;
    let lone = memchr::memchr_iter(b'\r', document.bytes).find(|&at| document.bytes.get(at + 1) != Some(&b'\n'));
    if let Some(at) = lone {
        return Err(Refusal::new(
            "a carriage return stands without a line feed: YAML readers disagree whether the line ends there",
            Span::new(base + at, base + at + 1),
        )
        .help("convert the line endings to LF or CRLF and run again"));
    }
    let place = |at: usize| {
        let at = base + at;
        Span::new(at, (at + 1).min(document.span.end).max(at))
    };
    match document.format {
        Format::Json => {
            json::read(text, base).map_err(|error| Refusal::new(format!("not JSON: {error}"), place(error.at)))
        }
        Format::Yaml => {
            yaml::read(text, base).map_err(|error| Refusal::new(format!("not YAML: {error}"), place(error.at)))
        }
    }
}

/// The text of a document, which is UTF-8 and has no NUL.
fn decoded<'s>(document: &Document<'s>) -> Result<&'s str, Refusal> {
    let base = document.span.start;
    let text = std::str::from_utf8(document.bytes).map_err(|error| {
        let at = base + error.valid_up_to();
        Refusal::new("the text is not UTF-8", Span::new(at, (at + 1).min(document.span.end)))
            .help("save the file as UTF-8 and run again")
    })?;
    match memchr::memchr(0, document.bytes) {
        None => Ok(text),
        Some(at) => Err(Refusal::new("the text holds a NUL byte", Span::new(base + at, base + at + 1))
            .help("remove it, or write the file anew, and run again")),
    }
}

/// Reads a document into the same tree as [`parse`] does, in a fraction of the time where it is plain. For old text alone: what
/// [`apply`] makes of it is parsed, and proved against this tree.
///
/// # Errors
/// As [`parse`].
pub fn skim<'s>(document: &Document<'s>) -> Result<Tree<'s>, Refusal> {
    let text = std::str::from_utf8(document.bytes).ok().filter(|_| document.format == Format::Yaml);
    match text.and_then(|text| plain::read(text, document.span.start)) {
        Some(tree) => {
            // Without the trees: they may hold what is not to be printed.
            debug_assert!(parse(document).is_ok_and(|other| other == tree), "the readers differ");
            Ok(tree)
        }
        None => parse(document),
    }
}

/// The node that a pointer names, without following aliases or merges.
pub(super) fn locate(tree: &Tree<'_>, from: NodeId, tokens: &[String]) -> Option<NodeId> {
    let mut at = from;
    for token in tokens {
        at = match &tree.node(at).data {
            super::tree::Data::Mapping { entries, .. } => entries
                .iter()
                .find(|&&(key, _)| !tree.is_merge(key) && tree.text(key) == Some(token.as_str()))
                .map(|&(_, value)| value)?,
            super::tree::Data::Sequence { items, .. } => *items.get(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

/// The tokens of a pointer, unescaped.
pub(super) fn tokens(pointer: &json_patch::jsonptr::Pointer) -> Vec<String> {
    pointer.tokens().map(|token| token.decoded().into_owned()).collect()
}

/// Carries out a plan and proves the result.
///
/// Every changed document is parsed again and must equal the old one with exactly the planned operations applied, by
/// two readers that share no code; see `proof`.
///
/// # Errors
/// What can't be edited with certainty is refused; nothing is half done.
pub fn apply(source: &Source<'_>, plan: &Plan) -> Result<Edited, Refusal> {
    // One proof a document: changes of two objects of one list must be proved together.
    let mut grouped: BTreeMap<Span, Vec<&ObjectChange>> = BTreeMap::new();
    let mut gone: BTreeMap<Span, &Value> = BTreeMap::new();
    for change in &plan.changes {
        match removal::goes(change) {
            Some(holds) => drop(gone.insert(change.0.document, holds)),
            None => grouped.entry(change.0.document).or_default().push(change),
        }
    }
    if let Some((span, _)) = gone.iter().find(|(span, _)| grouped.contains_key(*span)) {
        return Err(Refusal::new("a document can't be changed and removed in one run", *span));
    }
    let by_document: Vec<(Span, Vec<&ObjectChange>)> = grouped.into_iter().collect();
    let results = crate::parallel::map(&by_document, |(span, changes)| edit(source, *span, changes));
    let mut splices = Vec::new();
    for result in results {
        splices.extend(result?);
    }
    if let Some((span, _)) = gone.first_key_value() {
        if !plan.new_documents.is_empty() {
            return Err(Refusal::new("documents can't be added and removed in one run", *span));
        }
        removal::remove(source, &gone, &mut splices)?;
    }
    let mut appended = None;
    if !plan.new_documents.is_empty() {
        let (splice, behind) = append(source, &plan.new_documents, &splices)?;
        splices.push(splice);
        appended = Some(behind);
    }
    Ok(Edited { splices, appended, removed: gone.into_keys().collect() })
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
        let root = locate(&old, old.root, &tokens(&object.base))
            .ok_or_else(|| Refusal::new("the object is not where it was read", span))?;
        splices.extend(splice::splices(&old, root, operations, LineEnding::of(source.bytes()))?);
    }
    splices.iter_mut().for_each(|splice| splice.document = span);
    splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
    splice::keep_end(old.text.as_bytes(), span.start, &mut splices);
    if splices.windows(2).any(|pair| pair[0].span.end > pair[1].span.start) {
        return Err(Refusal::new("two changes of one place can't be made in one run", span));
    }
    let text = spliced(old.text, &splices, span.start);
    proof::document(&old, &text, changes)?;
    Ok(splices)
}

/// The text with the splices, whose spans count from `base` bytes before it.
pub(super) fn spliced(text: &str, splices: &[Splice], base: usize) -> String {
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
        return Err(Refusal::new(
            "a JSON file can't take a second document: kubectl reads no '---' behind JSON",
            Span::new(end, end),
        ));
    }
    if bytes.last() == Some(&b'\r') {
        return Err(Refusal::new("the file ends with a carriage return without a line feed", Span::new(end - 1, end))
            .help("convert the line endings to LF or CRLF and run again"));
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
        // Behind a `---` that nothing follows, too: that document stays as empty as it is.
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
        // The file had no final newline; it keeps having none.
        text.truncate(text.len() - eol.len());
    }
    let splice = Splice { span: Span::new(end, end), text, document: Span::new(end, end) };
    // The last document is proved as it will be, with its own edits.
    let own: Vec<Splice> = edits.iter().filter(|edit| edit.document == behind).cloned().collect();
    let last = match std::str::from_utf8(&bytes[behind.start..]) {
        Ok(text) => spliced(text, &own, behind.start).into_bytes(),
        Err(_) => bytes[behind.start..].to_vec(),
    };
    proof::appended(&last, behind, &splice.text, objects)?;
    Ok((splice, behind))
}

/// Refuses a file in which nobody would find a document at the end: what stands before it is in another encoding or can't be
/// read.
fn readable_to_the_end(bytes: &[u8], last: Option<&Document<'_>>) -> Result<(), Refusal> {
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(Refusal::new("the file is UTF-16, and a document added to it must be UTF-8", Span::new(0, 2))
            .help("convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW-FILE"));
    }
    let whole =
        Document { bytes, span: Span::new(0, bytes.len()), index: 0, format: Format::Yaml, literal: true, bare: false };
    let elsewhere = "or pass --identity-file with another file, so that nothing is added here";
    decoded(&whole).map_err(|refusal| refusal.help(elsewhere))?;
    let Some(Err(refusal)) = last.map(skim) else { return Ok(()) };
    let message = format!("nothing can be added after the last document, which can't be read: {}", refusal.message);
    Err(Refusal::new(message, refusal.span).help("correct it and run again").help(elsewhere))
}

/// Where the object's node is in its parsed document.
pub fn object_node(tree: &Tree<'_>, object: &ObjectRef) -> Option<NodeId> {
    locate(tree, tree.root, &tokens(&object.base))
}

/// Offset of the start of the line that holds `at`, and behind its end.
pub fn line_around(bytes: &[u8], at: usize) -> Span {
    Span::new(source::line_start(bytes, at), source::line_end(bytes, at))
}
