//! Updates an existing identity field by field.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::{Value, json};

use super::identity_account::IdentityAccount;
use super::namespaces::FixedNamespaces;
use super::planner::{Planner, RequiredIdentity};
use super::proposal::{By, Written};
use crate::account_map::IdentityName;
use crate::aws::RoleArn;
use crate::capa::{Field, ObjectKind, RoleIdentity, State, Version};
use crate::diag::{Diagnostic, Location, Span};
use crate::inventory::ObjectId;
use crate::plan::ChangeKind;

impl Planner<'_> {
    /// Updates an existing identity to what was requested, field by field.
    pub(super) fn update(&mut self, index: ObjectId, one: &RequiredIdentity) {
        let inventory = self.inventory;
        let found = &inventory[index];
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else {
            return;
        };
        let mut edit = IdentityEdit::default();
        if !identity.has_spec {
            let Value::Object(mut whole) = self.new_identity(one, Version::V1Beta2) else {
                return;
            };
            let spec = whole.remove("spec").unwrap_or_default();
            edit.put(&["spec"], &Field::Absent, spec);
        } else {
            self.update_role(index, identity, one, &mut edit);
            self.update_source(index, identity, &mut edit);
            self.update_namespaces(index, identity, one, &mut edit);
            for (key, value) in self.optional() {
                let field = match key {
                    "sessionName" => &identity.session_name,
                    "externalID" => &identity.external_id,
                    "durationSeconds" => &identity.duration_seconds,
                    _ => &identity.inline_policy,
                };
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let right = match value.is_string() {
                    true => field.text() == Some(&text),
                    false => matches!(field, Field::Typed(existing, _) if *existing == text),
                };
                if right {
                    continue;
                }
                // The API server refuses the same text with another type, so it can be replaced.
                let void = field.is_unset() || field.any_text() == Some(&text);
                if void || self.may_change(index, key, field.any_text(), field.span(), &text) {
                    edit.put(&["spec", key], field, value);
                }
            }
        }
        if !edit.operations.is_empty() {
            let role =
                identity.role_arn.any_text().filter(|existing| !existing.is_empty() && *existing != one.role.as_str());
            let after = match role {
                Some(_) => one.role.to_string(),
                None => format!("sets {}", edit.fields.join(", ")),
            };
            self.change(index, ChangeKind::IdentityChanged, edit.operations, role.map(str::to_owned), after);
        }
    }

    fn update_role(
        &mut self,
        index: ObjectId,
        identity: &RoleIdentity,
        one: &RequiredIdentity,
        edit: &mut IdentityEdit,
    ) {
        let field = &identity.role_arn;
        let wanted = one.role.to_string();
        if field.text() == Some(&wanted) {
            // For an identity that was requested without objects.
            if one.objects.is_empty() {
                self.crossings.settled.insert(one.role.account().cloned());
            }
            return;
        }
        let empty = field.is_unset() || field.text() == Some("");
        if !empty {
            let found = &self.inventory[index];
            let at = found.location(field.span().unwrap_or(found.object.kind_span));
            let existing = field.text().unwrap_or("(not a single string)");
            let place =
                existing.parse::<RoleArn>().map_or(IdentityAccount::Unknown, |arn| IdentityAccount::of(arn, &one.role));
            if !self.may_replace(index, at, existing, &place, &one.role) {
                return;
            }
            if !place.is_of(&one.role) {
                self.take_along(one, &Written { place, words: existing.to_owned(), at });
            }
        }
        if !empty {
            self.warn_of_others(index, one);
        }
        edit.put(&["spec", "roleARN"], field, json!(wanted));
    }

    /// Records that the objects that reference an identity change account with it.
    fn take_along(&mut self, one: &RequiredIdentity, written: &Written) {
        let inventory = self.inventory;
        for &index in inventory.named_by(&one.name) {
            let before = self.errors.len();
            self.crossings.add(before, index, Some(written.clone()), &one.role, By::Identity);
        }
    }

    /// Warns about objects that were not selected, but reference an identity whose role changes.
    fn warn_of_others(&mut self, index: ObjectId, one: &RequiredIdentity) {
        let inventory = self.inventory;
        let others: Vec<String> = inventory
            .named_by(&one.name)
            .iter()
            .filter(|other| one.objects.binary_search(other).is_err())
            .map(|&other| inventory[other].title())
            .collect();
        if !others.is_empty() {
            let found = &inventory[index];
            self.outcome.warnings.push(
                Diagnostic::warning(format!(
                    "{} is also used by objects that were not selected: {}",
                    found.title(),
                    others.join(", ")
                ))
                .at(found.head(), "")
                .help("they get its new role, too; pass --identity-name to create another identity instead"),
            );
        }
    }

    fn update_source(&mut self, index: ObjectId, identity: &RoleIdentity, edit: &mut IdentityEdit) {
        match &identity.source {
            State::Unset => edit.put(&["spec", "sourceIdentityRef"], &Field::Absent, self.source()),
            State::Set(existing) => {
                let Some(IdentityName { kind, name }) =
                    self.request.identity.source.as_ref().map(|source| source.value.clone())
                else {
                    return;
                };
                for (key, field, value) in
                    [("kind", &existing.kind, kind.name()), ("name", &existing.name, name.as_str())]
                {
                    if field.text() != Some(value)
                        && (field.is_unset()
                            || self.may_change(index, "sourceIdentityRef", field.text(), field.span(), value))
                    {
                        edit.put(&["spec", "sourceIdentityRef", key], field, json!(value));
                    }
                }
            }
            State::Wrong(span) | State::Variable(span) | State::Twice(span) => {
                self.may_change(index, "sourceIdentityRef", None, Some(*span), "a mapping of kind and name");
            }
        }
    }

    fn update_namespaces(
        &mut self,
        index: ObjectId,
        identity: &RoleIdentity,
        one: &RequiredIdentity,
        edit: &mut IdentityEdit,
    ) {
        let found = &self.inventory[index];
        let path = &["spec", "allowedNamespaces"];
        let asked = self.asked_namespaces(one);
        match (&asked, &identity.allowed_namespaces) {
            (None, None) => self.outcome.warnings.push(
                Diagnostic::warning(format!("{} has no allowedNamespaces: no namespace may use it", found.title()))
                    .at(found.head(), "")
                    .help("pass --allowed-namespaces with all, or with the names of namespaces"),
            ),
            (None, Some(_)) => {}
            (Some(asked), None) => edit.put(path, &Field::Absent, asked.to_value()),
            (Some(FixedNamespaces::AtLeast(names)), Some((existing, _)))
                if existing.get("list").is_some_and(Value::is_array) =>
            {
                let listed = existing["list"].as_array().map(Vec::as_slice).unwrap_or_default();
                for name in names.iter().filter(|name| !listed.iter().any(|existing| existing == name.as_str())) {
                    edit.put(&["spec", "allowedNamespaces", "list", "-"], &Field::Absent, json!(name));
                }
            }
            // An empty list would deny the identity to the clusters that use it now.
            (Some(FixedNamespaces::AtLeast(names)), Some((existing, span))) if names.is_empty() => {
                self.outcome.warnings.push(
                    Diagnostic::warning(format!(
                        "{} keeps its allowedNamespaces: no namespace that uses it is known",
                        found.title()
                    ))
                    .at(found.location(*span), format!("{existing} has no list of namespaces"))
                    .help(
                        "run inject over the clusters, or list the namespaces here: allowedNamespaces: {list: [NAME]}",
                    ),
                );
            }
            (Some(asked), Some((existing, span))) => {
                let release = self.request.release.as_ref().map(|release| release.value);
                let same = identity.allowed.allows_the_same_as(&asked.to_namespaces(), release);
                let asked = asked.to_value();
                if *existing != asked && !same {
                    let (existing, span) = (existing.to_string(), *span);
                    if self.may_change(index, "allowedNamespaces", Some(&existing), Some(span), &asked.to_string()) {
                        edit.put(path, &Field::Other(span), asked);
                    }
                }
            }
        }
    }

    /// Whether a field with another value may be replaced; adds an error if not.
    fn may_change(
        &mut self,
        index: ObjectId,
        key: &str,
        existing: Option<&str>,
        span: Option<Span>,
        wanted: &str,
    ) -> bool {
        if self.request.overwrite && existing.is_some() {
            return true;
        }
        let found = &self.inventory[index];
        let at: Location = found.location(span.unwrap_or(found.object.kind_span));
        let existing = existing.unwrap_or("(not a single string)");
        self.errors.push(
            Diagnostic::error(format!("{} already has another {key}: {existing}", found.title()))
                .at(at, format!("wanted: {wanted}"))
                .help("pass --overwrite to replace it, for every cluster that uses this identity"),
        );
        false
    }
}

/// Operations on one identity, and the names of the fields that they set.
#[derive(Default)]
struct IdentityEdit {
    operations: Vec<PatchOperation>,
    fields: Vec<String>,
}

impl IdentityEdit {
    fn put(&mut self, path: &[&str], existing: &Field, value: Value) {
        let at = PointerBuf::from_tokens(path.iter().copied());
        // A new item counts as a change of its list.
        let field = path.strip_suffix(&["-"]).unwrap_or(path).join(".");
        if self.fields.last() != Some(&field) {
            self.fields.push(field);
        }
        self.operations.push(match existing {
            Field::Absent => PatchOperation::Add(AddOperation { path: at, value }),
            _ => PatchOperation::Replace(ReplaceOperation { path: at, value }),
        });
    }
}
