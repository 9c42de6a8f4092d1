//! The cases of `tests/cases/TOPIC/NAME/`: what a command prints, and what it leaves behind, byte for byte.
//!
//! A case is a folder:
//!
//! | File | Holds |
//! |---|---|
//! | `cmd` | the arguments of one run a line, quoted as for a shell; a line that begins with `#` says what the case shows |
//! | `in/` | the files that are there; the runs have this as their directory |
//! | `stdin` | standard input of every run; without it, it is empty |
//! | `stdout`, `stderr`, `status` | what is expected; a missing `stdout` or `stderr` stands for nothing. Where `cmd` has several runs, each part of `stdout` and `stderr` has the line `$ ARGUMENTS` above it, and `status` has a line a run |
//! | `out/` | the files that the runs change or make; all others must stay as they are |
//!
//! `UPDATE_CASES=1 cargo test --test integration cases` rewrites `stdout`, `stderr`, `status` and `out/`. Read `git diff` before it
//! is committed: an expected file that holds a wrong answer is worse than none.
//!
//! Every run with `--write` also has to keep the promises of that mode: `--check` says 1 before it exactly where it changes
//! a byte, and a second run changes nothing and exits 0. Where nothing is to be written, nothing may be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::support::{root, xaccount};

const TOPICS: [&str; 14] = [
    "yaml",
    "kinds",
    "state",
    "values",
    "select",
    "modes",
    "iam",
    "map",
    "eject",
    "status",
    "identity",
    "lint",
    "kustomize",
    "running",
];

#[test]
fn yaml() {
    topic("yaml");
}

#[test]
fn kinds() {
    topic("kinds");
}

#[test]
fn state() {
    topic("state");
}

#[test]
fn values() {
    topic("values");
}

#[test]
fn select() {
    topic("select");
}

#[test]
fn modes() {
    topic("modes");
}

#[test]
fn iam() {
    topic("iam");
}

#[test]
fn map() {
    topic("map");
}

#[test]
fn eject() {
    topic("eject");
}

#[test]
fn lint() {
    topic("lint");
}

#[test]
fn kustomize() {
    topic("kustomize");
}

#[test]
fn identity() {
    topic("identity");
}

#[test]
fn status() {
    topic("status");
}

#[test]
fn running() {
    topic("running");
}

#[test]
fn every_topic_has_a_test() {
    for folder in folders(&root().join("tests/cases")) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(TOPICS.contains(&name), "tests/cases/{name} has no test in cases.rs");
    }
}

/// Files by their paths, with `/`.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// A case as it stands in its folder.
pub(crate) struct Case {
    /// `TOPIC/NAME`.
    pub(crate) name: String,
    folder: PathBuf,
    /// The arguments of each run.
    pub(crate) runs: Vec<String>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) files: Tree,
}

/// What the runs of a case did.
#[derive(Default)]
struct Seen {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: String,
    files: Tree,
    /// Promises that were broken.
    broken: Vec<String>,
}

/// All cases of a topic, by name.
pub(crate) fn cases(topic: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = folders(&root().join("tests/cases").join(topic))
        .into_iter()
        .map(|folder| {
            let cmd = fs::read_to_string(folder.join("cmd"))
                .unwrap_or_else(|error| panic!("{}/cmd: {error}", folder.display()));
            let runs: Vec<String> = cmd
                .lines()
                .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
                .map(str::to_owned)
                .collect();
            assert!(!runs.is_empty(), "{}/cmd runs nothing", folder.display());
            Case {
                name: format!("{topic}/{}", folder.file_name().unwrap().to_str().unwrap()),
                runs,
                stdin: fs::read(folder.join("stdin")).unwrap_or_default(),
                files: read_tree(&folder.join("in")),
                folder,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!cases.is_empty(), "no cases of {topic}");
    cases
}

/// The cases of all topics.
pub(crate) fn all() -> Vec<Case> {
    TOPICS.iter().flat_map(|topic| cases(topic)).collect()
}

fn topic(topic: &str) {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut failures: Vec<(String, String)> = Vec::new();
    let cases = cases(topic);
    for case in &cases {
        let seen = run(case);
        if update {
            rewrite(case, &seen);
        }
        let mut report = differences(case, &seen);
        for promise in &seen.broken {
            writeln!(report, "promise broken: {promise}").unwrap();
        }
        if !report.is_empty() {
            failures.push((case.name.clone(), report));
        }
    }
    if failures.is_empty() {
        return;
    }
    let mut text = String::new();
    for (name, report) in &failures {
        writeln!(text, "\n=== tests/cases/{name}\n{report}").unwrap();
    }
    writeln!(text, "{} of {} cases failed:", failures.len(), cases.len()).unwrap();
    for (name, _) in &failures {
        writeln!(text, "    {name}").unwrap();
    }
    text.push_str("UPDATE_CASES=1 cargo test rewrites what is expected; read the difference first");
    panic!("{text}");
}

fn run(case: &Case) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    write_tree(directory.path(), &case.files);
    let mut seen = Seen::default();
    for line in &case.runs {
        let before = read_tree(directory.path());
        let args = words(line);
        let writes = args.iter().any(|arg| is_write(arg));
        let checked = writes.then(|| {
            let check: Vec<String> = args
                .iter()
                .filter(|arg| *arg != "--exit-code")
                .map(|arg| if is_write(arg) { "--check".to_owned() } else { arg.clone() })
                .collect();
            execute(directory.path(), &check, &case.stdin)
        });
        if read_tree(directory.path()) != before {
            seen.broken.push(format!("--check changed a file ({line})"));
        }
        let output = execute(directory.path(), &args, &case.stdin);
        let status = output.status.code().unwrap();
        let after = read_tree(directory.path());
        let mut promise = |held: bool, what: &str| {
            if !held {
                seen.broken.push(format!("{what} ({line})"));
            }
        };
        promise(status != 2 || output.stdout.is_empty(), "an error prints nothing on stdout");
        promise(status != 2 || before == after, "an error writes nothing");
        promise(writes || before == after, "without --write nothing is written");
        promise((0..=2).contains(&status), "the exit status is 0, 1 or 2");
        if let Some(checked) = checked {
            let stdin = args.iter().any(|arg| arg == "-");
            let changed = before != after || (stdin && status != 2 && output.stdout != case.stdin);
            let said = checked.status.code().unwrap();
            // What only the writing meets, --check can't know; but it never says that there is nothing to do.
            let kept = if status == 2 { said != 0 } else { said == i32::from(changed) };
            promise(kept, &format!("--check says {said} of it"));
            if status != 2 {
                let given = if stdin { &output.stdout } else { &case.stdin };
                let again = execute(directory.path(), &args, given);
                promise(
                    again.status.code() == Some(0),
                    &format!("a second run exits 0: {}", String::from_utf8_lossy(&again.stderr)),
                );
                promise(read_tree(directory.path()) == after, "a second run changes nothing");
                promise(again.stdout == output.stdout, "a second run prints the same on stdout");
            }
        }
        if case.runs.len() > 1 {
            for out in [&mut seen.stdout, &mut seen.stderr] {
                writeln!(out, "$ {line}").unwrap();
            }
        }
        seen.stdout.extend(output.stdout);
        seen.stderr.extend(output.stderr);
        writeln!(seen.status, "{status}").unwrap();
    }
    seen.files = read_tree(directory.path());
    seen.files.retain(|name, bytes| case.files.get(name) != Some(bytes));
    seen
}

/// Whether an argument is the mode that writes.
pub(crate) fn is_write(arg: &str) -> bool {
    ["--write", "-i", "--in-place"].contains(&arg)
}

/// Runs the program in `directory` with `stdin`.
pub(crate) fn execute(directory: &Path, args: &[String], stdin: &[u8]) -> Output {
    let mut child = xaccount()
        .current_dir(directory)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // What it does not read is its business.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn differences(case: &Case, seen: &Seen) -> String {
    let mut report = String::new();
    let expected = |name: &str| fs::read(case.folder.join(name)).unwrap_or_default();
    compare(&mut report, "status", &expected("status"), seen.status.as_bytes());
    compare(&mut report, "stdout", &expected("stdout"), &seen.stdout);
    compare(&mut report, "stderr", &expected("stderr"), &seen.stderr);
    let out = read_tree(&case.folder.join("out"));
    for (name, bytes) in &out {
        match seen.files.get(name) {
            Some(now) => compare(&mut report, name, bytes, now),
            None => writeln!(report, "{name}: expected to change, and did not").unwrap(),
        }
    }
    for (name, bytes) in seen.files.iter().filter(|(name, _)| !out.contains_key(*name)) {
        let before = case.files.get(name).map_or(&[][..], Vec::as_slice);
        writeln!(report, "{name}: expected to stay as it is").unwrap();
        compare(&mut report, name, before, bytes);
    }
    report
}

fn compare(report: &mut String, name: &str, expected: &[u8], seen: &[u8]) {
    if expected == seen {
        return;
    }
    let (old, new) = (visible(expected), visible(seen));
    let diff = similar::TextDiff::from_lines(&old, &new);
    let mut diff = diff.unified_diff();
    let diff = diff.context_radius(3).header(&format!("{name} as expected"), &format!("{name} as it is now"));
    write!(report, "{diff}").unwrap();
}

/// Text in which bytes that a terminal would swallow can be seen.
fn visible(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|c| match c {
            '\n' => vec![c],
            '\t' | '\r' | '\0' | '\x1b' | '\u{feff}' | '\u{85}' | '\u{2028}' => c.escape_default().collect(),
            c => vec![c],
        })
        .collect()
}

fn rewrite(case: &Case, seen: &Seen) {
    let put = |name: &str, bytes: &[u8]| {
        let path = case.folder.join(name);
        if bytes.is_empty() {
            let _ = fs::remove_file(path);
        } else {
            fs::write(path, bytes).unwrap();
        }
    };
    put("stdout", &seen.stdout);
    put("stderr", &seen.stderr);
    put("status", seen.status.as_bytes());
    let out = case.folder.join("out");
    if out.exists() {
        fs::remove_dir_all(&out).unwrap();
    }
    write_tree(&out, &seen.files);
}

/// A line as words, with the quotes of a shell and nothing else of one.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "a quote is open: {line}");
    words.extend(word);
    words
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// All files below a directory; none where there is no directory.
pub(crate) fn read_tree(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    if directory.is_dir() {
        collect(directory, "", &mut tree);
    }
    tree
}

fn collect(directory: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            if name != ".git" {
                collect(&path, &format!("{name}/"), tree);
            }
        } else {
            tree.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Writes the files below a directory.
pub(crate) fn write_tree(directory: &Path, tree: &Tree) {
    for (name, bytes) in tree {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
