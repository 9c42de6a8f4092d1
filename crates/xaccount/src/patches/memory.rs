//! The kustomizations among files in memory, and the files that they name as patches.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::refused_identity_file;
use crate::diag::{Diagnostic, FileId, Span, escape_control, line_of};
use crate::inventory::Inventory;
use crate::inventory::kustomization::{
    Kustomization, NOT_TOLD, is_kustomization, kustomization, patch_files, plain, without_patches,
};
use crate::session::Session;

/// The kustomizations among the files of a session. Others are unknown.
#[derive(Debug)]
pub struct MemoryKustomizations {
    pub(crate) all: Vec<Kustomization>,
    /// Kustomizations that can't be read.
    pub(crate) warnings: Vec<Diagnostic>,
    /// What names a file as a patch, by plain path.
    named: HashMap<String, String>,
}

impl MemoryKustomizations {
    /// Reads the kustomizations.
    pub fn of(session: &Session) -> Self {
        let (mut all, mut warnings) = (Vec::new(), Vec::new());
        let line = |file: FileId, span: Span| line_of(&session.bytes(file).unwrap_or_default(), span.start);
        for file in session.named().filter(|&file| is_kustomization(session.name(file))) {
            let name = session.name(file);
            match kustomization(file, name, &session.bytes(file).unwrap_or_default()) {
                Ok(one) => all.push(one),
                Err(unreadable) => {
                    let place = format!("{name}:{}", line(file, unreadable.span));
                    let message = format!("{place} can't be read: {}", unreadable.why);
                    let warning = Diagnostic::warning(escape_control(&message).into_owned()).help(NOT_TOLD);
                    warnings.push(warning.help("fix it, or render it, and run again"));
                }
            }
        }
        let named = patch_files(&all, |one, patch| {
            escape_control(&format!("{}:{}", one.name, line(one.file, patch.span))).into_owned()
        });
        Self { all, warnings, named }
    }

    /// Refuses an identity file that is a kustomization or a patch.
    pub(crate) fn refusal(&self, identity_file: &str) -> Option<Diagnostic> {
        refused_identity_file(identity_file, self.named.get(&plain(identity_file)).map(String::as_str))
    }

    /// The inventory without the objects of patches, and the warnings about them.
    pub fn set_aside(&self, inventory: Inventory, session: &Session) -> (Inventory, Vec<Diagnostic>) {
        let why = |file: FileId| Some((file, self.named.get(&plain(session.name(file)))?.clone()));
        let patches: BTreeMap<FileId, String> = session.named().filter_map(why).collect();
        let with_objects: HashSet<FileId> = inventory.objects().iter().map(|found| found.origin.file).collect();
        // The operations of a JSON patch are not an object.
        let sets = |file: FileId| {
            let bytes = session.bytes(file).unwrap_or_default();
            memchr::memmem::find(&bytes, b"identityRef").is_some()
        };
        let others = patches.keys().copied().filter(|file| !with_objects.contains(file));
        let setting: BTreeSet<FileId> = others.filter(|&file| sets(file)).collect();
        let (inventory, notes) = without_patches(inventory, &patches, &setting);
        (inventory, self.warnings.iter().cloned().chain(notes).collect())
    }
}
