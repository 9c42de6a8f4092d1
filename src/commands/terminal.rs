//! What is known of the streams, and the one place where messages become text.

use std::sync::{Mutex, PoisonError};

use anstream::AutoStream;

use super::printed::{Message, Messages};
use crate::cli::{ColorWhen, Global};
use crate::output;
use xaccount::diag::{Diagnostic, Severity, SourceMap, escape_control};

/// So many diagnostics of a kind are shown at once.
const MOST: usize = 20;

/// What is known of the streams, and how much to say.
pub(crate) struct Terminal {
    pub(crate) stdout_colour: bool,
    stderr_colour: bool,
    quiet: bool,
    verbose: u8,
    /// What is said first, whatever comes of the run.
    first: Mutex<Vec<Diagnostic>>,
}

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let colour = |auto: anstream::ColorChoice| match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => auto != anstream::ColorChoice::Never,
        };
        Self {
            stdout_colour: colour(AutoStream::choice(&std::io::stdout())),
            stderr_colour: colour(AutoStream::choice(&std::io::stderr())),
            quiet: global.quiet,
            verbose: global.verbose,
            first: Mutex::default(),
        }
    }

    /// No colours, and all that there is to say.
    pub(crate) fn plain() -> Self {
        Self { stdout_colour: false, stderr_colour: false, quiet: false, verbose: 0, first: Mutex::default() }
    }

    /// Whether to say what was decided and why.
    pub(crate) fn explains(&self) -> bool {
        self.verbose > 0 && !self.quiet
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
        for message in messages.iter() {
            match message {
                Message::Diagnostics(diagnostics, files) => {
                    self.diagnostics(diagnostics, &SourceMap::new(&**files), &mut text);
                }
                Message::Findings(findings, files) => {
                    let files = SourceMap::new(&**files);
                    for finding in findings.iter().filter(|one| self.is_wanted(one)) {
                        text.push_str(&output::finding(finding, &files, self.stderr_colour));
                        text.push('\n');
                    }
                }
                Message::Note(_) if self.quiet => {}
                Message::Note(line) => text.extend([&*escape_control(line), "\n"]),
            }
        }
        text
    }

    /// The lines that say what the result means.
    pub(crate) fn summary(&self, lines: &[String]) -> String {
        if self.quiet { String::new() } else { lines.iter().map(|line| format!("{line}\n")).collect() }
    }

    fn is_wanted(&self, diagnostic: &Diagnostic) -> bool {
        !self.quiet || diagnostic.severity == Severity::Error
    }

    fn diagnostics(&self, diagnostics: &[Diagnostic], files: &SourceMap<'_>, text: &mut String) {
        // However many warnings there are, an error after them is shown.
        let mut shown = [0; 2];
        for diagnostic in diagnostics.iter().filter(|one| self.is_wanted(one)) {
            let count = &mut shown[usize::from(diagnostic.severity == Severity::Error)];
            *count += 1;
            if *count <= MOST {
                text.push_str(&output::diagnostics(diagnostic, files, self.stderr_colour));
            }
        }
        let more: usize = shown.iter().map(|count: &usize| count.saturating_sub(MOST)).sum();
        if more > 0 {
            text.push_str(&format!("… and {more} more like these\n"));
        }
    }
}
