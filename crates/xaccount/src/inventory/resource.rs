//! An object of a file, and the file.

use crate::capa::{Object, ObjectKind};
use crate::diag::{FileId, Location, Span, escape_control};
use lossless_yaml::ObjectRef;

/// An object and where it stands.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The file.
    pub file: FileId,
    /// The document and the place in it.
    pub at: ObjectRef,
    /// Line of its first key, from 1.
    pub line: usize,
    /// Its own bytes, whole lines where it shares none: what a message may show of the file.
    pub window: Span,
    /// Whether a message may show its text: not where it could be a Secret or a ConfigMap.
    pub shown: bool,
    /// What it is.
    pub object: Box<Object>,
    /// Of an identity: why its text can't go without taking along what is not its own.
    pub removal_blocker: Option<String>,
    /// Whether kubectl drops its document without a word, because it follows `...` without a `---`.
    pub dropped_by_kubectl: bool,
}

impl Resource {
    /// The kind, namespace and name, as a heading: `AWSCluster default/foo`. Control characters are made visible.
    pub fn title(&self) -> String {
        let name = self.object.name.as_deref().unwrap_or("(no name)");
        let namespace = self.object.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        escape_control(&format!("{} {namespace}{name}", self.object.kind)).into_owned()
    }

    /// Whether it carries an identity reference, or could: a topology Cluster whose variables name no provider.
    pub fn can_be_pointed(&self) -> bool {
        self.object.references().next().is_some()
            || matches!(self.object.object_kind, ObjectKind::Cluster { unclear: true, .. })
    }

    /// A place inside the object.
    pub fn location(&self, span: Span) -> Location {
        Location { file: self.file, span, window: self.shown.then_some(self.window) }
    }

    /// Where its kind is written.
    pub fn head(&self) -> Location {
        self.location(self.object.kind_span)
    }
}

/// A file of a run.
#[derive(Clone, Debug)]
pub struct File {
    /// As the user knows it: the path as typed, or what standard input counts as.
    pub name: String,
    /// Whether kubectl takes it for JSON.
    pub is_json_for_kubectl: bool,
    /// Whether it is read only for the identities in it.
    pub identities_only: bool,
}
