//! `status` of a management cluster on a real API server.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::server::{Server, server, text};

const ROLE: &str = "arn:aws:iam::222222222222:role/controllers.cluster-api-provider-aws.sigs.k8s.io";

/// Clusters of a namespace: permitted, denied, without a reference, and with an identity that does not exist. The
/// cluster-scoped identities are named after the namespace.
fn clusters(namespace: &str) -> String {
    let identity = |name: &str, list: &str| {
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {{name: {name}}}\n\
             spec:\n  allowedNamespaces: {{list: [{list}]}}\n  roleARN: {ROLE}\n  \
             sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}\n"
        )
    };
    let cluster = |name: &str, identity: &str| {
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n\
             metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{region: eu-west-1{identity}}}\n"
        )
    };
    let reference = |name: &str| format!(", identityRef: {{kind: AWSClusterRoleIdentity, name: {name}}}");
    [
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterControllerIdentity\n\
         metadata: {name: default}\nspec: {allowedNamespaces: {}}\n"
            .to_owned(),
        identity(&format!("{namespace}-heron"), namespace),
        identity(&format!("{namespace}-stork"), "elsewhere"),
        cluster("grey", &reference(&format!("{namespace}-heron"))),
        cluster("white", &reference(&format!("{namespace}-stork"))),
        cluster("teal", ""),
        cluster("smew", &reference(&format!("{namespace}-nobody"))),
        format!(
            "apiVersion: controlplane.cluster.x-k8s.io/v1beta2\nkind: AWSManagedControlPlane\n\
             metadata: {{name: eider, namespace: {namespace}}}\nspec:\n  region: eu-west-1\n  \
             identityRef: {{kind: AWSClusterRoleIdentity, name: {namespace}-heron}}\n"
        ),
    ]
    .join("---\n")
}

/// A namespace with these clusters.
fn namespace(server: &Server) -> String {
    let namespace = server.namespace();
    server.apply(&clusters(&namespace));
    namespace
}

/// The clusters and identities of `-o json`, without the places, which a cluster has not.
fn answer(stdout: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(stdout).unwrap();
    for cluster in value["clusters"].as_array_mut().unwrap() {
        (cluster["file"], cluster["line"]) = (Value::Null, Value::Null);
        // For files there is none if no object shows an account.
        cluster.as_object_mut().unwrap().remove("resources");
    }
    for identity in value["identities"].as_object_mut().unwrap().values_mut() {
        (identity["file"], identity["line"]) = (Value::Null, Value::Null);
    }
    value
}

#[test]
fn a_cluster_is_evaluated_like_its_dump() {
    let Some(server) = server("a_cluster_is_evaluated_like_its_dump") else { return };
    let namespace = namespace(server);
    let kinds = "clusters.cluster.x-k8s.io,awsclusters,awsmanagedcontrolplanes,awsri,awssi,awsci,namespaces";
    let dump = server.kubectl(&["get", kinds, "-A", "-o", "yaml"], "");
    fs::write(server.directory.join("dump.yaml"), dump).unwrap();
    let live = server.run(&format!("status -n {namespace} -o json"));
    let of_dump = server.run(&format!("status --live=dump.yaml -n {namespace} -o json"));
    assert!(live.status.success() && of_dump.status.success(), "{}{}", text(&live), text(&of_dump));
    // The words differ, and nothing else.
    let of_files = String::from_utf8(of_dump.stdout).unwrap();
    let of_cluster = of_files.replace("not in these files", "not in what was read of the cluster");
    assert!(of_cluster != of_files && !text(&live).contains("these files"), "{}", text(&live));
    assert_eq!(answer(&live.stdout), answer(of_cluster.as_bytes()));
    let outcomes: Vec<String> = answer(&live.stdout)["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| {
            format!("{} {}", cluster["name"].as_str().unwrap(), cluster["verdict"]["outcome"].as_str().unwrap())
        })
        .collect();
    assert_eq!(outcomes, ["grey permitted", "smew unknown", "teal permitted", "white denied", "eider permitted"]);
}

#[test]
fn the_context_decides_unless_flags_do() {
    let Some(server) = server("the_context_decides_unless_flags_do") else { return };
    let (namespace, other) = (namespace(server), namespace(server));
    let kubeconfig = server.kubeconfig_of("{token: admin-token}");
    let kubeconfig = kubeconfig.replace("user: u}}]", &format!("user: u, namespace: {namespace}}}}}]"));
    let path = server.directory.join("of-namespace");
    fs::write(&path, kubeconfig).unwrap();
    let names = |line: &str| {
        let output =
            server.program(line).env("KUBECONFIG", format!("/no/kubeconfig:{}", path.display())).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let clusters = value["clusters"].as_array().unwrap().clone();
        let names = clusters.iter().map(|cluster| cluster["namespace"].as_str().unwrap().to_owned());
        (names.collect::<BTreeSet<_>>(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let of = |names: &[&String]| names.iter().map(|name| (*name).clone()).collect::<BTreeSet<String>>();
    let (found, stderr) = names("status -o json");
    assert_eq!(found, of(&[&namespace]));
    assert!(
        stderr.starts_with(&format!("context management, server {}, namespace {namespace}\n", server.url)),
        "{stderr}"
    );
    assert_eq!(names(&format!("status -n {other} -o json")).0, of(&[&other]));
    assert_eq!(names(&format!("status -n {other},{namespace} -o json")).0, of(&[&namespace, &other]));
    let (all, stderr) = names("status -A -o json");
    assert!(all.is_superset(&of(&[&namespace, &other])) && stderr.contains("all namespaces"), "{stderr}");
}

#[test]
fn only_get_and_list_are_requested_and_no_secret() {
    let Some(server) = server("only_get_and_list_are_requested_and_no_secret") else { return };
    let namespace = namespace(server);
    let user = format!("auditor-of-{namespace}");
    server.kubectl(
        &["create", "clusterrolebinding", &user, "--clusterrole=cluster-admin", &format!("--user={user}")],
        "",
    );
    for scope in [format!("-n {namespace}"), "-A".to_owned()] {
        let output = server.run(&format!("status {scope} --as {user}"));
        assert!(output.status.success(), "{}", text(&output));
    }
    let requests = server.requests_of(&user);
    let verbs: BTreeSet<&str> = requests.iter().map(|event| event["verb"].as_str().unwrap()).collect();
    assert_eq!(verbs, BTreeSet::from(["get", "list"]));
    for event in &requests {
        let uri = event["requestURI"].as_str().unwrap();
        assert!(!uri.contains("secret") && event["objectRef"]["resource"] != "secrets", "{event}");
        assert!(event["user"]["username"] == "admin" && event["responseStatus"]["code"] == 200, "{event}");
    }
    let lists = requests.iter().filter(|event| event["verb"] == "list");
    assert!(lists.clone().count() >= 20, "{requests:#?}");
    assert!(lists.clone().all(|event| event["requestURI"].as_str().unwrap().contains("limit=500")));
}

#[test]
fn a_resource_that_may_not_be_read_keeps_the_rest() {
    let Some(server) = server("a_resource_that_may_not_be_read_keeps_the_rest") else { return };
    let namespace = namespace(server);
    let user = format!("tenant-of-{namespace}");
    let resources = "awsclusters.infrastructure.cluster.x-k8s.io,clusters.cluster.x-k8s.io,namespaces";
    let resources = format!("--resource={resources}");
    server.kubectl(&["-n", &namespace, "create", "role", &user, "--verb=get,list", &resources], "");
    let (role, whom) = (format!("--role={user}"), format!("--user={user}"));
    server.kubectl(&["-n", &namespace, "create", "rolebinding", &user, &role, &whom], "");
    let output = server.run(&format!("status -n {namespace} --as {user} --exit-code"));
    let all = text(&output);
    assert_eq!(output.status.code(), Some(1), "{all}");
    assert!(
        all.contains("grey") && all.contains("unreadable: awsclusterroleidentities.infrastructure.cluster.x-k8s.io"),
        "{all}"
    );
    let rule = "missing rule: {apiGroups: [\"infrastructure.cluster.x-k8s.io\"], resources: [awsclusterroleidentities], verbs: [get, list]}";
    assert!(all.contains(rule) && all.contains("status --print-rbac"), "{all}");
    assert!(!all.contains("unreadable: awsclusters."), "{all}");
    let strict = server.run(&format!("status -n {namespace} --as {user} --strict"));
    assert!(strict.status.code() == Some(2) && strict.stdout.is_empty(), "{}", text(&strict));
    // In all namespaces this user may read nothing.
    let output = server.run(&format!("status -A --as {user}"));
    assert!(output.status.code() == Some(2) && text(&output).contains("403 Forbidden"), "{}", text(&output));
}

#[test]
fn the_printed_cluster_role_is_enough_and_the_least() {
    let Some(server) = server("the_printed_cluster_role_is_enough_and_the_least") else { return };
    let namespace = namespace(server);
    let user = format!("reader-of-{namespace}");
    let printed = server.run("status --print-rbac");
    let role = String::from_utf8(printed.stdout).unwrap();
    server.kubectl(&["apply", "-f", "-"], &role);
    let whom = format!("--user={user}");
    server.kubectl(&["create", "clusterrolebinding", &user, "--clusterrole=xaccount-status", &whom], "");
    let output = server.run(&format!("status -A --as {user}"));
    assert!(output.status.success() && !text(&output).contains("Warning"), "{}", text(&output));
    // Every resource of the role is read, and nothing else.
    let requests = server.requests_of(&user);
    let read: BTreeSet<String> = requests
        .iter()
        .filter_map(|event| {
            let resource = event["objectRef"]["resource"].as_str()?;
            Some(format!("{}/{resource}", event["objectRef"]["apiGroup"].as_str().unwrap_or("")))
        })
        .collect();
    let granted = role.lines().filter_map(|line| line.strip_prefix("- {apiGroups: [\""));
    let granted: BTreeSet<String> = granted
        .flat_map(|rule| {
            let (group, rest) = rule.split_once("\"], resources: [").unwrap();
            let (resources, verbs) = rest.split_once(']').unwrap();
            assert_eq!(verbs, ", verbs: [get, list]}");
            resources.split(", ").map(move |resource| format!("{group}/{resource}")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(read, granted);
}

#[test]
fn errors_say_what_to_type_next() {
    let Some(server) = server("errors_say_what_to_type_next") else { return };
    let fails = |line: &str, parts: &[&str]| {
        let output = server.run(line);
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{line}: {}", text(&output));
        for part in parts {
            assert!(text(&output).contains(part), "{line}: {part}: {}", text(&output));
        }
    };
    let empty = server.namespace();
    fails("status -n no-such-team", &["has no namespace no-such-team", "kubectl get namespaces"]);
    fails("status -n ../../secrets", &["not the name of a namespace"]);
    fails(&format!("status -n {empty}"), &["no cluster found", "-A reads all namespaces"]);
    fails("status --context nowhere", &["context nowhere", "kubectl config get-contexts"]);
    fails("status --kubeconfig /no/file", &["/no/file"]);
    fails("status --against main", &["--against compares files"]);
    fails("status --context management dump.yaml", &["--context is about a management cluster, and none is read"]);
    fs::write(server.directory.join("expired"), server.kubeconfig_of("{token: expired}")).unwrap();
    fails("status --kubeconfig expired", &["401 Unauthorized", "log in again"]);
    let output = server.run(&format!("status -n {empty} --allow-empty"));
    assert!(output.status.success(), "{}", text(&output));
    // A pipeline reads a cluster only on request.
    let in_ci = |line: &str| server.program(line).env("CI", "true").output().unwrap();
    let output = in_ci("status -A");
    assert!(output.status.code() == Some(2) && text(&output).contains("only with --live"), "{}", text(&output));
    let output = in_ci(&format!("status -n {empty} --live --allow-empty"));
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn an_exec_plugin_gives_the_credentials() {
    let Some(server) = server("an_exec_plugin_gives_the_credentials") else { return };
    let namespace = namespace(server);
    let plugin = |token: &str| {
        let credential = format!(
            r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
        );
        server.kubeconfig_of(&format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: echo, args: ['{credential}']}}}}"
        ))
    };
    fs::write(server.directory.join("plugin"), plugin("admin-token")).unwrap();
    let output = server.run(&format!("status -n {namespace} --kubeconfig plugin"));
    assert!(output.status.success() && text(&output).contains("grey"), "{}", text(&output));
    fs::write(server.directory.join("plugin-fails"), plugin("x").replace("command: echo", "command: 'false'")).unwrap();
    let output = server.run(&format!("status -n {namespace} --kubeconfig plugin-fails"));
    assert!(output.status.code() == Some(2) && text(&output).contains("can't be used"), "{}", text(&output));
}

#[test]
fn the_map_is_for_one_management_cluster() {
    let Some(server) = server("the_map_is_for_one_management_cluster") else { return };
    let namespace = namespace(server);
    let uid = server.kubectl(&["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"], "");
    let directory = tempfile::tempdir().unwrap();
    let map = |uid: &str| {
        let map = format!(
            "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsource:\n  account: \"111111111111\"\n  \
             managementCluster: {{name: prod-mgmt, uid: {uid}}}\naccounts:\n- name: development\n  \
             account: \"333333333333\"\n  clusters: {{names: [grey]}}\n"
        );
        fs::write(directory.path().join(".xaccount.yaml"), map).unwrap();
    };
    map(&uid);
    let output = server.run_in(directory.path(), &format!("status -n {namespace} --exit-code"));
    let all = text(&output);
    assert_eq!(output.status.code(), Some(1), "{all}");
    assert!(all.contains("not as mapped") && all.contains("the map says 333333333333 (development)"), "{all}");
    map("00000000-0000-0000-0000-000000000000");
    let output = server.run_in(directory.path(), &format!("status -n {namespace}"));
    let all = text(&output);
    assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{all}");
    assert!(all.contains("context management is not the management cluster prod-mgmt of the account map"), "{all}");
    assert!(all.contains(".xaccount.yaml:5: uid 00000000") && all.contains(&uid) && all.contains("--context"), "{all}");
}
