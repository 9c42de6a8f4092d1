//! Removes a grant from a document.

use super::coverage::RequestedGrant;
use super::edit::DocumentEdit;
use super::grant::Grant;
use super::merge::MergeOutcome;
use crate::aws::policy::{Effect, Statement, Truth};
use crate::diag::{Span, SpannedError, escape_control};

/// Removes a grant from a document, whoever added it. A wider grant is not removed.
///
/// # Errors
/// Not a policy document, or one of the other kind, or one that would have no statements left.
pub fn remove(document: &[u8], grant: &Grant) -> Result<MergeOutcome, Vec<SpannedError>> {
    let edit = DocumentEdit::read(document, grant)?;
    let mut outcome = MergeOutcome::default();
    let asked = RequestedGrant::all(grant);
    let actions = grant.actions();
    // A merge may have added the actions in two statements, or an older one all actions under all conditions.
    let granted = |statement: &Statement| {
        edit.is_same_grant(statement, actions) || actions.iter().any(|action| edit.is_same_grant(statement, &[action]))
    };
    let mut operations = Vec::new();
    let mut removed = 0;
    for statement in edit.policy.statements.iter().rev() {
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
    if removed > 0 && removed == edit.policy.statements.len() {
        let way = if grant.is_trust() {
            "delete the role, or add another principal to its trust policy first"
        } else {
            "delete the inline policy instead: aws iam delete-role-policy --role-name ROLE --policy-name NAME"
        };
        let all = Span::new(0, document.len());
        return Err(vec![
            SpannedError::new("the policy would have no statements left, and AWS refuses such a policy", all).help(way),
        ]);
    }
    outcome.warnings = still_granted(&edit, &asked, &granted);
    if operations.is_empty() {
        outcome.notes.push("nothing to remove: no statement contains this grant".to_owned());
    }
    outcome.plan = edit.plan(operations);
    Ok(outcome)
}

/// Warnings about statements that still allow a subject after the grant is removed, one per statement and subject.
fn still_granted(
    edit: &DocumentEdit<'_>,
    asked: &[RequestedGrant<'_>],
    is_grant: &impl Fn(&Statement) -> bool,
) -> Vec<SpannedError> {
    let mut reported = Vec::new();
    let mut warnings = Vec::new();
    for asked in asked {
        for statement in &edit.policy.statements {
            let is_removed = is_grant(statement) && asked.is_listed_in(statement);
            let truth = asked.matches(&edit.policy, statement);
            let stays = statement.effect == Effect::Allow && truth != Truth::No;
            let guarded = asked.is_guarded_by(&edit.policy, statement);
            if !is_removed && (stays || guarded) && !reported.contains(&(asked.arn, statement.index)) {
                reported.push((asked.arn, statement.index));
                let how = match (guarded, truth) {
                    (true, _) => "under other conditions",
                    (false, Truth::Maybe) => "for some sessions",
                    _ => "with a wider grant",
                };
                let message = format!("{} still allows {} {how}, and is not removed", statement.title(), asked.arn);
                warnings.push(
                    SpannedError::new(message, statement.span)
                        .help("to remove it too, pass its conditions and actions as flags, or edit it manually"),
                );
            }
        }
    }
    warnings
}
