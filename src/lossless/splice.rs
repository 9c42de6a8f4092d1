//! RFC 6902 operations on a tree, turned into splices of its text.
//!
//! Where new text goes: directly behind the line of the owner's key, or behind the last `<<` (a later merge key would
//! win over it in kubectl), never before a comment that belongs to the first key and never behind a block scalar. What
//! the planner gets wrong, the proof catches; it need not be complete, but it must say why it refuses.

use json_patch::PatchOperation;
use serde_json::Value;

use super::plan::{Refusal, Splice, tokens};
use super::source::{Format, line_end, line_start};
use super::tree::{Data, NodeId, ScalarStyle, Tree};
use super::write::{self, Flow, LineEnding};
use crate::diag::Span;

type Members = Vec<(String, Value)>;

/// Indentation of new text where the document shows none.
const STEP: usize = 2;

/// The splices that carry out `operations` on the object at `root`. Operations on one mapping keep their order.
pub(super) fn splices(
    tree: &Tree<'_>,
    root: NodeId,
    operations: &[PatchOperation],
    file_ending: Option<LineEnding>,
) -> Result<Vec<Splice>, Refusal> {
    let editor = Editor { tree, file_ending };
    let mut out = Vec::new();
    // New members, collected so that several of one mapping make one splice.
    let mut additions: Vec<(Vec<String>, Members)> = Vec::new();
    for operation in operations {
        let (path, value) = match operation {
            PatchOperation::Add(add) => (tokens(&add.path), &add.value),
            PatchOperation::Replace(replace) => (tokens(&replace.path), &replace.value),
            PatchOperation::Test(_) => continue,
            _ => {
                return Err(Refusal::new("only RFC 6902 add, replace and test are edits", tree.span(root)));
            }
        };
        let Some((name, parent)) = path.split_last() else {
            return Err(Refusal::new("an object can't be replaced as a whole", tree.span(root)));
        };
        match editor.walk(root, &path)? {
            Some(place) => out.extend(editor.replace(&place, value)?),
            None => match additions.iter_mut().find(|(at, _)| at == parent) {
                Some((_, members)) => members.push((name.clone(), value.clone())),
                None => additions.push((parent.to_vec(), vec![(name.clone(), value.clone())])),
            },
        }
    }
    for (parent, members) in additions {
        let place = editor
            .walk(root, &parent)?
            .ok_or_else(|| Refusal::new(format!("there is no /{} to add to", parent.join("/")), tree.span(root)))?;
        out.extend(editor.add(&place, &members)?);
    }
    Ok(out)
}

/// A node on a path, and the key or item that holds it.
struct Place {
    node: NodeId,
    /// The key whose value it is.
    key: Option<NodeId>,
    /// Whether the collection that holds it is written with brackets.
    in_flow: bool,
}

struct Editor<'t, 's> {
    tree: &'t Tree<'s>,
    /// The first line ending of the whole file.
    file_ending: Option<LineEnding>,
}

impl Editor<'_, '_> {
    fn refuse(&self, message: impl Into<String>, node: NodeId) -> Refusal {
        Refusal::new(message, self.tree.span(node))
    }

    /// How new lines at `at` end: as the line before it, else as the line that it is in, else as any of the file.
    fn eol(&self, at: usize) -> &'static str {
        let bytes = self.bytes();
        let before = memchr::memrchr(b'\n', &bytes[..at]).map(|end| line_start(bytes, end));
        let ending = LineEnding::of(&bytes[before.unwrap_or(at)..]).or(self.file_ending);
        ending.unwrap_or(LineEnding::Lf).text()
    }

    fn bytes(&self) -> &[u8] {
        self.tree.text.as_bytes()
    }

    fn splice(&self, start: usize, end: usize, text: String) -> Splice {
        Splice { span: Span::new(start, end).shifted(self.tree.base), text, document: Span::default() }
    }

    /// Follows a path as written; `None` where its last step is missing. Refuses what readers could see differently.
    fn walk(&self, root: NodeId, path: &[String]) -> Result<Option<Place>, Refusal> {
        let mut place = Place { node: root, key: None, in_flow: false };
        self.unshared(&place)?;
        for (depth, name) in path.iter().enumerate() {
            let node = self.tree.node(place.node);
            match &node.data {
                Data::Alias(_) => {
                    return Err(self
                        .refuse("the value to edit is an alias: it stands elsewhere and others may use it", place.node)
                        .help("write the value out instead of the alias and run again"));
                }
                Data::Mapping { entries, flow } => {
                    self.untagged(place.node)?;
                    let mut found = entries
                        .iter()
                        .filter(|&&(key, _)| !self.tree.is_merge(key) && self.tree.text(key) == Some(name));
                    let first = found.next();
                    if let Some(&(second, _)) = found.next() {
                        return Err(self
                            .refuse(format!("the key '{name}' is written twice in one mapping"), second)
                            .help("remove one of them and run again; kubectl takes the last"));
                    }
                    match first {
                        Some(&(key, value)) => {
                            place = Place { node: value, key: Some(key), in_flow: *flow };
                        }
                        None if depth + 1 == path.len() => return Ok(None),
                        None => {
                            return Err(self.refuse(format!("there is no '{name}' here"), place.node));
                        }
                    }
                }
                Data::Sequence { items, flow } => {
                    let item = if name == "-" { None } else { name.parse::<usize>().ok().and_then(|n| items.get(n)) };
                    match item {
                        Some(&item) => place = Place { node: item, key: None, in_flow: *flow },
                        None if name == "-" && depth + 1 == path.len() => return Ok(None),
                        None => {
                            return Err(self.refuse(format!("there is no item {name} here"), place.node));
                        }
                    }
                }
                Data::Scalar { .. } => {
                    return Err(self.refuse("a mapping is expected here", place.node));
                }
            }
            self.unshared(&place)?;
        }
        Ok(Some(place))
    }

    /// Refuses an edit under an anchor that an alias uses: it would change the other place too.
    fn unshared(&self, place: &Place) -> Result<(), Refusal> {
        match self.tree.node(place.node).anchor() {
            Some(anchor) if anchor.used => Err(Refusal::new(
                "an alias uses this anchor: an edit here would change the other place too",
                anchor.span.shifted(self.tree.base),
            )
            .help("write the value out where the alias stands and run again")),
            _ => Ok(()),
        }
    }

    /// Refuses an edit of a mapping that a tag makes something else, a `!!set` for one.
    fn untagged(&self, mapping: NodeId) -> Result<(), Refusal> {
        match self.tree.node(mapping).tag() {
            Some(tag) if &self.tree.text[tag.range()] != "!!map" => {
                Err(Refusal::new("the mapping to edit has a tag", tag.shifted(self.tree.base))
                    .help("remove the tag and run again"))
            }
            _ => Ok(()),
        }
    }

    // --- replacing ---------------------------------------------------------------------------------------------

    fn replace(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let node = self.tree.node(place.node);
        if self.tree.is_null(place.node) {
            return self.fill_null(place, value);
        }
        if let Data::Alias(_) = node.data {
            return Err(self
                .refuse("the value to replace is an alias", place.node)
                .help("write the value out instead of the alias and run again"));
        }
        if let Some(tag) = node.tag() {
            return Err(Refusal::new("the value to replace has a tag", tag.shifted(self.tree.base))
                .help("remove the tag and run again"));
        }
        let span = node.span();
        match (&node.data, value) {
            (Data::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }, _) => Err(self
                .refuse("the value to replace is a block scalar ('|' or '>')", place.node)
                .help("write it on one line in quotes and run again")),
            (Data::Scalar { style, .. }, Value::String(text)) => {
                Ok(vec![self.splice(span.start, span.end, write::string(text, *style))])
            }
            (Data::Mapping { flow: true, .. } | Data::Sequence { flow: true, .. } | Data::Scalar { .. }, _) => {
                if let Some(anchor) = self.tree.shared_anchor(place.node) {
                    return Err(Refusal::new("an alias uses this anchor", anchor.shifted(self.tree.base)));
                }
                self.without_comments(span)?;
                let look = self.flow_look(place);
                Ok(vec![self.splice(span.start, span.end, write::flow(value, look))])
            }
            _ => self.replace_block(place, value),
        }
    }

    /// Replaces a block collection that is the value of a key.
    fn replace_block(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let (Some(key), Some(end)) = (place.key, self.tail(place.node)) else {
            return Err(self.refuse("this block can't be replaced in place", place.node));
        };
        if let Some(anchor) = self.tree.shared_anchor(place.node) {
            return Err(Refusal::new("an alias uses this anchor", anchor.shifted(self.tree.base)));
        }
        let start = self.behind_key(key, place.node)?;
        self.without_comments(Span::new(start, end))?;
        let indent = self.column(key);
        let step = self.step(key, place.node);
        let lines = write::block_member("x", value, indent, step);
        let mut text = lines.join(self.eol(start));
        text.replace_range(..indent + 2, "");
        if self.bytes()[..end].ends_with(b"\n") {
            text.push_str(self.eol(start));
        }
        Ok(vec![self.splice(start, end, text)])
    }

    fn without_comments(&self, span: Span) -> Result<(), Refusal> {
        let inside = self.tree.comments.iter().find(|c| c.start >= span.start && c.end <= span.end);
        match inside {
            Some(comment) => Err(Refusal::new(
                "a comment inside the value to replace would be lost",
                comment.shifted(self.tree.base),
            )
            .help("move the comment above the key, or edit the value by hand, and run again")),
            None => Ok(()),
        }
    }

    /// Puts a value where nothing, `~` or `null` stands.
    fn fill_null(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let node = self.tree.node(place.node);
        let absent = matches!(node.data, Data::Scalar { style: ScalarStyle::Absent, .. });
        let Some(key) = place.key else {
            return Err(self.refuse("a null that is no member's value can't be filled", place.node));
        };
        let behind = self.behind_key(key, place.node)?;
        let block = !place.in_flow && matches!(value, Value::Object(members) if !members.is_empty());
        if block {
            let (indent, step) = (self.column(key), self.step(key, place.node));
            let lines = write::block_member("x", value, indent, step);
            let mut out = Vec::new();
            let rest = if absent { behind } else { node.span().end };
            if !absent {
                out.push(self.splice(behind, node.span().end, String::new()));
            }
            let line =
                self.next_line(rest).ok_or_else(|| self.refuse("no new line fits behind this value", place.node))?;
            out.push(self.lines(line, &lines[1..]));
            return Ok(out);
        }
        let text = write::flow(value, self.flow_look(place));
        Ok(vec![if absent {
            self.splice(behind, behind, format!(" {text}"))
        } else {
            self.splice(node.span().start, node.span().end, text)
        }])
    }

    // --- adding ------------------------------------------------------------------------------------------------

    fn add(&self, place: &Place, members: &[(String, Value)]) -> Result<Vec<Splice>, Refusal> {
        self.untagged(place.node)?;
        let node = self.tree.node(place.node);
        let splice = match &node.data {
            Data::Mapping { entries, flow: true } => self.add_to_flow(place, entries, members)?,
            Data::Mapping { entries, flow: false } => self.add_to_block(place, entries, members)?,
            Data::Sequence { items, flow } => {
                let values: Vec<&Value> = members.iter().map(|(_, value)| value).collect();
                self.append_items(place, items, *flow, &values)?
            }
            _ => return Err(self.refuse("a mapping is expected here", place.node)),
        };
        Ok(vec![splice])
    }

    fn add_to_flow(
        &self,
        place: &Place,
        entries: &[(NodeId, NodeId)],
        members: &[(String, Value)],
    ) -> Result<Splice, Refusal> {
        let node = self.tree.node(place.node);
        let look = self.flow_look(place);
        let comma = if look.tight { "," } else { ", " };
        let write = |members: &[(String, Value)]| {
            let members: Vec<_> = members.iter().map(|(key, value)| write::flow_member(key, value, look)).collect();
            members.join(comma)
        };
        let Some(&(first, _)) = entries.first() else {
            let at = node.span().start + 1;
            return Ok(self.splice(at, at, write(members)));
        };
        if let Some(&(key, value)) = entries.iter().rev().find(|&&(key, _)| self.tree.is_merge(key)) {
            let at = self.tree.node(value).span().end.max(self.tree.node(key).span().end);
            return Ok(self.splice(at, at, format!("{comma}{}", write(members))));
        }
        let at = self.key_start(first);
        let line = line_start(self.bytes(), at);
        let indent = &self.tree.text[line..at];
        if look.quoted && line > node.span().start && indent.chars().all(|c| c == ' ' || c == '\t') {
            let outer = &self.tree.text[line_start(self.bytes(), node.span().start)..];
            let outer = outer.len() - outer.trim_start_matches([' ', '\t']).len();
            let unit = indent.get(outer.min(indent.len())..).filter(|unit| !unit.is_empty()).unwrap_or("  ");
            let text: String = members
                .iter()
                .map(|(key, value)| {
                    format!("{},{}{indent}", write::pretty_member(key, value, indent, unit, self.eol(at)), self.eol(at))
                })
                .collect();
            return Ok(self.splice(at, at, text));
        }
        let own_line = line > node.span().start && indent.chars().all(|c| c == ' ');
        let text = if own_line {
            format!("{},{}{indent}", write(members), self.eol(at))
        } else {
            format!("{}{comma}", write(members))
        };
        Ok(self.splice(at, at, text))
    }

    fn add_to_block(
        &self,
        place: &Place,
        entries: &[(NodeId, NodeId)],
        members: &[(String, Value)],
    ) -> Result<Splice, Refusal> {
        let Some(&(first, _)) = entries.first() else {
            return Err(self.refuse("an empty block mapping", place.node));
        };
        let start = self.key_start(first);
        let line = line_start(self.bytes(), start);
        let prefix = &self.tree.text[line..start];
        if prefix.contains('\t') {
            return Err(self
                .refuse("a tab is used as indentation", first)
                .help("indent with blanks and run again; YAML forbids tabs there"));
        }
        if !prefix.is_ascii() {
            return Err(self.refuse("no new key fits in front of this one", first));
        }
        let indent = prefix.len();
        let step = place.key.map_or(STEP, |key| self.step(key, place.node));
        let lines: Vec<String> =
            members.iter().flat_map(|(key, value)| write::block_member(key, value, indent, step)).collect();
        let merge = entries.iter().rposition(|&(key, _)| self.tree.is_merge(key));
        let own_line = prefix.bytes().all(|b| b == b' ');
        let behind_owner = match (merge, place.key) {
            (None, Some(key)) if own_line && line > 0 => {
                let behind = self.behind_key(key, place.node)?;
                self.next_line(behind)
            }
            _ => None,
        };
        if let Some(at) = behind_owner {
            return Ok(self.lines(at, &lines));
        }
        // Without an owner's line: behind an entry that surely ends with its line, the last one if it can be.
        let from = merge.unwrap_or(0);
        let at = entries[from..].iter().rev().find_map(|&(key, value)| self.entry_tail(key, value));
        match at {
            Some(at) => Ok(self.lines(at, &lines)),
            None if merge.is_none() => {
                let text = lines.join(self.eol(start));
                Ok(self.splice(start, start, format!("{}{}{}", &text[indent..], self.eol(start), " ".repeat(indent))))
            }
            None => Err(self.refuse("no new key fits behind this merge key", place.node)),
        }
    }

    fn append_items(&self, place: &Place, items: &[NodeId], flow: bool, values: &[&Value]) -> Result<Splice, Refusal> {
        let node = self.tree.node(place.node);
        if flow {
            let look = self.flow_look(place);
            let text = values.iter().map(|value| write::flow(value, look)).collect::<Vec<_>>().join(", ");
            let (at, text) = match items.last() {
                Some(&last) => (self.tree.node(last).span().end, format!(", {text}")),
                None => (node.span().start + 1, text),
            };
            return Ok(self.splice(at, at, text));
        }
        let Some(&first) = items.first() else {
            return Err(self.refuse("an empty block sequence", place.node));
        };
        // Comments may stand between an item's dash and what it holds.
        let start = self.node_start(first);
        let mut line = line_start(self.bytes(), start);
        let mut head = &self.tree.text[line..start];
        while line > 0 && (head.trim().is_empty() || head.trim_start().starts_with('#')) {
            let end = line;
            line = line_start(self.bytes(), end - 1);
            head = &self.tree.text[line..end];
        }
        let head = head.find(" #").map_or(head, |comment| &head[..comment]);
        let (Some(dash), Some(at)) = (head.rfind('-'), items.last().and_then(|&last| self.tail(last))) else {
            return Err(self.refuse("no new item fits behind this sequence", place.node));
        };
        if !head[..dash].bytes().all(|b| b == b' ') {
            return Err(self.refuse("no new item fits behind this sequence", place.node));
        }
        let lines: Vec<String> = values.iter().flat_map(|value| write::block_item(value, dash, STEP)).collect();
        Ok(self.lines(at, &lines))
    }

    // --- places ------------------------------------------------------------------------------------------------

    /// A splice of whole lines at the start of a line, or at the end of a text whose last line has no line break.
    fn lines(&self, at: usize, lines: &[String]) -> Splice {
        let eol = self.eol(at);
        let text = lines.join(eol);
        let begins_line = at == 0 || self.bytes()[at - 1] == b'\n';
        self.splice(at, at, if begins_line { format!("{text}{eol}") } else { format!("{eol}{text}") })
    }

    /// Start of a node with its tag and anchor.
    fn node_start(&self, id: NodeId) -> usize {
        let node = self.tree.node(id);
        let tag = node.tag().map_or(node.span().start, |tag| tag.start);
        let anchor = node.anchor().map_or(node.span().start, |anchor| anchor.span.start);
        node.span().start.min(tag).min(anchor)
    }

    /// Start of a key with its tag, anchor and `?`.
    fn key_start(&self, key: NodeId) -> usize {
        let start = self.node_start(key);
        let before = self.tree.text[..start].trim_end_matches([' ', '\t']);
        if before.ends_with('?') { before.len() - 1 } else { start }
    }

    /// Column of a key, in characters, which for an indentation are bytes.
    fn column(&self, key: NodeId) -> usize {
        let start = self.key_start(key);
        start - line_start(self.bytes(), start)
    }

    /// How much further the value's keys are indented than their owner's.
    fn step(&self, owner: NodeId, value: NodeId) -> usize {
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

    /// Offset behind the colon of a key, or behind its value's tag and anchor.
    fn behind_key(&self, key: NodeId, value: NodeId) -> Result<usize, Refusal> {
        let bytes = self.bytes();
        let mut at = self.tree.node(key).span().end;
        loop {
            match bytes.get(at) {
                Some(b':') => break,
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = line_end(bytes, at),
                _ => {
                    return Err(self
                        .refuse("no ':' is found behind this key", key)
                        .help("write a ':' behind the key and run again"));
                }
            }
        }
        let node = self.tree.node(value);
        let tag = node.tag().map_or(0, |tag| tag.end);
        let anchor = node.anchor().map_or(0, |anchor| anchor.span.end);
        Ok((at + 1).max(tag).max(anchor))
    }

    /// Start of the next line, if nothing but a comment stands between; the end of the text if there is none.
    fn next_line(&self, at: usize) -> Option<usize> {
        let end = line_end(self.bytes(), at);
        let rest = self.tree.text[at..end].trim();
        (rest.is_empty() || rest.starts_with('#')).then_some(end)
    }

    /// Where a line may follow an entry; `None` where that is not certain.
    fn entry_tail(&self, key: NodeId, value: NodeId) -> Option<usize> {
        if matches!(self.tree.node(value).data, Data::Scalar { style: ScalarStyle::Absent, .. }) {
            return self.behind_key(key, value).ok().and_then(|at| self.next_line(at));
        }
        self.tail(value)
    }

    fn tail(&self, id: NodeId) -> Option<usize> {
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

    /// How flow text looks here: as the first key of the mapping, or the key that owns it.
    fn flow_look(&self, place: &Place) -> Flow {
        let first = self.tree.entries(place.node).and_then(|entries| entries.first()).map(|&(key, _)| key);
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

    fn is_double_quoted(&self, key: NodeId) -> bool {
        matches!(self.tree.node(key).data, Data::Scalar { style: ScalarStyle::DoubleQuoted, .. })
    }
}
