//! `status` on every manifest of `testdata/`, and the maps that it generates for any fleet.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::cases::{Tree, execute, words, write_tree};
use crate::fixtures::{fixtures, manifests};

const FORMATS: [&str; 7] = ["", "-o wide -v", "-o json", "-o yaml", "-o mermaid", "-o map", "--account 222222222222"];

#[test]
fn no_format_prints_a_body() {
    for (path, bytes) in manifests() {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &Tree::from([("in.yaml".to_owned(), bytes)]));
        for format in FORMATS {
            let args = words(&format!("status -f in.yaml --color always {format}"));
            let output = execute(directory.path(), &args, b"");
            for text in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(text);
                assert!(!text.contains("MARKER-"), "{path} {format}: {text}");
            }
            let status = output.status.code();
            assert!(status == Some(0) || status == Some(2) && output.stdout.is_empty(), "{path} {format}: {status:?}");
        }
    }
}

/// A cluster written by inject is in the requested account.
#[test]
fn what_inject_writes_is_in_its_account() {
    let mut written = 0;
    for fixture in fixtures() {
        let (output, files) = fixture.run("--write -q");
        if output.status.code() != Some(0) || files == fixture.files {
            continue;
        }
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &files);
        let output = execute(directory.path(), &words("status -f . -R -o json -q --skip-templates"), b"");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", fixture.name, String::from_utf8_lossy(&output.stderr)));
        let clusters = said["clusters"].as_array().unwrap();
        let there = |cluster: &serde_json::Value| cluster["account"] == "222222222222";
        // With --no-identity, the identity with the account does not exist.
        let named = |cluster: &serde_json::Value| {
            cluster["verdict"]["chain"][0].as_str().is_some_and(|name| name.contains("222222222222"))
        };
        assert!(clusters.iter().any(|cluster| there(cluster) || named(cluster)), "{}: {said:#}", fixture.name);
        written += 1;
    }
    assert!(written > 20, "only {written} were written");
}

/// A cluster and its account: an identity's number, or the source account.
#[derive(Clone, Debug)]
struct Cluster {
    folder: &'static str,
    namespace: &'static str,
    name: &'static str,
    identity: Option<usize>,
}

const ROLES: [&str; 4] = [
    "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws:iam::222222222222:role/team/other",
    "arn:aws:iam::012345678901:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws-us-gov:iam::333333333333:role/Own",
];

fn any_cluster() -> impl Strategy<Value = Cluster> {
    let folder = prop::sample::select(vec!["", "dev/", "dev/deep/", "prod/", "devil/"]);
    let namespace = prop::sample::select(vec!["", "default", "dev", "prod"]);
    let name = prop::sample::select(vec!["dev-a", "dev-b", "dev", "dev-a-1", "prod-a", "x", "y", "${NAME}", "1e3"]);
    (folder, namespace, name, prop::option::weighted(0.8, 0..ROLES.len()))
        .prop_map(|(folder, namespace, name, identity)| Cluster { folder, namespace, name, identity })
}

fn any_identity() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "allowedNamespaces: {}",
        "allowedNamespaces: {list: [dev, default]}",
        "allowedNamespaces: {selector: {matchLabels: {env: dev}}}",
        "allowedNamespaces: {list: ['*']}, externalID: \"0123\"",
        "sessionName: capa, durationSeconds: 1800",
    ])
}

/// The files of a fleet; each cluster is unique by namespace and name.
fn files(clusters: &[Cluster], identities: &[&str]) -> Tree {
    let mut tree = Tree::new();
    let mut seen = BTreeSet::new();
    for cluster in clusters {
        let Cluster { folder, namespace, name, identity } = cluster;
        // A cluster without a namespace is in default.
        let own = if namespace.is_empty() { "default" } else { namespace };
        if !seen.insert((own, name)) {
            continue;
        }
        let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
        let reference = identity
            .map_or(String::new(), |n| format!(", identityRef: {{kind: AWSClusterRoleIdentity, name: identity-{n}}}"));
        let region = if *identity == Some(3) { "us-gov-west-1" } else { "eu-west-1" };
        let text = format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: \"{name}\"{namespace}}}\nspec: {{region: {region}{reference}}}\n"
        );
        tree.insert(format!("clusters/{folder}{}.yaml", seen.len()), text.into_bytes());
    }
    let documents = ROLES.iter().zip(identities).enumerate().map(|(n, (role, says))| {
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {{name: identity-{n}}}\nspec: {{roleARN: \"{role}\", {says}, sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}}}\n"
        )
    });
    tree.insert("clusters/identities.yaml".into(), documents.collect::<Vec<_>>().join("---\n").into_bytes());
    tree
}

/// Identities whose sources are one another, and clusters that use one of them; numbers without an identity are in no
/// file.
fn chains(sources: &[Option<usize>], says: &[&str], clusters: &[(usize, &str)]) -> String {
    const INFRA: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2";
    let mut text = String::new();
    for (n, (identity, namespace)) in clusters.iter().enumerate() {
        text += &format!(
            "{INFRA}\nkind: AWSCluster\nmetadata: {{name: c{n}, namespace: {namespace}}}\nspec: {{identityRef: {{kind: AWSClusterRoleIdentity, name: i{identity}}}}}\n---\n"
        );
    }
    for (n, (source, says)) in sources.iter().zip(says).enumerate() {
        let source = match source {
            Some(source) => format!("{{kind: AWSClusterRoleIdentity, name: i{source}}}"),
            None => "{kind: AWSClusterControllerIdentity, name: default}".to_owned(),
        };
        text += &format!(
            "{INFRA}\nkind: AWSClusterRoleIdentity\nmetadata: {{name: i{n}}}\nspec: {{roleARN: \"{}\", {says}, sourceIdentityRef: {source}}}\n---\n",
            ROLES[0]
        );
    }
    text + INFRA + "\nkind: AWSClusterControllerIdentity\nmetadata: {name: default}\nspec: {allowedNamespaces: {}}\n"
}

/// Names of the directory `clusters`. On Windows, a link needs a privilege.
fn paths() -> Vec<&'static str> {
    let linked = cfg!(unix).then_some("linked");
    ["clusters", "./clusters", "clusters/../clusters"].into_iter().chain(linked).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The generated map of a fleet matches the fleet: with it, there is nothing to inject, whatever path it is read
    /// from, except what the map says it can't contain.
    #[test]
    fn a_fleet_obeys_its_own_map(
        clusters in prop::collection::vec(any_cluster(), 1..9),
        identities in prop::collection::vec(any_identity(), ROLES.len()),
        typed in prop::sample::select(paths()),
    ) {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &files(&clusters, &identities));
        #[cfg(unix)]
        std::os::unix::fs::symlink("clusters", directory.path().join("linked")).unwrap();
        let run = |line: &str| execute(directory.path(), &words(line), b"");
        let map = run(&format!("status -f {typed} -R -o map -q"));
        prop_assert_eq!(map.status.code(), Some(0));
        std::fs::write(directory.path().join(".xaccount.yaml"), &map.stdout).unwrap();
        let check = run("inject clusters -R --check --allow-empty");
        let said = String::from_utf8_lossy(&check.stderr).into_owned();
        let text = String::from_utf8_lossy(&map.stdout).into_owned();
        // A list that a map can't have is a note in it, and then only such an identity is served to its clusters as well.
        let is_noted = text.contains("# Note: the map does not contain the allowedNamespaces");
        if is_noted && check.status.code() == Some(1) {
            prop_assert!(said.contains("spec.allowedNamespaces") && !said.contains(" -> "), "{}\n{}", text, said);
        } else {
            prop_assert_eq!(check.status.code(), Some(0), "{}\n{}", text, said);
            prop_assert!(check.stdout.is_empty());
        }
    }

    /// The JSON has each identity once, and a cluster's chain follows its identities: each except the reported ones
    /// allows the cluster's namespace, and the next one is its source. The table shows the same chain.
    #[test]
    fn the_chains_of_the_json_follow_the_identities(
        sources in prop::collection::vec(prop::option::weighted(0.8, 0..14_usize), 14),
        says in prop::collection::vec(any_identity(), 14),
        clusters in prop::collection::vec((0..16_usize, prop::sample::select(vec!["dev", "prod"])), 1..9),
    ) {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &Tree::from([("f.yaml".to_owned(), chains(&sources, &says, &clusters).into_bytes())]));
        let run = |line: &str| execute(directory.path(), &words(line), b"").stdout;
        let json: serde_json::Value = serde_json::from_slice(&run("status -f f.yaml -o json")).unwrap();
        let table = String::from_utf8(run("status -f f.yaml -o wide")).unwrap();
        let mut asked = BTreeSet::new();
        for (cluster, row) in json["clusters"].as_array().unwrap().iter().zip(table.lines().skip(1)) {
            let (verdict, namespace) = (&cluster["verdict"], &cluster["namespace"]);
            let text = |name: &serde_json::Value| name.as_str().unwrap().to_owned();
            let chain: Vec<String> = verdict["chain"].as_array().unwrap().iter().map(text).collect();
            let answer = |name: &String| {
                let answers = json["identities"][name]["notPermitted"].as_array().unwrap();
                answers.iter().find(|answer| answer["namespace"] == *namespace).map(|answer| &answer["permitted"])
            };
            asked.extend(chain.clone());
            for (at, name) in chain.iter().enumerate() {
                let identity = &json["identities"][name];
                prop_assert_eq!(name, &format!("{}/{}", identity["kind"].as_str().unwrap(), identity["name"].as_str().unwrap()));
                if let Some(next) = chain.get(at + 1) {
                    prop_assert_eq!(&identity["source"], next.as_str());
                }
                let listed = identity["namespaces"].as_array().is_some_and(|list| list.contains(namespace));
                let open = identity["everyNamespace"] == true || name == "AWSClusterControllerIdentity/default";
                prop_assert_eq!(answer(name).is_none(), listed || open || identity["file"].is_null(), "{} {:#}", name, &json);
            }
            let denied = chain.last().is_some_and(|last| answer(last).is_some_and(|permitted| *permitted == false));
            prop_assert_eq!(verdict["outcome"] == "denied", denied, "{:#}", verdict);
            prop_assert!(verdict["outcome"] != "permitted" || chain.iter().all(|name| answer(name).is_none()));
            let short = |name: &String| name.rsplit('/').next().unwrap().replace("default", "controller");
            let mut shown: Vec<String> = chain.iter().map(short).collect();
            if shown.len() > 10 {
                let more = format!("… {} more", shown.len() - 10);
                shown.splice(9..shown.len() - 1, [more]);
            }
            let cells: Vec<&str> = row.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            let (first, sources) = shown.split_first().map_or((String::from("-"), Vec::new()), |(first, more)| (first.clone(), more.to_vec()));
            let sources = if sources.is_empty() { "-".to_owned() } else { sources.join(" <- ") };
            prop_assert_eq!(&cells[4..6], &[first.as_str(), sources.as_str()][..], "{}", row);
        }
        let keys = json["identities"].as_object().unwrap().keys().cloned();
        prop_assert_eq!(keys.collect::<BTreeSet<_>>(), asked);
    }

    /// A chart is the same, whatever the order of the files.
    #[test]
    fn a_chart_does_not_depend_on_the_order(clusters in prop::collection::vec(any_cluster(), 1..9)) {
        let directory = tempfile::tempdir().unwrap();
        let tree = files(&clusters, &["allowedNamespaces: {list: [dev]}"; ROLES.len()]);
        write_tree(directory.path(), &tree);
        let draw = |names: Vec<&str>| {
            let output = execute(directory.path(), &words(&format!("status -o mermaid -f {}", names.join(","))), b"");
            assert_eq!(output.status.code(), Some(0));
            output.stdout
        };
        let names = || tree.keys().map(String::as_str);
        prop_assert_eq!(draw(names().collect()), draw(names().rev().collect()));
    }
}
