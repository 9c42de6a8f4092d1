//! Unknown keys below `allowedNamespaces`: dropped without a word, and what is left may be open to everybody.

use super::super::{Context, Findings, Rule};
use super::query::{allowed, is_everybody};
use crate::capa::Form;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnknownNamespaceKey,
    name: "unknown-namespace-key",
    severity: Severity::Error,
    summary: "A key below allowedNamespaces that the API server drops",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, allowed, _) in allowed(context.inventory) {
        let everybody = matches!(&allowed.form, Form::Those(left) if is_everybody(left, context.release()));
        for (path, span) in &allowed.dropped {
            let title = found.title();
            let finding = if everybody {
                Diagnostic::error(format!(
                    "{title}: the API server does not know {path} and drops it, and then every namespace may use the identity"
                ))
            } else {
                Diagnostic::warning(format!("{title}: the API server does not know {path} and drops it"))
            };
            findings.add_as_it_is(finding.at(found.location(*span), "").help(
                "the keys are list, selector.matchLabels, and selector.matchExpressions with key, operator and values",
            ));
        }
    }
}
