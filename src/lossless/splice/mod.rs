//! RFC 6902 operations on a tree, turned into splices of its text.
//!
//! Where new text goes: directly behind the line of the owner's key, or behind the last `<<` (a later merge key would
//! win over it in kubectl), never before a comment that belongs to the first key and never behind a block scalar. What
//! is removed goes with the lines that `add` would have written for it, and no comment goes along. What the planner gets
//! wrong, the proof catches; it need not be complete, but it must say why it refuses.

mod add;
mod remove;
mod replace;

pub(super) use remove::keep_end;

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

/// What goes from one mapping or sequence.
struct Removal {
    path: Vec<String>,
    holder: Place,
    /// Indices of its entries, in the order of the operations.
    gone: Vec<usize>,
}

/// The splices that carry out `operations` on the object at `root`. Operations on one mapping keep their order.
pub(super) fn splices(
    tree: &Tree<'_>,
    root: NodeId,
    operations: &[PatchOperation],
    file_ending: Option<LineEnding>,
) -> Result<Vec<Splice>, Refusal> {
    let editor = Editor { tree, file_ending };
    let mut out = Vec::new();
    // Collected, so that several new members of one mapping make one splice, and what goes together is seen together.
    let mut additions: Vec<(Vec<String>, Members)> = Vec::new();
    let mut removals: Vec<Removal> = Vec::new();
    for operation in operations {
        let (path, value) = match operation {
            PatchOperation::Add(add) => (tokens(&add.path), Some(&add.value)),
            PatchOperation::Replace(replace) => (tokens(&replace.path), Some(&replace.value)),
            PatchOperation::Remove(remove) => (tokens(&remove.path), None),
            PatchOperation::Test(_) => continue,
            _ => {
                return Err(Refusal::new("only RFC 6902 add, remove, replace and test are edits", tree.span(root)));
            }
        };
        let Some((name, parent)) = path.split_last() else {
            return Err(Refusal::new("an object can't be replaced or removed as a whole", tree.span(root)));
        };
        match (editor.walk(root, &path)?, value) {
            (Some(place), Some(value)) => out.extend(editor.replace(&place, value)?),
            (None, Some(value)) => match additions.iter_mut().find(|(at, _)| at == parent) {
                Some((_, members)) => members.push((name.clone(), value.clone())),
                None => additions.push((parent.to_vec(), vec![(name.clone(), value.clone())])),
            },
            (entry, None) => {
                let holder = editor.holder(root, parent, "remove from")?;
                let index = editor.index(&holder, entry.as_ref(), name)?;
                match removals.iter_mut().find(|removal| removal.holder.node == holder.node) {
                    Some(removal) => removal.gone.push(index),
                    None => removals.push(Removal { path: parent.to_vec(), holder, gone: vec![index] }),
                }
            }
        }
    }
    for removal in &removals {
        let grows = additions.iter().any(|(parent, _)| *parent == removal.path);
        out.extend(editor.remove(&removal.holder, &removal.gone, grows)?);
    }
    for (parent, members) in additions {
        let place = editor.holder(root, &parent, "add to")?;
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

/// How the entries of a collection in brackets stand on lines of their own.
struct Lines<'t> {
    /// Before each entry.
    indent: &'t str,
    /// Before the line of the opening bracket.
    outer: &'t str,
    /// How much further the entries are indented.
    unit: &'t str,
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

    /// The mapping or sequence at a path.
    fn holder(&self, root: NodeId, path: &[String], to: &str) -> Result<Place, Refusal> {
        self.walk(root, path)?.ok_or_else(|| self.refuse(format!("there is no /{} to {to}", path.join("/")), root))
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

    /// Refuses an edit of a collection that a tag makes something else, a `!!set` for one.
    fn untagged(&self, id: NodeId) -> Result<(), Refusal> {
        let node = self.tree.node(id);
        let (what, own) = match &node.data {
            Data::Sequence { .. } => ("sequence", "!!seq"),
            _ => ("mapping", "!!map"),
        };
        match node.tag() {
            Some(tag) if &self.tree.text[tag.range()] != own => {
                Err(Refusal::new(format!("the {what} to edit has a tag"), tag.shifted(self.tree.base))
                    .help("remove the tag and run again"))
            }
            _ => Ok(()),
        }
    }

    /// The first comment in a part of the text, in bytes of the file.
    fn comment_in(&self, span: Span) -> Option<Span> {
        let inside = self.tree.comments.iter().find(|c| c.start >= span.start && c.end <= span.end);
        inside.map(|comment| comment.shifted(self.tree.base))
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

    /// Offset of the dash of a block sequence's item.
    fn dash(&self, item: NodeId) -> Option<usize> {
        // Comments may stand between an item's dash and what it holds.
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

    /// The text before `at` on its line, if it is blanks alone.
    fn indent(&self, at: usize) -> Option<&str> {
        let before = &self.tree.text[line_start(self.bytes(), at)..at];
        before.bytes().all(|b| b == b' ').then_some(before)
    }

    /// How flow text looks here: as the first key of the mapping, or the key that owns it.
    fn flow_look(&self, place: &Place) -> Flow {
        self.look_of(self.first_key(place.node), place)
    }

    fn first_key(&self, id: NodeId) -> Option<NodeId> {
        self.tree.entries(id).and_then(|entries| entries.first()).map(|&(key, _)| key)
    }

    /// How flow text looks beside `first`, a key in the place, or else beside the place's own key.
    fn look_of(&self, first: Option<NodeId>, place: &Place) -> Flow {
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

    /// The lines of a collection in brackets whose entry at `first` begins one; `None` where it does not.
    fn lines_of(&self, id: NodeId, first: usize) -> Option<Lines<'_>> {
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

    /// A value as flow text behind the node `beside`: like it on several lines, where that is an object of pretty-printed
    /// JSON. In YAML, a line that begins with the closing bracket may be indented too little.
    fn flow_beside(&self, beside: NodeId, value: &Value, look: Flow) -> String {
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

#[cfg(test)]
pub(super) mod tests {
    use json_patch::Patch;
    use json_patch::jsonptr::PointerBuf;
    use serde_json::Value;

    use super::super::plan::{ObjectRef, Plan, apply};
    use super::super::source::Source;

    /// A text after operations on its first document, or why it is refused, with the place of that.
    pub(in super::super) fn edit(text: &str, operations: &Value) -> Result<String, String> {
        let source = Source::new(text.as_bytes());
        let document = source.segments().next().unwrap().span;
        let Patch(operations) = serde_json::from_value(operations.clone()).unwrap();
        let object = ObjectRef { document, base: PointerBuf::new() };
        let plan = Plan { changes: vec![(object, operations.into())], new_documents: vec![] };
        let edited = apply(&source, &plan)
            .map_err(|refusal| format!("{} at '{}'", refusal.message, &text[refusal.span.range()]))?;
        Ok(String::from_utf8(edited.to_bytes(text.as_bytes())).unwrap())
    }

    /// A text without what these pointers name, removed in this order.
    pub(in super::super) fn without(text: &str, gone: &[&str]) -> Result<String, String> {
        let remove = |path: &&str| serde_json::json!({"op": "remove", "path": path});
        edit(text, &gone.iter().map(remove).collect())
    }
}
