//! The body of a Secret or a ConfigMap is printed only by `-o yaml`, and by `--write` on `-`.

use std::process::Output;

use crate::cases::{Tree, execute, words, write_tree};
use crate::fixtures::{fixtures, manifests};

/// Text in the body of every Secret and ConfigMap of `testdata/`.
const MARKERS: [&str; 2] = ["MARKER-BODY", "MARKER-SECRET-BODY"];

/// Modes that never print a body.
const MODES: [&str; 7] =
    ["--color always -v", "-q", "--check -v=9", "--write -v", "-o patch", "-o json-patch -v", "-o report"];

/// Modes and flags that are errors for at least one file.
const ERRORS: [&str; 12] = [
    "--write --check",
    "-o patch --dry-run",
    "-o nonsense",
    "--identity-name Not_A_Name",
    "--cluster-name no-such-cluster",
    "-n no-such-namespace",
    "--partition aws-cn",
    "--session-name other --external-id other-id --allowed-namespaces other",
    "--identity-name other-name",
    "--identity-file nowhere/identities.yaml --write",
    "--source-identity Secret/lotus",
    "--inline-policy nowhere.json",
];

/// The problem with an output that must not contain a body.
fn leak(what: &str, output: &Output) -> Option<String> {
    for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = String::from_utf8_lossy(bytes);
        for marker in MARKERS {
            if let Some(line) = text.lines().find(|line| line.contains(marker)) {
                return Some(format!("{what}: {stream} holds {marker}: {line:.200}"));
            }
        }
    }
    match output.status.code() {
        Some(0 | 1) => None,
        Some(2) if output.stdout.is_empty() => None,
        status => Some(format!("{what}: status {status:?}: {:.2000}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn none(failures: &[String]) {
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn no_mode_prints_a_body() {
    let mut failures = Vec::new();
    for fixture in fixtures() {
        for mode in MODES {
            let (output, _) = fixture.run(mode);
            failures.extend(leak(&format!("{} {mode}", fixture.name), &output));
        }
    }
    none(&failures);
}

#[test]
fn no_mode_of_eject_prints_a_body() {
    let mut failures = Vec::new();
    for back in fixtures().iter().map(|fixture| fixture.back()) {
        for mode in MODES {
            failures.extend(leak(&format!("{} {mode}", back.name), &back.run(mode).0));
        }
    }
    none(&failures);
}

#[test]
fn no_finding_prints_a_body() {
    let mut failures = Vec::new();
    for (path, bytes) in manifests() {
        let broken = breakages(&bytes).into_iter().chain([("as it is", bytes.clone())]);
        for (how, bytes) in broken {
            let name = if path.ends_with(".json") { "a.json" } else { "a.yaml" };
            let directory = tempfile::tempdir().unwrap();
            write_tree(directory.path(), &Tree::from([(name.to_owned(), bytes)]));
            for format in ["text --color always", "json", "sarif", "github"] {
                let line = format!("lint {name} --severity note -o {format}");
                failures
                    .extend(leak(&format!("{path}, {how}: {line}"), &execute(directory.path(), &words(&line), b"")));
            }
            if how == "as it is" {
                for mode in ["--fix", "--fix=unsafe", "--fix=unsafe -o patch", "--fix=unsafe -o report"] {
                    let line = format!("lint {name} --severity note {mode}");
                    failures.extend(leak(&format!("{path}: {line}"), &execute(directory.path(), &words(&line), b"")));
                }
            }
        }
    }
    none(&failures);
}

#[test]
fn no_error_of_usage_prints_a_body() {
    let mut failures = Vec::new();
    for fixture in fixtures() {
        for flags in ERRORS {
            let (output, after) = fixture.run(flags);
            let what = format!("{} {flags}", fixture.name);
            failures.extend(leak(&what, &output));
            if output.status.code() == Some(2) {
                assert_eq!(after, fixture.files, "{what}");
            }
        }
    }
    none(&failures);
}

/// Texts put before, into and after a file so that it is broken, near its bodies.
fn breakages(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let after = |text: &str| {
        let mut out = bytes.to_vec();
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        out.extend_from_slice(text.as_bytes());
        out
    };
    let replaced = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(bytes);
        text.replace(from, to).into_bytes()
    };
    let mut out = vec![
        ("a broken document after it", after("---\nkind: AWSCluster\nspec: [\n")),
        ("a broken line of the last document", after("  kind: AWSCluster: [\n")),
        ("a template after it", after("---\nkind: AWSCluster\nname: {{ x }}\n")),
        (
            "another version after it",
            after("---\napiVersion: infrastructure.cluster.x-k8s.io/v1\nkind: AWSCluster\nmetadata: {name: x}\n"),
        ),
        ("a tab", replaced("\n  ", "\n\t")),
        ("a log line", {
            let mut out = b"Generating cluster resources\n".to_vec();
            out.extend_from_slice(bytes);
            out
        }),
        ("every Secret a cluster", replaced("kind: Secret", "kind: AWSCluster")),
        ("every marker removed", replaced("\n---\n", "\n").into_iter().collect()),
        ("every line twice", {
            let text = String::from_utf8_lossy(bytes);
            text.split_inclusive('\n').flat_map(|line| [line, line]).collect::<String>().into_bytes()
        }),
        ("a duplicate spec", replaced("\nspec:\n", "\nspec: {}\nspec:\n")),
        ("a lone carriage return", replaced("spec:\n", "spec:\r")),
        ("a NUL", replaced("metadata:\n", "metadata:\n  x: \0\n")),
        ("no UTF-8", {
            let at = bytes.len() / 2;
            let mut out = bytes[..at].to_vec();
            out.push(0xFF);
            out.extend_from_slice(&bytes[at..]);
            out
        }),
        ("cut in the middle", bytes[..bytes.len() / 2].to_vec()),
    ];
    // Cut inside each body.
    let marker = MARKERS[0].as_bytes();
    for at in memchr::memmem::find_iter(bytes, marker).take(3) {
        let mut cut = bytes[..at + marker.len()].to_vec();
        out.push(("cut inside a body", cut.clone()));
        cut.extend_from_slice(b"\n---\nkind: AWSCluster\nspec: [\n");
        out.push(("cut inside a body, and a broken document", cut.clone()));
        cut.truncate(at + marker.len());
        cut.extend_from_slice(b": kind: AWSCluster\n\t[\n");
        out.push(("broken inside a body", cut));
    }
    out
}

/// A cluster, to which another text can be appended.
const CLUSTER: &str =
    "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: heron\nspec: {}\n";

/// Objects whose kind is duplicated, tagged or spelled with escapes, on one line with their bodies.
#[test]
fn no_disguised_kind_prints_a_body() {
    let mut failures = Vec::new();
    let texts = [
        "{apiVersion: v1, kind: Secret, kind: Secret, stringData: {p: MARKER-BODY, note: AWSCluster}}\n",
        "{apiVersion: v1, apiVersion: v1, kind: Secret, stringData: {p: MARKER-BODY, note: AWSCluster}}\n",
        "{apiVersion: v1, kind: ConfigMap, kind: Pod, data: {p: MARKER-BODY, note: AWSCluster}}\n",
        r#"{"apiVersion":"v1","kind":"Secret","kind":"Secret","stringData":{"p":"MARKER-BODY","n":"AWSCluster"}}"#,
        r#"{"apiVersion":"v1","kind":"Sec\u0072et","kind":"x","data":{"p":"MARKER-BODY","n":"AWSCluster"}}"#,
        r#"{"kind":"Sec\u0072et","data":{"p":"MARKER-BODY"},"x":"AWSCluster", y: [ }"#,
        "kind: \"Sec\\x72et\"\ndata: {p: MARKER-BODY, AWSCluster]\n",
        "{kind: !!binary U2VjcmV0, data: {p: MARKER-BODY}, x: AWSCluster ]\n",
        "{apiVersion: v1, kind: !!binary U2VjcmV0, data: {p: MARKER-BODY}, x: AWSCluster}\n",
        "%TAG ! tag:yaml.org,2002:\n---\nkind: !binary U2VjcmV0\ndata: {p: MARKER-BODY, AWSCluster]\n",
        "{apiVersion: v1, kind: Secret, \"<<\": {}, data: {p: MARKER-BODY, n: AWSCluster}}\n",
        "{apiVersion: v1, kind: Secret, data: {p: MARKER-BODY, n: AWSCluster\u{85}}}\n",
    ];
    let item = |text: &str| format!("apiVersion: v1\nkind: List\nitems:\n- {text}- {}", CLUSTER.replace('\n', "\n  "));
    let files = texts.iter().flat_map(|text| [(*text).to_owned(), format!("{CLUSTER}---\n{text}"), item(text)]);
    for file in files {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &Tree::from([("in.yaml".to_owned(), file.clone().into_bytes())]));
        for flags in ["", "--color always -v", "-o patch --overwrite", "-o report", "--skip-templates"] {
            let args = words(&format!("inject in.yaml --account 222222222222 {flags}"));
            failures.extend(leak(&format!("{file}, {flags}"), &execute(directory.path(), &args, b"")));
        }
    }
    none(&failures);
}

#[test]
fn no_broken_file_prints_a_body() {
    let mut failures = Vec::new();
    for (path, bytes) in manifests() {
        // The largest files have the same bodies as others, and take long.
        if bytes.len() > 100_000 && !path.contains("crlf") {
            continue;
        }
        for (what, broken) in breakages(&bytes) {
            let directory = tempfile::tempdir().unwrap();
            write_tree(directory.path(), &Tree::from([("in.yaml".to_owned(), broken)]));
            for flags in ["", "-o patch -v --overwrite"] {
                let args = words(&format!("inject in.yaml --account 222222222222 {flags}"));
                let output = execute(directory.path(), &args, b"");
                failures.extend(leak(&format!("{path}, {what}, {flags}"), &output));
            }
        }
    }
    none(&failures);
}

/// Files with a body that may be given by mistake as a policy or an account map: manifests, answers of other commands,
/// and some that are broken near the body.
fn mistaken_files() -> Vec<(String, Vec<u8>)> {
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let texts = [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  p: MARKER-BODY\n",
        "kind: Secret\nstringData: {p: MARKER-BODY}\napiVersion: v1\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: MARKER-BODY}\ndata:\n\tp: MARKER-BODY\n",
        "# MARKER-BODY\napiVersion: v1\nkind: List\nitems: [{kind: Secret, data: {p: MARKER-BODY}}]\n",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: MARKER-BODY}\n",
        r#"{"apiVersion": "v1", "kind": "Secret", "stringData": {"p": "MARKER-BODY"}}"#,
        r#"{"apiVersion": "v1", "kind": "Secret", "kind": "Secret", "stringData": {"MARKER-BODY": "MARKER-BODY"}}"#,
        r#"{"stringData": {"p": "MARKER-BODY"}, "Statement": "MARKER-BODY"}"#,
        r#"{"apiVersion": "v1", "kind": "Secret", "stringData": {"p": "MARKER-BODY"}, "Statement": [{"Effect": "MARKER-BODY"}]}"#,
        r#"{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Secret", "stringData": {"p": "MARKER-BODY"}}]}"#,
        r#"{"apiVersion": "v1", "kind": "Secret", "stringData": {"Statement": "MARKER-BODY"},}"#,
        r#"{"Credentials": {"SecretAccessKey": "MARKER-BODY", "SessionToken": "MARKER-BODY"}}"#,
        r#"{"SecretString": "MARKER-BODY", "Document": "MARKER-BODY"}"#,
        r#"{"password": "MARKER-BODY"}"#,
        r#"["MARKER-BODY"]"#,
        r#""MARKER-BODY""#,
        "MARKER-BODY",
        "password=MARKER-BODY\n",
        "[default]\naws_secret_access_key = MARKER-BODY\n",
        "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\naccounts: []\n---\nkind: Secret\nstringData: {p: MARKER-BODY}\n",
        "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsecretRef: {p: MARKER-BODY}\n",
        "kind: Secret\nkind: AccountMap\nstringData: {p: MARKER-BODY, p: MARKER-BODY}\n",
        "kind: AccountMap\nkind: Secret\nstringData: {p: MARKER-BODY]\n",
        "a: MARKER-BODY\nb: [\n",
    ];
    let mut files: Vec<(String, Vec<u8>)> =
        texts.iter().map(|text| ((*text).to_owned(), text.as_bytes().to_vec())).collect();
    let secret = texts[5];
    files.extend([
        ("a Secret after a policy".to_owned(), format!("{policy}\n{secret}").into_bytes()),
        (
            "a policy in a Secret".to_owned(),
            secret.replace("MARKER-BODY", "{\\\"Statement\\\": MARKER-BODY").into_bytes(),
        ),
        ("a Secret in UTF-16".to_owned(), secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a Secret that is not UTF-8".to_owned(), [secret.as_bytes(), b"\xff"].concat()),
        (
            "a Secret, percent-encoded".to_owned(),
            secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes(),
        ),
    ]);
    let has_body = |bytes: &[u8]| memchr::memmem::find(bytes, MARKERS[0].as_bytes()).is_some();
    for (path, bytes) in manifests().into_iter().filter(|(_, bytes)| bytes.len() < 5_000 && has_body(bytes)) {
        files.extend(breakages(&bytes).into_iter().map(|(how, broken)| (format!("{path}, {how}"), broken)));
        files.push((path, bytes));
    }
    files
}

/// A file that is not a policy or an account map is refused, and its text is not printed.
#[test]
fn no_file_of_another_flag_is_printed() {
    let runs = [
        "iam trust --source-account 111111111111 --no-config --merge x",
        "iam permission --account 222222222222 --no-config --merge x -v",
        "iam trust --source-account 111111111111 --no-config --merge x --remove -o json",
        "inject a.yaml --account 222222222222 --no-config --inline-policy x",
        "inject a.yaml --config x",
        "status a.yaml --config x -v",
        "lint a.yaml --config x",
        "eject a.yaml --config x",
        "identity --config x",
        "iam permission --config x",
        "lint a.yaml --no-config --trust-policy x",
        "lint a.yaml --no-config --permission-policy x -o json",
    ];
    let mut failures = Vec::new();
    for (what, bytes) in mistaken_files() {
        let directory = tempfile::tempdir().unwrap();
        let cluster = CLUSTER.as_bytes().to_vec();
        write_tree(directory.path(), &Tree::from([("x".to_owned(), bytes), ("a.yaml".to_owned(), cluster)]));
        for line in runs {
            let output = execute(directory.path(), &words(line), b"");
            let what = format!("{what}: {line}");
            failures.extend(leak(&what, &output));
            // None of these is a policy or an account map.
            if output.status.code() != Some(2) {
                failures.push(format!("{what}: taken, {:?}", output.status.code()));
            }
        }
    }
    none(&failures);
}
