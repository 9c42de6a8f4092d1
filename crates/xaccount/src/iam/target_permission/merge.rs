//! Adds what an existing permissions policy lacks of the statements.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::{Value, json};

use crate::aws::Partition;
use crate::aws::policy::{Effect, KnownValues, Policy, Statement, glob};
use crate::diag::{Span, SpannedError};
use lossless_yaml::{ObjectRef, Plan};

use super::features::Uses;
use super::given::{Answer, GivenPolicies};
use super::need::Surroundings;
use super::print::GroupStatement;

/// The change to a policy, and what to report about it.
#[derive(Clone, Debug, Default)]
pub struct AddedPolicy {
    /// The change; empty if there is nothing to add.
    pub plan: Plan,
    /// What is added, a sentence for each statement.
    pub notes: Vec<String>,
    /// Deny statements that may defeat an action.
    pub warnings: Vec<String>,
}

/// Adds the actions that a document does not allow.
///
/// # Errors
/// Not a permissions policy; or a Deny defeats an action, so that adding it would not help.
pub fn added(
    document: &[u8],
    statements: &[GroupStatement],
    surroundings: &Surroundings,
    uses: &Uses,
) -> Result<AddedPolicy, Vec<SpannedError>> {
    let mut given = GivenPolicies::default();
    given.add("", document).map_err(|error| vec![error])?;
    let Some(policy) = given.policies().next() else { return Ok(AddedPolicy::default()) };
    let edit = PolicyEdit { policy, given: &given, surroundings, uses };
    let mut outcome = AddedPolicy::default();
    let (mut joined, mut new, mut denied) = (Vec::new(), Vec::new(), Vec::new());
    let mut doubts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut sids: Vec<String> =
        policy.statements.iter().filter_map(|one| one.sid.as_ref()).map(|sid| sid.text.clone()).collect();
    for statement in statements {
        let mut missing: Vec<&str> = Vec::new();
        for action in &statement.actions {
            match edit.answer(statement, action) {
                Answer::Allowed => {}
                Answer::Denied(by) => denied.push((by, *action)),
                Answer::Unknown(_) if edit.is_listed(statement, action) => {}
                Answer::Missing | Answer::Unknown(_) => missing.push(action),
            }
            if let Some(why) = edit.may_deny(statement, action) {
                doubts.entry(why).or_default().push(action);
            }
        }
        if missing.is_empty() {
            continue;
        }
        match edit.home(statement) {
            Some(home) => {
                joined.extend(edit.join(home, &missing));
                outcome.notes.push(format!("{} added to {}", words(&missing), home.title()));
            }
            None => {
                let sid = free(&statement.sid, &sids);
                sids.push(sid.clone());
                outcome.notes.push(format!("{} added in a statement (Sid {sid})", words(&missing)));
                new.push(statement.with_actions(&sid, &missing));
            }
        }
    }
    if !denied.is_empty() {
        return Err(denied_errors(&denied, policy, document.len()));
    }
    outcome.warnings.extend(doubts.iter().map(|(why, actions)| format!("{}: {why}", first(actions))));
    let operations = edit.operations(joined, new, document)?;
    if !operations.is_empty() {
        let object = ObjectRef { document: Span::new(0, document.len()), base: PointerBuf::new() };
        outcome.plan.changes = vec![(object, operations.into())];
    }
    Ok(outcome)
}

/// The number of actions, or the only one.
fn words(actions: &[&str]) -> String {
    match actions {
        [one] => (*one).to_owned(),
        many => format!("{} actions", many.len()),
    }
}

/// A Sid that no statement has.
fn free(sid: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{sid}{number}"));
    std::iter::once(sid.to_owned()).chain(numbered).find(|sid| !taken.contains(sid)).unwrap_or_default()
}

/// The first actions of a list, and how many more there are.
fn first(actions: &[&str]) -> String {
    const MOST: usize = 3;
    let more = actions.len().saturating_sub(MOST);
    let shown = actions[..actions.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn denied_errors(denied: &[(String, &str)], policy: &Policy, length: usize) -> Vec<SpannedError> {
    let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    denied.iter().for_each(|(statement, action)| by.entry(statement).or_default().push(action));
    let error = |(title, actions): (&str, Vec<&str>)| {
        let statement = policy.statements.iter().find(|statement| statement.title() == title);
        let span = statement.map_or(Span::new(0, length), |statement| statement.span);
        SpannedError::new(format!("{title} denies {}", first(&actions)), span)
            .help("a Deny overrides every Allow: change or remove that statement first")
    };
    by.into_iter().map(error).collect()
}

struct PolicyEdit<'e> {
    policy: &'e Policy,
    given: &'e GivenPolicies,
    surroundings: &'e Surroundings,
    uses: &'e Uses,
}

impl PolicyEdit<'_> {
    /// Whether the document allows an action on all resources of a statement.
    fn answer(&self, statement: &GroupStatement, action: &str) -> Answer {
        let mut knowledge = self.surroundings.of_action(action, self.uses);
        if let Some((_, key, values)) = &statement.condition {
            knowledge.learn(key, KnownValues::one_of(values.iter().map(String::as_str)));
        }
        let answers = self.resources(statement).into_iter();
        answers.map(|resource| self.given.answer(action, &resource, &knowledge)).max().unwrap_or(Answer::Allowed)
    }

    /// The statement that may deny an action on a resource of a statement.
    fn may_deny(&self, statement: &GroupStatement, action: &str) -> Option<String> {
        let knowledge = self.surroundings.of_action(action, self.uses);
        self.resources(statement).iter().find_map(|resource| self.given.may_deny(action, resource, &knowledge))
    }

    /// The resources of a statement, in the partition.
    fn resources(&self, statement: &GroupStatement) -> Vec<String> {
        let own = format!("arn:{}:", self.surroundings.partition.unwrap_or(Partition::Aws).id());
        statement.resources.iter().map(|resource| resource.replacen("arn:*:", &own, 1)).collect()
    }

    /// Whether a statement of the document has the action, the resources and the condition.
    fn is_listed(&self, statement: &GroupStatement, action: &str) -> bool {
        let has = |one: &&Statement| one.action.patterns.texts.iter().any(|text| glob(&text.text, action, true));
        self.policy.statements.iter().filter(|one| !one.action.not && has(one)).any(|one| self.is_same(one, statement))
    }

    /// Whether an Allow of the document has the resources and the condition of a statement.
    fn is_same(&self, existing: &Statement, statement: &GroupStatement) -> bool {
        let texts = |element: &crate::aws::policy::Element| -> Vec<String> {
            element.patterns.texts.iter().map(|text| text.text.clone()).collect()
        };
        let resources = existing.resource.as_ref().filter(|resource| !resource.not).map(texts);
        let condition = match (&existing.conditions[..], &statement.condition) {
            ([], None) => true,
            ([one], Some((operator, key, values))) => {
                one.operator.text.eq_ignore_ascii_case(operator)
                    && one.key.text.eq_ignore_ascii_case(key)
                    && one.values.iter().map(|value| &value.text).eq(values)
            }
            _ => false,
        };
        existing.effect == Effect::Allow
            && existing.unknown.is_empty()
            && condition
            && resources.is_some_and(|resources| resources == statement.resources)
    }

    /// The statement of the document that an earlier run added for the same group.
    fn home(&self, statement: &GroupStatement) -> Option<&Statement> {
        let is_own = |one: &&Statement| one.named_sid().is_some_and(|sid| sid.text == statement.sid);
        self.policy.statements.iter().find(is_own).filter(|one| !one.action.not && self.is_same(one, statement))
    }

    /// The operations that append actions to a statement.
    fn join(&self, home: &Statement, actions: &[&str]) -> Vec<PatchOperation> {
        let mut pointer = self.policy.pointer(home);
        pointer.push("Action".to_owned());
        let texts = &home.action.patterns;
        if !texts.is_list {
            let all = texts.texts.iter().map(|text| text.text.as_str()).chain(actions.iter().copied());
            let value = all.map(Value::from).collect();
            return vec![PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(&pointer), value })];
        }
        pointer.push("-".to_owned());
        let path = PointerBuf::from_tokens(&pointer);
        actions
            .iter()
            .map(|action| PatchOperation::Add(AddOperation { path: path.clone(), value: json!(action) }))
            .collect()
    }

    /// All operations. A single statement becomes a list with the new ones.
    fn operations(
        &self,
        mut joined: Vec<PatchOperation>,
        new: Vec<Value>,
        document: &[u8],
    ) -> Result<Vec<PatchOperation>, Vec<SpannedError>> {
        if self.policy.is_list || new.is_empty() {
            let path = PointerBuf::from_tokens(["Statement", "-"]);
            joined.extend(new.into_iter().map(|value| PatchOperation::Add(AddOperation { path: path.clone(), value })));
            return Ok(joined);
        }
        let refuse = |error: String| vec![SpannedError::new(error, Span::new(0, document.len()))];
        let mut whole: Value =
            serde_json::from_slice(document).map_err(|error| refuse(format!("not JSON: {error}")))?;
        json_patch::patch(&mut whole, &joined).map_err(|error| refuse(error.to_string()))?;
        let existing = whole.as_object_mut().and_then(|members| members.remove("Statement"));
        let value = existing.into_iter().chain(new).collect();
        Ok(vec![PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(["Statement"]), value })])
    }
}
