//! Identities against the trust and permission policies that are given beside them.

use super::super::{Context, Findings, PolicyFile, Rule};
use super::query::{role_identities, source};
use crate::aws::RoleArn;
use crate::aws::policy::{Condition, Element, Knowledge, KnownValues, Statement, Truth, Who, glob};
use crate::capa::{CONTROLLER_IDENTITY, RoleIdentity};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::Resource;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::PolicyMismatch,
    name: "policy-mismatch",
    severity: Severity::Warning,
    summary: "A trust or permission policy that does not let an identity assume its role",
    check: Some(check),
};

const ACTION: &str = "sts:AssumeRole";
const EXTERNAL_ID: &str = "sts:ExternalId";

fn check(context: &Context<'_>, findings: &mut Findings) {
    let roles: Vec<(&Resource, &RoleIdentity, RoleArn)> = role_identities(context.inventory)
        .filter_map(|(_, found, identity)| Some((found, identity, identity.role_arn.text()?.parse().ok()?)))
        .collect();
    for (found, identity, role) in &roles {
        let from_controller = source(identity).is_none_or(|(kind, _)| kind == CONTROLLER_IDENTITY);
        let allows = || context.permission.iter().flat_map(PolicyFile::allows);
        let granted = allows().any(|statement| {
            fits(&statement.action, ACTION, true)
                && statement.resource.as_ref().is_some_and(|resource| fits(resource, role.as_str(), false))
        });
        let denied = context.permission.iter().flat_map(PolicyFile::denies).any(|statement| {
            covers(&statement.action, ACTION, true)
                && statement.resource.as_ref().is_some_and(|resource| covers(resource, role.as_str(), false))
        });
        if let Some(policy) = context.permission.first().filter(|_| from_controller && (!granted || denied)) {
            findings.add(
                Diagnostic::warning(format!(
                    "{}: the permission policy does not let the source role assume {role}",
                    found.title()
                ))
                .at(
                    found.location(identity.role_arn.span().unwrap_or(found.object.kind_span)),
                    "AWS refuses every call",
                )
                .also(policy.head(), "")
                .help("kubectl xaccount iam permission --merge FILE -f MANIFESTS adds what is missing"),
            );
        }
    }
    for policy in context.trust {
        let one = |role: &RoleArn| match &policy.role {
            Some(own) => own == role,
            // Of which role it is, nothing says; of one there is no doubt.
            None => roles.iter().all(|(.., other)| other == role),
        };
        let own: Vec<_> = roles.iter().filter(|(.., role)| one(role)).collect();
        if own.is_empty() && !roles.is_empty() {
            let why = match &policy.role {
                Some(role) => format!("no identity here has its role, {role}"),
                None => "the identities have several roles, and it does not say of which it is".into(),
            };
            findings.add(
                Diagnostic::warning(format!("this trust policy is held against nothing: {why}"))
                    .at(policy.head(), "")
                    .help("aws iam get-role --role-name NAME prints a trust policy with its role"),
            );
        }
        for (found, identity, role) in own {
            trust(context, policy, (found, identity, role), findings);
        }
    }
}

fn trust(
    context: &Context<'_>,
    policy: &PolicyFile,
    (found, identity, role): (&Resource, &RoleIdentity, &RoleArn),
    findings: &mut Findings,
) {
    let title = found.title();
    let arn = found.location(identity.role_arn.span().unwrap_or(found.object.kind_span));
    let access_paths: Vec<&Statement> =
        policy.allows().filter(|statement| fits(&statement.action, ACTION, true) && is_for_people(statement)).collect();
    let other = context.source_account.filter(|account| *account != role.account());
    let lets_in = |statement: &&Statement| {
        let texts = statement.aws_principals().map(|text| text.text.as_str());
        other.is_none_or(|account| {
            let names = |text: &str| text == "*" || text.contains(account.as_str()) && !is_session(text);
            is_anyone(statement) || texts.into_iter().any(names)
        })
    };
    let denied = policy.denies().any(|statement| covers(&statement.action, ACTION, true) && is_everyone(statement));
    if denied || !access_paths.iter().any(lets_in) {
        let of_source = |text: &str| is_session(text) && other.is_some_and(|account| text.contains(account.as_str()));
        let session = access_paths.iter().any(|statement| statement.aws_principals().any(|text| of_source(&text.text)));
        let who = match other {
            None => "no account".to_owned(),
            Some(account) if session && !denied => {
                format!("only single sessions of the source account {account}")
            }
            Some(account) => format!("nobody of the source account {account}"),
        };
        let what = if session && !denied { "AWS refuses every other session" } else { "AWS refuses every call" };
        findings.add(
            Diagnostic::warning(format!("{title}: the trust policy of {role} lets {who} in"))
                .at(arn, what)
                .also(policy.head(), "")
                .help("kubectl xaccount iam trust --merge FILE -f MANIFESTS adds what is missing"),
        );
        return;
    }
    let asks: Vec<Vec<&Condition>> = access_paths.iter().map(|statement| external_ids(statement)).collect();
    let sent = identity.external_id.text().filter(|id| !id.is_empty() && !is_filled_in(id));
    let at = found.location(
        identity.external_id.span().unwrap_or_else(|| identity.role_arn.span().unwrap_or(found.object.kind_span)),
    );
    let mut knowledge = Knowledge::default();
    knowledge.learn(EXTERNAL_ID, sent.map_or(KnownValues::Absent, |id| KnownValues::OneOf(vec![id.to_owned()])));
    let meets = |conditions: &Vec<&Condition>| {
        conditions.iter().all(|condition| condition.holds(&knowledge, policy.policy.has_variables) != Truth::No)
    };
    if identity.external_id.text().is_some_and(is_filled_in) {
        return;
    }
    let asked = || asks.iter().flatten().find(|condition| condition.narrows(EXTERNAL_ID));
    if let Some(condition) = asks.iter().flatten().next().filter(|_| !asks.iter().any(meets)) {
        let what = match sent {
            None => "the identity has no externalID",
            Some(_) => "the identity's externalID is another",
        };
        findings.add(
            Diagnostic::warning(format!("{title}: the trust policy of {role} asks for an external id, and {what}"))
                .at(at, "AWS refuses every call")
                .also(policy.location(condition.key.span), "")
                .help("set spec.externalID to what the trust policy says: inject --external-id, or externalID in the account map"),
        );
    } else if sent.is_some() && asked().is_none() {
        findings.add_as_it_is(
            Diagnostic::note(format!(
                "{title}: the trust policy of {role} does not ask for the external id, which protects nothing then"
            ))
            .at(at, "")
            .also(policy.head(), ""),
        );
    }
}

/// Whether an element covers a text, as far as that can be told.
fn fits(element: &Element, text: &str, ignore_case: bool) -> bool {
    let mut patterns = element.patterns.texts.iter();
    match element.not {
        true => !patterns.any(|pattern| glob(&pattern.text, text, ignore_case)),
        false => patterns.any(|pattern| glob(&pattern.text, text, ignore_case) || pattern.text.contains("${")),
    }
}

/// Whether a principal is one session of a role. The controller's next session has another name.
fn is_session(text: &str) -> bool {
    text.contains(":assumed-role/")
}

/// Whether it lets in principals of AWS accounts, and not services alone.
fn is_for_people(statement: &Statement) -> bool {
    is_anyone(statement) || statement.aws_principals().next().is_some()
}

fn is_anyone(statement: &Statement) -> bool {
    statement.principals.as_ref().is_some_and(|principals| principals.not || principals.who == Who::Anyone)
}

/// Whether an element covers a text for certain.
fn covers(element: &Element, text: &str, ignore_case: bool) -> bool {
    fits(element, text, ignore_case) && !element.patterns.texts.iter().any(|pattern| pattern.text.contains("${"))
}

/// Whether a statement is about all principals, and not about all but some.
fn is_everyone(statement: &Statement) -> bool {
    statement.principals.as_ref().is_some_and(|principals| {
        !principals.not && (principals.who == Who::Anyone || statement.aws_principals().any(|text| text.text == "*"))
    })
}

/// The conditions on the external id.
fn external_ids(statement: &Statement) -> Vec<&Condition> {
    statement.conditions.iter().filter(|condition| condition.key.text.eq_ignore_ascii_case(EXTERNAL_ID)).collect()
}
