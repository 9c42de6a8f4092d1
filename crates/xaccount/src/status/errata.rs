//! Faults of the CAPA release that change the account of ROSA objects.

use std::collections::BTreeSet;

use super::row::{AccountSummary, Row};
use crate::capa::errata::{Erratum, FIRST_ROSA_ACCOUNT, ROLE_CONFIG_WITHOUT_IDENTITY};
use crate::capa::{Release, VerdictOutcome};
use crate::diag::{Diagnostic, RuleId};
use crate::inventory::{Inventory, Provenance};

/// Corrects the account of rows that the release puts into another account than their identity's, and returns the
/// warnings about them.
pub(super) fn apply<O: Provenance>(inventory: &Inventory<O>, release: Release, rows: &mut [Row]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    if ROLE_CONFIG_WITHOUT_IDENTITY.affects(release) {
        let kinds = ROLE_CONFIG_WITHOUT_IDENTITY.kinds;
        let is_it = |row: &&mut Row| kinds.contains(&inventory[row.object].object.kind.as_str()) && may_be_created(row);
        for row in rows.iter_mut().filter(is_it) {
            if row.account != AccountSummary::Management {
                warnings.push(warning(inventory, row, release, &ROLE_CONFIG_WITHOUT_IDENTITY));
                row.verdict.notes.push(note(release, &ROLE_CONFIG_WITHOUT_IDENTITY));
                row.account = AccountSummary::Management;
            }
        }
    }
    for kind in FIRST_ROSA_ACCOUNT.kinds.iter().filter(|_| FIRST_ROSA_ACCOUNT.affects(release)) {
        let of_kind = |row: &&mut Row| inventory[row.object].object.kind == *kind && may_be_created(row);
        let accounts: BTreeSet<AccountSummary> =
            rows.iter_mut().filter(of_kind).map(|row| row.account.clone()).collect();
        if accounts.len() > 1 {
            for row in rows.iter_mut().filter(of_kind) {
                warnings.push(warning(inventory, row, release, &FIRST_ROSA_ACCOUNT));
                row.verdict.notes.push(note(release, &FIRST_ROSA_ACCOUNT));
            }
        }
    }
    warnings
}

/// Whether CAPA may create something for a row, in an account that is known.
fn may_be_created(row: &Row) -> bool {
    matches!(row.verdict.outcome, VerdictOutcome::Permitted | VerdictOutcome::Unknown)
        && !matches!(row.account, AccountSummary::NotKnown(_))
}

fn note(release: Release, erratum: &Erratum) -> String {
    format!("{} (CAPA {release}; {})", erratum.effect, erratum.source())
}

fn warning<O: Provenance>(inventory: &Inventory<O>, row: &Row, release: Release, erratum: &Erratum) -> Diagnostic {
    let found = &inventory[row.object];
    Diagnostic::warning(format!("{}: fault of CAPA {release}: {}", found.title(), erratum.name))
        .rule(RuleId::Erratum)
        .at(found.location(row.reference), "")
        .help(erratum.effect)
        .help(erratum.source())
}
