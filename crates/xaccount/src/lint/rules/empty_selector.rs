//! Nulls and empty selectors in `allowedNamespaces`: they allow every namespace or none, depending on the release.

use serde_json::{Map, Value, json};

use super::super::{Applicability, Context, Findings, Rule};
use super::query::replace;
use crate::capa::{Form, ObjectKind, Release};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::EmptySelector,
    name: "empty-selector",
    severity: Severity::Warning,
    summary: "A null or empty selector or label, which may allow more namespaces",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

/// The empty part of an `allowedNamespaces` without a `list`.
enum EmptyForm {
    /// A null, which the API server drops.
    Null,
    /// `selector: {}`, or only a `list` that is null.
    Whole(&'static str),
    /// An empty `matchLabels` or `matchExpressions`.
    Part,
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found) in context.inventory.entries() {
        let (written, left) = match &found.object.object_kind {
            ObjectKind::Identity(identity, _) => (&identity.allowed_namespaces, &identity.allowed),
            ObjectKind::Static(identity, _) => (&identity.allowed_namespaces, &identity.allowed),
            _ => continue,
        };
        for (path, at) in &left.null_labels {
            findings.add(
                Diagnostic::warning(format!("{}: {path} is null: kubectl apply drops the label", found.title()))
                    .at(found.location(*at), "the rest of the selector may allow more namespaces")
                    .help("write \"\" for the empty value, which server-side apply and Flux set; otherwise remove the label"),
            );
        }
        let Some((Value::Object(allowed), span)) = written else { continue };
        // Skips placeholders and what the webhook refuses; unknown keys are found by another rule.
        if !matches!(left.form, Form::Those(_)) {
            continue;
        }
        let open = "every namespace may use the identity";
        let explicit = "write allowedNamespaces: {} to allow every namespace, or {list: []} to allow none";
        let mut now = json!({});
        let (message, label, help) = match nothing(allowed) {
            Some(EmptyForm::Null) => {
                (format!("the API server drops the null below allowedNamespaces: {open}"), String::new(), explicit)
            }
            Some(EmptyForm::Whole(what)) if left.dropped.is_empty() => (
                format!("with {what}, {open}"),
                "CAPA's page on multi-tenancy says that it allows none".into(),
                explicit,
            ),
            Some(EmptyForm::Part) => {
                let release = context.release();
                let who = if release < Release::KEEPS_EMPTY { "every namespace" } else { "no namespace" };
                if release >= Release::KEEPS_EMPTY {
                    now = json!({"list": []});
                }
                let message = "an empty matchLabels or matchExpressions allows every namespace up to CAPA v2.8, \
                    and none since v2.9";
                let help = "allowedNamespaces: {} allows every namespace in all releases";
                (message.into(), format!("CAPA {release} allows {who}"), help)
            }
            _ => continue,
        };
        let finding = Diagnostic::warning(format!("{}: {message}", found.title()));
        let what = if now == json!({}) { "{}" } else { "{list: []}" };
        let what = format!("allowedNamespaces: {what}, as CAPA {} reads it", context.release());
        let fix = replace(object, "allowedNamespaces", now, &what);
        findings.add_with_fix(finding.at(found.location(*span), label).help(help), fix);
    }
}

fn nothing(allowed: &Map<String, Value>) -> Option<EmptyForm> {
    let list = allowed.get("list");
    // The names in the list are allowed in any case; an empty selector then allows no others.
    if list.is_some_and(|list| !list.is_null()) {
        return None;
    }
    let is_empty = |part: &Value| match part {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        other => other.is_null(),
    };
    match allowed.get("selector") {
        Some(Value::Null) => Some(EmptyForm::Null),
        Some(Value::Object(parts)) if parts.is_empty() => Some(EmptyForm::Whole("an empty selector")),
        Some(Value::Object(parts)) if parts.values().all(Value::is_null) => Some(EmptyForm::Null),
        Some(Value::Object(parts)) if parts.values().all(is_empty) => Some(EmptyForm::Part),
        None if list.is_some() => Some(EmptyForm::Whole("a null list")),
        _ => None,
    }
}
