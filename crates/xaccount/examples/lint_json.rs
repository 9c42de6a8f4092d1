//! Prints the cross-account mistakes in some files as JSON.
//!
//! ```text
//! cargo run -p xaccount --example lint_json -- FILE...
//! ```

#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use xaccount::{Manifests, SourcePlace};

/// A finding as this program prints it.
#[derive(Serialize)]
struct JsonFinding {
    rule: &'static str,
    severity: String,
    message: String,
    at: Option<SourcePlace>,
    help: Vec<String>,
}

/// The findings as a JSON array.
pub(crate) fn findings(files: &[String]) -> Result<String, Box<dyn Error>> {
    let mut texts = Vec::new();
    for file in files {
        texts.push((file.as_str(), std::fs::read(file)?));
    }
    let manifests = Manifests::new(texts)?;
    let report = xaccount::lint(&manifests)?;
    let findings = report.findings().iter().map(|finding| JsonFinding {
        rule: finding.rule.id.code(),
        severity: finding.diagnostic.severity.to_string(),
        message: finding.diagnostic.message.clone(),
        at: finding.diagnostic.primary.as_ref().and_then(|label| manifests.place(label.at)),
        help: finding.diagnostic.help.clone(),
    });
    Ok(serde_json::to_string_pretty(&findings.collect::<Vec<_>>())? + "\n")
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: lint_json FILE...");
        return ExitCode::from(2);
    }
    match findings(&files).and_then(|text| Ok(std::io::stdout().write_all(text.as_bytes())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
