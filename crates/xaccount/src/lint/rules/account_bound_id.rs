//! Ids of one account in a cluster that is in another.

use super::super::{Context, Findings, Rule};
use crate::capa::Role;
use crate::diag::{Diagnostic, Severity};
use crate::status::Account;

pub(super) const RULE: Rule = Rule {
    id: "XA053",
    name: "account-bound-id",
    severity: Severity::Note,
    summary: "A cluster names resources that must be in the account of its identity",
    check: Some(check),
};

/// As many as a message names.
const MOST: usize = 5;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for row in &context.status.rows {
        let found = &context.run.objects()[row.object];
        let (Account::Known(account), Role::Bearer { bound, .. }) = (&row.account, &found.object.role) else {
            continue;
        };
        let Some(((first, span), rest)) = bound.split_first() else { continue };
        let mut names: Vec<&str> =
            std::iter::once(first).chain(rest.iter().map(|(name, _)| name)).map(String::as_str).collect();
        names.dedup();
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let finding = Diagnostic::note(format!(
            "{} names {}{more}: they must be in account {account}, that of its identity",
            found.title(),
            names.join(", ")
        ))
        .at(found.location(*span), "");
        let finding =
            rest.iter().take(MOST - 1).fold(finding, |finding, (_, span)| finding.also(found.location(*span), ""));
        findings.add(finding.help("another identity on a cluster that exists moves none of them"));
    }
}
