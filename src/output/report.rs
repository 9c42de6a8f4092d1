//! What a run changes, for programs.

use json_patch::PatchOperation;
use serde_json::{Map, Value, json};

use super::summary::was_done;
use xaccount::capa::ObjectKind;
use xaccount::diag::Diagnostic;
use xaccount::inventory::{Inventory, Resource, Skipped};
use xaccount::plan::{ChangeKind, IdentityFile, Outcome};

/// `-o json-patch`: a list of `{"target": {group, version, kind, namespace, name}, "patch": TEXT}` where TEXT is the RFC
/// 6902 patch as JSON, one entry per changed object: what stands under `patches:` of a kustomization or of Flux. A `test`
/// of the variable's name stands before an index into a topology's variables, so that a reordered list fails. Objects that
/// come or go as a whole are left out: no patch says that.
///
/// # Errors
/// An object without a name: a target without one means all objects of its kind.
pub(crate) fn json_patch(inventory: &Inventory, outcome: &Outcome) -> Result<Value, Diagnostic> {
    let mut entries: Vec<(usize, Vec<&PatchOperation>)> = Vec::new();
    for change in &outcome.changes {
        let Some(index) = change.object.filter(|_| change.kind != ChangeKind::IdentityRemoved) else { continue };
        match entries.last_mut() {
            Some((existing, operations)) if *existing == index => operations.extend(change.operations.iter()),
            _ => entries.push((index, change.operations.iter().collect())),
        }
    }
    entries
        .into_iter()
        .map(|(index, operations)| {
            let patch = serde_json::to_value(&operations).unwrap_or_default();
            Ok(json!({"target": target(&inventory.objects()[index])?, "patch": patch.to_string()}))
        })
        .collect()
}

/// Exactly this object, as kustomize selects (`api/types/selector.go`, `api/resmap/reswrangler.go`): name and namespace are
/// regular expressions for the whole text, a member that is left out fits everything, and an object without a namespace
/// counts as one in `default`.
fn target(found: &Resource) -> Result<Value, Diagnostic> {
    let object = &found.object;
    let Some(name) = object.name.as_deref().filter(|name| !name.is_empty()) else {
        return Err(Diagnostic::error(format!("{} has no name: a patch would hit all of its kind", object.kind))
            .at(found.head(), "")
            .help("give it a metadata.name, or use -o yaml or --write"));
    };
    let (group, version) = object.api_version.split_once('/').unwrap_or_default();
    let mut target = Map::new();
    target.insert("group".into(), json!(group));
    target.insert("version".into(), json!(version));
    target.insert("kind".into(), json!(object.kind));
    if !matches!(object.object_kind, ObjectKind::Identity(..)) {
        let namespace = object.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        target.insert("namespace".into(), json!(literal(namespace.unwrap_or("default"))));
    }
    target.insert("name".into(), json!(literal(name)));
    Ok(Value::Object(target))
}

/// The regular expression (RE2) that fits this text alone.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn identity(found: &Resource) -> Map<String, Value> {
    let object = &found.object;
    let mut out = Map::new();
    out.insert("apiVersion".into(), json!(object.api_version));
    out.insert("kind".into(), json!(object.kind));
    if let Some(namespace) = &object.namespace {
        out.insert("namespace".into(), json!(namespace));
    }
    if let Some(name) = &object.name {
        out.insert("name".into(), json!(name));
    }
    out
}

/// `-o report`: version 2 of the change report; `docs/report.md` describes it.
pub(crate) fn report(inventory: &Inventory, outcome: &Outcome) -> Value {
    let mut added = outcome.added.iter();
    let changes: Vec<Value> = outcome
        .changes
        .iter()
        .map(|change| {
            let mut entry = Map::new();
            entry.insert("change".into(), json!(name(change.kind)));
            match change.object {
                Some(index) => {
                    let found = &inventory.objects()[index];
                    entry.insert("file".into(), json!(inventory.file(found.file).name));
                    entry.insert("line".into(), json!(found.line));
                    entry.insert("object".into(), Value::Object(identity(found)));
                    entry.insert("before".into(), json!(change.before));
                    entry.insert("after".into(), json!(change.after));
                    entry.insert("patch".into(), serde_json::to_value(&*change.operations).unwrap_or_default());
                }
                None => {
                    if let Some(new) = added.next() {
                        let file = match &new.file {
                            IdentityFile::There(file) => inventory.file(*file).name.clone(),
                            IdentityFile::New(path) => path.to_string_lossy().into_owned(),
                        };
                        entry.insert("file".into(), json!(file));
                        let field = |name: &str| new.object.get(name).cloned().unwrap_or_default();
                        entry.insert(
                            "object".into(),
                            json!({
                                "apiVersion": field("apiVersion"),
                                "kind": field("kind"),
                                "name": new.object.pointer("/metadata/name").cloned().unwrap_or_default(),
                            }),
                        );
                        entry.insert("after".into(), json!(change.after));
                        entry.insert("new".into(), new.object.clone());
                    }
                }
            }
            Value::Object(entry)
        })
        .collect();
    let right: Vec<Value> = outcome
        .unchanged
        .iter()
        .map(|&index| {
            let found = &inventory.objects()[index];
            let mut entry = Map::new();
            entry.insert("file".into(), json!(inventory.file(found.file).name));
            entry.insert("line".into(), json!(found.line));
            entry.insert("object".into(), Value::Object(identity(found)));
            Value::Object(entry)
        })
        .collect();
    let mut summary = Map::new();
    for change in &outcome.changes {
        let entry = summary.entry(was_done(change.kind)).or_insert(json!(0));
        *entry = json!(entry.as_u64().unwrap_or(0) + 1);
    }
    let mut skipped: Vec<&Skipped> = outcome.skipped.iter().collect();
    skipped.sort_by_key(|one| (one.file, one.line));
    let skipped: Vec<Value> = skipped.into_iter().map(|one| skipped_entry(inventory, one)).collect();
    json!({
        "apiVersion": "xaccount.dev/v1alpha2",
        "kind": "ChangeReport",
        "changes": changes,
        "unchanged": right,
        "skipped": skipped,
        "summary": summary,
    })
}

/// What is skipped, where, and why.
fn skipped_entry(inventory: &Inventory, one: &Skipped) -> Value {
    let mut entry = Map::new();
    entry.insert("file".into(), json!(inventory.file(one.file).name));
    entry.insert("line".into(), json!(one.line));
    for (key, value) in [("kind", &one.kind), ("namespace", &one.namespace), ("name", &one.name)] {
        entry.extend(value.as_ref().map(|value| (key.to_owned(), json!(value))));
    }
    entry.insert("reason".into(), json!(one.reason.word()));
    entry.insert("message".into(), json!(one.message));
    Value::Object(entry)
}

fn name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ReferenceAdded => "ReferenceAdded",
        ChangeKind::ReferenceReplaced => "ReferenceReplaced",
        ChangeKind::IdentityAdded => "IdentityAdded",
        ChangeKind::IdentityChanged => "IdentityChanged",
        ChangeKind::ControllerIdentityAdded => "ControllerIdentityAdded",
        ChangeKind::ReferenceRemoved => "ReferenceRemoved",
        ChangeKind::IdentityRemoved => "IdentityRemoved",
        ChangeKind::FindingFixed => "FindingFixed",
    }
}
