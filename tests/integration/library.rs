//! The library on bytes and the program on files give the same results.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use serde_json::Value;
use walkdir::WalkDir;
use xaccount::diag::Severity;
use xaccount::inventory::ObjectId;
use xaccount::{EjectRequest, Error, ErrorKind, InjectRequest, Manifests, Target};

use crate::support::{testdata, xaccount};

const ACCOUNT: &str = "222222222222";

/// Files by their names, with `/`.
type Files = BTreeMap<String, Vec<u8>>;

/// The manifests below a directory of `testdata/`, under its name.
fn below(name: &str) -> Files {
    let root = testdata(name);
    let mut files = Files::new();
    for entry in WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file()) {
        let path = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        if ["yaml", "yml", "json"].iter().any(|extension| path.ends_with(&format!(".{extension}"))) {
            files.insert(format!("all/{path}"), fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Each manifest of `testdata/` alone, a repository of several files, and one in which a kustomization names a patch.
fn inputs() -> Vec<Files> {
    let mut inputs: Vec<Files> = below("").into_iter().map(|file| Files::from([file])).collect();
    assert!(inputs.len() > 50);
    inputs.push(below("fleet/clusters"));
    let cluster = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";
    let live = cluster.replace("heron", "heron, uid: 0c1b");
    let file = |name: &str, text: &str| (format!("all/{name}"), text.as_bytes().to_vec());
    inputs.push(Files::from([
        file("base/heron.yaml", cluster),
        file("base/kustomization.yaml", "resources: [heron.yaml]\n"),
        file("prod/heron.yaml", &live),
        file("prod/kustomization.yaml", "resources: [../base]\npatches:\n- path: heron.yaml\n"),
    ]));
    inputs.push(Files::from([file("live.yaml", &live), file("new.yaml", cluster)]));
    inputs.push(Files::from([file("nameless.yaml", &cluster.replace("name: heron", ""))]));
    inputs
}

/// Runs the program in a directory with the files; returns its output, and the files afterwards.
fn run(files: &Files, line: &str) -> (Output, Files) {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let out = xaccount().current_dir(directory.path()).args(line.split(' ')).output().unwrap();
    let read = |name: &String| (name.clone(), fs::read(directory.path().join(name)).unwrap());
    let after = files.keys().map(read).collect();
    (out, after)
}

fn manifests(files: &Files) -> Manifests {
    Manifests::new(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))).unwrap()
}

/// Every error of the library is one that the program prints, up to the number that it prints.
fn refused_alike(files: &Files, error: &Error, out: &Output) {
    let stderr = String::from_utf8_lossy(&out.stderr);
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(out.status.code(), Some(2), "{names:?}: {error}\n{stderr}");
    // The advice about an empty selection is worded differently.
    if error.kind() != ErrorKind::EmptySelection {
        let errors = error.diagnostics().iter().filter(|one| one.severity == Severity::Error);
        for one in errors.take(20) {
            assert!(
                stderr.contains(&one.to_string().replacen(
                    &format!("[{}]", one.rule.map_or("", |id| id.code())),
                    "",
                    1
                )),
                "{one}\n{stderr}"
            );
        }
    }
}

#[test]
fn inject_and_eject_write_the_same_bytes_and_refuse_the_same() {
    let (mut changed, mut refused) = (0, 0);
    for files in inputs() {
        let request = InjectRequest::from(Target::account(ACCOUNT).unwrap());
        let (out, after) = run(&files, &format!("inject all -R --account {ACCOUNT} --write"));
        let injected = match xaccount::inject(&manifests(&files), &request) {
            Ok(change) => change,
            Err(error) => {
                refused += 1;
                refused_alike(&files, &error, &out);
                continue;
            }
        };
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
        for (name, bytes) in &after {
            assert!(injected.bytes(name).unwrap() == bytes, "{name}");
        }
        assert_eq!(injected.is_unchanged(), files == after);
        changed += usize::from(files != after);

        let (out, back) = run(&after, "eject all -R --write");
        match xaccount::eject(injected.manifests(), &EjectRequest::default()) {
            Ok(ejected) => {
                back.iter().for_each(|(name, bytes)| assert!(ejected.bytes(name).unwrap() == bytes, "{name}"))
            }
            Err(error) => refused_alike(&files, &error, &out),
        }
    }
    assert!(changed > 20 && refused > 20, "{changed} changed, {refused} refused");
}

#[test]
fn status_and_lint_find_the_same() {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for files in inputs() {
        let manifests = manifests(&files);
        let (out, _) = run(&files, "status all -R --allow-empty --strict -o json");
        match xaccount::status(&manifests) {
            Ok(report) => {
                let json: Value = serde_json::from_slice(&out.stdout).unwrap();
                let clusters = json["clusters"].as_array().unwrap().iter();
                let theirs: Vec<_> =
                    clusters.map(|row| (text(&row["name"]), text(&row["verdict"]["outcome"]))).collect();
                let ours =
                    report.clusters().iter().map(|row| (row.name.clone(), row.verdict.outcome.name().to_owned()));
                assert_eq!(ours.collect::<Vec<_>>(), theirs);
                assert_eq!(report.release().to_string(), text(&json["capaVersion"]));
            }
            Err(error) => refused_alike(&files, &error, &out),
        }

        let (out, _) = run(&files, "lint all -R --severity note --allow-empty -o json");
        let json: Value = serde_json::from_slice(&out.stdout).unwrap();
        let place =
            |at: &Value| at.is_object().then(|| format!("{}:{}:{}", text(&at["file"]), at["line"], at["column"]));
        let findings = json["findings"].as_array().unwrap().iter();
        let theirs: Vec<_> =
            findings.map(|one| (text(&one["rule"]), text(&one["message"]), place(&one["at"]))).collect();
        let ours = xaccount::lint(&manifests).unwrap();
        let ours = ours.findings().iter().map(|finding| {
            let label = finding.diagnostic.primary.as_ref();
            let place = label.and_then(|label| manifests.place(label.at)).map(|place| place.to_string());
            (finding.rule.id.code().to_owned(), finding.diagnostic.message.clone(), place)
        });
        assert_eq!(ours.collect::<Vec<_>>(), theirs);
    }
}

#[test]
fn a_request_is_checked_as_the_flags_are() {
    let cluster = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";
    let manifests = Manifests::from_bytes("heron.yaml", cluster);
    let refused = |change: &dyn Fn(&mut InjectRequest)| {
        let mut request = InjectRequest::from(Target::account(ACCOUNT).unwrap());
        change(&mut request);
        let error = xaccount::inject(&manifests, request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    };
    refused(&|request| request.identity_name = Some(String::from("a\n---\nb").into()));
    refused(&|request| request.identity.session_name = Some(String::from("a b").into()));
    refused(&|request| request.identity.external_id = Some(String::from("x").into()));
    refused(&|request| request.identity.duration_seconds = Some(10.into()));
    refused(&|request| request.identity.inline_policy = Some("{}".into()));
    refused(&|request| request.identity.annotations = vec![(String::from("a b"), String::from("c")).into()]);
    refused(&|request| {
        request.identity.allowed_namespaces = Some(xaccount::inject::AllowedNamespaces::List(vec!["A".into()]).into())
    });
    refused(&|request| request.orphans = vec!["heron".into()]);
    refused(&|request| request.selection.only = Some(std::iter::once(ObjectId::new(7)).collect()));
    refused(&|request| {
        request.identity_file = Some(xaccount::plan::IdentityFile::Existing(xaccount::diag::FileId(1)).into())
    });
    refused(&|request| request.identity_file = Some(xaccount::plan::IdentityFile::named("ids.json").into()));
    assert!(xaccount::inject(&manifests, InjectRequest::default()).is_err());

    let with_map = Manifests::new([("heron.yaml", cluster), (".xaccount.yaml", "")]).unwrap();
    assert!(xaccount::inject(&with_map, Target::account(ACCOUNT).unwrap()).is_err());
    assert!(xaccount::eject(&with_map, &EjectRequest::default()).is_err());
}
