//! `identityRef` in a place where the API server drops it.

use super::super::{Applicability, Context, Findings, Rule};
use super::query::remove;
use crate::capa::{ObjectKind, State, elsewhere_spec};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;
use crate::status::Row;

pub(super) const RULE: Rule = Rule {
    id: RuleId::MisplacedReference,
    name: "reference-elsewhere",
    severity: Severity::Warning,
    summary: "An identityRef on a kind that has none, or in the wrong place",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found) in context.inventory.entries() {
        for (path, key, span) in &found.object.misplaced {
            let finding = misplaced(found, path, key).at(found.location(*span), "");
            // Without another one, it shows the intended account.
            match has_reference(found) {
                true => {
                    let path = path.split('/').skip(1).chain([key.as_str()]);
                    findings.add_with_fix(finding, remove(object, path, &format!("{key} removed, which is dropped")));
                }
                false => findings.add(finding),
            }
        }
        let ObjectKind::Elsewhere(span) = found.object.object_kind else { continue };
        let kind = found.object.kind.as_str();
        let right = match kind {
            "AWSManagedCluster" | "AWSManagedClusterTemplate" => "for EKS it belongs on the AWSManagedControlPlane",
            "ROSACluster" | "ROSAMachinePool" => "for ROSA it belongs on the ROSAControlPlane",
            _ => "it belongs on the AWSCluster or the control plane; this kind uses the identity of its cluster",
        };
        let path = elsewhere_spec(kind).iter().copied().chain(["identityRef"]);
        let effect = effect(context, found);
        findings.add_with_fix(
            Diagnostic::warning(format!(
                "{}: {kind} has no identityRef: the API server drops it{effect}",
                found.title()
            ))
            .at(found.location(span), "")
            .help(right),
            remove(object, path, "identityRef removed, which is dropped"),
        );
    }
}

/// What decides the account in place of a reference that is dropped: another object of the same cluster, if it is in the
/// files.
fn effect(context: &Context<'_>, found: &Resource) -> String {
    let (namespace, cluster) = (context.inventory.namespace_of(found), context.inventory.cluster_name(found));
    let is_of_cluster =
        |row: &&Row| !row.template && row.namespace == namespace && Some(row.cluster.as_str()) == cluster;
    match context.status.rows.iter().find(is_of_cluster) {
        Some(row) => {
            let deciding = &context.inventory[row.object];
            format!("; {} decides the account: {}", deciding.title(), row.account)
        }
        None => ", and the cluster stays in the source account".to_owned(),
    }
}

/// Whether a reference is in the right place.
fn has_reference(found: &Resource) -> bool {
    found.object.references().any(|reference| matches!(reference.state, State::Set(_)))
}

/// A reference in the wrong place or under a wrong name.
fn misplaced(found: &Resource, path: &str, key: &str) -> Diagnostic {
    let title = found.title();
    let place = if path.is_empty() { "/" } else { path };
    let dropped = format!("{title}: unknown field {key} at {place}: the API server drops it");
    let ObjectKind::Referencing { kind_row, .. } = &found.object.object_kind else {
        return Diagnostic::warning(dropped).help(
            "it belongs on the object that infrastructureRef or controlPlaneRef names, or in a topology's variable",
        );
    };
    let whose = match has_reference(found) {
        true => "the one in the right place is used",
        false => "the cluster is created with the source account's credentials",
    };
    Diagnostic::warning(format!("{dropped}, and {whose}"))
        .help(format!("the right place is /{}/identityRef", kind_row.parent.join("/")))
}
