//! All objects of the files, each with its place. No I/O: bytes in, facts out.

mod applied;
pub(crate) mod builds;
mod class_references;
mod classes;
mod cluster_of;
mod doubt;
// The module is named after its main type.
#[allow(clippy::module_inception)]
mod inventory;
mod join;
mod object_id;
mod objects;
mod origin;
mod owners;
mod placed;
mod resource;
mod scan;
mod skipped;
mod stream;
mod unlisted;
mod unreadable;
mod users;

pub use builds::{Builds, Places};
pub(crate) use classes::Class;
pub use inventory::Inventory;
pub use join::{NotJoined, Obstacle, joined, obstacle};
pub use object_id::ObjectId;
pub use objects::{Other, Others, Unread};
pub use origin::{AnyOrigin, Live, Manifest, OriginRef, Provenance};
pub use placed::Placement;
pub(crate) use placed::UncertainNamespace;
pub use resource::{File, Resource};
pub use scan::{Scan, Scanned, scan};
pub use skipped::{SetAside, SkipReason, Skipped};
pub use stream::kinds_seen;
pub use unlisted::Unlisted;
pub use unreadable::{any_array, array};
pub(crate) use users::{identity_key, users_of};
