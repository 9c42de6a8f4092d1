//! `action.yml`: its steps, run as a runner of GitHub Actions would, with the releases in a directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value as Json, json};
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

    /// Runs the step `Check` of `action.yml`, with its defaults and these inputs.
    fn check(&self, repository: &Path, inputs: &[(&str, &str)]) -> (bool, String) {
        self.step("Check", repository, inputs, &[])
    }

    /// Runs a step of `action.yml`; `context` has the values of other expressions.
    fn step(&self, name: &str, repository: &Path, inputs: &[(&str, &str)], context: &[(&str, &str)]) -> (bool, String) {
        let action = action();
        let step = action["runs"]["steps"].as_sequence().unwrap().iter().find(|step| step["name"] == name).unwrap();
        let mut command = self.command("bash");
        command.current_dir(repository).args(["-c", step["run"].as_str().unwrap()]).env("GITHUB_ACTION_PATH", root());
        command.env("GITHUB_REPOSITORY", "example/fleet");
        for (name, value) in step["env"].as_mapping().unwrap() {
            let expression = value.as_str().unwrap().trim_start_matches("${{ ").trim_end_matches(" }}");
            let value = match expression.strip_prefix("inputs.") {
                Some(input) => {
                    let default = action["inputs"][input]["default"].as_str().unwrap();
                    let default = if default.starts_with("${{") { "" } else { default };
                    inputs.iter().find(|(name, _)| *name == input).map_or(default, |(_, value)| value)
                }
                None => context.iter().find(|(name, _)| *name == expression).map_or("", |(_, value)| value),
            };
            command.env(name.as_str().unwrap(), value);
        }
        let out = command.output().unwrap();
        (out.status.success(), said(&out))
    }

    /// Replaces `gh`: keeps the comments of a pull request in a file, and filters them with `jaq`.
    fn fake_gh(&self, jaq: &Path, comments: &Json) {
        fs::write(self.path("comments.json"), comments.to_string()).unwrap();
        let script = r#"#!/bin/sh
set -e
cd "$STATE"
case "$1 $2 $3 $4 $5" in
"api --paginate repos/example/fleet/issues/7/comments --jq "*) exec "$JAQ" -r "$5" comments.json ;;
"api --silent --method POST repos/example/fleet/issues/7/comments")
    "$JAQ" --rawfile body "${7#body=@}" '. + [{id: (length + 1), user: {type: "Bot"}, body: $body}]' comments.json >new ;;
"api --silent --method PATCH repos/example/fleet/issues/comments/"*)
    "$JAQ" --rawfile body "${7#body=@}" --arg id "${5##*/}" \
        'map(if (.id | tostring) == $id then .body = $body else . end)' comments.json >new ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
mv new comments.json
"#;
        let script = script.replace("$STATE", self.0.path().to_str().unwrap()).replace("$JAQ", jaq.to_str().unwrap());
        fs::write(self.path("bin/gh"), script).unwrap();
        fs::set_permissions(self.path("bin/gh"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn comments(&self) -> Vec<String> {
        let comments: Json = serde_json::from_slice(&fs::read(self.path("comments.json")).unwrap()).unwrap();
        comments.as_array().unwrap().iter().map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
    }

    /// A clone of a repository with a cluster that points at its account.
    fn pull_request(&self) -> PathBuf {
        let [origin, work] = ["origin", "work"].map(|name| self.path(name));
        fs::create_dir_all(origin.join("clusters")).unwrap();
        self.git(&origin, &["init", "-q"]);
        fs::write(origin.join(".xaccount.yaml"), MAP).unwrap();
        fs::copy(testdata("fleet/clusters/dev/a.yaml"), origin.join("clusters/a.yaml")).unwrap();
        let inject = ["inject", "clusters", "--write", "-q"];
        assert!(self.command("kubectl-xaccount").current_dir(&origin).args(inject).status().unwrap().success());
        self.git(&origin, &["add", "-A"]);
        self.git(&origin, &["commit", "-q", "-m", "base"]);
        self.git(self.0.path(), &["clone", "-q", "origin", "work"]);
        work
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
    let work = runner.pull_request();
    let inject = || {
        let out = runner
            .command("kubectl-xaccount")
            .current_dir(&work)
            .args(["inject", "clusters", "--write", "-q"])
            .output();
        assert!(out.unwrap().status.success());
    };
    // Nothing to report, and nothing moves.
    let (done, said) = runner.check(&work, &[("against", "main")]);
    assert!(done && said.contains("no cluster moved to another account"), "{said}");
    assert!(!work.join(".git/shallow").exists(), "the clone has lost its history");
    // A cluster without its account, in a file whose name a shell must not interpret.
    let cluster = fs::read_to_string(testdata("fleet/clusters/dev/a.yaml")).unwrap();
    fs::write(work.join("clusters/$(touch x) b.yaml"), cluster.replace("dev-a", "dev-b")).unwrap();
    let (done, said) = runner.check(&work, &[("paths", "clusters")]);
    assert!(!done && said.contains("clusters/$(touch x) b.yaml") && !work.join("x").exists(), "{said}");
    inject();
    // A move is reported, and fails the step only on request.
    for file in [".xaccount.yaml", "clusters/a.yaml", "identities.yaml"] {
        let text = fs::read_to_string(work.join(file)).unwrap().replace("222222222222", "333333333333");
        fs::write(work.join(file), text).unwrap();
    }
    fs::remove_file(work.join("clusters/$(touch x) b.yaml")).unwrap();
    let (done, said) = runner.check(&work, &[("against", "main")]);
    assert!(done && said.contains("dev/dev-a") && said.contains("222222222222 -> 333333333333"), "{said}");
    let summary = fs::read_to_string(runner.path("summary")).unwrap();
    // The new account's name is in the map; the old one's is not any more.
    assert!(summary.contains("\n    dev/dev-a 222222222222 -> 333333333333 (development) ("), "{summary}");
    let users = summary.split_once("#### Who uses 333333333333\n").unwrap().1;
    assert!(users.contains("USED BY") && users.contains("dev-a") && users.contains("MAY BE USED FROM"), "{summary}");
    let (done, _) = runner.check(&work, &[("against", "main"), ("fail-on-moves", "true")]);
    assert!(!done);
    // A finding is an annotation.
    fs::copy(testdata("lint/heron.yaml"), work.join("heron.yaml")).unwrap();
    let (done, said) = runner.check(&work, &[("check", "false")]);
    assert!(!done && said.contains("::error file=heron.yaml,line=19,"), "{said}");
    assert!(!runner.path("temp/xaccount.sarif").exists());
}

#[test]
fn the_report_has_the_findings_that_a_pull_request_adds() {
    let runner = Runner::new();
    let work = runner.pull_request();
    let origin = runner.path("origin");
    // With a base, the report has only what is new; every finding is still an annotation.
    fs::copy(testdata("lint/heron.yaml"), work.join("heron.yaml")).unwrap();
    fs::copy(testdata("lint/heron.yaml"), origin.join("heron.yaml")).unwrap();
    runner.git(&origin, &["add", "-A"]);
    runner.git(&origin, &["commit", "-q", "-m", "an old finding"]);
    let inputs = [("check", "false"), ("against", "main"), ("sarif", "true")];
    let (done, said) = runner.check(&work, &inputs);
    assert!(!done && said.contains("::error file=heron.yaml,line=19,"), "{said}");
    let summary = fs::read_to_string(runner.path("summary")).unwrap();
    let new = summary.split_once("#### New findings\n").unwrap().1;
    assert!(new.contains("no new findings") && !new.contains("XA001"), "{summary}");
    let sarif: Json = serde_json::from_slice(&fs::read(runner.path("temp/xaccount.sarif")).unwrap()).unwrap();
    assert!(sarif["runs"][0]["results"].as_array().unwrap().iter().any(|result| result["ruleId"] == "XA001"));
    fs::copy(testdata("lint/heron.yaml"), work.join("```.yaml")).unwrap();
    runner.check(&work, &inputs);
    let summary = fs::read_to_string(runner.path("summary")).unwrap();
    let new = summary.rsplit_once("#### New findings\n").unwrap().1;
    assert!(new.contains("warning[XA032]") && new.contains("```.yaml:15:7"), "{new}");
    // No text of the pull request ends the code block.
    assert!(new.lines().all(|line| line.is_empty() || line.starts_with("    ")), "{new}");
}

/// The first run writes a comment, and the next ones update it; comments of others stay as they are.
#[test]
fn one_comment_is_kept_up_to_date() {
    let Some(jaq) = peer("jaq") else { return skip("one_comment_is_kept_up_to_date", "no jaq") };
    let runner = Runner::new();
    let work = runner.path("temp");
    let marker = "<!-- kubectl-xaccount -->";
    runner.fake_gh(
        &jaq,
        &json!([
            {"id": 1, "user": {"type": "User"}, "body": format!("{marker} by a person")},
            {"id": 2, "user": {"type": "Bot"}, "body": "of another program"},
        ]),
    );
    let comment = |report: &str, number: &str| {
        fs::write(work.join("xaccount.md"), report).unwrap();
        let context = [("github.token", "secret"), ("github.event.pull_request.number", number)];
        runner.step("Comment", &work, &[], &context)
    };
    let others = [format!("{marker} by a person"), "of another program".to_owned()];
    for report in [format!("{marker}\nfirst\n"), format!("{marker}\nsecond \"$(touch x)\"\n")] {
        let (done, said) = comment(&report, "7");
        assert!(done && said.is_empty(), "{said}");
        assert_eq!(runner.comments(), [&others[..], &[report]].concat());
    }
    assert!(!work.join("x").exists());
    // What GitHub would refuse is cut, never within a character.
    let (done, said) = comment(&format!("{marker}\n{}", "ä".repeat(40_000)), "7");
    assert!(done && said.is_empty(), "{said}");
    let long = runner.comments().pop().unwrap();
    assert!(long.len() < 65_536 && long.ends_with("ä\n\nThe rest is in the summary of the job.\n"), "{}", long.len());
    let (done, said) = comment(marker, "");
    assert!(done && said.contains("no pull request"), "{said}");
    // Without the permission, the job goes on.
    fs::write(runner.path("bin/gh"), "#!/bin/sh\nexit 1\n").unwrap();
    let (done, said) = comment(marker, "7");
    assert!(done && said.contains("::warning::") && said.contains("pull-requests: write"), "{said}");
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
    let action = action();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| !run.contains("${{")));
}

/// The other action that it uses is pinned by commit, and gets the file that the step `Check` writes.
#[test]
fn findings_are_uploaded_on_request() {
    let action = action();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let others: Vec<&Value> = steps.iter().filter(|step| !step["uses"].is_null()).collect();
    let [upload] = others[..] else { panic!("one action is used") };
    let (name, commit) = upload["uses"].as_str().unwrap().split_once('@').unwrap();
    assert!(name == "github/codeql-action/upload-sarif" && commit.len() == 40, "{name}@{commit}");
    assert_eq!(upload["with"]["sarif_file"], "${{ runner.temp }}/xaccount.sarif");
    // A failed check doesn't prevent the upload.
    assert_eq!(upload["if"], "${{ !cancelled() && inputs.sarif == 'true' }}");
}

#[test]
fn shellcheck_finds_nothing_in_its_script() {
    let Some(shellcheck) = peer("shellcheck") else {
        return skip("shellcheck_finds_nothing_in_its_script", "no shellcheck");
    };
    let out = Command::new(shellcheck).arg(root().join("scripts/action")).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

/// `examples/gitops`: its workflow has right inputs, its pull requests pass, and a move does not.
#[test]
fn the_workflow_of_the_example_checks_pull_requests() {
    let example = root().join("examples/gitops");
    let file = example.join(".github/workflows/accounts.yml");
    let workflow: Value = serde_yaml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let step = &workflow["jobs"]["accounts"]["steps"][1];
    assert_eq!(step["uses"], concat!("OWNER/kubectl-xaccount@v", env!("CARGO_PKG_VERSION")));
    let action = action();
    let with = step["with"].as_mapping().unwrap().iter();
    let mut inputs: Vec<(&str, &str)> =
        with.map(|(key, value)| (key.as_str().unwrap(), value.as_str().unwrap())).collect();
    for (name, _) in &inputs {
        assert!(!action["inputs"][name].is_null(), "the action has no input {name}");
    }
    assert_eq!(workflow["permissions"]["pull-requests"], "write", "for the comment");
    if let Some(actionlint) = peer("actionlint") {
        let out = Command::new(actionlint).args(["-shellcheck=", "-pyflakes="]).arg(&file).output().unwrap();
        assert!(out.status.success(), "{}", said(&out));
    }

    let runner = Runner::new();
    let [origin, work] = ["origin", "work"].map(|name| runner.path(name));
    let copied = Command::new("cp").arg("-R").arg(&example).arg(&origin).status().unwrap();
    assert!(copied.success());
    runner.git(&origin, &["init", "-q"]);
    runner.git(&origin, &["add", "-A"]);
    runner.git(&origin, &["commit", "-q", "-m", "base"]);
    runner.git(runner.0.path(), &["clone", "-q", "origin", "work"]);
    // As `github.base_ref` sets it.
    inputs.push(("against", "main"));
    let (done, said) = runner.check(&work, &inputs);
    assert!(done && said.contains("no cluster moved to another account"), "{said}");

    // A cluster without its account.
    let cluster = fs::read_to_string(work.join("clusters/dev/dev-a.yaml")).unwrap();
    let (start, rest) = cluster.split_once("  identityRef:\n").unwrap();
    let end = rest.find("  region:").unwrap();
    let bare = format!("{start}{}", &rest[end..]);
    fs::write(work.join("clusters/dev/dev-b.yaml"), bare.replace("dev-a", "dev-b")).unwrap();
    let kustomization = work.join("clusters/dev/kustomization.yaml");
    let text = fs::read_to_string(&kustomization).unwrap() + "- dev-b.yaml\n";
    fs::write(&kustomization, text).unwrap();
    let (done, said) = runner.check(&work, &inputs);
    assert!(!done && said.contains("clusters/dev/dev-b.yaml"), "{said}");
    let inject =
        runner.command("kubectl-xaccount").current_dir(&work).args(["inject", "clusters", "-R", "--write"]).output();
    assert!(inject.unwrap().status.success());
    let (done, said) = runner.check(&work, &inputs);
    assert!(done && said.contains("team-dev/dev-b appeared in 222222222222 (development)"), "{said}");

    // A cluster that moves.
    let moved = cluster.replace("222222222222", "333333333333");
    fs::write(work.join("clusters/dev/dev-a.yaml"), moved).unwrap();
    inputs.push(("check", "false"));
    let (done, said) = runner.check(&work, &inputs);
    assert!(!done && said.contains("222222222222 (development) -> 333333333333 (production)"), "{said}");
}

/// Every pattern of the example's CODEOWNERS matches a file.
#[test]
fn the_owners_of_the_example_own_something() {
    let example = root().join("examples/gitops");
    let owners = fs::read_to_string(example.join(".github/CODEOWNERS")).unwrap();
    let mut patterns = Vec::new();
    for line in owners.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let pattern = words.next().unwrap().strip_prefix('/').unwrap();
        assert!(example.join(pattern).exists(), "{pattern} does not exist");
        assert_eq!(example.join(pattern).is_dir(), pattern.ends_with('/'), "{pattern}");
        assert!(words.clone().count() > 0 && words.all(|owner| owner.starts_with('@')), "{line}");
        patterns.push(pattern);
    }
    for pattern in [".xaccount.yaml", "identities/", ".github/", ".pre-commit-config.yaml"] {
        assert!(patterns.contains(&pattern), "{pattern} has no owner");
    }
}
