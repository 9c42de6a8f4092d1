//! Pairs of kind and version that never existed.

use super::super::{Context, Findings, Rule};
use super::query::as_warning;
use crate::capa::{Release, Typed, classify};
use crate::diag::{RuleId, Severity};
use crate::manifest_checks;

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnknownApiVersion,
    name: "api-version",
    severity: Severity::Error,
    summary: "A kind in an API version that never existed, or that has no identities",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        let Some(error) = manifest_checks::refused(found) else { continue };
        // Only a warning if kubectl accepts it and just other tools read it differently, or if the release serves it.
        let (version, kind) = (&found.object.api_version, &found.object.kind);
        let never = matches!(classify(version, kind), Typed::Refused(_));
        let is_old = kind == "AWSCluster" && version == "infrastructure.cluster.x-k8s.io/v1alpha2";
        let never = never && !(is_old && context.release() < Release::DROPS_V1ALPHA2);
        findings.add_as_it_is(if never { error } else { as_warning(error) });
    }
}
