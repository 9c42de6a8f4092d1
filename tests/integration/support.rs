//! Shared by the tests of this binary: the program, its cases and other manifests, and the peers that are installed.

#[cfg(unix)]
pub(crate) mod pty;
#[cfg(unix)]
pub(crate) mod repository;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::process::Output;

use crate::cases::{Case, names};
pub(crate) use crate::shared::{root, xaccount};

/// All cases of `tests/cases/`, by name.
pub(crate) fn all_cases() -> Vec<Case> {
    names().iter().map(|name| Case::read(name)).collect()
}

/// A file of `testdata/`.
#[allow(dead_code)]
pub(crate) fn testdata(name: &str) -> PathBuf {
    root().join("testdata").join(name)
}

/// Runs `inject` with the words of `line`, split at blanks, in `directory`.
#[allow(dead_code)]
pub(crate) fn inject(directory: &Path, line: &str) -> Output {
    let mut command = xaccount();
    command.current_dir(directory).arg("inject").args(line.split_whitespace());
    command.output().expect("the program starts")
}

/// Cargo's target directory.
#[allow(dead_code)]
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_kubectl-xaccount")).ancestors().nth(2).expect("a target directory").to_path_buf()
}

/// A peer: from `target/peers/bin`, where `scripts/test` puts it, otherwise from `PATH`.
#[allow(dead_code)]
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join(name));
    std::iter::once(target().join("peers/bin").join(name)).chain(on_path).find(|file| file.is_file())
}

/// Reports that a test could not run, and why ("no PEER" if a peer is missing): in the file that `scripts/test` counts,
/// or on stderr.
#[allow(dead_code)]
pub(crate) fn skip(test: &str, why: &str) {
    // One line per test, whatever a program printed.
    let line = format!("{test}: {}\n", why.lines().collect::<Vec<_>>().join("; "));
    match std::env::var_os("SKIPPED_TESTS") {
        Some(file) => fs::OpenOptions::new()
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("SKIPPED_TESTS is a file"),
        None => eprint!("skipped: {line}"),
    }
}

/// A named pipe; rustix does not support them on Apple's systems.
#[cfg(unix)]
#[allow(dead_code)]
pub(crate) fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success());
}
