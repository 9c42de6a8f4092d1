//! Bases, overlays and patches: kustomize builds the same before and after a run, except for the planned change, and a
//! patch is never a cluster.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::{inject, peer, skip};

const ACCOUNT: &str = "--account 222222222222";

/// A patch of an overlay, and how its kustomization names it.
#[derive(Clone, Debug)]
struct Overlay {
    directory: &'static str,
    kustomization: &'static str,
    /// The line of the kustomization, with FILE for the path of the patch.
    naming: &'static str,
    /// The text before the patch's name.
    before: &'static str,
    patch: &'static str,
    sets_reference: bool,
    /// Comment lines above, which shift the line number.
    comments: usize,
}

impl Overlay {
    fn path(&self) -> String {
        format!("{}{}", self.before, self.patch)
    }

    /// The path of the patch from the top of the tree.
    fn file(&self) -> String {
        let inner = if self.before == "sub/" { "sub/" } else { "" };
        format!("{}/{inner}{}", self.directory, self.patch)
    }

    fn write(&self, top: &Path) {
        let up = "../".repeat(self.directory.split('/').count());
        let naming = self.naming.replace("FILE", &self.path());
        let text = format!("{}resources:\n- {up}base\n{naming}\n", "# a comment\n".repeat(self.comments));
        write(top, &format!("{}/{}", self.directory, self.kustomization), &text);
        let reference = "  identityRef: {kind: AWSClusterRoleIdentity, name: heron}\n";
        let reference = if self.sets_reference { reference } else { "" };
        write(top, &self.file(), &format!("{}  region: eu-west-3\n{reference}", head("heron")));
    }
}

fn head(name: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n  namespace: birds\nspec:\n"
    )
}

fn write(top: &Path, name: &str, text: &str) {
    let path = top.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn overlays() -> impl Strategy<Value = Vec<Overlay>> {
    let one = |directory: &'static str| {
        let kustomization = select(vec!["kustomization.yaml", "kustomization.yml", "Kustomization"]);
        let naming = select(vec![
            "patches:\n- path: FILE",
            "patches: [{target: {kind: AWSCluster}, path: FILE}]",
            "patches:\n- patch: |-\n    - {op: add, path: /metadata/labels, value: {a: b}}\n  target: {kind: AWSCluster}\n- path: 'FILE'",
            "patchesStrategicMerge: [\"FILE\"]",
            "patchesStrategicMerge:\n- FILE",
            "Patches: [{Path: FILE}]",
        ]);
        let before = select(vec!["", "./", "sub/", "none/../", "./sub/../"]);
        let patch = select(vec!["heron.yaml", "region.yml", "patch.yaml"]);
        (kustomization, naming, before, patch, any::<bool>(), 0..3_usize).prop_map(
            move |(kustomization, naming, before, patch, sets_reference, comments)| Overlay {
                directory,
                kustomization,
                naming,
                before,
                patch,
                sets_reference,
                comments,
            },
        )
    };
    let places = ["overlays/prod", "overlays/dev", "apps/birds/deep", "flat"].map(one);
    (places, 1..=4_usize).prop_map(|(overlays, count)| overlays.into_iter().take(count).collect())
}

fn tree(overlays: &[Overlay]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path();
    write(top, "base/kustomization.yaml", "resources: [heron.yaml, egret.yaml]\n");
    write(top, "base/heron.yaml", &format!("{}  region: eu-west-1\n", head("heron")));
    write(top, "base/egret.yaml", &format!("{}  region: eu-west-1\n", head("egret")));
    overlays.iter().for_each(|overlay| overlay.write(top));
    directory
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn files(top: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = walkdir::WalkDir::new(top).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    all.map(|entry| (entry.path().strip_prefix(top).unwrap().to_owned(), fs::read(entry.path()).unwrap())).collect()
}

fn check(overlays: &[Overlay]) {
    let directory = tree(overlays);
    let top = directory.path();
    let report = inject(top, &format!(". -R {ACCOUNT} --identity-file base/identities.yaml -o report"));
    let report: Value = serde_json::from_slice(&report.stdout).unwrap_or_else(|_| panic!("{}", said(&report)));
    let mut expected: Vec<String> = overlays.iter().map(|overlay| format!("./{}", overlay.file())).collect();
    expected.sort();
    let skipped = report["skipped"].as_array().unwrap();
    let mut seen: Vec<&str> = skipped.iter().map(|one| one["file"].as_str().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, expected, "{report:#}");
    // The message names the line that names the patch.
    for one in skipped {
        assert_eq!(one["reason"], "kustomizePatch");
        let message = one["message"].as_str().unwrap();
        let (file, line) =
            message.split_once(" names it under patches").unwrap_or((message, "")).0.rsplit_once(':').unwrap();
        let line = fs::read_to_string(top.join(file))
            .unwrap()
            .lines()
            .nth(line.parse::<usize>().unwrap() - 1)
            .unwrap()
            .to_owned();
        let overlay = overlays.iter().find(|overlay| one["file"] == format!("./{}", overlay.file())).unwrap();
        assert!(line.contains(&overlay.path()), "{message}: {line}");
    }
    let before = files(top);
    let out = inject(top, &format!(". -R {ACCOUNT} --identity-file base/identities.yaml --write"));
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    let setting = overlays.iter().any(|overlay| overlay.sets_reference);
    assert_eq!(said(&out).contains("identityRef, and "), setting, "{}", said(&out));
    let after = files(top);
    let changed: Vec<&Path> =
        after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).map(|(path, _)| path.as_path()).collect();
    assert_eq!(changed, ["base/egret.yaml", "base/heron.yaml", "base/identities.yaml"].map(Path::new));
    // Each file alone, as a hook names it.
    for overlay in overlays {
        for line in
            [format!("{} {ACCOUNT} --check --allow-empty", overlay.file()), format!("{} {ACCOUNT}", overlay.file())]
        {
            let out = inject(top, &line);
            let code = if line.contains("--check") { 0 } else { 2 };
            assert_eq!((out.status.code(), out.stdout.as_slice()), (Some(code), &b""[..]), "{line}: {}", said(&out));
        }
    }
}

#[test]
fn a_patch_is_never_a_cluster() {
    let cases = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&overlays(), |overlays| {
            check(&overlays);
            Ok(())
        })
        .unwrap();
}

/// One overlay for each way to name a patch that current versions of kustomize read.
fn every_way() -> Vec<Overlay> {
    let overlay = |directory, kustomization, naming, before| Overlay {
        directory,
        kustomization,
        naming,
        before,
        patch: "heron.yaml",
        sets_reference: false,
        comments: 1,
    };
    vec![
        overlay("overlays/prod", "kustomization.yaml", "patches:\n- path: FILE", ""),
        overlay(
            "overlays/dev",
            "kustomization.yml",
            "patches: [{target: {kind: AWSCluster, name: heron}, path: FILE}]",
            "./",
        ),
        overlay("apps/birds", "Kustomization", "patchesStrategicMerge:\n- FILE", "sub/"),
        overlay("flat", "kustomization.yaml", "Patches: [{Path: FILE}]", "none/../"),
    ]
}

#[test]
fn kustomize_builds_the_same_except_for_the_change() {
    let builders = [("kubectl", vec!["kustomize"]), ("kustomize", vec!["build"])];
    let there: Vec<(PathBuf, Vec<&str>)> =
        builders.into_iter().filter_map(|(name, words)| Some((peer(name)?, words))).collect();
    if there.is_empty() {
        return skip("kustomize_builds_the_same_except_for_the_change", "no kubectl and no kustomize");
    }
    let overlays = every_way();
    for (program, words) in &there {
        let directory = tree(&overlays);
        let top = directory.path();
        let build = |overlay: &Overlay| {
            let mut command = Command::new(program);
            command.args(words).arg(top.join(overlay.directory)).env("HOME", top);
            let out = command.output().unwrap();
            assert!(out.status.success(), "{}: {}", overlay.directory, said(&out));
            String::from_utf8(out.stdout).unwrap()
        };
        let before: Vec<String> = overlays.iter().map(build).collect();
        let ways = [format!(". -R {ACCOUNT} --write"), format!("overlays/prod {ACCOUNT} --write --allow-empty")];
        let out = inject(top, &format!("{} --identity-file base/identities.yaml", ways[0]));
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert_eq!(inject(top, &ways[1]).status.code(), Some(0));
        write(top, "base/kustomization.yaml", "resources: [heron.yaml, egret.yaml, identities.yaml]\n");
        for (overlay, before) in overlays.iter().zip(before) {
            let after = build(overlay);
            let count = |text: &str, what: &str| text.matches(what).count();
            assert_eq!((count(&before, "identityRef:"), count(&after, "identityRef:")), (0, 2), "{after}");
            assert_eq!(count(&after, "kind: AWSClusterRoleIdentity\nmetadata:"), 1, "{after}");
            // The patch still sets the region.
            assert_eq!(count(&after, "region: eu-west-3"), 1, "{after}");
        }
    }
}
