//! The first step of every verb: from paths, standard input and the account map to a session.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::map_file::MapFile;
use super::printed::CommandError;
use super::progress;
use super::terminal::Terminal;
use crate::cli::{ConfigArgs, InputArgs, TopologyVariable};
use lossless_yaml::Needles;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files::{self, FindError, Input};
use xaccount::inventory::{self, Inventory, ObjectId, Scan, SetAside, SkipReason, Unlisted};
use xaccount::kustomization_search::{Kustomizations, SearchRoots};
use xaccount::plan::IdentityFile;
use xaccount::session::Session;

/// The parts of a verb's command line, for messages about its input.
pub(crate) struct Usage {
    /// The verb: `inject`.
    pub(crate) verb: &'static str,
    /// The flags that the verb needs at least, after the paths.
    pub(crate) flags: &'static str,
    /// Whether it edits files and needs more flags than fit on one line.
    pub(crate) edits: bool,
    /// Whether reading the files of a kustomization directly is useful.
    pub(crate) reads_kustomizations: bool,
    /// The flag that prints the result instead of writing it.
    pub(crate) prints: &'static str,
}

impl Usage {
    /// The command after a pipe: `kubectl xaccount inject -f - …`.
    pub(crate) fn piped(&self) -> String {
        format!("kubectl xaccount {} -f -{}", self.verb, if self.edits { " …" } else { "" })
    }
}

/// The inputs that the command line names.
///
/// # Errors
/// No input is named, or one can't be found.
pub(crate) fn find(args: &InputArgs, usage: &Usage) -> Result<Vec<Input>, Diagnostic> {
    refuse_build(args, usage)?;
    let paths = paths(args);
    if paths.is_empty() {
        let error = Diagnostic::error("nothing to read: name files or directories").help(format!(
            "kubectl xaccount {} {}{}",
            usage.verb,
            if usage.edits { "foo.yaml" } else { "clusters/ -R" },
            usage.flags
        ));
        return Err(error.help(if std::io::stdin().is_terminal() {
            format!("or pipe manifests in: dkp create cluster aws … | {}", usage.piped())
        } else {
            format!("to read standard input: {}", usage.piped())
        }));
    }
    find_paths(&paths, args.recursive, usage)
}

/// The paths on the command line, as arguments and with `-f`.
pub(crate) fn paths(args: &InputArgs) -> Vec<PathBuf> {
    args.paths.iter().chain(&args.filenames).cloned().collect()
}

/// Maximum number of entries to look at when searching a directory for manifests.
const MOST_ENTRIES: usize = 10_000;

/// Prints a note for each directory whose sub-directories have manifests that are not read without `-R`.
pub(crate) fn note_unread(args: &InputArgs, terminal: &Terminal) {
    if args.recursive {
        return;
    }
    for path in args.paths.iter().chain(&args.filenames).filter(|path| path.is_dir()) {
        let mut left = MOST_ENTRIES;
        let below = directories(path).into_iter().any(|directory| has_manifest(&directory, &mut left));
        if below {
            let name = escape_control(&path.display().to_string()).into_owned();
            let note = Diagnostic::note(format!("sub-directories of {name} were not read: pass -R to read them"));
            terminal.say_first(note);
        }
    }
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = path.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir() && !path.is_symlink()).collect()
}

/// Whether a directory has a manifest at any depth. Stops after `left` entries.
fn has_manifest(directory: &Path, left: &mut usize) -> bool {
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    if is_hidden(directory) {
        return false;
    }
    for entry in directory.read_dir().into_iter().flatten().flatten() {
        let Some(fewer) = left.checked_sub(1) else { return false };
        *left = fewer;
        if files::is_manifest(&entry.path()) {
            return true;
        }
    }
    directories(directory).iter().any(|directory| has_manifest(directory, left))
}

/// Refuses `-k`, and shows how to pipe the build in.
///
/// # Errors
/// `-k` is specified.
pub(crate) fn refuse_build(args: &InputArgs, usage: &Usage) -> Result<(), Diagnostic> {
    let Some(directory) = &args.kustomize else { return Ok(()) };
    let (verb, directory) = (usage.verb, directory.display());
    let does = if usage.edits { "edits" } else { "reads" };
    let error = Diagnostic::error(format!("-k is not supported: {verb} {does} files and does not run a build"));
    let pipe = format!("kubectl kustomize {directory} | {}", usage.piped());
    Err(match usage.reads_kustomizations {
        true => error
            .help(format!("to read the build: {pipe}"))
            .help(format!("to read the files themselves: kubectl xaccount {verb} {directory} -R")),
        false => error.help(pipe),
    })
}

/// The inputs at these paths.
///
/// # Errors
/// One can't be found, is a URL, or is standard input a second time.
pub(crate) fn find_paths(paths: &[PathBuf], recursive: bool, usage: &Usage) -> Result<Vec<Input>, Diagnostic> {
    let found = files::find(paths, recursive).map_err(|error| match &error {
        FindError::Url { url } => Diagnostic::error(format!("{url} is a URL, and URLs are not read"))
            .help(format!("curl -fsSL '{url}' | {}", usage.piped())),
        other => Diagnostic::error(other.to_string()),
    })?;
    if let Some(path) = stdin_twice(&found) {
        let error =
            format!("standard input is named twice, as `-` and as {}, but it can be read only once", path.display());
        return Err(Diagnostic::error(error).help("name it once: -f -"));
    }
    Ok(found)
}

/// Refuses inputs that can't be written.
///
/// # Errors
/// One is a pipe or a device.
pub(crate) fn refuse_streams(found: &[Input], usage: &Usage) -> Result<(), Diagnostic> {
    let Some(Input::Stream(path)) = found.iter().find(|input| matches!(input, Input::Stream(_))) else {
        return Ok(());
    };
    let error = Diagnostic::error(format!("{} is a pipe or a device and can't be written", path.display()));
    Err(error.help(format!("use {} and redirect the output", usage.prints)))
}

/// A session of these inputs and the identity file. Standard input is read now, unless an earlier attempt read it: then `stdin`
/// has its bytes.
///
/// # Errors
/// A name for standard input, which is not read; or a stream that can't be read.
pub(crate) fn open(
    found: Vec<Input>,
    args: &InputArgs,
    identity_file: Option<&Path>,
    stdin: Option<&[u8]>,
) -> Result<Session, Diagnostic> {
    let name = args.stdin_filename.as_deref().filter(|_| found.contains(&Input::Stdin));
    match stdin {
        Some(mut bytes) => Session::new(found, &mut bytes, name, identity_file, progress::show),
        None => Session::new(found, &mut std::io::stdin().lock(), name, identity_file, progress::show),
    }
}

/// The options for scanning the files.
pub(crate) fn scan<'s>(needles: &'s Needles, skip_templates: bool, variable: Option<&'s TopologyVariable>) -> Scan<'s> {
    let topology_variable = variable.map(|variable| variable.0.as_slice());
    Scan { needles, skip_templates, topology_variable, keep_going: false }
}

/// The account map of these inputs, if there is one.
///
/// # Errors
/// As [`MapFile::find`].
pub(crate) fn map_above(
    found: &[Input],
    args: &InputArgs,
    config: &ConfigArgs,
    terminal: &Terminal,
) -> Result<Option<MapFile>, CommandError> {
    let stdin = args.stdin_filename.as_deref().unwrap_or("-");
    let path = |input: &Input| input.path().map_or_else(|| PathBuf::from(stdin), Path::to_owned);
    MapFile::find(config, &found.iter().map(path).collect::<Vec<_>>(), terminal)
}

/// The inventory, with the namespace of `--default-namespace` for objects that set none.
pub(crate) fn placed(inventory: Inventory, default_namespace: Option<&str>) -> Inventory {
    match default_namespace {
        Some(namespace) => inventory.with_default_namespace(namespace),
        None => inventory,
    }
}

/// Refuses an identity file that is an array, also an empty one: a document after it would not help, because kubectl does
/// not accept it.
///
/// # Errors
/// It is one.
pub(crate) fn refuse_array(inputs: &Session, file: Option<&IdentityFile>) -> Result<(), Diagnostic> {
    let Some(IdentityFile::Existing(file)) = file else { return Ok(()) };
    inventory::any_array(*file, &inputs.bytes(*file)?).map_or(Ok(()), Err)
}

/// The objects to work on, where kustomizations put them, and notes about the skipped ones: those in kustomize patches,
/// and those without a name.
///
/// # Errors
/// The identity file is a patch.
pub(crate) fn counted(
    inputs: &Session,
    inventory: Inventory,
    identity_file: Option<&Path>,
) -> Result<(Inventory, Vec<Diagnostic>, Kustomizations), Diagnostic> {
    let kustomizations = kustomizations(inputs, &inventory, identity_file);
    if let Some(error) = identity_file.and_then(|path| kustomizations.refusal(path)) {
        return Err(error);
    }
    let (inventory, mut notes) = kustomizations.place(inventory, inputs);
    let (inventory, nameless) = inventory.without_nameless();
    notes.extend(nameless);
    Ok((inventory, notes, kustomizations))
}

/// The kustomizations around the inputs.
pub(crate) fn kustomizations(inputs: &Session, inventory: &Inventory, identity_file: Option<&Path>) -> Kustomizations {
    let home = std::env::home_dir();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let place = SearchRoots { home: home.as_deref(), here: here.as_deref() };
    Kustomizations::around(inputs, inventory, identity_file.as_slice(), place)
}

/// The warning about an identity file that is in no build, although these clusters are, or a kustomization is in its
/// directory.
pub(crate) fn unlisted(
    kustomizations: &Kustomizations,
    inputs: &Session,
    inventory: &Inventory,
    file: &Path,
    clusters: impl Iterator<Item = ObjectId>,
) -> Option<Diagnostic> {
    let path = Kustomizations::plain_path(file)?;
    let users = clusters.map(|index| inventory[index].origin.file);
    Some(unlisted_warning(&kustomizations.builds.unlisted(&path, &inputs.shown(file), users)?, file.exists()))
}

/// The warning, with the command that adds the line once the file exists.
pub(crate) fn unlisted_warning(unlisted: &Unlisted<'_>, exists: bool) -> Diagnostic {
    let warning = unlisted.diagnostic();
    match unlisted.directory().filter(|_| unlisted.is_fixable()) {
        Some(directory) => warning.help(format!(
            "{}: kubectl xaccount lint {} -R --select XA038 --fix --write",
            if exists { "or" } else { "or, once the file is written" },
            escape_control(directory)
        )),
        None => warning,
    }
}

/// The error for a run in which every object that could carry a reference is skipped.
pub(crate) fn all_skipped(inventory: &Inventory) -> Option<Diagnostic> {
    const MOST: usize = 20;
    let mut lines: Vec<String> = Vec::new();
    let mut patches = false;
    for SetAside { found, reason, message } in
        inventory.set_aside_objects().iter().filter(|one| one.found.can_be_pointed())
    {
        let file = &inventory.file(found.origin.file).name;
        let line = match reason {
            SkipReason::KustomizePatch => format!("{file}: {message}"),
            _ => format!("{file}:{}: {message}", found.origin.line),
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
    let error = Diagnostic::error("every object that can carry an identity reference was skipped");
    let mut error = lines.into_iter().take(MOST).fold(error, Diagnostic::help);
    if more > 0 {
        error = error.help(format!("… and {more} more"));
    }
    if patches {
        error = error.help("a patch is not a cluster: name the files under resources of the kustomization");
    }
    Some(error.help("or pass --allow-empty if that is right"))
}

/// The path that is standard input under another name (`/dev/stdin`, or the file that the shell opened for it), if `-` is an
/// input too: each would get part of it, or both the same objects.
#[cfg(unix)]
fn stdin_twice(found: &[Input]) -> Option<&Path> {
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
fn stdin_twice(_: &[Input]) -> Option<&Path> {
    None
}
