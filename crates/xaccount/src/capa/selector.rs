//! A label selector as the API has it, and as `LabelSelectorAsSelector` reads it (apimachinery,
//! `pkg/apis/meta/v1/helpers.go` and `pkg/labels/selector.go`).

use std::collections::BTreeMap;

use super::labels::Labels;
use super::names::{is_label_value, is_qualified_name};

/// The label that the API server keeps on every Namespace, whatever its manifest says.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// `matchLabels` and `matchExpressions`. `None` and empty differ for CAPA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`
    pub labels: Option<BTreeMap<String, String>>,
    /// `matchExpressions`
    pub expressions: Option<Vec<Expression>>,
}

/// An item of `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    /// `key`
    pub key: String,
    /// `operator`
    pub operator: String,
    /// `values`
    pub values: Vec<String>,
}

/// What is known of a namespace's labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamespaceLabels<'l> {
    /// The namespace's name, which is a label of it.
    pub(super) name: &'l str,
    /// The others; `None` where they are not known.
    pub(super) others: Option<&'l Labels>,
}

impl NamespaceLabels<'_> {
    /// The label's value, if it is there; `None` where that is not known.
    fn get(&self, key: &str) -> Option<Option<&str>> {
        if key == NAME_LABEL {
            return Some(Some(self.name));
        }
        Some(self.others?.get(key))
    }
}

impl Selector {
    /// Whether it has no condition.
    pub fn is_empty(&self) -> bool {
        let none = |count: Option<usize>| count.unwrap_or_default() == 0;
        none(self.labels.as_ref().map(BTreeMap::len)) && none(self.expressions.as_ref().map(Vec::len))
    }

    /// Whether every condition is one.
    ///
    /// # Errors
    /// What Kubernetes says of the first that is not.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in self.labels.iter().flatten() {
            check_key(key)?;
            check_value(key, value)?;
        }
        self.expressions.iter().flatten().try_for_each(Expression::check)
    }

    /// Whether labels fit; `None` where they are not known well enough. The selector was checked.
    pub(super) fn matches(&self, labels: NamespaceLabels<'_>) -> Option<bool> {
        let equal = |(key, value): (&String, &String)| labels.get(key).map(|own| own == Some(value.as_str()));
        let answers = self.labels.iter().flatten().map(equal);
        let answers = answers.chain(self.expressions.iter().flatten().map(|one| one.matches(labels)));
        let mut all = Some(true);
        for answer in answers {
            match answer {
                // One condition that is not met decides, whatever is not known of others.
                Some(false) => return Some(false),
                None => all = None,
                Some(true) => {}
            }
        }
        all
    }

    /// The conditions as `kubectl get -l` takes them.
    pub fn text(&self) -> String {
        let equal = self.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
        equal.chain(self.expressions.iter().flatten().map(Expression::text)).collect::<Vec<_>>().join(",")
    }
}

impl Expression {
    fn check(&self) -> Result<(), String> {
        let Self { key, operator, values } = self;
        match operator.as_str() {
            "In" | "NotIn" => {
                check_key(key)?;
                if values.is_empty() {
                    return Err(
                        "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty".into()
                    );
                }
                values.iter().try_for_each(|value| check_value(key, value))
            }
            "Exists" | "DoesNotExist" => {
                check_key(key)?;
                if values.is_empty() {
                    return Ok(());
                }
                Err(format!(
                    "values: Invalid value: {values:?}: values set must be empty for exists and does not exist"
                ))
            }
            other => Err(format!("{other:?} is not a valid label selector operator")),
        }
    }

    fn matches(&self, labels: NamespaceLabels<'_>) -> Option<bool> {
        let own = labels.get(&self.key)?;
        let one_of = own.is_some_and(|own| self.values.iter().any(|value| value == own));
        Some(match self.operator.as_str() {
            "In" => one_of,
            "NotIn" => !one_of,
            "Exists" => own.is_some(),
            _ => own.is_none(),
        })
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
    if is_qualified_name(key) { Ok(()) } else { Err(format!("key: Invalid value: {key:?}: not a label's name")) }
}

fn check_value(key: &str, value: &str) -> Result<(), String> {
    if is_label_value(value) {
        return Ok(());
    }
    Err(format!("values[0][{key}]: Invalid value: {value:?}: not a label's value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(labels: &[(&str, &str)], expressions: &[(&str, &str, &[&str])]) -> Selector {
        let text = |text: &&str| (*text).to_owned();
        Selector {
            labels: Some(labels.iter().map(|(key, value)| (text(key), text(value))).collect()),
            expressions: Some(
                expressions
                    .iter()
                    .map(|(key, operator, values)| Expression {
                        key: text(key),
                        operator: text(operator),
                        values: values.iter().map(text).collect(),
                    })
                    .collect(),
            ),
        }
    }

    #[test]
    fn labels_that_are_not_known_leave_the_answer_open_unless_another_decides() {
        let own = [("env", "dev"), ("empty", "")].into_iter().collect();
        let known = NamespaceLabels { name: "a", others: Some(&own) };
        let unknown = NamespaceLabels { name: "a", others: None };
        for (selector, of_known, of_unknown) in [
            (selector(&[("env", "dev")], &[]), Some(true), None),
            (selector(&[("env", "prod")], &[]), Some(false), None),
            (selector(&[("empty", "")], &[]), Some(true), None),
            (selector(&[("missing", "")], &[]), Some(false), None),
            (selector(&[], &[("env", "In", &["dev", "x"])]), Some(true), None),
            (selector(&[], &[("env", "NotIn", &["dev"])]), Some(false), None),
            (selector(&[], &[("missing", "NotIn", &["dev"])]), Some(true), None),
            (selector(&[], &[("env", "Exists", &[])]), Some(true), None),
            (selector(&[], &[("missing", "DoesNotExist", &[])]), Some(true), None),
            (selector(&[(NAME_LABEL, "a")], &[]), Some(true), Some(true)),
            (selector(&[(NAME_LABEL, "b")], &[]), Some(false), Some(false)),
            // A name that does not fit decides, whatever the other label is.
            (selector(&[(NAME_LABEL, "b"), ("env", "dev")], &[]), Some(false), Some(false)),
            (selector(&[(NAME_LABEL, "a"), ("env", "dev")], &[]), Some(true), None),
        ] {
            selector.check().unwrap();
            assert_eq!(selector.matches(known), of_known, "{}", selector.text());
            assert_eq!(selector.matches(unknown), of_unknown, "{}", selector.text());
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
            let specified = bad.check().unwrap_err();
            assert!(specified.contains(words), "{specified}");
        }
    }
}
