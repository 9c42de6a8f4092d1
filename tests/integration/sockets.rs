//! No verb that reads files opens a socket: all cases run where none can be opened, and where an attempt is seen. There is a
//! kubeconfig, except for the cases that read a management cluster.
//!
//! strace makes every network system call fail, and records it: `-e inject=%network:error=EACCES`. io_uring, which
//! could open sockets without these calls, fails as well. Without strace, or where tracing is not allowed, the test is
//! reported as skipped; `scripts/test` installs strace if it is allowed to.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cases::{Case, words, write_tree};
use crate::support::{all_cases, root, skip, xaccount};

const CALLS: &str = "%network,io_uring_setup,io_uring_enter";

/// Runs `program` under strace; returns its output, and the network system calls that it tried.
fn traced(program: &Command, directory: &Path, stdin: &[u8]) -> std::io::Result<(Output, String)> {
    let log = tempfile::NamedTempFile::new()?;
    let mut command = Command::new("strace");
    command.args(["-f", "-qqq", "--seccomp-bpf", "-e", "signal=none"]);
    command.args(["-e", &format!("trace={CALLS}"), "-e", &format!("inject={CALLS}:error=EACCES")]);
    command.arg("-o").arg(log.path()).arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // The program need not read all of it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    Ok((child.wait_with_output()?, fs::read_to_string(log.path())?))
}

/// The reason why nothing can be traced, if that is so.
fn missing(directory: &Path) -> Option<String> {
    match traced(&Command::new("true"), directory, b"") {
        Err(_) => Some("no strace".to_owned()),
        Ok((output, _)) if !output.status.success() => {
            Some(format!("strace traces nothing here: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Ok((_, calls)) => {
            assert_eq!(calls, "", "`true` opens no socket");
            None
        }
    }
}

/// The cases with `status` without paths, or `--live` without a file.
const READ_A_CLUSTER: [&str; 3] = ["eject/prune-live", "running/live-bad", "status/no-files"];

const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: a
clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
users: [{name: a, user: {}}]
";

/// Records a case that fails without sockets; returns the number of its runs.
fn check(case: &Case, failures: &mut Vec<String>) -> usize {
    let directory = tempfile::tempdir().unwrap();
    write_tree(directory.path(), &case.files);
    let expected = fs::read_to_string(root().join("tests/cases").join(&case.name).join("status")).unwrap();
    let mut statuses = String::new();
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    fs::write(kubeconfig.path(), KUBECONFIG).unwrap();
    for line in &case.runs {
        let mut program = xaccount();
        program.args(words(line));
        if !READ_A_CLUSTER.contains(&case.name.as_str()) {
            program.env("KUBECONFIG", kubeconfig.path());
        }
        let (output, calls) = traced(&program, directory.path(), &case.stdin).unwrap();
        statuses += &format!("{}\n", output.status.code().unwrap());
        if !calls.is_empty() {
            failures.push(format!("{}: {line}: {calls}", case.name));
        }
    }
    if statuses != expected {
        failures.push(format!("{}: status {statuses:?} without sockets, not {expected:?}", case.name));
    }
    case.runs.len()
}

#[test]
fn no_case_opens_a_socket() {
    let directory = tempfile::tempdir().unwrap();
    if let Some(why) = missing(directory.path()) {
        return skip("no_case_opens_a_socket", &why);
    }
    // Checks that an attempt is seen, and fails.
    let mut attempt = Command::new("bash");
    attempt.args(["-c", "exec 3<>/dev/tcp/127.0.0.1/9"]);
    let (output, calls) = traced(&attempt, directory.path(), b"").unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(calls.contains("socket(AF_INET") && calls.contains("EACCES") && calls.contains("INJECTED"), "{calls}");

    let cases = all_cases();
    let (next, runs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut failures = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            runs.fetch_add(check(case, &mut failures), Ordering::Relaxed);
        }
        failures
    };
    let failures = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut failures = work();
        failures.extend(other.join().unwrap());
        failures
    });
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    assert!(runs.load(Ordering::Relaxed) >= cases.len());
}
