//! The IAM half of the job: who may assume the target account's role (its trust policy), and what the source account's
//! role may assume (its permission policy).
//!
//! [`Grant`] is what is asked for, by flags or by [`manifests`]; [`Given`] finds the document that is there today, [`merge()`]
//! and [`remove()`] plan what is to change in it, and [`pieces`] say the same for other tools.

mod coverage;
mod document;
mod edit;
mod grant;
pub mod limits;
pub mod manifests;
mod merge;
pub mod pieces;
mod remove;

pub use document::{Form, Given, may_show, partitions};
pub use grant::{Conditions, Grant, Subjects};
pub use merge::{MergeOptions, Outcome, merge};
pub use remove::remove;
