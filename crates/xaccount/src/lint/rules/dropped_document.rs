//! Documents behind `...` without a `---`.

use super::super::{Context, Findings, Rule};
use crate::check;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA035",
    name: "dropped-document",
    severity: Severity::Warning,
    summary: "A document that kubectl drops",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let ours = context.run.objects().iter().filter(|found| found.object.role.is_ours());
    ours.filter_map(check::bare).for_each(|one| findings.add(one));
}
