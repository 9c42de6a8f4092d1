//! References in places where the API server drops them.

use super::field::descend;
use crate::diag::Span;
use lossless_yaml::{NodeId, Tree};

/// References in a mapping above the right one or in `metadata`, or under a misspelt key. `parent` is the path of the
/// right mapping; `kind_row`: the object has a reference there.
pub(super) fn misplaced(tree: &Tree<'_>, node: NodeId, parent: &[&str], kind_row: bool) -> Vec<(String, String, Span)> {
    let mut mappings: Vec<&[&str]> = vec![&["metadata"]];
    mappings.extend((0..=parent.len()).map(|depth| &parent[..depth]));
    let mut found = Vec::new();
    for path in mappings {
        let entries = descend(tree, node, path).and_then(|mapping| tree.entries(mapping)).unwrap_or_default();
        let right = kind_row && path == parent;
        for &(key, _) in entries {
            match tree.text(key) {
                Some(text) if if right { text != "identityRef" && is_nearly(text) } else { text == "identityRef" } => {
                    let path = path.iter().map(|key| format!("/{key}")).collect();
                    found.push((path, text.to_owned(), tree.span(key)));
                }
                _ => {}
            }
        }
    }
    found
}

/// Whether a key is probably a misspelling of `identityRef`.
fn is_nearly(key: &str) -> bool {
    // At most two letters more or fewer: the length excludes most keys.
    if key.is_ascii() && !(9..=13).contains(&key.len()) {
        return key.eq_ignore_ascii_case("identityreference");
    }
    strsim::damerau_levenshtein(&key.to_lowercase(), "identityref") <= 2
}
