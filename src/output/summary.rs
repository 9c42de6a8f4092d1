//! What a run means, in a line per cluster and one for all.

use std::collections::{BTreeSet, HashMap};

use xaccount::diag::escape_control;
use xaccount::inventory::{Inventory, ObjectId};
use xaccount::plan::{Change, ChangeKind, IdentityFile, Outcome};

/// A line per changed object: from which account a cluster goes to which, and what an identity gets. Of objects with one title,
/// each line says where it is.
pub(crate) fn cluster_lines(inventory: &Inventory, outcome: &Outcome) -> impl Iterator<Item = String> {
    let mut objects: HashMap<String, BTreeSet<ObjectId>> = HashMap::new();
    for index in outcome.changes.iter().filter_map(|change| change.object) {
        objects.entry(inventory[index].title()).or_default().insert(index);
    }
    let mut last = None;
    outcome
        .changes
        .iter()
        .filter_map(move |change| {
            let index = change.object?;
            let title = inventory[index].title();
            let title = match objects.get(&title).is_some_and(|objects| objects.len() > 1) {
                true => format!("{title} ({})", inventory.place(&inventory[index])),
                false => title,
            };
            let line = match &change.before {
                Some(before) => format!("{title}: {before} -> {}", change.after),
                None => format!("{title}: {}", change.after),
            };
            Some((index, escape_control(&line).into_owned()))
        })
        // An object may have several references.
        .filter(move |line| last.replace(line.clone()).as_ref() != Some(line))
        .map(|(_, line)| line)
}

/// What a kind of change is called when it is counted.
pub(crate) fn was_done(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ReferenceAdded => "identityRef added",
        ChangeKind::ReferenceReplaced => "identityRef replaced",
        ChangeKind::IdentityAdded => "AWSClusterRoleIdentity added",
        ChangeKind::IdentityChanged => "AWSClusterRoleIdentity changed",
        ChangeKind::ControllerIdentityAdded => "AWSClusterControllerIdentity added",
        ChangeKind::ReferenceRemoved => "identityRef removed",
        ChangeKind::IdentityRemoved => "AWSClusterRoleIdentity removed",
        ChangeKind::FindingFixed => "mended",
    }
}

/// How a verb says that nothing changes.
pub(crate) struct Wording {
    /// Where no object is selected.
    pub(crate) nothing: &'static str,
    /// What an object is that stays as it is: `already points there`.
    pub(crate) is_unchanged: &'static str,
    /// The same of several.
    pub(crate) are_unchanged: &'static str,
}

impl Wording {
    pub(crate) const INJECT: Self = Self {
        nothing: "nothing to point",
        is_unchanged: "already points there",
        are_unchanged: "already point there",
    };
    pub(crate) const EJECT: Self = Self {
        nothing: "nothing to take out",
        is_unchanged: "has no reference to take out",
        are_unchanged: "have no reference to take out",
    };
    /// Findings are all that a fix is about: no object is counted as unchanged.
    pub(crate) const LINT: Self =
        Self { nothing: "nothing to fix", is_unchanged: "is right", are_unchanged: "are right" };
}

/// The last line: `1 file, 2 objects would change (1 identityRef added, 1 AWSClusterRoleIdentity added)`.
pub(crate) fn summary(outcome: &Outcome, inventory: &Inventory, written: bool, wording: &Wording) -> String {
    let unchanged = outcome.unchanged.len();
    if outcome.changes.is_empty() {
        return match unchanged {
            0 => wording.nothing.to_owned(),
            1 => format!("nothing to change: 1 object {}", wording.is_unchanged),
            many => format!("nothing to change: {many} objects {}", wording.are_unchanged),
        };
    }
    let mut files: BTreeSet<usize> = BTreeSet::new();
    let mut objects: BTreeSet<ObjectId> = BTreeSet::new();
    for change in &outcome.changes {
        if let Some(index) = change.object {
            objects.insert(index);
            files.insert(inventory[index].origin.file.0);
        }
    }
    let mut new_files = 0;
    for added in &outcome.added {
        match &added.file {
            IdentityFile::Existing(file) => {
                files.insert(file.0);
            }
            IdentityFile::New(_) => new_files = 1,
        }
    }
    let total = objects.len() + outcome.added.len();
    let mut kinds: Vec<(ChangeKind, usize)> = Vec::new();
    for Change { kind, .. } in &outcome.changes {
        match kinds.iter_mut().find(|(existing, _)| existing == kind) {
            Some((_, n)) => *n += 1,
            None => kinds.push((*kind, 1)),
        }
    }
    kinds.sort();
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {}", was_done(*kind))).collect();
    let verb = if written { "changed" } else { "would change" };
    format!("{}, {} {verb} ({})", count(files.len() + new_files, "file"), count(total, "object"), kinds.join(", "))
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
