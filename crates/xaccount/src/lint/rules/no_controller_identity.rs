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
    severity: Severity::Warning,
    summary: "The controller identity is in none of the files, and CAPA may not create it",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

/// Maximum number of identities in a finding.
const MOST: usize = 5;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let exists = !context.inventory.identities(IdentityKind::Controller, "default").is_empty();
    let missing =
        context.status.rows.iter().filter(|row| !exists && row.verdict.reason == Some(Reason::IdentityNotFound));
    let asked: BTreeSet<ObjectId> = missing
        .filter(|row| row.verdict.chain.last().is_some_and(|hop| hop.kind == CONTROLLER_IDENTITY))
        .filter_map(|row| identity_of(context.inventory, &row.verdict.chain.before_source()?))
        .collect();
    let sources = role_identities(context.inventory).filter_map(|(index, found, identity)| match &identity.source {
        State::Set(source) if asked.contains(&index) => Some((found, found.location(source.span))),
        _ => None,
    });
    // A JSON object can't have another one next to it, so one of a YAML file or a JSON list comes first.
    let is_full = |found: &Resource| context.inventory.file(found.origin.file).takes_no_object();
    let mut sources: Vec<_> = sources.collect();
    sources.sort_by_key(|(found, _)| is_full(found));
    let mut sources = sources.into_iter();
    let Some((found, at)) = sources.next() else { return };
    let message = format!(
        "{CONTROLLER_IDENTITY}/default is in none of these files, and CAPA creates it only for a \
         cluster that uses it directly"
    );
    let finding = Diagnostic::warning(message).at(at, "the source of this identity");
    let finding = sources.take(MOST - 1).fold(finding, |finding, (_, at)| finding.also(at, "and of this one")).help(
        "to add it, pass --with-controller-identity to inject, or run: kubectl xaccount identity --with-controller-identity",
    );
    match is_full(found) {
        true => findings.add(finding),
        false => findings.add_with_fix(finding, fix(found)),
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
