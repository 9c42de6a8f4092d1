//! The IAM half of the job: who may assume the target account's role (its trust policy), and what the source account's
//! role may assume (its permission policy).
//!
//! [`Grant`] is what is asked for.

mod grant;
pub mod pieces;

pub use grant::{Conditions, Grant, Subjects};
