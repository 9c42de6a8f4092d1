//! Adds a grant to a document, unless the document already contains it.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, RemoveOperation, ReplaceOperation};

use super::coverage::RequestedGrant;
use super::edit::{Changes, DocumentEdit};
use super::grant::{Grant, one_or_list};
use crate::aws::policy::{Effect, Statement, TAG_SESSION, Texts, Truth};
use crate::diag::{SpannedError, escape_control};
use lossless_yaml::Plan;

/// How a grant is added.
#[derive(Clone, Copy, Debug, Default)]
pub struct MergeOptions {
    /// Replace the conditions under which a statement already allows the same subject.
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
}

/// Adds a grant to a document of strict JSON.
///
/// # Errors
/// Not a policy document, or one of the other kind; every Deny that defeats the grant; every statement that allows the
/// same subject under other conditions.
pub fn merge(document: &[u8], grant: &Grant, options: &MergeOptions) -> Result<MergeOutcome, Vec<SpannedError>> {
    let edit = DocumentEdit::read(document, grant)?;
    let mut outcome = MergeOutcome { warnings: edit.oddities(), ..MergeOutcome::default() };
    let (defeats, doubts) = edit.denials();
    if !defeats.is_empty() {
        return Err(defeats);
    }
    outcome.warnings.extend(doubts);
    let asked = RequestedGrant::all(grant);
    let (granted, missing): (Vec<&RequestedGrant<'_>>, Vec<&RequestedGrant<'_>>) =
        asked.iter().partition(|asked| edit.grants(asked).next().is_some());
    edit.note_granted(&granted, &mut outcome);
    edit.note_never_met(&missing, &mut outcome);
    let mut changes = Changes::default();
    let rest = edit.guards(&granted, &missing, options, &mut changes, &mut outcome)?;
    edit.add(&rest, &mut changes, &mut outcome);
    outcome.plan = edit.plan(edit.operations(changes)?);
    Ok(outcome)
}

/// All actions that a grant can have.
const ACTIONS: [&str; 2] = ["sts:AssumeRole", TAG_SESSION];

impl DocumentEdit<'_> {
    /// Warnings that do not depend on the grant: principals that were deleted, elements that IAM does not know, and
    /// `NotPrincipal`.
    fn oddities(&self) -> Vec<SpannedError> {
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
            if let Some(principals) = statement.principals.as_ref().filter(|principals| principals.not) {
                let message = format!("{} has NotPrincipal, which AWS advises against", statement.title());
                odd.push(
                    SpannedError::new(message, principals.span)
                        .help("which principals it exempts depends on the role, its account and the session")
                        .help("use a Deny for all principals with a condition on aws:PrincipalArn instead"),
                );
            }
        }
        odd
    }

    /// The Deny statements that defeat the grant, and those that may.
    fn denials(&self) -> (Vec<SpannedError>, Vec<SpannedError>) {
        let (mut defeats, mut doubts) = (Vec::new(), Vec::new());
        for statement in self.policy.statements.iter().filter(|statement| statement.effect == Effect::Deny) {
            let asked = RequestedGrant::all(self.grant);
            let truths: Vec<(Truth, &RequestedGrant<'_>)> =
                asked.iter().map(|asked| (asked.matches(&self.policy, statement), asked)).collect();
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
                    .help("a Deny overrides every Allow: change or remove that statement first"),
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

    /// Adds notes about existing grants, and about the requested conditions that they do not enforce.
    fn note_granted(&self, granted: &[&RequestedGrant<'_>], outcome: &mut MergeOutcome) {
        let mut notes: Vec<String> = Vec::new();
        for asked in granted {
            let statements: Vec<&Statement> = self.grants(asked).collect();
            let Some(first) = statements.first() else { continue };
            notes.push(match asked.is_listed_in(first) {
                true => format!("{} is already granted {} by {}", asked.arn, asked.action, first.title()),
                false => {
                    format!("{} is already granted {} by {}, which is wider", asked.arn, asked.action, first.title())
                }
            });
            // A principal that may only tag a session can't assume the role.
            let enforced = if asked.action == TAG_SESSION { Vec::new() } else { self.grant.conditions.keys() };
            for (key, values) in enforced {
                let enforces = |statement: &&&Statement| {
                    statement.conditions.iter().any(|condition| condition.demands_one_of(key, &values))
                };
                let open = statements.iter().filter(|statement| !enforces(statement));
                notes.extend(open.map(|statement| not_enforced(statement, key, asked)));
            }
        }
        notes.dedup();
        outcome.notes.extend(notes);
    }

    /// Adds notes about statements that seem to grant a missing action, but never do.
    fn note_never_met(&self, missing: &[&RequestedGrant<'_>], outcome: &mut MergeOutcome) {
        for asked in missing {
            for statement in &self.policy.statements {
                let Some(condition) = asked.never_met(&self.policy, statement) else { continue };
                let (title, action, key) = (statement.title(), asked.action, escape_control(&condition.key.text));
                outcome.notes.push(format!(
                    "{title} does not grant {action} to {}: requests for that action have no {key}, so the condition never holds",
                    asked.arn
                ));
            }
        }
    }

    /// Handles subjects that are already allowed under other conditions: an error, or with `overwrite` their conditions
    /// are replaced. Returns what still has to be added.
    fn guards<'a, 'g>(
        &self,
        granted: &[&'a RequestedGrant<'g>],
        missing: &[&'a RequestedGrant<'g>],
        options: &MergeOptions,
        changes: &mut Changes,
        outcome: &mut MergeOutcome,
    ) -> Result<Vec<&'a RequestedGrant<'g>>, Vec<SpannedError>> {
        let mut rest = missing.to_vec();
        let mut errors = Vec::new();
        let mut removed_refs = Vec::new();
        for statement in self.policy.statements.iter().rev() {
            let guards = |asked: &&RequestedGrant<'_>| asked.is_guarded_by(&self.policy, statement);
            let guarded: Vec<&RequestedGrant<'_>> = missing.iter().copied().filter(guards).collect();
            let Some(first) = guarded.first() else { continue };
            let same = guarded.iter().any(|asked| asked.is_selected_by(&self.policy, statement));
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
            if mixed && !self.grant.tag_session {
                let lost = self.tag_session_lost(statement, &guarded);
                if !lost.is_empty() {
                    errors.extend(lost);
                    continue;
                }
            }
            if mixed && self.grant.tag_session {
                removed_refs.push(statement.index);
            }
            let (title, existing) = (statement.title(), shown(statement));
            // A grant that another statement has been changed to is not added a second time.
            let again = guarded.iter().all(|asked| !is_among(&rest, asked));
            if granted.len() < listed.texts.len() || again {
                removed_refs.push(statement.index);
                changes.removals.extend(self.remove_subjects(statement, listed, &granted));
                outcome.notes.push(format!("{} removed from {title}, whose condition was {existing}", first.arn));
            } else {
                let changed = self.with_asked(statement, changes);
                outcome.notes.push(format!("replaced the condition of {title}: it was {existing}"));
                let is_listed =
                    |asked: &RequestedGrant<'_>| granted.iter().any(|&at| asked.is_same(&listed.texts[at].text));
                rest.retain(|asked| {
                    !changed.contains(&asked.action) || !is_listed(asked) && !is_among(&guarded, asked)
                });
            }
        }
        if !errors.is_empty() {
            errors.reverse();
            return Err(errors);
        }
        // A grant that only removed statements contained is missing now.
        let is_lost =
            |asked: &&&RequestedGrant<'_>| self.grants(asked).all(|statement| removed_refs.contains(&statement.index));
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

    /// Replaces a statement's conditions with the requested ones; returns its actions. If `sts:TagSession` is requested
    /// and can't have all conditions, it is removed from the statement, and gets its own.
    fn with_asked(&self, statement: &Statement, changes: &mut Changes) -> Vec<&'static str> {
        let path = |member: &str| {
            let pointer = self.policy.pointer(statement);
            PointerBuf::from_tokens(pointer.iter().map(String::as_str).chain([member]))
        };
        let mut actions = listed_actions(statement);
        if self.grant.tag_session && self.grant.shared(&actions).len() > 1 {
            actions.retain(|action| *action != TAG_SESSION);
            let replace = ReplaceOperation { path: path("Action"), value: one_or_list(&actions) };
            changes.edits.push(PatchOperation::Replace(replace));
        }
        changes.edits.push(match self.grant.conditions.to_value(&actions) {
            Some(value) => PatchOperation::Replace(ReplaceOperation { path: path("Condition"), value }),
            None => PatchOperation::Remove(RemoveOperation { path: path("Condition") }),
        });
        actions
    }

    /// The error if a statement that grants `sts:TagSession` would get a condition that never holds for that action.
    fn tag_session_lost(&self, statement: &Statement, guarded: &[&RequestedGrant<'_>]) -> Vec<SpannedError> {
        let is_in = |asked: &&&RequestedGrant<'_>| {
            RequestedGrant::new(self.grant, asked.arn, TAG_SESSION).matches(&self.policy, statement) != Truth::No
        };
        let Some(asked) = guarded.iter().find(is_in) else { return Vec::new() };
        let message = format!("{} also grants {TAG_SESSION} to {}", statement.title(), asked.arn);
        let conditions = self.grant.conditions.shown();
        let error = SpannedError::new(message, statement.span)
            .help(format!("requested: {conditions}; requests for {TAG_SESSION} never meet that condition"));
        vec![error.help("add --tag-session to give that action its own statement")]
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
                        changes.added.push(self.grant.statement_for(&arns, actions));
                        outcome.notes.push(format!("a statement{what} added for {}", arns.join(", ")));
                    }
                }
            }
        }
        for statement in &self.policy.statements {
            if let (Some(arns), Some(listed)) = (joined.get(&statement.index), self.subjects(statement)) {
                changes.edits.extend(self.join(statement, listed, arns));
            }
        }
    }

    /// The statement to which subjects can be added for these actions, which share their conditions.
    fn home(&self, actions: &[&str]) -> Option<&Statement> {
        let home = self.policy.statements.iter().find(|statement| self.is_same_grant(statement, actions))?;
        self.subjects(home).map(|_| home)
    }
}

/// The note about an Allow statement that does not enforce the requested condition on `key`.
fn not_enforced(statement: &Statement, key: &str, asked: &RequestedGrant<'_>) -> String {
    let title = statement.title();
    match statement.conditions.iter().find(|condition| condition.narrows(key)) {
        Some(condition) => {
            let texts: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
            format!("{key} is enforced less strictly: {title} accepts {}", texts.join(", "))
        }
        None => format!("{key} is not enforced: {title} allows {} without it", asked.arn),
    }
}

/// Whether one request is among several.
fn is_among(several: &[&RequestedGrant<'_>], asked: &RequestedGrant<'_>) -> bool {
    several.iter().any(|other| std::ptr::eq(*other, asked))
}

/// The actions of a grant that a statement lists by name.
fn listed_actions(statement: &Statement) -> Vec<&'static str> {
    ACTIONS.into_iter().filter(|action| lists(statement, action)).collect()
}

fn lists(statement: &Statement, action: &str) -> bool {
    statement.action.patterns.texts.iter().any(|text| text.text.eq_ignore_ascii_case(action))
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
    use serde_json::{Value, json};

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
        Grant { subjects: Subjects::Principals(vec![ROLE.parse().unwrap()]), conditions, tag_session }
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
