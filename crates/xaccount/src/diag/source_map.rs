//! The files to which diagnostics refer: names, bytes, lines and columns.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::lines::{LineIndex, Position};
use super::{FileId, Span};

/// Number of bytes whose characters are counted together.
const BLOCK: usize = 1024;

/// Number of files that are kept. Diagnostics are in the order of the files, and their related places are in few files.
const KEPT: usize = 4;

/// A provider of the files to which diagnostics refer.
pub trait SourceFiles {
    /// The file; without bytes if they are no longer available.
    fn source(&self, file: FileId) -> SourceFile<'_>;
}

/// A file, as shown in messages.
pub struct SourceFile<'f> {
    /// Its name, with `/`.
    pub name: String,
    bytes: Box<dyn AsRef<[u8]> + 'f>,
    lines: OnceCell<LineIndex>,
    /// Number of characters that begin before each block; `None` if the text is not UTF-8.
    characters: OnceCell<Option<Vec<usize>>>,
}

impl fmt::Debug for SourceFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'f> SourceFile<'f> {
    /// Creates a file with this name.
    pub fn new(name: String, bytes: impl AsRef<[u8]> + 'f) -> Self {
        Self { name, bytes: Box::new(bytes), lines: OnceCell::new(), characters: OnceCell::new() }
    }

    /// Its bytes; empty if they are not available.
    pub fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// Its lines, which are found only once, for all messages.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(self.bytes()))
    }

    /// The position of an offset. A byte-order mark is not counted as a column.
    pub fn position(&self, offset: usize) -> Position {
        let bytes = self.bytes();
        let offset = offset.min(bytes.len());
        let line = self.lines().line(offset);
        let mut start = self.lines().start(line);
        if start == 0 && bytes[..offset].starts_with(b"\xEF\xBB\xBF") {
            start = 3;
        }
        Position { line, column: self.characters_between(start, offset) + 1 }
    }

    /// The name and the line of an offset: `.xaccount.yaml:12`.
    pub fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.name, self.lines().line(offset))
    }

    /// The part of the span on its first line, for a span over several lines.
    pub fn first_line(&self, span: Span) -> Span {
        let length = self.bytes().len();
        let (start, end) = (span.start.min(length), span.end.min(length));
        Span::new(start, end.min(self.lines().end(self.lines().line(start))).max(start))
    }

    /// Number of characters between the start of a character and another offset; a partial character counts.
    pub fn characters_between(&self, start: usize, end: usize) -> usize {
        let bytes = self.bytes();
        let text = &bytes[start..end];
        let Some(before) = self.characters().filter(|_| text.len() > BLOCK) else {
            return String::from_utf8_lossy(text).chars().count();
        };
        let upto = |at: usize| before[at / BLOCK] + begun(&bytes[at / BLOCK * BLOCK..at]);
        upto(end) - upto(start)
    }

    fn characters(&self) -> Option<&[usize]> {
        let counted = self.characters.get_or_init(|| {
            let bytes = self.bytes();
            std::str::from_utf8(bytes).is_ok().then(|| {
                let blocks = bytes.chunks(BLOCK).scan(0, |sum, block| {
                    *sum += begun(block);
                    Some(*sum)
                });
                std::iter::once(0).chain(blocks).collect()
            })
        });
        counted.as_deref()
    }
}

/// Number of characters that begin in a part of a UTF-8 text.
fn begun(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

/// One file, returned for every id.
#[derive(Debug)]
pub struct OneSource {
    name: String,
    bytes: Vec<u8>,
}

impl OneSource {
    /// Creates a file with this name and text.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl SourceFiles for OneSource {
    fn source(&self, _: FileId) -> SourceFile<'_> {
        SourceFile::new(self.name.clone(), &self.bytes)
    }
}

/// The files of diagnostics, each read only once for all its messages.
pub struct SourceMap<'s> {
    files: &'s dyn SourceFiles,
    /// The files that were used last.
    last: RefCell<Vec<(FileId, Rc<SourceFile<'s>>)>>,
}

impl<'s> SourceMap<'s> {
    /// Creates a map of the files from this provider.
    pub fn new(files: &'s dyn SourceFiles) -> Self {
        Self { files, last: RefCell::default() }
    }

    /// A file.
    pub fn get(&self, file: FileId) -> Rc<SourceFile<'s>> {
        let mut last = self.last.borrow_mut();
        let place = last.iter().position(|(existing, _)| *existing == file);
        let one = place.map_or_else(|| (file, Rc::new(self.files.source(file))), |place| last.remove(place));
        last.truncate(KEPT - 1);
        last.insert(0, one.clone());
        one.1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The position, counted from the beginning each time.
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
            let shown = SourceFile::new(String::new(), bytes.clone());
            for offset in offsets.iter().map(|at| at.index(bytes.len() + 2)).chain([0, bytes.len()]) {
                prop_assert_eq!(shown.position(offset), plain(&bytes, offset), "{}", offset);
            }
        }
    }
}
