//! A filter for documents of interest, by their bytes.

use aho_corasick::packed;
use memchr::memmem;

/// The words to search for: a document is of interest if it contains one of them.
///
/// A document is skipped only if no parsed scalar of it can contain a needle: it contains no needle literally, no
/// escape could spell a letter of one, and no tag (`!!binary`) could hide one.
#[derive(Debug)]
pub struct Needles {
    /// Groups of words. All words of a group must be present.
    words: Vec<Vec<memmem::Finder<'static>>>,
    /// Words of documents that are read as well, if possible.
    pub(crate) also: Vec<memmem::Finder<'static>>,
    /// One search for the first word of each group and `also`; `None` if this processor does not support it.
    any: Option<packed::Searcher>,
    letters: [bool; 256],
}

impl Needles {
    /// Creates needles. Each is a group of ASCII words that must all be present.
    pub fn new<'w>(groups: impl IntoIterator<Item = &'w [&'w str]>) -> Self {
        let mut letters = [false; 256];
        let words: Vec<Vec<_>> = groups
            .into_iter()
            .map(|group| {
                group
                    .iter()
                    .map(|word| {
                        word.bytes().for_each(|b| letters[usize::from(b)] = true);
                        memmem::Finder::new(word.as_bytes()).into_owned()
                    })
                    .collect()
            })
            .collect();
        let any = any(&words, &[]);
        Self { words, also: Vec::new(), any, letters }
    }

    /// Adds words, for documents that contain one of them literally. Such a document is only read as well: it is not
    /// [`literal`](crate::Document::literal), and it is not an error if it can't be read.
    #[must_use]
    pub fn also(mut self, words: &[&str]) -> Self {
        self.also.extend(words.iter().map(|word| memmem::Finder::new(word.as_bytes()).into_owned()));
        self.any = any(&self.words, &self.also);
        self
    }

    /// Whether [`also`](Self::also) added this word.
    pub fn has_also(&self, word: &str) -> bool {
        self.also.iter().any(|own| own.needle() == word.as_bytes())
    }

    /// Whether the text contains a needle literally.
    pub fn literal(&self, text: &[u8]) -> bool {
        self.any(text) && self.words.iter().any(|group| group.iter().all(|word| word.find(text).is_some()))
    }

    /// Whether it is worthwhile to search for each of the words.
    pub(crate) fn any(&self, text: &[u8]) -> bool {
        self.any.as_ref().is_none_or(|any| any.find(text).is_some())
    }

    /// Whether a parsed scalar of the text could contain a needle that the text does not contain literally.
    pub fn possible(&self, text: &[u8]) -> bool {
        memchr::memchr3_iter(b'!', b'%', b'\\', text).any(|at| match text[at] {
            b'!' => matches!(text.get(at + 1), Some(b'!' | b'<')),
            // A directive is at the start of a line (for some readers after other line breaks than a line feed), or
            // after a byte-order mark.
            b'%' => at == 0 || matches!(text[at - 1], b'\n' | b'\r' | 0x80..),
            _ => self.escape(text, at),
        })
    }

    /// Whether an escape or a tag of the text does spell a needle, however the text is read: with all escapes resolved,
    /// it contains a needle or, if there are tags, the base64 of one.
    pub fn spelled(&self, text: &[u8]) -> bool {
        if !self.possible(text) {
            return false;
        }
        let plain = unescaped(text);
        // A tag that makes a text binary applies to the whole text, which can have several lines.
        let binary: Option<Vec<u8>> = memchr::memchr(b'!', text)
            .map(|_| plain.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect());
        self.words.iter().any(|group| {
            group.iter().all(|word| {
                let encoded = |text: &Vec<u8>| memmem::find(text, &base64(word.needle())).is_some();
                word.find(&plain).is_some() || binary.as_ref().is_some_and(encoded)
            })
        })
    }

    /// Whether the backslash at `at` could begin an escape that spells, or breaks, a needle.
    fn escape(&self, text: &[u8], at: usize) -> bool {
        spelled_at(text, at).is_some_and(|byte| self.letters[usize::from(byte)])
    }

    /// Whether UTF-16 text of either byte order contains a needle.
    pub(crate) fn in_utf16(&self, bytes: &[u8]) -> bool {
        self.literal(&halved(bytes))
    }
}

pub(crate) fn halved(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|&byte| byte != 0).collect()
}

/// The letter that an escape at `at` spells, or after which it breaks a word.
fn spelled_at(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at + 1) {
        Some(b'\n' | b'\r' | 0xC2 | 0xE2) => text.get(at.checked_sub(1)?).copied(),
        _ => escaped(&text[at..]).map(|(byte, _)| byte),
    }
}

/// The letters of words that a parsed scalar of a text could contain although the text does not contain them literally:
/// as [`Needles::possible`], but computed once for any number of words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters([u64; 4]);

impl Letters {
    /// The letters that escapes of a text spell; all letters if a tag could hide any word.
    pub fn spelled(text: &[u8]) -> Self {
        let mut letters = Self::default();
        for at in memchr::memchr3_iter(b'!', b'%', b'\\', text) {
            let any = match text[at] {
                b'!' => matches!(text.get(at + 1), Some(b'!' | b'<')),
                b'%' => at == 0 || text[at - 1] == b'\n',
                _ => {
                    spelled_at(text, at).into_iter().for_each(|byte| letters.add(byte));
                    false
                }
            };
            if any {
                return Self([u64::MAX; 4]);
            }
        }
        letters
    }

    /// The letters of some words.
    pub fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut letters = Self::default();
        words.into_iter().flat_map(str::bytes).for_each(|byte| letters.add(byte));
        letters
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }

    /// Whether the two have a letter in common.
    pub fn meet(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(own, other)| own & other != 0)
    }

    /// Whether there are no letters.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The character below U+0100 that an escape at the start of a text spells, and the length of the escape.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    let digits = match text.get(1)? {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    let hex = std::str::from_utf8(text.get(2..2 + digits)?).ok()?;
    let code = u32::from_str_radix(hex, 16).ok()?;
    Some((u8::try_from(code).ok()?, 2 + digits))
}

/// A text with everything resolved that can be an escape of a character or a line break, in quotes or not.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', &text[at..]) {
        out.extend_from_slice(&text[at..at + next]);
        at += next;
        let rest = &text[at..];
        let breaks: [&[u8]; 6] = [b"\\\r\n", b"\\\n", b"\\\r", b"\\\xC2\x85", b"\\\xE2\x80\xA8", b"\\\xE2\x80\xA9"];
        if let Some((byte, length)) = escaped(rest) {
            out.push(byte);
            at += length;
        } else if let Some(line_break) = breaks.into_iter().find(|line_break| rest.starts_with(line_break)) {
            let blanks = rest[line_break.len()..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            at += line_break.len() + blanks;
        } else {
            out.push(b'\\');
            at += 1;
        }
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// The beginning of the base64 of every text that begins with this word.
fn base64(word: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| usize::from(word[at / 8] >> (7 - at % 8) & 1);
    (0..word.len() * 8 / 6)
        .map(|digit| DIGITS[(digit * 6..digit * 6 + 6).fold(0, |value, at| value << 1 | bit(at))])
        .collect()
}

/// The search for the first word of each group and for `more` words.
fn any(groups: &[Vec<memmem::Finder<'_>>], more: &[memmem::Finder<'_>]) -> Option<packed::Searcher> {
    packed::Searcher::new(groups.iter().filter_map(|group| group.first()).chain(more).map(memmem::Finder::needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_letters_of_a_text_are_what_needles_ask_for(
            text in "[ab\\\\xu0146!%<\n ]{0,12}",
            words in proptest::collection::vec("[aAFd]{1,2}", 1..4),
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let needles = Needles::new(words.iter().map(std::slice::from_ref));
            let meet = Letters::of(words.iter().copied()).meet(&Letters::spelled(text.as_bytes()));
            proptest::prop_assert_eq!(meet, needles.possible(text.as_bytes()));
        }
    }

    #[test]
    fn an_escape_that_spells_a_needle_is_recognized() {
        let needles = Needles::new([["AWSCluster"].as_slice()]);
        for text in [
            "kind: \"AWSClu\\x73ter\"",
            "{\"kind\":\"\\u0041WSCluster\"",
            "a: {{ b\nkind: \"\\U00000041WSClu\\x73ter\"",
            "kind: \"AWS\\\n   Cluster\"",
            "kind: \"AWS\\\r\n\tCluster\"",
            "kind: \"AWS\\\u{2028}Cluster\"",
            "kind: !!binary QVdTQ2x1c3Rlcg==",
            "kind: !!binary |\n  QVdT\n  Q2x1c3Rlcg==",
            "kind: !!binary \"\\x51VdTQ2x1c3Rlcg==\"",
            "%TAG ! tag:yaml.org,2002:\n---\nkind: !binary QVdTQ2x1c3RlckxpLXN0",
        ] {
            assert!(needles.spelled(text.as_bytes()), "{text}");
        }
        for text in [
            "curl -s \\\n  {{ .url }} # Hello!!",
            "a: \"\\x41 b\"",
            "{{- if a }}\nb: \"\\u0041WS\" !!",
            "data: QVdTQ2x1c3Rlcg==",
            "a: !!x b",
            "a\\",
            "a: \"\\x4",
        ] {
            assert!(!needles.spelled(text.as_bytes()), "{text}");
        }
    }
}
