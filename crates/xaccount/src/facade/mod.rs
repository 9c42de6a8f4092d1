//! The verbs over manifests in memory: bytes in, proved bytes and verdicts out. No file is read or written.
//!
//! Each verb does what the command of that name does, and refuses what the command refuses. What a command reads
//! besides the manifests is not available here; the crate's documentation lists it under Limitations.

mod change;
mod clusters;
mod error;
mod findings;
mod manifests;
mod place;
mod request;

pub use change::{ChangedManifests, ChangedObject, eject, inject};
pub use clusters::{StatusReport, status};
pub use error::{Error, ErrorKind};
pub use findings::{LintReport, lint};
pub use manifests::Manifests;
pub use place::SourcePlace;
