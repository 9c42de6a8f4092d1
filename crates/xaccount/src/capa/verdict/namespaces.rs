//! The namespaces that may use an identity (`isClusterPermittedToUsePrincipal`, `pkg/cloud/scope/session.go`, the same
//! from v0.6.9 to v2.11.1; `isClusterScopedResource` in v2.13.0).

use std::collections::HashSet;

use super::outcome::{Permission, Scope};
use crate::capa::allowed::Namespaces;
use crate::capa::labels::{Labels, NamespaceLabels};
use crate::kubernetes::LabelSelector;
use crate::templates::is_filled_in;

/// Maximum number of names of a list in a message; of a longer list, the rest is counted.
const MOST_NAMES: usize = 20;

/// Whether every namespace is allowed.
fn allows_every_namespace(stored: Option<&Namespaces>) -> bool {
    stored.is_some_and(|stored| *stored == Namespaces::default())
}

/// `allowedNamespaces` of an identity, prepared for checks of many namespaces.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// As stored in the API server; `None` allows no namespace.
    stored: Option<Namespaces>,
    /// The parsed selector, or why Kubernetes refuses it.
    selector: Result<LabelSelector, String>,
    /// The names of the list.
    names: HashSet<String>,
    /// Whether one of them contains a variable.
    open_list: bool,
    every_namespace: bool,
}

/// Why an identity allows a namespace, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GateReason {
    NoNamespace,
    NotSet,
    EveryNamespace,
    Empty,
    NamespaceNotSet,
    Listed,
    NotListed,
    Selected,
    NotSelected,
    LabelsNotKnown,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Gate {
    pub(super) fn new(stored: Option<Namespaces>) -> Self {
        let list = stored.as_ref().and_then(|stored| stored.list.as_deref()).unwrap_or_default();
        let open_list = list.iter().any(|name| is_filled_in(name));
        let names = list.iter().cloned().collect();
        let selector = stored.as_ref().map_or_else(|| Ok(LabelSelector::default()), |one| one.selector.to_selector());
        Self { selector, names, open_list, every_namespace: allows_every_namespace(stored.as_ref()), stored }
    }

    pub(super) fn stored(&self) -> Option<&Namespaces> {
        self.stored.as_ref()
    }

    /// Whether every namespace is allowed.
    pub(super) fn is_open(&self) -> bool {
        self.every_namespace
    }

    /// Whether a cluster may use the identity, if that is known; `labels` returns those of a namespace, if they are
    /// known.
    ///
    /// # Errors
    /// An invalid selector, if it was needed: the list is checked first.
    pub(super) fn answer<'l>(
        &self,
        scope: &Scope,
        labels: impl FnOnce(&str) -> Option<&'l Labels>,
    ) -> Result<Option<bool>, String> {
        let (answer, why) = self.decide(scope, labels)?;
        Ok(answer.filter(|&yes| yes || !self.is_not_filled_in(why, scope)))
    }

    /// As [`Self::answer`], with the reason in words.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(super) fn permission<'l>(
        &self,
        scope: &Scope,
        labels: impl FnOnce(&str) -> Option<&'l Labels>,
    ) -> Result<Permission, String> {
        let (answer, why) = self.decide(scope, labels)?;
        let text = self.text(why, scope);
        Ok(match answer {
            Some(false) if self.is_not_filled_in(why, scope) => {
                Permission::not_known(format!("{text}: a variable is not filled in"))
            }
            answer => Permission { answer, why: text },
        })
    }

    /// Whether the reason is the same for every namespace with this answer.
    pub(super) fn is_common<'l>(&self, scope: &Scope, labels: impl FnOnce(&str) -> Option<&'l Labels>) -> bool {
        match self.decide(scope, labels) {
            Ok((_, why @ (GateReason::NotSet | GateReason::Empty | GateReason::NotListed))) => {
                !self.is_not_filled_in(why, scope)
            }
            Ok((_, why)) => why == GateReason::EveryNamespace,
            Err(_) => true,
        }
    }

    fn decide<'l>(
        &self,
        scope: &Scope,
        labels: impl FnOnce(&str) -> Option<&'l Labels>,
    ) -> Result<(Option<bool>, GateReason), String> {
        if *scope == Scope::Cluster {
            return Ok((Some(true), GateReason::NoNamespace));
        }
        if self.stored.is_none() {
            return Ok((Some(false), GateReason::NotSet));
        }
        if self.every_namespace {
            return Ok((Some(true), GateReason::EveryNamespace));
        }
        let Scope::Namespace(namespace) = scope else {
            let selector = self.selector.as_ref().map_err(String::clone)?;
            return Ok(match self.names.is_empty() && selector.is_empty() {
                true => (Some(false), GateReason::Empty),
                false => (None, GateReason::NamespaceNotSet),
            });
        };
        if self.names.contains(namespace) {
            return Ok((Some(true), GateReason::Listed));
        }
        let selector = self.selector.as_ref().map_err(String::clone)?;
        if selector.is_empty() {
            return Ok((Some(false), if self.names.is_empty() { GateReason::Empty } else { GateReason::NotListed }));
        }
        Ok(match (NamespaceLabels { name: namespace, others: labels(namespace) }).match_selector(selector) {
            Some(true) => (Some(true), GateReason::Selected),
            Some(false) => (Some(false), GateReason::NotSelected),
            None => (None, GateReason::LabelsNotKnown),
        })
    }

    /// Whether a refusal may turn into a permission once a variable is filled in.
    fn is_not_filled_in(&self, why: GateReason, scope: &Scope) -> bool {
        let own = match why {
            GateReason::NotListed => self.open_list,
            GateReason::NotSelected => self.stored.as_ref().is_some_and(|stored| is_filled_in(&stored.selector.text())),
            GateReason::Empty => false,
            _ => return false,
        };
        own || matches!(scope, Scope::Namespace(name) if is_filled_in(name))
    }

    fn text(&self, why: GateReason, scope: &Scope) -> String {
        let namespace = match scope {
            Scope::Namespace(name) => name.as_str(),
            Scope::Unknown | Scope::Cluster => "",
        };
        let selector = || self.stored.as_ref().map_or_else(String::new, |stored| stored.selector.text());
        match why {
            GateReason::NoNamespace => "a cluster-scoped object has no namespace to check".into(),
            GateReason::NotSet => "allowedNamespaces is not set, so no namespace is allowed".into(),
            GateReason::EveryNamespace => "every namespace".into(),
            GateReason::Empty => "list and selector are empty, so no namespace is allowed".into(),
            GateReason::NamespaceNotSet => "the manifest has no namespace; set it with --default-namespace".into(),
            GateReason::Listed => format!("list has {namespace}"),
            GateReason::NotListed => format!("list has {}", self.listed()),
            GateReason::Selected => format!("{namespace} matches the selector {}", selector()),
            GateReason::NotSelected => format!("{namespace} does not match the selector {}", selector()),
            GateReason::LabelsNotKnown => {
                format!("the labels of namespace {namespace} are not in these files ({})", selector())
            }
        }
    }

    /// The names of the list, in its order.
    fn listed(&self) -> String {
        let list = self.stored.as_ref().and_then(|stored| stored.list.as_deref()).unwrap_or_default();
        let names = list.iter().take(MOST_NAMES).map(|name| named(name)).collect::<Vec<_>>().join(", ");
        match list.len().saturating_sub(MOST_NAMES) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

/// A name in a list, with quotes if it is empty, so that it is visible.
fn named(name: &str) -> &str {
    if name.is_empty() { "\"\"" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capa::allowed::{Allowed, Form};
    use lossless_yaml::yaml;

    fn read(text: &str) -> Option<Namespaces> {
        let tree = yaml::read(text, 0).unwrap();
        match Allowed::of(&tree, tree.root).form {
            Form::Nobody => None,
            Form::Those(namespaces) => Some(namespaces),
            other => panic!("{text}: {other:?}"),
        }
    }

    /// The allowed ones of three namespaces: `a`, `labelled` with the label `k: v`, and `other`.
    fn allowed_names(text: &str, release: &str) -> String {
        let gate = Gate::new(read(text).map(|namespaces| namespaces.stored(release.parse().unwrap())));
        let (labels, none): (Labels, _) = (std::iter::once(("k", "v")).collect(), Labels::default());
        ["a", "labelled", "other"]
            .into_iter()
            .filter(|name| {
                let own = |name: &str| Some(if name == "labelled" { &labels } else { &none });
                gate.answer(&Scope::Namespace((*name).into()), own).unwrap() == Some(true)
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn the_truth_table() {
        const ALL: &str = "a labelled other";
        // allowedNamespaces, allowed names with CAPA v2.8, allowed names with v2.9.
        let table = [
            ("x: 1", "", ""),
            ("allowedNamespaces:", "", ""),
            ("allowedNamespaces: null", "", ""),
            ("allowedNamespaces: {selector: }", ALL, ALL),
            ("allowedNamespaces: {selector: {matchLabels: }}", ALL, ALL),
            ("allowedNamespaces: {selector: {matchExpressions: }}", ALL, ALL),
            ("allowedNamespaces: {namespaces: [a]}", ALL, ALL),
            ("allowedNamespaces: {namespaceList: [a]}", ALL, ALL),
            ("allowedNamespaces: {List: [a]}", ALL, ALL),
            ("allowedNamespaces: {matchLabels: {k: v}}", ALL, ALL),
            ("allowedNamespaces: {selector: {k: v}}", ALL, ALL),
            ("allowedNamespaces: {selector: {matchExpressions: []}}", ALL, ""),
            ("allowedNamespaces: {selector: {matchLabels: {k: }}}", ALL, ""),
            ("allowedNamespaces: {selector: {matchLabels: {k: v, l: }}}", "labelled", "labelled"),
            ("allowedNamespaces: {list: [null]}", "", ""),
            ("allowedNamespaces: {list: ['*']}", "", ""),
            ("allowedNamespaces: {list: [A]}", "", ""),
            ("allowedNamespaces: {list: [' a']}", "", ""),
            ("allowedNamespaces: {}", ALL, ALL),
            ("allowedNamespaces: {list: null, selector: {}}", ALL, ALL),
            ("allowedNamespaces: {selector: {}}", ALL, ALL),
            ("allowedNamespaces: {list: null}", ALL, ALL),
            ("allowedNamespaces: {selector: {matchLabels: {}}}", ALL, ""),
            ("allowedNamespaces: {list: []}", "", ""),
            ("allowedNamespaces: {list: [], selector: {}}", "", ""),
            ("allowedNamespaces: {list: [], selector: {matchLabels: {}}}", "", ""),
            ("allowedNamespaces: {list: [a]}", "a", "a"),
            ("allowedNamespaces: {list: [a], selector: {matchLabels: {}}}", "a", "a"),
            ("allowedNamespaces: {selector: {matchLabels: {k: v}}}", "labelled", "labelled"),
            (
                "allowedNamespaces: {selector: {matchExpressions: [{key: k, operator: DoesNotExist}]}}",
                "a other",
                "a other",
            ),
            ("allowedNamespaces: {list: [a], selector: {matchLabels: {k: v}}}", "a labelled", "a labelled"),
        ];
        for (text, old, new) in table {
            let found = ["v2.8.4", "v2.9.0"].map(|release| allowed_names(text, release));
            assert_eq!(found, [old, new], "{text}");
        }
    }

    #[test]
    fn a_bad_selector_is_harmless_for_a_listed_namespace() {
        let gate = "allowedNamespaces: {list: [a], selector: {matchExpressions: [{key: k, operator: Is}]}}";
        let gate = Gate::new(read(gate));
        let ask = |name: &str| gate.answer(&Scope::Namespace(name.into()), |_| None);
        assert_eq!(ask("a").unwrap(), Some(true));
        assert!(ask("b").unwrap_err().contains("is not a valid label selector operator"));
    }

    #[test]
    fn an_empty_name_is_shown_with_quotes() {
        let gate = Gate::new(read("allowedNamespaces: {list: [null, b]}"));
        let permission = gate.permission(&Scope::Namespace("a".into()), |_| None).unwrap();
        assert_eq!(permission, Permission { answer: Some(false), why: "list has \"\", b".into() });
    }

    #[test]
    fn undecodable_values_are_reported() {
        for (text, path, found) in [
            ("allowedNamespaces: [a]", "allowedNamespaces", "array"),
            ("allowedNamespaces: all", "allowedNamespaces", "string"),
            ("allowedNamespaces: {list: a}", "allowedNamespaces.list", "string"),
            ("allowedNamespaces: {list: [on]}", "allowedNamespaces.list", "bool"),
            ("allowedNamespaces: {list: [12]}", "allowedNamespaces.list", "number"),
            ("allowedNamespaces: {list: [{a: b}]}", "allowedNamespaces.list", "object"),
            (
                "allowedNamespaces: {selector: {matchLabels: {k: true}}}",
                "allowedNamespaces.selector.matchLabels",
                "bool",
            ),
            ("allowedNamespaces: {selector: {matchLabels: [k]}}", "allowedNamespaces.selector.matchLabels", "array"),
            (
                "allowedNamespaces: {selector: {matchExpressions: {}}}",
                "allowedNamespaces.selector.matchExpressions",
                "object",
            ),
        ] {
            let tree = yaml::read(text, 0).unwrap();
            let Form::Undecodable(at, what, _) = Allowed::of(&tree, tree.root).form else { panic!("{text}") };
            assert_eq!((at.as_str(), what), (path, found), "{text}");
        }
    }
}
