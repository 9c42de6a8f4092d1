//! `add`: new members of a mapping, new items of a sequence.

use serde_json::Value;

use super::super::plan::{Refusal, Splice};
use super::super::source::line_start;
use super::super::tree::{Data, NodeId};
use super::super::write;
use super::{Editor, Place, STEP};

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
}
