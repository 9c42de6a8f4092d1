//! `identityRef` without a valid kind and name.

use super::super::{Context, Findings, Rule};
use super::query::{as_warning, odd_name, unreadable, unusable};
use crate::capa::{ObjectKind, State};
use crate::diag::{RuleId, Severity};
use crate::manifest_checks;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidIdentityRef,
    name: "identity-reference",
    severity: Severity::Error,
    summary: "An identityRef that the API server refuses, or that is ambiguous",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        let decides = !matches!(found.object.object_kind, ObjectKind::Class(_));
        manifest_checks::twice(found)
            .filter(|_| decides)
            .map(as_warning)
            .into_iter()
            .for_each(|one| findings.add_as_it_is(one));
        for reference in found.object.references() {
            let problem = match &reference.state {
                // A controller identity of another name is XA007: the API server accepts it.
                State::Set(existing) => unreadable(found, existing)
                    .or_else(|| unusable(found, existing, "identityRef").filter(|one| one.rule == Some(RULE.id)))
                    .or_else(|| odd_name(found, existing, "identityRef")),
                State::Variable(_) => None,
                State::Twice(_) => manifest_checks::misplaced(found, reference).map(as_warning),
                _ => manifest_checks::misplaced(found, reference),
            };
            problem.into_iter().for_each(|one| findings.add_as_it_is(one));
        }
    }
}
