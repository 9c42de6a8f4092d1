//! What the program prints on a terminal of 80 and of 120 columns.

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

/// What is printed to be copied, or quotes a file, may be longer than the screen.
fn may_be_longer(line: &str) -> bool {
    let text = line.trim_start().trim_start_matches("= help: ");
    let is_code = line.starts_with("    ");
    is_code
        || text.starts_with("kubectl ")
        || !text.trim().contains(' ')
        || line.contains(" | ")
        || line.starts_with(['+', '-', '@'])
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let directory = directory();
    let commands: [&[&str]; 9] = [
        &["status", "fleet.yaml", "-v"],
        &["status", "fleet.yaml", "--account", "222222222222"],
        &["lint", "fleet.yaml", "--severity", "note"],
        &["inject", "cinder.yaml", "--account", "222222222222"],
        &["inject", "fleet.yaml", "--account", "333333333333"],
        &["inject", "--context", "x"],
        &["status"],
        &["explain", "XA020"],
        &["explain"],
    ];
    for columns in [80, 120] {
        for args in commands {
            let Shown { terminal, .. } = show(columns, Streams::Both, args, &directory);
            assert!(terminal.lines().count() > 2, "{args:?} prints {terminal:?}");
            for line in terminal.lines().filter(|line| !may_be_longer(line)) {
                assert!(line.width() <= usize::from(columns), "{args:?} at {columns} columns: {line}\n{terminal}");
            }
        }
    }
}

#[test]
fn help_uses_the_width_of_the_terminal() {
    let directory = directory();
    for verb in ["inject", "eject", "identity", "fn", "lint", "status", "explain", "completion"] {
        for columns in [80, 120] {
            let Shown { terminal, .. } = show(columns, Streams::Both, &[verb, "--help"], &directory);
            let widest = terminal.lines().map(UnicodeWidthStr::width).max().unwrap();
            assert!(widest <= usize::from(columns), "{verb}: {widest} columns of {columns}");
        }
    }
    let widest = |columns| {
        let Shown { terminal, .. } = show(columns, Streams::Both, &["inject", "--help"], &directory);
        terminal.lines().map(UnicodeWidthStr::width).max().unwrap()
    };
    assert!(widest(120) > 90, "a wide terminal is used: {}", widest(120));
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
