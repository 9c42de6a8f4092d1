//! Role identities whose role is in the source account.

use super::super::{Context, Findings, Rule};
use crate::diag::{RuleId, Severity};
use crate::manifest_checks;

pub(super) const RULE: Rule = Rule {
    id: RuleId::TargetIsSource,
    name: "target-is-source",
    severity: Severity::Note,
    summary: "A role in the source account",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let Some(source) = context.source_account() else { return };
    manifest_checks::in_the_source_account(context.inventory, source).into_iter().for_each(|note| findings.add(note));
}
