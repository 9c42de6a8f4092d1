//! Faults around files, seen from outside: the program is killed, the disk is full, files can't be written or change
//! during the run, and paths are not files. After each fault every file is whole, and the message tells the user what
//! to do.

mod input;
mod kill;
#[cfg(target_os = "linux")]
mod race;
mod space;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::xaccount;

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

const ACCOUNT: [&str; 2] = ["--account", "222222222222"];

/// The expected document of the identity.
const IDENTITY: &str = r#"apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata:
  name: cross-account-role-222222222222
spec:
  allowedNamespaces: {}
  roleARN: "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"
  sourceIdentityRef:
    kind: AWSClusterControllerIdentity
    name: default
"#;

/// A cluster without a reference.
fn old(name: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name} # kept\n\
         spec:\n  region: us-east-1\n"
    )
}

/// The same with its reference, without its identity.
fn new(name: &str) -> String {
    old(name).replace(
        "spec:\n",
        "spec:\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: cross-account-role-222222222222\n",
    )
}

/// The same with the identity after it.
fn new_with_identity(name: &str) -> String {
    format!("{}---\n{IDENTITY}", new(name))
}

/// A new directory that other users may enter.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A new directory with a cluster in each of `files`, named like the file.
fn clusters(files: &[&str]) -> tempfile::TempDir {
    let folder = folder();
    write_clusters(folder.path(), files);
    folder
}

fn write_clusters(folder: &Path, files: &[&str]) {
    for file in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, old(path.file_stem().unwrap().to_str().unwrap())).unwrap();
    }
}

/// `inject` for account 222222222222 in `directory`, with the words of `line`.
fn inject(directory: &Path, line: &str) -> Command {
    let mut command = xaccount();
    command.current_dir(directory).arg("inject").args(line.split_whitespace()).args(ACCOUNT);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it, for a bounded time.
fn run(command: &mut Command) -> Output {
    end(command.spawn().unwrap())
}

/// Waits for its end. Kills a child that hangs, and fails the test.
fn end(child: Child) -> Output {
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(LIMIT) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            kill_process(pid, Signal::KILL).unwrap();
            panic!("still running after {LIMIT:?}");
        }
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The run did its work and exited as it should.
#[track_caller]
fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

/// The run refused: exit status 2, nothing on stdout, and an error with all these words.
#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{text}");
    let first = text.lines().find(|line| !line.starts_with("note: ")).unwrap_or_default();
    assert!(first.starts_with("error: "), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

/// The file, directory or link at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    /// Content and permissions.
    File(String, u32),
    Link(PathBuf),
    Directory,
    Other,
}

/// Everything below a directory, leftover temporary files included.
fn snapshot(directory: &Path) -> BTreeMap<PathBuf, Thing> {
    let mut all = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let thing = if metadata.is_dir() {
                open.push(path.clone());
                Thing::Directory
            } else if metadata.is_symlink() {
                Thing::Link(fs::read_link(&path).unwrap())
            } else if metadata.is_file() {
                let bytes = fs::read(&path).unwrap();
                Thing::File(String::from_utf8(bytes).unwrap(), metadata.permissions().mode() & 0o7777)
            } else {
                Thing::Other
            };
            all.insert(path.strip_prefix(directory).unwrap().to_owned(), thing);
        }
    }
    all
}
