//! Identities that every namespace may use.

use super::super::{Context, Findings, Rule};
use super::query::{allowed, allows_every_namespace};
use crate::capa::{Form, ObjectKind};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::EveryNamespace,
    name: "every-namespace",
    severity: Severity::Note,
    summary: "Every namespace may use the identity",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, allowed, span) in allowed(context.inventory) {
        let is_open = allowed.dropped.is_empty()
            && matches!(&allowed.form, Form::Those(left) if allows_every_namespace(left, context.release()));
        if is_open && !matches!(found.object.object_kind, ObjectKind::Controller(_)) {
            findings.add(
                Diagnostic::note(format!(
                    "{}: every namespace may use it, and so may anyone who can create a cluster in one",
                    found.title()
                ))
                .at(found.location(span), "")
                .help("allowedNamespaces: {list: [NAME, …]} allows only these namespaces"),
            );
        }
    }
}
