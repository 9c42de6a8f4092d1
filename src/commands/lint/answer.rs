//! The requested answer: findings, or their fixes.

use xaccount::diag::Diagnostic;

use crate::cli::{Lint as Args, LintFormat, OutputFormat};
use crate::commands::edit::Mode;

/// The requested answer.
pub(super) enum LintAnswer {
    Findings(LintFormat),
    /// Counts per rule, as text or as JSON.
    Statistics(LintFormat),
    Fixes(Mode),
}

impl LintAnswer {
    /// What happens to the fixes, if they are requested.
    pub(super) fn edits(&self) -> Option<Mode> {
        match self {
            Self::Findings(_) | Self::Statistics(_) => None,
            Self::Fixes(mode) => Some(*mode),
        }
    }

    pub(super) fn of(args: &Args) -> Result<Self, Diagnostic> {
        if args.statistics {
            return statistics(args.output);
        }
        let output = match args.output {
            None if args.write => return Ok(Self::Fixes(Mode::Write { exit_code: false })),
            None if args.check => return Ok(Self::Fixes(Mode::Check)),
            None if args.fix.is_some() => return Ok(Self::Fixes(Mode::Diff)),
            None => return Ok(Self::Findings(LintFormat::Text)),
            Some(LintFormat::Yaml) => OutputFormat::Yaml,
            Some(LintFormat::Patch) => OutputFormat::Patch,
            Some(LintFormat::JsonPatch) => OutputFormat::JsonPatch,
            Some(LintFormat::Report) => OutputFormat::Report,
            Some(format) if args.fix.is_some() => {
                let error = Diagnostic::error("--fix changes files, but this format prints findings");
                let format = format!("{format:?}").to_lowercase();
                return Err(
                    error.help(format!("use -o {format} without --fix, or -o yaml, patch, json-patch or report"))
                );
            }
            Some(format) => return Ok(Self::Findings(format)),
        };
        if args.fix.is_none() {
            let error = Diagnostic::error("this format prints changes, but without --fix nothing changes");
            return Err(error.help("add --fix, or use -o text, json, sarif or github"));
        }
        Ok(Self::Fixes(Mode::Output(output)))
    }
}

/// # Errors
/// A format without counts.
fn statistics(format: Option<LintFormat>) -> Result<LintAnswer, Diagnostic> {
    match format {
        None => Ok(LintAnswer::Statistics(LintFormat::Text)),
        Some(format @ (LintFormat::Text | LintFormat::Json)) => Ok(LintAnswer::Statistics(format)),
        Some(_) => Err(Diagnostic::error("--statistics counts findings, but this format prints each of them")
            .help("use -o text or json, or don't pass --statistics")),
    }
}
