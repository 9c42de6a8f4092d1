//! Annotations that the account map wants on identities: those that keep a GitOps tool from taking them away.

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
    summary: "An identity without an annotation that the account map asks for",
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
                true => ": it goes when its file does, and the clusters that use it can't be deleted any more",
                false => "",
            };
            let (path, value) = match identity.annotations.is_empty() {
                true => (PointerBuf::from_tokens(["metadata", "annotations"]), json!({key: value})),
                false => (PointerBuf::from_tokens(["metadata", "annotations", key]), json!(value)),
            };
            findings.add_with_fix(
                Diagnostic::warning(format!(
                    "{} lacks the annotation {key} that the account map asks for{then}",
                    found.title()
                ))
                .at(found.head(), ""),
                Fix {
                    what: format!("the annotation {key}"),
                    change: FixEdit::Object {
                        object,
                        operations: vec![PatchOperation::Add(AddOperation { path, value })],
                    },
                },
            );
        }
    }
}
