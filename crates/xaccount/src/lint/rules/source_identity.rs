//! What an identity's source must be, and that the controller identity is named `default`.

use super::super::{Context, Findings, Rule};
use super::query::{role_identities, unreadable, unusable};
use crate::capa::{CONTROLLER_IDENTITY, ObjectKind, Reference, State, is_variable};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidSourceIdentity,
    name: "source-identity",
    severity: Severity::Error,
    summary: "A source identity that is missing or can't be one",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        for reference in found.object.references() {
            if let State::Set(existing) = &reference.state {
                other_controller(found, existing, "identityRef").into_iter().for_each(|one| findings.add(one));
            }
        }
        let name = found.object.name.as_deref().unwrap_or("default");
        if matches!(found.object.object_kind, ObjectKind::Controller(_)) && name != "default" && !is_variable(name) {
            findings.add(
                Diagnostic::error(format!("{CONTROLLER_IDENTITY} {name}: its only name is default"))
                    .at(found.head(), "CAPA's webhook refuses the object")
                    .help("name it default; where a kustomization has a namePrefix or a nameSuffix, keep the object out of it"),
            );
        }
    }
    for (_, found, identity) in role_identities(context.inventory) {
        let title = found.title();
        let problem = match &identity.source {
            State::Variable(_) => None,
            State::Unset => Some(
                Diagnostic::error(format!("{title}: there is no sourceIdentityRef"))
                    .at(found.head(), "CAPA's webhook refuses the object")
                    .help("sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}"),
            ),
            State::Wrong(span) => Some(
                Diagnostic::error(format!("{title}: sourceIdentityRef is no mapping of kind and name"))
                    .at(found.location(*span), ""),
            ),
            State::Twice(span) => Some(
                Diagnostic::warning(format!("{title}: sourceIdentityRef is written twice"))
                    .at(found.location(*span), "")
                    .help("kubectl takes the last, other tools refuse it; remove one"),
            ),
            State::Set(existing) => unreadable(found, existing)
                .or_else(|| unusable(found, existing, "sourceIdentityRef"))
                .or_else(|| other_controller(found, existing, "sourceIdentityRef")),
        };
        problem.into_iter().for_each(|one| findings.add_as_it_is(one));
    }
}

/// CAPA asks for the controller identity's name before it looks for the object.
fn other_controller(found: &Resource, existing: &Reference, what: &str) -> Option<Diagnostic> {
    let name = existing.name.text().filter(|name| !name.is_empty() && *name != "default" && !is_variable(name))?;
    if existing.kind.text() != Some(CONTROLLER_IDENTITY) {
        return None;
    }
    let at = found.location(existing.name.span().unwrap_or(existing.span));
    Some(
        Diagnostic::error(format!(
            "{}: {what} names {CONTROLLER_IDENTITY}/{name}, and CAPA knows default alone",
            found.title()
        ))
        .at(at, "the API server takes this; CAPA then fails")
        .help("name: default"),
    )
}
