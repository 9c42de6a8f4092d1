//! From a plan to what is printed or written. Everything is proved before anything comes out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use crate::output::{self, FileDiff, NewFile, Wording};
use lossless_yaml::Edited;
use xaccount::diag::{Diagnostic, FileId, Location, escape_control};
use xaccount::files::{FileBytes, Input};
use xaccount::inventory::{self, Inventory, NotJoined, Obstacle};
use xaccount::plan::{ChangeKind, IdentityFile, Outcome, write_order};
use xaccount::session::{self, Proved, Session};

use super::{Mode, names};
use crate::cli::OutputFormat;
use crate::commands::{ExitStatus, Printed, Terminal};

/// A plan on its way out.
pub(in crate::commands) struct Delivery<'d> {
    pub(in crate::commands) mode: Mode,
    pub(in crate::commands) inputs: &'d Session,
    pub(in crate::commands) inventory: &'d Inventory,
    pub(in crate::commands) outcome: &'d Outcome,
    pub(in crate::commands) terminal: &'d Terminal,
    pub(in crate::commands) wording: &'d Wording,
}

/// What is made of a file while its bytes are at hand.
enum Made {
    Nothing,
    Diff(FileDiff),
    Bytes(Vec<u8>),
}

/// A file to be made, proved.
struct New<'d> {
    path: &'d Path,
    edited: Edited,
    text: Vec<u8>,
}

impl Delivery<'_> {
    /// Proves all, then prints or writes. `warnings` go to stderr first.
    pub(in crate::commands) fn run(self, warnings: String) -> Printed {
        match self.deliver() {
            Ok((stdout, status)) => {
                Printed { before: warnings + &self.cut_links(), stdout, after: self.meaning(), status }
            }
            Err(errors) => Printed::error(warnings + &self.terminal.diagnostics(&errors, Some(self.inputs))),
        }
    }

    fn deliver(&self) -> Result<(Vec<u8>, ExitStatus), Vec<Diagnostic>> {
        let by_file = self.changed_objects();
        let proved = self.inputs.prove(&self.outcome.plans, |file, bytes, edited| {
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
                let text = output::diff(&diffs, self.terminal.stdout_colour);
                (text.into_bytes(), found)
            }
            Mode::Check => {
                let mut names: Vec<Cow<'_, [u8]>> =
                    proved.iter().map(|one| self.inputs.path_bytes(one.file())).collect();
                names.extend(new.iter().map(|new| session::path_bytes(new.path)));
                (names.iter().flat_map(|name| [name, &b"\n"[..]].concat()).collect(), found)
            }
            Mode::Write { exit_code } => {
                let order = write_order(self.inventory, self.outcome);
                self.inputs
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

    /// What became of inputs that were one file under two names.
    fn cut_links(&self) -> String {
        if !matches!(self.mode, Mode::Write { .. }) {
            return String::new();
        }
        let links = self.inputs.hard_links().into_iter();
        let links = links.filter(|(a, b)| [a, b].into_iter().any(|file| self.outcome.plans.contains_key(file)));
        let warning = |(a, b): (FileId, FileId)| {
            let [a, b] = [a, b].map(|file| escape_control(self.inputs.name(file)));
            Diagnostic::warning(format!("{a} and {b} were hard links of one file, and are two files now"))
                .help("a file that changes is replaced as a whole; compare them if they are to stay equal")
        };
        self.terminal.diagnostics(&links.map(warning).collect::<Vec<_>>(), None)
    }

    /// The lines that say what the result means.
    fn meaning(&self) -> String {
        let mut text = String::new();
        if self.terminal.quiet {
            return text;
        }
        let mut tell = |line: String| text.extend([&line, "\n"]);
        if self.mode == Mode::Output(OutputFormat::JsonPatch) {
            let removed = self.outcome.changes.iter().filter(|change| change.kind == ChangeKind::IdentityRemoved);
            removed.filter_map(|change| change.object).for_each(|index| {
                let title = self.inventory.objects()[index].title();
                tell(format!("{title} goes, which a JSON patch can't say: delete it (--write, or $patch: delete)"));
            });
            self.outcome.added.iter().for_each(|added| {
                let way = "add it as a resource (-o yaml, or --write --identity-file)";
                tell(format!("{} is new, which a JSON patch can't say: {way}", added.title));
            });
        }
        output::cluster_lines(self.inventory, self.outcome).for_each(&mut tell);
        tell(output::summary(self.outcome, self.inventory, matches!(self.mode, Mode::Write { .. }), self.wording));
        text
    }

    /// The run's objects that change, by file.
    fn changed_objects(&self) -> HashMap<FileId, Vec<usize>> {
        let mut by_file: HashMap<FileId, Vec<usize>> = HashMap::new();
        for index in self.outcome.changes.iter().filter_map(|change| change.object) {
            by_file.entry(self.inventory.objects()[index].file).or_default().push(index);
        }
        by_file
    }

    /// Titles of the new objects that go to a file.
    fn added_to(&self, is: impl Fn(&IdentityFile) -> bool) -> Vec<&str> {
        let added = self.outcome.added.iter().filter(|added| is(&added.file));
        added.map(|added| added.title.as_str()).collect()
    }

    fn made(&self, file: FileId, bytes: &[u8], edited: &Edited, changed: &[usize]) -> Result<Made, Diagnostic> {
        Ok(match self.mode {
            Mode::Diff | Mode::Output(OutputFormat::Patch) => {
                let added = self.added_to(|to| matches!(to, IdentityFile::There(existing) if *existing == file));
                let path = self.inputs.path_bytes(file);
                Made::Diff(output::of_file(self.inventory, (file, &path), bytes, edited, changed, &added))
            }
            Mode::Output(OutputFormat::Yaml) => Made::Bytes(session::content(edited, bytes)?),
            Mode::Write { .. } if *self.inputs.input(file) == Input::Stdin => {
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
            let name = self.inputs.shown(path);
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
                let diffs = names::for_git(diffs).map_err(|error| vec![error])?;
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

    /// The new bytes of standard input with `--write`, as gofmt prints them.
    fn stdin_result(&self, proved: &[Proved<Made>]) -> Result<Vec<u8>, Vec<Diagnostic>> {
        let stdin = (0..self.inputs.len()).map(FileId).find(|&file| *self.inputs.input(file) == Input::Stdin);
        match stdin {
            None => Ok(Vec::new()),
            Some(file) => self.result(file, proved).map(|bytes| bytes.to_vec()),
        }
    }

    /// A file's content as it will be.
    fn result<'p>(&'p self, file: FileId, proved: &'p [Proved<Made>]) -> Result<FileBytes<'p>, Vec<Diagnostic>> {
        match proved.binary_search_by_key(&file, Proved::file).ok().map(|at| proved[at].made()) {
            Some(Made::Bytes(bytes)) => Ok(FileBytes::Kept(bytes)),
            _ => self.inputs.bytes(file).map_err(|error| vec![error]),
        }
    }

    /// All inputs with their changes as one stream that `kubectl apply -f -` takes.
    fn stream<'p>(&'p self, proved: &'p [Proved<Made>], new: Option<&'p New<'_>>) -> Result<Vec<u8>, Vec<Diagnostic>> {
        let mut parts = Vec::with_capacity(self.inputs.len() + 1);
        for file in (0..self.inputs.len()).map(FileId) {
            parts.push(self.result(file, proved)?);
        }
        if let Some(new) = new {
            parts.push(FileBytes::Kept(&new.text));
        }
        inventory::joined(&parts).map_err(|error| vec![self.not_joined(&error)])
    }

    /// Why there is no stream. The place is one of the file as it is; what is edited there never is what is in the way.
    fn not_joined(&self, error: &NotJoined) -> Diagnostic {
        let file = FileId(error.file);
        let bytes = if error.file < self.inputs.len() {
            self.inputs.bytes(file).unwrap_or_default()
        } else {
            FileBytes::default()
        };
        let span = inventory::obstacle(&bytes).map(|(_, span)| span);
        let (why, help) = match error.obstacle {
            Obstacle::Utf16 => ("it is UTF-16".to_owned(), "or convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW-FILE"),
            Obstacle::TwoMarks => ("it begins with two byte-order marks".to_owned(), "or remove them"),
            Obstacle::Space => {
                ("the white space before its first brace is none for JSON".to_owned(), "or remove that white space")
            }
            Obstacle::TextBehindJson => (
                "text follows its JSON that kubectl does not read there".to_owned(),
                "or put a line '---' before that text",
            ),
            Obstacle::JsonAlone(what) => (
                format!("kubectl reads {what} as it is only where the whole stream is JSON"),
                "or write that character as another escape or as it is, or convert the file to YAML",
            ),
        };
        let name = if error.file < self.inputs.len() { self.inputs.name(file) } else { "the new file" };
        let mut diagnostic =
            Diagnostic::error(format!("{} can't be joined with the other files: {why}", escape_control(name)));
        if let Some(span) = span {
            diagnostic = diagnostic.at(Location { file, span, window: None }, "");
        }
        diagnostic.help("use --write instead of -o yaml, or name one file at a time").help(help)
    }
}

/// An absolute path below the working directory is shown as a relative one.
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
