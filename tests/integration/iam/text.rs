//! JSON as people and tools write it.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// The indentation of a level; `None` keeps everything on one line.
    indent: Option<&'static str>,
    /// The blanks after a comma on one line, and after each colon.
    gap: &'static str,
    eol: &'static str,
    /// Lists of texts stay on one line.
    short: bool,
    /// Some letters are written as escapes.
    escaped: bool,
    /// A line break after the document.
    ends: bool,
}

pub(super) fn styles() -> impl Strategy<Value = Style> {
    let indent = prop_oneof![Just(None), select(&["  ", "    ", "\t", ""][..]).prop_map(Some)];
    let eol = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    let rare = || prop::bool::weighted(0.2);
    (indent, select(&["", " "][..]), eol, any::<bool>(), rare(), any::<bool>())
        .prop_map(|(indent, gap, eol, short, escaped, ends)| Style { indent, gap, eol, short, escaped, ends })
}

impl Style {
    pub(super) fn write(self, document: &Value) -> String {
        let mut out = String::new();
        self.value(document, 0, &mut out);
        if self.ends {
            out.push_str(self.eol);
        }
        out
    }

    fn value(self, value: &Value, depth: usize, out: &mut String) {
        match value {
            Value::Object(members) => self.object(members, depth, out),
            Value::Array(items) => {
                let short = self.short && items.iter().all(Value::is_string);
                let style = if short { Self { indent: None, ..self } } else { self };
                style.many('[', items.iter().map(|item| (None, item)), ']', depth, out);
            }
            Value::String(text) => self.text(text, out),
            other => write!(out, "{other}").unwrap(),
        }
    }

    fn object(self, members: &Map<String, Value>, depth: usize, out: &mut String) {
        self.many('{', members.iter().map(|(name, value)| (Some(name), value)), '}', depth, out);
    }

    fn many<'v>(
        self,
        open: char,
        entries: impl ExactSizeIterator<Item = (Option<&'v String>, &'v Value)>,
        close: char,
        depth: usize,
        out: &mut String,
    ) {
        out.push(open);
        let empty = entries.len() == 0;
        for (index, (name, value)) in entries.enumerate() {
            if index > 0 {
                out.push(',');
            }
            match self.indent {
                Some(indent) => write!(out, "{}{}", self.eol, indent.repeat(depth + 1)).unwrap(),
                None if index > 0 => out.push_str(self.gap),
                None => {}
            }
            if let Some(name) = name {
                self.text(name, out);
                write!(out, ":{}", self.gap).unwrap();
            }
            self.value(value, depth + 1, out);
        }
        if let Some(indent) = self.indent.filter(|_| !empty) {
            write!(out, "{}{}", self.eol, indent.repeat(depth)).unwrap();
        }
        out.push(close);
    }

    fn text(self, text: &str, out: &mut String) {
        out.push('"');
        for char in text.chars() {
            match char {
                '"' | '\\' => write!(out, "\\{char}").unwrap(),
                '/' if self.escaped => out.push_str("\\/"),
                'i' if self.escaped => out.push_str("\\u0069"),
                char => out.push(char),
            }
        }
        out.push('"');
    }
}
