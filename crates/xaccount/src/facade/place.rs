//! Files in memory, and places in them by line and column.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::diag::{LineIndex, Position, escape_control};

/// A place in a file, as an editor shows it. It is displayed as `FILE:LINE:COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SourcePlace {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in Unicode characters. A byte order mark is not a column.
    pub column: usize,
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", escape_control(&self.file), self.line, self.column)
    }
}

/// A file in memory. Clones share its bytes.
#[derive(Clone, Debug)]
pub(super) struct MemoryFile {
    pub(super) name: String,
    pub(super) bytes: Arc<Vec<u8>>,
    /// The index of its lines, made when it is first needed.
    lines: OnceLock<LineIndex>,
}

impl MemoryFile {
    pub(super) fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes: Arc::new(bytes), lines: OnceLock::new() }
    }

    /// The place of an offset.
    pub(super) fn place(&self, offset: usize) -> SourcePlace {
        let lines = self.lines.get_or_init(|| LineIndex::new(&self.bytes));
        let Position { line, column } = lines.position(&self.bytes, offset);
        SourcePlace { file: self.name.clone(), line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let file = MemoryFile::new("a\u{7}.yaml".into(), "\u{feff}ä: 1\nb: 2\n".into());
        for (offset, line, column) in [(3, 1, 1), (5, 1, 2), (8, 1, 5), (9, 2, 1), (12, 2, 4), (99, 3, 1)] {
            let place = file.place(offset);
            assert_eq!((place.line, place.column), (line, column), "{offset}");
        }
        assert_eq!(file.place(9).to_string(), "a\u{2407}.yaml:2:1");
    }
}
