//! References that patches of kustomizations set, compared with the account map.

use std::collections::BTreeSet;

use super::mapped::{Mapped, known_accounts};
use super::moves::KnownAccounts;
use crate::account_map::{Assigned, Place};
use crate::aws::{AccountId, RoleArn};
use crate::capa::{CONTROLLER_IDENTITY, IdentityKind, PatchedReference, ROLE_IDENTITY};
use crate::diag::{Diagnostic, escape_control};
use crate::inventory::builds::UNREADABLE;
use crate::inventory::{Inventory, Resource};

/// The errors about an object whose patches set another account than the map, or whose namespace is not known.
pub(super) fn contradictions(
    inventory: &Inventory,
    mapped: &Mapped<'_>,
    found: &Resource,
    place: &Place,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    if let Some(uncertain) = found.object.uncertain().filter(|one| one.why == UNREADABLE) {
        let message = format!("{}: {} {UNREADABLE}", found.title(), escape_control(&uncertain.place));
        errors.push(
            Diagnostic::error(message)
                .at(found.head(), "")
                .help("its namespace may decide its account: fix the kustomization, and run again"),
        );
    }
    let known = known_accounts(mapped.map);
    for at in inventory.places(found) {
        let Some(patched) = at.reference else { continue };
        let wanted = match mapped.assigned_in(inventory, found, place, at.namespace) {
            Ok(Assigned::To(index, _)) => Some(mapped.map.accounts[index].account.value.clone()),
            Ok(Assigned::Source(_)) => None,
            _ => continue,
        };
        let Some(set) = account_of(inventory, patched, &known) else { continue };
        if set == wanted {
            continue;
        }
        let shown = |account: &Option<AccountId>| match account {
            Some(account) => known.shown(account),
            None => "the source account".to_owned(),
        };
        let message =
            format!("{}: a patch points it at {}, and the map says {}", found.title(), shown(&set), shown(&wanted));
        let PatchedReference { place, kind, name } = patched;
        let sets = format!("{place} sets {kind}/{name} in namespace {}", at.namespace);
        errors.push(
            Diagnostic::error(message)
                .at(found.head(), "")
                .help(escape_control(&sets))
                .help("change the patch, or the map"),
        );
    }
    errors
}

/// The account of a reference that a patch sets, an inner `None` for the source account; `None` if it is not known.
fn account_of(inventory: &Inventory, patched: &PatchedReference, known: &KnownAccounts) -> Option<Option<AccountId>> {
    match patched.kind.as_str() {
        CONTROLLER_IDENTITY => Some(None),
        ROLE_IDENTITY => {
            let identities = inventory.identities(IdentityKind::Role, &patched.name).iter();
            let arns: BTreeSet<&str> = identities.filter_map(|&index| inventory[index].object.role_arn()).collect();
            let role = arns.first().filter(|_| arns.len() == 1).and_then(|arn| arn.parse::<RoleArn>().ok());
            role.map(|role| role.account().clone()).or_else(|| known.by_name(&patched.name)).map(Some)
        }
        _ => None,
    }
}
