//! README.md and docs/ are checked: every command in them is run, and every table is compared. Their pictures are in `pictures.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use snapbox::{Data, IntoData};
use xaccount::capa::{REFERENCING_KINDS, Reason, WRAPPER_KINDS};

use crate::support::{root, testdata, xaccount};

/// Commands of the README that are not run, because they compile everything again, for minutes.
const NOT_RUN: [&str; 1] = ["cargo install --locked --path ."];

/// Maximum number of lines of the README.
const README_LINES: usize = 180;

/// The files of the examples: their names, and their sources in `testdata/`.
const FILES: &[(&str, &str)] = &[
    ("cinder.yaml", "dkp/dkp-2.7-v1beta2.yaml"),
    ("ridge.yaml", "dkp/dkp-other-account.yaml"),
    ("clusters", "fleet/clusters"),
    ("heron.yaml", "lint/heron.yaml"),
];

/// Pages of `docs/` whose commands run one after another in one directory.
const GUIDES: [&str; 7] =
    ["guide.md", "onboard.md", "move.md", "migrate-credentials.md", "rotate-role.md", "undo.md", "upgrade-capa.md"];

/// Replacements for programs that are not ours, or that take too long.
const STANDINS: &[(&str, &str)] = &[
    ("kubectl-xaccount", "exec 'BIN' \"$@\""),
    (
        "dkp",
        "case \"$*\" in 'create cluster aws '*) exec cat 'ROOT/testdata/dkp/dkp-2.7-v1beta2.yaml' ;; esac\nexit 99",
    ),
    ("aws", AWS),
    ("kubectl", KUBECTL),
];

/// An `aws` with a profile for each account of the quick start. It records what would change.
const AWS: &str = r#"case "$1 $2" in
'sts get-caller-identity')
    case $AWS_PROFILE in
    management) echo 111111111111 ;;
    dev) echo 222222222222 ;;
    stage) echo 333333333333 ;;
    prod) echo 444444444444 ;;
    esac ;;
'iam get-role') cat 'ROOT/testdata/iam/trust.json' ;;
'iam get-role-policy')
    case "$*" in *' --policy-name controllers') exec cat 'ROOT/testdata/iam/dkp-2.2.json' ;; esac
    echo 'An error occurred (NoSuchEntity) when calling the GetRolePolicy operation: it does not exist' >&2
    exit 254 ;;
'cloudformation describe-stack-resources')
    echo 'An error occurred (ValidationError) when calling the operation: the stack does not exist' >&2
    exit 254 ;;
'iam update-assume-role-policy' | 'iam put-role-policy')
    for word; do
        case $word in --policy-document=file://*) grep -q sts:AssumeRole "${word#*file://}" || exit 99 ;; esac
    done
    echo "$AWS_PROFILE: $2" >>.calls ;;
*) exit 99 ;;
esac"#;

/// A `kubectl` that accepts files only if they contain what `inject` adds. It records what it applies.
const KUBECTL: &str = r#"case "$*" in
'xaccount '*) shift; exec 'BIN' "$@" ;;
'create -f -' | 'apply -f -') grep -q AWSClusterRoleIdentity && echo created ;;
'apply -k clusters') grep -qx -e '- identities.yaml' clusters/kustomization.yaml ;;
'apply -f clusters/identities.yaml')
    [ "$(grep -c 'kind: AWSClusterRoleIdentity' clusters/identities.yaml)" = 3 ] && echo 'kubectl: identities' >>.calls ;;
'apply -R -f clusters')
    [ "$(grep -rl identityRef clusters | wc -l)" = 5 ] && echo 'kubectl: clusters' >>.calls ;;
*) exit 99 ;;
esac"#;

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks of a page in a language.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(name)) if name == language => open = Some(String::new()),
            (None, Some(name)) if !name.is_empty() => open = None,
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), None) => *block += &format!("{line}\n"),
            _ => {}
        }
    }
    blocks
}

/// A command as printed, and the output below it.
struct Step {
    command: String,
    shown: String,
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.into(), shown: String::new() });
        } else {
            let step = steps.last_mut().expect("a block begins with a command");
            let text = if goes_on { &mut step.command } else { &mut step.shown };
            let _ = if goes_on { write!(text, "\n{line}") } else { writeln!(text, "{line}") };
        }
        goes_on =
            steps.last().is_some_and(|step| step.shown.is_empty()) && (line.ends_with('|') || line.ends_with('\\'));
    }
    steps
}

/// A fresh directory with the files of the examples, and `.bin` with the programs.
pub(crate) fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, from) in FILES {
        let out = Command::new("cp").arg("-R").arg(testdata(from)).arg(directory.path().join(name)).status();
        assert!(out.unwrap().success());
    }
    symlink(root().join("testdata"), directory.path().join("testdata")).unwrap();
    let bin = directory.path().join(".bin");
    fs::create_dir(&bin).unwrap();
    for (name, script) in STANDINS {
        let script =
            script.replace("BIN", env!("CARGO_BIN_EXE_kubectl-xaccount")).replace("ROOT", root().to_str().unwrap());
        fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

/// Runs the commands of a block in one shell; returns the output and status of each.
fn run(directory: &Path, steps: &[Step]) -> Vec<(String, i32)> {
    let out = directory.join(".out");
    fs::create_dir_all(&out).unwrap();
    fs::create_dir_all(directory.join(".home")).unwrap();
    let mut script = String::new();
    for (n, Step { command, .. }) in steps.iter().enumerate() {
        writeln!(script, "{{ {command}\n}} >.out/{n} 2>&1; status=$?; echo $status >.out/{n}.status; (exit $status)")
            .unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let shell = Command::new("bash")
        .args(["-o", "pipefail", "-c", &script])
        .current_dir(directory)
        .env_remove("CI")
        .env_remove("CLICOLOR_FORCE")
        // In another directory: an account map in the home directory is not used.
        .env("HOME", directory.join(".home"))
        .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_NAME"), "reader")))
        .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_EMAIL"), "reader@example.com")))
        .env("PATH", format!("{}:{path}", directory.join(".bin").display()))
        .stdin(std::process::Stdio::null())
        .status();
    shell.expect("bash starts");
    (0..steps.len())
        .map(|n| {
            let text = |name: String| fs::read_to_string(out.join(name)).unwrap();
            (text(n.to_string()), text(format!("{n}.status")).trim().parse().unwrap())
        })
        .collect()
}

/// Runs every command of a page, each block in a directory of its own; returns the number of commands. Removes from
/// `not_run` the commands that were skipped because it names them.
pub(crate) fn run_page(page: &str, not_run: &mut BTreeSet<&str>, directory: impl Fn() -> tempfile::TempDir) -> usize {
    let left_out = not_run.clone();
    let mut run_count = 0;
    for block in blocks(&read(page), "console") {
        let mut steps = steps(&block);
        steps.retain(|step| {
            not_run.remove(step.command.as_str());
            !left_out.contains(step.command.as_str())
        });
        run_steps(page, &steps, directory().path());
        run_count += steps.len();
    }
    run_count
}

/// Runs every command of a guide, one after another in one directory; returns the number of commands.
fn run_guide(page: &str) -> usize {
    let text = read(page);
    let directory = if text.contains("`testdata/fleet/account-map.yaml`") { with_map() } else { directory() };
    fs::copy(testdata("iam/trust.json"), directory.path().join("trust.json")).unwrap();
    let steps: Vec<Step> = blocks(&text, "console").iter().flat_map(|block| steps(block)).collect();
    run_steps(page, &steps, directory.path());
    steps.len()
}

/// Runs commands, and compares their output with the text below them.
fn run_steps(page: &str, steps: &[Step], directory: &Path) {
    for (step, (printed, status)) in steps.iter().zip(run(directory, steps)) {
        let Step { command, shown } = step;
        let fails = shown.lines().any(|line| line.starts_with("error: "));
        let question = status == 1
            && (command.contains("inject")
                || command.contains("eject")
                || command.contains("lint")
                || command.contains("--merge")
                || command.contains("--have")
                || command.contains("--exit-code")
                || shown.contains("- exit code: 1\n"));
        assert!(status == if fails { 2 } else { 0 } || question, "{page}: $ {command}\n{printed}-> {status}");
        if !shown.is_empty() {
            let shown = Data::text(shown.clone());
            let comparison = snapbox::Assert::new().action_env("README_IS_WRITTEN_BY_HAND");
            comparison
                .try_eq(Some(&command), printed.into_data(), shown)
                .unwrap_or_else(|error| panic!("{page}: $ {command}\n{error}"));
        }
    }
}

/// The directory of the examples with the account map of the fleet, and without clusters of other examples.
fn with_map() -> tempfile::TempDir {
    let directory = directory();
    for other in ["ridge.yaml", "heron.yaml"] {
        fs::remove_file(directory.path().join(other)).unwrap();
    }
    fs::copy(testdata("fleet/account-map.yaml"), directory.path().join(".xaccount.yaml")).unwrap();
    directory
}

/// A section of a page, from its heading to the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}")) + 1;
    let length = page[start..].find("\n## ").map_or(page.len() - start, |at| at + 1);
    &page[start..start + length]
}

const NEW_CLUSTERS: &str = "Quick start: new clusters in three accounts";
const EXISTING_CLUSTERS: &str = "Quick start: I already have clusters";

/// The steps of all console blocks of a section, for one shell.
fn steps_of(section: &str) -> Vec<Step> {
    blocks(section, "console").iter().flat_map(|block| steps(block)).collect()
}

/// A fresh directory with the clusters of the quick start and its account map.
fn quick_start() -> tempfile::TempDir {
    let readme = read("README.md");
    let text = section(&readme, NEW_CLUSTERS);
    let directory = directory();
    fs::remove_dir_all(directory.path().join("clusters")).unwrap();
    // The command that the text tells readers to run in a clone.
    let copy = "cp -R testdata/quickstart/clusters .";
    assert!(text.contains(&format!("`{copy}`")));
    let words: Vec<&str> = copy.split(' ').collect();
    assert!(Command::new(words[0]).args(&words[1..]).current_dir(directory.path()).status().unwrap().success());
    let map = &blocks(text, "yaml")[0];
    let name = map.lines().next().and_then(|line| line.strip_prefix("# ")).expect("the name of the file");
    fs::write(directory.path().join(name), map).unwrap();
    directory
}

#[test]
fn the_quick_start_with_new_clusters_works_as_printed() {
    let readme = read("README.md");
    let directory = quick_start();
    let steps = steps_of(section(&readme, NEW_CLUSTERS));
    assert!(steps.len() >= 8);
    run_steps("README.md", &steps, directory.path());
    let calls = fs::read_to_string(directory.path().join(".calls")).unwrap();
    let trust = "update-assume-role-policy";
    assert_eq!(
        calls,
        format!(
            "dev: {trust}\nstage: {trust}\nprod: {trust}\nmanagement: put-role-policy\n\
             kubectl: identities\nkubectl: clusters\n"
        )
    );
}

#[test]
fn the_quick_start_with_existing_clusters_works_as_printed() {
    let readme = read("README.md");
    let text = section(&readme, EXISTING_CLUSTERS);
    let directory = quick_start();
    let map = directory.path().join(".xaccount.yaml");
    let inject = ["inject", "clusters", "-R", "--write", "-q"];
    assert!(xaccount().current_dir(directory.path()).args(inject).status().unwrap().success());
    fs::remove_file(&map).unwrap();

    run_steps("README.md", &steps_of(text), directory.path());
    let generated = fs::read_to_string(&map).unwrap();
    let source = "\nsource:\n  account: \"111111111111\"\n  clusters:\n    names:\n    - mgmt\n";
    assert!(generated.contains(source), "{generated}");
}

#[test]
fn every_other_command_of_the_readme_is_listed() {
    let readme = read("README.md");
    let rest = [NEW_CLUSTERS, EXISTING_CLUSTERS].iter().fold(readme.clone(), |rest, heading| {
        let text = section(&readme, heading);
        rest.replace(text, "")
    });
    let commands: Vec<String> = steps_of(&rest).into_iter().map(|step| step.command).collect();
    assert_eq!(commands, NOT_RUN);
}

#[test]
fn the_test_command_of_the_readme_is_that_of_ci() {
    assert!(read("README.md").contains("To run all tests: `./scripts/test`."));
    assert!(read("scripts/lane").lines().any(|line| line == "test) ./scripts/test ;;"));
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, and at most {README_LINES} are allowed");
}

#[test]
fn every_command_of_the_reference_works_as_shown() {
    assert!(run_page("docs/reference.md", &mut BTreeSet::new(), directory) >= 15);
}

/// `UPDATE_CASES=1 cargo test --test integration schema` rewrites it.
#[test]
fn the_schema_of_the_account_map_is_fresh() {
    let out = xaccount().args(["explain", "--schema"]).output().unwrap();
    let file = root().join("docs/account-map.schema.json");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&file, &out.stdout).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap(), String::from_utf8(out.stdout).unwrap());
}

#[test]
fn every_command_of_the_page_about_iam_works_as_shown() {
    let with_policy = || {
        let directory = directory();
        fs::copy(testdata("iam/trust.json"), directory.path().join("trust.json")).unwrap();
        directory
    };
    assert!(run_page("docs/iam.md", &mut BTreeSet::new(), with_policy) >= 7);
}

#[test]
fn every_command_of_the_page_about_permissions_works_as_shown() {
    let with_policy = || {
        let directory = directory();
        fs::copy(testdata("iam/dkp-2.2.json"), directory.path().join("role-policy.json")).unwrap();
        directory
    };
    assert!(run_page("docs/target-permission.md", &mut BTreeSet::new(), with_policy) >= 7);
}

#[test]
fn every_command_of_the_page_about_the_map_works_as_shown() {
    assert!(run_page("docs/account-map.md", &mut BTreeSet::new(), with_map) >= 5);
    let shown = &blocks(&read("docs/account-map.md"), "yaml")[0];
    let file = read("testdata/fleet/account-map.yaml");
    assert_eq!(file.split_once('\n').map(|(_, rest)| rest), Some(shown.as_str()));
}

#[test]
fn every_command_of_the_page_about_lint_works_as_shown() {
    assert!(run_page("docs/lint.md", &mut BTreeSet::new(), directory) >= 6);
}

#[test]
fn every_command_of_the_troubleshooting_works_as_shown() {
    assert!(run_page("docs/troubleshooting.md", &mut BTreeSet::new(), with_map) >= 15);
}

#[test]
fn the_index_of_the_docs_has_every_page() {
    let index = read("docs/README.md");
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_listed = name == "README.md" || name.ends_with(".svg") || index.contains(&format!("({name})"));
        assert!(is_listed, "docs/README.md lacks {name}");
    }
}

#[test]
fn the_map_of_the_guide_is_a_file() {
    let shown = &blocks(&read("docs/guide.md"), "yaml")[0];
    assert!(read("testdata/fleet/account-map.yaml").ends_with(shown));
}

#[test]
fn every_command_of_the_page_about_status_works_as_shown() {
    assert!(run_page("docs/status.md", &mut BTreeSet::new(), directory) >= 6);
}

#[test]
fn every_command_of_the_guides_works_as_shown() {
    let counts: Vec<usize> = GUIDES.iter().map(|name| run_guide(&format!("docs/{name}"))).collect();
    assert!(counts.iter().all(|&count| count >= 4), "{counts:?}");
}

/// Pages with commands that other modules run, because they need peers.
#[test]
fn no_page_has_commands_that_are_not_run() {
    let others = [
        "pre-commit.md",
        "krm.md",
        "gitops.md",
        "completion.md",
        "iam.md",
        "target-permission.md",
        "account-map.md",
        "status.md",
        "lint.md",
        "troubleshooting.md",
        "reference.md",
    ];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && !others.contains(&name.as_str()) && !GUIDES.contains(&name.as_str()) {
            let page = format!("docs/{name}");
            assert!(blocks(&read(&page), "console").is_empty(), "no test runs the commands of {page}");
        }
    }
}

#[test]
fn every_file_of_the_examples_is_named_in_the_reference() {
    let page = read("docs/reference.md");
    for (name, from) in FILES {
        let line = format!("- `{name}` is `testdata/{from}`");
        assert!(page.contains(&line), "docs/reference.md lacks: {line}");
    }
}

#[test]
fn the_table_of_kinds_is_that_of_the_library() {
    let mut table = String::from("| Kind | API group | Reference | Versions | CAPA since |\n|---|---|---|---|---|\n");
    for bearer in &REFERENCING_KINDS {
        let versions: Vec<_> = bearer.versions.iter().map(|version| version.name()).collect();
        let (path, versions) = (bearer.parent.join("."), versions.join(", "));
        writeln!(
            table,
            "| `{}` | `{}` | `.{path}.identityRef` | {versions} | {} |",
            bearer.kind, bearer.group, bearer.since
        )
        .unwrap();
    }
    assert!(read("docs/reference.md").contains(&table), "docs/reference.md lacks this table:\n{table}");
}

#[test]
fn the_table_of_other_programs_has_the_kinds_of_the_library() {
    let page = read("docs/limits.md");
    let mut rest = page.as_str();
    for row in &WRAPPER_KINDS {
        let group = if row.group.is_empty() { "core".to_owned() } else { format!("`{}`", row.group) };
        let start = format!("\n| `{}` | {group} |", row.kind);
        let (_, more) =
            rest.split_once(&start).unwrap_or_else(|| panic!("docs/limits.md lacks, in this order: {start}"));
        rest = more;
    }
}

/// Flags of git, cargo, dkp and nkp.
const FOREIGN_FLAGS: &[&str] = &[
    "--git",
    "--output",
    "--release",
    "--locked",
    "--path",
    "--output-directory",
    "--version",
    "--cluster-name",
    "--manifest",
    "--archive",
    "--export",
    "--repo",
    "--bins",
    "--no-edit",
];

/// Flags of the AWS CLI and dkp.
const CLOUD_FLAGS: &[&str] = &[
    "--query",
    "--role-name",
    "--with-aws-bootstrap-credentials",
    "--stack-name",
    "--template-body",
    "--capabilities",
    "--assume-role-policy-document",
    "--policy-arn",
    "--policy-name",
    "--policy-document",
    "--instance-profile-name",
];

/// Flags of pre-commit, kustomize, kpt and kubectl, and of what installs and verifies the program.
const PEER_FLAGS: &[&str] = &[
    "--all-files",
    "--validate",
    "--enable-alpha-plugins",
    "--enable-exec",
    "--exec",
    "--allow-exec",
    "--help",
    "--ignore-missing",
    "--repo",
    "--bundle",
    "--custom-trusted-root",
    "--manifest",
    "--archive",
    "--no-index",
    "--find-links",
    "--locked",
    "--offline",
    "--release",
];

/// The pages with flags, besides the guides.
const PAGES: [&str; 21] = [
    "README.md",
    "docs/reference.md",
    "CHANGELOG.md",
    "docs/report.md",
    "docs/pre-commit.md",
    "docs/krm.md",
    "docs/gitops.md",
    "docs/iam.md",
    "docs/target-permission.md",
    "docs/account-map.md",
    "docs/status.md",
    "docs/lint.md",
    "docs/rules.md",
    "docs/github.md",
    "docs/air-gapped.md",
    "docs/exit-status.md",
    "docs/README.md",
    "docs/troubleshooting.md",
    "docs/comparison.md",
    "docs/design.md",
    "docs/limits.md",
];

#[test]
fn every_flag_of_the_pages_is_one_of_the_program() {
    let help = |verb: &[&str]| {
        let out = xaccount().args(verb).arg("--help").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let help = [
        &["inject"][..],
        &["eject"],
        &["identity"],
        &["iam", "trust"],
        &["iam", "permission"],
        &["iam", "target-permission"],
        &["status"],
        &["lint"],
        &["explain"],
        &["map", "init"],
        &["map", "which"],
    ]
    .map(help)
    .concat();
    let foreign = [FOREIGN_FLAGS, CLOUD_FLAGS, PEER_FLAGS].concat();
    for page in PAGES.map(str::to_owned).into_iter().chain(GUIDES.map(|name| format!("docs/{name}"))) {
        let text = read(&page);
        for flag in text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.starts_with("--") && word[2..].starts_with(|c: char| c.is_ascii_lowercase()))
        {
            assert!(foreign.contains(&flag) || help.contains(flag), "{page}: there is no {flag}");
        }
    }
}

#[test]
fn the_report_is_as_documented() {
    let page = read("docs/report.md");
    let directory = directory();
    let report = |line: &str| {
        let out = xaccount().current_dir(directory.path()).args(line.split(' ')).output().unwrap();
        assert_eq!(out.status.code(), Some(0));
        String::from_utf8(out.stdout).unwrap()
    };
    let shown = blocks(&page, "json");
    assert_eq!(shown.first(), Some(&report("inject cinder.yaml --account 222222222222 -o report")));
    assert_eq!(shown.get(1), Some(&report("inject cinder.yaml --account 222222222222 -o json-patch")));
    // The names of all changes, and the texts that count them.
    for (file, module) in [("src/output/report.rs", "report"), ("src/output/summary.rs", "summary")] {
        for line in read(file).lines().filter(|line| line.trim().starts_with("ChangeKind::")) {
            let Some((_, name)) = line.split_once("=> \"") else { continue };
            let name = name.trim_end_matches("\",");
            assert!(page.contains(&format!("`{name}`")), "docs/report.md lacks `{name}` of {module}");
        }
    }
    let words: Vec<String> = read("crates/xaccount/src/inventory/skipped.rs")
        .lines()
        .filter(|line| line.trim().starts_with("Self::"))
        .filter_map(|line| Some(line.split_once("=> \"")?.1.trim_end_matches("\",").to_owned()))
        .collect();
    assert!(words.contains(&"noName".to_owned()));
    for word in words {
        assert!(page.contains(&format!("| `{word}` |")), "docs/report.md lacks the reason `{word}`");
    }
}

/// The output of a command in the directory of the examples, after other commands have run there.
pub(crate) fn printed(before: &[&str], line: &str) -> String {
    let directory = directory();
    for line in before {
        printed_in(directory.path(), line);
    }
    printed_in(directory.path(), line)
}

/// The output of a command that succeeds.
pub(crate) fn printed_in(directory: &Path, line: &str) -> String {
    let out = xaccount().current_dir(directory).args(line.split(' ')).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_status_is_as_documented() {
    let page = read("docs/status.md");
    assert_eq!(blocks(&page, "json"), [printed(&[], "status -f cinder.yaml -o json")]);
    for reason in Reason::ALL {
        assert!(page.contains(&format!("\n| `{}` | ", reason.name())), "docs/status.md lacks {}", reason.name());
    }
    // Every field of every format.
    let mut fields = BTreeSet::new();
    for line in [
        "status -f cinder.yaml -o json",
        "status -f ridge.yaml --account 333333333333 -o json",
        "status -f cinder.yaml --against ridge.yaml -o json",
    ] {
        collect_keys(&serde_json::from_str(&printed(&[], line)).unwrap(), &mut fields);
    }
    let shared = "inject clusters -R --account 222222222222 --allowed-namespaces dev --identity-file clusters/identities.yaml --write -q";
    let refused = printed(&[shared], "status -f clusters -R -o json");
    collect_keys(&serde_json::from_str(&refused).unwrap(), &mut fields);
    let of_table = |head: &str| {
        let rows =
            page.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with('|'));
        let names = rows.filter_map(|row| row.split(" | ").next()).flat_map(|cell| cell.split('`').skip(1).step_by(2));
        names.map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()).collect::<BTreeSet<_>>()
    };
    let mut described = BTreeSet::new();
    for head in ["| Field of a cluster |", "| Field of `notPermitted` |", "| Field of an identity |"] {
        let names = of_table(head);
        assert!(names.len() > 2, "{head}: {names:?}");
        described.extend(names);
    }
    assert!(described.is_subset(&fields), "{:?}", described.difference(&fields).collect::<Vec<_>>());
    for field in fields {
        let named = ["`", "."].iter().any(|before| page.contains(&format!("{before}{field}`")));
        assert!(named || page.contains(&format!("\"{field}\"")), "docs/status.md lacks {field}");
    }
}

fn collect_keys(value: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                keys.insert(key.clone());
                match member {
                    // The keys are names.
                    serde_json::Value::Object(named) if key == "identities" => {
                        named.values().for_each(|identity| collect_keys(identity, keys));
                    }
                    _ => collect_keys(member, keys),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

/// The diffs of CONTRIBUTING.md match the code: each line that they add is in the file that they name.
#[test]
fn contributing_shows_real_code() {
    let page = read("CONTRIBUTING.md");
    let mut lines = 0;
    for block in page.split("```diff\n").skip(1) {
        let mut file = String::new();
        for line in block.lines().take_while(|line| !line.starts_with("```")) {
            if let Some(path) = line.strip_prefix("+++ b/") {
                file = read(path);
            } else if let Some(line) = line.strip_prefix('+').or_else(|| line.strip_prefix(' ')) {
                assert!(file.lines().any(|existing| existing == line), "{line}");
                lines += 1;
            }
        }
    }
    assert!(lines > 30, "{lines}");
}
