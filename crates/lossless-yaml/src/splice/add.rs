//! `add`: new members of a mapping, new items of a sequence.

use serde_json::Value;

use super::editor::{Editor, Lines, Place, STEP};
use crate::plan::Splice;
use crate::refusal::{Reason, Refusal};
use crate::source::{line_end, line_start};
use crate::span::Span;
use crate::tree::{Data, Format, NodeId};
use crate::write;

impl Editor<'_, '_> {
    pub(super) fn add(&self, place: &Place, members: &[(String, Value)]) -> Result<Vec<Splice>, Refusal> {
        self.untagged(place.node)?;
        let node = self.tree.node(place.node);
        let splice = match &node.data {
            Data::Mapping { entries, flow: true } => self.add_to_flow(place, entries, members)?,
            Data::Mapping { entries, flow: false } => self.add_to_block(place, entries, members)?,
            Data::Sequence { items, flow } => {
                let values: Vec<&Value> = members.iter().map(|(_, value)| value).collect();
                self.append_items(place, items, *flow, &values)?
            }
            _ => return Err(self.refuse(Reason::NotAMapping, place.node)),
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
        let text = match self.lines_of(place.node, at) {
            Some(Lines { indent, unit, .. }) if look.quoted => members
                .iter()
                .map(|(key, value)| {
                    format!("{},{}{indent}", write::pretty_member(key, value, indent, unit, self.eol(at)), self.eol(at))
                })
                .collect(),
            Some(Lines { indent, .. }) if !indent.contains('\t') => {
                format!("{},{}{indent}", write(members), self.eol(at))
            }
            _ => format!("{}{comma}", write(members)),
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
            return Err(self.refuse(Reason::Layout("an empty block mapping"), place.node));
        };
        let start = self.key_start(first);
        let line = line_start(self.bytes(), start);
        let prefix = &self.tree.text[line..start];
        if prefix.contains('\t') {
            return Err(self.refuse(Reason::TabIndent, first));
        }
        if !prefix.is_ascii() {
            return Err(self.refuse(Reason::Layout("no new key can be inserted before this one"), first));
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
        // Without an owner's line: after the last entry that is certain to end with its line.
        let from = merge.unwrap_or(0);
        let at = entries[from..].iter().rev().find_map(|&(key, value)| self.entry_tail(key, value));
        match at {
            Some(at) => Ok(self.lines(at, &lines)),
            None if merge.is_none() => {
                let text = lines.join(self.eol(start));
                Ok(self.splice(start, start, format!("{}{}{}", &text[indent..], self.eol(start), " ".repeat(indent))))
            }
            None => Err(self.refuse(Reason::Layout("no new key can be inserted after this merge key"), place.node)),
        }
    }

    fn append_items(&self, place: &Place, items: &[NodeId], flow: bool, values: &[&Value]) -> Result<Splice, Refusal> {
        let (Some(&first), Some(&last)) = (items.first(), items.last()) else {
            if !flow {
                return Err(self.refuse(Reason::Layout("an empty block sequence"), place.node));
            }
            return Ok(self.fill_brackets(place, values));
        };
        if flow {
            return Ok(self.append_to_flow(place, items, values));
        }
        let (Some(dash), Some(at)) = (self.dash(first), self.tail(last)) else {
            return Err(self.refuse(Reason::Layout("no new item can be appended to this sequence"), place.node));
        };
        let Some(indent) = self.indent(dash) else {
            return Err(self.refuse(Reason::Layout("no new item can be appended to this sequence"), place.node));
        };
        let lines: Vec<String> = values.iter().flat_map(|value| write::block_item(value, indent.len(), STEP)).collect();
        Ok(self.lines(at, &lines))
    }

    /// Adds items to an empty sequence in brackets: on lines of their own if they are objects of pretty-printed JSON.
    fn fill_brackets(&self, place: &Place, values: &[&Value]) -> Splice {
        let span = self.tree.node(place.node).span();
        let at = span.start + 1;
        let has_object = values.iter().any(|value| value.as_object().is_some_and(|members| !members.is_empty()));
        let is_expandable = self.tree.format == Format::Json && has_object && at + 1 == span.end;
        if let Some((indent, unit)) = place.key.filter(|_| is_expandable).and_then(|key| self.pretty_lines(key)) {
            let (eol, deeper) = (self.eol(at), format!("{indent}{unit}"));
            let item = |value: &&Value| format!("{eol}{deeper}{}", write::pretty(value, &deeper, unit, eol));
            let items: Vec<String> = values.iter().map(item).collect();
            return self.splice(at, at, format!("{}{eol}{indent}", items.join(",")));
        }
        let look = self.flow_look(place);
        let texts: Vec<String> = values.iter().map(|value| write::flow(value, look)).collect();
        self.splice(at, at, texts.join(if look.tight { "," } else { ", " }))
    }

    /// The indentation of the line that a key begins, and how much further the lines of the document's root are indented
    /// than its bracket; `None` if the key or the first key of the root does not begin a line.
    fn pretty_lines(&self, key: NodeId) -> Option<(&str, &str)> {
        let start = self.key_start(key);
        let indent = &self.tree.text[line_start(self.bytes(), start)..start];
        let first = self.key_start(self.first_key(self.tree.root)?);
        let unit = self.lines_of(self.tree.root, first)?.unit;
        indent.bytes().all(|byte| byte == b' ' || byte == b'\t').then_some((indent, unit))
    }

    /// Appends items inside brackets: on new lines if each item is on its own line, otherwise on the last item's line.
    fn append_to_flow(&self, place: &Place, items: &[NodeId], values: &[&Value]) -> Splice {
        let look = self.look_of(items.iter().find_map(|&item| self.first_key(item)), place);
        let start = |item: NodeId| self.node_start(item);
        let end = |item: NodeId| self.tree.node(item).span().end;
        let last = items[items.len() - 1];
        let at = end(last);
        let eol = self.eol(at);
        let comma = match items {
            [.., before, last] if self.tree.text[end(*before)..start(*last)] == *"," => ",",
            [_] if look.tight => ",",
            _ => ", ",
        };
        let lines = self.lines_of(place.node, start(last)).filter(|_| {
            // A comment on the last item's line must stay after that item.
            let line = Span::new(at, line_end(self.bytes(), at));
            items.iter().all(|&item| self.lines_of(place.node, start(item)).is_some())
                && self.comment_in(line).is_none()
        });
        let objects: Vec<NodeId> = items.iter().copied().filter(|&item| self.first_key(item).is_some()).collect();
        let inner = objects.iter().rev().find_map(|&item| self.lines_of(item, self.key_start(self.first_key(item)?)));
        let texts = values.iter().map(|value| match &lines {
            Some(Lines { indent, unit, .. }) if look.quoted && (objects.is_empty() || inner.is_some()) => {
                let unit = inner.as_ref().map_or(*unit, |inner| inner.unit);
                format!(",{eol}{indent}{}", write::pretty(value, indent, unit, eol))
            }
            Some(Lines { indent, .. }) => format!(",{eol}{indent}{}", write::flow(value, look)),
            None => format!("{comma}{}", self.flow_beside(last, value, look)),
        });
        self.splice(at, at, texts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::edit;
    use serde_json::{Value, json};

    fn appended(text: &str, values: &[Value]) -> Result<String, String> {
        edit(text, &values.iter().map(|value| json!({"op": "add", "path": "/l/-", "value": value})).collect())
    }

    #[test]
    fn a_new_item_in_brackets_is_written_like_the_others() {
        let object = json!({"n": "v", "o": {"p": ["q", "r"]}});
        for (old, value, new) in [
            (r#"{"l":["a","b"]}"#, &json!("c"), r#"{"l":["a","b","c"]}"#),
            (r#"{"l": ["a","b"]}"#, &json!("c"), r#"{"l": ["a","b","c"]}"#),
            (r#"{"l":["a", "b"]}"#, &json!("c"), r#"{"l":["a", "b", "c"]}"#),
            (r#"{"l":["a"]}"#, &json!("c"), r#"{"l":["a","c"]}"#),
            (r#"{"l": [{"a":1}]}"#, &object, r#"{"l": [{"a":1},{"n":"v","o":{"p":["q","r"]}}]}"#),
            (r#"{"l": []}"#, &object, r#"{"l": [{"n": "v", "o": {"p": ["q", "r"]}}]}"#),
            (r#"{"k":1,"l":[]}"#, &object, r#"{"k":1,"l":[{"n":"v","o":{"p":["q","r"]}}]}"#),
            (
                "{\n\t\"k\": 1,\n\t\"l\": []\n}\n",
                &object,
                "{\n\t\"k\": 1,\n\t\"l\": [\n\t\t{\n\t\t\t\"n\": \"v\",\n\t\t\t\"o\": {\n\t\t\t\t\"p\": [\"q\", \"r\"]\n\t\t\t}\n\t\t}\n\t]\n}\n",
            ),
            ("{\n  \"l\": [ ]\n}\n", &json!({"n": "v"}), "{\n  \"l\": [{\"n\": \"v\"} ]\n}\n"),
            ("{\n  \"l\": []\n}\n", &json!("a"), "{\n  \"l\": [\"a\"]\n}\n"),
            ("l: [a, b] # c\n", &json!("c"), "l: [a, b, c] # c\n"),
            ("l: [\n  a,\n  b,\n]\n", &json!("c"), "l: [\n  a,\n  b,\n  c,\n]\n"),
            ("l: [\n  a,\n  b # b\n]\n", &json!("c"), "l: [\n  a,\n  b, c # b\n]\n"),
            ("l: [\n  a, b,\n  c\n]\n", &json!("d"), "l: [\n  a, b,\n  c, d\n]\n"),
            ("{\n  \"l\": [\n    \"a\"\n  ]\n}\n", &json!("b"), "{\n  \"l\": [\n    \"a\",\n    \"b\"\n  ]\n}\n"),
            (
                "{\n \"l\": [\n  {\n   \"a\": 1\n  }\n ]\n}\n",
                &object,
                "{\n \"l\": [\n  {\n   \"a\": 1\n  },\n  {\n   \"n\": \"v\",\n   \"o\": {\n    \"p\": [\"q\", \"r\"]\n   }\n  }\n ]\n}\n",
            ),
            (
                "{\n\t\"l\": [\n\t\t{\"a\": 1},\n\t\t{\"b\": 2}\n\t]\n}\n",
                &object,
                "{\n\t\"l\": [\n\t\t{\"a\": 1},\n\t\t{\"b\": 2},\n\t\t{\"n\": \"v\", \"o\": {\"p\": [\"q\", \"r\"]}}\n\t]\n}\n",
            ),
            (
                "{\n  \"l\": [{\n    \"a\": 1\n  }]\n}\n",
                &json!({"n": "v"}),
                "{\n  \"l\": [{\n    \"a\": 1\n  }, {\n    \"n\": \"v\"\n  }]\n}\n",
            ),
        ] {
            let crlf = |text: &str| text.replace('\n', "\r\n");
            assert_eq!(appended(old, std::slice::from_ref(value)).as_deref(), Ok(new), "{old}");
            assert_eq!(appended(&crlf(old), std::slice::from_ref(value)), Ok(crlf(new)), "{old} with CRLF");
        }
    }

    #[test]
    fn several_new_items_keep_their_order() {
        let values = [json!("x"), json!({"y": 1})];
        for (old, new) in [
            ("l:\n  - a\n# c\n", "l:\n  - a\n  - x\n  - \"y\": 1\n# c\n"),
            ("l: [a]\n", "l: [a, x, {\"y\": 1}]\n"),
            ("{\"l\": [\n  1\n]}", "{\"l\": [\n  1,\n  \"x\",\n  {\n    \"y\": 1\n  }\n]}"),
            ("{\n  \"l\": []\n}", "{\n  \"l\": [\n    \"x\",\n    {\n      \"y\": 1\n    }\n  ]\n}"),
        ] {
            assert_eq!(appended(old, &values).as_deref(), Ok(new), "{old}");
        }
    }
}
