//! Documents after `...` without a `---`.

use super::super::{Context, Findings, Rule};
use crate::diag::{RuleId, Severity};
use crate::manifest_checks;

pub(super) const RULE: Rule = Rule {
    id: RuleId::DroppedDocument,
    name: "dropped-document",
    severity: Severity::Warning,
    summary: "A document that kubectl drops",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let capa_objects = context.inventory.objects().iter().filter(|found| found.object.object_kind.is_capa());
    capa_objects.filter_map(manifest_checks::dropped_by_kubectl).for_each(|one| findings.add(one));
}
