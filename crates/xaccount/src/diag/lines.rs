//! Lines of a text, counted from 1.

/// A place as people count it: lines and columns from 1, columns in Unicode characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The start and end of each line of a text.
#[derive(Clone, Debug)]
pub struct LineIndex {
    /// Offsets of the line breaks.
    breaks: Vec<usize>,
    length: usize,
}

impl LineIndex {
    /// Finds the lines of a text.
    pub fn new(text: &[u8]) -> Self {
        Self { breaks: memchr::memchr_iter(b'\n', text).collect(), length: text.len() }
    }

    /// The number of the line that contains an offset.
    pub fn line(&self, offset: usize) -> usize {
        self.breaks.partition_point(|&end| end < offset) + 1
    }

    /// The position of an offset. A byte-order mark is not counted as a column.
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

    /// The offset at which a line ends, without its line break.
    pub fn end(&self, line: usize) -> usize {
        self.breaks.get(line - 1).copied().unwrap_or(self.length)
    }
}

/// The number of the line that contains an offset, for a text that needs only one lookup.
pub fn line_of(text: &[u8], offset: usize) -> usize {
    memchr::memchr_iter(b'\n', &text[..offset.min(text.len())]).count() + 1
}
