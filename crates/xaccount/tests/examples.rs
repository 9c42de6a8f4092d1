//! What the examples print.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

#[allow(dead_code)]
#[path = "../examples/inject_bytes.rs"]
mod inject_bytes;
#[allow(dead_code)]
#[path = "../examples/lint_json.rs"]
mod lint_json;
#[allow(dead_code)]
#[path = "../examples/verdict.rs"]
mod verdict;

/// A cluster, and an identity whose role ARN is not that of a role.
const TEXT: &str = "\
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: heron, namespace: dev}   # ours
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: other}
spec:
  allowedNamespaces: {}
  roleARN: arn:aws:iam::333333333333:instance-profile/capa
  sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}
";

/// A directory with the text in a file, and the name of the file.
fn file() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let file: PathBuf = directory.path().join("heron.yaml");
    std::fs::write(&file, TEXT).unwrap();
    let name = file.to_str().expect("a path").to_owned();
    (directory, name)
}

#[test]
fn inject_bytes_prints_the_new_text() {
    let (_directory, file) = file();
    let (bytes, lines) = inject_bytes::injected(&file, "222222222222").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let reference =
        "spec:\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: cross-account-role-222222222222\n";
    let (head, rest) = TEXT.split_once("---\n").unwrap();
    assert!(text.starts_with(&format!("{head}{reference}---\n{rest}---\n")), "{text}");
    let [cluster, identity] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(cluster.starts_with(&format!("{file}:1: AWSCluster dev/heron: ")), "{cluster}");
    assert!(
        identity.starts_with(&format!("{file}: AWSClusterRoleIdentity cross-account-role-222222222222: ")),
        "{identity}"
    );
    let error = inject_bytes::injected(&file, "2222-2222-2222").unwrap_err();
    assert!(error.to_string().contains("contains dashes"), "{error}");
}

#[test]
fn verdict_prints_every_cluster_and_its_identities() {
    let (_directory, file) = file();
    let text = verdict::verdicts(&[file]).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let expected = ["dev/heron: permitted, the source account", "  AWSClusterControllerIdentity/default"];
    assert_eq!(lines, expected);
}

#[test]
fn lint_json_prints_every_finding_with_its_place() {
    let (_directory, file) = file();
    let text = lint_json::findings(std::slice::from_ref(&file)).unwrap();
    let findings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let of_rule = findings.iter().find(|finding| finding["rule"] == "XA001").expect("a finding");
    assert_eq!(of_rule["severity"], "error");
    assert_eq!(of_rule["at"], serde_json::json!({"file": file, "line": 10, "column": 12}));
}
