//! What becomes of the controller identity, the source of most role identities, if no cluster uses it directly any more.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::capa::{
    CONTROLLER_IDENTITY, IdentityKind, ObjectKind, ROLE_IDENTITY, Release, State, makes_controller_identity,
};
use crate::inventory::{Inventory, ObjectId, Resource};
use crate::plan::{ChangeKind, NewObject, Outcome};

/// The line about `AWSClusterControllerIdentity/default`, if it is in no file and the run takes CAPA the last cluster for
/// which it creates it, or makes the first role identity (`exp/controlleridentitycreator`, v2.13.0: it is created for a
/// cluster that references it).
pub(super) fn missing(inventory: &Inventory, outcome: &Outcome, release: Option<Release>) -> Option<String> {
    let is_moved = [ChangeKind::ReferenceAdded, ChangeKind::ReferenceReplaced];
    let moved: BTreeSet<ObjectId> = outcome
        .changes
        .iter()
        .filter(|change| is_moved.contains(&change.kind))
        .filter_map(|change| change.object)
        .collect();
    let is_kind = |added: &NewObject, kind: &str| added.object.get("kind").and_then(Value::as_str) == Some(kind);
    let exists = !inventory.identities(IdentityKind::Controller, "default").is_empty()
        || outcome.added.iter().any(|added| is_kind(added, CONTROLLER_IDENTITY));
    if moved.is_empty() || exists || !is_source(inventory, outcome) {
        return None;
    }
    let release =
        release.or_else(|| Release::serving(inventory.versions(), Release::IDENTITIES)).unwrap_or(Release::NEWEST);
    let makes = |found: &Resource| !found.is_template() && makes_controller_identity(&found.object, release);
    let makers: Vec<ObjectId> = inventory.entries().filter(|(_, found)| makes(found)).map(|(index, _)| index).collect();
    let moves_maker = makers.iter().any(|index| moved.contains(index));
    let keeps_maker = makers.iter().any(|index| !moved.contains(index));
    let is_role = |found: &Resource| matches!(found.object.object_kind, ObjectKind::Identity(..));
    let is_first =
        outcome.added.iter().any(|added| is_kind(added, ROLE_IDENTITY)) && !inventory.objects().iter().any(is_role);
    (!keeps_maker && (moves_maker || is_first)).then(|| {
        format!(
            "{CONTROLLER_IDENTITY} default  not in these files, and CAPA creates it only for a cluster that uses it; \
             --with-controller-identity adds it"
        )
    })
}

/// Whether the controller identity is the source of a role identity.
fn is_source(inventory: &Inventory, outcome: &Outcome) -> bool {
    let is_source_of = |added: &NewObject| {
        added.object.pointer("/spec/sourceIdentityRef/kind").and_then(Value::as_str) == Some(CONTROLLER_IDENTITY)
    };
    let is_source = |found: &Resource| match &found.object.object_kind {
        ObjectKind::Identity(identity, _) => {
            matches!(&identity.source, State::Set(to) if to.kind.text() == Some(CONTROLLER_IDENTITY))
        }
        _ => false,
    };
    outcome.added.iter().any(is_source_of) || inventory.objects().iter().any(is_source)
}
