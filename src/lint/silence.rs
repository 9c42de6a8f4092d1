//! Which findings somebody has silenced, and which silences are of no use.

use std::collections::BTreeMap;

use super::{Finding, Findings, Ignore, rule, rules::UNUSED_IGNORE};
use crate::diag::{Diagnostic, FileId, Location};
use crate::run::Run;

/// Takes out what comments silence, and finds the comments that silence nothing. `comments` are those of the files that hold
/// objects or findings.
pub fn silence(run: &Run, findings: Vec<Finding>, comments: &BTreeMap<FileId, Vec<Ignore>>) -> Vec<Finding> {
    let mut used: BTreeMap<FileId, Vec<bool>> =
        comments.iter().map(|(&file, ignores)| (file, vec![false; ignores.len()])).collect();
    let mut left = Findings::of(&UNUSED_IGNORE);
    left.found.extend(findings.into_iter().filter(|finding| {
        let Some(label) = &finding.diagnostic.primary else { return true };
        let Some(ignores) = comments.get(&label.at.file) else { return true };
        let mut silenced = false;
        for (at, ignore) in ignores.iter().enumerate() {
            let line = ignore.silences;
            let there = line.start <= label.at.span.start && label.at.span.start <= line.end;
            if there && ignore.rules.iter().any(|named| finding.rule.is_named(named)) {
                silenced = true;
                if let Some(used) = used.get_mut(&label.at.file) {
                    used[at] = true;
                }
            }
        }
        !silenced
    }));
    for (&file, ignores) in comments {
        for (ignore, used) in ignores.iter().zip(&used[&file]) {
            // A text in somebody else's document is none of ours.
            let ours = run.objects().iter().find(|found| {
                let inside = found.window.start <= ignore.silences.start && ignore.silences.end <= found.window.end;
                found.file == file && inside && found.object.role.is_ours()
            });
            let Some(found) = ours.filter(|_| !used) else { continue };
            let unknown: Vec<&str> =
                ignore.rules.iter().map(String::as_str).filter(|named| rule(named).is_none()).collect();
            let what = match (unknown.is_empty(), ignore.rules.is_empty()) {
                (false, _) => format!("there is no rule {}", unknown.join(", ")),
                (true, true) => "this comment names no rule".into(),
                (true, false) => "this comment silences nothing".into(),
            };
            let inside = found.window.start <= ignore.span.start && ignore.span.end <= found.window.end;
            let at =
                Location { window: found.location(ignore.span).window.filter(|_| inside), file, span: ignore.span };
            left.add(
                Diagnostic::note(what)
                    .at(at, "")
                    .help("remove it; it silences the line that it stands on, or the next"),
            );
        }
    }
    left.sorted()
}
