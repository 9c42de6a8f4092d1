//! Identities that nothing in the files references.

use std::collections::BTreeSet;

use super::super::{Context, Findings, Rule};
use super::query::{role_identities, source};
use crate::capa::{ObjectKind, State, VerdictOutcome};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnusedIdentity,
    name: "unused-identity",
    severity: Severity::Note,
    summary: "An identity that nothing in these files references",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let rows = &context.status.rows;
    // Without clusters, every identity would be one.
    if rows.is_empty() {
        return;
    }
    let first = rows.iter().filter_map(|row| row.verdict.chain.first());
    let mut used: BTreeSet<(&str, &str)> = first.map(|hop| (hop.kind, hop.name)).collect();
    // A reference that is refused or dropped shows that the identity is meant to be used.
    let written = context.inventory.objects().iter().flat_map(|found| found.object.references());
    let names: BTreeSet<&str> = written
        .filter_map(|reference| match &reference.state {
            State::Set(existing) => existing.name.text(),
            _ => None,
        })
        .collect();
    used.extend(role_identities(context.inventory).filter_map(|(_, _, identity)| source(identity)));
    // Which identity a cluster gets may be decided elsewhere.
    if rows.iter().any(|row| row.verdict.chain.is_empty() && row.verdict.outcome == VerdictOutcome::Unknown) {
        return;
    }
    // The identity file of the map also serves clusters that are not in the run.
    let is_input = |found: &&Resource| !context.inventory.file(found.origin.file).identities_only;
    for found in context.inventory.objects().iter().filter(is_input) {
        let is_identity = matches!(found.object.object_kind, ObjectKind::Identity(..) | ObjectKind::Static(..));
        let Some(name) = found.object.name.as_deref().filter(|_| is_identity) else { continue };
        if !used.contains(&(found.object.kind.as_str(), name)) && !names.contains(name) {
            let message = format!("{}: nothing in these files references it", found.title());
            findings.add(Diagnostic::note(message).at(found.head(), ""));
        }
    }
}
