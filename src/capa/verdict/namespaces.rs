//! Which namespaces an identity is for (`isClusterPermittedToUsePrincipal`, `pkg/cloud/scope/session.go`, the same from
//! v0.6.9 to v2.11.1; `isClusterScopedResource` in v2.13.0).

use super::{Permission, Scope};
use crate::capa::Labels;
use crate::capa::allowed::Namespaces;
use crate::capa::release::Release;
use crate::capa::selector::Known;
use crate::capa::view::is_variable;

/// What CAPA finds in the store when the object was written under a release: before v2.9.0, the defaulting webhook took
/// empty mappings and lists of a selector out.
pub(super) fn stored(namespaces: &Namespaces, release: Release) -> Namespaces {
    let mut stored = namespaces.clone();
    if release < Release::KEEPS_EMPTY {
        stored.selector.labels = stored.selector.labels.filter(|labels| !labels.is_empty());
        stored.selector.expressions = stored.selector.expressions.filter(|expressions| !expressions.is_empty());
    }
    stored
}

/// Whether every namespace is let in.
pub(super) fn everybody(stored: Option<&Namespaces>) -> bool {
    stored.is_some_and(|stored| *stored == Namespaces::default())
}

/// Whether a cluster may use an identity; `labels` gives those of a namespace, if they are known.
///
/// # Errors
/// A selector that is none, where it was consulted: the list comes first.
pub(super) fn permission<'l>(
    stored: Option<&Namespaces>,
    scope: &Scope,
    labels: impl FnOnce(&str) -> Option<&'l Labels>,
) -> Result<Permission, String> {
    if *scope == Scope::Cluster {
        return Ok(Permission::yes("an object without a namespace is not asked for one"));
    }
    let Some(stored) = stored else {
        return Ok(Permission::no("allowedNamespaces is not set, which lets no namespace in"));
    };
    if everybody(Some(stored)) {
        return Ok(Permission::yes("every namespace"));
    }
    let permission = known(stored, scope, labels)?;
    let open = is_variable(&permission.why) || matches!(scope, Scope::Namespace(name) if is_variable(name));
    match permission.answer {
        Some(false) if open => Ok(Permission::not_known(format!("{}: a variable is not filled in", permission.why))),
        _ => Ok(permission),
    }
}

/// As [`permission`], where the texts are what they will be.
fn known<'l>(
    stored: &Namespaces,
    scope: &Scope,
    labels: impl FnOnce(&str) -> Option<&'l Labels>,
) -> Result<Permission, String> {
    let list = stored.list.as_deref().unwrap_or_default();
    let selector = &stored.selector;
    let Scope::Namespace(namespace) = scope else {
        selector.check()?;
        return Ok(match list.is_empty() && selector.is_empty() {
            true => Permission::no("an empty list and selector let no namespace in"),
            false => Permission::not_known("the manifest does not say its namespace; -n says it"),
        });
    };
    if list.contains(namespace) {
        return Ok(Permission::yes(format!("list has {namespace}")));
    }
    selector.check()?;
    if selector.is_empty() {
        return Ok(Permission::no(match list {
            [] => "an empty list and selector let no namespace in".to_owned(),
            list => format!("list has {}", list.iter().map(String::as_str).map(named).collect::<Vec<_>>().join(", ")),
        }));
    }
    let text = selector.text();
    Ok(match selector.matches(Known { name: namespace, others: labels(namespace) }) {
        Some(true) => Permission::yes(format!("{namespace} matches the selector {text}")),
        Some(false) => Permission::no(format!("{namespace} does not match the selector {text}")),
        None => {
            Permission::not_known(format!("the labels of namespace {namespace} are in none of these files ({text})"))
        }
    })
}

/// A name in a list; one that is empty is no name, and would not be seen.
fn named(name: &str) -> &str {
    if name.is_empty() { "\"\"" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capa::allowed::{Allowed, Form};
    use crate::lossless::yaml;

    fn read(text: &str) -> Option<Namespaces> {
        let tree = yaml::read(text, 0).unwrap();
        match Allowed::of(&tree, tree.root).form {
            Form::Nobody => None,
            Form::Those(namespaces) => Some(namespaces),
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Who is let in of: a listed namespace `a`, one labelled `k: v`, and another one.
    fn let_in(text: &str, release: &str) -> String {
        let stored = read(text).map(|namespaces| stored(&namespaces, release.parse().unwrap()));
        let (labels, none): (Labels, _) = (std::iter::once(("k", "v")).collect(), Labels::default());
        ["a", "labelled", "other"]
            .into_iter()
            .filter(|name| {
                let own = |name: &str| Some(if name == "labelled" { &labels } else { &none });
                permission(stored.as_ref(), &Scope::Namespace((*name).into()), own).unwrap().answer == Some(true)
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn the_truth_table() {
        const ALL: &str = "a labelled other";
        // allowedNamespaces, who may with CAPA v2.8, who may with v2.9.
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
            ("allowedNamespaces: {selector: {matchLabels: {k: }}}", "", ""),
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
            assert_eq!((let_in(text, "v2.8.4").as_str(), let_in(text, "v2.9.0").as_str()), (old, new), "{text}");
        }
    }

    #[test]
    fn a_bad_selector_is_harmless_for_a_listed_namespace() {
        let stored = read("allowedNamespaces: {list: [a], selector: {matchExpressions: [{key: k, operator: Is}]}}");
        let ask = |name: &str| permission(stored.as_ref(), &Scope::Namespace(name.into()), |_| None);
        assert_eq!(ask("a").unwrap().answer, Some(true));
        assert!(ask("b").unwrap_err().contains("is not a valid label selector operator"));
    }

    #[test]
    fn a_name_that_is_empty_is_seen() {
        let stored = read("allowedNamespaces: {list: [null, b]}");
        let permission = permission(stored.as_ref(), &Scope::Namespace("a".into()), |_| None).unwrap();
        assert_eq!(permission, Permission::no("list has \"\", b"));
    }

    #[test]
    fn what_the_webhook_can_not_decode_is_told() {
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
