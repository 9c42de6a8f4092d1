//! The objects of all files, and lookups across them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Index;
use std::sync::{Arc, OnceLock};

use super::object_id::ObjectId;
use super::objects::{Objects, Other, Others};
use super::origin::{AnyOrigin, Live, Manifest, OriginRef, Provenance};
use super::owners::Owners;
use super::resource::{File, Resource};
use super::skipped::{SetAside, SkipReason, Skipped};
use crate::capa::{IdentityKind, ObjectKind, Version, Wrapper};
use crate::diag::{Diagnostic, FileId};

/// The namespace in which kubectl creates an object without one, unless another one is specified.
const DEFAULT_NAMESPACE: &str = "default";

/// The input of every verb: all objects, by default of files.
#[derive(Clone, Debug)]
pub struct Inventory<O = Manifest> {
    pub(super) all: Objects<O>,
    /// Identities by kind and name.
    identities: HashMap<(IdentityKind, String), Vec<ObjectId>>,
    /// Objects that are ignored.
    set_aside: Vec<SetAside>,
    /// Documents that were skipped without being read.
    not_read: Vec<Skipped>,
    /// Objects of other programs that contain or create clusters.
    wrappers: Vec<Resource<O>>,
    /// The references of Clusters.
    pub(super) owners: Owners,
    /// The specified namespace that objects without one are applied to.
    default_namespace: Option<Arc<str>>,
    /// Lookups that are needed for each identity or account, computed once for all.
    index: OnceLock<InventoryIndex>,
}

#[derive(Clone, Debug, Default)]
struct InventoryIndex {
    /// The objects that reference a role identity, by its name.
    named_by: HashMap<String, Vec<ObjectId>>,
    /// Files with an object that can carry a reference.
    with_clusters: HashSet<FileId>,
    /// The newest version of a CAPA object.
    newest: Option<Version>,
}

impl InventoryIndex {
    fn of<O: Provenance>(objects: &[Resource<O>]) -> Self {
        let mut index = Self::default();
        for (at, found) in objects.iter().enumerate() {
            let at = ObjectId::new(at);
            if let ObjectKind::Referencing { version, .. } | ObjectKind::Identity(_, version) =
                &found.object.object_kind
            {
                index.newest = index.newest.max(Some(*version));
            }
            for reference in found.object.references() {
                index.with_clusters.extend(found.origin.file());
                let Some(name) = reference.state.role_identity() else { continue };
                let users = index.named_by.entry(name.to_owned()).or_default();
                if users.last() != Some(&at) {
                    users.push(at);
                }
            }
        }
        index
    }
}

impl<O: Provenance> Inventory<O> {
    /// Creates an inventory of files and their objects, in the order of the files. For a cluster, there are only
    /// objects.
    pub fn new(files: Vec<File>, objects: Vec<Resource<O>>) -> Self {
        Self::of(Objects::new(files, objects))
    }

    fn of(all: Objects<O>) -> Self {
        let owners = Owners::new(&all);
        let mut identities: HashMap<(IdentityKind, String), Vec<ObjectId>> = HashMap::new();
        for (index, found) in all.own.iter().enumerate() {
            let Some(name) = &found.object.name else { continue };
            let kind = match &found.object.object_kind {
                ObjectKind::Identity(..) => IdentityKind::Role,
                ObjectKind::Controller(_) => IdentityKind::Controller,
                ObjectKind::Static(..) => IdentityKind::Static,
                _ => continue,
            };
            identities.entry((kind, name.clone())).or_default().push(ObjectId::new(index));
        }
        let (set_aside, not_read, wrappers, index) = (Vec::new(), Vec::new(), Vec::new(), OnceLock::new());
        let inventory = Self { all, identities, set_aside, not_read, wrappers, owners, default_namespace: None, index };
        inventory.with_references_of_classes()
    }

    /// The same, with the references that the patches of ClusterClasses decide.
    fn with_references_of_classes(mut self) -> Self {
        if self.decide_by_classes() { self.without_index() } else { self }
    }

    /// The same, without the lookups that depend on references.
    pub(super) fn without_index(self) -> Self {
        Self { index: OnceLock::new(), ..self }
    }

    /// Adds other files, which were read to find owners; `directory` returns the directory of each file of the
    /// inventory.
    #[must_use]
    pub fn with_others(mut self, mut others: Others, directory: impl Fn(FileId) -> Option<String>) -> Self
    where
        O: From<Manifest>,
    {
        let all = &mut self.all;
        all.beside.clear();
        for (number, other) in others.files.iter_mut().enumerate() {
            let file = FileId(all.files.len() + number);
            all.beside.extend(std::mem::take(&mut other.objects).into_iter().map(|mut found| {
                found.origin.file = file;
                found.into_origin()
            }));
        }
        all.others = others;
        all.directories = (0..all.files.len()).map(|file| directory(FileId(file))).collect();
        self.owners = Owners::new(&self.all);
        self.with_references_of_classes()
    }

    /// Adds documents that were skipped without being read.
    #[must_use]
    pub fn with_not_read(self, not_read: Vec<Skipped>) -> Self {
        Self { not_read, ..self }
    }

    /// Adds objects of other programs that contain or create clusters.
    #[must_use]
    pub fn with_wrappers(self, wrappers: Vec<Resource<O>>) -> Self {
        Self { wrappers, ..self }
    }

    /// Objects of other programs that contain or create clusters, by file and place. They are not among the
    /// [objects](Self::objects).
    pub fn wrappers(&self) -> impl Iterator<Item = (&Resource<O>, &Wrapper)> {
        self.wrappers.iter().filter_map(|found| match &found.object.object_kind {
            ObjectKind::Wrapper(wrapper) => Some((found, &**wrapper)),
            _ => None,
        })
    }

    /// The same, applied to a namespace other than `default`.
    #[must_use]
    pub fn with_default_namespace(self, namespace: &str) -> Self {
        Self { default_namespace: Some(namespace.into()), ..self }.with_references_of_classes()
    }

    /// The namespace that objects without one are applied to.
    pub fn default_namespace(&self) -> &str {
        self.default_namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }

    /// The same, if it was specified: then an object without a namespace is in it for certain.
    pub(super) fn specified_namespace(&self) -> Option<&str> {
        self.default_namespace.as_deref()
    }

    /// The namespace that an object is applied to. If kustomizations apply it to several, its own: see
    /// [`namespaces_of`](Self::namespaces_of).
    pub fn namespace_of<'r>(&'r self, found: &'r Resource<O>) -> &'r str {
        found.object.own_namespace().unwrap_or_else(|| self.default_namespace())
    }

    /// Objects that are ignored, by file and place for each reason.
    pub fn set_aside_objects(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// Documents that were skipped without being read.
    pub fn not_read(&self) -> &[Skipped] {
        &self.not_read
    }

    /// The files, by [`FileId`].
    pub fn files(&self) -> &[File] {
        &self.all.files
    }

    /// The file with this id.
    pub fn file(&self, file: FileId) -> &File {
        &self.all.files[file.0]
    }

    /// The objects of all files, by file and place.
    pub fn objects(&self) -> &[Resource<O>] {
        &self.all.own
    }

    /// The objects of all files, each with its id.
    pub fn entries(&self) -> impl Iterator<Item = (ObjectId, &Resource<O>)> {
        self.all.own.iter().enumerate().map(|(index, found)| (ObjectId::new(index), found))
    }

    /// All identities with a kind and name.
    pub fn identities(&self, kind: IdentityKind, name: &str) -> &[ObjectId] {
        self.identities.get(&(kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The names of all identities of a kind.
    pub(crate) fn identity_names(&self, kind: IdentityKind) -> impl Iterator<Item = &str> {
        self.identities.keys().filter(move |(known, _)| *known == kind).map(|(_, name)| name.as_str())
    }

    /// The objects that reference a role identity.
    pub(crate) fn named_by(&self, name: &str) -> &[ObjectId] {
        self.index().named_by.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether an object of the file can carry a reference.
    pub(crate) fn has_clusters(&self, file: FileId) -> bool {
        self.index().with_clusters.contains(&file)
    }

    /// The versions of its clusters and identities.
    pub(crate) fn versions(&self) -> impl Iterator<Item = Version> {
        self.all.own.iter().filter_map(|found| match &found.object.object_kind {
            ObjectKind::Referencing { version, .. } | ObjectKind::Identity(_, version) => Some(*version),
            _ => None,
        })
    }

    /// The newest version of its CAPA objects.
    pub(crate) fn newest_version(&self) -> Option<Version> {
        self.index().newest
    }

    fn index(&self) -> &InventoryIndex {
        self.index.get_or_init(|| InventoryIndex::of(&self.all.own))
    }

    /// The file and line of an object, or its context, for messages.
    pub fn place(&self, found: &Resource<O>) -> String {
        self.all.place(found)
    }

    /// The name of the file or context that contains an object.
    pub fn holder<'i>(&'i self, found: &'i Resource<O>) -> &'i str {
        match found.origin.origin() {
            OriginRef::Manifest(manifest) => &self.file(manifest.file).name,
            OriginRef::Live(live) => &live.context,
        }
    }

    /// The other file with this id; `None` for a file of the inventory itself.
    pub(crate) fn other(&self, file: FileId) -> Option<&Other> {
        self.all.other(file)
    }

    /// Converts the origins.
    fn into_origins<P: From<O>>(self) -> Inventory<P> {
        let Self { all, identities, set_aside, not_read, wrappers, owners, default_namespace, index } = self;
        let wrappers = wrappers.into_iter().map(Resource::into_origin).collect();
        let all = all.into_origins();
        Inventory { all, identities, set_aside, not_read, wrappers, owners, default_namespace, index }
    }
}

impl Inventory {
    /// Replaces the objects and keeps everything else.
    fn with_objects(self, own: Vec<Resource>) -> Self {
        let Self { all, set_aside, not_read, wrappers, default_namespace, .. } = self;
        Self { set_aside, not_read, wrappers, default_namespace, ..Self::of(Objects { own, ..all }) }
            .with_references_of_classes()
    }

    /// Changes what is known of each object.
    #[must_use]
    pub(super) fn map_objects(mut self, change: impl Fn(&mut Resource)) -> Self {
        let mut objects = std::mem::take(&mut self.all.own);
        objects.iter_mut().for_each(change);
        self.with_objects(objects)
    }

    /// Sets objects aside for which `why` returns a reason.
    #[must_use]
    pub fn set_aside(mut self, why: impl Fn(&Resource) -> Option<(SkipReason, Cow<'static, str>)>) -> Self {
        if !self.all.own.iter().any(|found| why(found).is_some()) {
            return self;
        }
        let mut objects = Vec::with_capacity(self.all.own.len());
        for found in std::mem::take(&mut self.all.own) {
            match why(&found) {
                Some((reason, message)) => self.set_aside.push(SetAside { found, reason, message }),
                None => objects.push(found),
            }
        }
        self.with_objects(objects)
    }

    /// Sets aside CAPA objects without a name, which are fragments or assertions of tests. Returns a warning for each
    /// that matters.
    #[must_use]
    pub fn without_nameless(self) -> (Self, Vec<Diagnostic>) {
        let inventory = self.set_aside(|found| {
            // An object with two names is ambiguous: it is refused elsewhere.
            let nameless = found.object.name.as_deref().is_none_or(str::is_empty) && found.object.twice.is_none();
            let is_capa =
                found.object.object_kind.is_capa() && !matches!(found.object.object_kind, ObjectKind::Refused(..));
            (nameless && is_capa).then_some((SkipReason::NoName, NO_NAME.into()))
        });
        let nameless = inventory.set_aside.iter().filter(|one| one.reason == SkipReason::NoName && one.matters());
        let warning = |one: &SetAside| {
            Diagnostic::warning(format!("{} is skipped: {NO_NAME}", one.found.object.kind))
                .at(one.found.head(), "")
                .help(
                    "fragments and test assertions are skipped; if this is an object to apply, give it a metadata.name",
                )
        };
        let warnings = nameless.map(warning).collect();
        (inventory, warnings)
    }
}

impl<O> Index<ObjectId> for Inventory<O> {
    type Output = Resource<O>;

    fn index(&self, id: ObjectId) -> &Resource<O> {
        &self.all.own[id.index()]
    }
}

impl Default for Inventory {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

impl Inventory {
    /// The same objects, in the same order, as objects of a cluster: the file in which they were is only what an API
    /// server returned.
    #[must_use]
    pub fn to_live(&self, origin: &Live) -> Inventory<Live> {
        let live = |found: &Resource| Resource { object: found.object.clone(), origin: origin.clone() };
        Inventory::new(Vec::new(), self.objects().iter().map(live).collect())
    }
}

impl From<Inventory> for Inventory<AnyOrigin> {
    fn from(inventory: Inventory) -> Self {
        inventory.into_origins()
    }
}

impl From<Inventory<Live>> for Inventory<AnyOrigin> {
    fn from(inventory: Inventory<Live>) -> Self {
        inventory.into_origins()
    }
}

const NO_NAME: &str = "it has no metadata.name";

#[cfg(test)]
mod tests {
    use super::super::{Scan, scan};
    use super::*;

    #[test]
    fn an_object_without_a_name_is_skipped() {
        let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n";
        let metadata =
            ["metadata: {name: a}", "metadata: {generateName: a-}", "metadata: {name: ''}", "spec: {}", "metadata:"];
        let text = metadata.map(|metadata| format!("{head}{metadata}\n")).join("---\n");
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let scanned = scan(FileId(0), text.as_bytes(), &options).unwrap();
        let file = File { name: "a.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false };
        let (inventory, warnings) = Inventory::new(vec![file], scanned.objects).without_nameless();
        assert_eq!(
            inventory.objects().iter().filter_map(|found| found.object.name.as_deref()).collect::<Vec<_>>(),
            ["a"]
        );
        assert_eq!((inventory.objects().len(), warnings.len(), inventory.set_aside_objects().len()), (1, 4, 4));
        assert_eq!(inventory.set_aside_objects()[3].found.origin.line, 17);
    }
}
