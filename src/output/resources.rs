//! In which accounts the resources of clusters are, for people.

use anstyle::AnsiColor;

use super::screen::Screen;
use super::table::styled;
use xaccount::aws::AccountId;
use xaccount::diag::escape_control;
use xaccount::inventory::Provenance;
use xaccount::status::{AccountSummary, ResourcesVerdict, Row, Status};

/// Whether there is a column for them: for a cluster, and for files that show an account.
pub(super) fn has_resources<O: Provenance>(status: &Status<'_, O>) -> bool {
    status.inventory.files().is_empty() || status.rows.iter().any(|row| !row.evidence.is_empty())
}

/// The accounts of a cluster's resources: `222222222222, 333333333333`.
pub(super) fn resources_cell(row: &Row) -> String {
    let accounts: Vec<&str> = row.resource_accounts().into_iter().map(AccountId::as_str).collect();
    if accounts.is_empty() { "-".to_owned() } else { accounts.join(", ") }
}

/// A line for each cluster whose resources are elsewhere, or for `all`. `source` is the source account.
pub(crate) fn resource_lines<O: Provenance>(
    status: &Status<'_, O>,
    source: Option<&AccountId>,
    all: bool,
    screen: Screen,
) -> String {
    let mut out = String::new();
    for row in status.rows.iter().filter(|row| !row.template) {
        let verdict = row.resources_verdict(source);
        if verdict != ResourcesVerdict::Mismatch && (!all || row.evidence.is_empty()) {
            continue;
        }
        let expected = match (&row.account, source) {
            (AccountSummary::Management, Some(source)) => format!("the source account {source}"),
            (AccountSummary::Known(id), _) => id.to_string(),
            (account, _) => account.to_string(),
        };
        let shown: Vec<String> = row
            .evidence
            .iter()
            .map(|one| format!("its {} is in {} ({}, written by CAPA)", one.resource, one.account, one.path))
            .collect();
        let colour = if verdict == ResourcesVerdict::Mismatch { AnsiColor::Red } else { AnsiColor::Green };
        let word = styled(verdict.name(), colour.on_default(), screen.colour);
        let line = format!("{}: identity -> {expected}; {}", row.title(), shown.join("; "));
        out.push_str(&format!("\n{}\n", screen.wrap(&format!("{word}: {}", escape_control(&line)), 0, 2)));
    }
    out
}

/// `40 clusters: 22 confirmed, 1 mismatch, 17 without evidence`
pub(crate) fn resources_summary<O: Provenance>(status: &Status<'_, O>, source: Option<&AccountId>) -> Option<String> {
    use ResourcesVerdict::{Confirmed, Mismatch, NoEvidence, NotCompared};
    if !has_resources(status) {
        return None;
    }
    let clusters: Vec<ResourcesVerdict> =
        status.rows.iter().filter(|row| !row.template).map(|row| row.resources_verdict(source)).collect();
    let count = |verdict| (clusters.iter().filter(|one| **one == verdict).count(), verdict);
    let counts: Vec<String> = [Confirmed, Mismatch, NotCompared, NoEvidence]
        .into_iter()
        .map(count)
        .filter(|(count, _)| *count > 0)
        .map(|(count, verdict)| format!("{count} {}", verdict.name()))
        .collect();
    Some(format!("accounts of the resources: {}", counts.join(", "))).filter(|_| !counts.is_empty())
}
