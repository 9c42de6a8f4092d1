//! The document of `--merge`.

use std::path::Path;

use crate::output;
use xaccount::aws::{Partition, RoleArn};
use xaccount::diag::SpannedError;
use xaccount::diag::{Diagnostic, FileId, Location, Severity, Span};
use xaccount::files::{self, FileBytes, Input};
use xaccount::iam::{DocumentForm, PolicyInput, may_show};
use xaccount::session::Session;

use super::manifests::find_error;
use crate::cli::PolicyArgs;
use crate::commands::{Terminal, progress};

const FILE: FileId = FileId(0);

/// What stands in the file or on standard input.
pub(super) struct Merging {
    pub(super) inputs: Session,
    pub(super) given: PolicyInput,
    pub(super) partition: Option<Partition>,
}

impl Merging {
    /// The document that the flags name; `None` without one. The error is text for stderr.
    pub(super) fn read(args: &PolicyArgs, terminal: &Terminal) -> Result<Option<Self>, String> {
        let Some(path) = &args.merge else { return Ok(None) };
        let text = |error: Diagnostic| terminal.diagnostics(&[error], None);
        if path.is_dir() {
            return Err(text(Diagnostic::error(format!(
                "{} is a directory; --merge takes one document",
                path.display()
            ))));
        }
        let found = files::find(std::slice::from_ref(path), false).map_err(|error| text(find_error(&error)))?;
        let mut inputs = Session::new(found, &mut std::io::stdin().lock(), None, None, progress).map_err(text)?;
        let bytes = inputs.load(FILE).map_err(text)?;
        let given = PolicyInput::read(&bytes).map_err(|(refusal, bytes)| {
            let window = may_show(&bytes).then(|| Span::new(0, bytes.len()));
            shown(terminal, name(&inputs), &bytes, &[refusal.in_file(FILE, window)])
        })?;
        if args.write && given.form() != DocumentForm::Bare {
            let what = match given.form() {
                DocumentForm::Encoded => "is percent-encoded",
                _ => "holds an answer of the AWS CLI, with the document inside",
            };
            let error = Diagnostic::error(format!("{} {what}: it is not written over", name(&inputs)))
                .help("-o json prints the bare document, which update-assume-role-policy and put-role-policy take");
            return Err(text(error));
        }
        if args.write
            && let Input::Stream(path) = inputs.input(FILE)
        {
            let error = Diagnostic::error(format!("{} is a pipe or a device and can't be written", path.display()));
            return Err(text(error.help("use -o json and redirect the output")));
        }
        let mut merging = Self { inputs, given, partition: None };
        let partitions = xaccount::iam::partitions(merging.given.document().as_bytes());
        merging.partition = match partitions {
            Ok(partition) => partition,
            Err(refusal) => return Err(merging.text(&[refusal], Severity::Error, terminal)),
        };
        Ok(Some(merging))
    }

    /// Whether it is a file that can be written.
    pub(super) fn file(&self) -> Option<&Path> {
        match self.inputs.input(FILE) {
            Input::File(path) => Some(path),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        name(&self.inputs)
    }

    /// The role that it belongs to, where the AWS CLI said it.
    pub(super) fn role(&self) -> Option<RoleArn> {
        self.given.role_arn()?.parse().ok()
    }

    /// Refusals about the document, as text.
    pub(super) fn text(&self, refusals: &[SpannedError], severity: Severity, terminal: &Terminal) -> String {
        let whole = self.given.whole();
        let window = Span::new(self.given.offset(), self.given.offset() + self.given.document().len());
        let window = may_show(whole.as_bytes()).then_some(window);
        let diagnostics: Vec<Diagnostic> = refusals
            .iter()
            .map(|refusal| {
                let at = Location { file: FILE, span: refusal.span.shifted(self.given.offset()), window };
                let diagnostic = match severity {
                    Severity::Error => Diagnostic::error(&*refusal.message),
                    _ => Diagnostic::warning(&*refusal.message),
                };
                refusal.help.iter().fold(diagnostic.at(at, ""), |diagnostic, line| diagnostic.help(line.as_str()))
            })
            .collect();
        let name = match self.given.form() {
            DocumentForm::Encoded => format!("{} (decoded)", self.name()),
            _ => self.name().to_owned(),
        };
        shown(terminal, &name, whole.as_bytes(), &diagnostics)
    }
}

fn name(inputs: &Session) -> &str {
    if *inputs.input(FILE) == Input::Stdin { "standard input" } else { inputs.name(FILE) }
}

fn shown(terminal: &Terminal, name: &str, bytes: &[u8], diagnostics: &[Diagnostic]) -> String {
    terminal.rendered(diagnostics, |_| (name.to_owned(), Some(FileBytes::Kept(bytes))))
}

/// The diff of a document, as text.
pub(super) fn diff(path: &Path, bytes: &[u8], edited: &lossless_yaml::Edited, heading: &str, colour: bool) -> String {
    let path = xaccount::session::path_bytes(path);
    output::diff(&[output::of_document(&path, bytes, edited, heading)], colour)
}
