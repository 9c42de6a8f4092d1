//! The result of a command: text for both streams, and the exit status.

use std::process::ExitCode;
use std::rc::Rc;

use xaccount::diag::{Diagnostic, FileId, SourceFile, SourceFiles};

/// The exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: done.
    Done,
    /// 1: a check found something, for example a file that would change.
    Found,
    /// 2: an error or wrong usage.
    Error,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Done => Self::SUCCESS,
            ExitStatus::Found => Self::from(1),
            ExitStatus::Error => Self::from(2),
        }
    }
}

/// A message for stderr, not formatted yet.
pub(crate) enum Message {
    /// Warnings and errors, with the files that they refer to.
    Diagnostics(Vec<Diagnostic>, Rc<dyn SourceFiles>),
    /// Warnings that `--quiet` keeps: the result is not what was requested.
    Kept(Vec<Diagnostic>, Rc<dyn SourceFiles>),
    /// Findings, printed with the ids of their rules.
    Findings(Vec<Diagnostic>, Rc<dyn SourceFiles>),
    /// A line about the run, which `--quiet` drops.
    Note(String),
}

/// Messages for stderr, in their order.
#[derive(Default)]
pub(crate) struct Messages(Vec<Message>);

impl Messages {
    /// Adds diagnostics about these files.
    pub(crate) fn about(&mut self, files: &Rc<impl SourceFiles + 'static>, diagnostics: Vec<Diagnostic>) {
        self.0.push(Message::Diagnostics(diagnostics, Rc::clone(files) as Rc<dyn SourceFiles>));
    }

    /// Adds warnings about these files that `--quiet` keeps.
    pub(crate) fn kept(&mut self, files: &Rc<impl SourceFiles + 'static>, warnings: Vec<Diagnostic>) {
        self.0.push(Message::Kept(warnings, Rc::clone(files) as Rc<dyn SourceFiles>));
    }

    /// Adds findings, each with its rule.
    pub(crate) fn findings(&mut self, files: &Rc<impl SourceFiles + 'static>, findings: Vec<Diagnostic>) {
        self.0.push(Message::Findings(findings, Rc::clone(files) as Rc<dyn SourceFiles>));
    }

    /// Adds diagnostics without places.
    pub(crate) fn plain(&mut self, diagnostics: Vec<Diagnostic>) {
        self.0.push(Message::Diagnostics(diagnostics, Rc::new(NoFiles)));
    }

    /// Adds a line about the run.
    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.0.push(Message::Note(line.into()));
    }

    /// These messages, then others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The messages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.0.iter()
    }
}

/// The files for diagnostics without places: none.
struct NoFiles;

impl SourceFiles for NoFiles {
    fn source(&self, _: FileId) -> SourceFile<'_> {
        SourceFile::new(String::new(), [])
    }
}

/// What to print. Nothing is printed before the command is finished.
pub(crate) struct Printed {
    /// For stderr, before the result.
    pub(crate) messages: Messages,
    pub(crate) stdout: Vec<u8>,
    /// The summary for stderr, after the result, line by line. `--quiet` drops it.
    pub(crate) summary: Vec<String>,
    pub(crate) status: ExitStatus,
}

impl Printed {
    /// A result without messages.
    pub(crate) fn of(stdout: Vec<u8>) -> Self {
        Self { messages: Messages::default(), stdout, summary: Vec::new(), status: ExitStatus::Done }
    }
}

/// Why a command has no result. Nothing goes to stdout, and the exit status is [`ExitStatus::Error`].
pub(crate) struct CommandError(pub(crate) Messages);

impl CommandError {
    /// Errors about these files.
    pub(crate) fn about(files: &Rc<impl SourceFiles + 'static>, errors: Vec<Diagnostic>) -> Self {
        Self::after(Messages::default(), files, errors)
    }

    /// Errors about these files, after other messages.
    pub(crate) fn after(
        mut messages: Messages,
        files: &Rc<impl SourceFiles + 'static>,
        errors: Vec<Diagnostic>,
    ) -> Self {
        messages.about(files, errors);
        Self(messages)
    }
}

impl From<Vec<Diagnostic>> for CommandError {
    fn from(errors: Vec<Diagnostic>) -> Self {
        let mut messages = Messages::default();
        messages.plain(errors);
        Self(messages)
    }
}

impl From<Diagnostic> for CommandError {
    fn from(error: Diagnostic) -> Self {
        vec![error].into()
    }
}
