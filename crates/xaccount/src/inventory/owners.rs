//! The references of Clusters, sorted so that the nearest is found quickly.

use std::collections::HashMap;

use super::object_id::KnownId;
use super::objects::Objects;
use super::origin::Provenance;
use crate::capa::{Object, ObjectKind, ObjectReference};
use crate::diag::FileId;

/// The references of Clusters, by kind, name, directory and file; and the directories of files.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    pub(super) claims: Vec<OwnerClaim>,
    /// Templates by kind, name, directory and file.
    pub(super) templates: Vec<KnownId>,
    /// ClusterClasses by name, directory and file.
    pub(super) classes: Vec<KnownId>,
    pub(super) directories: Vec<Option<u32>>,
    pub(super) names: HashMap<String, u32>,
}

/// A reference of a Cluster: the Cluster, and the index of the reference.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnerClaim {
    pub(super) cluster: KnownId,
    pub(super) which: usize,
}

/// The distance of a Cluster from an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Near {
    File,
    Directory,
    Anywhere,
}

/// How a reference fits an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Exact,
    /// Except for the namespace: only one of them has one.
    HalfNamed,
}

impl Owners {
    /// Collects the references in these files.
    pub(super) fn new<O: Provenance>(all: &Objects<O>) -> Self {
        let mut owners = Self::default();
        for (index, found) in all.all() {
            match &found.object.object_kind {
                ObjectKind::Cluster { refers_to, .. } => {
                    owners.claims.extend((0..refers_to.len()).map(|which| OwnerClaim { cluster: index, which }));
                }
                ObjectKind::Class(_) => owners.classes.push(index),
                ObjectKind::Referencing { kind_row, .. } if kind_row.template => owners.templates.push(index),
                _ => {}
            }
        }
        if !owners.claims.is_empty() || !owners.classes.is_empty() {
            for file in 0..all.files.len() {
                let id = directory_of(all, FileId(file)).map(|name| owners.directory(name));
                owners.directories.push(id);
            }
            for other in &all.others.files {
                let id = other.directory.clone().map(|name| owners.directory(name));
                owners.directories.push(id);
            }
        }
        let mut claims = std::mem::take(&mut owners.claims);
        let [mut templates, mut classes] = [&mut owners.templates, &mut owners.classes].map(std::mem::take);
        let place = |index: KnownId| owners.place(all.at(index).origin.file());
        // A stable sort: the order within a file is kept.
        claims.sort_by(|a, b| {
            all.claimed_by(a).cmp(&all.claimed_by(b)).then_with(|| place(a.cluster).cmp(&place(b.cluster)))
        });
        templates.sort_by(|&a, &b| all.title_key(a).cmp(&all.title_key(b)).then_with(|| place(a).cmp(&place(b))));
        classes.sort_by(|&a, &b| all.title_key(a).1.cmp(all.title_key(b).1).then_with(|| place(a).cmp(&place(b))));
        Self { claims, templates, classes, ..owners }
    }

    pub(super) fn directory(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.names.entry(name).or_insert(next)
    }

    /// The directory, by its number, and the file. Objects in a cluster count as objects of one file.
    pub(super) fn place(&self, file: Option<FileId>) -> (Option<u32>, Option<FileId>) {
        (file.and_then(|file| self.directories.get(file.0).copied().flatten()), file)
    }

    /// The distance of two files.
    pub(super) fn near(&self, a: Option<FileId>, b: Option<FileId>) -> Near {
        let (one, other) = (self.place(a), self.place(b));
        if a == b {
            Near::File
        } else if one.0.is_some() && one.0 == other.0 {
            Near::Directory
        } else {
            Near::Anywhere
        }
    }
}

impl<O: Provenance> Objects<O> {
    pub(super) fn reference(&self, claim: OwnerClaim) -> Option<&ObjectReference> {
        match &self.at(claim.cluster).object.object_kind {
            ObjectKind::Cluster { refers_to, .. } => refers_to.get(claim.which),
            _ => None,
        }
    }

    /// Kind and name of the object that a Cluster references.
    pub(super) fn claimed_by(&self, claim: &OwnerClaim) -> (&str, &str) {
        self.reference(*claim).map_or(("", ""), |to| (&to.kind, &to.name))
    }

    /// Kind and name of an object.
    pub(super) fn title_key(&self, index: KnownId) -> (&str, &str) {
        let object = &self.at(index).object;
        (&object.kind, object.name.as_deref().unwrap_or_default())
    }
}

/// The directory of a file; `None` if it is not in one.
fn directory_of<O>(all: &Objects<O>, file: FileId) -> Option<String> {
    match all.directories.get(file.0) {
        Some(directory) => directory.clone(),
        None => directory_in(&all.files[file.0].name),
    }
}

/// The directory in a file's name; `None` for standard input without a name.
pub(super) fn directory_in(name: &str) -> Option<String> {
    if name == "-" {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in name.rsplit_once('/').map_or("", |(directory, _)| directory).split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(format!("{}{}", if name.starts_with('/') { "/" } else { "" }, parts.join("/")))
}

/// How a reference of an object fits another object. `specified` is the namespace of objects that set none, if it is known.
pub(super) fn fit(from: &Object, to: &ObjectReference, object: &Object, specified: Option<&str>) -> Option<Fit> {
    let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
    if to.kind != object.kind
        || object.name.as_deref() != Some(&to.name)
        || to.group.as_deref().is_some_and(|other| other != group)
    {
        return None;
    }
    namespaces(to.namespace.as_deref().or(from.own_namespace()), object.own_namespace(), specified)
}

/// How two namespaces fit, each of which may be missing; `specified` is then the namespace, if it is known.
pub(super) fn namespaces(one: Option<&str>, other: Option<&str>, specified: Option<&str>) -> Option<Fit> {
    let (one, other) = (one.or(specified), other.or(specified));
    if one.unwrap_or("default") == other.unwrap_or("default") {
        return Some(Fit::Exact);
    }
    (one.is_none() || other.is_none()).then_some(Fit::HalfNamed)
}

/// The part of a sorted slice that compares as equal.
pub(super) fn slice<T>(sorted: &[T], order: impl Fn(&T) -> std::cmp::Ordering) -> &[T] {
    let start = sorted.partition_point(|one| order(one).is_lt());
    let length = sorted[start..].partition_point(|one| order(one).is_le());
    &sorted[start..start + length]
}
