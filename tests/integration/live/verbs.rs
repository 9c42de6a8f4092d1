//! `--live` without a file, in the verbs that edit: the management cluster in place of a dump.

use std::fs;
use std::path::Path;

use super::server::{Server, server, text};

/// A cluster and its identity as manifests.
fn manifests(namespace: &str, account: &str) -> (String, String) {
    let identity = format!("cross-account-role-{account}");
    let cluster = format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: grey\n  \
         namespace: {namespace}\nspec:\n  region: eu-west-1\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    \
         name: {identity}\n"
    );
    let identity = format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: {identity}\n\
         spec:\n  allowedNamespaces: {{}}\n  roleARN: arn:aws:iam::{account}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\n  \
         sourceIdentityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n"
    );
    (cluster, identity)
}

fn without_reference(cluster: &str) -> String {
    cluster.split("  identityRef:").next().unwrap().to_owned()
}

fn run(server: &Server, directory: &Path, line: &str) -> (Option<i32>, String) {
    let output = server.run_in(directory, line);
    (output.status.code(), text(&output))
}

#[test]
fn inject_refuses_to_move_a_cluster_that_runs() {
    let Some(server) = server("inject_refuses_to_move_a_cluster_that_runs") else { return };
    let (namespace, directory) = (server.namespace(), tempfile::tempdir().unwrap());
    let (cluster, _) = manifests(&namespace, "222222222222");
    let path = directory.path().join("c.yaml");
    fs::write(&path, without_reference(&cluster)).unwrap();
    // It does not exist there yet.
    let (status, all) = run(server, directory.path(), "inject c.yaml --account 222222222222 --live --check");
    assert_eq!(status, Some(1), "{all}");
    server.apply(&without_reference(&cluster));
    let (status, all) = run(server, directory.path(), "inject c.yaml --account 222222222222 --live --check");
    assert!(status == Some(2) && all.contains("context management") && all.contains("--move-account"), "{all}");
    let (status, all) = run(server, directory.path(), "inject c.yaml --account 222222222222 --context management");
    assert!(status == Some(2) && all.contains("pass --live without a file"), "{all}");
    // Who runs CAPA does not matter here.
    let role = String::from_utf8(server.run("status --print-rbac").stdout).unwrap();
    let role = role.replace("xaccount-status", "without-controller").replace("[namespaces, pods]", "[namespaces]");
    let role: Vec<&str> = role.lines().filter(|line| !line.contains("deployments")).collect();
    server.kubectl(&["apply", "-f", "-"], &role.join("\n"));
    let binding = ["create", "clusterrolebinding", "blind", "--clusterrole=without-controller", "--user=blind"];
    server.kubectl(&binding, "");
    let line = "inject c.yaml --account 222222222222 --live --as blind --check";
    let (status, all) = run(server, directory.path(), line);
    assert!(status == Some(2) && all.contains("--move-account") && !all.contains("unreadable"), "{all}");
    let (status, all) = run(server, directory.path(), &format!("status -n {namespace} --as blind --exit-code"));
    assert!(status == Some(0) && all.contains("unreadable: pods"), "{all}");
    // Without permission there is no answer, and nothing is changed.
    let before = fs::read(&path).unwrap();
    let (status, all) =
        run(server, directory.path(), "inject c.yaml --account 222222222222 --live --as nobody --write");
    assert!(status == Some(2) && all.contains("403 Forbidden"), "{all}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn pruning_keeps_an_identity_that_the_cluster_uses() {
    let Some(server) = server("pruning_keeps_an_identity_that_the_cluster_uses") else { return };
    let (namespace, directory) = (server.namespace(), tempfile::tempdir().unwrap());
    let (cluster, identity) = manifests(&namespace, "444444444444");
    let (path, of_identity) = (directory.path().join("c.yaml"), directory.path().join("i.yaml"));
    fs::write(&path, &cluster).unwrap();
    fs::write(&of_identity, &identity).unwrap();
    server.apply(&format!("{cluster}---\n{identity}"));
    let (status, all) =
        run(server, directory.path(), "eject . --prune --identity-name cross-account-role-444444444444 --live --write");
    assert!(status == Some(2) && all.contains(&format!("{namespace}/grey")), "{all}");
    assert_eq!(fs::read_to_string(&path).unwrap(), cluster);
    server.kubectl(&["-n", &namespace, "delete", "awscluster", "grey"], "");
    let (status, all) =
        run(server, directory.path(), "eject . --prune --identity-name cross-account-role-444444444444 --live --write");
    assert_eq!(status, Some(0), "{all}");
    assert_eq!(fs::read_to_string(&path).unwrap(), without_reference(&cluster));
}
