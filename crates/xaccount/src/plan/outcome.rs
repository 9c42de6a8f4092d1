//! The result of a verb: the plan of every file, and the messages about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};

use super::change::{Change, NewObject};
use super::selection::{Selection, skipped};
use crate::diag::{Diagnostic, FileId};
use crate::inventory::{Inventory, ObjectId, Skipped};
use lossless_yaml::Plan;

/// What to do: the plan of every file, and the messages about it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The plans of the inventory's files.
    pub plans: BTreeMap<FileId, Plan>,
    /// A file to create.
    pub new_file: Option<(PathBuf, Plan)>,
    /// Every change of an existing object, and every new object, in file order.
    pub changes: Vec<Change>,
    /// The new objects, in the order of their documents.
    pub added: Vec<NewObject>,
    /// Selected objects that don't change: for `inject` they are correct already, for `eject` they have no reference to
    /// remove.
    pub unchanged: Vec<ObjectId>,
    /// Selected objects that can carry a reference and are skipped.
    pub skipped: Vec<Skipped>,
    /// The warnings.
    pub warnings: Vec<Diagnostic>,
    /// What follows from the changes, one line each.
    pub notes: Vec<String>,
    /// What was decided, for `-v`.
    pub decisions: Vec<String>,
}

impl Outcome {
    /// An outcome without changes for a selection.
    pub fn nothing(inventory: &Inventory, selection: &Selection) -> Self {
        Self { skipped: skipped(inventory, selection), ..Self::default() }
    }

    /// Adds a change of an existing object, and its operations to the plan of its file.
    pub(crate) fn change(&mut self, inventory: &Inventory, change: Change) {
        if let Some(found) = change.object.map(|index| &inventory[index]) {
            let plan = self.plans.entry(found.origin.file).or_default();
            // All changes of one object are added one after the other.
            match plan.changes.last_mut() {
                Some((object, existing)) if *object == found.origin.at => {
                    Arc::make_mut(existing).extend(change.operations.iter().cloned())
                }
                _ => plan.changes.push((found.origin.at.clone(), change.operations.clone())),
            }
        }
        self.changes.push(change);
    }

    /// Adds the new objects of a JSON list as items, because the file can't have a second document. This is the last step
    /// of a plan, after all changes of the items that the list has.
    pub(crate) fn add_items(&mut self, inventory: &Inventory) {
        for (file, plan) in &mut self.plans {
            let Some(list) = &inventory.file(*file).json_list else { continue };
            let add =
                |value| PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(["items", "-"]), value });
            let operations: Vec<PatchOperation> = plan.new_documents.drain(..).map(add).collect();
            if !operations.is_empty() {
                plan.changes.push((list.clone(), operations.into()));
            }
        }
    }
}
