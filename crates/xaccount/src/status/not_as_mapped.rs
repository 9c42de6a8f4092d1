//! Clusters that are not in the account that the account map says.

use super::{AccountSummary, Row};
use crate::account_map::Assigned;
use crate::aws::AccountId;
use crate::diag::Span;
use crate::inject::Mapped;
use crate::inventory::Inventory;

/// Where a cluster should be according to the account map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsMapped {
    /// The account that the map says.
    pub wanted: MappedAccount,
    /// The place in the map: `.xaccount.yaml:12`; several, if several accounts match.
    pub places: Vec<String>,
}

/// An account of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedAccount {
    /// The source account.
    Source,
    /// An account of the map.
    Account(AccountId),
    /// The map does not decide: the names of the accounts that match.
    Several(Vec<String>),
}

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
        let is_there = match (&wanted, &row.account) {
            (MappedAccount::Source, AccountSummary::Management) => true,
            (MappedAccount::Source, AccountSummary::Known(id)) => source == Some(id),
            (MappedAccount::Account(wanted), AccountSummary::Known(id)) => wanted == id,
            // Whether it is there is not known, and the verdict says that.
            (_, AccountSummary::NotKnown(_) | AccountSummary::Static(_)) => true,
            (MappedAccount::Account(_), AccountSummary::Management) | (MappedAccount::Several(_), _) => false,
        };
        row.not_as_mapped = (!is_there).then_some(NotAsMapped { wanted, places });
    }
}
