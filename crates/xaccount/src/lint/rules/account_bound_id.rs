//! Clusters with ids or ARNs that belong to one account.

use super::super::{Context, Findings, Rule};
use crate::capa::{AccountScoped, ObjectKind};
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
        // An ARN of another account is found by another rule.
        let is_own = |one: &&AccountScoped| one.account().is_none_or(|own| own == account.as_str());
        let own: Vec<&AccountScoped> = account_scoped.iter().filter(is_own).collect();
        let Some((first, rest)) = own.split_first() else { continue };
        let mut names: Vec<&str> = own.iter().map(|one| one.text.as_str()).collect();
        names.dedup();
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let finding = Diagnostic::note(format!(
            "{} names {}{more}: they must exist in account {account}, the account of its identity",
            found.title(),
            names.join(", ")
        ))
        .at(found.location(first.span), "");
        let finding =
            rest.iter().take(MOST - 1).fold(finding, |finding, one| finding.also(found.location(one.span), ""));
        findings.add(finding.help("changing the identity of an existing cluster does not move them"));
    }
}
