//! A file as messages show it: where its lines begin is found once, however many of them are about it.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use xaccount::diag::{FileId, Span};
use xaccount::files::FileBytes;

/// Bytes whose characters are counted together.
const BLOCK: usize = 1024;

/// So many files are kept; findings are in the order of the files, and what else they are about is in a few.
const KEPT: usize = 4;

/// A file as a finding shows it.
#[derive(Debug, Default)]
pub(crate) struct Shown<'f> {
    /// Its name, with `/`.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: FileBytes<'f>,
    index: OnceCell<Index>,
}

#[derive(Debug)]
struct Index {
    /// Where the line breaks are.
    breaks: Vec<usize>,
    /// How many characters begin before each block; `None` for what is not UTF-8.
    characters: Option<Vec<usize>>,
}

/// A place as people count it: lines and columns from 1, columns in Unicode characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: usize,
    /// The column.
    pub(crate) column: usize,
}

impl<'f> Shown<'f> {
    /// A file of this name; without bytes where they can't be had.
    pub(crate) fn new(name: String, bytes: Option<FileBytes<'f>>) -> Self {
        Self { name, bytes: bytes.unwrap_or_default(), index: OnceCell::new() }
    }

    /// Where an offset is. A byte-order mark is no column.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let line = self.line(offset);
        let mut start = self.start(line);
        if start == 0 && self.bytes[..offset].starts_with(b"\xEF\xBB\xBF") {
            start = 3;
        }
        Position { line, column: self.characters(start, offset) + 1 }
    }

    /// The number of the line that holds an offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.index().breaks.partition_point(|&end| end < offset) + 1
    }

    /// Where a line begins.
    pub(super) fn start(&self, line: usize) -> usize {
        line.checked_sub(2).map_or(0, |before| self.index().breaks[before] + 1)
    }

    /// Where a line ends, its break not counted.
    pub(super) fn end(&self, line: usize) -> usize {
        self.index().breaks.get(line - 1).copied().unwrap_or(self.bytes.len())
    }

    /// The span's end on the line where it begins: a place of many lines is pointed at by its first.
    pub(super) fn first_line(&self, span: Span) -> Span {
        let (start, end) = (span.start.min(self.bytes.len()), span.end.min(self.bytes.len()));
        Span::new(start, end.min(self.end(self.line(start))).max(start))
    }

    /// How many characters are between the start of one and another place; a part of one counts.
    pub(super) fn characters(&self, start: usize, end: usize) -> usize {
        let text = &self.bytes[start..end];
        let Some(before) = self.index().characters.as_ref().filter(|_| text.len() > BLOCK) else {
            return String::from_utf8_lossy(text).chars().count();
        };
        let upto = |at: usize| before[at / BLOCK] + begun(&self.bytes[at / BLOCK * BLOCK..at]);
        upto(end) - upto(start)
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let breaks = memchr::memchr_iter(b'\n', &self.bytes).collect();
            let characters = std::str::from_utf8(&self.bytes).is_ok().then(|| {
                let blocks = self.bytes.chunks(BLOCK).scan(0, |sum, block| {
                    *sum += begun(block);
                    Some(*sum)
                });
                std::iter::once(0).chain(blocks).collect()
            });
            Index { breaks, characters }
        })
    }
}

/// How many characters begin in a part of a UTF-8 text.
fn begun(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

/// The files that were shown last, so that one is read once for all that is about it.
#[derive(Debug, Default)]
pub(crate) struct LastShown<'f>(RefCell<Vec<(FileId, Rc<Shown<'f>>)>>);

impl<'f> LastShown<'f> {
    /// A file, which `read` reads where it is none of the last.
    pub(crate) fn get(&self, file: FileId, read: impl FnOnce() -> Shown<'f>) -> Rc<Shown<'f>> {
        let mut last = self.0.borrow_mut();
        let place = last.iter().position(|(existing, _)| *existing == file);
        let one = place.map_or_else(|| (file, Rc::new(read())), |place| last.remove(place));
        last.truncate(KEPT - 1);
        last.insert(0, one.clone());
        one.1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counted from the beginning, each time.
    fn plain(bytes: &[u8], offset: usize) -> Position {
        let offset = offset.min(bytes.len());
        let start = memchr::memrchr(b'\n', &bytes[..offset]).map_or(0, |at| at + 1);
        let line = memchr::memchr_iter(b'\n', &bytes[..start]).count() + 1;
        let text = &bytes[start..offset];
        let text = if start == 0 { text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text) } else { text };
        Position { line, column: String::from_utf8_lossy(text).chars().count() + 1 }
    }

    proptest! {
        #[test]
        fn places_are_those_that_are_counted_one_by_one(
            parts in prop::collection::vec(("[aé日😀\u{feff}]{0,3}", 1..900_usize, prop::sample::select(vec!["", "\n", "\r\n"])), 0..8),
            odd in prop::option::of((any::<prop::sample::Index>(), prop::sample::select(vec![0x80_u8, 0xC3, 0xFF]))),
            offsets in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        ) {
            let mut bytes: Vec<u8> =
                parts.iter().map(|(text, count, end)| text.repeat(*count) + end).collect::<String>().into_bytes();
            if let Some((at, byte)) = odd {
                let at = at.index(bytes.len() + 1);
                bytes.insert(at, byte);
            }
            let shown = Shown::new(String::new(), Some(bytes.clone().into()));
            for offset in offsets.iter().map(|at| at.index(bytes.len() + 2)).chain([0, bytes.len()]) {
                prop_assert_eq!(shown.position(offset), plain(&bytes, offset), "{}", offset);
            }
        }
    }
}
