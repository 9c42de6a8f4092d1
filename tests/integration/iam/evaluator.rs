//! What one policy document says to one request, by the IAM user guide alone: a second opinion that shares no line with
//! the program.
//!
//! Written to be read, not to be fast. A document that AWS would not take may get any answer.

mod conditions;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::slice;

use serde_json::Value;

use self::conditions::hold;
use self::pattern::{Pattern, Variables};

/// What is said of one request, by "Policy evaluation logic".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// An Allow applies, and no Deny.
    Allowed,
    /// Nothing applies: an implicit deny.
    Refused,
    /// A Deny applies.
    Denied,
}

/// Condition keys in lower case, for their case means nothing, each with its values. An absent key is not in here.
pub(super) type Context = BTreeMap<String, Vec<String>>;

/// Who asks for what.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) action: String,
    /// ARN of the role or user.
    pub(super) principal: String,
    /// ARN of the role's session.
    pub(super) session: Option<String>,
    /// `None` asks a trust policy, whose resource is the role that has it.
    pub(super) resource: Option<String>,
    pub(super) context: Context,
}

impl Request {
    /// With the keys that every request of a role's session or of a user has.
    pub(super) fn new(action: &str, principal: &str, session: Option<&str>) -> Self {
        let mut request = Self {
            action: action.to_owned(),
            principal: principal.to_owned(),
            session: session.map(str::to_owned),
            resource: None,
            context: Context::new(),
        };
        let account = request.account().to_owned();
        request.set("aws:PrincipalArn", &[principal]);
        request.set("aws:PrincipalAccount", &[&account]);
        request.set("aws:PrincipalType", &[if session.is_some() { "AssumedRole" } else { "User" }]);
        request
    }

    /// No value leaves the key out, and so does an action whose requests have no such key.
    pub(super) fn set(&mut self, key: &str, values: &[&str]) {
        let key = key.to_ascii_lowercase();
        match values {
            _ if !has_key(&self.action, &key) => {}
            [] => _ = self.context.remove(&key),
            values => _ = self.context.insert(key, values.iter().map(|&value| value.to_owned()).collect()),
        }
    }

    pub(super) fn account(&self) -> &str {
        self.principal.split(':').nth(4).unwrap()
    }

    /// Who asks is of the principals that an element names. "AWS JSON policy elements: Principal": an account is all in
    /// it, a role is all its sessions, and a wildcard in a part of a name is no wildcard.
    fn is_of(&self, element: &Value) -> bool {
        let partition = self.principal.split(':').nth(1).unwrap();
        let root = format!("arn:{partition}:iam::{}:root", self.account());
        names(element).any(|name| name == self.account() || name == root || self.is(name))
    }

    /// Who asks is named itself. "AWS JSON policy elements: NotPrincipal": the account of a role does not name the role.
    fn is_named_in(&self, element: &Value) -> bool {
        names(element).any(|name| self.is(name))
    }

    fn is(&self, name: &str) -> bool {
        name == "*" || name == self.principal || Some(name) == self.session.as_deref()
    }
}

/// Service Authorization Reference, "Actions, resources, and condition keys for AWS Security Token Service": of the keys of
/// that service, in lower case, `sts:TagSession` has only those of tags, and other services have none. All other keys are
/// global.
pub(super) fn has_key(action: &str, key: &str) -> bool {
    let assumes = action.eq_ignore_ascii_case("sts:AssumeRole");
    !key.starts_with("sts:")
        || assumes
        || key == "sts:transitivetagkeys" && action.eq_ignore_ascii_case("sts:TagSession")
}

/// The `AWS` principals of an element, and the `"*"` that stands for `{"AWS": "*"}`.
fn names(element: &Value) -> impl Iterator<Item = &str> {
    listed(if element.is_object() { &element["AWS"] } else { element }).iter().filter_map(Value::as_str)
}

/// A list's items, or the one item that stands for a list.
pub(super) fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => slice::from_ref(one),
    }
}

/// "Policy evaluation logic": a Deny wins, and without an Allow nothing is allowed.
pub(super) fn evaluate(document: &Value, request: &Request) -> Decision {
    if !applying(document, "Deny", request).is_empty() {
        Decision::Denied
    } else if !applying(document, "Allow", request).is_empty() {
        Decision::Allowed
    } else {
        Decision::Refused
    }
}

/// The statements of one effect that apply to a request: each of their elements does.
pub(super) fn applying<'d>(document: &'d Value, effect: &str, request: &Request) -> Vec<&'d Value> {
    // "IAM JSON policy elements: Version": what has none, or the older one, has no variables.
    let variables = (document["Version"] == "2012-10-17").then_some(&request.context);
    let applies = |statement: &&Value| {
        statement["Effect"] == effect
            && principal(statement, request)
            && action(statement, request)
            && resource(statement, request, variables)
            && hold(&statement["Condition"], &request.context, variables)
    };
    listed(&document["Statement"]).iter().filter(applies).collect()
}

fn principal(statement: &Value, request: &Request) -> bool {
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(element), None) => request.is_of(element),
        // "AWS JSON policy elements: NotPrincipal": with an Allow it is not supported.
        (None, Some(element)) => statement["Effect"] == "Deny" && !request.is_named_in(element),
        // An identity's own policy names nobody; a trust policy must.
        _ => request.resource.is_some(),
    }
}

/// "IAM JSON policy elements: Action": wildcards, and the case means nothing. Variables have no place in it.
fn action(statement: &Value, request: &Request) -> bool {
    let asked = request.action.to_ascii_lowercase();
    let among = |element: &Value| {
        let mut patterns = listed(element).iter().filter_map(Value::as_str);
        patterns.any(|text| Pattern::wild(text, None).is_some_and(|pattern| pattern.lower().fits(&asked)))
    };
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(element), None) => among(element),
        (None, Some(element)) => !among(element),
        _ => false,
    }
}

/// "IAM JSON policy elements: Resource": wildcards and variables, and the case counts.
fn resource(statement: &Value, request: &Request, variables: Variables<'_>) -> bool {
    let Some(asked) = &request.resource else { return true };
    let among = |element: &Value| {
        let mut patterns = listed(element).iter().filter_map(Value::as_str);
        patterns.any(|text| Pattern::wild(text, variables).is_some_and(|pattern| pattern.fits_resource(asked)))
    };
    match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(element), None) => among(element),
        (None, Some(element)) => !among(element),
        _ => false,
    }
}
