//! Planned changes, as data.

use std::sync::Arc;

use json_patch::PatchOperation;
use json_patch::jsonptr::PointerBuf;
use serde_json::Value;

use crate::span::Span;

/// An object of a file: a document's root, or an item of a `List` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    /// The document's segment in the file.
    pub document: Span,
    /// From the document's root to the object: empty, or `/items/3`.
    pub base: PointerBuf,
}

/// An object and the operations on it.
pub type ObjectChange = (ObjectRef, Arc<Vec<PatchOperation>>);

/// The planned changes to one file.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Operations by object, with pointers relative to the object and at most one entry for each object. Operations
    /// don't build on each other: each refers to a place of the old text. So that they mean the same in the order of
    /// RFC 6902, remove the items of a sequence from the last to the first, and items of a list after all changes
    /// inside its items.
    pub changes: Vec<ObjectChange>,
    /// Documents to remove as a whole: the segment of each in the file, and the value that it contains now, with
    /// members in the order in which they are written.
    pub removed_documents: Vec<(Span, Value)>,
    /// Objects to add after the last document, with members in the order in which they are to be written.
    pub new_documents: Vec<Value>,
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The bytes to replace. Empty for an insertion.
    pub span: Span,
    /// The new text.
    pub text: String,
    /// The document that it changes; for a document added after the last one, the end of the file.
    pub document: Span,
}
