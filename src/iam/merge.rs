//! Adding a grant to a document, and finding out that it is there already.

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, RemoveOperation, ReplaceOperation};

use super::coverage::Asked;
use super::edit::Edit;
use super::grant::Grant;
use crate::aws::policy::{Effect, Statement, Truth};
use crate::diag::visible;
use crate::lossless::{Plan, Refusal};

/// How a grant is added.
#[derive(Clone, Copy, Debug, Default)]
pub struct MergeOptions {
    /// Replace the conditions under which the same subject is let in already.
    pub overwrite: bool,
}

/// What is to be done to a document.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The change; none where nothing is to be done.
    pub plan: Plan,
    /// What was done, and what was there already: a sentence each.
    pub notes: Vec<String>,
    /// What may defeat the grant, or does not do what it seems to.
    pub warnings: Vec<Refusal>,
}

/// Adds a grant to a document of strict JSON.
///
/// # Errors
/// All of: no policy document, or one of the other kind; a Deny that defeats the grant; the same subject there under other
/// conditions.
pub fn merge(document: &[u8], grant: &Grant, options: &MergeOptions) -> Result<Outcome, Vec<Refusal>> {
    let edit = Edit::read(document, grant)?;
    let mut outcome = Outcome { warnings: edit.stale(), ..Outcome::default() };
    let (defeats, doubts) = edit.denials();
    if !defeats.is_empty() {
        return Err(defeats);
    }
    outcome.warnings.extend(doubts);
    let asked = Asked::all(grant);
    let (granted, missing): (Vec<&Asked<'_>>, Vec<&Asked<'_>>) =
        asked.iter().partition(|asked| edit.grants(asked).next().is_some());
    edit.note_granted(&granted, &mut outcome);
    let mut operations = Vec::new();
    let (rest, removals) = edit.guards(&missing, options, &mut operations, &mut outcome)?;
    // Additions come first: an index behind a removed item would mean another one.
    edit.add(&rest, &mut operations, &mut outcome);
    operations.extend(removals);
    outcome.plan = edit.plan(operations);
    Ok(outcome)
}

/// What is still to be added, and what is to be removed.
type Rest<'a, 'g> = (Vec<&'a Asked<'g>>, Vec<PatchOperation>);

impl Edit<'_> {
    /// Principals that AWS no longer knows by a name.
    fn stale(&self) -> Vec<Refusal> {
        let texts = self.policy.statements.iter().flat_map(Statement::aws_principals);
        let is_id = |text: &str| {
            let id = text.strip_prefix("AROA").or_else(|| text.strip_prefix("AIDA"));
            id.is_some_and(|id| id.len() >= 12 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        };
        texts
            .filter(|text| is_id(&text.text))
            .map(|text| {
                let kind = if text.text.starts_with("AROA") { "role" } else { "user" };
                Refusal::new(format!("{} is the id of a {kind} that was deleted", text.text), text.span)
                    .help(format!("a {kind} made anew under the same name is another one, and is not let in by this"))
                    .help("take the id out, or put the ARN in its place, when you know whose it was")
            })
            .collect()
    }

    /// The Deny statements that defeat the grant, and those that may.
    fn denials(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        let (mut defeats, mut doubts) = (Vec::new(), Vec::new());
        for statement in self.policy.statements.iter().filter(|statement| statement.effect == Effect::Deny) {
            let asked = Asked::all(self.grant);
            let worst = asked
                .iter()
                .map(|asked| (asked.matches(&self.policy, statement), asked))
                .max_by_key(|(truth, _)| *truth);
            let Some((truth, asked)) = worst else { continue };
            let who = asked.arn;
            match truth {
                Truth::Yes => defeats.push(
                    Refusal::new(
                        format!("{} denies {} to {who}, whatever allows it", statement.title(), asked.action),
                        statement.span,
                    )
                    .help("a Deny wins over every Allow: change or remove that statement first"),
                ),
                Truth::Maybe => doubts.push(
                    Refusal::new(format!("{} may deny {} to {who}", statement.title(), asked.action), statement.span)
                        .help("it depends on what is not known here; if AWS answers AccessDenied, look there first"),
                ),
                Truth::No => {}
            }
        }
        (defeats, doubts)
    }

    /// Says what was there already, and what of the request it does not enforce.
    fn note_granted(&self, granted: &[&Asked<'_>], outcome: &mut Outcome) {
        let mut said: Vec<String> = Vec::new();
        for asked in granted {
            let statements: Vec<&Statement> = self.grants(asked).collect();
            let Some(first) = statements.first() else { continue };
            said.push(match asked.is_listed_in(first) {
                true => format!("{} is granted {} already, by {}", asked.arn, asked.action, first.title()),
                false => {
                    format!("{} is granted {} already, by {}, which is wider", asked.arn, asked.action, first.title())
                }
            });
            for (key, values) in self.grant.conditions.keys() {
                let open = statements.iter().find(|statement| {
                    !statement.conditions.iter().any(|condition| condition.demands_one_of(key, &values))
                });
                if let Some(open) = open {
                    let title = open.title();
                    said.push(format!("{key} is not enforced: {title} lets {} in without it", asked.arn));
                }
            }
        }
        said.dedup();
        outcome.notes.extend(said);
    }

    /// The subjects that are there under other conditions: an error, or with `overwrite` their conditions are replaced.
    /// Gives back what is still to be added, and what is to be removed behind that.
    fn guards<'a, 'g>(
        &self,
        missing: &[&'a Asked<'g>],
        options: &MergeOptions,
        operations: &mut Vec<PatchOperation>,
        outcome: &mut Outcome,
    ) -> Result<Rest<'a, 'g>, Vec<Refusal>> {
        let mut rest = missing.to_vec();
        let mut errors = Vec::new();
        let mut removals = Vec::new();
        for statement in self.policy.statements.iter().rev() {
            let guarded: Vec<&Asked<'_>> =
                missing.iter().copied().filter(|asked| asked.is_guarded_by(&self.policy, statement)).collect();
            let Some(first) = guarded.first() else { continue };
            let span = statement.condition_span.unwrap_or(statement.span);
            if !options.overwrite {
                let there = shown(statement);
                let asked =
                    self.grant.conditions.to_value().map_or("no condition".to_owned(), |value| value.to_string());
                errors.push(
                    Refusal::new(format!("{} is let in by {} already, under another condition", first.arn, statement.title()), span)
                        .help(format!("there: {}; asked for: {asked}", visible(&there)))
                        .help("adding the grant beside it would switch that condition off")
                        .help("ask for the same condition (--external-id, --org-id, --session-name), or pass --overwrite to replace it"),
                );
                continue;
            }
            let subjects = self.subjects(statement).filter(|_| self.has_our_shape(statement, self.grant.actions()));
            let Some(listed) = subjects else {
                outcome.warnings.push(
                    Refusal::new(
                        format!("the condition of {} no longer guards {}", statement.title(), first.arn),
                        span,
                    )
                    .help("the grant is added beside it, because that statement says more than this grant"),
                );
                continue;
            };
            let ours: Vec<usize> = (0..listed.texts.len())
                .filter(|&at| guarded.iter().any(|asked| asked.is_same(&listed.texts[at].text)))
                .collect();
            let title = statement.title();
            if ours.len() < listed.texts.len() {
                removals.extend(self.take_out(statement, listed, &ours));
                outcome.notes.push(format!("{} taken out of {title}", first.arn));
                continue;
            }
            let mut pointer = self.policy.pointer(statement);
            pointer.push("Condition".to_owned());
            let path = PointerBuf::from_tokens(&pointer);
            operations.push(match self.grant.conditions.to_value() {
                Some(value) => PatchOperation::Replace(ReplaceOperation { path, value }),
                None => PatchOperation::Remove(RemoveOperation { path }),
            });
            outcome.notes.push(format!("the condition of {title} replaced"));
            rest.retain(|asked| !guarded.iter().any(|guarded| std::ptr::eq(*guarded, *asked)));
        }
        if !errors.is_empty() {
            errors.reverse();
            return Err(errors);
        }
        Ok((rest, removals))
    }

    fn add(&self, missing: &[&Asked<'_>], operations: &mut Vec<PatchOperation>, outcome: &mut Outcome) {
        // Those that lack the same actions share a statement.
        let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
        let mut arns: Vec<&str> = missing.iter().map(|asked| asked.arn).collect();
        arns.dedup();
        for arn in arns {
            let actions: Vec<&str> =
                missing.iter().filter(|asked| asked.arn == arn).map(|asked| asked.action).collect();
            match groups.iter_mut().find(|(there, _)| *there == actions) {
                Some((_, arns)) => arns.push(arn),
                None => groups.push((actions, vec![arn])),
            }
        }
        for (actions, arns) in groups {
            let home = self.policy.statements.iter().find(|statement| self.is_ours(statement, &actions));
            match home.and_then(|home| self.subjects(home).map(|listed| (home, listed))) {
                Some((home, listed)) => {
                    operations.extend(self.join(home, listed, &arns));
                    outcome.notes.push(format!("{} added to {}", arns.join(", "), home.title()));
                }
                None => {
                    operations.push(self.append(self.grant.statement_for(&arns, &actions)));
                    outcome.notes.push(format!("a statement added for {}", arns.join(", ")));
                }
            }
        }
    }
}

/// A statement's conditions in short, for messages.
fn shown(statement: &Statement) -> String {
    let conditions = statement.conditions.iter().map(|condition| {
        let values: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
        format!("{} {} {}", condition.operator.text, condition.key.text, values.join(", "))
    });
    conditions.collect::<Vec<_>>().join(" and ")
}
