//! The findings of `lint` in texts changed at random.

use std::fs;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{cases, runner};
use crate::replay::targets;
use crate::support::root;

/// Values that replace others.
const VALUES: [&str; 30] = [
    "",
    "~",
    "0123",
    "1e3",
    "true",
    "\"quoted\"",
    "'a''b'",
    "${VAR}",
    "{{ x }}",
    "[a, b]",
    "[]",
    "{}",
    "{list: [x]}",
    "{list: null}",
    "{selector: {matchLabels: {}}}",
    "&a x",
    "*a",
    "!!str 5",
    "!!binary eA==",
    "|\n      block\n      text",
    ">-\n    folded",
    "# only a comment",
    "x # xaccount: ignore[XA001]",
    "\"ü\\u0041\"",
    "arn:aws:iam::222222222222:role/x",
    "arn:aws-cn:iam::222222222222:user/x",
    "default",
    "AWSClusterControllerIdentity",
    "AWSClusterRoleIdentity",
    "3600",
];

/// Lines inserted between others.
const LINES: [&str; 10] = [
    "---",
    "...",
    "  # xaccount: ignore[XA001, role-arn] x",
    "  <<: *a",
    "\tx: y",
    "spec: {}",
    "metadata: {name: again}",
    "  externalID: 0123",
    "  durationSeconds: \"900\"",
    "  allowedNamespaces: [a]",
];

/// A change of a line: another value, removed, doubled, or a line inserted.
#[derive(Clone, Debug)]
enum Change {
    Value(&'static str),
    Gone,
    Twice,
    Line(&'static str),
    Windows,
}

#[test]
fn texts_changed_at_random_are_linted_and_fixed() {
    let mut corpus: Vec<String> = fs::read_dir(root().join("fuzz/corpus/lint"))
        .unwrap()
        .map(|entry| String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()).into_owned())
        .collect();
    corpus.sort();
    let change = prop_oneof![
        4 => select(&VALUES[..]).prop_map(Change::Value),
        1 => Just(Change::Gone),
        1 => Just(Change::Twice),
        2 => select(&LINES[..]).prop_map(Change::Line),
        1 => Just(Change::Windows),
    ];
    let changes = proptest::collection::vec((any::<Index>(), change), 1..5);
    let result = runner(cases(1500)).run(&(select(corpus), changes), |(text, changes)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut end = "\n";
        for (at, change) in changes {
            let at = at.index(lines.len().max(1));
            let Some(line) = lines.get_mut(at) else { continue };
            match change {
                Change::Value(value) => {
                    if let Some((key, _)) = line.split_once(": ") {
                        *line = format!("{key}: {value}");
                    }
                }
                Change::Gone => drop(lines.remove(at)),
                Change::Twice => {
                    let twice = line.clone();
                    lines.insert(at, twice);
                }
                Change::Line(more) => lines.insert(at, more.to_owned()),
                Change::Windows => end = "\r\n",
            }
        }
        let text: String = lines.iter().map(|line| format!("{line}{end}")).collect();
        let judged = std::panic::catch_unwind(|| targets::lint(text.as_bytes()));
        prop_assert!(judged.is_ok(), "{text}");
        Ok(())
    });
    result.unwrap();
}
