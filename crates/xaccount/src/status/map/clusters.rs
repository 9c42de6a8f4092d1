//! Entries that select exactly the clusters of an account, and names for accounts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::aws::RoleArn;

/// A cluster, with the properties that a map can match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MapCluster<'s> {
    pub(super) namespace: &'s str,
    pub(super) name: &'s str,
    pub(super) files: Files<'s>,
}

/// Paths of files relative to the map; `None` for a file that is not below it.
pub(super) type Files<'s> = BTreeSet<Option<&'s str>>;

/// Entries that select exactly these clusters: by namespace, folder or prefix of the name, otherwise by each name.
pub(super) fn entries(own: &[&MapCluster<'_>], others: MapOthers<'_, '_>) -> Value {
    if let Some(namespaces) = namespaces(own, others) {
        return json!({"namespaces": literal(&namespaces)});
    }
    if let Some(folder) = folder(own).filter(|folder| !others.have_file_below(folder)) {
        return json!({"paths": [format!("{}**", globset::escape(&folder))]});
    }
    if let Some(prefix) = prefix(own).filter(|prefix| !others.all.names.begin_elsewhere(prefix, others.group)) {
        return json!({"names": [format!("{}*", globset::escape(prefix))]});
    }
    let names: BTreeSet<&str> = own.iter().map(|cluster| cluster.name).collect();
    if !names.iter().any(|name| others.all.names.are_elsewhere(name, others.group)) {
        return json!({"names": literal(&names)});
    }
    // The same name in several namespaces and accounts.
    let mut by_namespace: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for cluster in own {
        by_namespace.entry(cluster.namespace).or_default().insert(cluster.name);
    }
    let entry = |(namespace, names): (&&str, &BTreeSet<&str>)| json!({"namespaces": [globset::escape(namespace)], "names": literal(names)});
    by_namespace.iter().map(entry).collect()
}

/// Names as globs that match only them.
pub(super) fn literal(names: &BTreeSet<&str>) -> Vec<String> {
    names.iter().map(|name| globset::escape(name)).collect()
}

/// The namespaces of clusters, if no other cluster is in them.
fn namespaces<'s>(own: &[&MapCluster<'s>], others: MapOthers<'_, '_>) -> Option<BTreeSet<&'s str>> {
    let own: BTreeSet<&str> = own.iter().map(|cluster| cluster.namespace).collect();
    // Objects without a namespace are in `default`, so it belongs to no single account.
    let shared = own.contains("default") && others.all.groups > 1;
    let disjoint = !own.iter().any(|namespace| others.all.namespaces.are_elsewhere(namespace, others.group));
    (!shared && disjoint).then_some(own)
}

/// The namespaces, files and names of all clusters, each with the number of its group.
pub(super) struct All<'s> {
    groups: usize,
    namespaces: MapTexts<'s>,
    files: MapTexts<'s>,
    names: MapTexts<'s>,
}

/// The clusters that are not in a group.
#[derive(Clone, Copy)]
pub(super) struct MapOthers<'a, 's> {
    pub(super) all: &'a All<'s>,
    pub(super) group: usize,
}

impl<'s> All<'s> {
    pub(super) fn of<'g>(groups: impl ExactSizeIterator<Item = &'g Vec<MapCluster<'s>>>) -> Self
    where
        's: 'g,
    {
        let count = groups.len();
        let (mut namespaces, mut files, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (group, clusters) in groups.enumerate() {
            for cluster in clusters {
                namespaces.push((cluster.namespace, group));
                names.push((cluster.name, group));
                files.extend(cluster.files.iter().flatten().map(|file| (*file, group)));
            }
        }
        Self {
            groups: count,
            namespaces: MapTexts::of(namespaces),
            files: MapTexts::of(files),
            names: MapTexts::of(names),
        }
    }
}

impl MapOthers<'_, '_> {
    fn have_file_below(self, folder: &str) -> bool {
        self.all.files.begin_elsewhere(folder, self.group)
    }
}

/// Sorted texts, each with its group and the index of the next text of another group.
struct MapTexts<'s> {
    all: Vec<(&'s str, usize)>,
    next: Vec<usize>,
}

impl<'s> MapTexts<'s> {
    fn of(mut all: Vec<(&'s str, usize)>) -> Self {
        all.sort_unstable();
        let mut next = vec![all.len(); all.len()];
        for at in (1..all.len()).rev() {
            next[at - 1] = if all[at - 1].1 == all[at].1 { next[at] } else { at };
        }
        Self { all, next }
    }

    /// Whether a text with this prefix is in another group.
    fn begin_elsewhere(&self, prefix: &str, group: usize) -> bool {
        let from = self.all.partition_point(|(text, _)| *text < prefix);
        let count = self.all[from..].partition_point(|(text, _)| text.starts_with(prefix));
        self.elsewhere(from, from + count, group)
    }

    /// Whether this text is in another group.
    fn are_elsewhere(&self, text: &str, group: usize) -> bool {
        let from = self.all.partition_point(|(existing, _)| *existing < text);
        let count = self.all[from..].partition_point(|(existing, _)| *existing == text);
        self.elsewhere(from, from + count, group)
    }

    fn elsewhere(&self, from: usize, to: usize, group: usize) -> bool {
        from < to && (self.all[from].1 != group || self.next[from] < to)
    }
}

/// The common folder of all files, with a slash after it.
fn folder(own: &[&MapCluster<'_>]) -> Option<String> {
    let mut common: Option<&str> = None;
    for file in own.iter().flat_map(|cluster| cluster.files.iter().copied()) {
        // In a glob, a backslash is an escape.
        let (folder, _) = file?.rsplit_once('/').filter(|(folder, _)| !folder.contains('\\'))?;
        let folder = &file?[..=folder.len()];
        common = Some(match common {
            None => folder,
            Some(common) => {
                let same = common.bytes().zip(folder.bytes()).take_while(|(a, b)| a == b).count();
                // In bytes: the names can differ inside a character.
                let slash = common.as_bytes()[..same].iter().rposition(|&byte| byte == b'/')?;
                &common[..=slash]
            }
        });
    }
    common.map(str::to_owned)
}

/// The common prefix of all names, up to and including its last hyphen.
fn prefix<'s>(own: &[&MapCluster<'s>]) -> Option<&'s str> {
    let (first, rest) = own.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let same = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let length = rest.iter().map(|cluster| same(first.name, cluster.name)).min()?;
    let hyphen = first.name.as_bytes()[..length].iter().rposition(|&byte| byte == b'-')?;
    Some(&first.name[..=hyphen])
}

/// A name that a person would choose: the namespace, the folder, or the beginning of the clusters' names.
pub(super) fn name(
    role: &RoleArn,
    own: &[&MapCluster<'_>],
    others: MapOthers<'_, '_>,
    is_free: impl Fn(&str) -> bool,
) -> String {
    let namespace = namespaces(own, others).filter(|set| set.len() == 1).and_then(|set| set.into_iter().next());
    let namespace = namespace.filter(|namespace| *namespace != "default").map(str::to_owned);
    let folder = folder(own).filter(|folder| !others.have_file_below(folder));
    let folder = folder.and_then(|folder| Some(folder.trim_end_matches('/').rsplit('/').next()?.to_owned()));
    let prefix = prefix(own).map(|prefix| prefix.trim_end_matches('-').to_owned());
    let plain =
        |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let candidates = [namespace, folder, prefix].into_iter().flatten().filter(plain);
    let found = candidates.into_iter().find(|name| is_free(name));
    found.unwrap_or_else(|| account_name(role, is_free))
}

/// A name with the account id, and as much as it takes to be free.
pub(super) fn account_name(role: &RoleArn, is_free: impl Fn(&str) -> bool) -> String {
    let account = format!("account-{}", role.account());
    let with_role = format!("{account}-{}", role.name().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    // A role has at most as many identities as there are paths to a role of this name.
    let numbered = (2..1000).map(|number| format!("{with_role}-{number}"));
    let mut all = [account, with_role.clone()].into_iter().chain(numbered);
    all.find(|name| is_free(name)).unwrap_or(with_role)
}
