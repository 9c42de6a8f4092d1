//! Nulls and empty selectors in `allowedNamespaces`: for everybody, or for nobody, by the release.

use serde_json::{Map, Value};

use super::super::{Context, Findings, Rule};
use crate::capa::{Form, ObjectKind, Release};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::EmptySelector,
    name: "empty-selector",
    severity: Severity::Warning,
    summary: "A null or empty selector, which does not mean nobody",
    check: Some(check),
};

/// What of `allowedNamespaces` says nothing, where no list says something beside it.
enum EmptyForm {
    /// The API server drops a null.
    Null,
    /// `selector: {}`, or a list that is null alone.
    Whole(&'static str),
    /// An empty `matchLabels` or `matchExpressions`.
    Part,
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        let (written, left) = match &found.object.object_kind {
            ObjectKind::Identity(identity, _) => (&identity.allowed_namespaces, &identity.allowed),
            ObjectKind::Static(identity, _) => (&identity.allowed_namespaces, &identity.allowed),
            _ => continue,
        };
        let Some((Value::Object(allowed), span)) = written else { continue };
        // What a variable stands for, or what is refused, is not judged; unknown keys are another rule's.
        if !matches!(left.form, Form::Those(_)) {
            continue;
        }
        let everybody = "and then every namespace may use the identity";
        let plainly = "allowedNamespaces: {} says so plainly; allowedNamespaces: {list: []} lets nobody in";
        let (message, label, help) = match nothing(allowed) {
            Some(EmptyForm::Null) => {
                (format!("the API server drops the null below allowedNamespaces, {everybody}"), String::new(), plainly)
            }
            Some(EmptyForm::Whole(what)) if left.dropped.is_empty() => (
                format!("{what} says nothing, {everybody}"),
                "CAPA's page on multi-tenancy says nobody".into(),
                plainly,
            ),
            Some(EmptyForm::Part) => {
                let release = context.release();
                let who = if release < Release::KEEPS_EMPTY { "everybody" } else { "nobody" };
                let message = "an empty matchLabels or matchExpressions is for every namespace up to CAPA v2.8, and for none since v2.9";
                let help = "allowedNamespaces: {} is for every namespace with all releases";
                (message.into(), format!("CAPA {release} lets {who} in"), help)
            }
            _ => continue,
        };
        let finding = Diagnostic::warning(format!("{}: {message}", found.title()));
        findings.add(finding.at(found.location(*span), label).help(help));
    }
}

fn nothing(allowed: &Map<String, Value>) -> Option<EmptyForm> {
    let list = allowed.get("list");
    // Names in the list are let in either way, and nobody else is where the selector is empty.
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
        None if list.is_some() => Some(EmptyForm::Whole("a list that is null")),
        _ => None,
    }
}
