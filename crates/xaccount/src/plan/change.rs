//! A change of one object, and the file of a new one.

use std::path::PathBuf;
use std::sync::Arc;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::diag::FileId;
use crate::inventory::ObjectId;

/// The file that keeps identities.
#[derive(Clone, Debug)]
pub enum IdentityFile {
    /// An existing file of the inventory.
    Existing(FileId),
    /// A file to create.
    New(PathBuf),
}

impl IdentityFile {
    /// The file with a name. For manifests in memory, this is the file of that name, or a new one if there is none.
    ///
    /// ```
    /// use xaccount::plan::IdentityFile;
    /// use xaccount::{InjectRequest, Manifests, Target};
    ///
    /// let yaml = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";
    /// let manifests = Manifests::from_bytes("heron.yaml", yaml);
    /// let mut request = InjectRequest::to(Target::account("222222222222")?);
    /// request.identity_file = Some(IdentityFile::named("identities.yaml").into());
    /// let change = xaccount::inject(&manifests, request)?;
    /// // An identity is written before the references to it.
    /// let files: Vec<&str> = change.changed_files().map(|(name, _)| name).collect();
    /// assert_eq!(files, ["identities.yaml", "heron.yaml"]);
    /// # Ok::<(), xaccount::Error>(())
    /// ```
    pub fn named(name: &str) -> Self {
        Self::New(PathBuf::from(name))
    }
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
    /// The old value, in words.
    pub before: Option<String>,
    /// The new value, in words.
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
    /// An AWSClusterRoleIdentity is removed.
    IdentityRemoved,
    /// A finding of `lint` is fixed.
    FindingFixed,
}

/// A new object and its file.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// The object.
    pub object: Value,
    /// Its kind and name: `AWSClusterRoleIdentity cross-account-role-222222222222`.
    pub title: String,
    /// The file that it is added to.
    pub file: IdentityFile,
}
