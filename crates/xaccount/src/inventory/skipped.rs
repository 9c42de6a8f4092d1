//! Skipped objects that can carry an identity reference, and the reasons.

use std::borrow::Cow;

use super::resource::Resource;
use crate::capa::ObjectKind;
use crate::diag::FileId;

/// The reason why an object is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// It has no name: it is a fragment or an assertion of a test.
    NoName,
    /// A kustomization lists its file as a patch.
    KustomizePatch,
    /// Its document is a template, and templates are skipped.
    Template,
    /// The account map keeps its cluster in the source account.
    SourceAccount,
    /// No account of the map matches its cluster, which is allowed.
    Unmapped,
    /// The variables of its topology do not specify a provider.
    NoProvider,
    /// Each kustomization that applies it sets its reference with a patch.
    Patched,
    /// A patch of its ClusterClass decides the reference.
    ClassPatch,
}

impl SkipReason {
    /// The word in machine-readable output. It never changes.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoName => "noName",
            Self::KustomizePatch => "kustomizePatch",
            Self::Template => "template",
            Self::SourceAccount => "sourceAccount",
            Self::Unmapped => "unmapped",
            Self::NoProvider => "noProvider",
            Self::Patched => "patched",
            Self::ClassPatch => "classPatch",
        }
    }
}

/// A skipped object or document that can carry an identity reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: FileId,
    /// Line of its first key, from 1.
    pub line: usize,
    /// The kind; `None` for a document that can't be read.
    pub kind: Option<String>,
    /// The namespace, if the manifest has it.
    pub namespace: Option<String>,
    /// The name, if the manifest has it.
    pub name: Option<String>,
    /// The reason, for programs.
    pub reason: SkipReason,
    /// The reason, for people.
    pub message: Cow<'static, str>,
}

impl Skipped {
    /// Creates an entry for a skipped object.
    pub fn new(found: &Resource, reason: SkipReason, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            file: found.origin.file,
            line: found.origin.line,
            kind: Some(found.object.kind.clone()),
            namespace: found.object.namespace.clone(),
            name: found.object.name.clone(),
            reason,
            message: message.into(),
        }
    }

    /// Creates an entry for a document that is not read, beginning at a line.
    pub(super) fn document(file: FileId, line: usize, reason: SkipReason, message: String) -> Self {
        Self { file, line, kind: None, namespace: None, name: None, reason, message: message.into() }
    }
}

/// An object that was set aside, with the reason.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The object.
    pub found: Resource,
    /// The reason, for programs.
    pub reason: SkipReason,
    /// The reason, for people.
    pub message: Cow<'static, str>,
}

impl SetAside {
    /// Whether it can carry a reference, or would be used as an identity.
    pub fn matters(&self) -> bool {
        self.found.can_be_pointed() || matches!(self.found.object.object_kind, ObjectKind::Identity(..))
    }
}
