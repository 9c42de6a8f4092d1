//! The objects of all files: those of the inventory, and those that were read to find owners.

use super::object_id::KnownId;
use super::origin::{Manifest, OriginRef, Provenance};
use super::resource::{File, Resource};
use crate::diag::{FileId, escape_control};

/// A file that is not an input, read for its Clusters and classes. It is never edited.
#[derive(Clone, Debug)]
pub struct Other {
    /// Its name, for messages.
    pub name: String,
    /// Its directory, in the same form as those of the inventory's files.
    pub directory: Option<String>,
    /// Its path relative to the account map, with `/`; `None` if it is not below the map.
    pub below_map: Option<String>,
    /// Its objects.
    pub objects: Vec<Resource>,
}

/// Another file, or a document in it, that can't be read and may reference an object.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Kind and name of the object.
    pub of: (String, String),
    /// The directory of the file.
    pub directory: Option<String>,
    /// The file, perhaps the line, and why it can't be read.
    pub what: String,
}

/// Everything that was read to find owners.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// The files with objects.
    pub files: Vec<Other>,
    /// The files and documents that can't be read.
    pub unread: Vec<Unread>,
}

/// All objects and their files.
#[derive(Clone, Debug)]
pub(super) struct Objects<O = Manifest> {
    pub(super) files: Vec<File>,
    pub(super) own: Vec<Resource<O>>,
    /// The other files.
    pub(super) others: Others,
    /// The objects of the other files, whose ids come after those of the inventory's files.
    pub(super) beside: Vec<Resource<O>>,
    /// The directories of the files; empty if their names contain them.
    pub(super) directories: Vec<Option<String>>,
}

impl<O: Provenance> Objects<O> {
    /// Creates a set of these files and their objects, without other files.
    pub(super) fn new(files: Vec<File>, own: Vec<Resource<O>>) -> Self {
        Self { files, own, others: Others::default(), beside: Vec::new(), directories: Vec::new() }
    }

    /// Converts the origins.
    pub(super) fn into_origins<P: From<O>>(self) -> Objects<P> {
        let Self { files, own, others, beside, directories } = self;
        let [own, beside] = [own, beside].map(|all| all.into_iter().map(Resource::into_origin).collect());
        Objects { files, own, others, beside, directories }
    }

    /// The object with this id, of the inventory or of the other files.
    pub(super) fn at(&self, id: KnownId) -> &Resource<O> {
        let index = id.index();
        match self.own.get(index) {
            Some(found) => found,
            None => &self.beside[index - self.own.len()],
        }
    }

    /// The objects of the inventory and of the other files.
    pub(super) fn all(&self) -> impl Iterator<Item = (KnownId, &Resource<O>)> {
        self.own.iter().chain(&self.beside).enumerate().map(|(index, found)| (KnownId::new(index), found))
    }

    /// The file and line of an object, or its context, for messages.
    pub(super) fn place(&self, found: &Resource<O>) -> String {
        let manifest = match found.origin.origin() {
            OriginRef::Manifest(manifest) => manifest,
            OriginRef::Live(live) => return escape_control(&live.to_string()).into_owned(),
        };
        let name = match self.files.get(manifest.file.0) {
            Some(file) => &file.name,
            None => &self.others.files[manifest.file.0 - self.files.len()].name,
        };
        // For an item of a list, the line in its file is not known.
        match manifest.line {
            0 => escape_control(name).into_owned(),
            line => escape_control(&format!("{name}:{line}")).into_owned(),
        }
    }

    /// The other file with this id; `None` for a file of the inventory.
    pub(super) fn other(&self, file: FileId) -> Option<&Other> {
        self.others.files.get(file.0.checked_sub(self.files.len())?)
    }
}
