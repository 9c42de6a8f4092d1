//! Identities in files that no kustomization lists.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Context, Findings, Fix, FixEdit, Rule};
use super::query::{identity_key, users_of};
use crate::capa::ObjectKind;
use crate::diag::{FileId, RuleId, Severity};
use crate::inventory::Resource;

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnlistedIdentity,
    name: "unlisted-identity",
    severity: Severity::Warning,
    summary: "An identity that no kustomization lists, although kustomizations build its clusters",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let inventory = context.inventory;
    let mut files: BTreeMap<FileId, Vec<&Resource>> = BTreeMap::new();
    for found in inventory.objects().iter().filter(|found| is_identity(found)) {
        files.entry(found.origin.file).or_default().push(found);
    }
    if files.is_empty() {
        return;
    }
    let users = users_of(inventory);
    for (file, identities) in files {
        let named = identities.iter().filter_map(|identity| users.get(&identity_key(identity)?)).flatten();
        // In a file with its clusters, the whole file is applied or not.
        let users: BTreeSet<FileId> = named.map(|user| user.origin.file).filter(|user| *user != file).collect();
        if users.is_empty() && inventory.has_clusters(file) {
            continue;
        }
        let Some(path) = context.builds.names(file).first() else { continue };
        let Some(unlisted) = context.builds.unlisted(path, &inventory.file(file).name, users) else { continue };
        let finding = unlisted.diagnostic().at(identities[0].head(), "");
        match unlisted.fix() {
            Some((file, document, operations)) => findings.add_with_fix(
                finding,
                Fix { what: unlisted.what(), change: FixEdit::Kustomization { file, document, operations } },
            ),
            None => findings.add(finding),
        }
    }
}

/// Not the controller identity: CAPA creates it itself, and a prefix must not rename it.
fn is_identity(found: &Resource) -> bool {
    matches!(found.object.object_kind, ObjectKind::Identity(..) | ObjectKind::Static(..))
}
