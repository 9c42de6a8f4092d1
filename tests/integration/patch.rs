//! A patch of `-o patch`, applied by git and GNU patch, gives the same files as `--write`.

mod applier;
mod eject;

use std::fs;
use std::path::Path;
use std::process::Command;

use self::applier::{Applier, Tally, git};
use crate::cases::{Tree, execute, read_tree, words, write_tree};
use crate::fixtures::fixtures;
use crate::support::all_cases;

fn cluster(name: &str, spec: &str) -> String {
    format!("apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n{spec}")
}

const REGION: &str = "spec:\n  region: eu-west-1\n";

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: birds\n";

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Compares a manifest after its patch with the one that `--write` writes.
fn compare(tally: &mut Tally, name: &str, text: &str, flags: &str) {
    let args = words(&format!("inject heron.yaml --account 222222222222 {flags}"));
    tally.compare(name, &tree(&[("heron.yaml", text)]), &args);
}

const NO_IDENTITY: &str = "--no-identity";

/// Compares each shape with and without a line break at its end. `shapes` gets a function that ends a text accordingly.
fn compare_both_ends(shapes: impl Fn(&dyn Fn(&str) -> String) -> Vec<(&'static str, String, &'static str)>) {
    let mut tally = Tally::default();
    for (end, last) in [("", "without a final newline"), ("\n", "")] {
        for (name, text, flags) in shapes(&|text| format!("{}{end}", text.trim_end_matches('\n'))) {
            compare(&mut tally, &format!("{name} {last}"), &text, flags);
        }
    }
    tally.end();
}

#[test]
fn specs_that_are_hard_for_a_patch() {
    let heron = cluster("heron", REGION);
    compare_both_ends(|cut| {
        vec![
            (
                "at a document's end, a marker after it",
                cut(&format!("{}---\n{NAMESPACE}", cluster("heron", "spec:\n"))),
                NO_IDENTITY,
            ),
            ("spec missing, a marker after it", cut(&format!("{}---\n{NAMESPACE}", cluster("heron", ""))), NO_IDENTITY),
            (
                "spec {} , a marker after it",
                cut(&format!("{}---\n{NAMESPACE}", cluster("heron", "spec: {}\n"))),
                NO_IDENTITY,
            ),
            ("spec missing at the end", cut(&cluster("heron", "")), NO_IDENTITY),
            ("spec null at the end", cut(&cluster("heron", "spec:\n")), NO_IDENTITY),
            ("spec ~ at the end", cut(&cluster("heron", "spec: ~\n")), NO_IDENTITY),
            ("spec null at the end, identity", cut(&cluster("heron", "spec: null\n")), ""),
            ("spec {} at the end, identity", cut(&cluster("heron", "spec: {}\n")), ""),
            ("reference and identity", cut(&heron), ""),
            ("identity far below", cut(&format!("{heron}---\n{NAMESPACE}---\n{NAMESPACE}---\n{NAMESPACE}")), ""),
        ]
    });
}

#[test]
fn documents_that_are_hard_for_a_patch() {
    compare_both_ends(|cut| {
        vec![
            (
                "two documents edited side by side",
                cut(&format!("{}---\n{}", cluster("a", "spec: {}\n"), cluster("b", REGION))),
                NO_IDENTITY,
            ),
            (
                "three documents edited, one far",
                cut(&format!(
                    "{}---\n{}---\n{NAMESPACE}---\n{NAMESPACE}---\n{}",
                    cluster("a", "spec:\n"),
                    cluster("b", ""),
                    cluster("c", REGION)
                )),
                "",
            ),
            (
                "one-line documents side by side",
                cut(&format!(
                    "--- {{apiVersion: {0}, kind: AWSCluster, metadata: {{name: a}}}}\n--- {{apiVersion: {0}, kind: AWSCluster, metadata: {{name: b}}, spec: {{}}}}\n",
                    "infrastructure.cluster.x-k8s.io/v1beta2"
                )),
                "",
            ),
        ]
    });
}

#[test]
fn lists_and_json_as_a_patch() {
    let heron = cluster("heron", REGION);
    compare_both_ends(|cut| {
        vec![
            (
                "List",
                cut(&format!(
                    "apiVersion: v1\nkind: List\nitems:\n- {}- {}",
                    heron.trim_end().replace('\n', "\n  ") + "\n",
                    NAMESPACE.trim_end().replace('\n', "\n  ") + "\n"
                )),
                NO_IDENTITY,
            ),
            (
                "List with identity",
                cut(&format!(
                    "apiVersion: v1\nkind: List\nitems:\n- {}",
                    heron.trim_end().replace('\n', "\n  ") + "\n"
                )),
                "",
            ),
            (
                "JSON on one line",
                cut(
                    "{\"apiVersion\":\"infrastructure.cluster.x-k8s.io/v1beta2\",\"kind\":\"AWSCluster\",\"metadata\":{\"name\":\"heron\"},\"spec\":{}}\n",
                ),
                NO_IDENTITY,
            ),
            (
                "JSON over lines",
                cut(
                    "{\n  \"apiVersion\": \"infrastructure.cluster.x-k8s.io/v1beta2\",\n  \"kind\": \"AWSCluster\",\n  \"metadata\": {\"name\": \"heron\"},\n  \"spec\": {\n    \"region\": \"eu-west-1\"\n  }\n}\n",
                ),
                NO_IDENTITY,
            ),
        ]
    });
}

#[test]
fn line_breaks_and_blank_lines_in_a_patch() {
    let heron = cluster("heron", REGION);
    compare_both_ends(|cut| {
        vec![
            (
                "a reference replaced",
                cut(&cluster(
                    "heron",
                    "spec:\n  identityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n",
                )),
                "",
            ),
            ("CRLF", cut(&heron).replace('\n', "\r\n"), ""),
            ("CRLF, a marker after it", cut(&format!("{heron}---\n{NAMESPACE}")).replace('\n', "\r\n"), ""),
            ("CRLF, spec null at the end", cut(&cluster("heron", "spec:\n")).replace('\n', "\r\n"), ""),
            ("byte-order mark", format!("\u{feff}{}", cut(&heron)), ""),
            (
                "blank lines around the edit",
                cut(&format!("\n\n{}\n\n\n---\n\n{NAMESPACE}\n", cluster("heron", "spec:\n\n  region: x\n"))),
                "",
            ),
            (
                "long document",
                cut(&format!(
                    "{}{}",
                    cluster("heron", "spec:\n"),
                    "  tag: x\n"
                        .repeat(40)
                        .lines()
                        .enumerate()
                        .map(|(i, l)| format!("{}{i}: y\n", l.trim_end_matches(": x")))
                        .collect::<String>()
                )),
                "",
            ),
        ]
    });
}

#[test]
fn one_line_and_ends_of_files_as_a_patch() {
    let mut tally = Tally::default();
    let heron = cluster("heron", REGION);
    compare(
        &mut tally,
        "two objects of one line",
        &format!(
            "apiVersion: v1\nkind: List\nitems: [{{apiVersion: {0}, kind: AWSCluster, metadata: {{name: a}}, spec: {{}}}}, {{apiVersion: {0}, kind: AWSCluster, metadata: {{name: b}}, spec: {{}}}}]\n",
            "infrastructure.cluster.x-k8s.io/v1beta2"
        ),
        NO_IDENTITY,
    );
    compare(
        &mut tally,
        "two places of one variable",
        "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: heron}\nspec:\n  topology:\n    variables:\n    - name: clusterConfig\n      value: {aws: {}, eks: {}}\n",
        NO_IDENTITY,
    );
    compare(&mut tally, "the last line is a comment", &format!("{heron}# the end"), "");
    compare(&mut tally, "the file ends in a marker", &format!("{heron}---"), "");
    compare(&mut tally, "the file ends in a marker and a newline", &format!("{heron}---\n"), "");
    compare(&mut tally, "the file ends in an end marker", &format!("{heron}...\n"), "");
    compare(&mut tally, "the file ends in blank lines", &format!("{heron}\n\n\n"), "");
    tally.end();
}

#[test]
fn secrets_beside_a_patch() {
    let mut tally = Tally::default();
    let heron = cluster("heron", REGION);
    compare(
        &mut tally,
        "a Secret in front",
        &format!("apiVersion: v1\nkind: Secret\nstringData:\n  k: v\n---\n{heron}"),
        "",
    );
    compare(
        &mut tally,
        "a Secret after it",
        &format!("{heron}---\napiVersion: v1\nkind: Secret\nstringData:\n  k: v\n"),
        "",
    );
    compare(
        &mut tally,
        "a Secret on both sides",
        &format!("kind: Secret\nk: v\n---\n{}---\nkind: Secret\nk: v\n", cluster("heron", "spec:\n")),
        "",
    );
    compare(
        &mut tally,
        "a Secret in the List",
        &format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  stringData: {{k: v}}\n- {}\n- apiVersion: v1\n  kind: Secret\n  stringData: {{k: v}}\n",
            heron.trim_end().replace('\n', "\n  ")
        ),
        "",
    );
    compare(
        &mut tally,
        "a Secret on the next marker line",
        &format!("{heron}--- {{apiVersion: v1, kind: Secret, stringData: {{k: v}}}}\n"),
        NO_IDENTITY,
    );
    compare(
        &mut tally,
        "a Secret on the marker line after an empty spec",
        &format!("{}--- {{apiVersion: v1, kind: Secret, stringData: {{k: v}}}}\n", cluster("heron", "spec:\n")),
        NO_IDENTITY,
    );
    tally.end();
}

#[test]
fn a_patch_that_would_show_a_secret_is_refused() {
    let mut tally = Tally::default();
    let args = words("inject heron.yaml --account 222222222222");
    let secret = "apiVersion: v1\nkind: Secret\nstringData:\n  k: v";
    let heron = cluster("heron", REGION);
    let unfit = [
        ("at the end without a newline", format!("{heron}---\n{secret}")),
        (
            "on the marker line after the edit",
            format!(
                "{}--- {{kind: Secret, k: v}}\n",
                cluster("heron", "spec:\n")
            ),
        ),
        (
            "on the line that is edited",
            "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [{\"kind\": \"Secret\", \"apiVersion\": \"v1\"}, {\"kind\": \"AWSCluster\", \"apiVersion\": \"infrastructure.cluster.x-k8s.io/v1beta2\", \"metadata\": {\"name\": \"heron\"}, \"spec\": {}}]}\n".to_owned(),
        ),
    ];
    for (name, text) in &unfit {
        let mut args = args.clone();
        if !name.starts_with("at the end") {
            args.push("--no-identity".to_owned());
        }
        tally.compare(name, &tree(&[("heron.yaml", text)]), &args);
    }
    assert_eq!(tally.unfit.len(), unfit.len(), "unfit: {:?}", tally.unfit);
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
}

#[test]
fn several_files_and_new_ones() {
    let mut tally = Tally::default();
    let heron = cluster("heron", REGION);
    let files = tree(&[
        ("heron.yaml", &heron),
        ("deep/er/ibis.yaml", &cluster("ibis", "spec: {}")),
        (
            "stork.json",
            "{\"apiVersion\": \"infrastructure.cluster.x-k8s.io/v1beta2\", \"kind\": \"AWSCluster\", \"metadata\": {\"name\": \"stork\"}}",
        ),
        ("ids/there.yaml", "# identities"),
    ]);
    for flags in [
        ". -R --identity-file identities.yaml",
        ". -R --identity-file deep/identities.yaml",
        ". -R --identity-file ids/there.yaml",
        "./heron.yaml ./deep --identity-file ./deep/../identities.yaml -R",
        "heron.yaml --identity-file 'deep/new identities.yaml'",
        ". -R --no-identity",
    ] {
        tally.compare(flags, &files, &words(&format!("inject {flags} --account 222222222222")));
    }
    tally.end();
}

#[cfg(unix)]
const ODD_NAMES: [&str; 20] = [
    "a b.yaml",
    " a.yaml",
    "a .yaml",
    "é.yaml",
    "鷺.yaml",
    "a\"b.yaml",
    "a\\b.yaml",
    "a'b.yaml",
    "a\tb.yaml",
    "a\nb.yaml",
    "-a.yaml",
    "a b/c d.yaml",
    "ä/b c.yaml",
    "b/b.yaml",
    "a/heron.yaml",
    "$(x).yaml",
    "a,b.yaml",
    "#a.yaml",
    "@@ -1 +1 @@.yaml",
    "heron.yaml ",
];

#[cfg(unix)]
#[test]
fn odd_names() {
    let mut tally = Tally::default();
    let heron = cluster("heron", REGION);
    for name in ODD_NAMES {
        let files = tree(&[(name, &heron)]);
        let args = |identities: Option<&str>| {
            let mut args = words("inject --account 222222222222");
            args.extend(identities.map(|file| format!("--identity-file={file}")));
            args.extend(["--".to_owned(), name.to_owned()]);
            args
        };
        // The mode must come before `--`.
        let with = |mode: &str, identities: Option<&str>| {
            let mut args = args(identities);
            let at = args.len() - 2;
            for (index, word) in words(mode).into_iter().enumerate() {
                args.insert(at + index, word);
            }
            args
        };
        let new = format!("new {name}");
        for identities in [None, Some("new.yaml"), (!name.contains('/')).then_some(&*new)] {
            let directory = tempfile::tempdir().unwrap();
            write_tree(directory.path(), &files);
            let patch = execute(directory.path(), &with("-o patch", identities), b"");
            assert_eq!(patch.status.code(), Some(0), "{name:?}: {}", String::from_utf8_lossy(&patch.stderr));
            execute(directory.path(), &with("--write", identities), b"");
            let written = read_tree(directory.path());
            let what = format!("{name:?} {identities:?}");
            // GNU patch 2.7 refuses names with a line break, and cuts a blank at the end.
            let fits = |applier| applier != Applier::GnuPatch || !(name.contains('\n') || name.ends_with(' '));
            for applier in Applier::ALL.into_iter().filter(|applier| fits(*applier)) {
                tally.apply(applier, &what, &patch.stdout, &files, &written);
            }
        }
    }
    tally.end();
}

#[test]
fn every_file_of_testdata() {
    let mut tally = Tally::default();
    for fixture in fixtures() {
        tally.compare(&fixture.name, &fixture.files, &fixture.args);
    }
    tally.end();
}

#[test]
fn every_case_that_is_written() {
    let mut tally = Tally::default();
    // `iam` prints no patch.
    for case in all_cases().into_iter().filter(|case| !case.name.starts_with("iam/")) {
        let [line] = &case.runs[..] else { continue };
        let args = words(line);
        if !args.iter().any(|arg| arg == "--write") || args.iter().any(|arg| arg == "-") {
            continue;
        }
        let args: Vec<String> = args.into_iter().filter(|arg| arg != "--write" && arg != "--exit-code").collect();
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &case.files);
        let check: Vec<String> = args.iter().cloned().chain(["--check".to_owned()]).collect();
        if execute(directory.path(), &check, b"").status.code() != Some(1) || case.name.contains("no-directory") {
            continue;
        }
        tally.compare(&case.name, &case.files, &args);
    }
    tally.end();
}

/// A repository with the files, all of them staged.
fn repository(files: &Tree) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_tree(directory.path(), files);
    for args in [&["init", "-q"][..], &["add", "-A"]] {
        let status = git(&mut Command::new("git")).args(args).current_dir(directory.path()).status();
        assert!(status.unwrap().success());
    }
    directory
}

/// In a work tree `git apply` takes names from its root, wherever it runs, and skips what it does not find.
#[test]
#[cfg(unix)]
fn below_the_root_of_a_work_tree() {
    if !Applier::Git.is_installed() {
        eprintln!("skipped: no git");
        return;
    }
    let text = cluster("heron", REGION);
    let files = Tree::from([
        ("top.yaml".to_owned(), text.clone().into_bytes()),
        ("sub/deep/a.yaml".to_owned(), text.into_bytes()),
    ]);
    for (directory, name, changed) in [
        ("sub", "deep/a.yaml", "sub/deep/a.yaml"),
        ("sub/deep", "a.yaml", "sub/deep/a.yaml"),
        ("", "sub/link.yaml", "top.yaml"),
    ] {
        let root = repository(&files);
        std::os::unix::fs::symlink("../top.yaml", root.path().join("sub/link.yaml")).unwrap();
        let here = root.path().join(directory);
        let args = words(&format!("inject {name} --account 222222222222 -o patch"));
        let patch = execute(&here, &args, b"");
        assert_eq!(patch.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&patch.stderr));
        let file = root.path().join("change.patch");
        fs::write(&file, &patch.stdout).unwrap();
        let applied = git(&mut Command::new("git")).arg("apply").arg(&file).current_dir(&here).status().unwrap();
        assert!(applied.success(), "{directory}/{name}");
        let diff =
            git(&mut Command::new("git")).args(["diff", "--name-only"]).current_dir(root.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&diff.stdout), format!("{changed}\n"), "{directory}/{name}");
        let check = words(&format!("inject {name} --account 222222222222 --check"));
        assert_eq!(execute(&here, &check, b"").status.code(), Some(0), "{directory}/{name}");
    }
    let root = repository(&files);
    let refused = execute(&root.path().join("sub"), &words("inject ../top.yaml --account 222222222222 -o patch"), b"");
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("would ignore it"), "{refused:?}");
}

/// Checks and then applies a patch in a repository.
fn apply_with_git(repository: &Path, patch: &[u8], name: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), patch).unwrap();
    for check in [true, false] {
        let output = git(&mut Command::new("git"))
            .args(["apply", "--whitespace=nowarn"])
            .args(check.then_some("--check"))
            .arg(file.path())
            .current_dir(repository)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{name} check={check}: {}\n{}",
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(patch)
        );
    }
}

#[test]
fn a_file_that_moved_by_some_lines() {
    if !Applier::Git.is_installed() {
        eprintln!("skipped: no git");
        return;
    }
    let above = "# one\n# two\n# three\n# four\n# five\n";
    let heron = cluster("heron", REGION);
    let texts = [
        ("one document", heron.clone(), ""),
        ("a marker after it", format!("{}---\n{NAMESPACE}", cluster("heron", "spec:\n")), "--no-identity"),
        (
            "several documents",
            format!(
                "{NAMESPACE}---\n{}---\n{NAMESPACE}---\n{}---\n{NAMESPACE}",
                cluster("a", "spec: {}\n"),
                cluster("b", "")
            ),
            "",
        ),
        ("no final newline", cluster("heron", "spec: {}"), ""),
        ("a Secret at the end", format!("{heron}---\nkind: Secret\nk: v\n"), ""),
    ];
    for (name, text, flags) in texts {
        for crlf in [false, true] {
            let ends = |text: &str| {
                if crlf { text.replace('\n', "\r\n") } else { text.to_owned() }
            };
            let (text, above) = (ends(&text), ends(above));
            let files = tree(&[("heron.yaml", &text)]);
            let run = |mode: &str| {
                let directory = tempfile::tempdir().unwrap();
                write_tree(directory.path(), &files);
                let args = words(&format!("inject heron.yaml --account 222222222222 {flags} {mode}"));
                let output = execute(directory.path(), &args, b"");
                (output.stdout, read_tree(directory.path()))
            };
            let (patch, _) = run("-o patch");
            let (_, written) = run("--write");
            let moved = tree(&[("heron.yaml", &format!("{above}{text}"))]);
            let directory = repository(&moved);
            apply_with_git(directory.path(), &patch, &format!("{name} crlf={crlf}"));
            let mut wanted = above.clone().into_bytes();
            wanted.extend_from_slice(&written["heron.yaml"]);
            assert_eq!(
                String::from_utf8_lossy(&read_tree(directory.path())["heron.yaml"]),
                String::from_utf8_lossy(&wanted),
                "{name} crlf={crlf}"
            );
        }
    }
}
