//! Adding a grant to a document, and finding out that it is there already.

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
    /// Replace the conditions under which the same subject is let in already.
    pub overwrite: bool,
}

/// What is to be done to a document.
#[derive(Clone, Debug, Default)]
pub struct MergeOutcome {
    /// The change; none where nothing is to be done.
    pub plan: Plan,
    /// What was done, and what was there already: a sentence each.
    pub notes: Vec<String>,
    /// What may defeat the grant, or does not do what it seems to.
    pub warnings: Vec<SpannedError>,
}

/// Adds a grant to a document of strict JSON.
///
/// # Errors
/// All of: no policy document, or one of the other kind; a Deny that defeats the grant; the same subject there under other
/// conditions.
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
    /// What is not as its author thought, whoever asks: principals that AWS no longer knows by a name, elements that it does not
    /// know, and `NotPrincipal`.
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
                    SpannedError::new(format!("{} is the id of a {kind} that was deleted", text.text), text.span)
                        .help(format!("a {kind} made anew under the same name is another one, and is not let in by this"))
                        .help("put the ARN in its place when you know whose it was, else take it out: AWS may refuse to save a policy with it"),
                );
            }
            for name in &statement.unknown {
                let message = format!(
                    "{} has an element that IAM does not know: {}",
                    statement.title(),
                    escape_control(&name.text)
                );
                odd.push(
                    SpannedError::new(message, name.span).help("is it misspelt? The statement counts as no grant"),
                );
            }
            if let Some(principals) = statement.principals.as_ref().filter(|principals| principals.not) {
                let message = format!("{} has NotPrincipal, which AWS advises against", statement.title());
                odd.push(SpannedError::new(message, principals.span).help(
                    "whom it leaves out depends on the role, its account and the session: a Deny for all with a condition on aws:PrincipalArn is certain",
                ));
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
                        format!("{} denies {} to {who}, whatever allows it", statement.title(), asked.action),
                        statement.span,
                    )
                    .help("a Deny wins over every Allow: change or remove that statement first"),
                ),
                Truth::Maybe => doubts.push(
                    SpannedError::new(
                        format!("{} may deny {} to {who}", statement.title(), asked.action),
                        statement.span,
                    )
                    .help("it depends on what is not known here; if AWS answers AccessDenied, look there first"),
                ),
                Truth::No => {}
            }
        }
        (defeats, doubts)
    }

    /// Says what was there already, and what of the request it does not enforce.
    fn note_granted(&self, granted: &[&RequestedGrant<'_>], outcome: &mut MergeOutcome) {
        let mut notes: Vec<String> = Vec::new();
        for asked in granted {
            let statements: Vec<&Statement> = self.grants(asked).collect();
            let Some(first) = statements.first() else { continue };
            notes.push(match asked.is_listed_in(first) {
                true => format!("{} is granted {} already, by {}", asked.arn, asked.action, first.title()),
                false => {
                    format!("{} is granted {} already, by {}, which is wider", asked.arn, asked.action, first.title())
                }
            });
            // Whoever may tag a session and not assume the role is not let in.
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

    /// Says which statements seem to grant an action that is still missing.
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

    /// The subjects that are there under other conditions: an error, or with `overwrite` their conditions are replaced.
    /// Gives back what is still to be added.
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
            // Its conditions would not be for all of its actions.
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
            // What another statement was made to say already is not said twice.
            let again = guarded.iter().all(|asked| !is_among(&rest, asked));
            if granted.len() < listed.texts.len() || again {
                removed_refs.push(statement.index);
                changes.removals.extend(self.take_out(statement, listed, &granted));
                outcome.notes.push(format!("{} taken out of {title}, whose condition was {existing}", first.arn));
            } else {
                let changed = self.with_asked(statement, changes);
                outcome.notes.push(format!("the condition of {title} replaced; it was {existing}"));
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
        // What only such statements granted is missing now.
        let is_lost =
            |asked: &&&RequestedGrant<'_>| self.grants(asked).all(|statement| removed_refs.contains(&statement.index));
        rest.extend(granted.iter().filter(is_lost).copied());
        Ok(rest)
    }

    /// The subjects that a statement of our shape lists, and which of them are the guarded ones; `None` without any.
    fn granted_in<'s>(
        &self,
        statement: &'s Statement,
        guarded: &[&RequestedGrant<'_>],
    ) -> Option<(&'s Texts, Vec<usize>)> {
        let listed = self.subjects(statement).filter(|_| self.has_our_shape(statement, &ACTIONS))?;
        let of_these = |&at: &usize| guarded.iter().any(|asked| asked.is_same(&listed.texts[at].text));
        let granted: Vec<usize> = (0..listed.texts.len()).filter(of_these).collect();
        (!granted.is_empty()).then_some((listed, granted))
    }

    /// Puts a statement under the conditions that are asked for; gives its actions. Where `sts:TagSession` is asked for and can't
    /// have them all, it leaves, for a statement of its own.
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

    /// Refuses to put a statement that lets `sts:TagSession` in under a condition that shuts it out.
    fn tag_session_lost(&self, statement: &Statement, guarded: &[&RequestedGrant<'_>]) -> Vec<SpannedError> {
        let is_in = |asked: &&&RequestedGrant<'_>| {
            RequestedGrant::new(self.grant, asked.arn, TAG_SESSION).matches(&self.policy, statement) != Truth::No
        };
        let Some(asked) = guarded.iter().find(is_in) else { return Vec::new() };
        let message = format!("{} grants {TAG_SESSION} to {} too", statement.title(), asked.arn);
        let conditions = self.grant.conditions.shown();
        let error = SpannedError::new(message, statement.span)
            .help(format!("asked for: {conditions}; requests for {TAG_SESSION} would never meet it"));
        vec![error.help("add --tag-session: that action gets a statement of its own")]
    }

    /// The error of a subject that is let in under another condition.
    fn other_condition(&self, statement: &Statement, first: &RequestedGrant<'_>) -> SpannedError {
        let span = statement.condition_span.unwrap_or(statement.span);
        let (title, existing, says) = (statement.title(), shown(statement), self.says());
        let asked = self.grant.conditions.shown();
        let way = if self.grant.is_trust() {
            "ask for the same condition (--external-id, --org-id, --session-name), or pass --overwrite to replace it"
        } else {
            "pass --overwrite to replace the condition"
        };
        SpannedError::new(format!("{} {says} by {title} already, under another condition", first.arn), span)
            .help(format!("there: {}; asked for: {asked}", escape_control(&existing)))
            .help("adding the grant beside it would switch that condition off")
            .help(way)
    }

    /// The warning of a condition that what is added does not have.
    fn condition_does_not_hold(&self, statement: &Statement, first: &RequestedGrant<'_>) -> SpannedError {
        let span = statement.condition_span.unwrap_or(statement.span);
        let (title, existing, says) = (statement.title(), shown(statement), self.says());
        SpannedError::new(
            format!("the condition of {title} does not hold for what is added: {} {says} without it", first.arn),
            span,
        )
        .help(format!("there: {}", escape_control(&existing)))
        .help("that statement is about more than this grant, and stays; change it by hand if nobody else needs it")
    }

    fn says(&self) -> &'static str {
        if self.grant.is_trust() { "is let in" } else { "may be assumed" }
    }

    fn add(&self, missing: &[&RequestedGrant<'_>], changes: &mut Changes, outcome: &mut MergeOutcome) {
        // Those that lack the same actions share a statement.
        let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
        for arn in self.grant.arns() {
            let lacks = |action: &&&str| missing.iter().any(|asked| asked.arn == arn && asked.action == **action);
            let actions: Vec<&str> = self.grant.actions().iter().filter(lacks).copied().collect();
            match groups.iter_mut().find(|(existing, _)| *existing == actions) {
                Some((_, arns)) => arns.push(arn),
                None => groups.push((actions, vec![arn])),
            }
        }
        // Two groups may join one statement: its list is replaced once, by what both add.
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

    /// The statement that subjects with these actions, which share their conditions, can join.
    fn home(&self, actions: &[&str]) -> Option<&Statement> {
        let home = self.policy.statements.iter().find(|statement| self.is_ours(statement, actions))?;
        self.subjects(home).map(|_| home)
    }
}

/// Says how an Allow statement lets in a grant's subject without the condition on `key` that is asked for.
fn not_enforced(statement: &Statement, key: &str, asked: &RequestedGrant<'_>) -> String {
    let title = statement.title();
    match statement.conditions.iter().find(|condition| condition.narrows(key)) {
        Some(condition) => {
            let texts: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
            format!("{key} is enforced less strictly: {title} takes {}", texts.join(", "))
        }
        None => format!("{key} is not enforced: {title} lets {} in without it", asked.arn),
    }
}

/// Whether one request is among several.
fn is_among(several: &[&RequestedGrant<'_>], asked: &RequestedGrant<'_>) -> bool {
    several.iter().any(|other| std::ptr::eq(*other, asked))
}

/// Which of a grant's actions a statement lists by their names.
fn listed_actions(statement: &Statement) -> Vec<&'static str> {
    ACTIONS.into_iter().filter(|action| lists(statement, action)).collect()
}

fn lists(statement: &Statement, action: &str) -> bool {
    statement.action.patterns.texts.iter().any(|text| text.text.eq_ignore_ascii_case(action))
}

/// A statement's conditions in short, for messages.
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

    /// The statements of a document that a grant was merged into, and how many warnings there were.
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
        // One that has both under the id grants one of them.
        let old = statement("Allow", ROLE, &both, by_id("ab"));
        let wanted = vec![old.clone(), statement("Allow", ROLE, &tag, None)];
        assert_eq!(merged(&[old], &asked, false).unwrap().0, wanted);
        // What is replaced gets two statements, too.
        let old = statement("Allow", ROLE, &both, by_id("old"));
        let wanted = vec![statement("Allow", ROLE, &assume, by_id("ab")), statement("Allow", ROLE, &tag, None)];
        assert_eq!(merged(std::slice::from_ref(&old), &asked, true).unwrap().0, wanted);
        assert_eq!(merged(&wanted, &asked, false).unwrap().0, wanted);
        // Nobody is shut out who was not shut out before.
        let by_org = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } });
        let old_org = statement("Allow", ROLE, &both, Some(by_org));
        let error = merged(&[old_org], &grant(Some("ab"), None, false), true).unwrap_err();
        assert!(error.contains("grants sts:TagSession"), "{error}");
        assert!(merged(&[old], &grant(Some("ab"), None, false), true).is_ok());
    }
}
