//! Decides which identities are removed: those that nothing references any more.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Draft;
use super::decision::{IdentityDecision, KeptReason};
use crate::capa::{IdentityKind, ObjectKind, RoleIdentity, State};
use crate::diag::{FileId, Span};
use crate::inventory::ObjectId;
use crate::plan::{IdentityFile, default_name};

/// What to do about a document that can't be removed.
const MANUALLY: &str = "if nothing needs it, remove it manually";

/// Why an identity is kept that the account map names under `identityRef`.
const UNMANAGED: &str = "the account map does not manage it (identityRef)";

/// Why an unused identity is kept if only its own directory is searched for users.
pub const UNTRACED: &str =
    "it is neither in a Git work tree nor below an account map, so clusters elsewhere may use it";

impl Draft<'_> {
    /// The identities to decide about now: no object of the run references them, or only identities that are removed.
    pub(super) fn next_round(&mut self) {
        self.round.clear();
        self.in_use.clear();
        let users = self.users_left();
        for name in self.wanted_names() {
            for &index in self.inventory.identities(IdentityKind::Role, &name) {
                let file = self.inventory[index].origin.file;
                if self.decided.contains_key(&index) || self.scope.as_ref().is_some_and(|scope| scope.file != file) {
                    continue;
                }
                let user = users.get(&name).map(|&user| {
                    let found = &self.inventory[user];
                    format!("{} ({}) references it", found.title(), self.inventory.place(found))
                });
                let needed = || self.scope.as_ref()?.needed.get(&name).cloned();
                match user.or_else(needed) {
                    Some(why) => {
                        self.in_use.insert(index, why);
                    }
                    None => self.round.push((index, self.decision(index, &name))),
                }
            }
        }
    }

    /// Settles what this round decided. `named` has the identities that are kept because something else names them, and
    /// what that is. Returns whether there is more to decide: an identity may be the source of one that is removed.
    pub(super) fn settle(&mut self, named: &HashMap<ObjectId, String>) -> bool {
        let mut removes = false;
        for (index, decision) in std::mem::take(&mut self.round) {
            let decision = match named.get(&index) {
                Some(why) => IdentityDecision::Keep(KeptReason::Used(why.clone())),
                None => decision,
            };
            removes |= matches!(decision, IdentityDecision::Remove);
            self.decided.insert(index, decision);
        }
        if removes && !self.in_use.is_empty() {
            self.next_round();
        }
        !self.round.is_empty()
    }

    /// The identities that are removed, as far as that is settled.
    pub fn removed(&self) -> impl Iterator<Item = ObjectId> {
        self.decided
            .iter()
            .filter(|(_, decision)| matches!(decision, IdentityDecision::Remove))
            .map(|(&index, _)| index)
    }

    /// The names of the identities that may be removed: those of removed references, and with `prune` all.
    fn wanted_names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.removed_refs.keys().cloned().collect();
        names.extend(self.request.identity_names.iter().cloned());
        if self.request.prune {
            let all = self.inventory.identity_names(IdentityKind::Role);
            names.extend(all.filter(|name| self.is_asked_for(name)).map(str::to_owned));
        }
        names
    }

    /// Whether `prune` may remove an identity of the run.
    pub(super) fn has_identities_to_prune(&self) -> bool {
        self.request.prune && self.inventory.identity_names(IdentityKind::Role).any(|name| self.is_asked_for(name))
    }

    /// For each role identity, the first object of the run that references it after the change.
    fn users_left(&self) -> HashMap<String, ObjectId> {
        let removed_refs: HashSet<(FileId, Span)> = self.removed_refs.values().flatten().copied().collect();
        let mut users: HashMap<String, ObjectId> = HashMap::new();
        for (index, found) in self.inventory.entries() {
            if matches!(self.decided.get(&index), Some(IdentityDecision::Remove)) {
                continue;
            }
            let is_left = |state: &&State| match state {
                State::Set(to) => to.name.span().is_none_or(|span| !removed_refs.contains(&(found.origin.file, span))),
                _ => false,
            };
            for name in found.object.uses().filter(is_left).filter_map(State::role_identity) {
                users.entry(name.to_owned()).or_insert(index);
            }
        }
        users
    }

    /// What happens to an identity that nothing references.
    fn decision(&self, index: ObjectId, name: &str) -> IdentityDecision {
        let found = &self.inventory[index];
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else {
            return IdentityDecision::Keep(KeptReason::Blocked("it is not a role identity".to_owned(), MANUALLY));
        };
        if let Some((why, help)) = self.blocker(index, identity) {
            return IdentityDecision::Keep(KeptReason::Blocked(why, help));
        }
        if self.request.generated.is_unmanaged(name) && !self.is_named(name) {
            return IdentityDecision::Keep(KeptReason::Blocked(UNMANAGED.to_owned(), ""));
        }
        if self.goes_with_its_references(index, name, identity) {
            return IdentityDecision::Remove;
        }
        match self.is_generated(index, name, identity) {
            Err(why) => IdentityDecision::Keep(KeptReason::NotGenerated(why)),
            Ok(()) if self.request.prune => IdentityDecision::Remove,
            Ok(()) => IdentityDecision::Keep(KeptReason::Prunable),
        }
    }

    /// Why the text of an identity can't be removed, and what to do.
    fn blocker(&self, index: ObjectId, identity: &RoleIdentity) -> Option<(String, &'static str)> {
        let origin = &self.inventory[index].origin;
        let whole = origin.at.base.is_root();
        if whole && self.inventory.file(origin.file).is_json_for_kubectl {
            let why = "a top-level object can't be removed from a JSON file".to_owned();
            return Some((why, "if nothing needs it, delete the file"));
        }
        if let Some(why) = &origin.removal_blocker {
            return Some((why.clone(), MANUALLY));
        }
        let is_odd = whole && identity.whole.is_none();
        is_odd.then(|| ("its document has a tag, a duplicate key or an odd value".to_owned(), MANUALLY))
    }

    /// Whether an identity is removed together with the last reference to it. `inject` would have created
    /// the same one in the same file, or its name is specified.
    fn goes_with_its_references(&self, index: ObjectId, name: &str, identity: &RoleIdentity) -> bool {
        let of = self.inventory[index].origin.file;
        // In the order of the files.
        let removed_refs = self.removed_refs(name);
        if self.is_named(name) {
            return !removed_refs.is_empty();
        }
        let place = removed_refs.partition_point(|&(file, _)| file < of);
        let with_its_clusters = removed_refs.get(place).is_some_and(|&(file, _)| file == of);
        let identity_file = self.request.identity_file.as_ref();
        let is_identity_file =
            identity_file.is_some_and(|named| matches!(named, IdentityFile::Existing(file) if *file == of));
        let keeps_identities = self.inventory.file(of).identities_only || is_identity_file;
        with_its_clusters && !keeps_identities && identity.plain && is_default_name(identity, name)
    }

    /// Whether `prune` removes an identity that nothing references: its name is specified, or everything in it is what
    /// `inject` writes. The error is why not.
    fn is_generated(&self, index: ObjectId, name: &str, identity: &RoleIdentity) -> Result<(), &'static str> {
        let request = self.request;
        if self.is_named(name) {
            return Ok(());
        }
        if request.generated.is_source(name) {
            return Err("the account map names it as the source of other identities");
        }
        if request.renamed.contains(&self.inventory[index].origin.file) {
            return Err("a kustomization renames it, so references to its new name are not found");
        }
        match request.generated.has(name, identity) {
            true if request.untraced.contains(&self.inventory[index].origin.file) => Err(UNTRACED),
            true => Ok(()),
            false if identity.plain => Err("its name is neither the default nor one of the account map"),
            false => Err("it was edited, or created with flags or a map that are not used now"),
        }
    }

    /// Whether the request names an identity exactly.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.request.identity_names.iter().any(|asked| asked == name)
    }

    /// Whether the request is about an identity, by its name and its role.
    fn is_asked_for(&self, name: &str) -> bool {
        let role = self.role_of(name);
        let is_named = self.request.identity_names.is_empty() || self.is_named(name);
        is_named && self.request.target.as_ref().is_none_or(|target| role.is_some_and(|role| target.is(&role)))
    }
}

/// Whether `inject` would give the identity this name by default.
fn is_default_name(identity: &RoleIdentity, name: &str) -> bool {
    let role = identity.role_arn.text().and_then(|role| role.parse().ok());
    role.and_then(|role| default_name(&role)).as_deref() == Some(name)
}
