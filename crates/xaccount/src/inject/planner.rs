//! The state of a plan while it is made.

use std::collections::HashSet;
use std::sync::Arc;

use json_patch::PatchOperation;
use serde_json::Value;

use super::proposal::{Crossings, Proposal};
use super::request::{InjectRequest, Target};
use super::template;
use crate::account_map::IdentityName;
use crate::aws::RoleText;
use crate::capa::{ClassDecision, Form, IdentityKind, ObjectKind};
use crate::diag::Diagnostic;
use crate::inventory::{Inventory, ObjectId};
use crate::plan::{Change, ChangeKind, IdentityFile, NewObject, Outcome, default_name};
use crate::settings::Setting;
use lossless_yaml::Plan;

/// An identity that is needed, and the objects that need it.
pub(super) struct RequiredIdentity {
    pub(super) name: String,
    pub(super) role: RoleText,
    pub(super) objects: Vec<ObjectId>,
}

pub(super) struct Planner<'r> {
    pub(super) inventory: &'r Inventory,
    pub(super) request: &'r InjectRequest,
    pub(super) target: &'r Target,
    pub(super) outcome: Outcome,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) crossings: Crossings,
    /// Messages about changed objects that were added already: each is reported once.
    pub(super) warned: HashSet<String>,
    /// Selected objects whose reference the class decides, so that it can't be set.
    pub(super) undone: Vec<(ObjectId, ClassDecision)>,
}

impl<'r> Planner<'r> {
    pub(super) fn new(inventory: &'r Inventory, request: &'r InjectRequest) -> Result<Self, Vec<Diagnostic>> {
        match &request.target {
            Some(target) => {
                if let Target::Role(Setting { value: role @ RoleText::Template(_), .. }) = target {
                    template::check(inventory, request, role)?;
                }
                let (outcome, errors, crossings, warned, undone) = Default::default();
                Ok(Self { inventory, request, target, outcome, errors, crossings, warned, undone })
            }
            None => Err(vec![Diagnostic::error("no target account")]),
        }
    }

    pub(super) fn proposal(self) -> Proposal {
        Proposal::new(self.outcome, self.errors, self.crossings)
    }

    /// Whether the inventory has no identity with this name that allows a namespace.
    pub(super) fn allows_no_namespace(&self, name: &str) -> bool {
        let existing = self.inventory.identities(IdentityKind::Role, name).iter().map(|&index| &self.inventory[index]);
        !existing.into_iter().any(|found| match &found.object.object_kind {
            ObjectKind::Identity(identity, _) => {
                matches!(identity.allowed.form, Form::Those(_)) && !identity.lists_no_namespace()
            }
            _ => false,
        })
    }

    /// Records what was decided and why, if the request has `explain`.
    pub(super) fn decided(&mut self, what: impl FnOnce() -> String) {
        if self.request.explain {
            self.outcome.decisions.push(what());
        }
    }

    /// The identity to reference for a role.
    pub(super) fn wanted(&self, role: &RoleText) -> IdentityName {
        let request = self.request;
        if let Some(existing) = &request.existing_identity {
            return existing.value.clone();
        }
        let name = match &request.identity_name {
            Some(name) => name.value.clone(),
            // `new` refuses a role without a default name.
            None => default_name(role).unwrap_or_default(),
        };
        IdentityName { kind: IdentityKind::Role, name }
    }

    pub(super) fn change(
        &mut self,
        index: ObjectId,
        kind: ChangeKind,
        operations: Vec<PatchOperation>,
        before: Option<String>,
        after: String,
    ) {
        // Clusters of one account get the same operations, which are in memory once.
        let operations = match self.outcome.changes.last() {
            Some(last) if *last.operations == operations => Arc::clone(&last.operations),
            _ => operations.into(),
        };
        let change = Change { object: Some(index), kind, operations, before, after };
        self.outcome.change(self.inventory, change);
    }

    pub(super) fn add(&mut self, object: Value, kind: ChangeKind, title: String, file: IdentityFile, after: String) {
        let plan = match &file {
            IdentityFile::Existing(file) => self.outcome.plans.entry(*file).or_default(),
            IdentityFile::New(path) => {
                &mut self.outcome.new_file.get_or_insert_with(|| (path.clone(), Plan::default())).1
            }
        };
        plan.new_documents.push(object.clone());
        self.outcome.changes.push(Change { object: None, kind, operations: Arc::default(), before: None, after });
        self.outcome.added.push(NewObject { object, title, file });
    }
}
