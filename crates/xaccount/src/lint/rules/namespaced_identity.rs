//! `metadata.namespace` on an identity, which is cluster-scoped.

use super::super::{Context, Findings, Rule};
use super::query::allowed;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::NamespacedIdentity,
    name: "namespaced-identity",
    severity: Severity::Warning,
    summary: "An identity with a namespace, though it has none",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, ..) in allowed(context.inventory) {
        let Some(span) = found.object.namespace_span else { continue };
        findings.add(
            Diagnostic::warning(format!(
                "{} is cluster-scoped: it is in no namespace, and clusters of all namespaces see it",
                found.title()
            ))
            .at(found.location(span), "this counts for nothing")
            .help("leave it out; allowedNamespaces says from where it may be used"),
        );
    }
}
