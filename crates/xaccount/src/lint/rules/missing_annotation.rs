//! Annotations that the account map requires on identities, such as those that keep GitOps tools from pruning them.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::super::{Context, Findings, Fix, FixEdit, Rule};
use super::query::role_identities;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::MissingAnnotation,
    name: "missing-annotation",
    severity: Severity::Warning,
    summary: "An identity without an annotation that the account map requires",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, identity) in role_identities(context.inventory) {
        for (key, value) in context.annotations {
            if identity.annotations.iter().any(|(existing, text)| existing == key && text == value) {
                continue;
            }
            let prunes = key.ends_with("/prune") || key.starts_with("argocd.argoproj.io/");
            let then = match prunes {
                true => ", because if it is pruned, clusters that use it can no longer be deleted",
                false => "",
            };
            let (path, new) = match identity.annotations.is_empty() {
                true => (PointerBuf::from_tokens(["metadata", "annotations"]), json!({key: value})),
                false => (PointerBuf::from_tokens(["metadata", "annotations", key]), json!(value)),
            };
            findings.add_with_fix(
                Diagnostic::warning(format!(
                    "{}: the account map requires the annotation {key}: {value}{then}",
                    found.title()
                ))
                .at(found.head(), ""),
                Fix {
                    what: format!("annotation {key} set"),
                    change: FixEdit::Object {
                        object,
                        operations: vec![PatchOperation::Add(AddOperation { path, value: new })],
                    },
                },
            );
        }
    }
}
