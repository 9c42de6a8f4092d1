//! What Kubernetes itself says, whatever the kind of an object: names, labels and label selectors.

mod label_selector;
pub mod names;

pub use label_selector::{ApiLabelSelector, LabelSelector, LabelValue, MatchExpression};
