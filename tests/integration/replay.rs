//! Runs every input of `fuzz/corpus` through its fuzz target, on the stable compiler, so that both stay in use.

// Also a library of its own; here its `pub` items are not reachable.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
pub(crate) mod targets;

use std::fs;
use std::panic::catch_unwind;

use crate::support::{root, xaccount};

/// The minimum number of inputs of each corpus.
const FLOOR: usize = 20;

#[test]
fn the_corpus_of_each_fuzz_target_holds() {
    let corpus = root().join("fuzz/corpus");
    let mut failures = Vec::new();
    for (name, target) in targets::TARGETS {
        let mut inputs: Vec<_> = fs::read_dir(corpus.join(name))
            .unwrap_or_else(|error| panic!("fuzz/corpus/{name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(inputs.len() >= FLOOR, "fuzz/corpus/{name} has only {} inputs", inputs.len());
        for input in inputs {
            let data = fs::read(&input).unwrap();
            if catch_unwind(|| target(&data)).is_err() {
                failures.push(format!("{name} on {}", input.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} inputs break a promise:\n{}", failures.len(), failures.join("\n"));
}

/// The findings in each input of `lint` can be shown in each format.
#[test]
fn findings_in_the_corpus_are_shown_in_every_format() {
    let mut shown = 0;
    for input in fs::read_dir(root().join("fuzz/corpus/lint")).unwrap() {
        let data = fs::read(input.unwrap().path()).unwrap();
        for format in ["text", "json", "github", "sarif"] {
            let mut command = xaccount();
            command.args(["lint", "-f", "-"]);
            if format != "text" {
                command.args(["-o", format]);
            }
            let ran = assert_cmd::Command::from_std(command).write_stdin(&*data).output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(matches!(ran.status.code(), Some(0..=2)), "{format}: {said}\n{}", String::from_utf8_lossy(&data));
            if ran.status.code() != Some(2) && matches!(format, "json" | "sarif") {
                serde_json::from_slice::<serde_json::Value>(&ran.stdout).unwrap();
            }
            shown += usize::from(ran.status.code() == Some(1));
        }
    }
    assert!(shown > FLOOR, "{shown}");
}

#[test]
fn each_target_has_a_corpus_and_a_program() {
    let names = |directory: &str, end: &str| {
        let mut names: Vec<String> = fs::read_dir(root().join("fuzz").join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(end).to_owned())
            .collect();
        names.sort();
        names
    };
    let mut targets: Vec<String> = targets::TARGETS.map(|(name, _)| name.to_owned()).to_vec();
    targets.sort();
    assert_eq!(names("corpus", ""), targets);
    assert_eq!(names("fuzz_targets", ".rs"), targets);
}
