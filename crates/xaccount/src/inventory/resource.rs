//! An object with its origin.

use super::origin::{Manifest, Provenance};
use crate::capa::{Object, ObjectKind};
use crate::diag::{Span, escape_control};
use lossless_yaml::ObjectRef;

/// An object with its origin, by default a file.
#[derive(Clone, Debug)]
pub struct Resource<O = Manifest> {
    /// The object.
    pub object: Box<Object>,
    /// Its origin.
    pub origin: O,
}

impl<O: Provenance> Resource<O> {
    /// The kind, namespace and name, as in `AWSCluster default/foo`. Control characters are made visible.
    pub fn title(&self) -> String {
        let name = self.object.name.as_deref().unwrap_or("(no name)");
        let namespace = self.object.own_namespace().map_or(String::new(), |namespace| format!("{namespace}/"));
        escape_control(&format!("{} {namespace}{name}", self.object.kind)).into_owned()
    }

    /// Whether it has an identity reference, or could have one: a topology Cluster whose variables do not specify a
    /// provider.
    pub fn can_be_pointed(&self) -> bool {
        self.object.references().next().is_some()
            || matches!(self.object.object_kind, ObjectKind::Cluster { unclear: true, .. })
    }

    /// Whether it is a template for clusters.
    pub fn is_template(&self) -> bool {
        self.object.is_template()
    }

    /// A place inside the object.
    pub fn location(&self, span: Span) -> O::Place {
        self.origin.location(span)
    }

    /// The place of its kind.
    pub fn head(&self) -> O::Place {
        self.location(self.object.kind_span)
    }

    /// Converts the origin.
    pub(super) fn into_origin<P: From<O>>(self) -> Resource<P> {
        Resource { object: self.object, origin: self.origin.into() }
    }
}

/// An input file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name for the user: the path as typed, or the name of standard input.
    pub name: String,
    /// Whether kubectl reads it as JSON.
    pub is_json_for_kubectl: bool,
    /// The `kind: List` that is all of a file that kubectl reads as JSON. A new object becomes one more item of it,
    /// because such a file can't have a second document.
    pub json_list: Option<ObjectRef>,
    /// Whether it is read only for its identities.
    pub identities_only: bool,
}

impl File {
    /// Whether it is JSON that is not a list, so that no object can be added to it.
    pub(crate) fn takes_no_object(&self) -> bool {
        self.is_json_for_kubectl && self.json_list.is_none()
    }
}
