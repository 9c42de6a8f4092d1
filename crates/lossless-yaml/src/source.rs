//! A file's bytes, cut into documents without parsing them.
//!
//! A YAML stream is cut at its marker lines: `---` or `...` at the start of a line, followed by white space or the end.
//! Such a line can't be content in any scalar style (YAML 1.2.2, production `c-forbidden`), so the cut is sound. See
//! [`Source::doubtful_marker`] for the texts in which readers disagree about what a line is. A text that is strict JSON
//! and begins with `{` is cut into its top-level values instead, as the JSON decoders of stream readers do.

use memchr::memmem;

use crate::json;
use crate::needles::{Needles, halved};
use crate::parallel;
use crate::span::Span;
use crate::tree::{Format, has_odd_break};

/// One file's bytes. Nothing is copied and nothing is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    bytes: &'s [u8],
    /// Length of the byte-order mark: 0 or 3.
    bom: usize,
    format: Format,
}

/// The text of one document, not yet parsed.
#[derive(Clone, Copy, Debug)]
pub struct Document<'s> {
    /// The whole segment, markers and leading comments included.
    pub bytes: &'s [u8],
    /// The position of the segment in the file.
    pub span: Span,
    /// Zero-based index of the document in the file.
    pub index: usize,
    /// How it is read.
    pub format: Format,
    /// Whether the text contains a needle literally. If not, only an escape or a tag can spell one.
    pub literal: bool,
    /// Whether it follows a `...` line without its own `---`: readers that split a stream at `---` silently drop such a
    /// document.
    pub bare: bool,
}

impl<'s> Source<'s> {
    /// Creates a source from a file's whole content.
    pub fn new(bytes: &'s [u8]) -> Self {
        let bom = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let body = &bytes[bom..];
        let brace = body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        let format = if brace && json::values(body).all(|value| value.is_ok()) { Format::Json } else { Format::Yaml };
        Self { bytes, bom, format }
    }

    /// Creates a source from a part of a YAML file that begins at the start of a document.
    pub(super) fn part(bytes: &'s [u8]) -> Self {
        Self { bytes, bom: 0, format: Format::Yaml }
    }

    /// The bytes, including a byte-order mark.
    pub fn bytes(&self) -> &'s [u8] {
        self.bytes
    }

    /// How the file is read. A JSON file stays JSON, and no second document can be added to it.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether the first character is `{`, so that some readers read the whole stream as JSON. A `---` after it is then
    /// an error.
    pub fn begins_with_brace(&self) -> bool {
        self.bytes[self.bom..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
    }

    /// Whether the text is UTF-16, with or without a byte-order mark, and contains a needle.
    pub fn is_utf16(&self, needles: &Needles) -> bool {
        self.looks_like_utf16() && needles.in_utf16(self.bytes)
    }

    /// The text without the zero bytes of UTF-16, if it looks like UTF-16.
    pub fn halved(&self) -> Option<Vec<u8>> {
        self.looks_like_utf16().then(|| halved(self.bytes))
    }

    fn looks_like_utf16(&self) -> bool {
        let head = &self.bytes[..self.bytes.len().min(4096)];
        let zeros = memchr::memchr_iter(0, head).count();
        let marked = self.bytes.starts_with(b"\xFF\xFE") || self.bytes.starts_with(b"\xFE\xFF");
        marked || zeros * 3 > head.len()
    }

    /// The decoded text, if it is UTF-16 with a byte-order mark.
    pub fn utf16_text(&self) -> Option<String> {
        let unit: fn([u8; 2]) -> u16 = match self.bytes {
            [0xFF, 0xFE, ..] => u16::from_le_bytes,
            [0xFE, 0xFF, ..] => u16::from_be_bytes,
            _ => return None,
        };
        let units: Vec<u16> = self.bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        Some(String::from_utf16_lossy(&units))
    }

    /// The first place at which readers disagree whether a document ends: directly before a marker or a directive, a
    /// character that is a line break for some of them or a byte-order mark in mid-file; or a carriage return in the
    /// line of a marker or a directive. The character is U+000D (not followed by a line feed), U+0085, U+2028, U+2029
    /// or U+FEFF.
    pub fn doubtful_marker(&self) -> Option<(char, Span)> {
        self.doubtful_by(PIECE)
    }

    /// As [`doubtful_marker`](Self::doubtful_marker), searched in pieces of `piece` bytes.
    fn doubtful_by(&self, piece: usize) -> Option<(char, Span)> {
        let mut line = 0;
        let pieces: Vec<(usize, usize)> = (0..self.bytes.len())
            .step_by(piece)
            .map(|start| {
                let before = start.saturating_sub(piece);
                line = memchr::memrchr(b'\n', &self.bytes[before..start]).map_or(line, |at| before + at + 1);
                (start, line)
            })
            .collect();
        let first =
            |&(start, line): &(usize, usize)| self.doubtful_between(start, self.bytes.len().min(start + piece), line);
        parallel::map(&pieces, first).into_iter().flatten().next()
    }

    /// The first doubtful marker that begins from `start` up to `end`. `line` is the start of the line that contains
    /// `start`.
    fn doubtful_between(&self, start: usize, end: usize, mut line: usize) -> Option<(char, Span)> {
        let before_marker = |at: usize, character: char| {
            let behind = at + character.len_utf8();
            let before = is_marker(self.bytes, behind) || self.bytes.get(behind) == Some(&b'%');
            (behind > self.bom && before).then(|| (character, Span::new(at, behind)))
        };
        let odd = |at: usize| {
            let rest = &self.bytes[at..];
            let mut all = ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'].into_iter();
            all.find(|character| rest.starts_with(character.encode_utf8(&mut [0; 4]).as_bytes()))
        };
        let text = &self.bytes[start..end];
        let mut seen = start;
        let returns = memchr::memchr_iter(b'\r', text).map(|at| start + at).find_map(|at| {
            // The start of a line is searched once, however many carriage returns the line has.
            line = memchr::memrchr(b'\n', &self.bytes[seen..at]).map_or(line, |n| seen + n + 1);
            seen = at;
            let inside = || self.alone_in_marker_line(at, line).then(|| ('\r', Span::new(at, at + 1)));
            before_marker(at, '\r').or_else(inside)
        });
        // The first bytes of the other characters.
        let others = memchr::memchr3_iter(0xC2, 0xE2, 0xEF, text)
            .map(|at| start + at)
            .find_map(|at| before_marker(at, odd(at)?));
        returns.into_iter().chain(others).min_by_key(|(_, span)| span.start)
    }

    /// Whether the carriage return at `at` has no line feed and is in the line of a marker or a directive, which begins
    /// at `line`, so that for some readers another line begins there.
    fn alone_in_marker_line(&self, at: usize, line: usize) -> bool {
        if self.bytes.get(at + 1).is_none_or(|&next| next == b'\n') {
            return false;
        }
        let line = line.max(self.bom);
        is_marker(self.bytes, line) || self.bytes.get(line) == Some(&b'%')
    }

    /// All documents, in order.
    pub fn segments(&self) -> Segments<'s> {
        Segments { source: *self, at: self.bom, index: 0, after_end: false }
    }
}

/// Number of documents that a thread takes at a time.
const HANDFUL: usize = 16;

/// Number of bytes that a thread searches at a time; they stay in the processor's cache for the second search.
const PIECE: usize = 1 << 20;

/// The documents that contain or could contain a needle, in order.
pub fn documents<'s>(source: &Source<'s>, needles: &Needles) -> Vec<Document<'s>> {
    let wanted = |document: Document<'s>| {
        let any = needles.any(document.bytes);
        let literal = any && needles.literal(document.bytes);
        let wanted = literal
            || any && needles.also.iter().any(|word| word.find(document.bytes).is_some())
            || needles.possible(document.bytes);
        wanted.then_some(Document { literal, ..document })
    };
    parallel::filter_map(source.bytes.len().div_ceil(PIECE), source.segments(), HANDFUL, wanted)
}

/// Whether a marker line, `---` or `...`, begins at `at`, which must be the start of a line.
pub fn is_marker(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..at + 3), Some(b"---" | b"..."))
        && matches!(bytes.get(at + 3), None | Some(b' ' | b'\t' | b'\r' | b'\n'))
}

/// Offset after the line break of the line that contains `at`, or the end.
pub(crate) fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n + 1)
}

/// Offset of the start of the line that contains `at`.
pub(crate) fn line_start(bytes: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |n| n + 1)
}

/// Iterator over a source's documents; see [`Source::segments`].
#[derive(Clone, Debug)]
pub struct Segments<'s> {
    source: Source<'s>,
    at: usize,
    index: usize,
    after_end: bool,
}

impl<'s> Segments<'s> {
    fn document(&mut self, end: usize, bare: bool) -> Document<'s> {
        let span = Span::new(self.at, end);
        let document = Document {
            bytes: &self.source.bytes[span.range()],
            span,
            index: self.index,
            format: self.source.format,
            literal: false,
            bare,
        };
        self.index += 1;
        self.at = end;
        document
    }
}

impl<'s> Iterator for Segments<'s> {
    type Item = Document<'s>;

    fn next(&mut self) -> Option<Document<'s>> {
        let bytes = self.source.bytes;
        if self.source.format == Format::Json {
            let value = json::values(&bytes[self.at..]).next()?.ok()?;
            return Some(self.document(self.at + value.end, false));
        }
        let from = self.at;
        // Whether anything but comments, directives and blank lines was seen since `from`.
        let mut content = false;
        let mut explicit = false;
        let mut line = from;
        loop {
            if line >= bytes.len() {
                // Comments after the last document are not a document, unless some readers see more than comments.
                let more = content || explicit || has_odd_break(&bytes[from..]);
                return more.then(|| self.document(bytes.len(), self.after_end && !explicit));
            }
            let seen = content || explicit;
            let marker = is_marker(bytes, line).then(|| bytes[line]);
            if marker == Some(b'.') {
                line = line_end(bytes, line);
                let bare = self.after_end && !explicit;
                self.after_end = true;
                if seen {
                    return Some(self.document(line, bare));
                }
            } else if marker.is_some() {
                if seen {
                    let bare = self.after_end && !explicit;
                    self.after_end = false;
                    return Some(self.document(line, bare));
                }
                explicit = true;
                line = line_end(bytes, line);
            } else if seen {
                // Inside a document, only the next marker matters.
                line = next_marker(bytes, line);
            } else {
                content = !is_prefix_line(&bytes[line..]);
                line = line_end(bytes, line);
            }
        }
    }
}

/// Offset of the next line after the one at `line` that begins with a marker's three characters, or the end.
fn next_marker(bytes: &[u8], line: usize) -> usize {
    let text = &bytes[line..];
    // Two searches, of which the nearer result counts; `...` is rare, so it is searched only up to the next `---`.
    let dashes = memmem::find(text, b"\n---");
    let dots = memmem::find(&text[..dashes.unwrap_or(text.len())], b"\n...");
    dots.or(dashes).map_or(bytes.len(), |at| line + at + 1)
}

/// Offset after the last `...` line that precedes all content of a document.
pub(super) fn behind_end_markers(bytes: &[u8]) -> usize {
    let (mut at, mut behind) = (0, 0);
    while at < bytes.len() {
        let end = line_end(bytes, at);
        if is_marker(bytes, at) && bytes[at] == b'.' {
            behind = end;
        } else if !is_prefix_line(&bytes[at..]) {
            break;
        }
        at = end;
    }
    behind
}

/// Whether the line does not begin a document: it is blank, a comment or a directive. After a carriage return without a
/// line feed, another line begins, which can contain anything.
fn is_prefix_line(rest: &[u8]) -> bool {
    let line = &rest[..line_end(rest, 0)];
    if memchr::memchr_iter(b'\r', line).any(|at| line.get(at + 1).is_some_and(|&next| next != b'\n')) {
        return false;
    }
    match rest.iter().position(|b| !matches!(b, b' ' | b'\t')) {
        None => true,
        Some(at) => match rest[at] {
            b'\n' | b'#' => true,
            b'\r' => matches!(rest.get(at + 1), None | Some(b'\n')),
            b'%' => at == 0,
            _ => false,
        },
    }
}

/// Span of the line that contains `at`, including its line break.
pub fn line_around(bytes: &[u8], at: usize) -> Span {
    Span::new(line_start(bytes, at), line_end(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        Source::new(text.as_bytes()).segments().map(|d| String::from_utf8_lossy(d.bytes).into_owned()).collect()
    }

    #[test]
    fn cuts_at_markers_only() {
        for (text, want) in [
            ("", vec![]),
            ("# c\n", vec![]),
            ("a: 1\n", vec!["a: 1\n"]),
            ("# c\n---\na: 1\n---\nb: 2", vec!["# c\n---\na: 1\n", "---\nb: 2"]),
            ("a: |\n  ---\n  x\n", vec!["a: |\n  ---\n  x\n"]),
            ("a: 1\n----\n", vec!["a: 1\n----\n"]),
            ("a: 1\n...\n# c\nb: 2\n", vec!["a: 1\n...\n", "# c\nb: 2\n"]),
            ("---\n---\n", vec!["---\n", "---\n"]),
            ("%YAML 1.2\n---\na\n...\n%YAML 1.2\n---\nb\n", vec!["%YAML 1.2\n---\na\n...\n", "%YAML 1.2\n---\nb\n"]),
            ("a: 1\r\n---\r\nb: 2\r\n", vec!["a: 1\r\n", "---\r\nb: 2\r\n"]),
            ("--- {a: 1}\n--- |\n x", vec!["--- {a: 1}\n", "--- |\n x"]),
            ("{\"a\": 1}\n{\"b\": 2}\n", vec!["{\"a\": 1}", "\n{\"b\": 2}\n"]),
        ] {
            assert_eq!(cut(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_document_after_an_end_marker_is_bare_unless_it_has_its_own_start() {
        let bare: Vec<bool> =
            Source::new(b"a: 1\n...\nb: 2\n---\nc: 3\n...\n---\nd: 4\n").segments().map(|d| d.bare).collect();
        assert_eq!(bare, [false, true, false, false]);
    }

    #[test]
    fn the_filter_keeps_every_spelling_of_a_needle() {
        let needles = Needles::new([["AWSCluster"].as_slice()]);
        for text in [
            "kind: AWSCluster",
            "kind: \"AWSClu\\x73ter\"",
            "kind: \"\\u0041WSCluster\"",
            "kind: \"AWS\\\n  Cluster\"",
            "kind: !!binary QVdTQ2x1c3Rlcg==",
            "%TAG !b! tag:yaml.org,2002:\n---\nkind: !b!binary QVdTQ2x1c3Rlcg==",
        ] {
            assert!(!documents(&Source::new(text.as_bytes()), &needles).is_empty(), "{text}");
        }
        for text in ["kind: Pod", "a: \"\\x20\"", "a: 'x\\\n y'"] {
            assert!(documents(&Source::new(text.as_bytes()), &needles).is_empty(), "{text}");
        }
    }

    /// [`Source::doubtful_marker`] as its documentation defines it, character by character.
    fn doubtful_by_character(text: &str) -> Option<usize> {
        let opens = |rest: &str| rest.starts_with('%') || is_marker(rest.as_bytes(), 0);
        text.char_indices().find_map(|(at, character)| {
            let rest = &text[at + character.len_utf8()..];
            let line = text[..at].rsplit('\n').next().unwrap_or_default();
            let line = if at == line.len() { line.trim_start_matches('\u{feff}') } else { line };
            let whole = format!("{line}{}", &text[at..]);
            let found = match character {
                '\r' => opens(rest) || !rest.is_empty() && !rest.starts_with('\n') && opens(&whole),
                '\u{feff}' => at > 0 && opens(rest),
                '\u{85}' | '\u{2028}' | '\u{2029}' => opens(rest),
                _ => false,
            };
            found.then_some(at)
        })
    }

    proptest::proptest! {
        #[test]
        fn a_doubtful_marker_is_found_wherever_the_text_is_cut(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "---", "...", "%", "\r", "\n", "\r\n", "\u{85}", "\u{2028}", "\u{2029}", "\u{feff}", " ", "a", "é", "\u{3000}",
            ]), 0..16),
            piece in 1_usize..8,
        ) {
            let text = parts.concat();
            let source = Source::new(text.as_bytes());
            let want = doubtful_by_character(&text);
            proptest::prop_assert_eq!(source.doubtful_marker().map(|(_, span)| span.start), want);
            proptest::prop_assert_eq!(source.doubtful_by(piece).map(|(_, span)| span.start), want);
        }
    }
}
