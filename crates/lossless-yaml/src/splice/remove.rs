//! `remove`: removes entries of a mapping or a sequence with their lines or their comma; the inverse of `add`.

use super::editor::{Editor, Place};
use crate::plan::Splice;
use crate::refusal::{Reason, Refusal};
use crate::source::line_start;
use crate::span::Span;
use crate::tree::{Data, Lookup, NodeId, ScalarStyle};

/// An entry of a mapping or a sequence.
#[derive(Clone, Copy)]
struct Entry {
    /// The key of a member; an item has none.
    key: Option<NodeId>,
    /// The value of a member, or the item.
    value: NodeId,
}

impl Editor<'_, '_> {
    /// The index of the entry of `holder` that is found at `place` under this name.
    pub(super) fn index(&self, holder: &Place, place: Option<&Place>, name: &str) -> Result<usize, Refusal> {
        if self.inherits(holder.node, name) {
            return Err(self.refuse(Reason::FromMergeKey(name.to_owned()), holder.node));
        }
        let index = place.and_then(|place| self.held(holder.node).iter().position(|entry| entry.value == place.node));
        index.ok_or_else(|| self.refuse(Reason::NoMember(name.to_owned()), holder.node))
    }

    /// Whether a merge key of the mapping supplies this member.
    fn inherits(&self, mapping: NodeId, name: &str) -> bool {
        let supplies = |source: &NodeId| !matches!(self.tree.get(*source, name), Lookup::Absent);
        let Data::Mapping { entries, .. } = &self.tree.node(mapping).data else { return false };
        entries.iter().filter(|&&(key, _)| self.tree.is_merge(key)).any(|&(_, source)| {
            self.tree.items(source).map_or_else(|| supplies(&source), |sources| sources.iter().any(supplies))
        })
    }

    fn held(&self, holder: NodeId) -> Vec<Entry> {
        match &self.tree.node(holder).data {
            Data::Mapping { entries, .. } => {
                entries.iter().map(|&(key, value)| Entry { key: Some(key), value }).collect()
            }
            Data::Sequence { items, .. } => items.iter().map(|&value| Entry { key: None, value }).collect(),
            _ => Vec::new(),
        }
    }

    /// Removes the entries with these indices from a mapping or a sequence. `grows`: it gets new entries, too.
    pub(super) fn remove(&self, holder: &Place, deleted: &[usize], grows: bool) -> Result<Vec<Splice>, Refusal> {
        self.untagged(holder.node)?;
        let entries = self.held(holder.node);
        let mut deleted = deleted.to_vec();
        deleted.sort_unstable();
        if let Some(pair) = deleted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.refuse(Reason::RemovedTwice, entries[pair[0]].value));
        }
        if grows && deleted.len() == entries.len() {
            return Err(self.refuse(Reason::EmptiedAndFilled, holder.node));
        }
        for &index in &deleted {
            self.unneeded(entries[index])?;
        }
        match &self.tree.node(holder.node).data {
            Data::Mapping { flow: true, .. } | Data::Sequence { flow: true, .. } => {
                self.remove_from_flow(holder, &entries, &deleted)
            }
            _ => self.remove_lines(holder, &entries, &deleted),
        }
    }

    /// Refuses to remove an anchor that an alias elsewhere uses.
    fn unneeded(&self, Entry { key, value }: Entry) -> Result<(), Refusal> {
        let shared = key.and_then(|key| self.tree.shared_anchor(key)).or_else(|| self.tree.shared_anchor(value));
        let Some(anchor) = shared else { return Ok(()) };
        let span = Span::new(self.node_start(key.unwrap_or(value)), self.tree.node(value).span().end);
        let inside = |id: NodeId| {
            let start = self.tree.node(id).span().start;
            span.start <= start && start <= span.end
        };
        let dangling = self.tree.nodes.iter().any(|node| match node.data {
            Data::Alias(target) => inside(target) && !(span.start <= node.span().start && node.span().end <= span.end),
            _ => false,
        });
        if dangling {
            return Err(Refusal::new(Reason::AnchorRemoved, anchor.shifted(self.tree.base)));
        }
        Ok(())
    }

    /// A splice that replaces a part of the text, which must not contain a comment.
    fn cut(&self, start: usize, end: usize, text: &str) -> Result<Splice, Refusal> {
        match self.comment_in(Span::new(start, end)) {
            Some(comment) => Err(Refusal::new(Reason::CommentRemoved, comment)),
            None => Ok(self.splice(start, end, text.to_owned())),
        }
    }

    // --- in brackets -------------------------------------------------------------------------------------------

    fn remove_from_flow(&self, holder: &Place, entries: &[Entry], deleted: &[usize]) -> Result<Vec<Splice>, Refusal> {
        let span = self.tree.node(holder.node).span();
        if !self.tree.text[span.range()].starts_with(['{', '[']) {
            return Err(self.refuse(Reason::Layout("a pair without brackets can't be emptied"), holder.node));
        }
        let start = |index: usize| self.flow_start(entries[index]);
        let end = |index: usize| self.flow_end(entries[index]);
        if deleted.len() == entries.len() {
            let last = end(entries.len() - 1);
            let rest = &self.tree.text[last..span.end - 1];
            // Spaces before the bracket stay; a line break or a comma must not remain alone.
            let last = if rest.trim_matches([' ', '\t']).is_empty() { last } else { span.end - 1 };
            return Ok(vec![self.cut(span.start + 1, last, "")?]);
        }
        let mut out = Vec::new();
        for run in deleted.chunk_by(|one, next| one + 1 == *next) {
            let (first, last) = (run[0], run[run.len() - 1]);
            let next = (last + 1 < entries.len()).then_some(last + 1);
            let behind = |next: usize| self.cut(start(first), start(next), "");
            out.push(match (first.checked_sub(1), next) {
                (None, Some(next)) => behind(next)?,
                // A comment about the previous entry is after its comma.
                (Some(before), Some(next)) => self.cut(end(before), end(last), "").or_else(|_| behind(next))?,
                (Some(before), None) => self.cut(end(before), end(last), "")?,
                (None, None) => continue,
            });
        }
        Ok(out)
    }

    fn flow_start(&self, Entry { key, value }: Entry) -> usize {
        key.map_or_else(|| self.node_start(value), |key| self.key_start(key))
    }

    fn flow_end(&self, Entry { key, value }: Entry) -> usize {
        let node = self.tree.node(value);
        let absent = matches!(node.data, Data::Scalar { style: ScalarStyle::Absent, .. });
        let Some(colon) = key.filter(|_| absent).and_then(|key| self.behind_key(key, value).ok()) else {
            return node.span().end;
        };
        // Without a space after it, libyaml does not read a colon before a comma as one.
        let rest = &self.tree.text[colon..];
        colon + rest.len() - rest.trim_start_matches(' ').len()
    }

    // --- in lines ----------------------------------------------------------------------------------------------

    fn remove_lines(&self, holder: &Place, entries: &[Entry], deleted: &[usize]) -> Result<Vec<Splice>, Refusal> {
        let first = self.entry_start(entries[0])?;
        let inline = self.indent(first).is_none();
        let all = deleted.len() == entries.len();
        let empty = if entries[0].key.is_some() { "{}" } else { "[]" };
        // The removed entries at the front, if the first one follows a dash: the next entry takes its place.
        let front = deleted.iter().enumerate().take_while(|(n, index)| inline && n == *index).count();
        let mut out = Vec::new();
        if let Some(&last) = deleted[..front].last() {
            let end = self.lines_end(entries[last])?;
            out.push(match entries.get(last + 1) {
                None => self.cut(first, end - line_break(&self.bytes()[..end]), empty)?,
                Some(&next) => {
                    let next = self.entry_start(next)?;
                    let comment = self.tree.comments.iter().map(|comment| comment.start).find(|&at| at >= end);
                    self.cut(first, comment.map_or(next, |comment| next.min(comment)), "")?
                }
            });
        } else if all {
            let Some(key) = holder.key else {
                return Err(self.refuse(
                    Reason::Layout("nothing would be left here, and no brackets can take its place"),
                    holder.node,
                ));
            };
            let behind = self.behind_key(key, holder.node)?;
            out.push(self.splice(behind, behind, format!(" {empty}")));
        }
        for &index in &deleted[front..] {
            out.push(self.cut_lines(entries[index])?);
        }
        Ok(out)
    }

    /// Removes all entries of a block and leaves nothing after its key, which is null.
    pub(super) fn empty(&self, holder: &Place) -> Result<Vec<Splice>, Refusal> {
        let entries = self.held(holder.node);
        entries.iter().try_for_each(|&entry| self.unneeded(entry))?;
        entries.into_iter().map(|entry| self.cut_lines(entry)).collect()
    }

    fn cut_lines(&self, entry: Entry) -> Result<Splice, Refusal> {
        let start = self.entry_start(entry)?;
        if self.indent(start).is_none() {
            return Err(self.refuse(Reason::Layout("this entry has no lines of its own"), entry.value));
        }
        self.cut(line_start(self.bytes(), start), self.lines_end(entry)?, "")
    }

    /// Start of a member's key or an item's dash.
    fn entry_start(&self, Entry { key, value }: Entry) -> Result<usize, Refusal> {
        let start = key.map_or_else(|| self.dash(value), |key| Some(self.key_start(key)));
        start.ok_or_else(|| self.refuse(Reason::Layout("the dash of this item was not found"), value))
    }

    /// Start of the line after an entry.
    fn lines_end(&self, Entry { key, value }: Entry) -> Result<usize, Refusal> {
        let end = match key {
            Some(key) => self.entry_tail(key, value),
            None if matches!(self.tree.node(value).data, Data::Scalar { style: ScalarStyle::Absent, .. }) => {
                self.next_line(self.tree.node(value).span().end)
            }
            None => self.tail(value),
        };
        end.ok_or_else(|| self.refuse(Reason::Layout("the end of this entry is not certain"), value))
    }
}

/// Keeps a text without a final line break as it is: if its last lines are removed, the break before them is removed,
/// too. `base` is where the text begins in the file; the splices are in order.
pub(crate) fn keep_end(text: &[u8], base: usize, splices: &mut [Splice]) {
    let end = base + text.len();
    let removes_end = |splice: &Splice| splice.text.is_empty() && !splice.span.is_empty() && splice.span.end == end;
    let Some(mut first) = splices.iter().rposition(removes_end).filter(|_| !text.ends_with(b"\n")) else {
        return;
    };
    while first > 0 && splices[first - 1].text.is_empty() && splices[first - 1].span.end == splices[first].span.start {
        first -= 1;
    }
    let start = splices[first].span.start;
    match first.checked_sub(1).map(|before| &mut splices[before]) {
        Some(before) if before.span.end == start => {
            before.text.truncate(before.text.len() - line_break(before.text.as_bytes()));
        }
        _ => splices[first].span.start -= line_break(&text[..start - base]),
    }
}

/// Length of the line break at the end of a text.
fn line_break(text: &[u8]) -> usize {
    text.len() - text.strip_suffix(b"\n").map_or(text, |text| text.strip_suffix(b"\r").unwrap_or(text)).len()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{edit, without};
    use serde_json::json;

    fn all(cases: &[(&str, &[&str], &str)]) {
        for (old, deleted, new) in cases {
            assert_eq!(without(old, deleted).as_deref(), Ok(*new), "{deleted:?} of {old}");
            let crlf = |text: &str| text.replace('\n', "\r\n");
            assert_eq!(without(&crlf(old), deleted), Ok(crlf(new)), "{deleted:?} of {old} with CRLF");
        }
    }

    #[test]
    fn a_member_is_removed_with_its_own_lines() {
        all(&[
            ("a: 1\nb: 2\nc: 3\n", &["/a"], "b: 2\nc: 3\n"),
            ("a: 1\nb: 2\nc: 3\n", &["/b"], "a: 1\nc: 3\n"),
            ("a: 1\nb: 2\nc: 3\n", &["/c"], "a: 1\nb: 2\n"),
            ("a: 1\nb: 2\nc: 3\n", &["/c", "/a"], "b: 2\n"),
            (
                "a: 1 # one\n# two\nb:\n  x:\n  - 1\n  - y: z\n# three\nc: 3\n",
                &["/b"],
                "a: 1 # one\n# two\n# three\nc: 3\n",
            ),
            (
                "a:\n  b: |\n    text\n  c: >-\n    more\n    text\nd: x\n",
                &["/a/b"],
                "a:\n  c: >-\n    more\n    text\nd: x\n",
            ),
            ("a:\n  b: |\n    text\n  c: 'x\n    y'\nd: x\n", &["/a/c"], "a:\n  b: |\n    text\nd: x\n"),
            ("a:\nb: ~\nc: 1\n", &["/b", "/a"], "c: 1\n"),
            ("? a\n: 1\nb: 2\n", &["/a"], "b: 2\n"),
            ("a: &x 1\nb: *x\nc: 2\n", &["/b"], "a: &x 1\nc: 2\n"),
            ("a: {b: &x 1, c: *x}\nd: 1\n", &["/a"], "d: 1\n"),
            ("d: &d {r: 1}\ns:\n  <<: *d\n  x: 1\n", &["/s/x"], "d: &d {r: 1}\ns:\n  <<: *d\n"),
            ("---\n# c\na: 1\nb: 2\n---\nc: 3\n", &["/a"], "---\n# c\nb: 2\n---\nc: 3\n"),
            ("a/b: 1\n0: x\n\"c~d\": 2\n", &["/a~1b", "/c~0d"], "0: x\n"),
        ]);
    }

    #[test]
    fn an_item_is_removed_with_its_own_lines() {
        all(&[
            ("l:\n- a\n- b\n- c\n", &["/l/0"], "l:\n- b\n- c\n"),
            ("l:\n- a\n- b\n- c\n", &["/l/2", "/l/1"], "l:\n- a\n"),
            (
                "l:\n  - a: 1\n    b: 2\n  # c\n  -\n    c: 3\n  - - x\n    - y\n",
                &["/l/1"],
                "l:\n  - a: 1\n    b: 2\n  # c\n  - - x\n    - y\n",
            ),
            ("l:\n  - - x\n    - y\n  -\n  - !!str z\n", &["/l/1", "/l/0/0"], "l:\n  - - y\n  - !!str z\n"),
            ("- a\n- &x b\n- |\n  c\n\n- d\n", &["/2", "/1"], "- a\n- d\n"),
        ]);
    }

    #[test]
    fn the_next_entry_takes_the_place_after_a_dash() {
        all(&[
            ("- a: 1\n  b: 2\n", &["/0/a"], "- b: 2\n"),
            ("- a:\n    x: 1\n\n  # about b\n  b: 2\n", &["/0/a"], "- # about b\n  b: 2\n"),
            ("- a: 1\n  b: 2\n  c: 3\n  d: 4\n", &["/0/a", "/0/b", "/0/d"], "- c: 3\n"),
            ("-   a: 1\n    b: 2\n- c\n", &["/0/b"], "-   a: 1\n- c\n"),
        ]);
    }

    #[test]
    fn a_text_without_a_final_line_break_keeps_none() {
        all(&[
            ("a: 1\nb: 2", &["/b"], "a: 1"),
            ("a: 1\nb: 2", &["/a"], "b: 2"),
            ("a: 1\nb: 2\nc:\n  d: 3", &["/c", "/b"], "a: 1"),
            ("s:\n  a: 1\n  b: 2\nc: 3", &["/s/b", "/c"], "s:\n  a: 1"),
            ("s:\n  a: 1\nc: 3", &["/s/a", "/c"], "s: {}"),
            ("l:\n- a\n- b", &["/l/1"], "l:\n- a"),
            ("a: 1\nb: 2\n# c", &["/b"], "a: 1\n# c"),
            ("a: 1\n# c\nb: 2", &["/b"], "a: 1\n# c"),
        ]);
    }

    #[test]
    fn an_emptied_block_gets_brackets() {
        all(&[
            ("s:\n  a: 1\nt: x\n", &["/s/a"], "s: {}\nt: x\n"),
            ("s: # why\n  # what\n  a: 1\n  # more\n  b: 2\n", &["/s/a", "/s/b"], "s: {} # why\n  # what\n  # more\n"),
            ("l:\n- a\n- b\n", &["/l/1", "/l/0"], "l: []\n"),
            ("l: &x\n- a", &["/l/0"], "l: &x []"),
            ("l:\n- a: 1\n  b: 2\n- c\n", &["/l/0/a", "/l/0/b"], "l:\n- {}\n- c\n"),
            ("l:\n- - x\n", &["/l/0/0"], "l:\n- []\n"),
            ("l:\n- a: 1", &["/l/0/a"], "l:\n- {}"),
        ]);
    }

    #[test]
    fn an_entry_in_brackets_is_removed_with_its_comma() {
        all(&[
            ("{a: 1, b: 2, c: 3}\n", &["/a"], "{b: 2, c: 3}\n"),
            ("{a: 1, b: 2, c: 3}\n", &["/b"], "{a: 1, c: 3}\n"),
            ("{a: 1, b: 2, c: 3}\n", &["/b", "/c"], "{a: 1}\n"),
            ("{ a: 1, b: 2 }\n", &["/a", "/b"], "{ }\n"),
            ("{a: , b, c: &x , d: 1,}\n", &["/b", "/a"], "{c: &x , d: 1,}\n"),
            ("{a: , b, c: &x y, d: 1,}\n", &["/d", "/b"], "{a: , c: &x y,}\n"),
            ("{a: 1, # one\n b: 2,\n c: 3}\n", &["/b"], "{a: 1, # one\n c: 3}\n"),
            ("l: [a, [b], {c: d}, e ]\n", &["/l/3", "/l/1"], "l: [a, {c: d} ]\n"),
            ("l: [a, b,]\n", &["/l/1", "/l/0"], "l: []\n"),
            ("{\"a\":1,\"b\":[1,2]}", &["/b/1", "/a"], "{\"b\":[1]}"),
            (
                "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": 1\n\t},\n\t\"d\": 1\n}\n",
                &["/b"],
                "{\n\t\"a\": 1,\n\t\"d\": 1\n}\n",
            ),
            ("{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": 1\n\t}\n}\n", &["/b/c"], "{\n\t\"a\": 1,\n\t\"b\": {}\n}\n"),
            ("{\n  \"a\": [\n    1,\n    2,\n    3\n  ]\n}\n", &["/a/2", "/a/1"], "{\n  \"a\": [\n    1\n  ]\n}\n"),
            ("{\n  \"a\": [\n    1,\n    2\n  ]\n}\n", &["/a/0"], "{\n  \"a\": [\n    2\n  ]\n}\n"),
        ]);
    }

    #[test]
    fn removed_and_added_entries_of_one_place_fit() {
        for (old, operations, new) in [
            (
                "a: 1\nb: 2",
                json!([{"op": "remove", "path": "/b"}, {"op": "add", "path": "/c", "value": 3}]),
                "a: 1\nc: 3",
            ),
            (
                "s:\n  a: 1\n  b: 2\nc: 3\n",
                json!([{"op": "add", "path": "/s/d", "value": 3}, {"op": "remove", "path": "/s/a"}]),
                "s:\n  d: 3\n  b: 2\nc: 3\n",
            ),
            (
                "l:\n- a\n- b\nc: 1",
                json!([
                    {"op": "remove", "path": "/l/1"}, {"op": "add", "path": "/l/-", "value": "d"},
                    {"op": "remove", "path": "/c"}
                ]),
                "l:\n- a\n- d",
            ),
            (
                "{a: 1, b: 2}",
                json!([{"op": "remove", "path": "/a"}, {"op": "add", "path": "/c", "value": 3}]),
                "{c: 3, b: 2}",
            ),
            ("[a, b]", json!([{"op": "remove", "path": "/1"}, {"op": "add", "path": "/-", "value": "c"}]), "[a, c]"),
        ] {
            assert_eq!(edit(old, &operations).as_deref(), Ok(new), "{operations} on {old}");
        }
        for old in ["s:\n  a: 1\nt: 1\n", "s: {a: 1}\nt: 1\n", "{\"s\": {\"a\": 1}}"] {
            let operations = json!([{"op": "remove", "path": "/s/a"}, {"op": "add", "path": "/s/b", "value": 3}]);
            assert!(edit(old, &operations).unwrap_err().starts_with("every entry is removed here"), "{old}");
        }
    }

    /// Asserts for each text and the pointers to remove from it that this is refused with this message.
    fn are_refused(table: &[(&str, &[&str], &str)]) {
        for &(old, deleted, why) in table {
            assert_eq!(without(old, deleted), Err(why.to_owned()), "{deleted:?} of {old}");
        }
    }

    #[test]
    fn what_is_not_certain_is_refused_with_its_place() {
        are_refused(&[
            ("a: 1\n", &["/b"], "there is no 'b' here at 'a: 1'"),
            ("a: [1]\n", &["/a/1"], "there is no item 1 here at '[1]'"),
            ("a: [1]\n", &["/a/-"], "there is no '-' here at '[1]'"),
            ("a: 1\n", &[""], "an object can't be replaced or removed as a whole at 'a: 1'"),
            ("a: 1\n", &["/a"], "nothing would be left here, and no brackets can take its place at 'a: 1'"),
            ("a: 1\nb: 2\n", &["/a", "/a"], "one entry can't be removed twice at '1'"),
            (
                "a: {b: 1}\nc: 2\n",
                &["/a/b", "/a"],
                "two changes overlap here and can't be made in one run at 'a: {b: 1}\nc: 2\n'",
            ),
            ("a: 1\nb: 2\na: 3\n", &["/a"], "duplicate key 'a' at 'a'"),
            ("a: !!set {b, c}\n", &["/a/b"], "the mapping to edit has a tag at '!!set'"),
            ("a: !l\n- b\n- c\n", &["/a/0"], "the sequence to edit has a tag at '!l'"),
            ("[a: b, c]\n", &["/0/a"], "a pair without brackets can't be emptied at 'a: b'"),
        ]);
    }

    #[test]
    fn a_comment_is_not_removed() {
        are_refused(&[
            ("a: 1\nb: 2 # two\n", &["/b"], "a comment next to or inside the removed text would be lost at '# two'"),
            (
                "a: 1\nb:\n  # two\n  c: 2\n",
                &["/b"],
                "a comment next to or inside the removed text would be lost at '# two'",
            ),
            (
                "- a: 1\n  # two\n  b: 2\n  c: 3\n",
                &["/0/a", "/0/b"],
                "a comment next to or inside the removed text would be lost at '# two'",
            ),
            (
                "{a: 1, # one\n b: 2}\n",
                &["/b"],
                "a comment next to or inside the removed text would be lost at '# one'",
            ),
        ]);
    }

    #[test]
    fn what_an_alias_or_a_merge_key_shares_is_not_removed() {
        are_refused(&[
            (
                "a: &x {b: 1, c: 1}\nd: *x\n",
                &["/a/b"],
                "an alias uses this anchor: an edit here would change the other place too at '&x'",
            ),
            (
                "a: &x {b: 1, c: 1}\nd: *x\n",
                &["/d/b"],
                "the value to edit is an alias: the original is elsewhere, and others may use it at '*x'",
            ),
            ("a: {b: &x 1}\nd: *x\n", &["/a"], "an alias elsewhere uses this anchor, which would be removed at '&x'"),
            (
                "d: &d {r: 1}\ns:\n  <<: *d\n  x: 1\n",
                &["/s/r"],
                "a merge key ('<<') supplies 'r' here, which would still exist at '<<: *d\n  x: 1'",
            ),
            (
                "d: &d {r: 1}\ns: {r: 2, <<: [*d]}\n",
                &["/s/r"],
                "a merge key ('<<') supplies 'r' here, which would still exist at '{r: 2, <<: [*d]}'",
            ),
            ("d: &d {r: 1}\ns:\n  <<: *d\n  x: 1\n", &["/s/<<"], "there is no '<<' here at '<<: *d\n  x: 1'"),
        ]);
    }
}
