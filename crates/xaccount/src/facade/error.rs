//! The error of all verbs.

use std::fmt;

use super::place::SourcePlace;
use crate::aws::{AccountIdError, RoleArnError};
use crate::diag::{Diagnostic, Severity, escape_control};

/// Why a verb fails: all errors, with their places.
///
/// As text it is one line: the first error with its place, and how many more there are. [`Self::diagnostics`] has all
/// of them, and what to do about each.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    diagnostics: Vec<Diagnostic>,
    /// The place of each diagnostic.
    places: Vec<Option<SourcePlace>>,
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself: an account id that is not one, two files of one name, a file that is not one of the manifests.
    InvalidRequest,
    /// No object can carry an identity reference, or none of those that can is selected.
    EmptySelection,
    /// A manifest can't be read, contradicts the request, or can't be edited with certainty.
    Refused,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, diagnostics: Vec<Diagnostic>, places: Vec<Option<SourcePlace>>) -> Self {
        Self { kind, diagnostics, places }
    }

    /// An error in the call, which has no place in a file.
    pub(super) fn request(diagnostic: Diagnostic) -> Self {
        Self::requests(vec![diagnostic])
    }

    /// Several of them.
    pub(super) fn requests(diagnostics: Vec<Diagnostic>) -> Self {
        let places = vec![None; diagnostics.len()];
        Self::new(ErrorKind::InvalidRequest, diagnostics, places)
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// All errors, and the warnings that were found before them.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The same with the places in the files that they are about.
    pub fn with_places(&self) -> impl Iterator<Item = (&Diagnostic, Option<&SourcePlace>)> {
        self.diagnostics.iter().zip(self.places.iter().map(Option::as_ref))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = self.with_places().filter(|(diagnostic, _)| diagnostic.severity == Severity::Error);
        let Some((first, place)) = errors.next() else { return f.write_str("refused") };
        if let Some(place) = place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&escape_control(&first.message))?;
        match errors.count() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

/// As `main` prints it: the text, and what to do about it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let first = self.diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error);
        first.iter().flat_map(|first| &first.help).try_for_each(|line| write!(f, "\n  {}", escape_control(line)))
    }
}

impl std::error::Error for Error {}

impl From<AccountIdError> for Error {
    fn from(error: AccountIdError) -> Self {
        Self::request(with_suggestion(error.to_string(), error.suggestion()))
    }
}

impl From<RoleArnError> for Error {
    fn from(error: RoleArnError) -> Self {
        Self::request(with_suggestion(error.to_string(), error.suggestion()))
    }
}

fn with_suggestion(message: String, suggestion: Option<String>) -> Diagnostic {
    let error = Diagnostic::error(message);
    match suggestion {
        Some(right) => error.help(format!("perhaps {right}")),
        None => error,
    }
}
