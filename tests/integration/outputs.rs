//! Properties of the output for inputs whose messages no case fixes.

use std::process::Output;

use crate::cases::{Tree, execute, read_tree, words, write_tree};

const HEAD: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: heron\n";

/// Runs `inject heron.yaml --account 222222222222` with more flags; returns the output and the file afterwards.
fn inject(text: &str, flags: &str) -> (Output, String) {
    let directory = tempfile::tempdir().unwrap();
    write_tree(directory.path(), &Tree::from([("heron.yaml".to_owned(), text.as_bytes().to_vec())]));
    let args = words(&format!("inject heron.yaml --account 222222222222 {flags}"));
    let output = execute(directory.path(), &args, b"");
    let after = read_tree(directory.path())["heron.yaml"].clone();
    (output, String::from_utf8_lossy(&after).into_owned())
}

/// Multi-byte characters at which the reader stops: no place in a message may split them.
#[test]
fn errors_at_characters_of_several_bytes() {
    let mut failures = Vec::new();
    for character in ["\u{85}", "\u{9b}", "\u{2028}", "\u{feff}", "\u{fffe}", "é", "鷺", "🐦", "\0"] {
        for text in [
            format!("{HEAD}  annotations: {{note: \"a{character}b\"}}\n"),
            format!("{HEAD}{character}  namespace: birds\n"),
            format!("{HEAD}spec: {{}}{character}\n"),
            format!("{HEAD}spec: @{character}\n"),
            format!("{HEAD}spec: [{character}\n"),
            format!("{HEAD}spec: \"{character}\n"),
            format!("{HEAD}spec: {{identityRef: {character}}}\n"),
            format!("{HEAD}spec: {{identityRef: [\"{character}\"]}}\n"),
            format!("{HEAD}spec:\n  identityRef:\n    kind: {character}\n    name: {character}\n"),
            format!("{HEAD}spec:\n\t{character}: x\n"),
            format!("{{\"kind\": \"AWSCluster\", \"spec\": {character}}}\n"),
            format!("{{\"kind\": \"AWSCluster\", \"spec\": \"{character}\n"),
            format!("{{\"kind\": \"AWSCluster\"}}{character}\n"),
        ] {
            for flags in ["--no-identity", "--no-identity --color always", "-o patch"] {
                let (output, _) = inject(&text, flags);
                let stderr = String::from_utf8_lossy(&output.stderr);
                if !matches!(output.status.code(), Some(0..=2)) || stderr.contains("panicked") {
                    failures.push(format!("{text:?} {flags}: {:.300}", stderr));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// A line break or an escape sequence in a name does not start a line or change a colour.
#[test]
fn names_do_not_control_the_terminal() {
    let mut failures = Vec::new();
    for name in
        ["a\\nAWSCluster forged: line", "a\\e[31mred", "a\\rb", "a\\x9b31mred", "a\\n+forged", "a\\n@@ -1 +1 @@"]
    {
        let text = format!("{}spec: {{}}\n", HEAD.replace("heron", &format!("\"{name}\"")));
        let wrong = format!("{}spec: {{identityRef: x}}\n", HEAD.replace("heron", &format!("\"{name}\"")));
        for (text, flags) in [
            (&text, "--no-identity --color never"),
            (&text, "--no-identity --color always"),
            (&text, "--no-identity -o patch"),
            (&text, "--no-identity --write -v"),
            (&text, "--cluster-name other"),
            (&wrong, "--color always"),
            (&wrong, ""),
        ] {
            let (output, _) = inject(text, flags);
            for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
                let seen = String::from_utf8_lossy(bytes);
                let forged = seen.lines().any(|line| {
                    ["AWSCluster forged", "+forged", "@@ -1 +1 @@"].iter().any(|start| line.starts_with(start))
                });
                if forged || seen.contains("\u{1b}[31mred") || seen.contains('\r') || seen.contains('\u{9b}') {
                    failures.push(format!("{name} {flags}: {stream}: {seen:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// `0123` without quotes is a number to kubectl, and the API server refuses a number in place of a string: it is not
/// the requested text.
#[test]
fn a_number_is_not_the_requested_text() {
    let identity = |fields: &str| {
        format!(
            "{HEAD}spec:\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: cross-account-role-222222222222\n---\n\
             apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  \
             name: cross-account-role-222222222222\nspec:\n  allowedNamespaces: {{}}\n  roleARN: \
             arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\n{fields}  \
             sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}\n"
        )
    };
    let mut failures = Vec::new();
    for (text, flags, right) in [
        (identity("  externalID: 0123\n"), "--external-id 0123", "externalID: \"0123\""),
        (identity("  sessionName: 1e3\n"), "--session-name 1e3", "sessionName: \"1e3\""),
        (
            format!("{HEAD}spec:\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: on\n"),
            "--identity-name on --no-identity",
            "name: \"on\"",
        ),
        (
            format!("{HEAD}spec:\n  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: 1e3\n"),
            "--identity-name 1e3 --no-identity",
            "name: \"1e3\"",
        ),
    ] {
        let (output, after) = inject(&text, &format!("{flags} --write --overwrite"));
        let warned = !output.stderr.is_empty() && String::from_utf8_lossy(&output.stderr).contains("Warning: ");
        if output.status.code() == Some(0) && !after.contains(right) && !warned {
            failures.push(format!("{flags}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// CAPA follows sources without end: an identity's source must not be the identity itself, or one that leads back to
/// it.
#[test]
fn no_circle_of_sources() {
    let hub = format!(
        "{HEAD}spec: {{}}\n---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\n\
         metadata: {{name: hub}}\nspec:\n  allowedNamespaces: {{}}\n  roleARN: arn:aws:iam::333333333333:role/hub\n  \
         sourceIdentityRef: {{kind: AWSClusterRoleIdentity, name: cross-account-role-222222222222}}\n"
    );
    let (output, after) = inject(&hub, "--source-identity AWSClusterRoleIdentity/hub --write");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(after, hub);
}

/// A Secret whose file is cut off, or that an unindented `---` splits, is still treated as a Secret.
#[test]
fn the_rest_of_a_secret_is_in_no_diff() {
    let mut failures = Vec::new();
    for (what, secret) in [
        ("cut off before its kind", "apiVersion: v1\ndata:\n  key: HIDDEN"),
        ("cut off before its kind, a newline", "apiVersion: v1\ndata:\n  key: HIDDEN\n"),
        ("cut in two", "kind: Secret\nstringData:\n  key: |\n---\nHIDDEN: x\n"),
        ("without a final newline", "kind: Secret\napiVersion: v1\ndata:\n  key: HIDDEN"),
    ] {
        let text = format!("{HEAD}spec: {{}}\n---\n{secret}");
        for (ends, text) in [("LF", text.clone()), ("CRLF", text.replace('\n', "\r\n"))] {
            for flags in ["", "--color always", "-o patch"] {
                let (output, _) = inject(&text, flags);
                let seen = String::from_utf8_lossy(&output.stdout);
                if seen.contains("HIDDEN") {
                    failures.push(format!("{what}, {ends}, {flags}: {seen}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

/// `-v` reports the origin of each value.
#[test]
fn verbose_reports_the_origin_of_values() {
    let text = format!("{HEAD}spec:\n  region: us-gov-west-1\n");
    let (output, _) = inject(&text, "-v --check");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("aws-us-gov") && stderr.contains("us-gov-west-1"), "{stderr}");
}
