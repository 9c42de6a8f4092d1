//! Pairs of kind and version that never existed.

use super::super::{Context, Findings, Rule};
use crate::check;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA003",
    name: "api-version",
    severity: Severity::Error,
    summary: "No release of CAPA had this kind in this group and version",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    check::impossible(context.run).for_each(|one| findings.add(one));
}
