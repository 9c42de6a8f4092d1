//! Given policies, and whether they allow a request. One list: attached and inline policies of a role add up.

use crate::aws::policy::{Effect as StatementEffect, Element, Knowledge, Policy, Statement, Truth, glob};
use crate::diag::SpannedError;
use crate::iam::document;

/// The permissions policies of a role.
#[derive(Clone, Debug, Default)]
pub struct GivenPolicies {
    policies: Vec<(String, Policy)>,
}

/// Why a document is not a permissions policy.
pub type NotPermissions = SpannedError;

/// What policies say about a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// A statement allows it, and none can deny it.
    Allowed,
    /// It can't be decided; why.
    Unknown(String),
    /// No statement allows it.
    Missing,
    /// A statement denies it; which.
    Denied(String),
}

impl GivenPolicies {
    /// Adds a document. `name`: for messages; empty if it is the only one.
    ///
    /// # Errors
    /// Not a policy document, or a trust policy.
    pub fn add(&mut self, name: &str, text: &[u8]) -> Result<(), NotPermissions> {
        let policy = document::policy(text)?;
        for statement in &policy.statements {
            if let Some(principals) = &statement.principals {
                let message =
                    format!("{} has a Principal: this is a trust policy, not a permissions policy", statement.title());
                return Err(SpannedError::new(message, principals.span)
                    .help("it says who may assume the role, not what the role may do")
                    .help("get the others: aws iam list-attached-role-policies, then get-policy-version for each")
                    .help("and aws iam list-role-policies, then get-role-policy for each"));
            }
            if statement.resource.is_none() {
                let message = format!("{} has no Resource: this is not a permissions policy", statement.title());
                return Err(SpannedError::new(message, statement.span));
            }
        }
        self.policies.push((name.to_owned(), policy));
        Ok(())
    }

    /// The policy of a single document, for edits.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().map(|(_, policy)| policy)
    }

    /// The answer for a request on one resource.
    pub(super) fn answer(&self, action: &str, resource: &str, knowledge: &Knowledge) -> Answer {
        let request = Request { action, resource, knowledge };
        let (mut allowed, mut doubt, mut may_deny) = (false, None, None);
        for (name, policy, statement) in self.statements() {
            let (truth, why) = request.matches(policy, statement);
            let title = || match name {
                "" => statement.title(),
                name => format!("{} of {name}", statement.title()),
            };
            match (statement.effect, truth) {
                (_, Truth::No) => {}
                (StatementEffect::Deny, Truth::Yes) => return Answer::Denied(title()),
                (StatementEffect::Deny, Truth::Maybe) => {
                    may_deny.get_or_insert_with(|| format!("{} may deny it: {why}", title()));
                }
                (StatementEffect::Allow, Truth::Yes) => allowed = true,
                (StatementEffect::Allow, Truth::Maybe) => {
                    doubt.get_or_insert_with(|| format!("{} allows it {why}", title()));
                }
            }
        }
        match (allowed, doubt, may_deny) {
            (false, None, _) => Answer::Missing,
            (_, _, Some(why)) | (false, Some(why), None) => Answer::Unknown(why),
            (true, _, None) => Answer::Allowed,
        }
    }

    /// The statement that may deny a request, and why that can't be decided.
    pub(super) fn may_deny(&self, action: &str, resource: &str, knowledge: &Knowledge) -> Option<String> {
        let request = Request { action, resource, knowledge };
        let denials = self.statements().filter(|(_, _, statement)| statement.effect == StatementEffect::Deny);
        denials
            .map(|(_, policy, statement)| (request.matches(policy, statement), statement))
            .find(|((truth, _), _)| *truth == Truth::Maybe)
            .map(|((_, why), statement)| format!("{} may deny it: {why}", statement.title()))
    }

    /// All statements, with their policy and its name.
    fn statements(&self) -> impl Iterator<Item = (&str, &Policy, &Statement)> {
        self.policies
            .iter()
            .flat_map(|(name, policy)| policy.statements.iter().map(move |one| (name.as_str(), policy, one)))
    }
}

struct Request<'q> {
    action: &'q str,
    resource: &'q str,
    knowledge: &'q Knowledge,
}

impl Request<'_> {
    /// Whether a statement matches the request, and if that is not known, why.
    fn matches(&self, policy: &Policy, statement: &Statement) -> (Truth, String) {
        let action = fits(&statement.action, |pattern| Truth::from_bool(glob(pattern, self.action, true)));
        if action != Truth::Yes {
            return (Truth::No, String::new());
        }
        let covers_resource = |pattern: &str| match policy.has_variables && pattern.contains("${") {
            true => Truth::Maybe,
            false => covers(pattern, self.resource),
        };
        let resource = statement.resource.as_ref().map_or(Truth::No, |element| fits(element, covers_resource));
        let failing = statement.conditions.iter().map(|one| (one.holds(self.knowledge, policy.has_variables), one));
        let worst = failing.min_by_key(|(truth, _)| *truth);
        let condition = worst.as_ref().map_or(Truth::Yes, |(truth, _)| *truth);
        let element = if statement.unknown.is_empty() { Truth::Yes } else { Truth::Maybe };
        let truth = resource.and(condition).and(element);
        let why = match (worst, statement.resource.as_ref()) {
            (_, Some(element)) if truth == Truth::Maybe && resource == Truth::Maybe => {
                let name = if element.not { "NotResource" } else { "Resource" };
                let texts: Vec<&str> = element.patterns.texts.iter().map(|text| text.text.as_str()).collect();
                let (shown, rest) = texts.split_at(texts.len().min(1));
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                format!("for some resources only ({name} {}{more}); CAPA uses {}", shown.join(", "), self.resource)
            }
            (Some((Truth::Maybe, condition)), _) => {
                format!(
                    "under a condition that can't be decided here: {} {}",
                    condition.operator.text, condition.key.text
                )
            }
            _ => "but has an element that IAM does not know".to_owned(),
        };
        (truth, why)
    }
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

/// Whether a pattern of a policy matches all resources of a request's pattern, in which `*` is any text; `Maybe` if it
/// matches some of them. A request without resources is `*`.
///
/// Each of the six parts of an ARN is compared apart: a wildcard that would have to match a colon is not relied on.
fn covers(pattern: &str, wanted: &str) -> Truth {
    if pattern == "*" {
        return Truth::Yes;
    }
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (patterns, texts) = (parts(pattern), parts(wanted));
    if wanted == "*" || patterns.len() != texts.len() {
        return Truth::from_bool(wanted != "*" && meet(pattern, wanted)).and(Truth::Maybe);
    }
    let pairs = || patterns.iter().zip(&texts);
    if pairs().all(|(pattern, text)| glob(pattern, text, false)) {
        Truth::Yes
    } else {
        Truth::from_bool(pairs().all(|(pattern, text)| meet(pattern, text))).and(Truth::Maybe)
    }
}

/// Whether two patterns have a text in common.
fn meet(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // `reached[j]`: whether the first `i` characters of one and the first `j` of the other can match the same text.
    let mut reached = vec![false; other.len() + 1];
    reached[0] = true;
    for j in 0..other.len() {
        reached[j + 1] = reached[j] && other[j] == '*';
    }
    for &a in &one {
        let mut next = vec![false; other.len() + 1];
        next[0] = reached[0] && a == '*';
        for (j, &b) in other.iter().enumerate() {
            let by_star = (a == '*' || b == '*') && (reached[j + 1] || next[j]);
            let by_one = reached[j] && (a == b || a == '?' || b == '?' || a == '*' || b == '*');
            next[j + 1] = by_star || by_one;
        }
        reached = next;
    }
    reached[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::policy::KnownValues;

    #[test]
    fn patterns_meet_and_cover() {
        for (one, other, common) in [
            ("", "", true),
            ("*", "", true),
            ("a*", "*b", true),
            ("a*c", "ab", false),
            ("a?c", "a*", true),
            ("vpc/*", "subnet/*", false),
            ("*x*", "abc", false),
            ("a*b*c", "*bb*", true),
            ("ab", "a", false),
        ] {
            assert_eq!(meet(one, other), common, "{one} {other}");
            assert_eq!(meet(other, one), common, "{other} {one}");
        }
        let vpc = "arn:aws:ec2:us-west-2:222222222222:vpc/*";
        for (pattern, wanted, truth) in [
            ("*", "*", Truth::Yes),
            ("*", vpc, Truth::Yes),
            ("arn:aws:ec2:*:*:*", "*", Truth::No),
            ("arn:aws:ec2:*:*:*", vpc, Truth::Yes),
            ("arn:*:ec2:*:*:vpc/*", vpc, Truth::Yes),
            ("arn:aws:ec2:us-west-2:222222222222:vpc/vpc-1", vpc, Truth::Maybe),
            ("arn:aws:ec2:us-east-1:*:*", vpc, Truth::No),
            ("arn:aws:ec2:*", vpc, Truth::Maybe),
            ("arn:aws:iam::*:role/*", "arn:aws:iam::*:role/a.b", Truth::Yes),
            ("arn:aws:iam::222222222222:role/*", "arn:aws:iam::*:role/a.b", Truth::Maybe),
        ] {
            assert_eq!(covers(pattern, wanted), truth, "{pattern} {wanted}");
        }
    }

    fn given(statements: &str) -> GivenPolicies {
        let mut given = GivenPolicies::default();
        given.add("", format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#).as_bytes()).unwrap();
        given
    }

    #[test]
    fn an_answer_is_what_aws_would_say() {
        let mut knowledge = Knowledge::default();
        knowledge.learn("aws:RequestedRegion", KnownValues::one_of(["us-west-2"]));
        let all = r#"{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}"#;
        let allow = |rest: &str| format!(r#"{{"Effect": "Allow", {rest}}}"#);
        let deny = |rest: &str| format!(r#"{all}, {{"Effect": "Deny", {rest}}}"#);
        let vpc = "arn:aws:ec2:us-west-2:222222222222:vpc/*";
        let region = |value: &str| format!(r#""Condition": {{"StringEquals": {{"aws:RequestedRegion": "{value}"}}}}"#);
        let tag = r#""Condition": {"StringEquals": {"aws:ResourceTag/a": "b"}}"#;
        for (statements, expected) in [
            (all.to_owned(), "allowed"),
            (allow(r#""Action": "ec2:Delete*", "Resource": "*""#), "allowed"),
            (allow(r#""Action": "EC2:deletevpc", "Resource": "arn:aws:ec2:*:*:vpc/*""#), "allowed"),
            (allow(r#""Action": "ec2:DeleteVpc", "Resource": "arn:aws:ec2:*:*:subnet/*""#), "missing"),
            (allow(r#""Action": "ec2:DeleteVpc", "Resource": "arn:aws:ec2:*:*:vpc/vpc-1""#), "unknown"),
            (allow(r#""Action": "ec2:DeleteVpc", "Resource": "arn:aws:ec2:*:*:vpc/${aws:username}""#), "unknown"),
            (allow(r#""NotAction": "iam:*", "Resource": "*""#), "allowed"),
            (allow(r#""NotAction": "ec2:Delete*", "Resource": "*""#), "missing"),
            (allow(r#""Action": "ec2:*", "NotResource": "arn:aws:ec2:*:*:subnet/*""#), "allowed"),
            (allow(r#""Action": "ec2:*", "NotResource": "arn:aws:ec2:*:*:vpc/vpc-1""#), "unknown"),
            (allow(r#""Action": "ec2:*", "NotResource": "arn:aws:ec2:*:*:vpc/*""#), "missing"),
            (allow(&format!(r#""Action": "ec2:*", "Resource": "*", {}"#, region("us-west-2"))), "allowed"),
            (allow(&format!(r#""Action": "ec2:*", "Resource": "*", {}"#, region("us-east-1"))), "missing"),
            (allow(&format!(r#""Action": "ec2:*", "Resource": "*", {tag}"#)), "unknown"),
            (allow(r#""Action": "ec2:*", "Resource": "*", "Conditon": {}"#), "unknown"),
            (deny(r#""Action": "ec2:DeleteVpc", "Resource": "*""#), "denied"),
            (deny(r#""Action": "ec2:DeleteVpc", "Resource": "arn:aws:ec2:*:*:vpc/vpc-1""#), "unknown"),
            (deny(r#""Action": "ec2:DeleteVpc", "Resource": "arn:aws:ec2:*:*:subnet/*""#), "allowed"),
            (deny(&format!(r#""Action": "ec2:*", "Resource": "*", {tag}"#)), "unknown"),
            (deny(&format!(r#""NotAction": "ec2:*", "Resource": "*", {tag}"#)), "allowed"),
            (deny(&format!(r#""Action": "*", "Resource": "*", {}"#, region("us-east-1"))), "allowed"),
        ] {
            let answer = given(&statements).answer("ec2:DeleteVpc", vpc, &knowledge);
            let word = match &answer {
                Answer::Allowed => "allowed",
                Answer::Unknown(_) => "unknown",
                Answer::Missing => "missing",
                Answer::Denied(_) => "denied",
            };
            assert_eq!(word, expected, "{statements}: {answer:?}");
        }
        let not_allowed =
            r#"{"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"Bool": {"x:y": true}}}"#;
        assert_eq!(given(not_allowed).answer("ec2:DeleteVpc", vpc, &knowledge), Answer::Missing);
    }

    #[test]
    fn a_trust_policy_is_refused() {
        let trust = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}"#;
        let error = GivenPolicies::default().add("", trust.as_bytes()).unwrap_err();
        assert!(error.message.contains("trust policy"), "{}", error.message);
        let neither = r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}"#;
        assert!(GivenPolicies::default().add("", neither.as_bytes()).unwrap_err().message.contains("no Resource"));
    }
}
