//! Which findings are shown, and which make the exit status 1.

use xaccount::diag::{Diagnostic, RuleId, Severity};
use xaccount::lint::{self, Finding};

use super::selected::Selected;
use crate::cli::{Level, Lint as Args};
use crate::commands::ExitStatus;
use crate::commands::empty::{ALLOW_EMPTY, none_selected};

/// The findings that the flags select.
///
/// # Errors
/// They select no cluster: a typo must not look like all is well.
pub(super) fn shown(findings: Vec<Finding>, selected: &Selected, args: &Args) -> Result<Vec<Finding>, Diagnostic> {
    if let Some(titles) = selected.none().filter(|_| !args.allow_empty) {
        return Err(none_selected(&args.clusters, titles).help(ALLOW_EMPTY));
    }
    let is_shown = |finding: &Finding| is_wanted(finding, args) && selected.has(finding);
    Ok(findings.into_iter().filter(is_shown).collect())
}

impl Level {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// Whether a finding is shown. One that makes the exit status 1 always is.
fn is_wanted(finding: &Finding, args: &Args) -> bool {
    let is_in = |rules: &[&'static lint::Rule]| rules.iter().any(|rule| rule.id == finding.rule.id);
    if is_in(&args.ignore) {
        return false;
    }
    // A document that can't be read may have what the selected rules would find.
    if !args.select.is_empty() && finding.rule.id != RuleId::UnreadableDocument {
        return is_in(&args.select);
    }
    Level::of(finding.diagnostic.severity) >= args.severity.min(args.error_on)
}

/// The exit status for these findings.
pub(super) fn exit_status<'f>(findings: impl IntoIterator<Item = &'f Finding>, args: &Args) -> ExitStatus {
    let bad = findings.into_iter().any(|finding| Level::of(finding.diagnostic.severity) >= args.error_on);
    if bad && !args.exit_zero { ExitStatus::Found } else { ExitStatus::Done }
}
