//! Joins files into one stream, in which kubectl reads every value as in the value's own file.
//!
//! kubectl splits a stream at lines that begin with `---` and reads each piece separately, so a marker between two
//! files separates them, whatever they end or begin with. What remains depends on the position in the stream: a
//! byte-order mark, an encoding, and JSON. A stream whose first character is `{` is read by a JSON decoder, any other
//! by go-yaml, which reads one document of each piece, drops what follows it, and reads some JSON strings differently
//! or not at all. The source: apimachinery v0.37.1, `pkg/util/yaml/decoder.go`; cli-runtime v0.37.1,
//! `pkg/resource/visitor.go`.

use std::fmt;

use serde::de::IgnoredAny;

use crate::diag::Span;
use lossless_yaml::{Source, has_odd_break, is_marker};

/// Number of bytes in which kubectl searches the first character of a stream (cli-runtime, `StreamVisitor.Visit`).
const SNIFFED: usize = 4096;

/// Maximum length of a JSON key with the space before its colon in go-yaml, minus a margin; go-yaml counts characters.
const LONGEST_KEY: usize = 1000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A reason why a file can't be part of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is UTF-16, which kubectl detects by the first two bytes of the stream.
    Utf16,
    /// It has two byte-order marks.
    TwoMarks,
    /// Before its first brace, there are characters that are not white space in JSON or YAML.
    Space,
    /// It begins with JSON, which is followed by text other than a `---` line.
    TextBehindJson,
    /// It is JSON with a part that reads differently as YAML; the value describes it.
    JsonAlone(&'static str),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf16 => f.write_str("it is UTF-16"),
            Self::TwoMarks => f.write_str("it begins with two byte order marks"),
            Self::Space => f.write_str("JSON does not allow the white space before its first brace"),
            Self::TextBehindJson => f.write_str("kubectl does not read the text after its JSON"),
            Self::JsonAlone(what) => write!(f, "kubectl reads {what} correctly only in a stream that is all JSON"),
        }
    }
}

/// An error: a file can't be joined with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file {file} can't be joined with the others: {obstacle}")]
pub struct NotJoined {
    /// Zero-based index of the file.
    pub file: usize,
    /// The reason.
    pub obstacle: Obstacle,
    /// The place in the bytes of the file.
    pub span: Span,
}

/// A file, as kubectl reads it.
enum TextPart<'f> {
    /// Nothing but white space and a byte-order mark.
    Blank,
    /// JSON values, without white space around them, except at the end of the file.
    Json(Vec<&'f [u8]>),
    /// YAML. `is_json_for_kubectl`: its first character would make kubectl read the stream as JSON.
    Yaml { text: &'f [u8], is_json_for_kubectl: bool },
}

type JoinedObject = (Obstacle, Span);

/// Joins files into one stream. A single file is returned byte for byte.
///
/// # Errors
/// The first file in which kubectl would read a value differently than in the file by itself.
pub fn joined<B: AsRef<[u8]>>(files: &[B]) -> Result<Vec<u8>, NotJoined> {
    let present = || files.iter().map(AsRef::as_ref).enumerate().filter(|(_, bytes)| !bytes.is_empty());
    let mut all = present();
    if let (first, None) = (all.next(), all.next()) {
        return Ok(first.map_or(&[][..], |(_, bytes)| bytes).to_vec());
    }
    let mut parts = Vec::with_capacity(files.len());
    let mut in_the_way = None;
    for (file, bytes) in present() {
        let (part, obstacle) = part(bytes);
        parts.push(part);
        in_the_way = in_the_way.or(obstacle.map(|(obstacle, span)| NotJoined { file, obstacle, span }));
    }
    // After a byte-order mark, kubectl rejects bytes that are not UTF-8; without one, it reads them as U+FFFD.
    let marked = present().next().is_some_and(|(_, bytes)| bytes.starts_with(BYTE_ORDER_MARK))
        && present().all(|(_, bytes)| std::str::from_utf8(bytes).is_ok());
    let mut out = Stream::new(present().map(|(_, bytes)| bytes.len() + 8).sum(), marked);
    let json = parts.iter().all(|part| matches!(part, TextPart::Json(_) | TextPart::Blank));
    match in_the_way {
        // Only JSON: the JSON decoder reads it to the end.
        Some(NotJoined { obstacle: Obstacle::JsonAlone(_), .. }) if json => {
            for part in &parts {
                if let TextPart::Json(values) = part {
                    values.iter().for_each(|value| out.value(value));
                }
            }
        }
        Some(in_the_way) => return Err(in_the_way),
        None => parts.iter().for_each(|part| match part {
            TextPart::Blank => (),
            TextPart::Json(values) => values.iter().for_each(|value| out.document(value, true)),
            TextPart::Yaml { text, is_json_for_kubectl } => out.document(text, *is_json_for_kubectl),
        }),
    }
    Ok(out.bytes)
}

/// The reason why a file can't be joined with others, and its place.
pub fn obstacle(bytes: &[u8]) -> Option<(Obstacle, Span)> {
    part(bytes).1
}

struct Stream {
    bytes: Vec<u8>,
    /// Length of the byte-order mark at the start.
    mark: usize,
}

impl Stream {
    fn new(capacity: usize, marked: bool) -> Self {
        let mut bytes = Vec::with_capacity(capacity + BYTE_ORDER_MARK.len());
        bytes.extend_from_slice(if marked { BYTE_ORDER_MARK } else { b"" });
        Self { mark: bytes.len(), bytes }
    }

    fn end_line(&mut self) {
        if self.bytes.len() > self.mark && !self.bytes.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
    }

    /// Adds a JSON value to JSON values.
    fn value(&mut self, text: &[u8]) {
        self.end_line();
        self.bytes.extend_from_slice(text);
    }

    /// Adds a text as separate documents.
    fn document(&mut self, text: &[u8], is_json_for_kubectl: bool) {
        self.end_line();
        let first = self.bytes.len() == self.mark;
        let separator: &[u8] = if !first && prefix(text).0.starts_with(b"%") {
            self.before_directive(prefix(text).1)
        } else if first && !is_json_for_kubectl || begins_with_marker(text) {
            b""
        } else {
            self.before_content(text)
        };
        self.bytes.extend_from_slice(separator);
        self.bytes.extend_from_slice(text);
    }

    /// The separator before a directive, which is recognized only before the first document and after an end marker.
    /// `rest` is the text after the directives. kubectl can't read a file that begins like this; after an end marker,
    /// it skips the directive.
    fn before_directive(&self, rest: &[u8]) -> &'static [u8] {
        // libyaml takes a byte-order mark for content: then the end marker alone would follow a document without a marker.
        let has_late_mark = memchr::memmem::find(&self.bytes[self.mark..], BYTE_ORDER_MARK).is_some();
        if has_late_mark || has_odd_break(&self.bytes) || !begins_with_marker(rest) {
            return b"---\n...\n";
        }
        if Source::new(&self.bytes).segments().next().is_some() { b"...\n" } else { b"" }
    }

    /// The separator before a text that has no marker at its start, or one that must not follow another marker.
    fn before_content(&self, text: &[u8]) -> &'static [u8] {
        let written = &self.bytes[self.mark..];
        let written = written.strip_suffix(b"\n").unwrap_or(written);
        let line = &written[memchr::memrchr(b'\n', written).map_or(0, |at| at + 1)..];
        if is_separator(line) && !text.starts_with(b"---") {
            // The marker has no document yet.
            return b"";
        }
        // kubectl keeps one of two such lines in a row; a line between them makes it certain which.
        if line.starts_with(b"---") { b"\n---\n" } else { b"---\n" }
    }
}

/// Whether a text begins with a marker that can serve as the separator. If content follows on the marker's line,
/// kubectl reads nothing, not even the text before it. If text precedes the marker, kubectl drops the marker's line, so
/// the next line must be the beginning of a document even without it.
fn begins_with_marker(text: &[u8]) -> bool {
    let mut lines = text.split(|&b| b == b'\n');
    if !lines.next().is_some_and(is_separator) {
        return false;
    }
    for line in lines {
        let words = &line[line.iter().take_while(|b| **b == b' ').count()..];
        match words {
            [] | [b'\r'] => {}
            [b'#', ..] if is_plain_comment(words) => {}
            [first, ..] => return first.is_ascii_graphic() && !matches!(line[0], b'.' | b'%' | b'-' | b'#'),
        }
    }
    true
}

/// Whether a line is a marker with at most a comment after it.
fn is_separator(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"---").filter(|_| is_marker(line, 0)).map(<[u8]>::trim_ascii);
    rest.is_some_and(|rest| rest.is_empty() || is_plain_comment(rest))
}

/// Whether every reader reads it as a comment up to its end.
fn is_plain_comment(words: &[u8]) -> bool {
    let words = words.strip_suffix(b"\r").unwrap_or(words);
    words.starts_with(b"#") && !words.contains(&b'\r') && !has_odd_break(words)
}

/// The first line that is not blank and not a comment; and the text from the first such line that is not a directive.
fn prefix(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut first, mut at) = (None, 0);
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n + 1);
        let words = text[at..end].trim_ascii_start();
        if !words.is_empty() && !words.starts_with(b"#") {
            first = first.or(Some(&text[at..end]));
            if text[at] != b'%' {
                break;
            }
        }
        at = end;
    }
    (first.unwrap_or_default(), &text[at..])
}

/// A file as part of a stream, and the reason why it can't be one.
fn part(bytes: &[u8]) -> (TextPart<'_>, Option<JoinedObject>) {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let base = bytes.len() - text.len();
    let yaml = |obstacle| (TextPart::Yaml { text, is_json_for_kubectl: false }, obstacle);
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return yaml(Some((Obstacle::Utf16, Span::new(0, 2))));
    }
    if text.starts_with(BYTE_ORDER_MARK) && base > 0 {
        return yaml(Some((Obstacle::TwoMarks, Span::new(base, base + BYTE_ORDER_MARK.len()))));
    }
    let start = text.iter().position(|b| !is_json_space(*b)).unwrap_or(text.len());
    if start == text.len() {
        return (TextPart::Blank, None);
    }
    // kubectl accepts more characters as white space there than its decoders.
    let space = String::from_utf8_lossy(&text[..text.len().min(SNIFFED)]);
    let is_json_for_kubectl = space.len() - space.trim_start().len();
    if is_json_for_kubectl != start && space[is_json_for_kubectl..].starts_with('{') {
        return yaml(Some((Obstacle::Space, Span::new(base + start, base + is_json_for_kubectl))));
    }
    if text[start] != b'{' || start >= SNIFFED {
        return yaml(None);
    }
    braced(&text[start..], base + start)
}

/// As [`part`], for a text that begins with a brace, at `base` in its file.
fn braced(text: &[u8], base: usize) -> (TextPart<'_>, Option<JoinedObject>) {
    // Like Go's decoder, it accepts every text of JSON's grammar, with any content of strings.
    let mut reader = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let (mut values, mut start) = (Vec::new(), 0);
    let whole = loop {
        match reader.next() {
            Some(Ok(_)) => {
                let end = reader.byte_offset();
                values.push(Span::new(start, end));
                start = end + text[end..].iter().take_while(|b| is_json_space(**b)).count();
            }
            None => break true,
            Some(Err(_)) => break false,
        }
    };
    let alone = || {
        let mut found = values.iter().filter_map(|value| otherwise(&text[value.range()], value.start));
        found.next().map(|(what, span)| (Obstacle::JsonAlone(what), span.shifted(base)))
    };
    let yaml = TextPart::Yaml { text, is_json_for_kubectl: true };
    match (whole, values.as_slice()) {
        (true, [others @ .., last]) => {
            let mut out: Vec<&[u8]> = others.iter().map(|value| &text[value.range()]).collect();
            // YAML does not allow a tab at the start of a line.
            let tabs = text[last.end..].contains(&b'\t');
            out.push(&text[last.start..if tabs { last.end } else { text.len() }]);
            (TextPart::Json(out), alone())
        }
        // The JSON decoder reads nothing of it, and kubectl starts again with the YAML decoder.
        (_, []) => (yaml, None),
        // After one value, kubectl switches to YAML at the start of the second document.
        (_, [one]) => match alone() {
            None if !only_comments(&text[one.end..]) => {
                (yaml, Some((Obstacle::TextBehindJson, Span::new(start, start + 1).shifted(base))))
            }
            found => (yaml, found),
        },
        _ => (yaml, Some((Obstacle::TextBehindJson, Span::new(start, start + 1).shifted(base)))),
    }
}

/// Whether only comments precede the first marker of a text.
fn only_comments(text: &[u8]) -> bool {
    let mut at = 0;
    loop {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n + 1);
        let line = &text[at..end];
        if at > 0 && begins_with_marker(&text[at..]) {
            return true;
        }
        let words = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        // YAML does not allow a tab at the start of a line.
        let blanks = words.iter().take_while(|b| **b == b' ' || at == 0 && **b == b'\t').count();
        let words = &words[blanks..];
        // A character that YAML does not allow, even in a comment, would make the JSON before it unreadable.
        let comment = words.starts_with(b"#") && words.iter().all(|b| matches!(b, b' '..=b'~' | b'\t'));
        if at == text.len() || !(comment && (at > 0 || blanks > 0) || words.is_empty()) {
            return at == text.len();
        }
        at = end;
    }
}

fn is_json_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The first part of a JSON value that go-yaml reads differently than a JSON decoder, or not at all. The text begins at
/// `base`.
fn otherwise(text: &[u8], base: usize) -> Option<(&'static str, Span)> {
    let mut at = 0;
    while at < text.len() {
        let (length, found) = match text[at] {
            b'"' => string(&text[at..]),
            b'-' | b'0'..=b'9' => number(&text[at..]),
            _ => (1, None),
        };
        if let Some((what, span)) = found {
            return Some((what, span.shifted(base + at)));
        }
        at += length;
    }
    None
}

type Token = (usize, Option<(&'static str, Span)>);

/// A string, which can be a key: its length, and the part that go-yaml reads differently.
fn string(text: &[u8]) -> Token {
    let mut at = 1;
    while let Some(next) = text.get(at).filter(|&&byte| byte != b'"') {
        let (what, length) = if *next == b'\\' { (escape(&text[at..]), 2) } else { (character(&text[at..]), 1) };
        if let Some((what, length)) = what {
            return (at, Some((what, Span::new(at, (at + length).min(text.len())))));
        }
        at += length;
    }
    let length = (at + 1).min(text.len());
    let colon = text[length..].iter().take_while(|byte| is_json_space(**byte)).count();
    if text.get(length + colon) != Some(&b':') {
        return (length, None);
    }
    let between = &text[length..length + colon];
    let what = if between.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        Some("a key whose colon is on another line")
    } else {
        (length + colon > LONGEST_KEY).then_some("a key of more than 1,000 bytes")
    };
    (length, what.map(|what| (what, Span::new(0, 1))))
}

/// A description of the escape that begins here and its length, if go-yaml reads it differently.
fn escape(text: &[u8]) -> Option<(&'static str, usize)> {
    match text {
        [_, b'/', ..] => Some(("the escape '\\/'", 2)),
        [_, b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
            Some(("half of a surrogate pair ('\\ud800' to '\\udfff')", 6))
        }
        _ => None,
    }
}

/// A description of the character that begins here and its length, if go-yaml reads it differently.
fn character(text: &[u8]) -> Option<(&'static str, usize)> {
    match text {
        [0x7F, ..] => Some(("the control character U+007F", 1)),
        [0xC2, 0x85, ..] => Some(("the line break U+0085", 2)),
        [0xC2, 0x80..=0x9F, ..] => Some(("a control character (U+0080 to U+009F)", 2)),
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => Some(("a line break (U+2028 or U+2029)", 3)),
        [0xEF, 0xBF, 0xBE | 0xBF, ..] => Some(("the character U+FFFE or U+FFFF", 3)),
        _ => None,
    }
}

/// A number: its length, and whether go-yaml reads it differently.
fn number(text: &[u8]) -> Token {
    let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let length = text.iter().take_while(|byte| is_part(byte)).count();
    let value = std::str::from_utf8(&text[..length]).ok().and_then(|text| text.parse::<f64>().ok());
    let odd = value.is_none_or(|value| value.is_infinite() || value == 0.0 && value.is_sign_negative() && length > 2);
    (length, odd.then_some(("a number that is too large or minus zero", Span::new(0, length))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: &[&str]) -> String {
        String::from_utf8(joined(files).unwrap()).unwrap()
    }

    #[test]
    fn a_marker_separates_files_and_values() {
        for (files, want) in [
            (&["a: |\n  x\n", "  # c\n---\nb: 2\n"][..], "a: |\n  x\n---\n  # c\n---\nb: 2\n"),
            (&["a: |+\n  x\n", "\n\n---\nb: 2\n"], "a: |+\n  x\n---\n\n\n---\nb: 2\n"),
            (&["a: |\n  x", "  # c\n", "b: 2"], "a: |\n  x\n---\n  # c\n---\nb: 2"),
            (&["a: 1\n", "---\nb: 2\n"], "a: 1\n---\nb: 2\n"),
            (&["a: 1\n---\n", "b: 2\n"], "a: 1\n---\nb: 2\n"),
            (&["a: 1\n--- # c\n", "---\nb: 2\n"], "a: 1\n--- # c\n---\nb: 2\n"),
            (&["a: 1\n...\n", "b: 2\n"], "a: 1\n...\n---\nb: 2\n"),
            (&["a: 1\r\n", "", " \n", "b: 2\r\n"], "a: 1\r\n---\nb: 2\r\n"),
            // kubectl reads nothing before a marker with content.
            (&["a: 1\n", "--- {b: 2}\n"], "a: 1\n---\n--- {b: 2}\n"),
            // It drops a marker after a document, and does not read an end marker alone as a document.
            (&["a: 1\n", "---\n...\n"], "a: 1\n---\n---\n...\n"),
            (&["a: 1\n---\n", "---\n...\n"], "a: 1\n---\n\n---\n---\n...\n"),
            (&["a: 1\n", "%YAML 1.1\n---\nb: 2\n"], "a: 1\n...\n%YAML 1.1\n---\nb: 2\n"),
            (&["# c\n", "%YAML 1.1\n---\nb: 2\n"], "# c\n%YAML 1.1\n---\nb: 2\n"),
            (&["a: 1\n", "%YAML 1.1\n--- x\n"], "a: 1\n---\n...\n%YAML 1.1\n--- x\n"),
            (&["\u{feff}a: 1\n", "\u{feff}---\nb: 2\n"], "\u{feff}a: 1\n---\nb: 2\n"),
            (
                &["{\"a\": 1}{\"b\": 2}\n\t{\"c\": 3}", "d: 4"],
                "---\n{\"a\": 1}\n---\n{\"b\": 2}\n---\n{\"c\": 3}\n---\nd: 4",
            ),
            (&["a: 1", "\u{feff} {\"b\": 2}\n"], "a: 1\n---\n{\"b\": 2}\n"),
            (&["\u{feff}{\"a\": 1}\n", "b: 2"], "\u{feff}---\n{\"a\": 1}\n---\nb: 2"),
            (&["\t{a: b}\n", "c: 1"], "---\n{a: b}\n---\nc: 1"),
            (&["{\"a\": 1}\n# c\n---\nb: 2\n", "c: 3"], "---\n{\"a\": 1}\n# c\n---\nb: 2\n---\nc: 3"),
            (&["{\"a\": \"\\/\"}{\"b\": 1}", "\u{feff}{\"c\": 1}"], "{\"a\": \"\\/\"}\n{\"b\": 1}\n{\"c\": 1}"),
            (&["", "{\"a\": \"\\/\"} \t", ""], "{\"a\": \"\\/\"} \t"),
            (&[], ""),
        ] {
            assert_eq!(text(files), want, "{files:?}");
        }
        // After a byte-order mark, kubectl would reject a byte that is not UTF-8.
        assert_eq!(joined(&[&b"\xEF\xBB\xBFa: 1\n"[..], b"# \xFF\n"]), Ok(b"a: 1\n---\n# \xFF\n".to_vec()));
    }

    #[test]
    fn what_reads_differently_in_a_stream_is_not_joined() {
        let obstacle = |file: &[u8]| {
            assert_eq!(joined(&[file]).as_deref(), Ok(file));
            let found = joined(&[b"x: 1\n", file]).map(|stream| String::from_utf8_lossy(&stream).into_owned());
            let NotJoined { file: 1, obstacle: why, span } = found.unwrap_err() else { panic!() };
            assert_eq!(super::obstacle(file), Some((why, span)));
            (why, String::from_utf8_lossy(&file[span.range()]).into_owned())
        };
        for (file, want, place) in [
            (&b"\xFF\xFEa\0"[..], Obstacle::Utf16, "\u{fffd}\u{fffd}"),
            (b"\xFE\xFF\0a", Obstacle::Utf16, "\u{fffd}\u{fffd}"),
            ("\u{feff}\u{feff}a: 1".as_bytes(), Obstacle::TwoMarks, "\u{feff}"),
            ("\n\u{a0}{\"a\": 1}".as_bytes(), Obstacle::Space, "\u{a0}"),
            (b"{\"a\": 1}\nb: 2\n", Obstacle::TextBehindJson, "b"),
            (b"{\"a\": 1}\n--- x\n", Obstacle::TextBehindJson, "-"),
            (b"{\"a\": 1}\n{\"b\": 1}\n---\nb: 2\n", Obstacle::TextBehindJson, "-"),
            ("{\"a\": 1}\n# \u{85}b: 1\n---\nb: 2\n".as_bytes(), Obstacle::TextBehindJson, "#"),
        ] {
            assert_eq!(obstacle(file), (want, place.to_owned()), "{}", String::from_utf8_lossy(file));
        }
        for (value, place) in [
            ("\"\\\\ \\/\"", "\\/"),
            ("\"\\uD83C\\udf89\"", "\\uD83C"),
            ("\"\u{7f}\"", "\u{7f}"),
            ("\"\u{85}\"", "\u{85}"),
            ("\"\u{9f}\"", "\u{9f}"),
            ("\"\u{2028}\"", "\u{2028}"),
            ("\"\u{2029}\"", "\u{2029}"),
            ("\"\u{ffff}\"", "\u{ffff}"),
            ("[1, -1E400]", "-1E400"),
            ("-0.0", "-0.0"),
            ("{\"k\"\n: 1}", "\""),
        ] {
            for file in [format!("{{\"a\": 1}}{{\"a\": {value}}}"), format!("{{\"a\": {value}}}\n---\nb: 1\n")] {
                let (why, at) = obstacle(file.as_bytes());
                assert!(matches!(why, Obstacle::JsonAlone(_)), "{file}");
                assert_eq!(at, place, "{file}");
            }
        }
        let long = format!("{{\"{}\": 1}}", "k".repeat(1100));
        assert!(matches!(obstacle(long.as_bytes()).0, Obstacle::JsonAlone(_)));
        // Values that look similar but are read correctly.
        for value in [
            "\"\\\\/\"",
            "\"\\\\ud800\"",
            "\"\\ud7ff\\u0085\"",
            "\"é\u{a0}🎉\u{feff}\u{fffd}\"",
            "-0",
            "[1e3, 1.50, -2]",
        ] {
            assert_eq!(text(&[&format!("{{\"a\": {value}}}"), "b: 1"]), format!("---\n{{\"a\": {value}}}\n---\nb: 1"));
        }
    }
}
