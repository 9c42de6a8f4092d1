//! `namePrefix` and `nameSuffix` that rename an identity, but not the references to it.

use std::collections::HashSet;

use super::super::{Context, Findings, Rule};
use super::query::as_warning;
use crate::capa::{CONTROLLER_IDENTITY, ObjectKind, State};
use crate::diag::{Diagnostic, FileId, RuleId, Severity};
use crate::inventory::{Inventory, Resource, identity_key, users_of};
use crate::kustomize::Kustomization;

pub(super) const RULE: Rule = Rule {
    id: RuleId::KustomizeRename,
    name: "kustomize-name",
    severity: Severity::Error,
    summary: "A namePrefix or nameSuffix that renames an identity, but not the references to it",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let builds = context.builds;
    if builds.all.iter().all(|one| one.renames.is_empty()) {
        return;
    }
    let users = users_of(context.inventory);
    let files_of_each = builds.files_of_each();
    for (index, kustomization) in builds.all.iter().enumerate().filter(|(_, one)| !one.renames.is_empty()) {
        let files = &files_of_each[index];
        let built = || built(context.inventory, files);
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
        let identities = built()
            .filter(|found| matches!(found.object.object_kind, ObjectKind::Identity(..) | ObjectKind::Static(..)));
        let mut used = identities.flat_map(|identity| {
            let users = identity_key(identity).and_then(|key| users.get(&key)).map_or(&[][..], Vec::as_slice);
            users.iter().filter_map(move |&user| Some((identity, user, reference_to(user, identity)?)))
        });
        let is_lost =
            |(identity, user, reference): &(&Resource, &Resource, String)| match files.contains(&user.origin.file) {
                true => !builds.renames_reference(index, [identity, user], &format!("{reference}/name")),
                false => !builds.keeps_names(identity.origin.file),
            };
        let lost = used.find(is_lost);
        if let Some((identity, user, reference)) = lost {
            let is_beside = !files.contains(&user.origin.file);
            let finding = lost_reference(kustomization, [identity, user], &reference, is_beside);
            // A patch or a replacement in this kustomization, a base or an overlay may write the new name.
            let altered = builds.related(index).into_iter().any(|one| one.alters);
            let finding = finding.map(|finding| match altered {
                true => as_warning(finding).help("ignore this if a patch or a replacement writes the new name there"),
                false => finding,
            });
            finding.into_iter().for_each(|finding| findings.add_as_it_is(finding));
        }
    }
}

fn lost_reference(
    kustomization: &Kustomization,
    [identity, user]: [&Resource; 2],
    reference: &str,
    is_beside: bool,
) -> Option<Diagnostic> {
    let kind = identity.object.kind.as_str();
    let name = identity.object.name.as_deref().unwrap_or_default();
    let finding =
        at(kustomization, |_| format!("this renames {kind}/{name}, but not the reference to it in {}", user.title()))?;
    let finding = finding.also(identity.head(), "");
    if is_beside {
        return Some(
            finding.help("this kustomization does not build that object: list the identity in one without a prefix"),
        );
    }
    let how = match kustomization.configurations.is_empty() {
        true => "add a file under configurations: with this content:",
        false => "add this to a file under configurations:",
    };
    let finding = finding.help(how).help(format!(
        "nameReference: [{{kind: {kind}, fieldSpecs: [{{kind: {}, path: {reference}/name}}]}}]",
        user.object.kind
    ));
    let is_apart =
        user.object.written_namespace().is_some_and(|own| own != "default") && kustomization.namespace.is_none();
    Some(match is_apart {
        true => finding.help(
            "and set namespace: in the kustomization: kustomize renames a reference only if both objects have the same namespace",
        ),
        false => finding,
    })
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
    let place = match kustomization.file {
        Some(_) => String::new(),
        None => format!("{}: ", kustomization.place(*span)),
    };
    let error = Diagnostic::error(format!("{place}{key}: {}", message(&renamed)));
    Some(error.at(kustomization.location(*span), ""))
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
