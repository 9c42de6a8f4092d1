//! Places in a text.

use std::ops::Range;

/// A half-open range of bytes, counted from the start of a file (a byte-order mark included).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The span from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The same span, counted from `base` bytes earlier.
    pub fn shifted(self, base: usize) -> Self {
        Self::new(self.start + base, self.end + base)
    }

    /// The span as a range to slice with.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether the span covers no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}
