//! `policyARNs`, which CAPA does not send.

use super::super::{Context, Findings, Rule};
use super::query::role_identities;
use crate::capa::is_kept_as_written;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::PolicyArns,
    name: "policy-arns",
    severity: Severity::Warning,
    summary: "policyARNs restricts nothing",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, identity) in role_identities(context.inventory) {
        let Some(span) = identity.policy_arns.span() else { continue };
        let null = identity.null_policy_arn.filter(|_| is_kept_as_written(&found.object, context.release()));
        if let Some(null) = null {
            let error = Diagnostic::error(format!("{}: an item of policyARNs is null", found.title()));
            findings.add_as_it_is(error.at(found.location(null), "the API server refuses the object"));
        }
        findings.add(
            Diagnostic::warning(format!("{}: CAPA does not send policyARNs: they restrict nothing", found.title()))
                .at(found.location(span), "")
                .help("restrict the session with inlinePolicy, or the role itself"),
        );
    }
}
