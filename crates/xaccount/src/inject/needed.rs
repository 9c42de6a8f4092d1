//! The identities that the clusters of an inventory need, whether or not they reference them yet.

use super::by_account::mapped as requests_of;
use super::mapped::{Mapped, SpecifiedTarget};
use super::request::{InjectRequest, identity_name};
use crate::capa::IdentityKind;
use crate::diag::Diagnostic;
use crate::inventory::{Inventory, ObjectId};

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
    let needed = |request: InjectRequest| {
        let name = identity_name(&request)?;
        let source = request.identity.source.map(|source| source.value);
        let source = source.filter(|source| source.kind == IdentityKind::Role).map(|source| source.name);
        let objects = request.selection.only.into_iter().flatten().collect();
        Some(NeededIdentity { name, source, objects })
    };
    Ok(requests.into_iter().filter_map(needed).collect())
}
