//! Prints or writes the result for a requested change.

use lossless_yaml::{Edited, Plan, Source};
use serde_json::Value;
use xaccount::diag::{Diagnostic, FileId, Span, SpannedError, escape_control};
use xaccount::iam::limits::{self, PolicyKind};
use xaccount::iam::render::{self, PieceError, PolicyTarget, Side};
use xaccount::iam::{self, DocumentForm, MergeOptions, MergeOutcome, PolicyChange, Removal};
use xaccount::session;

use super::ask::PolicyRequest;
use super::merged::{self, Merging};
use super::owner;
use crate::cli::{ChangeArgs, PolicyArgs, PolicyFormat};
use crate::commands::{CommandError, ExitStatus, Messages, Printed, Terminal};

/// A change, and how to print or write it.
pub(super) struct PolicyDelivery<'d> {
    pub(super) side: Side,
    pub(super) ask: &'d PolicyRequest,
    pub(super) policy: &'d PolicyArgs,
    pub(super) change: &'d ChangeArgs,
    pub(super) policy_name: &'d str,
    pub(super) profile: Option<&'d str>,
    pub(super) terminal: &'d Terminal,
}

/// A document after the grant was added or removed, with a proved edit.
struct Merged {
    outcome: MergeOutcome,
    plan: Plan,
    edited: Edited,
    /// The bare document as it will be.
    text: String,
}

impl PolicyDelivery<'_> {
    /// Prints `document`, or changes the existing document. `messages` are printed first; `hint` describes the result.
    ///
    /// # Errors
    /// The document can't be changed with certainty, or is longer than IAM allows.
    pub(super) fn run(
        &self,
        document: &Value,
        merging: Option<Merging>,
        messages: Messages,
        hint: Option<String>,
    ) -> Result<Printed, CommandError> {
        match merging {
            Some(merging) => self.merge(&merging, messages, hint),
            None => {
                let stdout = self.text(document)?.into_bytes();
                Ok(Printed { messages, summary: hint.into_iter().collect(), ..Printed::of(stdout) })
            }
        }
    }

    /// A document in the requested format.
    ///
    /// # Errors
    /// It is longer than IAM allows, or the format can't contain it.
    pub(super) fn text(&self, document: &Value) -> Result<String, Diagnostic> {
        let text = format!("{document:#}\n");
        self.short_enough(&text, None)?;
        self.formatted(&text)
    }

    fn merge(&self, merging: &Merging, mut messages: Messages, hint: Option<String>) -> Result<Printed, CommandError> {
        let outcome = match self.outcome(merging)? {
            Removal::Left(outcome) => outcome,
            Removal::Nothing(notes) if self.change.allow_empty => {
                let summary = notes.iter().map(|line| escape_control(line).into_owned()).collect();
                return Ok(Printed { messages, summary, ..Printed::of(Vec::new()) });
            }
            Removal::Nothing(_) => return Err(self.nothing_left(merging)),
        };
        let merged = self.merged(merging, outcome)?;
        merging.warn(&merged.outcome, &mut messages);
        let changed = !merged.edited.is_unchanged();
        let status = |found: bool| if found { ExitStatus::Found } else { ExitStatus::Done };
        let found = status(changed || !merged.outcome.shortfalls.is_empty());
        let after_write = status(changed && self.policy.exit_code);
        let file = merging.file().map(std::path::Path::to_owned);
        let (stdout, status) = if self.policy.check {
            (if changed { format!("{}\n", merging.session.name(FileId(0))) } else { String::new() }, found)
        } else if self.policy.write && file.is_some() {
            if changed {
                write(merging, &merged.plan)?;
            }
            (String::new(), after_write)
        } else if let (Some(path), None, false) = (&file, self.policy.output, self.policy.write) {
            let heading = format!("{} policy  {}", self.kind(), escape_control(merging.name()));
            let bytes = self.source(merging).as_bytes();
            (merged::diff(path, bytes, &merged.edited, &heading, self.terminal.stdout.colour), found)
        } else {
            (self.formatted(&merged.text)?, after_write)
        };
        let summary = hint.into_iter().chain(self.meaning(merging, &merged.outcome, changed)).collect();
        Ok(Printed { messages, stdout: stdout.into_bytes(), summary, status })
    }

    fn outcome(&self, merging: &Merging) -> Result<Removal, CommandError> {
        let document = merging.given.document().as_bytes();
        let result = match &self.ask.change {
            PolicyChange::Grant(grant) if self.change.remove => iam::remove(document, grant),
            change => {
                let options = MergeOptions { overwrite: self.change.overwrite };
                change.merge(document, &options).map(Removal::Left)
            }
        };
        result.map_err(|refusals| merging.refused(&refusals))
    }

    /// The error about a document of which nothing is left.
    fn nothing_left(&self, merging: &Merging) -> CommandError {
        let all = Span::new(0, merging.given.document().len());
        let message = "the policy would have no statements left, and AWS refuses such a policy";
        let way = match self.side {
            Side::Trust => "delete the role, or add another principal to its trust policy first".to_owned(),
            Side::Permission => {
                let owner = merging.given.owner();
                format!("delete the policy: {}", owner::deletion(owner, &self.ask.owner.name, self.policy_name))
            }
        };
        merging.refused(&[SpannedError::new(message, all).help(way)])
    }

    fn merged(&self, merging: &Merging, outcome: MergeOutcome) -> Result<Merged, CommandError> {
        let document = merging.given.document();
        // A file is edited as a whole, including the text around the document.
        let source = self.source(merging);
        let offset = if merging.given.form() == DocumentForm::Encoded { 0 } else { merging.given.offset() };
        let after = source.len() - offset - document.len();
        let whole = document_of(source);
        let mut plan = outcome.plan.clone();
        for (object, _) in &mut plan.changes {
            object.document = whole;
            merging.given.place().iter().for_each(|key| object.base.push_back(*key));
        }
        let edited = session::prove_text(source.as_bytes(), &plan).map_err(|error| merging.refused(&[error]))?;
        let whole = session::content(&edited, source.as_bytes())?;
        let whole = String::from_utf8_lossy(&whole).into_owned();
        let mut text = whole[offset..whole.len() - after].to_owned();
        if merging.given.form() != DocumentForm::Bare {
            text.push('\n');
        }
        if !edited.is_unchanged() && !self.change.remove {
            self.short_enough(&text, Some(merging))?;
        }
        Ok(Merged { outcome, plan, edited, text })
    }

    /// The text that is edited.
    fn source<'m>(&self, merging: &'m Merging) -> &'m str {
        match merging.given.form() {
            DocumentForm::Bare | DocumentForm::Wrapped => merging.given.whole(),
            DocumentForm::Encoded => merging.given.document(),
        }
    }

    fn kind(&self) -> &'static str {
        match self.side {
            Side::Trust => "trust",
            Side::Permission => "permissions",
        }
    }

    /// The lines of the summary: what was done, and whether the document changes.
    fn meaning(&self, merging: &Merging, outcome: &MergeOutcome, changed: bool) -> Vec<String> {
        let written = self.policy.write && merging.file().is_some();
        let asks = self.policy.check || self.policy.output.is_none() && merging.file().is_some();
        let last = match (changed, written, merging.given.form()) {
            (false, ..) => format!("{}: nothing to change", merging.name()),
            (true, true, _) => format!("{}: changed", merging.name()),
            (true, false, _) if !asks && merging.file().is_none() => return notes(outcome),
            (true, false, _) if !asks => format!("{}: printed with the change, not written", merging.name()),
            (true, false, DocumentForm::Bare) => format!("{}: would change", merging.name()),
            (true, false, DocumentForm::Wrapped) => format!("{}: the document in it would change", merging.name()),
            (true, false, DocumentForm::Encoded) => {
                format!("{}: the document decoded from it would change", merging.name())
            }
        };
        let mut lines = notes(outcome);
        lines.push(escape_control(&last).into_owned());
        lines
    }

    /// A document in the requested format.
    fn formatted(&self, document: &str) -> Result<String, Diagnostic> {
        let statements = self.ask.change.statements();
        let target = PolicyTarget {
            side: self.side,
            partition: self.ask.owner.partition,
            account: self.ask.owner.account.as_ref(),
            role_name: &self.ask.owner.name,
            role_path: &self.ask.owner.path,
            policy_name: self.policy_name,
            document,
            statements: &statements,
            profile: self.profile,
            arguments: &self.ask.arguments,
            permissions_boundary: self.ask.owner.permissions_boundary.as_deref(),
            remove: self.change.remove,
        };
        let refused = |error: PieceError| refused(&error, error.help());
        if !self.policy.prints_document() {
            target.is_modifiable().map_err(refused)?;
        }
        match self.policy.output {
            None | Some(PolicyFormat::Json) => Ok(document.to_owned()),
            Some(PolicyFormat::Cli) => Ok(match &self.ask.change {
                PolicyChange::Grant(_) => render::script(&target),
                PolicyChange::SourceTrust(trust) => render::source_script(&target, trust),
            }),
            Some(PolicyFormat::Cloudformation) => Ok(render::cloudformation(&target)),
            Some(PolicyFormat::Terraform) => Ok(render::terraform(&target)),
            Some(PolicyFormat::Clusterawsadm) => render::clusterawsadm(&target).map_err(refused),
        }
    }

    /// Refuses a document that is longer than IAM allows.
    fn short_enough(&self, document: &str, merging: Option<&Merging>) -> Result<(), Diagnostic> {
        let owner = merging.and_then(|merging| merging.given.owner());
        let kind = match (self.side, owner) {
            (Side::Trust, _) => PolicyKind::Trust,
            (Side::Permission, Some(owner)) => owner::kind(owner),
            (Side::Permission, None) if self.ask.owner.is_user => PolicyKind::UserInline,
            (Side::Permission, None) => PolicyKind::RoleInline,
        };
        limits::check(document, kind, self.policy.max_size).map_err(|error| refused(&error, error.help()))
    }
}

fn refused(error: &dyn std::error::Error, help: impl IntoIterator<Item = &'static str>) -> Diagnostic {
    help.into_iter().fold(Diagnostic::error(error.to_string()), Diagnostic::help)
}

/// What was done, and what the document already contained.
fn notes(outcome: &MergeOutcome) -> Vec<String> {
    outcome.notes.iter().map(|line| escape_control(line).into_owned()).collect()
}

/// Writes the file of the document.
fn write(merging: &Merging, plan: &Plan) -> Result<(), CommandError> {
    let plans = [(&FileId(0), plan)];
    let proved = merging.session.prove(plans, |_, _, _| Ok(()));
    let proved = proved.map_err(|errors| CommandError::about(&merging.session, errors))?;
    merging.session.write(&proved, None, &[]).map_err(|failed| Diagnostic::error(failed.to_string()).into())
}

/// The span of the only document of a text, without a byte order mark, but with blank lines.
pub(super) fn document_of(source: &str) -> Span {
    let first = Source::new(source.as_bytes()).segments().next();
    first.map_or(Span::new(0, source.len()), |document| document.span)
}
