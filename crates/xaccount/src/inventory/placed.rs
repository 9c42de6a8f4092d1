//! The objects of an inventory as kustomizations apply them: patches are set aside, and each object is where it goes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::builds::{Builds, applications, below};
use super::inventory::Inventory;
use super::origin::Provenance;
use super::resource::Resource;
use super::skipped::SkipReason;
use crate::capa::{AppliedPlace, PatchedReference, State, Uncertain};
use crate::diag::{Diagnostic, FileId};
use crate::templates::is_filled_in;

impl Builds {
    /// The objects that are applied, and where they go. Objects of files that are patches are only parts of objects,
    /// and are set aside. `sets_reference` returns whether a file without objects names `identityRef`.
    ///
    /// Returns a note with the skipped files, and a warning with the patches that set a reference themselves.
    pub fn place(&self, inventory: Inventory, sets_reference: impl Fn(FileId) -> bool) -> (Inventory, Vec<Diagnostic>) {
        let inventory = inventory.set_aside(|found| {
            let why = self.patch_of(found.origin.file)?;
            Some((SkipReason::KustomizePatch, Cow::Owned(why.to_owned())))
        });
        let inventory = inventory.map_objects(|found| self.put(self.names(found.origin.file), &mut found.object));
        let mut notes = self.skipped(&inventory, sets_reference);
        notes.extend(self.argo(&inventory));
        (inventory, notes)
    }

    /// The files that are patches.
    fn skipped(&self, inventory: &Inventory, sets_reference: impl Fn(FileId) -> bool) -> Vec<Diagnostic> {
        let mut skipped: BTreeMap<FileId, bool> = BTreeMap::new();
        let aside = inventory.set_aside_objects().iter();
        let aside: Vec<_> = aside.filter(|one| one.reason == SkipReason::KustomizePatch).collect();
        for one in aside.iter().filter(|one| one.matters()) {
            *skipped.entry(one.found.origin.file).or_default() |= sets_a_reference(&one.found);
        }
        // The operations of a JSON patch are not an object.
        let with_objects: BTreeSet<FileId> = aside.iter().map(|one| one.found.origin.file).collect();
        let files = (0..inventory.files().len()).map(FileId);
        let others = files.filter(|file| self.patch_of(*file).is_some() && !with_objects.contains(file));
        skipped.extend(others.filter(|file| sets_reference(*file)).map(|file| (file, true)));
        let files_where = |wanted: bool| -> Vec<(&str, &str)> {
            let files = skipped.iter().filter(|&(_, &sets)| sets == wanted);
            files.filter_map(|(file, _)| Some((inventory.file(*file).name.as_str(), self.patch_of(*file)?))).collect()
        };
        let note = several(
            &files_where(false),
            "is a kustomize patch and is skipped",
            "files are kustomize patches and are skipped",
        );
        let warning = several(
            &files_where(true),
            "is a kustomize patch that sets identityRef, and is skipped",
            "kustomize patches set identityRef, and are skipped",
        );
        let note = note.map(note_of);
        note.into_iter().chain(warning.map(|warning| warning.help(OVERRIDES))).collect()
    }

    /// A note with the Applications of Argo CD that apply files with clusters or identities.
    fn argo(&self, inventory: &Inventory) -> Option<Diagnostic> {
        let capa = inventory.objects().iter().filter(|found| found.object.object_kind.is_capa());
        let files: BTreeSet<FileId> = capa.map(|found| found.origin.file).collect();
        // The root of the repository is not known: the path is the end of a directory's name.
        let is_below =
            |path: &str, name: &String| path.is_empty() || below(path, name) || name.contains(&format!("/{path}/"));
        let applies = |path: &String| files.iter().flat_map(|&file| self.names(file)).any(|name| is_below(path, name));
        let applied = applications(inventory).into_iter().filter(|(_, one)| one.paths.iter().any(applies));
        let lines: Vec<(String, String)> = applied
            .map(|(found, one)| {
                let to = one.namespace.as_deref().map_or(String::new(), |to| format!(", to namespace {to}"));
                let paths: Vec<&str> =
                    one.paths.iter().map(|path| if path.is_empty() { "." } else { path.as_str() }).collect();
                (format!("{} ({})", found.title(), inventory.place(found)), format!("{}{to}", paths.join(", ")))
            })
            .collect();
        let note = match lines.as_slice() {
            [] => return None,
            [(title, what)] => Diagnostic::note(format!("{title} applies {what}")),
            many => many.iter().take(MOST).fold(
                Diagnostic::note(format!("{} Applications of Argo CD apply these files", many.len())),
                |note, (title, what)| note.help(format!("{title}: {what}")),
            ),
        };
        let note = note.help("what Argo CD changes in them is not evaluated; for the namespace of objects without one, pass --default-namespace");
        Some(note)
    }
}

/// How many places a message lists.
const MOST: usize = 20;

const OVERRIDES: &str = "a patch overrides the object that it patches: change or remove identityRef there manually";

fn note_of(warning: Diagnostic) -> Diagnostic {
    Diagnostic { severity: crate::diag::Severity::Note, ..warning }
}

/// One diagnostic for several files, each with its reason.
fn several(files: &[(&str, &str)], one: &str, many: &str) -> Option<Diagnostic> {
    match files {
        [] => None,
        [(file, why)] => Some(Diagnostic::warning(format!("{file} {one}: {why}"))),
        files => {
            let warning = Diagnostic::warning(format!("{} {many}", files.len()));
            let lines = files.iter().take(MOST).map(|(file, why)| format!("{file}: {why}"));
            let warning = lines.fold(warning, Diagnostic::help);
            Some(match files.len().saturating_sub(MOST) {
                0 => warning,
                more => warning.help(format!("… and {more} more")),
            })
        }
    }
}

fn sets_a_reference(found: &Resource) -> bool {
    found.object.references().any(|reference| reference.state != State::Unset)
}

impl<O: Provenance> Inventory<O> {
    /// Why the manifest of an object does not show what is applied to a namespace.
    pub(crate) fn uncertain<'r>(&self, found: &'r Resource<O>, namespace: &str) -> Option<&'r Uncertain> {
        let places = &found.object.applied.as_deref()?.places;
        let here = |place: &&AppliedPlace| place.namespace.as_deref().unwrap_or(self.default_namespace()) == namespace;
        places.iter().filter(here).find_map(|place| place.uncertain.as_ref())
    }

    /// What overrides the references of objects with patches, which a change of their manifests does not reach.
    pub fn overridden<'r>(&'r self, objects: impl Iterator<Item = &'r Resource<O>>) -> Option<Diagnostic>
    where
        O: 'r,
    {
        const SETS: &str = "sets identityRef with a patch";
        let mut lines: BTreeSet<String> = BTreeSet::new();
        for found in objects {
            let applied = found.object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
            let set = applied.iter().filter_map(|place| place.reference.as_ref());
            let set = set.map(|patched| (patched.place.as_str(), SETS));
            let other =
                applied.iter().filter_map(|place| place.uncertain.as_ref()).map(|one| (one.place.as_str(), one.why));
            lines.extend(set.chain(other).map(|(place, what)| format!("{}: {place} {what}", found.title())));
        }
        let lines: Vec<String> = lines.into_iter().collect();
        let warning = match lines.as_slice() {
            [] => return None,
            [line] => Diagnostic::warning(line.clone()),
            many => many.iter().take(MOST).fold(
                Diagnostic::warning(format!("kustomizations change {} of these objects", many.len())),
                |warning, line| warning.help(line.clone()),
            ),
        };
        Some(warning.help("what is written here may not be what is applied there"))
    }

    /// Where an object is applied; at least one place.
    pub fn places<'r>(&'r self, found: &'r Resource<O>) -> Vec<Placement<'r>> {
        let places = found.object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
        let mut all: Vec<Placement<'_>> = Vec::new();
        for place in places {
            let namespace = place.namespace.as_deref().unwrap_or(self.default_namespace());
            let placement = Placement {
                namespace,
                from: place.from.as_deref(),
                region: place.region.as_deref(),
                reference: place.reference.as_ref(),
            };
            let key =
                |one: &Placement<'_>| (one.namespace.to_owned(), one.region.map(str::to_owned), one.reference.cloned());
            let same = |one: &Placement<'_>| key(one) == key(&placement);
            if !all.iter().any(same) {
                all.push(placement);
            }
        }
        if all.is_empty() {
            all.push(Placement { namespace: self.namespace_of(found), from: None, region: None, reference: None });
        }
        all
    }

    /// Why the files don't show the namespace of an object. They do if it has one, a kustomization sets it, or it was
    /// specified for objects without one, and if it has no placeholder.
    pub(crate) fn uncertain_namespace(&self, found: &Resource<O>) -> Option<UncertainNamespace> {
        let places = found.object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
        let own: Vec<Option<&str>> = match places {
            [] => vec![found.object.written_namespace()],
            places => places.iter().map(|place| place.namespace.as_deref()).collect(),
        };
        if own.iter().flatten().any(|namespace| is_filled_in(namespace)) {
            return Some(UncertainNamespace::Placeholder);
        }
        let is_missing = own.contains(&None) && self.specified_namespace().is_none();
        is_missing.then_some(UncertainNamespace::Missing)
    }

    /// The namespaces to which an object is applied; at least one.
    pub fn namespaces_of<'r>(&'r self, found: &'r Resource<O>) -> Vec<&'r str> {
        let mut namespaces: Vec<&str> = self.places(found).into_iter().map(|place| place.namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces
    }
}

/// Why the files don't show the namespace of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UncertainNamespace {
    /// It has none, and kubectl or a later step sets it.
    Missing,
    /// It has a placeholder, which is filled in before the object is applied.
    Placeholder,
}

/// A place to which an object is applied.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'r> {
    /// The namespace.
    pub namespace: &'r str,
    /// What sets the namespace, if it is not the object.
    pub from: Option<&'r str>,
    /// The region that a patch sets.
    pub region: Option<&'r str>,
    /// The reference that a patch sets.
    pub reference: Option<&'r PatchedReference>,
}
