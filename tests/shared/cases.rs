//! The cases of `tests/cases/`, and functions that run the program on such files. `tests/cases.rs` describes the form
//! of a case.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::{root, xaccount};

/// Files by their paths, with `/`.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// A case, read from its folder.
pub(crate) struct Case {
    /// `TOPIC/NAME`.
    pub(crate) name: String,
    /// The arguments of each run.
    pub(crate) runs: Vec<String>,
    #[cfg_attr(windows, allow(dead_code))]
    pub(crate) stdin: Vec<u8>,
    pub(crate) files: Tree,
}

impl Case {
    /// Reads the case with a name.
    pub(crate) fn read(name: &str) -> Self {
        let folder = folder(name);
        let cmd =
            fs::read_to_string(folder.join("cmd")).unwrap_or_else(|error| panic!("{}/cmd: {error}", folder.display()));
        let runs: Vec<String> =
            cmd.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).map(str::to_owned).collect();
        assert!(!runs.is_empty(), "{}/cmd runs nothing", folder.display());
        Self {
            name: name.to_owned(),
            runs,
            stdin: fs::read(folder.join("stdin")).unwrap_or_default(),
            files: read_tree(&folder.join("in")),
        }
    }
}

/// The folder of the case with a name.
pub(crate) fn folder(name: &str) -> PathBuf {
    root().join("tests/cases").join(name)
}

/// The names of all cases, sorted.
pub(crate) fn names() -> Vec<String> {
    let mut names = Vec::new();
    for topic in directories(&root().join("tests/cases")) {
        let cases = directories(&root().join("tests/cases").join(&topic));
        assert!(!cases.is_empty(), "no cases of {topic}");
        names.extend(cases.iter().map(|case| format!("{topic}/{case}")));
    }
    assert!(!names.is_empty(), "there are no cases");
    names
}

/// Whether an argument selects the mode that writes.
#[cfg_attr(windows, allow(dead_code))]
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
    // The program need not read all of it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// The words of a line, with a shell's quotes and no other shell syntax.
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

/// The names of the directories in a directory, sorted.
fn directories(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All files in a directory, recursively; none if there is no directory.
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
