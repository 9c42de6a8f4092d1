//! The objects of all files, those of the inventory and those that were read for owners.

use super::object_id::KnownId;
use super::origin::{Manifest, OriginRef, Provenance};
use super::resource::{File, Resource};
use crate::diag::{FileId, escape_control};

/// A file that is no input of the run, read for the Clusters and classes in it. It is never edited.
#[derive(Clone, Debug)]
pub struct Other {
    /// As it is shown.
    pub name: String,
    /// Its directory, as those of the inventory's files are said.
    pub directory: Option<String>,
    /// Its path relative to the account map, with `/`; `None` where it is not below it.
    pub below_map: Option<String>,
    /// Its objects.
    pub objects: Vec<Resource>,
}

/// A file beside the run's, or a document in it, that can't be read and may name an object.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Kind and name of the object.
    pub of: (String, String),
    /// The directory of the file.
    pub directory: Option<String>,
    /// The file, the line perhaps, and why it can't be read.
    pub what: String,
}

/// All that was read for owners.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// The files with something in them.
    pub files: Vec<Other>,
    /// What can't be read.
    pub unread: Vec<Unread>,
}

/// All objects, and the files that they are of.
#[derive(Clone, Debug)]
pub(super) struct Objects<O = Manifest> {
    pub(super) files: Vec<File>,
    pub(super) own: Vec<Resource<O>>,
    /// What was read beside the files.
    pub(super) others: Others,
    /// The objects of the other files; these are numbered after the files of the inventory.
    pub(super) beside: Vec<Resource<O>>,
    /// Where the files are; empty where their names say it.
    pub(super) directories: Vec<Option<String>>,
}

impl<O: Provenance> Objects<O> {
    /// These files and their objects, and nothing beside them.
    pub(super) fn new(files: Vec<File>, own: Vec<Resource<O>>) -> Self {
        Self { files, own, others: Others::default(), beside: Vec::new(), directories: Vec::new() }
    }

    /// The same, of origins that may be others.
    pub(super) fn into_origins<P: From<O>>(self) -> Objects<P> {
        let Self { files, own, others, beside, directories } = self;
        let [own, beside] = [own, beside].map(|all| all.into_iter().map(Resource::into_origin).collect());
        Objects { files, own, others, beside, directories }
    }

    /// Object of the run or of the other files.
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

    /// The file and line of an object, or its context, as it is shown.
    pub(super) fn place(&self, found: &Resource<O>) -> String {
        let manifest = match found.origin.origin() {
            OriginRef::Manifest(manifest) => manifest,
            OriginRef::Live(live) => return escape_control(&live.to_string()).into_owned(),
        };
        let name = match self.files.get(manifest.file.0) {
            Some(file) => &file.name,
            None => &self.others.files[manifest.file.0 - self.files.len()].name,
        };
        // Of an item of a list, the line in its file is not known.
        match manifest.line {
            0 => escape_control(name).into_owned(),
            line => escape_control(&format!("{name}:{line}")).into_owned(),
        }
    }

    /// The path of another file relative to the account map; `None` for a file of the inventory.
    pub(super) fn other(&self, file: FileId) -> Option<&Other> {
        self.others.files.get(file.0.checked_sub(self.files.len())?)
    }
}
