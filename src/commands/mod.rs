//! One file per verb: arguments to the library, its answers to text.

pub(crate) mod function;
pub(crate) mod inject;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::OnceLock;

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{ColorWhen, Global};
use xaccount::diag::{Diagnostic, Severity};
use xaccount::edit::Inputs;
use xaccount::output;

/// What the program says by its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It did what was asked.
    Done,
    /// The answer to a question is yes: something would change.
    Found,
    /// An error or wrong usage.
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

/// What is to be printed, in this order. Nothing is printed before all is known.
pub(crate) struct Printed {
    /// For stderr: warnings, or the error.
    pub(crate) before: String,
    pub(crate) stdout: Vec<u8>,
    /// For stderr: what the result means.
    pub(crate) after: String,
    pub(crate) status: ExitStatus,
}

impl Printed {
    /// An error: nothing on stdout.
    pub(crate) fn error(text: String) -> Self {
        Self { before: text, stdout: Vec::new(), after: String::new(), status: ExitStatus::Error }
    }
}

/// What is known of the streams, and how much to say.
pub(crate) struct Terminal {
    pub(crate) stdout_colour: bool,
    stderr_colour: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
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
        }
    }

    /// Diagnostics as text; warnings only where they are wanted. `inputs` shows the lines that they are about.
    pub(crate) fn diagnostics(&self, diagnostics: &[Diagnostic], inputs: Option<&Inputs>) -> String {
        const MOST: usize = 20;
        let wanted = diagnostics.iter().filter(|one| !self.quiet || one.severity == Severity::Error);
        let mut text = String::new();
        for diagnostic in wanted.clone().take(MOST) {
            text.push_str(&output::diagnostics(
                diagnostic,
                |file| match inputs {
                    Some(inputs) => (inputs.name(file).to_owned(), inputs.bytes(file).ok()),
                    None => (String::new(), None),
                },
                self.stderr_colour,
            ));
        }
        let more = wanted.count().saturating_sub(MOST);
        if more > 0 {
            text.push_str(&format!("… and {more} more like these\n"));
        }
        text
    }
}

/// Shows how many files are done, on a terminal's stderr and only when it takes longer than a second.
pub(crate) fn progress(done: usize, total: usize) {
    static STARTED: OnceLock<std::time::Instant> = OnceLock::new();
    static BAR: OnceLock<Option<ProgressBar>> = OnceLock::new();
    let started = STARTED.get_or_init(std::time::Instant::now);
    if started.elapsed() < std::time::Duration::from_secs(1) {
        return;
    }
    let bar = BAR.get_or_init(|| {
        std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("reading {pos}/{len} files {wide_bar}") {
                bar.set_style(style);
            }
            bar
        })
    });
    if let Some(bar) = bar {
        bar.set_position(done as u64);
        if done == total {
            bar.finish_and_clear();
        }
    }
}
