//! Information about whole files, for messages.

use crate::capa;
use crate::diag::escape_control;
use lossless_yaml::{NodeId, Source, Tree, parse};

/// The kinds of all objects of some files, in the order of their first appearance; for the error that none of them is a
/// CAPA kind.
pub fn kinds_seen<B: AsRef<[u8]>>(files: impl IntoIterator<Item = B>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for bytes in files {
        for document in Source::new(bytes.as_ref()).segments() {
            if let Ok(tree) = parse(&document) {
                kinds(&tree, tree.root, &mut seen);
            }
        }
    }
    seen
}

/// The kind of an object, or of the items of a List.
fn kinds(tree: &Tree<'_>, node: NodeId, seen: &mut Vec<String>) {
    let Some(object) = capa::view(tree, node, None) else { return };
    if let Some(items) = tree.value(node, "items").and_then(|items| tree.items(items)) {
        items.iter().for_each(|&item| kinds(tree, item, seen));
        return;
    }
    let title = escape_control(&format!("{} {}", object.api_version, object.kind)).into_owned();
    if !seen.contains(&title) {
        seen.push(title);
    }
}
