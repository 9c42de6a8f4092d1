//! Names in `allowedNamespaces.list` that no namespace can have.

use super::super::{Context, Findings, Rule};
use super::query::allowed;
use crate::capa::Form;
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::kubernetes::names::is_dns_label;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidNamespaceName,
    name: "namespace-name",
    severity: Severity::Warning,
    summary: "A name in allowedNamespaces.list that no namespace can have",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, allowed, span) in allowed(context.inventory) {
        let Form::Those(namespaces) = &allowed.form else { continue };
        for name in namespaces.list.iter().flatten().filter(|name| !is_dns_label(name) && !is_filled_in(name)) {
            let finding = Diagnostic::warning(format!("{}: no namespace can be named {name:?}", found.title()))
                .at(found.location(span), "CAPA compares names exactly");
            findings.add(match name.contains('*') {
                true => finding.help("a list has no wildcards: use a selector, or {} for every namespace"),
                false => finding.help("namespace names consist of lower-case letters, digits and hyphens"),
            });
        }
    }
}
