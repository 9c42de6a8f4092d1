//! `action.yml`: its steps, run as a runner of GitHub Actions would, with the releases in a directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml::Value;

use crate::support::{peer, root, skip, testdata};

const MAP: &str = "apiVersion: xaccount.dev/v1alpha1
kind: AccountMap
identityFile: identities.yaml
accounts:
- name: development
  account: \"222222222222\"
  clusters: {names: [\"*\"]}
";

/// A runner: its directories, and releases below `releases`.
struct Runner(tempfile::TempDir);

impl Runner {
    fn new() -> Self {
        let runner = Self(tempfile::tempdir().unwrap());
        for name in ["temp", "bin"] {
            fs::create_dir(runner.path(name)).unwrap();
        }
        fs::write(
            runner.path("gitconfig"),
            "[user]\nname = a\nemail = a@example.com\n[init]\ndefaultBranch = main\n[protocol \"file\"]\nallow = always\n",
        )
        .unwrap();
        symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), runner.path("bin/kubectl-xaccount")).unwrap();
        runner
    }

    /// A release of this version, with this program in its archive.
    fn release(&self, program: &Path) {
        let archive = concat!("kubectl-xaccount-v", env!("CARGO_PKG_VERSION"), "-linux-amd64.tar.gz");
        let tag = self.releases();
        fs::create_dir_all(&tag).unwrap();
        let (directory, name) = (program.parent().unwrap(), program.file_name().unwrap());
        let made =
            Command::new("tar").arg("-czf").arg(tag.join(archive)).arg("-C").arg(directory).arg(name).output().unwrap();
        assert!(made.status.success(), "{}", said(&made));
        let sums = Command::new("sha256sum").arg(archive).current_dir(&tag).output().unwrap();
        fs::write(tag.join("SHA256SUMS"), sums.stdout).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn releases(&self) -> PathBuf {
        self.path("releases").join(concat!("v", env!("CARGO_PKG_VERSION")))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("RUNNER_TEMP", self.path("temp"))
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("GITHUB_PATH", self.path("path"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("XACCOUNT_RELEASES", format!("file://{}", self.path("releases").display()));
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        command
    }

    fn install(&self) -> Output {
        self.command(root().join("scripts/action")).arg("install").output().unwrap()
    }

    /// Runs a step of `action.yml`, with its defaults and these inputs.
    fn check(&self, repository: &Path, inputs: &[(&str, &str)]) -> (bool, String) {
        let action = action();
        let step = &action["runs"]["steps"][1];
        let mut command = self.command("bash");
        command.current_dir(repository).args(["-c", step["run"].as_str().unwrap()]).env("GITHUB_ACTION_PATH", root());
        for (name, value) in step["env"].as_mapping().unwrap() {
            let input = value.as_str().unwrap().trim_start_matches("${{ inputs.").trim_end_matches(" }}");
            let default = action["inputs"][input]["default"].as_str().unwrap();
            let default = if default.starts_with("${{") { "" } else { default };
            let given = inputs.iter().find(|(name, _)| *name == input).map_or(default, |(_, value)| value);
            command.env(name.as_str().unwrap(), given);
        }
        let out = command.output().unwrap();
        (out.status.success(), said(&out))
    }

    fn git(&self, directory: &Path, args: &[&str]) {
        let out = self.command("git").current_dir(directory).args(args).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", said(&out));
    }
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn action() -> Value {
    serde_yaml::from_str(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap()
}

#[test]
fn the_release_of_its_own_version_is_installed() {
    let runner = Runner::new();
    runner.release(Path::new(env!("CARGO_BIN_EXE_kubectl-xaccount")));
    let out = runner.install();
    assert!(out.status.success(), "{}", said(&out));
    let on_path = fs::read_to_string(runner.path("path")).unwrap();
    let ran = Command::new(Path::new(on_path.trim()).join("kubectl-xaccount")).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_archive_with_a_wrong_checksum_is_not_installed() {
    let archive = concat!("kubectl-xaccount-v", env!("CARGO_PKG_VERSION"), "-linux-amd64.tar.gz");
    let zeros = format!("{}  {archive}\n", "0".repeat(64));
    for (sums, words) in [
        (zeros.as_str(), "does not match its checksum in SHA256SUMS"),
        ("", "SHA256SUMS must have exactly one line for"),
        (&zeros.replace("amd64", "amd64x"), "SHA256SUMS must have exactly one line for"),
        (&zeros.repeat(2), "SHA256SUMS must have exactly one line for"),
    ] {
        let runner = Runner::new();
        let program = runner.path("kubectl-xaccount");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        runner.release(&program);
        fs::write(runner.releases().join("SHA256SUMS"), sums).unwrap();
        let out = runner.install();
        assert!(!out.status.success() && said(&out).contains(words), "{}", said(&out));
        assert!(!runner.path("path").exists() && !runner.path("temp/kubectl-xaccount/kubectl-xaccount").exists());
    }
    let runner = Runner::new();
    let out = runner.install();
    assert!(!out.status.success() && said(&out).contains("can't download"), "{}", said(&out));
}

#[test]
fn a_pull_request_is_linted_checked_and_compared() {
    let runner = Runner::new();
    let [origin, work] = ["origin", "work"].map(|name| runner.path(name));
    fs::create_dir_all(origin.join("clusters")).unwrap();
    runner.git(&origin, &["init", "-q"]);
    fs::write(origin.join(".xaccount.yaml"), MAP).unwrap();
    let cluster = fs::read_to_string(testdata("fleet/clusters/dev/a.yaml")).unwrap();
    fs::write(origin.join("clusters/a.yaml"), &cluster).unwrap();
    let inject = |directory: &Path| {
        let out = runner
            .command("kubectl-xaccount")
            .current_dir(directory)
            .args(["inject", "clusters", "--write", "-q"])
            .output();
        assert!(out.unwrap().status.success());
    };
    inject(&origin);
    runner.git(&origin, &["add", "-A"]);
    runner.git(&origin, &["commit", "-q", "-m", "base"]);
    runner.git(runner.0.path(), &["clone", "-q", "origin", "work"]);

    // Nothing to report, and nothing moves.
    let (done, said) = runner.check(&work, &[("against", "main")]);
    assert!(done && said.contains("no cluster moved to another account"), "{said}");
    assert!(!work.join(".git/shallow").exists(), "the clone has lost its history");
    // A cluster without its account, in a file whose name a shell must not interpret.
    fs::write(work.join("clusters/$(touch x) b.yaml"), cluster.replace("dev-a", "dev-b")).unwrap();
    let (done, said) = runner.check(&work, &[("paths", "clusters")]);
    assert!(!done && said.contains("clusters/$(touch x) b.yaml") && !work.join("x").exists(), "{said}");
    inject(&work);
    // A move is reported, and fails the step only on request.
    for file in [".xaccount.yaml", "clusters/a.yaml", "identities.yaml"] {
        let text = fs::read_to_string(work.join(file)).unwrap().replace("222222222222", "333333333333");
        fs::write(work.join(file), text).unwrap();
    }
    fs::remove_file(work.join("clusters/$(touch x) b.yaml")).unwrap();
    let (done, said) = runner.check(&work, &[("against", "main")]);
    assert!(done && said.contains("dev/dev-a") && said.contains("222222222222 -> 333333333333"), "{said}");
    assert!(fs::read_to_string(runner.path("summary")).unwrap().contains("222222222222 -> 333333333333"));
    let (done, _) = runner.check(&work, &[("against", "main"), ("fail-on-moves", "true")]);
    assert!(!done);
    // A finding is an annotation.
    fs::copy(testdata("lint/heron.yaml"), work.join("heron.yaml")).unwrap();
    let (done, said) = runner.check(&work, &[("check", "false")]);
    assert!(!done && said.contains("::error file=heron.yaml,line=19,"), "{said}");
}

/// The page lists every input and its default.
#[test]
fn the_page_lists_every_input() {
    let page = fs::read_to_string(root().join("docs/github.md")).unwrap();
    for (name, input) in action()["inputs"].as_mapping().unwrap() {
        let row = format!("| `{}` | ", name.as_str().unwrap());
        let default = input["default"].as_str().unwrap();
        let default = if default.starts_with("${{") { "the branch".to_owned() } else { format!("`{default}`") };
        assert!(page.contains(&(row.clone() + &default)), "docs/github.md lacks {row}{default}");
    }
}

#[test]
fn inputs_reach_the_shell_through_the_environment_alone() {
    for step in action()["runs"]["steps"].as_sequence().unwrap() {
        assert!(!step["run"].as_str().unwrap().contains("${{"));
    }
}

#[test]
fn shellcheck_finds_nothing_in_its_script() {
    let Some(shellcheck) = peer("shellcheck") else {
        return skip("shellcheck_finds_nothing_in_its_script", "no shellcheck");
    };
    let out = Command::new(shellcheck).arg(root().join("scripts/action")).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}
