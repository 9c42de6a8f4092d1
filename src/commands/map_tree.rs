//! The manifests below an account map: the clusters that it is about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use xaccount::account_map::FILE_NAME;
use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId, SourceMap, escape_control};
use xaccount::files::{self, Input};
use xaccount::inject::{self, NeededIdentity};
use xaccount::inventory::Inventory;
use xaccount::plan::Selection;
use xaccount::session::Session;

use super::input::{self, counted};
use super::map_file::MapFile;
use super::owners::with_owners;
use super::progress;

/// The manifests below the map's directory, and a warning for each link that leads nowhere: nobody named these files, and
/// such a link has no cluster.
///
/// # Errors
/// A directory can't be read.
pub(crate) fn inputs(map: &MapFile) -> Result<(Vec<Input>, Vec<Diagnostic>), Diagnostic> {
    let found = files::find_present(&[from_here(map.directory())], true)
        .map_err(|error| Diagnostic::error(error.to_string()))?;
    let mut below_another = HashMap::new();
    let mut is_own = |path: &Path| !has_another(path, map, &mut below_another);
    let warnings = found.broken.iter().filter(|link| is_own(link)).map(|link| leads_nowhere(link)).collect();
    let own = found.inputs.into_iter().filter(|input| input.path().is_none_or(&mut is_own));
    Ok((own.map(without_dot).collect(), warnings))
}

fn leads_nowhere(link: &Path) -> Diagnostic {
    let link = link.strip_prefix(".").unwrap_or(link).to_string_lossy();
    let link = escape_control(&link);
    Diagnostic::warning(format!("{link} is skipped: it is a symbolic link that leads nowhere"))
        .help("fix its target, or remove it")
}

/// The files that can be read, without templates, which are not applied as they are.
pub(crate) struct Readable {
    pub(crate) session: Rc<Session>,
    pub(crate) inventory: Inventory,
    /// The errors about the other files.
    pub(crate) unread: Vec<Diagnostic>,
}

/// Reads the inputs as far as possible. A file that can't be read is then not an input, so that the search for Clusters
/// finds it, and says what depends on it. Objects that set no namespace are in `default_namespace`.
///
/// # Errors
/// A file disappeared meanwhile, or a kustomization can't be read.
pub(crate) fn readable(
    inputs: Vec<Input>,
    map: &MapFile,
    default_namespace: Option<&str>,
) -> Result<Readable, Diagnostic> {
    let needles = capa::needles();
    let scan = input::scan(&needles, true, None);
    let open = |inputs: Vec<Input>| Session::new(inputs, &mut std::io::stdin().lock(), None, None, progress::show);
    let mut session = open(inputs)?;
    let (mut inventory, _, unread) = session.scan_readable(&scan);
    let of_file = |error: &Diagnostic| error.primary.as_ref().map(|label| label.at.file);
    let hidden: BTreeSet<FileId> = unread.iter().filter_map(of_file).collect();
    let unread: Vec<Diagnostic> = unread.iter().map(|error| one_line(&session, error)).collect();
    let has_stdin = (0..session.len()).any(|file| *session.input(FileId(file)) == Input::Stdin);
    if !hidden.is_empty() && !has_stdin {
        let all = (0..session.len()).map(FileId).filter(|file| !hidden.contains(file));
        session = open(all.map(|file| session.input(file).clone()).collect())?;
        inventory = session.scan_readable(&scan).0;
    }
    let session = Rc::new(session);
    let inventory = input::placed(inventory, default_namespace);
    let (inventory, _, kustomizations) = counted(&session, inventory, None)?;
    let inventory = with_owners(inventory, &session, &Selection::default(), Some(map), &kustomizations.builds, true);
    Ok(Readable { session, inventory, unread })
}

/// Whether another map, or the root of another Git work tree, is between a file and the map: `inject` would not find this
/// map for the file. `known` has the answers for directories.
fn has_another(file: &Path, map: &MapFile, known: &mut HashMap<PathBuf, bool>) -> bool {
    let Some(directory) = file.parent().and_then(files::real) else { return false };
    is_below_another(&directory, map, known)
}

fn is_below_another(directory: &Path, map: &MapFile, known: &mut HashMap<PathBuf, bool>) -> bool {
    if directory == map.directory() || !directory.starts_with(map.directory()) {
        return false;
    }
    if let Some(known) = known.get(directory) {
        return *known;
    }
    let own = directory.join(FILE_NAME).exists() || directory.join(".git").exists();
    let answer = own || directory.parent().is_some_and(|above| is_below_another(above, map, known));
    known.insert(directory.to_owned(), answer);
    answer
}

/// Namespaces by the name of the identity that they use.
pub(crate) type ServedNamespaces = BTreeMap<String, BTreeSet<String>>;

/// The namespaces of the clusters below the map that use each identity, by its name, also through other identities; and
/// warnings about clusters that are not known.
///
/// # Errors
/// As [`inputs`].
pub(crate) fn served(
    map: &MapFile,
    default_namespace: Option<&str>,
) -> Result<(ServedNamespaces, Vec<Diagnostic>), Diagnostic> {
    let (inputs, mut warnings) = inputs(map)?;
    let Readable { session, inventory, unread } = readable(inputs, map, default_namespace)?;
    warnings.extend(unread.iter().take(1).map(|error| not_known(&error.message)));
    let needed = map.with_mapped(Some(&session), true, |mapped| inject::needed(&inventory, mapped));
    let needed = needed.unwrap_or_else(|errors| {
        warnings.extend(errors.first().map(|error| not_known(&one_line(&session, error).message)));
        Vec::new()
    });
    Ok((namespaces(&inventory, &needed), warnings))
}

/// An error as a warning in one line, with its file and line.
fn one_line(session: &Session, error: &Diagnostic) -> Diagnostic {
    let files = SourceMap::new(session);
    Diagnostic::warning(match &error.primary {
        Some(label) => format!("{}: {}", files.get(label.at.file).place(label.at.span.start), error.message),
        None => error.message.clone(),
    })
}

fn not_known(why: &str) -> Diagnostic {
    Diagnostic::warning(format!("not all clusters below the account map are known: {why}"))
        .help("their namespaces are missing in the lists of served identities")
}

/// The namespaces of the clusters that need each identity, directly or as the source of another.
fn namespaces(inventory: &Inventory, needed: &[NeededIdentity]) -> ServedNamespaces {
    let mut all = ServedNamespaces::new();
    for one in needed {
        let own: BTreeSet<&str> =
            one.objects.iter().flat_map(|&index| inventory.namespaces_of(&inventory[index])).collect();
        let (mut next, mut seen) = (Some(&one.name), BTreeSet::new());
        while let Some(name) = next.filter(|name| seen.insert(*name)) {
            all.entry(name.clone()).or_default().extend(own.iter().map(|&namespace| namespace.to_owned()));
            let identity = needed.iter().find(|other| other.name == *name);
            next = identity.and_then(|identity| identity.source.as_ref());
        }
    }
    all
}

/// A canonical directory, from the working directory if one contains the other.
fn from_here(directory: &Path) -> PathBuf {
    let Ok(here) = std::env::current_dir().and_then(|here| here.canonicalize()) else { return directory.to_owned() };
    if here == directory {
        return PathBuf::from(".");
    }
    match (directory.strip_prefix(&here), here.strip_prefix(directory)) {
        (Ok(below), _) => below.to_owned(),
        (_, Ok(up)) => up.components().map(|_| Component::ParentDir).collect(),
        _ => directory.to_owned(),
    }
}

/// A file of the working directory without `./`, as one would type it.
fn without_dot(input: Input) -> Input {
    match input {
        Input::File(path) => Input::File(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)),
        other => other,
    }
}
