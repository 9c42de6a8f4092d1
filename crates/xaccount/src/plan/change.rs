//! One change, and where new objects go.

use std::path::PathBuf;
use std::sync::Arc;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::diag::FileId;
use crate::inventory::ObjectId;

/// The file that keeps identities.
#[derive(Clone, Debug)]
pub enum IdentityFile {
    /// It is there, and a file of the run.
    There(FileId),
    /// It is to be made.
    New(PathBuf),
}

/// What happens to one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object; `None` for a new one.
    pub object: Option<ObjectId>,
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// The operations, empty for a new object.
    pub operations: Arc<Vec<PatchOperation>>,
    /// For people: what was there, and what will be.
    pub before: Option<String>,
    /// For people: what will be.
    pub after: String,
}

/// Kinds of change, in the order in which they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// An object gets a reference.
    ReferenceAdded,
    /// An object's reference is replaced.
    ReferenceReplaced,
    /// A new AWSClusterRoleIdentity.
    IdentityAdded,
    /// A field of an identity changes.
    IdentityChanged,
    /// A new AWSClusterControllerIdentity.
    ControllerIdentityAdded,
    /// An object loses its reference.
    ReferenceRemoved,
    /// An AWSClusterRoleIdentity goes.
    IdentityRemoved,
    /// What a finding of `lint` is about is mended.
    FindingFixed,
}

/// A new object and the file that it goes to.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// The object.
    pub object: Value,
    /// Its kind and name: `AWSClusterRoleIdentity cross-account-role-222222222222`.
    pub title: String,
    /// Where it goes.
    pub file: IdentityFile,
}
