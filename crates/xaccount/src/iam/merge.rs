//! Adds a grant to a document, unless the document already contains it.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value, json};

use super::coverage::RequestedGrant;
use super::edit::{ACTIONS, Changes, DocumentEdit, listed_actions};
use super::grant::{Grant, PrincipalForm, one_or_list};
use crate::aws::policy::{Condition, Effect, Statement, TAG_SESSION, Texts, Truth};
use crate::diag::{SpannedError, escape_control};
use lossless_yaml::Plan;

/// How a grant is added.
#[derive(Clone, Copy, Debug, Default)]
pub struct MergeOptions {
    /// Replace the conditions under which a statement already allows the same subject, and add the requested ones to a
    /// statement that allows it without them.
    pub overwrite: bool,
}

/// The change to a document, and what to report about it.
#[derive(Clone, Debug, Default)]
pub struct MergeOutcome {
    /// The change; empty if there is nothing to change.
    pub plan: Plan,
    /// What was done and what already existed, one sentence each.
    pub notes: Vec<String>,
    /// Statements that may defeat the grant, or that do not do what they seem to.
    pub warnings: Vec<SpannedError>,
    /// Warnings about statements because of which the document will not be what was requested: they allow a subject
    /// without a requested condition, or still allow it after a removal.
    pub shortfalls: Vec<SpannedError>,
}

/// Adds a grant to a document of strict JSON.
///
/// # Errors
/// Not a policy document, or one of the other kind; every Deny that defeats the grant; every statement that allows the
/// same subject under other conditions.
pub fn merge(document: &[u8], grant: &Grant, options: &MergeOptions) -> Result<MergeOutcome, Vec<SpannedError>> {
    let edit = DocumentEdit::read(document, grant)?;
    let mut outcome = MergeOutcome { warnings: edit.text.oddities(), ..MergeOutcome::default() };
    let (defeats, doubts) = edit.denials();
    if !defeats.is_empty() {
        return Err(defeats);
    }
    outcome.warnings.extend(doubts);
    let asked = RequestedGrant::all(grant);
    let (granted, missing): (Vec<&RequestedGrant<'_>>, Vec<&RequestedGrant<'_>>) =
        asked.iter().partition(|asked| edit.grants(asked).next().is_some());
    edit.note_granted(&granted, options, &mut outcome);
    edit.note_never_met(&missing, &mut outcome);
    let mut changes = Changes::default();
    let rest = edit.guards(&granted, &missing, options, &mut changes, &mut outcome)?;
    edit.add(&rest, &mut changes, &mut outcome);
    outcome.plan = edit.text.plan(edit.text.operations(changes)?);
    Ok(outcome)
}

impl DocumentEdit<'_> {
    /// The Deny statements that defeat the grant, and those that may.
    fn denials(&self) -> (Vec<SpannedError>, Vec<SpannedError>) {
        let (mut defeats, mut doubts) = (Vec::new(), Vec::new());
        for statement in self.text.policy.statements.iter().filter(|statement| statement.effect == Effect::Deny) {
            let asked = RequestedGrant::all(self.grant);
            let truths: Vec<(Truth, &RequestedGrant<'_>)> =
                asked.iter().map(|asked| (asked.matches(&self.text.policy, statement), asked)).collect();
            let Some(&(truth, asked)) = truths.iter().max_by_key(|(truth, _)| *truth) else { continue };
            let mut who: Vec<&str> =
                truths.iter().filter(|(other, _)| *other == truth).map(|(_, asked)| asked.arn).collect();
            who.dedup();
            let who = who.join(", ");
            match truth {
                Truth::Yes => defeats.push(
                    SpannedError::new(
                        format!("{} denies {} to {who}", statement.title(), asked.action),
                        statement.span,
                    )
                    .help(self.way_past(statement)),
                ),
                Truth::Maybe => doubts.push(
                    SpannedError::new(
                        format!("{} may deny {} to {who}", statement.title(), asked.action),
                        statement.span,
                    )
                    .help("it depends on values that are unknown here; check it first if AWS answers AccessDenied"),
                ),
                Truth::No => {}
            }
        }
        (defeats, doubts)
    }

    /// What to do about a Deny that defeats the grant.
    fn way_past(&self, denial: &Statement) -> &'static str {
        let by_id = denial.conditions.iter().any(|condition| condition.key.text.eq_ignore_ascii_case("sts:ExternalId"));
        match (by_id && self.grant.conditions.external_ids.is_empty(), self.grant.is_trust()) {
            // The Deny protects the role; without it, an external id would not be required any more.
            (true, true) => {
                "it requires an external id: pass --external-id ID, and set it in the identity (externalID)"
            }
            (true, false) => "it depends on the external id: set the right externalID in the identity, and pass -f",
            _ => "a Deny overrides every Allow: change or remove that statement first",
        }
    }

    /// Adds notes about existing grants, and warnings about the requested conditions that they do not enforce.
    fn note_granted(&self, granted: &[&RequestedGrant<'_>], options: &MergeOptions, outcome: &mut MergeOutcome) {
        let mut notes: Vec<String> = Vec::new();
        for asked in granted {
            let statements: Vec<&Statement> = self.grants(asked).collect();
            let stays = |statement: &&&Statement| !(options.overwrite && self.is_open_in(asked, statement));
            let staying: Vec<&Statement> = statements.iter().filter(stays).copied().collect();
            let Some(first) = staying.first() else { continue };
            notes.push(match asked.is_listed_in(first) || self.names_in_condition(asked, first) {
                true => format!("{} is already granted {} by {}", asked.arn, asked.action, first.title()),
                false => {
                    format!("{} is already granted {} by {}, which is wider", asked.arn, asked.action, first.title())
                }
            });
            for statement in staying {
                outcome.shortfalls.extend(self.not_enforced(asked, statement));
            }
        }
        notes.dedup();
        outcome.notes.extend(notes);
    }

    /// Whether a statement is the grant for the account's root, under a condition on this very subject.
    fn names_in_condition(&self, asked: &RequestedGrant<'_>, statement: &Statement) -> bool {
        let condition = self.root_grant(statement, &listed_actions(statement));
        condition.is_some_and(|condition| condition.values.iter().any(|value| value.text == asked.arn))
    }

    /// The requested conditions that a statement with an existing grant does not enforce.
    fn open_keys<'k>(&'k self, asked: &RequestedGrant<'_>, statement: &Statement) -> Vec<&'k str> {
        // A principal that may only tag a session can't assume the role.
        let keys = if asked.action == TAG_SESSION { Vec::new() } else { self.grant.conditions.keys() };
        let enforces = |key: &str, values: &[&str]| {
            statement.conditions.iter().any(|condition| condition.demands_one_of(key, values))
        };
        keys.into_iter().filter(|(key, values)| !enforces(key, values)).map(|(key, _)| key).collect()
    }

    /// Whether a statement that lists the subject, and does nothing but grant, allows it without a requested condition.
    fn is_open_in(&self, asked: &RequestedGrant<'_>, statement: &Statement) -> bool {
        asked.is_granted_by(&self.text.policy, statement)
            && self.granted_in(statement, &[asked]).is_some()
            && !self.open_keys(asked, statement).is_empty()
    }

    /// The warnings about a statement that allows a subject without requested conditions.
    fn not_enforced(&self, asked: &RequestedGrant<'_>, statement: &Statement) -> Vec<SpannedError> {
        let title = statement.title();
        let warning = |key: &str| {
            let message = match statement.conditions.iter().find(|condition| condition.narrows(key)) {
                Some(condition) => {
                    let texts: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
                    let texts = escape_control(&texts.join(", ")).into_owned();
                    format!("{key} is enforced less strictly: {title} accepts {texts}")
                }
                None => format!("{key} is not enforced: {title} allows {} without it", asked.arn),
            };
            let way = match self.granted_in(statement, &[asked]) {
                Some(_) => "to add the condition to that statement, pass --overwrite",
                None => "that statement covers more than this grant: add the condition to it manually, or remove it",
            };
            SpannedError::new(message, statement.span).help(way)
        };
        self.open_keys(asked, statement).into_iter().map(warning).collect()
    }

    /// Adds notes about statements that seem to grant a missing action, but never do.
    fn note_never_met(&self, missing: &[&RequestedGrant<'_>], outcome: &mut MergeOutcome) {
        for asked in missing {
            for statement in &self.text.policy.statements {
                let Some(condition) = asked.never_met(&self.text.policy, statement) else { continue };
                let (title, action, key) = (statement.title(), asked.action, escape_control(&condition.key.text));
                outcome.notes.push(format!(
                    "{title} does not grant {action} to {}: requests for that action have no {key}, so the condition never holds",
                    asked.arn
                ));
            }
        }
    }

    /// Handles subjects that are already allowed under other conditions: an error, or with `overwrite` their conditions
    /// are replaced. With `overwrite`, the requested conditions are also added to statements that lack them. Returns
    /// what still has to be added.
    fn guards<'a, 'g>(
        &self,
        granted: &[&'a RequestedGrant<'g>],
        missing: &[&'a RequestedGrant<'g>],
        options: &MergeOptions,
        changes: &mut Changes,
        outcome: &mut MergeOutcome,
    ) -> Result<Vec<&'a RequestedGrant<'g>>, Vec<SpannedError>> {
        let is_open = |asked: &&&RequestedGrant<'_>| {
            options.overwrite && self.grants(asked).any(|statement| self.is_open_in(asked, statement))
        };
        let open: Vec<&RequestedGrant<'_>> = granted.iter().filter(is_open).copied().collect();
        let enforced = |asked: &RequestedGrant<'_>| self.grants(asked).any(|one| self.open_keys(asked, one).is_empty());
        let mut rest = missing.to_vec();
        rest.extend(open.iter().filter(|asked| !enforced(asked)));
        let mut errors = Vec::new();
        let (mut removed_refs, mut settled) = (Vec::new(), Vec::new());
        for statement in self.text.policy.statements.iter().rev() {
            let guards = |asked: &&RequestedGrant<'_>| asked.is_guarded_by(&self.text.policy, statement);
            let mut guarded: Vec<&RequestedGrant<'_>> = missing.iter().copied().filter(guards).collect();
            guarded.extend(open.iter().filter(|asked| self.is_open_in(asked, statement)));
            let Some(first) = guarded.first() else { continue };
            let same = guarded.iter().any(|asked| asked.is_selected_by(&self.text.policy, statement));
            if same && !options.overwrite {
                errors.push(self.other_condition(statement, first));
                continue;
            }
            let Some((listed, granted)) = self.granted_in(statement, &guarded).filter(|_| same) else {
                outcome.warnings.push(self.condition_does_not_hold(statement, first));
                continue;
            };
            // The requested conditions can't apply to all of its actions.
            let mixed = self.grant.shared(&listed_actions(statement)).len() > 1;
            let lost = self.tag_session_changed(statement, &guarded, mixed);
            if !lost.is_empty() {
                errors.extend(lost);
                continue;
            }
            if mixed && self.grant.tag_session {
                removed_refs.push(statement.index);
            }
            // A grant that another statement has been changed to is not added a second time.
            let again = guarded.iter().all(|asked| !is_among(&rest, asked));
            if granted.len() < listed.texts.len() || again {
                removed_refs.push(statement.index);
                changes.removals.extend(self.remove_subjects(statement, listed, &granted));
                outcome.notes.push(format!("{} removed from {}", first.arn, conditioned(statement)));
            } else {
                let changed = self.with_asked(statement, is_among(&open, first), changes, outcome);
                let is_listed =
                    |asked: &RequestedGrant<'_>| granted.iter().any(|&at| asked.is_same(&listed.texts[at].text));
                let is_settled = |asked: &&RequestedGrant<'_>| {
                    changed.contains(&asked.action) && (is_listed(asked) || is_among(&guarded, asked))
                };
                settled.extend(guarded.iter().copied().filter(is_settled));
                rest.retain(|asked| !is_settled(asked));
            }
        }
        if !errors.is_empty() {
            errors.reverse();
            return Err(errors);
        }
        // A grant that only removed statements contained is missing now.
        let is_lost = |asked: &&&RequestedGrant<'_>| {
            !is_among(&settled, asked) && self.grants(asked).all(|one| removed_refs.contains(&one.index))
        };
        rest.extend(granted.iter().filter(is_lost).copied());
        Ok(rest)
    }

    /// The subjects that a statement of the grant's shape lists, and the indices of the guarded ones; `None` without
    /// any.
    fn granted_in<'s>(
        &self,
        statement: &'s Statement,
        guarded: &[&RequestedGrant<'_>],
    ) -> Option<(&'s Texts, Vec<usize>)> {
        let listed = self.subjects(statement).filter(|_| self.has_grant_shape(statement, &ACTIONS))?;
        let of_these = |&at: &usize| guarded.iter().any(|asked| asked.is_same(&listed.texts[at].text));
        let granted: Vec<usize> = (0..listed.texts.len()).filter(of_these).collect();
        (!granted.is_empty()).then_some((listed, granted))
    }

    /// Replaces a statement's conditions with the requested ones, or adds those if the statement is `open`; returns its
    /// actions. If `sts:TagSession` is requested and can't have all conditions, it is removed from the statement, and
    /// gets its own.
    fn with_asked(
        &self,
        statement: &Statement,
        open: bool,
        changes: &mut Changes,
        outcome: &mut MergeOutcome,
    ) -> Vec<&'static str> {
        let path = |member: &str| {
            let pointer = self.text.policy.pointer(statement);
            PointerBuf::from_tokens(pointer.iter().map(String::as_str).chain([member]))
        };
        let mut actions = listed_actions(statement);
        if self.grant.tag_session && self.grant.shared(&actions).len() > 1 {
            actions.retain(|action| *action != TAG_SESSION);
            let replace = ReplaceOperation { path: path("Action"), value: one_or_list(&actions) };
            changes.edits.push(PatchOperation::Replace(replace));
        }
        if open {
            changes.edits.extend(self.added_conditions(statement, &actions));
            outcome.notes.push(format!(
                "added the condition to {}: {}",
                statement.title(),
                self.grant.conditions.shown()
            ));
            return actions;
        }
        let path = path("Condition");
        changes.edits.push(match self.grant.conditions.to_value(&actions) {
            Some(value) => PatchOperation::Replace(ReplaceOperation { path, value }),
            None => PatchOperation::Remove(RemoveOperation { path }),
        });
        outcome.notes.push(format!("replaced the condition of {}: it was {}", statement.title(), shown(statement)));
        actions
    }

    /// The operations that add the requested conditions to a statement, and keep its others.
    fn added_conditions(&self, statement: &Statement, actions: &[&str]) -> Vec<PatchOperation> {
        let path = |tokens: &[&str]| {
            let pointer = self.text.policy.pointer(statement);
            PointerBuf::from_tokens(pointer.iter().map(String::as_str).chain(tokens.iter().copied()))
        };
        let add = |tokens: &[&str], value: Value| PatchOperation::Add(AddOperation { path: path(tokens), value });
        let requested = self.grant.conditions.keys_of(actions);
        let Some(equals) = statement.conditions.iter().find(|condition| condition.is_plain_equals()) else {
            let block: Map<String, Value> =
                requested.iter().map(|(key, values)| ((*key).to_owned(), one_or_list(values))).collect();
            return vec![match statement.condition_span {
                Some(_) => add(&["Condition", "StringEquals"], block.into()),
                None => add(&["Condition"], json!({ "StringEquals": block })),
            }];
        };
        let operator = equals.operator.text.as_str();
        let one = |(key, values): &(&str, Vec<&str>)| {
            let is_it =
                |other: &&Condition| other.operator.text == operator && other.key.text.eq_ignore_ascii_case(key);
            let value = one_or_list(values);
            match statement.conditions.iter().find(is_it) {
                Some(existing) => {
                    let path = path(&["Condition", operator, &existing.key.text]);
                    PatchOperation::Replace(ReplaceOperation { path, value })
                }
                None => add(&["Condition", operator, key], value),
            }
        };
        requested.iter().map(one).collect()
    }

    /// The error if `sts:TagSession` is not requested, and a statement that also grants it would get other conditions:
    /// either it never meets them (`mixed`), or they are changed for it as well.
    fn tag_session_changed(
        &self,
        statement: &Statement,
        guarded: &[&RequestedGrant<'_>],
        mixed: bool,
    ) -> Vec<SpannedError> {
        if self.grant.tag_session || !listed_actions(statement).contains(&TAG_SESSION) {
            return Vec::new();
        }
        // Under such a condition before, it loses nothing.
        let had_it = |asked: &RequestedGrant<'_>| {
            RequestedGrant::new(self.grant, asked.arn, TAG_SESSION).never_met(&self.text.policy, statement).is_none()
        };
        let Some(asked) = guarded.iter().find(|asked| !mixed || had_it(asked)) else { return Vec::new() };
        let message = format!("{} also grants {TAG_SESSION} to {}", statement.title(), asked.arn);
        let conditions = self.grant.conditions.shown();
        let error = SpannedError::new(message, statement.span);
        vec![match mixed {
            true => error
                .help(format!("requested: {conditions}; requests for {TAG_SESSION} never meet that condition"))
                .help("add --tag-session to give that action its own statement"),
            false => error
                .help(format!("requested: {conditions}; that action would get the same conditions"))
                .help("add --tag-session to change both actions"),
        }]
    }

    /// The error if a subject is already allowed under another condition.
    fn other_condition(&self, statement: &Statement, first: &RequestedGrant<'_>) -> SpannedError {
        let span = statement.condition_span.unwrap_or(statement.span);
        let (title, existing) = (statement.title(), shown(statement));
        let requested = self.grant.conditions.shown();
        let way = if self.grant.is_trust() {
            "pass the same condition (--external-id, --org-id, --session-name), or --overwrite to replace it"
        } else {
            "pass --overwrite to replace the condition"
        };
        SpannedError::new(format!("{title} already allows {} under another condition", first.arn), span)
            .help(format!("existing: {}; requested: {requested}", escape_control(&existing)))
            .help("a second grant next to it would bypass that condition")
            .help(way)
    }

    /// The warning about an existing condition that does not apply to the added grant.
    fn condition_does_not_hold(&self, statement: &Statement, first: &RequestedGrant<'_>) -> SpannedError {
        let span = statement.condition_span.unwrap_or(statement.span);
        let (title, existing) = (statement.title(), shown(statement));
        SpannedError::new(format!("the new grant for {} does not have the condition of {title}", first.arn), span)
            .help(format!("existing condition: {}", escape_control(&existing)))
            .help("that statement covers more than this grant and stays; edit it manually if nothing else needs it")
    }

    fn add(&self, missing: &[&RequestedGrant<'_>], changes: &mut Changes, outcome: &mut MergeOutcome) {
        // Subjects that lack the same actions share a statement.
        let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
        for arn in self.grant.arns() {
            let lacks = |action: &&&str| missing.iter().any(|asked| asked.arn == arn && asked.action == **action);
            let actions: Vec<&str> = self.grant.actions().iter().filter(lacks).copied().collect();
            match groups.iter_mut().find(|(existing, _)| *existing == actions) {
                Some((_, arns)) => arns.push(arn),
                None => groups.push((actions, vec![arn])),
            }
        }
        // Two groups may join one statement: its list is replaced once, with the additions of both.
        let mut joined: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (actions, arns) in groups {
            let shared = self.grant.shared(&actions);
            for actions in &shared {
                let what = if shared.len() > 1 { format!(" for {}", actions.join(" and ")) } else { String::new() };
                match self.home(actions) {
                    Some(home) => {
                        joined.entry(home.index).or_default().extend(&arns);
                        outcome.notes.push(format!("{} added to {}", arns.join(", "), home.title()));
                    }
                    None => {
                        changes.added.extend(self.grant.statements_for(&arns, actions));
                        outcome.notes.push(format!("a statement{what} added for {}", arns.join(", ")));
                    }
                }
            }
        }
        for statement in &self.text.policy.statements {
            if let (Some(arns), Some(listed)) = (joined.get(&statement.index), self.subjects(statement)) {
                changes.edits.extend(self.join(statement, listed, arns));
            }
        }
    }

    /// The statement to which subjects can be added for these actions, which share their conditions.
    fn home(&self, actions: &[&str]) -> Option<&Statement> {
        if self.grant.principal_form == PrincipalForm::RootArn {
            return None;
        }
        // A Sid names what the statement is for; whoever deletes that purpose would delete this grant as well.
        let is_home =
            |statement: &&Statement| statement.named_sid().is_none() && self.is_same_grant(statement, actions);
        let home = self.text.policy.statements.iter().find(is_home)?;
        self.subjects(home).map(|_| home)
    }
}

/// Whether one request is among several.
fn is_among(several: &[&RequestedGrant<'_>], asked: &RequestedGrant<'_>) -> bool {
    several.iter().any(|other| std::ptr::eq(*other, asked))
}

/// A statement and its condition, for messages.
fn conditioned(statement: &Statement) -> String {
    match statement.conditions.is_empty() {
        true => format!("{}, which has no condition", statement.title()),
        false => format!("{}, whose condition was {}", statement.title(), shown(statement)),
    }
}

/// A statement's conditions in short form, for messages.
fn shown(statement: &Statement) -> String {
    let conditions = statement.conditions.iter().map(|condition| {
        let values: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
        format!("{} {} {}", condition.operator.text, condition.key.text, values.join(", "))
    });
    conditions.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Conditions, Subjects};
    use lossless_yaml::{Source, apply};

    const ROLE: &str = "arn:aws:iam::111111111111:role/team/capa";

    fn grant(external_id: Option<&str>, session_name: Option<&str>, tag_session: bool) -> Grant {
        let conditions = Conditions {
            external_ids: external_id.iter().map(|id| id.parse().unwrap()).collect(),
            org_id: None,
            session_name: session_name.map(|name| name.parse().unwrap()),
        };
        Grant {
            subjects: Subjects::Principals(vec![ROLE.parse().unwrap()]),
            principal_form: PrincipalForm::Arn,
            conditions,
            tag_session,
            known: Vec::new(),
        }
    }

    fn document(statements: &[Value]) -> String {
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    }

    /// The statements of a document after a merge, and the number of warnings.
    fn merged(statements: &[Value], grant: &Grant, overwrite: bool) -> Result<(Vec<Value>, usize), String> {
        let old = document(statements);
        let outcome = merge(old.as_bytes(), grant, &MergeOptions { overwrite });
        let outcome = outcome.map_err(|errors| errors[0].message.clone())?;
        let edited = apply(&Source::new(old.as_bytes()), &outcome.plan).unwrap();
        let new: Value = serde_json::from_slice(&edited.to_bytes(old.as_bytes()).unwrap()).unwrap();
        Ok((new["Statement"].as_array().unwrap().clone(), outcome.warnings.len()))
    }

    fn statement(effect: &str, principal: &str, actions: &Value, condition: Option<Value>) -> Value {
        let mut statement = json!({ "Effect": effect, "Principal": { "AWS": principal }, "Action": actions });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    }

    #[test]
    fn a_session_is_not_its_role() {
        let session = "arn:aws:sts::111111111111:assumed-role/capa/mgmt";
        for asked in [None, Some("mgmt")] {
            let grant = grant(None, asked, false);
            let allow = statement("Allow", session, &json!("sts:AssumeRole"), None);
            let (new, warnings) = merged(&[allow], &grant, false).unwrap();
            assert!(Value::from(new).to_string().contains(ROLE) && warnings == 0);
            let deny = statement("Deny", session, &json!("sts:AssumeRole"), None);
            assert_eq!(merged(&[deny], &grant, false).map(|(new, warnings)| (new.len(), warnings)), Ok((2, 1)));
        }
    }

    #[test]
    fn tag_session_has_no_external_id() {
        let by_id = |id: &str| Some(json!({ "StringEquals": { "sts:ExternalId": id } }));
        let both = json!(["sts:AssumeRole", "sts:TagSession"]);
        let [assume, tag] = [json!("sts:AssumeRole"), json!("sts:TagSession")];
        let asked = grant(Some("ab"), None, true);
        // A statement with both actions under an external id grants only one of them.
        let old = statement("Allow", ROLE, &both, by_id("ab"));
        let wanted = vec![old.clone(), statement("Allow", ROLE, &tag, None)];
        assert_eq!(merged(&[old], &asked, false).unwrap().0, wanted);
        // A replaced condition results in two statements, too.
        let old = statement("Allow", ROLE, &both, by_id("old"));
        let wanted = vec![statement("Allow", ROLE, &assume, by_id("ab")), statement("Allow", ROLE, &tag, None)];
        assert_eq!(merged(std::slice::from_ref(&old), &asked, true).unwrap().0, wanted);
        assert_eq!(merged(&wanted, &asked, false).unwrap().0, wanted);
        // A replaced condition must not deny sts:TagSession to a principal that had it.
        let by_org = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } });
        let old_org = statement("Allow", ROLE, &both, Some(by_org));
        let error = merged(&[old_org], &grant(Some("ab"), None, false), true).unwrap_err();
        assert!(error.contains("grants sts:TagSession"), "{error}");
        assert!(merged(&[old], &grant(Some("ab"), None, false), true).is_ok());
    }
}
