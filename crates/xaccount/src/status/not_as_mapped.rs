//! Clusters that are not in the account that the account map says.

use super::row::{AccountSummary, MappedAccount, NotAsMapped, Row};
use crate::account_map::{Assigned, IdentityName};
use crate::diag::Span;
use crate::inject::Mapped;
use crate::inventory::Inventory;

/// Marks the rows whose account is known and is not the one that the map says. Clusters that match no account are not
/// marked.
pub fn mark_not_as_mapped(rows: &mut [Row], inventory: &Inventory, mapped: &Mapped<'_>) {
    let source = mapped.map.source.account.as_ref().map(|account| &account.value);
    for row in rows {
        let found = &inventory[row.object];
        let place = (mapped.file)(found.origin.file);
        // If it is ambiguous which cluster an object belongs to, `inject` refuses it.
        let Ok(assigned) = mapped.assigned_in(inventory, found, &place, &row.namespace) else { continue };
        let of = |spans: &[Span]| spans.iter().map(|span| (mapped.place)(*span)).collect();
        let existing = match &assigned {
            Assigned::To(index, _) => mapped.map.accounts[*index].identity_ref.as_ref().map(|existing| &existing.value),
            _ => None,
        };
        let (wanted, places) = match assigned {
            Assigned::To(index, span) => {
                (MappedAccount::Account(mapped.map.accounts[index].account.value.clone()), of(&[span]))
            }
            Assigned::Source(span) => (MappedAccount::Source, of(&[span])),
            Assigned::Several(claims) => {
                let (names, spans): (Vec<String>, Vec<Span>) = claims.into_iter().unzip();
                (MappedAccount::Several(names), of(&spans))
            }
            Assigned::Unplaced(_) | Assigned::Nobody => continue,
        };
        let is_as_mapped = match (&wanted, &row.account) {
            (MappedAccount::Source, AccountSummary::Management) => true,
            (MappedAccount::Source, AccountSummary::Known(id)) => source == Some(id),
            // An identity that the map does not manage counts by its name.
            (MappedAccount::Account(_), _) if references(row, existing) => true,
            (MappedAccount::Account(wanted), AccountSummary::Known(id)) => wanted == id,
            // The account is not known, and the verdict says that.
            (_, AccountSummary::NotKnown(_)) => true,
            // The map can't name the account of static keys.
            (_, AccountSummary::Static(_)) => false,
            (MappedAccount::Account(_), AccountSummary::Management) | (MappedAccount::Several(_), _) => false,
        };
        row.not_as_mapped = (!is_as_mapped).then_some(NotAsMapped { wanted, places });
    }
}

/// Whether a cluster references this identity.
fn references(row: &Row, identity: Option<&IdentityName>) -> bool {
    row.verdict
        .chain
        .first()
        .zip(identity)
        .is_some_and(|(first, identity)| first.kind == identity.kind.name() && first.name == identity.name)
}
