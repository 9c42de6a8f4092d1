//! Lines of a text, counted from 1.

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
