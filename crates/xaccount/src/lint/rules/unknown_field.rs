//! Unknown fields of identities and references.

use super::super::{Context, Findings, Rule};
use super::query::role_identities;
use crate::capa::{CONTROLLER_FIELDS, ObjectKind, ROLE_FIELDS, STATIC_FIELDS, State};
use crate::diag::{Diagnostic, RuleId, Severity, Span};
use crate::inventory::Resource;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnknownField,
    name: "unknown-field",
    severity: Severity::Warning,
    summary: "A field that the API server drops",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        let (fields, unknown): (&[&str], _) = match &found.object.object_kind {
            ObjectKind::Identity(identity, _) => (&ROLE_FIELDS, &identity.unknown),
            ObjectKind::Static(identity, _) => (&STATIC_FIELDS, &identity.unknown),
            ObjectKind::Controller(identity) => (&CONTROLLER_FIELDS, &identity.unknown),
            _ => continue,
        };
        for (key, span) in unknown.iter().filter(|(key, _)| !is_filled_in(key)) {
            let near = nearest(key, fields);
            let then = match near {
                Some("externalID") => "no external id is sent",
                Some("allowedNamespaces") => "no namespace is allowed",
                _ => "",
            };
            let message = format!("{}: its spec has no field {key}: the API server drops it", found.title());
            findings.add(Diagnostic::warning(message).at(found.location(*span), then).help(match near {
                Some(known) => format!("perhaps {known}"),
                None => format!("known fields: {}", fields.join(", ")),
            }));
        }
    }
    for (_, found, identity) in role_identities(context.inventory) {
        if let State::Set(source) = &identity.source {
            unknown_in_reference(findings, found, &source.unknown, "sourceIdentityRef");
        }
    }
    for found in context.inventory.objects() {
        for reference in found.object.references() {
            if let State::Set(existing) = &reference.state {
                unknown_in_reference(findings, found, &existing.unknown, "identityRef");
            }
        }
    }
}

/// The known field with the most similar name, if one is similar enough.
fn nearest<'f>(key: &str, fields: &[&'f str]) -> Option<&'f str> {
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &key.to_lowercase());
    let near = fields.iter().map(|&known| (likeness(known), known)).filter(|(likeness, _)| *likeness > 0.85);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

fn unknown_in_reference(findings: &mut Findings, found: &Resource, unknown: &[(String, Span)], what: &str) {
    for (key, span) in unknown {
        findings.add(
            Diagnostic::warning(format!("{}: {what} has no field {key}: the API server drops it", found.title()))
                .at(found.location(*span), "")
                .help("a reference has only kind and name: identities are cluster-scoped and in one API group"),
        );
    }
}
