//! The plan of a draft: the removed identities, and the messages about those that are kept.

use std::collections::HashMap;

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{PatchOperation, RemoveOperation};

use super::Draft;
use super::decision::{IdentityDecision, KeptReason};
use super::live::DENIED_NAMESPACE;
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, FileId, Span};
use crate::inventory::ObjectId;
use crate::plan::{Change, ChangeKind, Outcome};
use lossless_yaml::ObjectRef;

/// Identities that are kept for one reason.
struct KeptGroup {
    why: String,
    /// What to do; may be empty.
    help: &'static str,
    indices: Vec<ObjectId>,
}

/// Kept identities by their reasons.
#[derive(Default)]
struct KeptGroups(Vec<KeptGroup>);

impl KeptGroups {
    fn add(&mut self, why: &str, help: &'static str, index: ObjectId) {
        match self.0.iter_mut().find(|group| group.why == why && group.help == help) {
            Some(group) => group.indices.push(index),
            None => self.0.push(KeptGroup { why: why.to_owned(), help, indices: vec![index] }),
        }
    }
}

/// How many identities a message lists.
const MOST: usize = 20;

impl Draft<'_> {
    /// The plan. `named` returns the identities of [`Self::undecided`] that something else names, and what that is; it is
    /// called again for identities whose last user is removed.
    pub fn finish(mut self, mut named: impl FnMut(&Self) -> HashMap<ObjectId, String>) -> Outcome {
        while !self.round.is_empty() {
            let named = named(&self);
            if !self.settle(&named) {
                break;
            }
        }
        self.remove();
        self.report_kept();
        self.outcome
    }

    /// Plans the removal of the identities.
    fn remove(&mut self) {
        let mut items: Vec<(FileId, ObjectRef, usize)> = Vec::new();
        let removed: Vec<ObjectId> = self.removed().collect();
        for &index in &removed {
            let found = &self.inventory[index];
            let ObjectKind::Identity(identity, _) = &found.object.object_kind else { continue };
            let whole = PatchOperation::Remove(RemoveOperation { path: PointerBuf::new() });
            self.outcome.changes.push(Change {
                object: Some(index),
                kind: ChangeKind::IdentityRemoved,
                operations: vec![whole].into(),
                before: Some(identity.role_arn.text().unwrap_or_default().to_owned()),
                after: match self.removed_refs.contains_key(found.object.name.as_deref().unwrap_or_default()) {
                    true => "removed, because nothing here references it any more".to_owned(),
                    false => "removed, because nothing here references it".to_owned(),
                },
            });
            if let Some((list, item)) = item_of(&found.origin.at) {
                items.push((found.origin.file, list, item));
                continue;
            }
            let Some(holds) = identity.whole.as_deref().cloned() else { continue };
            let plan = self.outcome.plans.entry(found.origin.file).or_default();
            plan.removed_documents.push((found.origin.at.document, holds));
        }
        self.remove_items(items);
        if !removed.is_empty() && !self.request.has_dump {
            self.outcome.warnings.push(order());
        }
    }

    /// Plans the removal of items of lists.
    fn remove_items(&mut self, mut items: Vec<(FileId, ObjectRef, usize)>) {
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
    }

    /// Adds a warning for each reason for which identities are kept.
    fn report_kept(&mut self) {
        let (mut prunable, mut used, mut blocked) = (Vec::new(), KeptGroups::default(), KeptGroups::default());
        let mut by_name = KeptGroups::default();
        let mut decisions: Vec<String> = Vec::new();
        let silent = |index, why: &str| format!("{} is kept in {}: {why}", self.title(index), self.place(index));
        for (&index, decision) in &self.decided {
            let IdentityDecision::Keep(reason) = decision else { continue };
            match reason {
                // In the whole tree of a map, this is not a reference that the files show.
                KeptReason::Used(why) if self.scope.is_some() || self.is_reported(index) => used.add(why, "", index),
                KeptReason::Used(why) => decisions.push(silent(index, why)),
                KeptReason::Prunable => prunable.push(index),
                KeptReason::NotGenerated(why) => by_name.add(why, "", index),
                KeptReason::Blocked(why, help) => blocked.add(why, help, index),
            }
        }
        for (&index, why) in &self.in_use {
            match self.is_reported(index) {
                true => used.add(why, "", index),
                false => decisions.push(silent(index, why)),
            }
        }
        let groups = blocked.0.iter().chain(&used.0);
        let mut warnings: Vec<Diagnostic> = groups.map(|group| self.kept(group)).collect();
        warnings.extend(self.prunable(&prunable));
        warnings.extend(by_name.0.iter().map(|group| {
            let names = group.indices.iter().take(MOST).map(|&index| format!("--identity-name {}", self.name(index)));
            let names = names.collect::<Vec<_>>().join(" ");
            let them = if group.indices.len() == 1 { "it" } else { "them" };
            self.kept(group).help(format!("if nothing needs {them}, run again with --prune {names} to remove {them}"))
        }));
        self.outcome.warnings.extend(warnings);
        decisions.into_iter().for_each(|line| self.decided(|| line));
    }

    /// Whether a message says why an identity that the files show in use is kept: with `prune`, that is the rule.
    fn is_reported(&self, index: ObjectId) -> bool {
        let name = self.name(index);
        self.removed_refs.contains_key(name) || self.is_named(name)
    }

    /// The warning about identities that are kept for one reason.
    fn kept(&self, group: &KeptGroup) -> Diagnostic {
        let why = &group.why;
        let warning = match group.indices[..] {
            [one] => Diagnostic::warning(format!("{} is kept in {}: {why}", self.title(one), self.place(one))),
            ref many => {
                let message = format!("{} identities are kept: {}", many.len(), self.listed(many));
                Diagnostic::warning(message).help(format!("for each of them: {why}"))
            }
        };
        if group.help.is_empty() { warning } else { warning.help(group.help) }
    }

    fn name(&self, index: ObjectId) -> &str {
        self.inventory[index].object.name.as_deref().unwrap_or_default()
    }

    fn title(&self, index: ObjectId) -> String {
        self.inventory[index].title()
    }

    fn place(&self, index: ObjectId) -> String {
        self.inventory.place(&self.inventory[index])
    }

    /// The warning about unused identities that `--prune` would remove.
    fn prunable(&self, indices: &[ObjectId]) -> Option<Diagnostic> {
        Some(match indices {
            [] => return None,
            [one] => Diagnostic::warning(format!(
                "{} is kept in {}, and nothing here references it any more",
                self.title(*one),
                self.place(*one)
            ))
            .help("run again with --prune to remove it, too"),
            many => Diagnostic::warning(format!(
                "{} identities are kept, and nothing here references them any more: {}",
                many.len(),
                self.listed(many)
            ))
            .help("run again with --prune to remove them, too"),
        })
    }

    /// Names and places in one line.
    fn listed(&self, indices: &[ObjectId]) -> String {
        let line = |&index: &ObjectId| format!("{} ({})", self.name(index), self.place(index));
        let mut lines: Vec<String> = indices.iter().take(MOST).map(line).collect();
        if indices.len() > MOST {
            lines.push(format!("and {} more", indices.len() - MOST));
        }
        lines.join(", ")
    }
}

/// What to do before an identity is removed, or allows fewer namespaces.
const ORDER: &str = "delete the clusters in the management cluster first, and wait until they are gone; --live=FILE checks a dump of it";

/// The warning about the order in which clusters and their identities are deleted.
fn order() -> Diagnostic {
    let message = "a cluster can't be deleted after the identity that it uses was deleted (CAPA issue 2371)";
    Diagnostic::warning(message).help(ORDER)
}

/// The same for namespaces of an identity.
pub fn order_of_namespaces() -> Diagnostic {
    Diagnostic::warning(DENIED_NAMESPACE).help(ORDER)
}

/// The list that contains an object, and the object's index in it.
fn item_of(at: &ObjectRef) -> Option<(ObjectRef, usize)> {
    let mut base = at.base.clone();
    let item = base.pop_back()?.decoded().parse().ok()?;
    base.pop_back()?;
    Some((ObjectRef { document: at.document, base }, item))
}
