//! The IAM half of the job: who may assume the target account's role (its trust policy), and what the source account's
//! role may assume (its permission policy).
//!
//! [`Grant`] is what is asked for.

mod coverage;
mod document;
mod grant;
mod merge;
pub mod pieces;

pub use document::{Form, Given};
pub use grant::{Conditions, Grant, Subjects};
pub use merge::{MergeOptions, Outcome, merge, remove};
