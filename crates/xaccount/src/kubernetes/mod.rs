//! Rules of Kubernetes for objects of every kind: names, labels and label selectors.

mod base64;
mod label_selector;
pub mod names;

pub(crate) use base64::base64;
pub use label_selector::{ApiLabelSelector, LabelSelector, LabelValue, MatchExpression};
