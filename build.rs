//! Sets the commit that the program is built from: `0.1.0 (1a2b3c4d5e 2026-11-20)`. Never reads the clock, so that one
//! commit always gives the same program.
//!
//! - In a checkout, git gives the commit and its commit date.
//! - In a crate from a registry, cargo put the commit into `.cargo_vcs_info.json`; `SOURCE_DATE_EPOCH` may give the
//!   date.
//! - Otherwise there is only the version.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let (version, day) = match commit() {
        Some((commit, Some(day))) => (format!("{version} ({} {day})", &commit[..10]), day),
        Some((commit, None)) => (format!("{version} ({})", &commit[..10]), String::new()),
        None => (version, String::new()),
    };
    println!("cargo:rustc-env=XACCOUNT_VERSION={version}");
    // For the man page; empty if it is unknown.
    println!("cargo:rustc-env=XACCOUNT_DAY={day}");
}

/// The commit's hash and date, if they are known.
fn commit() -> Option<(String, Option<String>)> {
    if let Some(found) = from_git() {
        return Some(found);
    }
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let info = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    println!("cargo:rerun-if-changed=.cargo_vcs_info.json");
    let (_, rest) = info.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?.to_owned();
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
    let day = epoch.and_then(|seconds| seconds.parse().ok()).map(day);
    is_hash(&commit).then_some((commit, day))
}

fn from_git() -> Option<(String, Option<String>)> {
    let head = git(&["rev-parse", "--git-path", "HEAD"])?;
    println!("cargo:rerun-if-changed={head}");
    // HEAD names a branch, and the branch's file changes with each commit. A packed branch has no file until then.
    let branch = git(&["symbolic-ref", "-q", "HEAD"]).and_then(|branch| git(&["rev-parse", "--git-path", &branch]));
    let branch = branch.filter(|path| Path::new(path).exists());
    let branches = || git(&["rev-parse", "--git-path", "refs/heads"]);
    let packed = git(&["rev-parse", "--git-path", "packed-refs"]);
    for path in [branch.or_else(branches), packed].into_iter().flatten() {
        // Cargo would rebuild every time for a file that does not exist.
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let said = git(&["-c", "log.showSignature=false", "log", "-1", "--no-color", "--format=%H %cs"])?;
    let (commit, day) = said.split_once(' ')?;
    is_hash(commit).then(|| (commit.to_owned(), Some(day.to_owned())))
}

/// What git prints about the repository of this directory; a repository around it is ignored.
fn git(arguments: &[&str]) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let out = Command::new("git")
        .args(arguments)
        .env("GIT_CEILING_DIRECTORIES", here.parent()?)
        // Set when cargo runs from a git hook, and then for another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    (out.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn is_hash(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The UTC date of seconds since 1970, in the proleptic Gregorian calendar.
fn day(seconds: u64) -> String {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut days = seconds / 86_400;
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length || year == 9999 {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}
