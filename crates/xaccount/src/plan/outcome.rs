//! What a verb decided: the plan of every file, and what to say about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::change::{Change, NewObject};
use super::selection::{Selection, skipped};
use crate::diag::{Diagnostic, FileId};
use crate::inventory::{Inventory, ObjectId, Skipped};
use lossless_yaml::Plan;

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By file of the inventory.
    pub plans: BTreeMap<FileId, Plan>,
    /// A file to be made.
    pub new_file: Option<(PathBuf, Plan)>,
    /// Every change of an object that is there, and every new one, in the order of the files.
    pub changes: Vec<Change>,
    /// The new objects, in the order of their documents.
    pub added: Vec<NewObject>,
    /// Selected objects that stay as they are: of `inject` they are right, of `eject` they have no reference of these.
    pub unchanged: Vec<ObjectId>,
    /// What is selected, can carry a reference, and is skipped.
    pub skipped: Vec<Skipped>,
    /// What to say although nothing is wrong.
    pub warnings: Vec<Diagnostic>,
    /// What was decided, for `-v`.
    pub decisions: Vec<String>,
}

impl Outcome {
    /// Nothing to do for what a selection means, which is right.
    pub fn nothing(inventory: &Inventory, selection: &Selection) -> Self {
        Self { skipped: skipped(inventory, selection), ..Self::default() }
    }

    /// Adds a change of an object that is there, and its operations to its file's plan.
    pub(crate) fn change(&mut self, inventory: &Inventory, change: Change) {
        if let Some(found) = change.object.map(|index| &inventory[index]) {
            let plan = self.plans.entry(found.origin.file).or_default();
            // All changes of one object are planned one after the other.
            match plan.changes.last_mut() {
                Some((object, existing)) if *object == found.origin.at => {
                    Arc::make_mut(existing).extend(change.operations.iter().cloned())
                }
                _ => plan.changes.push((found.origin.at.clone(), change.operations.clone())),
            }
        }
        self.changes.push(change);
    }
}
