//! What a statement means for the sessions that a grant is about.
//!
//! Source: IAM user guide, "Policy evaluation logic", "AWS JSON policy elements: Principal" and "NotPrincipal".

use super::{Conditions, Grant, Subjects};
use crate::aws::policy::{
    Condition, Effect, Element, Knowledge, Known, Policy, Principals, Statement, Truth, Who, glob,
};
use crate::aws::{Principal, PrincipalKind};

/// The sessions in which one subject does one action.
pub(super) struct Asked<'g> {
    /// The principal of a trust policy, or the role of a permission policy.
    pub(super) arn: &'g str,
    pub(super) action: &'static str,
    principal: Option<&'g Principal>,
    session_name: Option<&'g str>,
    knowledge: Knowledge,
}

impl<'g> Asked<'g> {
    /// Every subject of a grant with every action, the subjects in the order of their texts.
    pub(super) fn all(grant: &'g Grant) -> Vec<Self> {
        let arns = grant.arns();
        let each = arns.iter().flat_map(|arn| grant.actions().iter().map(move |action| (*arn, *action)));
        each.map(|(arn, action)| {
            let principal = match &grant.subjects {
                Subjects::Principals(principals) => principals.iter().find(|principal| principal.as_str() == arn),
                Subjects::Roles(_) => None,
            };
            let session_name = grant.conditions.session_name.as_ref().map(|name| name.as_str());
            let knowledge = principal.map(|principal| known(principal, &grant.conditions)).unwrap_or_default();
            Self { arn, action, principal, session_name, knowledge }
        })
        .collect()
    }

    /// Whether the statement is about these sessions, its conditions aside.
    fn concerns(&self, policy: &Policy, statement: &Statement) -> Truth {
        let action = fits(&statement.action, |pattern| Truth::from_bool(glob(pattern, self.action, true)));
        let subject = match (self.principal, &statement.principals, &statement.resource) {
            (Some(principal), Some(principals), _) => self.is_named(principal, principals, statement.effect),
            (None, _, Some(resource)) => fits(resource, |pattern| {
                if policy.has_variables && pattern.contains("${") {
                    Truth::Maybe
                } else {
                    resource_fits(pattern, self.arn)
                }
            }),
            // Without its element a statement is about nobody; AWS refuses such a document.
            _ => Truth::No,
        };
        action.and(subject)
    }

    /// Whether the statement's conditions and all else hold for these sessions.
    pub(super) fn matches(&self, policy: &Policy, statement: &Statement) -> Truth {
        let conditions = statement.conditions.iter();
        conditions
            .map(|condition| condition.holds(&self.knowledge, policy.has_variables))
            .fold(self.concerns(policy, statement), Truth::and)
    }

    /// Whether an Allow surely lets all these sessions in, whatever is not known of them.
    pub(super) fn is_granted_by(&self, policy: &Policy, statement: &Statement) -> bool {
        statement.effect == Effect::Allow
            // What an unknown element means, a misspelt Condition for one, nobody knows.
            && statement.unknown.is_empty()
            && !statement.conditions.iter().any(|condition| condition.is_loose())
            && self.matches(policy, statement) == Truth::Yes
    }

    /// Whether an Allow lets this subject in under conditions that not all of these sessions meet.
    pub(super) fn is_guarded_by(&self, policy: &Policy, statement: &Statement) -> bool {
        statement.effect == Effect::Allow
            && !statement.conditions.is_empty()
            && self.concerns(policy, statement) == Truth::Yes
            && !self.is_granted_by(policy, statement)
    }

    /// Whether a statement is about this subject in the first place: it lists it, or has a condition on its ARN.
    pub(super) fn is_meant_by(&self, policy: &Policy, statement: &Statement) -> bool {
        let by_condition = |condition: &Condition| {
            condition.narrows("aws:PrincipalArn")
                && condition.holds(&self.knowledge, policy.has_variables) == Truth::Yes
        };
        self.is_listed_in(statement) || self.principal.is_some() && statement.conditions.iter().any(by_condition)
    }

    /// Whether the statement's principals or resources list this very subject.
    pub(super) fn is_listed_in(&self, statement: &Statement) -> bool {
        if self.principal.is_some() {
            let listed = statement.principals.as_ref().is_some_and(|principals| !principals.not);
            return listed && statement.aws_principals().any(|text| self.is_same(&text.text));
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

    fn is_named(&self, principal: &Principal, principals: &Principals, effect: Effect) -> Truth {
        let named = |whole_account: Truth| match &principals.who {
            Who::Anyone => Truth::Yes,
            Who::Typed(types) => {
                let texts = types.iter().filter(|(kind, _)| kind == "AWS").flat_map(|(_, texts)| &texts.texts);
                texts.map(|text| self.named_by(principal, &text.text, whole_account)).max().unwrap_or(Truth::No)
            }
        };
        match (principals.not, effect) {
            (false, _) => named(Truth::Yes),
            // It lets in the whole world but these: no grant that anyone meant.
            (true, Effect::Allow) => Truth::No,
            // The account of a principal does not stand for the principal here; but without it a principal is not
            // surely left out either.
            (true, Effect::Deny) => match (named(Truth::No), names_account(principals, principal)) {
                (Truth::Yes, true) => Truth::No,
                (Truth::No, _) => Truth::Yes,
                _ => Truth::Maybe,
            },
        }
    }

    /// Whether one text of type `AWS` names the principal. `whole_account`: what the account of a role or user counts.
    fn named_by(&self, principal: &Principal, text: &str, whole_account: Truth) -> Truth {
        if text == "*" || self.is_same(text) {
            return Truth::Yes;
        }
        let root = Principal::account_root(principal.partition(), principal.account().clone());
        if text == root.as_str() || text == principal.account().as_str() {
            return whole_account;
        }
        let inside = format!("arn:{}:iam::{}:", principal.partition(), principal.account());
        let session = format!("arn:{}:sts::{}:assumed-role/", principal.partition(), principal.account());
        match principal.kind() {
            // Of an account, others are a part.
            PrincipalKind::Account => {
                Truth::from_bool(text.starts_with(&inside) || text.starts_with(&session)).and(Truth::Maybe)
            }
            PrincipalKind::User => Truth::No,
            PrincipalKind::Role => {
                let name = self.arn.rsplit('/').next().unwrap_or_default();
                let rest = text.strip_prefix(&session).and_then(|rest| rest.strip_prefix(name));
                match (rest.and_then(|rest| rest.strip_prefix('/')), self.session_name) {
                    (None, _) => Truth::No,
                    (Some(_), None) => Truth::Maybe,
                    (Some(session), Some(asked)) => Truth::from_bool(session == asked),
                }
            }
        }
    }
}

/// Whether a list names the account of a principal.
fn names_account(principals: &Principals, principal: &Principal) -> bool {
    let Who::Typed(types) = &principals.who else { return true };
    let root = Principal::account_root(principal.partition(), principal.account().clone());
    let mut texts = types.iter().filter(|(kind, _)| kind == "AWS").flat_map(|(_, texts)| &texts.texts);
    texts.any(|text| text.text == root.as_str() || text.text == principal.account().as_str())
}

/// Whether a resource pattern fits a role's ARN. A wildcard that would have to cross a colon is not relied on.
fn resource_fits(pattern: &str, arn: &str) -> Truth {
    if !glob(pattern, arn, false) {
        return Truth::No;
    }
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    let each = pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(pattern, part)| glob(pattern, part, false));
    if pattern == ["*"] || each { Truth::Yes } else { Truth::Maybe }
}

/// Whether any pattern of an element fits; for `Not…`, whether none does.
fn fits(element: &Element, pattern_fits: impl Fn(&str) -> Truth) -> Truth {
    let truth = element.patterns.texts.iter().map(|text| pattern_fits(&text.text)).max().unwrap_or(Truth::No);
    match (element.not, truth) {
        (false, truth) => truth,
        (true, Truth::Yes) => Truth::No,
        (true, Truth::Maybe) => Truth::Maybe,
        (true, Truth::No) => Truth::Yes,
    }
}

/// What is certain of the sessions of a principal that meets the conditions. CAPA sends no external id where the identity
/// has none (`pkg/cloud/identity/identity.go`), and speaks TLS.
fn known(principal: &Principal, conditions: &Conditions) -> Knowledge {
    let mut knowledge = Knowledge::default();
    let one = |text: &str| Known::OneOf(vec![text.to_owned()]);
    let external_ids: Vec<String> = conditions.external_ids.iter().map(|id| id.as_str().to_owned()).collect();
    let external_id = if external_ids.is_empty() { Known::Absent } else { Known::OneOf(external_ids) };
    knowledge.learn("sts:ExternalId", external_id);
    if let Some(org_id) = &conditions.org_id {
        knowledge.learn("aws:PrincipalOrgID", one(org_id.as_str()));
    }
    if let Some(name) = &conditions.session_name {
        knowledge.learn("sts:RoleSessionName", one(name.as_str()));
    }
    knowledge.learn("aws:PrincipalAccount", one(principal.account().as_str()));
    let kind = match principal.kind() {
        PrincipalKind::Account => None,
        PrincipalKind::Role => Some("AssumedRole"),
        PrincipalKind::User => Some("User"),
    };
    if let Some(kind) = kind {
        knowledge.learn("aws:PrincipalArn", one(principal.as_str()));
        knowledge.learn("aws:PrincipalType", one(kind));
    }
    knowledge.learn("aws:SecureTransport", one("true"));
    knowledge.learn("aws:PrincipalIsAWSService", one("false"));
    knowledge
}
