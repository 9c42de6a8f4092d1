//! The objects that refer to identities.

use std::collections::HashMap;

use super::inventory::Inventory;
use super::resource::Resource;
use crate::capa::{ObjectKind, State};

/// Objects that refer to an identity, by its kind and name.
pub(crate) type Users<'r> = HashMap<(&'r str, &'r str), Vec<&'r Resource>>;

/// The kind and name of an identity.
pub(crate) fn identity_key(identity: &Resource) -> Option<(&str, &str)> {
    Some((identity.object.kind.as_str(), identity.object.name.as_deref()?))
}

/// The objects that refer to identities: clusters, also by a patch of a kustomization, and identities with a source.
pub(crate) fn users_of(inventory: &Inventory) -> Users<'_> {
    let mut users: Users<'_> = HashMap::new();
    for found in inventory.objects() {
        let states: Vec<&State> = match &found.object.object_kind {
            ObjectKind::Identity(fields, _) => vec![&fields.source],
            _ => found.object.references().map(|reference| &reference.state).collect(),
        };
        let places = found.object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
        for patched in places.iter().filter_map(|place| place.reference.as_ref()) {
            users.entry((&patched.kind, &patched.name)).or_default().push(found);
        }
        for state in states {
            let State::Set(existing) = state else { continue };
            if let (Some(kind), Some(name)) = (existing.kind.text(), existing.name.text()) {
                users.entry((kind, name)).or_default().push(found);
            }
        }
    }
    users
}
