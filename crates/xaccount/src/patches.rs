//! Finds the inputs that are kustomize patches, from the kustomizations in their directories and above.
//!
//! A patch is a part of an object: it is not a cluster, and a document that is added to it breaks the build.

mod memory;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use crate::account_map;
use crate::diag::{Diagnostic, FileId, Span, escape_control, line_of};
use crate::files::{self, Input};
use crate::inventory::Inventory;
use crate::inventory::kustomization::{
    FILE_NAMES, Kustomization, NOT_TOLD, is_kustomization, kustomization, without_patches,
};
use crate::session::{Session, shown};

pub use memory::MemoryKustomizations;

/// The directories that limit the search.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchRoots<'p> {
    /// The home directory: no kustomization in it or above it counts.
    pub home: Option<&'p Path>,
    /// The working directory, canonical: files below it are shown relative to it.
    pub here: Option<&'p Path>,
}

/// The files that kustomizations name as patches.
#[derive(Debug, Default)]
pub struct Patches {
    /// What names a file, by canonical path: `overlays/prod/kustomization.yaml:7 names it under patches`.
    named: HashMap<PathBuf, String>,
    warnings: Vec<Diagnostic>,
}

impl Patches {
    /// Reads the kustomizations in the directories of the inputs and of `others`, and above them: up to the root of the
    /// Git work tree, or without one up to the account map.
    pub fn around(inputs: &Session, others: &[&Path], place: SearchRoots<'_>) -> Self {
        let own = (0..inputs.len()).filter_map(|file| path(inputs, FileId(file)));
        Self::of_files(own.chain(others.iter().map(|&path| path.to_owned())), place)
    }

    /// The same for files, by their paths.
    pub fn of_files(files: impl IntoIterator<Item = PathBuf>, place: SearchRoots<'_>) -> Self {
        let home = place.home.and_then(|home| home.canonicalize().ok());
        let mut walk = PatchWalk { home, ..PatchWalk::default() };
        files.into_iter().for_each(|path| walk.file(&path));
        let mut reading = Reading { place, patches: Self::default(), resources: HashSet::new() };
        for directory in &walk.directories {
            FILE_NAMES.iter().for_each(|name| reading.read(&directory.join(name)));
        }
        let Reading { mut patches, resources, .. } = reading;
        patches.named.retain(|path, _| !resources.contains(path));
        patches
    }

    /// What names a file as a patch. `real` returns the real path of a directory.
    fn of(&self, path: &Path, real: &mut dyn FnMut(&Path) -> Option<PathBuf>) -> Option<&str> {
        let own = || path.is_symlink().then(|| path.canonicalize().ok()).flatten();
        let named = self.named.get(&real(parent(path))?.join(path.file_name()?));
        named.or_else(|| self.named.get(&own()?)).map(String::as_str)
    }

    /// Whether a kustomization names the file at a path as a patch.
    pub fn names(&self, path: &Path) -> bool {
        self.of(path, &mut |directory| directory.canonicalize().ok()).is_some()
    }

    /// Kustomizations that can't be read.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Refuses an identity file in which one more document breaks the build.
    pub fn refusal(&self, identity_file: &Path) -> Option<Diagnostic> {
        let why = self.of(identity_file, &mut |directory| directory.canonicalize().ok());
        let name = shown(identity_file);
        // A link to a kustomization is one, too.
        let is_link = || identity_file.canonicalize().is_ok_and(|real| is_kustomization(&shown(&real)));
        refused_identity_file(&name, why).or_else(|| is_link().then(|| refused_kustomization(&name)))
    }

    /// The inventory without the objects of patches, and the warnings about them and about kustomizations that can't be
    /// read.
    pub fn set_aside(&self, inventory: Inventory, inputs: &Session) -> (Inventory, Vec<Diagnostic>) {
        let mut notes = self.warnings.clone();
        let mut patches: BTreeMap<FileId, String> = BTreeMap::new();
        let mut setting: BTreeSet<FileId> = BTreeSet::new();
        if self.named.is_empty() {
            return (inventory, notes);
        }
        // Each directory is resolved once.
        let mut known: HashMap<PathBuf, Option<PathBuf>> = HashMap::new();
        let mut real = |directory: &Path| match known.get(directory) {
            Some(real) => real.clone(),
            None => known.entry(directory.to_owned()).or_insert(directory.canonicalize().ok()).clone(),
        };
        let with_objects: HashSet<FileId> = inventory.objects().iter().map(|found| found.origin.file).collect();
        for file in (0..inputs.len()).map(FileId) {
            let Some(path) = path(inputs, file) else { continue };
            let Some(why) = self.of(&path, &mut real) else { continue };
            patches.insert(file, why.to_owned());
            // The operations of a JSON patch are not an object.
            let sets = |bytes: &[u8]| memchr::memmem::find(bytes, b"identityRef").is_some();
            if !with_objects.contains(&file) && inputs.bytes(file).is_ok_and(|bytes| sets(&bytes)) {
                setting.insert(file);
            }
        }
        let (inventory, more) = without_patches(inventory, &patches, &setting);
        notes.extend(more);
        (inventory, notes)
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

/// The state while kustomizations are read.
struct Reading<'r> {
    place: SearchRoots<'r>,
    patches: Patches,
    resources: HashSet<PathBuf>,
}

impl Reading<'_> {
    fn read(&mut self, path: &Path) {
        // A directory of that name is not a kustomization; some file systems ignore the case of names.
        if !path.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
            return;
        }
        let shown = self.shown(path);
        let bytes = match files::read_only(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.warn(error.to_string()),
        };
        let line = |span: Span| line_of(&bytes, span.start);
        match kustomization(FileId(usize::MAX), &shown, &bytes) {
            Ok(one) => self.take(path, &one, |span| format!("{shown}:{}", line(span))),
            Err(unreadable) => {
                self.warn(format!("{shown}:{} can't be read: {}", line(unreadable.span), unreadable.why))
            }
        }
    }

    fn take(&mut self, path: &Path, one: &Kustomization, place: impl Fn(Span) -> String) {
        let Some(directory) = path.parent() else { return };
        for patch in &one.patches {
            let why = format!("{} names it under {}", place(patch.span), patch.key);
            for path in both_names(&joined(directory, &patch.path)) {
                self.patches.named.entry(path).or_insert_with(|| why.clone());
            }
        }
        self.resources.extend(one.resources.iter().flat_map(|path| both_names(&joined(directory, path))));
    }

    fn warn(&mut self, message: String) {
        let warning = Diagnostic::warning(escape_control(&message).into_owned());
        let warning = warning.help(NOT_TOLD);
        self.patches.warnings.push(warning.help("fix it, or render it, and run again"));
    }

    fn shown(&self, path: &Path) -> String {
        shown(self.place.here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path))
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
struct PatchWalk {
    home: Option<PathBuf>,
    directories: BTreeSet<PathBuf>,
    /// Directories as they are named, which were handled already.
    seen: HashSet<PathBuf>,
    /// Real directories, and whether they are in a Git work tree.
    walked: HashMap<PathBuf, bool>,
}

impl PatchWalk {
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

/// The canonical path of a file that may be missing or a link: its own name in its real directory.
fn in_its_directory(path: &Path) -> Option<PathBuf> {
    Some(parent(path).canonicalize().ok()?.join(path.file_name()?))
}

/// A path that a kustomization names: `..` removes the name before it, whether that exists or not (Go's
/// `filepath.Join`).
fn joined(directory: &Path, path: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for part in directory.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// The path of a file as it is named, and that of the target if it is a link.
fn both_names(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    in_its_directory(path).into_iter().chain(path.canonicalize().ok())
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
        let patches = Patches::around(&inputs, &[], SearchRoots { home: None, here: Some(&top) });
        let (inventory, notes) = patches.set_aside(inventory, &inputs);
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
            Patches::around(&inputs, &[&path], SearchRoots::default()).refusal(&path)
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
            let patches = Patches::around(&inputs, &[], SearchRoots::default());
            assert!(patches.refusal(&top.join(name)).is_some(), "{name}");
            assert!(patches.refusal(&top.join("shared/heron.yaml")).is_some(), "{name}");
        }
    }
}
