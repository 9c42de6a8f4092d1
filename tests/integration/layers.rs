//! The layout in CONTRIBUTING.md: which module may use which, and which module may call the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::root;

/// The Rust files at a path, with their text.
fn sources(path: &Path) -> Vec<(String, String)> {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().flat_map(|entry| sources(&entry.unwrap().path())).collect();
    }
    vec![(path.display().to_string(), fs::read_to_string(path).unwrap())]
}

/// A text without its test module, which comes last.
fn without_tests(text: &str) -> &str {
    let ends = ["\n#[cfg(test)]\nmod tests", "\n#[cfg(test)]\npub(super) mod tests"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    &text[..end.unwrap_or(text.len())]
}

/// The same without comments.
fn code(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    without_tests(text).lines().map(code).collect::<Vec<_>>().join("\n")
}

/// The modules are listed in the order of CONTRIBUTING.md: a module uses only those above it.
#[test]
fn the_list_of_modules_is_complete_and_one_way() {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let list = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a list of modules");
    let order: Vec<&str> =
        list.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next()).collect();
    let place = |module: &str| order.iter().position(|name| *name == module);
    let library = root().join("crates/xaccount/src");
    for entry in fs::read_dir(&library).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        let here = place(&module).unwrap_or_else(|| panic!("CONTRIBUTING.md does not list {module}"));
        for (file, text) in sources(&path) {
            for used in text.match_indices("crate::") {
                let rest = &text[used.0 + used.1.len()..];
                let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if let Some(there) = place(&name) {
                    assert!(there <= here, "{file} uses {name}, which is below {module}");
                }
            }
        }
    }
    for module in order {
        let file = library.join(module);
        assert!(file.is_dir() || file.with_extension("rs").is_file(), "there is no {}", file.display());
    }
}

/// All paths that a piece of code imports from its own crate, from the crate's root: `use` with braces, and paths in
/// expressions.
fn paths(module: &[&str], children: &[&str], code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let starts = ["crate", "super", "self"].iter().chain(children).map(|name| format!("{name}::"));
    for start in starts {
        for (at, _) in code.match_indices(&start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            // A re-export is not a use.
            let line = code[..at].rfind([';', '}']).map_or(0, |end| end + 1);
            let is_export =
                code[line..at].trim().strip_prefix("pub").is_some_and(|rest| rest.trim_end().ends_with("use"));
            let end = code[at..].find(|c: char| !(c.is_alphanumeric() || "_:{}, *\n".contains(c)));
            expand(&code[at..end.map_or(code.len(), |end| at + end)], &mut |path| {
                let (absolute, own) = resolved(module, path);
                if !(is_export && own) {
                    found.push(absolute);
                }
            });
        }
    }
    found
}

/// A path from the crate's root, and whether it leads to the module itself or below it.
fn resolved(module: &[&str], path: &str) -> (Vec<String>, bool) {
    let mut here: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
    let mut words = path.split("::").map(str::trim).peekable();
    while let Some(word) = words.next_if(|word| ["crate", "super", "self"].contains(word)) {
        match word {
            "crate" => here.clear(),
            "super" => drop(here.pop()),
            _ => {}
        }
    }
    let own = here.len() >= module.len();
    here.extend(words.map(str::to_owned));
    (here, own)
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(text: &str, each: &mut dyn FnMut(&str)) {
    let Some(open) = text.find('{') else {
        let end = text.find([',', '\n', ' ', '}']).unwrap_or(text.len());
        return each(&text[..end]);
    };
    if text[..open].contains([',', '\n', ' ', '}']) {
        return expand(&text[..text.find([',', '\n', ' ', '}']).unwrap_or(open)], each);
    }
    let (mut depth, mut start) = (0, open + 1);
    for (at, c) in text.char_indices().skip(open) {
        depth += usize::from(c == '{');
        if depth == 1 && [',', '}'].contains(&c) {
            let part = text[start..at].trim();
            if !part.is_empty() {
                expand(&format!("{}{part}", &text[..open]), each);
            }
            start = at + 1;
        }
        if c == '}' {
            depth -= 1;
            if depth == 0 {
                return;
            }
        }
    }
}

/// The modules on an import path from a module back to itself.
fn circles(files: &[(String, String)]) -> BTreeSet<String> {
    let modules: Vec<Vec<&str>> = files
        .iter()
        .map(|(name, _)| {
            let mut parts: Vec<&str> = name.trim_end_matches(".rs").split('/').collect();
            parts.pop_if(|last| ["mod", "lib", "main"].contains(last));
            parts
        })
        .collect();
    let mut uses: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (here, (_, text)) in files.iter().enumerate() {
        let is_child = |one: &&Vec<&str>| one.len() == modules[here].len() + 1 && one.starts_with(&modules[here]);
        let children: Vec<&str> = modules.iter().filter(is_child).filter_map(|one| one.last().copied()).collect();
        for path in paths(&modules[here], &children, &code(text)) {
            // The deepest module on the path.
            let there = (0..=path.len()).rev().find_map(|length| modules.iter().position(|one| *one == path[..length]));
            if let Some(there) = there.filter(|&there| there != here && !modules[there].is_empty()) {
                uses.entry(here).or_default().insert(there);
            }
        }
    }
    let reaches = |from: usize| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(one) = next.pop() {
            next.extend(uses.get(&one).into_iter().flatten().filter(|there| seen.insert(**there)));
        }
        seen
    };
    (0..files.len()).filter(|&one| reaches(one).contains(&one)).map(|one| files[one].0.clone()).collect()
}

#[test]
fn circles_are_seen() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let plain = [file("a.rs", "use crate::b::{self, B};"), file("b.rs", "use std::fmt; // crate::a")];
    assert!(circles(&plain).is_empty());
    for back in ["use crate::a::A;", "use crate::{a::A, c};", "fn f() { super::a::f() }", "use crate::{c::C,\n    a};"]
    {
        let files = [file("a.rs", "use crate::b::{self, B};"), file("b.rs", back)];
        assert_eq!(circles(&files).len(), 2, "{back}");
    }
    let room = |text: &str| [file("a/mod.rs", text), file("a/b.rs", "use super::A;"), file("c.rs", "use crate::a::A;")];
    assert!(circles(&room("mod b;\npub use self::b::B;\npub struct A;")).is_empty());
    assert!(circles(&room("mod b;\npub(crate) use b::{B, C};\npub struct A;")).is_empty());
    assert_eq!(circles(&room("mod b;\nuse self::b::B;\npub struct A;")).len(), 2);
    assert_eq!(circles(&room("mod b;\npub struct A {\n    b: b::B,\n}")).len(), 2);
    let tests =
        [file("a.rs", "use crate::b::B;"), file("b.rs", "struct B;\n#[cfg(test)]\nmod tests {\n use crate::a::A;\n}")];
    assert!(circles(&tests).is_empty());
}

#[test]
fn no_two_files_import_each_other() {
    for directory in ["crates/lossless-yaml/src", "crates/xaccount/src", "src"] {
        let directory = root().join(directory);
        let start = format!("{}/", directory.display());
        let files: Vec<(String, String)> =
            sources(&directory).into_iter().map(|(name, text)| (name.replace(&start, ""), text)).collect();
        assert!(files.len() > 20);
        let found = circles(&files);
        assert!(found.is_empty(), "{}: {found:?}", directory.display());
    }
}

/// The engine does not mention what it is used for.
#[test]
fn the_engine_names_no_kubernetes_and_no_flag() {
    for (file, text) in sources(&root().join("crates/lossless-yaml/src")) {
        let text = without_tests(&text).to_lowercase();
        for word in ["kubectl", "kubernetes", "kustomize", "cluster"] {
            assert!(!text.contains(word), "{file} says {word}");
        }
        assert!(!names_a_flag(&text), "{file} names a flag");
    }
}

/// Whether a text contains a flag. A marker has three dashes, and no letter follows it.
fn names_a_flag(text: &str) -> bool {
    let is_flag =
        |at: usize| text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase()) && !text[..at].ends_with('-');
    text.match_indices("--").any(|(at, _)| is_flag(at))
}

/// A setting does not mention its flag; the command line adds it.
#[test]
fn settings_name_no_flag() {
    let text = fs::read_to_string(root().join("crates/xaccount/src/settings.rs")).unwrap();
    assert!(!names_a_flag(&text));
    assert!(names_a_flag("pass --write") && !names_a_flag("a line '---' and more"));
}

#[test]
fn one_module_calls_the_engine() {
    let mut callers = BTreeSet::new();
    for directory in ["crates/xaccount/src", "src"] {
        for (file, text) in sources(&root().join(directory)) {
            if code(&text).contains("apply(&Source") {
                callers.insert(file);
            }
        }
    }
    assert_eq!(callers, BTreeSet::from([root().join("crates/xaccount/src/session.rs").display().to_string()]));
}

/// A rule's code is written in one table; everywhere else it is a `RuleId`.
#[test]
fn one_file_writes_the_codes_of_rules() {
    let mut writers = BTreeSet::new();
    for directory in ["crates/xaccount/src", "src"] {
        let written = sources(&root().join(directory)).into_iter().filter(|(_, text)| code(text).contains("\"XA0"));
        writers.extend(written.map(|(file, _)| file));
    }
    assert_eq!(writers, BTreeSet::from([root().join("crates/xaccount/src/diag/rule_id.rs").display().to_string()]));
}

/// Types with the same name can't be told apart by a search. Types inside functions, and associated types of traits,
/// don't count.
#[test]
fn type_names_are_unique_in_their_crate() {
    for directory in ["crates/lossless-yaml/src", "crates/xaccount/src", "src"] {
        let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (file, text) in sources(&root().join(directory)) {
            // The second implementation of the verdict, used only by tests.
            if file.ends_with("capa/verdict/reference.rs") {
                continue;
            }
            for line in code(&text).lines() {
                let item = line
                    .strip_prefix("pub ")
                    .or_else(|| line.strip_prefix("pub(")?.split_once(") ").map(|(_, item)| item));
                let mut words = item.unwrap_or(line).split(|c: char| !c.is_alphanumeric() && c != '_');
                if words.next().is_some_and(|word| ["struct", "enum", "type", "trait"].contains(&word)) {
                    let name = words.next().unwrap_or_default();
                    places.entry(name.to_owned()).or_default().insert(file.clone());
                }
            }
        }
        assert!(places.len() > 30, "{directory}");
        let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}

/// The library gets all its input from the caller.
#[test]
fn the_library_reads_no_environment_and_prints_nothing() {
    for directory in ["crates/lossless-yaml/src", "crates/xaccount/src"] {
        for (file, text) in sources(&root().join(directory)) {
            for word in ["env::", "println!", "eprintln!", "process::exit", "home_dir"] {
                assert!(!code(&text).contains(word), "{file} has {word}");
            }
        }
    }
}
