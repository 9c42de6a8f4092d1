//! The IAM policies of both accounts: who may assume the target account's role (its trust policy), and which roles the
//! source account's role may assume (its permissions policy). And the source role's own trust policy: what gives it to
//! the CAPA pod.
//!
//! [`Grant`] is the requested grant, from flags or [`manifests`]; [`PolicyInput`] finds the existing document,
//! [`merge()`], [`remove()`] and [`SourceTrust::merge`] plan the change to it, and [`render`] prints the result for other tools.

mod change;
mod coverage;
mod document;
mod edit;
mod grant;
pub mod limits;
pub mod manifests;
mod merge;
mod remove;
pub mod render;
mod source_trust;
pub mod target_permission;

pub use change::PolicyChange;
pub use document::{DocumentForm, PolicyInput, PolicyOwner, may_show, partitions};
pub use grant::{Conditions, Grant, KnownKey, PrincipalForm, Subjects};
pub use merge::{MergeOptions, MergeOutcome, merge};
pub use remove::{Removal, remove};
pub use source_trust::SourceTrust;

pub use crate::manifest_checks::{NO_ROLE_ACROSS_PARTITIONS, PartitionMismatch};
