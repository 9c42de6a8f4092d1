//! The cases of `tests/cases/TOPIC/NAME/`: what a command prints, and the files that it leaves, byte for byte. Each is
//! a test of its own, `TOPIC::NAME`: `cargo test --test cases bom` runs those that have `bom` in their names.
//!
//! A case is a folder:
//!
//! | File | Content |
//! |---|---|
//! | `cmd` | one run per line: its arguments, quoted as for a shell; a line that begins with `#` describes the case,
//! and at least one is required |
//! | `in/` | the existing files; it is the working directory of the runs |
//! | `stdin` | standard input of every run; empty without this file |
//! | `stdout`, `stderr`, `status` | the expected results; without `stdout` or `stderr`, no output is expected. If `cmd`
//! has several runs, the line `$ ARGUMENTS` precedes each part of `stdout` and `stderr`, and `status` has one line per
//! run |
//! | `out/` | the files that the runs change or create; all others must stay as they are |
//!
//! `UPDATE_CASES=1 cargo test --test cases [FILTER]` rewrites `stdout`, `stderr`, `status` and `out/`. Read `git diff`
//! before you commit: an expected file with a wrong answer is worse than none.
//!
//! Every run with `--write` also has to keep the promises of that mode: before it, `--check` exits 1 if and only if the
//! run changes a byte, and a second run changes nothing and exits 0. A run without `--write` or `--output-dir` writes
//! nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use shared::cases::{Case, Tree, execute, folder, is_write, names, read_tree, words, write_tree};

mod shared;

/// The results of the runs of a case.
#[derive(Default)]
struct Seen {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: String,
    files: Tree,
    /// Promises that were broken.
    broken: Vec<String>,
}

/// The promises that a run broke.
#[derive(Default)]
struct Broken(Vec<String>);

impl Broken {
    fn unless(&mut self, held: bool, promise: &str) {
        if !held {
            self.0.push(promise.to_owned());
        }
    }
}

fn main() -> ExitCode {
    let trials = names().into_iter().map(|name| Trial::test(name.replace('/', "::"), move || trial(&name))).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    if conclusion.has_failed() {
        eprintln!("UPDATE_CASES=1 cargo test --test cases rewrites what is expected; read the differences first");
    }
    conclusion.exit_code()
}

fn trial(name: &str) -> Result<(), Failed> {
    let case = Case::read(name);
    let seen = run(&case);
    if std::env::var_os("UPDATE_CASES").is_some() {
        rewrite(&case, &seen);
    }
    let mut report = differences(&case, &seen);
    for promise in &seen.broken {
        writeln!(report, "promise broken: {promise}").unwrap();
    }
    let shows = shows(name);
    if shows.is_empty() {
        writeln!(report, "cmd: no line describes the case (`# A BOM at the start of the file is kept.`)").unwrap();
    }
    if report.is_empty() { Ok(()) } else { Err(format!("tests/cases/{name}\n{shows}{report}").into()) }
}

/// The description of a case: the lines of `cmd` that begin with `#`.
fn shows(name: &str) -> String {
    let cmd = fs::read_to_string(folder(name).join("cmd")).unwrap();
    let says = |line: &&str| line.strip_prefix('#').is_some_and(|text| !text.trim().is_empty());
    cmd.lines().filter(says).map(|line| format!("{line}\n")).collect()
}

fn run(case: &Case) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    write_tree(directory.path(), &case.files);
    let mut seen = Seen::default();
    for line in &case.runs {
        let (output, broken) = step(directory.path(), &words(line), &case.stdin);
        seen.broken.extend(broken.0.iter().map(|promise| format!("{promise} ({line})")));
        if case.runs.len() > 1 {
            for out in [&mut seen.stdout, &mut seen.stderr] {
                writeln!(out, "$ {line}").unwrap();
            }
        }
        writeln!(seen.status, "{}", status(&output)).unwrap();
        seen.stdout.extend(output.stdout);
        seen.stderr.extend(output.stderr);
    }
    seen.files = read_tree(directory.path());
    seen.files.retain(|name, bytes| case.files.get(name) != Some(bytes));
    seen
}

/// Does one run, and the runs that check its promises: `--check` before a run that writes, and the same run again.
fn step(directory: &Path, args: &[String], stdin: &[u8]) -> (Output, Broken) {
    let mut broken = Broken::default();
    let before = read_tree(directory);
    let writes = args.iter().any(|arg| is_write(arg));
    let checked = writes.then(|| execute(directory, &as_check(args), stdin));
    broken.unless(read_tree(directory) == before, "--check changes no file");
    let output = execute(directory, args, stdin);
    let after = read_tree(directory);
    let is_error = status(&output) == 2;
    broken.unless(!is_error || output.stdout.is_empty(), "an error prints nothing on stdout");
    broken.unless(!is_error || before == after, "an error writes nothing");
    let has_directory = args.iter().any(|arg| arg.starts_with("--output-dir"));
    broken.unless(writes || has_directory || before == after, "without --write or --output-dir nothing is written");
    broken.unless((0..=2).contains(&status(&output)), "the exit status is 0, 1 or 2");
    if let Some(checked) = checked {
        let is_stdin = args.iter().any(|arg| arg == "-");
        let changed = before != after || (is_stdin && !is_error && output.stdout != stdin);
        let said = status(&checked);
        // --check can't know an error that only writing meets; but it must not report that there is nothing to do.
        let is_true = if is_error { said != 0 } else { said == i32::from(changed) };
        broken.unless(is_true, &format!("--check predicts the result; it exits {said}"));
        if !is_error {
            let given = if is_stdin { &output.stdout } else { stdin };
            let again = execute(directory, args, given);
            let why = String::from_utf8_lossy(&again.stderr);
            broken.unless(status(&again) == 0, &format!("a second run exits 0: {why}"));
            broken.unless(read_tree(directory) == after, "a second run changes nothing");
            broken.unless(again.stdout == output.stdout, "a second run prints the same on stdout");
        }
    }
    (output, broken)
}

/// The arguments of a run that writes, changed to only check.
fn as_check(args: &[String]) -> Vec<String> {
    args.iter()
        .filter(|arg| *arg != "--exit-code")
        .map(|arg| if is_write(arg) { "--check".to_owned() } else { arg.clone() })
        .collect()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn differences(case: &Case, seen: &Seen) -> String {
    let mut report = String::new();
    let expected = |name: &str| fs::read(folder(&case.name).join(name)).unwrap_or_default();
    compare(&mut report, "status", &expected("status"), seen.status.as_bytes());
    compare(&mut report, "stdout", &expected("stdout"), &seen.stdout);
    compare(&mut report, "stderr", &expected("stderr"), &seen.stderr);
    let out = read_tree(&folder(&case.name).join("out"));
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

/// Text with those bytes visible that a terminal would swallow.
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
        let path = folder(&case.name).join(name);
        if bytes.is_empty() {
            let _ = fs::remove_file(path);
        } else {
            fs::write(path, bytes).unwrap();
        }
    };
    put("stdout", &seen.stdout);
    put("stderr", &seen.stderr);
    put("status", seen.status.as_bytes());
    let out = folder(&case.name).join("out");
    if out.exists() {
        fs::remove_dir_all(&out).unwrap();
    }
    write_tree(&out, &seen.files);
}
