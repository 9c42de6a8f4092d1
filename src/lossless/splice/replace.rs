//! `replace`: a new value where another one, or null, stands.

use serde_json::Value;

use super::super::plan::{Refusal, Splice};
use super::super::tree::{Data, ScalarStyle};
use super::super::write;
use super::{Editor, Place};
use crate::diag::Span;

impl Editor<'_, '_> {
    pub(super) fn replace(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
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
}
