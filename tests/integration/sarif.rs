//! `lint -o sarif`, checked against the standard's own schema, and compared with `--fix`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{peer, root, skip, target, xaccount};

/// SARIF of a directory's files, including notes.
fn sarif(directory: &Path, flags: &[&str]) -> String {
    let words = ["lint", ".", "-R", "--severity", "note", "-o", "sarif", "--exit-zero", "--allow-empty"];
    let output = xaccount().current_dir(directory).args(words).args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn results(sarif: &str) -> Vec<Value> {
    let sarif: Value = serde_json::from_str(sarif).unwrap();
    sarif["runs"][0]["results"].as_array().unwrap().clone()
}

/// The directories of the cases of lint, and the test data.
fn directories() -> Vec<PathBuf> {
    let cases = fs::read_dir(root().join("tests/cases/lint")).unwrap();
    let mut directories: Vec<PathBuf> = cases.map(|entry| entry.unwrap().path().join("in")).collect();
    // This case has wrong maps on purpose.
    directories.retain(|path| path.is_dir() && !path.ends_with("map-ignores-wrong/in"));
    directories.push(root().join("testdata"));
    directories.sort();
    directories
}

#[test]
fn the_schema_of_the_standard_accepts_it() {
    let schema = target().join("peers/sarif-2.1.0.json");
    let Some(check) = peer("check-jsonschema") else { return skip("sarif", "no check-jsonschema") };
    if !schema.is_file() {
        return skip("sarif", "no sarif-2.1.0.json");
    }
    let out = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut found = 0;
    for (index, directory) in directories().iter().enumerate() {
        // Two account maps in one run are an error.
        let text = sarif(directory, &["--no-config"]);
        found += results(&text).len();
        let file = out.path().join(format!("{index}.sarif"));
        fs::write(&file, text).unwrap();
        files.push(file);
    }
    assert!(found > 100, "{found}");
    // One pattern of the schema (of `language`) is not a regular expression of ECMAScript.
    let validate = |files: &[PathBuf]| {
        let mut check = Command::new(&check);
        check.args(["--regex-variant", "python", "--schemafile"]).arg(&schema).args(files).output().unwrap()
    };
    let output = validate(&files);
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    // The check can fail.
    let wrong = out.path().join("wrong.sarif");
    fs::write(&wrong, fs::read_to_string(&files[0]).unwrap().replace("\"startLine\": ", "\"startLine\": -")).unwrap();
    assert!(!validate(&[wrong]).status.success());
}

#[test]
fn fingerprints_stay_where_lines_move() {
    for directory in directories() {
        let moved = tempfile::tempdir().unwrap();
        assert!(Command::new("cp").arg("-R").arg(&directory).arg(moved.path().join("in")).status().unwrap().success());
        let here = moved.path().join("in");
        let prints = |text: &str| -> Vec<String> {
            let print = |result: &Value| result["partialFingerprints"]["xaccount/v1"].as_str().unwrap().to_owned();
            results(text).iter().map(print).collect()
        };
        let before = prints(&sarif(&here, &["--no-config"]));
        for entry in walkdir::WalkDir::new(&here).into_iter().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = fs::read(entry.path()).unwrap_or_default();
            // Above a directive or a log line there is no place for a comment.
            let plain = text.starts_with(b"apiVersion") || text.starts_with(b"#") && !text.starts_with(b"#@");
            if name.ends_with(".yaml") && plain {
                fs::write(entry.path(), [b"# one more line\n\n", &text[..]].concat()).unwrap();
            }
        }
        assert_eq!(prints(&sarif(&here, &["--no-config"])), before, "{}", directory.display());
    }
}

/// What the fix of a result replaces in a text: the start, the end, and the new text.
fn replacements(result: &Value, text: &str) -> Vec<(usize, usize, String)> {
    let replacements = result["fixes"][0]["artifactChanges"][0]["replacements"].as_array();
    let read = |replacement: &Value| {
        let region = &replacement["deletedRegion"];
        let at =
            |line: &str, column: &str| offset(text, region[line].as_u64().unwrap(), region[column].as_u64().unwrap());
        let content = replacement["insertedContent"]["text"].as_str().unwrap_or_default().to_owned();
        (at("startLine", "startColumn"), at("endLine", "endColumn"), content)
    };
    replacements.into_iter().flatten().map(read).collect()
}

/// Replaces what each fix deletes, from the last to the first.
#[test]
fn fixes_are_those_of_fix() {
    let mut fixed = 0;
    for directory in directories() {
        for entry in walkdir::WalkDir::new(&directory).into_iter().map(Result::unwrap) {
            if !entry.file_type().is_file() || entry.path().extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let alone = tempfile::tempdir().unwrap();
            let file = alone.path().join("a.yaml");
            fs::write(&file, &text).unwrap();
            let mut replacements: Vec<(usize, usize, String)> =
                results(&sarif(alone.path(), &[])).iter().flat_map(|result| replacements(result, &text)).collect();
            replacements.sort();
            replacements.dedup();
            let mut expected = text.clone();
            for (from, to, content) in replacements.iter().rev() {
                expected.replace_range(from..to, content);
            }
            let words = ["lint", "a.yaml", "--severity", "note", "--fix", "--write", "--exit-zero"];
            let output = xaccount().current_dir(alone.path()).args(words).output().unwrap();
            // If one of several fixes can't be made, none is written.
            if output.status.code() == Some(0) {
                assert_eq!(fs::read_to_string(&file).unwrap(), expected, "{}", entry.path().display());
                fixed += replacements.len();
            }
        }
    }
    assert!(fixed >= 10, "{fixed}");
}

/// The offset of a line and a column in characters, both from 1.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let start: usize = text.split_inclusive('\n').take(usize::try_from(line).unwrap() - 1).map(str::len).sum();
    let rest = text[start..].char_indices().map(|(at, _)| at).chain([text.len() - start]);
    start + rest.into_iter().nth(usize::try_from(column).unwrap() - 1).unwrap()
}
