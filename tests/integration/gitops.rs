//! The setups of `docs/gitops.md`: patches for kustomize and Flux, and the plugins of Argo CD.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize as _;
use serde_json::Value;

use crate::readme;
use crate::support::{inject, peer, skip, testdata};

const IDENTITY: &str = "cross-account-role-222222222222";

/// Objects by kind, namespace and name.
type Objects = BTreeMap<String, Value>;

fn objects(yaml: &[u8]) -> Objects {
    let mut objects = Objects::new();
    for document in serde_yaml::Deserializer::from_slice(yaml) {
        let object = Value::deserialize(document).unwrap();
        if object.is_null() {
            continue;
        }
        let metadata = &object["metadata"];
        let name = format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"]);
        assert!(objects.insert(name.clone(), object).is_none(), "{name} exists twice");
    }
    objects
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// What kubectl builds from a directory.
fn build(kubectl: &Path, directory: &Path) -> Objects {
    let out = Command::new(kubectl).arg("kustomize").arg(directory).env("HOME", directory).output().unwrap();
    assert!(out.status.success(), "{}: {}", directory.display(), said(&out));
    objects(&out.stdout)
}

/// Files that kustomize accepts, and flags.
const FILES: [(&str, &str); 12] = [
    ("dkp/dkp-2.1-v1alpha4.yaml", ""),
    ("dkp/dkp-2.3-v1beta1.yaml", ""),
    ("dkp/dkp-2.7-v1beta2.yaml", ""),
    ("dkp/dkp-controller-identity.yaml", ""),
    ("dkp/dkp-crlf.yaml", ""),
    ("dkp/dkp-custom-vpc.yaml", ""),
    ("dkp/dkp-hand-edited.yaml", ""),
    ("dkp/dkp-other-account.yaml", "--move-account 333333333333=222222222222"),
    ("clusterclass/class-aws.yaml", ""),
    ("clusterclass/topology-caren-aws.yaml", ""),
    ("eks/eks-v1beta2.yaml", ""),
    ("rosa/rosa-hcp.yaml", ""),
];

#[test]
fn json_patches_build_what_yaml_prints() {
    let Some(kubectl) = peer("kubectl") else { return skip("json_patches_build_what_yaml_prints", "no kubectl") };
    for (file, flags) in FILES {
        let directory = tempfile::tempdir().unwrap();
        let (patched, printed) = (directory.path().join("patched"), directory.path().join("printed"));
        for place in [&patched, &printed] {
            fs::create_dir(place).unwrap();
            fs::copy(testdata(file), place.join("cluster.yaml")).unwrap();
        }
        let run = |mode: &str| {
            let out = inject(&printed, &format!("cluster.yaml --account 222222222222 {flags} {mode}"));
            assert!(out.status.success(), "{file}: {}", said(&out));
            out.stdout
        };
        let patches = String::from_utf8(run("-o json-patch")).unwrap();
        let result = run("-o yaml");
        run("--identity-file identities.yaml --write");
        fs::rename(printed.join("identities.yaml"), patched.join("identities.yaml")).unwrap();
        let patches: String = patches.lines().map(|line| format!("  {line}\n")).collect();
        let kustomization = format!("resources: [cluster.yaml, identities.yaml]\npatches:\n{patches}");
        fs::write(patched.join("kustomization.yaml"), kustomization).unwrap();
        fs::write(printed.join("cluster.yaml"), result).unwrap();
        fs::write(printed.join("kustomization.yaml"), "resources: [cluster.yaml]\n").unwrap();

        let (patched, printed) = (build(&kubectl, &patched), build(&kubectl, &printed));
        assert!(patched.keys().eq(printed.keys()), "{file}: {:?} {:?}", patched.keys(), printed.keys());
        for (name, object) in &patched {
            // Not with assert_eq: a ConfigMap is thousands of lines.
            assert!(*object == printed[name], "{file}: {name} differs");
        }
        assert!(printed.values().any(|object| object.to_string().contains(IDENTITY)), "{file}");
    }
}

/// The page's YAML block of a kind, and of a name if one is given.
fn shown(kind: &str, name: &str) -> Value {
    let page = readme::blocks(&readme::read("docs/gitops.md"), "yaml");
    let mut all = page.iter().map(|block| serde_yaml::from_str::<Value>(block).unwrap());
    all.find(|value| value["kind"] == kind && (name.is_empty() || value["metadata"]["name"] == name))
        .unwrap_or_else(|| panic!("docs/gitops.md shows no {kind} {name}"))
}

/// A kustomization of these resources with the patches of the page's Flux Kustomization, as Flux creates one.
fn with_fluxs_patches(resources: &[&str]) -> String {
    let patches = &shown("Kustomization", "")["spec"]["patches"];
    serde_json::json!({"resources": resources, "patches": patches}).to_string()
}

#[test]
fn fluxs_patches_point_all_clusters_of_a_path() {
    let Some(kubectl) = peer("kubectl") else {
        return skip("fluxs_patches_point_all_clusters_of_a_path", "no kubectl");
    };
    let directory = fleet();
    let directory = directory.path();
    let resources = ["a.yaml", "b.yaml", "c.yaml", "identities.yaml"];
    let out = inject(directory, ". --account 222222222222 --identity-file identities.yaml -o yaml");
    assert!(out.status.success(), "{}", said(&out));
    let printed = objects(&out.stdout);
    let identity = inject(directory, "a.yaml --account 222222222222 --identity-file identities.yaml -o yaml");
    let identity = String::from_utf8(identity.stdout).unwrap();
    let identity = &identity[identity.rfind("apiVersion:").unwrap()..];
    fs::write(directory.join("identities.yaml"), identity).unwrap();
    fs::write(directory.join("kustomization.yaml"), with_fluxs_patches(&resources)).unwrap();
    let patched = build(&kubectl, directory);
    assert_eq!(patched, printed);
    assert_eq!(patched.values().filter(|object| object["spec"]["identityRef"]["name"] == IDENTITY).count(), 3);
}

/// A directory with the files of one path of the fleet.
fn fleet() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        fs::copy(testdata("fleet/clusters/dev").join(name), directory.path().join(name)).unwrap();
    }
    directory
}

/// Runs a plugin's `generate` as Argo CD does: in the application's directory, with the variables of the application.
fn generate(plugin: &str, directory: &Path, account: &str, bin: &Path) -> Output {
    let generate = &shown("ConfigManagementPlugin", plugin)["spec"]["generate"];
    let words = |key: &str| -> Vec<String> { serde_json::from_value(generate[key].clone()).unwrap() };
    let words = [words("command"), words("args")].concat();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(directory).stdin(Stdio::null());
    command.env("PATH", format!("{}:{path}", bin.display())).env_remove("ARGOCD_ENV_TARGET_ACCOUNT");
    // The application's name for the variable, as on the page, with the prefix of Argo CD.
    let variable = shown("Application", "")["spec"]["source"]["plugin"]["env"][0]["name"].as_str().unwrap().to_owned();
    if !account.is_empty() {
        command.env(format!("ARGOCD_ENV_{variable}"), account);
    }
    command.output().unwrap()
}

/// A directory with the program and these peers, under their names.
fn bin(peers: &[(&str, PathBuf)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), directory.path().join("kubectl-xaccount")).unwrap();
    for (name, path) in peers {
        symlink(path, directory.path().join(name)).unwrap();
    }
    directory
}

#[test]
fn argo_cds_plugin_prints_every_manifest() {
    let bin = bin(&[]);
    let (directory, before) = (fleet(), fleet());
    let out = generate("xaccount", directory.path(), "222222222222", bin.path());
    assert!(out.status.success(), "{}", said(&out));
    let printed = objects(&out.stdout);
    let mut inputs = Vec::new();
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        inputs.extend(fs::read(before.path().join(name)).unwrap());
        inputs.extend(b"\n---\n");
    }
    let mut wanted = objects(&inputs);
    for object in wanted.values_mut().filter(|object| object["kind"] == "AWSCluster") {
        object["spec"]["identityRef"] = serde_json::json!({"kind": "AWSClusterRoleIdentity", "name": IDENTITY});
    }
    let new: Vec<&String> = printed.keys().filter(|name| !wanted.contains_key(*name)).collect();
    assert_eq!(new, [&format!("\"AWSClusterRoleIdentity\" null/\"{IDENTITY}\"")]);
    for (name, object) in &wanted {
        assert!(*object == printed[name], "{name} differs");
    }
    // Argo CD must not write to the repository.
    assert!(!directory.path().join("identities.yaml").exists());

    for account in ["", "22"] {
        let out = generate("xaccount", directory.path(), account, bin.path());
        assert!(!out.status.success() && out.stdout.is_empty(), "{account:?}: {}", said(&out));
    }
    // The plugin also works for applications without clusters.
    let empty = tempfile::tempdir().unwrap();
    fs::write(empty.path().join("s.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n").unwrap();
    let out = generate("xaccount", empty.path(), "222222222222", bin.path());
    assert!(out.status.success() && objects(&out.stdout).len() == 1, "{}", said(&out));
}

#[test]
fn argo_cds_plugin_for_kustomizations() {
    let Some(kustomize) = peer("kustomize") else { return skip("argo_cds_plugin_for_kustomizations", "no kustomize") };
    let bin = bin(&[("kustomize", kustomize)]);
    let directory = fleet();
    let kustomization = directory.path().join("kustomization.yaml");
    fs::write(&kustomization, "resources: [a.yaml, b.yaml, c.yaml]\n").unwrap();
    let run = |account: &str| generate("xaccount-kustomize", directory.path(), account, bin.path());
    let out = run("222222222222");
    assert!(out.status.success(), "{}", said(&out));
    let direct = generate("xaccount", fleet().path(), "222222222222", bin.path());
    assert_eq!(objects(&out.stdout), objects(&direct.stdout));

    // A build that fails must not look like an application without objects.
    fs::write(&kustomization, "resources: [nowhere.yaml]\n").unwrap();
    let out = run("222222222222");
    assert!(!out.status.success() && out.stdout.is_empty(), "{}", said(&out));
    fs::write(&kustomization, "resources: [a.yaml, b.yaml, c.yaml]\n").unwrap();
    let out = run("22");
    assert!(!out.status.success() && out.stdout.is_empty(), "{}", said(&out));
}

#[test]
fn every_command_of_the_page_works_as_shown() {
    let Some(kubectl) = peer("kubectl") else { return skip("every_command_of_the_page_works_as_shown", "no kubectl") };
    let directory = || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::copy(testdata("dkp/dkp-2.7-v1beta2.yaml"), path.join("cinder.yaml")).unwrap();
        fs::create_dir_all(path.join("clusters/dev")).unwrap();
        fs::copy(testdata("dkp/dkp-2.7-v1beta2.yaml"), path.join("clusters/dev/cinder.yaml")).unwrap();
        fs::write(path.join("clusters/dev/kustomization.yaml"), with_fluxs_patches(&["cinder.yaml"])).unwrap();
        let own = bin(&[("kubectl", kubectl.clone())]).keep();
        fs::rename(own, path.join(".bin")).unwrap();
        fs::set_permissions(path.join(".bin"), fs::Permissions::from_mode(0o755)).unwrap();
        directory
    };
    let run_count = readme::run_page("docs/gitops.md", &mut BTreeSet::new(), directory);
    assert!(run_count >= 5, "only {run_count} commands were found");
}
