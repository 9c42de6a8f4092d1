//! A value as a YAML document, written as everything else is: so that every reader takes it for what it is.

use serde_json::Value;

use crate::diag::Diagnostic;
use crate::lossless::{Plan, Source, apply};

/// The document's text.
///
/// # Errors
/// The two readers don't agree on it; that never was seen.
pub fn yaml(value: &Value) -> Result<Vec<u8>, Diagnostic> {
    let plan = Plan { new_documents: vec![value.clone()], ..Plan::default() };
    let edited = apply(&Source::new(&[]), &plan).map_err(|refusal| Diagnostic::error(refusal.message))?;
    Ok(edited.to_bytes(&[]))
}
