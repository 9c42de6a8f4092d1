//! `lint --against`: only the findings that a change brings.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::repository::{git, write};
use crate::support::{root, xaccount};

/// An identity with a mistake, XA001.
fn wrong(name: &str) -> String {
    identity(name, "arn:aws:iam::222222222222:user/ci")
}

fn right(name: &str) -> String {
    identity(name, "arn:aws:iam::222222222222:role/capa")
}

fn identity(name: &str, role: &str) -> String {
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {{name: {name}}}\n\
         spec:\n  roleARN: {role}\n  allowedNamespaces: {{list: [dev]}}\n  \
         sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}\n"
    )
}

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), "init -q -b main");
    files.iter().for_each(|(name, text)| write(directory.path(), name, text));
    commit(directory.path());
    directory
}

fn commit(directory: &Path) {
    git(directory, "add -A");
    git(directory, "commit -q --allow-empty -m one");
}

fn run(directory: &Path, words: &str) -> Output {
    xaccount().current_dir(directory).arg("lint").args(words.split(' ')).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Rules and objects of the findings that are shown.
fn found(directory: &Path, words: &str) -> Vec<String> {
    let output = run(directory, &format!("{words} -o json --exit-zero --allow-empty --no-config"));
    assert_eq!(output.status.code(), Some(0), "{words}: {}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = |finding: &Value| {
        let message = finding["message"].as_str().unwrap().split(": ").next().unwrap();
        format!(
            "{} {message} {}",
            finding["rule"].as_str().unwrap(),
            finding["at"]["file"].as_str().unwrap_or_default()
        )
    };
    json["findings"].as_array().unwrap().iter().map(one).collect()
}

/// The directories of the cases of lint, and the test data.
fn directories() -> Vec<PathBuf> {
    let cases = fs::read_dir(root().join("tests/cases/lint")).unwrap();
    let mut directories: Vec<PathBuf> = cases.map(|entry| entry.unwrap().path().join("in")).collect();
    directories.retain(|path| path.is_dir());
    directories.push(root().join("testdata"));
    directories.sort();
    directories
}

/// Copies a directory to `in` below another one.
fn copy(directory: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-R").arg(directory).arg(to.join("in")).status().unwrap().success());
}

/// Adds a line above each file that can have one.
fn add_lines(directory: &Path) {
    for entry in walkdir::WalkDir::new(directory).into_iter().map(Result::unwrap) {
        let text = fs::read(entry.path()).unwrap_or_default();
        if entry.path().extension().is_some_and(|ending| ending == "yaml") && text.starts_with(b"apiVersion") {
            fs::write(entry.path(), [b"# one more line\n\n", &text[..]].concat()).unwrap();
        }
    }
}

/// Moved lines and renamed directories bring no finding; without an older state, all findings are new.
#[test]
fn what_only_moves_is_not_new() {
    let mut all = 0;
    for directory in directories() {
        let name = directory.display();
        let repository = repository(&[("README", "")]);
        let here = repository.path();
        copy(&directory, here);
        let before = found(here, ". -R --severity note");
        assert_eq!(found(here, ". -R --severity note --against HEAD"), before, "{name}");
        all += before.len();
        commit(here);
        add_lines(&here.join("in"));
        // What can't be read is new wherever its text changed.
        let read = "--ignore XA002,XA021";
        assert_eq!(found(here, &format!(". -R --severity note --against HEAD {read}")), [""; 0], "{name}: lines");
        git(here, "checkout -q -- in");
        fs::rename(here.join("in"), here.join("there")).unwrap();
        assert_eq!(found(here, ". -R --severity note --against HEAD"), [""; 0], "{name}: renamed");
        let old = tempfile::tempdir().unwrap();
        copy(&directory, old.path());
        let against = format!("there -R --severity note --against {}/in", old.path().display());
        assert_eq!(found(here, &against), [""; 0], "{name}: paths");
    }
    assert!(all > 150, "{all}");
}

#[test]
fn of_two_equal_findings_one_is_new() {
    let repository = repository(&[("a.yaml", &wrong("x"))]);
    let here = repository.path();
    write(here, "b.yaml", &wrong("x"));
    write(here, "c.yaml", &wrong("z"));
    let shown: BTreeSet<String> = found(here, ". --against HEAD").into_iter().collect();
    let expected = ["XA001 AWSClusterRoleIdentity x ./b.yaml", "XA001 AWSClusterRoleIdentity z ./c.yaml"];
    assert_eq!(shown, expected.map(str::to_owned).into());
}

/// A hook names only the files of a commit: a new one has no older state, and a renamed one has another name.
#[test]
fn named_files_may_be_new_or_renamed() {
    let repository = repository(&[("a.yaml", &wrong("a")), ("b.yaml", &right("b"))]);
    let here = repository.path();
    write(here, "new.yaml", &wrong("new"));
    git(here, "mv a.yaml renamed.yaml");
    let words = "new.yaml renamed.yaml b.yaml --against HEAD";
    assert_eq!(found(here, words), ["XA001 AWSClusterRoleIdentity new new.yaml"]);
}

#[test]
fn an_old_file_that_cant_be_read_hides_nothing() {
    let broken = "kind: AWSClusterRoleIdentity\nspec: {a: [\n";
    let repository = repository(&[("a.yaml", broken), ("b.yaml", broken)]);
    let here = repository.path();
    // A document that did not change is not new, although it is not known what is in it.
    assert_eq!(found(here, ". --against HEAD"), [""; 0]);
    write(here, "a.yaml", &wrong("a"));
    write(here, "b.yaml", &broken.replace('a', "b"));
    let output = run(here, ". --against HEAD");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stdout.contains("error[XA001]") && stdout.contains("error[XA002]"), "{stdout}");
    assert!(stderr.contains("--> git:HEAD/a.yaml:") && stderr.contains("counts as without findings"), "{stderr}");
    assert!(!stderr.contains("error:") && !stderr.contains("error["), "{stderr}");
}

#[test]
fn the_exit_status_and_the_fixes_are_those_of_new_findings() {
    let sequence = |name: &str| right(name).replace("{list: [dev]}", "[dev]");
    let repository = repository(&[("a.yaml", &sequence("a"))]);
    let here = repository.path();
    let none = run(here, ". --against HEAD");
    assert_eq!(none.status.code(), Some(0));
    assert_eq!(text(&none.stderr), "no new findings in 1 file\n1 finding also in HEAD: not shown\n");
    write(here, "b.yaml", &sequence("b"));
    assert_eq!(run(here, ". --against HEAD").status.code(), Some(1));
    let fixed = run(here, ". --against HEAD --fix --write");
    assert_eq!(fixed.status.code(), Some(0), "{}", text(&fixed.stderr));
    assert!(text(&fixed.stderr).ends_with("1 finding fixed in 1 file\n1 finding also in HEAD: not shown\n"));
    let read = |name: &str| fs::read_to_string(here.join(name)).unwrap();
    assert_eq!(read("a.yaml"), sequence("a"));
    assert_eq!(read("b.yaml"), right("b"));
}

/// A comment that silenced a finding is gone; an entry of the map that silences nothing is as old as the findings.
#[test]
fn what_is_no_longer_silenced_is_new() {
    let silenced = wrong("a").replace("  roleARN", "  # xaccount: ignore[XA001] test\n  roleARN");
    let map = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\naccounts: []\nlint:\n  ignore:\n  - {rule: XA005, reason: none}\n";
    let repository = repository(&[("a.yaml", &silenced), (".xaccount.yaml", map)]);
    let here = repository.path();
    let shown = |words: &str| text(&run(here, words).stdout);
    assert!(shown("a.yaml --severity note").contains("note[XA052]"));
    assert_eq!(shown("a.yaml --severity note --against HEAD"), "");
    write(here, "a.yaml", &wrong("a"));
    let now = shown("a.yaml --severity note --against HEAD");
    assert!(now.contains("error[XA001]") && !now.contains("XA052"), "{now}");
}
