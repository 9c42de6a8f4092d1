//! The changes of a run, for programs.

use std::borrow::Cow;

use json_patch::PatchOperation;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::summary::was_done;
use xaccount::capa::ObjectKind;
use xaccount::diag::Diagnostic;
use xaccount::inventory::{Inventory, ObjectId, Resource, Skipped};
use xaccount::plan::{Change, ChangeKind, IdentityFile, NewObject, Outcome};

/// An entry of `-o json-patch`.
#[derive(Serialize)]
struct PatchJson<'r> {
    target: TargetJson<'r>,
    /// The RFC 6902 patch, as text.
    patch: String,
}

/// The object that a patch applies to, as kustomize selects it; see [`target`].
#[derive(Serialize)]
struct TargetJson<'r> {
    group: &'r str,
    version: &'r str,
    kind: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
}

/// The document that `-o report` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson<'r> {
    api_version: &'static str,
    kind: &'static str,
    changes: Vec<ChangeJson<'r>>,
    unchanged: Vec<UnchangedJson<'r>>,
    skipped: Vec<SkippedJson<'r>>,
    #[serde(serialize_with = "as_map")]
    summary: Vec<(&'static str, usize)>,
}

/// A change of an object, or a new object.
#[derive(Serialize)]
#[serde(untagged)]
enum ChangeJson<'r> {
    Edited {
        change: &'static str,
        file: &'r str,
        line: usize,
        object: ObjectJson<'r>,
        before: Option<&'r str>,
        after: &'r str,
        patch: &'r [PatchOperation],
    },
    New {
        change: &'static str,
        file: Cow<'r, str>,
        object: ObjectJson<'r>,
        after: &'r str,
        new: &'r Value,
    },
}

#[derive(Serialize)]
struct UnchangedJson<'r> {
    file: &'r str,
    line: usize,
    object: ObjectJson<'r>,
}

/// A skipped object or document, its place, and the reason.
#[derive(Serialize)]
struct SkippedJson<'r> {
    file: &'r str,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
    reason: &'static str,
    message: &'r str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectJson<'r> {
    api_version: &'r str,
    kind: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
}

/// Serializes pairs as a JSON object, in their order.
fn as_map<S: Serializer>(pairs: &[(&'static str, usize)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

/// The output of `-o json-patch`, for `patches:` in a kustomization or in Flux: for each changed object an entry
/// `{"target": {group, version, kind, namespace, name}, "patch": TEXT}`, where TEXT is the RFC 6902 patch as JSON. An operation
/// on a topology's variable by index has a `test` of the variable's name before it, so that it fails if the list was reordered.
/// New and removed objects are omitted, because a patch can't express them.
///
/// # Errors
/// An object without a name: a target without a name selects all objects of its kind.
pub(crate) fn json_patch(inventory: &Inventory, outcome: &Outcome) -> Result<Value, Diagnostic> {
    let mut entries: Vec<(ObjectId, Vec<&PatchOperation>)> = Vec::new();
    for change in &outcome.changes {
        let Some(index) = change.object.filter(|_| change.kind != ChangeKind::IdentityRemoved) else { continue };
        match entries.last_mut() {
            Some((existing, operations)) if *existing == index => operations.extend(change.operations.iter()),
            _ => entries.push((index, change.operations.iter().collect())),
        }
    }
    let entry = |(index, operations): (ObjectId, Vec<&PatchOperation>)| {
        Ok(PatchJson { target: target(&inventory[index])?, patch: json!(operations).to_string() })
    };
    let entries: Vec<PatchJson<'_>> = entries.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(json!(entries))
}

/// The target that selects only this object in kustomize (`api/types/selector.go`, `api/resmap/reswrangler.go`): name and
/// namespace are regular expressions that must match the whole text, an absent member matches everything, and an object
/// without a namespace is in `default`.
fn target(found: &Resource) -> Result<TargetJson<'_>, Diagnostic> {
    let object = &found.object;
    let Some(name) = object.name.as_deref().filter(|name| !name.is_empty()) else {
        return Err(Diagnostic::error(format!(
            "{} has no name: a patch would apply to all objects of its kind",
            object.kind
        ))
        .at(found.head(), "")
        .help("give it a metadata.name, or use -o yaml or --write"));
    };
    let (group, version) = object.api_version.split_once('/').unwrap_or_default();
    let is_namespaced = !matches!(object.object_kind, ObjectKind::Identity(..));
    let namespace = object.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    Ok(TargetJson {
        group,
        version,
        kind: &object.kind,
        namespace: is_namespaced.then(|| literal(namespace.unwrap_or("default"))),
        name: literal(name),
    })
}

/// The regular expression (RE2) that matches only this text.
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

/// The output of `-o report`: version 2 of the change report; `docs/report.md` describes it.
pub(crate) fn report(inventory: &Inventory, outcome: &Outcome) -> Value {
    let mut summary: Vec<(&'static str, usize)> = Vec::new();
    for word in outcome.changes.iter().map(|change| was_done(change.kind)) {
        match summary.iter_mut().find(|(existing, _)| *existing == word) {
            Some((_, count)) => *count += 1,
            None => summary.push((word, 1)),
        }
    }
    let unchanged = outcome.unchanged.iter().map(|&index| {
        let found = &inventory[index];
        UnchangedJson { file: &inventory.file(found.origin.file).name, line: found.origin.line, object: object(found) }
    });
    let mut skipped: Vec<&Skipped> = outcome.skipped.iter().collect();
    skipped.sort_by_key(|one| (one.file, one.line));
    json!(ReportJson {
        api_version: "xaccount.dev/v1alpha2",
        kind: "ChangeReport",
        changes: changes(inventory, outcome),
        unchanged: unchanged.collect(),
        skipped: skipped.into_iter().map(|one| skipped_entry(inventory, one)).collect(),
        summary,
    })
}

fn changes<'r>(inventory: &'r Inventory, outcome: &'r Outcome) -> Vec<ChangeJson<'r>> {
    let mut added = outcome.added.iter();
    let edited = |change: &'r Change, index: ObjectId| {
        let found = &inventory[index];
        ChangeJson::Edited {
            change: name(change.kind),
            file: &inventory.file(found.origin.file).name,
            line: found.origin.line,
            object: object(found),
            before: change.before.as_deref(),
            after: &change.after,
            patch: &change.operations,
        }
    };
    let entry = |change: &'r Change| match change.object {
        Some(index) => Some(edited(change, index)),
        // Changes without an object are those that add one, in the order of `added`.
        None => added.next().map(|new| new_entry(inventory, change, new)),
    };
    outcome.changes.iter().filter_map(entry).collect()
}

fn new_entry<'r>(inventory: &'r Inventory, change: &'r Change, new: &'r NewObject) -> ChangeJson<'r> {
    let text = |at: &str| new.object.pointer(at).and_then(Value::as_str);
    ChangeJson::New {
        change: name(change.kind),
        file: match &new.file {
            IdentityFile::Existing(file) => Cow::Borrowed(inventory.file(*file).name.as_str()),
            IdentityFile::New(path) => path.to_string_lossy(),
        },
        object: ObjectJson {
            api_version: text("/apiVersion").unwrap_or_default(),
            kind: text("/kind").unwrap_or_default(),
            namespace: None,
            name: text("/metadata/name"),
        },
        after: &change.after,
        new: &new.object,
    }
}

fn object(found: &Resource) -> ObjectJson<'_> {
    let object = &found.object;
    ObjectJson {
        api_version: &object.api_version,
        kind: &object.kind,
        namespace: object.namespace.as_deref(),
        name: object.name.as_deref(),
    }
}

fn skipped_entry<'r>(inventory: &'r Inventory, one: &'r Skipped) -> SkippedJson<'r> {
    SkippedJson {
        file: &inventory.file(one.file).name,
        line: one.line,
        kind: one.kind.as_deref(),
        namespace: one.namespace.as_deref(),
        name: one.name.as_deref(),
        reason: one.reason.word(),
        message: &one.message,
    }
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
