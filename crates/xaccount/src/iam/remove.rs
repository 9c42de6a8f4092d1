//! Taking a grant out of a document.

use super::coverage::RequestedGrant;
use super::edit::DocumentEdit;
use super::grant::Grant;
use super::merge::MergeOutcome;
use crate::aws::policy::{Effect, Statement, Truth};
use crate::diag::{Span, SpannedError, escape_control};

/// Takes a grant out of a document, whoever added it. A wider grant stays.
///
/// # Errors
/// No policy document, or one of the other kind; nothing would be left of it.
pub fn remove(document: &[u8], grant: &Grant) -> Result<MergeOutcome, Vec<SpannedError>> {
    let edit = DocumentEdit::read(document, grant)?;
    let mut outcome = MergeOutcome::default();
    let asked = RequestedGrant::all(grant);
    let actions = grant.actions();
    // One merge may have added the actions in two statements, and older ones put all of them under all conditions.
    let granted = |statement: &Statement| {
        edit.is_ours(statement, actions) || actions.iter().any(|action| edit.is_ours(statement, &[action]))
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
        operations.extend(edit.take_out(statement, listed, &which));
        let named: Vec<&str> = which.iter().map(|&at| listed.texts[at].text.as_str()).collect();
        outcome.notes.push(format!("{} taken out of {}", escape_control(&named.join(", ")), statement.title()));
    }
    if removed > 0 && removed == edit.policy.statements.len() {
        let way = if grant.is_trust() {
            "a role must trust someone: delete the role, or add another principal first"
        } else {
            "delete the inline policy instead: aws iam delete-role-policy --role-name ROLE --policy-name NAME"
        };
        let all = Span::new(0, document.len());
        return Err(vec![
            SpannedError::new("nothing would be left of the policy, and AWS refuses an empty one", all).help(way),
        ]);
    }
    outcome.warnings = still_granted(&edit, &asked, &granted);
    if operations.is_empty() {
        outcome.notes.push("nothing to take out: no statement is this grant".to_owned());
    }
    outcome.plan = edit.plan(operations);
    Ok(outcome)
}

/// The statements that let a subject of the grant in after it is taken out, once for each subject.
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
                    _ => "more widely",
                };
                let message = format!("{} still lets {} in {how}, and stays", statement.title(), asked.arn);
                warnings.push(
                    SpannedError::new(message, statement.span)
                        .help("to take that out, too: ask for its conditions and actions, or change it by hand"),
                );
            }
        }
    }
    warnings
}
