//! `allowedNamespaces` with a shape or a selector that CAPA's webhook refuses.

use serde_json::{Value, json};

use super::super::{Applicability, Context, Findings, Rule};
use super::query::{allowed, replace};
use crate::capa::{Form, ObjectKind, is_kept_as_written};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidAllowedNamespaces,
    name: "allowed-namespaces",
    severity: Severity::Error,
    summary: "allowedNamespaces has a shape that CAPA's webhook refuses",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, found, allowed, span) in allowed(context.inventory) {
        let title = found.title();
        match &allowed.form {
            Form::Undecodable(path, is, at) => {
                let finding = Diagnostic::error(format!("{title}: {path} can't be {}", article(is)))
                    .at(found.location(*at), "CAPA's webhook refuses the object")
                    .help("allowedNamespaces is a mapping: {} for all, {list: [NAME, …]}, or {selector: {matchLabels: {KEY: VALUE}}}");
                match sequence(found) {
                    Some(list) => findings.add_with_fix(
                        finding,
                        replace(index, "allowedNamespaces", list, "names moved to allowedNamespaces.list"),
                    ),
                    None => findings.add(finding),
                }
            }
            Form::Twice(at) => findings.add_as_it_is(
                Diagnostic::warning(format!("{title}: duplicate or merged key below allowedNamespaces"))
                    .at(found.location(*at), "")
                    .help("write the key once, in the mapping that it belongs to"),
            ),
            Form::Those(namespaces) => {
                let nulls = is_kept_as_written(&found.object, context.release()).then_some(&allowed.null_items);
                for (path, at) in nulls.into_iter().flatten() {
                    findings.add(
                        Diagnostic::error(format!("{title}: {path} is null: the CRD demands a string"))
                            .at(found.location(*at), "the API server refuses the object"),
                    );
                }
                let Err(why) = namespaces.selector.to_selector() else { continue };
                if is_filled_in(&why) {
                    continue;
                }
                findings.add(
                    Diagnostic::error(format!("{title}: invalid selector in allowedNamespaces: {why}"))
                        .at(found.location(span), "CAPA's webhook refuses the object"),
                );
            }
            Form::Nobody | Form::Variable(..) => {}
        }
    }
}

fn article(go_type: &str) -> String {
    let an = if go_type.starts_with(['a', 'o']) { "an" } else { "a" };
    format!("{an} {go_type}")
}

/// The names as a `list`, if a role identity has a sequence of strings in the place of a mapping.
fn sequence(found: &Resource) -> Option<Value> {
    let ObjectKind::Identity(identity, _) = &found.object.object_kind else { return None };
    let (value, _) = identity.allowed_namespaces.as_ref()?;
    value.as_array().filter(|items| items.iter().all(Value::is_string)).map(|items| json!({ "list": items }))
}
