//! Generates an account map that matches the manifests: each cluster stays where it is.

mod clusters;
mod identity;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map as Object, Value, json};

use super::{AccountSummary, Row, Status, file_of};
use crate::account_map::{API_VERSION, KIND};
use crate::aws::{AccountId, RoleArn};
use crate::capa::ObjectKind;
use crate::diag::FileId;
use crate::inventory::{ObjectId, Provenance, Resource};
use clusters::{All, Files, MapCluster, MapOthers, account_name, entries, literal, name};
use identity::Identities;

/// A generated map, and what it can't express.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// The document.
    pub value: Value,
    /// The clusters that stay in the source account: `NAMESPACE/NAME`.
    pub source_clusters: Vec<String>,
    /// What each account is for, in the order of the accounts.
    pub clusters: Vec<AccountClusters>,
    /// What the manifests contain and the map does not, each as a sentence without a final full stop.
    pub not_expressed: Vec<String>,
}

/// What an account of a generated map is for.
#[derive(Clone, Debug)]
pub enum AccountClusters {
    /// These clusters, `NAMESPACE/NAME`; none if only templates reference its identity.
    Clusters(Vec<String>),
    /// Other identities assume their roles with the credentials of its identity.
    Source,
}

/// What a map is generated with, besides the manifests.
pub struct MapOptions<'o> {
    /// Returns a file's path relative to the map, with `/` and without links, as for a lookup in a map; `None` for a file
    /// that is not below it.
    pub path: &'o dyn Fn(FileId) -> Option<String>,
    /// Names of accounts.
    pub names: &'o BTreeMap<AccountId, String>,
    /// The source account, which manifests don't contain.
    pub source: Option<&'o AccountId>,
}

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

fn target(row: &Row, source: Option<&AccountId>) -> MapTarget {
    const NOT_KNOWN: MapTarget = MapTarget::Nowhere("its account is not known from these files");
    match &row.account {
        AccountSummary::Management => MapTarget::Source,
        AccountSummary::Static(_) => {
            MapTarget::Nowhere("it uses a static identity, whose account is not in the manifests")
        }
        AccountSummary::NotKnown(_) => NOT_KNOWN,
        AccountSummary::Known(id) if source == Some(id) => {
            MapTarget::Nowhere("it uses a role identity of the source account")
        }
        AccountSummary::Known(_) => {
            let arn = row.verdict.chain.first().and_then(|hop| hop.role_arn?.parse().ok());
            arn.map_or(NOT_KNOWN, MapTarget::Role)
        }
    }
}

/// Generates a map with one entry for each role, in the order of the account ids.
pub fn map<O: Provenance>(status: &Status<'_, O>, options: &MapOptions<'_>) -> Map {
    let inventory = status.inventory;
    // What was read from a management cluster is not in the file that the map's users have.
    let is_file = |found: &&Resource<O>| found.object.alive.is_none();
    let files = inventory.objects().iter().filter(is_file).filter_map(|found| found.origin.file());
    let paths: MapPaths = files.map(|file| (file, (options.path)(file))).collect();
    let templates = templates(status, options.source);
    let mut groups = groups(status, &paths, options.source);
    for target in templates.keys().filter(|target| matches!(target, MapTarget::Role(_))) {
        groups.entry(target.clone()).or_default();
    }
    let file = identity_file(status, &paths);
    let identities = Identities::of(status);
    let mut work = MapWork { options, identities, accounts: Vec::new(), names: BTreeSet::new(), map: Map::default() };
    let mut source = Object::new();
    source.extend(options.source.map(|id| ("account".to_owned(), json!(id.as_str()))));
    if file.is_some_and(|file| has_controller_identity(status, &paths, file)) {
        source.insert("controllerIdentity".into(), json!(true));
    }
    let all = All::of(groups.values());
    for (group, (target, own)) in groups.iter().enumerate() {
        let others = MapOthers { all: &all, group };
        let own: Vec<&MapCluster<'_>> = own.iter().collect();
        let titles = || own.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect::<Vec<_>>();
        match target {
            MapTarget::Nowhere(why) => work
                .map
                .not_expressed
                .extend(titles().into_iter().map(|title| format!("{title} is not in any account of the map: {why}"))),
            MapTarget::Source => {
                work.map.source_clusters = titles();
                source.insert("clusters".into(), entries(&own, others));
            }
            MapTarget::Role(role) => {
                work.map.clusters.push(AccountClusters::Clusters(titles()));
                work.account(role, &own, others, templates.get(target));
            }
        }
    }
    let referenced: BTreeSet<&RoleArn> = groups
        .keys()
        .filter_map(|target| match target {
            MapTarget::Role(role) => Some(role),
            MapTarget::Source | MapTarget::Nowhere(_) => None,
        })
        .collect();
    work.sources(&referenced);
    work.document(source, file)
}

struct MapWork<'w> {
    options: &'w MapOptions<'w>,
    identities: Identities<'w>,
    accounts: Vec<Object<String, Value>>,
    /// The names of the accounts.
    names: BTreeSet<String>,
    map: Map,
}

impl MapWork<'_> {
    fn account(
        &mut self,
        role: &RoleArn,
        own: &[&MapCluster<'_>],
        others: MapOthers<'_, '_>,
        templates: Option<&BTreeSet<&str>>,
    ) {
        let name = self.organization_name(role).unwrap_or_else(|| name(role, own, others, |name| self.is_free(name)));
        let mut account = self.head(name, role);
        if !own.is_empty() {
            account.insert("clusters".into(), entries(own, others));
        }
        if let Some(templates) = templates {
            account.insert("templates".into(), json!(literal(templates)));
        }
        self.accounts.push(account);
    }

    /// The name of an account in its organisation, if a map accepts it.
    fn organization_name(&self, role: &RoleArn) -> Option<String> {
        self.options.names.get(role.account()).filter(|name| self.is_free(name)).cloned()
    }

    /// Whether no account has a name yet, and a map accepts it.
    fn is_free(&self, name: &str) -> bool {
        !self.names.contains(name) && is_name(name)
    }

    /// The fields of an account without its clusters.
    fn head(&mut self, name: String, role: &RoleArn) -> Object<String, Value> {
        let mut account = Object::new();
        account.insert("name".into(), json!(name));
        account.insert("account".into(), json!(role.account().as_str()));
        account.extend(identity::role_fields(role));
        account.extend(self.identities.fields(role, &mut self.map.not_expressed));
        self.names.insert(name);
        account
    }

    /// Adds the accounts whose identities only other identities of the map use, as their source.
    fn sources(&mut self, referenced: &BTreeSet<&RoleArn>) {
        let is_target = |role: &RoleArn| self.options.source != Some(role.account());
        for role in self.identities.sources(referenced).into_iter().filter(is_target) {
            let name = self.organization_name(&role).unwrap_or_else(|| account_name(&role, |name| self.is_free(name)));
            let account = self.head(name, &role);
            self.accounts.push(account);
            self.map.clusters.push(AccountClusters::Source);
        }
    }

    fn document(mut self, source: Object<String, Value>, file: Option<&str>) -> Map {
        let mut document = Object::new();
        document.insert("apiVersion".into(), json!(API_VERSION));
        document.insert("kind".into(), json!(KIND));
        if !source.is_empty() {
            document.insert("source".into(), Value::Object(source));
        }
        if let Some(file) = file {
            document.insert("identityFile".into(), json!(file));
        }
        for (field, values) in self.identities.metadata() {
            document.insert(field.into(), Value::Object(values));
        }
        let defaults = defaults(&mut self.accounts);
        if !defaults.is_empty() {
            document.insert("defaults".into(), Value::Object(defaults));
        }
        let accounts = self.accounts.into_iter().map(Value::Object).collect();
        document.insert("accounts".into(), Value::Array(accounts));
        Map { value: Value::Object(document), ..self.map }
    }
}

/// The settings that all accounts share, which are removed from them.
fn defaults(accounts: &mut [Object<String, Value>]) -> Object<String, Value> {
    const FIELDS: [&str; 5] = ["roleName", "partition", "sessionName", "durationSeconds", "allowedNamespaces"];
    let mut defaults = Object::new();
    let [first, _, ..] = accounts else { return defaults };
    let first = first.clone();
    // A role's ARN contains its name and partition.
    let has_arn = accounts.iter().any(|account| account.contains_key("roleARN"));
    for field in FIELDS.into_iter().skip(if has_arn { 2 } else { 0 }) {
        // A list of namespaces is about the clusters of its account.
        let Some(value) = first.get(field).filter(|value| value.get("list").is_none()) else { continue };
        if accounts.iter().all(|account| account.get(field) == Some(value)) {
            defaults.insert(field.to_owned(), value.clone());
            accounts.iter_mut().for_each(|account| {
                account.shift_remove(field);
            });
        }
    }
    defaults
}

/// Whether a map accepts a text as the name of an account.
fn is_name(text: &str) -> bool {
    let document =
        json!({"apiVersion": API_VERSION, "kind": KIND, "accounts": [{"name": text, "account": "222222222222"}]});
    crate::account_map::read(document.to_string().as_bytes()).is_ok()
}

/// The clusters by target.
fn groups<'s, O: Provenance>(
    status: &'s Status<'_, O>,
    paths: &'s MapPaths,
    source: Option<&AccountId>,
) -> BTreeMap<MapTarget, Vec<MapCluster<'s>>> {
    let mut clusters: BTreeMap<(&str, &str), (MapTarget, Files<'_>)> = BTreeMap::new();
    for row in status.rows.iter().filter(|row| !row.template) {
        let found = &status.inventory[row.object];
        let namespace = row.namespace.as_str();
        let existing =
            clusters.entry((namespace, &row.cluster)).or_insert_with(|| (target(row, source), BTreeSet::new()));
        existing.1.insert(found.origin.file().and_then(|file| paths.get(&file)?.as_deref()));
        if existing.0 != target(row, source) {
            existing.0 = MapTarget::Nowhere("its objects are in two accounts, or use two roles");
        }
    }
    for (found, place) in undecided(status) {
        let name = found.object.name.as_deref().unwrap_or_default();
        let nowhere = MapTarget::Nowhere("the template of its class has the identityRef, and not the Cluster");
        clusters.entry((place, name)).or_insert_with(|| {
            (nowhere, BTreeSet::from([found.origin.file().and_then(|file| paths.get(&file)?.as_deref())]))
        });
    }
    let mut groups: BTreeMap<MapTarget, Vec<MapCluster<'_>>> = BTreeMap::new();
    for ((namespace, name), (target, files)) in clusters {
        groups.entry(target).or_default().push(MapCluster { namespace, name, files });
    }
    groups
}

/// Topology Clusters that have no row, because their class decides their identityRef, each with its namespaces.
fn undecided<'s, O: Provenance>(status: &'s Status<'_, O>) -> impl Iterator<Item = (&'s Resource<O>, &'s str)> {
    let inventory = status.inventory;
    let rows: BTreeSet<_> = status.rows.iter().map(|row| row.object).collect();
    let may_be_aws = |found: &Resource<O>| match &found.object.object_kind {
        ObjectKind::Cluster { topology: Some(_), references, unclear, .. } => *unclear || !references.is_empty(),
        _ => false,
    };
    let has_no_row = move |at: &ObjectId, found: &Resource<O>| may_be_aws(found) && !rows.contains(at);
    let undecided = inventory.entries().filter(move |(at, found)| has_no_row(at, found));
    undecided.flat_map(|(_, found)| inventory.namespaces_of(found).into_iter().map(move |namespace| (found, namespace)))
}

/// The templates of each role by name, without names with two roles.
fn templates<'s, O: Provenance>(
    status: &'s Status<'_, O>,
    source: Option<&AccountId>,
) -> BTreeMap<MapTarget, BTreeSet<&'s str>> {
    let mut by_name: BTreeMap<&str, BTreeSet<MapTarget>> = BTreeMap::new();
    for row in status.rows.iter().filter(|row| row.template) {
        by_name.entry(&row.name).or_default().insert(target(row, source));
    }
    let mut templates: BTreeMap<MapTarget, BTreeSet<&str>> = BTreeMap::new();
    for (name, mut targets) in by_name {
        if let Some(target) = targets.pop_first().filter(|_| targets.is_empty()) {
            templates.entry(target).or_default().insert(name);
        }
    }
    templates
}

/// The file that contains all role identities and no cluster; without role identities, that of the controller identity.
fn identity_file<'p, O: Provenance>(status: &Status<'_, O>, paths: &'p MapPaths) -> Option<&'p str> {
    let inventory = status.inventory;
    let mut files: BTreeSet<_> =
        super::role_identities(inventory).map(|(index, ..)| file_of(inventory, index)).collect();
    if files.is_empty() {
        files = inventory
            .entries()
            .filter(|(_, found)| is_controller_identity(found))
            .map(|(at, _)| file_of(inventory, at))
            .collect();
    }
    let file = files.pop_first().filter(|_| files.is_empty())?;
    let name = paths.get(&file?)?.as_deref()?;
    let alone = !status.rows.iter().any(|row| file_of(inventory, row.object) == file);
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    (alone && yaml).then_some(name)
}

fn is_controller_identity<O: Provenance>(found: &Resource<O>) -> bool {
    matches!(found.object.object_kind, ObjectKind::Controller(_)) && found.object.name.as_deref() == Some("default")
}

/// Whether a file has the controller identity.
fn has_controller_identity<O: Provenance>(status: &Status<'_, O>, paths: &MapPaths, file: &str) -> bool {
    let is_in_file = |found: &Resource<O>| {
        found.origin.file().is_some_and(|own| paths.get(&own).and_then(Option::as_deref) == Some(file))
    };
    status.inventory.objects().iter().any(|found| is_controller_identity(found) && is_in_file(found))
}
