//! What `-v` prints about an identity: each value and where it comes from.

use super::planner::{Planner, RequiredIdentity};
use crate::capa::{CONTROLLER_IDENTITY, ROLE_IDENTITY};
use crate::inventory::ObjectId;
use crate::plan::IdentityFile;
use crate::settings::{Origin, Setting};

impl Planner<'_> {
    /// Where the name of an identity comes from, if it was not read from a file.
    pub(super) fn name_from(&self) -> String {
        let existing = self.request.existing_identity.as_ref().map(|existing| &existing.origin);
        match existing.or(self.request.identity_name.as_ref().map(|name| &name.origin)) {
            Some(origin) => format!("from {origin}"),
            None => "the default name for this account and role".to_owned(),
        }
    }

    /// Explains to which Cluster in another file an object belongs.
    pub(super) fn explain_owner(&mut self, index: ObjectId) {
        let inventory = self.inventory;
        let found = &inventory[index];
        let owner = if self.request.explain { inventory.owner_elsewhere(found) } else { None };
        if let Some(owner) = owner {
            self.decided(|| format!("{}: belongs to {} ({})", found.title(), owner.title(), inventory.place(owner)));
        }
    }

    /// Explains an existing identity.
    pub(super) fn explain_existing(&mut self, one: &RequiredIdentity, index: ObjectId) {
        let inventory = self.inventory;
        self.decided(|| {
            let found = &inventory[index];
            let (place, version) = (inventory.place(found), &found.object.api_version);
            format!("{ROLE_IDENTITY}/{}: exists in {place}, keeps {version}", one.name)
        });
    }

    /// Explains a new identity.
    pub(super) fn explain_new(&mut self, one: &RequiredIdentity, file: &IdentityFile) {
        let (inventory, request) = (self.inventory, self.request);
        let name = &one.name;
        let origin = request.identity_file.as_ref().map(|file| &file.origin);
        // The default is to print the identity, which needs no explanation.
        if origin != Some(&Origin::Default) {
            self.decided(|| {
                let from =
                    origin.map_or("the file of the objects that use it".to_owned(), |origin| format!("from {origin}"));
                let file = match file {
                    IdentityFile::Existing(file) => inventory.file(*file).name.clone(),
                    IdentityFile::New(path) => format!("the new file {}", path.display()),
                };
                format!("{ROLE_IDENTITY}/{name}: added to {file} ({from})")
            });
        }
        self.decided(|| {
            let asked = &request.identity;
            let mut values = Vec::new();
            values.push(match &asked.source {
                Some(source) => format!("source {} from {}", source.value, source.origin),
                None => format!("source {CONTROLLER_IDENTITY}/default (the default)"),
            });
            values.push(match &asked.allowed_namespaces {
                None => "allowed namespaces all (the default)".to_owned(),
                Some(Setting { value, origin: Origin::Default }) => format!("allowed namespaces {value} (the default)"),
                Some(allowed) => format!("allowed namespaces {} from {}", allowed.value, allowed.origin),
            });
            let texts = [("session name", &asked.session_name), ("external id", &asked.external_id)];
            values.extend(texts.into_iter().filter_map(|(what, text)| {
                let text = text.as_ref()?;
                Some(format!("{what} {} from {}", text.value, text.origin))
            }));
            let duration = asked.duration_seconds.as_ref();
            values.extend(duration.map(|seconds| format!("duration {} s from {}", seconds.value, seconds.origin)));
            values.extend(asked.inline_policy.as_ref().map(|_| "session policy from --inline-policy".to_owned()));
            values.extend(
                asked
                    .annotations
                    .iter()
                    .map(|Setting { value: (key, value), origin }| format!("annotation {key}={value} from {origin}")),
            );
            let label =
                |one: &Setting<(String, String)>| format!("label {}={} from {}", one.value.0, one.value.1, one.origin);
            values.extend(asked.labels.iter().map(label));
            format!("{ROLE_IDENTITY}/{name}: {}", values.join(", "))
        });
    }

    /// Explains what selected the objects.
    pub(super) fn explain_selection(&mut self, selected: usize) {
        let selection = &self.request.selection;
        let givers = [
            (!selection.cluster_names.is_empty(), "--cluster-name"),
            (selection.labels.is_some(), "--selector"),
            (!selection.namespaces.is_empty(), "--namespace"),
            (selection.only.is_some(), "the account map"),
        ];
        let given: Vec<&str> = givers.into_iter().filter_map(|(given, giver)| given.then_some(giver)).collect();
        self.decided(|| match given[..] {
            [] => format!("{selected} selected: all that can carry an identity reference"),
            _ => format!("{selected} selected by {}", given.join(", ")),
        });
    }
}
