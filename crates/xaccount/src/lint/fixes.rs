//! The plan that fixes findings.

use std::collections::HashSet;
use std::sync::Arc;

use json_patch::PatchOperation;
use serde_json::Value;

use super::{Finding, FixEdit};
use crate::diag::FileId;
use crate::inventory::{Inventory, ObjectId};
use crate::plan::{Change, ChangeKind, IdentityFile, NewObject, Outcome};

/// The plan that fixes all fixable findings. If two fixes change the same place, the first one is used.
pub fn fixes<'f>(inventory: &Inventory, findings: impl IntoIterator<Item = &'f Finding>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut objects: Vec<(ObjectId, &str, &[PatchOperation])> = Vec::new();
    let mut documents: Vec<(FileId, &FixEdit, &str)> = Vec::new();
    let (mut removed_refs, mut added): (HashSet<(ObjectId, String)>, HashSet<&Value>) = Default::default();
    for fix in findings.into_iter().filter_map(|finding| finding.fix.as_ref()) {
        match &fix.change {
            FixEdit::Object { object, operations } => {
                let own: Vec<_> = operations.iter().map(|operation| (*object, operation.path().to_string())).collect();
                if !own.iter().any(|place| removed_refs.contains(place)) {
                    objects.push((*object, &fix.what, operations));
                    removed_refs.extend(own);
                }
            }
            // One copy of a new object is enough for the whole run.
            FixEdit::Document { file, object, .. } => {
                if added.insert(object) {
                    documents.push((*file, &fix.change, &fix.what));
                }
            }
        }
    }
    // The changes of one object are planned one after the other.
    objects.sort_by_key(|(object, ..)| *object);
    for (object, what, operations) in objects {
        let change = Change {
            object: Some(object),
            kind: ChangeKind::FindingFixed,
            operations: operations.to_vec().into(),
            before: None,
            after: what.to_owned(),
        };
        outcome.change(inventory, change);
    }
    for (file, edit, what) in documents {
        let FixEdit::Document { title, object, .. } = edit else { continue };
        outcome.plans.entry(file).or_default().new_documents.push(object.clone());
        outcome.added.push(NewObject {
            object: object.clone(),
            title: title.clone(),
            file: IdentityFile::Existing(file),
        });
        let change = Change {
            object: None,
            kind: ChangeKind::ControllerIdentityAdded,
            operations: Arc::default(),
            before: None,
            after: what.to_owned(),
        };
        outcome.change(inventory, change);
    }
    outcome
}
