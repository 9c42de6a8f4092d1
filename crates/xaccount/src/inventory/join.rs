//! Several files as one stream in which kubectl reads every value as it does in the value's own file.
//!
//! kubectl cuts a stream at its lines that begin with `---` and reads each piece by itself, so a marker between two files
//! keeps them apart, whatever they end or begin with. What depends on the place in the stream is left: a byte-order mark; an
//! encoding; and JSON. A stream whose first character is `{` is read by a JSON decoder, any other by go-yaml, which takes
//! one document of each piece, drops what follows it, and reads some JSON strings otherwise or not at all. The source:
//! apimachinery v0.37.1, `pkg/util/yaml/decoder.go`; cli-runtime v0.37.1, `pkg/resource/visitor.go`.

use std::fmt;

use serde::de::IgnoredAny;

use crate::diag::Span;
use lossless_yaml::{Source, has_odd_break, is_marker};

/// How far kubectl looks for the first character of a stream (cli-runtime, `StreamVisitor.Visit`).
const SNIFFED: usize = 4096;

/// A JSON key and what stands between it and its colon may be this long for go-yaml, less a margin; in characters there.
const LONGEST_KEY: usize = 1000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why a file can't be a part of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is UTF-16, which kubectl knows by the first two bytes of the stream.
    Utf16,
    /// It has two byte-order marks.
    TwoMarks,
    /// White space that is none for JSON or for YAML stands before its first brace.
    Space,
    /// It begins with JSON, and other text than a `---` line follows.
    TextBehindJson,
    /// It is JSON that reads otherwise as YAML: what in it does.
    JsonAlone(&'static str),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf16 => f.write_str("it is UTF-16"),
            Self::TwoMarks => f.write_str("it begins with two byte order marks"),
            Self::Space => f.write_str("JSON does not allow the white space before its first brace"),
            Self::TextBehindJson => f.write_str("kubectl does not read the text after its JSON"),
            Self::JsonAlone(what) => write!(f, "kubectl reads {what} as it is only in a stream of JSON alone"),
        }
    }
}

/// Which of the files can't be joined with the others, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file {file} can't be joined with the others: {obstacle}")]
pub struct NotJoined {
    /// The number of the file, from 0.
    pub file: usize,
    /// What is in the way.
    pub obstacle: Obstacle,
    /// Where, in the bytes of the file.
    pub span: Span,
}

/// What a file is to kubectl.
enum TextPart<'f> {
    /// White space and a byte-order mark at most.
    Blank,
    /// JSON values, without white space around them but for that at the end of the file.
    Json(Vec<&'f [u8]>),
    /// YAML. `is_json_for_kubectl`: its first character would make the stream JSON.
    Yaml { text: &'f [u8], is_json_for_kubectl: bool },
}

type JoinedObject = (Obstacle, Span);

/// Files as one stream. A single one stays as it is, byte for byte.
///
/// # Errors
/// The first file of which kubectl would not read every value as it does in the file by itself.
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
    // Behind a byte-order mark kubectl takes no byte that is not UTF-8; without one it reads it as U+FFFD.
    let marked = present().next().is_some_and(|(_, bytes)| bytes.starts_with(BYTE_ORDER_MARK))
        && present().all(|(_, bytes)| std::str::from_utf8(bytes).is_ok());
    let mut out = Stream::new(present().map(|(_, bytes)| bytes.len() + 8).sum(), marked);
    let json = parts.iter().all(|part| matches!(part, TextPart::Json(_) | TextPart::Blank));
    match in_the_way {
        // Nothing but JSON: the JSON decoder reads it to the end.
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

/// What stands in the way of joining a file with others, and where.
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

    /// Adds a text as documents of their own.
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

    /// What separates a directive, which is one only before the first document and behind an end marker. `rest` is what
    /// follows the directives. kubectl can't read a file that begins so; behind an end marker it passes the directive by.
    fn before_directive(&self, rest: &[u8]) -> &'static [u8] {
        if has_odd_break(&self.bytes) || !begins_with_marker(rest) {
            return b"---\n...\n";
        }
        if Source::new(&self.bytes).segments().next().is_some() { b"...\n" } else { b"" }
    }

    /// What separates a text that has no marker at its start, or one that must not be the second of two.
    fn before_content(&self, text: &[u8]) -> &'static [u8] {
        let written = &self.bytes[self.mark..];
        let written = written.strip_suffix(b"\n").unwrap_or(written);
        let line = &written[memchr::memrchr(b'\n', written).map_or(0, |at| at + 1)..];
        if is_separator(line) && !text.starts_with(b"---") {
            // It waits for a document.
            return b"";
        }
        // Of two such lines in a row kubectl keeps one, and a line between them makes it certain which.
        if line.starts_with(b"---") { b"\n---\n" } else { b"---\n" }
    }
}

/// Whether a text has a marker of its own at its very start, with which it stands as well as behind another one. kubectl reads
/// nothing where content follows on the marker's line, not even what stands before it; and it drops the line where something
/// does, so that what is next must be the beginning of a document without it, too.
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

/// Whether a line is a marker with nothing but a comment on it.
fn is_separator(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"---").filter(|_| is_marker(line, 0)).map(<[u8]>::trim_ascii);
    rest.is_some_and(|rest| rest.is_empty() || is_plain_comment(rest))
}

/// Whether it is a comment to its end for every reader.
fn is_plain_comment(words: &[u8]) -> bool {
    let words = words.strip_suffix(b"\r").unwrap_or(words);
    words.starts_with(b"#") && !words.contains(&b'\r') && !has_odd_break(words)
}

/// The first line that is neither blank nor a comment; and the text from the first line on that is no directive either.
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

/// What a file is as a part of a stream, and what stands in the way of that.
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
    // What kubectl takes for white space there is more than what a decoder takes.
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

/// The same of a text that begins with a brace, which is at `base` in its file.
fn braced(text: &[u8], base: usize) -> (TextPart<'_>, Option<JoinedObject>) {
    // As Go's decoder, it takes every text of JSON's grammar, whatever is in its strings.
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
            // YAML takes no tab at the start of a line.
            let tabs = text[last.end..].contains(&b'\t');
            out.push(&text[last.start..if tabs { last.end } else { text.len() }]);
            (TextPart::Json(out), alone())
        }
        // The JSON decoder reads nothing of it, and kubectl begins again with the other one.
        (_, []) => (yaml, None),
        // Behind one value kubectl changes over to YAML, where the second document begins.
        (_, [one]) => match alone() {
            None if !only_comments(&text[one.end..]) => {
                (yaml, Some((Obstacle::TextBehindJson, Span::new(start, start + 1).shifted(base))))
            }
            found => (yaml, found),
        },
        _ => (yaml, Some((Obstacle::TextBehindJson, Span::new(start, start + 1).shifted(base)))),
    }
}

/// Whether nothing but comments stands before the first marker of a text.
fn only_comments(text: &[u8]) -> bool {
    let mut at = 0;
    loop {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n + 1);
        let line = &text[at..end];
        if at > 0 && begins_with_marker(&text[at..]) {
            return true;
        }
        let words = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        // YAML takes no tab at the start of a line.
        let blanks = words.iter().take_while(|b| **b == b' ' || at == 0 && **b == b'\t').count();
        let words = &words[blanks..];
        // Characters that YAML doesn't take, in a comment either, would take the JSON along.
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

/// What of a JSON value go-yaml reads otherwise than a JSON decoder, or not at all. `base` is where the text begins.
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

/// A string, which may be a key: its length, and what is odd about it.
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

/// What is odd about the escape that begins here, and its length.
fn escape(text: &[u8]) -> Option<(&'static str, usize)> {
    match text {
        [_, b'/', ..] => Some(("the escape '\\/'", 2)),
        [_, b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
            Some(("an escape of half a character ('\\ud800' to '\\udfff')", 6))
        }
        _ => None,
    }
}

/// What is odd about the character that begins here, and its length.
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

/// A number: its length, and what is odd about it.
fn number(text: &[u8]) -> Token {
    let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let length = text.iter().take_while(|byte| is_part(byte)).count();
    let value = std::str::from_utf8(&text[..length]).ok().and_then(|text| text.parse::<f64>().ok());
    let odd = value.is_none_or(|value| value.is_infinite() || value == 0.0 && value.is_sign_negative() && length > 2);
    (length, odd.then_some(("a number that is no finite one or minus zero", Span::new(0, length))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: &[&str]) -> String {
        String::from_utf8(joined(files).unwrap()).unwrap()
    }

    #[test]
    fn a_marker_stands_between_files_and_values() {
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
            // It drops a marker behind a document, and an end marker alone is no document to it.
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
        // Behind a byte-order mark, a byte that is not UTF-8 would end it.
        assert_eq!(joined(&[&b"\xEF\xBB\xBFa: 1\n"[..], b"# \xFF\n"]), Ok(b"a: 1\n---\n# \xFF\n".to_vec()));
    }

    #[test]
    fn what_reads_otherwise_in_a_stream_is_not_joined() {
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
        // What looks like that and is not.
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
