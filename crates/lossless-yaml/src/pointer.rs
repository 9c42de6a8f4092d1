//! JSON pointers (RFC 6901) in a tree.

use json_patch::jsonptr::Pointer;

use crate::plan::ObjectRef;
use crate::tree::{Data, NodeId, Tree};

/// The node to which a pointer refers, without following aliases or merges.
pub(crate) fn locate(tree: &Tree<'_>, from: NodeId, tokens: &[String]) -> Option<NodeId> {
    let mut at = from;
    for token in tokens {
        at = match &tree.node(at).data {
            Data::Mapping { entries, .. } => entries
                .iter()
                .find(|&&(key, _)| !tree.is_merge(key) && tree.text(key) == Some(token.as_str()))
                .map(|&(_, value)| value)?,
            Data::Sequence { items, .. } => *items.get(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

/// The tokens of a pointer, unescaped.
pub(crate) fn tokens(pointer: &Pointer) -> Vec<String> {
    pointer.tokens().map(|token| token.decoded().into_owned()).collect()
}

/// The object's node in its parsed document.
pub fn object_node(tree: &Tree<'_>, object: &ObjectRef) -> Option<NodeId> {
    locate(tree, tree.root, &tokens(&object.base))
}
