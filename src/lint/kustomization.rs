//! `kustomization.yaml`: what renames objects, and of which files.

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
    /// `resources` and `bases`: files and directories, relative to its own.
    pub resources: Vec<String>,
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
    Some(Kustomization {
        file,
        name: plain(name),
        renames: renames.collect(),
        resources: [texts("resources"), texts("bases")].concat(),
        has_configurations: has_items(&tree, "configurations"),
        window: document.span,
    })
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
    pub(super) fn files(&self, run: &Run, all: &[Self]) -> Vec<FileId> {
        let mut files = Vec::new();
        self.collect(run, all, &mut files, 0);
        files
    }

    fn collect(&self, run: &Run, all: &[Self], files: &mut Vec<FileId>, depth: u32) {
        // A circle of kustomizations is kustomize's to refuse.
        if depth > 32 {
            return;
        }
        let directory = self.name.rsplit_once('/').map_or(".", |(directory, _)| directory);
        for resource in &self.resources {
            let path = plain(&format!("{directory}/{resource}"));
            let files_of = run.files().iter().enumerate().filter(|(_, file)| plain(&file.name) == path);
            files.extend(files_of.map(|(index, _)| FileId(index)));
            let below = |other: &&Self| FILE_NAMES.iter().any(|name| other.name == plain(&format!("{path}/{name}")));
            all.iter().filter(below).for_each(|base| base.collect(run, all, files, depth + 1));
        }
    }
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
