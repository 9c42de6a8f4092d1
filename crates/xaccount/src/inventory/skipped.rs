//! What can carry an identity reference and is skipped, and why.

use std::borrow::Cow;

use super::{Inventory, Resource};
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, FileId};

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
            file: found.file,
            line: found.line,
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

impl Inventory {
    /// The same with some objects set aside: `why` says which.
    #[must_use]
    pub fn set_aside(mut self, why: impl Fn(&Resource) -> Option<(SkipReason, Cow<'static, str>)>) -> Self {
        if !self.objects.iter().any(|found| why(found).is_some()) {
            return self;
        }
        let mut objects = Vec::with_capacity(self.objects.len());
        for found in std::mem::take(&mut self.objects) {
            match why(&found) {
                Some((reason, message)) => self.set_aside.push(SetAside { found, reason, message }),
                None => objects.push(found),
            }
        }
        self.with_objects(objects)
    }

    /// The same without objects of ours that have no name: fragments, and what tests assert. A warning for each that matters.
    #[must_use]
    pub fn without_nameless(self) -> (Self, Vec<Diagnostic>) {
        let inventory = self.set_aside(|found| {
            // Of one with two names, nobody can tell which it has: that is refused.
            let nameless = found.object.name.as_deref().is_none_or(str::is_empty) && found.object.twice.is_none();
            let is_capa =
                found.object.object_kind.is_capa() && !matches!(found.object.object_kind, ObjectKind::Refused(..));
            (nameless && is_capa).then_some((SkipReason::NoName, NO_NAME.into()))
        });
        let nameless = inventory.set_aside.iter().filter(|one| one.reason == SkipReason::NoName && one.matters());
        let warning = |one: &SetAside| {
            Diagnostic::warning(format!("{} is skipped: {NO_NAME}", one.found.object.kind))
                .at(one.found.head(), "")
                .help("a fragment or a test's assertion is not an object to apply; if this is one, give it a metadata.name")
        };
        let warnings = nameless.map(warning).collect();
        (inventory, warnings)
    }
}

const NO_NAME: &str = "it has no metadata.name";

#[cfg(test)]
mod tests {
    use super::super::{File, Scan, scan};
    use super::*;

    #[test]
    fn an_object_without_a_name_is_skipped() {
        let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n";
        let metadata =
            ["metadata: {name: a}", "metadata: {generateName: a-}", "metadata: {name: ''}", "spec: {}", "metadata:"];
        let text = metadata.map(|metadata| format!("{head}{metadata}\n")).join("---\n");
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let scanned = scan(FileId(0), text.as_bytes(), &options).unwrap();
        let file = File { name: "a.yaml".into(), is_json_for_kubectl: false, identities_only: false };
        let (inventory, warnings) = Inventory::new(vec![file], scanned.objects).without_nameless();
        assert_eq!(
            inventory.objects().iter().filter_map(|found| found.object.name.as_deref()).collect::<Vec<_>>(),
            ["a"]
        );
        assert_eq!((inventory.objects().len(), warnings.len(), inventory.set_aside_objects().len()), (1, 4, 4));
        assert_eq!(inventory.set_aside_objects()[3].found.line, 17);
    }
}
