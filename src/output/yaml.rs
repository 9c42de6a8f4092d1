//! A value as a YAML document, written as everything else is: so that every reader takes it for what it is.

use serde_json::Value;

use lossless_yaml::Plan;
use xaccount::diag::Diagnostic;
use xaccount::session::new_text;

/// The document's text.
///
/// # Errors
/// The two readers don't agree on it; that never was seen.
pub(crate) fn yaml(value: &Value) -> Result<Vec<u8>, Diagnostic> {
    new_text(&Plan { new_documents: vec![value.clone()], ..Plan::default() })
}
