//! What is known of the streams, and the one place where messages become text.

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

/// So many diagnostics of a kind are shown at once.
const MOST: usize = 20;

/// What is known of the streams, and how much to say.
pub(crate) struct Terminal {
    pub(crate) stdout: Screen,
    pub(crate) stderr: Screen,
    quiet: bool,
    verbose: u8,
    /// What is said first, whatever comes of the run.
    first: Mutex<Vec<Diagnostic>>,
}

/// Columns of a stream that is a terminal. One that does not know them has 80.
#[cfg(unix)]
pub(crate) fn width_of(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    stream.is_terminal().then(|| terminal_size_of(stream).map_or(DEFAULT_WIDTH, |(Width(columns), _)| columns.into()))
}

/// The same on Windows.
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

    /// For errors in the command line, of which only the colours are known.
    pub(crate) fn of_errors(colour: clap::ColorChoice) -> Self {
        let colour = match colour {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
        };
        Self { stderr: Screen { colour, width: width_of(&std::io::stderr()) }, ..Self::plain() }
    }

    /// No colours, no terminal, and every message.
    pub(crate) fn plain() -> Self {
        Self { stdout: Screen::default(), stderr: Screen::default(), quiet: false, verbose: 0, first: Mutex::default() }
    }

    /// Whether to say what was decided and why.
    pub(crate) fn explains(&self) -> bool {
        self.verbose > 0 && !self.quiet
    }

    /// Whether the result and the messages are read on one screen.
    pub(crate) fn shows_both(&self) -> bool {
        self.stdout.width.is_some() && self.stderr.width.is_some()
    }

    /// Says something before all else, whatever comes of the run.
    pub(crate) fn say_first(&self, diagnostic: Diagnostic) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic);
    }

    /// What is said before all else.
    pub(crate) fn first_messages(&self) -> Messages {
        let mut messages = Messages::default();
        messages.plain(std::mem::take(&mut self.first.lock().unwrap_or_else(PoisonError::into_inner)));
        messages
    }

    /// Messages as text; warnings and notes only where they are wanted.
    pub(crate) fn text(&self, messages: &Messages) -> String {
        let mut text = String::new();
        // A blank line between two diagnostics.
        let mut after_diagnostic = false;
        for message in messages.iter() {
            match message {
                Message::Diagnostics(diagnostics, files) => {
                    let more = self.diagnostics(diagnostics, &SourceMap::new(&**files));
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

    /// The lines that say what the result means.
    pub(crate) fn summary(&self, lines: &[String]) -> String {
        if self.quiet { String::new() } else { lines.iter().map(|line| self.stderr.wrap(line, 0, 2) + "\n").collect() }
    }

    fn is_wanted(&self, diagnostic: &Diagnostic) -> bool {
        !self.quiet || diagnostic.severity == Severity::Error
    }

    fn diagnostics(&self, diagnostics: &[Diagnostic], files: &SourceMap<'_>) -> String {
        let mut text = String::new();
        // However many warnings there are, an error after them is shown.
        let mut shown = [0; 2];
        for diagnostic in diagnostics.iter().filter(|one| self.is_wanted(one)) {
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
