//! The plan that fixes findings.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::Value;

use super::{Finding, FixEdit};
use crate::diag::{FileId, Span};
use crate::inventory::{Inventory, ObjectId};
use crate::plan::{Change, ChangeKind, IdentityFile, NewObject, Outcome};
use lossless_yaml::ObjectRef;

/// The plan that fixes all fixable findings. If two fixes change the same place, the first one is used.
pub fn fixes<'f>(inventory: &Inventory, findings: impl IntoIterator<Item = &'f Finding>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut objects: Vec<(ObjectId, &str, &[PatchOperation])> = Vec::new();
    let mut documents: Vec<(FileId, &FixEdit, &str)> = Vec::new();
    let mut kustomizations: Vec<ListingFix<'_>> = Vec::new();
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
            FixEdit::Kustomization { file, document, operations } => {
                kustomizations.push((*file, *document, &fix.what, operations));
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
    list_resources(inventory, &mut outcome, kustomizations);
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

/// A fix of a kustomization: its file, its document, what it does, and the operations.
type ListingFix<'f> = (FileId, Span, &'f str, &'f [PatchOperation]);

/// Plans the fixes of kustomizations.
fn list_resources(inventory: &Inventory, outcome: &mut Outcome, kustomizations: Vec<ListingFix<'_>>) {
    let mut lists: BTreeMap<FileId, (Span, Vec<PatchOperation>)> = BTreeMap::new();
    for (file, document, what, operations) in kustomizations {
        merge(&mut lists.entry(file).or_insert((document, Vec::new())).1, operations);
        let change = Change {
            object: None,
            kind: ChangeKind::FindingFixed,
            operations: Arc::default(),
            before: None,
            after: what.to_owned(),
        };
        outcome.change(inventory, change);
    }
    for (file, (document, operations)) in lists {
        let object = ObjectRef { document, base: PointerBuf::root() };
        outcome.plans.entry(file).or_default().changes.push((object, Arc::new(operations)));
    }
}

/// Adds operations to those of the same kustomization: the second of two new lists is one more item of the first.
fn merge(existing: &mut Vec<PatchOperation>, operations: &[PatchOperation]) {
    for operation in operations {
        let is_new = |one: &PatchOperation| one.path() == operation.path() && !one.path().as_str().ends_with("/-");
        let list = existing.iter().position(is_new).map(|at| &mut existing[at]);
        match (list, operation) {
            (Some(PatchOperation::Add(AddOperation { value: Value::Array(items), .. })), PatchOperation::Add(add)) => {
                items.extend(add.value.as_array().into_iter().flatten().cloned());
            }
            _ => existing.push(operation.clone()),
        }
    }
}
