//! Namespaces that an identity of the chain does not allow.

use super::super::{Context, Findings, Rule};
use crate::capa::{VerdictOutcome, errata};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::status::identity_of;

pub(super) const RULE: Rule = Rule {
    id: RuleId::NotPermitted,
    name: "not-permitted",
    severity: Severity::Warning,
    summary: "An identity does not allow the cluster's namespace",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for row in context.status.rows.iter().filter(|row| !row.template && row.verdict.outcome == VerdictOutcome::Denied) {
        let found = &context.inventory[row.object];
        let (Some(hop), Some(message)) = (row.verdict.chain.last(), &row.verdict.message) else { continue };
        let why = hop.permission().map_or_else(String::new, |permission| permission.why);
        let finding = Diagnostic::warning(format!("{}: {message}", found.title()))
            .at(found.location(row.reference), format!("its namespace is {}", row.namespace));
        let finding = match identity_of(context.inventory, &hop).map(|index| &context.inventory[index]) {
            Some(identity) => finding.also(identity.head(), why),
            None => finding,
        };
        let reported = match errata::CONDITIONS_NOT_STORED.affects(context.release()) {
            true => "only in its log",
            false => "in its log, and for an AWSCluster in the condition PrincipalUsageAllowed",
        };
        findings.add(
            finding
                .help("add the namespace to allowedNamespaces.list")
                .help(format!("until then CAPA creates nothing for the cluster, and reports that {reported}")),
        );
    }
}
