//! `--merge`: adds what a policy lacks.

use lossless_yaml::Plan;
use xaccount::diag::{Diagnostic, FileId, escape_control};
use xaccount::iam::DocumentForm;
use xaccount::iam::limits;
use xaccount::iam::target_permission::added;
use xaccount::session;

use super::policy::Policy;
use crate::cli::{PolicyArgs, PolicyFormat, TargetPermission as Args};
use crate::commands::iam::merged::{self, Merging};
use crate::commands::iam::{deliver, owner};
use crate::commands::{CommandError, ExitStatus, Messages, Printed, Terminal};

/// The policy flags of the other verbs, with those that this verb has.
pub(super) fn flags(args: &Args) -> PolicyArgs {
    PolicyArgs {
        merge: args.merge.clone(),
        dry_run: args.dry_run.clone(),
        write: args.write,
        check: args.check,
        output: args.output,
        exit_code: args.exit_code,
        max_size: None,
    }
}

/// Adds the statements to the document.
///
/// # Errors
/// A form of `-o` that takes no document, or a document that can't be changed with certainty.
pub(super) fn run(policy: &Policy<'_>, merging: &Merging, terminal: &Terminal) -> Result<Printed, CommandError> {
    let args = policy.args;
    if args.output.is_some_and(|format| format != PolicyFormat::Json) {
        let error = "--merge can be combined with -o json only: the other formats have policies of their own";
        return Err(Diagnostic::error(error).help("omit --merge or -o").into());
    }
    let document = merging.given.document();
    let outcome = added(document.as_bytes(), &policy.statements, &policy.target.surroundings, &policy.target.uses)
        .map_err(|refusals| merging.refused(&refusals))?;
    let mut messages = Messages::default();
    messages.plain(outcome.warnings.iter().map(|warning| Diagnostic::warning(warning.as_str())).collect());
    // A file is edited as a whole, including the text around the document.
    let is_encoded = merging.given.form() == DocumentForm::Encoded;
    let source = if is_encoded { document } else { merging.given.whole() };
    let offset = if is_encoded { 0 } else { merging.given.offset() };
    let after = source.len() - offset - document.len();
    let mut plan = outcome.plan.clone();
    for (object, _) in &mut plan.changes {
        object.document = deliver::document_of(source);
        merging.given.place().iter().for_each(|key| object.base.push_back(*key));
    }
    let edited = session::prove_text(source.as_bytes(), &plan).map_err(|error| merging.refused(&[error]))?;
    let whole = session::content(&edited, source.as_bytes())?;
    let whole = String::from_utf8_lossy(&whole).into_owned();
    let mut text = whole[offset..whole.len() - after].to_owned();
    if merging.given.form() != DocumentForm::Bare {
        text.push('\n');
    }
    let changed = !edited.is_unchanged();
    if changed {
        short_enough(&text, merging)?;
    }
    let found = if changed { ExitStatus::Found } else { ExitStatus::Done };
    let after_write = if changed && args.exit_code { ExitStatus::Found } else { ExitStatus::Done };
    let (stdout, status) = match (merging.file(), args) {
        _ if args.check => (if changed { format!("{}\n", merging.name()) } else { String::new() }, found),
        (Some(_), Args { write: true, .. }) => {
            if changed {
                write(merging, &plan)?;
            }
            (String::new(), after_write)
        }
        (Some(path), Args { output: None, .. }) => {
            let heading = format!("permissions policy  {}", escape_control(merging.name()));
            (merged::diff(path, source.as_bytes(), &edited, &heading, terminal.stdout.colour), found)
        }
        _ => (text, after_write),
    };
    let mut summary = outcome.notes;
    let name = escape_control(merging.name()).into_owned();
    summary.push(match (changed, args.write && merging.file().is_some()) {
        (false, _) => format!("{name}: nothing to change"),
        (true, true) => format!("{name}: changed"),
        (true, false) if args.output.is_some() || merging.file().is_none() => {
            format!("{name}: printed with the change, not written")
        }
        (true, false) => format!("{name}: would change"),
    });
    Ok(Printed { messages, stdout: stdout.into_bytes(), summary, status })
}

/// Refuses a document that is longer than IAM allows.
fn short_enough(text: &str, merging: &Merging) -> Result<(), Diagnostic> {
    let kind = merging.given.owner().map_or(limits::PolicyKind::RoleInline, owner::kind);
    limits::check(text, kind, None).map_err(|error| {
        Diagnostic::error(error.to_string()).help(
            "choose the feature groups with --only-features, or write further managed policies with --output-dir DIR",
        )
    })
}

/// Writes the file of the document.
fn write(merging: &Merging, plan: &Plan) -> Result<(), CommandError> {
    let proved = merging.session.prove([(&FileId(0), plan)], |_, _, _| Ok(()));
    let proved = proved.map_err(|errors| CommandError::about(&merging.session, errors))?;
    merging.session.write(&proved, None, &[]).map_err(|failed| Diagnostic::error(failed.to_string()).into())
}
