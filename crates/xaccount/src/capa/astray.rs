//! References that stand where the API server drops them.

use super::tables::BEARERS;
use super::view::{Role, descend};
use crate::diag::Span;
use lossless_yaml::{NodeId, Tree};

/// References of an object that carries one, one level too high or too low, or under a name that is nearly right.
pub(super) fn astray(tree: &Tree<'_>, node: NodeId, role: &Role) -> Vec<(String, String, Span)> {
    let parent: &[&str] = match role {
        Role::Bearer { bearer, .. } => bearer.parent,
        Role::Cluster { references, refers_to, .. } => {
            let ours = refers_to.iter().any(|to| BEARERS.iter().any(|bearer| bearer.kind == to.kind));
            if references.is_empty() && !ours {
                return Vec::new();
            }
            &["spec"]
        }
        _ => return Vec::new(),
    };
    let bearer = matches!(role, Role::Bearer { .. });
    let mut mappings: Vec<&[&str]> = vec![&["metadata"]];
    mappings.extend((0..=parent.len()).map(|depth| &parent[..depth]));
    let mut found = Vec::new();
    for path in mappings {
        let entries = descend(tree, node, path).and_then(|mapping| tree.entries(mapping)).unwrap_or_default();
        let right = bearer && path == parent;
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

/// Whether people who write this mean `identityRef`.
fn is_nearly(key: &str) -> bool {
    // Two letters more or fewer at most: the length tells most keys.
    if key.is_ascii() && !(9..=13).contains(&key.len()) {
        return key.eq_ignore_ascii_case("identityreference");
    }
    strsim::damerau_levenshtein(&key.to_lowercase(), "identityref") <= 2
}
