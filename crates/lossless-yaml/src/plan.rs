//! What is to change, as data.

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

/// What is to change in one file.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Operations by object, pointers relative to the object, at most one entry an object. Operations don't build on each
    /// other: each names a place of the old text. So that the order of RFC 6902 says the same, items of one sequence are
    /// removed from the back, and a list loses items behind all changes in its items.
    pub changes: Vec<ObjectChange>,
    /// Documents to remove as a whole: the segment of each in the file, and the value that it holds now, members in the order
    /// in which they are written.
    pub removed_documents: Vec<(Span, Value)>,
    /// Objects to add behind the last document, members in the order in which they are to be written.
    pub new_documents: Vec<Value>,
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The bytes that go. Empty for an insertion.
    pub span: Span,
    /// The bytes that come.
    pub text: String,
    /// The document that it changes; for what is added behind the last one, the end of the file.
    pub document: Span,
}
