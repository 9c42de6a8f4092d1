//! Nulls and empty selectors in `allowedNamespaces`: for everybody, or for nobody, by the release.

use serde_json::Value;

use super::super::{Context, Findings, Rule};
use crate::capa::{Form, Role};
use crate::diag::Diagnostic;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA024",
    name: "empty-selector",
    severity: Severity::Warning,
    summary: "A null or empty selector, which does not mean nobody",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.run.objects() {
        let (written, left) = match &found.object.role {
            Role::Identity(identity, _) => (&identity.allowed_namespaces, &identity.allowed),
            Role::Static(identity, _) => (&identity.allowed_namespaces, &identity.allowed),
            _ => continue,
        };
        let Some((Value::Object(allowed), span)) = written else { continue };
        // What a variable stands for, or what is refused, is not judged.
        if !matches!(left.form, Form::Those(_)) {
            continue;
        }
        // Names in the list are let in either way, and nobody else is where the selector is empty.
        if allowed.get("list").is_some_and(|list| !list.is_null()) {
            continue;
        }
        let at = found.location(*span);
        let title = found.title();
        let selector = allowed.get("selector");
        let parts = selector.and_then(Value::as_object);
        let (keys, null, empty) = match (selector, parts) {
            (Some(Value::Null), _) => (1, true, false),
            (_, Some(parts)) => {
                let empty = |value: &Value| {
                    value.as_object().is_some_and(serde_json::Map::is_empty)
                        || value.as_array().is_some_and(Vec::is_empty)
                };
                (
                    parts.len(),
                    !parts.is_empty() && parts.values().all(Value::is_null),
                    !parts.is_empty() && parts.values().all(|value| value.is_null() || empty(value)),
                )
            }
            _ => (0, false, false),
        };
        if null {
            findings.add(
                Diagnostic::warning(format!("{title}: the API server drops the null below allowedNamespaces, and then every namespace may use the identity"))
                    .at(at, "")
                    .help("allowedNamespaces: {} says so plainly; allowedNamespaces: {list: []} lets nobody in"),
            );
        } else if keys == 0 && !allowed.is_empty() && left.dropped.is_empty() {
            let what = match parts {
                Some(_) => "an empty selector says nothing",
                None => "a list that is null says nothing",
            };
            findings.add(
                Diagnostic::warning(format!("{title}: {what}, and then every namespace may use the identity"))
                    .at(at, "CAPA's page on multi-tenancy says nobody")
                    .help("allowedNamespaces: {} says so plainly; allowedNamespaces: {list: []} lets nobody in"),
            );
        } else if empty && keys > 0 {
            findings.add(
                Diagnostic::warning(format!("{title}: an empty matchLabels or matchExpressions is for every namespace up to CAPA v2.8, and for none since v2.9"))
                    .at(at, format!("CAPA {} lets {} in", context.release(), if context.release() < crate::capa::Release::KEEPS_EMPTY { "everybody" } else { "nobody" }))
                    .help("allowedNamespaces: {} is for every namespace with all releases"),
            );
        }
    }
}
