//! The labels of an object, stored compactly: a large bundle has five of them for each of thousands of objects.

use std::collections::HashMap;

use super::field::descend;
use crate::diag::Span;
use crate::kubernetes::{LabelSelector, LabelValue};
use lossless_yaml::{NodeId, Tree};

/// The label with the name of the Cluster that an object belongs to (Cluster API, `api/v1beta1/common_types.go`,
/// `ClusterNameLabel`).
pub const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";

/// The label that the API server sets on every Namespace, whatever its manifest contains.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The entries of `metadata.labels` whose keys and values are scalars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// All keys and values, concatenated.
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[usize]>,
    /// Keys whose value depends on the reader, with the second place.
    twice: Vec<(String, Span)>,
}

impl Labels {
    /// Keys and values as kubectl reads them, including those of merged mappings (`<<`).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |ends| {
            let key = &self.text[start..ends[0]];
            start = ends[1];
            (key, &self.text[ends[0]..ends[1]])
        })
    }

    /// The value of a key; if it is written twice, the last one, as in kubectl.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().filter(|(own, _)| *own == key).map(|(_, value)| value).last()
    }

    /// These labels with others, which replace those of the same key.
    #[must_use]
    pub(crate) fn with(&self, others: &[(String, String)]) -> Self {
        let others = others.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let all: Self = self.iter().chain(others).collect();
        Self { twice: self.twice.clone(), ..all }
    }

    /// Whether a selector matches.
    pub fn match_selector(&self, selector: &LabelSelector) -> bool {
        selector.matches(|key| self.get(key).into()) == Some(true)
    }

    /// A key that is written twice, or set again by a later `<<`, and the second place.
    pub fn twice(&self) -> Option<(&str, Span)> {
        self.twice.first().map(|(key, span)| (key.as_str(), *span))
    }

    /// The labels of an object.
    pub(super) fn of(tree: &Tree<'_>, object: NodeId) -> Self {
        let Some(mapping) = descend(tree, object, &["metadata", "labels"]) else { return Self::default() };
        let entries = tree.entries(mapping).unwrap_or_default();
        let plain = |&(key, value): &(NodeId, NodeId)| Some((tree.text(key)?, label_value(tree, value)?));
        // For a few labels, comparing each pair is fastest; labels from merges are rare.
        let repeats = |at: usize| entries[..at].iter().any(|&(key, _)| tree.text(key) == tree.text(entries[at].0));
        let few = entries.len() <= 16 && !(0..entries.len()).any(repeats);
        if few && !entries.iter().any(|&(key, _)| tree.is_merge(key)) {
            return entries.iter().filter_map(plain).collect();
        }
        let mut members = Members { tree, found: Vec::new(), places: HashMap::new(), twice: Vec::new(), work: 1_000 };
        members.add(mapping);
        let Members { found, twice, .. } = members;
        let labels: Self = found.iter().filter_map(|&(key, value)| Some((key, label_value(tree, value)?))).collect();
        Self { twice, ..labels }
    }
}

/// The value of a label. The API server decodes a null as an empty string.
fn label_value<'t>(tree: &'t Tree<'_>, value: NodeId) -> Option<&'t str> {
    if tree.is_null(value) { Some("") } else { tree.text(value) }
}

/// What is known about a namespace's labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamespaceLabels<'l> {
    /// The namespace's name, which is a label of it.
    pub(super) name: &'l str,
    /// The others; `None` if they are unknown.
    pub(super) others: Option<&'l Labels>,
}

impl<'l> NamespaceLabels<'l> {
    /// Whether a selector matches; `None` if that depends on unknown labels.
    pub(super) fn match_selector(self, selector: &LabelSelector) -> Option<bool> {
        selector.matches(|key| self.get(key))
    }

    fn get(self, key: &str) -> LabelValue<'l> {
        if key == NAME_LABEL {
            return LabelValue::Is(self.name);
        }
        self.others.map_or(LabelValue::Unknown, |others| others.get(key).into())
    }
}

/// The members of a mapping with those that its `<<` supply.
struct Members<'m> {
    tree: &'m Tree<'m>,
    found: Vec<(&'m str, NodeId)>,
    /// For each key, its place in `found`, and whether the mapping itself has it.
    places: HashMap<&'m str, (usize, bool)>,
    twice: Vec<(String, Span)>,
    /// How many more mappings may be read: nested merges multiply.
    work: usize,
}

impl<'m> Members<'m> {
    /// Adds the members of a mapping, with the rules of [`Tree::get`]: a key overrides an earlier merge, and conflicts
    /// with a later one.
    fn add(&mut self, mapping: NodeId) {
        let tree = self.tree;
        for &(key, value) in tree.entries(mapping).unwrap_or_default() {
            if !tree.is_merge(key) {
                if let Some(name) = tree.text(key) {
                    self.member(name, value, key, true);
                }
                continue;
            }
            let mut merged = Vec::new();
            if self.merged(value, &mut merged).is_none() {
                self.twice.push(("<<".to_owned(), tree.span(key)));
            }
            let mut seen: HashMap<&str, NodeId> = HashMap::new();
            for (name, value) in merged {
                seen.entry(name).or_insert(value);
            }
            let mut seen: Vec<(&str, NodeId)> = seen.into_iter().collect();
            seen.sort_unstable();
            seen.into_iter().for_each(|(name, value)| self.member(name, value, key, false));
        }
    }

    fn member(&mut self, name: &'m str, value: NodeId, key: NodeId, own: bool) {
        match self.places.get(name).copied() {
            None => {
                self.places.insert(name, (self.found.len(), own));
                self.found.push((name, value));
            }
            Some((at, was_own)) => {
                if was_own {
                    self.twice.push((name.to_owned(), self.tree.span(key)));
                }
                self.found[at].1 = value;
                self.places.insert(name, (at, own || was_own));
            }
        }
    }

    /// Appends what a `<<` supplies, the value that counts first; `None` if that is too much, or depends on the reader.
    fn merged(&mut self, source: NodeId, out: &mut Vec<(&'m str, NodeId)>) -> Option<()> {
        let tree = self.tree;
        let sources = tree.items(source).unwrap_or(std::slice::from_ref(&source)).to_vec();
        for one in sources {
            self.work = self.work.checked_sub(1)?;
            let mut inner =
                Members { tree, found: Vec::new(), places: HashMap::new(), twice: Vec::new(), work: self.work };
            inner.add(one);
            self.work = inner.work;
            out.append(&mut inner.found);
            if !inner.twice.is_empty() {
                return None;
            }
        }
        Some(())
    }
}

impl<'t> FromIterator<(&'t str, &'t str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'t str, &'t str)>>(members: I) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for (key, value) in members {
            for part in [key, value] {
                text.push_str(part);
                ends.push(text.len());
            }
        }
        Self { text: text.into(), ends: ends.into(), twice: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    #[test]
    fn what_went_in_comes_out() {
        let all = [("env", "dev"), ("", "x"), ("a/b", ""), ("env", "prod"), ("ü", "é")];
        for count in 0..=all.len() {
            let labels: Labels = all[..count].iter().copied().collect();
            assert!(labels.iter().eq(all[..count].iter().copied()), "{labels:?}");
        }
        let labels: Labels = all.into_iter().collect();
        let wanted = [("env", Some("prod")), ("", Some("x")), ("a/b", Some("")), ("a", None), ("ü", Some("é"))];
        for (key, value) in wanted {
            assert_eq!(labels.get(key), value, "{key}");
        }
    }

    #[test]
    fn the_name_of_a_namespace_is_a_label_of_it_also_where_the_others_are_not_known() {
        let own = [("env", "dev"), ("empty", "")].into_iter().collect();
        let known = NamespaceLabels { name: "a", others: Some(&own) };
        let unknown = NamespaceLabels { name: "a", others: None };
        for (selector, of_known, of_unknown) in [
            ("env=dev", Some(true), None),
            ("env=prod", Some(false), None),
            ("empty=", Some(true), None),
            ("missing=", Some(false), None),
            ("env in (dev,x)", Some(true), None),
            ("env notin (dev)", Some(false), None),
            ("missing notin (dev)", Some(true), None),
            ("env", Some(true), None),
            ("!missing", Some(true), None),
            ("kubernetes.io/metadata.name=a", Some(true), Some(true)),
            ("kubernetes.io/metadata.name=b", Some(false), Some(false)),
            // A name that does not fit decides, whatever the other label is.
            ("kubernetes.io/metadata.name=b,env=dev", Some(false), Some(false)),
            ("kubernetes.io/metadata.name=a,env=dev", Some(true), None),
        ] {
            let parsed: LabelSelector = selector.parse().unwrap();
            assert_eq!(known.match_selector(&parsed), of_known, "{selector}");
            assert_eq!(unknown.match_selector(&parsed), of_unknown, "{selector}");
        }
    }

    #[test]
    fn merged_labels_are_labels() {
        let many = (0..40).map(|n| format!("k{n}: v{n}, ")).collect::<String>();
        for (labels, wanted, twice) in [
            ("{a: 1, b: 2}".to_owned(), "a=1 b=2", None),
            ("{<<: {a: 1}, b: 2}".to_owned(), "a=1 b=2", None),
            ("{<<: {a: 1}, a: 2}".to_owned(), "a=2", None),
            ("{a: 1, <<: {a: 2}}".to_owned(), "a=2", Some("a")),
            ("{a: 1, a: 2}".to_owned(), "a=2", Some("a")),
            ("{<<: [{a: 1}, {a: 2, b: 3}]}".to_owned(), "a=1 b=3", None),
            ("{<<: {<<: {a: 1}, b: 2}, c: 3}".to_owned(), "a=1 b=2 c=3", None),
            ("{<<: {a: 1, a: 2}}".to_owned(), "a=2", Some("<<")),
            ("{a: [1], b: 2}".to_owned(), "b=2", None),
            (format!("{{{many} k0: x}}"), "", Some("k0")),
        ] {
            let text = format!("metadata: {{labels: {labels}}}\n");
            let tree = yaml::read(&text, 0).unwrap();
            let read = Labels::of(&tree, tree.root);
            let mut seen: Vec<String> = read.iter().map(|(key, value)| format!("{key}={value}")).collect();
            seen.sort();
            assert!(wanted.is_empty() || seen.join(" ") == wanted, "{labels}: {seen:?}");
            assert_eq!(read.twice().map(|(key, _)| key), twice, "{labels}");
            for (key, _) in read.iter().filter(|_| twice.is_none()) {
                let mapping = descend(&tree, tree.root, &["metadata", "labels"]).unwrap();
                assert_eq!(
                    tree.value(mapping, key).and_then(|value| tree.text(value)),
                    read.get(key),
                    "{labels}: {key}"
                );
            }
        }
    }
}
