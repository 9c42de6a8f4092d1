//! Annotations that the account map requires on identities, such as those that keep GitOps tools from pruning them.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::super::{Applicability, Context, Findings, Fix, FixEdit, Rule};
use super::query::role_identities;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::MissingAnnotation,
    name: "missing-annotation",
    severity: Severity::Warning,
    summary: "An identity without an annotation that the account map requires",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, identity) in role_identities(context.inventory) {
        for (key, value) in context.annotations.iter().map(|(key, value)| (key, &value.value)) {
            if identity.annotations.iter().any(|(existing, text)| existing == key && text == value) {
                continue;
            }
            let prunes = key.ends_with("/prune") || key.starts_with("argocd.argoproj.io/");
            let (path, new) = match identity.annotations.is_empty() {
                true => (PointerBuf::from_tokens(["metadata", "annotations"]), json!({key: value})),
                false => (PointerBuf::from_tokens(["metadata", "annotations", key]), json!(value)),
            };
            let message = format!("{}: the account map requires the annotation {key}: {value}", found.title());
            let finding = Diagnostic::warning(message).at(found.head(), "");
            let finding = match prunes {
                true => finding
                    .help("without it the identity may be pruned, and clusters that use it can't be deleted then"),
                false => finding,
            };
            findings.add_with_fix(
                finding,
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
