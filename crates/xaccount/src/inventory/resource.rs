//! An object, and where it comes from.

use super::origin::{Manifest, Provenance};
use crate::capa::{Object, ObjectKind};
use crate::diag::{Span, escape_control};

/// An object and where it comes from: of a file, unless said otherwise.
#[derive(Clone, Debug)]
pub struct Resource<O = Manifest> {
    /// What it is.
    pub object: Box<Object>,
    /// Where it comes from.
    pub origin: O,
}

impl<O: Provenance> Resource<O> {
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
    pub fn location(&self, span: Span) -> O::Place {
        self.origin.location(span)
    }

    /// Where its kind is written.
    pub fn head(&self) -> O::Place {
        self.location(self.object.kind_span)
    }

    /// The same, of an origin that may be another one.
    pub(super) fn into_origin<P: From<O>>(self) -> Resource<P> {
        Resource { object: self.object, origin: self.origin.into() }
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
