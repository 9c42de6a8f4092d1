//! The origin of an object: a file, or a cluster.

use std::fmt;

use crate::diag::{FileId, Location, Span};
use lossless_yaml::ObjectRef;

/// The origin of an object in a file, where it can be edited.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The file.
    pub file: FileId,
    /// The document and the place in it.
    pub at: ObjectRef,
    /// Line of its first key, from 1.
    pub line: usize,
    /// Its own bytes, extended to whole lines if it does not share them: the part of the file that a message may show.
    pub window: Span,
    /// Whether a message may show its text: false if it could be a Secret or a ConfigMap.
    pub printable: bool,
    /// For an identity: why its text can't be removed without losing something else.
    pub removal_blocker: Option<String>,
    /// Whether a value of it has a placeholder `${…}`, which a templating step fills in. Only known of CAPA objects.
    pub has_variable: bool,
    /// Whether kubectl silently drops its document, because it follows `...` without a `---`.
    pub dropped_by_kubectl: bool,
}

/// The origin of an object that an API server returned. It is not in a file: its spans have no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The kubeconfig context through which it was read.
    pub context: String,
}

/// The origin of an object in a file or in a cluster.
#[derive(Clone, Debug)]
pub enum AnyOrigin {
    /// It is in a file.
    Manifest(Manifest),
    /// It is in a cluster.
    Live(Live),
}

/// An origin, borrowed.
#[derive(Clone, Copy, Debug)]
pub enum OriginRef<'o> {
    /// It is in a file.
    Manifest(&'o Manifest),
    /// It is in a cluster.
    Live(&'o Live),
}

/// The origin of an inventory's objects, for verbs that only read. Verbs that edit need an inventory of [`Manifest`]s.
pub trait Provenance: Clone + fmt::Debug {
    /// A place in an object: a [`Location`] if there is always a file.
    type Place: Into<Option<Location>>;

    /// The origin.
    fn origin(&self) -> OriginRef<'_>;

    /// A place inside the object.
    fn location(&self, span: Span) -> Self::Place;

    /// The file, if it is in one.
    fn file(&self) -> Option<FileId> {
        match self.origin() {
            OriginRef::Manifest(manifest) => Some(manifest.file),
            OriginRef::Live(_) => None,
        }
    }

    /// Whether kubectl silently drops it, so that it is never applied.
    fn is_dropped_by_kubectl(&self) -> bool {
        matches!(self.origin(), OriginRef::Manifest(manifest) if manifest.dropped_by_kubectl)
    }
}

impl Provenance for Manifest {
    type Place = Location;

    fn origin(&self) -> OriginRef<'_> {
        OriginRef::Manifest(self)
    }

    fn location(&self, span: Span) -> Location {
        Location { file: self.file, span, window: self.printable.then_some(self.window) }
    }
}

impl Provenance for Live {
    type Place = Option<Location>;

    fn origin(&self) -> OriginRef<'_> {
        OriginRef::Live(self)
    }

    fn location(&self, _: Span) -> Option<Location> {
        None
    }
}

impl Provenance for AnyOrigin {
    type Place = Option<Location>;

    fn origin(&self) -> OriginRef<'_> {
        match self {
            Self::Manifest(manifest) => OriginRef::Manifest(manifest),
            Self::Live(live) => OriginRef::Live(live),
        }
    }

    fn location(&self, span: Span) -> Option<Location> {
        match self {
            Self::Manifest(manifest) => Some(manifest.location(span)),
            Self::Live(_) => None,
        }
    }
}

impl From<Manifest> for AnyOrigin {
    fn from(manifest: Manifest) -> Self {
        Self::Manifest(manifest)
    }
}

impl From<Live> for AnyOrigin {
    fn from(live: Live) -> Self {
        Self::Live(live)
    }
}

/// `context kind-management`.
impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context {}", self.context)
    }
}
