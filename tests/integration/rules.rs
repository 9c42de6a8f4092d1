//! The examples of `docs/rules.md`: each wrong one triggers exactly its rule, each right one triggers none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use xaccount::capa::Release;
use xaccount::capa::errata::{ERRATA, Erratum};
use xaccount::lint::{Applicability, RULES};

use crate::cases::{Tree, write_tree};
use crate::fixtures::fixtures;
use crate::support::{root, xaccount};

/// A section of the page.
struct Section<'p> {
    id: &'p str,
    name: &'p str,
    text: &'p str,
    /// The words after `lint . -R`.
    flags: Vec<&'p str>,
}

/// A file of an example: its path and its text.
type File<'p> = (&'p str, String);

#[test]
fn each_wrong_example_triggers_exactly_its_rule() {
    let page = page();
    for section in sections(&page) {
        let example = tempfile::tempdir().unwrap();
        put(example.path(), &section.files("Wrong:"));
        let found = lint(example.path(), &section.flags);
        let rules: BTreeSet<&str> = found.iter().filter_map(|finding| finding["rule"].as_str()).collect();
        assert_eq!(rules, BTreeSet::from([section.id]), "{}: {found:#?}", section.id);
        let severity = section.text.split(':').next().unwrap().trim().to_lowercase();
        assert!(found.iter().any(|finding| finding["severity"] == severity.as_str()), "{}: {found:#?}", section.id);
    }
}

#[test]
fn each_right_example_triggers_nothing() {
    let page = page();
    for section in sections(&page) {
        let example = tempfile::tempdir().unwrap();
        put(example.path(), &section.files("Right:"));
        let found = lint(example.path(), &section.flags);
        assert!(found.is_empty(), "{}: {found:#?}", section.id);
    }
}

/// Each section says what the rule's fixes are, as the table of rules does; its wrong example or its case has such a fix.
#[test]
fn each_section_says_whether_its_fix_is_safe() {
    let page = page();
    for (section, rule) in sections(&page).iter().zip(RULES) {
        assert_eq!(section.id, rule.id.code());
        let expected = match rule.fix {
            None => "none",
            Some(Applicability::Safe) => "safe",
            Some(Applicability::Unsafe) => "unsafe",
        };
        let described: Vec<&str> = section.text.lines().filter_map(|line| line.strip_prefix("Fix: ")).collect();
        assert_eq!(described.len(), 1, "{}", section.id);
        assert_eq!(described[0].split('.').next(), Some(expected), "{}", section.id);
        let example = tempfile::tempdir().unwrap();
        put(example.path(), &section.files("Wrong:"));
        let mut found = lint(example.path(), &section.flags);
        found.extend(lint(&root().join("tests/cases/lint").join(section.name).join("in"), &[]));
        found.retain(|finding| finding["rule"] == section.id);
        let fixes: Vec<&Value> = found.iter().map(|finding| &finding["fix"]).filter(|fix| !fix.is_null()).collect();
        assert_eq!(fixes.is_empty(), rule.fix.is_none(), "{}: {found:#?}", section.id);
        assert!(fixes.iter().all(|fix| fix["applicability"] == expected), "{}: {fixes:#?}", section.id);
    }
}

/// `lint` finds nothing in what `inject` adds; its API version is that of the clusters, and `inject` itself tells of an
/// identity file that no kustomization lists, and of a missing controller identity.
#[test]
fn what_inject_writes_is_clean() {
    let found = |tree: &Tree| -> BTreeSet<String> {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), tree);
        let findings = lint(directory.path(), &["--severity", "warning", "--ignore", "XA022,XA038,XA050"]);
        findings.iter().map(|finding| format!("{} {}", finding["rule"], finding["message"])).collect()
    };
    for fixture in fixtures() {
        let (output, written) = fixture.run("--write");
        assert_eq!(output.status.code(), Some(0), "{}", fixture.name);
        let before = found(&fixture.files);
        let new: Vec<String> = found(&written).difference(&before).cloned().collect();
        assert!(new.is_empty(), "{}: {new:#?}", fixture.name);
    }
}

#[test]
fn each_rule_has_a_section_and_a_case() {
    let page = page();
    let described: Vec<String> = sections(&page).iter().map(|one| format!("{} {}", one.id, one.name)).collect();
    let table = xaccount().arg("explain").output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    let rules: Vec<String> =
        table.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(described, rules);
    for section in sections(&page) {
        let case = root().join("tests/cases/lint").join(section.name);
        assert!(case.join("cmd").is_file(), "{} has a case", section.name);
        for part in ["Why: ", "Since: ", "Fix: "] {
            assert!(section.text.contains(&format!("\n{part}")), "{} says {part}", section.id);
        }
        let explained = xaccount().args(["explain", section.id]).output().unwrap();
        // Without the line breaks of the page: only a terminal wraps.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let explained = String::from_utf8(explained.stdout).unwrap();
        assert_eq!(words(&explained), words(page_section(&page, section.id)));
    }
}

/// `docs/lint.md` lists every field of the JSON, and no other.
#[test]
fn the_page_lists_every_field() {
    let page = fs::read_to_string(root().join("docs/lint.md")).unwrap();
    let table = page.split("| Field | Means |").nth(1).unwrap();
    let mut keys = BTreeSet::new();
    for case in ["no-controller-identity", "two-roles", "long-session"] {
        let directory = root().join("tests/cases/lint").join(case).join("in");
        let words = ["lint", ".", "--severity", "note", "-o", "json", "--exit-zero"];
        let output = xaccount().current_dir(directory).args(words).output().unwrap();
        collect_keys(&serde_json::from_slice(&output.stdout).unwrap(), &mut keys);
    }
    let described: BTreeSet<&str> = table.split('`').skip(1).step_by(2).flat_map(|word| word.split("[].")).collect();
    let missing: Vec<&String> = keys.iter().filter(|key| !described.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/lint.md lacks {missing:?}");
    for key in ["rule", "at", "others", "help", "fix", "applicability", "operations", "new", "endColumn"] {
        assert!(keys.contains(key), "no output has {key}");
    }
}

/// The names of all members, except those of objects that are printed unchanged.
fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        Value::Object(members) => {
            for (key, value) in members {
                keys.insert(key.clone());
                if !["operations", "new"].contains(&key.as_str()) {
                    collect_keys(value, keys);
                }
            }
        }
        _ => {}
    }
}

fn page() -> String {
    fs::read_to_string(root().join("docs/rules.md")).unwrap()
}

fn page_section<'p>(page: &'p str, id: &str) -> &'p str {
    page.split("\n## ").find(|section| section.starts_with(id)).unwrap()
}

fn sections(page: &str) -> Vec<Section<'_>> {
    page.split("\n## ").skip(1).map(section).collect()
}

fn section(text: &str) -> Section<'_> {
    let (heading, text) = text.split_once('\n').unwrap();
    let (id, name) = heading.split_once(' ').unwrap();
    let flags = text.lines().find_map(|line| line.strip_prefix("Flags: `")?.strip_suffix('`'));
    Section { id, name, text, flags: flags.map_or_else(Vec::new, |flags| flags.split(' ').collect()) }
}

impl Section<'_> {
    /// The files of an example: fences after its word, named by a line `` `PATH`: `` above them.
    fn files(&self, word: &str) -> Vec<File<'_>> {
        let text = self.text.split_once(&format!("\n{word}\n")).unwrap_or_else(|| panic!("{} has {word}", self.id)).1;
        let mut files: Vec<File<'_>> = Vec::new();
        let (mut name, mut open) = ("manifests.yaml", false);
        for line in text.lines() {
            if line == "Right:" {
                break;
            }
            match (open, line.strip_prefix("```")) {
                (false, Some(_)) => {
                    open = true;
                    files.push((name, String::new()));
                }
                (true, Some(_)) => open = false,
                (true, None) => files.last_mut().unwrap().1 += &format!("{line}\n"),
                (false, None) => {
                    name = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:")).unwrap_or(name);
                }
            }
        }
        assert!(!files.is_empty(), "{} {word}", self.id);
        files
    }
}

fn put(directory: &Path, files: &[File<'_>]) {
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// All findings, including notes unless the flags omit them.
fn lint(directory: &Path, flags: &[&str]) -> Vec<Value> {
    let severity = if flags.contains(&"--severity") { &[][..] } else { &["--severity", "note"] };
    let words = ["lint", ".", "-R", "-o", "json"];
    let output = xaccount().current_dir(directory).args(words).args(severity).args(flags).output().unwrap();
    assert!(output.status.code() != Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    found["findings"].as_array().unwrap().clone()
}

/// `docs/errata.md` is the table of known faults.
#[test]
fn the_page_lists_every_erratum() {
    let path = root().join("docs/errata.md");
    let page = fs::read_to_string(&path).unwrap();
    let releases = |all: &[Release]| all.iter().map(Release::to_string).collect::<Vec<_>>().join(", ");
    let row = |one: &Erratum| {
        let fixed = if one.fixed.is_empty() { "-".to_owned() } else { releases(one.fixed) };
        format!("| {} | {} | {} | {fixed} | {} | {} |\n", one.name, one.condition, one.first, one.effect, one.thread)
    };
    let table: String = ERRATA.iter().map(|one| row(one)).collect();
    let (before, rest) = page.split_once("|---|---|---|---|---|---|\n").unwrap();
    let after = rest.split_once("\n\n").unwrap().1;
    let wanted = format!("{before}|---|---|---|---|---|---|\n{table}\n{after}");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(path, wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "docs/errata.md is old; to update it: UPDATE_CASES=1 cargo test --test integration erratum"
        );
    }
}
