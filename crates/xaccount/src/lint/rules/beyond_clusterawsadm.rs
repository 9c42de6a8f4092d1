//! Fields that need permissions which clusterawsadm's policy does not grant.

use super::super::{Context, Findings, Rule};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::BeyondClusterawsadm,
    name: "beyond-clusterawsadm",
    severity: Severity::Note,
    summary: "A field that needs permissions which clusterawsadm's policy does not grant",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        for one in &found.object.beyond_clusterawsadm {
            let message = format!(
                "{}: clusterawsadm's policy does not allow {}, which {} needs",
                found.title(),
                one.needs,
                one.field
            );
            findings.add(
                Diagnostic::note(message).at(found.location(one.span), "").help(
                    "to compare with the role: kubectl xaccount iam target-permission -f PATH --have policy.json",
                ),
            );
        }
    }
}
