//! An error at a place of one text.

use lossless_yaml::Span;

use super::diagnostic::Diagnostic;
use super::place::{FileId, Location};

/// An error in a text, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpannedError {
    /// One sentence without a final full stop.
    pub message: String,
    /// The bytes of the text to which it refers.
    pub span: Span,
    /// What to do about it.
    pub help: Vec<String>,
}

impl SpannedError {
    /// Creates an error at a place of the text.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, help: Vec::new() }
    }

    /// This error as a diagnostic for a file, of which `window` may be shown.
    pub fn in_file(self, file: FileId, window: Option<Span>) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.message).at(Location { file, span: self.span, window }, "");
        diagnostic.help = self.help;
        diagnostic
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }
}
