//! The JSON reader: strict RFC 8259 text into the same [`Tree`] as YAML.
//!
//! It is stricter than a YAML reader, on purpose: trailing commas, comments, single quotes and bare words are errors.
//! Duplicate keys are not lost; they stay in the tree. Keys may be longer than YAML's 1,024 characters.

use std::borrow::Cow;

use super::tree::{Data, Format, Node, NodeId, ScalarStyle, Tree};
use crate::span::Span;

/// Maximum nesting of arrays and objects; the YAML reader has the same limit.
const DEPTH: usize = 255;

/// What is wrong, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// One sentence without a final full stop.
    pub message: &'static str,
    /// Offset in the text.
    pub at: usize,
}

/// The top-level values of a text, one after the other: JSON as stream decoders read it. Each span begins where the
/// previous one ended; white space after the last value belongs to it.
pub fn values(text: &[u8]) -> impl Iterator<Item = Result<Span, JsonError>> {
    let mut reader = JsonReader::new(text, None);
    let mut start = 0;
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        reader.space();
        if reader.at == text.len() {
            done = true;
            return None;
        }
        let result = reader.value(0).map(|_| {
            let end = reader.at;
            reader.space();
            let end = if reader.at == text.len() { reader.at } else { end };
            reader.at = end;
            let span = Span::new(start, end);
            start = end;
            span
        });
        done = result.is_err();
        Some(result)
    })
}

/// Reads a text of one value and white space into a tree. `base` is where the text begins in the file.
pub fn read(text: &str, base: usize) -> Result<Tree<'_>, JsonError> {
    if u32::try_from(text.len()).is_err() {
        return Err(JsonError { message: "the text is larger than 4 GiB", at: 0 });
    }
    let mut reader = JsonReader::new(text.as_bytes(), Some(text));
    reader.space();
    let root = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.error("there is text after the JSON value"));
    }
    Ok(Tree { nodes: reader.nodes, root, comments: Vec::new(), text, base, format: Format::Json })
}

struct JsonReader<'s> {
    bytes: &'s [u8],
    /// The text to build a tree for; without it, the reader only checks.
    text: Option<&'s str>,
    at: usize,
    nodes: Vec<Node<'s>>,
}

impl<'s> JsonReader<'s> {
    fn new(bytes: &'s [u8], text: Option<&'s str>) -> Self {
        Self { bytes, text, at: 0, nodes: Vec::new() }
    }

    fn error(&self, message: &'static str) -> JsonError {
        JsonError { message, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn push(&mut self, start: usize, data: impl FnOnce(&'s str) -> Data<'s>) -> NodeId {
        if let Some(text) = self.text {
            self.nodes.push(Node::new(data(text), Span::new(start, self.at)));
        }
        NodeId(u32::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    fn value(&mut self, depth: usize) -> Result<NodeId, JsonError> {
        if depth > DEPTH {
            return Err(self.error("nested deeper than 255 levels"));
        }
        let start = self.at;
        match self.peek() {
            Some(b'{') => {
                let mut entries = Vec::new();
                self.list(b'}', |reader| {
                    if reader.peek() != Some(b'"') {
                        return Err(reader.error("a JSON key must be in double quotes"));
                    }
                    let key = reader.string()?;
                    reader.space();
                    if reader.peek() != Some(b':') {
                        return Err(reader.error("a ':' must follow the key"));
                    }
                    reader.at += 1;
                    reader.space();
                    let value = reader.value(depth + 1)?;
                    if reader.text.is_some() {
                        entries.push((key, value));
                    }
                    Ok(())
                })?;
                Ok(self.push(start, |_| Data::Mapping { entries, flow: true }))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.list(b']', |reader| {
                    let item = reader.value(depth + 1)?;
                    if reader.text.is_some() {
                        items.push(item);
                    }
                    Ok(())
                })?;
                Ok(self.push(start, |_| Data::Sequence { items, flow: true }))
            }
            Some(b'"') => self.string(),
            Some(_) => self.word(),
            None => Err(self.error("a JSON value is missing")),
        }
    }

    fn list(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                    if self.peek() == Some(close) {
                        return Err(self.error("a comma is not allowed after the last entry"));
                    }
                }
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.error("a ',' or the closing bracket must follow")),
            }
        }
    }

    fn string(&mut self) -> Result<NodeId, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return Err(self.error("the string does not end")),
                Some(b'"') => break,
                Some(0..=0x1F) => {
                    return Err(self.error("a control character must be escaped in a JSON string"));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let end = self.at;
        let text = match self.text {
            None => Cow::Borrowed(""),
            Some(text) if escaped => match serde_json::from_str::<String>(&text[start..end]) {
                Ok(decoded) => Cow::Owned(decoded),
                // RFC 8259 allows half of a surrogate pair, but it is not a character.
                Err(_) => {
                    return Err(JsonError { message: "an escape is only half of a surrogate pair", at: start });
                }
            },
            Some(text) => Cow::Borrowed(&text[start + 1..end - 1]),
        };
        Ok(self.push(start, |_| Data::Scalar { text, style: ScalarStyle::DoubleQuoted }))
    }

    /// Reads an escape of a string, including its backslash.
    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let hex = self.bytes.get(self.at + 1..self.at + 5);
                if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.error("'\\u' needs four hexadecimal digits"));
                }
                self.at += 5;
            }
            _ => return Err(self.error("unknown escape in a JSON string")),
        }
        Ok(())
    }

    fn word(&mut self) -> Result<NodeId, JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        let end = self.at;
        let word = &self.bytes[start..end];
        if !matches!(word, b"true" | b"false" | b"null") && !is_number(word) {
            self.at = start;
            return Err(self.error("expected a JSON value"));
        }
        Ok(self.push(start, |text| Data::Scalar { text: Cow::Borrowed(&text[start..end]), style: ScalarStyle::Plain }))
    }
}

/// Whether the word is a number (RFC 8259, section 6).
fn is_number(word: &[u8]) -> bool {
    let digits = |text: &mut &[u8]| {
        let n = text.iter().take_while(|b| b.is_ascii_digit()).count();
        *text = &text[n..];
        n
    };
    let mut rest = word.strip_prefix(b"-").unwrap_or(word);
    let zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (zero && whole > 1) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        rest = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_rfc_8259_takes_and_nothing_else() {
        for good in [r#"{"a": [1, -2.5e+3, true, null, "\ud83d\ude00\/"]}"#, "{}", "[]", "\t{\"a\"\n:\r1}", "0"] {
            assert!(read(good, 0).is_ok(), "{good}");
        }
        for bad in [
            "{a: 1}",
            "{'a': 1}",
            "{\"a\": 1,}",
            "[1,]",
            "{\"a\" 1}",
            "01",
            "1.",
            "+1",
            ".5",
            "nul",
            "NaN",
            "\"\u{1}\"",
            r#""\x41""#,
            r#""\ud800""#,
            "{} {}",
            "",
            "{\"a\": 1 // c\n}",
        ] {
            assert!(read(bad, 0).is_err(), "{bad}");
        }
        assert!(read(&"[".repeat(100_000), 0).is_err());
    }

    #[test]
    fn spans_cover_the_tokens() {
        let tree = read(r#" {"a": "b\n"}"#, 0).unwrap();
        let (key, value) = tree.entries(tree.root).unwrap()[0];
        assert_eq!(&tree.text[tree.node(key).span().range()], "\"a\"");
        assert_eq!(&tree.text[tree.node(value).span().range()], "\"b\\n\"");
        assert_eq!(tree.text(value), Some("b\n"));
    }
}
