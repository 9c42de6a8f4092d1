//! Identities are cluster-scoped: of two of one name, the last one applied wins for all.

use super::super::{Context, Findings, Rule};
use crate::check;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA010",
    name: "two-roles",
    severity: Severity::Error,
    summary: "One identity name with two role ARNs",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    check::names_of_two_roles(context.run).into_iter().for_each(|one| findings.add(one));
}
