//! Identities in a cluster's file that clusters in other files use.

use std::collections::{HashMap, HashSet};

use super::super::{Context, Findings, Rule};
use super::query::role_identities;
use crate::capa::{Cursor, Part, ROLE_IDENTITY, StepId};
use crate::diag::{Diagnostic, FileId, RuleId, Severity};
use crate::inventory::ObjectId;
use crate::status::{Row, identity_of};
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::IdentityInClusterFile,
    name: "identity-in-cluster-file",
    severity: Severity::Warning,
    summary: "An identity in one cluster's file that clusters in other files use",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let file_of = |row: &Row| context.inventory[row.object].origin.file;
    let files: HashSet<FileId> = context.status.rows.iter().map(file_of).collect();
    let users = users_elsewhere(context);
    for (index, found, _) in role_identities(context.inventory) {
        // A name with a placeholder may differ in each file.
        if found.object.name.as_deref().is_some_and(is_filled_in) || !files.contains(&found.origin.file) {
            continue;
        }
        let Some(user) = users.get(&index) else { continue };
        let cluster = &context.inventory[user.object];
        findings.add(
            Diagnostic::warning(format!(
                "{} is in a cluster's file, but {} in another file uses it",
                found.title(),
                cluster.title()
            ))
            .at(found.head(), "")
            .also(cluster.location(user.reference), "")
            .help("deleting this file deletes the identity, and the other cluster can then no longer be deleted")
            .help("move it to a file of its own, such as identities.yaml: --identity-file, or identityFile in the map"),
        );
    }
}

/// The files from which an identity was reached, each with the part of the chain visited from there. Two are enough.
type Visits = Vec<(FileId, Part)>;

/// For each role identity, the first cluster in another file that uses it.
fn users_elsewhere<'c>(context: &Context<'c>) -> HashMap<ObjectId, &'c Row> {
    let (mut users, mut visits): (HashMap<ObjectId, &Row>, HashMap<StepId, Visits>) = Default::default();
    for row in &context.status.rows {
        let file = context.inventory[row.object].origin.file;
        let mut cursor = Cursor::new(&row.verdict.chain);
        while let Some(hop) = cursor.hop() {
            if let Some((id, part)) = cursor.part() {
                let visits = visits.entry(id).or_default();
                let known = known(visits, file);
                if known.is_some_and(|known| known.length >= part.length) {
                    break;
                }
                visit(visits, file, part);
                if let Some(known) = known.filter(|known| known.length > 1) {
                    cursor.jump(known);
                    continue;
                }
            }
            let index = identity_of(context.inventory, &hop).filter(|_| hop.kind == ROLE_IDENTITY);
            if let Some(index) = index.filter(|&index| context.inventory[index].origin.file != file) {
                users.entry(index).or_insert(row);
            }
            cursor.advance();
        }
    }
    users
}

/// The part of the chain after an identity that is already covered for clusters in a file.
fn known(visits: &Visits, file: FileId) -> Option<Part> {
    let own = visits.iter().find(|(existing, _)| *existing == file).map(|(_, part)| *part);
    // If there are two files, at least one is not the identity's own.
    let both = visits.iter().map(|(_, part)| *part).min_by_key(|part| part.length).filter(|_| visits.len() > 1);
    own.into_iter().chain(both).max_by_key(|part| part.length)
}

/// Records that an identity was reached from a file.
fn visit(visits: &mut Visits, file: FileId, part: Part) {
    // If there are two already, the one with the shorter part is replaced.
    let own = visits.iter().position(|(existing, _)| *existing == file);
    let shortest = || (0..visits.len()).min_by_key(|&at| visits[at].1.length).filter(|_| visits.len() > 1);
    match own.or_else(shortest) {
        Some(place) => visits[place] = (file, part),
        None => visits.push((file, part)),
    }
}
