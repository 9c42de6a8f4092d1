//! The verbs: from arguments to calls of the library, and from their results to what is printed.

pub(crate) mod called;
pub(crate) mod completion;
mod edit;
pub(crate) mod eject;
mod empty;
pub(crate) mod explain;
pub(crate) mod function;
mod git;
mod head;
pub(crate) mod iam;
pub(crate) mod identity;
mod identity_prune;
pub(crate) mod inject;
mod input;
pub(crate) mod lint;
mod live;
mod management_cluster;
pub(crate) mod map;
mod map_file;
mod map_tree;
mod named_map;
mod owners;
mod patch_names;
mod printed;
pub(crate) mod progress;
mod prune;
mod request;
mod revision;
pub(crate) mod status;
mod terminal;
pub(crate) mod usage;
pub(crate) mod version;
mod wrappers;

pub(crate) use printed::{CommandError, ExitStatus, Messages, Printed};
pub(crate) use terminal::{Terminal, width_of};
