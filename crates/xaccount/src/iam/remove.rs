//! Taking a grant out of a document.

use super::coverage::Asked;
use super::edit::Edit;
use super::grant::Grant;
use super::merge::Outcome;
use crate::aws::policy::{Effect, Statement, Truth};
use crate::diag::{Span, SpannedError, visible};

/// Takes a grant out of a document, whoever added it. A wider grant stays.
///
/// # Errors
/// No policy document, or one of the other kind; nothing would be left of it.
pub fn remove(document: &[u8], grant: &Grant) -> Result<Outcome, Vec<SpannedError>> {
    let edit = Edit::read(document, grant)?;
    let mut outcome = Outcome::default();
    let asked = Asked::all(grant);
    let actions = grant.actions();
    // One merge may have added the actions in two statements, and older ones put all of them under all conditions.
    let ours = |statement: &Statement| {
        edit.is_ours(statement, actions) || actions.iter().any(|action| edit.is_ours(statement, &[action]))
    };
    let mut operations = Vec::new();
    let mut gone = 0;
    for statement in edit.policy.statements.iter().rev() {
        let Some(listed) = edit.subjects(statement).filter(|_| ours(statement)) else {
            continue;
        };
        let which: Vec<usize> = (0..listed.texts.len())
            .filter(|&at| asked.iter().any(|asked| asked.is_same(&listed.texts[at].text)))
            .collect();
        if which.is_empty() {
            continue;
        }
        gone += usize::from(which.len() == listed.texts.len());
        operations.extend(edit.take_out(statement, listed, &which));
        let named: Vec<&str> = which.iter().map(|&at| listed.texts[at].text.as_str()).collect();
        outcome.notes.push(format!("{} taken out of {}", visible(&named.join(", ")), statement.title()));
    }
    if gone > 0 && gone == edit.policy.statements.len() {
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
    let mut said = Vec::new();
    for asked in &asked {
        for statement in &edit.policy.statements {
            let is_gone = ours(statement) && asked.is_listed_in(statement);
            let truth = asked.matches(&edit.policy, statement);
            let stays = statement.effect == Effect::Allow && truth != Truth::No;
            let guarded = asked.is_guarded_by(&edit.policy, statement);
            if !is_gone && (stays || guarded) && !said.contains(&(asked.arn, statement.index)) {
                said.push((asked.arn, statement.index));
                let how = match (guarded, truth) {
                    (true, _) => "under other conditions",
                    (false, Truth::Maybe) => "for some sessions",
                    _ => "more widely",
                };
                let message = format!("{} still lets {} in {how}, and stays", statement.title(), asked.arn);
                outcome.warnings.push(
                    SpannedError::new(message, statement.span)
                        .help("to take that out, too: ask for its conditions and actions, or change it by hand"),
                );
            }
        }
    }
    if operations.is_empty() {
        outcome.notes.push("nothing to take out: no statement is this grant".to_owned());
    }
    outcome.plan = edit.plan(operations);
    Ok(outcome)
}
