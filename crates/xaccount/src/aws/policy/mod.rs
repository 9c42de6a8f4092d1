//! IAM policy documents as typed values, each part with its span in the text.
//!
//! The text itself is edited elsewhere, so parts that this model does not know are kept. Source: IAM user guide, "IAM
//! JSON policy element reference" and "Grammar of the IAM JSON policy language".

mod condition;
mod pattern;
mod read;

use crate::diag::Span;

pub use condition::{Condition, Knowledge, KnownValues, Truth};
pub use pattern::glob;

/// The action that session tags need in addition to `sts:AssumeRole`.
pub const TAG_SESSION: &str = "sts:TagSession";

/// Condition keys that requests for `sts:AssumeRole` have, but requests for `sts:TagSession` never do: AWS checks that
/// action separately, and it has only the keys of tags. Source: Service Authorization Reference, "Actions, resources,
/// and condition keys for AWS Security Token Service".
pub const NOT_OF_TAG_SESSION: [&str; 2] = ["sts:ExternalId", "sts:RoleSessionName"];

/// Whether a request for an action can have a condition key.
pub fn has_key(action: &str, key: &str) -> bool {
    let is_missing = NOT_OF_TAG_SESSION.iter().any(|name| key.eq_ignore_ascii_case(name));
    !(is_missing && action.eq_ignore_ascii_case(TAG_SESSION))
}

/// A text of the document, and its span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text, with escapes resolved.
    pub text: String,
    /// Its span in the file.
    pub span: Span,
}

/// One text or a list of them: a list of one may also be written as a plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// The texts in order.
    pub texts: Vec<Text>,
    /// Whether it is written as a list.
    pub is_list: bool,
    /// Its span in the file.
    pub span: Span,
}

/// `Action`, `Resource`, or their opposites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// `NotAction`, `NotResource`: all but these.
    pub not: bool,
    /// The patterns, in which `*` and `?` are wildcards.
    pub patterns: Texts,
}

/// `Principal`: an object of types. AWS accepts neither `NotPrincipal` nor the string `"*"` in a role's trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principals {
    /// The principals by type (`AWS`, `Service`, …), in order.
    pub types: Vec<(String, Texts)>,
    /// Its span in the file.
    pub span: Span,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Allows the request.
    Allow,
    /// Denies the request, whatever else allows it.
    Deny,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its place in `Statement`, from 0.
    pub index: usize,
    /// The whole statement.
    pub span: Span,
    /// `Sid`
    pub sid: Option<Text>,
    /// `Effect`
    pub effect: Effect,
    /// `Principal`; only a trust policy has one.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`
    pub action: Element,
    /// `Resource` or `NotResource`; only a permissions policy has one.
    pub resource: Option<Element>,
    /// `Condition`, as one condition for each operator and key.
    pub conditions: Vec<Condition>,
    /// The span of `Condition`, if it exists.
    pub condition_span: Option<Span>,
    /// The names of elements that IAM does not know.
    pub unknown: Vec<Text>,
}

/// A whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether policy variables (`${…}`) count: `Version` is `2012-10-17`.
    pub has_variables: bool,
    /// The statements in order.
    pub statements: Vec<Statement>,
    /// Whether `Statement` is a list; else it is the one statement.
    pub is_list: bool,
}

impl Statement {
    /// The name in messages: `statement 2`, or `statement 2 (Sid Ec2)`.
    pub fn title(&self) -> String {
        match self.named_sid() {
            Some(sid) => format!("statement {} (Sid {})", self.index + 1, crate::diag::escape_control(&sid.text)),
            None => format!("statement {}", self.index + 1),
        }
    }

    /// Its `Sid`; an empty one counts as none.
    pub fn named_sid(&self) -> Option<&Text> {
        self.sid.as_ref().filter(|sid| !sid.text.is_empty())
    }

    /// The principals of type `AWS`, if there are no other types.
    pub fn only_aws(&self) -> Option<&Texts> {
        match self.principals.as_ref()?.types.as_slice() {
            [(kind, texts)] if kind == "AWS" => Some(texts),
            _ => None,
        }
    }

    /// All principals of type `AWS`.
    pub fn aws_principals(&self) -> impl Iterator<Item = &Text> {
        let types = self.principals.as_ref().map(|principals| principals.types.as_slice()).unwrap_or_default();
        types.iter().filter(|(kind, _)| kind == "AWS").flat_map(|(_, texts)| &texts.texts)
    }
}

impl Policy {
    /// The tokens of the JSON pointer to a statement.
    pub fn pointer(&self, statement: &Statement) -> Vec<String> {
        let mut pointer = vec!["Statement".to_owned()];
        if self.is_list {
            pointer.push(statement.index.to_string());
        }
        pointer
    }
}
