//! Conditions, and whether they hold, as far as that is known without asking AWS.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Conditions with multiple context keys
//! or values".

use super::{Text, pattern::glob};

/// One operator on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `StringEquals`, `ForAnyValue:StringLike`, `ArnLikeIfExists`, …
    pub operator: Text,
    /// `sts:ExternalId`, …; not case-sensitive.
    pub key: Text,
    /// The values; numbers and booleans as texts.
    pub values: Vec<Text>,
}

/// Whether a condition holds, as far as that is known without asking AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It never holds.
    No,
    /// It depends on values that are unknown here.
    Maybe,
    /// It always holds.
    Yes,
}

impl Truth {
    /// Whether both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// The truth of something certain.
    pub fn from_bool(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

/// What is known about a key in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownValues(Vec<Option<String>>);

impl KnownValues {
    /// The session does not have the key.
    pub fn absent() -> Self {
        Self(vec![None])
    }

    /// The session has one of these values.
    pub fn one_of<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        Self(values.into_iter().map(|value| Some(value.to_owned())).collect())
    }

    /// The session has one of these values, or for `None` does not have the key.
    pub fn any(states: Vec<Option<String>>) -> Self {
        Self(states)
    }
}

/// What is known about the sessions of a grant. A key that is not in it may have any value, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge(Vec<(String, KnownValues)>);

impl Knowledge {
    /// Adds what is known about a key, or with `/*` at the end about all keys with that prefix. What was added first
    /// counts.
    pub fn learn(&mut self, key: &str, known: KnownValues) {
        self.0.push((key.to_ascii_lowercase(), known));
    }

    fn of(&self, key: &str) -> Option<&KnownValues> {
        let key = key.to_ascii_lowercase();
        let is_of = |existing: &str| match existing.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('/') => key.starts_with(prefix),
            _ => existing == key,
        };
        self.0.iter().find(|(existing, _)| is_of(existing)).map(|(_, known)| known)
    }
}

/// The parts of an operator.
struct Operator<'o> {
    base: &'o str,
    if_exists: bool,
    /// `ForAllValues:` or `ForAnyValue:`, in lower case.
    set: Option<String>,
}

impl Condition {
    fn operator(&self) -> Operator<'_> {
        let (set, rest) = match self.operator.text.split_once(':') {
            Some((set, rest)) => (Some(set.to_ascii_lowercase()), rest),
            None => (None, self.operator.text.as_str()),
        };
        let if_exists = rest.len() >= 8 && rest.is_char_boundary(rest.len() - 8);
        let if_exists = if_exists && rest[rest.len() - 8..].eq_ignore_ascii_case("IfExists");
        Operator { base: if if_exists { &rest[..rest.len() - 8] } else { rest }, if_exists, set }
    }

    /// Whether the condition is a plain `StringEquals`.
    pub fn is_plain_equals(&self) -> bool {
        self.operator.text.eq_ignore_ascii_case("StringEquals")
    }

    /// Whether the condition is never relied on: with `IfExists`, `ForAnyValue:` or `ForAllValues:`, it may hold
    /// without the key.
    pub fn is_loose(&self) -> bool {
        let operator = self.operator();
        operator.if_exists || operator.set.is_some()
    }

    /// Whether the condition holds only for some values of a key, and not for sessions without the key.
    pub fn narrows(&self, key: &str) -> bool {
        let base = self.operator().base.to_ascii_lowercase();
        !self.is_loose()
            && self.key.text.eq_ignore_ascii_case(key)
            && matches!(
                base.as_str(),
                "stringequals" | "stringlike" | "stringequalsignorecase" | "arnequals" | "arnlike"
            )
    }

    /// Whether the condition holds only for sessions whose key has one of these values.
    pub fn demands_one_of(&self, key: &str, values: &[&str]) -> bool {
        let base = self.operator().base.to_ascii_lowercase();
        let wild = base == "stringlike" && self.values.iter().any(|value| value.text.contains(['*', '?']));
        !self.is_loose()
            && self.key.text.eq_ignore_ascii_case(key)
            && matches!(base.as_str(), "stringequals" | "stringlike")
            && !wild
            && self.values.iter().all(|value| values.contains(&value.text.as_str()))
    }

    /// Whether the condition holds for all, some or none of the sessions. `variables`: `${…}` in a value is a policy
    /// variable.
    pub fn holds(&self, knowledge: &Knowledge, variables: bool) -> Truth {
        let operator = self.operator();
        if variables && self.values.iter().any(|value| value.text.contains("${")) {
            return Truth::Maybe;
        }
        let Some(known) = knowledge.of(&self.key.text) else { return Truth::Maybe };
        let truths: Vec<Truth> = known.0.iter().map(|state| self.holds_for(&operator, state.as_deref())).collect();
        match truths.split_first() {
            Some((first, rest)) if rest.iter().all(|truth| truth == first) => *first,
            _ => Truth::Maybe,
        }
    }

    /// Whether the condition holds for a session with this value of the key; `None`: without the key.
    fn holds_for(&self, operator: &Operator<'_>, state: Option<&str>) -> Truth {
        if operator.base.eq_ignore_ascii_case("Null") {
            let absent = Truth::from_bool(state.is_none());
            let truths = self.values.iter().map(|value| match value.text.as_str() {
                "true" => absent,
                "false" => absent.not(),
                _ => Truth::Maybe,
            });
            return truths.max().unwrap_or(Truth::Maybe);
        }
        let Some((test, negated)) = test(operator.base) else { return Truth::Maybe };
        let arns = operator.base.to_ascii_lowercase().starts_with("arn");
        if arns && self.values.iter().any(|value| value.text.splitn(6, ':').count() < 6) {
            return Truth::Maybe;
        }
        match state {
            // `ForAllValues:` and negated operators hold for a key without values; `ForAnyValue:` does not.
            None => match operator.set.as_deref() {
                Some("forallvalues") => Truth::Yes,
                Some(_) => Truth::Maybe,
                None => Truth::from_bool(operator.if_exists || negated),
            },
            Some(_) if operator.set.is_some() => Truth::Maybe,
            Some(text) => Truth::from_bool(self.values.iter().any(|value| test(&value.text, text)) != negated),
        }
    }
}

/// Whether a condition's value matches a session's.
type Test = fn(&str, &str) -> bool;

/// How an operator compares, and whether it negates the result; `None` for operators that do not compare texts.
fn test(base: &str) -> Option<(Test, bool)> {
    let equal: Test = |value, text| value == text;
    let ignore_case: Test = |value, text| value.to_lowercase() == text.to_lowercase();
    let like: Test = |value, text| glob(value, text, false);
    Some(match base.to_ascii_lowercase().as_str() {
        "stringequals" => (equal, false),
        "stringnotequals" => (equal, true),
        "bool" | "stringequalsignorecase" => (ignore_case, false),
        "stringnotequalsignorecase" => (ignore_case, true),
        "stringlike" => (like, false),
        "stringnotlike" => (like, true),
        "arnequals" | "arnlike" => (arn_like, false),
        "arnnotequals" | "arnnotlike" => (arn_like, true),
        _ => return None,
    })
}

/// Compares each of the six parts of an ARN separately, with wildcards; `ArnEquals` and `ArnLike` do the same.
fn arn_like(value: &str, text: &str) -> bool {
    let parts = |arn: &str| arn.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (value, text) = (parts(value), parts(text));
    value.len() == text.len() && value.iter().zip(&text).all(|(value, text)| glob(value, text, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Condition {
        let text = |text: &str| Text { text: text.to_owned(), span: Span::default() };
        Condition { operator: text(operator), key: text(key), values: values.iter().map(|value| text(value)).collect() }
    }

    #[test]
    fn known_values_decide() {
        let mut knowledge = Knowledge::default();
        knowledge.learn("sts:ExternalId", KnownValues::one_of(["ab", "ac"]));
        knowledge.learn("aws:PrincipalArn", KnownValues::one_of(["arn:aws:iam::111111111111:role/x"]));
        knowledge.learn("aws:SourceIdentity", KnownValues::absent());
        knowledge.learn("aws:RequestTag/*", KnownValues::absent());
        knowledge.learn("aws:MultiFactorAuthPresent", KnownValues::any(vec![None, Some("false".to_owned())]));
        for (operator, key, values, truth) in [
            ("StringEquals", "STS:externalid", &["ab", "ac"][..], Truth::Yes),
            ("StringEquals", "sts:ExternalId", &["ab"], Truth::Maybe),
            ("StringEquals", "sts:ExternalId", &["x"], Truth::No),
            ("StringNotEquals", "sts:ExternalId", &["ab", "ac"], Truth::No),
            ("StringNotEquals", "sts:ExternalId", &["x"], Truth::Yes),
            ("StringLike", "sts:ExternalId", &["a?"], Truth::Yes),
            ("StringEqualsIgnoreCase", "sts:ExternalId", &["AB", "aC"], Truth::Yes),
            ("ArnEquals", "aws:PrincipalArn", &["arn:aws:iam::*:role/x"], Truth::Yes),
            ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::*"], Truth::Maybe),
            ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::2*:role/*"], Truth::No),
            ("ArnNotLike", "aws:PrincipalArn", &["arn:aws:iam::111111111111:role/*"], Truth::No),
            ("StringEquals", "aws:SourceIdentity", &["x"], Truth::No),
            ("StringNotEquals", "aws:SourceIdentity", &["x"], Truth::Yes),
            ("StringEqualsIfExists", "aws:SourceIdentity", &["x"], Truth::Yes),
            ("ForAllValues:StringEquals", "aws:SourceIdentity", &["x"], Truth::Yes),
            ("Null", "aws:SourceIdentity", &["true"], Truth::Yes),
            ("Null", "aws:requesttag/Team", &["true"], Truth::Yes),
            ("StringEquals", "aws:RequestTag/team", &["x"], Truth::No),
            ("Null", "aws:RequestTagged", &["true"], Truth::Maybe),
            ("Bool", "aws:MultiFactorAuthPresent", &["true"], Truth::No),
            ("BoolIfExists", "aws:MultiFactorAuthPresent", &["false"], Truth::Yes),
            ("Bool", "aws:MultiFactorAuthPresent", &["false"], Truth::Maybe),
            ("BoolIfExists", "aws:MultiFactorAuthPresent", &["true"], Truth::Maybe),
            ("Null", "aws:MultiFactorAuthPresent", &["true"], Truth::Maybe),
            ("Null", "sts:ExternalId", &["true"], Truth::No),
            ("Null", "sts:ExternalId", &["false"], Truth::Yes),
            ("StringEquals", "aws:PrincipalTag/team", &["x"], Truth::Maybe),
            ("StringEquals", "sts:ExternalId", &["${aws:username}"], Truth::Maybe),
            ("NumericEquals", "sts:ExternalId", &["1"], Truth::Maybe),
            ("Sensible", "sts:ExternalId", &["1"], Truth::Maybe),
        ] {
            assert_eq!(condition(operator, key, values).holds(&knowledge, true), truth, "{operator} {key} {values:?}");
        }
    }

    #[test]
    fn a_demand_applies_to_all_sessions() {
        let demands =
            |operator, values| condition(operator, "sts:ExternalId", values).demands_one_of("sts:externalid", &["ab"]);
        assert!(demands("StringEquals", &["ab"]));
        assert!(!demands("StringEquals", &["ab", "ac"]));
        assert!(!demands("StringEqualsIfExists", &["ab"]));
        assert!(!demands("ForAnyValue:StringEquals", &["ab"]));
        assert!(!demands("StringLike", &["*"]));
        assert!(!demands("StringNotEquals", &["ab"]));
    }
}
