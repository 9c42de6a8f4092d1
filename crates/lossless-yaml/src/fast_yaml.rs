//! A fast reader for plain manifests: lines of `key: value` and `- item`, as programs and most people write them.
//!
//! It supports so little of YAML that readers can't disagree about it. At the first construct that it does not support,
//! it gives up, and [`super::yaml`] reads the text. If it reads a text, its tree is exactly that reader's: tests check
//! this, and a build with debug assertions reads every text with both. It is used only for existing text, because most
//! documents are not changed. The result of an edit is never read here: the proof compares the other readers' trees
//! with this one's.

use super::tree::{ScalarStyle, Tree};
use super::tree_builder::Builder;
use crate::span::Span;

/// Longer texts are left to the other reader.
const LONGEST: usize = 1 << 20;

/// In bytes. YAML limits a key of one line to 1,024 characters.
const LONGEST_KEY: usize = 512;

/// Maximum nesting; the other reader's is 255.
const DEEPEST: usize = 64;

/// Reads one document, if it is plain: printable ASCII and line feeds; block mappings and sequences, and brackets that
/// close on their line; scalars of one line, and quotes without escapes.
pub(super) fn read(text: &str, base: usize) -> Option<Tree<'_>> {
    if text.len() > LONGEST || !text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return None;
    }
    let mut reader =
        FastReader { text, builder: Builder::new(text), open: Vec::new(), start: 0, at: 0, end: 0, brackets: 0 };
    while reader.start < text.len() {
        let end = memchr::memchr(b'\n', &text.as_bytes()[reader.start..]).map_or(text.len(), |at| reader.start + at);
        (reader.at, reader.end) = (reader.start, end);
        reader.line()?;
        reader.start = end + 1;
    }
    while reader.close() {}
    (reader.builder.len() > 0).then(|| reader.builder.finish(base))
}

/// A block collection that has not ended.
struct Open {
    /// The column of its keys or dashes.
    column: usize,
    /// Whether it is a sequence.
    items: bool,
}

struct FastReader<'s> {
    text: &'s str,
    builder: Builder<'s>,
    open: Vec<Open>,
    /// Where the line begins.
    start: usize,
    at: usize,
    /// Where the line ends.
    end: usize,
    /// How many brackets are open.
    brackets: usize,
}

/// A key or a scalar in its line.
struct Word {
    span: Span,
    style: ScalarStyle,
    /// Whether the colon of a key follows.
    key: bool,
}

impl<'s> FastReader<'s> {
    fn line(&mut self) -> Option<()> {
        self.blanks();
        match self.peek() {
            None => return Some(()),
            Some(b'#') => {
                self.builder.comment(Span::new(self.at, self.end));
                return Some(());
            }
            Some(b'-') if self.start == 0 && &self.text[..self.end] == "---" => return Some(()),
            // `...` ends a document.
            Some(b'.') if self.at == self.start => return None,
            _ => {}
        }
        let (column, item) = (self.at - self.start, self.is_dash());
        // A sequence need not be indented below its key; the next key then ends it.
        while self.open.last().is_some_and(|top| column < top.column || column == top.column && !item && top.items) {
            self.close();
        }
        let begins = match self.open.last() {
            None if column == 0 && !item => true,
            Some(top) if self.builder.waiting().is_some() && (top.column < column || item) => true,
            Some(top) if top.column == column && item == top.items => {
                self.absent();
                false
            }
            _ => return None,
        };
        if !item {
            let word = self.word()?;
            return self.entry(word, begins.then_some(column));
        }
        let dash = self.at;
        self.at += 1;
        self.blanks();
        if begins {
            // As in the other reader: without an indent, the sequence begins at its first item.
            let indented = self.open.last().is_some_and(|above| above.column < column);
            let start = if indented { dash } else { self.at };
            self.builder.begin_sequence(false, Span::new(start, start));
            self.push(column, true)?;
        }
        match self.peek()? {
            b'[' | b'{' => self.brackets()?,
            _ => {
                let word = self.word()?;
                if word.key {
                    let column = word.span.start - self.start;
                    return self.entry(word, Some(column));
                }
                self.scalar(&word);
            }
        }
        self.ends()
    }

    /// Reads the rest of a line after a key. `begins`: the key begins a mapping at this column.
    fn entry(&mut self, key: Word, begins: Option<usize>) -> Option<()> {
        if !key.key {
            return None;
        }
        if let Some(column) = begins {
            self.builder.begin_mapping(false, Span::new(key.span.start, key.span.start));
            self.push(column, false)?;
        }
        self.scalar(&key);
        self.at += 1;
        self.blanks();
        match self.peek() {
            // Its value is on the next line, or absent.
            None | Some(b'#') => {}
            Some(_) => self.value()?,
        }
        self.ends()
    }

    fn push(&mut self, column: usize, items: bool) -> Option<()> {
        self.open.push(Open { column, items });
        (self.open.len() < DEEPEST).then_some(())
    }

    /// Ends the innermost collection; false if there is none.
    fn close(&mut self) -> bool {
        self.absent();
        if self.open.pop().is_none() {
            return false;
        }
        self.builder.end(Span::new(self.at, self.at));
        true
    }

    /// Adds an absent value if the last key of the innermost mapping has no value.
    fn absent(&mut self) {
        if let Some(key) = self.builder.waiting() {
            self.builder.absent(Span::new(key.end, key.end));
        }
    }

    /// Reads a collection in brackets.
    fn brackets(&mut self) -> Option<()> {
        let start = Span::new(self.at, self.at);
        let mapping = self.peek()? == b'{';
        let close = if mapping { b'}' } else { b']' };
        self.brackets += 1;
        if self.brackets > DEEPEST {
            return None;
        }
        if mapping {
            self.builder.begin_mapping(true, start);
        } else {
            self.builder.begin_sequence(true, start);
        }
        self.at += 1;
        loop {
            self.blanks();
            if self.peek()? == close {
                break;
            }
            if mapping {
                let key = self.word().filter(|key| key.key)?;
                self.scalar(&key);
                self.at += 1;
                self.blanks();
                if matches!(self.peek()?, b',' | b'}') {
                    self.absent();
                } else {
                    self.value()?;
                }
            } else {
                self.value()?;
            }
            self.blanks();
            match self.peek()? {
                b',' => self.at += 1,
                byte if byte == close => break,
                _ => return None,
            }
        }
        self.at += 1;
        self.brackets -= 1;
        self.builder.end(Span::new(start.start, self.at));
        Some(())
    }

    /// Reads a value that ends on its line.
    fn value(&mut self) -> Option<()> {
        if matches!(self.peek()?, b'[' | b'{') {
            return self.brackets();
        }
        let value = self.word().filter(|value| !value.key)?;
        self.scalar(&value);
        Some(())
    }

    /// Reads the key or scalar that begins here.
    fn word(&mut self) -> Option<Word> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let (end, style) = match bytes[start] {
            quote @ (b'\'' | b'"') => {
                let inner = memchr::memchr(quote, &bytes[start + 1..self.end])?;
                let end = start + inner + 2;
                // Escapes and doubled quotes are not supported. The text after a doubled quote is rejected later.
                if quote == b'"' && bytes[start..end].contains(&b'\\') {
                    return None;
                }
                (end, if quote == b'"' { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted })
            }
            b'-' if !bytes.get(start + 1).is_some_and(u8::is_ascii_alphanumeric) => return None,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b'.' | b'$' | b'-' => {
                (self.plain_end()?, ScalarStyle::Plain)
            }
            _ => return None,
        };
        self.at = end;
        let key = self.is_colon(end);
        if key && end - start > LONGEST_KEY {
            return None;
        }
        Some(Word { span: Span::new(start, end), style, key })
    }

    /// Where the plain scalar that begins here ends.
    fn plain_end(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut end = self.at;
        for at in self.at..self.end {
            match bytes[at] {
                b' ' => continue,
                b':' if self.is_colon(at) => break,
                b'#' if bytes[at - 1] == b' ' => break,
                // Some of these end the scalar, others don't.
                b':' | b'{' | b'[' | b'"' | b'\'' if self.brackets > 0 => return None,
                b',' | b']' | b'}' if self.brackets > 0 => break,
                _ => end = at + 1,
            }
        }
        Some(end)
    }

    /// Whether there is the colon of a key at this offset.
    fn is_colon(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        bytes.get(at) == Some(&b':') && matches!(bytes.get(at + 1), None | Some(b' ' | b'\n'))
    }

    /// Checks that only a comment can follow on the line.
    fn ends(&mut self) -> Option<()> {
        self.blanks();
        match self.peek() {
            None => Some(()),
            Some(b'#') if self.text.as_bytes()[self.at - 1] == b' ' => {
                self.builder.comment(Span::new(self.at, self.end));
                Some(())
            }
            Some(_) => None,
        }
    }

    fn scalar(&mut self, word: &Word) {
        let quotes = usize::from(word.style != ScalarStyle::Plain);
        let text = &self.text[word.span.start + quotes..word.span.end - quotes];
        self.builder.scalar(text.into(), word.style, word.span);
    }

    fn is_dash(&self) -> bool {
        self.text[self.at..self.end].starts_with("- ")
    }

    fn blanks(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// The next byte of the line.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes()[..self.end].get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// Whether the text is read; panics if the other reader's tree differs.
    fn agree(text: &str) -> bool {
        let Some(tree) = read(text, 7) else { return false };
        match yaml::read(text, 7) {
            Ok(other) => assert_eq!(tree, other, "{text:?}"),
            Err(error) => panic!("{text:?}: {error}"),
        }
        true
    }

    /// How many of all texts of up to `most` tokens are read.
    fn all(tokens: &[&str], most: usize, text: &mut String) -> usize {
        let (len, mut read) = (text.len(), usize::from(agree(text)));
        for token in tokens.iter().filter(|_| most > 0) {
            text.push_str(token);
            read += all(tokens, most - 1, text);
            text.truncate(len);
        }
        read
    }

    #[test]
    fn every_short_text_is_read_as_the_other_reader_does_or_not_at_all() {
        for (tokens, most, wanted) in [
            (&["a", ":", " ", "-", "\n", "#", "'", "[", "]", "{", "}", ","][..], 5, 2_000),
            (&["a", ":", " ", "-", "\n"], 7, 3_000),
            (
                &["a", ": ", " ", "- ", "\n", "# c", "'x'", "[", "]", "{", "}", ", ", "\"y\"", "...", ".", "$"],
                5,
                10_000,
            ),
            (&["a: a\n", "a:\n", "  ", "- ", "\n", "- a\n", "[a, b]", "# c\n"], 6, 20_000),
        ] {
            let read = all(tokens, most, &mut String::new());
            assert!(read > wanted, "{read} of {tokens:?}");
        }
    }

    #[test]
    fn what_is_plain() {
        for text in [
            "a: b # c\n",
            "# c\n\na: b c\n",
            "---\na:\n  b: {}\n  c: [ ]\n  d: [a, 'b', \"c\", [d], {e: f, g: }]\n",
            "a:\n- b\n-   c: d\n    e:\n    - f\n- g:\nh: -1\n",
            "a/b.c: http://x:80/y#z\n'd e': \"\"\n  \n$e: ${F}\n",
            "a:\n   b:\n      - c\n # d\n   e: f,g {h} [i] 'j'",
        ] {
            assert!(agree(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_left_to_the_other_reader() {
        for text in [
            "",
            "# c\n",
            "a: b\n  c\n",
            "a: |\n  b\n",
            "a: &b c\n",
            "a: *b\n",
            "a: !b c\n",
            "<<: {}\n",
            "? a\n",
            "a: b: c\n",
            "a: 'b''c'\n",
            "a: \"b\\n\"\n",
            "a: [b,\n c]\n",
            "a: {\"b\":c}\n",
            "a: ü\n",
            "a:\tb\n",
            "a: b\r\n",
            "- a\n",
            "a: b\n---\nc: d\n",
            "a: b\n...\n",
            " a: b\n",
            "a:\n    b: c\n  d: e\n",
            "a:\n- b\n - c\n",
            "a:\n-\n",
            "a:\n- - b\n",
            "a: b\n- c\n",
            "{{ a }}: b\n",
            "a: {{ b }}\n",
            "a: @b\n",
            "a: `b`\n",
            "a: %b\n",
        ] {
            assert!(!agree(text), "{text:?}");
        }
        let deep = |levels: usize| (0..levels).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
        assert!(agree(&deep(60)) && !agree(&deep(70)));
        let long = |length: usize| format!("{}: b\n", "a".repeat(length));
        assert!(agree(&long(500)) && !agree(&long(600)));
        assert!(!agree(&format!("a: {}\n", "b".repeat(LONGEST))));
    }
}
