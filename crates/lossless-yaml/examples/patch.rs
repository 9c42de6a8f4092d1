//! Applies an RFC 6902 patch to the first document of a YAML or JSON file and prints the result, or the reason for a
//! refusal.
//!
//! ```text
//! cargo run -p lossless-yaml --example patch -- FILE '[{"op": "replace", "path": "/spec/replicas", "value": 5}]'
//! ```

#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use json_patch::Patch;
use json_patch::jsonptr::PointerBuf;
use lossless_yaml::{ObjectRef, Plan, Source, apply};

pub(crate) fn patched(file: &str, patch: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let old = std::fs::read(file)?;
    let Patch(operations) = serde_json::from_str(patch)?;
    let source = Source::new(&old);
    let document = source.segments().next().ok_or("the file is empty")?.span;
    let object = ObjectRef { document, base: PointerBuf::new() };
    let plan = Plan { changes: vec![(object, operations.into())], ..Plan::default() };
    let edited = apply(&source, &plan).map_err(|refusal| {
        let line = old[..refusal.span.start].iter().filter(|&&byte| byte == b'\n').count() + 1;
        format!("{file}:{line}: {refusal}")
    })?;
    Ok(edited.to_bytes(&old)?)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(patch), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: patch FILE PATCH");
        return ExitCode::from(2);
    };
    match patched(&file, &patch).and_then(|new| Ok(std::io::stdout().write_all(&new)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
