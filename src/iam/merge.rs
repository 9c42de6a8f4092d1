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
    let mut outcome = Outcome { warnings: edit.oddities(), ..Outcome::default() };
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

/// All actions that a grant can have.
const ACTIONS: [&str; 2] = ["sts:AssumeRole", "sts:TagSession"];

/// What is still to be added, and what is to be removed.
type Rest<'a, 'g> = (Vec<&'a Asked<'g>>, Vec<PatchOperation>);

impl Edit<'_> {
    /// What is not as its author thought, whoever asks: principals that AWS no longer knows by a name, elements that it does not
    /// know, and `NotPrincipal`.
    fn oddities(&self) -> Vec<Refusal> {
        let mut odd = Vec::new();
        let is_id = |text: &str| {
            let id = text.strip_prefix("AROA").or_else(|| text.strip_prefix("AIDA"));
            id.is_some_and(|id| id.len() >= 12 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        };
        for statement in &self.policy.statements {
            for text in statement.aws_principals().filter(|text| is_id(&text.text)) {
                let kind = if text.text.starts_with("AROA") { "role" } else { "user" };
                odd.push(
                    Refusal::new(format!("{} is the id of a {kind} that was deleted", text.text), text.span)
                        .help(format!("a {kind} made anew under the same name is another one, and is not let in by this"))
                        .help("put the ARN in its place when you know whose it was, else take it out: AWS may refuse to save a policy with it"),
                );
            }
            for name in &statement.unknown {
                let message =
                    format!("{} has an element that IAM does not know: {}", statement.title(), visible(&name.text));
                odd.push(Refusal::new(message, name.span).help("is it misspelt? The statement counts as no grant"));
            }
            if let Some(principals) = statement.principals.as_ref().filter(|principals| principals.not) {
                let message = format!("{} has NotPrincipal, which AWS advises against", statement.title());
                odd.push(Refusal::new(message, principals.span).help(
                    "whom it leaves out depends on the role, its account and the session: a Deny for all with a condition on aws:PrincipalArn is certain",
                ));
            }
        }
        odd
    }

    /// The Deny statements that defeat the grant, and those that may.
    fn denials(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        let (mut defeats, mut doubts) = (Vec::new(), Vec::new());
        for statement in self.policy.statements.iter().filter(|statement| statement.effect == Effect::Deny) {
            let asked = Asked::all(self.grant);
            let truths: Vec<(Truth, &Asked<'_>)> =
                asked.iter().map(|asked| (asked.matches(&self.policy, statement), asked)).collect();
            let Some(&(truth, asked)) = truths.iter().max_by_key(|(truth, _)| *truth) else { continue };
            let mut who: Vec<&str> =
                truths.iter().filter(|(other, _)| *other == truth).map(|(_, asked)| asked.arn).collect();
            who.dedup();
            let who = who.join(", ");
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
                let enforces = |statement: &&&Statement| {
                    statement.conditions.iter().any(|condition| condition.demands_one_of(key, &values))
                };
                for open in statements.iter().filter(|statement| !enforces(statement)) {
                    let title = open.title();
                    let others = open.conditions.iter().find(|condition| condition.narrows(key));
                    said.push(match others {
                        Some(condition) => {
                            let texts: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
                            format!("{key} is enforced less strictly: {title} takes {}", texts.join(", "))
                        }
                        None => format!("{key} is not enforced: {title} lets {} in without it", asked.arn),
                    });
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
            let guards = |asked: &&Asked<'_>| asked.is_guarded_by(&self.policy, statement);
            let guarded: Vec<&Asked<'_>> = missing.iter().copied().filter(guards).collect();
            let Some(first) = guarded.first() else { continue };
            let (title, there) = (statement.title(), shown(statement));
            let span = statement.condition_span.unwrap_or(statement.span);
            let says = if self.grant.is_trust() { "is let in" } else { "may be assumed" };
            let same = guarded.iter().any(|asked| asked.is_meant_by(&self.policy, statement));
            if same && !options.overwrite {
                let asked = self.grant.conditions.shown();
                let way = if self.grant.is_trust() {
                    "ask for the same condition (--external-id, --org-id, --session-name), or pass --overwrite to replace it"
                } else {
                    "pass --overwrite to replace the condition"
                };
                errors.push(
                    Refusal::new(format!("{} {says} by {title} already, under another condition", first.arn), span)
                        .help(format!("there: {}; asked for: {asked}", visible(&there)))
                        .help("adding the grant beside it would switch that condition off")
                        .help(way),
                );
                continue;
            }
            let subjects = self.subjects(statement).filter(|_| self.has_our_shape(statement, &ACTIONS));
            let listed = subjects.filter(|_| same).map(|listed| {
                let of_these = |&at: &usize| guarded.iter().any(|asked| asked.is_same(&listed.texts[at].text));
                (listed, (0..listed.texts.len()).filter(of_these).collect::<Vec<_>>())
            });
            let Some((listed, ours)) = listed.filter(|(_, ours)| !ours.is_empty()) else {
                outcome.warnings.push(
                    Refusal::new(format!("the condition of {title} does not hold for what is added: {} {says} without it", first.arn), span)
                        .help(format!("there: {}", visible(&there)))
                        .help("that statement is about more than this grant, and stays; change it by hand if nobody else needs it"),
                );
                continue;
            };
            let all = ours.len() == listed.texts.len();
            // What another statement was made to say already is not said twice.
            let again = guarded.iter().all(|asked| !rest.iter().any(|other| std::ptr::eq(*other, *asked)));
            if !all || again {
                removals.extend(self.take_out(statement, listed, &ours));
                outcome.notes.push(format!("{} taken out of {title}, whose condition was {there}", first.arn));
                continue;
            }
            let mut pointer = self.policy.pointer(statement);
            pointer.push("Condition".to_owned());
            let path = PointerBuf::from_tokens(&pointer);
            operations.push(match self.grant.conditions.to_value() {
                Some(value) => PatchOperation::Replace(ReplaceOperation { path, value }),
                None => PatchOperation::Remove(RemoveOperation { path }),
            });
            outcome.notes.push(format!("the condition of {title} replaced; it was {there}"));
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
