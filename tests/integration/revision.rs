//! `status --against REV`: files as a Git revision has them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::xaccount;

fn cluster(name: &str, identity: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n\
         metadata: {{name: {name}, namespace: dev}}\nspec:\n  region: us-east-1\n  identityRef: {{kind: AWSClusterRoleIdentity, name: {identity}}}\n"
    )
}

fn identity(name: &str, account: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {{name: {name}}}\n\
         spec:\n  allowedNamespaces: {{}}\n  roleARN: arn:aws:iam::{account}:role/capa\n  \
         sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}\n"
    )
}

fn git(directory: &Path, words: &str) {
    let mut command = Command::new("git");
    command.current_dir(directory).args([
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
    ]);
    let out = command.args(words.split(' ')).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(out.status.success(), "git {words}: {}", String::from_utf8_lossy(&out.stderr));
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A repository whose commit `before` has two clusters; in the work tree, one has moved and one is new.
fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    git(at, "init -q -b main");
    write(at, "clusters/ids.yaml", &(identity("one", "222222222222") + "---\n" + &identity("two", "333333333333")));
    write(at, "clusters/a.yaml", &cluster("a", "one"));
    write(at, "clusters/below/b.yaml", &cluster("b", "one"));
    write(at, "clusters/overlay/kustomization.yaml", "patches: [{path: patch.yaml}]\n");
    write(at, "clusters/overlay/patch.yaml", &cluster("a", "two"));
    git(at, "add -A");
    git(at, "commit -q -m one");
    git(at, "tag before");
    write(at, "clusters/a.yaml", &cluster("a", "two"));
    write(at, "clusters/c.yaml", &cluster("c", "two"));
    directory
}

fn status(directory: &Path, words: &str) -> Output {
    xaccount().current_dir(directory).arg("status").args(words.split(' ')).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn clusters_are_compared_with_a_revision() {
    let repository = repository();
    let index = fs::read(repository.path().join(".git/index")).unwrap();
    for revision in ["before", "git:before", "HEAD", "main"] {
        let out = status(repository.path(), &format!("clusters -R --against {revision} --exit-code"));
        let stdout = text(&out.stdout);
        assert_eq!(out.status.code(), Some(1), "{stdout}{}", text(&out.stderr));
        assert!(stdout.contains("dev/a 222222222222 -> 333333333333 (identityRef, clusters/a.yaml:6)\n"), "{stdout}");
        assert!(stdout.contains("dev/c appeared in 333333333333 (clusters/c.yaml:"), "{stdout}");
        assert_eq!(stdout.lines().count(), 2, "patches and unchanged clusters are not in it: {stdout}");
    }
    // What is gone has the revision's name.
    fs::remove_file(repository.path().join("clusters/below/b.yaml")).unwrap();
    let out = status(repository.path(), "clusters -R --against before");
    assert!(
        text(&out.stdout).contains("dev/b gone from 222222222222 (before:clusters/below/b.yaml:"),
        "{}",
        text(&out.stdout)
    );
    // Git's own files are only read.
    assert_eq!(fs::read(repository.path().join(".git/index")).unwrap(), index);
}

#[test]
fn recursion_and_named_files_are_as_in_the_work_tree() {
    let repository = repository();
    let out = status(repository.path(), "clusters --against before");
    assert_eq!(text(&out.stdout).lines().count(), 2, "{}", text(&out.stdout));
    let out = status(repository.path(), "clusters/below/b.yaml clusters/ids.yaml --against before --exit-code");
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(0), ""), "{}", text(&out.stderr));
    let below = repository.path().join("clusters");
    let out = status(&below, "a.yaml ids.yaml --against before");
    assert!(text(&out.stdout).starts_with("dev/a 222222222222 -> 333333333333 "), "{}", text(&out.stdout));
}

#[test]
fn a_name_that_is_both_or_neither_is_an_error() {
    let repository = repository();
    write(repository.path(), "main/x.yaml", &cluster("a", "one"));
    let refused = |words: &str, wanted: &[&str]| {
        let out = status(repository.path(), words);
        let stderr = text(&out.stderr);
        assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0), "{stderr}");
        wanted.iter().for_each(|word| assert!(stderr.contains(word), "{word} is not in {stderr}"));
    };
    let both = ["'main' is a path and a Git revision", "--against git:main", "--against ./main"];
    refused("clusters -R --against main", &both);
    refused("clusters -R --against nowhere", &["'nowhere' is neither a path nor a Git revision"]);
    refused("clusters -R --against git:nowhere", &["'nowhere' is not a Git revision of"]);
    refused("clusters -R --against git:--output=x", &["is not a Git revision of"]);
    refused("clusters -R --against HEAD,before", &["--against takes one Git revision"]);
    for way in ["./main", "git:main"] {
        let out = status(repository.path(), &format!("clusters -R --against {way}"));
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    }
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "a.yaml", &cluster("a", "one"));
    let out = status(outside.path(), "a.yaml --against git:main");
    assert!(
        out.status.code() == Some(2) && text(&out.stderr).contains("is not in a Git repository"),
        "{}",
        text(&out.stderr)
    );
}
