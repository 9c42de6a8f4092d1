//! A value as a YAML document, written by the engine, so that every YAML reader reads the same value.

use serde_json::Value;

use lossless_yaml::Plan;
use xaccount::diag::Diagnostic;
use xaccount::session::new_text;

/// The document's text.
///
/// # Errors
/// The two YAML readers disagree about the text; this has never been seen.
pub(crate) fn yaml(value: &Value) -> Result<Vec<u8>, Diagnostic> {
    new_text(&Plan { new_documents: vec![value.clone()], ..Plan::default() })
}
