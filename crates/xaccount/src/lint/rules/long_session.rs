//! `durationSeconds` over an hour where a role assumes the role.

use serde_json::json;

use super::super::{Context, Findings, Rule};
use super::query::{replace, role_identities, source};
use crate::capa::{CONTROLLER_IDENTITY, Field, ROLE_IDENTITY};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::LongSession,
    name: "long-session",
    severity: Severity::Warning,
    summary: "A session longer than STS gives to a role that assumes a role",
    check: Some(check),
};

/// The most that STS gives where a role assumes a role (STS API reference, `AssumeRole`, `DurationSeconds`).
const CHAINED_SECONDS: u32 = 3600;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, identity) in role_identities(context.inventory) {
        let Field::Typed(text, span) = &identity.duration_seconds else { continue };
        let too_long = |seconds: i64| (i64::from(CHAINED_SECONDS) + 1..=43_200).contains(&seconds);
        if !identity.duration_seconds.whole_number().is_some_and(too_long) {
            continue;
        }
        let (why, always) = match source(identity) {
            Some((ROLE_IDENTITY, _)) => ("its source is a role, and STS refuses more than 3600 seconds then", true),
            Some((CONTROLLER_IDENTITY, _)) => (
                "STS refuses more than 3600 seconds where the controller itself runs as a role, as it does with IRSA or on a node",
                false,
            ),
            _ => continue,
        };
        let finding = Diagnostic::warning(format!("{}: durationSeconds {text}: {why}", found.title()))
            .at(found.location(*span), "")
            .help("durationSeconds: 3600");
        match always {
            true => findings.add_with_fix(
                finding,
                replace(object, "durationSeconds", json!(CHAINED_SECONDS), "a session of an hour"),
            ),
            false => findings.add(finding),
        }
    }
}
