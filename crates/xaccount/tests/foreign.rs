//! The library example of `docs/reference.md`, as a separate crate that uses only the library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The crate's `Cargo.toml`.
const PACKAGE: &str = "\
[package]
name = \"foreign\"
version = \"0.0.0\"
edition = \"2024\"

[dependencies]
xaccount = { path = PATH }

[profile.dev]
debug = false

[workspace]
";

const MANIFESTS: &str = "\
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterControllerIdentity
metadata: {name: default}
spec: {allowedNamespaces: {}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata:
  name: cinder   # ours
";

/// The Rust block below \"As a library\".
fn page_code(page: &str) -> &str {
    let section = page.split("\n## As a library\n").nth(1).expect("a section");
    let code = section.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    code.expect("a Rust block")
}

#[test]
fn the_code_of_the_page_is_a_whole_program() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = library.ancestors().nth(2).expect("a workspace");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target directory").join("foreign");
    let directory = tempfile::tempdir().unwrap();
    let crate_of = directory.path();
    fs::create_dir(crate_of.join("src")).unwrap();
    // An escaped Rust string is also a TOML string.
    let path = format!("{:?}", library.to_str().expect("a path"));
    fs::write(crate_of.join("Cargo.toml"), PACKAGE.replace("PATH", &path)).unwrap();
    // The versions of the workspace, so that none is looked up.
    fs::copy(workspace.join("Cargo.lock"), crate_of.join("Cargo.lock")).unwrap();
    let code = page_code(&fs::read_to_string(workspace.join("docs/reference.md")).unwrap()).to_owned();
    assert!(code.lines().count() <= 12, "ten lines, and main's braces");
    fs::write(crate_of.join("src/main.rs"), code).unwrap();
    fs::write(crate_of.join("cinder.yaml"), MANIFESTS).unwrap();

    let run = Command::new(env!("CARGO"))
        .current_dir(crate_of)
        .args(["run", "--quiet", "--offline", "--target-dir"])
        .arg(&target)
        .output()
        .expect("cargo starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8(run.stdout).unwrap(), "default/cinder: permitted, account 222222222222\n");
    let text = fs::read_to_string(crate_of.join("cinder.yaml")).unwrap();
    assert!(text.starts_with(MANIFESTS) && text.contains("\n  identityRef:\n"), "{text}");
}
