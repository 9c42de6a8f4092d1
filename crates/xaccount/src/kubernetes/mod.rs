//! Rules of Kubernetes for objects of every kind: names, labels and label selectors.

mod label_selector;
pub mod names;

pub use label_selector::{ApiLabelSelector, LabelSelector, LabelValue, MatchExpression};
