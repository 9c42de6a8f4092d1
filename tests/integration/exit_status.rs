//! `docs/exit-status.md`: each row of its table is run.

use std::fs;
use std::process::Output;

use crate::readme;
use crate::support::{testdata, xaccount};

const NEW: &str = "\
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata:
  name: heron
  namespace: default
spec:
  region: us-east-1
";

const BAD: &str = "\
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata:
  name: tenant
spec:
  allowedNamespaces:
    list: [default]
  roleARN: arn:aws:iam::222222222222:user/x
  sourceIdentityRef:
    kind: AWSClusterControllerIdentity
    name: default
";

/// A cluster whose identity is in no file.
const UNKNOWN: &str = "  identityRef: {kind: AWSClusterRoleIdentity, name: elsewhere}\n";

/// A directory with the files of the page.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("new.yaml", NEW);
    write("done.yaml", NEW);
    write("bad.yaml", BAD);
    write("unknown.yaml", &(NEW.to_owned() + UNKNOWN));
    write("values.yaml", "replicas: 2\n");
    fs::copy(testdata("iam/trust.json"), directory.path().join("trust.json")).unwrap();
    let policy = |action: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}]}}"#
        )
    };
    write("all.json", &policy("*"));
    write("none.json", &policy("sts:GetCallerIdentity"));
    let done = run(&directory, "inject done.yaml --account 222222222222 --write --with-controller-identity");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    directory
}

fn run(directory: &tempfile::TempDir, command: &str) -> Output {
    xaccount().args(command.split(' ')).current_dir(directory.path()).output().unwrap()
}

/// The documents of a text, if all of it is YAML.
fn yaml(text: &str) -> Option<Vec<serde_json::Value>> {
    serde_yaml::Deserializer::from_str(text).map(|document| serde::Deserialize::deserialize(document).ok()).collect()
}

/// Whether a text is of the class that the page names.
fn is(class: &str, text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    match class {
        "empty" => text.is_empty(),
        "diff" => first.starts_with("diff --git ") || first.starts_with("--- "),
        "file names" => first == "new.yaml" || first == "done.yaml",
        "YAML" => yaml(text).is_some_and(|documents| documents.iter().any(|document| document.get("kind").is_some())),
        "JSON" => serde_json::from_str::<serde_json::Value>(text).is_ok(),
        "shell script" => {
            first.starts_with("#!") || first.starts_with("# bash completion") || text.contains("complete ")
        }
        "findings" => first.starts_with("error[XA"),
        "counts" => first.starts_with("1  XA"),
        "table" => first.starts_with("NAMESPACE   NAME"),
        "names" => first == "awscluster.infrastructure.cluster.x-k8s.io/heron",
        "moves" => first.contains(" 222222222222 -> source "),
        "Markdown" => first == "XA001 role-arn" && text.contains("```yaml"),
        "answer" => first.starts_with("This role can"),
        "Terraform" => text.contains("resource \"aws_iam_policy\""),
        "text" => first.starts_with("kubectl-xaccount "),
        "help" => first == "Point clusters at a target account",
        other => panic!("the page names stdout '{other}', which no test knows"),
    }
}

#[test]
fn every_row_of_the_table_of_exit_statuses_is_true() {
    let page = readme::read("docs/exit-status.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 50, "the table has {} rows", rows.len());
    for row in &rows {
        let [command, _, status, stdout] = row[..] else { panic!("four cells: {row:?}") };
        let command = command.trim_matches('`');
        let out = run(&directory(), command);
        let text = String::from_utf8_lossy(&out.stdout);
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(status.parse().unwrap()), "{command}\n{text}\n{stderr}");
        assert!(is(stdout, &text), "stdout of `{command}` is not {stdout}:\n{text}\n{stderr}");
    }
    // Every verb has a row; `fn` reads standard input and has a paragraph.
    let help = String::from_utf8(xaccount().arg("-h").output().unwrap().stdout).unwrap();
    let verbs = help.lines().skip_while(|line| *line != "Verbs:").skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<&str> =
        verbs.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() >= 11, "{verbs:?}");
    for verb in verbs.into_iter().filter(|verb| *verb != "fn") {
        assert!(page.contains(&format!("| `{verb}")), "the table has no row for {verb}");
    }
}
