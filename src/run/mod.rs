//! All objects of one run, with where they stand. Pure: bytes in, facts out.

mod join;
mod scan;
mod stream;

use std::collections::{BTreeSet, HashMap};

use crate::capa::{IdentityKind, Object, Role};
use crate::diag::{FileId, Location, Span, visible};
use crate::lossless::ObjectRef;

pub use join::{NotJoined, Obstacle, joined, obstacle};
pub use scan::{Scan, Scanned, scan};
pub use stream::kinds_seen;

/// An object and where it stands.
#[derive(Clone, Debug)]
pub struct Found {
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
    pub tied: Option<String>,
    /// Whether kubectl drops its document without a word, because it follows `...` without a `---`.
    pub bare: bool,
}

impl Found {
    /// The kind, namespace and name, as a heading: `AWSCluster default/foo`. Control characters are made visible.
    pub fn title(&self) -> String {
        let name = self.object.name.as_deref().unwrap_or("(no name)");
        let namespace = self.object.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        visible(&format!("{} {namespace}{name}", self.object.kind)).into_owned()
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
    pub brace: bool,
    /// Whether it is read only for the identities in it.
    pub identities_only: bool,
}

/// Everything a verb thinks about.
#[derive(Clone, Debug, Default)]
pub struct Run {
    files: Vec<File>,
    objects: Vec<Found>,
    /// Indices of identities by kind and name.
    identities: HashMap<(IdentityKind, String), Vec<usize>>,
    /// What Clusters refer to: the Cluster, and which of its references, by namespace, kind and name of what that names.
    owned: Vec<(usize, usize)>,
}

impl Run {
    /// A run of these files and their objects, which are in the order of the files.
    pub fn new(files: Vec<File>, objects: Vec<Found>) -> Self {
        let mut run = Self { files, objects, ..Self::default() };
        for (index, found) in run.objects.iter().enumerate() {
            let Some(name) = &found.object.name else { continue };
            let kind = match &found.object.role {
                Role::Identity(..) => IdentityKind::Role,
                Role::Controller(_) => IdentityKind::Controller,
                Role::Static(..) => IdentityKind::Static,
                Role::Cluster { refers_to, .. } => {
                    run.owned.extend((0..refers_to.len()).map(|which| (index, which)));
                    continue;
                }
                _ => continue,
            };
            run.identities.entry((kind, name.clone())).or_default().push(index);
        }
        let mut owned = std::mem::take(&mut run.owned);
        // Stable: of two Clusters that refer to the same, the first counts.
        owned.sort_by(|&a, &b| run.referred_to(a).cmp(&run.referred_to(b)));
        Self { owned, ..run }
    }

    /// The same without the objects of some files.
    #[must_use]
    pub fn without(self, files: &BTreeSet<FileId>) -> Self {
        if files.is_empty() {
            return self;
        }
        let objects = self.objects.into_iter().filter(|found| !files.contains(&found.file)).collect();
        Self::new(self.files, objects)
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
    pub fn objects(&self) -> &[Found] {
        &self.objects
    }

    /// Indices of all identities of a kind and name.
    pub fn identities(&self, kind: IdentityKind, name: &str) -> &[usize] {
        self.identities.get(&(kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The name of the cluster that an object belongs to: the Cluster of the run that refers to it, else its label, else
    /// its own name.
    pub fn cluster_name<'r>(&'r self, found: &'r Found) -> Option<&'r str> {
        let object = &found.object;
        if matches!(object.role, Role::Cluster { .. }) {
            return object.name.as_deref();
        }
        let label = || object.labels.get("cluster.x-k8s.io/cluster-name");
        self.owner(object).or_else(label).or(object.name.as_deref())
    }

    /// The name of the Cluster that refers to an object.
    fn owner(&self, object: &Object) -> Option<&str> {
        let name = object.name.as_deref().unwrap_or_default();
        let key = Some((object.namespace.as_deref(), object.kind.as_str(), name));
        let at = self.owned.partition_point(|&owned| self.referred_to(owned) < key);
        let &first = self.owned.get(at).filter(|&&owned| self.referred_to(owned) == key)?;
        self.objects[first.0].object.name.as_deref()
    }

    /// Namespace, kind and name of what a reference of a Cluster names.
    fn referred_to(&self, (cluster, which): (usize, usize)) -> Option<(Option<&str>, &str, &str)> {
        let object = &self.objects[cluster].object;
        let Role::Cluster { refers_to, .. } = &object.role else { return None };
        let to = &refers_to[which];
        Some((object.namespace.as_deref(), &to.kind, &to.name))
    }
}
