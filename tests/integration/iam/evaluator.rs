//! What one policy document decides about one request, according only to the IAM user guide: a second implementation
//! that shares no line with the program.
//!
//! Written to be read, not to be fast. For a document that AWS would not accept, any answer is possible.

mod conditions;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::slice;

use serde_json::Value;

use self::conditions::hold;
use self::pattern::{Pattern, Variables};

/// The decision about one request, by "Policy evaluation logic".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// An Allow applies, and no Deny.
    Allowed,
    /// Nothing applies: an implicit deny.
    Refused,
    /// A Deny applies.
    Denied,
}

/// Condition keys in lower case, because their case does not matter, each with its values. Absent keys are not
/// included.
pub(super) type Context = BTreeMap<String, Vec<String>>;

/// A request: principal, action and resource.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) action: String,
    /// ARN of the role or user.
    pub(super) principal: String,
    /// ARN of the role's session.
    pub(super) session: Option<String>,
    /// `None` for a trust policy, whose resource is the role that it belongs to.
    pub(super) resource: Option<String>,
    pub(super) context: Context,
}

impl Request {
    /// A request with the keys that every request of a role's session or of a user has.
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

    /// Without values the key is not set, and neither is a key that requests of this action don't have.
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

    /// Whether an element includes the principal. "AWS JSON policy elements: Principal": an account includes everyone
    /// in it, a role includes all its sessions, and a wildcard in a part of a name is not a wildcard.
    fn is_of(&self, element: &Value) -> bool {
        let partition = self.principal.split(':').nth(1).unwrap();
        let root = format!("arn:{partition}:iam::{}:root", self.account());
        names(element).any(|name| name == self.account() || name == root || self.is(name))
    }

    fn is(&self, name: &str) -> bool {
        name == "*" || name == self.principal || Some(name) == self.session.as_deref()
    }
}

/// Whether requests of an action have a key. Service Authorization Reference, "Actions, resources, and condition keys
/// for AWS Security Token Service": of the keys of that service, in lower case, `sts:TagSession` has only those of
/// tags, and other services have none. All other keys are global.
pub(super) fn has_key(action: &str, key: &str) -> bool {
    let assumes = action.eq_ignore_ascii_case("sts:AssumeRole");
    !key.starts_with("sts:")
        || assumes
        || key == "sts:transitivetagkeys" && action.eq_ignore_ascii_case("sts:TagSession")
}

/// The `AWS` principals of an element.
fn names(element: &Value) -> impl Iterator<Item = &str> {
    listed(&element["AWS"]).iter().filter_map(Value::as_str)
}

/// A list's items, or the single item that is written without a list.
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

/// The statements of one effect that apply to a request, because each of their elements matches it.
pub(super) fn applying<'d>(document: &'d Value, effect: &str, request: &Request) -> Vec<&'d Value> {
    // "IAM JSON policy elements: Version": a document without a version, or with the older one, has no variables.
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
    match statement.get("Principal") {
        Some(element) => request.is_of(element),
        // An identity-based policy has no principal; a trust policy must have one.
        None => request.resource.is_some(),
    }
}

/// "IAM JSON policy elements: Action": wildcards are allowed, and the case does not matter. Variables are not allowed.
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

/// "IAM JSON policy elements: Resource": wildcards and variables are allowed, and the case matters.
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
