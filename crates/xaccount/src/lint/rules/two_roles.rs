//! Identities are cluster-scoped: of two of one name, the last one applied wins for all.

use std::collections::BTreeSet;

use super::super::{Context, Findings, Rule};
use super::query::no_error;
use crate::diag::{FileId, RuleId, Severity};
use crate::manifest_checks;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::TwoRoles,
    name: "two-roles",
    severity: Severity::Error,
    summary: "One identity name with two role ARNs",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    // A name that is filled in for each file may be another each time.
    for finding in
        manifest_checks::names_of_two_roles(context.inventory).into_iter().filter(|one| !is_filled_in(&one.message))
    {
        let files: BTreeSet<FileId> =
            finding.primary.iter().chain(&finding.others).map(|label| label.at.file).collect();
        // Files may be for two management clusters.
        findings.add_as_it_is(if files.len() > 1 { no_error(finding) } else { finding });
    }
}
