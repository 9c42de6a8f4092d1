//! A role identity named `default`.

use super::super::{Context, Findings, Rule};
use super::query::role_identities;
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::NamedDefault,
    name: "named-default",
    severity: Severity::Warning,
    summary: "A role identity with the name of the controller identity",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, _) in
        role_identities(context.inventory).filter(|(_, found, _)| found.object.name.as_deref() == Some("default"))
    {
        findings.add(
            Diagnostic::warning(
                "a role identity named default is easily mistaken for the controller identity in CAPA's conditions",
            )
            .at(found.head(), "")
            .help("name it after its account: cross-account-role-ACCOUNT"),
        );
    }
}
