//! `docs/comparison.md`: its table is what `scripts/compare` prints.

use std::process::Command;

use crate::readme;
use crate::support::{peer, root, skip, target};

/// Runs the script with the peers of the target directory.
fn table() -> String {
    let mut script = Command::new(root().join("scripts/compare"));
    script.env("CARGO_TARGET_DIR", target()).env("KUBECTL_XACCOUNT", env!("CARGO_BIN_EXE_kubectl-xaccount"));
    let out = script.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// The rows of a table: label and cells.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().skip_while(|line| !line.starts_with("| Case |"));
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_figures_of_the_comparison_are_measured() {
    let page = readme::read("docs/comparison.md");
    let table = table();
    let (shown, measured) = (rows(&page), rows(&table));
    assert_eq!(shown.len(), measured.len(), "{table}");
    let mut why = None;
    for (column, head) in shown[0].iter().enumerate() {
        let cells = |rows: &[Vec<&str>]| rows.iter().map(|row| row[column].to_owned()).collect::<Vec<_>>();
        let (shown, measured) = (cells(&shown), cells(&measured));
        let tool = head.split('`').nth(1).unwrap_or(head);
        // The second row is the line below the heads, the third one has the versions.
        if measured[2] == "not measured" {
            why.get_or_insert(format!("no {tool}"));
        } else if measured[2] != shown[2] {
            why.get_or_insert(format!("{tool} {} instead of {}", measured[2], shown[2]));
        } else {
            assert_eq!(shown, measured, "docs/comparison.md: {tool}");
        }
    }
    if let Some(why) = why {
        skip("the_figures_of_the_comparison_are_measured", &why);
    }
}

#[test]
fn shellcheck_finds_nothing_in_the_script() {
    let Some(shellcheck) = peer("shellcheck") else {
        return skip("shellcheck_finds_nothing_in_the_script", "no shellcheck");
    };
    let out = Command::new(shellcheck).arg(root().join("scripts/compare")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}
