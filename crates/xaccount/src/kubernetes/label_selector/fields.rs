//! A label selector as in the API: `matchLabels` and `matchExpressions`.

use std::collections::BTreeMap;

use super::requirement::{LabelOperator, LabelSelector, Requirement};
use crate::kubernetes::names::{is_label_value, is_qualified_name};

/// `matchLabels` and `matchExpressions` as written. For some controllers, absent and empty differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiLabelSelector {
    /// `matchLabels`
    pub labels: Option<BTreeMap<String, String>>,
    /// `matchExpressions`
    pub expressions: Option<Vec<MatchExpression>>,
}

/// An item of `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchExpression {
    /// `key`
    pub key: String,
    /// `operator`
    pub operator: String,
    /// `values`
    pub values: Vec<String>,
}

impl ApiLabelSelector {
    /// Whether it has no condition.
    pub fn is_empty(&self) -> bool {
        let none = |count: Option<usize>| count.unwrap_or_default() == 0;
        none(self.labels.as_ref().map(BTreeMap::len)) && none(self.expressions.as_ref().map(Vec::len))
    }

    /// The conditions, as `LabelSelectorAsSelector` reads them.
    ///
    /// # Errors
    /// The error of Kubernetes for the first invalid condition.
    pub fn to_selector(&self) -> Result<LabelSelector, String> {
        let equal = |(key, value): (&String, &String)| {
            check_key(key)?;
            check_value(key, value)?;
            Ok(Requirement { key: key.clone(), operator: LabelOperator::In(vec![value.clone()]) })
        };
        let labels = self.labels.iter().flatten().map(equal);
        let expressions = self.expressions.iter().flatten().map(MatchExpression::requirement);
        labels.chain(expressions).collect::<Result<_, _>>().map(LabelSelector)
    }

    /// The conditions in the syntax of `kubectl get -l`.
    pub fn text(&self) -> String {
        let equal = self.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
        equal.chain(self.expressions.iter().flatten().map(MatchExpression::text)).collect::<Vec<_>>().join(",")
    }
}

impl MatchExpression {
    fn requirement(&self) -> Result<Requirement, String> {
        let Self { key, operator, values } = self;
        let operator = match operator.as_str() {
            "In" => LabelOperator::In(values.clone()),
            "NotIn" => LabelOperator::NotIn(values.clone()),
            "Exists" => LabelOperator::Exists,
            "DoesNotExist" => LabelOperator::DoesNotExist,
            other => return Err(format!("{other:?} is not a valid label selector operator")),
        };
        check_key(key)?;
        let takes_values = matches!(operator, LabelOperator::In(_) | LabelOperator::NotIn(_));
        if takes_values && values.is_empty() {
            return Err("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty".into());
        }
        if !takes_values && !values.is_empty() {
            return Err(format!(
                "values: Invalid value: {values:?}: values set must be empty for exists and does not exist"
            ));
        }
        values.iter().try_for_each(|value| check_value(key, value))?;
        Ok(Requirement { key: key.clone(), operator })
    }

    fn text(&self) -> String {
        let Self { key, operator, values } = self;
        match operator.as_str() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.clone(),
            _ => format!("!{key}"),
        }
    }
}

fn check_key(key: &str) -> Result<(), String> {
    if is_qualified_name(key) { Ok(()) } else { Err(format!("key: Invalid value: {key:?}: not a valid label key")) }
}

fn check_value(key: &str, value: &str) -> Result<(), String> {
    if is_label_value(value) {
        return Ok(());
    }
    Err(format!("values[0][{key}]: Invalid value: {value:?}: not a valid label value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(labels: &[(&str, &str)], expressions: &[(&str, &str, &[&str])]) -> ApiLabelSelector {
        let text = |text: &&str| (*text).to_owned();
        ApiLabelSelector {
            labels: Some(labels.iter().map(|(key, value)| (text(key), text(value))).collect()),
            expressions: Some(
                expressions
                    .iter()
                    .map(|(key, operator, values)| MatchExpression {
                        key: text(key),
                        operator: text(operator),
                        values: values.iter().map(text).collect(),
                    })
                    .collect(),
            ),
        }
    }

    #[test]
    fn conditions_as_text_mean_the_same_to_kubectl() {
        for (fields, conditions) in [
            (selector(&[], &[]), 0),
            (selector(&[("env", "dev"), ("empty", "")], &[]), 2),
            (selector(&[], &[("env", "In", &["dev", "x"])]), 1),
            (selector(&[], &[("env", "NotIn", &["dev"])]), 1),
            (selector(&[("a", "b")], &[("env", "Exists", &[]), ("x", "DoesNotExist", &[])]), 3),
        ] {
            let read = fields.to_selector().unwrap();
            assert_eq!(read.0.len(), conditions, "{fields:?}");
            assert_eq!(read.is_empty(), fields.is_empty(), "{fields:?}");
            if !fields.is_empty() {
                assert_eq!(fields.text().parse(), Ok(read), "{fields:?}");
            }
        }
    }

    #[test]
    fn conditions_that_kubernetes_refuses() {
        for (bad, words) in [
            (selector(&[("a b", "x")], &[]), "key: Invalid value: \"a b\""),
            (selector(&[("a", "x y")], &[]), "values[0][a]: Invalid value: \"x y\""),
            (selector(&[], &[("a", "Equals", &["x"])]), "\"Equals\" is not a valid label selector operator"),
            (selector(&[], &[("a", "", &[])]), "\"\" is not a valid label selector operator"),
            (selector(&[], &[("a", "In", &[])]), "for 'in', 'notin' operators, values set can't be empty"),
            (selector(&[], &[("a", "Exists", &["x"])]), "values set must be empty for exists and does not exist"),
            (selector(&[], &[("", "Exists", &[])]), "key: Invalid value: \"\""),
        ] {
            let error = bad.to_selector().unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
