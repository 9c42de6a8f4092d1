//! `kustomization.yaml`: what renames objects, and of which files.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::diag::{FileId, Location, Span};
use crate::lossless::{NodeId, Source, Tree, parse};
use crate::run::Run;

/// Names that kustomize knows (`api/konfig/general.go`, `RecognizedKustomizationFileNames`).
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization of a run.
#[derive(Clone, Debug)]
pub struct Kustomization {
    /// The file.
    pub file: FileId,
    /// Its name, with `/`.
    pub name: String,
    /// `namePrefix` and `nameSuffix`, where they say something.
    pub renames: Vec<(&'static str, String, Span)>,
    /// `resources`, `bases` and `components`: files and directories, relative to its own.
    pub resources: Vec<String>,
    /// The files of `patches`, `patchesStrategicMerge` and `patchesJson6902`, relative to its directory.
    pub patches: Vec<String>,
    /// Whether patches, replacements or transformers change what is built, names perhaps.
    pub alters: bool,
    /// Whether it has `configurations`, which may say where names are referred to.
    pub has_configurations: bool,
    window: Span,
}

/// Reads a kustomization; `None` for what is none, or can't be read.
pub fn kustomization(file: FileId, name: &str, bytes: &[u8]) -> Option<Kustomization> {
    let source = Source::new(bytes);
    let document = source.segments().next()?;
    let tree = parse(&document).ok()?;
    let renames = ["namePrefix", "nameSuffix"].into_iter().filter_map(|key| {
        let value = tree.value(tree.root, key)?;
        let text = tree.text(value).filter(|text| !text.is_empty() && !tree.is_null(value))?;
        Some((key, text.to_owned(), tree.span(value)))
    });
    let texts = |key: &str| -> Vec<String> {
        let items = tree.value(tree.root, key).and_then(|list| tree.items(list)).unwrap_or_default();
        items.iter().filter_map(|&item: &NodeId| tree.text(item).map(str::to_owned)).collect()
    };
    let paths = |key: &str| -> Vec<String> {
        let items = tree.value(tree.root, key).and_then(|list| tree.items(list)).unwrap_or_default();
        let path = |&item: &NodeId| tree.value(item, "path").and_then(|path| tree.text(path)).map(str::to_owned);
        items.iter().filter_map(path).collect()
    };
    Some(Kustomization {
        file,
        name: plain(name),
        renames: renames.collect(),
        resources: [texts("resources"), texts("bases"), texts("components")].concat(),
        patches: [texts("patchesStrategicMerge"), paths("patches"), paths("patchesJson6902")].concat(),
        alters: ALTERS.iter().any(|key| has_items(&tree, key)),
        has_configurations: has_items(&tree, "configurations"),
        window: document.span,
    })
}

/// What may write other names than those of the resources.
const ALTERS: [&str; 6] =
    ["patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers", "vars"];

/// The files of a run by their names, made plain.
pub(super) struct Names(HashMap<String, FileId>);

impl Names {
    pub(super) fn of(run: &Run) -> Self {
        Self(run.files().iter().enumerate().map(|(index, file)| (plain(&file.name), FileId(index))).collect())
    }
}

/// The files of the run that are patches: a kustomization names them so, and none takes them for a resource. What stands in
/// them are parts of objects.
pub fn patches(run: &Run, all: &[Kustomization]) -> BTreeSet<FileId> {
    if all.iter().all(|one| one.patches.is_empty()) {
        return BTreeSet::new();
    }
    let names = Names::of(run);
    let files = |of: fn(&Kustomization) -> &[String]| -> BTreeSet<FileId> {
        let paths = all.iter().flat_map(|one| of(one).iter().map(|path| one.path(path)));
        paths.filter_map(|path| names.0.get(&path).copied()).collect()
    };
    files(|one| &one.patches).difference(&files(|one| &one.resources)).copied().collect()
}

fn has_items(tree: &Tree<'_>, key: &str) -> bool {
    tree.value(tree.root, key).and_then(|list| tree.items(list)).is_some_and(|items| !items.is_empty())
}

impl Kustomization {
    /// A place in it.
    pub fn location(&self, span: Span) -> Location {
        Location { file: self.file, span, window: Some(self.window) }
    }

    /// The files of the run that it builds from, those of kustomizations that it names too.
    pub(super) fn files(&self, names: &Names, bases: &Bases<'_>) -> HashSet<FileId> {
        let resources =
            self.built_from(bases).into_iter().flat_map(|one| one.resources.iter().map(|path| one.path(path)));
        resources.filter_map(|path| names.0.get(&path).copied()).collect()
    }

    /// Itself and the kustomizations that it builds from.
    pub(super) fn built_from<'k>(&'k self, bases: &Bases<'k>) -> Vec<&'k Self> {
        reach(self, |one| one.resources.iter().flat_map(|path| bases.of(&one.path(path))).collect())
    }

    /// A path that it names, as names of files are.
    fn path(&self, path: &str) -> String {
        let directory = self.name.rsplit_once('/').map_or(".", |(directory, _)| directory);
        plain(&format!("{directory}/{path}"))
    }
}

/// The kustomizations of a run by their directories, and by what they build from.
pub(super) struct Bases<'k> {
    directories: HashMap<&'k str, Vec<&'k Kustomization>>,
    /// Those that name another one, by the file of that.
    above: HashMap<FileId, Vec<&'k Kustomization>>,
}

impl<'k> Bases<'k> {
    pub(super) fn of_all(all: &'k [Kustomization]) -> Self {
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
    pub(super) fn that_build(&self, one: &'k Kustomization) -> Vec<&'k Kustomization> {
        reach(one, |one| self.above.get(&one.file).cloned().unwrap_or_default())
    }
}

/// A kustomization and those that are come to from it, each once.
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

/// A path without `.`, `..` and double slashes, as far as that can be told from its text.
fn plain(path: &str) -> String {
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
