//! The workflows of GitHub Actions and `.ci/run` agree with the rest of the tree.

use std::collections::BTreeSet;
use std::fs;

use serde_yaml::Value;

use crate::krew::platforms;
use crate::support::root;

const WORKFLOWS: [&str; 2] = ["ci", "release"];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn workflow(name: &str) -> Value {
    serde_yaml::from_str(&read(&format!(".github/workflows/{name}.yml"))).unwrap()
}

fn jobs(workflow: &Value) -> Vec<(&str, &Value)> {
    let jobs = workflow["jobs"].as_mapping().unwrap();
    jobs.iter().map(|(name, job)| (name.as_str().unwrap(), job)).collect()
}

fn steps(job: &Value) -> &Vec<Value> {
    job["steps"].as_sequence().unwrap()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_sequence().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// The commands of a job, once for each value of `matrix.lane`.
fn commands(job: &Value) -> Vec<String> {
    let lanes = &job["strategy"]["matrix"]["lane"];
    let lanes = if lanes.is_sequence() { strings(lanes) } else { vec![String::new()] };
    let runs = steps(job).iter().filter_map(|step| step["run"].as_str());
    let runs: Vec<&str> = runs.flat_map(str::lines).collect();
    lanes.iter().flat_map(|lane| runs.iter().map(move |run| run.replace("\"$LANE\"", lane))).collect()
}

/// The project's scripts that a command names, each with the word after it.
fn scripts(command: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let at = |i: usize| words.get(i).copied().unwrap_or_default().to_owned();
    let named = (0..words.len()).filter(|&i| words[i].contains("scripts/") || words[i].contains(".ci/"));
    named.map(|i| (at(i).trim_start_matches("./").to_owned(), at(i + 1))).collect()
}

/// The lanes that `scripts/lane` has.
fn lanes() -> BTreeSet<String> {
    let script = read("scripts/lane");
    let usage = script.split_once("usage: scripts/lane ").unwrap().1;
    let lanes: BTreeSet<String> = usage.split_once('\'').unwrap().0.split('|').map(str::to_owned).collect();
    for lane in &lanes {
        assert!(script.lines().any(|line| line.starts_with(&format!("{lane})"))), "{lane} has no branch");
    }
    lanes
}

#[test]
fn workflows_call_existing_scripts() {
    let mut called = 0;
    for name in WORKFLOWS {
        for (job, value) in jobs(&workflow(name)) {
            for (script, argument) in commands(value).iter().flat_map(|command| scripts(command)) {
                called += 1;
                let metadata = fs::metadata(root().join(&script));
                assert!(metadata.is_ok_and(|file| file.is_file()), "{name}, {job}: {script} does not exist");
                if script == "scripts/lane" {
                    assert!(lanes().contains(&argument), "{name}, {job}: no lane {argument}");
                }
            }
        }
    }
    assert!(called >= 10, "only {called} scripts are called");
}

#[test]
fn ci_and_the_workflow_run_the_same_lanes() {
    let workflow = workflow("ci");
    let commands = jobs(&workflow).into_iter().flat_map(|(_, job)| commands(job));
    let called: Vec<(String, String)> = commands.flat_map(|command| scripts(&command)).collect();
    let there: BTreeSet<String> =
        called.into_iter().filter(|(script, _)| script == "scripts/lane").map(|(_, lane)| lane).collect();
    assert_eq!(there, lanes());

    let script = read(".ci/run");
    let here = script.split_once("for name in ").unwrap().1.split_once(';').unwrap().0;
    let here: BTreeSet<String> = here.split(' ').map(str::to_owned).collect();
    // They need more than packages from the network: a toolchain, and a database of advisories.
    let elsewhere = BTreeSet::from(["deny", "msrv"].map(str::to_owned));
    assert_eq!(&here | &elsewhere, lanes());
    assert!(script.contains("./scripts/lane \"$name\""));
}

#[test]
fn tests_run_on_three_systems() {
    let systems = strings(&workflow("ci")["jobs"]["test"]["strategy"]["matrix"]["os"]);
    let systems: Vec<&str> = systems.iter().map(|system| system.split('-').next().unwrap()).collect();
    assert_eq!(systems, ["ubuntu", "macos", "windows"]);
}

#[test]
fn the_release_builds_the_platforms_of_the_manifest() {
    let release = workflow("release");
    let mut built = BTreeSet::new();
    for row in release["jobs"]["build"]["strategy"]["matrix"]["include"].as_sequence().unwrap() {
        let [os, arch, target, runner] = ["os", "arch", "target", "runner"].map(|key| row[key].as_str().unwrap());
        let machine = if arch == "amd64" { "x86_64" } else { "aarch64" };
        let (system, runs) = match os {
            // Static, so that it runs on every distribution.
            "linux" => ("unknown-linux-musl", "ubuntu"),
            "darwin" => ("apple-darwin", "macos"),
            _ => ("pc-windows-msvc", "windows"),
        };
        assert_eq!(target, format!("{machine}-{system}"), "{os}/{arch}");
        assert!(runner.starts_with(runs), "{os}/{arch} on {runner}");
        assert!(built.insert((os.to_owned(), arch.to_owned())), "{os}/{arch} twice");
    }
    assert_eq!(built, platforms());
}

/// A hook at the tag installs the wheel of the tag's version, so the wheels come first. No token is stored: PyPI trusts this
/// workflow.
#[test]
fn the_wheels_are_published_before_the_release() {
    let release = workflow("release");
    let jobs = &release["jobs"];
    let build = commands(&jobs["build"]);
    assert!(build.iter().any(|run| run.starts_with("./scripts/wheel --target ")), "{build:?}");
    let uploads = |job: &str, action: &str| {
        let all = steps(&jobs[job]).iter();
        all.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with(action))).collect::<Vec<_>>()
    };
    let artifacts: Vec<&str> = uploads("build", "actions/upload-artifact@")
        .iter()
        .map(|step| step["with"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(artifacts, ["archive-${{ matrix.os }}-${{ matrix.arch }}", "wheel-${{ matrix.os }}-${{ matrix.arch }}"]);
    let [upload] = uploads("wheels", "pypa/gh-action-pypi-publish@")[..] else { panic!("one step uploads") };
    assert!(upload["with"]["password"].is_null() && upload["with"]["packages-dir"] == "wheels");
    assert_eq!(strings(&jobs["wheels"]["needs"]), ["build", "extras", "sbom"]);
    assert_eq!(jobs["publish"]["needs"], "wheels");
    assert!(commands(&jobs["publish"]).iter().any(|run| run.starts_with("gh release create ")));
    assert!(!read(".github/workflows/release.yml").contains("secrets."));
}

#[test]
fn workflows_may_do_no_more_than_they_need() {
    let empty = |value: &Value| value.as_mapping().is_some_and(|mapping| mapping.is_empty());
    assert!(empty(&workflow("release")["permissions"]), "release grants by job");
    for name in WORKFLOWS {
        let workflow = workflow(name);
        for (job, value) in jobs(&workflow) {
            let of_job = &value["permissions"];
            let permissions = if of_job.is_null() { &workflow["permissions"] } else { of_job };
            let writes: Vec<&str> = permissions
                .as_mapping()
                .unwrap()
                .iter()
                .filter(|(_, access)| access.as_str() != Some("read"))
                .map(|(scope, _)| scope.as_str().unwrap())
                .collect();
            let wanted: &[&str] = match (name, job) {
                ("release", "publish") => &["contents", "id-token", "attestations"],
                ("release", "wheels") => &["id-token"],
                _ => &[],
            };
            assert_eq!(writes, wanted, "{name}, {job}");
            for step in steps(value) {
                if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")) {
                    assert_eq!(step["with"]["persist-credentials"].as_bool(), Some(false), "{name}, {job}");
                }
            }
        }
    }
}

/// A tag can be moved; a commit can't.
#[test]
fn actions_are_pinned_by_commit_with_their_version() {
    let mut pinned = BTreeSet::new();
    for name in WORKFLOWS {
        for line in read(&format!(".github/workflows/{name}.yml")).lines() {
            let Some(uses) = line.trim_start_matches([' ', '-']).strip_prefix("uses: ") else { continue };
            let (action, version) = uses.split_once(" # v").unwrap_or_else(|| panic!("no version: {uses}"));
            let (_, commit) = action.split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{uses}");
            assert_eq!(version.split('.').count(), 3, "{uses}");
            pinned.insert(action.to_owned());
        }
    }
    let actions: BTreeSet<&str> = pinned.iter().map(|action| action.split('@').next().unwrap()).collect();
    assert_eq!(actions.len(), pinned.len(), "an action has two versions: {pinned:?}");
}

#[test]
fn the_pages_name_the_oldest_rust_of_cargo_toml() {
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("README.md").contains(&format!("{rust} or newer")), "README.md does not name {rust}");
    // The lane reads it from Cargo.toml in this form.
    assert!(read("Cargo.toml").contains(&format!("\nrust-version = \"{rust}\"\n")));
}

#[cfg(unix)]
#[test]
fn actionlint_finds_nothing_in_the_workflows() {
    let Some(actionlint) = crate::support::peer("actionlint") else {
        return crate::support::skip("actionlint_finds_nothing_in_the_workflows", "no actionlint");
    };
    let files = WORKFLOWS.map(|name| format!(".github/workflows/{name}.yml"));
    let run = |file: &std::path::Path| {
        let mut command = std::process::Command::new(&actionlint);
        // shellcheck and pyflakes would be used if they are installed, and they are not installed everywhere.
        command.current_dir(root()).args(["-shellcheck=", "-pyflakes="]).arg(file).output().unwrap()
    };
    for file in &files {
        let output = run(file.as_ref());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let directory = tempfile::tempdir().unwrap();
    let wrong = directory.path().join("wrong.yml");
    fs::write(&wrong, read(&files[0]).replace("runs-on: ubuntu-24.04", "runs-on: ubuntu-1.0")).unwrap();
    assert!(!run(&wrong).status.success(), "it found nothing in a wrong workflow");
}
