//! `durationSeconds` over an hour for a role that another role assumes.

use serde_json::json;

use super::super::{Applicability, Context, Findings, Rule};
use super::query::{replace, role_identities, source};
use crate::account_map::{CredentialKind, Credentials};
use crate::capa::{CONTROLLER_IDENTITY, Field, ROLE_IDENTITY};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::LongSession,
    name: "long-session",
    severity: Severity::Warning,
    summary: "A session longer than STS allows when a role assumes a role",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

/// Maximum session duration when a role assumes a role (STS API reference, `AssumeRole`, `DurationSeconds`).
const CHAINED_SECONDS: u32 = 3600;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, identity) in role_identities(context.inventory) {
        let Field::Typed(text, span) = &identity.duration_seconds else { continue };
        let too_long = |seconds: i64| (i64::from(CHAINED_SECONDS) + 1..=43_200).contains(&seconds);
        if !identity.duration_seconds.whole_number().is_some_and(too_long) {
            continue;
        }
        // Whether the call is refused whatever else is true.
        let (why, label, always) = match (source(identity), context.credentials().map(Credentials::kind)) {
            (Some((ROLE_IDENTITY, _)), _) => {
                ("its source is a role, so STS refuses more than 3600 seconds".to_owned(), "", true)
            }
            // With the keys of a user, the role's own maximum counts.
            (Some((CONTROLLER_IDENTITY, _)), Some(CredentialKind::User)) => continue,
            (Some((CONTROLLER_IDENTITY, _)), None | Some(CredentialKind::InstanceProfile)) => (
                "STS refuses more than 3600 seconds if the controller runs as a role".to_owned(),
                "as it does with IRSA, or on a node",
                false,
            ),
            (Some((CONTROLLER_IDENTITY, _)), Some(kind)) => {
                (format!("the CAPA pod runs as a role ({kind}), so STS refuses more than 3600 seconds"), "", true)
            }
            _ => continue,
        };
        let message = format!("{}: durationSeconds {text}: {why}", found.title());
        let finding = if always { Diagnostic::error(message) } else { Diagnostic::warning(message) };
        let finding = finding.at(found.location(*span), label).help("durationSeconds: 3600");
        findings.add_as_it_is(finding);
        if always {
            findings.fix_last(replace(
                object,
                "durationSeconds",
                json!(CHAINED_SECONDS),
                "durationSeconds set to 3600",
            ));
        }
    }
}
