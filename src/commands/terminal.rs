//! The properties of the streams, and how messages are turned into text.

use std::io::IsTerminal;
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;
use std::sync::{Mutex, PoisonError};

use anstream::AutoStream;
use terminal_size::{Width, terminal_size_of};

use super::printed::{Message, Messages};
use crate::cli::{ColorWhen, Global};
use crate::output::{self, DEFAULT_WIDTH, Screen};
use xaccount::diag::{Diagnostic, Severity, SourceMap, escape_control};

/// Maximum number of errors to show, and of warnings.
const MOST: usize = 20;

/// The properties of the streams, and which messages to print.
pub(crate) struct Terminal {
    pub(crate) stdout: Screen,
    pub(crate) stderr: Screen,
    quiet: bool,
    verbose: u8,
    /// Messages to print first, whether the run succeeds or not.
    first: Mutex<Vec<Diagnostic>>,
}

/// Columns of a stream if it is a terminal; 80 if its width is unknown.
#[cfg(unix)]
pub(crate) fn width_of(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    stream.is_terminal().then(|| terminal_size_of(stream).map_or(DEFAULT_WIDTH, |(Width(columns), _)| columns.into()))
}

/// Columns of a stream if it is a terminal; 80 if its width is unknown.
#[cfg(windows)]
pub(crate) fn width_of(stream: &(impl IsTerminal + AsHandle)) -> Option<usize> {
    stream.is_terminal().then(|| terminal_size_of(stream).map_or(DEFAULT_WIDTH, |(Width(columns), _)| columns.into()))
}

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let colour = |auto: anstream::ColorChoice| match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => auto != anstream::ColorChoice::Never,
        };
        Self {
            stdout: Screen {
                colour: colour(AutoStream::choice(&std::io::stdout())),
                width: width_of(&std::io::stdout()),
            },
            stderr: Screen {
                colour: colour(AutoStream::choice(&std::io::stderr())),
                width: width_of(&std::io::stderr()),
            },
            quiet: global.quiet,
            verbose: global.verbose,
            first: Mutex::default(),
        }
    }

    /// For errors in the command line, of which only `--color` was parsed.
    pub(crate) fn of_errors(colour: clap::ColorChoice) -> Self {
        let colour = match colour {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
        };
        Self { stderr: Screen { colour, width: width_of(&std::io::stderr()) }, ..Self::plain() }
    }

    /// Without colours and terminals; prints all messages.
    pub(crate) fn plain() -> Self {
        Self { stdout: Screen::default(), stderr: Screen::default(), quiet: false, verbose: 0, first: Mutex::default() }
    }

    /// Whether to print what was decided and why.
    pub(crate) fn explains(&self) -> bool {
        self.verbose > 0 && !self.quiet
    }

    /// Whether stdout and stderr are both terminals, so that the result and the messages are shown together.
    pub(crate) fn shows_both(&self) -> bool {
        self.stdout.width.is_some() && self.stderr.width.is_some()
    }

    /// Adds a message to print before all others, whether the run succeeds or not.
    pub(crate) fn say_first(&self, diagnostic: Diagnostic) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic);
    }

    /// Removes and returns the messages to print first.
    pub(crate) fn first_messages(&self) -> Messages {
        let mut messages = Messages::default();
        messages.plain(std::mem::take(&mut self.first.lock().unwrap_or_else(PoisonError::into_inner)));
        messages
    }

    /// Messages as text; `--quiet` keeps only errors, and [`Message::Kept`].
    pub(crate) fn text(&self, messages: &Messages) -> String {
        let mut text = String::new();
        // A blank line between two diagnostics.
        let mut after_diagnostic = false;
        for message in messages.iter() {
            match message {
                Message::Diagnostics(diagnostics, files) | Message::Kept(diagnostics, files) => {
                    let kept = matches!(message, Message::Kept(..));
                    let wanted: Vec<&Diagnostic> =
                        diagnostics.iter().filter(|one| kept || self.is_wanted(one)).collect();
                    let more = self.diagnostics(&wanted, &SourceMap::new(&**files));
                    if after_diagnostic && !more.is_empty() {
                        text.push('\n');
                    }
                    after_diagnostic |= !more.is_empty();
                    text.push_str(&more);
                }
                Message::Findings(findings, files) => {
                    let files = SourceMap::new(&**files);
                    for finding in findings.iter().filter(|one| self.is_wanted(one)) {
                        text.push_str(&output::finding(finding, &files, self.stderr));
                        text.push('\n');
                    }
                }
                Message::Note(_) if self.quiet => {}
                Message::Note(line) => {
                    after_diagnostic = false;
                    text.extend([&*self.stderr.wrap(&escape_control(line), 0, 2), "\n"]);
                }
            }
        }
        text
    }

    /// The lines of the summary as text.
    pub(crate) fn summary(&self, lines: &[String]) -> String {
        if self.quiet { String::new() } else { lines.iter().map(|line| self.stderr.wrap(line, 0, 2) + "\n").collect() }
    }

    fn is_wanted(&self, diagnostic: &Diagnostic) -> bool {
        !self.quiet || diagnostic.severity == Severity::Error
    }

    fn diagnostics(&self, diagnostics: &[&Diagnostic], files: &SourceMap<'_>) -> String {
        let mut text = String::new();
        // Warnings and errors are counted separately, so that many warnings don't hide an error.
        let mut shown = [0; 2];
        for diagnostic in diagnostics {
            let count = &mut shown[usize::from(diagnostic.severity == Severity::Error)];
            *count += 1;
            if *count <= MOST {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&output::diagnostics(diagnostic, files, self.stderr));
            }
        }
        let more: usize = shown.iter().map(|count: &usize| count.saturating_sub(MOST)).sum();
        if more > 0 {
            text.push_str(&format!("… and {more} more like these\n"));
        }
        text
    }
}
