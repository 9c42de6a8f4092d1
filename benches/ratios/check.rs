//! Checks that the tool's output is the input with the planned edits, and nothing else.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// How many references `new` has more than `old`, and whether it ends with an identity; panics on any other difference.
/// Reads line by line, so that this process stays small.
pub(crate) fn edits(old: &Path, new: &Path) -> (usize, bool) {
    let lines = |path: &Path| BufReader::new(File::open(path).unwrap()).lines().map(Result::unwrap);
    let (mut news, mut edits) = (lines(new), 0);
    for line in lines(old) {
        let mut there = news.next().unwrap();
        if there != line && there.trim_start() == "identityRef:" {
            assert_eq!(news.next().unwrap().trim_start(), "kind: AWSClusterRoleIdentity");
            assert_eq!(news.next().unwrap().trim_start(), "name: cross-account-role-222222222222");
            edits += 1;
            there = news.next().unwrap();
        }
        assert_eq!(there, line, "{} differs from {}", new.display(), old.display());
    }
    let rest: Vec<String> = news.collect();
    let identity = rest.iter().any(|line| line == "kind: AWSClusterRoleIdentity");
    assert_eq!(rest.len(), if identity { 11 } else { 0 }, "{}: {rest:?}", new.display());
    (edits, identity)
}
