//! What `--prune` searches: the whole Git work tree, links that lead nowhere, and files that are not what their names say.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::repository::write as put;
use crate::support::{make_fifo, xaccount};

const DEV: &str = "cross-account-role-222222222222";
const PROD: &str = "cross-account-role-333333333333";

fn cluster(name: &str, namespace: &str, identity: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n  \
         namespace: {namespace}\nspec:\n  region: us-west-2\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: \
         {identity}\n"
    )
}

fn identity(account: &str, namespaces: &[&str]) -> String {
    let list: String = namespaces.iter().map(|name| format!("    - {name}\n")).collect();
    format!(
        "---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: \
         cross-account-role-{account}\nspec:\n  allowedNamespaces:\n    list:\n{list}  roleARN: \
         arn:aws:iam::{account}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\n  sourceIdentityRef:\n    kind: \
         AWSClusterControllerIdentity\n    name: default\n"
    )
}

/// A map of two accounts: clusters `a*` and `p*`.
fn map(more: &str) -> String {
    let account = |name: &str, id: &str| {
        format!("- name: {name}\n  account: \"{id}\"\n  clusters: {{names: [\"{}*\"]}}\n", &name[..1])
    };
    let accounts = [account("a", "222222222222"), account("p", "333333333333")].concat();
    format!("apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\n{more}accounts:\n{accounts}")
}

/// What a run prints on stderr, and its exit status. A run that hangs is an error.
fn run(directory: &Path, line: &str) -> (String, i32) {
    let mut command = xaccount();
    command.current_dir(directory).args(line.split_whitespace());
    let (start, limit) = (Instant::now(), Duration::from_secs(60));
    let mut child = command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > limit {
            child.kill().unwrap();
            panic!("{line} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
}

/// A work tree in which two directories with maps of their own share the identities of `shared/ids.yaml`.
fn shared() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::create_dir(at.join(".git")).unwrap();
    for name in ["m1", "m2"] {
        put(at, &format!("{name}/.xaccount.yaml"), &map(""));
    }
    put(at, "m1/a.yaml", &cluster("a", "x", DEV));
    put(at, "m2/a.yaml", &cluster("a", "z", DEV));
    let ids = [identity("222222222222", &["x", "z", "gone"]), identity("333333333333", &["p"])].concat();
    put(at, "shared/ids.yaml", &ids);
    directory
}

const PRUNE_SHARED: &str = "identity --prune --identity-file shared/ids.yaml --config m1/.xaccount.yaml";

#[test]
fn a_namespace_of_another_map_of_the_work_tree_is_kept() {
    let directory = shared();
    let at = directory.path();
    let (stderr, status) = run(at, PRUNE_SHARED);
    assert_eq!(status, 1, "{stderr}");
    assert!(stderr.contains("does not allow namespace gone any more"), "{stderr}");
    assert!(stderr.contains(&format!("{PROD}  removed")), "{stderr}");
    // Another identity of the chain is used there.
    put(at, "m2/a.yaml", &cluster("a", "gone", "spoke"));
    let spoke = identity("444444444444", &["gone"]).replace("cross-account-role-444444444444", "spoke");
    let hub = format!("kind: AWSClusterRoleIdentity\n    name: {DEV}");
    put(at, "m2/ids.yaml", &spoke.replace("kind: AWSClusterControllerIdentity\n    name: default", &hub));
    let (stderr, _) = run(at, PRUNE_SHARED);
    assert!(stderr.contains("does not allow namespace z any more"), "{stderr}");
    // What only mentions the identity may use it in any namespace.
    put(at, "other/values.yaml", &format!("identity: {DEV}\n"));
    let (stderr, _) = run(at, PRUNE_SHARED);
    assert!(stderr.contains("keeps namespaces in shared/ids.yaml:2: other/values.yaml:1 mentions it"), "{stderr}");
    assert!(!stderr.contains("does not allow"), "{stderr}");
}

#[test]
fn clusters_outside_of_the_directory_of_the_map_count_as_for_eject() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::create_dir(at.join(".git")).unwrap();
    put(at, "m1/.xaccount.yaml", &map("identityFile: ids.yaml\n"));
    put(at, "m1/a.yaml", &cluster("a", "x", DEV));
    let ids = [identity("222222222222", &["x", "birds", "z"]), identity("333333333333", &["z"])].concat();
    put(at, "m1/ids.yaml", &ids);
    put(at, "other/a.yaml", &cluster("b", "birds", DEV));
    put(at, "other/b.yaml", &cluster("r", "z", PROD));
    for line in ["identity --prune --check", "eject ids.yaml --prune --check"] {
        let (stderr, _) = run(&at.join("m1"), line);
        assert!(!stderr.contains("removed, because"), "{line}: {stderr}");
    }
    let (stderr, status) = run(&at.join("m1"), "identity --prune");
    assert_eq!(status, 1, "{stderr}");
    assert!(stderr.contains(&format!("{PROD} is kept in ids.yaml:17: ")), "{stderr}");
    assert!(stderr.contains("b.yaml:10 mentions it"), "{stderr}");
    assert!(stderr.contains("does not allow namespace z any more"), "{stderr}");
    // A cluster whose namespace a later step fills in may be in any.
    put(at, "other/a.yaml", &cluster("b", "${NS}", DEV));
    let (stderr, status) = run(&at.join("m1"), "identity --prune");
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("has a placeholder in its namespace"), "{stderr}");
}

#[test]
fn a_link_that_leads_nowhere_is_skipped_and_keeps_identities() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    put(at, ".xaccount.yaml", &map("identityFile: ids.yaml\n"));
    put(at, "clusters/a.yaml", &cluster("a", "x", DEV));
    put(at, "ids.yaml", &[identity("222222222222", &["x", "birds"]), identity("333333333333", &["z"])].concat());
    let (stderr, status) = run(at, "identity --prune");
    assert_eq!((status, stderr.matches("removed, because").count()), (1, 1), "{stderr}");
    for (target, name) in [("missing.yaml", "gone.yaml"), ("loop.yaml", "loop.yaml"), ("a.yaml/x", "below.yaml")] {
        let link = at.join("clusters").join(name);
        symlink(target, &link).unwrap();
        let skipped = format!("clusters/{name} is skipped: it is a symbolic link that leads nowhere");
        for line in ["identity", "map which x/a", "identity --prune"] {
            let (stderr, status) = run(at, line);
            assert_eq!((status, stderr.contains(&skipped)), (0, true), "{line}: {stderr}");
        }
        let (stderr, _) = run(at, "identity --prune");
        let kept =
            format!("clusters/{name} is a symbolic link that leads nowhere, and the missing file may reference it");
        assert_eq!(stderr.matches(&kept).count(), 2, "{stderr}");
        fs::remove_file(link).unwrap();
    }
}

#[test]
fn a_map_is_a_regular_file_of_a_sensible_size() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    put(at, "a.yaml", &cluster("a", "x", DEV));
    symlink("/dev/zero", at.join("zero.yaml")).unwrap();
    make_fifo(&at.join("fifo.yaml"));
    symlink("fifo.yaml", at.join("link.yaml")).unwrap();
    fs::File::create(at.join("large.yaml")).unwrap().set_len((10 << 20) + 1).unwrap();
    for (name, why) in [
        ("zero.yaml", "zero.yaml is not a regular file"),
        ("fifo.yaml", "fifo.yaml is not a regular file"),
        ("link.yaml", "link.yaml is not a regular file"),
        ("large.yaml", "large.yaml has more than 10 MiB; is it the right file?"),
    ] {
        let (stderr, status) = run(at, &format!("status a.yaml --config {name}"));
        assert_eq!((status, stderr.contains(why)), (2, true), "{name}: {stderr}");
        put(at, "shared.yaml", &map(&format!("accountsFrom: {name}\n")));
        let (stderr, status) = run(at, "status a.yaml --config shared.yaml");
        assert_eq!((status, stderr.contains(why)), (2, true), "accountsFrom {name}: {stderr}");
    }
    symlink("zero.yaml", at.join(".xaccount.yaml")).unwrap();
    assert_eq!(run(at, "identity").1, 2);
    // A policy may come from a pipe, but not without an end.
    let policy = "inject a.yaml --no-config --account 222222222222 --overwrite --inline-policy";
    let (stderr, status) = run(at, &format!("{policy} zero.yaml"));
    assert_eq!((status, stderr.contains("has more than 10 MiB")), (2, true), "{stderr}");
    let fifo = at.join("fifo.yaml");
    let writer = std::thread::spawn(move || fs::write(fifo, "{\"Version\": \"2012-10-17\", \"Statement\": []}"));
    let (stderr, _) = run(at, &format!("{policy} fifo.yaml"));
    assert!(writer.join().unwrap().is_ok() && !stderr.contains("regular"), "{stderr}");
}
