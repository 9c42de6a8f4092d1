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
    // The statements as they will be; `None` for one that is removed.
    let mut left: Vec<Option<Statement>> = edit.text.policy.statements.iter().cloned().map(Some).collect();
    for statement in edit.text.policy.statements.iter().rev() {
        let gone: Vec<Text> = if let Some(condition) = by_root(&edit, statement) {
            let is_asked = |value: &&Text| asked.iter().any(|asked| asked.arn == value.text);
            let gone: Vec<&Text> = condition.values.iter().filter(is_asked).collect();
            if gone.len() == condition.values.len() {
                left[statement.index] = None;
            }
            operations.extend(edit.remove_values(statement, condition, &gone));
            gone.into_iter().cloned().collect()
        } else if let Some(listed) = edit.subjects(statement).filter(|_| granted(statement)) {
            let which: Vec<usize> = (0..listed.texts.len())
                .filter(|&at| asked.iter().any(|asked| asked.is_same(&listed.texts[at].text)))
                .collect();
            if which.len() == listed.texts.len() {
                left[statement.index] = None;
            }
            if !which.is_empty() {
                operations.extend(edit.remove_subjects(statement, listed, &which));
            }
            which.iter().map(|&at| listed.texts[at].clone()).collect()
        } else {
            continue;
        };
        if gone.is_empty() {
            continue;
        }
        if let Some(rest) = &mut left[statement.index] {
            without(rest, &gone);
        }
        let named: Vec<&str> = gone.iter().map(|text| text.text.as_str()).collect();
        outcome.notes.push(format!("{} removed from {}", escape_control(&named.join(", ")), statement.title()));
    }
    if left.iter().all(Option::is_none) && !left.is_empty() {
        return Ok(Removal::Nothing(outcome.notes));
    }
    still_granted(&edit, &asked, left.iter().flatten(), &mut outcome);
    if operations.is_empty() {
        outcome.notes.push("nothing to remove: no statement contains this grant".to_owned());
    }
    outcome.plan = edit.text.plan(operations);
    Ok(Removal::Left(outcome))
}

/// Removes texts from the lists of a statement.
fn without(statement: &mut Statement, gone: &[Text]) {
    let stays = |text: &Text| !gone.iter().any(|one| one.span == text.span);
    let types = statement.principals.iter_mut().flat_map(|principals| &mut principals.types);
    types.for_each(|(_, texts)| texts.texts.retain(stays));
    statement.resource.iter_mut().for_each(|resource| resource.patterns.texts.retain(stays));
    statement.conditions.iter_mut().for_each(|condition| condition.values.retain(stays));
}

/// The condition on the ARNs of a statement that is the grant for an account's root under that condition.
fn by_root<'s>(edit: &DocumentEdit<'_>, statement: &'s Statement) -> Option<&'s Condition> {
    let actions = listed_actions(statement);
    edit.root_grant(statement, &actions).filter(|_| !actions.is_empty())
}

/// Adds warnings about statements that still allow a subject after the removal, one per statement and subject. `left` are
/// the statements as they will be.
fn still_granted<'s>(
    edit: &DocumentEdit<'_>,
    asked: &[RequestedGrant<'_>],
    left: impl Iterator<Item = &'s Statement> + Clone,
    outcome: &mut MergeOutcome,
) {
    let mut reported = Vec::new();
    for asked in asked {
        for statement in left.clone() {
            let truth = asked.matches(&edit.text.policy, statement);
            let stays = statement.effect == Effect::Allow && truth != Truth::No;
            let guarded = asked.is_guarded_by(&edit.text.policy, statement)
                && !asked.is_excluded_by(&edit.text.policy, statement);
            if (stays || guarded) && !reported.contains(&(asked.arn, statement.index)) {
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
