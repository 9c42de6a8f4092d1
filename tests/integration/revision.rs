//! `status --against REV`: files as a Git revision has them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::repository::{git, write};
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
        text(&out.stdout).contains("dev/b gone from 222222222222 (git:before/clusters/below/b.yaml:"),
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

#[test]
fn links_are_read_and_what_cant_be_read_counts() {
    let repository = repository();
    let at = repository.path();
    write(at, "shared/l.yaml", &cluster("l", "one"));
    std::os::unix::fs::symlink("../shared/l.yaml", at.join("clusters/l.yaml")).unwrap();
    git(at, "add -A");
    git(at, "commit -q -m two");
    write(at, "shared/l.yaml", &cluster("l", "two"));
    let out = status(at, "clusters -R --against HEAD --exit-code");
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("dev/l 222222222222 -> 333333333333 "), "{}", text(&out.stdout));

    // A link out of the repository, and a submodule.
    let outside = at.parent().unwrap().join("nowhere.yaml");
    std::os::unix::fs::symlink(&outside, at.join("clusters/out.yaml")).unwrap();
    let commit = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(at).output().unwrap().stdout;
    let module = format!("update-index --add --cacheinfo 160000,{},clusters/module", text(&commit).trim());
    git(at, &module);
    git(at, "add -A clusters/out.yaml");
    git(at, "commit -q -m three");
    fs::remove_file(at.join("clusters/out.yaml")).unwrap();
    git(at, "checkout -q -- shared/l.yaml");
    let out = status(at, "clusters -R --against HEAD --exit-code");
    let stderr = text(&out.stderr);
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("git:HEAD/clusters/out.yaml is a link to something outside of the repository"), "{stderr}");
    assert!(stderr.contains("git:HEAD/clusters/module is a submodule"), "{stderr}");
    let out = status(at, "clusters -R --against HEAD -o json");
    assert_eq!(text(&out.stdout).matches("\"message\"").count(), 2, "{}", text(&out.stdout));
    assert_eq!(status(at, "clusters -R --against HEAD --strict").status.code(), Some(2));
}

#[test]
fn a_directory_that_the_revision_lacks_is_not_a_directory_of_new_clusters() {
    let repository = repository();
    let at = repository.path();
    fs::rename(at.join("clusters"), at.join("fleet")).unwrap();
    let out = status(at, "fleet -R --against before --exit-code");
    assert!(
        out.status.code() == Some(2) && text(&out.stderr).contains("fleet does not exist in before"),
        "{}",
        text(&out.stderr)
    );
    fs::create_dir(at.join("clusters")).unwrap();
    let out = status(at, "fleet clusters -R --against before --exit-code");
    let stderr = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("fleet does not exist in before: its clusters may have moved"), "{stderr}");
    // Each cluster is in both trees.
    assert!(text(&out.stdout).contains("dev/a 222222222222 -> 333333333333 "), "{}", text(&out.stdout));
}

#[test]
fn messages_about_the_revision_have_its_places_and_nothing_stays_behind() {
    let repository = repository();
    let at = repository.path();
    write(
        at,
        "clusters/broken.yaml",
        &(cluster("x", "one")
            + "---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: y\n"),
    );
    git(at, "add -A");
    git(at, "commit -q -m broken");
    fs::remove_file(at.join("clusters/broken.yaml")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let words = ["status", "clusters", "-R", "--against", "HEAD"];
    let out = xaccount().current_dir(at).args(words).env("TMPDIR", temporary.path()).output().unwrap();
    let stderr = text(&out.stderr);
    assert!(
        stderr.contains("--> git:HEAD/clusters/broken.yaml:10:11") && stderr.contains("metadata: {name: y"),
        "{stderr}"
    );
    assert!(!stderr.contains(temporary.path().to_str().unwrap()), "{stderr}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);

    let nothing = tempfile::tempdir().unwrap();
    let out = xaccount().current_dir(at).args(words).env("PATH", nothing.path()).output().unwrap();
    let stderr = text(&out.stderr);
    assert!(out.status.code() == Some(2) && stderr.contains("git is not on PATH"), "{stderr}");
}
