//! Names of roles that the policies of clusterawsadm do not cover.

use super::super::{Context, Findings, Rule};
use super::query::role_identities;
use crate::aws::RoleArn;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::UncoveredRoleName,
    name: "role-name",
    severity: Severity::Note,
    summary: "A role whose name the policies of clusterawsadm do not cover",
    fix: None,
    check: Some(check),
};

/// What `allowAssumeRole` of clusterawsadm covers: `arn:*:iam::*:role/*.cluster-api-provider-aws.sigs.k8s.io`
/// (`cmd/clusterawsadm/cloudformation/bootstrap/cluster_api_controller.go@v2.2.0`).
const SUFFIX: &str = ".cluster-api-provider-aws.sigs.k8s.io";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, identity) in role_identities(context.inventory) {
        let (Some(text), Some(span)) = (identity.role_arn.text(), identity.role_arn.span()) else { continue };
        let Ok(role) = text.parse::<RoleArn>() else { continue };
        if role.name().ends_with(SUFFIX) {
            continue;
        }
        findings.add(
            Diagnostic::note(format!(
                "{}: clusterawsadm's allowAssumeRole does not cover the role {}",
                found.title(),
                role.name()
            ))
            .at(found.location(span), "")
            .help("to print a policy that does: kubectl xaccount iam permission -f FILE"),
        );
    }
}
