//! Reads the kustomizations around the inputs: they decide which files are patches, where objects go, and which files are
//! applied at all.

mod memory;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::account_map;
use crate::diag::{Diagnostic, FileId, escape_control, line_of};
use crate::files::{self, Input};
use crate::inventory::{Builds, Inventory, Places};
use crate::kustomize::{FILE_NAMES, Kustomization, Unreadable, is_kustomization, kustomization, plain};
use crate::session::{Session, path_bytes, shown};

pub use memory::in_memory;

/// The directories that limit the search.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchRoots<'p> {
    /// The home directory: no kustomization in it or above it counts.
    pub home: Option<&'p Path>,
    /// The working directory, canonical: files below it are shown relative to it.
    pub here: Option<&'p Path>,
}

/// The kustomizations around the inputs of a run.
#[derive(Debug, Default)]
pub struct Kustomizations {
    /// What they build.
    pub builds: Builds,
    /// Kustomizations that can't be read.
    pub warnings: Vec<Diagnostic>,
}

impl Kustomizations {
    /// Reads the kustomizations in the directories of the inputs and of `others`, and above them: up to the root of the
    /// Git work tree, or without one up to the account map. If there are any, those in the rest of that tree are read,
    /// too: an overlay elsewhere can build from an input. The inventory has the objects of Flux.
    pub fn around(inputs: &Session, inventory: &Inventory, others: &[&Path], place: SearchRoots<'_>) -> Self {
        let paths: Vec<Option<PathBuf>> = (0..inputs.len()).map(|file| path(inputs, FileId(file))).collect();
        let searched = paths.iter().flatten().cloned().chain(others.iter().map(|&path| path.to_owned()));
        let home = place.home.and_then(|home| home.canonicalize().ok());
        let mut real = RealDirectories::default();
        let names: Vec<Vec<String>> =
            paths.iter().map(|path| path.as_deref().map_or_else(Vec::new, |path| real.names(path))).collect();
        let by_name: HashMap<&str, FileId> = names
            .iter()
            .enumerate()
            .flat_map(|(file, names)| names.iter().map(move |name| (name.as_str(), FileId(file))))
            .collect();
        let Read { all, warnings, unreadable } = Reading::of(searched, place, &|path| by_name.get(path).copied());
        let root = |file: FileId| {
            let path = paths.get(file.0)?.as_deref()?;
            let directory = parent(path).canonicalize().ok()?;
            let top = top_of(&directory, home.as_deref());
            top.or_else(|| place.here.filter(|here| directory.starts_with(here)).map(Path::to_owned))
                .map(|top| text(&top))
        };
        // Only a file: reading a pipe could wait for ever.
        let read = |path: &str| {
            let path = Path::new(path);
            path.is_file().then(|| files::read_only(path).ok()).flatten()
        };
        let builds = Builds::new(
            all,
            inventory,
            Places { files: names.clone(), unreadable, read: &read, link: &link, root: &root },
        );
        Self { builds, warnings }
    }

    /// The same for files, by their paths: what names them as patches.
    pub fn of_files(files: impl IntoIterator<Item = PathBuf>, place: SearchRoots<'_>) -> Self {
        let Read { all, warnings, .. } = Reading::of(files.into_iter(), place, &|_| None);
        let places =
            Places { files: Vec::new(), unreadable: Vec::new(), read: &|_| None, link: &link, root: &|_| None };
        Self { builds: Builds::new(all, &Inventory::default(), places), warnings }
    }

    /// What names a file as a patch.
    fn patch(&self, path: &Path) -> Option<&str> {
        RealDirectories::default().names(path).iter().find_map(|name| self.builds.patch(name))
    }

    /// Whether a kustomization names the file at a path as a patch.
    pub fn names(&self, path: &Path) -> bool {
        self.patch(path).is_some()
    }

    /// Refuses an identity file in which one more document breaks the build.
    pub fn refusal(&self, identity_file: &Path) -> Option<Diagnostic> {
        let name = shown(identity_file);
        // A link to a kustomization is one, too.
        let is_link = || identity_file.canonicalize().is_ok_and(|real| is_kustomization(&shown(&real)));
        refused_identity_file(&name, self.patch(identity_file))
            .or_else(|| is_link().then(|| refused_kustomization(&name)))
    }

    /// The plain path of a file that may not exist yet.
    pub fn plain_path(path: &Path) -> Option<String> {
        let real = files::real(parent(path))?;
        Some(text(&real.join(path.file_name()?)))
    }

    /// The objects of the inventory that are applied, and where they go; with the warnings about kustomizations that
    /// can't be read, and about patches.
    pub fn place(&self, inventory: Inventory, inputs: &Session) -> (Inventory, Vec<Diagnostic>) {
        let sets =
            |file: FileId| inputs.bytes(file).is_ok_and(|bytes| memchr::memmem::find(&bytes, b"identityRef").is_some());
        let (inventory, notes) = self.builds.place(inventory, sets);
        (inventory, self.warnings.iter().cloned().chain(notes).collect())
    }
}

/// Refuses an identity file that is a kustomization or a patch. `patch` is what names it as a patch.
pub fn refused_identity_file(file: &str, patch: Option<&str>) -> Option<Diagnostic> {
    if is_kustomization(file) {
        return Some(refused_kustomization(file));
    }
    let error = keeps_no_identities(file, patch?);
    let error = error.help("a patch is a part of an object: one more document in it breaks the build");
    Some(error.help("use another file, and list it under resources of a kustomization"))
}

fn refused_kustomization(file: &str) -> Diagnostic {
    keeps_no_identities(file, "it is a kustomization, and kustomize reads only one document from it")
        .help("use another file, and list it under resources of this one")
}

fn keeps_no_identities(file: &str, why: &str) -> Diagnostic {
    Diagnostic::error(format!("{} can't keep identities: {why}", escape_control(file)))
}

/// The consequence if a kustomization can't be read.
pub(crate) const NOT_KNOWN: &str =
    "its patches and its namespace are not known: patches in files are treated as clusters";

/// The warning about a kustomization that can't be read.
pub(crate) fn unreadable(message: &str) -> Diagnostic {
    Diagnostic::warning(escape_control(message).into_owned())
        .help(NOT_KNOWN)
        .help("fix it, or render it, and run again")
}

/// The same, for one that is at a place.
fn unreadable_at(place: &str, error: &Unreadable) -> Diagnostic {
    unreadable(&format!("{place} can't be read: {}", error.why))
}

/// The kustomizations that were read.
#[derive(Default)]
struct Read {
    all: Vec<Kustomization>,
    warnings: Vec<Diagnostic>,
    /// The directories of those in or above the files that can't be read, and their places.
    unreadable: Vec<(String, String)>,
}

/// The state while kustomizations are read.
struct Reading<'r> {
    place: SearchRoots<'r>,
    /// Returns the input with a plain path.
    input: &'r dyn Fn(&str) -> Option<FileId>,
    read: Read,
    seen: HashSet<PathBuf>,
}

impl<'r> Reading<'r> {
    /// Reads the kustomizations around files.
    fn of(
        files: impl Iterator<Item = PathBuf>,
        place: SearchRoots<'r>,
        input: &'r dyn Fn(&str) -> Option<FileId>,
    ) -> Read {
        let home = place.home.and_then(|home| home.canonicalize().ok());
        let mut walk = KustomizationWalk { home: home.clone(), ..KustomizationWalk::default() };
        files.for_each(|path| walk.file(&path));
        let mut reading = Reading { place, input, read: Read::default(), seen: HashSet::new() };
        for directory in &walk.directories {
            FILE_NAMES.iter().for_each(|name| reading.read(&directory.join(name)));
        }
        if reading.read.all.is_empty() {
            return reading.read;
        }
        let (told, known) = (reading.read.warnings.len(), reading.read.unreadable.len());
        let tops: BTreeSet<PathBuf> =
            walk.directories.iter().filter_map(|directory| top_of(directory, home.as_deref())).collect();
        tops.iter().for_each(|top| reading.below(top));
        let mut read = reading.read;
        // One elsewhere seldom builds from the inputs.
        let elsewhere = read.warnings.split_off(told);
        if let Some(first) = elsewhere.first() {
            let note = match elsewhere.len() {
                1 => format!("{}, and may build from these files", first.message),
                many => format!("{}, and {} more, and may build from these files", first.message, many - 1),
            };
            read.warnings.push(Diagnostic::note(note));
        }
        read.unreadable.truncate(known);
        read
    }

    /// Reads the kustomizations below a directory.
    fn below(&mut self, top: &Path) {
        let is_wanted = |entry: &walkdir::DirEntry| entry.file_name() != ".git";
        for entry in WalkDir::new(top).min_depth(1).into_iter().filter_entry(is_wanted).flatten() {
            if entry.file_name().to_str().is_some_and(|name| FILE_NAMES.contains(&name)) {
                self.read(entry.path());
            }
        }
    }

    fn read(&mut self, path: &Path) {
        // A directory or a pipe of that name is not a kustomization; some file systems ignore the case of names.
        let is_link = path.is_symlink();
        let is_file = path.metadata().map_or(is_link, |metadata| metadata.is_file());
        if !is_file || !self.seen.insert(path.to_owned()) {
            return;
        }
        let shown = shown(self.place.here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path));
        let directory = path.parent().map(text).unwrap_or_default();
        let bytes = match files::read_only(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.read.unreadable.push((directory, shown));
                return self.read.warnings.push(unreadable(&error.to_string()));
            }
        };
        let name = text(path);
        match kustomization((self.input)(&name), &shown, &name, &bytes) {
            Ok(one) => self.read.all.push(one),
            Err(error) => {
                let place = format!("{shown}:{}", line_of(&bytes, error.span.start));
                self.read.warnings.push(unreadable_at(&place, &error));
                self.read.unreadable.push((directory, place));
            }
        }
    }
}

/// Where a path leads to through links.
fn link(path: &str) -> Option<String> {
    let real = text(&Path::new(path).canonicalize().ok()?);
    (real != path).then_some(real)
}

/// A canonical path as a plain text. On Windows, it begins with `\\\\?\\`.
fn text(path: &Path) -> String {
    let text = String::from_utf8_lossy(&path_bytes(path)).replace('\\', if cfg!(windows) { "/" } else { "\\" });
    plain(text.strip_prefix("//?/").unwrap_or(&text))
}

/// The directory that a repository begins at: the root of its Git work tree, or the directory of the account map.
fn top_of(directory: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let is_tree = |above: &&Path| above.parent().is_some() && Some(*above) != home;
    let git = directory.ancestors().find(|above| above.join(".git").exists()).filter(is_tree);
    let map = || directory.ancestors().find(|above| above.join(account_map::FILE_NAME).exists()).filter(is_tree);
    git.or_else(map).map(Path::to_owned)
}

/// Canonical paths of files. Each directory is resolved once.
#[derive(Default)]
struct RealDirectories(HashMap<PathBuf, Option<PathBuf>>);

impl RealDirectories {
    /// The path of a file as it is named, and that of the target if it is a link.
    fn names(&mut self, path: &Path) -> Vec<String> {
        let directory = parent(path);
        let real = match self.0.get(directory) {
            Some(real) => real.clone(),
            None => self.0.entry(directory.to_owned()).or_insert(directory.canonicalize().ok()).clone(),
        };
        let own = real.and_then(|real| Some(real.join(path.file_name()?)));
        let target = path.is_symlink().then(|| path.canonicalize().ok()).flatten();
        own.into_iter().chain(target).map(|path| text(&path)).collect()
    }
}

/// The path of an input; for standard input, that of the file that it counts as.
fn path(inputs: &Session, file: FileId) -> Option<PathBuf> {
    match inputs.input(file) {
        Input::File(path) => Some(path.clone()),
        Input::Stdin if inputs.name(file) != "-" => Some(PathBuf::from(inputs.name(file))),
        _ => None,
    }
}

/// The directories in which kustomizations count.
#[derive(Default)]
struct KustomizationWalk {
    home: Option<PathBuf>,
    directories: BTreeSet<PathBuf>,
    /// Directories as they are named, which were handled already.
    seen: HashSet<PathBuf>,
    /// Real directories, and whether they are in a Git work tree.
    walked: HashMap<PathBuf, bool>,
}

impl KustomizationWalk {
    /// Adds the directory that a file is named in, and if the file is a link, the directory of its target.
    fn file(&mut self, path: &Path) {
        let parent = parent(path);
        if !self.seen.contains(parent) {
            self.seen.insert(parent.to_owned());
            if let Ok(real) = parent.canonicalize() {
                self.directory(&real);
            }
        }
        if path.is_symlink()
            && let Ok(real) = path.canonicalize()
            && let Some(directory) = real.parent()
        {
            self.directory(directory);
        }
    }

    /// Adds a directory, and those above it that count.
    fn directory(&mut self, directory: &Path) {
        let mut up: Vec<&Path> = Vec::new();
        let mut in_git = false;
        for above in directory.ancestors() {
            if let Some(&known) = self.walked.get(above) {
                in_git = known;
                break;
            }
            let shared = above.parent().is_none() || self.home.as_deref() == Some(above);
            if shared && !up.is_empty() {
                break;
            }
            up.push(above);
            in_git = !shared && above.join(".git").exists();
            if in_git || shared {
                break;
            }
        }
        let is_last = |above: &Path| !in_git && above.join(account_map::FILE_NAME).exists();
        let count = up.iter().position(|above| is_last(above)).map_or(up.len(), |index| index + 1);
        for above in up.into_iter().take(count) {
            self.walked.insert(above.to_owned(), in_git);
            self.directories.insert(above.to_owned());
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Scan;

    const HERON: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";

    /// A directory with these files, and a session of those that contain objects.
    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Session, Inventory) {
        let directory = tempfile::tempdir().unwrap();
        let mut found = Vec::new();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            if *text == HERON {
                found.push(Input::File(path));
            }
        }
        let mut inputs = Session::new(found, &mut std::io::empty(), None, None, |_, _, _| ()).unwrap();
        let needles = crate::capa::needles();
        let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let (inventory, _) = inputs.scan(&scan).unwrap();
        (directory, inputs, inventory)
    }

    /// The files that remain, and the warnings.
    fn left(files: &[(&str, &str)]) -> (Vec<String>, Vec<Diagnostic>) {
        let (directory, inputs, inventory) = tree(files);
        let top = directory.path().canonicalize().unwrap();
        let patches = Kustomizations::around(&inputs, &inventory, &[], SearchRoots { home: None, here: Some(&top) });
        let (inventory, notes) = patches.place(inventory, &inputs);
        let name = |found: &crate::inventory::Resource| {
            let name = Path::new(&inventory.file(found.origin.file).name).strip_prefix(directory.path()).unwrap();
            name.to_string_lossy().into_owned()
        };
        (inventory.objects().iter().map(name).collect(), notes)
    }

    #[test]
    fn a_patch_is_no_cluster() {
        let files = [
            ("base/heron.yaml", HERON),
            ("base/kustomization.yaml", "resources: [heron.yaml]\n"),
            ("prod/heron.yaml", HERON),
            ("prod/kustomization.yaml", "resources: [../base]\npatches:\n- path: ./heron.yaml\n"),
        ];
        let (files, notes) = left(&files);
        assert_eq!(files, ["base/heron.yaml"]);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].message.ends_with("prod/kustomization.yaml:3 names it under patches"), "{}", notes[0].message);
    }

    #[test]
    fn a_resource_is_one_whoever_else_names_it() {
        let files = [
            ("a/heron.yaml", HERON),
            ("a/kustomization.yaml", "resources: [heron.yaml]\n"),
            ("kustomization.yaml", "patchesStrategicMerge: [a/heron.yaml]\n"),
        ];
        let (files, notes) = left(&files);
        assert_eq!((files, notes), (vec!["a/heron.yaml".to_owned()], Vec::new()));
    }

    #[test]
    fn a_kustomization_that_cant_be_read_is_said() {
        for text in ["patches: [", "patches: {}\n", "patches: []\npatches: []\n", "namePrefix: {{ a }}\n", "- a\n"] {
            let (files, notes) = left(&[("heron.yaml", HERON), ("Kustomization", text)]);
            assert_eq!(files, ["heron.yaml"]);
            assert!(notes.len() == 1 && notes[0].message.starts_with("Kustomization:"), "{text}: {notes:?}");
        }
    }

    #[test]
    fn a_patch_keeps_no_identities() {
        let (directory, inputs, _) =
            tree(&[("heron.yaml", HERON), ("kustomization.yml", "patches: [{path: ids.yaml}]\n")]);
        let refusal = |name: &str| {
            let path = directory.path().join(name);
            Kustomizations::around(&inputs, &Inventory::default(), &[&path], SearchRoots::default()).refusal(&path)
        };
        assert!(refusal("ids.yaml").is_some());
        assert!(refusal("identities.yaml").is_none());
    }

    #[test]
    fn the_search_ends_at_the_root() {
        let patch = "patches: [{path: in/deep/heron.yaml}]\n";
        let files = [("in/deep/heron.yaml", HERON), ("kustomization.yaml", patch)];
        assert_eq!(left(&files).0, [""; 0]);
        for end in ["in/.git/HEAD", "in/deep/.git/HEAD", "in/.xaccount.yaml"] {
            let mut files = files.to_vec();
            files.push((end, ""));
            assert_eq!(left(&files).0, ["in/deep/heron.yaml"], "{end}");
        }
        // In a Git work tree, a map does not end the search.
        let mut files = files.to_vec();
        files.extend([("in/.xaccount.yaml", ""), (".git/HEAD", "")]);
        assert_eq!(left(&files).0, [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_what_it_leads_to() {
        use std::os::unix::fs::symlink;
        let (directory, _, _) =
            tree(&[("shared/heron.yaml", HERON), ("prod/kustomization.yaml", "patches: [{path: patch.yaml}]\n")]);
        let top = directory.path();
        symlink("../shared/heron.yaml", top.join("prod/patch.yaml")).unwrap();
        symlink("prod", top.join("live")).unwrap();
        for name in ["prod/patch.yaml", "live/patch.yaml"] {
            let found = vec![Input::File(top.join(name))];
            let inputs = Session::new(found, &mut std::io::empty(), None, None, |_, _, _| ()).unwrap();
            let patches = Kustomizations::around(&inputs, &Inventory::default(), &[], SearchRoots::default());
            assert!(patches.refusal(&top.join(name)).is_some(), "{name}");
            assert!(patches.refusal(&top.join("shared/heron.yaml")).is_some(), "{name}");
        }
    }
}
