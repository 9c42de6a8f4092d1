//! kubectl itself: it finds the program as a plugin, and it judges what was written.
//!
//! Taken from `target/peers`, where `scripts/test` puts it, else from `PATH`; without one, these tests are skipped and say so.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use xaccount::capa::BEARERS;

use crate::support::{testdata, xaccount};

const ACCOUNT: &str = "222222222222";

/// kubectl, if there is one.
pub(crate) fn kubectl() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_kubectl-xaccount")).ancestors().nth(2);
    let peer = target.map(|target| target.join("peers/bin/kubectl"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("kubectl"));
    peer.into_iter().chain(on_path).find(|file| file.is_file())
}

/// Says that a test could not run: in the file that `scripts/test` counts, else on stderr.
fn skip(test: &str) {
    let line = format!("{test}: no kubectl\n");
    match std::env::var_os("SKIPPED_TESTS") {
        Some(file) => fs::OpenOptions::new()
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("SKIPPED_TESTS is a file"),
        None => eprint!("skipped: {line}"),
    }
}

/// A directory with a `bin` that holds nothing but the program.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), bin.join("kubectl-xaccount")).unwrap();
    directory
}

/// kubectl in `directory`, which finds no other plugin, no cluster and no cache.
fn run(kubectl: &Path, directory: &Path, line: &[&str]) -> Output {
    Command::new(kubectl)
        .current_dir(directory)
        .args(line)
        .env_clear()
        .env("PATH", directory.join("bin"))
        .env("HOME", directory)
        .env("KUBECONFIG", directory.join("no-such-kubeconfig"))
        .output()
        .expect("kubectl starts")
}

#[test]
fn kubectl_runs_the_plugin_and_passes_its_exit_status_through() {
    let Some(kubectl) = kubectl() else {
        return skip("kubectl_runs_the_plugin_and_passes_its_exit_status_through");
    };
    let directory = directory();
    let directory = directory.path();
    fs::copy(testdata("dkp/dkp-2.7-v1beta2.yaml"), directory.join("cinder.yaml")).unwrap();

    let inject = ["xaccount", "inject", "cinder.yaml", "--account", ACCOUNT];
    let through = run(&kubectl, directory, &inject);
    let direct = xaccount().current_dir(directory).args(&inject[1..]).output().unwrap();
    assert_eq!(through.status.code(), Some(1));
    assert_eq!(direct.status.code(), Some(1));
    assert_eq!(through.stdout, direct.stdout);
    assert_eq!(through.stderr, direct.stderr);

    let wrong = run(&kubectl, directory, &["xaccount", "inject", "nowhere.yaml", "--account", ACCOUNT]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stdout.is_empty());

    let write = run(&kubectl, directory, &[inject.as_slice(), &["--write"]].concat());
    assert_eq!(write.status.code(), Some(0));
    let again = run(&kubectl, directory, &[inject.as_slice(), &["--check"]].concat());
    assert_eq!(again.status.code(), Some(0));

    let list = run(&kubectl, directory, &["plugin", "list"]);
    assert!(list.status.success(), "{list:?}");
    assert!(String::from_utf8_lossy(&list.stdout).contains("bin/kubectl-xaccount\n"), "{list:?}");
}

/// A file, the places in it that get a reference, and the version of the identity.
const JUDGED: &[(&str, &[&str], &str)] = &[
    ("dkp/dkp-2.1-v1alpha4.yaml", &["AWSCluster"], "v1alpha4"),
    ("dkp/dkp-2.3-v1beta1.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-2.7-v1beta2.yaml", &["AWSCluster"], "v1beta2"),
    ("dkp/dkp-bom.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-controller-identity.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-crlf.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-custom-vpc.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-hand-edited.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-list.json", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-list.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-no-final-newline.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-secret-last.yaml", &["AWSCluster"], "v1beta1"),
    ("dkp/dkp-single.json", &["AWSCluster"], "v1beta2"),
    ("dkp/dkp-two-clusters.yaml", &["AWSCluster", "AWSCluster"], "v1beta1"),
    ("dkp/dkp-v1alpha3.yaml", &["AWSCluster"], "v1alpha3"),
    ("clusterclass/class-aws.yaml", &["AWSClusterTemplate"], "v1beta2"),
    ("clusterclass/class-eks.yaml", &["AWSManagedControlPlaneTemplate"], "v1beta2"),
    ("clusterclass/topology-caren-aws.yaml", &["clusterConfig/value/aws"], "v1beta2"),
    ("clusterclass/topology-caren-eks.yaml", &["clusterConfig/value/eks"], "v1beta2"),
    ("clusterclass/topology-identityref-variable.yaml", &["identityRef"], "v1beta2"),
    ("eks/eks-v1alpha3.yaml", &["AWSManagedControlPlane"], "v1alpha3"),
    ("eks/eks-v1beta2.yaml", &["AWSManagedControlPlane"], "v1beta2"),
    ("rosa/rosa-hcp.yaml", &["ROSAControlPlane"], "v1beta2"),
    ("templates/envsubst.yaml", &["AWSCluster"], "v1beta2"),
];

#[test]
fn kubectl_reads_the_same_objects_but_for_the_planned_change() {
    let Some(kubectl) = kubectl() else {
        return skip("kubectl_reads_the_same_objects_but_for_the_planned_change");
    };
    for (file, places, version) in JUDGED {
        let directory = directory();
        let directory = directory.path();
        let json = file.ends_with(".json");
        let name = if json { "cluster.json" } else { "cluster.yaml" };
        let from = testdata(file);
        fs::copy(&from, directory.join(name)).unwrap();
        let seen = |name: &str| {
            let out = run(&kubectl, directory, &["label", "--local", "-f", name, "judged=yes", "-o", "json"]);
            assert!(out.status.success(), "{file}: {}", String::from_utf8_lossy(&out.stderr));
            serde_json::Deserializer::from_slice(&out.stdout)
                .into_iter::<Value>()
                .collect::<Result<Vec<_>, _>>()
                .unwrap()
        };

        let before = seen(name);
        let mut line = vec!["inject", name, "--account", ACCOUNT, "--write", "--quiet"];
        if json {
            line.extend(["--identity-file", "identities.yaml"]);
        }
        let out = xaccount().current_dir(directory).args(&line).output().unwrap();
        assert!(out.status.success(), "{file}: {}", String::from_utf8_lossy(&out.stderr));
        let mut after = seen(name);
        if json {
            after.extend(seen("identities.yaml"));
        }

        let mut left = places.to_vec();
        let mut expected: Vec<Value> = before;
        for object in &mut expected {
            pointed(object, &mut left);
        }
        assert!(left.is_empty(), "{file}: {left:?} is not in it");
        expected.push(identity(version));
        assert_eq!(after.len(), expected.len(), "{file}: how many objects");
        for (after, expected) in after.iter().zip(&expected) {
            // Not with assert_eq: a ConfigMap is thousands of lines.
            assert!(
                after == expected,
                "{file}: kubectl reads another {} {} than was planned",
                expected["kind"],
                expected["metadata"]["name"]
            );
        }
    }
}

/// Gives an object the reference, if it is the next of `places`.
fn pointed(object: &mut Value, places: &mut Vec<&str>) {
    let Some(place) = places.first().copied() else { return };
    let reference = json!({"kind": "AWSClusterRoleIdentity", "name": format!("cross-account-role-{ACCOUNT}")});
    if object["kind"] == place {
        let bearer = BEARERS.iter().find(|bearer| bearer.kind == place).unwrap();
        let parent = object.pointer_mut(&format!("/{}", bearer.parent.join("/"))).unwrap();
        parent["identityRef"] = reference;
        places.remove(0);
        return;
    }
    let (variable, path) = place.split_once('/').map_or((place, None), |(name, path)| (name, Some(path)));
    let variables = object.pointer_mut("/spec/topology/variables").and_then(Value::as_array_mut);
    if let Some(found) = variables.into_iter().flatten().find(|found| found["name"] == variable) {
        match path {
            Some(path) => found.pointer_mut(&format!("/{path}")).unwrap()["identityRef"] = reference,
            None => found["value"] = reference,
        }
        places.remove(0);
    }
}

/// The identity as kubectl reads it.
fn identity(version: &str) -> Value {
    json!({
        "apiVersion": format!("infrastructure.cluster.x-k8s.io/{version}"),
        "kind": "AWSClusterRoleIdentity",
        "metadata": {"name": format!("cross-account-role-{ACCOUNT}"), "labels": {"judged": "yes"}},
        "spec": {
            "allowedNamespaces": {},
            "roleARN": format!("arn:aws:iam::{ACCOUNT}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"),
            "sourceIdentityRef": {"kind": "AWSClusterControllerIdentity", "name": "default"},
        },
    })
}
