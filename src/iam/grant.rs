//! What is asked for, and the statement that says it.

use serde_json::{Map, Value, json};

use crate::aws::{ExternalId, OrgId, Principal, RoleArn, SessionName};

/// Whom a grant is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// A trust policy: these may assume the role that the policy belongs to.
    Principals(Vec<Principal>),
    /// A permission policy: these may be assumed by the role that the policy belongs to.
    Roles(Vec<RoleArn>),
}

/// What a session must say so that a trust policy lets it in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `sts:ExternalId`, one of these; empty asks for none.
    pub external_ids: Vec<ExternalId>,
    /// `aws:PrincipalOrgID`
    pub org_id: Option<OrgId>,
    /// `sts:RoleSessionName`
    pub session_name: Option<SessionName>,
}

/// Leave to assume roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom it is about; at least one.
    pub subjects: Subjects,
    /// Under which conditions; a permission has none.
    pub conditions: Conditions,
    /// `sts:TagSession` too, which the sessions of EKS Pod Identity need.
    pub tag_session: bool,
}

impl Conditions {
    /// The asked condition keys with their values.
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

    /// In short, for messages.
    pub fn shown(&self) -> String {
        let each = self.keys().into_iter().map(|(key, values)| format!("StringEquals {key} {}", values.join(", ")));
        let all: Vec<String> = each.collect();
        if all.is_empty() { "no condition".to_owned() } else { all.join(" and ") }
    }

    /// The `Condition` element; `None` where nothing is asked.
    pub fn to_value(&self) -> Option<Value> {
        let keys: Map<String, Value> =
            self.keys().into_iter().map(|(key, values)| (key.to_owned(), one_or_list(&values))).collect();
        (!keys.is_empty()).then(|| json!({ "StringEquals": keys }))
    }
}

impl Grant {
    /// The actions that are granted.
    pub fn actions(&self) -> &'static [&'static str] {
        if self.tag_session { &["sts:AssumeRole", "sts:TagSession"] } else { &["sts:AssumeRole"] }
    }

    /// The ARNs of the subjects, each once, in the order of their texts.
    pub fn arns(&self) -> Vec<&str> {
        let mut arns: Vec<&str> = match &self.subjects {
            Subjects::Principals(principals) => principals.iter().map(Principal::as_str).collect(),
            Subjects::Roles(roles) => roles.iter().map(RoleArn::as_str).collect(),
        };
        arns.sort_unstable();
        arns.dedup();
        arns
    }

    /// Whether it belongs into a trust policy.
    pub fn is_trust(&self) -> bool {
        matches!(self.subjects, Subjects::Principals(_))
    }

    /// The statement for all subjects and actions.
    pub fn statement(&self) -> Value {
        self.statement_for(&self.arns(), self.actions())
    }

    /// The statement for some of the subjects and actions. It has no `Sid`: those of a document must differ.
    pub fn statement_for(&self, arns: &[&str], actions: &[&str]) -> Value {
        let mut statement = json!({ "Effect": "Allow" });
        if self.is_trust() {
            statement["Principal"] = json!({ "AWS": one_or_list(arns) });
        }
        statement["Action"] = one_or_list(actions);
        if !self.is_trust() {
            statement["Resource"] = one_or_list(arns);
        }
        if let Some(condition) = self.conditions.to_value() {
            statement["Condition"] = condition;
        }
        statement
    }

    /// A whole document of this statement alone.
    pub fn document(&self) -> Value {
        json!({ "Version": "2012-10-17", "Statement": [self.statement()] })
    }

    /// A whole trust policy for a role that is to be made: what EC2 needs to give the role to a machine, and the grant.
    pub fn new_role_document(&self) -> Value {
        let ec2 = json!({
            "Effect": "Allow",
            "Principal": { "Service": "ec2.amazonaws.com" },
            "Action": "sts:AssumeRole",
        });
        json!({ "Version": "2012-10-17", "Statement": [ec2, self.statement()] })
    }
}

/// One value as itself, several as a list, as people and AWS write them.
fn one_or_list(values: &[&str]) -> Value {
    match values {
        [one] => json!(one),
        several => json!(several),
    }
}
