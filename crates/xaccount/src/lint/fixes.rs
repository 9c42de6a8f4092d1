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

/// The plan that fixes all fixable findings. If two fixes change the same place and can't be combined, the first one is
/// used; the other finding is found again in the next run.
pub fn fixes<'f>(inventory: &Inventory, findings: impl IntoIterator<Item = &'f Finding>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut objects: BTreeMap<ObjectId, Vec<ObjectFix<'_>>> = BTreeMap::new();
    let mut documents: Vec<(FileId, &FixEdit, &str)> = Vec::new();
    let mut kustomizations: Vec<ListingFix<'_>> = Vec::new();
    let mut added: HashSet<&Value> = HashSet::new();
    for fix in findings.into_iter().filter_map(|finding| finding.fix.as_ref()) {
        match &fix.change {
            FixEdit::Object { object, operations } => {
                add_fix(
                    objects.entry(*object).or_default(),
                    ObjectFix { what: &fix.what, operations: operations.clone() },
                );
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
    let objects = objects.into_iter().flat_map(|(object, fixes)| fixes.into_iter().map(move |fix| (object, fix)));
    for (object, ObjectFix { what, operations }) in objects {
        let change = Change {
            object: Some(object),
            kind: ChangeKind::FindingFixed,
            operations: operations.into(),
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
    outcome.add_items(inventory);
    outcome
}

/// A fix of an object: what it does, and the operations.
struct ObjectFix<'f> {
    what: &'f str,
    operations: Vec<PatchOperation>,
}

/// Adds a fix to those of the same object, unless it changes a place that another one changes. What both add to one new
/// mapping or list is combined.
fn add_fix<'f>(existing: &mut Vec<ObjectFix<'f>>, mut fix: ObjectFix<'f>) {
    let overlapping =
        |one: &ObjectFix<'_>| one.operations.iter().any(|one| fix.operations.iter().any(|own| overlap(one, own)));
    let Some(other) = existing.iter_mut().find(|one| overlapping(one)) else {
        existing.push(fix);
        return;
    };
    if let ([PatchOperation::Add(old)], [PatchOperation::Add(new)]) = (&mut other.operations[..], &fix.operations[..])
        && old.path == new.path
        && let Some(both) = combined(&old.value, &new.value).filter(|both| *both != old.value)
    {
        old.value = both;
        fix.operations.clear();
        existing.push(fix);
    }
}

/// Whether two operations change the same place, or one changes a place inside of the other's. Two new items of a list are
/// two places.
fn overlap(one: &PatchOperation, other: &PatchOperation) -> bool {
    let (a, b) = (one.path(), other.path());
    match a == b {
        true => !a.as_str().ends_with("/-") || one == other,
        false => a.starts_with(b) || b.starts_with(a),
    }
}

/// A value with the members and items of both; `None` if they contradict each other.
fn combined(one: &Value, other: &Value) -> Option<Value> {
    match (one, other) {
        _ if one == other => Some(one.clone()),
        (Value::Object(one), Value::Object(other)) => {
            let mut both = one.clone();
            for (key, value) in other {
                let value = one.get(key).map_or_else(|| Some(value.clone()), |existing| combined(existing, value))?;
                both.insert(key.clone(), value);
            }
            Some(Value::Object(both))
        }
        (Value::Array(one), Value::Array(other)) => {
            let new = other.iter().filter(|item| !one.contains(item));
            Some(one.iter().chain(new).cloned().collect())
        }
        _ => None,
    }
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
