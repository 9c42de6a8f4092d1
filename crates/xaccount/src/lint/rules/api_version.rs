//! Pairs of kind and version that never existed.

use super::super::{Context, Findings, Rule};
use super::query::no_error;
use crate::capa::{Release, Typed, classify};
use crate::diag::{RuleId, Severity};
use crate::manifest_checks;

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnknownApiVersion,
    name: "api-version",
    severity: Severity::Error,
    summary: "A kind in a version that it never had, or that knew no identities",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        let Some(error) = manifest_checks::refused(found) else { continue };
        // What other readers take for something else, kubectl takes all the same; and what old releases serve, they run.
        let (version, kind) = (&found.object.api_version, &found.object.kind);
        let never = matches!(classify(version, kind), Typed::Refused(_));
        let is_old = kind == "AWSCluster" && version == "infrastructure.cluster.x-k8s.io/v1alpha2";
        let never = never && !(is_old && context.release() < Release::DROPS_V1ALPHA2);
        findings.add_as_it_is(if never { error } else { no_error(error) });
    }
}
