//! `-o patch`, applied by the programs that it is for, gives what `--write` writes.

mod applier;
mod eject;

use std::fs;
use std::process::Command;

use self::applier::{Applier, Tally, differing, git};
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

#[test]
fn shapes_that_are_hard_for_a_patch() {
    let mut tally = Tally::default();
    let mut one = |name: &str, text: &str, flags: &str| {
        tally.compare(
            name,
            &tree(&[("heron.yaml", text)]),
            &words(&format!("inject heron.yaml --account 222222222222 {flags}")),
        );
    };
    let heron = cluster("heron", REGION);
    let none = "--no-identity";
    for (end, last) in [("", "without a final newline"), ("\n", "")] {
        let cut = |text: &str| format!("{}{end}", text.trim_end_matches('\n'));
        let name = |what: &str| format!("{what} {last}");
        one(
            &name("at a document's end, a marker behind"),
            &cut(&format!("{}---\n{NAMESPACE}", cluster("heron", "spec:\n"))),
            none,
        );
        one(&name("spec missing, a marker behind"), &cut(&format!("{}---\n{NAMESPACE}", cluster("heron", ""))), none);
        one(
            &name("spec {} , a marker behind"),
            &cut(&format!("{}---\n{NAMESPACE}", cluster("heron", "spec: {}\n"))),
            none,
        );
        one(&name("spec missing at the end"), &cut(&cluster("heron", "")), none);
        one(&name("spec null at the end"), &cut(&cluster("heron", "spec:\n")), none);
        one(&name("spec ~ at the end"), &cut(&cluster("heron", "spec: ~\n")), none);
        one(&name("spec null at the end, identity"), &cut(&cluster("heron", "spec: null\n")), "");
        one(&name("spec {} at the end, identity"), &cut(&cluster("heron", "spec: {}\n")), "");
        one(&name("reference and identity"), &cut(&heron), "");
        one(
            &name("identity far behind"),
            &cut(&format!("{heron}---\n{NAMESPACE}---\n{NAMESPACE}---\n{NAMESPACE}")),
            "",
        );
        one(
            &name("two documents edited side by side"),
            &cut(&format!("{}---\n{}", cluster("a", "spec: {}\n"), cluster("b", REGION))),
            none,
        );
        one(
            &name("three documents edited, one far"),
            &cut(&format!(
                "{}---\n{}---\n{NAMESPACE}---\n{NAMESPACE}---\n{}",
                cluster("a", "spec:\n"),
                cluster("b", ""),
                cluster("c", REGION)
            )),
            "",
        );
        one(
            &name("one-line documents side by side"),
            &cut(&format!(
                "--- {{apiVersion: {0}, kind: AWSCluster, metadata: {{name: a}}}}\n--- {{apiVersion: {0}, kind: AWSCluster, metadata: {{name: b}}, spec: {{}}}}\n",
                "infrastructure.cluster.x-k8s.io/v1beta2"
            )),
            "",
        );
        one(
            &name("List"),
            &cut(&format!(
                "apiVersion: v1\nkind: List\nitems:\n- {}- {}",
                heron.trim_end().replace('\n', "\n  ") + "\n",
                NAMESPACE.trim_end().replace('\n', "\n  ") + "\n"
            )),
            none,
        );
        one(
            &name("List with identity"),
            &cut(&format!("apiVersion: v1\nkind: List\nitems:\n- {}", heron.trim_end().replace('\n', "\n  ") + "\n")),
            "",
        );
        one(
            &name("JSON on one line"),
            &cut(
                "{\"apiVersion\":\"infrastructure.cluster.x-k8s.io/v1beta2\",\"kind\":\"AWSCluster\",\"metadata\":{\"name\":\"heron\"},\"spec\":{}}\n",
            ),
            none,
        );
        one(
            &name("JSON over lines"),
            &cut(
                "{\n  \"apiVersion\": \"infrastructure.cluster.x-k8s.io/v1beta2\",\n  \"kind\": \"AWSCluster\",\n  \"metadata\": {\"name\": \"heron\"},\n  \"spec\": {\n    \"region\": \"eu-west-1\"\n  }\n}\n",
            ),
            none,
        );
        one(
            &name("a reference replaced"),
            &cut(&cluster(
                "heron",
                "spec:\n  identityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n",
            )),
            "",
        );
        one(&name("CRLF"), &cut(&heron).replace('\n', "\r\n"), "");
        one(&name("CRLF, a marker behind"), &cut(&format!("{heron}---\n{NAMESPACE}")).replace('\n', "\r\n"), "");
        one(&name("CRLF, spec null at the end"), &cut(&cluster("heron", "spec:\n")).replace('\n', "\r\n"), "");
        one(&name("byte-order mark"), &format!("\u{feff}{}", cut(&heron)), "");
        one(
            &name("blank lines around the edit"),
            &cut(&format!("\n\n{}\n\n\n---\n\n{NAMESPACE}\n", cluster("heron", "spec:\n\n  region: x\n"))),
            "",
        );
        one(
            &name("long document"),
            &cut(&format!(
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
        );
    }
    one(
        "two objects of one line",
        &format!(
            "apiVersion: v1\nkind: List\nitems: [{{apiVersion: {0}, kind: AWSCluster, metadata: {{name: a}}, spec: {{}}}}, {{apiVersion: {0}, kind: AWSCluster, metadata: {{name: b}}, spec: {{}}}}]\n",
            "infrastructure.cluster.x-k8s.io/v1beta2"
        ),
        none,
    );
    one(
        "two places of one variable",
        "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: heron}\nspec:\n  topology:\n    variables:\n    - name: clusterConfig\n      value: {aws: {}, eks: {}}\n",
        none,
    );
    one("the last line is a comment", &format!("{heron}# the end"), "");
    one("the file ends in a marker", &format!("{heron}---"), "");
    one("the file ends in a marker and a newline", &format!("{heron}---\n"), "");
    one("the file ends in an end marker", &format!("{heron}...\n"), "");
    one("the file ends in blank lines", &format!("{heron}\n\n\n"), "");
    one("a Secret in front", &format!("apiVersion: v1\nkind: Secret\nstringData:\n  k: v\n---\n{heron}"), "");
    one("a Secret behind", &format!("{heron}---\napiVersion: v1\nkind: Secret\nstringData:\n  k: v\n"), "");
    one(
        "a Secret on both sides",
        &format!("kind: Secret\nk: v\n---\n{}---\nkind: Secret\nk: v\n", cluster("heron", "spec:\n")),
        "",
    );
    one(
        "a Secret in the List",
        &format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  stringData: {{k: v}}\n- {}\n- apiVersion: v1\n  kind: Secret\n  stringData: {{k: v}}\n",
            heron.trim_end().replace('\n', "\n  ")
        ),
        "",
    );
    one(
        "a Secret on the marker line behind",
        &format!("{heron}--- {{apiVersion: v1, kind: Secret, stringData: {{k: v}}}}\n"),
        none,
    );
    one(
        "a Secret on the marker line behind an empty spec",
        &format!("{}--- {{apiVersion: v1, kind: Secret, stringData: {{k: v}}}}\n", cluster("heron", "spec:\n")),
        none,
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
            "on the marker line behind the edit",
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
#[test]
fn odd_names() {
    let mut tally = Tally::default();
    let heron = cluster("heron", REGION);
    for name in [
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
    ] {
        let files = tree(&[(name, &heron)]);
        let args = |identities: Option<&str>| {
            let mut args = words("inject --account 222222222222");
            args.extend(identities.map(|file| format!("--identity-file={file}")));
            args.extend(["--".to_owned(), name.to_owned()]);
            args
        };
        // The mode must stand before `--`.
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
            for (index, applier) in Applier::ALL.into_iter().enumerate() {
                // GNU patch 2.7 refuses names with a line break, and cuts a blank at the end.
                if applier == Applier::GnuPatch && (name.contains('\n') || name.ends_with(' ')) {
                    continue;
                }
                if !applier.there() {
                    tally.skipped[index] += 1;
                    continue;
                }
                let directory = tempfile::tempdir().unwrap();
                write_tree(directory.path(), &files);
                let result = applier.apply(directory.path(), &patch.stdout);
                let after = read_tree(directory.path());
                match result {
                    Ok(()) if after == written => tally.applied += 1,
                    Ok(()) => tally.failures.push(format!(
                        "{name:?} {identities:?} {}: {}",
                        applier.program(),
                        differing(&written, &after)
                    )),
                    Err(message) => tally.failures.push(format!(
                        "{name:?} {identities:?} {}: {message}{}",
                        applier.program(),
                        String::from_utf8_lossy(&patch.stdout)
                    )),
                }
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

/// In a work tree `git apply` takes names from its root, wherever it runs, and passes by what it does not find.
#[test]
#[cfg(unix)]
fn below_the_root_of_a_work_tree() {
    if !Applier::Git.there() {
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
    assert!(String::from_utf8_lossy(&refused.stderr).contains("would pass it by"), "{refused:?}");
}

#[test]
fn a_file_that_moved_by_some_lines() {
    if !Applier::Git.there() {
        eprintln!("skipped: no git");
        return;
    }
    let above = "# one\n# two\n# three\n# four\n# five\n";
    let heron = cluster("heron", REGION);
    let texts = [
        ("one document", heron.clone(), ""),
        ("a marker behind", format!("{}---\n{NAMESPACE}", cluster("heron", "spec:\n")), "--no-identity"),
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
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &patch).unwrap();
            for check in [true, false] {
                let output = git(&mut Command::new("git"))
                    .args(["apply", "--whitespace=nowarn"])
                    .args(check.then_some("--check"))
                    .arg(file.path())
                    .current_dir(directory.path())
                    .output()
                    .unwrap();
                assert!(
                    output.status.success(),
                    "{name} crlf={crlf} check={check}: {}\n{}",
                    String::from_utf8_lossy(&output.stderr),
                    String::from_utf8_lossy(&patch)
                );
            }
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
