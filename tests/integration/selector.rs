//! `-l` compared with the selector of a kustomize patch, which is read by the parser of kubectl's `-l`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::support::{peer, skip, xaccount};

/// The labels of the clusters of the test, in this order.
const LABELS: [&str; 6] = [
    "{}",
    "{env: dev}",
    "{env: prod, tier: '1'}",
    "{env: '', tier: '9'}",
    "{in: notin, example.com/owner: a_B.c}",
    "{tier: '-3', env: '-3'}",
];

/// kustomize's messages about an invalid selector.
const SELECTOR_ERRORS: [&str; 2] = ["unable to parse requirement", "Error: found '"];

/// The names of the clusters that kustomize would patch; `None` if it refuses the selector.
fn kustomize(kustomize: &Path, directory: &Path, selector: &str) -> Option<BTreeSet<String>> {
    let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": {"selected": "yes"}}]).to_string();
    let target = json!({"kind": "AWSCluster", "labelSelector": selector});
    let kustomization = json!({"resources": ["fleet.yaml"], "patches": [{"target": target, "patch": patch}]});
    fs::write(directory.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let out = Command::new(kustomize).arg("build").arg(directory).env("HOME", directory).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() || SELECTOR_ERRORS.iter().any(|one| said.contains(one)), "{selector}: {said}");
    out.status.success().then(|| {
        let objects = serde_yaml::Deserializer::from_slice(&out.stdout).map(|one| Value::deserialize(one).unwrap());
        let selected = objects.filter(|object| object["metadata"]["annotations"]["selected"] == "yes");
        selected.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    })
}

/// The names of the clusters that `inject` would change; `None` if it refuses the selector.
fn injected(directory: &Path, selector: &str) -> Option<BTreeSet<String>> {
    let mut command = xaccount();
    command.arg("inject").arg(directory.join("fleet.yaml")).arg(format!("-l={selector}"));
    let out = command.args(["--account", "222222222222", "--no-identity", "-o", "json-patch"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    if said.contains("is not a label selector") {
        return None;
    }
    if said.contains("no cluster matches --selector") {
        return Some(BTreeSet::new());
    }
    assert!(out.status.success(), "{selector}: {said}");
    let patches: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
    Some(patches.iter().map(|patch| patch["target"]["name"].as_str().unwrap().to_owned()).collect())
}

/// Valid selectors, and some that are almost valid.
const SELECTORS: &[&str] = &[
    "env",
    "!env",
    "! env",
    "env=dev",
    "env==dev",
    " env = dev ",
    "env=",
    "env!=",
    "env!=dev",
    "env in (dev,prod)",
    "env in(dev)",
    "env in (dev,)",
    "env in (,dev)",
    "env in ()",
    "env notin (dev)",
    "env notin (dev,,prod)",
    "tier>1",
    "tier > 0",
    "tier<2",
    "tier<-1",
    "tier>x",
    "env>0",
    "in",
    "in=notin",
    "in in (in,notin)",
    "in notin (in)",
    "example.com/owner=a_B.c",
    "example.com/owner",
    "Example.com/owner",
    "example.com/",
    "/owner",
    "env,tier=1",
    "env,!tier",
    "env=dev,tier notin (2)",
    "a=b=c",
    "a b",
    "a=b c",
    "a===b",
    "a=!b",
    "!!a",
    "a!",
    "a,",
    ",a",
    "a,,b",
    "=a",
    "env in dev",
    "env in (dev",
    "env in dev)",
    "env in (dev))",
    "env in (a b)",
    "env in (a=b)",
    "env=a/b",
    "env=-3",
    "env=a,",
    "(",
    "notin",
    "notin notin (notin)",
    "env\tin\n(dev)",
    "ü=a",
    "a=ü",
    "-a",
    "a-",
    "a=b-",
];

#[test]
fn the_same_objects_are_selected() {
    let Some(peer) = peer("kustomize") else { return skip("the_same_objects_are_selected", "no kustomize") };
    let directory = tempfile::tempdir().unwrap();
    let fleet: Vec<_> = LABELS
        .iter()
        .enumerate()
        .map(|(index, labels)| {
            format!(
                "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n\
                 metadata: {{name: c{index}, namespace: n, labels: {labels}}}\nspec: {{region: us-west-2}}\n"
            )
        })
        .collect();
    fs::write(directory.path().join("fleet.yaml"), fleet.join("---\n")).unwrap();
    let (mut refused, mut selected) = (0, 0);
    for selector in SELECTORS {
        let theirs = kustomize(&peer, directory.path(), selector);
        let own = injected(directory.path(), selector);
        assert_eq!(own, theirs, "{selector:?}");
        match theirs {
            None => refused += 1,
            Some(names) => selected += names.len(),
        }
    }
    assert!(refused > 20 && selected > 60, "{refused} {selected}");
}
