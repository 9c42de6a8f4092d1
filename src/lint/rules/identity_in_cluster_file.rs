//! Identities that go when one cluster's file is deleted, though others need them.

use std::collections::{HashMap, HashSet};

use super::super::{Context, Findings, Rule};
use super::look::role_identities;
use crate::capa::{ROLE_IDENTITY, StepId, is_variable};
use crate::diag::{Diagnostic, FileId, Severity};
use crate::status::{Row, identity_of};

pub(super) const RULE: Rule = Rule {
    id: "XA032",
    name: "identity-in-cluster-file",
    severity: Severity::Warning,
    summary: "An identity in one cluster's file that other files use",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let file_of = |row: &Row| context.run.objects()[row.object].file;
    let files: HashSet<FileId> = context.status.rows.iter().map(file_of).collect();
    let users = users_elsewhere(context);
    for (index, found, _) in role_identities(context.run) {
        // Of a name that is filled in for each file, nobody knows which they are.
        if found.object.name.as_deref().is_some_and(is_variable) || !files.contains(&found.file) {
            continue;
        }
        let Some(user) = users.get(&index) else { continue };
        let cluster = &context.run.objects()[user.object];
        findings.add(
            Diagnostic::warning(format!(
                "{} stands in a cluster's file, and {} in another file uses it: deleting this file takes it along, and that cluster can't be deleted any more",
                found.title(),
                cluster.title()
            ))
            .at(found.head(), "")
            .also(cluster.location(user.reference), "")
            .help("move it to a file of identities: identities.yaml, and --identity-file or identityFile in the account map"),
        );
    }
}

/// From which files an identity was come to, and how many identities were asked from there on: two of them are enough.
type Visits = Vec<(FileId, usize)>;

/// Of each role identity the first cluster in another file that uses it.
fn users_elsewhere<'c>(context: &Context<'c>) -> HashMap<usize, &'c Row> {
    let (mut users, mut visits): (HashMap<usize, &Row>, HashMap<StepId, Visits>) = Default::default();
    for row in &context.status.rows {
        let file = context.run.objects()[row.object].file;
        for (at, hop) in row.verdict.chain.iter().enumerate() {
            let rest = row.verdict.chain.len() - at;
            if hop.id().is_some_and(|id| !visit(visits.entry(id).or_default(), file, rest)) {
                break;
            }
            let Some(index) = identity_of(context.run, &hop).filter(|_| hop.kind == ROLE_IDENTITY) else { continue };
            if context.run.objects()[index].file != file {
                users.entry(index).or_insert(row);
            }
        }
    }
    users
}

/// Notes that an identity is come to from a file; whether that says anything new of it or of those behind it.
fn visit(visits: &mut Visits, file: FileId, rest: usize) -> bool {
    let as_far = |&&(_, length): &&(FileId, usize)| length >= rest;
    // Whatever file an identity stands in, one of two is another one.
    if visits.iter().filter(as_far).count() > 1 || visits.iter().filter(as_far).any(|(there, _)| *there == file) {
        return false;
    }
    // Where there are two already, the one that came less far says less.
    let place = visits.iter().position(|(there, _)| *there == file);
    let shortest = || (0..visits.len()).min_by_key(|&at| visits[at].1).filter(|_| visits.len() > 1);
    match place.or_else(shortest) {
        Some(place) => visits[place] = (file, rest),
        None => visits.push((file, rest)),
    }
    true
}
