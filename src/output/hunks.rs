//! From known splices to the hunks of a unified diff, without comparing whole texts.

use similar::{ChangeTag, TextDiff};

use crate::diag::Span;
use crate::lossless::{Edited, line_around};

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// What a line of a hunk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Context,
    Removed,
    Added,
}

/// A line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tag: Tag,
    /// Pieces with whether they are what differs within a replaced line. Without the line break.
    pub(super) pieces: Vec<(bool, String)>,
    /// Whether the line ends with a line break.
    pub(super) ended: bool,
    /// Whether its text may hold a Secret's or a ConfigMap's content, so that it is not shown.
    pub(super) hidden: bool,
}

/// A hunk; its lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: (usize, usize),
    pub(super) new: (usize, usize),
    pub(super) heading: String,
    pub(super) lines: Vec<Line>,
}

/// What may be shown around a change, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Region {
    /// The object's document.
    pub(super) document: Span,
    /// The bytes of which lines may be shown.
    pub(super) window: Span,
    /// What stands behind the second `@@`.
    pub(super) heading: String,
}

/// A change of whole lines.
struct Change {
    /// Old bytes: whole lines, or an empty span at the start of a line or the end.
    old: Span,
    new: String,
    region: Region,
}

/// The hunks of a file. `regions` are those of the edited objects; `behind` heads what is added behind the
/// last document, and `last` is that document where its lines may be shown.
pub(super) fn hunks(bytes: &[u8], edited: &Edited, regions: &[Region], last: Option<Span>, behind: &str) -> Vec<Hunk> {
    let changes = changes(bytes, edited, regions, last, behind);
    let mut out: Vec<Hunk> = Vec::new();
    // Bytes and lines done so far, old and new.
    let (mut at, mut old_line, mut new_line) = (0, 1, 1);
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        // Changes whose contexts touch make one hunk.
        let mut count = 1;
        let mut end = context_after(bytes, first);
        while let Some(next) = rest.get(count) {
            if context_before(bytes, next) > end {
                break;
            }
            end = end.max(context_after(bytes, next));
            count += 1;
        }
        let start = context_before(bytes, first);
        let skipped = lines_in(bytes, at, start);
        old_line += skipped;
        new_line += skipped;
        let mut hunk =
            Hunk { old: (old_line, 0), new: (new_line, 0), heading: first.region.heading.clone(), lines: Vec::new() };
        let mut place = start;
        for change in &rest[..count] {
            context(bytes, place, change.old.start, &rest[..count], &mut hunk.lines);
            replaced(bytes, change, &mut hunk.lines);
            place = change.old.end;
        }
        context(bytes, place, end, &rest[..count], &mut hunk.lines);
        hunk.old.1 = hunk.lines.iter().filter(|line| line.tag != Tag::Added).count();
        hunk.new.1 = hunk.lines.iter().filter(|line| line.tag != Tag::Removed).count();
        old_line += hunk.old.1;
        new_line += hunk.new.1;
        at = end;
        // By convention an empty side is named by the line before it.
        hunk.old.0 -= usize::from(hunk.old.1 == 0);
        hunk.new.0 -= usize::from(hunk.new.1 == 0);
        out.push(hunk);
        rest = &rest[count..];
    }
    out
}

fn lines_in(bytes: &[u8], from: usize, to: usize) -> usize {
    memchr::memchr_iter(b'\n', &bytes[from.min(to)..to]).count()
}

fn changes(bytes: &[u8], edited: &Edited, regions: &[Region], shown: Option<Span>, behind: &str) -> Vec<Change> {
    let mut out: Vec<Change> = Vec::new();
    let appended = edited.appended_behind().is_some();
    let last = edited.splices().len().wrapping_sub(1);
    // The old bytes up to which the last change's new text is complete.
    let mut done = 0;
    for (index, splice) in edited.splices().iter().enumerate() {
        let whole = splice.span.is_empty()
            && line_around(bytes, splice.span.start).start == splice.span.start
            && splice.text.ends_with('\n');
        let span = if whole {
            splice.span
        } else {
            let start = line_around(bytes, splice.span.start).start;
            let inside = if splice.span.end > splice.span.start && bytes[splice.span.end - 1] == b'\n' {
                splice.span.end
            } else {
                line_around(bytes, splice.span.end).end
            };
            Span::new(start, inside)
        };
        let region = if appended && index == last {
            let document = edited.appended_behind().unwrap_or_default();
            let window = shown.unwrap_or(Span::new(bytes.len(), bytes.len()));
            Region { document, window, heading: behind.to_owned() }
        } else {
            region_of(regions, splice.span)
        };
        match out.last_mut() {
            // Two splices of one line or of neighbouring lines: removed lines come before added ones.
            Some(before) if span.start <= before.old.end && !before.old.is_empty() && !span.is_empty() => {
                let kept = before.new.len() - (before.old.end - done);
                before.new.truncate(kept);
                before.new.push_str(&String::from_utf8_lossy(&bytes[done..splice.span.start]));
                before.new.push_str(&splice.text);
                before.old.end = before.old.end.max(span.end);
                before.new.push_str(&String::from_utf8_lossy(&bytes[splice.span.end..before.old.end]));
            }
            _ => {
                let mut new = String::from_utf8_lossy(&bytes[span.start..splice.span.start]).into_owned();
                new.push_str(&splice.text);
                new.push_str(&String::from_utf8_lossy(&bytes[splice.span.end..span.end]));
                out.push(Change { old: span, new, region });
            }
        }
        done = splice.span.end;
    }
    out
}

/// The region of the object that a splice is in: of several in one document (a list) the one that holds it.
fn region_of(regions: &[Region], span: Span) -> Region {
    let behind = regions.partition_point(|region| region.document.start <= span.start);
    let document = regions[..behind].last().map(|region| region.document);
    let candidates = regions[..behind].iter().rev().take_while(|region| Some(region.document) == document);
    let holds = |region: &&Region| region.window.start <= span.start && span.end <= region.window.end;
    let none = Region { document: span, window: Span::default(), heading: String::new() };
    candidates.clone().find(holds).or_else(|| candidates.clone().next()).cloned().unwrap_or(none)
}

/// Where the context before a change begins: at most three lines that may be shown.
fn context_before(bytes: &[u8], change: &Change) -> usize {
    let mut at = change.old.start;
    for _ in 0..CONTEXT {
        if at == 0 {
            break;
        }
        let line = line_around(bytes, at - 1).start;
        if line < change.region.window.start || line < change.region.document.start {
            break;
        }
        at = line;
    }
    at
}

/// Where the context behind a change ends: at most three lines that may be shown, the neighbouring marker line included.
fn context_after(bytes: &[u8], change: &Change) -> usize {
    let mut at = change.old.end;
    for _ in 0..CONTEXT {
        if at >= bytes.len() {
            break;
        }
        let line = line_around(bytes, at);
        if line.end > change.region.window.end {
            let marker = at == change.region.document.end && tells_nothing(&bytes[line.range()]);
            // `git apply` takes a hunk without a line behind it for the end of the file.
            if marker || at == change.old.end {
                at = line.end;
            }
            break;
        }
        at = line.end;
    }
    at
}

/// Whether a line outside the window tells nothing of what is in there: a marker line with at most a comment.
fn tells_nothing(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"---").or_else(|| line.strip_prefix(b"...")).unwrap_or(line).trim_ascii();
    rest.is_empty() || rest.starts_with(b"#") || rest.iter().all(|b| b"{}[],-".contains(b))
}

fn context(bytes: &[u8], from: usize, to: usize, changes: &[Change], lines: &mut Vec<Line>) {
    let mut at = from;
    while at < to {
        let span = line_around(bytes, at);
        let text = String::from_utf8_lossy(&bytes[span.range()]);
        let inside = changes
            .iter()
            .any(|change| change.region.window.start <= span.start && span.end <= change.region.window.end);
        lines.push(Line {
            tag: Tag::Context,
            pieces: vec![(false, text.strip_suffix('\n').unwrap_or(&text).to_owned())],
            ended: text.ends_with('\n'),
            hidden: !inside && !tells_nothing(text.as_bytes()),
        });
        at = span.end;
    }
}

/// Whether a document could be, or hold, a Secret or a ConfigMap.
pub(super) fn may_hold_bodies(document: &[u8]) -> bool {
    [b"Secret".as_slice(), b"ConfigMap", b"\\"].iter().any(|word| memchr::memmem::find(document, word).is_some())
}

/// The removed and added lines of a change, compared word by word.
fn replaced(bytes: &[u8], change: &Change, lines: &mut Vec<Line>) {
    let old = String::from_utf8_lossy(&bytes[change.old.range()]);
    let window = change.region.window;
    // Old lines that reach beyond the object's own bytes may hold another object's, and so may what they become. Only
    // behind the last document the new lines are our own.
    let outside = !old.is_empty() && (change.old.start < window.start || change.old.end > window.end);
    let behind = window.is_empty() && change.old.end == bytes.len();
    let diff = TextDiff::from_lines(old.as_ref(), change.new.as_str());
    for operation in diff.ops() {
        for inline in diff.iter_inline_changes(operation) {
            let tag = match inline.tag() {
                ChangeTag::Equal => Tag::Context,
                ChangeTag::Delete => Tag::Removed,
                ChangeTag::Insert => Tag::Added,
            };
            let mut pieces: Vec<(bool, String)> =
                inline.iter_strings_lossy().map(|(emphasised, text)| (emphasised, text.into_owned())).collect();
            let ended = pieces.last().is_some_and(|(_, text)| text.ends_with('\n'));
            if let Some((_, text)) = pieces.last_mut()
                && ended
            {
                text.pop();
            }
            let text = pieces.iter().map(|(_, text)| text.as_str()).collect::<String>();
            let own = behind && tag == Tag::Added && text.trim_end_matches('\r') != old.trim_end_matches('\r');
            lines.push(Line { tag, pieces, ended, hidden: outside && !own });
        }
    }
}
