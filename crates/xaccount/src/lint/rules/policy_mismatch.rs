//! Identities whose role can't be assumed according to the specified trust and permission policies.

use super::super::{Context, Findings, PolicyFile, Rule};
use super::query::{role_identities, source};
use crate::account_map::Credentials;
use crate::aws::policy::{Condition, Element, Knowledge, KnownValues, Statement, TAG_SESSION, Truth, glob};
use crate::aws::{AccountId, RoleArn};
use crate::capa::{CONTROLLER_IDENTITY, IdentityKind, RoleIdentity};
use crate::diag::{Diagnostic, Location, RuleId, Severity};
use crate::inventory::Resource;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::PolicyMismatch,
    name: "policy-mismatch",
    severity: Severity::Warning,
    summary: "A trust or permission policy that does not allow an identity to assume its role",
    fix: None,
    check: Some(check),
};

const ACTION: &str = "sts:AssumeRole";
const EXTERNAL_ID: &str = "sts:ExternalId";

/// An identity and the role that it assumes.
struct AssumedRole<'a> {
    found: &'a Resource,
    identity: &'a RoleIdentity,
    role: RoleArn,
}

impl AssumedRole<'_> {
    /// The place of the role's ARN.
    fn arn(&self) -> Location {
        self.found.location(self.identity.role_arn.span().unwrap_or(self.found.object.kind_span))
    }

    /// The external id that CAPA sends, if it is known.
    fn external_id(&self) -> Option<&str> {
        self.identity.external_id.text().filter(|id| !id.is_empty() && !is_filled_in(id))
    }
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let roles: Vec<AssumedRole<'_>> = role_identities(context.inventory)
        .filter_map(|(_, found, identity)| {
            let role = identity.role_arn.text()?.parse().ok()?;
            Some(AssumedRole { found, identity, role })
        })
        .collect();
    roles.iter().for_each(|one| permission(context, one, findings));
    for policy in context.trust {
        let own: Vec<_> = roles.iter().filter(|one| is_trust_policy_of(policy, &one.role, &roles)).collect();
        if own.is_empty() && !roles.is_empty() {
            let why = match &policy.role {
                Some(role) => format!("no identity here uses its role, {role}"),
                None => "the identities use several roles, and the file does not name its role".into(),
            };
            findings.add(
                Diagnostic::warning(format!("this trust policy was not checked: {why}"))
                    .at(policy.head(), "")
                    .help("to print a trust policy with its role: aws iam get-role --role-name NAME"),
            );
        }
        for one in own {
            trust(context, policy, one, findings);
        }
    }
}

/// Whether a policy is certainly the trust policy of this role.
fn is_trust_policy_of(policy: &PolicyFile, role: &RoleArn, roles: &[AssumedRole<'_>]) -> bool {
    match &policy.role {
        Some(own) => own == role,
        // A bare document does not name its role: it is certain only if there is a single role.
        None => roles.iter().all(|other| other.role == *role),
    }
}

/// Checks that the permission policies allow the controller's role to assume the role of an identity.
fn permission(context: &Context<'_>, one: &AssumedRole<'_>, findings: &mut Findings) {
    let AssumedRole { found, identity, role } = one;
    let from_controller = source(identity).is_none_or(|(kind, _)| kind == CONTROLLER_IDENTITY);
    if let Some(policy) = context.permission.first().filter(|_| from_controller && sends_tags(context)) {
        let tags = context.permission.iter().flat_map(PolicyFile::allows).any(|statement| {
            fits(&statement.action, TAG_SESSION, true)
                && statement.resource.as_ref().is_some_and(|resource| fits(resource, role.as_str(), false))
        });
        if !tags {
            findings.add(no_tags(
                one,
                &format!("the permission policy does not allow sts:TagSession on {role}"),
                policy,
                "permission",
            ));
        }
    }
    let granted = context.permission.iter().flat_map(PolicyFile::allows).any(|statement| {
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
                "{}: the permission policy does not allow the source role to assume {role}",
                found.title()
            ))
            .at(one.arn(), "AWS refuses every call")
            .also(policy.head(), "")
            .help("to add what is missing: kubectl xaccount iam permission --merge FILE -f MANIFESTS"),
        );
    }
}

/// Checks that a trust policy allows the source account to assume the role with the identity's external id.
fn trust(context: &Context<'_>, policy: &PolicyFile, one: &AssumedRole<'_>, findings: &mut Findings) {
    let access_paths: Vec<&Statement> = policy
        .allows()
        .filter(|statement| fits(&statement.action, ACTION, true) && trusts_accounts(statement))
        .collect();
    let other = context.source_account().filter(|account| **account != *one.role.account());
    let mut tagging = policy.allows().filter(|statement| fits(&statement.action, TAG_SESSION, true));
    // The keys of a static identity are those of a user, whose sessions have no tags.
    let is_static = source(one.identity).is_some_and(|(kind, _)| kind == IdentityKind::Static.name());
    if sends_tags(context) && !is_static && !tagging.any(trusts_accounts) {
        let message = format!("the trust policy of {} does not allow sts:TagSession", one.role);
        findings.add(no_tags(one, &message, policy, "trust"));
    }
    match not_trusted(policy, one, &access_paths, other) {
        Some(finding) => findings.add(finding),
        None => external_id(policy, one, &access_paths, findings),
    }
}

/// Whether the CAPA pod's sessions have tags, which are passed on to every role.
fn sends_tags(context: &Context<'_>) -> bool {
    context.credentials().is_some_and(Credentials::sends_tags)
}

/// The finding about a policy without `sts:TagSession`.
fn no_tags(one: &AssumedRole<'_>, message: &str, policy: &PolicyFile, verb: &str) -> Diagnostic {
    Diagnostic::warning(format!("{}: {message}", one.found.title()))
        .at(one.arn(), "AWS refuses every call: the sessions of the CAPA pod have tags")
        .also(policy.head(), "")
        .help(format!("to add what is missing: kubectl xaccount iam {verb} --merge FILE -f MANIFESTS"))
}

/// The finding if no principal of the source account is trusted. `other` is that account, if it is not the role's own.
fn not_trusted(
    policy: &PolicyFile,
    one: &AssumedRole<'_>,
    access_paths: &[&Statement],
    other: Option<&AccountId>,
) -> Option<Diagnostic> {
    let trusts = |statement: &&Statement| {
        let texts = statement.aws_principals().map(|text| text.text.as_str());
        other.is_none_or(|account| {
            let names = |text: &str| text == "*" || text.contains(account.as_str()) && !is_session(text);
            texts.into_iter().any(names)
        })
    };
    let denied = policy.denies().any(|statement| covers(&statement.action, ACTION, true) && is_everyone(statement));
    if !denied && access_paths.iter().any(trusts) {
        return None;
    }
    let of_source = |text: &str| is_session(text) && other.is_some_and(|account| text.contains(account.as_str()));
    let session = access_paths.iter().any(|statement| statement.aws_principals().any(|text| of_source(&text.text)));
    let who = match other {
        None => "no AWS account".to_owned(),
        Some(account) if session && !denied => {
            format!("only single sessions of the source account {account}")
        }
        Some(account) => format!("no principal of the source account {account}"),
    };
    let what = if session && !denied { "AWS refuses every other session" } else { "AWS refuses every call" };
    let (title, role) = (one.found.title(), &one.role);
    Some(
        Diagnostic::warning(format!("{title}: the trust policy of {role} allows {who}"))
            .at(one.arn(), what)
            .also(policy.head(), "")
            .help("to add what is missing: kubectl xaccount iam trust --merge FILE -f MANIFESTS"),
    )
}

/// Checks that the trust policy accepts the identity's external id, and that it requires one.
fn external_id(policy: &PolicyFile, one: &AssumedRole<'_>, access_paths: &[&Statement], findings: &mut Findings) {
    let AssumedRole { found, identity, role } = one;
    if identity.external_id.text().is_some_and(is_filled_in) {
        return;
    }
    let asks: Vec<Vec<&Condition>> = access_paths.iter().map(|statement| external_ids(statement)).collect();
    let sent = one.external_id();
    let at = identity.external_id.span().map_or_else(|| one.arn(), |span| found.location(span));
    let mut knowledge = Knowledge::default();
    knowledge.learn(EXTERNAL_ID, sent.map_or_else(KnownValues::absent, |id| KnownValues::one_of([id])));
    let meets = |conditions: &Vec<&Condition>| {
        conditions.iter().all(|condition| condition.holds(&knowledge, policy.policy.has_variables) != Truth::No)
    };
    let asked = || asks.iter().flatten().find(|condition| condition.narrows(EXTERNAL_ID));
    let title = found.title();
    if let Some(condition) = asks.iter().flatten().next().filter(|_| !asks.iter().any(meets)) {
        let what = match sent {
            None => "the identity has no externalID",
            Some(_) => "the identity's externalID is different",
        };
        findings.add(
            Diagnostic::warning(format!("{title}: the trust policy of {role} requires an external id, and {what}"))
                .at(at, "AWS refuses every call")
                .also(policy.location(condition.key.span), "")
                .help("set spec.externalID as in the trust policy: inject --external-id, or externalID in the account map"),
        );
    } else if sent.is_some() && asked().is_none() {
        findings.add_as_it_is(
            Diagnostic::note(format!(
                "{title}: the trust policy of {role} does not require the external id, so it protects nothing"
            ))
            .at(at, "")
            .also(policy.head(), ""),
        );
    }
}

/// Whether an element covers a text, or may cover it because of a policy variable.
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

/// Whether a statement applies to principals of AWS accounts, not only to services.
fn trusts_accounts(statement: &Statement) -> bool {
    statement.aws_principals().next().is_some()
}

/// Whether an element certainly covers a text.
fn covers(element: &Element, text: &str, ignore_case: bool) -> bool {
    fits(element, text, ignore_case) && !element.patterns.texts.iter().any(|pattern| pattern.text.contains("${"))
}

/// Whether a statement applies to all principals without exception.
fn is_everyone(statement: &Statement) -> bool {
    statement.aws_principals().any(|text| text.text == "*")
}

/// The conditions on the external id.
fn external_ids(statement: &Statement) -> Vec<&Condition> {
    statement.conditions.iter().filter(|condition| condition.key.text.eq_ignore_ascii_case(EXTERNAL_ID)).collect()
}
