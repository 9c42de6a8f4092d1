//! The hooks of `.pre-commit-hooks.yaml`, run by pre-commit itself in repositories of their own, with the
//! configurations of `docs/pre-commit.md`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::readme;
use crate::support::{peer, root, skip, target, testdata, xaccount};

const IDENTITY: &str = "cross-account-role-222222222222";

/// Variables to unset when git runs in a test repository, because the tests themselves may run in a git hook.
const OF_GIT: [&str; 5] = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_AUTHOR_DATE"];

/// A directory with the repository of the hooks, the repository that uses them, and pre-commit's own files.
struct Place {
    directory: tempfile::TempDir,
    pre_commit: PathBuf,
}

impl Place {
    /// A repository whose configuration is the page's one that begins with `recipe`, with the hooks taken from `hooks`.
    fn new(pre_commit: PathBuf, recipe: &str, hooks: impl FnOnce(&Path)) -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap(), pre_commit };
        for name in ["bin", "hooks", "work", "wheels"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), place.path("bin/kubectl-xaccount")).unwrap();
        fs::write(place.path("gitconfig"), "[user]\nname = a\nemail = a@example.com\n[init]\ndefaultBranch = main\n")
            .unwrap();
        hooks(&place.path("hooks"));
        place.must("hooks", "git", &["init", "-q"]);
        place.must("hooks", "git", &["add", "-A", "-f"]);
        place.must("hooks", "git", &["commit", "-q", "-m", "hooks"]);
        let revision = place.must("hooks", "git", &["rev-parse", "HEAD"]);
        place.must("work", "git", &["init", "-q"]);
        let repository = place.path("hooks");
        let config: String = recipe
            .lines()
            .map(|line| match line.trim_start().split_once(": ") {
                Some(("- repo", _)) => format!("  - repo: {}\n", repository.display()),
                Some(("rev", _)) => format!("    rev: {}\n", revision.trim()),
                _ => format!("{line}\n"),
            })
            .collect();
        place.write(".pre-commit-config.yaml", config);
        place.must("work", "git", &["add", "-A"]);
        place.must("work", "git", &["commit", "-q", "-m", "configuration"]);
        place
    }

    /// Like [`Self::new`], with hooks that run the program on `PATH`, installed as a git hook.
    fn system(test: &str, recipe: &str) -> Option<Self> {
        let Some(pre_commit) = peer("pre-commit") else {
            skip(test, "no pre-commit");
            return None;
        };
        let place = Self::new(pre_commit, recipe, |hooks| {
            fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).unwrap();
        });
        place.must("work", "pre-commit", &["install", "--install-hooks"]);
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path("work").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path("work").join(name)).unwrap()
    }

    fn command(&self, directory: &str, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.pre_commit.parent().unwrap();
        let mut command = match program {
            "pre-commit" => Command::new(&self.pre_commit),
            _ => Command::new(program),
        };
        OF_GIT.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
            .current_dir(self.path(directory))
            .env("PATH", format!("{}:{path}:{}", self.path("bin").display(), own.display()))
            .env("PRE_COMMIT_HOME", self.path("cache"))
            .env("PRE_COMMIT_COLOR", "never")
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("SKIP")
            // Wheels come from a directory, and from nowhere else.
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.path("wheels"))
            .env("PREK_HOME", self.path("prek"))
            .env("UV_CACHE_DIR", self.path("uv"))
            .env("UV_NO_INDEX", "1")
            .env("UV_OFFLINE", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("UV_FIND_LINKS", self.path("wheels"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, directory: &str, program: &str, args: &[&str]) -> Output {
        self.command(directory, program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// Runs a command that must succeed; returns its stdout.
    fn must(&self, directory: &str, program: &str, args: &[&str]) -> String {
        let out = self.run(directory, program, args);
        assert!(out.status.success(), "{program} {args:?}: {}", said(&out));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Stages files and commits; returns whether git committed, and all output.
    fn commit(&self, files: &[&str]) -> (bool, String) {
        self.must("work", "git", &[&["add", "--"], files].concat());
        let out = self.run("work", "git", &["commit", "-m", "change"]);
        (out.status.success(), said(&out))
    }

    fn status(&self) -> String {
        self.must("work", "git", &["status", "--porcelain"])
    }
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// The page's configuration with these words.
fn recipe(words: &[&str]) -> String {
    let page = fs::read_to_string(root().join("docs/pre-commit.md")).unwrap();
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let found = blocks.into_iter().find(|block| words.iter().all(|word| block.contains(word)));
    found.unwrap_or_else(|| panic!("docs/pre-commit.md shows no configuration with {words:?}")).to_owned()
}

/// The configuration that puts the identity into the cluster's own file.
fn plain() -> String {
    recipe(&["- id: xaccount-inject-system\n", "--account=222222222222]"])
}

/// The configuration with `--identity-file`.
fn with_identity_file() -> String {
    recipe(&["- id: xaccount-inject-system\n", "--identity-file="])
}

fn cluster(name: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}  # ours\nspec:\n  region: us-west-2\n"
    )
}

fn pointed(name: &str) -> String {
    cluster(name)
        .replace("spec:\n", &format!("spec:\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: {IDENTITY}\n"))
}

#[test]
fn a_file_that_needs_the_edit_fails_the_commit_and_is_edited() {
    let Some(place) = Place::system("a_file_that_needs_the_edit_fails_the_commit_and_is_edited", &plain()) else {
        return;
    };
    place.write("heron.yaml", cluster("heron"));
    let (done, said) = place.commit(&["heron.yaml"]);
    assert!(!done, "{said}");
    assert!(said.contains("exit code: 1") && said.contains("files were modified by this hook"), "{said}");
    assert!(said.contains("AWSCluster heron  source -> 222222222222"), "{said}");
    let edited = place.read("heron.yaml");
    assert!(
        edited.starts_with(&pointed("heron")) && edited.contains("kind: AWSClusterRoleIdentity\nmetadata:"),
        "{edited}"
    );

    let (done, said) = place.commit(&["heron.yaml"]);
    assert!(done, "{said}");
    // pre-commit hides the output of a passing hook.
    assert!(said.contains("Passed") && !said.contains("already points there"), "{said}");
    assert_eq!(place.must("work", "git", &["show", "HEAD:heron.yaml"]), edited);
}

#[test]
fn files_without_clusters_block_no_commit() {
    let Some(place) = Place::system("files_without_clusters_block_no_commit", &plain()) else { return };
    let helm = fs::read_to_string(testdata("templates/helm-awscluster.yaml")).unwrap();
    let jinja = fs::read_to_string(testdata("templates/jinja-awscluster.yaml")).unwrap();
    let files: &[(&str, &str)] = &[
        ("foreign.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n"),
        ("broken.yaml", "a: [\nb: }\n\t- c\n"),
        ("values.yml", "a: 1\na: 2\n"),
        ("chart/templates/cluster.yaml", &helm),
        ("jinja.yaml", &jinja),
        ("comments.json", "{\n  // no JSON\n  \"a\": 1,\n}\n"),
        ("lock.json", "{\"packages\": {}}\n"),
        ("empty.yaml", ""),
        ("utf16.yaml", "\u{feff}a\0:\0 \0b\0"),
        (
            "aws-but-no-cluster.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: capa}\nspec: {image: AWSCluster}\n",
        ),
    ];
    for (name, text) in files {
        place.write(name, text);
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let (done, said) = place.commit(&names);
    assert!(done, "{said}");
    assert!(said.contains("Passed"), "{said}");
    for (name, text) in files {
        assert_eq!(place.read(name), *text, "{name}");
    }
    assert_eq!(place.status(), "");
}

#[test]
fn a_new_identity_file_fails_the_commit() {
    let Some(place) = Place::system("a_new_identity_file_fails_the_commit", &with_identity_file()) else { return };
    // Only the identity is missing: git, and so pre-commit, sees no change of a tracked file.
    place.write("clusters/heron.yaml", pointed("heron"));
    let (done, said) = place.commit(&["clusters/heron.yaml"]);
    assert!(!done && said.contains("exit code: 1"), "{said}");
    assert!(!said.contains("files were modified by this hook"), "{said}");
    assert_eq!(place.status(), "A  clusters/heron.yaml\n?? clusters/identities.yaml\n");
    assert!(place.read("clusters/identities.yaml").contains(IDENTITY));
    let (done, said) = place.commit(&["clusters/heron.yaml", "clusters/identities.yaml"]);
    assert!(done, "{said}");
}

#[test]
fn a_name_that_begins_with_a_dash_is_a_file() {
    let Some(place) = Place::system("a_name_that_begins_with_a_dash_is_a_file", &with_identity_file()) else { return };
    place.write("clusters/identities.yaml", "");
    for name in ["-heron.yaml", "--write.yaml", "-f.yaml", "--account=333333333333.yaml"] {
        place.write(name, cluster("heron"));
        let (done, said) = place.commit(&[name]);
        assert!(!done && said.contains("exit code: 1"), "{name}: {said}");
        assert_eq!(place.read(name), pointed("heron"), "{name}: {said}");
        let (done, said) = place.commit(&[name, "clusters/identities.yaml"]);
        assert!(done, "{name}: {said}");
    }
}

/// The same without pre-commit: such a word is a file only if the file exists, and only where a flag is possible.
#[test]
fn words_that_begin_with_a_dash() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let run = |words: &[&str]| {
        let out = xaccount().current_dir(path).arg("inject").args(words).output().unwrap();
        (out.status.code(), said(&out))
    };
    for name in ["-heron.yaml", "-i", "--check"] {
        fs::write(path.join(name), cluster("heron")).unwrap();
    }
    let account = "--account=222222222222";
    assert_eq!(run(&[account, "--check", "-heron.yaml", "-q"]), (Some(1), "./-heron.yaml\n".into()));
    assert_eq!(run(&[account, "--check", "-q", "-f", "-heron.yaml"]), (Some(1), "./-heron.yaml\n".into()));
    assert_eq!(run(&[account, "--check", "-q", "--", "-heron.yaml"]), (Some(1), "-heron.yaml\n".into()));
    // A name that is also a flag is a flag, except after `--`.
    assert_eq!(run(&[account, "-q", "-heron.yaml", "-i"]), (Some(0), String::new()));
    assert_eq!(run(&[account, "--check", "-q", "--", "-i"]), (Some(1), "-i\n".into()));
    let (status, text) = run(&[account, "--check", "-ibis.yaml"]);
    assert_eq!(status, Some(2), "{text}");
}

/// A hook sees the staged files only. Each of these commits has one cluster, and all share one identity.
#[test]
fn several_commits_make_one_identity() {
    let Some(place) = Place::system("several_commits_make_one_identity", &with_identity_file()) else { return };
    place.write("clusters/late.yaml", cluster("late"));
    for name in ["heron", "ibis", "stork"] {
        let file = format!("clusters/{name}.yaml");
        place.write(&file, cluster(name));
        let (done, said) = place.commit(&[&file]);
        assert!(!done && said.contains("exit code: 1"), "{said}");
        let (done, said) = place.commit(&[&file, "clusters/identities.yaml"]);
        assert!(done, "{said}");
        assert_eq!(place.must("work", "git", &["show", &format!("HEAD:{file}")]), pointed(name));
    }
    assert_eq!(place.read("clusters/late.yaml"), cluster("late"), "the file was never staged");
    let identities = place.read("clusters/identities.yaml");
    assert_eq!(identities.matches("kind: AWSClusterRoleIdentity").count(), 1, "{identities}");

    // In CI, all files in one run.
    place.must("work", "git", &["add", "-A"]);
    let all = place.run("work", "pre-commit", &["run", "--all-files"]);
    assert_eq!(all.status.code(), Some(1), "{}", said(&all));
    assert_eq!(place.read("clusters/late.yaml"), pointed("late"));
    assert_eq!(place.read("clusters/identities.yaml"), identities);
    place.must("work", "pre-commit", &["run", "--all-files"]);
}

/// The configuration that leaves everything to the account map.
fn with_map() -> String {
    recipe(&["- id: xaccount-inject-system\n        files: ^clusters/\n"])
}

const MAP: &str = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nidentityFile: clusters/identities.yaml\naccounts:\n- name: development\n  account: \"222222222222\"\n  clusters: {names: [\"dev-*\"]}\n- name: production\n  account: \"333333333333\"\n  clusters: {names: [\"prod-*\"]}\n";

/// Each commit stages one cluster of a fleet.
#[test]
fn the_account_map_sets_the_account_and_no_second_identity_is_created() {
    let test = "the_account_map_sets_the_account_and_no_second_identity_is_created";
    let Some(place) = Place::system(test, &with_map()) else { return };
    place.write(".xaccount.yaml", MAP);
    let (done, said) = place.commit(&[".xaccount.yaml"]);
    assert!(done, "{said}");
    for (name, account, identities) in
        [("dev-a", "222222222222", 1), ("dev-b", "222222222222", 1), ("prod-a", "333333333333", 2)]
    {
        let file = format!("clusters/{name}.yaml");
        place.write(&file, cluster(name));
        let (done, said) = place.commit(&[&file]);
        assert!(!done && said.contains("exit code: 1") && said.contains("account map: .xaccount.yaml\n"), "{said}");
        assert_eq!(place.read(&file), pointed(name).replace("222222222222", account));
        let (done, said) = place.commit(&[&file, "clusters/identities.yaml"]);
        assert!(done, "{said}");
        let made = place.read("clusters/identities.yaml");
        assert_eq!(made.matches("kind: AWSClusterRoleIdentity").count(), identities, "{made}");
    }
    place.must("work", "pre-commit", &["run", "--all-files"]);

    place.write("clusters/stage-a.yaml", cluster("stage-a"));
    let (done, said) = place.commit(&["clusters/stage-a.yaml"]);
    assert!(!done && said.contains("exit code: 2"), "{said}");
    assert!(said.contains("AWSCluster stage-a matches no account of .xaccount.yaml"), "{said}");
    assert_eq!(place.read("clusters/stage-a.yaml"), cluster("stage-a"));

    // The map moves a cluster: its file is not staged, so only a run over all files shows it.
    place.must("work", "git", &["rm", "-q", "-f", "clusters/stage-a.yaml"]);
    place.write(".xaccount.yaml", MAP.replace("dev-*", "dev-a").replace("prod-*", "*-[ab]"));
    let (done, said) = place.commit(&[".xaccount.yaml"]);
    assert!(done, "{said}");
    let all = place.run("work", "pre-commit", &["run", "--all-files"]);
    assert_eq!(all.status.code(), Some(1), "{}", self::said(&all));
    assert!(self::said(&all).contains("AWSCluster dev-a matches 2 accounts of .xaccount.yaml"), "{}", self::said(&all));
}

/// `try-repo` passes no arguments: only a map can set the account.
#[test]
fn try_repo_takes_the_account_from_the_map() {
    let Some(place) = Place::system("try_repo_takes_the_account_from_the_map", &with_map()) else { return };
    place.write(".xaccount.yaml", MAP);
    place.write("clusters/dev-a.yaml", cluster("dev-a"));
    place.write("clusters/prod-a.yaml", cluster("prod-a"));
    place.must("work", "git", &["add", "-A"]);
    let hooks = place.path("hooks");
    let try_repo = |hook: &str, files: &[&str]| {
        let words = [&["try-repo", hooks.to_str().unwrap(), hook], files].concat();
        let out = place.run("work", "pre-commit", &words);
        (out.status.code(), self::said(&out))
    };
    let (status, said) = try_repo("xaccount-check-system", &["--all-files"]);
    assert_eq!(status, Some(1), "{said}");
    for name in ["clusters/dev-a.yaml", "clusters/prod-a.yaml", "clusters/identities.yaml"] {
        assert!(said.contains(&format!("\n{name}\n")), "{said}");
    }
    assert_eq!(place.read("clusters/dev-a.yaml"), cluster("dev-a"));
    let (status, said) = try_repo("xaccount-inject-system", &["--files", "clusters/dev-a.yaml"]);
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(place.read("clusters/prod-a.yaml"), cluster("prod-a"), "the file was not named");
    let identities = place.read("clusters/identities.yaml");
    assert_eq!(identities.matches("kind: AWSClusterRoleIdentity").count(), 1, "{identities}");
    place.must("work", "git", &["add", "-A"]);
    let (status, said) = try_repo("xaccount-check-system", &["--files", "clusters/dev-a.yaml"]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn the_checking_hook_changes_nothing() {
    let recipe = recipe(&["- id: xaccount-check-system\n"]);
    let Some(place) = Place::system("the_checking_hook_changes_nothing", &recipe) else { return };
    place.write("heron.yaml", cluster("heron"));
    let (done, said) = place.commit(&["heron.yaml"]);
    assert!(!done && said.contains("exit code: 1") && said.contains("\nheron.yaml\n"), "{said}");
    assert_eq!(place.status(), "A  heron.yaml\n");
    assert_eq!(place.read("heron.yaml"), cluster("heron"));
    place.write("heron.yaml", pointed("heron"));
    place.write("clusters/identities.yaml", "");
    assert!(!place.commit(&["heron.yaml"]).0, "the identity is missing");
}

#[test]
fn a_finding_blocks_the_commit() {
    let Some(place) = Place::system("a_finding_blocks_the_commit", &recipe(&["- id: xaccount-lint-system"])) else {
        return;
    };
    place.write("chart/templates/cluster.yaml", "kind: AWSCluster\nname: {{ name }}\n");
    let (done, said) = place.commit(&["chart/templates/cluster.yaml"]);
    assert!(!done && said.contains("warning[XA021]") && said.contains("exit code: 1"), "{said}");
    place.must("work", "git", &["reset", "-q"]);
    let heron = fs::read_to_string(testdata("lint/heron.yaml")).unwrap();
    place.write("heron.yaml", &heron);
    let (done, said) = place.commit(&["heron.yaml"]);
    assert!(!done && said.contains("error[XA001]") && said.contains("heron.yaml:19:12"), "{said}");
    assert_eq!(place.read("heron.yaml"), heron);
    // The identity is in another file, which the hook does not see; it is not reported as missing.
    place.write("heron.yaml", heron.split_inclusive("---\n").next().unwrap().trim_end_matches("---\n"));
    let (done, said) = place.commit(&["heron.yaml"]);
    assert!(done, "{said}");
}

#[test]
fn an_error_blocks_and_names_the_flag_to_type() {
    let Some(place) = Place::system("an_error_blocks_and_names_the_flag_to_type", &plain()) else { return };
    let other = fs::read_to_string(testdata("dkp/dkp-other-account.yaml")).unwrap();
    place.write("ridge.yaml", &other);
    // As in a terminal: pre-commit then gives the hook a pseudo-terminal.
    place.must("work", "git", &["add", "-A"]);
    let out = place.command("work", "pre-commit").args(["run", "--color", "always"]).output().unwrap();
    let said = said(&out);
    assert!(!out.status.success() && said.contains("exit code: 2") && said.contains("--move-account"), "{said}");
    assert_eq!(place.read("ridge.yaml"), other);
}

#[test]
fn every_command_of_the_page_works_as_shown() {
    let test = "every_command_of_the_page_works_as_shown";
    let Some(place) = Place::system(test, &with_identity_file()) else { return };
    // The commands run in the repository, so everything is in one directory.
    let commands = || {
        let directory = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").args(["-R", "."]).arg(directory.path()).current_dir(place.path("work")).status();
        assert!(copied.unwrap().success());
        let clusters = directory.path().join("clusters");
        fs::create_dir(&clusters).unwrap();
        fs::write(clusters.join("heron.yaml"), cluster("heron")).unwrap();
        let bin = directory.path().join(".bin");
        fs::create_dir(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), bin.join("kubectl-xaccount")).unwrap();
        for program in ["git", "pre-commit"] {
            let script = format!(
                "#!/bin/sh\nunset {}\nexport PRE_COMMIT_HOME='{}' PRE_COMMIT_COLOR=never GIT_CONFIG_GLOBAL='{}'\nexec '{}' \"$@\"\n",
                OF_GIT.join(" "),
                place.path("cache").display(),
                place.path("gitconfig").display(),
                peer(program).unwrap().display(),
            );
            fs::write(bin.join(program), script).unwrap();
            fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
        directory
    };
    let run_count = readme::run_page("docs/pre-commit.md", &mut BTreeSet::new(), commands);
    assert!(run_count >= 5, "only {run_count} commands were found");
}

/// Two hooks that run at the same time, as in two terminals.
#[test]
fn two_processes_at_once_lose_nothing() {
    for round in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let names: Vec<String> = (0..12).map(|n| format!("c{n}")).collect();
        for name in &names {
            fs::write(path.join(format!("{name}.yaml")), cluster(name)).unwrap();
        }
        let hook = |names: &[String]| {
            let mut command = xaccount();
            command.current_dir(path).args("inject --write --exit-code --skip-templates --allow-empty".split(' '));
            command.args(["--account=222222222222", "--identity-file=identities.yaml"]);
            command.args(names.iter().map(|name| format!("{name}.yaml")));
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            command
        };
        let running: Vec<_> = names.chunks(4).map(|names| hook(names).spawn().unwrap()).collect();
        let ended: Vec<Output> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        for out in &ended {
            let text = said(out);
            assert!(matches!(out.status.code(), Some(1 | 2)), "round {round}: {text}");
            assert!(out.status.code() == Some(1) || text.contains("identities.yaml"), "round {round}: {text}");
        }
        assert!(ended.iter().any(|out| out.status.code() == Some(1)), "round {round}: one of them wins");
        // No run undid what another one wrote; those that gave up changed nothing, and the next run completes their
        // work.
        for (names, out) in names.chunks(4).zip(&ended) {
            for name in names {
                let want = if out.status.code() == Some(1) { pointed(name) } else { cluster(name) };
                assert_eq!(fs::read_to_string(path.join(format!("{name}.yaml"))).unwrap(), want, "round {round}");
            }
        }
        hook(&names).output().unwrap();
        let identities = fs::read_to_string(path.join("identities.yaml")).unwrap();
        assert_eq!(identities.matches("kind: AWSClusterRoleIdentity").count(), 1, "round {round}: {identities}");
        for name in &names {
            assert_eq!(fs::read_to_string(path.join(format!("{name}.yaml"))).unwrap(), pointed(name), "round {round}");
        }
    }
}

/// Copies what a clone of this project contains.
fn project(hooks: &Path) {
    let left_out = ["target", ".git", "dist", "fuzz", "testdata"];
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        if !left_out.iter().any(|name| entry.file_name() == *name) {
            let copied = Command::new("cp").arg("-R").arg(entry.path()).arg(hooks).status().unwrap();
            assert!(copied.success());
        }
    }
}

/// The hooks that install a wheel, with a program that runs hooks.
fn check_wheel_hooks(test: &str, runner: &str) {
    let (Some(pre_commit), Some(_)) = (peer("pre-commit"), peer(runner)) else {
        return skip(test, &format!("no {runner}"));
    };
    if runner == "prek" && peer("uv").is_none() {
        return skip(test, "no uv");
    }
    let place = Place::new(pre_commit, &recipe(&["- id: xaccount-inject\n"]), project);
    fs::remove_file(place.path("bin/kubectl-xaccount")).unwrap();
    place.write("clusters/heron.yaml", cluster("heron"));
    place.must("work", "git", &["add", "-A"]);
    // Without the wheel, there is nothing that could run.
    let missing = place.run("work", runner, &["run"]);
    assert!(!missing.status.success() && said(&missing).contains("kubectl-xaccount=="), "{}", said(&missing));
    assert_eq!(place.read("clusters/heron.yaml"), cluster("heron"));

    crate::wheel::for_this_machine(&place.path("wheels"));
    let start = Instant::now();
    place.must("work", runner, &["install-hooks"]);
    eprintln!("{runner} installed the hook in {:.1} s", start.elapsed().as_secs_f32());
    let start = Instant::now();
    let first = place.run("work", runner, &["run"]);
    eprintln!("{runner} ran the hooks in {:.2} s", start.elapsed().as_secs_f32());
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    assert_eq!(place.read("clusters/heron.yaml"), pointed("heron"), "{}", said(&first));
    place.must("work", "git", &["add", "-A"]);
    place.must("work", runner, &["run"]);
    let check = |args: &[&str]| {
        let hooks = place.path("hooks");
        let words = [&["try-repo", hooks.to_str().unwrap(), "xaccount-check", "--all-files"], args].concat();
        place.run("work", runner, &words)
    };
    // Without a map and without arguments, the account is missing.
    let tried = check(&[]);
    assert!(!tried.status.success() && said(&tried).contains("exit code: 2"), "{}", said(&tried));
    place.write("clusters/heron.yaml", fs::read_to_string(testdata("lint/heron.yaml")).unwrap());
    let linted = place.run("work", runner, &["run", "xaccount-lint", "--all-files"]);
    assert!(!linted.status.success() && said(&linted).contains("error[XA001]"), "{}", said(&linted));
}

#[test]
fn pre_commit_installs_the_wheel_and_runs_the_hooks() {
    check_wheel_hooks("pre_commit_installs_the_wheel_and_runs_the_hooks", "pre-commit");
}

#[test]
fn prek_installs_the_wheel_and_runs_the_hooks() {
    check_wheel_hooks("prek_installs_the_wheel_and_runs_the_hooks", "prek");
}

/// What each kustomization of Flux builds, in the order of `dependsOn`.
fn flux_builds(place: &Place, kubectl: &Path) -> String {
    let flux = place.read("flux/fleet.yaml");
    let objects: Vec<serde_json::Value> =
        serde_yaml::Deserializer::from_str(&flux).map(|one| serde::Deserialize::deserialize(one).unwrap()).collect();
    let kustomizations: Vec<_> = objects.iter().filter(|object| object["kind"] == "Kustomization").collect();
    let mut built = String::new();
    let mut applied = BTreeSet::new();
    for kustomization in &kustomizations {
        let spec = &kustomization["spec"];
        for needed in spec["dependsOn"].as_array().into_iter().flatten() {
            assert!(
                applied.contains(needed["name"].as_str().unwrap()),
                "{} comes too early",
                kustomization["metadata"]
            );
        }
        applied.insert(kustomization["metadata"]["name"].as_str().unwrap().to_owned());
        let out = Command::new(kubectl)
            .args(["kustomize", spec["path"].as_str().unwrap()])
            .current_dir(place.path("work"))
            .output();
        let out = out.unwrap();
        assert!(out.status.success(), "{}", said(&out));
        built += &format!("---\n{}", String::from_utf8(out.stdout).unwrap());
    }
    assert_eq!(applied.len(), 3);
    built
}

/// `examples/gitops`: its hooks point a new cluster at its account, and what Flux builds is permitted.
#[test]
fn the_example_of_gitops_works_as_a_whole() {
    let test = "the_example_of_gitops_works_as_a_whole";
    let (Some(pre_commit), Some(kubectl)) = (peer("pre-commit"), peer("kubectl")) else {
        return skip(test, "no pre-commit or no kubectl");
    };
    let example = root().join("examples/gitops");
    let config = fs::read_to_string(example.join(".pre-commit-config.yaml")).unwrap();
    let place = Place::new(pre_commit, &config, project);
    fs::remove_file(place.path("bin/kubectl-xaccount")).unwrap();
    crate::wheel::for_this_machine(&place.path("wheels"));
    for entry in fs::read_dir(&example).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != ".pre-commit-config.yaml" {
            let copied = Command::new("cp").arg("-R").arg(entry.path()).arg(place.path("work")).status().unwrap();
            assert!(copied.success());
        }
    }
    place.must("work", "git", &["add", "-A"]);
    place.must("work", "pre-commit", &["run", "--all-files"]);
    assert_eq!(place.must("work", "git", &["diff"]), "", "the example is not as its hooks write it");
    place.must("work", "git", &["commit", "-q", "-m", "the example"]);
    place.must("work", "pre-commit", &["install"]);

    let namespace = place.read("clusters/dev/namespace.yaml").replace("team-dev", "team-new");
    place.write("clusters/dev/namespace-new.yaml", namespace);
    place.write(
        "clusters/dev/dev-b.yaml",
        cluster("dev-b").replace("  name: dev-b  # ours\n", "  name: dev-b  # ours\n  namespace: team-new\n"),
    );
    let kustomization = place.read("clusters/dev/kustomization.yaml") + "- namespace-new.yaml\n- dev-b.yaml\n";
    place.write("clusters/dev/kustomization.yaml", kustomization);
    let (done, said) = place.commit(&["clusters"]);
    assert!(!done && said.contains("exit code: 1"), "{said}");
    assert!(place.read("clusters/dev/dev-b.yaml").contains(IDENTITY), "{said}");
    assert!(place.read("identities/identities.yaml").contains("    - team-dev\n    - team-new\n"), "{said}");
    let (done, said) = place.commit(&["clusters", "identities"]);
    assert!(done, "{said}");

    fs::write(place.path("built.yaml"), flux_builds(&place, &kubectl)).unwrap();
    let status = xaccount()
        .current_dir(place.directory.path())
        .args(["status", "built.yaml", "-o", "json", "--exit-code"])
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", self::said(&status));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let accounts: Vec<(&str, &str)> = status["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["account"].as_str().unwrap()))
        .collect();
    assert_eq!(accounts, [("dev-a", "222222222222"), ("dev-b", "222222222222"), ("prod-a", "333333333333")]);
}

/// The hook that cargo builds, from a clone of this project.
#[test]
fn the_rust_hook_is_built_and_runs() {
    let test = "the_rust_hook_is_built_and_runs";
    let Some(pre_commit) = peer("pre-commit") else { return skip(test, "no pre-commit") };
    let place = Place::new(pre_commit, &recipe(&["- id: xaccount-inject-src\n"]), project);
    // pre-commit builds without the lock file, so it needs the registry.
    let registry = place.run("hooks", "cargo", &["update", "--dry-run"]);
    if !registry.status.success() {
        return skip(test, "no crates registry");
    }
    // Keeps the build, so that a later run of this test need not compile everything again.
    let start = Instant::now();
    let built = place
        .command("work", "pre-commit")
        .arg("install-hooks")
        .env("CARGO_TARGET_DIR", target().join("peers/rust-hook"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", said(&built));
    eprintln!("the hook was built in {} s", start.elapsed().as_secs());

    fs::remove_file(place.path("bin/kubectl-xaccount")).unwrap();
    place.write("clusters/heron.yaml", cluster("heron"));
    place.must("work", "git", &["add", "-A"]);
    let first = place.run("work", "pre-commit", &["run"]);
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    assert_eq!(place.read("clusters/heron.yaml"), pointed("heron"), "{}", said(&first));
    place.must("work", "git", &["add", "-A"]);
    place.must("work", "pre-commit", &["run"]);
}

/// The commands of `docs/air-gapped.md` install the hooks, although every other address is a port that nothing listens on.
#[test]
fn hooks_are_installed_without_the_internet() {
    let test = "hooks_are_installed_without_the_internet";
    let Some(pre_commit) = peer("pre-commit") else { return skip(test, "no pre-commit") };
    let place = Place::new(pre_commit, &recipe(&["- id: xaccount-inject\n"]), project);
    fs::remove_file(place.path("bin/kubectl-xaccount")).unwrap();
    crate::wheel::for_this_machine(&place.path("wheels"));
    let page = fs::read_to_string(root().join("docs/air-gapped.md")).unwrap();
    let block = page.split("```sh\n").find(|block| block.contains("pre-commit install-hooks")).unwrap();
    let block = block.split("```").next().unwrap();
    let script = block.replace("/srv/wheels", place.path("wheels").to_str().unwrap());
    assert_ne!(script, block);
    let mut sh = place.command("work", "sh");
    sh.args(["-ec", &script]).env_remove("PIP_NO_INDEX").env_remove("PIP_FIND_LINKS");
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        sh.env(name, "http://127.0.0.1:9");
    }
    let out = sh.output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
    place.write("clusters/heron.yaml", cluster("heron"));
    place.must("work", "git", &["add", "-A"]);
    let out = place.run("work", "pre-commit", &["run", "xaccount-inject"]);
    assert_eq!(place.read("clusters/heron.yaml"), pointed("heron"), "{}", said(&out));
}

/// The configurations that users copy.
#[test]
fn the_configurations_have_the_current_version() {
    for page in [
        "docs/pre-commit.md",
        "docs/github.md",
        "examples/gitops/.pre-commit-config.yaml",
        "examples/gitops/.github/workflows/accounts.yml",
    ] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let versions = text.lines().filter_map(|line| {
            line.trim_start()
                .strip_prefix("rev: v")
                .or_else(|| Some(line.split_once("uses: OWNER/kubectl-xaccount@v")?.1))
        });
        let versions: BTreeSet<&str> = versions.collect();
        assert_eq!(versions, BTreeSet::from([env!("CARGO_PKG_VERSION")]), "{page}");
    }
}

/// The hooks of a verb differ only in how the program is installed.
#[test]
fn the_hooks_of_a_verb_are_alike() {
    let text = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<serde_json::Value> = serde_yaml::from_str(&text).unwrap();
    let hook = |id: &str| hooks.iter().find(|hook| hook["id"] == id).unwrap_or_else(|| panic!("no {id}"));
    assert_eq!(hooks.len(), 9);
    for id in ["xaccount-inject", "xaccount-check", "xaccount-lint"] {
        let wheel = hook(id);
        for (suffix, language) in [("", "python"), ("-src", "rust"), ("-system", "system")] {
            let hook = hook(&format!("{id}{suffix}"));
            assert_eq!(hook["language"], language, "{id}{suffix}");
            for key in ["name", "entry", "types_or"] {
                assert_eq!(hook[key], wheel[key], "{id}{suffix} {key}");
            }
            assert_eq!(hook["require_serial"], true, "{id}{suffix}");
            let entry = hook["entry"].as_str().unwrap();
            // lint reports a template as a warning, and reports nothing if there are no clusters.
            let calm = entry.contains("--skip-templates") && entry.contains("--allow-empty");
            assert!((calm || id == "xaccount-lint") && !entry.ends_with("--"));
            assert_eq!(entry.contains("--exit-code"), entry.contains("--write"));
        }
    }
}
