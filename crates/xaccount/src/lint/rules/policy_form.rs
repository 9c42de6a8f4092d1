//! Dangerous or stale statements in the specified policies.

use super::super::{Context, Findings, PolicyFile, Rule};
use crate::aws::policy::{
    Condition, Knowledge, KnownValues, NOT_OF_TAG_SESSION, Statement, TAG_SESSION, Text, Truth, glob,
};
use crate::diag::{Diagnostic, RuleId, Severity, escape_control};
use crate::iam::limits;

pub(super) const RULE: Rule = Rule {
    id: RuleId::PolicyForm,
    name: "policy-form",
    severity: Severity::Warning,
    summary: "A policy that trusts everyone, names a deleted principal, grants nothing, or is nearly full",
    fix: None,
    check: Some(check),
};

/// Approximate length of a statement for one more principal, in characters.
const ONE_MORE: usize = 200;

fn check(context: &Context<'_>, findings: &mut Findings) {
    context.trust.iter().chain(context.permission).for_each(|policy| never_tags(policy, findings));
    for policy in context.trust {
        for statement in policy.allows() {
            let star = statement.aws_principals().find(|text| text.text == "*").map(|text| text.span);
            if let Some(span) = star.filter(|_| statement.conditions.is_empty()) {
                findings.add(
                    Diagnostic::warning(format!(
                        "{}: anyone with an AWS account may assume this role",
                        statement.title()
                    ))
                    .at(policy.location(span), "")
                    .help("name the source role; to print such a statement: kubectl xaccount iam trust"),
                );
            }
            for text in statement.aws_principals().filter(|text| is_unique_id(&text.text)) {
                findings.add(
                    Diagnostic::warning(format!(
                        "{}: {} is the id of a deleted role or user",
                        statement.title(),
                        text.text
                    ))
                    .at(policy.location(text.span), "a new role or user of that name is not trusted")
                    .help("write the ARN again: IAM resolves it when the policy is saved"),
                );
            }
        }
        let length = limits::count(&policy.document);
        if length + ONE_MORE > limits::TRUST {
            findings.add(
                Diagnostic::warning(format!(
                    "the trust policy has {length} characters, and IAM allows {}: another principal may not fit",
                    limits::TRUST
                ))
                .at(policy.head(), "")
                .help("one statement with a list of principals is shorter than a statement for each")
                .help("ignore this if the quota for the length of trust policies was raised"),
            );
        }
    }
    for policy in context.permission {
        for statement in policy.allows().filter(|statement| assumes(statement)) {
            let all =
                statement.resource.iter().flat_map(|resource| &resource.patterns.texts).find(|text| text.text == "*");
            if let Some(text) = all.filter(|_| statement.conditions.is_empty()) {
                findings.add(
                    Diagnostic::warning(format!(
                        "{}: the source role may assume every role that trusts it",
                        statement.title()
                    ))
                    .at(policy.location(text.span), "")
                    .help("name the target roles; to print such a statement: kubectl xaccount iam permission"),
                );
            }
        }
    }
}

/// Finds `sts:TagSession` in a statement with a condition that no request for it meets.
fn never_tags(policy: &PolicyFile, findings: &mut Findings) {
    let mut knowledge = Knowledge::default();
    NOT_OF_TAG_SESSION.iter().for_each(|key| knowledge.learn(key, KnownValues::absent()));
    for statement in policy.allows().filter(|statement| !statement.action.not) {
        let lists = |text: &&Text| text.text.eq_ignore_ascii_case(TAG_SESSION);
        let Some(action) = statement.action.patterns.texts.iter().find(lists) else { continue };
        let never = |condition: &&Condition| condition.holds(&knowledge, policy.policy.has_variables) == Truth::No;
        let Some(condition) = statement.conditions.iter().find(never) else { continue };
        findings.add(
            Diagnostic::warning(format!(
                "{}: {TAG_SESSION} is never allowed, because its requests have no {}",
                statement.title(),
                escape_control(&condition.key.text)
            ))
            .at(policy.location(action.span), "EKS Pod Identity needs it")
            .help("move it to a separate statement; to print both: kubectl xaccount iam trust --tag-session"),
        );
    }
}

/// Whether the `Action` of a statement covers `sts:AssumeRole`.
fn assumes(statement: &Statement) -> bool {
    !statement.action.not
        && statement.action.patterns.texts.iter().any(|pattern| glob(&pattern.text, "sts:AssumeRole", true))
}

/// Whether a principal is the id that IAM shows for a deleted role or user (IAM user guide, "IAM identifiers",
/// "Unique identifiers").
fn is_unique_id(text: &str) -> bool {
    let id = text.strip_prefix("AROA").or_else(|| text.strip_prefix("AIDA"));
    id.is_some_and(|id| id.len() >= 12 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
}
