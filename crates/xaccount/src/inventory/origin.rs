//! Where an object comes from: a file, or a cluster.

use std::fmt;

use crate::diag::{FileId, Location, Span};
use lossless_yaml::ObjectRef;

/// The origin of an object that stands in a file, and may be edited there.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The file.
    pub file: FileId,
    /// The document and the place in it.
    pub at: ObjectRef,
    /// Line of its first key, from 1.
    pub line: usize,
    /// Its own bytes, whole lines where it shares none: what a message may show of the file.
    pub window: Span,
    /// Whether a message may show its text: not where it could be a Secret or a ConfigMap.
    pub printable: bool,
    /// Of an identity: why its text can't go without taking along what is not its own.
    pub removal_blocker: Option<String>,
    /// Whether kubectl drops its document without a word, because it follows `...` without a `---`.
    pub dropped_by_kubectl: bool,
}

/// The origin of an object that an API server answered with. It is in no file: its spans lead nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The context of the kubeconfig through which it was read.
    pub context: String,
    /// Its `metadata.resourceVersion`.
    pub resource_version: Option<String>,
}

/// The origin of an object that may be of a file or of a cluster.
#[derive(Clone, Debug)]
pub enum AnyOrigin {
    /// It stands in a file.
    Manifest(Manifest),
    /// It is in a cluster.
    Live(Live),
}

/// An origin, borrowed.
#[derive(Clone, Copy, Debug)]
pub enum OriginRef<'o> {
    /// It stands in a file.
    Manifest(&'o Manifest),
    /// It is in a cluster.
    Live(&'o Live),
}

/// Where objects of an inventory come from, as far as verbs ask that only look. Those that edit take an inventory of
/// [`Manifest`]s.
pub trait Provenance: Clone + fmt::Debug {
    /// A place in an object: a [`Location`], where there always is a file.
    type Place: Into<Option<Location>>;

    /// The origin.
    fn origin(&self) -> OriginRef<'_>;

    /// A place inside the object.
    fn location(&self, span: Span) -> Self::Place;

    /// The file, if it is of one.
    fn file(&self) -> Option<FileId> {
        match self.origin() {
            OriginRef::Manifest(manifest) => Some(manifest.file),
            OriginRef::Live(_) => None,
        }
    }

    /// Whether kubectl drops it without a word, so that it is never applied.
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
