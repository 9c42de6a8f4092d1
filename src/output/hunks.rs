//! The hunks of a unified diff, made from known splices without a comparison of whole texts.

use std::collections::HashMap;

use similar::{ChangeTag, TextDiff};

use lossless_yaml::{Edited, Splice, line_around};
use xaccount::diag::Span;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// The kind of a line of a hunk.
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
    /// The text in pieces, without the line break. The flag is set for pieces that differ within a replaced line.
    pub(super) pieces: Vec<(bool, String)>,
    /// Whether the line ends with a line break.
    pub(super) ended: bool,
    /// Whether its text is hidden because it may be content of a Secret or a ConfigMap.
    pub(super) hidden: bool,
}

/// A hunk. `old` and `new` are the first line, counted from 1, and the number of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: (usize, usize),
    pub(super) new: (usize, usize),
    pub(super) heading: String,
    /// Whether it adds documents after the last one.
    pub(super) added: bool,
    pub(super) lines: Vec<Line>,
}

/// The text that may be shown around a change, and the heading of its hunk.
#[derive(Clone, Debug)]
pub(super) struct Region {
    /// The object's document.
    pub(super) document: Span,
    /// The bytes whose lines may be shown.
    pub(super) window: Span,
    /// The text after the second `@@`.
    pub(super) heading: String,
}

/// A change of whole lines.
struct Change {
    /// Old bytes: whole lines, or an empty span at the start of a line or the end.
    old: Span,
    new: String,
    /// Whether it only adds documents after the last one.
    added: bool,
    /// The bytes of `new` that are new items of a list, if it only adds these.
    items: Option<Span>,
    region: Region,
}

/// What is known of the objects that are added to a file.
pub(super) struct Additions<'a> {
    /// The heading of their hunk.
    pub(super) heading: &'a str,
    /// The last document, if its lines may be shown.
    pub(super) shown: Option<Span>,
    /// The list that they are items of, if they are not documents.
    pub(super) list: Option<&'a Region>,
}

impl<'a> Additions<'a> {
    /// For a file that gets no new object.
    pub(super) fn nothing(heading: &'a str) -> Self {
        Self { heading, shown: None, list: None }
    }
}

/// An index of spans: finds a span that contains another without looking at each.
struct Windows {
    /// The starts of the spans, in order.
    starts: Vec<usize>,
    /// For each span, the maximum end up to it.
    ends: Vec<usize>,
}

impl Windows {
    /// The index of spans that are sorted by their starts.
    fn of(spans: impl Iterator<Item = Span>) -> Self {
        let mut windows = Self { starts: Vec::new(), ends: Vec::new() };
        for span in spans {
            let end = windows.ends.last().map_or(span.end, |&end| span.end.max(end));
            windows.starts.push(span.start);
            windows.ends.push(end);
        }
        windows
    }

    /// The index of the first span that contains `span`.
    fn holder(&self, span: Span) -> Option<usize> {
        let upto = self.starts.partition_point(|&start| start <= span.start);
        let first = self.ends[..upto].partition_point(|&end| end < span.end);
        (first < upto).then_some(first)
    }
}

/// The hunks of a file. `regions` are those of the edited objects.
pub(super) fn hunks(bytes: &[u8], edited: &Edited, regions: &[Region], additions: &Additions<'_>) -> Vec<Hunk> {
    let changes = changes(bytes, edited, regions, additions);
    let mut out: Vec<Hunk> = Vec::new();
    // The bytes and lines done so far, and the lines in the new file.
    let (mut at, mut old_line, mut new_line) = (0, 1, 1);
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        // Changes whose contexts touch are one hunk.
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
        let mut hunk = Hunk {
            old: (old_line, 0),
            new: (new_line, 0),
            heading: first.region.heading.clone(),
            added: first.added,
            lines: Vec::new(),
        };
        let mut windows: Vec<Span> = rest[..count].iter().map(|change| change.region.window).collect();
        windows.sort_unstable();
        let windows = Windows::of(windows.into_iter());
        let mut place = start;
        for change in &rest[..count] {
            context(bytes, place, change.old.start, &windows, &mut hunk.lines);
            replaced(bytes, change, &mut hunk.lines);
            place = change.old.end;
        }
        context(bytes, place, end, &windows, &mut hunk.lines);
        hunk.old.1 = hunk.lines.iter().filter(|line| line.tag != Tag::Added).count();
        hunk.new.1 = hunk.lines.iter().filter(|line| line.tag != Tag::Removed).count();
        old_line += hunk.old.1;
        new_line += hunk.new.1;
        at = end;
        // By convention, an empty side has the number of the line before it.
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

fn changes(bytes: &[u8], edited: &Edited, regions: &[Region], additions: &Additions<'_>) -> Vec<Change> {
    // Splices on one line or on neighbouring lines are one change: removed lines are printed before added ones.
    let mut groups: Vec<(Span, &[Splice])> = Vec::new();
    let splices = edited.splices();
    let regions = Regions::of(regions);
    for (index, splice) in splices.iter().enumerate() {
        let span = lines_of(bytes, splice);
        match groups.last_mut() {
            Some((old, group)) if span.start <= old.end && !old.is_empty() && !span.is_empty() => {
                old.end = old.end.max(span.end);
                *group = &splices[index - group.len()..=index];
            }
            _ => groups.push((span, &splices[index..=index])),
        }
    }
    groups
        .into_iter()
        .map(|(old, group)| {
            let mut new = String::new();
            let mut at = old.start;
            for splice in group {
                new.push_str(&String::from_utf8_lossy(&bytes[at..splice.span.start]));
                new.push_str(&splice.text);
                at = splice.span.end;
            }
            new.push_str(&String::from_utf8_lossy(&bytes[at..old.end]));
            let added = group.iter().all(|splice| edited.appended_behind().is_some() && splice.document.is_empty());
            // New items are the last change of their list.
            let list = additions.list.filter(|list| {
                let is_last = splices.iter().rev().find(|splice| splice.document == list.document) == group.first();
                is_last && group.len() == 1
            });
            let items = list.map(|_| {
                let start = group[0].span.start - old.start;
                Span::new(start, start + group[0].text.len())
            });
            let region = match list {
                Some(list) => list.clone(),
                None if added => {
                    let document = edited.appended_behind().unwrap_or_default();
                    let window = additions.shown.unwrap_or(Span::new(bytes.len(), bytes.len()));
                    Region { document, window, heading: additions.heading.to_owned() }
                }
                None => regions.of_all(group),
            };
            Change { old, new, added, items, region }
        })
        .collect()
}

/// The whole lines that a splice changes; empty if it inserts whole lines.
fn lines_of(bytes: &[u8], splice: &Splice) -> Span {
    let start = line_around(bytes, splice.span.start).start;
    if splice.span.is_empty() && start == splice.span.start && splice.text.ends_with('\n') {
        return splice.span;
    }
    let whole = splice.span.end > splice.span.start && bytes[splice.span.end - 1] == b'\n';
    let end = if whole { splice.span.end } else { line_around(bytes, splice.span.end).end };
    Span::new(start, end)
}

/// The regions of a file, by document: a list may have thousands in one document.
struct Regions<'r>(HashMap<Span, (&'r [Region], Windows)>);

impl<'r> Regions<'r> {
    /// The regions, which must be sorted by document and window.
    fn of(regions: &'r [Region]) -> Self {
        let documents = regions.chunk_by(|one, other| one.document == other.document);
        let entry = |of_one: &'r [Region]| {
            (of_one[0].document, (of_one, Windows::of(of_one.iter().map(|region| region.window))))
        };
        Self(documents.map(entry).collect())
    }

    /// The region of the object that a splice is in: in a list, the one whose window contains it.
    fn of_splice(&self, splice: &Splice) -> Region {
        let Some((regions, windows)) = self.0.get(&splice.document) else {
            let nothing = Span::new(splice.document.start, splice.document.start);
            return Region { document: splice.document, window: nothing, heading: String::new() };
        };
        regions[windows.holder(splice.span).unwrap_or(0)].clone()
    }

    /// The region of splices that are one change. If they are in neighbouring documents, because a document was removed, all of
    /// these documents may be shown.
    fn of_all(&self, group: &[Splice]) -> Region {
        let first = self.of_splice(&group[0]);
        group[1..].iter().map(|splice| self.of_splice(splice)).fold(first, |mut region, next| {
            if next.document != region.document && next.window.start <= region.window.end {
                region.window = Span::new(region.window.start.min(next.window.start), next.window.end);
                region.document = Span::new(region.document.start, next.document.end);
            }
            region
        })
    }
}

/// The start of the context before a change: at most three lines that may be shown.
fn context_before(bytes: &[u8], change: &Change) -> usize {
    let mut at = change.old.start;
    for _ in 0..CONTEXT {
        if at == 0 {
            break;
        }
        let line = line_around(bytes, at - 1).start;
        // `git apply` can't distinguish the end of a file with one line from its start.
        let only = line == 0 && at == bytes.len();
        if !only && line < change.region.window.start {
            break;
        }
        at = line;
    }
    at
}

/// The end of the context after a change: at most three lines that may be shown, including the neighbouring marker line.
fn context_after(bytes: &[u8], change: &Change) -> usize {
    let mut at = change.old.end;
    for _ in 0..CONTEXT {
        if at >= bytes.len() {
            break;
        }
        let line = line_around(bytes, at);
        if line.end > change.region.window.end {
            let marker = at == change.region.document.end && tells_nothing(&bytes[line.range()]);
            // For `git apply`, a hunk without a line after the change is at the end of the file.
            if marker || at == change.old.end {
                at = line.end;
            }
            break;
        }
        at = line.end;
    }
    at
}

/// Whether a line outside the window has no content: a marker line with at most a comment, or brackets.
fn tells_nothing(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"---").or_else(|| line.strip_prefix(b"...")).unwrap_or(line).trim_ascii();
    rest.is_empty() || rest.starts_with(b"#") || rest.iter().all(|b| b"{}[],-".contains(b))
}

fn context(bytes: &[u8], from: usize, to: usize, windows: &Windows, lines: &mut Vec<Line>) {
    let mut at = from;
    while at < to {
        let span = line_around(bytes, at);
        let text = String::from_utf8_lossy(&bytes[span.range()]);
        let inside = windows.holder(span).is_some();
        lines.push(Line {
            tag: Tag::Context,
            pieces: vec![(false, text.strip_suffix('\n').unwrap_or(&text).to_owned())],
            ended: text.ends_with('\n'),
            hidden: !inside && !tells_nothing(text.as_bytes()),
        });
        at = span.end;
    }
}

/// The removed and added lines of a change, compared word by word.
fn replaced(bytes: &[u8], change: &Change, lines: &mut Vec<Line>) {
    let old = String::from_utf8_lossy(&bytes[change.old.range()]);
    let window = change.region.window;
    // Old lines that reach beyond the object's own bytes may contain text of another object, and so may the new lines. Only
    // lines added after the last document never do.
    let outside = !old.is_empty() && (change.old.start < window.start || change.old.end > window.end);
    // The start of the old line. Unknown if the text is not UTF-8, because then its length differs.
    let mut at = (old.len() == change.old.len()).then_some(change.old.start);
    // The start of the new line.
    let mut new_at = 0;
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
            let shown = match (at, tag) {
                (Some(start), Tag::Context | Tag::Removed) => {
                    let end = start + text.len() + usize::from(ended);
                    at = Some(end);
                    window.start <= start && end <= window.end
                }
                _ => false,
            };
            let start = new_at;
            new_at += if tag == Tag::Removed { 0 } else { text.len() + usize::from(ended) };
            let of_items = change.items.is_some_and(|items| {
                let is_new = tag == Tag::Added && items.start <= start && start + text.len() <= items.end;
                is_new || text.bytes().all(|b| b" \t\r{}[],".contains(&b))
            });
            let own = change.added && tag == Tag::Added && text.trim_end_matches('\r') != old.trim_end_matches('\r');
            let own = own || of_items;
            lines.push(Line { tag, pieces, ended, hidden: outside && !own && !shown });
        }
    }
}
