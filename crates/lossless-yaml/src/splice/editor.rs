//! The text around a place, to which a change must fit.

use serde_json::Value;

use crate::plan::Splice;
use crate::refusal::{Reason, Refusal};
use crate::source::{line_end, line_start};
use crate::span::Span;
use crate::tree::{Data, Format, NodeId, ScalarStyle, Tree};
use crate::write::{self, Flow, LineEnding};

/// Indentation of new text if the document has none to copy.
pub(super) const STEP: usize = 2;

/// A node on a path, with its key.
pub(super) struct Place {
    pub(super) node: NodeId,
    /// The key, if the node is the value of one.
    pub(super) key: Option<NodeId>,
    /// Whether the collection that contains it is written with brackets.
    pub(super) in_flow: bool,
}

/// Indentation of a collection in brackets whose entries are on lines of their own.
pub(super) struct Lines<'t> {
    /// Before each entry.
    pub(super) indent: &'t str,
    /// Before the line of the opening bracket.
    pub(super) outer: &'t str,
    /// How much further the entries are indented.
    pub(super) unit: &'t str,
}

pub(super) struct Editor<'t, 's> {
    pub(super) tree: &'t Tree<'s>,
    /// The first line ending of the whole file.
    pub(super) file_ending: Option<LineEnding>,
}

impl Editor<'_, '_> {
    pub(super) fn refuse(&self, reason: Reason, node: NodeId) -> Refusal {
        Refusal::new(reason, self.tree.span(node))
    }

    /// The line ending for new lines at `at`: that of the line before, else of the line itself, else of the file.
    pub(super) fn eol(&self, at: usize) -> &'static str {
        let bytes = self.bytes();
        let before = memchr::memrchr(b'\n', &bytes[..at]).map(|end| line_start(bytes, end));
        let ending = LineEnding::of(&bytes[before.unwrap_or(at)..]).or(self.file_ending);
        ending.unwrap_or(LineEnding::Lf).text()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.tree.text.as_bytes()
    }

    pub(super) fn splice(&self, start: usize, end: usize, text: String) -> Splice {
        Splice { span: Span::new(start, end).shifted(self.tree.base), text, document: Span::default() }
    }

    /// Follows a path as written; `None` if its last step is missing. Refuses what readers could read differently.
    pub(super) fn walk(&self, root: NodeId, path: &[String]) -> Result<Option<Place>, Refusal> {
        let mut place = Place { node: root, key: None, in_flow: false };
        self.unshared(&place)?;
        for (depth, name) in path.iter().enumerate() {
            let node = self.tree.node(place.node);
            match &node.data {
                Data::Alias(_) => {
                    return Err(self.refuse(Reason::Alias, place.node));
                }
                Data::Mapping { entries, flow } => {
                    self.untagged(place.node)?;
                    let mut found = entries
                        .iter()
                        .filter(|&&(key, _)| !self.tree.is_merge(key) && self.tree.text(key) == Some(name));
                    let first = found.next();
                    if let Some(&(second, _)) = found.next() {
                        return Err(self.refuse(Reason::KeyTwice(name.clone()), second));
                    }
                    match first {
                        Some(&(key, value)) => {
                            place = Place { node: value, key: Some(key), in_flow: *flow };
                        }
                        None if depth + 1 == path.len() => return Ok(None),
                        None => {
                            return Err(self.refuse(Reason::NoMember(name.clone()), place.node));
                        }
                    }
                }
                Data::Sequence { items, flow } => {
                    let item = if name == "-" { None } else { name.parse::<usize>().ok().and_then(|n| items.get(n)) };
                    match item {
                        Some(&item) => place = Place { node: item, key: None, in_flow: *flow },
                        None if name == "-" && depth + 1 == path.len() => return Ok(None),
                        None => {
                            return Err(self.refuse(Reason::NoItem(name.clone()), place.node));
                        }
                    }
                }
                Data::Scalar { .. } => {
                    return Err(self.refuse(Reason::NotAMapping, place.node));
                }
            }
            self.unshared(&place)?;
        }
        Ok(Some(place))
    }

    /// The mapping or sequence at a path.
    pub(super) fn holder(&self, root: NodeId, path: &[String], to: &'static str) -> Result<Place, Refusal> {
        self.walk(root, path)?
            .ok_or_else(|| self.refuse(Reason::NoPlace { path: format!("/{}", path.join("/")), to }, root))
    }

    /// Refuses an edit under an anchor that an alias uses: it would change the other place too.
    fn unshared(&self, place: &Place) -> Result<(), Refusal> {
        match self.tree.node(place.node).anchor() {
            Some(anchor) if anchor.used => {
                Err(Refusal::new(Reason::EditUnderAnchor, anchor.span.shifted(self.tree.base)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an edit of a collection that has a tag of another type, such as `!!set`.
    pub(super) fn untagged(&self, id: NodeId) -> Result<(), Refusal> {
        let node = self.tree.node(id);
        let (what, own) = match &node.data {
            Data::Sequence { .. } => ("sequence", "!!seq"),
            _ => ("mapping", "!!map"),
        };
        match node.tag() {
            Some(tag) if &self.tree.text[tag.range()] != own => {
                Err(Refusal::new(Reason::Tagged(what), tag.shifted(self.tree.base)))
            }
            _ => Ok(()),
        }
    }

    /// The first comment in a part of the text, in bytes of the file.
    pub(super) fn comment_in(&self, span: Span) -> Option<Span> {
        let inside = self.tree.comments.iter().find(|c| c.start >= span.start && c.end <= span.end);
        inside.map(|comment| comment.shifted(self.tree.base))
    }

    // --- places ------------------------------------------------------------------------------------------------

    /// A splice of whole lines at the start of a line, or at the end of a text whose last line has no line break.
    pub(super) fn lines(&self, at: usize, lines: &[String]) -> Splice {
        let eol = self.eol(at);
        let text = lines.join(eol);
        let begins_line = at == 0 || self.bytes()[at - 1] == b'\n';
        self.splice(at, at, if begins_line { format!("{text}{eol}") } else { format!("{eol}{text}") })
    }

    /// Start of a node with its tag and anchor.
    pub(super) fn node_start(&self, id: NodeId) -> usize {
        let node = self.tree.node(id);
        let tag = node.tag().map_or(node.span().start, |tag| tag.start);
        let anchor = node.anchor().map_or(node.span().start, |anchor| anchor.span.start);
        node.span().start.min(tag).min(anchor)
    }

    /// Start of a key with its tag, anchor and `?`.
    pub(super) fn key_start(&self, key: NodeId) -> usize {
        let start = self.node_start(key);
        let before = self.tree.text[..start].trim_end_matches([' ', '\t']);
        if before.ends_with('?') { before.len() - 1 } else { start }
    }

    /// Column of a key, in characters, which for an indentation are bytes.
    pub(super) fn column(&self, key: NodeId) -> usize {
        let start = self.key_start(key);
        start - line_start(self.bytes(), start)
    }

    /// How much further the value's keys are indented than their owner's.
    pub(super) fn step(&self, owner: NodeId, value: NodeId) -> usize {
        let here = match &self.tree.node(value).data {
            Data::Mapping { entries, flow: false } => entries.first().map(|&(key, _)| self.column(key)),
            _ => None,
        };
        let here = here.and_then(|column| column.checked_sub(self.column(owner))).filter(|&step| step > 0);
        here.or_else(|| self.first_step()).unwrap_or(STEP)
    }

    /// The indentation of the first nested block mapping of the document.
    fn first_step(&self) -> Option<usize> {
        self.tree.entries(self.tree.root)?.iter().find_map(|&(key, value)| match &self.tree.node(value).data {
            Data::Mapping { entries, flow: false } => entries
                .first()
                .and_then(|&(inner, _)| self.column(inner).checked_sub(self.column(key)))
                .filter(|&step| step > 0),
            _ => None,
        })
    }

    /// Offset after the colon of a key, or after its value's tag and anchor.
    pub(super) fn behind_key(&self, key: NodeId, value: NodeId) -> Result<usize, Refusal> {
        let bytes = self.bytes();
        let mut at = self.tree.node(key).span().end;
        loop {
            match bytes.get(at) {
                Some(b':') => break,
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = line_end(bytes, at),
                _ => {
                    return Err(self.refuse(Reason::NoColon, key));
                }
            }
        }
        let node = self.tree.node(value);
        let tag = node.tag().map_or(0, |tag| tag.end);
        let anchor = node.anchor().map_or(0, |anchor| anchor.span.end);
        Ok((at + 1).max(tag).max(anchor))
    }

    /// Start of the next line, if only a comment comes before it; the end of the text if there is no next line.
    pub(super) fn next_line(&self, at: usize) -> Option<usize> {
        let end = line_end(self.bytes(), at);
        let rest = self.tree.text[at..end].trim();
        (rest.is_empty() || rest.starts_with('#')).then_some(end)
    }

    /// Offset at which a line can be added after an entry; `None` if that is not certain.
    pub(super) fn entry_tail(&self, key: NodeId, value: NodeId) -> Option<usize> {
        if matches!(self.tree.node(value).data, Data::Scalar { style: ScalarStyle::Absent, .. }) {
            return self.behind_key(key, value).ok().and_then(|at| self.next_line(at));
        }
        self.tail(value)
    }

    pub(super) fn tail(&self, id: NodeId) -> Option<usize> {
        let node = self.tree.node(id);
        match &node.data {
            Data::Scalar { style: ScalarStyle::Absent, .. } => None,
            Data::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
                let end = node.span().end.min(self.tree.text.len());
                let line = line_start(self.bytes(), end);
                self.tree.text[line..end]
                    .bytes()
                    .all(|b| b == b' ')
                    .then_some(line)
                    .filter(|&line| line > node.span().start)
            }
            Data::Mapping { entries, flow: false } => {
                entries.last().and_then(|&(key, value)| self.entry_tail(key, value))
            }
            Data::Sequence { items, flow: false } => items.last().and_then(|&item| self.tail(item)),
            _ => self.next_line(node.span().end),
        }
    }

    /// Offset of the dash of a block sequence's item.
    pub(super) fn dash(&self, item: NodeId) -> Option<usize> {
        // There can be comments between an item's dash and its content.
        let start = self.node_start(item);
        let mut line = line_start(self.bytes(), start);
        let mut head = &self.tree.text[line..start];
        while line > 0 && (head.trim().is_empty() || head.trim_start().starts_with('#')) {
            let end = line;
            line = line_start(self.bytes(), end - 1);
            head = &self.tree.text[line..end];
        }
        let head = head.find(" #").map_or(head, |comment| &head[..comment]);
        head.rfind('-').map(|dash| line + dash)
    }

    /// The text before `at` on its line, if it is only spaces.
    pub(super) fn indent(&self, at: usize) -> Option<&str> {
        let before = &self.tree.text[line_start(self.bytes(), at)..at];
        before.bytes().all(|b| b == b' ').then_some(before)
    }

    /// The style of flow text here: like the first key of the mapping, or the key that owns it.
    pub(super) fn flow_look(&self, place: &Place) -> Flow {
        self.look_of(self.first_key(place.node), place)
    }

    pub(super) fn first_key(&self, id: NodeId) -> Option<NodeId> {
        self.tree.entries(id).and_then(|entries| entries.first()).map(|&(key, _)| key)
    }

    /// The style of flow text like `first`, a key in the place, or else like the place's own key.
    pub(super) fn look_of(&self, first: Option<NodeId>, place: &Place) -> Flow {
        let like = first.or(place.key);
        let quoted = self.tree.format == Format::Json
            || (like.is_some_and(|key| self.is_double_quoted(key)) && (first.is_some() || place.in_flow));
        let tight = quoted
            && like.is_some_and(|key| {
                let rest = &self.tree.text[self.tree.node(key).span().end..];
                rest.starts_with(':') && !rest[1..].starts_with([' ', '\t', '\n', '\r'])
            });
        Flow { quoted, tight }
    }

    /// The indentation of a collection in brackets whose entry at `first` begins a line; `None` if it does not.
    pub(super) fn lines_of(&self, id: NodeId, first: usize) -> Option<Lines<'_>> {
        let blank = |c: char| c == ' ' || c == '\t';
        let bracket = self.tree.node(id).span().start;
        let line = line_start(self.bytes(), first);
        let indent = &self.tree.text[line..first];
        if line <= bracket || !indent.chars().all(blank) {
            return None;
        }
        let outer = &self.tree.text[line_start(self.bytes(), bracket)..];
        let outer = &outer[..outer.len() - outer.trim_start_matches(blank).len()];
        let unit = indent.get(outer.len().min(indent.len())..).filter(|unit| !unit.is_empty()).unwrap_or("  ");
        Some(Lines { indent, outer, unit })
    }

    /// A value as flow text after the node `beside`: on several lines if that is an object of pretty-printed JSON. In
    /// YAML, a line that begins with the closing bracket may be indented too little.
    pub(super) fn flow_beside(&self, beside: NodeId, value: &Value, look: Flow) -> String {
        match self.first_key(beside).and_then(|key| self.lines_of(beside, self.key_start(key))) {
            Some(lines) if self.tree.format == Format::Json => {
                write::pretty(value, lines.outer, lines.unit, self.eol(self.tree.node(beside).span().start))
            }
            _ => write::flow(value, look),
        }
    }

    fn is_double_quoted(&self, key: NodeId) -> bool {
        matches!(self.tree.node(key).data, Data::Scalar { style: ScalarStyle::DoubleQuoted, .. })
    }
}
