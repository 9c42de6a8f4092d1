//! Generates an account map that matches the manifests.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map as Object, Value, json};

use super::{AccountSummary, Row, Status, file_of};
use crate::account_map::{API_VERSION, KIND};
use crate::aws::{DurationSeconds, ExternalId, Partition, RoleArn, SessionName};
use crate::capa::{DEFAULT_ROLE_NAME, Form, Namespaces, ObjectKind, RoleIdentity};
use crate::diag::FileId;
use crate::inventory::Provenance;
use crate::kubernetes::names::{is_dns_label, is_dns_subdomain};

/// A generated map, and what it can't express.
#[derive(Clone, Debug)]
pub struct Map {
    /// The document.
    pub value: Value,
    /// Whether clusters stay in the source account, whose id manifests don't contain.
    pub source: bool,
    /// What the manifests contain and the map does not, each as a sentence without a final full stop.
    pub not_expressed: Vec<String>,
}

/// A cluster, with the properties that a map can match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct MapCluster<'s> {
    namespace: &'s str,
    name: &'s str,
    files: Files<'s>,
}

/// Paths of files relative to the map; `None` for a file that is not below it.
type Files<'s> = BTreeSet<Option<&'s str>>;

/// The path of each file of the inventory, relative to the map.
type MapPaths = BTreeMap<FileId, Option<String>>;

/// The target of clusters: one entry of the map for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MapTarget {
    Source,
    Role(RoleArn),
    /// No entry can express it; the value is the reason.
    Nowhere(&'static str),
}

fn target(row: &Row) -> MapTarget {
    match &row.account {
        AccountSummary::Management => MapTarget::Source,
        AccountSummary::Static(_) => {
            MapTarget::Nowhere("it uses a static identity, whose account is not in the manifests")
        }
        AccountSummary::NotKnown(_) => MapTarget::Nowhere("its account is not known from these files"),
        AccountSummary::Known(_) => {
            let arn = row.verdict.chain.first().and_then(|hop| hop.role_arn?.parse().ok());
            arn.map_or(MapTarget::Nowhere("its account is not known from these files"), MapTarget::Role)
        }
    }
}

/// Generates a map with one entry for each role, in the order of the account ids. `path` returns a file's path relative
/// to the map, with `/` and without links, as for a lookup in a map; `None` for a file that is not below it.
pub fn map<O: Provenance>(status: &Status<'_, O>, path: &dyn Fn(FileId) -> Option<String>) -> Map {
    let paths: MapPaths = status
        .inventory
        .objects()
        .iter()
        .filter_map(|found| found.origin.file())
        .map(|file| (file, path(file)))
        .collect();
    let groups = groups(status, &paths);
    let mut map = Map { value: Value::Null, source: false, not_expressed: Vec::new() };
    let mut document = Object::new();
    document.insert("apiVersion".into(), json!(API_VERSION));
    document.insert("kind".into(), json!(KIND));
    let mut accounts = Vec::new();
    let mut names = BTreeSet::new();
    let templates = templates(status);
    let identities = identities(status);
    let all = All::of(groups.values());
    for (group, (target, own)) in groups.iter().enumerate() {
        let others = MapOthers { all: &all, group };
        let own: Vec<&MapCluster<'_>> = own.iter().collect();
        match target {
            MapTarget::Nowhere(why) => map.not_expressed.extend(
                own.iter().map(|one| format!("{}/{} is not in any account of the map: {why}", one.namespace, one.name)),
            ),
            MapTarget::Source => {
                map.source = true;
                document.insert("source".into(), json!({"clusters": entries(&own, others)}));
            }
            MapTarget::Role(role) => {
                let name = name(role, &own, others, &names);
                names.insert(name.clone());
                let mut account = Object::new();
                account.insert("name".into(), json!(name));
                account.insert("account".into(), json!(role.account().as_str()));
                account.extend(role_fields(role));
                let own_identities = identities.get(role).map_or(&[][..], Vec::as_slice);
                account.extend(identity_fields(role, own_identities, &mut map.not_expressed));
                account.insert("clusters".into(), entries(&own, others));
                if let Some(templates) = templates.get(target) {
                    account.insert("templates".into(), json!(literal(templates)));
                }
                accounts.push(Value::Object(account));
            }
        }
    }
    if let Some(file) = identity_file(status, &paths) {
        document.insert("identityFile".into(), json!(file));
    }
    document.insert("accounts".into(), Value::Array(accounts));
    map.value = Value::Object(document);
    map
}

/// The clusters by target.
fn groups<'s, O: Provenance>(
    status: &'s Status<'_, O>,
    paths: &'s MapPaths,
) -> BTreeMap<MapTarget, Vec<MapCluster<'s>>> {
    let mut clusters: BTreeMap<(&str, &str), (MapTarget, Files<'_>)> = BTreeMap::new();
    for row in status.rows.iter().filter(|row| !row.template) {
        let found = &status.inventory[row.object];
        let namespace = row.namespace.as_str();
        let existing = clusters.entry((namespace, &row.cluster)).or_insert_with(|| (target(row), BTreeSet::new()));
        existing.1.insert(found.origin.file().and_then(|file| paths.get(&file)?.as_deref()));
        if existing.0 != target(row) {
            existing.0 = MapTarget::Nowhere("its objects are in two accounts, or use two roles");
        }
    }
    let mut groups: BTreeMap<MapTarget, Vec<MapCluster<'_>>> = BTreeMap::new();
    for ((namespace, name), (target, files)) in clusters {
        groups.entry(target).or_default().push(MapCluster { namespace, name, files });
    }
    groups
}

/// Entries that select exactly these clusters: by namespace, folder or prefix of the name, otherwise by each name.
fn entries(own: &[&MapCluster<'_>], others: MapOthers<'_, '_>) -> Value {
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
fn literal(names: &BTreeSet<&str>) -> Vec<String> {
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
struct All<'s> {
    groups: usize,
    namespaces: MapTexts<'s>,
    files: MapTexts<'s>,
    names: MapTexts<'s>,
}

/// The clusters that are not in a group.
#[derive(Clone, Copy)]
struct MapOthers<'a, 's> {
    all: &'a All<'s>,
    group: usize,
}

impl<'s> All<'s> {
    fn of<'g>(groups: impl ExactSizeIterator<Item = &'g Vec<MapCluster<'s>>>) -> Self
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
fn name(role: &RoleArn, own: &[&MapCluster<'_>], others: MapOthers<'_, '_>, removed_refs: &BTreeSet<String>) -> String {
    let namespace = namespaces(own, others).filter(|set| set.len() == 1).and_then(|set| set.into_iter().next());
    let namespace = namespace.filter(|namespace| *namespace != "default").map(str::to_owned);
    let folder = folder(own).filter(|folder| !others.have_file_below(folder));
    let folder = folder.and_then(|folder| Some(folder.trim_end_matches('/').rsplit('/').next()?.to_owned()));
    let prefix = prefix(own).map(|prefix| prefix.trim_end_matches('-').to_owned());
    let account = format!("account-{}", role.account());
    let with_role = format!("{account}-{}", role.name());
    let plain =
        |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let candidates = [namespace, folder, prefix, Some(account), Some(with_role.clone())];
    candidates.into_iter().flatten().find(|name| plain(name) && !removed_refs.contains(name)).unwrap_or(with_role)
}

/// The fields for a role that is not the default role of its account.
fn role_fields(role: &RoleArn) -> Object<String, Value> {
    let mut fields = Object::new();
    if role.path() != "/" {
        fields.insert("roleARN".into(), json!(role.as_str()));
        return fields;
    }
    if role.name() != DEFAULT_ROLE_NAME {
        fields.insert("roleName".into(), json!(role.name()));
    }
    if role.partition() != Partition::Aws {
        fields.insert("partition".into(), json!(role.partition().id()));
    }
    fields
}

const ALLOWED: &str = "allowedNamespaces";

/// The identities of each role, by name.
fn identities<'s, O: Provenance>(status: &'s Status<'_, O>) -> HashMap<RoleArn, Vec<(&'s str, &'s RoleIdentity)>> {
    let mut all: HashMap<RoleArn, Vec<(&str, &RoleIdentity)>> = HashMap::new();
    for (index, name, role) in super::role_identities(status.inventory) {
        if let ObjectKind::Identity(identity, _) = &status.inventory[index].object.object_kind {
            all.entry(role).or_default().push((name, identity));
        }
    }
    all
}

/// The other fields that all identities of a role share, as far as a map can express them.
fn identity_fields(
    role: &RoleArn,
    identities: &[(&str, &RoleIdentity)],
    not_expressed: &mut Vec<String>,
) -> Object<String, Value> {
    let mut fields = Object::new();
    let Some(((name, first), rest)) = identities.split_first() else { return fields };
    if rest.is_empty() && *name != crate::plan::default_identity_name(role) && is_dns_subdomain(name) {
        fields.insert("identityName".into(), json!(name));
    }
    for (key, value) in specified(first) {
        if rest.iter().all(|(_, other)| specified(other).contains(&(key, value.clone()))) {
            fields.insert(key.into(), value);
        }
    }
    for (name, identity) in identities {
        // Without this field in a map, every namespace may use the identity.
        let all = matches!(&identity.allowed.form, Form::Those(namespaces) if *namespaces == Namespaces::default());
        if !all && !fields.contains_key(ALLOWED) {
            not_expressed
                .push(format!("the map does not contain the allowedNamespaces of AWSClusterRoleIdentity/{name}"));
        }
    }
    fields
}

/// The fields of an identity that a map can express.
fn specified(identity: &RoleIdentity) -> Vec<(&'static str, Value)> {
    let mut specified = Vec::new();
    let text = identity.external_id.text().filter(|text| text.parse::<ExternalId>().is_ok());
    specified.extend(text.map(|text| ("externalID", json!(text))));
    let text = identity.session_name.text().filter(|text| text.parse::<SessionName>().is_ok());
    specified.extend(text.map(|text| ("sessionName", json!(text))));
    let seconds = identity.duration_seconds.any_text().and_then(|text| text.parse::<DurationSeconds>().ok());
    specified.extend(seconds.map(|seconds| ("durationSeconds", json!(seconds.get()))));
    if let Form::Those(Namespaces { list, selector }) = &identity.allowed.form {
        let plain = |list: &[String]| !list.is_empty() && list.iter().all(|name| is_dns_label(name));
        let label = selector.labels.as_ref().filter(|labels| labels.len() == 1 && selector.to_selector().is_ok());
        match (list, label) {
            (Some(list), None) if selector.is_empty() && plain(list) => {
                specified.push((ALLOWED, json!({"list": list})))
            }
            (None, Some(label)) if selector.expressions.is_none() => {
                specified.push((ALLOWED, json!({"selector": {"matchLabels": label}})));
            }
            _ => {}
        }
    }
    specified
}

/// The templates of each role by name, without names with two roles.
fn templates<'s, O: Provenance>(status: &'s Status<'_, O>) -> BTreeMap<MapTarget, BTreeSet<&'s str>> {
    let mut by_name: BTreeMap<&str, BTreeSet<MapTarget>> = BTreeMap::new();
    for row in status.rows.iter().filter(|row| row.template) {
        by_name.entry(&row.name).or_default().insert(target(row));
    }
    let mut templates: BTreeMap<MapTarget, BTreeSet<&str>> = BTreeMap::new();
    for (name, mut targets) in by_name {
        if let Some(target) = targets.pop_first().filter(|_| targets.is_empty()) {
            templates.entry(target).or_default().insert(name);
        }
    }
    templates
}

/// The file that contains all role identities and no cluster.
fn identity_file<'p, O: Provenance>(status: &Status<'_, O>, paths: &'p MapPaths) -> Option<&'p str> {
    let inventory = status.inventory;
    let mut files: BTreeSet<_> =
        super::role_identities(inventory).map(|(index, ..)| file_of(inventory, index)).collect();
    let file = files.pop_first().filter(|_| files.is_empty())?;
    let name = paths.get(&file?)?.as_deref()?;
    let alone = !status.rows.iter().any(|row| file_of(inventory, row.object) == file);
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    (alone && yaml).then_some(name)
}
