//! What every check and every error is made of: spans, labels, diagnostics.
//!
//! Nothing here formats for people.

mod lines;
mod source_map;

use std::borrow::Cow;
use std::fmt;

pub use lines::{LineIndex, Position, line_of};
pub use lossless_yaml::Span;
pub use source_map::{OneSource, SourceFile, SourceFiles, SourceMap};

/// Which input of a run: an index into its list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub usize);

/// A place in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes meant.
    pub span: Span,
    /// The bytes of which text may be shown around it: the object's own document. `None` where no text may be shown,
    /// because it could belong to a Secret or a ConfigMap.
    pub window: Option<Span>,
}

/// Text of a manifest or a path as it may stand in a message: control characters are made visible, so that nothing can
/// forge a line or reach a terminal as an escape sequence.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    // What turns the direction of text round can make it read as another one.
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(|c| if odd(c) { show(c) } else { c }).collect())
}

/// What is wrong with a text, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpannedError {
    /// One sentence without a final stop.
    pub message: String,
    /// The bytes of the text that it is about.
    pub span: Span,
    /// What to do about it.
    pub help: Vec<String>,
}

impl SpannedError {
    /// An error at a place of the text.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, help: Vec::new() }
    }

    /// As a diagnostic about a file, of which `window` may be shown.
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

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will go wrong, and the message says when.
    Warning,
    /// Nothing is written.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A place and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub at: Location,
    /// What, in a few words; may be empty.
    pub text: String,
}

/// One finding: what is wrong, where, and what to type next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The rule of `lint` that it is of: `XA001`.
    pub rule: Option<&'static str>,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// The place that the message is about.
    pub primary: Option<Label>,
    /// Other places that belong to it.
    pub others: Vec<Label>,
    /// What it means and what to type next, a line each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, rule: None, message: message.into(), primary: None, others: Vec::new(), help: Vec::new() }
    }

    /// A note without a place.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    /// Says of which rule it is.
    #[must_use]
    pub fn rule(mut self, id: &'static str) -> Self {
        self.rule = Some(id);
        self
    }

    /// Adds the place that the message is about.
    #[must_use]
    pub fn at(mut self, at: Location, text: impl Into<String>) -> Self {
        self.primary = Some(Label { at, text: text.into() });
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn also(mut self, at: Location, text: impl Into<String>) -> Self {
        self.others.push(Label { at, text: text.into() });
        self
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }
}

/// One line without place and help: `error[XA001]: …`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule.map_or_else(String::new, |id| format!("[{id}]"));
        write!(f, "{}{rule}: {}", self.severity, escape_control(&self.message))
    }
}
