//! Points the clusters of a file at an account and prints the new text; what changes goes to stderr.
//!
//! ```text
//! cargo run -p xaccount --example inject_bytes -- FILE 222222222222
//! ```

#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use xaccount::{Manifests, Target};

/// The new bytes, and what changes, a line each.
pub(crate) fn injected(file: &str, account: &str) -> Result<(Vec<u8>, Vec<String>), Box<dyn Error>> {
    let manifests = Manifests::from_bytes(file, std::fs::read(file)?);
    let change = xaccount::inject(&manifests, Target::account(account)?)?;
    let warnings = change.warnings().iter().map(ToString::to_string);
    let lines = warnings.chain(change.objects().map(|object| object.to_string())).collect();
    Ok((change.bytes(file)?.to_vec(), lines))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(account), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: inject_bytes FILE ACCOUNT");
        return ExitCode::from(2);
    };
    let printed = injected(&file, &account).and_then(|(bytes, lines)| {
        lines.iter().for_each(|line| eprintln!("{line}"));
        Ok(std::io::stdout().write_all(&bytes)?)
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
