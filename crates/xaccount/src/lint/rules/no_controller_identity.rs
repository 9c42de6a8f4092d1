//! Missing controller identity: CAPA creates it only for a cluster that uses it directly.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::{Applicability, Context, Findings, Fix, FixEdit, Rule};
use super::query::role_identities;
use crate::capa::{CONTROLLER_IDENTITY, IdentityKind, Reason, State};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::{ObjectId, Resource};
use crate::status::identity_of;

pub(super) const RULE: Rule = Rule {
    id: RuleId::NoControllerIdentity,
    name: "no-controller-identity",
    severity: Severity::Note,
    summary: "The controller identity is in none of the files, and CAPA may not create it",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let exists = !context.inventory.identities(IdentityKind::Controller, "default").is_empty();
    let missing =
        context.status.rows.iter().filter(|row| !exists && row.verdict.reason == Some(Reason::IdentityNotFound));
    let asked: BTreeSet<ObjectId> = missing
        .filter(|row| row.verdict.chain.last().is_some_and(|hop| hop.kind == CONTROLLER_IDENTITY))
        .filter_map(|row| identity_of(context.inventory, &row.verdict.chain.before_source()?))
        .collect();
    for (index, found, identity) in role_identities(context.inventory) {
        let State::Set(source) = &identity.source else { continue };
        if !asked.contains(&index) {
            continue;
        }
        let finding = Diagnostic::note(format!(
            "{CONTROLLER_IDENTITY}/default is in none of these files, and CAPA creates it only for a \
             cluster that uses it directly"
        ))
        .at(found.location(source.span), "the source of this identity")
        .help("to add it, pass --with-controller-identity to inject, or run: kubectl xaccount identity --with-controller-identity");
        // A JSON file can't have a second document.
        match context.inventory.file(found.origin.file).is_json_for_kubectl {
            true => findings.add(finding),
            false => findings.add_with_fix(finding, fix(found)),
        }
    }
}

fn fix(identity: &Resource) -> Fix {
    let object = json!({
        "apiVersion": identity.object.api_version,
        "kind": CONTROLLER_IDENTITY,
        "metadata": {"name": "default"},
        "spec": {"allowedNamespaces": {}},
    });
    let title = format!("{CONTROLLER_IDENTITY} default");
    Fix {
        what: "the controller's own credentials".into(),
        change: FixEdit::Document { file: identity.origin.file, title, object },
    }
}
