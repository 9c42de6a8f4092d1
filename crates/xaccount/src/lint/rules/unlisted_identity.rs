//! Identities in files that no kustomization lists.

use super::super::{Applicability, Context, Findings, Fix, FixEdit, Rule};
use crate::diag::{RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnlistedIdentity,
    name: "unlisted-identity",
    severity: Severity::Warning,
    summary: "An identity that no kustomization lists, although kustomizations build its clusters",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (identity, unlisted) in context.builds.unlisted_files(context.inventory) {
        let finding = unlisted.diagnostic().at(identity.head(), "");
        match unlisted.fix() {
            Some((file, document, operations)) => findings.add_with_fix(
                finding,
                Fix { what: unlisted.what(), change: FixEdit::Kustomization { file, document, operations } },
            ),
            None => findings.add(finding),
        }
    }
}
