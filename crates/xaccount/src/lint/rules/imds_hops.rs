//! Machines of the management cluster on which a pod can't get the credentials of the instance profile.

use super::super::{Context, Findings, Rule};
use crate::account_map::CredentialKind;
use crate::capa::{CLUSTER_NAME, ControllerFact, ObjectKind};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;

pub(super) const RULE: Rule = Rule {
    id: RuleId::ImdsHops,
    name: "imds-hops",
    severity: Severity::Warning,
    summary: "A machine on which the CAPA pod can't get the credentials of its instance profile",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let kind = context.credentials().map(crate::account_map::Credentials::kind);
    if kind != Some(CredentialKind::InstanceProfile) || context.staying.is_empty() {
        return;
    }
    let stays = |found: &Resource, cluster: &str| {
        let namespace = context.inventory.places(found).first().map_or("", |place| place.namespace);
        context.staying.iter().any(|(own, name)| own == namespace && name == cluster)
    };
    for found in context.inventory.objects() {
        let Some(ControllerFact::OneHop { span }) = found.object.controller_fact.as_deref() else { continue };
        let Some(cluster) = clusters(context, found).into_iter().find(|cluster| stays(found, cluster)) else {
            continue;
        };
        let message = format!(
            "{}: with httpTokens: required and one hop, the CAPA pod on the machines of {cluster} gets no credentials from their instance profile",
            found.title()
        );
        findings.add(
            Diagnostic::warning(message)
                .at(found.location(*span), "")
                .help("add a template with httpPutResponseHopLimit: 2, because AWSMachineTemplates are immutable"),
        );
    }
}

/// The clusters whose machines are made from a template.
fn clusters<'c>(context: &Context<'c>, template: &'c Resource) -> Vec<&'c str> {
    let by_label = |found: &'c Resource| found.object.labels.get(CLUSTER_NAME);
    let mut all: Vec<&str> = by_label(template).into_iter().collect();
    let name = template.object.name.as_deref().unwrap_or_default();
    let has_namespace = |found: &Resource| found.object.own_namespace() == template.object.own_namespace();
    for found in context.inventory.objects().iter().filter(|found| has_namespace(found)) {
        match found.object.controller_fact.as_deref() {
            Some(ControllerFact::Machines { template, cluster }) if template == name => {
                all.extend(cluster.as_deref().or_else(|| by_label(found)));
                all.extend(owners(context, found));
            }
            _ => {}
        }
    }
    all
}

/// The Clusters that have an object as their control plane.
fn owners<'c>(context: &Context<'c>, control_plane: &Resource) -> Vec<&'c str> {
    let is_it = |found: &&Resource| match &found.object.object_kind {
        ObjectKind::Cluster { refers_to, .. } => refers_to.iter().any(|to| {
            to.kind == control_plane.object.kind && Some(to.name.as_str()) == control_plane.object.name.as_deref()
        }),
        _ => false,
    };
    let has_namespace = |found: &&Resource| found.object.own_namespace() == control_plane.object.own_namespace();
    let clusters = context.inventory.objects().iter().filter(is_it).filter(has_namespace);
    clusters.filter_map(|found| found.object.name.as_deref()).collect()
}
