//! What the crates contain, and what cargo-binstall downloads.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::krew::uris;
use crate::support::{root, skip};

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn ok(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Expands a template of cargo-binstall, where each word is between braces and spaces.
fn expand(template: &str, package: &Value) -> String {
    let value = |key: &str| package[key].as_str().unwrap().trim_end_matches('/');
    let expanded = template
        .replace("{ repo }", value("repository"))
        .replace("{ name }", value("name"))
        .replace("{ version }", value("version"));
    assert!(!expanded.contains(['{', '}']), "{expanded}");
    expanded
}

/// The release stamps Cargo.toml and plugin.yaml with the same repository.
#[test]
fn binstall_downloads_the_archives_of_the_release() {
    if !Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success()) {
        return skip("binstall_downloads_the_archives_of_the_release", "no python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let repository = "https://github.com/example/kubectl-xaccount";
    let mut stamp = Command::new("python3");
    let stamped = ok(stamp.arg(root().join("scripts/stamp")).args(["--cargo", "--repository", repository]));
    for (member, target) in [
        ("", "src/main.rs"),
        ("crates/lossless-yaml", "src/lib.rs"),
        ("crates/xaccount", "src/lib.rs"),
        ("crates/xaccount-live", "src/lib.rs"),
    ] {
        let place = directory.path().join(member);
        fs::create_dir_all(place.join("src")).unwrap();
        fs::write(place.join(target), "").unwrap();
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        fs::write(place.join("Cargo.toml"), if member.is_empty() { &stamped } else { &manifest }).unwrap();
    }
    let metadata = ok(cargo().current_dir(directory.path()).args(["metadata", "--no-deps", "--format-version", "1"]));
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(packages.len(), 4);
    for package in packages {
        assert_eq!(package["repository"], repository, "{}", package["name"]);
    }
    let package = packages.iter().find(|package| package["name"] == "kubectl-xaccount").unwrap();
    let binstall = &package["metadata"]["binstall"];
    // The archives have no directory.
    assert_eq!(binstall["bin-dir"], "{ bin }{ binary-ext }");
    let mut expanded = BTreeSet::new();
    for (target, values) in binstall["overrides"].as_object().unwrap() {
        let url = expand(values["pkg-url"].as_str().unwrap(), package);
        let machine = if target.starts_with("x86_64-") { "-amd64." } else { "-arm64." };
        let system = ["linux", "darwin", "windows"].into_iter().find(|system| target.contains(system)).unwrap();
        assert!(url.contains(&format!("-{system}{machine}")), "{target}: {url}");
        let format = values.get("pkg-fmt").unwrap_or(&binstall["pkg-fmt"]);
        assert_eq!(format, if url.ends_with(".zip") { "zip" } else { "tgz" }, "{target}");
        expanded.insert(url);
    }
    let released = uris().into_iter().map(|uri| uri.replace("https://github.com/OWNER/kubectl-xaccount", repository));
    assert_eq!(expanded, released.collect());
}

#[test]
fn the_packages_contain_no_files_of_ci_and_all_that_they_are_built_from() {
    let files = |package: &str| -> BTreeSet<String> {
        let list = ok(cargo().current_dir(root()).args(["package", "--list", "--allow-dirty", "-p", package]));
        list.lines().map(|line| line.replace('\\', "/")).collect()
    };
    let program = files("kubectl-xaccount");
    for file in
        ["src/main.rs", "src/commands/completion/completion.bash", "build.rs", "docs/rules.md", "README.md", "LICENSE"]
    {
        assert!(program.contains(file), "{file} is missing: {program:?}");
    }
    for package in ["kubectl-xaccount", "xaccount", "lossless-yaml"] {
        let ci = |file: &&String| {
            let first = file.split('/').next().unwrap();
            let other = ["scripts", "action.yml", "plugin.yaml", "pyproject.toml", "deny.toml", "testdata"];
            other.contains(&first) || first.starts_with('.') && first != ".cargo_vcs_info.json"
        };
        let wrong: Vec<String> = files(package).iter().filter(ci).cloned().collect();
        assert!(wrong.is_empty(), "{package}: {wrong:?}");
    }
}
