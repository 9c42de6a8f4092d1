//! The identities that the references need: existing ones are updated field by field, missing ones are created.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value, json};

use super::namespaces::FixedNamespaces;
use super::planner::{Planner, RequiredIdentity};
use super::reference::NOT_SERVED;
use crate::account_map::IdentityName;
use crate::capa::{CONTROLLER_IDENTITY, IDENTITY_GROUP, IdentityKind, ObjectKind, ROLE_IDENTITY, Version};
use crate::diag::{Diagnostic, FileId};
use crate::inventory::ObjectId;
use crate::plan::{Change, ChangeKind, IdentityFile};
use crate::settings::Setting;

impl Planner<'_> {
    /// Plans the identities that are needed.
    pub(super) fn identities(&mut self, required: &[RequiredIdentity]) {
        if self.request.existing_identity.is_some() {
            return self.decided(|| "the identity exists already, and the account map does not manage it".into());
        }
        if !self.request.with_identity {
            self.decided(|| "identities are not created or updated, because of --no-identity".into());
            required.iter().for_each(|one| self.refuse_other_role(one));
            return;
        }
        required.iter().for_each(|one| self.refuse_circle(one));
        let mut missing = self.existing_identities(required);
        if !self.errors.is_empty() {
            return;
        }
        if !required.is_empty() {
            let all: Vec<ObjectId> = required.iter().flat_map(|one| one.objects.iter().copied()).collect();
            self.controller_identity(&all);
        }
        missing.sort_by(|a, b| a.name.cmp(&b.name));
        for one in missing {
            if let Some((file, version)) = self.file_for(ROLE_IDENTITY, &one.name, &one.objects) {
                self.explain_new(one, &file);
                let object = self.new_identity(one, version);
                let title = format!("{ROLE_IDENTITY} {}", one.name);
                self.add(object, ChangeKind::IdentityAdded, title, file, one.role.to_string());
            }
        }
    }

    /// Updates and checks the identities that exist, and returns those that don't.
    fn existing_identities<'s>(&mut self, required: &'s [RequiredIdentity]) -> Vec<&'s RequiredIdentity> {
        let changed = self.changed();
        let mut missing = Vec::new();
        for one in required {
            let asked = self.asked_namespaces(one);
            let is_asked = asked.is_some();
            let names = asked.as_ref().and_then(FixedNamespaces::names);
            let asked: Option<BTreeSet<&str>> = names.map(|names| names.iter().map(String::as_str).collect());
            let inventory = self.inventory;
            let existing = inventory.identities(IdentityKind::Role, &one.name);
            for &index in existing {
                self.explain_existing(one, index);
                self.update(index, one);
                self.refuse_dependence(index, one, &changed);
                self.warn_of_existing(index, one);
                let own = match &inventory[index].object.object_kind {
                    ObjectKind::Identity(identity, _) if !is_asked => identity.allowed.names(),
                    _ => asked.clone(),
                };
                self.warn_of_denied(one, own);
            }
            if existing.is_empty() {
                self.warn_of_denied(one, asked.clone());
                missing.push(one);
            }
        }
        missing
    }

    /// The requested namespaces of an identity, with the namespaces of the objects that use it.
    pub(super) fn asked_namespaces(&self, one: &RequiredIdentity) -> Option<FixedNamespaces> {
        let served = || {
            let namespaces = |&index: &ObjectId| self.inventory.namespaces_of(&self.inventory[index]);
            let mut names: BTreeSet<&str> = one.objects.iter().flat_map(namespaces).collect();
            names.extend(self.request.identity.served.iter().map(String::as_str));
            names.into_iter().map(str::to_owned).collect()
        };
        Some(self.request.identity.allowed_namespaces.as_ref()?.value.resolved(served))
    }

    /// Plans the controller identity for an identity that is not created.
    pub(super) fn controller_identity_alone(&mut self) {
        if self.request.with_identity && self.request.existing_identity.is_none() {
            self.controller_identity(&[]);
        }
    }

    /// Plans the controller identity, if it was requested and does not exist in the files, for the identities of these
    /// objects.
    fn controller_identity(&mut self, objects: &[ObjectId]) {
        let existing = !self.inventory.identities(IdentityKind::Controller, "default").is_empty();
        if !self.request.with_controller_identity || existing {
            return;
        }
        if let Some((file, version)) = self.file_for(CONTROLLER_IDENTITY, "default", objects) {
            let object = json!({
                "apiVersion": format!("{IDENTITY_GROUP}/{version}"),
                "kind": CONTROLLER_IDENTITY,
                "metadata": self.metadata("default"),
                "spec": {"allowedNamespaces": {}},
            });
            let title = format!("{CONTROLLER_IDENTITY} default");
            let label = "the controller's own credentials".into();
            self.add(object, ChangeKind::ControllerIdentityAdded, title, file, label);
        }
    }

    /// Warns about objects whose namespace is not among the `names` that an identity allows. Selectors are not checked:
    /// the labels of namespaces are not in the files.
    fn warn_of_denied(&mut self, one: &RequiredIdentity, names: Option<BTreeSet<&str>>) {
        let Some(names) = names else { return };
        for found in one.objects.iter().map(|&index| &self.inventory[index]) {
            for namespace in self.inventory.namespaces_of(found).into_iter().filter(|one| !names.contains(one)) {
                self.outcome.warnings.push(
                    Diagnostic::warning(format!(
                        "{ROLE_IDENTITY}/{} does not allow namespace {namespace}: CAPA will not use it for {}",
                        one.name,
                        found.title()
                    ))
                    .at(found.head(), "")
                    .help("add the namespace to its allowedNamespaces.list, or pass --allowed-namespaces with it"),
                );
            }
        }
    }

    /// The objects whose reference changes, in order.
    fn changed(&self) -> Vec<ObjectId> {
        let new = |change: &&Change| matches!(change.kind, ChangeKind::ReferenceAdded | ChangeKind::ReferenceReplaced);
        let mut changed: Vec<ObjectId> =
            self.outcome.changes.iter().filter(new).filter_map(|change| change.object).collect();
        changed.sort_unstable();
        changed
    }

    /// Refuses a new reference from a `changed` object to an identity in another cluster's file: deleting that file
    /// would delete the identity.
    fn refuse_dependence(&mut self, index: ObjectId, one: &RequiredIdentity, changed: &[ObjectId]) {
        let inventory = self.inventory;
        let found = &inventory[index];
        let kept = matches!(&self.request.identity_file, Some(Setting { value: IdentityFile::Existing(file), .. }) if *file == found.origin.file);
        if kept || !inventory.has_clusters(found.origin.file) {
            return;
        }
        let depends = one.objects.iter().find(|object| {
            changed.binary_search(object).is_ok() && inventory[**object].origin.file != found.origin.file
        });
        if let Some(depends) = depends.map(|&object| &inventory[object]) {
            let existing = &inventory.file(found.origin.file).name;
            self.errors.push(
                Diagnostic::error(format!("{} would depend on {existing}, another cluster's file", depends.title()))
                    .at(depends.head(), "")
                    .also(found.head(), format!("{} is here: deleting this file deletes it", found.title()))
                    .help(format!(
                        "move that document from {} to identities.yaml, and pass --identity-file identities.yaml",
                        inventory.place(found)
                    ))
                    .help("or pass --identity-name to create another identity for it"),
            );
        }
    }

    /// Adds the warnings about an existing identity that is used.
    fn warn_of_existing(&mut self, index: ObjectId, one: &RequiredIdentity) {
        let found = &self.inventory[index];
        let ObjectKind::Identity(identity, version) = &found.object.object_kind else { return };
        let known = one.objects.iter().any(|&object| {
            matches!(&self.inventory[object].object.object_kind, ObjectKind::Referencing { version: other, .. } if other == version)
        });
        if let Some(required) = version.no_longer_served().filter(|_| !known) {
            let warning = Diagnostic::warning(format!("{} {version}: {required}", found.title()));
            self.outcome.warnings.push(warning.at(found.head(), "").help(NOT_SERVED));
        }
        let asked = &self.request.identity;
        let missing = |asked: &[Setting<(String, String)>], existing: &[(String, String)]| {
            asked.iter().map(|one| &one.value).find(|one| !existing.contains(one)).cloned()
        };
        let annotation = missing(&asked.annotations, &identity.annotations).map(|one| ("annotation", one));
        let labels: Vec<(String, String)> =
            found.object.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let label = missing(&asked.labels, &labels).map(|one| ("label", one));
        for (what, (key, value)) in annotation.into_iter().chain(label) {
            self.outcome.warnings.push(
                Diagnostic::warning(format!("{} does not get the {what} {key}", found.title()))
                    .at(found.head(), "")
                    .help(format!("only new identities get it: add {key}: {value} under metadata.{what}s")),
            );
        }
    }

    /// Refuses an existing identity with another role. With `--no-identity` it is not updated, so a reference to it
    /// would point at that role.
    fn refuse_other_role(&mut self, one: &RequiredIdentity) {
        let inventory = self.inventory;
        for found in inventory.identities(IdentityKind::Role, &one.name).iter().map(|&index| &inventory[index]) {
            let ObjectKind::Identity(identity, _) = &found.object.object_kind else { continue };
            if identity.role_arn.text() == Some(one.role.as_str()) {
                continue;
            }
            let existing = identity.role_arn.any_text().unwrap_or("none");
            self.errors.push(
                Diagnostic::error(format!("{} has another role: {existing}", found.title()))
                    .at(
                        found.location(identity.role_arn.span().unwrap_or(found.object.kind_span)),
                        format!("wanted: {}", one.role),
                    )
                    .help(
                        "--no-identity does not update identities: omit it, or pass --identity-name with another name",
                    ),
            );
        }
    }

    /// Refuses a source that leads back to the identity: CAPA follows such a cycle until its controller runs out of
    /// memory.
    fn refuse_circle(&mut self, one: &RequiredIdentity) {
        let source = self.request.identity.source.as_ref().map(|source| &source.value);
        let Some(IdentityName { kind: IdentityKind::Role, name: first }) = source else { return };
        let inventory = self.inventory;
        let mut chain = vec![one.name.as_str()];
        let mut seen = HashSet::from([one.name.as_str()]);
        let mut next = Some(first.as_str());
        while let Some(name) = next {
            if !seen.insert(name) {
                chain.push(name);
                self.errors.push(
                    Diagnostic::error(format!(
                        "the identity '{}' can't be its own source: CAPA would run out of memory",
                        one.name
                    ))
                    .help(format!("the cycle would be {}", chain.join(" -> ")))
                    .help("pass another --source-identity or another --identity-name"),
                );
                return;
            }
            chain.push(name);
            let source = inventory
                .identities(IdentityKind::Role, name)
                .first()
                .map(|&index| &inventory[index].object.object_kind);
            next = match source {
                Some(ObjectKind::Identity(identity, _)) => identity.source.role_identity(),
                _ => None,
            };
        }
    }

    /// The file and the API version of a new identity for these objects.
    fn file_for(&mut self, kind: &str, name: &str, objects: &[ObjectId]) -> Option<(IdentityFile, Version)> {
        let version = self.version_for(kind, name, objects);
        if let Some(Setting { value: file, .. }) = &self.request.identity_file {
            if let IdentityFile::Existing(id) = file
                && self.inventory.file(*id).takes_no_object()
            {
                let path = &self.inventory.file(*id).name;
                self.errors.push(
                    Diagnostic::error(format!("{path} is JSON and can't take a second document"))
                        .help("pass --identity-file with a YAML file"),
                );
                return None;
            }
            return Some((file.clone(), version));
        }
        let mut files: Vec<FileId> = objects.iter().map(|&index| self.inventory[index].origin.file).collect();
        files.sort();
        files.dedup();
        let names: Vec<&str> = files.iter().map(|&file| self.inventory.file(file).name.as_str()).collect();
        let advice = "pass --identity-file identities.yaml to keep identities in a file of their own";
        match files[..] {
            [file] if self.inventory.file(file).takes_no_object() => {
                self.errors.push(
                    Diagnostic::error(format!(
                        "{}: a JSON file can't take {kind}/{name} as a second document",
                        names[0]
                    ))
                    .help("kubectl does not read '---' after JSON")
                    .help(advice),
                );
                None
            }
            [file] => Some((IdentityFile::Existing(file), version)),
            [] => {
                self.errors.push(
                    Diagnostic::error(format!("{kind}/{name} needs a file: no cluster uses it directly"))
                        .help("set identityFile in the account map: identityFile: identities.yaml")
                        .help(advice),
                );
                None
            }
            _ => {
                let mut diagnostic = Diagnostic::error(format!("{kind}/{name} would be used by {} files", names.len()))
                    .help("it can't be in one of them: deleting that file would delete the identity of the other clusters")
                    .help(advice);
                for name in names.iter().take(20) {
                    diagnostic = diagnostic.help(format!("  {name}"));
                }
                if names.len() > 20 {
                    diagnostic = diagnostic.help(format!("  and {} more", names.len() - 20));
                }
                self.errors.push(diagnostic);
                None
            }
        }
    }

    /// The API version of a new identity: the newest version of the objects that use it.
    fn version_for(&mut self, kind: &str, name: &str, objects: &[ObjectId]) -> Version {
        let version = |index: ObjectId| match &self.inventory[index].object.object_kind {
            ObjectKind::Referencing { version, .. } | ObjectKind::Identity(_, version) => Some(*version),
            _ => None,
        };
        let mut versions: Vec<Version> = objects.iter().filter_map(|&index| version(index)).collect();
        versions.sort();
        versions.dedup();
        if let Some(asked) = self.request.api_version {
            self.decided(|| format!("{kind}/{name}: version {asked} from --api-version"));
            if let Some(required) = asked.no_longer_served().filter(|_| !versions.contains(&asked)) {
                self.outcome.warnings.push(Diagnostic::warning(format!("{kind} {asked}: {required}")).help(NOT_SERVED));
            }
            return asked;
        }
        if let [oldest, .., newest] = versions[..] {
            let warning = Diagnostic::warning(format!(
                "the objects that use {kind}/{name} have versions {oldest} to {newest}; it gets {newest}"
            ))
            .help("one CAPA release may not serve all of them; pass --api-version to choose another");
            self.outcome.warnings.push(warning);
        }
        // The version of a topology Cluster does not count: it belongs to another API group.
        let (version, from) = match (versions.last(), self.inventory.newest_version()) {
            (Some(&version), _) => (version, "the objects that use it"),
            (None, Some(version)) => (version, "the other CAPA objects in these files"),
            (None, None) => (Version::V1Beta2, "the default, because there is no CAPA object with a version"),
        };
        self.decided(|| format!("{kind}/{name}: version {version} from {from}"));
        version
    }

    fn metadata(&self, name: &str) -> Value {
        let asked = &self.request.identity;
        let mut metadata = Map::new();
        metadata.insert("name".into(), json!(name));
        for (key, all) in [("annotations", &asked.annotations), ("labels", &asked.labels)] {
            if !all.is_empty() {
                let all = all.iter().map(|one| (one.value.0.clone(), json!(one.value.1))).collect();
                metadata.insert(key.into(), Value::Object(all));
            }
        }
        Value::Object(metadata)
    }

    pub(super) fn source(&self) -> Value {
        match self.request.identity.source.as_ref().map(|source| &source.value) {
            Some(IdentityName { kind, name }) => json!({"kind": kind.name(), "name": name}),
            None => json!({"kind": CONTROLLER_IDENTITY, "name": "default"}),
        }
    }

    pub(super) fn new_identity(&self, one: &RequiredIdentity, version: Version) -> Value {
        let mut spec = Map::new();
        let allowed = self.asked_namespaces(one).unwrap_or(FixedNamespaces::All);
        spec.insert("allowedNamespaces".into(), allowed.to_value());
        spec.insert("roleARN".into(), json!(one.role.to_string()));
        spec.extend(self.optional().into_iter().map(|(key, value)| (key.to_owned(), value)));
        spec.insert("sourceIdentityRef".into(), self.source());
        json!({
            "apiVersion": format!("{IDENTITY_GROUP}/{version}"),
            "kind": ROLE_IDENTITY,
            "metadata": self.metadata(&one.name),
            "spec": spec,
        })
    }

    /// The scalar fields that were requested.
    pub(super) fn optional(&self) -> Vec<(&'static str, Value)> {
        let asked = &self.request.identity;
        [
            ("sessionName", asked.session_name.as_ref().map(|text| json!(text.value))),
            ("externalID", asked.external_id.as_ref().map(|text| json!(text.value))),
            ("durationSeconds", asked.duration_seconds.as_ref().map(|seconds| json!(seconds.value))),
            ("inlinePolicy", asked.inline_policy.as_ref().map(|text| json!(text))),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
