//! `fn` between the steps of kustomize and kpt, and the commands of `docs/krm.md`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::krm::{IDENTITY, cluster, errors, text};
use crate::readme;
use crate::support::{peer, skip, testdata, xaccount};

/// A directory with `cinder.yaml`, the files of the page, and `.bin` with the peers.
fn directory(peers: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(testdata("dkp/dkp-2.7-v1beta2.yaml"), directory.path().join("cinder.yaml")).unwrap();
    for block in readme::blocks(&readme::read("docs/krm.md"), "yaml") {
        let name = block.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a block begins with its name");
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, &block).unwrap();
    }
    let bin = directory.path().join(".bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), bin.join("kubectl-xaccount")).unwrap();
    for name in peers {
        symlink(peer(name).unwrap(), bin.join(name)).unwrap();
    }
    directory
}

#[test]
fn every_command_of_the_page_works_as_shown() {
    let peers = ["kubectl", "kustomize", "kpt"];
    if let Some(missing) = peers.iter().find(|name| peer(name).is_none()) {
        return skip("every_command_of_the_page_works_as_shown", &format!("no {missing}"));
    }
    let run_count = readme::run_page("docs/krm.md", &mut BTreeSet::new(), || directory(&peers));
    assert!(run_count >= 8, "only {run_count} commands were found");
}

/// Runs a peer in a directory made by [`directory`], with the program on its `PATH`.
fn run(directory: &Path, program: &str, args: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new(directory.join(".bin").join(program))
        .args(args)
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", directory.join(".bin").display()))
        .output()
        .unwrap()
}

#[test]
fn kustomize_builds_what_inject_prints() {
    if peer("kustomize").is_none() {
        return skip("kustomize_builds_what_inject_prints", "no kustomize");
    }
    let directory = directory(&["kustomize"]);
    let directory = directory.path();
    let build = ["build", "--enable-alpha-plugins", "--enable-exec", "."];
    let built = run(directory, "kustomize", &build);
    assert!(built.status.success(), "{}", errors(&built));

    let inject = "inject cinder.yaml --account 222222222222 -o yaml";
    let printed = xaccount().current_dir(directory).args(inject.split(' ')).output().unwrap();
    fs::write(directory.join("printed.yaml"), printed.stdout).unwrap();
    fs::write(directory.join("kustomization.yaml"), "resources: [printed.yaml]\n").unwrap();
    let plain = run(directory, "kustomize", &build);
    assert!(plain.status.success(), "{}", errors(&plain));
    assert_eq!(text(&built), text(&plain));

    // An error stops the build.
    fs::write(directory.join("kustomization.yaml"), "resources: [cinder.yaml]\ntransformers: [account.yaml]\n")
        .unwrap();
    let config = fs::read_to_string(directory.join("account.yaml")).unwrap();
    fs::write(directory.join("account.yaml"), config.replace("222222222222", "2222")).unwrap();
    let wrong = run(directory, "kustomize", &build);
    assert!(!wrong.status.success() && errors(&wrong).contains("has 4 digits"), "{}", errors(&wrong));
    assert_eq!(text(&wrong), "");
}

#[test]
fn kpt_writes_the_files() {
    if peer("kpt").is_none() {
        return skip("kpt_writes_the_files", "no kpt");
    }
    let directory = directory(&["kpt"]);
    let directory = directory.path();
    let package = directory.join("package");
    fs::create_dir(&package).unwrap();
    for name in ["a", "b"] {
        let text = cluster(name, 0).replace("  annotations:\n    internal.config.kubernetes.io/path: 'PATH'\n    internal.config.kubernetes.io/index: '0'\n", "");
        fs::write(package.join(format!("{name}.yaml")), text).unwrap();
    }
    let eval = |flags: &str| {
        let exec = format!("kubectl-xaccount fn --account=222222222222{flags}");
        run(directory, "kpt", &["fn", "eval", "package", "--results-dir", "results", "--exec", &exec])
    };
    let wrong = eval("");
    assert!(!wrong.status.success(), "{}", errors(&wrong));
    let results = fs::read_to_string(directory.join("results/results.yaml")).unwrap();
    assert!(results.contains("would be used by 2 files") && results.contains("severity: error"), "{results}");
    assert!(!fs::read_to_string(package.join("a.yaml")).unwrap().contains("identityRef"));

    let done = eval(" --identity-file=ids/identities.yaml");
    assert!(done.status.success(), "{}", errors(&done));
    for name in ["a.yaml", "b.yaml"] {
        assert!(fs::read_to_string(package.join(name)).unwrap().contains(IDENTITY), "{name}");
    }
    let identities = fs::read_to_string(package.join("ids/identities.yaml")).unwrap();
    assert_eq!(identities.matches("kind: AWSClusterRoleIdentity").count(), 1, "{identities}");
    assert!(!identities.contains("annotations"), "{identities}");
    let results = fs::read_to_string(directory.join("results/results.yaml")).unwrap();
    assert_eq!(results.matches("severity: info").count(), 3, "{results}");
    let check = "inject package -R --account 222222222222 --identity-file package/ids/identities.yaml --check";
    let check = xaccount().current_dir(directory).args(check.split(' ')).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", errors(&check));
}
