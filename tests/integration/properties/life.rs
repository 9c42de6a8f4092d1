//! The life of a fleet: a random fleet whose references are set already, the map that `map init` makes of it, and random
//! changes. After each change, `inject`, `identity`, `eject --prune` and `status` end in a state that `--check` and a
//! fresh `map init` agree with, and no cluster has lost what it needs.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Output;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};

use super::{cases, runner};
use crate::suite::say;
use crate::support::xaccount;

const ACCOUNTS: [&str; 4] = ["222222222222", "333333333333", "444444444444", "555555555555"];
const NAMESPACES: [&str; 4] = ["default", "dev", "prod", "x"];
const DIRECTORIES: [&str; 3] = ["", "dev/", "prod/"];
const DEFAULT_ROLE: &str = "control-plane.cluster-api-provider-aws.sigs.k8s.io";
const ROLE_IDENTITY: &str = "AWSClusterRoleIdentity";

/// What an account's identity looks like.
#[derive(Clone, Debug)]
struct Shape {
    role: &'static str,
    allowed: Allowed,
    external_id: bool,
    labelled: bool,
    /// Whether another account's identity is its source, if there is one.
    has_source: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Allowed {
    All,
    Served,
    /// The served namespaces, and one more.
    More,
}

/// A cluster: its place, and the index of its account; `None` for the source account.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    namespace: &'static str,
    directory: &'static str,
    account: Option<usize>,
}

/// A change of a fleet; indices pick a cluster and an account.
#[derive(Clone, Debug)]
enum Step {
    New(&'static str, &'static str, Index),
    NewAccount(&'static str),
    Renamed(Index),
    Moved(Index, Index),
    BackToSource(Index),
    Removed(Index),
}

fn shape() -> impl Strategy<Value = Shape> {
    let allowed = select(vec![Allowed::All, Allowed::Served, Allowed::Served, Allowed::More]);
    (select(vec![DEFAULT_ROLE, DEFAULT_ROLE, "team/capa"]), allowed, any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(role, allowed, external_id, labelled, has_source)| Shape {
            role,
            allowed,
            external_id,
            labelled,
            has_source,
        })
}

fn member() -> impl Strategy<Value = (&'static str, &'static str, Option<usize>)> {
    (select(&NAMESPACES[..]), select(&DIRECTORIES[..]), proptest::option::weighted(0.8, 0..3_usize))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (select(&NAMESPACES[..]), select(&DIRECTORIES[..]), any::<Index>()).prop_map(|(a, b, c)| Step::New(a, b, c)),
        select(&NAMESPACES[..]).prop_map(Step::NewAccount),
        any::<Index>().prop_map(Step::Renamed),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Step::Moved(a, b)),
        any::<Index>().prop_map(Step::BackToSource),
        any::<Index>().prop_map(Step::Removed),
    ]
}

/// A fleet on disk, and what is known about it.
struct Life<'l> {
    root: &'l Path,
    shapes: Vec<Shape>,
    members: Vec<Member>,
    /// The map, without comments.
    map: Value,
    /// How many clusters were made so far, for their names.
    made: usize,
}

fn identity_name(account: &str, role: &str) -> String {
    let role = format!("arn:aws:iam::{account}:role/{role}").parse().unwrap();
    xaccount::plan::default_identity_name(&role)
}

impl Life<'_> {
    fn file(&self, member: &Member) -> String {
        format!("clusters/{}{}-{}.yaml", member.directory, member.namespace, member.name)
    }

    fn write_cluster(&self, member: &Member, with_reference: bool) {
        let file = self.root.join(self.file(member));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let reference = member.account.filter(|_| with_reference).map_or(String::new(), |account| {
            let name = identity_name(ACCOUNTS[account], self.shapes[account].role);
            format!("  identityRef:\n    kind: {ROLE_IDENTITY}\n    name: {name}\n")
        });
        let (name, namespace) = (&member.name, member.namespace);
        let text = format!(
            "# {name}\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n  \
             namespace: {namespace}\nspec:\n  region: eu-west-1\n{reference}"
        );
        fs::write(file, text).unwrap();
    }

    /// The account whose identity is the source of an account's identity: the last one, which has no clusters at first.
    fn source(&self, account: usize) -> Option<usize> {
        (self.shapes[account].has_source && account != 3).then_some(3)
    }

    /// The namespaces of the clusters that use an account's identity, directly or as their source.
    fn served(&self, account: usize) -> Vec<&'static str> {
        let uses =
            |member: &&Member| member.account.is_some_and(|own| own == account || self.source(own) == Some(account));
        let mut namespaces: Vec<&str> = self.members.iter().filter(uses).map(|member| member.namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces
    }

    fn write_identities(&self) {
        let mut text = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterControllerIdentity\n\
                        metadata:\n  name: default\nspec:\n  allowedNamespaces: {}\n"
            .to_owned();
        for (account, shape) in self.shapes.iter().enumerate() {
            let served = self.served(account);
            if served.is_empty() {
                continue;
            }
            let mut list: Vec<&str> = served;
            if shape.allowed == Allowed::More {
                list.push("more");
            }
            let allowed = match shape.allowed {
                Allowed::All => json!({}),
                Allowed::Served | Allowed::More => json!({"list": list}),
            };
            let id = ACCOUNTS[account];
            let labels = if shape.labelled { "\n  labels: {team: birds}" } else { "" };
            let external = if shape.external_id { format!("\n  externalID: mgmt-{account}") } else { String::new() };
            let (kind, source) = match self.source(account) {
                Some(source) => (ROLE_IDENTITY, identity_name(ACCOUNTS[source], self.shapes[source].role)),
                None => ("AWSClusterControllerIdentity", "default".to_owned()),
            };
            text.push_str(&format!(
                "---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: {ROLE_IDENTITY}\nmetadata:\n  name: {}{labels}\n\
                 spec:\n  allowedNamespaces: {allowed}\n  roleARN: \"arn:aws:iam::{id}:role/{}\"{external}\n  \
                 sourceIdentityRef:\n    kind: {kind}\n    name: {source}\n",
                identity_name(id, shape.role), shape.role
            ));
        }
        fs::write(self.root.join("clusters/ids.yaml"), text).unwrap();
    }

    fn run(&self, line: &str) -> Output {
        let words = line.split_whitespace();
        xaccount().current_dir(self.root).args(words).output().unwrap()
    }

    /// Runs a command that must end with this status.
    fn expect(&self, line: &str, status: i32) -> Result<String, TestCaseError> {
        let out = self.run(line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        prop_assert_eq!(
            out.status.code(),
            Some(status),
            "{}\n{}\n{}\nmap: {:#}\nclusters: {:?}\nidentities:\n{}",
            line,
            text(&out.stdout),
            text(&out.stderr),
            &self.map,
            &self.members,
            fs::read_to_string(self.root.join("clusters/ids.yaml")).unwrap_or_default()
        );
        Ok(text(&out.stdout))
    }

    fn write_map(&self) {
        fs::write(self.root.join(".xaccount.yaml"), serde_yaml::to_string(&self.map).unwrap()).unwrap();
    }

    /// The account that the map says, as an index; `Err` if it says none or several.
    fn mapped(&self, member: &Member) -> Result<Option<usize>, ()> {
        let out =
            self.run(&format!("map which {}/{} --path {} -o json", member.namespace, member.name, self.file(member)));
        let Ok(answer) = serde_json::from_slice::<Value>(&out.stdout) else { return Err(()) };
        match answer["account"].as_str() {
            _ if answer["source"] == true => Ok(None),
            Some(id) => Ok(ACCOUNTS.iter().position(|account| *account == id)),
            None => Err(()),
        }
    }

    /// Removes a cluster from all entries of the map, and adds an entry for it.
    fn assign(&mut self, member: &Member) {
        let own = json!({"names": [member.name], "namespaces": [member.namespace]});
        let mut holders: Vec<&mut Value> = Vec::new();
        let map = self.map.as_object_mut().unwrap();
        let mut source = map.remove("source").unwrap_or_else(|| json!({}));
        let mut accounts = map.remove("accounts").unwrap_or_else(|| json!([]));
        holders.push(&mut source);
        holders.extend(accounts.as_array_mut().unwrap().iter_mut());
        for holder in holders {
            let entries = as_list(holder.as_object_mut().unwrap().remove("clusters"));
            // Names are unique in a fleet, so that an entry that names the cluster is its own.
            let kept: Vec<Value> = entries.into_iter().filter_map(|entry| without(entry, &member.name)).collect();
            if !kept.is_empty() {
                holder["clusters"] = kept.into();
            }
        }
        let holder = match member.account {
            None => &mut source,
            Some(account) => {
                let accounts = accounts.as_array_mut().unwrap();
                let source = (self.shapes[account].has_source && account != 3).then_some(3);
                for needed in source.into_iter().chain([account]) {
                    if !accounts.iter().any(|one| one["account"] == ACCOUNTS[needed]) {
                        accounts.push(self.entry(needed));
                    }
                }
                accounts.iter_mut().find(|one| one["account"] == ACCOUNTS[account]).unwrap()
            }
        };
        let mut entries = as_list(holder.as_object_mut().unwrap().remove("clusters"));
        entries.push(own);
        holder["clusters"] = entries.into();
        let map = self.map.as_object_mut().unwrap();
        map.insert("source".into(), source);
        map.insert("accounts".into(), accounts);
        self.write_map();
    }

    /// The entry of the map for an account, without clusters.
    fn entry(&self, account: usize) -> Value {
        let shape = &self.shapes[account];
        let mut entry = Map::new();
        entry.insert("name".into(), json!(format!("n{account}")));
        entry.insert("account".into(), json!(ACCOUNTS[account]));
        if shape.role != DEFAULT_ROLE {
            entry.insert("roleName".into(), json!(shape.role));
        }
        if shape.allowed == Allowed::All {
            entry.insert("allowedNamespaces".into(), json!("all"));
        }
        if shape.external_id {
            entry.insert("externalID".into(), json!(format!("mgmt-{account}")));
        }
        if let Some(source) = self.source(account) {
            let name = identity_name(ACCOUNTS[source], self.shapes[source].role);
            entry.insert("sourceIdentity".into(), json!({"kind": ROLE_IDENTITY, "name": name}));
        }
        Value::Object(entry)
    }

    /// Adds to the explicit lists of the map the namespaces that clusters need: `inject` warns about them. Returns the flag
    /// with which `inject` replaces a list.
    fn complete_lists(&mut self) -> &'static str {
        let needed: Vec<(usize, Vec<&str>)> = (0..4).map(|account| (account, self.served(account))).collect();
        let mut flag = "";
        for account in self.map["accounts"].as_array_mut().into_iter().flatten() {
            let Some(list) = account.pointer("/allowedNamespaces/list").cloned() else { continue };
            let at = ACCOUNTS.iter().position(|id| account["account"] == *id);
            let mut list = list.as_array().cloned().unwrap_or_default();
            for namespace in needed.iter().filter(|one| Some(one.0) == at).flat_map(|one| &one.1) {
                if !list.contains(&json!(namespace)) {
                    list.push(json!(namespace));
                    flag = "--overwrite";
                }
            }
            account["allowedNamespaces"]["list"] = list.into();
        }
        self.write_map();
        flag
    }

    /// Makes a change. What it returns are the flags for `inject`.
    fn change(&mut self, step: &Step) -> Result<String, TestCaseError> {
        match step {
            Step::New(namespace, directory, account) => {
                let name = self.name();
                let account = Some(account.index(self.shapes.len()));
                self.add(Member { name, namespace, directory, account });
            }
            Step::NewAccount(namespace) => {
                // The last account has no clusters yet.
                let name = self.name();
                self.add(Member { name, namespace, directory: "", account: Some(3) });
            }
            Step::Renamed(at) => {
                let Some(at) = self.pick(at) else { return Ok(String::new()) };
                let old = self.members[at].clone();
                fs::remove_file(self.root.join(self.file(&old))).unwrap();
                self.members[at].name = self.name();
                let renamed = self.members[at].clone();
                self.write_cluster(&renamed, true);
                if self.mapped(&renamed) != Ok(renamed.account) {
                    self.assign(&renamed);
                }
            }
            Step::Moved(at, to) => {
                let Some(at) = self.pick(at) else { return Ok(String::new()) };
                let (from, to) = (self.members[at].account, to.index(self.shapes.len()));
                if from == Some(to) {
                    return Ok(String::new());
                }
                self.members[at].account = Some(to);
                let moved = self.members[at].clone();
                self.assign(&moved);
                if let Some(from) = from {
                    return Ok(format!("--move-account {}={}", ACCOUNTS[from], ACCOUNTS[to]));
                }
            }
            Step::BackToSource(at) => {
                let Some(at) = self.pick(at) else { return Ok(String::new()) };
                if self.members[at].account.take().is_some() {
                    let member = self.members[at].clone();
                    self.assign(&member);
                    let (name, namespace) = (&member.name, member.namespace);
                    self.expect(&format!("eject clusters -R --cluster-name {name} -n {namespace} --prune --write"), 0)?;
                }
            }
            Step::Removed(at) => {
                // One cluster stays, so that there is a fleet.
                let Some(at) = self.pick(at).filter(|_| self.members.len() > 1) else { return Ok(String::new()) };
                let member = self.members.remove(at);
                fs::remove_file(self.root.join(self.file(&member))).unwrap();
            }
        }
        Ok(String::new())
    }

    fn pick(&self, at: &Index) -> Option<usize> {
        (!self.members.is_empty()).then(|| at.index(self.members.len()))
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("c{}", self.made)
    }

    fn add(&mut self, member: Member) {
        self.write_cluster(&member, false);
        self.members.push(member.clone());
        if self.mapped(&member) != Ok(member.account) {
            self.assign(&member);
        }
    }

    /// Every cluster is where it should be, and CAPA allows it.
    fn judged(&self) -> Result<(), TestCaseError> {
        let status: Value = serde_json::from_str(&self.expect("status clusters -R -o json", 0)?).unwrap();
        let rows = status["clusters"].as_array().unwrap();
        prop_assert_eq!(rows.len(), self.members.len());
        for member in &self.members {
            let row = rows.iter().find(|row| row["name"] == member.name.as_str()).unwrap();
            let account = member.account.map(|account| ACCOUNTS[account]);
            prop_assert_eq!(row["account"].as_str(), account, "{}", row);
            prop_assert_eq!(row["verdict"]["outcome"].as_str(), Some("permitted"), "{}\n{}", row, &self.map);
            prop_assert!(row.get("notAsMapped").is_none_or(Value::is_null), "{}", row);
        }
        Ok(())
    }

    /// A fresh map agrees, and has exactly the accounts that clusters need.
    fn fresh(&self) -> Result<Value, TestCaseError> {
        let text = self.expect("map init clusters -R", 0)?;
        fs::write(self.root.join("fresh.yaml"), &text).unwrap();
        self.expect("inject clusters -R --check --config fresh.yaml --allow-empty", 0)?;
        fs::remove_file(self.root.join("fresh.yaml")).unwrap();
        let map: Value = serde_yaml::from_str(&text).unwrap();
        let mut accounts: Vec<&str> =
            map["accounts"].as_array().into_iter().flatten().filter_map(|one| one["account"].as_str()).collect();
        accounts.sort_unstable();
        let mut needed: Vec<&str> =
            (0..4).filter(|&one| !self.served(one).is_empty()).map(|one| ACCOUNTS[one]).collect();
        needed.sort_unstable();
        prop_assert_eq!(accounts, needed, "{}", text);
        Ok(map)
    }
}

/// The entries of `clusters`: one or a list.
fn as_list(entries: Option<Value>) -> Vec<Value> {
    match entries {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(entry) => vec![entry],
    }
}

/// An entry that does not match a cluster; `None` if nothing is left of it.
fn without(mut entry: Value, name: &str) -> Option<Value> {
    if let Some(names) = entry.get_mut("names").and_then(Value::as_array_mut) {
        names.retain(|own| own != name);
        if names.is_empty() {
            return None;
        }
    }
    let except = entry.as_object_mut()?.entry("except").or_insert_with(|| json!({"names": []}));
    except["names"].as_array_mut()?.push(json!(name));
    Some(entry)
}

#[test]
fn a_map_and_a_fleet_stay_in_agreement() {
    let counts = Cell::new([0_usize; 2]);
    let most = cases(24);
    let fleet = (vec(shape(), 4), vec(member(), 1..7), vec(step(), 1..5));
    let result = runner(most).run(&fleet, |(shapes, members, steps)| {
        let directory = tempfile::tempdir().unwrap();
        let mut life = Life { root: directory.path(), shapes, members: Vec::new(), map: Value::Null, made: 0 };
        for (namespace, directory, account) in members {
            let name = life.name();
            life.members.push(Member { name, namespace, directory, account });
        }
        life.members.iter().for_each(|member| life.write_cluster(member, true));
        life.write_identities();
        life.map = life.fresh()?;
        life.write_map();
        for step in &steps {
            let flags = life.change(step)?;
            let overwrite = life.complete_lists();
            life.expect(&format!("inject clusters -R --write --allow-empty {flags} {overwrite}"), 0)?;
            life.expect("identity --prune --write", 0)?;
            life.expect("inject clusters -R --check --allow-empty", 0)?;
            life.expect("identity --prune --check", 0)?;
            life.judged()?;
            life.fresh()?;
            let mut all = counts.get();
            all[0] += 1;
            counts.set(all);
        }
        let mut all = counts.get();
        all[1] += 1;
        counts.set(all);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let [steps, fleets] = counts.get();
    say(&format!("{fleets} fleets, {steps} changes"));
    assert!(steps >= fleets && fleets > 0);
}
