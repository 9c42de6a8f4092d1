//! Identity files that no kustomization lists: the clusters are applied, and their identities are not.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::builds::{Builds, below};
use super::inventory::Inventory;
use super::resource::Resource;
use super::users::{identity_key, users_of};
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, FileId, escape_control};
use crate::kustomize::{Kustomization, Listing, directory, plain};

/// A file that is in no build.
#[derive(Debug)]
pub struct Unlisted<'b> {
    /// The file, for messages.
    file: String,
    /// Whether clusters that use its identities are built.
    built: bool,
    /// The kustomization that could list it, and the line to add.
    place: Option<ListingPlace<'b>>,
}

#[derive(Debug)]
struct ListingPlace<'b> {
    kustomization: &'b Kustomization,
    /// The item to add under `resources`.
    item: String,
    /// A kustomization that would rename the objects of the file.
    renamed_by: Option<&'b Kustomization>,
    /// Whether one root builds the kustomization more than once, so that the file would be in the build twice.
    is_repeated: bool,
}

impl Builds {
    /// Why a file with identities is in no build, although a kustomization is in its directory, or builds from the files
    /// of `users`. `path` is the plain path of the file, `name` its name for messages.
    pub fn unlisted(&self, path: &str, name: &str, users: impl IntoIterator<Item = FileId>) -> Option<Unlisted<'_>> {
        let path = plain(path);
        if self.lists(&path) || self.patch(&path).is_some() {
            return None;
        }
        let mut built = false;
        let mut builders: HashSet<usize> = HashSet::new();
        for user in users {
            built |= self.is_built(user);
            builders.extend(self.that_build(user));
        }
        let own = self.in_directory(directory(&path)).first().copied().filter(|&one| !self.is_plugin(one));
        if own.is_none() && !built {
            return None;
        }
        let place = own.or_else(|| self.nearest(&path, &builders)).map(|index| {
            let kustomization = &self.all[index];
            let top = directory(&kustomization.path);
            let item = if below(top, &path) { path[top.len()..].trim_start_matches('/') } else { &path };
            let renamed_by = self.related(index).into_iter().find(|one| !one.renames.is_empty());
            let is_repeated = self.is_repeated(index);
            ListingPlace { kustomization, item: item.to_owned(), renamed_by, is_repeated }
        });
        Some(Unlisted { file: escape_control(name).into_owned(), built, place })
    }

    /// The files with identities that are in no build, each with its first identity.
    pub fn unlisted_files<'r>(&self, inventory: &'r Inventory) -> Vec<(&'r Resource, Unlisted<'_>)> {
        let mut files: BTreeMap<FileId, Vec<&Resource>> = BTreeMap::new();
        for found in inventory.objects().iter().filter(|found| is_identity(found)) {
            files.entry(found.origin.file).or_default().push(found);
        }
        if files.is_empty() || self.all.is_empty() && self.flux.is_empty() {
            return Vec::new();
        }
        let users = users_of(inventory);
        let unlisted = |(file, identities): (FileId, Vec<&'r Resource>)| {
            let named = identities.iter().filter_map(|identity| users.get(&identity_key(identity)?)).flatten();
            // In a file with its clusters, the whole file is applied or not.
            let users: BTreeSet<FileId> = named.map(|user| user.origin.file).filter(|user| *user != file).collect();
            if users.is_empty() && inventory.has_clusters(file) {
                return None;
            }
            let path = self.names(file).first()?;
            Some((identities[0], self.unlisted(path, &inventory.file(file).name, users)?))
        };
        files.into_iter().filter_map(unlisted).collect()
    }

    /// The nearest of these kustomizations above a file. kustomize accepts only files in the directory of the
    /// kustomization, or below it.
    fn nearest(&self, path: &str, builders: &HashSet<usize>) -> Option<usize> {
        let above = builders.iter().filter(|&&index| below(directory(&self.all[index].path), path));
        above.copied().max_by_key(|&index| (directory(&self.all[index].path).len(), index))
    }
}

impl Unlisted<'_> {
    /// The warning, without a place.
    pub fn diagnostic(&self) -> Diagnostic {
        let file = &self.file;
        let so =
            if self.built { "the clusters are built without their identities" } else { "its identities are not built" };
        let Some(place) = &self.place else {
            return Diagnostic::warning(format!(
                "no kustomization lists {file}: {so}"
            ))
            .help("a kustomization can list a file only in its own directory or below it")
            .help("move it into a directory of its own, with a kustomization.yaml that lists it under resources; and list that directory in the clusters' kustomization");
        };
        let name = escape_control(&place.kustomization.name).into_owned();
        let item = escape_control(&place.item);
        let warning = Diagnostic::warning(format!("{name} does not list {item}: {so}"));
        match place.renamed_by {
            Some(one) => {
                let by = escape_control(&one.name).into_owned();
                warning.help(format!("{by} renames what it builds (namePrefix or nameSuffix): list {item} in a kustomization that nothing renames, and apply that, too"))
            }
            None if place.is_repeated => {
                warning.help(format!("another kustomization builds {name} more than once: list the file there, once"))
            }
            None => warning.help(format!("add under resources: of {name}:  - {}", quoted(&place.item))),
        }
    }

    /// The kustomization to change, if it is an input: its file, its document, and the operations.
    pub(crate) fn fix(&self) -> Option<(FileId, crate::diag::Span, Vec<PatchOperation>)> {
        let place = self.place.as_ref().filter(|place| place.renamed_by.is_none() && !place.is_repeated)?;
        let (path, value) = match place.kustomization.listing? {
            Listing::List(_) => (PointerBuf::from_tokens(["resources", "-"]), json!(place.item)),
            Listing::Missing => (PointerBuf::from_tokens(["resources"]), json!([place.item])),
        };
        let operations = vec![PatchOperation::Add(AddOperation { path, value })];
        Some((place.kustomization.file?, place.kustomization.document, operations))
    }

    /// The directory of the kustomization that could list the file.
    pub fn directory(&self) -> Option<&str> {
        let name = &self.place.as_ref()?.kustomization.name;
        Some(match directory(name) {
            "" => ".",
            directory => directory,
        })
    }

    /// Whether `lint --fix` can add the line.
    pub fn is_fixable(&self) -> bool {
        // `-R` reads only files with such an end.
        let is_read = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
        self.place.as_ref().is_some_and(|place| {
            let one = place.kustomization;
            place.renamed_by.is_none() && !place.is_repeated && one.listing.is_some() && is_read(&one.name)
        })
    }

    /// The item that the fix adds, as in `identities.yaml listed`: the kustomization is the title of the fix.
    pub(crate) fn what(&self) -> String {
        self.place.as_ref().map_or_else(String::new, |place| format!("{} listed", place.item))
    }
}

/// Not the controller identity: CAPA creates it itself, and a prefix must not rename it.
fn is_identity(found: &Resource) -> bool {
    matches!(found.object.object_kind, ObjectKind::Identity(..) | ObjectKind::Static(..))
}

/// A path as an item of a YAML list.
fn quoted(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    match path.bytes().all(is_plain) && !path.starts_with('-') {
        true => path.to_owned(),
        false => serde_json::Value::from(path).to_string(),
    }
}
