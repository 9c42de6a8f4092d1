//! The account map of a command: found, read, and shown in messages.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xaccount::account_map::{self, Account, AccountMap, FILE_NAME, Place, Shared, shared_base};
use xaccount::aws::{Partition, RoleArn};
use xaccount::capa::{self, Release};
use xaccount::diag::{Diagnostic, FileId, SourceFile, SourceFiles, Span, SpannedError};
use xaccount::files::{self, Input};
use xaccount::inject::Mapped;
use xaccount::inventory::{self, Scan};
use xaccount::session::{Session, path_bytes};

use super::named_map::{NO_PATH, NamedMap, WAYS_OUT};
use super::{CommandError, Terminal};
use crate::cli::ConfigArgs;

/// A map and its path.
pub(crate) struct MapFile {
    pub(crate) map: AccountMap,
    /// The map's path, canonical.
    path: PathBuf,
    /// The map's directory, canonical.
    directory: PathBuf,
    text: SourceFile<'static>,
    /// The file of accounts that the map shares with others.
    shared: Option<SourceFile<'static>>,
    /// The partitions of the roles in the identity file, by the names of the identities; read when first needed.
    partitions: OnceCell<HashMap<String, Option<Partition>>>,
}

/// The map and the file of shared accounts, for messages about them.
struct MapTexts(Vec<(String, Vec<u8>)>);

impl SourceFiles for MapTexts {
    fn source(&self, file: FileId) -> SourceFile<'_> {
        let (name, bytes) = &self.0[file.0.min(self.0.len() - 1)];
        SourceFile::new(name.clone(), bytes)
    }
}

impl MapFile {
    /// The map that the flags name, else the nearest one above the inputs; `None` where there is none.
    ///
    /// # Errors
    /// It can't be read, or the inputs belong to two maps.
    pub(crate) fn find(
        args: &ConfigArgs,
        paths: &[PathBuf],
        terminal: &Terminal,
    ) -> Result<Option<Self>, CommandError> {
        let path = match (&args.config, args.no_config) {
            (Some(path), _) => Some(path.clone()),
            (None, true) => None,
            (None, false) => {
                let mut search = Search::default();
                let nearest = search.nearest_of_all(paths);
                search.misnamed.iter().for_each(|path| terminal.say_first(not_read(path)));
                nearest?
            }
        };
        path.map(|path| Self::read(&path, terminal)).transpose()
    }

    /// The map above an identity file; without such a map, the one above the working directory.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub(crate) fn find_near(
        args: &ConfigArgs,
        file: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<Option<Self>, CommandError> {
        let above_file = file.map(|file| Self::find(args, &[file.to_owned()], terminal)).transpose()?.flatten();
        match above_file {
            Some(map) => Ok(Some(map)),
            None => Self::find(args, &[PathBuf::from("-")], terminal),
        }
    }

    fn read(path: &Path, terminal: &Terminal) -> Result<Self, CommandError> {
        let bytes = files::read_regular(below_here(path).as_deref().unwrap_or(path))
            .map_err(|error| Diagnostic::error(format!("the account map: {error}")))?;
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let directory = whole.parent().map(Path::to_owned).unwrap_or_default();
        let name = shown(&whole, path);
        let beside = Path::new(&name).parent().map(Path::to_owned).unwrap_or_default();
        let mut texts = vec![(name, bytes.clone())];
        let mut read_shared = |name: &str| {
            let path = directory.join(name);
            let text = files::read_regular(below_here(&path).as_deref().unwrap_or(&path))
                .map_err(|error| error.to_string())?;
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            texts.push((shown(&whole, &beside.join(name)), text.clone()));
            Ok(text)
        };
        let result = account_map::read_with(&bytes, Shared { read: &mut read_shared });
        match result {
            Ok(map) => {
                let mut files = texts.into_iter().map(|(name, bytes)| SourceFile::new(name, bytes));
                let text = files.next().unwrap_or_else(|| SourceFile::new(String::new(), Vec::new()));
                let map = Self { map, path: whole, directory, text, shared: files.next(), partitions: OnceCell::new() };
                // With its place as text: it is printed before the sources of other messages are known.
                for warning in &map.map.warnings {
                    let plain = Diagnostic::warning(format!("{}: {}", map.place(warning.span), warning.message));
                    terminal.say_first(warning.help.iter().cloned().fold(plain, Diagnostic::help));
                }
                Ok(map)
            }
            Err(errors) => {
                let errors = errors.into_iter().map(|error| in_file(error, bytes.len(), &texts)).collect();
                Err(CommandError::about(&Rc::new(MapTexts(texts)), errors))
            }
        }
    }

    /// The line that names it.
    pub(crate) fn used(&self) -> String {
        format!("account map: {}", self.text.name)
    }

    /// Its name and text, for what is shown of it.
    pub(crate) fn text(&self) -> (&str, &[u8]) {
        (&self.text.name, self.text.bytes())
    }

    /// The release of CAPA that it names.
    ///
    /// # Errors
    /// It is not a known release.
    pub(crate) fn release(&self) -> Result<Option<Release>, Diagnostic> {
        let Some(version) = &self.map.source.capa_version else { return Ok(None) };
        let wrong = |error| Diagnostic::error(format!("{}: {error}", self.place(version.span)));
        version.value.parse().map(Some).map_err(wrong)
    }

    /// The map's path, canonical.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The map's directory, canonical.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A place in the map, or in the file of shared accounts: `.xaccount.yaml:12`.
    pub(crate) fn place(&self, span: Span) -> String {
        let (file, offset) = self.at(span);
        file.place(offset)
    }

    /// The file of a place, and the offset in it.
    fn at(&self, span: Span) -> (&SourceFile<'static>, usize) {
        match (&self.shared, span.start.checked_sub(shared_base(self.text.bytes().len()))) {
            (Some(shared), Some(offset)) => (shared, offset),
            _ => (&self.text, span.start),
        }
    }

    /// The text at a place in the map, as far as it is on one line.
    pub(crate) fn line(&self, span: Span) -> String {
        let (file, offset) = self.at(span);
        let line = file.first_line(Span::new(offset, offset + (span.end - span.start)));
        String::from_utf8_lossy(&file.bytes()[line.range()]).trim().to_owned()
    }

    /// Calls a function with the map as the library uses it: for the files of a session, or for none.
    pub(crate) fn with_mapped<T>(
        &self,
        session: Option<&Session>,
        allow_unmapped: bool,
        call: impl FnOnce(&Mapped<'_>) -> T,
    ) -> T {
        let place = |span| self.place(span);
        // Resolving a path is a system call for each directory, and a file may have thousands of objects.
        let known = RefCell::new(HashMap::new());
        let file = |file: FileId| match session {
            None => Place::Outside,
            Some(session) => known.borrow_mut().entry(file).or_insert_with(|| self.file(session, file)).clone(),
        };
        call(&Mapped {
            map: &self.map,
            name: &self.text.name,
            place: &place,
            file: &file,
            without_path: NO_PATH,
            ways_out: WAYS_OUT,
            allow_unmapped,
        })
    }

    /// The map with its name.
    pub(crate) fn named(&self) -> NamedMap<'_> {
        NamedMap { map: &self.map, name: &self.text.name }
    }

    /// The file that keeps identities, if the map names one.
    pub(crate) fn identity_file(&self) -> Option<PathBuf> {
        let file = self.map.identity_file.as_ref()?;
        let whole = self.directory.join(&file.value);
        Some(below_here(&whole).unwrap_or(whole))
    }

    /// The partition of an account's role: that of the map, else of its identity in the identity file, else `aws`.
    pub(crate) fn partition(&self, account: &Account) -> Partition {
        let of_identity = || {
            let name = account.identity()?.name;
            *self.partitions.get_or_init(|| self.read_partitions().unwrap_or_default()).get(&name)?
        };
        let of_map = account.partition.as_ref().map(|partition| partition.value);
        of_map.or_else(of_identity).unwrap_or(Partition::Aws)
    }

    /// The partitions of the roles in the identity file, by the name of the first object with that name.
    fn read_partitions(&self) -> Option<HashMap<String, Option<Partition>>> {
        let bytes = files::read_only(&self.identity_file()?).ok()?;
        let needles = capa::needles();
        let scan = Scan { needles: &needles, skip_templates: true, topology_variable: None, keep_going: true };
        let mut all = HashMap::new();
        for found in inventory::scan(FileId(0), &bytes, &scan).ok()?.objects {
            let partition = || Some(found.object.role_arn()?.parse::<RoleArn>().ok()?.partition());
            if let Some(name) = &found.object.name {
                all.entry(name.clone()).or_insert_with(partition);
            }
        }
        Some(all)
    }

    /// Where the map names that file.
    pub(crate) fn identity_file_place(&self) -> String {
        self.map.identity_file.as_ref().map_or_else(|| self.text.name.clone(), |file| self.place(file.span))
    }

    /// The path of an input relative to the map, with `/`; `None` where it is not below it.
    pub(crate) fn relative(&self, inputs: &Session, file: FileId) -> Option<String> {
        relative(inputs, file, &self.directory)
    }

    /// Where an input is, seen from the map. Standard input without a name, and what the shell makes of `<(…)`, are no files.
    pub(crate) fn file(&self, inputs: &Session, file: FileId) -> Place {
        match inputs.input(file) {
            Input::Stream(_) => Place::Unknown,
            Input::Stdin if inputs.name(file) == "-" => Place::Unknown,
            _ => self.relative(inputs, file).map_or(Place::Outside, Place::Below),
        }
    }
}

/// An error about the map, whose text has this length, or about the file of shared accounts.
fn in_file(mut error: SpannedError, length: usize, texts: &[(String, Vec<u8>)]) -> Diagnostic {
    let base = shared_base(length);
    let file = FileId(usize::from(error.span.start >= base && texts.len() > 1));
    if file != FileId(0) {
        error.span = Span::new(error.span.start - base, error.span.end - base);
    }
    if error.help.is_empty() {
        error = error.help("all fields: kubectl xaccount map schema");
    }
    let text = &texts[file.0].1;
    error.in_file(file, account_map::may_show(text).then(|| Span::new(0, text.len())))
}

/// The path of an input relative to a directory that is canonical, with `/`; `None` where it is not below it.
pub(crate) fn relative(inputs: &Session, file: FileId, directory: &Path) -> Option<String> {
    let path = match inputs.input(file) {
        Input::File(path) | Input::Stream(path) => path.clone(),
        // What standard input counts as.
        Input::Stdin => PathBuf::from(inputs.name(file)),
    };
    below(&path, directory)
}

/// A path from a directory that is canonical, with `/`; `None` where it is not below it. The file need not exist.
pub(crate) fn below(path: &Path, directory: &Path) -> Option<String> {
    let whole = files::real(path)?;
    Some(String::from_utf8_lossy(&path_bytes(whole.strip_prefix(directory).ok()?)).into_owned())
}

fn shown(whole: &Path, typed: &Path) -> String {
    String::from_utf8_lossy(&path_bytes(below_here(whole).as_deref().unwrap_or(typed))).into_owned()
}

/// A whole path from the working directory, where it is below it.
fn below_here(whole: &Path) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?.canonicalize().ok()?;
    whole.strip_prefix(here).ok().map(Path::to_owned)
}

/// A search for the map.
#[derive(Default)]
struct Search {
    /// The map above a directory, by directory.
    known: HashMap<PathBuf, Option<PathBuf>>,
    /// Directories that were searched for misnamed maps.
    searched: HashSet<PathBuf>,
    /// Files that look like a map, and have another name.
    misnamed: BTreeSet<PathBuf>,
}

impl Search {
    /// The map above all inputs.
    ///
    /// # Errors
    /// Two maps: they are not merged.
    fn nearest_of_all(&mut self, paths: &[PathBuf]) -> Result<Option<PathBuf>, Diagnostic> {
        let mut found: Option<(PathBuf, &Path)> = None;
        for path in paths {
            let Some(directory) = directory_of(path) else { continue };
            let map = match self.known.get(&directory) {
                Some(map) => map.clone(),
                None => {
                    let map = self.nearest(&directory);
                    self.known.insert(directory, map.clone());
                    map
                }
            };
            let Some(map) = map else { continue };
            match &found {
                Some((other, first)) if *other != map => {
                    let name = |path: &Path| shown(path, path);
                    return Err(Diagnostic::error("these files belong to two account maps, and maps are not merged")
                        .help(format!("{}: {}", first.display(), name(other)))
                        .help(format!("{}: {}", path.display(), name(&map)))
                        .help("run once for each, or name one with --config"));
                }
                Some(_) => {}
                None => found = Some((map, path)),
            }
        }
        Ok(found.map(|(map, _)| map))
    }

    /// The nearest map in a directory or above it, as far as the Git root; never in the home directory or the root of the file
    /// system, where it would rule over everything.
    fn nearest(&mut self, directory: &Path) -> Option<PathBuf> {
        let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
        for above in directory.ancestors() {
            if above.parent().is_none() || home.as_deref() == Some(above) {
                return None;
            }
            self.look_for_misnamed(above);
            let map = above.join(FILE_NAME);
            // A broken link does not make the next map above the right one: that one may have another account.
            if map.symlink_metadata().is_ok() {
                return Some(map);
            }
            if above.join(".git").exists() {
                return None;
            }
        }
        None
    }

    /// Notes the files of a directory that look like a map.
    fn look_for_misnamed(&mut self, directory: &Path) {
        if !self.searched.insert(directory.to_owned()) {
            return;
        }
        let Ok(entries) = directory.read_dir() else { return };
        let is_misnamed = |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(is_near);
        let paths = entries.flatten().filter(is_misnamed).map(|entry| entry.path());
        self.misnamed.extend(paths.filter(|path| may_be_a_map(path)));
    }
}

/// Whether a name is almost that of a map: another extension, without the dot, in capitals, in the plural.
fn is_near(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.trim_start_matches('.');
    let (stem, extension) = plain.rsplit_once('.').unwrap_or((plain, ""));
    name != FILE_NAME
        && matches!(stem, "xaccount" | "xaccounts" | "x-account" | "x-accounts" | "xacount")
        && (matches!(extension, "yaml" | "yml" | "json") || (extension.is_empty() && name.starts_with('.')))
}

/// Whether a file of such a name is not something else: a file without a dot at its beginning says what it is.
fn may_be_a_map(path: &Path) -> bool {
    const LARGEST: u64 = 1 << 20;
    let Ok(metadata) = path.metadata() else { return false };
    // On a file system that ignores case, it is the map.
    let is_the_map = || {
        let map = path.with_file_name(FILE_NAME).canonicalize();
        map.is_ok_and(|map| path.canonicalize().is_ok_and(|own| own == map))
    };
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let says =
        || metadata.len() <= LARGEST && std::fs::read_to_string(path).is_ok_and(|text| text.contains("AccountMap"));
    metadata.is_file() && (hidden || says()) && !is_the_map()
}

/// The warning about a file that looks like a map, and has another name.
fn not_read(path: &Path) -> Diagnostic {
    let name = shown(path, path);
    let warning = Diagnostic::warning(format!("{name} is not read: an account map is named {FILE_NAME}"));
    warning.help(match path.with_file_name(FILE_NAME).exists() {
        true => format!("remove it, or pass --config {name} to read it instead of the {FILE_NAME} next to it"),
        false => format!("rename it to {FILE_NAME}, or pass --config {name}"),
    })
}

fn directory_of(path: &Path) -> Option<PathBuf> {
    if path.as_os_str() == "-" {
        return std::env::current_dir().ok()?.canonicalize().ok();
    }
    let whole = files::real(path)?;
    if whole.is_dir() { Some(whole) } else { whole.parent().map(Path::to_owned) }
}
