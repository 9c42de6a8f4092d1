//! `replace`: puts a new value in place of another one, or of null. An array that begins with the old value is put
//! around it; null in place of a block leaves nothing after the key.

use serde_json::Value;

use super::editor::{Editor, Place};
use crate::plan::Splice;
use crate::refusal::{Reason, Refusal};
use crate::span::Span;
use crate::tree::{Data, ScalarStyle};
use crate::write;

impl Editor<'_, '_> {
    pub(super) fn replace(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let node = self.tree.node(place.node);
        if let Data::Alias(_) = node.data {
            return self.replace_alias(place, value);
        }
        if self.tree.is_null(place.node) {
            return self.fill_null(place, value);
        }
        if let Some(tag) = node.tag() {
            return Err(Refusal::new(Reason::ReplacedTag, tag.shifted(self.tree.base)));
        }
        let span = node.span();
        match (&node.data, value) {
            (Data::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }, _) => {
                Err(self.refuse(Reason::ReplacedBlockScalar, place.node))
            }
            (
                Data::Mapping { flow: true, .. } | Data::Sequence { flow: true, .. } | Data::Scalar { .. },
                Value::Array(items),
            ) if items.first().is_some_and(|first| self.tree.says(place.node, first)) => self.wrap(place, &items[1..]),
            (Data::Scalar { style, .. }, Value::String(text)) => {
                Ok(vec![self.splice(span.start, span.end, write::string(text, *style))])
            }
            (Data::Mapping { flow: true, .. } | Data::Sequence { flow: true, .. } | Data::Scalar { .. }, _) => {
                if let Some(anchor) = self.tree.shared_anchor(place.node) {
                    return Err(Refusal::new(Reason::ReplacedAnchor, anchor.shifted(self.tree.base)));
                }
                self.without_comments(span)?;
                let look = self.flow_look(place);
                Ok(vec![self.splice(span.start, span.end, write::flow(value, look))])
            }
            (_, Value::Null) if place.key.is_some() => self.empty(place),
            _ => self.replace_block(place, value),
        }
    }

    /// Replaces a block collection that is the value of a key.
    fn replace_block(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let (Some(key), Some(end)) = (place.key, self.tail(place.node)) else {
            return Err(self.refuse(Reason::Layout("this block can't be replaced in place"), place.node));
        };
        if let Some(anchor) = self.tree.shared_anchor(place.node) {
            return Err(Refusal::new(Reason::ReplacedAnchor, anchor.shifted(self.tree.base)));
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

    /// Makes the value the first item of an array, without changing its bytes.
    fn wrap(&self, place: &Place, rest: &[Value]) -> Result<Vec<Splice>, Refusal> {
        let node = self.tree.node(place.node);
        let (start, end) = (self.node_start(place.node), node.span().end);
        let plain = matches!(node.data, Data::Scalar { style: ScalarStyle::Plain, .. });
        if plain && !place.in_flow && self.tree.text[node.span().range()].contains(['[', ']', '{', '}', ',']) {
            return Err(self.refuse(Reason::NoBracketsAround, place.node));
        }
        let look = self.flow_look(place);
        let comma = if look.tight { "," } else { ", " };
        let rest = rest.iter().map(|value| format!("{comma}{}", self.flow_beside(place.node, value, look)));
        Ok(vec![
            self.splice(start, start, "[".to_owned()),
            self.splice(end, end, format!("{}]", rest.collect::<String>())),
        ])
    }

    fn without_comments(&self, span: Span) -> Result<(), Refusal> {
        match self.comment_in(span) {
            Some(comment) => Err(Refusal::new(Reason::CommentReplaced, comment)),
            None => Ok(()),
        }
    }

    /// Puts a value in place of an alias that is the value of a key. What the alias refers to stays as it is.
    fn replace_alias(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let Some(key) = place.key else {
            return Err(self.refuse(Reason::ReplacedAlias, place.node));
        };
        let start = self.behind_key(key, place.node)?;
        self.without_comments(Span::new(start, self.tree.node(place.node).span().end))?;
        self.fill_null(place, value)
    }

    /// Puts a value in place of nothing, `~` or `null`.
    fn fill_null(&self, place: &Place, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let node = self.tree.node(place.node);
        let absent = matches!(node.data, Data::Scalar { style: ScalarStyle::Absent, .. });
        let Some(key) = place.key else {
            return Err(self.refuse(Reason::Layout("only a null that is the value of a key can be filled"), place.node));
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
            let line = self.next_line(rest).ok_or_else(|| {
                self.refuse(Reason::Layout("no new line can be inserted after this value"), place.node)
            })?;
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

#[cfg(test)]
mod tests {
    use super::super::tests::edit;
    use serde_json::{Value, json};

    fn replaced(text: &str, value: &Value) -> Result<String, String> {
        edit(text, &json!([{"op": "replace", "path": "/a", "value": value}]))
    }

    #[test]
    fn an_array_that_begins_with_the_old_value_is_put_around_it() {
        for (old, value, new) in [
            ("a: x # c\n", json!(["x", "w"]), "a: [x, w] # c\n"),
            ("a: 'x'\n", json!(["x"]), "a: ['x']\n"),
            ("a:   0x\nb: 1\n", json!(["0x", {"y": 1}]), "a:   [0x, {\"y\": 1}]\nb: 1\n"),
            ("a: 8080", json!([8080, true]), "a: [8080, true]"),
            ("a: &x \"x, y\"\n", json!(["x, y", "z"]), "a: [&x \"x, y\", z]\n"),
            (
                "a: {b: 'c', # c\n  d: [~]}\n",
                json!([{"b": "c", "d": [null]}, "e"]),
                "a: [{b: 'c', # c\n  d: [~]}, e]\n",
            ),
            ("b: &b 1\na: [*b]\n", json!([[1], [2]]), "b: &b 1\na: [[*b], [2]]\n"),
            (r#"{"a":"x"}"#, json!(["x", "y"]), r#"{"a":["x","y"]}"#),
            (r#"{"a": {"b" : "\/"}}"#, json!([{"b": "/"}, {"c": 1}]), r#"{"a": [{"b" : "\/"}, {"c": 1}]}"#),
            (
                "{\n  \"a\": {\n    \"b\": [\n      1\n    ]\n  }\n}\n",
                json!([{"b": [1]}, {"c": {"d": 2}}, "e"]),
                "{\n  \"a\": [{\n    \"b\": [\n      1\n    ]\n  }, {\n    \"c\": {\n      \"d\": 2\n    }\n  }, \"e\"]\n}\n",
            ),
        ] {
            assert_eq!(replaced(old, &value).as_deref(), Ok(new), "{old}");
        }
    }

    /// What the alias refers to stays as it is, whoever else uses it.
    #[test]
    fn an_alias_that_is_a_value_is_replaced_as_a_whole() {
        let new = json!({"b": "d"});
        for (old, value, new) in [
            ("x: &x {b: c}\na: *x\n", &new, "x: &x {b: c}\na:\n  b: d\n"),
            ("x: &x {b: c}\na: *x # c\n", &new, "x: &x {b: c}\na: # c\n  b: d\n"),
            ("x: &x {b: c}\na: *x", &new, "x: &x {b: c}\na:\n  b: d"),
            ("x: &x {b: c}\na:\n  *x\n# c\ny: *x\n", &new, "x: &x {b: c}\na:\n  b: d\n# c\ny: *x\n"),
            ("{x: &x {b: c}, a: *x , y: *x}\n", &new, "{x: &x {b: c}, a: {b: d} , y: *x}\n"),
            ("x: &x ~\na: *x\n", &new, "x: &x ~\na:\n  b: d\n"),
            ("x: &x c\na: *x # c\n", &json!("d"), "x: &x c\na: d # c\n"),
            ("x: &x c\na: *x\n", &json!(["c", "d"]), "x: &x c\na: [c, d]\n"),
            ("x: &x c\na: *x\n", &Value::Null, "x: &x c\na: null\n"),
        ] {
            assert_eq!(replaced(old, value).as_deref(), Ok(new), "{old}");
        }
        let comment = replaced("x: &x c\na: # c\n  *x\n", &new);
        assert_eq!(comment, Err("a comment inside the value to replace would be lost at '# c'".to_owned()));
        let item = edit("x: &x c\na: [*x]\n", &json!([{"op": "replace", "path": "/a/0", "value": "d"}]));
        assert_eq!(item, Err("the value to replace is an alias at '*x'".to_owned()));
    }

    #[test]
    fn null_in_place_of_a_block_is_nothing() {
        for (old, new) in [
            ("a:\n  b: c\n", "a:\n"),
            ("a:\n  b: c", "a:"),
            ("a: # one\n  # two\n  b: c\n  d:\n  - e\n# three\nf: g\n", "a: # one\n  # two\n# three\nf: g\n"),
            ("a: &x\n  b: |\n    c\n\nf: g\n", "a: &x\nf: g\n"),
            ("a:\n- b\n- c: d\nf: g\n", "a:\nf: g\n"),
            ("a: {b: c}\n", "a: null\n"),
            ("a: b\n", "a: null\n"),
        ] {
            let crlf = |text: &str| text.replace('\n', "\r\n");
            assert_eq!(replaced(old, &Value::Null).as_deref(), Ok(new), "{old}");
            assert_eq!(replaced(&crlf(old), &Value::Null), Ok(crlf(new)), "{old} with CRLF");
        }
        for (old, why) in [
            ("a: !!map\n  b: c\n", "the value to replace has a tag at '!!map'"),
            (
                "a: &x\n  b: c\nd: *x\n",
                "an alias uses this anchor: an edit here would change the other place too at '&x'",
            ),
            ("a:\n  b: c # d\n", "a comment next to or inside the removed text would be lost at '# d'"),
            ("? a\n: b: c\n", "this entry has no lines of its own at 'c'"),
        ] {
            assert_eq!(replaced(old, &Value::Null), Err(why.to_owned()), "{old}");
        }
    }

    #[test]
    fn an_array_that_begins_with_something_else_replaces() {
        for (old, value, new) in [
            ("a: x\n", json!(["w", "x"]), "a: [w, x]\n"),
            ("a: on\n", json!(["on"]), "a: [\"on\"]\n"),
            ("a: '1'\n", json!([1]), "a: [1]\n"),
            ("a: ~\n", json!([null]), "a: [null]\n"),
            ("a:\n  b: c\nd: e\n", json!([{"b": "c"}]), "a:\n- b: c\nd: e\n"),
        ] {
            assert_eq!(replaced(old, &value).as_deref(), Ok(new), "{old}");
        }
    }

    #[test]
    fn what_brackets_would_change_is_refused() {
        for (old, value, why) in [
            (
                "a: x, y\n",
                json!(["x, y", "z"]),
                "the value contains an unquoted bracket or comma, so it can't be put in brackets at 'x, y'",
            ),
            ("a: |\n  x\n", json!(["x\n"]), "the value to replace is a block scalar ('|' or '>') at 'x\n'"),
            ("a: !t x\n", json!(["x"]), "the value to replace has a tag at '!t'"),
        ] {
            assert_eq!(replaced(old, &value), Err(why.to_owned()), "{old}");
        }
    }
}
