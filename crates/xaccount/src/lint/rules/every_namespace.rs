//! `allowedNamespaces` that is open to everybody.

use super::super::{Context, Findings, Rule};
use super::look::{allowed, is_everybody};
use crate::capa::{Form, Role};
use crate::diag::{Diagnostic, Severity};

pub(super) const RULE: Rule = Rule {
    id: "XA051",
    name: "every-namespace",
    severity: Severity::Note,
    summary: "Every namespace may use the identity",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, allowed, span) in allowed(context.run) {
        let everybody = matches!(&allowed.form, Form::Those(left) if allowed.dropped.is_empty() && is_everybody(left, context.release()));
        if everybody && !matches!(found.object.role, Role::Controller(_)) {
            findings.add(
                Diagnostic::note(format!(
                    "{}: every namespace may use it, and whoever may make a cluster in one",
                    found.title()
                ))
                .at(found.location(span), "")
                .help("allowedNamespaces: {list: [NAME, …]} lets those in that need it"),
            );
        }
    }
}
