//! `inlinePolicy`: JSON of at most 2,048 characters.

use super::super::{Context, Findings, Rule};
use super::query::{role_identities, source};
use crate::account_map::Credentials;
use crate::aws::check_inline_policy;
use crate::capa::{Field, IdentityKind};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidInlinePolicy,
    name: "inline-policy",
    severity: Severity::Warning,
    summary: "An inlinePolicy that STS refuses",
    fix: None,
    check: Some(check),
};

/// Inherited session tags were measured at 74 % of the packed limit (aws/containers-roadmap, issue 2413).
fn check(context: &Context<'_>, findings: &mut Findings) {
    let tags = context.credentials().is_some_and(Credentials::sends_tags);
    for (_, found, identity) in role_identities(context.inventory) {
        if let Field::Typed(_, span) | Field::Other(span) = &identity.inline_policy {
            findings.add_as_it_is(
                Diagnostic::error(format!("{}: inlinePolicy must be a string that contains JSON", found.title()))
                    .at(found.location(*span), "the API server refuses it")
                    .help("write inlinePolicy: | and the JSON on the next lines"),
            );
        }
        let (Some(text), Some(span)) = (identity.inline_policy.text(), identity.inline_policy.span()) else { continue };
        // CAPA does not send an empty policy.
        if text.is_empty() || is_filled_in(text) {
            continue;
        }
        if let Err(error) = check_inline_policy(text.trim_end()) {
            findings.add(
                Diagnostic::warning(format!("{}: {error}", found.title()))
                    .at(found.location(span), "STS refuses the call"),
            );
        } else if tags && source(identity).is_none_or(|(kind, _)| kind != IdentityKind::Static.name()) {
            findings.add(
                Diagnostic::warning(format!(
                    "{}: STS may refuse the call with PackedPolicyTooLarge: inlinePolicy and the session tags of the CAPA pod have one limit, of which the six tags of EKS Pod Identity use about three quarters",
                    found.title()
                ))
                .at(found.location(span), "")
                .help("shorten it, or disable the tags: aws eks update-pod-identity-association --disable-session-tags"),
            );
        }
    }
}
