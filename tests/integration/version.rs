//! `--version` names the commit, whatever way the program is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{root, xaccount};

fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let out = Command::new("git")
        .args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_COMMITTER_DATE", "2026-11-20T23:30:00-05:00")
        .env("GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z")
        .env("GIT_CEILING_DIRECTORIES", directory.parent().unwrap())
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .ok()?;
    out.status.success().then(|| String::from_utf8(out.stdout).unwrap().trim().to_owned())
}

#[test]
fn it_is_that_of_the_checkout() {
    let out = xaccount().arg("--version").output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = match git(&root(), &["log", "-1", "--format=%H %cs"]) {
        Some(head) => {
            let (commit, day) = head.split_once(' ').unwrap();
            format!("kubectl-xaccount {version} ({} {day})\n", &commit[..10])
        }
        None => format!("kubectl-xaccount {version}\n"),
    };
    assert_eq!(said, expected);
    let short = xaccount().arg("-V").output().unwrap();
    assert_eq!(String::from_utf8(short.stdout).unwrap(), said);
}

/// Runs the build script in `directory`; returns the version that it sets, and the files that it watches.
fn build(script: &Path, directory: &Path, epoch: Option<&str>) -> (String, Vec<PathBuf>) {
    let mut command = Command::new(script);
    command.current_dir(directory).env("CARGO_PKG_VERSION", "1.2.3").env_remove("SOURCE_DATE_EPOCH");
    // As in a git hook.
    command.env("GIT_DIR", root().join(".git"));
    if let Some(epoch) = epoch {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let after = |key: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect()
    };
    let versions = after("cargo:rustc-env=XACCOUNT_VERSION=");
    assert_eq!(versions.len(), 1, "{text}");
    let watched = after("cargo:rerun-if-changed=").into_iter().filter(|path| path != "build.rs").map(PathBuf::from);
    (versions[0].clone(), watched.collect())
}

#[test]
fn it_is_reproducible_and_needs_no_git() {
    let scratch = tempfile::tempdir().unwrap();
    let script = scratch.path().join("build-script");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled = Command::new(rustc)
        .args(["--edition", "2024", "-o"])
        .args([&script, &root().join("build.rs")])
        .output()
        .expect("rustc starts");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));

    let plain = scratch.path().join("plain");
    std::fs::create_dir(&plain).unwrap();
    assert_eq!(build(&script, &plain, None).0, "1.2.3");
    assert_eq!(build(&script, &plain, Some("1795219200")).0, "1.2.3");

    // As `cargo package` creates it.
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let info = format!("{{\n  \"git\": {{\n    \"sha1\": \"{hash}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}");
    std::fs::write(plain.join(".cargo_vcs_info.json"), info).unwrap();
    assert_eq!(build(&script, &plain, None).0, "1.2.3 (0123456789)");
    for (epoch, day) in [
        ("0", "1970-01-01"),
        ("951782400", "2000-02-29"),
        ("1709251199", "2024-02-29"),
        ("1735689599", "2024-12-31"),
        ("1795219200", "2026-11-21"),
    ] {
        assert_eq!(build(&script, &plain, Some(epoch)).0, format!("1.2.3 (0123456789 {day})"));
    }
    assert_eq!(build(&script, &plain, Some("soon")).0, "1.2.3 (0123456789)");
    std::fs::remove_file(plain.join(".cargo_vcs_info.json")).unwrap();

    let around = scratch.path();
    if git(around, &["init", "-q", "-b", "main"]).is_none() {
        return;
    }
    git(around, &["commit", "-q", "--allow-empty", "-m", "x"]).unwrap();
    // A repository around the sources is another project.
    assert_eq!(build(&script, &plain, None).0, "1.2.3");
    // The committer's own date, wherever and whenever it is built.
    let head = git(around, &["rev-parse", "HEAD"]).unwrap();
    let expected = format!("1.2.3 ({} 2026-11-20)", &head[..10]);
    let watches_the_next_commit = || {
        let (version, watched) = build(&script, around, Some("0"));
        assert_eq!(version, expected);
        assert!(
            watched.iter().all(|path| around.join(path).exists()),
            "a missing file causes a rebuild every time: {watched:?}"
        );
        assert!(watched.contains(&".git/HEAD".into()), "{watched:?}");
        watched
    };
    assert!(watches_the_next_commit().contains(&".git/refs/heads/main".into()));
    git(around, &["pack-refs", "--all"]).unwrap();
    let watched = watches_the_next_commit();
    assert!(watched.contains(&".git/refs/heads".into()) && watched.contains(&".git/packed-refs".into()), "{watched:?}");
    git(around, &["checkout", "-q", "--detach"]).unwrap();
    watches_the_next_commit();
}
