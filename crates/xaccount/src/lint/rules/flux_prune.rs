//! Identities that Flux deletes although clusters of another Kustomization use them.

use std::collections::BTreeSet;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::super::{Applicability, Context, Findings, Fix, FixEdit, Rule};
use super::query::role_identities;
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::builds::FluxBuild;
use crate::inventory::{Resource, identity_key, users_of};

pub(super) const RULE: Rule = Rule {
    id: RuleId::FluxPrune,
    name: "flux-prune",
    severity: Severity::Warning,
    summary: "An identity that Flux may delete while clusters of another Kustomization use it",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

/// The annotation, or label, that keeps Flux from deleting an object (fluxcd/kustomize-controller@8ccbdc90,
/// `docs/spec/v1/kustomizations.md`, Prune).
const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";

fn check(context: &Context<'_>, findings: &mut Findings) {
    let builds = context.builds;
    if builds.flux.is_empty() {
        return;
    }
    let users = users_of(context.inventory);
    for (object, found, identity) in role_identities(context.inventory) {
        let is_kept = identity.annotations.iter().any(|(key, value)| key == PRUNE && is_disabled(value))
            || found.object.labels.get(PRUNE).is_some_and(is_disabled);
        let appliers: BTreeSet<usize> = builds.appliers(found.origin.file).into_iter().collect();
        let Some(pruner) = appliers.iter().copied().find(|&index| builds.flux[index].flux.prune.is_some()) else {
            continue;
        };
        let used = identity_key(found).and_then(|key| users.get(&key)).map_or(&[][..], Vec::as_slice);
        let elsewhere = used.iter().find_map(|user| {
            let others = builds.appliers(user.origin.file);
            Some((*user, others.into_iter().filter(|other| *other != pruner).min()?))
        });
        let Some((user, other)) = elsewhere.filter(|_| !is_kept) else { continue };
        let (pruner, other) = (&builds.flux[pruner], &builds.flux[other]);
        let operations = match identity.annotations.is_empty() {
            true => (PointerBuf::from_tokens(["metadata", "annotations"]), json!({PRUNE: "disabled"})),
            false => (PointerBuf::from_tokens(["metadata", "annotations", PRUNE]), json!("disabled")),
        };
        let operations = vec![PatchOperation::Add(AddOperation { path: operations.0, value: operations.1 })];
        findings.add_with_fix(
            finding(found, user, pruner, other),
            Fix { what: format!("annotation {PRUNE} set"), change: FixEdit::Object { object, operations } },
        );
    }
}

fn is_disabled(value: &str) -> bool {
    value.eq_ignore_ascii_case("disabled")
}

fn finding(identity: &Resource, user: &Resource, pruner: &FluxBuild, other: &FluxBuild) -> Diagnostic {
    let finding = Diagnostic::warning(format!(
        "{}: {} deletes it when it leaves its path, and {} of {} uses it",
        identity.title(),
        pruner.title,
        user.title(),
        other.title
    ))
    .at(identity.head(), "")
    .help(format!("{} sets prune: true ({})", pruner.title, pruner.place))
    .help(format!("add the annotation {PRUNE}: disabled; without its identity a cluster can't be deleted"));
    let own = other.id.0.as_str();
    let depends = other
        .flux
        .depends_on
        .iter()
        .any(|(namespace, name)| *name == pruner.id.1 && namespace.as_deref().unwrap_or(own) == pruner.id.0);
    match depends {
        true => finding,
        false => finding
            .help(format!("{} has no dependsOn for {}: Flux may apply the cluster first", other.title, pruner.id.1)),
    }
}
