//! The account map that the manifests obey today.

use std::collections::{BTreeMap, BTreeSet};

use globset::Glob;
use serde_json::{Map as Object, Value, json};

use super::{Account, Row, Status, file_of};
use crate::aws::{Partition, RoleArn};
use crate::capa::{DEFAULT_ROLE_NAME, Field, Role, RoleIdentity};

/// The map, and what it can't say.
#[derive(Clone, Debug)]
pub struct Map {
    /// The document.
    pub value: Value,
    /// Whether clusters stay in the management account, whose id manifests don't say.
    pub source: bool,
    /// What is in no entry.
    pub left_out: Vec<LeftOut>,
}

/// A cluster that is in no entry of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// `NAMESPACE/NAME` of the cluster.
    pub title: String,
    /// Why.
    pub why: &'static str,
}

/// A cluster as a map sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cluster<'s> {
    namespace: Option<&'s str>,
    name: &'s str,
    files: BTreeSet<&'s str>,
}

/// Where clusters go: an entry of the map for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Source,
    Role(RoleArn),
    /// What no entry can say.
    Nowhere(&'static str),
}

fn target(row: &Row) -> Target {
    match &row.account {
        Account::Management => Target::Source,
        Account::Static(_) => Target::Nowhere("it uses a static identity, whose account manifests don't say"),
        Account::NotKnown(_) => Target::Nowhere("its account is not known from these files"),
        Account::Known(_) => {
            let arn = row.verdict.chain.first().and_then(|hop| hop.role_arn.as_deref()?.parse().ok());
            arn.map_or(Target::Nowhere("its account is not known from these files"), Target::Role)
        }
    }
}

/// The map with one entry for each role, in the order of the account ids.
pub fn map(status: &Status<'_>) -> Map {
    let run = status.run;
    let mut clusters: BTreeMap<(Option<&str>, &str), (Target, Cluster<'_>)> = BTreeMap::new();
    for row in status.rows.iter().filter(|row| !row.template) {
        let key = (row.namespace.as_deref(), row.cluster.as_str());
        let there = clusters
            .entry(key)
            .or_insert_with(|| (target(row), Cluster { namespace: key.0, name: key.1, files: BTreeSet::new() }));
        there.1.files.insert(run.file(file_of(run, row.object)).name.as_str());
        if there.0 != target(row) {
            there.0 = Target::Nowhere("its objects are in two accounts, or use two roles");
        }
    }
    let mut groups: BTreeMap<Target, Vec<&Cluster<'_>>> = BTreeMap::new();
    for (target, cluster) in clusters.values() {
        groups.entry(target.clone()).or_default().push(cluster);
    }
    let mut map = Map { value: Value::Null, source: false, left_out: Vec::new() };
    let mut document = Object::new();
    document.insert("apiVersion".into(), json!("xaccount.dev/v1alpha1"));
    document.insert("kind".into(), json!("AccountMap"));
    let mut accounts = Vec::new();
    let mut names = BTreeSet::new();
    for (target, own) in &groups {
        let others: Vec<&Cluster<'_>> = groups
            .iter()
            .filter(|(other, _)| *other != target)
            .flat_map(|(_, clusters)| clusters.iter().copied())
            .collect();
        let entries = entries(own, &others);
        match target {
            Target::Nowhere(why) => {
                map.left_out.extend(own.iter().map(|cluster| LeftOut { title: title(cluster), why }));
            }
            Target::Source => {
                map.source = true;
                document.insert("source".into(), json!({"clusters": entries}));
            }
            Target::Role(role) => {
                let name = name(role, own, &others, &names);
                names.insert(name.clone());
                let mut account = Object::new();
                account.insert("name".into(), json!(name));
                account.insert("account".into(), json!(role.account().as_str()));
                account.extend(role_fields(role));
                account.extend(identity_fields(status, role));
                account.insert("clusters".into(), entries);
                if let Some(templates) = templates(status, role) {
                    account.insert("templates".into(), templates);
                }
                accounts.push(Value::Object(account));
            }
        }
    }
    if let Some(file) = identity_file(status) {
        document.insert("identityFile".into(), json!(file));
    }
    document.insert("accounts".into(), Value::Array(accounts));
    map.value = Value::Object(document);
    map
}

fn title(cluster: &Cluster<'_>) -> String {
    cluster.namespace.map_or_else(|| cluster.name.to_owned(), |namespace| format!("{namespace}/{}", cluster.name))
}

/// What picks these clusters and none of the others: by namespace, folder or beginning of the name, else name by name.
fn entries(own: &[&Cluster<'_>], others: &[&Cluster<'_>]) -> Value {
    if let Some(namespaces) = namespaces(own, others) {
        return json!({"namespaces": namespaces});
    }
    if let Some(folder) = folder(own).filter(|folder| !others.iter().any(|other| is_below(other, folder))) {
        return json!({"paths": [format!("{}**", globset::escape(&folder))]});
    }
    if let Some(prefix) = prefix(own).filter(|prefix| !others.iter().any(|other| other.name.starts_with(prefix))) {
        return json!({"names": [format!("{}*", globset::escape(prefix))]});
    }
    let names: BTreeSet<&str> = own.iter().map(|cluster| cluster.name).collect();
    if !others.iter().any(|other| names.contains(other.name)) {
        return json!({"names": literal(names)});
    }
    // One name in several namespaces, in several accounts.
    let mut by_namespace: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
    for cluster in own {
        by_namespace.entry(cluster.namespace).or_default().insert(cluster.name);
    }
    let entry = |(namespace, names): (Option<&str>, BTreeSet<&str>)| match namespace {
        Some(namespace) => json!({"namespaces": [namespace], "names": literal(names)}),
        None => json!({"names": literal(names)}),
    };
    by_namespace.into_iter().map(entry).collect()
}

/// Names as globs that fit them alone.
fn literal(names: BTreeSet<&str>) -> Vec<String> {
    names.into_iter().map(globset::escape).collect()
}

/// The namespaces of clusters, if each says one and none of the others is in them, or could be.
fn namespaces<'s>(own: &[&Cluster<'s>], others: &[&Cluster<'s>]) -> Option<BTreeSet<&'s str>> {
    let of =
        |clusters: &[&Cluster<'s>]| clusters.iter().map(|cluster| cluster.namespace).collect::<Option<BTreeSet<_>>>();
    let (own, others) = (of(own)?, of(others)?);
    // The namespace where all lands that says none is nobody's.
    let shared = own.contains("default") && !others.is_empty();
    (!shared && own.is_disjoint(&others)).then_some(own)
}

/// The folder of all files, with a slash behind it. Of paths as they were typed, those below the working directory.
fn folder(own: &[&Cluster<'_>]) -> Option<String> {
    let mut common: Option<&str> = None;
    for file in own.iter().flat_map(|cluster| cluster.files.iter().copied()) {
        let outside = file.starts_with('/') || file.split('/').any(|part| part == "..") || file.contains('\\');
        let (folder, _) = file.rsplit_once('/').filter(|_| !outside)?;
        let folder = &file[..=folder.len()];
        common = Some(match common {
            None => folder,
            Some(common) => {
                let same = common.bytes().zip(folder.bytes()).take_while(|(a, b)| a == b).count();
                &common[..common[..same].rfind('/')? + 1]
            }
        });
    }
    let folder = common?.trim_start_matches("./");
    (!folder.is_empty()).then(|| folder.to_owned())
}

fn is_below(cluster: &Cluster<'_>, folder: &str) -> bool {
    cluster.files.iter().any(|file| file.trim_start_matches("./").starts_with(folder))
}

/// The words that all names begin with, with the hyphen behind them.
fn prefix<'s>(own: &[&Cluster<'s>]) -> Option<&'s str> {
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
fn name(role: &RoleArn, own: &[&Cluster<'_>], others: &[&Cluster<'_>], taken: &BTreeSet<String>) -> String {
    let namespace = namespaces(own, others).filter(|set| set.len() == 1).and_then(|set| set.into_iter().next());
    let namespace = namespace.filter(|namespace| *namespace != "default").map(str::to_owned);
    let folder = folder(own).filter(|folder| !others.iter().any(|other| is_below(other, folder)));
    let folder = folder.and_then(|folder| Some(folder.trim_end_matches('/').rsplit('/').next()?.to_owned()));
    let prefix = prefix(own).map(|prefix| prefix.trim_end_matches('-').to_owned());
    let account = format!("account-{}", role.account());
    let with_role = format!("{account}-{}", role.name());
    let plain =
        |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let candidates = [namespace, folder, prefix, Some(account), Some(with_role.clone())];
    candidates.into_iter().flatten().find(|name| plain(name) && !taken.contains(name)).unwrap_or(with_role)
}

/// What says the role, where it is not the usual one of its account.
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

/// What all identities of a role say beside it.
fn identity_fields(status: &Status<'_>, role: &RoleArn) -> Object<String, Value> {
    let same = super::role_identities(status.run).filter(|(.., arn)| arn == role);
    let identities: Vec<(&str, &RoleIdentity)> = same
        .filter_map(|(index, name, _)| match &status.run.objects()[index].object.role {
            Role::Identity(identity, _) => Some((name, identity.as_ref())),
            _ => None,
        })
        .collect();
    let mut fields = Object::new();
    let Some(((name, first), rest)) = identities.split_first() else { return fields };
    if rest.is_empty() && *name != crate::inject::default_identity_name(role) {
        fields.insert("identityName".into(), json!(name));
    }
    type Part = fn(&RoleIdentity) -> &Field;
    let texts: [(&str, Part); 3] = [
        ("externalID", |identity| &identity.external_id),
        ("sessionName", |identity| &identity.session_name),
        ("durationSeconds", |identity| &identity.duration_seconds),
    ];
    for (key, part) in texts {
        let Some(text) = part(first).any_text() else { continue };
        if rest.iter().all(|(_, other)| part(other).any_text() == Some(text)) {
            let number = (key == "durationSeconds").then(|| text.parse::<u32>().ok()).flatten();
            fields.insert(key.into(), number.map_or_else(|| json!(text), |number| json!(number)));
        }
    }
    let allowed = |identity: &RoleIdentity| identity.allowed_namespaces.as_ref().map(|(value, _)| value.clone());
    if let Some(value) = allowed(first).filter(|value| *value != json!({}))
        && rest.iter().all(|(_, other)| allowed(other).as_ref() == Some(&value))
        && first.allowed.dropped.is_empty()
    {
        fields.insert("allowedNamespaces".into(), value);
    }
    fields
}

fn templates(status: &Status<'_>, role: &RoleArn) -> Option<Value> {
    let rows = status.rows.iter().filter(|row| row.template && target(row) == Target::Role(role.clone()));
    let names: BTreeSet<&str> = rows.map(|row| row.name.as_str()).collect();
    (!names.is_empty()).then(|| json!(literal(names)))
}

/// The file that holds all role identities and no cluster.
fn identity_file<'s>(status: &'s Status<'_>) -> Option<&'s str> {
    let run = status.run;
    let mut files: BTreeSet<_> = super::role_identities(run).map(|(index, ..)| file_of(run, index)).collect();
    let file = files.pop_first().filter(|_| files.is_empty())?;
    let name = run.file(file).name.as_str();
    let alone = !status.rows.iter().any(|row| file_of(run, row.object) == file);
    let inside = name != "-" && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
    (alone && inside && Glob::new(name).is_ok()).then(|| name.trim_start_matches("./"))
}
