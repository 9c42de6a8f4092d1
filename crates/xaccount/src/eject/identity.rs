//! The identities that nothing references any more.

use std::collections::{HashMap, HashSet};

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{PatchOperation, RemoveOperation};

use super::Draft;
use crate::capa::{IdentityKind, ObjectKind, ROLE_IDENTITY, RoleIdentity, State, plain_identity};
use crate::diag::{Diagnostic, FileId, Span};
use crate::inventory::ObjectId;
use crate::plan::{Change, ChangeKind, IdentityFile, Outcome, default_name};
use lossless_yaml::ObjectRef;

impl Draft<'_> {
    /// Finds the identities that could be removed.
    pub(super) fn identities(&mut self) {
        let names: Vec<String> = self.removed_refs.keys().cloned().collect();
        let users = self.users_left();
        for name in &names {
            let user = users.get(name).map(|&user| &self.inventory[user]);
            let user = user.map(|found| {
                format!(
                    "{} ({}:{}) references it",
                    found.title(),
                    self.inventory.file(found.origin.file).name,
                    found.origin.line
                )
            });
            for &index in self.inventory.identities(IdentityKind::Role, name) {
                match user.clone().map_or_else(|| self.may_go(index, name), Err) {
                    Ok(()) => self.removable.push(index),
                    Err(why) => self.keep(index, &why),
                }
            }
        }
    }

    /// For each identity whose references are removed, the first object of the run that still references it.
    fn users_left(&self) -> HashMap<String, ObjectId> {
        let removed_refs: HashSet<(FileId, Span)> = self.removed_refs.values().flatten().copied().collect();
        let mut users: HashMap<String, ObjectId> = HashMap::new();
        for (index, found) in self.inventory.entries() {
            let mut names = |state: &State| {
                let State::Set(existing) = state else { return };
                let name = existing.name.text().filter(|_| existing.kind.text() == Some(ROLE_IDENTITY));
                let is_taken =
                    existing.name.span().is_some_and(|span| removed_refs.contains(&(found.origin.file, span)));
                if let Some(name) = name.filter(|name| !is_taken && self.removed_refs.contains_key(*name)) {
                    users.entry(name.to_owned()).or_insert(index);
                }
            };
            match &found.object.object_kind {
                ObjectKind::Identity(identity, _) => names(&identity.source),
                _ => found.object.references().for_each(|reference| names(&reference.state)),
            }
        }
        users
    }

    /// Whether an identity may be removed: `inject` would have created the same one in the same file. The error is why
    /// not.
    fn may_go(&self, index: ObjectId, name: &str) -> Result<(), String> {
        let found = &self.inventory[index];
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else {
            return Err("it is not a role identity".into());
        };
        let asked = self.request.identity_names.iter().any(|asked| asked == name);
        let file = self.inventory.file(found.origin.file);
        // In the order of the files.
        let removed_refs = self.removed_refs(name);
        let place = removed_refs.partition_point(|&(file, _)| file < found.origin.file);
        let with_its_clusters = removed_refs.get(place).is_some_and(|&(file, _)| file == found.origin.file);
        let named = self.request.identity_file.as_ref();
        let is_named =
            named.is_some_and(|named| matches!(named, IdentityFile::Existing(file) if *file == found.origin.file));
        let keeps_identities = file.identities_only || is_named;
        if !asked && (keeps_identities || !with_its_clusters) {
            return Err(format!("it is in a separate file; pass --identity-name {name} to remove it, too"));
        }
        if !identity.plain {
            return Err(
                "it was edited, or created with extra flags or an account map; if nothing needs it, remove it manually"
                    .into(),
            );
        }
        if !asked && !is_default_name(identity, name) {
            return Err(format!("it does not have the default name; pass --identity-name {name} to remove it, too"));
        }
        match &found.origin.removal_blocker {
            Some(why) => Err(why.clone()),
            None if file.is_json_for_kubectl && found.origin.at.base.is_root() => {
                Err("a top-level object can't be removed from a JSON file".into())
            }
            None => Ok(()),
        }
    }

    /// Warns that an identity is kept, and why.
    fn keep(&mut self, index: ObjectId, why: &str) {
        let found = &self.inventory[index];
        let place = format!("{}:{}", self.inventory.file(found.origin.file).name, found.origin.line);
        self.outcome.warnings.push(Diagnostic::warning(format!("{} is kept in {place}: {why}", found.title())));
    }

    /// The plan. `named` has the identities that are kept because something else references them, and what that is.
    pub fn finish(mut self, named: &HashMap<ObjectId, String>) -> Outcome {
        let mut items: Vec<(FileId, ObjectRef, usize)> = Vec::new();
        let removable = std::mem::take(&mut self.removable);
        let mut removed = false;
        for index in removable {
            let found = &self.inventory[index];
            let ObjectKind::Identity(identity, _) = &found.object.object_kind else { continue };
            if let Some(why) = named.get(&index) {
                self.keep(index, why);
                continue;
            }
            removed = true;
            let role = identity.role_arn.text().unwrap_or_default();
            let whole = PatchOperation::Remove(RemoveOperation { path: PointerBuf::new() });
            self.outcome.changes.push(Change {
                object: Some(index),
                kind: ChangeKind::IdentityRemoved,
                operations: vec![whole].into(),
                before: Some(role.to_owned()),
                after: "removed, because nothing here references it any more".to_owned(),
            });
            if let Some((list, item)) = item_of(&found.origin.at) {
                items.push((found.origin.file, list, item));
                continue;
            }
            let holds =
                plain_identity(&found.object.api_version, found.object.name.as_deref().unwrap_or_default(), role);
            let plan = self.outcome.plans.entry(found.origin.file).or_default();
            plan.removed_documents.push((found.origin.at.document, holds));
        }
        // After all changes in items, and from the last item, so that each index stays valid.
        items.sort_by_key(|&(.., item)| std::cmp::Reverse(item));
        let mut lists: Vec<(FileId, ObjectRef, Vec<PatchOperation>)> = Vec::new();
        let mut places: HashMap<(FileId, Span, String), usize> = HashMap::new();
        for (file, list, item) in items {
            let path = PointerBuf::from_tokens([Token::from("items"), Token::from(item)]);
            let remove = PatchOperation::Remove(RemoveOperation { path });
            let key = (file, list.document, list.base.as_str().to_owned());
            let place = *places.entry(key).or_insert(lists.len());
            match lists.get_mut(place) {
                Some((.., operations)) => operations.push(remove),
                None => lists.push((file, list, vec![remove])),
            }
        }
        for (file, list, operations) in lists {
            self.outcome.plans.entry(file).or_default().changes.push((list, operations.into()));
        }
        if removed {
            self.outcome.warnings.push(
                Diagnostic::warning(
                    "a cluster can't be deleted after the identity that it uses was deleted (CAPA issue 2371)",
                )
                .help("before you delete an identity from a management cluster, check that no cluster there uses it"),
            );
        }
        self.outcome
    }
}

/// Whether `inject` would give the identity this name by default.
fn is_default_name(identity: &RoleIdentity, name: &str) -> bool {
    let role = identity.role_arn.text().and_then(|role| role.parse().ok());
    role.and_then(|role| default_name(&role)).as_deref() == Some(name)
}

/// The list that contains an object, and the object's index in it.
fn item_of(at: &ObjectRef) -> Option<(ObjectRef, usize)> {
    let mut base = at.base.clone();
    let item = base.pop_back()?.decoded().parse().ok()?;
    base.pop_back()?;
    Some((ObjectRef { document: at.document, base }, item))
}
