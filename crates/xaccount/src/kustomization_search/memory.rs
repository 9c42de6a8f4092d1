//! The kustomizations among files in memory.

use std::collections::HashMap;

use super::{Kustomizations, unreadable_at};
use crate::diag::{FileId, line_of};
use crate::inventory::{Builds, Inventory, Places};
use crate::kustomize::{directory, is_kustomization, kustomization, plain};
use crate::session::Session;

/// The kustomizations among the files of a session. Others are unknown. `root` is the directory of the names that the
/// repository begins at: `git:main`, or nothing.
pub fn in_memory(session: &Session, inventory: &Inventory, root: &str) -> Kustomizations {
    let (mut all, mut warnings, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    for file in session.named().filter(|&file| is_kustomization(session.name(file))) {
        let name = session.name(file);
        let bytes = session.bytes(file).unwrap_or_default();
        match kustomization(Some(file), name, name, &bytes) {
            Ok(one) => all.push(one),
            Err(error) => {
                let place = format!("{name}:{}", line_of(&bytes, error.span.start));
                warnings.push(unreadable_at(&place, &error));
                broken.push((directory(&plain(name)).to_owned(), place));
            }
        }
    }
    let names: Vec<Vec<String>> = (0..session.len()).map(|file| vec![plain(session.name(FileId(file)))]).collect();
    let by_name: HashMap<&str, FileId> =
        names.iter().enumerate().map(|(file, names)| (names[0].as_str(), FileId(file))).collect();
    let read = |path: &str| session.bytes(*by_name.get(path)?).ok().map(|bytes| bytes.to_vec());
    let root = |_: FileId| Some(root.to_owned());
    let builds = Builds::new(
        all,
        inventory,
        Places { files: names.clone(), unreadable: broken, read: &read, link: &|_| None, root: &root },
    );
    Kustomizations { builds, warnings }
}
