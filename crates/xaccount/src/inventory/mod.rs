//! All objects of one run, with where they stand. Pure: bytes in, facts out.

mod doubt;
mod join;
mod owner;
mod scan;
mod skipped;
mod stream;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::capa::{IdentityKind, Object, ObjectKind, ROLE_IDENTITY, State, Version};
use crate::diag::{FileId, Location, Span, escape_control};
use lossless_yaml::ObjectRef;

pub use join::{NotJoined, Obstacle, joined, obstacle};
pub(crate) use owner::Class;
pub use owner::{Other, Others, Unread};
pub use scan::{Scan, Scanned, scan};
pub use skipped::{SetAside, SkipReason, Skipped};
pub use stream::kinds_seen;

/// An object and where it stands.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The file.
    pub file: FileId,
    /// The document and the place in it.
    pub at: ObjectRef,
    /// Line of its first key, from 1.
    pub line: usize,
    /// Its own bytes, whole lines where it shares none: what a message may show of the file.
    pub window: Span,
    /// Whether a message may show its text: not where it could be a Secret or a ConfigMap.
    pub shown: bool,
    /// What it is.
    pub object: Box<Object>,
    /// Of an identity: why its text can't go without taking along what is not its own.
    pub removal_blocker: Option<String>,
    /// Whether kubectl drops its document without a word, because it follows `...` without a `---`.
    pub dropped_by_kubectl: bool,
}

impl Resource {
    /// The kind, namespace and name, as a heading: `AWSCluster default/foo`. Control characters are made visible.
    pub fn title(&self) -> String {
        let name = self.object.name.as_deref().unwrap_or("(no name)");
        let namespace = self.object.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        escape_control(&format!("{} {namespace}{name}", self.object.kind)).into_owned()
    }

    /// Whether it carries an identity reference, or could: a topology Cluster whose variables name no provider.
    pub fn can_be_pointed(&self) -> bool {
        self.object.references().next().is_some()
            || matches!(self.object.object_kind, ObjectKind::Cluster { unclear: true, .. })
    }

    /// A place inside the object.
    pub fn location(&self, span: Span) -> Location {
        Location { file: self.file, span, window: self.shown.then_some(self.window) }
    }

    /// Where its kind is written.
    pub fn head(&self) -> Location {
        self.location(self.object.kind_span)
    }
}

/// A file of a run.
#[derive(Clone, Debug)]
pub struct File {
    /// As the user knows it: the path as typed, or what standard input counts as.
    pub name: String,
    /// Whether kubectl takes it for JSON.
    pub is_json_for_kubectl: bool,
    /// Whether it is read only for the identities in it.
    pub identities_only: bool,
}

/// Everything a verb thinks about.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    files: Vec<File>,
    objects: Vec<Resource>,
    /// Indices of identities by kind and name.
    identities: HashMap<(IdentityKind, String), Vec<usize>>,
    /// Objects that count for nothing.
    set_aside: Vec<SetAside>,
    /// Documents that were skipped unread.
    not_read: Vec<Skipped>,
    /// What Clusters refer to.
    owners: owner::Owners,
    /// What was read beside the run.
    others: Others,
    /// The objects of the other files; their files are numbered behind those of the run.
    beside: Vec<Resource>,
    /// Where the files are; empty where their names say it.
    directories: Vec<Option<String>>,
    /// What is asked for once per identity or account, and found for all of them at once.
    index: OnceLock<InventoryIndex>,
}

#[derive(Clone, Debug, Default)]
struct InventoryIndex {
    /// Indices of the objects whose references name a role identity, by its name.
    named_by: HashMap<String, Vec<usize>>,
    /// Files with an object that can carry a reference.
    with_clusters: HashSet<FileId>,
    /// The newest version of an object of CAPA.
    newest: Option<Version>,
}

impl InventoryIndex {
    fn of(objects: &[Resource]) -> Self {
        let mut index = Self::default();
        for (at, found) in objects.iter().enumerate() {
            if let ObjectKind::Referencing { version, .. } | ObjectKind::Identity(_, version) =
                &found.object.object_kind
            {
                index.newest = index.newest.max(Some(*version));
            }
            for reference in found.object.references() {
                index.with_clusters.insert(found.file);
                let State::Set(existing) = &reference.state else { continue };
                let Some(name) = existing.name.text().filter(|_| existing.kind.text() == Some(ROLE_IDENTITY)) else {
                    continue;
                };
                let users = index.named_by.entry(name.to_owned()).or_default();
                if users.last() != Some(&at) {
                    users.push(at);
                }
            }
        }
        index
    }
}

impl Inventory {
    /// A run of these files and their objects, which are in the order of the files.
    pub fn new(files: Vec<File>, objects: Vec<Resource>) -> Self {
        let mut inventory = Self { files, objects, ..Self::default() };
        for (index, found) in inventory.objects.iter().enumerate() {
            let Some(name) = &found.object.name else { continue };
            let kind = match &found.object.object_kind {
                ObjectKind::Identity(..) => IdentityKind::Role,
                ObjectKind::Controller(_) => IdentityKind::Controller,
                ObjectKind::Static(..) => IdentityKind::Static,
                _ => continue,
            };
            inventory.identities.entry((kind, name.clone())).or_default().push(index);
        }
        inventory.with_owners()
    }

    /// The same with files besides, read for owners; `directory` says where each file of the run is.
    #[must_use]
    pub fn with_others(mut self, mut others: Others, directory: impl Fn(FileId) -> Option<String>) -> Self {
        self.beside.clear();
        for (number, other) in others.files.iter_mut().enumerate() {
            let file = FileId(self.files.len() + number);
            self.beside.extend(std::mem::take(&mut other.objects).into_iter().map(|found| Resource { file, ..found }));
        }
        self.others = others;
        self.directories = (0..self.files.len()).map(|file| directory(FileId(file))).collect();
        self.with_owners()
    }

    /// The same with other objects, and all else that is known.
    fn with_objects(self, objects: Vec<Resource>) -> Self {
        let Self { files, others, beside, directories, set_aside, not_read, .. } = self;
        let inventory = Self { others, beside, directories, set_aside, not_read, ..Self::new(files, objects) };
        inventory.with_owners()
    }

    /// The same with what Clusters refer to.
    fn with_owners(mut self) -> Self {
        self.owners = owner::Owners::new(&self, |file| match self.directories.get(file.0) {
            Some(directory) => directory.clone(),
            None => owner::directory_in(&self.files[file.0].name),
        });
        self
    }

    /// The same with documents that were skipped unread.
    #[must_use]
    pub fn with_not_read(self, not_read: Vec<Skipped>) -> Self {
        Self { not_read, ..self }
    }

    /// Objects that count for nothing, by file and place for each reason.
    pub fn set_aside_objects(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// Documents that were skipped unread.
    pub fn not_read(&self) -> &[Skipped] {
        &self.not_read
    }

    /// The files, by [`FileId`].
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The file.
    pub fn file(&self, file: FileId) -> &File {
        &self.files[file.0]
    }

    /// The objects of all files, by file and place.
    pub fn objects(&self) -> &[Resource] {
        &self.objects
    }

    /// Indices of all identities of a kind and name.
    pub fn identities(&self, kind: IdentityKind, name: &str) -> &[usize] {
        self.identities.get(&(kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Indices of the objects whose references name a role identity.
    pub(crate) fn named_by(&self, name: &str) -> &[usize] {
        self.index().named_by.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether an object of the file can carry a reference.
    pub(crate) fn has_clusters(&self, file: FileId) -> bool {
        self.index().with_clusters.contains(&file)
    }

    /// The newest version of its objects of CAPA.
    pub(crate) fn newest_version(&self) -> Option<Version> {
        self.index().newest
    }

    fn index(&self) -> &InventoryIndex {
        self.index.get_or_init(|| InventoryIndex::of(&self.objects))
    }
}
