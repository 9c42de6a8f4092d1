//! `--fix`.

use std::rc::Rc;

use crate::output::{self, Wording};
use xaccount::inventory::Inventory;
use xaccount::lint::{self, Applicability, Finding};
use xaccount::session::Session;

use super::shown::exit_status;
use super::sources::Sources;
use crate::cli::{FixLevel, Lint as Args};
use crate::commands::edit::{Delivery, Mode};
use crate::commands::{CommandError, ExitStatus, Messages, Printed, Terminal};

/// The inputs of `--fix`.
pub(super) struct Fixes<'f> {
    pub(super) inventory: &'f Inventory,
    pub(super) sources: &'f Rc<Sources>,
    pub(super) mode: Mode,
    pub(super) args: &'f Args,
    pub(super) terminal: &'f Terminal,
}

impl Fixes<'_> {
    /// Makes the requested fixes; the other findings are printed to stderr.
    pub(super) fn fix(&self, findings: &[Finding], mut messages: Messages) -> Result<Printed, CommandError> {
        let (inventory, mode, args) = (self.inventory, self.mode, self.args);
        let is_deferred = |finding: &Finding| finding.applicability().is_some_and(|one| !self.makes(one));
        let deferred: Vec<bool> = findings.iter().map(is_deferred).collect();
        let made = findings.iter().zip(&deferred).map(|(finding, &deferred)| match deferred {
            true => Finding { fix: None, ..finding.clone() },
            false => finding.clone(),
        });
        let findings = &fixable(inventory, made.collect(), &self.sources.session);
        let left = || findings.iter().zip(&deferred).filter(|(finding, _)| finding.fix.is_none());
        messages.findings(self.sources, left().map(|(finding, _)| finding.diagnostic.clone()).collect());
        let outcome = &lint::fixes(inventory, findings);
        let (terminal, wording) = (self.terminal, &Wording::LINT);
        let session = &self.sources.session;
        let mut printed =
            Delivery { mode, session, inventory, outcome, terminal, wording }.run(messages, self.sources)?;
        let unfixable: Vec<&Finding> = left().filter(|(_, deferred)| !**deferred).map(|(finding, _)| finding).collect();
        if !unfixable.is_empty() {
            let counts = output::lint_summary(unfixable, "findings", session.named().count());
            printed.summary.push(format!("not fixable automatically: {counts}"));
        }
        let deferred = deferred.iter().filter(|deferred| **deferred).count();
        printed.summary.extend((deferred > 0).then(|| format!("{deferred} more with --fix=unsafe")));
        let asks = matches!(mode, Mode::Diff | Mode::Check | Mode::Write { .. });
        if asks && printed.status == ExitStatus::Done {
            printed.status = exit_status(left().map(|(finding, _)| finding), args);
        }
        if args.exit_zero {
            printed.status = ExitStatus::Done;
        }
        Ok(printed)
    }

    /// Whether fixes of this kind are requested.
    fn makes(&self, applicability: Applicability) -> bool {
        applicability == Applicability::Safe || self.args.fix == Some(FixLevel::Unsafe)
    }
}

/// The findings, without the fixes that can't be made in the text. A refused fix does not prevent the others.
pub(super) fn fixable(inventory: &Inventory, mut findings: Vec<Finding>, session: &Session) -> Vec<Finding> {
    let refused = |findings: &mut dyn Iterator<Item = &Finding>| {
        let outcome = lint::fixes(inventory, findings);
        let errors = session.prove(&outcome.plans, |_, _, _| Ok(())).err().unwrap_or_default();
        // A problem of a whole file stops the run.
        if errors.iter().any(|error| error.primary.is_none()) { Vec::new() } else { errors }
    };
    let fixable: Vec<usize> = (0..findings.len()).filter(|&at| findings[at].fix.is_some()).collect();
    // Split in halves, so that a few refused fixes among thousands are found quickly.
    let mut doubtful = vec![&fixable[..]];
    while let Some(some) = doubtful.pop() {
        let errors = refused(&mut some.iter().map(|&at| &findings[at]));
        match some {
            [] => {}
            _ if errors.is_empty() => {}
            &[at] => {
                for error in errors {
                    let finding = &mut findings[at];
                    finding.fix = None;
                    finding.diagnostic.help.push(format!("can't be fixed automatically: {}", error.message));
                    finding.diagnostic.help.extend(error.help);
                }
            }
            some => {
                let (one, other) = some.split_at(some.len() / 2);
                doubtful.extend([one, other]);
            }
        }
    }
    findings
}
