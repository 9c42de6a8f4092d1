//! The identities that the clusters of an inventory need, whether or not they reference them yet.

use std::collections::BTreeMap;

use super::by_account::{for_account, mapped as requests_of};
use super::mapped::{Mapped, SpecifiedTarget};
use super::request::{InjectRequest, identity_name};
use crate::account_map::{Account, Cluster};
use crate::capa::IdentityKind;
use crate::diag::Diagnostic;
use crate::inventory::{Inventory, ObjectId};
use crate::plan::referencing;

/// An identity that clusters need.
#[derive(Clone, Debug)]
pub struct NeededIdentity {
    /// Its name.
    pub name: String,
    /// The role identity that is its source, if the account map specifies one.
    pub source: Option<String>,
    /// The objects that the map assigns to its account.
    pub objects: Vec<ObjectId>,
}

/// The identities that the objects of an inventory need because the account map assigns them to accounts.
///
/// # Errors
/// A cluster that matches several accounts, or that contradicts the map.
pub fn needed(inventory: &Inventory, mapped: &Mapped<'_>) -> Result<Vec<NeededIdentity>, Vec<Diagnostic>> {
    let (requests, _) = requests_of(inventory, &InjectRequest::default(), mapped, &SpecifiedTarget::default())?;
    let needed = |mut request: InjectRequest| {
        let objects = request.selection.only.take().into_iter().flatten().collect();
        let (name, source) = names(request)?;
        Some(NeededIdentity { name, source, objects })
    };
    Ok(requests.into_iter().filter_map(needed).collect())
}

/// The names of an identity and of the role identity that is its source.
fn names(request: InjectRequest) -> Option<(String, Option<String>)> {
    let name = identity_name(&request)?;
    let source = request.identity.source.map(|source| source.value);
    let source = source.filter(|source| source.kind == IdentityKind::Role).map(|source| source.name);
    Some((name, source))
}

/// For each identity that a cluster may need once its placeholders are filled in, by its name, the first such object: its
/// name or namespace has a placeholder, and no account matches it as it is.
///
/// # Errors
/// An account of the map is not valid.
pub fn possibly_needed(
    inventory: &Inventory,
    mapped: &Mapped<'_>,
) -> Result<BTreeMap<String, ObjectId>, Vec<Diagnostic>> {
    let (none, base) = (SpecifiedTarget::default(), InjectRequest::default());
    let mut all = BTreeMap::new();
    for index in referencing(inventory) {
        let found = &inventory[index];
        let (place, template) = ((mapped.file)(found.origin.file), found.is_template());
        for at in inventory.places(found) {
            let possible = |name: Option<&str>| {
                mapped.map.possible(&Cluster { name, namespace: at.namespace, place: &place, template })
            };
            // Which cluster it belongs to is certain here: else the assignment was an error before.
            let accounts = inventory.by_cluster_name(found, possible).unwrap_or_default();
            let mut next: Vec<&Account> = accounts.iter().map(|&account| &mapped.map.accounts[account]).collect();
            while let Some(account) = next.pop() {
                let request = for_account(inventory, &base, mapped, account, &none)?;
                let Some((name, source)) = names(request) else { continue };
                if all.insert(name, index).is_none() {
                    let is_source = |one: &&Account| one.identity().map(|one| one.name) == source;
                    next.extend(mapped.map.accounts.iter().filter(|_| source.is_some()).filter(is_source));
                }
            }
        }
    }
    Ok(all)
}
