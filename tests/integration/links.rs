//! Every relative link of the pages leads to a file, and to a heading in it.

use std::collections::BTreeSet;
use std::fs;

use crate::readme::read;
use crate::support::root;

/// The pages, relative to the root.
fn pages() -> BTreeSet<String> {
    let fixed =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "testdata/README.md", "crates/lossless-yaml/README.md"];
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().into_string().unwrap()));
    docs.filter(|name| name.ends_with(".md")).chain(fixed.map(str::to_owned)).collect()
}

/// A page without its code blocks.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    page.lines().filter(is_prose).flat_map(|line| [line, "\n"]).collect()
}

/// The targets of the links of a page, also of those whose text is code or goes over two lines.
fn targets(page: &str) -> Vec<String> {
    // Code is not a link: only the text outside of backticks is searched.
    let outside: String = prose(page).split('`').step_by(2).collect();
    let ends = outside.match_indices("](").map(|(at, _)| &outside[at + 2..]);
    ends.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page).lines() {
        let text = line.trim_start_matches('#');
        if text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
        let anchor: String = text.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
        let number = (1..).find(|n| !anchors.contains(&format!("{anchor}-{n}"))).unwrap_or_default();
        let anchor = if anchors.contains(&anchor) { format!("{anchor}-{number}") } else { anchor };
        anchors.insert(anchor);
    }
    anchors
}

/// A path relative to the root, from a target relative to the directory of a page.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// What is wrong with a link of a page.
fn broken(page: &str, text: &str, target: &str) -> Option<String> {
    if target.contains("://") {
        return (!target.starts_with("https://") || target.contains(char::is_whitespace)).then(|| "not https".into());
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { page.to_owned() } else { resolve(page, file) };
    if !root().join(&path).exists() {
        return Some(format!("{path} does not exist"));
    }
    let anchor = anchor?;
    let text = if path == page { text.to_owned() } else { read(&path) };
    (!anchors(&text).contains(anchor)).then(|| format!("{path} has no heading #{anchor}"))
}

#[test]
fn every_link_of_the_pages_resolves() {
    let mut found = Vec::new();
    let mut links = 0;
    for page in pages() {
        let text = read(&page);
        for target in targets(&text) {
            links += 1;
            found.extend(broken(&page, &text, &target).map(|what| format!("{page}: ]({target}): {what}")));
        }
    }
    assert!(links > 100, "only {links} links were found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let text =
        "# One `-o x`: two\n\n[a](#one--o-x-two) [`b`](README.md) `[c](no.md)`\n\n```console\n[d](no.md)\n# no\n```\n";
    assert_eq!(targets(text), ["#one--o-x-two", "README.md"]);
    assert_eq!(anchors(text), BTreeSet::from(["one--o-x-two".to_owned()]));
    assert_eq!(broken("docs/lint.md", text, "#one--o-x-two"), None);
    assert_eq!(broken("docs/lint.md", text, "../README.md#install"), None);
    for target in ["#no", "no.md", "../README.md#no", "../docs/no.md", "http://example.com"] {
        assert!(broken("docs/lint.md", text, target).is_some(), "{target}");
    }
}
