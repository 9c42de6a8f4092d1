//! Diagnostics: severity, message, place, and what to type next.

use std::fmt;

use super::escape::escape_control;
use super::place::Location;
use super::rule_id::RuleId;

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Information.
    Note,
    /// Something will go wrong; the message describes when.
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

/// A place, with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub at: Location,
    /// A few words about it; may be empty.
    pub text: String,
}

/// A message: what is wrong, where, and what to type next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The severity.
    pub severity: Severity,
    /// The rule of `lint` that it belongs to.
    pub rule: Option<RuleId>,
    /// What is wrong, in one sentence without a final full stop.
    pub message: String,
    /// The place to which the message refers.
    pub primary: Option<Label>,
    /// Related places.
    pub others: Vec<Label>,
    /// What it means and what to type next, one line each.
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

    /// Sets the rule.
    #[must_use]
    pub fn rule(mut self, id: RuleId) -> Self {
        self.rule = Some(id);
        self
    }

    /// Adds the place to which the message refers. An object that is not in a file has none; the message names it.
    #[must_use]
    pub fn at(mut self, at: impl Into<Option<Location>>, text: impl Into<String>) -> Self {
        if let Some(at) = at.into() {
            self.primary = Some(Label { at, text: text.into() });
        }
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
        let rule = self.rule.map_or_else(String::new, |id| format!("[{}]", id.code()));
        write!(f, "{}{rule}: {}", self.severity, escape_control(&self.message))
    }
}
