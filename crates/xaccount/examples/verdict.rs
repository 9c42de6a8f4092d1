//! Prints what Cluster API Provider AWS will do with each cluster of some files: the account, and the chain of
//! identities.
//!
//! ```text
//! cargo run -p xaccount --example verdict -- FILE...
//! ```

#![allow(clippy::print_stderr)]

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use xaccount::Manifests;

/// A line for each cluster, and one for each identity in its chain.
pub(crate) fn verdicts(files: &[String]) -> Result<String, Box<dyn Error>> {
    let mut texts = Vec::new();
    for file in files {
        texts.push((file.as_str(), std::fs::read(file)?));
    }
    let report = xaccount::status(&Manifests::new(texts)?)?;
    let mut text = format!("evaluated for CAPA {}\n", report.release());
    for cluster in report.clusters() {
        writeln!(text, "{cluster}")?;
        for hop in cluster.verdict.chain.iter() {
            let role = hop.role_arn.map(|role| format!(", {role}")).unwrap_or_default();
            writeln!(text, "  {}{role}", hop.title())?;
        }
    }
    Ok(text)
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: verdict FILE...");
        return ExitCode::from(2);
    }
    match verdicts(&files).and_then(|text| Ok(std::io::stdout().write_all(text.as_bytes())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
