//! `metadata.namespace` on an identity, which is cluster-scoped.

use super::super::{Applicability, Context, Findings, Rule};
use super::query::{allowed, remove};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::NamespacedIdentity,
    name: "namespaced-identity",
    severity: Severity::Warning,
    summary: "An identity with a namespace, though identities are cluster-scoped",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, ..) in allowed(context.inventory) {
        let Some(span) = found.object.namespace_span else { continue };
        findings.add_with_fix(
            Diagnostic::warning(format!(
                "{} is cluster-scoped: metadata.namespace has no effect, and clusters in every namespace see it",
                found.title()
            ))
            .at(found.location(span), "")
            .help("remove metadata.namespace; allowedNamespaces specifies which namespaces may use the identity"),
            remove(object, ["metadata", "namespace"], "metadata.namespace removed"),
        );
    }
}
