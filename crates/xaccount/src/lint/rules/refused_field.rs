//! Values that the API server refuses because of their type or form: a number as a label, a name with capitals.

use std::collections::BTreeSet;

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, ReplaceOperation};
use serde_json::Value;

use super::super::{Applicability, Context, Findings, Fix, FixEdit, Rule};
use crate::capa::{ObjectKind, is_kind_of_capa};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;

pub(super) const RULE: Rule = Rule {
    id: RuleId::RefusedField,
    name: "refused-field",
    severity: Severity::Error,
    summary: "A value that the API server refuses for its type or form",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

/// Whether an object is about clusters on AWS: not a Cluster of another provider, nor a Namespace without clusters. No value
/// of a Secret is shown, not even a label.
fn is_examined(found: &Resource, used: &BTreeSet<&str>) -> bool {
    match &found.object.object_kind {
        ObjectKind::Secret => false,
        ObjectKind::Namespace => found.object.name.as_deref().is_none_or(|name| used.contains(name)),
        ObjectKind::Cluster { references, refers_to, .. } => {
            !references.is_empty() || refers_to.iter().any(|to| is_kind_of_capa(&to.kind))
        }
        _ => true,
    }
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let used: BTreeSet<&str> = context.status.rows.iter().map(|row| row.namespace.as_str()).collect();
    for (index, found) in context.inventory.entries().filter(|(_, found)| is_examined(found, &used)) {
        for field in found.object.refusals() {
            let problem = Diagnostic::error(format!("{}: {}", found.title(), field.message()))
                .at(found.location(field.span), "the API server refuses the object");
            match &field.quoted {
                None => findings.add(problem),
                Some(text) => {
                    let path = PointerBuf::from_tokens(&field.path);
                    let replace = ReplaceOperation { path, value: Value::String(text.clone()) };
                    let what = format!("{} in quotes", field.path.join("."));
                    let change = FixEdit::Object { object: index, operations: vec![PatchOperation::Replace(replace)] };
                    findings.add_with_fix(problem, Fix { what, change });
                }
            }
        }
    }
}
