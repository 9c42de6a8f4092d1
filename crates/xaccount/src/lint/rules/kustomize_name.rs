//! `namePrefix` and `nameSuffix` that rename an identity, but not the references to it.

use std::collections::{HashMap, HashSet};

use super::super::{Context, Findings, Rule};
use super::query::as_warning;
use crate::capa::{CONTROLLER_IDENTITY, ObjectKind, State};
use crate::diag::{Diagnostic, FileId, RuleId, Severity};
use crate::inventory::kustomization::{Bases, FilesByName, Kustomization};
use crate::inventory::{Inventory, Resource};

pub(super) const RULE: Rule = Rule {
    id: RuleId::KustomizeRename,
    name: "kustomize-name",
    severity: Severity::Error,
    summary: "A namePrefix or nameSuffix that renames an identity, but not the references to it",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let all = context.kustomizations;
    let names_of_files = FilesByName::of(context.inventory);
    let bases = Bases::of_all(all);
    let mut users: Option<Users<'_>> = None;
    for kustomization in all.iter().filter(|one| !one.renames.is_empty()) {
        let files = kustomization.files(&names_of_files, &bases);
        let built = || built(context.inventory, &files);
        if let Some(found) = built().find(|found| is_controller(found)) {
            let finding = at(kustomization, |renamed| {
                format!("this renames {CONTROLLER_IDENTITY}/default to {renamed}, and CAPA accepts only default")
            });
            let finding = finding.map(|finding| {
                finding
                    .also(found.head(), "")
                    .help("remove the object from this kustomization: there is only one in a management cluster")
            });
            finding.into_iter().for_each(|finding| findings.add(finding));
        }
        if kustomization.has_configurations {
            continue;
        }
        let identities = built()
            .filter(|found| matches!(found.object.object_kind, ObjectKind::Identity(..) | ObjectKind::Static(..)));
        let users = users.get_or_insert_with(|| users_of(context.inventory));
        let used = identities.filter_map(|identity| {
            let mut users = users.get(&key(identity)?)?.iter();
            users
                .find(|user| files.contains(&user.origin.file))
                .map(|&user| (identity, user, reference_to(user, identity)))
        });
        if let Some((identity, user, Some(path))) = used.into_iter().next() {
            let kind = identity.object.kind.as_str();
            let name = identity.object.name.as_deref().unwrap_or_default();
            let finding = at(kustomization, |_| {
                format!("this renames {kind}/{name}, but not the reference to it in {}", user.title())
            });
            let finding = finding.map(|finding| {
                finding.also(identity.head(), "").help("add a file under configurations: with this content:").help(
                    format!(
                        "nameReference: [{{kind: {kind}, fieldSpecs: [{{kind: {}, path: {path}/name}}]}}]",
                        user.object.kind
                    ),
                )
            });
            // A patch or a replacement in this kustomization, a base or an overlay may write the new name.
            let related = kustomization.built_from(&bases).into_iter().chain(bases.that_build(kustomization));
            let altered = related.into_iter().any(|one| one.alters);
            let finding = finding.map(|finding| match altered {
                true => as_warning(finding).help("ignore this if a patch or a replacement writes the new name there"),
                false => finding,
            });
            finding.into_iter().for_each(|finding| findings.add_as_it_is(finding));
        }
    }
}

/// Objects that refer to an identity, by its kind and name.
type Users<'r> = HashMap<(&'r str, &'r str), Vec<&'r Resource>>;

fn key(identity: &Resource) -> Option<(&str, &str)> {
    Some((identity.object.kind.as_str(), identity.object.name.as_deref()?))
}

fn users_of(inventory: &Inventory) -> Users<'_> {
    let mut users: Users<'_> = HashMap::new();
    for found in inventory.objects() {
        let states: Vec<&State> = match &found.object.object_kind {
            ObjectKind::Identity(fields, _) => vec![&fields.source],
            _ => found.object.references().map(|reference| &reference.state).collect(),
        };
        for state in states {
            let State::Set(existing) = state else { continue };
            if let (Some(kind), Some(name)) = (existing.kind.text(), existing.name.text()) {
                users.entry((kind, name)).or_default().push(found);
            }
        }
    }
    users
}

/// The objects of files, in the order of the run.
fn built<'r>(inventory: &'r Inventory, files: &HashSet<FileId>) -> impl Iterator<Item = &'r Resource> {
    let mut files: Vec<FileId> = files.iter().copied().collect();
    files.sort_unstable();
    let of_file = |file: FileId| {
        let from = inventory.objects().partition_point(|found| found.origin.file < file);
        inventory.objects()[from..].iter().take_while(move |found| found.origin.file == file)
    };
    files.into_iter().flat_map(of_file)
}

/// A finding at the first key that renames; `message` gets the name that `default` becomes.
fn at(kustomization: &Kustomization, message: impl Fn(&str) -> String) -> Option<Diagnostic> {
    let (key, _, span) = kustomization.renames.first()?;
    let part = |wanted: &str| {
        kustomization.renames.iter().find(|(key, ..)| *key == wanted).map_or("", |(_, text, _)| text.as_str())
    };
    let renamed = format!("{}default{}", part("namePrefix"), part("nameSuffix"));
    Some(Diagnostic::error(format!("{key}: {}", message(&renamed))).at(kustomization.location(*span), ""))
}

fn is_controller(found: &Resource) -> bool {
    matches!(found.object.object_kind, ObjectKind::Controller(_)) && found.object.name.as_deref() == Some("default")
}

/// The path of the reference to an identity as kustomize writes it: without list indices.
fn reference_to(user: &Resource, identity: &Resource) -> Option<String> {
    let names = |state: &State| match state {
        State::Set(existing) => {
            existing.kind.text() == Some(identity.object.kind.as_str())
                && existing.name.text() == identity.object.name.as_deref()
        }
        _ => false,
    };
    if let ObjectKind::Identity(fields, _) = &user.object.object_kind {
        return names(&fields.source).then(|| "spec/sourceIdentityRef".to_owned());
    }
    let reference = user.object.references().find(|reference| names(&reference.state))?;
    let keys = reference.path.iter().filter(|key| key.parse::<usize>().is_err());
    Some(keys.map(String::as_str).collect::<Vec<_>>().join("/"))
}
