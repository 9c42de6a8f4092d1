//! Identities of one name with different roles: they are cluster-scoped, so the one applied last wins.

use std::collections::BTreeSet;

use super::super::{Context, Findings, Rule};
use super::query::as_warning;
use crate::diag::{FileId, RuleId, Severity};
use crate::manifest_checks;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::TwoRoles,
    name: "two-roles",
    severity: Severity::Error,
    summary: "One identity name with two role ARNs",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    // A name with a placeholder may differ in each file.
    for finding in
        manifest_checks::names_of_two_roles(context.inventory).into_iter().filter(|one| !is_filled_in(&one.message))
    {
        let files: BTreeSet<FileId> =
            finding.primary.iter().chain(&finding.others).map(|label| label.at.file).collect();
        // Files may be for two management clusters.
        findings.add_as_it_is(if files.len() > 1 { as_warning(finding) } else { finding });
    }
}
