//! Reads the objects of a Cluster API AWS management cluster that decide in which account a cluster is.
//!
//! [`read`] makes only GET requests: discovery, lists page by page, and single Namespaces. It never asks for a Secret. The
//! result is a `kind: List` as JSON, which the reader of files takes: [`xaccount::inventory::scan`].
//!
//! # Limitations
//!
//! - The lists are read one after the other, and are not a snapshot of one moment.
//! - Auth plugins are exec plugins, tokens, client certificates and basic auth. kubectl's old `auth-provider` is not supported.
//! - A proxy in `proxy-url` must be an HTTP proxy; SOCKS is not supported.

mod access;
mod discovery;
mod error;
mod list;
mod rbac;
mod request;
mod snapshot;

pub use access::Access;
pub use error::LiveError;
pub use rbac::{Rule, cluster_role};
pub use snapshot::{NamespaceScope, Snapshot, Unreadable, read};
