//! What an `identityRef` must be: one kind of identity, and a name.

use super::super::{Context, Findings, Rule};
use super::look::{no_error, unreadable, unusable};
use crate::capa::{Role, State};
use crate::check;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA004",
    name: "identity-reference",
    severity: Severity::Error,
    summary: "An identityRef that the API server refuses, or that nobody can tell",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.run.objects() {
        let decides = !matches!(found.object.role, Role::Class(_));
        check::twice(found).filter(|_| decides).map(no_error).into_iter().for_each(|one| findings.add_as_it_is(one));
        for reference in found.object.references() {
            let problem = match &reference.state {
                State::Set(there) => unreadable(found, there).or_else(|| unusable(found, there, "identityRef")),
                State::Variable(_) => None,
                State::Twice(_) => check::misplaced(found, reference).map(no_error),
                _ => check::misplaced(found, reference),
            };
            problem.into_iter().for_each(|one| findings.add_as_it_is(one));
        }
    }
}
