//! The conditions of a label selector, and their evaluation.

use std::collections::BTreeSet;

/// Conditions on labels, all of which must be met. Parsed from the value of `-l`.
///
/// The syntax is kubectl's: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a>1`, `a<1`, `a`, `!a`, joined by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(pub(super) Vec<Requirement>);

/// One condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) operator: LabelOperator,
}

/// The condition of a requirement on the label with its key.
///
/// `>` and `<` exist in `-l` only; a `matchExpressions` has no such operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LabelOperator {
    In(Vec<String>),
    NotIn(Vec<String>),
    GreaterThan(i64),
    LessThan(i64),
    Exists,
    DoesNotExist,
}

/// What is known about an object's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelValue<'l> {
    /// The object has the label, with this value.
    Is(&'l str),
    /// The object has no such label.
    Missing,
    /// The labels of the object are not known.
    Unknown,
}

impl<'l> From<Option<&'l str>> for LabelValue<'l> {
    fn from(value: Option<&'l str>) -> Self {
        value.map_or(Self::Missing, Self::Is)
    }
}

impl LabelSelector {
    /// Whether it has no condition, and therefore matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether labels match, as in the API server; `None` if not enough is known about them. `label` looks up a key.
    pub fn matches<'l>(&self, label: impl Fn(&str) -> LabelValue<'l>) -> Option<bool> {
        let mut all = Some(true);
        for requirement in &self.0 {
            match requirement.matches(label(&requirement.key)) {
                // One condition that is not met decides, even if others are not known.
                Some(false) => return Some(false),
                None => all = None,
                Some(true) => {}
            }
        }
        all
    }
}

impl Requirement {
    /// Whether a label meets the condition: a missing label meets `NotIn`. `None` if the label is not known.
    fn matches(&self, label: LabelValue<'_>) -> Option<bool> {
        let value = match label {
            LabelValue::Is(value) => Some(value),
            LabelValue::Missing => None,
            LabelValue::Unknown => return None,
        };
        let is_in = |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
        let number = || value.and_then(integer);
        Some(match &self.operator {
            LabelOperator::In(values) => is_in(values),
            LabelOperator::NotIn(values) => !is_in(values),
            LabelOperator::GreaterThan(than) => number().is_some_and(|number| number > *than),
            LabelOperator::LessThan(than) => number().is_some_and(|number| number < *than),
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
        })
    }
}

impl LabelSelector {
    /// Its conditions as texts, each once: equal for two selectors that differ in the order of conditions and values only.
    pub(crate) fn conditions(&self) -> BTreeSet<String> {
        let set = |values: &[String]| format!("{:?}", values.iter().collect::<BTreeSet<_>>());
        let text = |Requirement { key, operator }: &Requirement| match operator {
            LabelOperator::In(values) => format!("{key} in {}", set(values)),
            LabelOperator::NotIn(values) => format!("{key} notin {}", set(values)),
            LabelOperator::GreaterThan(than) => format!("{key} > {than}"),
            LabelOperator::LessThan(than) => format!("{key} < {than}"),
            LabelOperator::Exists => key.clone(),
            LabelOperator::DoesNotExist => format!("!{key}"),
        };
        self.0.iter().map(text).collect()
    }
}

/// Parses an integer like Go's `strconv.ParseInt`, which accepts both signs.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(key: &str, operator: LabelOperator) -> Requirement {
        Requirement { key: key.to_owned(), operator }
    }

    #[test]
    fn each_operator_of_a_label_with_a_value_without_one_and_unknown() {
        let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        for (operator, is_seven, is_word, missing) in [
            (LabelOperator::In(values(&["7", "x"])), true, true, false),
            (LabelOperator::In(values(&["8"])), false, false, false),
            (LabelOperator::NotIn(values(&["7"])), false, true, true),
            (LabelOperator::GreaterThan(6), true, false, false),
            (LabelOperator::GreaterThan(7), false, false, false),
            (LabelOperator::LessThan(8), true, false, false),
            (LabelOperator::LessThan(7), false, false, false),
            (LabelOperator::Exists, true, true, false),
            (LabelOperator::DoesNotExist, false, false, true),
        ] {
            let requirement = requirement("k", operator);
            for (label, wanted) in [
                (LabelValue::Is("7"), Some(is_seven)),
                (LabelValue::Is("x"), Some(is_word)),
                (LabelValue::Missing, Some(missing)),
                (LabelValue::Unknown, None),
            ] {
                assert_eq!(requirement.matches(label), wanted, "{requirement:?} {label:?}");
            }
        }
    }

    #[test]
    fn a_condition_that_is_not_met_decides_whatever_is_unknown() {
        let label = |key: &str| match key {
            "known" => LabelValue::Is("x"),
            "missing" => LabelValue::Missing,
            _ => LabelValue::Unknown,
        };
        for (keys, wanted) in [
            (&[][..], Some(true)),
            (&["known"], Some(true)),
            (&["known", "missing"], Some(false)),
            (&["known", "unknown"], None),
            (&["unknown", "missing"], Some(false)),
            (&["missing", "unknown"], Some(false)),
        ] {
            let selector = LabelSelector(keys.iter().map(|key| requirement(key, LabelOperator::Exists)).collect());
            assert_eq!(selector.matches(label), wanted, "{keys:?}");
        }
    }
}
