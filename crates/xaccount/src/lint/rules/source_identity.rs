//! Source identities that are missing or invalid, and controller identities that are not named `default`.

use super::super::{Context, Findings, Rule};
use super::query::{as_warning, odd_name, role_identities, unreadable, unusable};
use crate::capa::{CONTROLLER_IDENTITY, ObjectKind, State};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::manifest_checks;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidSourceIdentity,
    name: "source-identity",
    severity: Severity::Error,
    summary: "A source identity that is missing or invalid",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        for reference in found.object.references() {
            if let State::Set(existing) = &reference.state {
                let other_controller = unusable(found, existing, "identityRef").filter(|one| one.rule == Some(RULE.id));
                other_controller.into_iter().for_each(|one| findings.add(one));
            }
        }
        let name = found.object.name.as_deref().unwrap_or("default");
        if matches!(found.object.object_kind, ObjectKind::Controller(_)) && name != "default" && !is_filled_in(name) {
            findings.add(
                Diagnostic::error(format!("{CONTROLLER_IDENTITY} {name}: the only valid name is default"))
                    .at(found.head(), "CAPA's webhook refuses the object")
                    .help(
                        "name it default; if a kustomization with a namePrefix or nameSuffix lists it, remove it there",
                    ),
            );
        }
    }
    for (_, found, identity) in role_identities(context.inventory) {
        let problem = match (manifest_checks::source_reference(found, &identity.source), &identity.source) {
            (Ok(existing), _) => unreadable(found, existing)
                .or_else(|| unusable(found, existing, "sourceIdentityRef"))
                .or_else(|| odd_name(found, existing, "sourceIdentityRef")),
            // A placeholder may be filled in correctly.
            (Err(_), State::Variable(_)) => None,
            (Err(error), State::Twice(_)) => Some(as_warning(error)),
            (Err(error), _) => Some(error),
        };
        problem.into_iter().for_each(|one| findings.add_as_it_is(one));
    }
}
