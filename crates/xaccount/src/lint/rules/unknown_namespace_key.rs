//! Unknown keys below `allowedNamespaces`: they are dropped silently, and the rest may allow every namespace.

use super::super::{Context, Findings, Rule};
use super::query::{allowed, allows_every_namespace};
use crate::capa::Form;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnknownNamespaceKey,
    name: "unknown-namespace-key",
    severity: Severity::Error,
    summary: "A key below allowedNamespaces that the API server drops",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, allowed, _) in allowed(context.inventory) {
        let is_open = matches!(&allowed.form, Form::Those(left) if allows_every_namespace(left, context.release()));
        for (path, span) in &allowed.dropped {
            let title = found.title();
            let finding = if is_open {
                Diagnostic::error(format!(
                    "{title}: the API server drops the unknown key {path}, so every namespace may use the identity"
                ))
            } else {
                Diagnostic::warning(format!("{title}: the API server drops the unknown key {path}"))
            };
            findings.add_as_it_is(finding.at(found.location(*span), "").help(
                "known keys: list, selector.matchLabels, and selector.matchExpressions with key, operator and values",
            ));
        }
    }
}
