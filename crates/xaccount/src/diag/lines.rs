//! Lines of a text, counted from 1.

/// A place as people count it: lines and columns from 1, columns in Unicode characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Where the lines of a text begin and end.
#[derive(Clone, Debug)]
pub struct LineIndex {
    /// Offsets of the line breaks.
    breaks: Vec<usize>,
    length: usize,
}

impl LineIndex {
    /// The lines of a text.
    pub fn new(text: &[u8]) -> Self {
        Self { breaks: memchr::memchr_iter(b'\n', text).collect(), length: text.len() }
    }

    /// The number of the line that holds an offset.
    pub fn line(&self, offset: usize) -> usize {
        self.breaks.partition_point(|&end| end < offset) + 1
    }

    /// Where an offset of the text is. A byte-order mark is not a column.
    pub fn position(&self, text: &[u8], offset: usize) -> Position {
        let offset = offset.min(text.len());
        let line = self.line(offset);
        let start = self.start(line);
        let before = &text[start..offset];
        let before = if start == 0 { before.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(before) } else { before };
        Position { line, column: String::from_utf8_lossy(before).chars().count() + 1 }
    }

    /// The offset at which a line begins.
    pub fn start(&self, line: usize) -> usize {
        line.checked_sub(2).map_or(0, |before| self.breaks[before] + 1)
    }

    /// The offset at which a line ends, its break not counted.
    pub fn end(&self, line: usize) -> usize {
        self.breaks.get(line - 1).copied().unwrap_or(self.length)
    }
}

/// The number of the line that holds an offset, of a text that is asked only once.
pub fn line_of(text: &[u8], offset: usize) -> usize {
    memchr::memchr_iter(b'\n', &text[..offset.min(text.len())]).count() + 1
}
