//! Reads `kustomization.yaml`: its resources, its patches, and what renames objects.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::capa::State;
use crate::diag::{Diagnostic, FileId, Location, Severity, Span};
use crate::inventory::{Inventory, Resource, SkipReason};
use lossless_yaml::{Lookup, NodeId, Source, Tree, parse};

/// The file names that kustomize recognizes (`api/konfig/general.go`, `RecognizedKustomizationFileNames`).
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether the path has the name of a kustomization.
pub fn is_kustomization(path: &str) -> bool {
    FILE_NAMES.contains(&path.rsplit_once('/').map_or(path, |(_, name)| name))
}

/// The consequence if a kustomization can't be read.
pub(crate) const NOT_TOLD: &str =
    "the files that it lists as patches are not known: objects in them are treated as clusters";

/// A kustomization.
#[derive(Clone, Debug)]
pub struct Kustomization {
    /// The file.
    pub file: FileId,
    /// Its name, with `/`.
    pub name: String,
    /// `namePrefix` and `nameSuffix`, if they are not empty.
    pub renames: Vec<(&'static str, String, Span)>,
    /// `resources`, `bases` and `components`: files and directories, relative to its own.
    pub resources: Vec<String>,
    /// The files that it lists as patches.
    pub patches: Vec<PatchFile>,
    /// Whether patches, replacements or transformers change what is built, and perhaps names.
    pub alters: bool,
    /// Whether it has `configurations`, which may define where names are referenced.
    pub has_configurations: bool,
    window: Span,
}

/// A file that a kustomization lists as a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// Its path, relative to the directory of the kustomization.
    pub path: String,
    /// The key under which it is listed.
    pub key: &'static str,
    /// The place where it is listed.
    pub span: Span,
}

/// An error: a kustomization can't be read, so the files with its patches are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// The place.
    pub span: Span,
    /// The reason, in a few words.
    pub why: String,
}

impl Unreadable {
    fn at(span: Span, why: impl Into<String>) -> Self {
        Self { span, why: why.into() }
    }
}

/// Reads a kustomization. An empty one lists nothing.
///
/// # Errors
/// It, or its list of patches, can't be read.
pub fn kustomization(file: FileId, name: &str, bytes: &[u8]) -> Result<Kustomization, Unreadable> {
    let source = Source::new(bytes);
    let Some(document) = source.segments().next() else {
        return Ok(Kustomization::empty(file, name));
    };
    let tree = parse(&document).map_err(|refusal| Unreadable::at(refusal.span, refusal.to_string()))?;
    if let Some(key) = tree.complex_key() {
        return Err(Unreadable::at(tree.span(key), "a key is not a scalar, as in a template"));
    }
    let kustomization = of_node(file, name, &tree, tree.root)?;
    Ok(Kustomization { window: document.span, ..kustomization })
}

/// Reads a kustomization from a node of a document.
///
/// # Errors
/// As [`kustomization`].
pub(crate) fn of_node(file: FileId, name: &str, tree: &Tree<'_>, node: NodeId) -> Result<Kustomization, Unreadable> {
    if tree.is_null(node) {
        return Ok(Kustomization::empty(file, name));
    }
    if tree.entries(node).is_none() {
        return Err(Unreadable::at(tree.span(node), "it is not a mapping"));
    }
    let renames = ["namePrefix", "nameSuffix"].into_iter().filter_map(|key| {
        let value = tree.value(node, key)?;
        let text = tree.text(value).filter(|text| !text.is_empty() && !tree.is_null(value))?;
        Some((key, text.to_owned(), tree.span(value)))
    });
    let mut patches = Vec::new();
    for key in PATCHES {
        for item in list(tree, node, key)? {
            // Old releases accepted plain paths under `patches`, too. An item of `patchesStrategicMerge` can be the
            // patch itself.
            let path = if tree.text(item).is_some() { Some(item) } else { field(tree, item, "path")? };
            let text = path.and_then(|path| Some((tree.text(path)?, tree.span(path))));
            let text = text.filter(|(text, _)| is_path(text));
            patches.extend(text.map(|(text, span)| PatchFile { path: text.to_owned(), key, span }));
        }
    }
    let mut resources = Vec::new();
    for key in ["resources", "bases", "components"] {
        resources.extend(list(tree, node, key)?.iter().filter_map(|&item| tree.text(item).map(str::to_owned)));
    }
    Ok(Kustomization {
        renames: renames.collect(),
        resources,
        patches,
        alters: ALTERS.iter().any(|key| has_items(tree, node, key)),
        has_configurations: has_items(tree, node, "configurations"),
        ..Kustomization::empty(file, name)
    })
}

/// The keys under which files are listed as patches.
const PATCHES: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];

/// A field as kustomize reads it: its name is not case-sensitive (`encoding/json`).
fn field(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Option<NodeId>, Unreadable> {
    match tree.get(node, name) {
        Lookup::Ambiguous { key } => Err(Unreadable::at(tree.span(key), format!("duplicate key '{name}'"))),
        Lookup::Own { value, .. } | Lookup::Inherited { value } => Ok(Some(value)),
        Lookup::Absent => {
            let entries = tree.entries(node).unwrap_or_default().iter();
            let same = |key: NodeId| tree.text(key).is_some_and(|text| text.eq_ignore_ascii_case(name));
            Ok(entries.copied().find(|&(key, _)| same(key)).map(|(_, value)| value))
        }
    }
}

/// The items of a list that may be missing or null.
fn list(tree: &Tree<'_>, node: NodeId, name: &str) -> Result<Vec<NodeId>, Unreadable> {
    let Some(value) = field(tree, node, name)?.filter(|&value| !tree.is_null(value)) else { return Ok(Vec::new()) };
    let items = tree.items(value).map(<[NodeId]>::to_vec);
    items.ok_or_else(|| Unreadable::at(tree.span(value), format!("'{name}' is not a list")))
}

/// Whether the text of a patch is a path, and not the patch itself.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n') && !text.trim_start().starts_with(['{', '['])
}

/// The fields that may change the names of resources.
const ALTERS: [&str; 6] =
    ["patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers", "vars"];

/// The files that kustomizations list as patches and none lists as a resource, by their plain paths, with the reason:
/// `place` returns the place in a kustomization.
pub(crate) fn patch_files(
    all: &[Kustomization],
    place: impl Fn(&Kustomization, &PatchFile) -> String,
) -> HashMap<String, String> {
    let mut named: HashMap<String, String> = HashMap::new();
    for (one, patch) in all.iter().flat_map(|one| one.patches.iter().map(move |patch| (one, patch))) {
        let why = || format!("{} names it under {}", place(one, patch), patch.key);
        named.entry(one.path(&patch.path)).or_insert_with(why);
    }
    for (one, path) in all.iter().flat_map(|one| one.resources.iter().map(move |path| (one, path))) {
        named.remove(&one.path(path));
    }
    named
}

/// The input files by their normalized names.
pub(crate) struct FilesByName(HashMap<String, FileId>);

impl FilesByName {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        Self(inventory.files().iter().enumerate().map(|(index, file)| (plain(&file.name), FileId(index))).collect())
    }
}

/// Sets aside the objects of files that are patches, which are only parts of objects. `patches` has the files with the
/// reasons. Returns a note with the skipped files, and a warning with those that set a reference themselves, including
/// `setting`.
pub fn without_patches(
    inventory: Inventory,
    patches: &BTreeMap<FileId, String>,
    setting: &BTreeSet<FileId>,
) -> (Inventory, Vec<Diagnostic>) {
    let inventory = inventory.set_aside(|found| {
        let why = patches.get(&found.origin.file)?;
        Some((SkipReason::KustomizePatch, Cow::Owned(why.clone())))
    });
    let mut skipped: BTreeMap<FileId, bool> = setting.iter().map(|&file| (file, true)).collect();
    for one in
        inventory.set_aside_objects().iter().filter(|one| one.reason == SkipReason::KustomizePatch && one.matters())
    {
        *skipped.entry(one.found.origin.file).or_default() |= sets_reference(&one.found);
    }
    let files_where = |wanted: bool| -> Vec<(&str, &str)> {
        let files = skipped.iter().filter(|&(_, &sets)| sets == wanted);
        files.filter_map(|(file, _)| Some((inventory.file(*file).name.as_str(), patches.get(file)?.as_str()))).collect()
    };
    let mut notes = Vec::new();
    if let Some(note) = several(
        &files_where(false),
        "is a kustomize patch and is skipped",
        "files are kustomize patches and are skipped",
    ) {
        notes.push(Diagnostic { severity: Severity::Note, ..note });
    }
    let (one, many) = (
        "is a kustomize patch that sets identityRef, and is skipped",
        "kustomize patches set identityRef, and are skipped",
    );
    if let Some(warning) = several(&files_where(true), one, many) {
        notes.push(
            warning.help("a patch overrides the object that it patches: change or remove identityRef there manually"),
        );
    }
    (inventory, notes)
}

/// One diagnostic for several files, each with its reason.
fn several(files: &[(&str, &str)], one: &str, many: &str) -> Option<Diagnostic> {
    const MOST: usize = 20;
    match files {
        [] => None,
        [(file, why)] => Some(Diagnostic::warning(format!("{file} {one}: {why}"))),
        files => {
            let warning = Diagnostic::warning(format!("{} {many}", files.len()));
            let lines = files.iter().take(MOST).map(|(file, why)| format!("{file}: {why}"));
            let warning = lines.fold(warning, Diagnostic::help);
            Some(match files.len().saturating_sub(MOST) {
                0 => warning,
                more => warning.help(format!("… and {more} more")),
            })
        }
    }
}

fn sets_reference(found: &Resource) -> bool {
    found.object.references().any(|reference| reference.state != State::Unset)
}

fn has_items(tree: &Tree<'_>, node: NodeId, key: &str) -> bool {
    tree.value(node, key).and_then(|list| tree.items(list)).is_some_and(|items| !items.is_empty())
}

impl Kustomization {
    fn empty(file: FileId, name: &str) -> Self {
        Self {
            file,
            name: plain(name),
            renames: Vec::new(),
            resources: Vec::new(),
            patches: Vec::new(),
            alters: false,
            has_configurations: false,
            window: Span::new(0, 0),
        }
    }

    /// A place in it.
    pub fn location(&self, span: Span) -> Location {
        Location { file: self.file, span, window: Some(self.window) }
    }

    /// The files of the inventory from which it builds, including those of kustomizations that it references.
    pub(crate) fn files(&self, names: &FilesByName, bases: &Bases<'_>) -> HashSet<FileId> {
        let resources =
            self.built_from(bases).into_iter().flat_map(|one| one.resources.iter().map(|path| one.path(path)));
        resources.filter_map(|path| names.0.get(&path).copied()).collect()
    }

    /// Itself and the kustomizations from which it builds.
    pub(crate) fn built_from<'k>(&'k self, bases: &Bases<'k>) -> Vec<&'k Self> {
        reach(self, |one| one.resources.iter().flat_map(|path| bases.of(&one.path(path))).collect())
    }

    /// A path in it, normalized like the names of files.
    pub(crate) fn path(&self, path: &str) -> String {
        let directory = self.name.rsplit_once('/').map_or(".", |(directory, _)| directory);
        plain(&format!("{directory}/{path}"))
    }
}

/// All kustomizations by their directories, and by those that build from them.
pub(crate) struct Bases<'k> {
    directories: HashMap<&'k str, Vec<&'k Kustomization>>,
    /// The kustomizations that build from another one, by its file.
    above: HashMap<FileId, Vec<&'k Kustomization>>,
}

impl<'k> Bases<'k> {
    pub(crate) fn of_all(all: &'k [Kustomization]) -> Self {
        let mut bases = Self { directories: HashMap::new(), above: HashMap::new() };
        for one in all {
            let directory = one.name.rsplit_once('/').map_or("", |(directory, _)| directory);
            bases.directories.entry(directory).or_default().push(one);
        }
        let mut above: HashMap<FileId, Vec<&Kustomization>> = HashMap::new();
        for one in all {
            for base in one.resources.iter().flat_map(|path| bases.of(&one.path(path))) {
                above.entry(base.file).or_default().push(one);
            }
        }
        Self { above, ..bases }
    }

    /// The kustomizations of a directory.
    fn of(&self, directory: &str) -> Vec<&'k Kustomization> {
        self.directories.get(directory).cloned().unwrap_or_default()
    }

    /// A kustomization and those that build from it.
    pub(crate) fn that_build(&self, one: &'k Kustomization) -> Vec<&'k Kustomization> {
        reach(one, |one| self.above.get(&one.file).cloned().unwrap_or_default())
    }
}

/// A kustomization and those that can be reached from it, each once.
fn reach<'k>(
    from: &'k Kustomization,
    next: impl Fn(&'k Kustomization) -> Vec<&'k Kustomization>,
) -> Vec<&'k Kustomization> {
    let (mut reached, mut seen) = (vec![from], HashSet::from([from.file]));
    let mut at = 0;
    while let Some(one) = reached.get(at).copied() {
        at += 1;
        reached.extend(next(one).into_iter().filter(|other| seen.insert(other.file)));
    }
    reached
}

/// A path without `.`, `..` and double slashes, as far as this is possible from its text.
pub(crate) fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    root.to_owned() + &parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_without_dots() {
        for (path, expected) in
            [("./a//b.yaml", "a/b.yaml"), ("a/../../b", "../b"), ("/a/./b/..", "/a"), ("", ""), ("../../x", "../../x")]
        {
            assert_eq!(plain(path), expected);
        }
    }
}
