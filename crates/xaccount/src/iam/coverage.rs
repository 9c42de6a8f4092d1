//! Whether a policy statement applies to the sessions of a requested grant.
//!
//! Source: IAM user guide, "Policy evaluation logic" and "AWS JSON policy elements: Principal".

use super::grant::PRINCIPAL_ARN;
use super::{Conditions, Grant, Subjects};
use crate::aws::policy::{
    Condition, Effect, Element, Knowledge, KnownValues, NOT_OF_TAG_SESSION, Policy, Statement, Truth, glob, has_key,
};
use crate::aws::{Principal, PrincipalKind};

/// The sessions in which one subject performs one action.
pub(super) struct RequestedGrant<'g> {
    /// The principal of a trust policy, or the role of a permissions policy.
    pub(super) arn: &'g str,
    pub(super) action: &'static str,
    principal: Option<&'g Principal>,
    knowledge: Knowledge,
}

impl<'g> RequestedGrant<'g> {
    /// Every combination of a grant's subjects and actions, sorted by subject.
    pub(super) fn all(grant: &'g Grant) -> Vec<Self> {
        let arns = grant.arns();
        let each = arns.iter().flat_map(|arn| grant.actions().iter().map(move |action| (*arn, *action)));
        each.map(|(arn, action)| Self::new(grant, arn, action)).collect()
    }

    /// One subject of a grant with an action, which the grant need not have.
    pub(super) fn new(grant: &'g Grant, arn: &'g str, action: &'static str) -> Self {
        let principal = match &grant.subjects {
            Subjects::Principals(principals) => principals.iter().find(|principal| principal.as_str() == arn),
            Subjects::Roles(_) => None,
        };
        // What is learned first counts: what the action never has, what is requested, what else is known.
        let mut knowledge = Knowledge::default();
        for key in NOT_OF_TAG_SESSION.into_iter().filter(|key| !has_key(action, key)) {
            knowledge.learn(key, KnownValues::absent());
        }
        for (key, values) in grant.conditions.keys_of(&[action]) {
            knowledge.learn(key, KnownValues::one_of(values));
        }
        for known in grant.known.iter().filter(|known| known.subject.as_deref().is_none_or(|subject| subject == arn)) {
            knowledge.learn(&known.key, KnownValues::any(known.states.clone()));
        }
        if let Some(principal) = principal {
            learn_principal(&mut knowledge, principal, &grant.conditions);
        } else if let Some(account) = arn.split(':').nth(4) {
            // The account of the role, which is the resource of the request (IAM user guide, "AWS global condition
            // context keys").
            knowledge.learn("aws:ResourceAccount", KnownValues::one_of([account]));
        }
        learn_call(&mut knowledge);
        Self { arn, action, principal, knowledge }
    }

    /// Whether the statement's actions and its principals or resources match these sessions. Ignores conditions.
    fn concerns(&self, policy: &Policy, statement: &Statement) -> Truth {
        let action = Truth::from_bool(covers(&statement.action, self.action));
        let subject = match (self.principal, &statement.principals, &statement.resource) {
            (Some(principal), Some(_), _) => {
                let texts = statement.aws_principals().map(|text| self.named_by(principal, &text.text));
                texts.max().unwrap_or(Truth::No)
            }
            (None, _, Some(resource)) => fits(resource, |pattern| {
                if policy.has_variables && pattern.contains("${") {
                    Truth::Maybe
                } else {
                    resource_fits(pattern, self.arn)
                }
            }),
            // A statement without a Principal or Resource matches nothing; AWS refuses such a document.
            _ => Truth::No,
        };
        action.and(subject)
    }

    /// Whether the statement matches these sessions, conditions included.
    pub(super) fn matches(&self, policy: &Policy, statement: &Statement) -> Truth {
        let conditions = statement.conditions.iter();
        conditions
            .map(|condition| condition.holds(&self.knowledge, policy.has_variables))
            .fold(self.concerns(policy, statement), Truth::and)
    }

    /// Whether the statement is an Allow that certainly matches all these sessions, whatever is unknown about them.
    pub(super) fn is_granted_by(&self, policy: &Policy, statement: &Statement) -> bool {
        statement.effect == Effect::Allow
            // An unknown element, for example a misspelt Condition, may change what the statement means.
            && statement.unknown.is_empty()
            && !statement.conditions.iter().any(|condition| condition.is_loose() && self.can_have(condition))
            && self.matches(policy, statement) == Truth::Yes
    }

    /// Whether the request can have the condition's key at all.
    fn can_have(&self, condition: &Condition) -> bool {
        has_key(self.action, &condition.key.text)
    }

    /// The condition that keeps a matching Allow from ever granting the action, whatever the session: it requires a key
    /// that no request for the action has.
    pub(super) fn never_met<'s>(&self, policy: &Policy, statement: &'s Statement) -> Option<&'s Condition> {
        let allows = statement.effect == Effect::Allow && self.concerns(policy, statement) == Truth::Yes;
        let mut conditions = statement.conditions.iter().filter(|_| allows);
        conditions.find(|condition| {
            !self.can_have(condition) && condition.holds(&self.knowledge, policy.has_variables) == Truth::No
        })
    }

    /// Whether a condition on the ARN of the principal excludes the subject, whatever else its sessions have.
    pub(super) fn is_excluded_by(&self, policy: &Policy, statement: &Statement) -> bool {
        statement.conditions.iter().any(|condition| {
            condition.key.text.eq_ignore_ascii_case(PRINCIPAL_ARN)
                && condition.holds(&self.knowledge, policy.has_variables) == Truth::No
        })
    }

    /// Whether the statement is an Allow for this subject with conditions that not all of these sessions meet.
    pub(super) fn is_guarded_by(&self, policy: &Policy, statement: &Statement) -> bool {
        statement.effect == Effect::Allow
            && !statement.conditions.is_empty()
            && self.concerns(policy, statement) == Truth::Yes
            && self.never_met(policy, statement).is_none()
            && !self.is_granted_by(policy, statement)
    }

    /// Whether the statement names this subject: it lists the subject, or has a condition on its ARN.
    pub(super) fn is_selected_by(&self, policy: &Policy, statement: &Statement) -> bool {
        let by_condition = |condition: &Condition| {
            condition.narrows("aws:PrincipalArn")
                && condition.holds(&self.knowledge, policy.has_variables) == Truth::Yes
        };
        self.is_listed_in(statement) || self.principal.is_some() && statement.conditions.iter().any(by_condition)
    }

    /// Whether the statement's principals or resources list this very subject.
    pub(super) fn is_listed_in(&self, statement: &Statement) -> bool {
        if self.principal.is_some() {
            return statement.aws_principals().any(|text| self.is_same(&text.text));
        }
        let resource = statement.resource.as_ref().filter(|resource| !resource.not);
        resource.is_some_and(|resource| resource.patterns.texts.iter().any(|text| text.text == self.arn))
    }

    /// Whether a text of a policy names this very subject; a bare account id is its `:root`.
    pub(super) fn is_same(&self, text: &str) -> bool {
        text == self.arn
            || self.principal.is_some_and(|principal| {
                principal.kind() == PrincipalKind::Account && text == principal.account().as_str()
            })
    }

    /// Whether one text of type `AWS` names the principal.
    fn named_by(&self, principal: &Principal, text: &str) -> Truth {
        let root = Principal::account_root(principal.partition(), principal.account().clone());
        let is_account = text == root.as_str() || text == principal.account().as_str();
        if text == "*" || is_account || self.is_same(text) {
            return Truth::Yes;
        }
        let inside = format!("arn:{}:iam::{}:", principal.partition(), principal.account());
        let session = format!("arn:{}:sts::{}:assumed-role/", principal.partition(), principal.account());
        match principal.kind() {
            // The text names a principal in the account, which is only a part of it.
            PrincipalKind::Account => {
                Truth::from_bool(text.starts_with(&inside) || text.starts_with(&session)).and(Truth::Maybe)
            }
            PrincipalKind::User => Truth::No,
            PrincipalKind::Role => {
                let name = self.arn.rsplit('/').next().unwrap_or_default();
                let rest = text.strip_prefix(&session).and_then(|rest| rest.strip_prefix(name));
                // One session is not the role: the name of the caller's next session is unknown. `sts:RoleSessionName`
                // is the name of the session that the call creates, not of the caller's own.
                Truth::from_bool(rest.is_some_and(|rest| rest.starts_with('/'))).and(Truth::Maybe)
            }
        }
    }
}

/// Whether a resource pattern matches a role's ARN. A wildcard that would have to match a colon is not relied on.
fn resource_fits(pattern: &str, arn: &str) -> Truth {
    if !glob(pattern, arn, false) {
        return Truth::No;
    }
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    let each = pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(pattern, part)| glob(pattern, part, false));
    if pattern == ["*"] || each { Truth::Yes } else { Truth::Maybe }
}

/// Whether an element of actions certainly covers an action.
pub(super) fn covers(actions: &Element, action: &str) -> bool {
    fits(actions, |pattern| Truth::from_bool(glob(pattern, action, true))) == Truth::Yes
}

/// Whether any pattern of an element matches; for `Not…`, whether none does.
fn fits(element: &Element, pattern_fits: impl Fn(&str) -> Truth) -> Truth {
    let truth = element.patterns.texts.iter().map(|text| pattern_fits(&text.text)).max().unwrap_or(Truth::No);
    match (element.not, truth) {
        (false, truth) => truth,
        (true, Truth::Yes) => Truth::No,
        (true, Truth::Maybe) => Truth::Maybe,
        (true, Truth::No) => Truth::Yes,
    }
}

/// Adds what is certain about a principal's requests. CAPA sends no external id if the identity has none
/// (`pkg/cloud/identity/identity.go`).
fn learn_principal(knowledge: &mut Knowledge, principal: &Principal, conditions: &Conditions) {
    if conditions.external_ids.is_empty() {
        knowledge.learn("sts:ExternalId", KnownValues::absent());
    }
    knowledge.learn("aws:PrincipalAccount", KnownValues::one_of([principal.account().as_str()]));
    let kind = match principal.kind() {
        PrincipalKind::Account => None,
        PrincipalKind::Role => Some("AssumedRole"),
        PrincipalKind::User => Some("User"),
    };
    if let Some(kind) = kind {
        knowledge.learn("aws:PrincipalArn", KnownValues::one_of([principal.as_str()]));
        knowledge.learn("aws:PrincipalType", KnownValues::one_of([kind]));
    }
}

/// Adds what is certain about every call that CAPA makes: it uses TLS, and no AWS service makes it. The keys of the
/// source are in the requests of services only. Source: IAM user guide, "AWS global condition context keys",
/// `aws:SecureTransport`, `aws:PrincipalIsAWSService`, `aws:ViaAWSService`, `aws:SourceArn` and `aws:SourceAccount`.
fn learn_call(knowledge: &mut Knowledge) {
    knowledge.learn("aws:SecureTransport", KnownValues::one_of(["true"]));
    for key in ["aws:PrincipalIsAWSService", "aws:ViaAWSService"] {
        knowledge.learn(key, KnownValues::one_of(["false"]));
    }
    for key in ["aws:SourceArn", "aws:SourceAccount"] {
        knowledge.learn(key, KnownValues::absent());
    }
}
