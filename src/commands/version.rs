//! `kubectl xaccount version`.

use serde_json::json;

use super::{CommandError, Printed};
use crate::cli::{Version, VersionFormat};
use crate::output;
use xaccount::capa::Release;

pub(crate) fn run(args: &Version) -> Result<Printed, CommandError> {
    let built = env!("XACCOUNT_VERSION");
    // `0.1.0 (1a2b3c4d5e 2026-11-20)`; a build from an archive knows only its version.
    let mut parts = built.split([' ', '(', ')']).filter(|part| !part.is_empty());
    let version = parts.next();
    let value = json!({
        "version": version,
        "commit": parts.next(),
        "date": parts.next(),
        "capaVersion": Release::NEWEST.to_string(),
    });
    Ok(Printed::of(match args.output {
        None => format!("kubectl-xaccount {built}\nCAPA up to {}\n", Release::NEWEST).into_bytes(),
        Some(VersionFormat::Json) => format!("{value:#}\n").into_bytes(),
        Some(VersionFormat::Yaml) => output::yaml(&value)?,
    }))
}
