//! From a plan to a diff, files, a patch or a report. Everything is proved before anything is printed or written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::input::{Usage, refuse_streams};
use super::patch_names;
use super::printed::{CommandError, ExitStatus, Messages, Printed};
use super::terminal::Terminal;
use crate::cli::{InputArgs, ModeArgs, OutputFormat};
use crate::output::{self, EditedFile, FileDiff, NewFile, Wording};
use lossless_yaml::Edited;
use xaccount::aws::RoleArn;
use xaccount::diag::{Diagnostic, FileId, Location, SourceFiles, escape_control};
use xaccount::files::{FileBytes, Input};
use xaccount::inventory::{self, Inventory, NotJoined, ObjectId, Obstacle};
use xaccount::kustomize::is_kustomization;
use xaccount::plan::{ChangeKind, IdentityFile, Outcome, write_order};
use xaccount::session::{self, Proved, Session};

/// What to do with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Diff,
    Write { exit_code: bool },
    Check,
    Output(OutputFormat),
}

impl Mode {
    pub(crate) fn of(args: &ModeArgs) -> Self {
        match args.output {
            Some(format) => Self::Output(format),
            None if args.write => Self::Write { exit_code: args.exit_code },
            None if args.check => Self::Check,
            None => Self::Diff,
        }
    }
}

/// Refuses inputs that the mode doesn't support.
///
/// # Errors
/// A pipe or a device that would be written; a name for standard input that is missing, or has no effect.
pub(crate) fn refuse_inputs(found: &[Input], args: &InputArgs, mode: Mode, usage: &Usage) -> Result<(), Diagnostic> {
    if matches!(mode, Mode::Write { .. }) {
        refuse_streams(found, usage)?;
    }
    let has_stdin = found.contains(&Input::Stdin);
    match args.stdin_filename {
        Some(_) if !has_stdin => {
            Err(Diagnostic::error("--stdin-filename names standard input, but standard input is not read")
                .help("add -f -"))
        }
        None if has_stdin && mode == Mode::Output(OutputFormat::Patch) => {
            Err(Diagnostic::error("a patch needs a file name, and standard input doesn't have one")
                .help("add --stdin-filename PATH"))
        }
        _ => Ok(()),
    }
}

/// A plan, and what is needed to print or write it.
pub(crate) struct Delivery<'d> {
    pub(crate) mode: Mode,
    pub(crate) session: &'d Session,
    pub(crate) inventory: &'d Inventory,
    pub(crate) outcome: &'d Outcome,
    pub(crate) terminal: &'d Terminal,
    pub(crate) wording: &'d Wording,
}

/// What is kept of a file after its edit was proved.
enum Made {
    Nothing,
    Diff(FileDiff),
    Bytes(Vec<u8>),
}

/// A file to be created, with its proved content.
struct New<'d> {
    path: &'d Path,
    edited: Edited,
    text: Vec<u8>,
}

impl Delivery<'_> {
    /// Proves all edits, then prints or writes them. `messages` are printed first; errors refer to `files`.
    ///
    /// # Errors
    /// A file can't be edited with certainty, and nothing was written; or a file can't be written.
    pub(crate) fn run(
        self,
        mut messages: Messages,
        files: &Rc<impl SourceFiles + 'static>,
    ) -> Result<Printed, CommandError> {
        match self.deliver() {
            Ok((stdout, status)) => {
                let changed = self.outcome.changes.iter().filter_map(|change| change.object);
                messages.plain(
                    self.inventory.overridden(changed.map(|index| &self.inventory[index])).into_iter().collect(),
                );
                messages.plain(self.cut_links());
                Ok(Printed { messages, stdout, summary: self.summary(), status })
            }
            Err(errors) => Err(CommandError::after(messages, files, errors)),
        }
    }

    fn deliver(&self) -> Result<(Vec<u8>, ExitStatus), Vec<Diagnostic>> {
        let by_file = self.changed_objects();
        let proved = self.session.prove(&self.outcome.plans, |file, bytes, edited| {
            self.made(file, bytes, edited, by_file.get(&file).map_or(&[], Vec::as_slice))
        })?;
        let new: Option<New<'_>> = match &self.outcome.new_file {
            None => None,
            Some((path, plan)) => {
                let edited = session::prove_new(plan).map_err(|error| vec![error])?;
                let text = session::content(&edited, &[]).map_err(|error| vec![error])?;
                Some(New { path, edited, text })
            }
        };
        let changed = new.is_some() || proved.iter().any(|one| !one.edited().is_unchanged());
        let found = if changed { ExitStatus::Found } else { ExitStatus::Done };
        let done = |stdout: Vec<u8>| (stdout, ExitStatus::Done);
        let (stdout, status) = match self.mode {
            Mode::Diff => {
                let diffs = seen_from_here(self.diffs(&proved, new.as_ref()));
                let text = output::diff(&diffs, self.terminal.stdout.colour);
                (text.into_bytes(), found)
            }
            Mode::Check => {
                let mut names: Vec<Cow<'_, [u8]>> =
                    proved.iter().map(|one| self.session.path_bytes(one.file())).collect();
                names.extend(new.iter().map(|new| session::path_bytes(new.path)));
                (names.iter().flat_map(|name| [name, &b"\n"[..]].concat()).collect(), found)
            }
            Mode::Write { exit_code } => {
                // Messages show these files as they were.
                proved.iter().for_each(|one| self.session.keep_for_messages(one.file()));
                let order = write_order(self.inventory, self.outcome);
                self.session
                    .write(&proved, new.as_ref().map(|new| (new.path, &new.edited)), &order)
                    .map_err(|error| vec![Diagnostic::error(error.to_string())])?;
                let stdout = self.stdin_result(&proved)?;
                (stdout, if exit_code { found } else { ExitStatus::Done })
            }
            Mode::Output(OutputFormat::Patch) => done(self.patch(self.diffs(&proved, new.as_ref()))?),
            Mode::Output(OutputFormat::Yaml) => done(self.stream(&proved, new.as_ref())?),
            Mode::Output(OutputFormat::JsonPatch) => {
                done(json_text(&output::json_patch(self.inventory, self.outcome).map_err(|error| vec![error])?))
            }
            Mode::Output(OutputFormat::Report) => done(json_text(&output::report(self.inventory, self.outcome))),
        };
        Ok((stdout, status))
    }

    /// Warnings about inputs that were hard links of one file.
    fn cut_links(&self) -> Vec<Diagnostic> {
        if !matches!(self.mode, Mode::Write { .. }) {
            return Vec::new();
        }
        let links = self.session.hard_links().into_iter();
        let links = links.filter(|(a, b)| [a, b].into_iter().any(|file| self.outcome.plans.contains_key(file)));
        let warning = |(a, b): (FileId, FileId)| {
            let [a, b] = [a, b].map(|file| escape_control(self.session.name(file)));
            Diagnostic::warning(format!("{a} and {b} were hard links to one file; now they are two files"))
                .help("a changed file is replaced by a new one: compare the two if they must stay equal")
        };
        links.map(warning).collect()
    }

    /// The lines after the result: what is changed, and a summary.
    fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.mode == Mode::Output(OutputFormat::JsonPatch) {
            let removed = self.outcome.changes.iter().filter(|change| change.kind == ChangeKind::IdentityRemoved);
            lines.extend(removed.filter_map(|change| change.object).map(|index| {
                let title = self.inventory[index].title();
                format!(
                    "{title} is removed, which a JSON patch can't express: use --write, or a patch with $patch: delete"
                )
            }));
            lines.extend(self.outcome.added.iter().map(|added| {
                let role = added.object.pointer("/spec/roleARN").and_then(serde_json::Value::as_str);
                // One with a placeholder is only accepted together with manifests that have some, too.
                let role = role.filter(|role| role.parse::<RoleArn>().is_ok());
                let way = match role {
                    Some(role) => format!("kubectl xaccount identity --role-arn {role} > identity.yaml"),
                    None => "add it as a resource".to_owned(),
                };
                format!("{} is new, which a JSON patch can't express: {way}", added.title)
            }));
        }
        let colour = self.terminal.stderr.colour;
        lines.extend(output::cluster_lines(self.inventory, self.outcome, colour));
        // A blank line between the diff and the summary.
        if self.mode == Mode::Diff && !self.outcome.changes.is_empty() && self.terminal.shows_both() {
            lines.insert(0, String::new());
        }
        let is_written = matches!(self.mode, Mode::Write { .. });
        lines.push(output::summary(self.outcome, self.inventory, is_written, self.wording));
        lines
    }

    /// The objects of the inventory that change, by file.
    fn changed_objects(&self) -> HashMap<FileId, Vec<ObjectId>> {
        let mut by_file: HashMap<FileId, Vec<ObjectId>> = HashMap::new();
        for index in self.outcome.changes.iter().filter_map(|change| change.object) {
            by_file.entry(self.inventory[index].origin.file).or_default().push(index);
        }
        by_file
    }

    /// Titles of the new objects that are added to a file.
    fn added_to(&self, is: impl Fn(&IdentityFile) -> bool) -> Vec<&str> {
        let added = self.outcome.added.iter().filter(|added| is(&added.file));
        added.map(|added| added.title.as_str()).collect()
    }

    fn made(&self, file: FileId, bytes: &[u8], edited: &Edited, changed: &[ObjectId]) -> Result<Made, Diagnostic> {
        Ok(match self.mode {
            Mode::Diff | Mode::Output(OutputFormat::Patch) => {
                let added = self.added_to(|to| matches!(to, IdentityFile::Existing(existing) if *existing == file));
                let path = self.session.path_bytes(file);
                let name = self.session.name(file);
                if changed.is_empty() && added.is_empty() && is_kustomization(name) {
                    return Ok(Made::Diff(output::of_kustomization(&path, name, bytes, edited)));
                }
                let edited_file = EditedFile { file, path: &path, bytes, edited };
                Made::Diff(output::of_file(self.inventory, edited_file, changed, &added))
            }
            Mode::Output(OutputFormat::Yaml) => Made::Bytes(session::content(edited, bytes)?),
            Mode::Write { .. } if *self.session.input(file) == Input::Stdin => {
                Made::Bytes(session::content(edited, bytes)?)
            }
            _ => Made::Nothing,
        })
    }

    fn diffs(&self, proved: &[Proved<Made>], new: Option<&New<'_>>) -> Vec<FileDiff> {
        let mut diffs: Vec<FileDiff> = proved
            .iter()
            .filter_map(|one| match one.made() {
                Made::Diff(diff) => Some(diff.clone()),
                _ => None,
            })
            .collect();
        if let Some(New { path, text, .. }) = new {
            let name = self.session.shown(path);
            let text = String::from_utf8_lossy(text);
            let titles = self.added_to(|to| matches!(to, IdentityFile::New(_))).join(", ");
            diffs.push(output::new_file(NewFile {
                name: &session::path_bytes(path),
                text: &text,
                heading: &format!("{titles}  {}:1", escape_control(&name)),
            }));
        }
        diffs
    }

    fn patch(&self, diffs: Vec<FileDiff>) -> Result<Vec<u8>, Vec<Diagnostic>> {
        match diffs.iter().find_map(|diff| diff.fit().err()) {
            None => {
                let diffs = patch_names::for_git(diffs).map_err(|error| vec![error])?;
                Ok(output::diff(&diffs, false).into_bytes())
            }
            Some(unfit) => {
                let error = Diagnostic::error(unfit.to_string()).help("use --write instead");
                Err(vec![match unfit.last {
                    true => error.help(
                        "or end the file with a newline first, or pass --identity-file, so that nothing is added there",
                    ),
                    false => error,
                }])
            }
        }
    }

    /// The new bytes of standard input, which `--write` prints, as gofmt does.
    fn stdin_result(&self, proved: &[Proved<Made>]) -> Result<Vec<u8>, Vec<Diagnostic>> {
        let stdin = (0..self.session.len()).map(FileId).find(|&file| *self.session.input(file) == Input::Stdin);
        match stdin {
            None => Ok(Vec::new()),
            Some(file) => self.result(file, proved).map(|bytes| bytes.to_vec()),
        }
    }

    /// A file's new content.
    fn result<'p>(&'p self, file: FileId, proved: &'p [Proved<Made>]) -> Result<FileBytes<'p>, Vec<Diagnostic>> {
        match proved.binary_search_by_key(&file, Proved::file).ok().map(|at| proved[at].made()) {
            Some(Made::Bytes(bytes)) => Ok(FileBytes::Kept(bytes)),
            _ => self.session.bytes(file).map_err(|error| vec![error]),
        }
    }

    /// All inputs with their changes, as one stream for `kubectl apply -f -`.
    fn stream<'p>(&'p self, proved: &'p [Proved<Made>], new: Option<&'p New<'_>>) -> Result<Vec<u8>, Vec<Diagnostic>> {
        let mut parts = Vec::with_capacity(self.session.len() + 1);
        for file in (0..self.session.len()).map(FileId) {
            parts.push(self.result(file, proved)?);
        }
        if let Some(new) = new {
            parts.push(FileBytes::Kept(&new.text));
        }
        inventory::joined(&parts).map_err(|error| vec![self.not_joined(&error)])
    }

    /// The error about files that can't be joined. The place is in the original file: an edit never causes the problem.
    fn not_joined(&self, error: &NotJoined) -> Diagnostic {
        let file = FileId(error.file);
        let bytes = if error.file < self.session.len() {
            self.session.bytes(file).unwrap_or_default()
        } else {
            FileBytes::default()
        };
        let span = inventory::obstacle(&bytes).map(|(_, span)| span);
        let (why, help) = match error.obstacle {
            Obstacle::Utf16 => ("it is UTF-16".to_owned(), "or convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW-FILE"),
            Obstacle::TwoMarks => ("it begins with two byte-order marks".to_owned(), "or remove them"),
            Obstacle::Space => (
                "the white space before its first brace is not allowed in JSON".to_owned(),
                "or remove that white space",
            ),
            Obstacle::TextBehindJson => {
                ("kubectl does not read the text after its JSON".to_owned(), "or add a line '---' before that text")
            }
            Obstacle::JsonAlone(what) => (
                format!("kubectl reads {what} correctly only if the whole stream is JSON"),
                "or write that character unescaped or with another escape, or convert the file to YAML",
            ),
        };
        let name = if error.file < self.session.len() { self.session.name(file) } else { "the new file" };
        let mut diagnostic =
            Diagnostic::error(format!("{} can't be joined with the other files: {why}", escape_control(name)));
        if let Some(span) = span {
            diagnostic = diagnostic.at(Location { file, span, window: None }, "");
        }
        diagnostic.help("use --write instead of -o yaml, or pass one file at a time").help(help)
    }
}

/// The diffs with paths relative to the working directory, for files below it.
fn seen_from_here(diffs: Vec<FileDiff>) -> Vec<FileDiff> {
    match std::env::current_dir() {
        Ok(here) => diffs.into_iter().map(|diff| diff.seen_from(&session::path_bytes(&here))).collect(),
        Err(_) => diffs,
    }
}

fn json_text(value: &serde_json::Value) -> Vec<u8> {
    let mut text = format!("{value:#}").into_bytes();
    text.push(b'\n');
    text
}

/// Maximum number of attempts: a run starts again when another one has written the identity file in the meantime.
const ATTEMPTS: usize = 100;

/// The result of an attempt.
pub(crate) enum Attempt {
    /// The run is finished.
    Done(Result<Printed, CommandError>),
    /// Another run has written the identity file first: the error, and the bytes that were read from standard input.
    Outrun(CommandError, Option<Vec<u8>>),
}

/// The content of a file after a plan that changes no other file.
///
/// # Errors
/// The file can't be edited with certainty, or can't be read.
pub(crate) fn content_of(session: &Session, outcome: &Outcome, file: FileId) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let proved = session.prove(&outcome.plans, |_, bytes, edited| session::content(edited, bytes))?;
    match proved.into_iter().next() {
        Some(one) => Ok(one.into_made()),
        None => session.bytes(file).map(|bytes| bytes.to_vec()).map_err(|error| vec![error]),
    }
}

/// Runs attempts until one is finished. After another run has written the identity file, everything is read again.
pub(crate) fn until_done(mut attempt: impl FnMut(Option<&[u8]>) -> Attempt) -> Result<Printed, CommandError> {
    let mut stdin = None;
    for _ in 1..ATTEMPTS {
        match attempt(stdin.as_deref()) {
            Attempt::Done(result) => return result,
            Attempt::Outrun(_, read) => stdin = read,
        }
    }
    match attempt(stdin.as_deref()) {
        Attempt::Done(result) => result,
        Attempt::Outrun(error, _) => Err(error),
    }
}

/// The attempt with this result: outrun if it failed and the identity file has changed since it was read, else done.
pub(crate) fn unless_outrun(
    result: Result<Printed, CommandError>,
    mode: Mode,
    session: &Session,
    file: Option<&IdentityFile>,
) -> Attempt {
    match (result, file) {
        (Err(error), Some(file)) if matches!(mode, Mode::Write { .. }) && session.is_stale(file) => {
            Attempt::Outrun(error, session.stdin())
        }
        (result, _) => Attempt::Done(result),
    }
}
