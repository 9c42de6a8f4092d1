//! The document of `--merge`.

use std::path::Path;
use std::rc::Rc;

use crate::output;
use xaccount::aws::{Partition, RoleArn};
use xaccount::diag::{Diagnostic, FileId, Location, OneSource, Severity, Span, SpannedError};
use xaccount::files::Input;
use xaccount::iam::{DocumentForm, MergeOutcome, PolicyInput, may_show};
use xaccount::session::Session;

use super::manifests::USAGE;
use crate::cli::PolicyArgs;
use crate::commands::{CommandError, Messages, input, progress};

const FILE: FileId = FileId(0);

/// The existing policy document, from a file or standard input.
pub(super) struct Merging {
    pub(super) session: Rc<Session>,
    pub(super) given: PolicyInput,
    pub(super) partition: Option<Partition>,
}

impl Merging {
    /// The document of `--merge`; `None` without that flag.
    ///
    /// # Errors
    /// The document can't be read, is not a policy, or can't be written although `--write` was passed.
    pub(super) fn read(args: &PolicyArgs) -> Result<Option<Self>, CommandError> {
        let Some(path) = &args.merge else { return Ok(None) };
        if path.is_dir() {
            let error = format!("{} is a directory; --merge takes one file", path.display());
            return Err(Diagnostic::error(error).into());
        }
        let found = input::find_paths(std::slice::from_ref(path), false, &USAGE)?;
        let mut session = Session::new(found, &mut std::io::stdin().lock(), None, None, progress::show)?;
        let bytes = session.load(FILE)?;
        let given = PolicyInput::read(&bytes).map_err(|(refusal, bytes)| {
            let window = may_show(&bytes).then(|| Span::new(0, bytes.len()));
            (refusal.in_file(FILE, window), bytes)
        });
        let given = given.map_err(|(error, bytes)| {
            CommandError::about(&Rc::new(OneSource::new(name(&session), bytes)), vec![error])
        })?;
        if args.write {
            writable(&session, &given)?;
        }
        let mut merging = Self { session: Rc::new(session), given, partition: None };
        let partitions = xaccount::iam::partitions(merging.given.document().as_bytes());
        merging.partition = partitions.map_err(|refusal| merging.refused(&[refusal]))?;
        Ok(Some(merging))
    }

    /// The path of the file; `None` for standard input.
    pub(super) fn file(&self) -> Option<&Path> {
        match self.session.input(FILE) {
            Input::File(path) => Some(path),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        name(&self.session)
    }

    /// The role that the policy belongs to, if the AWS CLI's output contains it.
    pub(super) fn role(&self) -> Option<RoleArn> {
        self.given.role_arn()?.parse().ok()
    }

    /// Why the document can't be changed.
    pub(super) fn refused(&self, refusals: &[SpannedError]) -> CommandError {
        let (errors, files) = self.about(refusals, Severity::Error);
        CommandError::about(&files, errors)
    }

    /// Adds warnings about the document.
    pub(super) fn warn(&self, outcome: &MergeOutcome, messages: &mut Messages) {
        let (warnings, files) = self.about(&outcome.warnings, Severity::Warning);
        messages.about(&files, warnings);
        let (shortfalls, files) = self.about(&outcome.shortfalls, Severity::Warning);
        messages.kept(&files, shortfalls);
    }

    /// Diagnostics about the document, with the text that they refer to.
    fn about(&self, refusals: &[SpannedError], severity: Severity) -> (Vec<Diagnostic>, Rc<OneSource>) {
        let whole = self.given.whole();
        let window = Span::new(self.given.offset(), self.given.offset() + self.given.document().len());
        let window = may_show(whole.as_bytes()).then_some(window);
        let diagnostic = |refusal: &SpannedError| {
            let at = Location { file: FILE, span: refusal.span.shifted(self.given.offset()), window };
            let diagnostic = Diagnostic { severity, ..Diagnostic::error(&*refusal.message) }.at(at, "");
            refusal.help.iter().fold(diagnostic, |diagnostic, line| diagnostic.help(line.as_str()))
        };
        let name = match self.given.form() {
            DocumentForm::Encoded => format!("{} (decoded)", self.name()),
            _ => self.name().to_owned(),
        };
        (refusals.iter().map(diagnostic).collect(), Rc::new(OneSource::new(name, whole.as_bytes())))
    }
}

/// Refuses `--write` unless the input is a file that contains only the document.
fn writable(session: &Session, given: &PolicyInput) -> Result<(), Diagnostic> {
    if given.form() != DocumentForm::Bare {
        let what = match given.form() {
            DocumentForm::Encoded => "is percent-encoded",
            _ => "contains more than the document: it is output of the AWS CLI",
        };
        return Err(Diagnostic::error(format!("{} {what}; --write does not replace it", name(session)))
            .help("-o json prints the bare document, which update-assume-role-policy and put-role-policy accept"));
    }
    input::refuse_streams(std::slice::from_ref(session.input(FILE)), &USAGE)
}

fn name(session: &Session) -> &str {
    if *session.input(FILE) == Input::Stdin { "standard input" } else { session.name(FILE) }
}

/// The diff of a document, as text.
pub(super) fn diff(path: &Path, bytes: &[u8], edited: &lossless_yaml::Edited, heading: &str, colour: bool) -> String {
    let path = xaccount::session::path_bytes(path);
    output::diff(&[output::of_document(&path, bytes, edited, heading)], colour)
}
