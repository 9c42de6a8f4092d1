//! kubectl itself: it finds the program as a plugin, and reads what the program wrote.
//!
//! For the files of a table, kubectl must see exactly the planned change. For all cases and all files of `testdata/`,
//! it must see no changes except references and identities.
//!
//! kubectl comes from `target/peers`, where `scripts/test` puts it, or from `PATH`; without it, these tests are
//! reported as skipped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use xaccount::capa::REFERENCING_KINDS;

use crate::cases::{Tree, execute, is_write, read_tree, words, write_tree};
use crate::fixtures::fixtures;
use crate::support::{all_cases, peer, skip, testdata, xaccount};

const ACCOUNT: &str = "222222222222";

/// A directory with a `bin` that contains only the program.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), bin.join("kubectl-xaccount")).unwrap();
    directory
}

/// kubectl in `directory`, without other plugins, a cluster or a cache.
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
    let Some(kubectl) = peer("kubectl") else {
        return skip("kubectl_runs_the_plugin_and_passes_its_exit_status_through", "no kubectl");
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

/// A file, the places in it that get a reference, and the API version of the identity.
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
    let Some(kubectl) = peer("kubectl") else {
        return skip("kubectl_reads_the_same_objects_but_for_the_planned_change", "no kubectl");
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
        // As `kubectl get` prints it: its objects have marks of a running cluster.
        if *file == "dkp/dkp-list.json" {
            line.extend(["--move-account", "source=222222222222", "--orphan-resources", "default/kelp"]);
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
        assert!(left.is_empty(), "{file}: the file lacks {left:?}");
        expected.push(identity(version));
        assert_eq!(after.len(), expected.len(), "{file}: number of objects");
        for (after, expected) in after.iter().zip(&expected) {
            // Not with assert_eq: a ConfigMap is thousands of lines.
            assert!(
                after == expected,
                "{file}: kubectl does not read the planned {} {}",
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
        let bearer = REFERENCING_KINDS.iter().find(|bearer| bearer.kind == place).unwrap();
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

/// The identity, as kubectl reads it.
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

/// Runs that write, in the directory of their files.
struct Job {
    name: String,
    files: Tree,
    runs: Vec<Vec<String>>,
    stdin: Vec<u8>,
}

/// The results of all jobs with kubectl.
#[derive(Default)]
struct Judged {
    /// Files that it reads before and after.
    read: usize,
    /// Files that were created.
    made: usize,
    /// Files that it refuses only before, because of values that `lint --fix` then writes in quotes.
    quoted: usize,
    /// Files that it refuses before and after, with its message.
    refused: Vec<String>,
    failures: Vec<String>,
}

/// The minimum number of files checked; some of them by several jobs.
const FLOOR: usize = 350;

#[test]
fn kubectl_sees_nothing_else_change_in_any_case_or_fixture() {
    let Some(kubectl) = peer("kubectl") else {
        return skip("kubectl_sees_nothing_else_change_in_any_case_or_fixture", "no kubectl");
    };
    // Policies are not manifests.
    let cases = all_cases().into_iter().filter(|case| !case.name.starts_with("iam/")).map(|case| Job {
        runs: case.runs.iter().map(|line| words(line)).collect(),
        name: case.name,
        files: case.files,
        stdin: case.stdin,
    });
    let fixtures = fixtures().iter().map(|fixture| Job {
        name: fixture.name.clone(),
        files: fixture.files.clone(),
        runs: vec![fixture.with("--write")],
        stdin: Vec::new(),
    });
    let jobs: Vec<Job> = cases.chain(fixtures).collect();
    let judged = Mutex::new(Judged::default());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            judge(&kubectl, job, &judged);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let Judged { read, made, quoted, mut refused, failures } = judged.into_inner().unwrap();
    refused.sort();
    eprintln!("kubectl read {read} files before and after, and {made} new ones; it refuses {}:", refused.len());
    refused.iter().for_each(|line| eprintln!("    {line}"));
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    let names: Vec<&str> = refused.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(names, REFUSED);
    assert!(quoted > 0, "no file that kubectl accepts only after lint --fix");
    assert!(read >= FLOOR && made > 0, "{read} {made}");
}

/// Runs a job, and compares what kubectl sees of each file that a run changed.
fn judge(kubectl: &Path, job: &Job, judged: &Mutex<Judged>) {
    let directory = directory();
    let here = directory.path().join("files");
    fs::create_dir(&here).unwrap();
    write_tree(&here, &job.files);
    for line in job.runs.iter().filter(|line| line.iter().any(|arg| is_write(arg))) {
        let before = read_tree(&here);
        execute(&here, line, &job.stdin);
        let after = read_tree(&here);
        // A kustomization is not an object: kustomize reads it, in the tests of builds.
        let is_object = |file: &str| !file.ends_with("kustomization.yaml");
        let changed = after.iter().filter(|(file, now)| before.get(*file) != Some(now) && is_object(file));
        for (file, now) in changed {
            let seen = |bytes: &[u8]| {
                // kubectl reads files with such names.
                let name = if file.ends_with(".json") { "judged.json" } else { "judged.yaml" };
                fs::write(directory.path().join(name), bytes).unwrap();
                let out = run(kubectl, directory.path(), &["label", "--local", "-f", name, "judged=yes", "-o", "json"]);
                let values = serde_json::Deserializer::from_slice(&out.stdout).into_iter::<Value>();
                match out.status.success() {
                    true => Ok(values.collect::<Result<Vec<_>, _>>().unwrap()),
                    false => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
                }
            };
            let is = seen(now);
            let was = before.get(file).map(|bytes| seen(bytes));
            let mut judged = judged.lock().unwrap();
            let place = format!("{}, {file}", job.name);
            match (was, is) {
                (Some(Ok(was)), Ok(is)) => {
                    judged.read += 1;
                    judged.failures.extend(only_planned(&was, &is).err().map(|why| format!("{place}: {why}")));
                }
                (None, Ok(is)) => {
                    judged.made += 1;
                    judged.failures.extend(only_planned(&[], &is).err().map(|why| format!("{place}: {why}")));
                }
                // The message may name another place afterwards.
                (Some(Err(why)), Err(_)) => judged.refused.push(format!("{place}: {why}")),
                // lint --fix has written quotes (XA040).
                (Some(Err(why)), Ok(_)) if job.name.starts_with("lint/") && is_about_strings(&why) => {
                    judged.quoted += 1
                }
                (Some(Err(why)), Ok(_)) => judged.failures.push(format!("{place}: refused only before: {why}")),
                (_, Err(why)) => judged.failures.push(format!("{place}: refused only now: {why}")),
            }
        }
    }
}

/// Whether kubectl refuses a file only because values of its metadata are not strings.
fn is_about_strings(why: &str) -> bool {
    why.lines()
        .all(|line| line.contains("into Go struct field ObjectMeta.metadata.") && line.ends_with("of type string"))
}

/// Whether an object is an identity of a kind that the program creates.
fn is_identity(object: &&Value) -> bool {
    let ours = object["apiVersion"].as_str().is_some_and(|text| text.starts_with("infrastructure.cluster.x-k8s.io/"));
    ours && (object["kind"] == "AWSClusterRoleIdentity" || object["kind"] == "AWSClusterControllerIdentity")
}

/// Whether two lists of objects differ only in references and identities, and do differ.
fn only_planned(before: &[Value], after: &[Value]) -> Result<(), String> {
    if before == after {
        return Err("kubectl sees no change".into());
    }
    let others = |objects: &[Value]| objects.iter().filter(|object| !is_identity(object)).cloned().collect::<Vec<_>>();
    let (before, after) = (others(before), others(after));
    if before.len() != after.len() {
        return Err(format!("{} other objects, then {}", before.len(), after.len()));
    }
    before.iter().zip(&after).try_for_each(|(before, after)| {
        let name = format!("{} {}", before["kind"], before["metadata"]["name"]);
        same(Some(before), Some(after), &name)
    })
}

/// Whether two values differ only in references.
fn same(before: Option<&Value>, after: Option<&Value>, path: &str) -> Result<(), String> {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let variable = before.get("name") == Some(&json!("identityRef")) && before.get("name") == after.get("name");
            let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
            // `lint --fix=unsafe` removes a misspelt key, which the API server drops.
            keys.filter(|key| !(key.eq_ignore_ascii_case("identityRef") || variable && *key == "value"))
                .try_for_each(|key| same(before.get(key), after.get(key), &format!("{path}/{key}")))
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() <= after.len() => {
            let more = after[before.len()..].iter().map(|item| same(None, Some(item), path));
            let pairs = before.iter().zip(after);
            let mut pairs = pairs.enumerate().map(|(n, (a, b))| same(Some(a), Some(b), &format!("{path}/{n}")));
            pairs.try_for_each(|result| result)?;
            more.into_iter().collect()
        }
        // `eject` removes a variable.
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            let (kept, removed) = before.split_at(after.len());
            same(Some(&json!(kept)), Some(&json!(after)), path)?;
            removed.iter().try_for_each(|item| same(Some(item), None, path))
        }
        (None | Some(Value::Null), Some(new)) if carries(new) => Ok(()),
        (Some(old), None | Some(Value::Null)) if carries(old) => Ok(()),
        // A variable that a ClusterClass reads.
        (None | Some(Value::Null | Value::String(_)), Some(value)) | (Some(value), None)
            if path.contains("/spec/topology/variables") && names_identity(value) =>
        {
            Ok(())
        }
        // `lint --fix` removes it: the object is cluster-scoped.
        (Some(_), None)
            if path.starts_with("\"AWSClusterStaticIdentity\"") && path.ends_with("/metadata/namespace") =>
        {
            Ok(())
        }
        (before, after) if before == after => Ok(()),
        _ => Err(format!("{path} differs")),
    }
}

/// Whether a value is added or removed only for the reference in it.
fn carries(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.len() == 1 && carries(&items[0]),
        Value::Object(members) if members.contains_key("identityRef") => members.len() == 1,
        // A variable of a topology.
        Value::Object(members) if members.len() == 2 => match (members.get("name"), members.get("value")) {
            (Some(name), Some(value)) => (name == "identityRef" && value.get("kind").is_some()) || carries(value),
            _ => false,
        },
        Value::Object(members) => members.len() == 1 && members.values().all(carries),
        _ => false,
    }
}

/// Whether a value is the name or the kind of an identity that the program creates, or contains nothing else.
fn names_identity(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with("cross-account-role-") || text == "AWSClusterRoleIdentity",
        Value::Array(items) => items.len() == 1 && names_identity(&items[0]),
        Value::Object(members) => match members.get("value") {
            Some(value) => members.len() == 2 && members.contains_key("name") && names_identity(value),
            None => !members.is_empty() && members.values().all(names_identity),
        },
        _ => false,
    }
}

/// Files that kubectl can't read, before or after, and that are edited all the same: another document is broken or a
/// template, a marker line has content, a number is not valid JSON or too large, or there is a directive.
const REFUSED: [&str; 12] = [
    "yaml/append-behind-broken, heron.yaml",
    "yaml/broken-neighbour, heron.yaml",
    "yaml/flow-root-behind-marker, heron.yaml",
    "yaml/helm-neighbour-foreign, heron.yaml",
    "yaml/helm-skip-templates, heron.yaml",
    "yaml/jinja-neighbour, heron.yaml",
    "yaml/json-numbers, heron.json",
    "yaml/marker-block-scalar, heron.yaml",
    "yaml/marker-mapping, heron.yaml",
    "yaml/marker-tag, heron.yaml",
    "yaml/numbers, heron.yaml",
    "yaml/yaml-directive, heron.yaml",
];
