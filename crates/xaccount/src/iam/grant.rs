//! A requested grant, and the statements that contain it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::aws::policy::{TAG_SESSION, has_key};
use crate::aws::{AccountId, ExternalId, OrgId, Partition, Principal, PrincipalKind, RoleArn, SessionName};

/// The key with the ARN of whoever makes a request; for a session, that of its role.
pub(super) const PRINCIPAL_ARN: &str = "aws:PrincipalArn";

/// The principals or the roles of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// A trust policy: these may assume the role that the policy belongs to.
    Principals(Vec<Principal>),
    /// A permissions policy: these may be assumed by the role that the policy belongs to.
    Roles(Vec<RoleArn>),
}

/// The conditions of a trust policy on a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `sts:ExternalId`, one of these; empty for no condition.
    pub external_ids: Vec<ExternalId>,
    /// `aws:PrincipalOrgID`
    pub org_id: Option<OrgId>,
    /// `sts:RoleSessionName`
    pub session_name: Option<SessionName>,
}

/// What is known about a condition key of a grant's requests, besides the requested conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The ARN of the subject whose requests these are; `None` for all.
    pub subject: Option<String>,
    /// The key; with `/*` at the end, all keys with that prefix.
    pub key: String,
    /// The possible values; `None`: without the key.
    pub states: Vec<Option<String>>,
}

/// How a trust policy names a role or a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrincipalForm {
    /// By its ARN, which AWS stores as the id of that very role: a role that is created again with the same name is not
    /// trusted.
    #[default]
    Arn,
    /// By its account, under the condition that `aws:PrincipalArn` is its ARN: the role may be created later or again.
    /// Source: IAM user guide, "AWS JSON policy elements: Principal" and "AWS global condition context keys".
    RootArn,
}

/// Permission to assume roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The principals or the roles; at least one.
    pub subjects: Subjects,
    /// How new statements name the principals.
    pub principal_form: PrincipalForm,
    /// The requested conditions; a grant in a permissions policy has none.
    pub conditions: Conditions,
    /// `sts:TagSession` too, which the sessions of EKS Pod Identity need.
    pub tag_session: bool,
    /// What is known about its requests. The first entry for a key counts.
    pub known: Vec<KnownKey>,
}

impl Conditions {
    /// The requested condition keys with their values.
    pub fn keys(&self) -> Vec<(&'static str, Vec<&str>)> {
        let mut keys = Vec::new();
        if !self.external_ids.is_empty() {
            keys.push(("sts:ExternalId", self.external_ids.iter().map(ExternalId::as_str).collect()));
        }
        if let Some(org_id) = &self.org_id {
            keys.push(("aws:PrincipalOrgID", vec![org_id.as_str()]));
        }
        if let Some(name) = &self.session_name {
            keys.push(("sts:RoleSessionName", vec![name.as_str()]));
        }
        keys
    }

    /// Those keys that a request for any of the actions has.
    pub fn keys_of(&self, actions: &[&str]) -> Vec<(&'static str, Vec<&str>)> {
        let has = |key: &str| actions.iter().any(|action| has_key(action, key));
        self.keys().into_iter().filter(|(key, _)| has(key)).collect()
    }

    /// The conditions in short form, for messages.
    pub fn shown(&self) -> String {
        let each = self.keys().into_iter().map(|(key, values)| format!("StringEquals {key} {}", values.join(", ")));
        let all: Vec<String> = each.collect();
        if all.is_empty() { "no condition".to_owned() } else { all.join(" and ") }
    }

    /// The `Condition` element of a statement for these actions; `None` if no condition is requested.
    pub fn to_value(&self, actions: &[&str]) -> Option<Value> {
        let keys: Map<String, Value> =
            self.keys_of(actions).into_iter().map(|(key, values)| (key.to_owned(), one_or_list(&values))).collect();
        (!keys.is_empty()).then(|| json!({ "StringEquals": keys }))
    }
}

impl Grant {
    /// The actions that are granted.
    pub fn actions(&self) -> &'static [&'static str] {
        if self.tag_session { &["sts:AssumeRole", TAG_SESSION] } else { &["sts:AssumeRole"] }
    }

    /// The actions in groups that one statement each can grant: a condition on a key that a request for an action does
    /// not have would never hold for that action.
    pub fn shared<'a>(&self, actions: &[&'a str]) -> Vec<Vec<&'a str>> {
        let mut shared: Vec<Vec<&str>> = Vec::new();
        for &action in actions {
            let keys = self.conditions.keys_of(&[action]);
            match shared.iter_mut().find(|group| self.conditions.keys_of(&group[..1]) == keys) {
                Some(group) => group.push(action),
                None => shared.push(vec![action]),
            }
        }
        shared
    }

    /// The ARNs of the subjects, sorted, without duplicates.
    pub fn arns(&self) -> Vec<&str> {
        let mut arns: Vec<&str> = match &self.subjects {
            Subjects::Principals(principals) => principals.iter().map(Principal::as_str).collect(),
            Subjects::Roles(roles) => roles.iter().map(RoleArn::as_str).collect(),
        };
        arns.sort_unstable();
        arns.dedup();
        arns
    }

    /// Whether the grant belongs in a trust policy.
    pub fn is_trust(&self) -> bool {
        matches!(self.subjects, Subjects::Principals(_))
    }

    /// The statements for all subjects and actions: one, or two if a condition does not apply to all actions.
    pub fn statements(&self) -> Vec<Value> {
        self.shared(self.actions()).iter().flat_map(|actions| self.statements_for(&self.arns(), actions)).collect()
    }

    /// The statements for some of the subjects and actions, which must share their conditions: one, or one for each
    /// account. They have no `Sid`, which would have to be unique in the document.
    pub(super) fn statements_for(&self, arns: &[&str], actions: &[&str]) -> Vec<Value> {
        let Subjects::Principals(principals) = &self.subjects else { return vec![self.statement_for(arns, actions)] };
        if self.principal_form == PrincipalForm::Arn {
            return vec![self.statement_for(arns, actions)];
        }
        let mut by_account: BTreeMap<(Partition, &AccountId), Vec<&str>> = BTreeMap::new();
        let mut accounts = Vec::new();
        for principal in principals.iter().filter(|principal| arns.contains(&principal.as_str())) {
            match principal.kind() {
                PrincipalKind::Account => accounts.push(principal.as_str()),
                PrincipalKind::Role | PrincipalKind::User => {
                    by_account
                        .entry((principal.partition(), principal.account()))
                        .or_default()
                        .push(principal.as_str());
                }
            }
        }
        let mut all: Vec<Value> = Vec::new();
        if !accounts.is_empty() {
            all.push(self.statement_for(&accounts, actions));
        }
        for ((partition, account), mut arns) in by_account {
            arns.sort_unstable();
            arns.dedup();
            let root = Principal::account_root(partition, account.clone());
            let mut statement = self.statement_for(&[root.as_str()], actions);
            let condition = self.conditions.to_value(actions).unwrap_or_else(|| json!({}));
            statement["Condition"] = condition;
            statement["Condition"]["ArnEquals"] = json!({ PRINCIPAL_ARN: one_or_list(&arns) });
            all.push(statement);
        }
        all
    }

    fn statement_for(&self, arns: &[&str], actions: &[&str]) -> Value {
        let mut statement = json!({ "Effect": "Allow" });
        if self.is_trust() {
            statement["Principal"] = json!({ "AWS": one_or_list(arns) });
        }
        statement["Action"] = one_or_list(actions);
        if !self.is_trust() {
            statement["Resource"] = one_or_list(arns);
        }
        if let Some(condition) = self.conditions.to_value(actions) {
            statement["Condition"] = condition;
        }
        statement
    }

    /// A whole document that contains only these statements.
    pub fn document(&self) -> Value {
        json!({ "Version": "2012-10-17", "Statement": self.statements() })
    }

    /// A whole trust policy for a new role: the statement that EC2 needs to give the role to a machine, and the grant.
    pub fn new_role_document(&self) -> Value {
        let ec2 = json!({
            "Effect": "Allow",
            "Principal": { "Service": "ec2.amazonaws.com" },
            "Action": "sts:AssumeRole",
        });
        let statements: Vec<Value> = std::iter::once(ec2).chain(self.statements()).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

/// One value as a string, several as a list, which is how people and AWS write them.
pub(super) fn one_or_list(values: &[&str]) -> Value {
    match values {
        [one] => json!(one),
        several => json!(several),
    }
}
