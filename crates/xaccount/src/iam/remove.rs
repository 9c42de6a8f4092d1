//! Removes a grant from a document.

use super::coverage::RequestedGrant;
use super::edit::{DocumentEdit, listed_actions};
use super::grant::Grant;
use super::merge::MergeOutcome;
use crate::aws::policy::{Condition, Effect, Statement, TAG_SESSION, Text, Truth};
use crate::diag::{SpannedError, escape_control};

/// What remains of a document without a grant.
#[derive(Clone, Debug)]
pub enum Removal {
    /// The other statements.
    Left(MergeOutcome),
    /// No statement, and AWS refuses such a policy: the policy itself has to be deleted. With what was removed, one
    /// sentence each.
    Nothing(Vec<String>),
}

/// Removes a grant from a document, whoever added it, and `sts:TagSession` for the same subjects with it. A wider grant
/// is not removed.
///
/// # Errors
/// Not a policy document, or one of the other kind.
pub fn remove(document: &[u8], grant: &Grant) -> Result<Removal, Vec<SpannedError>> {
    let edit = DocumentEdit::read(document, grant)?;
    let mut outcome = MergeOutcome::default();
    let asked = RequestedGrant::all(grant);
    // A merge may have added both actions in one statement or in two, with or without `sts:TagSession`.
    let granted = |statement: &Statement| {
        let actions = listed_actions(statement);
        !actions.is_empty() && edit.is_same_grant(statement, &actions)
    };
    let mut operations = Vec::new();
    let mut removed = 0;
    for statement in edit.text.policy.statements.iter().rev() {
        if let Some(condition) = by_root(&edit, statement) {
            let is_asked = |value: &&Text| asked.iter().any(|asked| asked.arn == value.text);
            let gone: Vec<&Text> = condition.values.iter().filter(is_asked).collect();
            removed += usize::from(gone.len() == condition.values.len());
            operations.extend(edit.remove_values(statement, condition, &gone));
            if !gone.is_empty() {
                let named: Vec<&str> = gone.iter().map(|value| value.text.as_str()).collect();
                outcome.notes.push(format!("{} removed from {}", escape_control(&named.join(", ")), statement.title()));
            }
            continue;
        }
        let Some(listed) = edit.subjects(statement).filter(|_| granted(statement)) else {
            continue;
        };
        let which: Vec<usize> = (0..listed.texts.len())
            .filter(|&at| asked.iter().any(|asked| asked.is_same(&listed.texts[at].text)))
            .collect();
        if which.is_empty() {
            continue;
        }
        removed += usize::from(which.len() == listed.texts.len());
        operations.extend(edit.remove_subjects(statement, listed, &which));
        let named: Vec<&str> = which.iter().map(|&at| listed.texts[at].text.as_str()).collect();
        outcome.notes.push(format!("{} removed from {}", escape_control(&named.join(", ")), statement.title()));
    }
    if removed > 0 && removed == edit.text.policy.statements.len() {
        return Ok(Removal::Nothing(outcome.notes));
    }
    still_granted(&edit, &asked, &granted, &mut outcome);
    if operations.is_empty() {
        outcome.notes.push("nothing to remove: no statement contains this grant".to_owned());
    }
    outcome.plan = edit.text.plan(operations);
    Ok(Removal::Left(outcome))
}

/// The condition on the ARNs of a statement that is the grant for an account's root under that condition.
fn by_root<'s>(edit: &DocumentEdit<'_>, statement: &'s Statement) -> Option<&'s Condition> {
    let actions = listed_actions(statement);
    edit.root_grant(statement, &actions).filter(|_| !actions.is_empty())
}

/// Adds warnings about statements that still allow a subject after the grant is removed, one per statement and subject.
fn still_granted(
    edit: &DocumentEdit<'_>,
    asked: &[RequestedGrant<'_>],
    is_grant: &impl Fn(&Statement) -> bool,
    outcome: &mut MergeOutcome,
) {
    let mut reported = Vec::new();
    for asked in asked {
        for statement in &edit.text.policy.statements {
            let is_value = |condition: &Condition| condition.values.iter().any(|value| value.text == asked.arn);
            let is_removed =
                is_grant(statement) && asked.is_listed_in(statement) || by_root(edit, statement).is_some_and(is_value);
            let truth = asked.matches(&edit.text.policy, statement);
            let stays = statement.effect == Effect::Allow && truth != Truth::No;
            let guarded = asked.is_guarded_by(&edit.text.policy, statement);
            if !is_removed && (stays || guarded) && !reported.contains(&(asked.arn, statement.index)) {
                reported.push((asked.arn, statement.index));
                let how = match (guarded, truth) {
                    (true, _) => "under other conditions",
                    (false, Truth::Maybe) => "for some sessions",
                    _ => "with a wider grant",
                };
                let message = format!("{} still allows {} {how}, and is not removed", statement.title(), asked.arn);
                let warning = SpannedError::new(message, statement.span).help(match edit.grant.is_trust() {
                    true => "to remove it too, pass its conditions (--external-id, --org-id, --session-name), or edit it manually",
                    false => "to remove it too, edit it manually",
                });
                // A subject that may only tag a session can't assume the role.
                match asked.action == TAG_SESSION {
                    true => outcome.warnings.push(warning),
                    false => outcome.shortfalls.push(warning),
                }
            }
        }
    }
}
