//! The IAM half of the job: who may assume the target account's role (its trust policy), and what the source account's
//! role may assume (its permission policy).
//!
//! [`Grant`] is what is asked for, by flags or by [`manifests`]; [`PolicyInput`] finds the document that is there today, [`merge()`]
//! and [`remove()`] plan what is to change in it, and [`render`] says the same for other tools.

mod coverage;
mod document;
mod edit;
mod grant;
pub mod limits;
pub mod manifests;
mod merge;
mod remove;
pub mod render;

pub use document::{DocumentForm, PolicyInput, may_show, partitions};
pub use grant::{Conditions, Grant, Subjects};
pub use merge::{MergeOptions, MergeOutcome, merge};
pub use remove::remove;

pub use crate::manifest_checks::{NO_ROLE_ACROSS_PARTITIONS, PartitionMismatch};
