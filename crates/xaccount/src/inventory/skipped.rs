//! What can carry an identity reference and is skipped, and why.

use std::borrow::Cow;

use super::resource::Resource;
use crate::capa::ObjectKind;
use crate::diag::FileId;

/// Why an object is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// It has no name: a fragment, or what a test asserts.
    NoName,
    /// A kustomization names its file as a patch.
    KustomizePatch,
    /// Its document is a template, and templates are to be skipped.
    Template,
    /// The account map keeps its cluster in the source account.
    SourceAccount,
    /// No account of the map has its cluster, and that is allowed.
    Unmapped,
    /// The variables of its topology name no provider.
    NoProvider,
}

impl SkipReason {
    /// The word for programs. It never changes.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoName => "noName",
            Self::KustomizePatch => "kustomizePatch",
            Self::Template => "template",
            Self::SourceAccount => "sourceAccount",
            Self::Unmapped => "unmapped",
            Self::NoProvider => "noProvider",
        }
    }
}

/// Something that can carry an identity reference and is skipped.
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
    /// Why, for programs.
    pub reason: SkipReason,
    /// Why, for people.
    pub message: Cow<'static, str>,
}

impl Skipped {
    /// An object that is skipped.
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

    /// A document that is not read, beginning at a line.
    pub(super) fn document(file: FileId, line: usize, reason: SkipReason, message: String) -> Self {
        Self { file, line, kind: None, namespace: None, name: None, reason, message: message.into() }
    }
}

/// An object that was taken out of a run, and why.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The object.
    pub found: Resource,
    /// Why, for programs.
    pub reason: SkipReason,
    /// Why, for people.
    pub message: Cow<'static, str>,
}

impl SetAside {
    /// Whether it can carry a reference, or would be used as an identity.
    pub fn matters(&self) -> bool {
        self.found.can_be_pointed() || matches!(self.found.object.object_kind, ObjectKind::Identity(..))
    }
}
