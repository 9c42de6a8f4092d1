//! A policy document that a grant is added to or removed from, and the operations that change it.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::Value;

use super::coverage::{RequestedGrant, covers};
use super::document;
use super::grant::{Grant, PRINCIPAL_ARN};
use crate::aws::AccountId;
use crate::aws::policy::{Condition, Effect, Policy, Statement, TAG_SESSION, Text, Texts};
use crate::diag::{Span, SpannedError, escape_control};
use lossless_yaml::{ObjectRef, Plan};

/// All actions that a grant can have.
pub(super) const ACTIONS: [&str; 2] = ["sts:AssumeRole", TAG_SESSION];

/// The actions of a grant that a statement lists by name.
pub(super) fn listed_actions(statement: &Statement) -> Vec<&'static str> {
    let lists =
        |action: &&str| statement.action.patterns.texts.iter().any(|text| text.text.eq_ignore_ascii_case(action));
    ACTIONS.into_iter().filter(lists).collect()
}

/// A policy document, and its text, which is edited.
pub(super) struct PolicyText<'e> {
    bytes: &'e [u8],
    pub(super) policy: Policy,
}

/// A document that a grant is added to or removed from.
pub(super) struct DocumentEdit<'e> {
    pub(super) text: PolicyText<'e>,
    pub(super) grant: &'e Grant,
}

/// What a merge does to a document.
#[derive(Default)]
pub(super) struct Changes {
    /// Changes in existing statements.
    pub(super) edits: Vec<PatchOperation>,
    /// New statements.
    pub(super) added: Vec<Value>,
    /// Removals, last one first.
    pub(super) removals: Vec<PatchOperation>,
}

impl<'e> PolicyText<'e> {
    /// # Errors
    /// Not a policy document, or a permissions policy although a trust policy is expected, or the other way round.
    pub(super) fn read(bytes: &'e [u8], is_trust: bool) -> Result<Self, Vec<SpannedError>> {
        let policy = document::policy(bytes).map_err(|error| vec![error])?;
        let text = Self { bytes, policy };
        text.of_this_kind(is_trust).map_err(|error| vec![error])?;
        Ok(text)
    }

    fn of_this_kind(&self, is_trust: bool) -> Result<(), SpannedError> {
        for statement in &self.policy.statements {
            let (has, lacks) = match is_trust {
                true => {
                    (statement.resource.as_ref().map(|element| element.patterns.span), statement.principals.is_none())
                }
                false => {
                    (statement.principals.as_ref().map(|principals| principals.span), statement.resource.is_none())
                }
            };
            let (this, other, verb, element, missing) = match is_trust {
                true => ("trust", "permissions", "permission", "Resource", "Principal"),
                false => ("permissions", "trust", "trust", "Principal", "Resource"),
            };
            let other_verb = format!("for a {other} policy: kubectl xaccount iam {verb}");
            if let Some(span) = has {
                let message =
                    format!("{} has a {element}: this is a {other} policy, not a {this} policy", statement.title());
                return Err(SpannedError::new(message, span).help(other_verb));
            }
            if lacks {
                let message = format!("{} has no {missing}: this is not a {this} policy", statement.title());
                return Err(SpannedError::new(message, statement.span));
            }
        }
        Ok(())
    }

    /// Warnings that do not depend on the grant: principals that were deleted, elements that IAM does not know, and an
    /// Allow for everyone.
    pub(super) fn oddities(&self) -> Vec<SpannedError> {
        let mut odd = Vec::new();
        let is_id = |text: &str| {
            let id = text.strip_prefix("AROA").or_else(|| text.strip_prefix("AIDA"));
            id.is_some_and(|id| id.len() >= 12 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        };
        for statement in &self.policy.statements {
            for text in statement.aws_principals().filter(|text| is_id(&text.text)) {
                let kind = if text.text.starts_with("AROA") { "role" } else { "user" };
                odd.push(
                    SpannedError::new(format!("{} is the id of a deleted {kind}", text.text), text.span)
                        .help(format!("a new {kind} of the same name has another id, and this entry does not allow it"))
                        .help("replace it with the ARN, or remove it: AWS may refuse to save a policy with such an id"),
                );
            }
            for name in &statement.unknown {
                let message = format!(
                    "{} has an element that IAM does not know: {}",
                    statement.title(),
                    escape_control(&name.text)
                );
                odd.push(
                    SpannedError::new(message, name.span)
                        .help("check its spelling; the statement does not count as a grant"),
                );
            }
            let is_open = statement.effect == Effect::Allow && statement.conditions.is_empty();
            let star = statement.aws_principals().find(|text| text.text == "*");
            if let Some(star) = star.filter(|_| is_open && covers(&statement.action, "sts:AssumeRole")) {
                let message = format!("{} allows every AWS account to assume this role", statement.title());
                odd.push(
                    SpannedError::new(message, star.span)
                        .help("replace \"*\" with the ARN of the source role, or add a condition"),
                );
            }
        }
        odd
    }

    /// The operations of a change. If `Statement` is a single statement, it becomes a list with the added ones.
    ///
    /// # Errors
    /// An operation that does not fit the document, which can't happen.
    pub(super) fn operations(&self, changes: Changes) -> Result<Vec<PatchOperation>, Vec<SpannedError>> {
        let Changes { mut edits, added, removals } = changes;
        if added.is_empty() || self.policy.is_list {
            let path = PointerBuf::from_tokens(["Statement", "-"]);
            let add = |value| PatchOperation::Add(AddOperation { path: path.clone(), value });
            edits.extend(added.into_iter().map(add));
            // Additions come first: after a removal, the indices of later items would be wrong.
            edits.extend(removals);
            return Ok(edits);
        }
        edits.extend(removals);
        let refuse = |error: String| vec![SpannedError::new(error, Span::new(0, self.bytes.len()))];
        let mut document: Value =
            serde_json::from_slice(self.bytes).map_err(|error| refuse(format!("not JSON: {error}")))?;
        json_patch::patch(&mut document, &edits).map_err(|error| refuse(error.to_string()))?;
        // A change may have removed the only statement.
        let existing = document.as_object_mut().and_then(|members| members.remove("Statement"));
        let value = existing.into_iter().chain(added).collect();
        Ok(vec![PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(["Statement"]), value })])
    }

    pub(super) fn plan(&self, operations: Vec<PatchOperation>) -> Plan {
        let object = ObjectRef { document: Span::new(0, self.bytes.len()), base: PointerBuf::new() };
        let changes = if operations.is_empty() { Vec::new() } else { vec![(object, operations.into())] };
        Plan { changes, ..Plan::default() }
    }
}

impl<'e> DocumentEdit<'e> {
    pub(super) fn read(document: &'e [u8], grant: &'e Grant) -> Result<Self, Vec<SpannedError>> {
        Ok(Self { text: PolicyText::read(document, grant.is_trust())?, grant })
    }

    pub(super) fn grants<'s>(&'s self, asked: &'s RequestedGrant<'_>) -> impl Iterator<Item = &'s Statement> {
        self.text.policy.statements.iter().filter(|statement| asked.is_granted_by(&self.text.policy, statement))
    }

    /// Appends subjects to those that a statement lists.
    pub(super) fn join(&self, home: &Statement, listed: &Texts, arns: &[&str]) -> Vec<PatchOperation> {
        let pointer = self.subjects_pointer(home);
        if listed.is_list {
            let path = PointerBuf::from_tokens(pointer.iter().map(String::as_str).chain(["-"]));
            let add = |arn: &&str| PatchOperation::Add(AddOperation { path: path.clone(), value: Value::from(*arn) });
            return arns.iter().map(add).collect();
        }
        let all = listed.texts.iter().map(|text| text.text.as_str()).chain(arns.iter().copied());
        let value = all.map(Value::from).collect();
        vec![PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(&pointer), value })]
    }

    /// Removes subjects that a statement lists, last one first; removes the statement if it lists no others.
    pub(super) fn remove_subjects(
        &self,
        statement: &Statement,
        listed: &Texts,
        which: &[usize],
    ) -> Vec<PatchOperation> {
        let remove =
            |pointer: Vec<String>| PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(&pointer) });
        if which.len() == listed.texts.len() {
            return vec![remove(self.text.policy.pointer(statement))];
        }
        let item = |at: &usize| {
            let mut pointer = self.subjects_pointer(statement);
            pointer.push(at.to_string());
            remove(pointer)
        };
        which.iter().rev().map(item).collect()
    }

    /// Removes values of a condition, last one first; removes the statement if the condition has no others.
    pub(super) fn remove_values(
        &self,
        statement: &Statement,
        condition: &Condition,
        which: &[&Text],
    ) -> Vec<PatchOperation> {
        let remove =
            |pointer: Vec<String>| PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(&pointer) });
        let pointer = self.text.policy.pointer(statement);
        if which.len() == condition.values.len() {
            return vec![remove(pointer)];
        }
        let item = |(at, _): (usize, &Text)| {
            let tokens =
                ["Condition", &condition.operator.text, &condition.key.text, &at.to_string()].map(str::to_owned);
            remove(pointer.iter().cloned().chain(tokens).collect())
        };
        let values = condition.values.iter().enumerate();
        values.filter(|(_, value)| which.contains(value)).map(item).rev().collect()
    }

    /// The subjects of the grant's kind that the statement lists: principals or resources.
    pub(super) fn subjects<'s>(&self, statement: &'s Statement) -> Option<&'s Texts> {
        if self.grant.is_trust() {
            return statement.only_aws();
        }
        statement.resource.as_ref().filter(|resource| !resource.not).map(|resource| &resource.patterns)
    }

    fn subjects_pointer(&self, statement: &Statement) -> Vec<String> {
        let mut pointer = self.text.policy.pointer(statement);
        let names: &[&str] = if self.grant.is_trust() { &["Principal", "AWS"] } else { &["Resource"] };
        pointer.extend(names.iter().map(|name| (*name).to_owned()));
        pointer
    }

    /// Whether a statement allows only some of these actions to subjects of the grant's kind, and has nothing else but
    /// conditions.
    pub(super) fn has_grant_shape(&self, statement: &Statement, actions: &[&str]) -> bool {
        let existing = &statement.action.patterns.texts;
        statement.effect == Effect::Allow
            && statement.unknown.is_empty()
            && !statement.action.not
            && self.subjects(statement).is_some()
            && existing.iter().all(|text| actions.iter().any(|action| text.text.eq_ignore_ascii_case(action)))
    }

    /// Whether a statement is this grant, for the same or for other subjects.
    pub(super) fn is_same_grant(&self, statement: &Statement, actions: &[&str]) -> bool {
        self.has_conditions(&statement.conditions.iter().collect::<Vec<_>>(), actions)
            && self.has_grant_shape(statement, actions)
            && lists_all(statement, actions)
    }

    /// The condition on `aws:PrincipalArn` of a statement that is this grant in the form [`PrincipalForm::RootArn`],
    /// for the same or for other subjects.
    ///
    /// [`PrincipalForm::RootArn`]: super::PrincipalForm::RootArn
    pub(super) fn root_grant<'s>(&self, statement: &'s Statement, actions: &[&str]) -> Option<&'s Condition> {
        let roots = self.subjects(statement).filter(|_| self.grant.is_trust())?;
        let is_root = |text: &Text| text.text.ends_with(":root") || text.text.parse::<AccountId>().is_ok();
        let (own, others): (Vec<&Condition>, Vec<&Condition>) =
            statement.conditions.iter().partition(|condition| condition.key.text.eq_ignore_ascii_case(PRINCIPAL_ARN));
        let [own] = own[..] else { return None };
        let is_it = roots.texts.iter().all(is_root)
            && own.narrows(PRINCIPAL_ARN)
            && self.has_conditions(&others, actions)
            && self.has_grant_shape(statement, actions)
            && lists_all(statement, actions);
        is_it.then_some(own)
    }

    /// Whether conditions are those that are requested for these actions.
    fn has_conditions(&self, conditions: &[&Condition], actions: &[&str]) -> bool {
        let asked = self.grant.conditions.keys_of(actions);
        conditions.len() == asked.len()
            && asked.iter().all(|(key, values)| {
                conditions.iter().any(|condition| {
                    condition.is_plain_equals()
                        && condition.key.text.eq_ignore_ascii_case(key)
                        && condition.values.iter().all(|value| values.contains(&value.text.as_str()))
                        && values.iter().all(|value| condition.values.iter().any(|existing| existing.text == *value))
                })
            })
    }
}

/// Whether a statement lists each of these actions by name.
fn lists_all(statement: &Statement, actions: &[&str]) -> bool {
    let existing = &statement.action.patterns.texts;
    actions.iter().all(|action| existing.iter().any(|text| text.text.eq_ignore_ascii_case(action)))
}
