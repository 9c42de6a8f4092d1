//! In which accounts the resources of clusters are, and what runs CAPA, on a real API server.

use std::fs;

use serde_json::Value;

use super::server::{Server, server, text};

/// An identity in an account, named after the namespace.
fn identity(namespace: &str, account: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {{name: {namespace}}}\n\
         spec:\n  allowedNamespaces: {{list: [{namespace}]}}\n  roleARN: arn:aws:iam::{account}:role/a\n  \
         sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}\n---\n\
         apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterControllerIdentity\nmetadata: {{name: default}}\n\
         spec: {{allowedNamespaces: {{}}}}\n"
    )
}

/// An AWSCluster with a load balancer in an account, if there is one.
fn cluster(namespace: &str, name: &str, identity: Option<&str>, balancer: Option<&str>) -> String {
    let reference =
        identity.map_or(String::new(), |name| format!(", identityRef: {{kind: AWSClusterRoleIdentity, name: {name}}}"));
    let status = balancer.map_or(String::new(), |account| {
        format!(
            "status:\n  networkStatus: {{apiServerElb: {{arn: 'arn:aws:elasticloadbalancing:eu-west-1:{account}:loadbalancer/net/a/1'}}}}\n"
        )
    });
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{region: eu-west-1{reference}}}\n{status}"
    )
}

/// The Deployment of CAPA and its Pod, once.
fn with_controller(server: &Server) {
    let template = "containers: [{name: manager, image: 'registry.k8s.io/cluster-api-aws/cluster-api-aws-controller:v2.13.0', \
                    args: [--leader-elect]";
    let labels = "labels: {cluster.x-k8s.io/provider: infrastructure-aws, control-plane: capa-controller-manager}";
    server.apply(&format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: default, namespace: capa-system}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: capa-controller-manager, namespace: capa-system, {labels}}}\n\
         spec:\n  selector: {{matchLabels: {{control-plane: capa-controller-manager}}}}\n  template:\n    metadata: {{{labels}}}\n    \
         spec: {{{template}}}]}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: capa-controller-manager-7d4b9c-x2x4z, namespace: capa-system, {labels}}}\n\
         spec: {{{template}, env: [{{name: AWS_ROLE_ARN, value: 'arn:aws:iam::111111111111:role/capa'}}, \
         {{name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /token}}]}}]}}\nstatus: {{phase: Running}}\n"
    ));
}

/// The machine pool of a cluster, with its Auto Scaling group in an account.
fn pool(namespace: &str, cluster: &str, account: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSMachinePool\n\
         metadata: {{name: of-{cluster}, namespace: {namespace}, labels: {{cluster.x-k8s.io/cluster-name: {cluster}}}}}\n\
         spec:\n  minSize: 1\n  maxSize: 1\n  awsLaunchTemplate: {{}}\n  \
         providerID: 'arn:aws:autoscaling:eu-west-1:{account}:autoScalingGroup:1:autoScalingGroupName/a'\n"
    )
}

/// Name, result and accounts of each cluster in `-o json`.
fn verdicts(stdout: &[u8]) -> Vec<String> {
    let value: Value = serde_json::from_slice(stdout).unwrap();
    let verdict = |cluster: &Value| {
        let evidence = cluster["resources"]["evidence"].as_array().unwrap();
        let accounts: String = evidence.iter().map(|one| one["account"].as_str().unwrap()).collect();
        let (name, verdict) = (cluster["name"].as_str().unwrap(), cluster["resources"]["verdict"].as_str().unwrap());
        format!("{name} {verdict} {accounts}")
    };
    value["clusters"].as_array().unwrap().iter().map(verdict).collect()
}

#[test]
fn resources_in_another_account_are_found() {
    let Some(server) = server("resources_in_another_account_are_found") else { return };
    let (namespace, other) = (server.namespace(), server.namespace());
    server.apply(
        &[
            identity(&namespace, "222222222222"),
            cluster(&namespace, "same", Some(&namespace), Some("222222222222")),
            cluster(&namespace, "moved", Some(&namespace), Some("333333333333")),
            cluster(&namespace, "pooled", Some(&namespace), None),
            cluster(&namespace, "classic", Some(&namespace), None),
            identity(&other, "222222222222"),
            cluster(&other, "same", Some(&other), Some("222222222222")),
        ]
        .join("---\n"),
    );
    // A user's ARN is not evidence; CAPA's is.
    server.apply(&pool(&namespace, "classic", "444444444444"));
    let of_capa = "--field-manager=cluster-api-provider-aws-controller";
    server.kubectl(&["apply", "--server-side", of_capa, "-f", "-"], &pool(&namespace, "pooled", "555555555555"));
    let line = format!("status -n {namespace} -o json --exit-code");
    let output = server.run(&line);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let expected = [
        "classic without evidence ",
        "moved mismatch 333333333333",
        "pooled mismatch 555555555555",
        "same confirmed 222222222222",
    ];
    assert_eq!(verdicts(&output.stdout), expected);
    let shown = text(&server.run(&format!("status -n {namespace}")));
    let line = format!(
        "mismatch: {namespace}/moved: identity -> 222222222222; its load balancer is in 333333333333 (status.networkStatus.apiServerElb.arn, written by CAPA)"
    );
    assert!(shown.contains(&line) && shown.contains("1 confirmed, 2 mismatch, 1 without evidence"), "{shown}");
    // The same from a dump, which has to show who wrote a spec.
    let kinds = "awsclusters,awsmachinepools,awsri,awsci,namespaces";
    let dump = server.kubectl(&["get", kinds, "-n", &namespace, "-o", "yaml", "--show-managed-fields"], "");
    fs::write(server.directory.join("resources.yaml"), dump).unwrap();
    let of_dump = server.run(&format!("status resources.yaml -n {namespace} -o json"));
    assert_eq!(verdicts(&of_dump.stdout), expected, "{}", text(&of_dump));
    // A cluster without evidence counts only on request.
    let confirmed = server.run(&format!("status -n {other} --exit-code --require-evidence"));
    assert_eq!(confirmed.status.code(), Some(0), "{}", text(&confirmed));
    server.apply(&cluster(&other, "new", Some(&other), None));
    assert_eq!(server.run(&format!("status -n {other} --exit-code")).status.code(), Some(0));
    assert_eq!(server.run(&format!("status -n {other} --exit-code --require-evidence")).status.code(), Some(1));
}

#[test]
fn the_controller_is_described_and_compared_with_the_map() {
    let Some(server) = server("the_controller_is_described_and_compared_with_the_map") else { return };
    with_controller(server);
    let namespace = server.namespace();
    server.apply(
        &[
            identity(&namespace, "222222222222"),
            cluster(&namespace, "home", None, Some("111111111111")),
            cluster(&namespace, "away", None, Some("222222222222")),
        ]
        .join("---\n"),
    );
    let line = format!("status -n {namespace}");
    let shown = text(&server.run(&line));
    let controller = "controller capa-system/capa-controller-manager: CAPA v2.13.0, watches every namespace, runs as \
                      arn:aws:iam::111111111111:role/capa (IRSA)\n";
    assert!(shown.contains(controller) && !shown.contains("Warning"), "{shown}");
    // Its account is the source account.
    let mismatch = format!(
        "mismatch: {namespace}/away: identity -> the source account 111111111111; its load balancer is in 222222222222"
    );
    assert!(shown.contains(&mismatch) && shown.contains("1 confirmed, 1 mismatch"), "{shown}");
    assert!(shown.contains("evaluated for CAPA v2.13.0"), "{shown}");
    let directory = tempfile::tempdir().unwrap();
    let map = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsource:\n  account: \"999999999999\"\n  capaVersion: v2.11.1\n\
               accounts:\n- {name: development, account: \"222222222222\", clusters: {names: [other]}}\n";
    fs::write(directory.path().join(".xaccount.yaml"), map).unwrap();
    let shown = text(&server.run_in(directory.path(), &line));
    for part in [
        ".xaccount.yaml:5: source.capaVersion is v2.11.1, but another release runs: controller capa-system/",
        "set source.capaVersion to v2.13.0",
        "the source account of the account map is 999999999999, but: controller capa-system/",
        "evaluated for CAPA v2.11.1",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn what_controllers_report_is_shown_with_its_age() {
    let Some(server) = server("what_controllers_report_is_shown_with_its_age") else { return };
    let namespace = server.namespace();
    let failing = cluster(&namespace, "failing", None, None)
        .replace("{name:", "{finalizers: [example.com/hold], name:")
        + "status:\n  conditions:\n  - type: Ready\n    status: \"False\"\n    severity: Error\n    reason: VpcReconciliationFailed\n    \
           lastTransitionTime: 2020-01-01T00:00:00Z\n    message: 'User: arn:aws:iam::222222222222:user/capa is not authorized \
           to perform: ec2:DescribeVpcs on private-text'\n";
    server.apply(&failing);
    server.kubectl(&["-n", &namespace, "delete", "awscluster", "failing", "--wait=false"], "");
    let shown = text(&server.run(&format!("status -n {namespace}")));
    let line = shown.lines().find(|line| line.contains("Ready is False for ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(line.starts_with(&format!("{namespace}/failing: ")), "{line}");
    assert!(line.ends_with("d: VpcReconciliationFailed; AWS refused arn:aws:iam::222222222222:user/capa"), "{line}");
    assert!(shown.contains("/failing: being deleted for ") && !shown.contains("private-text"), "{shown}");
}
