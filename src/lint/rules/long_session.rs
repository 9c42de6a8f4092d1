//! `durationSeconds` over an hour where a role assumes the role.

use super::super::{Context, Findings, Rule};
use super::look::{role_identities, source};
use crate::capa::{CONTROLLER_IDENTITY, Field, ROLE_IDENTITY};
use crate::diag::Diagnostic;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA027",
    name: "long-session",
    severity: Severity::Warning,
    summary: "A session longer than STS gives to a role that assumes a role",
    check: Some(check),
};

/// The most that STS gives where a role assumes a role (STS API reference, `AssumeRole`, `DurationSeconds`).
const CHAINED_SECONDS: u32 = 3600;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, found, identity) in role_identities(context.run) {
        let Field::Typed(text, span) = &identity.duration_seconds else { continue };
        if text.parse().is_ok_and(|seconds: u32| seconds <= CHAINED_SECONDS || seconds > 43_200)
            || text.parse::<u32>().is_err()
        {
            continue;
        }
        let why = match source(identity) {
            Some((ROLE_IDENTITY, _)) => "its source is a role, and STS refuses more than 3600 seconds then",
            Some((CONTROLLER_IDENTITY, _)) => {
                "STS refuses more than 3600 seconds where the controller itself runs as a role, as it does with IRSA"
            }
            _ => continue,
        };
        findings.add(
            Diagnostic::warning(format!("{}: durationSeconds {text}: {why}", found.title()))
                .at(found.location(*span), "")
                .help("durationSeconds: 3600"),
        );
    }
}
