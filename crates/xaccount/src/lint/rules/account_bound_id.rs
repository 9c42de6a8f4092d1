//! Clusters with ids or ARNs that belong to one account.

use super::super::{Context, Findings, Rule};
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::status::AccountSummary;

pub(super) const RULE: Rule = Rule {
    id: RuleId::AccountBoundId,
    name: "account-bound-id",
    severity: Severity::Note,
    summary: "A cluster names resources that must exist in the account of its identity",
    fix: None,
    check: Some(check),
};

/// Maximum number of ids in a message.
const MOST: usize = 5;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for row in &context.status.rows {
        let found = &context.inventory[row.object];
        let (AccountSummary::Known(account), ObjectKind::Referencing { account_scoped, .. }) =
            (&row.account, &found.object.object_kind)
        else {
            continue;
        };
        let Some(((first, span), rest)) = account_scoped.split_first() else { continue };
        let mut names: Vec<&str> =
            std::iter::once(first).chain(rest.iter().map(|(name, _)| name)).map(String::as_str).collect();
        names.dedup();
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let finding = Diagnostic::note(format!(
            "{} names {}{more}: they must exist in account {account}, the account of its identity",
            found.title(),
            names.join(", ")
        ))
        .at(found.location(*span), "");
        let finding =
            rest.iter().take(MOST - 1).fold(finding, |finding, (_, span)| finding.also(found.location(*span), ""));
        findings.add(finding.help("changing the identity of an existing cluster does not move them"));
    }
}
