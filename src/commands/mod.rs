//! One file per verb: arguments to the library, its answers to text.

pub(crate) mod completion;
pub(crate) mod eject;
pub(crate) mod explain;
pub(crate) mod function;
pub(crate) mod iam;
pub(crate) mod identity;
pub(crate) mod inject;
pub(crate) mod lint;
mod map;
pub(crate) mod status;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{ColorWhen, Global};
use crate::output;
use xaccount::diag::{Diagnostic, FileId, Severity};
use xaccount::files::{FileBytes, Input};
use xaccount::inventory::{Inventory, SetAside, SkipReason};
use xaccount::patches::{Patches, SearchRoots};
use xaccount::session::Session;

/// What the program says by its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It did what was asked.
    Done,
    /// The answer to a question is yes: something would change.
    Found,
    /// An error or wrong usage.
    Error,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Done => Self::SUCCESS,
            ExitStatus::Found => Self::from(1),
            ExitStatus::Error => Self::from(2),
        }
    }
}

/// What is to be printed, in this order. Nothing is printed before all is known.
pub(crate) struct Printed {
    /// For stderr: warnings, or the error.
    pub(crate) before: String,
    pub(crate) stdout: Vec<u8>,
    /// For stderr: what the result means.
    pub(crate) after: String,
    pub(crate) status: ExitStatus,
}

impl Printed {
    /// An error: nothing on stdout.
    pub(crate) fn error(text: String) -> Self {
        Self { before: text, stdout: Vec::new(), after: String::new(), status: ExitStatus::Error }
    }
}

/// What is known of the streams, and how much to say.
pub(crate) struct Terminal {
    pub(crate) stdout_colour: bool,
    pub(crate) stderr_colour: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
    /// What is said first, whatever comes of the run.
    first: Mutex<Vec<Diagnostic>>,
}

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let colour = |auto: anstream::ColorChoice| match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => auto != anstream::ColorChoice::Never,
        };
        Self {
            stdout_colour: colour(AutoStream::choice(&std::io::stdout())),
            stderr_colour: colour(AutoStream::choice(&std::io::stderr())),
            quiet: global.quiet,
            verbose: global.verbose,
            first: Mutex::default(),
        }
    }

    /// Says something before all else, whatever comes of the run.
    pub(crate) fn say_first(&self, diagnostic: Diagnostic) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic);
    }

    /// What is said before all else, as text.
    pub(crate) fn first_messages(&self) -> String {
        self.diagnostics(&self.first.lock().unwrap_or_else(PoisonError::into_inner), None)
    }

    /// Diagnostics as text; warnings only where they are wanted. `inputs` shows the lines that they are about.
    pub(crate) fn diagnostics(&self, diagnostics: &[Diagnostic], inputs: Option<&Session>) -> String {
        self.rendered(diagnostics, |file| match inputs {
            Some(inputs) => (inputs.name(file).to_owned(), inputs.bytes(file).ok()),
            None => (String::new(), None),
        })
    }

    /// Diagnostics as text, about files whose names and bytes `file` gives.
    pub(crate) fn rendered<'f>(
        &self,
        diagnostics: &[Diagnostic],
        file: impl Fn(FileId) -> (String, Option<FileBytes<'f>>),
    ) -> String {
        const MOST: usize = 20;
        let wanted = diagnostics.iter().filter(|one| !self.quiet || one.severity == Severity::Error);
        let mut text = String::new();
        // However many warnings there are, an error behind them is shown.
        let mut shown = [0; 2];
        for diagnostic in wanted.clone() {
            let count = &mut shown[usize::from(diagnostic.severity == Severity::Error)];
            *count += 1;
            if *count <= MOST {
                text.push_str(&output::diagnostics(diagnostic, &file, self.stderr_colour));
            }
        }
        let more: usize = shown.iter().map(|count: &usize| count.saturating_sub(MOST)).sum();
        if more > 0 {
            text.push_str(&format!("… and {more} more like these\n"));
        }
        text
    }
}

/// The objects of a run that count, and what to say of the others: those of kustomize patches, and those without a name. A
/// file that is to keep identities must not be a patch.
pub(crate) fn counted(
    inputs: &Session,
    inventory: Inventory,
    identity_file: Option<&Path>,
) -> Result<(Inventory, Vec<Diagnostic>), Diagnostic> {
    let patches = kustomize_patches(inputs, identity_file);
    if let Some(error) = identity_file.and_then(|path| patches.refusal(path)) {
        return Err(error);
    }
    let (inventory, mut specified) = patches.set_aside(inventory, inputs);
    let (inventory, nameless) = inventory.without_nameless();
    specified.extend(nameless);
    Ok((inventory, specified))
}

/// The inputs that kustomizations name as patches.
pub(crate) fn kustomize_patches(inputs: &Session, identity_file: Option<&Path>) -> Patches {
    let home = std::env::home_dir();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let place = SearchRoots { home: home.as_deref(), here: here.as_deref() };
    Patches::around(inputs, identity_file.as_slice(), place)
}

/// Why a run in which something could carry a reference has nothing to point: all of it is skipped.
pub(crate) fn all_skipped(inventory: &Inventory) -> Option<Diagnostic> {
    const MOST: usize = 20;
    let mut lines: Vec<String> = Vec::new();
    let mut patches = false;
    for SetAside { found, reason, message } in
        inventory.set_aside_objects().iter().filter(|one| one.found.can_be_pointed())
    {
        let file = &inventory.file(found.file).name;
        let line = match reason {
            SkipReason::KustomizePatch => format!("{file}: {message}"),
            _ => format!("{file}:{}: {message}", found.line),
        };
        patches |= *reason == SkipReason::KustomizePatch;
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return None;
    }
    let more = lines.len().saturating_sub(MOST);
    let error = Diagnostic::error("every object here that can carry an identity reference is skipped");
    let mut error = lines.into_iter().take(MOST).fold(error, Diagnostic::help);
    if more > 0 {
        error = error.help(format!("… and {more} more"));
    }
    if patches {
        error = error.help("a patch is not a cluster: name the files that kustomizations have under resources");
    }
    Some(error.help("or pass --allow-empty if that is right"))
}

/// The path that is standard input under another name (`/dev/stdin`, or the file that the shell opened for it), where `-`
/// is named as well: each would get a part of it, or both the same objects.
#[cfg(unix)]
pub(crate) fn stdin_twice(found: &[Input]) -> Option<&Path> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    if !found.contains(&Input::Stdin) {
        return None;
    }
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let stdin = std::fs::File::from(stdin).metadata().ok()?;
    let same = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino()) == (stdin.dev(), stdin.ino());
    found.iter().filter_map(Input::path).find(|path| path.metadata().is_ok_and(same))
}

#[cfg(not(unix))]
pub(crate) fn stdin_twice(_: &[Input]) -> Option<&Path> {
    None
}

/// Why `-k` is not read by a verb that does that with files; and how to pipe the build into it.
pub(crate) fn no_build(directory: &Path, verb: &str, does: &str) -> (Diagnostic, String) {
    let error = Diagnostic::error(format!("-k is not read: {verb} {does} files, and a build has none"));
    (error, format!("kubectl kustomize {} | kubectl xaccount {verb} -f -", directory.display()))
}

/// The bar, where there is one.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Shows on a terminal's stderr what is done, once it takes longer than a second. Nothing for `--quiet`.
pub(crate) fn begin_progress(global: &Global) {
    if global.quiet || !std::io::stderr().is_terminal() {
        return;
    }
    let bar = BAR.get_or_init(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        match ProgressStyle::with_template("{spinner} {msg} {pos}/{len} files, {elapsed}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    });
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(1));
        if !bar.is_finished() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
        }
    });
}

/// What is done, with how many files, of how many.
pub(crate) fn progress(what: &'static str, done: usize, total: usize) {
    if let Some(bar) = BAR.get() {
        bar.set_message(what);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}

/// Takes the bar away; from here on, stderr is for words.
pub(crate) fn end_progress() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}
