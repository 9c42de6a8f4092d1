//! Random trees of clusters and a random account map: a run over one file, as a hook does it, points each object at the
//! same account as the run over the whole tree, or is refused.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use serde_json::Value;
use xaccount::account_map::{self, Assigned, Cluster, Place};

use super::{cases, runner};
use crate::suite::say;
use crate::support::xaccount;

const NAMES: [&str; 4] = ["main", "dev-a", "prod-a", "x"];
const NAMESPACES: [&str; 3] = ["default", "dev", "prod"];
const DIRECTORIES: [&str; 5] = ["", "dev/", "prod/", "dev/a/", "prod/a/"];
const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/v1beta2";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io/v1beta2";

/// A tree of files, and the request.
#[derive(Clone, Debug)]
struct Fleet {
    files: BTreeMap<String, String>,
    asked: Asked,
}

#[derive(Clone, Debug)]
enum Asked {
    /// An account map, and whether clusters that it does not name are skipped.
    Map(String, bool),
    /// Clusters of these names, without a map.
    Names(String),
}

fn name() -> impl Strategy<Value = String> {
    select(&NAMES[..]).prop_map(str::to_owned)
}

/// Often without a namespace: kustomize adds it.
fn namespace() -> impl Strategy<Value = Option<String>> {
    option::weighted(0.4, select(&NAMESPACES[..]).prop_map(str::to_owned))
}

fn metadata(name: &str, namespace: Option<&str>, label: Option<&str>) -> String {
    let namespace = namespace.map_or(String::new(), |one| format!(", namespace: {one}"));
    let label = label.map_or(String::new(), |one| format!(", labels: {{cluster.x-k8s.io/cluster-name: {one}}}"));
    format!("metadata: {{name: {name}{namespace}{label}}}\n")
}

/// An AWSCluster or the control plane of EKS.
fn bearer() -> impl Strategy<Value = String> {
    (any::<bool>(), name(), namespace(), option::weighted(0.15, name())).prop_map(|(eks, name, namespace, label)| {
        let (version, kind) =
            if eks { (CONTROL_PLANE, "AWSManagedControlPlane") } else { (INFRASTRUCTURE, "AWSCluster") };
        let metadata = metadata(&name, namespace.as_deref(), label.as_deref());
        format!("apiVersion: {version}\nkind: {kind}\n{metadata}spec: {{region: us-west-2}}\n")
    })
}

/// A reference in the form of v1beta1 or v1beta2.
fn reference(new: bool, (version, kind): (&str, &str), name: &str, namespace: Option<&str>) -> String {
    let (group, _) = version.split_once('/').unwrap();
    match new {
        true => format!("{{apiGroup: {group}, kind: {kind}, name: {name}}}"),
        false => {
            let namespace = namespace.map_or(String::new(), |one| format!(", namespace: {one}"));
            format!("{{apiVersion: {version}, kind: {kind}, name: {name}{namespace}}}")
        }
    }
}

fn cluster() -> impl Strategy<Value = String> {
    let to = option::weighted(0.8, name());
    (any::<bool>(), name(), namespace(), to, option::weighted(0.3, name()), option::weighted(0.1, namespace()))
        .prop_map(|(new, name, namespace, infrastructure, control_plane, other)| {
            let other = other.flatten();
            let mut spec = Vec::new();
            if let Some(to) = infrastructure {
                let to = reference(new, (INFRASTRUCTURE, "AWSCluster"), &to, other.as_deref());
                spec.push(format!("infrastructureRef: {to}"));
            }
            if let Some(to) = control_plane {
                let to = reference(new, (CONTROL_PLANE, "AWSManagedControlPlane"), &to, other.as_deref());
                spec.push(format!("controlPlaneRef: {to}"));
            }
            let metadata = metadata(&name, namespace.as_deref(), None);
            let version = if new { "v1beta2" } else { "v1beta1" };
            format!("apiVersion: cluster.x-k8s.io/{version}\nkind: Cluster\n{metadata}spec: {{{}}}\n", spec.join(", "))
        })
}

/// A Cluster with a class, a class, or a template.
fn classy() -> impl Strategy<Value = String> {
    let one = || select(vec!["q", "r"]).prop_map(str::to_owned);
    (0..3_u8, any::<bool>(), name(), one(), one(), namespace()).prop_map(|(what, new, name, class, template, namespace)| {
        let namespace = namespace.as_deref();
        let version = if new { "v1beta2" } else { "v1beta1" };
        let reference = format!("{{apiVersion: {INFRASTRUCTURE}, kind: AWSClusterTemplate, name: {template}}}");
        match what {
            0 => {
                let class = if new { format!("classRef: {{name: {class}}}") } else { format!("class: {class}") };
                let variables = "variables: [{name: clusterConfig, value: {aws: {region: us-west-2}}}]";
                let metadata = metadata(&name, namespace, None);
                format!("apiVersion: cluster.x-k8s.io/{version}\nkind: Cluster\n{metadata}spec: {{topology: {{{class}, {variables}}}}}\n")
            }
            1 => {
                let key = if new { "templateRef" } else { "ref" };
                let metadata = metadata(&class, namespace, None);
                format!("apiVersion: cluster.x-k8s.io/{version}\nkind: ClusterClass\n{metadata}spec: {{infrastructure: {{{key}: {reference}}}}}\n")
            }
            _ => {
                let metadata = metadata(&template, namespace, None);
                format!("apiVersion: {INFRASTRUCTURE}\nkind: AWSClusterTemplate\n{metadata}spec: {{template: {{spec: {{region: us-west-2}}}}}}\n")
            }
        }
    })
}

fn files() -> impl Strategy<Value = BTreeMap<String, String>> {
    let document = prop_oneof![5 => bearer(), 4 => cluster(), 2 => classy()];
    let text = vec(document, 1..4).prop_map(|documents| documents.join("---\n"));
    let file = (select(&DIRECTORIES[..]), select(vec!["a", "b"]));
    proptest::collection::btree_map(file.prop_map(|(directory, name)| format!("{directory}{name}.yaml")), text, 2..6)
}

/// An entry of a map: `{names: […], …}`.
fn entry() -> impl Strategy<Value = String> {
    let names = select(vec!["dev-*", "prod-*", "main", "*a", "x"]);
    let paths = select(vec!["dev/**", "prod/**", "*/a/*"]);
    (names, select(&NAMESPACES[..]), paths, 0..9_u8).prop_map(|(names, namespace, path, keys)| {
        let keys = match keys {
            // Mostly only names, because the test is about what they decide.
            0..=4 => [true, false, false],
            5 => [false, true, false],
            6 => [false, false, true],
            7 => [true, true, false],
            _ => [true, false, true],
        };
        let all =
            [format!("names: [\"{names}\"]"), format!("namespaces: [{namespace}]"), format!("paths: [\"{path}\"]")];
        let keys: Vec<String> = all.into_iter().zip(keys).filter_map(|(text, is)| is.then_some(text)).collect();
        format!("{{{}}}", keys.join(", "))
    })
}

fn map() -> impl Strategy<Value = String> {
    let templates = || option::of(select(vec!["q", "r", "*"]));
    let account = || (vec(entry(), 1..3), templates());
    (option::of(entry()), account(), account()).prop_map(|(source, one, other)| {
        let mut text = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nidentityFile: ids.yaml\n".to_owned();
        if let Some(source) = source {
            text.push_str(&format!("source: {{clusters: {source}}}\n"));
        }
        text.push_str("accounts:\n");
        for (name, id, (entries, templates)) in [("one", "222222222222", one), ("two", "333333333333", other)] {
            text.push_str(&format!("- name: {name}\n  account: \"{id}\"\n  clusters: [{}]\n", entries.join(", ")));
            if let Some(templates) = templates {
                text.push_str(&format!("  templates: [\"{templates}\"]\n"));
            }
        }
        text
    })
}

fn fleets() -> impl Strategy<Value = Fleet> {
    let names = select(vec!["dev-*", "prod-a", "main", "{x,dev-a}"]).prop_map(|names| Asked::Names(names.to_owned()));
    let asked = prop_oneof![4 => (map(), prop::bool::weighted(0.8)).prop_map(|(map, allow)| Asked::Map(map, allow)), 1 => names];
    (files(), asked).prop_map(|(files, asked)| Fleet { files, asked })
}

/// The account of each object, by file and line; `None` if the run is refused.
type Pointed = Option<BTreeMap<(String, u64), String>>;

fn inject(directory: &Path, fleet: &Fleet, path: &[&str]) -> Result<Pointed, TestCaseError> {
    let mut command = xaccount();
    command.current_dir(directory).arg("inject").args(path).args(["-o", "report", "--allow-empty"]);
    match &fleet.asked {
        Asked::Map(_, true) => command.arg("--allow-unmapped"),
        Asked::Map(_, false) => &mut command,
        Asked::Names(names) => {
            command.args(["--account", "222222222222", "--identity-file", "ids.yaml", "--cluster-name", names])
        }
    };
    let out = command.output().unwrap();
    match out.status.code() {
        Some(0) => {}
        Some(2) => return Ok(None),
        other => return Err(TestCaseError::fail(format!("{other:?}: {}", String::from_utf8_lossy(&out.stderr)))),
    }
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let changes = report["changes"].as_array().unwrap().iter().filter(|change| change["change"] == "ReferenceAdded");
    let one = |change: &Value| {
        let file = change["file"].as_str().unwrap().trim_start_matches("./").to_owned();
        ((file, change["line"].as_u64().unwrap()), change["after"].as_str().unwrap().to_owned())
    };
    Ok(Some(changes.map(one).collect()))
}

/// An object of a fleet, read by another parser.
struct Plain {
    file: String,
    line: u64,
    value: serde_yaml::Value,
}

impl Plain {
    fn of(fleet: &Fleet) -> Vec<Self> {
        let mut all = Vec::new();
        for (file, text) in &fleet.files {
            let mut line = 1;
            for document in text.split("---\n") {
                let value = serde_yaml::from_str(document).unwrap();
                all.push(Self { file: file.clone(), line, value });
                line += document.lines().count() as u64 + 1;
            }
        }
        all
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(&self.value, |at, key| at.get(key))?.as_str()
    }

    fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"]).unwrap_or("default")
    }

    fn directory(&self) -> &str {
        self.file.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    /// Whether a reference of this Cluster names the object, as the API server resolves it.
    fn refers_to(&self, object: &Self) -> bool {
        self.text(&["kind"]) == Some("Cluster")
            && ["infrastructureRef", "controlPlaneRef"].iter().any(|key| {
                let text = |name: &str| self.text(&["spec", key, name]);
                text("kind") == object.text(&["kind"])
                    && text("name") == object.text(&["metadata", "name"])
                    && text("namespace").unwrap_or(self.namespace()) == object.namespace()
            })
    }

    /// The name of the object's cluster; `None` if several at the same distance name it.
    fn cluster<'p>(&'p self, all: &'p [Self]) -> Option<&'p str> {
        let owners = |near: fn(&Self, &Self) -> bool| -> Vec<&str> {
            let mut names: Vec<&str> = all
                .iter()
                .filter(|one| near(one, self) && one.refers_to(self))
                .filter_map(|one| one.text(&["metadata", "name"]))
                .collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let only = |names: Vec<&'p str>| if names.len() == 1 { Some(names[0]) } else { None };
        let of_file = owners(|a, b| a.file == b.file);
        if !of_file.is_empty() {
            return only(of_file);
        }
        if let Some(label) = self.text(&["metadata", "labels", "cluster.x-k8s.io/cluster-name"]) {
            return Some(label);
        }
        for names in [owners(|a, b| a.directory() == b.directory()), owners(|_, _| true)] {
            if !names.is_empty() {
                return only(names);
            }
        }
        self.text(&["metadata", "name"])
    }
}

/// Checks that a tree is pointed as the docs describe, except for templates.
fn as_documented(fleet: &Fleet, pointed: &BTreeMap<(String, u64), String>) -> Result<usize, TestCaseError> {
    let all = Plain::of(fleet);
    let mut judged = 0;
    for object in &all {
        let topology = object.value.get("spec").is_some_and(|spec| spec.get("topology").is_some());
        let name = match object.text(&["kind"]) {
            Some("AWSCluster" | "AWSManagedControlPlane") => object.cluster(&all),
            Some("Cluster") if topology => object.text(&["metadata", "name"]),
            _ => None,
        };
        let Some(name) = name else { continue };
        let wanted = match &fleet.asked {
            Asked::Names(glob) => {
                globset::Glob::new(glob).unwrap().compile_matcher().is_match(name).then_some("222222222222")
            }
            Asked::Map(text, _) => {
                let map = account_map::read(text.as_bytes()).unwrap();
                let place = Place::Below(object.file.clone());
                let namespace = object.namespace();
                match map.assign(&Cluster { name: Some(name), namespace, place: &place, template: false }) {
                    Assigned::To(0, _) => Some("222222222222"),
                    Assigned::To(..) => Some("333333333333"),
                    Assigned::Source(_) | Assigned::Nobody => None,
                    other => return Err(TestCaseError::fail(format!("{}:{}: {other:?}", object.file, object.line))),
                }
            }
        };
        let seen = pointed.get(&(object.file.clone(), object.line)).map(|after| &after[..12]);
        prop_assert_eq!(seen, wanted, "{}:{}: its cluster is {}", &object.file, object.line, name);
        judged += 1;
    }
    Ok(judged)
}

#[test]
fn a_file_alone_is_pointed_where_the_whole_tree_points_it() {
    // Whole runs: done, refused. Runs over one file: with a change, without one, refused.
    let counts = Cell::new([0_usize; 5]);
    let count = |at: usize| {
        let mut all = counts.get();
        all[at] += 1;
        counts.set(all);
    };
    let judged = Cell::new(0);
    let most = cases(60);
    let result = runner(most).run(&fleets(), |fleet| {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join(".git")).unwrap();
        for (name, text) in &fleet.files {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), text).unwrap();
        }
        if let Asked::Map(map, _) = &fleet.asked {
            fs::write(root.join(".xaccount.yaml"), map).unwrap();
        }
        let Some(whole) = inject(root, &fleet, &[".", "-R"])? else {
            count(1);
            return Ok(());
        };
        count(0);
        judged.set(judged.get() + as_documented(&fleet, &whole)?);
        for name in fleet.files.keys() {
            let Some(alone) = inject(root, &fleet, &[name])? else {
                count(4);
                continue;
            };
            let of_file = |((file, _), _): &(&(String, u64), &String)| file == name;
            let wanted: BTreeMap<_, _> = whole.iter().filter(of_file).collect();
            prop_assert_eq!(alone.iter().collect::<BTreeMap<_, _>>(), wanted, "{} alone, and the whole tree", name);
            count(if alone.is_empty() { 3 } else { 2 });
        }
        Ok(())
    });
    let [done, refused, pointed, nothing, alone] = counts.get();
    say(&format!(
        "properties: fleets: {done} trees pointed ({} objects checked), {refused} refused; single files: {pointed} pointed, {nothing} without clusters, {alone} refused",
        judged.get()
    ));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(done * 4 > most as usize && pointed > done / 2, "{done} trees, {pointed} files");
}
