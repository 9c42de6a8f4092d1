//! Label selectors: parsed from kubectl's `-l`, or read from `matchLabels` and `matchExpressions`, and evaluated the
//! same way.
//!
//! The source of the facts: apimachinery v0.34.1, `pkg/labels/selector.go` and `pkg/apis/meta/v1/helpers.go`.

mod fields;
mod requirement;
mod text;

pub use fields::{ApiLabelSelector, MatchExpression};
pub use requirement::{LabelSelector, LabelValue};
