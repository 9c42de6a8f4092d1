//! Reads `kustomization.yaml`: what it lists, and what it changes in the objects that it builds.

use crate::diag::{FileId, Location, Span, escape_control};
use lossless_yaml::{NodeId, Source, Tree, parse};

use super::fields::{FieldText, Unreadable, field, list, map, text, texts};
use super::patch::{self, Patch};
use super::{beside, plain};

/// A kustomization.
#[derive(Clone, Debug)]
pub struct Kustomization {
    /// The file, if it is an input.
    pub file: Option<FileId>,
    /// Its name for messages.
    pub name: String,
    /// Its plain path, by which other kustomizations find it.
    pub(crate) path: String,
    /// Whether it is a Component: what it changes applies to everything that the kustomization above it builds.
    pub(crate) is_component: bool,
    /// `namePrefix` and `nameSuffix`, if they are not empty.
    pub(crate) renames: Vec<(&'static str, String, Span)>,
    /// `namespace`, where everything that it builds goes.
    pub(crate) namespace: Option<FieldText>,
    /// The labels that `commonLabels` and `labels` add to `metadata.labels`.
    pub(crate) labels: Vec<(String, String)>,
    /// `resources` and `bases`: files and directories, relative to its own.
    pub(crate) resources: Vec<FieldText>,
    /// `components`: directories.
    pub(crate) components: Vec<FieldText>,
    /// Its patches and replacements.
    pub(crate) patches: Vec<Patch>,
    /// `configurations`: files that can define where names are referenced.
    pub(crate) configurations: Vec<FieldText>,
    /// `transformers`, which are not evaluated.
    pub(crate) transformers: Vec<FieldText>,
    /// `generators`, which are not evaluated.
    pub(crate) generators: Vec<FieldText>,
    /// Whether patches, replacements or transformers change what is built, and perhaps names.
    pub(crate) alters: bool,
    /// The place of its list of resources.
    pub(crate) listing: Option<Listing>,
    /// Whether it has only keys below which there is never the content of a Secret or a ConfigMap.
    pub is_open: bool,
    /// The document, for messages and edits.
    pub document: Span,
    /// The starts of its lines, except the first.
    lines: Vec<usize>,
}

/// The list of resources of a kustomization, as far as an edit needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// `resources` is missing or null.
    Missing,
    /// It is a list, with this place.
    List(Span),
}

/// Reads a kustomization. An empty one lists nothing. `name` is its name for messages, `path` the one by which others
/// find it.
///
/// # Errors
/// It, or a part of it that decides what is built, can't be read.
pub fn kustomization(file: Option<FileId>, name: &str, path: &str, bytes: &[u8]) -> Result<Kustomization, Unreadable> {
    let source = Source::new(bytes);
    let Some(document) = source.segments().next() else {
        return Ok(Kustomization::empty(file, name, path));
    };
    let tree = parse(&document).map_err(|refusal| Unreadable::at(refusal.span, refusal.to_string()))?;
    if let Some(key) = tree.complex_key() {
        return Err(Unreadable::at(tree.span(key), "a key is not a scalar, as in a template"));
    }
    let kustomization = of_node(file, name, path, &tree, tree.root)?;
    let lines = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1).collect();
    Ok(Kustomization { document: document.span, lines, ..kustomization })
}

/// Reads a kustomization from a node of a document.
///
/// # Errors
/// As [`kustomization`].
pub(crate) fn of_node(
    file: Option<FileId>,
    name: &str,
    path: &str,
    tree: &Tree<'_>,
    node: NodeId,
) -> Result<Kustomization, Unreadable> {
    let empty = Kustomization::empty(file, name, path);
    if tree.is_null(node) {
        return Ok(empty);
    }
    if tree.entries(node).is_none() {
        return Err(Unreadable::at(tree.span(node), "it is not a mapping"));
    }
    let renames = ["namePrefix", "nameSuffix"].into_iter().filter_map(|key| {
        let (text, span) = text(tree, node, key).ok()??;
        Some((key, text, span))
    });
    let mut resources = texts(tree, node, "resources")?;
    resources.extend(texts(tree, node, "bases")?);
    let kind = text(tree, node, "kind")?;
    Ok(Kustomization {
        is_component: kind.is_some_and(|(kind, _)| kind == "Component"),
        renames: renames.collect(),
        namespace: text(tree, node, "namespace")?,
        labels: labels(tree, node)?,
        resources,
        components: texts(tree, node, "components")?,
        patches: patches(tree, node)?,
        configurations: texts(tree, node, "configurations")?,
        transformers: texts(tree, node, "transformers")?,
        generators: texts(tree, node, "generators")?,
        alters: ALTERS.iter().any(|key| has_items(tree, node, key)),
        listing: listing(tree, node),
        is_open: is_open(tree, node),
        ..empty
    })
}

/// Its patches, and the other fields that labels are written to.
fn patches(tree: &Tree<'_>, node: NodeId) -> Result<Vec<Patch>, Unreadable> {
    let mut patches = patch::patches(tree, node)?;
    for item in list(tree, node, "labels")? {
        patches.extend(patch::field_specs(tree, item, "fields", "labels")?);
    }
    Ok(patches)
}

/// The fields that may change the names of resources.
const ALTERS: [&str; 6] =
    ["patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers", "vars"];

fn has_items(tree: &Tree<'_>, node: NodeId, key: &str) -> bool {
    tree.value(node, key).and_then(|list| tree.items(list)).is_some_and(|items| !items.is_empty())
}

/// Whether all its keys are known ones without content of other objects.
fn is_open(tree: &Tree<'_>, node: NodeId) -> bool {
    const OPEN: [&str; 14] = [
        "apiVersion",
        "kind",
        "resources",
        "bases",
        "components",
        "namespace",
        "namePrefix",
        "nameSuffix",
        "commonLabels",
        "labels",
        "images",
        "configurations",
        "crds",
        "sortOptions",
    ];
    let mut entries = tree.entries(node).unwrap_or_default().iter();
    entries.all(|&(key, _)| tree.text(key).is_some_and(|key| OPEN.contains(&key)))
}

/// `commonLabels`, and the `pairs` of each of `labels` (`api/types/kustomization.go`).
fn labels(tree: &Tree<'_>, node: NodeId) -> Result<Vec<(String, String)>, Unreadable> {
    let mut labels = map(tree, node, "commonLabels")?;
    for item in list(tree, node, "labels")? {
        labels.extend(map(tree, item, "pairs")?);
    }
    Ok(labels)
}

fn listing(tree: &Tree<'_>, node: NodeId) -> Option<Listing> {
    match tree.value(node, "resources") {
        Some(list) if tree.items(list).is_some() => Some(Listing::List(tree.span(list))),
        Some(list) if tree.is_null(list) => Some(Listing::Missing),
        Some(_) => None,
        // Another spelling of the key, as in `Resources`.
        None => field(tree, node, "resources").ok()?.is_none().then_some(Listing::Missing),
    }
}

impl Kustomization {
    fn empty(file: Option<FileId>, name: &str, path: &str) -> Self {
        Self {
            file,
            name: name.to_owned(),
            path: plain(path),
            is_component: false,
            renames: Vec::new(),
            namespace: None,
            labels: Vec::new(),
            resources: Vec::new(),
            components: Vec::new(),
            patches: Vec::new(),
            configurations: Vec::new(),
            transformers: Vec::new(),
            generators: Vec::new(),
            alters: false,
            listing: None,
            is_open: false,
            document: Span::new(0, 0),
            lines: Vec::new(),
        }
    }

    /// The part of its text that a message may show around a place: all of it, or only the place, if generators or
    /// patches may contain the content of a Secret or a ConfigMap.
    pub fn window(&self, place: Span) -> Span {
        if self.is_open { self.document } else { place }
    }

    /// A name as it renames it.
    pub(crate) fn renamed(&self, name: &str) -> String {
        let part = |wanted: &str| {
            self.renames.iter().find(|(key, ..)| *key == wanted).map_or("", |(_, text, _)| text.as_str())
        };
        format!("{}{name}{}", part("namePrefix"), part("nameSuffix"))
    }

    /// A place in it, if it is an input.
    pub(crate) fn location(&self, span: Span) -> Option<Location> {
        Some(Location { file: self.file?, span, window: Some(self.window(span)) })
    }

    /// A place for messages: `overlays/prod/kustomization.yaml:7`; in a stream, its name alone.
    pub(crate) fn place(&self, span: Span) -> String {
        let name = escape_control(&self.name);
        match self.document.is_empty() {
            true => name.into_owned(),
            false => format!("{name}:{}", 1 + self.lines.partition_point(|&start| start <= span.start)),
        }
    }

    /// The path of something that it names.
    pub(crate) fn beside(&self, path: &str) -> String {
        beside(&self.path, path)
    }

    /// The paths of the files that decide what it changes: patches, replacements and configurations.
    pub fn parts(&self) -> Vec<String> {
        let replacements = self.patches.iter().filter_map(|patch| patch.content.replacement_file());
        let others = self.configurations.iter().map(|(path, _)| path.as_str()).chain(replacements);
        self.patch_files().chain(others.map(|path| self.beside(path))).collect()
    }

    /// The paths of the files with its patches.
    pub(crate) fn patch_files(&self) -> impl Iterator<Item = String> {
        self.patches.iter().filter_map(|patch| patch.content.file()).map(|path| self.beside(path))
    }

    /// The paths of everything that it lists: resources, bases and components.
    pub(crate) fn listed(&self) -> impl Iterator<Item = String> {
        self.resources.iter().chain(&self.components).map(|(path, _)| self.beside(path))
    }
}

/// References by name to objects of a kind, as a file under `configurations` defines them
/// (`api/types/fieldspec.go`). What is not specified matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameReference {
    /// The objects that are renamed.
    pub(crate) named: KindSelector,
    /// The objects that reference them.
    pub(crate) user: KindSelector,
    /// The path of the name in those: `spec/identityRef/name`.
    pub(crate) path: String,
}

/// A group, version and kind, each of which may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KindSelector {
    group: Option<String>,
    version: Option<String>,
    kind: Option<String>,
}

impl KindSelector {
    fn read(tree: &Tree<'_>, node: NodeId) -> Result<Self, Unreadable> {
        let part = |name: &str| Ok(text(tree, node, name)?.map(|(text, _)| text));
        Ok(Self { group: part("group")?, version: part("version")?, kind: part("kind")? })
    }

    /// Whether it selects an object of this type.
    pub(crate) fn selects(&self, api_version: &str, kind: &str) -> bool {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let fits = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|wanted| wanted == own);
        fits(&self.group, group) && fits(&self.version, version) && fits(&self.kind, kind)
    }
}

/// The fields that a file under `configurations` adds to those that kustomize changes; `None` if it can't be read.
pub(crate) fn more_fields(bytes: &[u8]) -> Option<Vec<Patch>> {
    let source = Source::new(bytes);
    let mut patches = Vec::new();
    for document in source.segments() {
        let tree = parse(&document).ok()?;
        for &(key, _) in tree.entries(tree.root)? {
            let key = tree.text(key)?;
            if !["nameReference", "varReference"].contains(&key) {
                patches.extend(patch::field_specs(&tree, tree.root, key, "configurations").ok()?);
            }
        }
    }
    Some(patches)
}

/// The `nameReference`s of a file under `configurations`; `None` if it can't be read.
pub(crate) fn name_references(bytes: &[u8]) -> Option<Vec<NameReference>> {
    let source = Source::new(bytes);
    let mut found = Vec::new();
    for document in source.segments() {
        let tree = parse(&document).ok()?;
        for item in list(&tree, tree.root, "nameReference").ok()? {
            let named = KindSelector::read(&tree, item).ok()?;
            for spec in list(&tree, item, "fieldSpecs").ok()? {
                let user = KindSelector::read(&tree, spec).ok()?;
                let Some((path, _)) = text(&tree, spec, "path").ok()? else { continue };
                found.push(NameReference { named: named.clone(), user, path: path.trim_matches('/').to_owned() });
            }
        }
    }
    Some(found)
}
