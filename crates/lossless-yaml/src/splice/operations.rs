//! Operations turned into splices.

use json_patch::PatchOperation;
use serde_json::Value;

use super::editor::{Editor, Place};
use crate::plan::Splice;
use crate::pointer::tokens;
use crate::refusal::{Reason, Refusal};
use crate::tree::{NodeId, Tree};
use crate::write::LineEnding;

type Members = Vec<(String, Value)>;

/// The entries to remove from one mapping or sequence.
struct Removal {
    path: Vec<String>,
    holder: Place,
    /// Indices of its entries, in the order of the operations.
    deleted: Vec<usize>,
}

/// The splices that carry out `operations` on the object at `root`. Operations on one mapping keep their order.
pub(crate) fn splices(
    tree: &Tree<'_>,
    root: NodeId,
    operations: &[PatchOperation],
    file_ending: Option<LineEnding>,
) -> Result<Vec<Splice>, Refusal> {
    let editor = Editor { tree, file_ending };
    let mut out = Vec::new();
    // Collected, so that new members of one mapping make one splice, and its removed entries are handled together.
    let mut additions: Vec<(Vec<String>, Members)> = Vec::new();
    let mut removals: Vec<Removal> = Vec::new();
    for operation in operations {
        let (path, value) = match operation {
            PatchOperation::Add(add) => (tokens(&add.path), Some(&add.value)),
            PatchOperation::Replace(replace) => (tokens(&replace.path), Some(&replace.value)),
            PatchOperation::Remove(remove) => (tokens(&remove.path), None),
            PatchOperation::Test(_) => continue,
            _ => {
                return Err(Refusal::new(Reason::Operation, tree.span(root)));
            }
        };
        let Some((name, parent)) = path.split_last() else {
            return Err(Refusal::new(Reason::WholeObject, tree.span(root)));
        };
        match (editor.walk(root, &path)?, value) {
            (Some(place), Some(value)) => out.extend(editor.replace(&place, value)?),
            (None, Some(value)) => match additions.iter_mut().find(|(at, _)| at == parent) {
                Some((_, members)) => members.push((name.clone(), value.clone())),
                None => additions.push((parent.to_vec(), vec![(name.clone(), value.clone())])),
            },
            (entry, None) => {
                let holder = editor.holder(root, parent, "remove from")?;
                let index = editor.index(&holder, entry.as_ref(), name)?;
                match removals.iter_mut().find(|removal| removal.holder.node == holder.node) {
                    Some(removal) => removal.deleted.push(index),
                    None => removals.push(Removal { path: parent.to_vec(), holder, deleted: vec![index] }),
                }
            }
        }
    }
    for removal in &removals {
        let grows = additions.iter().any(|(parent, _)| *parent == removal.path);
        out.extend(editor.remove(&removal.holder, &removal.deleted, grows)?);
    }
    for (parent, members) in additions {
        let place = editor.holder(root, &parent, "add to")?;
        out.extend(editor.add(&place, &members)?);
    }
    Ok(out)
}
