//! Git repositories for tests.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs `git` with the words of a line.
pub(crate) fn git(directory: &Path, words: &str) {
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

/// Writes a file, and creates its directory.
pub(crate) fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
