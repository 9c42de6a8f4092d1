//! What the program prints on terminals of 60, 80 and 120 columns.

use unicode_width::UnicodeWidthStr;

use crate::support::pty::{self, Shown, Streams};
use crate::support::testdata;

/// Long names, so that every table and message has to be fitted.
const FLEET: &str = "\
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata:
  name: cross-account-role-222222222222
spec:
  allowedNamespaces:
    list: [team-development]
  roleARN: arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io
  sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}
";

/// Runs the program on a terminal; its output is without colours.
fn show(columns: u16, streams: Streams, args: &[&str], directory: &tempfile::TempDir) -> Shown {
    let mut shown = pty::show(columns, streams, args, directory.path());
    shown.terminal = anstream::adapter::strip_str(&shown.terminal).to_string();
    shown
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut text = FLEET.to_owned();
    for (namespace, name) in [
        ("team-development", "application-development-one"),
        ("team-development", "application-development-two"),
        ("team-development", "application-development-three"),
        ("team-production-of-all", "application-production-with-a-long-name"),
    ] {
        text.push_str(&format!(
            "---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n\
             metadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{region: us-east-1, identityRef: {{kind: AWSClusterRoleIdentity, name: cross-account-role-222222222222}}}}\n"
        ));
    }
    std::fs::write(directory.path().join("fleet.yaml"), text).unwrap();
    std::fs::copy(testdata("dkp/dkp-2.7-v1beta2.yaml"), directory.path().join("cinder.yaml")).unwrap();
    directory
}

/// Programs in commands to be copied.
const PROGRAMS: [&str; 6] = ["kubectl ", "kubectl-xaccount ", "aws ", "dkp ", "git ", "curl "];

/// A command to be copied, a single word, or a line of an excerpt or a diff may be longer than the screen.
fn may_be_longer(line: &str) -> bool {
    let text = line.trim_start().trim_start_matches("= help: ");
    let is_excerpt = || {
        let (number, quoted) = text.split_once('|').unwrap_or((line, ""));
        number.trim().chars().all(|c| c.is_ascii_digit()) && quoted.starts_with([' ', '-', '_'])
    };
    PROGRAMS.iter().any(|program| text.starts_with(program))
        || !text.trim().contains(' ')
        || line.starts_with(['+', '-', '@'])
        || is_excerpt()
}

/// Checks each line of what was printed, but for those that may be longer.
#[track_caller]
fn check(terminal: &str, columns: u16, args: &[&str], may_be_longer: impl Fn(&str) -> bool) {
    assert!(terminal.lines().count() > 2, "{args:?} prints {terminal:?}");
    for line in terminal.lines().filter(|line| !may_be_longer(line)) {
        assert!(line.width() <= usize::from(columns), "{args:?} at {columns} columns: {line}\n{terminal}");
    }
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let directory = directory();
    let commands: [&[&str]; 8] = [
        &["status", "fleet.yaml", "-v"],
        &["status", "fleet.yaml", "--account", "222222222222"],
        &["lint", "fleet.yaml", "--severity", "note"],
        &["inject", "cinder.yaml", "--account", "222222222222"],
        &["inject", "fleet.yaml", "--account", "333333333333"],
        &["inject", "--context", "x"],
        &["status"],
        &["explain"],
    ];
    for columns in [60, 80, 120] {
        // The names of an object and of its file are on one line.
        let fits = |args: &&&[&str]| columns >= 80 || !args.contains(&"-v");
        for args in commands.iter().filter(fits) {
            let Shown { terminal, .. } = show(columns, Streams::Both, args, &directory);
            check(&terminal, columns, args, may_be_longer);
        }
    }
}

#[test]
fn only_the_manifests_of_a_page_of_explain_are_wider_than_the_terminal() {
    let directory = directory();
    for columns in [60, 80, 120] {
        for rule in xaccount::lint::RULES {
            let args = ["explain", &rule.id.to_string()];
            let Shown { terminal, .. } = show(columns, Streams::Both, &args, &directory);
            let is_yaml = |line: &str| line.starts_with("    ");
            check(&terminal, columns, &args, |line| is_yaml(line) || may_be_longer(line));
        }
    }
}

/// A page of help without its examples and its usage line, which are to be copied.
fn without_examples(help: &str) -> String {
    let (before, rest) = help.split_once("Usage:\n").unwrap();
    let (_usage, flags) = rest.split_once('\n').unwrap();
    let about = before.split("\nExample").next().unwrap();
    format!("{about}{flags}")
}

/// A comment to be copied, or a single word, possibly the end of a default in brackets.
fn may_be_longer_in_help(line: &str) -> bool {
    let text = line.trim_start();
    text.starts_with("# ") || !text.contains(' ')
}

#[test]
fn help_uses_the_width_of_the_terminal() {
    let directory = directory();
    let verbs: [&[&str]; 11] = [
        &["inject"],
        &["eject"],
        &["identity"],
        &["fn"],
        &["lint"],
        &["status"],
        &["explain"],
        &["completion"],
        &["iam", "trust"],
        &["iam", "permission"],
        &["version"],
    ];
    for verb in verbs {
        for columns in [60, 80, 120] {
            let args = [verb, &["--help"]].concat();
            let Shown { terminal, .. } = show(columns, Streams::Both, &args, &directory);
            match columns {
                ..80 => check(&without_examples(&terminal), columns, &args, may_be_longer_in_help),
                _ => check(&terminal, columns, &args, |_| false),
            }
        }
    }
    let help = |columns| show(columns, Streams::Both, &["inject", "--help"], &directory).terminal;
    let widest = |help: &str| help.lines().map(UnicodeWidthStr::width).max().unwrap();
    assert!(widest(&help(120)) > 90, "a wide terminal is used: {}", widest(&help(120)));
    // An example is the same command at every width.
    let examples = |help: &str| help.split_once("Examples:").unwrap().1.split("Usage:").next().unwrap().to_owned();
    assert_eq!(examples(&help(40)), examples(&help(120)));
    let (_, statuses) = help(60).split_once("Exit status:\n").map(|(_, list)| ((), list.to_owned())).unwrap();
    assert!(statuses.lines().all(|line| line.width() <= 60), "{statuses}");
    assert_eq!(statuses.lines().filter(|line| !line.starts_with("     ")).count(), 3, "{statuses}");
}

#[test]
fn help_on_stderr_uses_the_width_of_stderr() {
    let directory = directory();
    let shown = show(50, Streams::Stderr, &["iam"], &directory);
    assert_eq!(shown.stdout, "");
    check(&shown.terminal, 50, &["iam"], |_| false);
}

#[test]
fn each_stream_is_wrapped_by_itself() {
    let directory = directory();
    let args = ["status", "fleet.yaml"];
    let both = show(80, Streams::Both, &args, &directory);
    let one = show(80, Streams::Stderr, &args, &directory);
    let cut = |text: &str| text.contains('…');
    assert!(cut(&both.terminal) && !cut(&one.stdout), "{}\n{}", both.terminal, one.stdout);
    assert!(one.stdout.lines().any(|line| line.width() > 80), "{}", one.stdout);
    assert!(one.terminal.contains("4 clusters: 1 denied, 3 unknown"), "{}", one.terminal);
}

#[test]
fn a_blank_line_separates_a_diff_from_its_summary() {
    let directory = directory();
    let Shown { terminal, .. } =
        show(80, Streams::Both, &["inject", "cinder.yaml", "--account", "222222222222"], &directory);
    let (_, summary) = terminal.split_once("\n\nAWSCluster ").expect("a blank line after the diff");
    assert!(summary.contains("source -> 222222222222\n"), "{terminal}");
}
