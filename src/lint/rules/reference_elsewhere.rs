//! `identityRef` where the API server drops it.

use super::super::{Context, Findings, Rule};
use crate::capa::Role;
use crate::diag::Diagnostic;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA034",
    name: "reference-elsewhere",
    severity: Severity::Warning,
    summary: "An identityRef on a kind that has none",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.run.objects() {
        let Role::Elsewhere(span) = found.object.role else { continue };
        let kind = found.object.kind.as_str();
        let right = match kind {
            "AWSManagedCluster" | "AWSManagedClusterTemplate" => "for EKS it belongs on the AWSManagedControlPlane",
            "ROSACluster" | "ROSAMachinePool" => "for ROSA it belongs on the ROSAControlPlane",
            _ => "it belongs on the AWSCluster or the control plane; this takes the identity of its cluster",
        };
        findings.add(
            Diagnostic::warning(format!("{}: {kind} has no identityRef: the API server drops it, and the cluster stays in the management account", found.title()))
                .at(found.location(span), "")
                .help(right),
        );
    }
}
