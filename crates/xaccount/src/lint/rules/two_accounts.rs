//! Objects and ARNs of one cluster in two accounts.

use std::collections::HashMap;

use super::super::{Context, Findings, Rule};
use crate::aws::AccountId;
use crate::capa::errata::ROSA_CREATOR;
use crate::capa::{ACCOUNT_ROLES, AccountScoped, INSTALLER_ROLE, ObjectKind, USED_ROLES, is_companion};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;
use crate::status::{AccountSummary, Row};

pub(super) const RULE: Rule = Rule {
    id: RuleId::TwoAccounts,
    name: "two-accounts",
    severity: Severity::Warning,
    summary: "Objects or ARNs of one cluster in two accounts",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for row in context.status.rows.iter().filter(|row| !row.template) {
        let found = &context.inventory[row.object];
        let ObjectKind::Referencing { account_scoped, .. } = &found.object.object_kind else { continue };
        let checked = CheckedObject { found, row, account: account_of(context, row) };
        arns(context, findings, &checked, account_scoped);
        companions(context, findings, &checked);
    }
    of_one_cluster(context, findings);
}

/// An object, and the account of its identity, if it is known.
struct CheckedObject<'c> {
    found: &'c Resource,
    row: &'c Row,
    account: Option<&'c AccountId>,
}

/// The account of a row: that of its role, or the source account, if the map says it.
fn account_of<'c>(context: &'c Context<'_>, row: &'c Row) -> Option<&'c AccountId> {
    match &row.account {
        AccountSummary::Management => context.source_account(),
        account => account.id(),
    }
}

/// The ARNs of a spec that name another account than they must.
fn arns(context: &Context<'_>, findings: &mut Findings, checked: &CheckedObject<'_>, scoped: &[AccountScoped]) {
    let installer = scoped.iter().find(|one| one.path == INSTALLER_ROLE);
    for one in scoped {
        let Some(account) = one.account() else { continue };
        let is_role = ACCOUNT_ROLES.contains(&one.path.as_str()) || one.path.starts_with("rolesRef.");
        let creator = installer.and_then(AccountScoped::account).filter(|_| is_role);
        if let Some(creator) = creator.filter(|creator| *creator != account) {
            let message = format!(
                "{}: {} is in account {account}, and {INSTALLER_ROLE} in {creator}",
                checked.found.title(),
                one.path
            );
            let error = Diagnostic::error(message)
                .at(checked.found.location(one.span), "OpenShift Cluster Manager refuses this");
            findings.add_as_it_is(error.help("all roles of a ROSA cluster must be in one account"));
            continue;
        }
        // Since v2.12.1, the cluster is in the account of its installer.
        let is_used = USED_ROLES.contains(&one.path.as_str());
        let is_of_installer = is_used && installer.and_then(AccountScoped::account) == Some(account);
        if let Some(own) = checked.account.filter(|own| own.as_str() != account && !is_role && !is_of_installer) {
            let finding = Diagnostic::warning(format!(
                "{}: {} is in account {account}, and its identity in {own}",
                checked.found.title(),
                one.path
            ));
            let finding = finding.at(checked.found.location(one.span), "");
            findings.add_as_it_is(graded(context, finding, one));
        }
    }
}

/// The finding about an ARN of another account than the identity's, with its severity: CAPA runs some of these.
fn graded(context: &Context<'_>, finding: Diagnostic, one: &AccountScoped) -> Diagnostic {
    let release = context.release();
    match one.path.as_str() {
        INSTALLER_ROLE if context.release_is_specified && ROSA_CREATOR.affects(release) => {
            let finding = finding.help(ROSA_CREATOR.effect).help(ROSA_CREATOR.source());
            Diagnostic { severity: Severity::Error, ..finding }
        }
        INSTALLER_ROLE => finding
            .help("since CAPA v2.12.1 the controller assumes that role itself, which its trust policy must allow without an external id")
            .help("use an identity in the account of the roles"),
        path if USED_ROLES.contains(&path) => finding.help("a ROSA cluster can assume roles of its own account only"),
        _ => Diagnostic { severity: Severity::Note, ..finding.help("a policy of that account must allow it") },
    }
}

/// The roles and the network of a ROSAControlPlane whose identity is in another account.
fn companions(context: &Context<'_>, findings: &mut Findings, checked: &CheckedObject<'_>) {
    let ObjectKind::Referencing { companions, .. } = &checked.found.object.object_kind else { return };
    for companion in companions {
        let is_it = |row: &&Row| {
            row.name == companion.name
                && row.namespace == checked.row.namespace
                && context.inventory[row.object].object.kind == companion.kind
        };
        let Some(other) = context.status.rows.iter().find(is_it).filter(|other| differ(checked.row, other)) else {
            continue;
        };
        let of_other = &context.inventory[other.object];
        let title = checked.found.title();
        let (own, others) = (&checked.row.account, &other.account);
        let finding = Diagnostic::warning(format!("{title} is in {own}, and its {} in {others}", companion.kind));
        findings.add(
            finding
                .at(checked.found.location(companion.span), "")
                .also(of_other.head(), format!("{others}"))
                .help("give both an identity of one account; a ROSARoleConfig or ROSANetwork without an identityRef is in the source account"),
        );
    }
}

/// Whether two rows are certainly in different accounts.
fn differ(one: &Row, other: &Row) -> bool {
    let is_known = |row: &Row| matches!(row.account, AccountSummary::Known(_) | AccountSummary::Management);
    is_known(one) && is_known(other) && one.account != other.account
}

/// Objects of one cluster with identities of different accounts.
fn of_one_cluster(context: &Context<'_>, findings: &mut Findings) {
    let mut first: HashMap<(&str, &str), &Row> = HashMap::new();
    for row in context.status.rows.iter().filter(|row| !row.template) {
        let own = *first.entry((&row.namespace, &row.cluster)).or_insert(row);
        let (found, of_own) = (&context.inventory[row.object], &context.inventory[own.object]);
        // Two references of one object are its own matter, and kustomizations may apply an object twice.
        let is_companion = [found, of_own].iter().any(|one| is_companion(&one.object.kind));
        if own.object == row.object || !differ(own, row) || found.object.kind == of_own.object.kind || is_companion {
            continue;
        }
        let finding = Diagnostic::warning(format!(
            "{} is in {}, and {} of the same cluster in {}",
            found.title(),
            row.account,
            of_own.title(),
            own.account
        ));
        findings.add(
            finding
                .at(found.location(row.reference), "")
                .also(of_own.location(own.reference), own.account.to_string())
                .help("a cluster is in one account: give both the same identity"),
        );
    }
}
