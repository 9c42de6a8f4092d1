//! Whether two `allowedNamespaces` allow the same namespaces, however they are written.

use std::collections::BTreeSet;

use super::allowed::{Allowed, Form, Namespaces};
use super::release::Release;

/// The namespaces that CAPA allows (`isClusterPermittedToUsePrincipal`, `pkg/cloud/scope/session.go`).
#[derive(PartialEq, Eq)]
enum AllowedSet<'n> {
    All,
    /// Those with one of these names, and those that meet all of these conditions, if there is one.
    Only(BTreeSet<&'n str>, BTreeSet<String>),
}

impl Namespaces {
    /// The field as stored in the API server with a release: before v2.9.0, the defaulting webhook removed empty
    /// mappings and lists of a selector.
    #[must_use]
    pub fn stored(&self, release: Release) -> Self {
        let mut stored = self.clone();
        if release < Release::KEEPS_EMPTY {
            stored.selector.labels = stored.selector.labels.filter(|labels| !labels.is_empty());
            stored.selector.expressions = stored.selector.expressions.filter(|expressions| !expressions.is_empty());
        }
        stored
    }

    /// What CAPA allows with a stored field; `None` if Kubernetes refuses its selector.
    fn set(&self) -> Option<AllowedSet<'_>> {
        if *self == Self::default() {
            return Some(AllowedSet::All);
        }
        let names = self.list.iter().flatten().map(String::as_str).collect();
        Some(AllowedSet::Only(names, self.selector.to_selector().ok()?.conditions()))
    }
}

impl Allowed {
    /// Whether it allows the same namespaces as another one, in a release or, without one, in all releases. False if a
    /// key or a null of it is dropped: it may have been meant otherwise.
    pub fn allows_the_same_as(&self, other: &Namespaces, release: Option<Release>) -> bool {
        let Form::Those(own) = &self.form else { return false };
        let is_plain = self.dropped.is_empty() && self.null_labels.is_empty() && self.null_items.is_empty();
        let same = |release: Release| {
            let (own, other) = (own.stored(release), other.stored(release));
            own.set().is_some_and(|own| other.set() == Some(own))
        };
        let releases = release.map_or(vec![Release::IDENTITIES, Release::NEWEST], |release| vec![release]);
        is_plain && releases.into_iter().all(same)
    }

    /// The only namespaces that it allows; `None` if there are others, or they depend on labels.
    pub fn names(&self) -> Option<BTreeSet<&str>> {
        let Form::Those(own) = &self.form else { return None };
        match own.set()? {
            AllowedSet::Only(names, conditions) if conditions.is_empty() => Some(names),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    fn allowed(text: &str) -> Allowed {
        let text = format!("allowedNamespaces: {text}\n");
        let tree = yaml::read(&text, 0).unwrap();
        Allowed::of(&tree, tree.root)
    }

    fn namespaces(text: &str) -> Namespaces {
        match allowed(text).form {
            Form::Those(namespaces) => namespaces,
            form => panic!("{form:?}"),
        }
    }

    /// `-`: in no release; `o`: up to v2.8; `n`: since v2.9; `b`: in both.
    #[test]
    fn equal_meanings_are_equal_in_the_releases_in_which_they_are() {
        for (one, other, releases) in [
            ("{list: [a, b]}", "{list: [b, a, a]}", 'b'),
            ("{list: [a], selector: {}}", "{list: [a]}", 'b'),
            ("{list: [a], selector: {matchLabels: {}}}", "{list: [a]}", 'b'),
            ("{list: null, selector: {}}", "{}", 'b'),
            ("{selector: {matchLabels: {}}}", "{}", 'o'),
            ("{selector: {matchLabels: {}}}", "{list: []}", 'n'),
            (
                "{selector: {matchLabels: {k: v}}}",
                "{selector: {matchExpressions: [{key: k, operator: In, values: [v]}]}}",
                'b',
            ),
            ("{list: null, selector: {matchLabels: {k: v, l: w}}}", "{selector: {matchLabels: {l: w, k: v}}}", 'b'),
            ("{selector: {matchLabels: {k: v}}}", "{selector: {matchLabels: {k: w}}}", '-'),
            ("{list: [a]}", "{list: [a], selector: {matchLabels: {k: v}}}", '-'),
            ("{list: [a]}", "{}", '-'),
            ("{}", "{list: []}", '-'),
            // A dropped key or null: written by mistake, whatever CAPA makes of it.
            ("{namespaces: [a]}", "{}", '-'),
            ("{selector: {matchLabels: {k: v, l: }}}", "{selector: {matchLabels: {k: v}}}", '-'),
        ] {
            let same = |release: Option<&str>| {
                allowed(one).allows_the_same_as(&namespaces(other), release.map(|text| text.parse().unwrap()))
            };
            let found = match (same(Some("v2.8.4")), same(Some("v2.9.0"))) {
                (true, true) => 'b',
                (true, false) => 'o',
                (false, true) => 'n',
                (false, false) => '-',
            };
            assert_eq!(found, releases, "{one} {other}");
            assert_eq!(same(None), releases == 'b', "{one} {other}");
        }
    }
}
