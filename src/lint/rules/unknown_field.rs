//! Misspelt fields of an identity, and what a reference does not have.

use super::super::{Context, Findings, Rule};
use super::look::role_identities;
use crate::capa::{ROLE_FIELDS, State, is_variable};
use crate::diag::{Diagnostic, Severity};

pub(super) const RULE: Rule = Rule {
    id: "XA023",
    name: "unknown-field",
    severity: Severity::Warning,
    summary: "A field that the API server drops",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, identity) in role_identities(context.run) {
        for (key, span) in identity.unknown.iter().filter(|(key, _)| !is_variable(key)) {
            let near = ROLE_FIELDS
                .into_iter()
                .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &key.to_lowercase()), known));
            let near = near
                .filter(|(likeness, _)| *likeness > 0.85)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, known)| known);
            let finding = Diagnostic::warning(format!(
                "{}: an identity has no field {key}: the API server drops it",
                found.title()
            ))
            .at(
                found.location(*span),
                near.map_or("", |known| match known {
                    "externalID" => "no external id is sent",
                    "allowedNamespaces" => "no namespace is let in",
                    _ => "",
                }),
            );
            findings.add(match near {
                Some(known) => finding.help(format!("perhaps {known}")),
                None => finding.help(format!("its fields are {}", ROLE_FIELDS.join(", "))),
            });
        }
        if let State::Set(source) = &identity.source {
            beside(findings, found, &source.unknown, "sourceIdentityRef");
        }
    }
    for found in context.run.objects() {
        for reference in found.object.references() {
            if let State::Set(there) = &reference.state {
                beside(findings, found, &there.unknown, "identityRef");
            }
        }
    }
}

fn beside(findings: &mut Findings, found: &crate::run::Found, unknown: &[(String, crate::diag::Span)], what: &str) {
    for (key, span) in unknown {
        findings.add(
            Diagnostic::warning(format!("{}: {what} has no field {key}: the API server drops it", found.title()))
                .at(found.location(*span), "")
                .help("it has kind and name: an identity is in no namespace, and of one API group"),
        );
    }
}
