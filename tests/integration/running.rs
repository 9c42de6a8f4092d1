//! Clusters that may run: Git's HEAD decides, read with the `git` on `PATH`; and `fn`, which does not read Git.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cases::{execute, words};
use crate::support::{skip, xaccount};

/// Variables to unset when git runs in a test repository, because the tests themselves may run in a git hook.
const OF_GIT: [&str; 6] =
    ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"];

const DEV: &str = "cross-account-role-222222222222";

fn cluster(name: &str, identity: Option<&str>) -> String {
    let reference = identity.map_or(String::new(), |identity| {
        format!("  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: {identity}\n")
    });
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n  \
         namespace: birds\nspec:\n  region: us-west-2\n{reference}"
    )
}

fn identity(name: &str, account: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: {name}\nspec:\n  \
         allowedNamespaces: {{}}\n  roleARN: arn:aws:iam::{account}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\n  \
         sourceIdentityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n"
    )
}

/// A repository in a directory of its own.
struct Repo {
    directory: tempfile::TempDir,
}

impl Repo {
    fn new() -> Self {
        let repo = Self { directory: tempfile::tempdir().unwrap() };
        repo.git(&["init", "-q"]);
        repo
    }

    /// A repository with these files committed.
    fn of(files: &[(&str, &str)]) -> Self {
        let repo = Self::new();
        files.iter().for_each(|(name, text)| repo.put(name, text));
        repo.commit();
        repo
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.path(), args)
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--no-verify", "--no-gpg-sign", "-m", "x"]);
    }

    /// Runs a line in the repository and checks the exit status; returns the output.
    fn run(&self, status: i32, line: &str) -> String {
        said(status, line, &execute(self.path(), &words(line), b""))
    }
}

fn git(directory: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    OF_GIT.iter().for_each(|name| {
        command.env_remove(name);
    });
    let settings = ["user.name=a", "user.email=a@example.com", "init.defaultBranch=main", "protocol.file.allow=always"];
    settings.iter().for_each(|setting| {
        command.args(["-c", setting]);
    });
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.args(args).current_dir(directory).output().expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn said(status: i32, line: &str, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{line}\n{text}");
    assert!(status != 2 || output.stdout.is_empty(), "{line}: an error prints nothing on stdout");
    text
}

const TO_DEV: &str = "--account 222222222222";
const FROM_SOURCE: &str = "may be running in the source account, and would be pointed at 222222222222";

#[test]
fn a_committed_cluster_is_not_moved_without_a_flag() {
    let repo = Repo::of(&[("c.yaml", &cluster("wren", None))]);
    let before = repo.read("c.yaml");
    for mode in ["", "--dry-run", "--dry-run=client"] {
        let text = repo.run(1, &format!("inject c.yaml {TO_DEV} {mode}"));
        assert!(text.starts_with(&format!("Warning: AWSCluster birds/wren {FROM_SOURCE}")), "{text}");
        assert!(text.contains("Git's HEAD has it with no identityRef"), "{text}");
    }
    for mode in ["--check", "--write", "--write --exit-code", "--check --overwrite"] {
        let text = repo.run(2, &format!("inject c.yaml {TO_DEV} {mode}"));
        assert!(text.starts_with(&format!("error: AWSCluster birds/wren {FROM_SOURCE}")), "{text}");
        assert!(text.contains("source: {clusters: {names: [\"wren\"]}}"), "{text}");
        assert!(text.contains("--move-account source=222222222222\n"), "{text}");
        assert!(!text.contains("--orphan-resources"), "{text}");
    }
    assert_eq!(repo.read("c.yaml"), before);
    // GitOps renders these formats from Git on every run, so HEAD is not used for them, only the objects.
    for format in ["yaml", "patch", "json-patch", "report"] {
        let text = repo.run(0, &format!("inject c.yaml {TO_DEV} -o {format}"));
        assert!(!text.contains("Warning"), "{text}");
    }
    repo.run(0, "inject c.yaml --write --move-account source=222222222222");
    assert!(repo.read("c.yaml").contains(DEV));
    // The same command again, before and after the commit.
    repo.run(0, "inject c.yaml --write --move-account source=222222222222");
    repo.commit();
    repo.run(0, "inject c.yaml --write --move-account source=222222222222");
    repo.run(0, &format!("inject c.yaml {TO_DEV} --check"));
}

#[test]
fn a_cluster_that_is_not_in_head_may_move() {
    let wren = cluster("wren", None);
    let repo = Repo::of(&[
        ("other.yaml", &wren),
        ("c.yaml", &cluster("wren", None).replace("birds", "fish")),
        (
            "k.yaml",
            &cluster("wren", None).replace("AWSCluster", "AWSClusterTemplate").replace("spec:\n", "spec: {}\nx:\n"),
        ),
    ]);
    // Another namespace, kind or path is another cluster.
    for name in ["c.yaml", "k.yaml", "new.yaml", "staged.yaml"] {
        repo.put(name, &wren);
    }
    repo.git(&["add", "staged.yaml"]);
    repo.put(".gitignore", "ignored.yaml\n");
    repo.put("ignored.yaml", &wren);
    for name in ["c.yaml", "k.yaml", "new.yaml", "staged.yaml", "ignored.yaml"] {
        assert!(!repo.run(1, &format!("inject {name} {TO_DEV}")).contains("Warning"), "{name}");
        repo.run(0, &format!("inject {name} {TO_DEV} --write"));
    }
    // The same for standard input, even if it has the name of a committed file.
    for flags in ["--check", "--write --stdin-filename other.yaml"] {
        let line = format!("inject -f - {TO_DEV} {flags}");
        let output = execute(repo.path(), &words(&line), wren.as_bytes());
        said(if flags == "--check" { 1 } else { 0 }, &line, &output);
    }
    repo.run(2, &format!("inject other.yaml {TO_DEV} --check"));
}

#[test]
fn without_git_or_head_a_cluster_may_move() {
    let wren = cluster("wren", None);
    let unborn = Repo::new();
    unborn.put("c.yaml", &wren);
    unborn.git(&["add", "c.yaml"]);
    unborn.run(1, &format!("inject c.yaml {TO_DEV} --check"));

    let none = tempfile::tempdir().unwrap();
    fs::write(none.path().join("c.yaml"), &wren).unwrap();
    let line = format!("inject c.yaml {TO_DEV} --check");
    said(1, &line, &execute(none.path(), &words(&line), b""));
    // A directory that is only named like a repository, and a worktree whose repository is missing.
    fs::create_dir(none.path().join(".git")).unwrap();
    said(1, &line, &execute(none.path(), &words(&line), b""));
    fs::remove_dir(none.path().join(".git")).unwrap();
    fs::write(none.path().join(".git"), "gitdir: /nowhere/at/all\n").unwrap();
    said(1, &line, &execute(none.path(), &words(&line), b""));

    let repo = Repo::of(&[("c.yaml", &wren)]);
    repo.run(2, &line);
    let empty = tempfile::tempdir().unwrap();
    let output = xaccount().current_dir(repo.path()).args(words(&line)).env("PATH", empty.path()).output().unwrap();
    said(1, &line, &output);
}

#[test]
fn a_directory_named_like_a_repository_hides_the_one_above() {
    let repo = Repo::of(&[("c.yaml", &cluster("wren", None))]);
    // The same path, from a directory whose `.git` is not a repository: the repository above has another file of that
    // name.
    fs::create_dir_all(repo.path().join("sub/.git")).unwrap();
    repo.put("sub/c.yaml", &cluster("wren", None));
    repo.run(1, &format!("inject sub/c.yaml {TO_DEV} --check"));
}

#[test]
fn an_unreadable_repository_is_an_error() {
    let repo = Repo::of(&[("c.yaml", &cluster("wren", None))]);
    // The file, its directory and the commit; each broken, and each missing.
    for name in ["HEAD:c.yaml", "HEAD^{tree}", "HEAD"] {
        let id = repo.git(&["rev-parse", name]);
        let object = repo.path().join(".git/objects").join(&id[..2]).join(id[2..].trim());
        let content = fs::read(&object).unwrap();
        fs::set_permissions(&object, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        for broken in [true, false] {
            if broken {
                fs::write(&object, "broken").unwrap()
            } else {
                fs::remove_file(&object).unwrap()
            }
            for mode in ["", "--check", "--write"] {
                let text = repo.run(2, &format!("inject c.yaml {TO_DEV} {mode}"));
                assert!(text.starts_with("error: git can't read HEAD of "), "{name}: {text}");
            }
            repo.run(0, &format!("inject c.yaml {TO_DEV} -o yaml"));
        }
        fs::write(&object, content).unwrap();
        repo.run(2, &format!("inject c.yaml {TO_DEV} --check"));
    }
}

#[test]
fn the_account_in_head_counts() {
    let map = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\naccounts:\n- name: development\n  account: \"222222222222\"\n  \
               clusters: {names: [\"*\"]}\n- name: production\n  account: \"333333333333\"\n  identityName: prod\n";
    let repo = Repo::of(&[
        ("c.yaml", &cluster("wren", Some("flock"))),
        ("ids.yaml", &identity("flock", "333333333333")),
        ("prod.yaml", &cluster("robin", Some("prod"))),
        ("keys.yaml", &cluster("ibis", Some("gone"))),
        ("dev.yaml", &cluster("heron", Some(DEV))),
    ]);
    // The reference was removed since: HEAD has the account, and its own version of the identity.
    repo.put("c.yaml", &cluster("wren", None));
    repo.put("ids.yaml", &identity("flock", "222222222222"));
    let text = repo.run(2, &format!("inject c.yaml {TO_DEV} --identity-file ids.yaml --check"));
    assert!(text.contains("may be running in account 333333333333, and would be pointed at 222222222222"), "{text}");
    assert!(text.contains("Git's HEAD has it with AWSClusterRoleIdentity/flock"), "{text}");
    assert!(text.contains("--move-account 333333333333=222222222222\n"), "{text}");
    // An identity that a file of the run had in HEAD, and no longer has.
    repo.put("ids.yaml", "# empty\n");
    repo.run(1, "inject c.yaml ids.yaml --move-account 333333333333=222222222222 --identity-file new.yaml --check");
    // An identity that no file of the run has.
    let text = repo.run(2, &format!("inject c.yaml {TO_DEV} --check"));
    assert!(text.contains("--move-account unknown=222222222222 --cluster-name wren\n"), "{text}");
    // An identity that the map knows.
    repo.put("map.yaml", map);
    repo.put("prod.yaml", &cluster("robin", None));
    let text = repo.run(2, "inject prod.yaml --config map.yaml --check");
    assert!(
        text.contains("may be running in account 333333333333 (production), and would be pointed at 222222222222"),
        "{text}"
    );
    assert!(text.contains("correct the account map at map.yaml:6"), "{text}");
    repo.run(1, "inject prod.yaml --config map.yaml --check --move-account production=development");
    // Back to the account in HEAD, from no account and from another one.
    for there in [None, Some("cross-account-role-444444444444"), Some("somewhere")] {
        repo.put("dev.yaml", &cluster("heron", there));
        repo.run(0, &format!("inject dev.yaml {TO_DEV} --write"));
    }
    // Further from an account that was never committed: both moves must be requested.
    repo.put("dev.yaml", &cluster("heron", Some("cross-account-role-444444444444")));
    let line = "inject dev.yaml --account 333333333333 --check";
    repo.run(2, line);
    repo.run(2, &format!("{line} --move-account 444444444444=333333333333"));
    repo.run(2, &format!("{line} --move-account 222222222222=333333333333"));
    repo.run(1, &format!("{line} --move-account 222222222222=333333333333 --move-account 444444444444=333333333333"));
}

#[test]
fn marks_in_head_belong_to_the_account_in_head() {
    let alive = |text: String| text.replace("  namespace", "  uid: 0f0e0d0c-0000-4000-8000-000000000001\n  namespace");
    let repo = Repo::of(&[("c.yaml", &alive(cluster("heron", Some(DEV))))]);
    repo.put("c.yaml", &alive(cluster("heron", Some("cross-account-role-444444444444"))));
    repo.run(1, &format!("inject c.yaml {TO_DEV} --check"));
    // Marks that HEAD doesn't have belong to the object as it is now.
    let repo = Repo::of(&[("c.yaml", &cluster("heron", Some(DEV)))]);
    repo.put("c.yaml", &alive(cluster("heron", None)));
    let text = repo.run(2, &format!("inject c.yaml {TO_DEV} --check"));
    assert!(text.contains("--move-account source=222222222222 --orphan-resources birds/heron\n"), "{text}");
}

#[test]
fn an_unreadable_version_may_contain_the_cluster() {
    let broken = format!("{}  tags: [\n", cluster("wren", None));
    let repo = Repo::of(&[("c.yaml", &broken)]);
    repo.put("c.yaml", &cluster("wren", None));
    let text = repo.run(2, &format!("inject c.yaml {TO_DEV} --check"));
    assert!(text.contains("can't be read in Git's HEAD"), "{text}");
    repo.run(1, "inject c.yaml --check --move-account unknown=222222222222 --cluster-name wren");
    // If two objects have the same name, either may be the one that runs.
    let twice = format!("{}---\n{}", cluster("wren", Some(DEV)), cluster("wren", None));
    let repo = Repo::of(&[("c.yaml", &twice)]);
    repo.put("c.yaml", &cluster("wren", None));
    repo.run(2, &format!("inject c.yaml {TO_DEV} --check"));
}

#[test]
fn a_cluster_that_a_changed_identity_moves_counts() {
    let repo =
        Repo::of(&[("c.yaml", &cluster("wren", Some("flock"))), ("ids.yaml", &identity("flock", "333333333333"))]);
    let line = "inject c.yaml --identity-name flock --identity-file ids.yaml --check";
    let text = repo.run(2, &format!("{line} {TO_DEV}"));
    assert!(text.contains("AWSCluster birds/wren may be running in account 333333333333"), "{text}");
    repo.run(1, &format!("{line} --move-account 333333333333=222222222222"));
}

#[test]
fn an_object_in_the_dump_counts_instead_of_head() {
    let repo = Repo::of(&[("c.yaml", &cluster("wren", None))]);
    // The dump may be of another namespace or management cluster: an object that it lacks proves nothing.
    repo.put("live.yaml", &cluster("robin", None));
    repo.run(2, &format!("inject c.yaml {TO_DEV} --live=live.yaml --check"));
    // In the dump it already has the target account, whatever HEAD has; and the reverse.
    repo.put("live.yaml", &cluster("wren", Some(DEV)));
    repo.run(1, &format!("inject c.yaml {TO_DEV} --live=live.yaml --check"));
    let text = repo.run(2, "inject c.yaml --account 333333333333 --live=live.yaml --check");
    assert!(text.contains("may be running in account 222222222222"), "{text}");
}

#[test]
fn a_fleet_gets_one_message_with_lines_that_work() {
    let map = |rest: &str, except: &str| {
        format!(
            "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsource:\n  account: \"111111111111\"\n{rest}\
             identityFile: ids.yaml\naccounts:\n- name: development\n  account: \"222222222222\"\n  \
             clusters: {{namespaces: [birds]{except}}}\n"
        )
    };
    let repo = Repo::new();
    for n in 0..200 {
        repo.put(&format!("clusters/{n}.yaml"), &cluster(&format!("bird-{n}"), None));
    }
    repo.commit();
    repo.put(".xaccount.yaml", &map("", ""));
    repo.put("clusters/new.yaml", &cluster("new", None));
    let text = repo.run(2, "inject clusters --write");
    assert_eq!(text.matches("error: ").count(), 1, "{text}");
    assert!(text.starts_with("error: 200 objects may be running in the source account"), "{text}");
    let line = |start: &str| {
        let line = text.lines().find(|line| line.contains(start)).unwrap();
        line[line.find(": clusters: {").or(line.find(": except: {")).unwrap() + 2..].to_owned()
    };
    let (clusters, except) = (line(": clusters: {"), line(": except: {"));
    repo.put(".xaccount.yaml", &map(&format!("  {clusters}\n"), &format!(", {except}")));
    repo.run(0, "inject clusters --write");
    assert!(repo.git(&["diff", "--name-only"]).is_empty(), "no committed file is touched");
    assert!(repo.read("clusters/new.yaml").contains(DEV));
}

#[test]
fn names_are_looked_up_byte_for_byte() {
    let repo = Repo::new();
    let odd = [
        "a b.yaml",
        "ä.yaml",
        "a\tb.yaml",
        "new\nline.yaml",
        "end\r/c.yaml",
        ":colon.yaml",
        "-dash.yaml",
        "a\"b\\.yaml",
    ];
    let bytes = std::ffi::OsStr::from_bytes(b"latin-\xe4.yaml");
    let paths: Vec<PathBuf> = odd.iter().map(PathBuf::from).chain([PathBuf::from(bytes)]).collect();
    for path in &paths {
        let whole = repo.path().join(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        // Some file systems don't accept every name.
        let Err(error) = fs::write(&whole, cluster("wren", None)) else { continue };
        skip("names_are_looked_up_byte_for_byte", &format!("{}: {error}", whole.display()));
        return;
    }
    repo.commit();
    for path in &paths {
        let mut command = xaccount();
        command
            .current_dir(repo.path())
            .arg("inject")
            .arg(Path::new(".").join(path))
            .args(words(TO_DEV))
            .arg("--check");
        let text = said(2, &path.display().to_string(), &command.output().unwrap());
        assert!(text.contains(FROM_SOURCE), "{text}");
    }
    // A carriage return at the end of a name, which git removes from a line.
    fs::write(repo.path().join("twin.yaml"), cluster("wren", None)).unwrap();
    repo.commit();
    fs::rename(repo.path().join("twin.yaml"), repo.path().join("twin.yaml\r")).unwrap();
    let mut command = xaccount();
    command.current_dir(repo.path()).arg("inject").arg("twin.yaml\r").args(words(TO_DEV)).arg("--check");
    said(1, "twin.yaml\\r", &command.output().unwrap());
}

#[test]
fn a_file_is_looked_up_where_it_is() {
    let repo = Repo::of(&[("clusters/c.yaml", &cluster("wren", None))]);
    let line = format!("{TO_DEV} --check");
    // From a directory below, from outside, and through links.
    fs::create_dir(repo.path().join("below")).unwrap();
    let below = format!("inject ../clusters/c.yaml {line}");
    said(2, &below, &execute(&repo.path().join("below"), &words(&below), b""));
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(repo.path().join("clusters"), outside.path().join("link")).unwrap();
    for path in [repo.path().join("clusters/c.yaml"), outside.path().join("link/c.yaml")] {
        let line = format!("inject {} {line}", path.display());
        said(2, &line, &execute(outside.path(), &words(&line), b""));
    }
    // A worktree has a HEAD of its own.
    let tree = outside.path().join("tree");
    repo.git(&["worktree", "add", "-q", tree.to_str().unwrap()]);
    let here = format!("inject clusters/c.yaml {line}");
    said(2, &here, &execute(&tree, &words(&here), b""));
    git(&tree, &["rm", "-q", "--cached", "clusters/c.yaml"]);
    git(&tree, &["commit", "-q", "-m", "gone"]);
    said(1, &here, &execute(&tree, &words(&here), b""));
    said(2, &here, &execute(repo.path(), &words(&here), b""));
    // The same for a submodule.
    let outer = Repo::of(&[("c.yaml", &cluster("robin", None))]);
    outer.git(&["submodule", "add", "-q", repo.path().to_str().unwrap(), "sub"]);
    outer.commit();
    outer.run(2, &format!("inject sub/clusters/c.yaml {line}"));
    let text = outer.run(2, &format!("inject sub/clusters/c.yaml c.yaml {line} --identity-file ids.yaml"));
    assert!(text.contains("2 objects may be running"), "{text}");
}

#[test]
fn the_environment_does_not_select_another_repository() {
    let repo = Repo::of(&[("c.yaml", &cluster("wren", None))]);
    let other = Repo::of(&[("d.yaml", "")]);
    let line = format!("inject c.yaml {TO_DEV} --check");
    for (name, value) in [
        ("GIT_DIR", other.path().join(".git")),
        ("GIT_WORK_TREE", other.path().to_owned()),
        ("GIT_INDEX_FILE", other.path().join(".git/index")),
        ("GIT_OBJECT_DIRECTORY", other.path().join(".git/objects")),
        ("GIT_COMMON_DIR", other.path().join(".git")),
        ("GIT_NAMESPACE", PathBuf::from("x")),
    ] {
        let output = xaccount().current_dir(repo.path()).args(words(&line)).env(name, value).output().unwrap();
        said(2, name, &output);
    }
}

#[test]
fn fn_uses_marks_and_a_dump() {
    let alive =
        cluster("wren", None).replace("  namespace", "  uid: 0f0e0d0c-0000-4000-8000-000000000001\n  namespace");
    let list = |item: &str| {
        let item = item.trim_end().replace('\n', "\n  ");
        format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {item}\n")
    };
    let repo = Repo::of(&[("c.yaml", &cluster("wren", None)), ("live.yaml", &alive)]);
    let run = |item: &str, args: &str| {
        let mut child = xaccount();
        child.current_dir(repo.path()).arg("fn").args(words(args));
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), list(item).as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let fresh = cluster("wren", None);
    for (item, args, status) in [
        (fresh.as_str(), TO_DEV, 0),
        (&alive, TO_DEV, 2),
        (&alive, "--move-account source=222222222222", 2),
        (&alive, "--move-account source=222222222222 --orphan-resources birds/wren", 0),
        (&fresh, "--account 222222222222 --live=live.yaml", 2),
        (&fresh, "--live=live.yaml --move-account source=222222222222 --orphan-resources birds/wren", 0),
        (&fresh, "--account 222222222222 --live", 2),
    ] {
        let output = run(item, args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.contains(DEV) && text.contains("identityRef:"), status == 0, "{args}\n{text}");
    }
}
