//! What a run changes: a line per object, and a summary line.

use std::collections::{BTreeSet, HashMap};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::table::styled;
use json_patch::PatchOperation;
use xaccount::capa::{CONTROLLER_IDENTITY, ROLE_IDENTITY};
use xaccount::diag::escape_control;
use xaccount::inventory::{Inventory, ObjectId, SkipReason};
use xaccount::plan::{Change, ChangeKind, IdentityFile, NewObject, Outcome};

const GREEN: Style = AnsiColor::Green.on_default();

/// A line per changed object: `AWSCluster dev/foo  source -> 222222222222`, with its place if several objects have that title.
/// Then a line per new identity, and the notes.
pub(crate) fn cluster_lines(inventory: &Inventory, outcome: &Outcome, colour: bool) -> Vec<String> {
    let mut objects: HashMap<String, BTreeSet<ObjectId>> = HashMap::new();
    for index in outcome.changes.iter().filter_map(|change| change.object) {
        objects.entry(inventory[index].title()).or_default().insert(index);
    }
    let line = |change: &Change| {
        let index = change.object?;
        let title = inventory[index].title();
        let title = match objects.get(&title).is_some_and(|objects| objects.len() > 1) {
            true => format!("{title} ({})", inventory.place(&inventory[index])),
            false => title,
        };
        let more = if opens(change) { ", every namespace may use it" } else { "" };
        let after = format!("{}{more}", escape_control(&change.after));
        let (title, after) = (escape_control(&title), styled(&after, GREEN, colour));
        // A removed identity has no state after the change.
        let line = match &change.before {
            Some(before) if change.kind != ChangeKind::IdentityRemoved => {
                format!("{title}  {} -> {after}", escape_control(before))
            }
            _ => format!("{title}  {after}"),
        };
        Some((index, line))
    };
    let mut lines: Vec<(ObjectId, String)> = outcome.changes.iter().filter_map(line).collect();
    // An object may have several references.
    lines.dedup();
    let new = outcome.added.iter().map(|added| {
        let title = escape_control(&added.title);
        match is_open(added) {
            true => format!("{title}  {}", styled("new, every namespace may use it", GREEN, colour)),
            false => format!("{title}  {}", styled("new", GREEN, colour)),
        }
    });
    lines.into_iter().map(|(_, line)| line).chain(new).chain(outcome.notes.iter().cloned()).collect()
}

/// Whether every namespace may use a new role identity. A source other than the controller identity may allow fewer.
fn is_open(added: &NewObject) -> bool {
    let text = |at: &str| added.object.pointer(at).and_then(Value::as_str);
    let allowed = added.object.pointer("/spec/allowedNamespaces").and_then(Value::as_object);
    text("/kind") == Some(ROLE_IDENTITY)
        && text("/spec/sourceIdentityRef/kind") == Some(CONTROLLER_IDENTITY)
        && allowed.is_some_and(serde_json::Map::is_empty)
}

/// Whether a change removes every limit of namespaces from an identity.
fn opens(change: &Change) -> bool {
    let sets_all = |path: &str, value: &Value| {
        path == "/spec/allowedNamespaces" && value.as_object().is_some_and(|all| all.is_empty())
    };
    change.operations.iter().any(|operation| match operation {
        PatchOperation::Add(add) => sets_all(add.path.as_str(), &add.value),
        PatchOperation::Replace(replace) => sets_all(replace.path.as_str(), &replace.value),
        _ => false,
    })
}

/// The key of a kind of change in a report's summary.
pub(crate) fn was_done(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ReferenceAdded => "identityRef added",
        ChangeKind::ReferenceReplaced => "identityRef replaced",
        ChangeKind::IdentityAdded => "AWSClusterRoleIdentity added",
        ChangeKind::IdentityChanged => "AWSClusterRoleIdentity changed",
        ChangeKind::ControllerIdentityAdded => "AWSClusterControllerIdentity added",
        ChangeKind::ReferenceRemoved => "identityRef removed",
        ChangeKind::IdentityRemoved => "AWSClusterRoleIdentity removed",
        ChangeKind::FindingFixed => "fixed",
    }
}

/// The words of a verb for a run that changes nothing.
pub(crate) struct Wording {
    /// If no object is selected.
    pub(crate) nothing: &'static str,
    /// For one object that stays unchanged: `already points there`.
    pub(crate) is_unchanged: &'static str,
    /// The same for several objects.
    pub(crate) are_unchanged: &'static str,
}

impl Wording {
    pub(crate) const INJECT: Self = Self {
        nothing: "no cluster found",
        is_unchanged: "already points there",
        are_unchanged: "already point there",
    };
    pub(crate) const EJECT: Self = Self {
        nothing: "no cluster found",
        is_unchanged: "has no reference to remove",
        are_unchanged: "have no reference to remove",
    };
    pub(crate) const PRUNE: Self = Self { nothing: "nothing to prune", ..Self::EJECT };
    /// A fix counts findings, so no object is counted as unchanged.
    pub(crate) const LINT: Self =
        Self { nothing: "nothing to fix", is_unchanged: "is unchanged", are_unchanged: "are unchanged" };
}

/// The last line: `3 clusters changed, 1 identity added in 4 files`.
pub(crate) fn summary(outcome: &Outcome, inventory: &Inventory, written: bool, wording: &Wording) -> String {
    let unchanged = outcome.unchanged.len();
    if outcome.changes.is_empty() {
        let patched = outcome.skipped.iter().filter(|one| one.reason == SkipReason::Patched).count();
        return match unchanged {
            0 if patched > 0 => {
                format!(
                    "nothing to change: patches of kustomizations set the reference of {}",
                    count(patched, "object")
                )
            }
            0 => wording.nothing.to_owned(),
            1 => format!("nothing to change: 1 object {}", wording.is_unchanged),
            many => format!("nothing to change: {many} objects {}", wording.are_unchanged),
        };
    }
    let mut files: BTreeSet<usize> = outcome.plans.keys().map(|file| file.0).collect();
    for index in outcome.changes.iter().filter_map(|change| change.object) {
        files.insert(inventory[index].origin.file.0);
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
    let counts: Vec<String> = CATEGORIES.iter().filter_map(|category| category.count(outcome, written)).collect();
    format!("{} in {}", counts.join(", "), count(files.len() + new_files, "file"))
}

/// Kinds of change that are counted together, and what happens to the objects.
struct Category {
    kinds: &'static [ChangeKind],
    noun: [&'static str; 2],
    /// `changed`, and after `would`: `change`.
    verb: [&'static str; 2],
}

const CATEGORIES: [Category; 6] = [
    Category {
        kinds: &[ChangeKind::ReferenceAdded, ChangeKind::ReferenceReplaced, ChangeKind::ReferenceRemoved],
        noun: ["cluster", "clusters"],
        verb: ["changed", "would change"],
    },
    Category {
        kinds: &[ChangeKind::IdentityAdded],
        noun: ["identity", "identities"],
        verb: ["added", "would be added"],
    },
    Category {
        kinds: &[ChangeKind::IdentityChanged],
        noun: ["identity", "identities"],
        verb: ["updated", "would be updated"],
    },
    Category {
        kinds: &[ChangeKind::ControllerIdentityAdded],
        noun: ["controller identity", "controller identities"],
        verb: ["added", "would be added"],
    },
    Category {
        kinds: &[ChangeKind::IdentityRemoved],
        noun: ["identity", "identities"],
        verb: ["removed", "would be removed"],
    },
    Category { kinds: &[ChangeKind::FindingFixed], noun: ["finding", "findings"], verb: ["fixed", "would be fixed"] },
];

impl Category {
    /// `3 clusters changed`; `None` if there is no such change.
    fn count(&self, outcome: &Outcome, written: bool) -> Option<String> {
        let changes = outcome.changes.iter().filter(|change| self.kinds.contains(&change.kind));
        let is_finding = self.kinds.contains(&ChangeKind::FindingFixed);
        let (mut objects, mut others) = (BTreeSet::new(), 0);
        for change in changes {
            match change.object {
                // An object with several references counts once, but each of its findings counts.
                Some(index) if !is_finding => {
                    objects.insert(index);
                }
                _ => others += 1,
            }
        }
        let n = objects.len() + others;
        let verb = self.verb[usize::from(!written)];
        (n > 0).then(|| format!("{n} {} {verb}", self.noun[usize::from(n != 1)]))
    }
}

/// A number with its noun.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
