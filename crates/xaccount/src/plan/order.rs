//! The order in which the files of an outcome are written: a reference never names an identity that does not exist yet.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{ChangeKind, IdentityFile};
use super::outcome::Outcome;
use crate::capa::{ObjectKind, State};
use crate::diag::FileId;
use crate::inventory::Inventory;

/// What changes in a file.
#[derive(Clone, Debug, Default)]
struct Share {
    /// Names of identities that are added, changed or removed.
    identities: BTreeSet<String>,
    /// Whether references change.
    references: bool,
    /// Identities that its changed references name before the change.
    names: BTreeSet<String>,
}

/// The files that change, in the order in which to write them: identities before the references that need them, or the
/// reverse if identities are removed. A new file is written before all of them.
pub fn write_order(inventory: &Inventory, outcome: &Outcome) -> Vec<FileId> {
    let shares = shares(inventory, outcome);
    let mut order: Vec<FileId> = shares.keys().copied().collect();
    if outcome.changes.iter().any(|change| change.kind == ChangeKind::IdentityRemoved) {
        let mut users: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
        for (&file, share) in &shares {
            share.names.iter().for_each(|name| users.entry(name).or_default().push(file));
        }
        let mut out = Vec::with_capacity(order.len());
        let mut met = BTreeSet::new();
        order.iter().for_each(|&file| after_users(file, (&shares, &users), &mut met, &mut out));
        return out;
    }
    order.sort_by_key(|file| {
        let share = &shares[file];
        let adds =
            outcome.added.iter().any(|new| matches!(new.file, IdentityFile::Existing(existing) if existing == *file));
        // A file with both has the identities that its own references need.
        (share.references, share.identities.is_empty(), !adds)
    });
    order
}

fn shares(inventory: &Inventory, outcome: &Outcome) -> BTreeMap<FileId, Share> {
    let mut shares: BTreeMap<FileId, Share> = outcome.plans.keys().map(|&file| (file, Share::default())).collect();
    for index in outcome.changes.iter().filter_map(|change| change.object) {
        let found = &inventory[index];
        let share = shares.entry(found.origin.file).or_default();
        match &found.object.object_kind {
            ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..) => {
                share.identities.extend(found.object.name.clone());
            }
            _ => {
                share.references = true;
                share.names.extend(found.object.references().filter_map(|reference| match &reference.state {
                    State::Set(to) => to.name.text().map(str::to_owned),
                    _ => None,
                }));
            }
        }
    }
    for new in &outcome.added {
        if let IdentityFile::Existing(file) = new.file {
            shares.entry(file).or_default().identities.insert(new.title.clone());
        }
    }
    shares
}

type Graph<'g> = (&'g BTreeMap<FileId, Share>, &'g BTreeMap<&'g str, Vec<FileId>>);

/// Puts a file after all files whose references name the identities that it loses. In a cycle, the file that was
/// visited first comes last.
fn after_users(file: FileId, graph: Graph<'_>, met: &mut BTreeSet<FileId>, out: &mut Vec<FileId>) {
    if !met.insert(file) {
        return;
    }
    let (shares, users) = graph;
    for name in &shares[&file].identities {
        users.get(name.as_str()).into_iter().flatten().for_each(|&user| after_users(user, graph, met, out));
    }
    out.push(file);
}
