//! Which findings somebody has silenced, and which silences are of no use.

use std::collections::BTreeMap;

use super::{Finding, Findings, Ignore, rule, rules::UNUSED_IGNORE, sorted};
use crate::account_map::LintIgnore;
use crate::diag::{Diagnostic, FileId, Location, RuleId, Span, escape_control};
use crate::inventory::{Inventory, Resource};

/// Takes out what the account map leaves out, and finds what leaves out nothing. `path` gives a file's path relative to the
/// map, and `map` is the map's own file.
///
/// # Errors
/// An entry that names no rule.
pub fn silence_by_map(
    findings: Vec<Finding>,
    ignores: &[LintIgnore],
    path: impl Fn(FileId) -> Option<String>,
    map: impl Fn(Span) -> Location,
) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let unknown = ignores.iter().filter(|ignore| rule(&ignore.rule.value).is_none()).map(|ignore| {
        Diagnostic::error(format!("there is no rule '{}'", escape_control(&ignore.rule.value)))
            .at(map(ignore.rule.span), "")
            .help("kubectl xaccount explain lists the rules")
    });
    let unknown: Vec<Diagnostic> = unknown.collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let mut used = vec![false; ignores.len()];
    let mut left = Findings::of(&UNUSED_IGNORE);
    left.found.extend(findings.into_iter().filter(|finding| {
        let file = finding.diagnostic.primary.as_ref().and_then(|label| path(label.at.file));
        let mut silenced = false;
        for (ignore, used) in ignores.iter().zip(&mut used) {
            let here =
                || file.as_deref().is_some_and(|file| ignore.paths.iter().any(|glob| glob.matcher.is_match(file)));
            if finding.rule.is_named(&ignore.rule.value) && (ignore.paths.is_empty() || here()) {
                (silenced, *used) = (true, true);
            }
        }
        !silenced
    }));
    for (ignore, _) in ignores.iter().zip(used).filter(|(_, used)| !used) {
        let note = Diagnostic::note(format!("lint.ignore of {} leaves out nothing", ignore.rule.value));
        left.add(note.at(map(ignore.rule.span), "").help("remove the entry"));
    }
    Ok(sorted(left.found))
}

/// The comments that silence each line, by where it begins.
type Lines = BTreeMap<usize, Vec<usize>>;

fn lines(ignores: &[Ignore]) -> Lines {
    let mut lines = Lines::new();
    for (at, ignore) in ignores.iter().enumerate() {
        lines.entry(ignore.silences.start).or_default().push(at);
    }
    lines
}

/// The object of ours that holds a line.
fn object_at(inventory: &Inventory, file: FileId, line: Span) -> Option<&Resource> {
    let behind = inventory
        .objects()
        .partition_point(|found| (found.origin.file, found.origin.window.start) <= (file, line.start));
    let found = inventory.objects()[..behind].last()?;
    let inside = found.origin.file == file && line.end <= found.origin.window.end;
    Some(found).filter(|found| inside && found.object.object_kind.is_capa())
}

/// Takes out what comments silence, and finds the comments that silence nothing. `comments` are those of the files that hold
/// objects or findings.
pub fn silence(
    inventory: &Inventory,
    findings: Vec<Finding>,
    comments: &BTreeMap<FileId, Vec<Ignore>>,
) -> Vec<Finding> {
    let mut used: BTreeMap<FileId, Vec<bool>> =
        comments.iter().map(|(&file, ignores)| (file, vec![false; ignores.len()])).collect();
    let lines: BTreeMap<FileId, Lines> = comments.iter().map(|(&file, ignores)| (file, lines(ignores))).collect();
    let mut left = Findings::of(&UNUSED_IGNORE);
    left.found.extend(findings.into_iter().filter(|finding| {
        let Some(label) = &finding.diagnostic.primary else { return true };
        let Some(ignores) = comments.get(&label.at.file) else { return true };
        let mut silenced = false;
        let start = label.at.span.start;
        let line = lines.get(&label.at.file).and_then(|lines| lines.range(..=start).next_back());
        for &at in line.into_iter().flat_map(|(_, existing)| existing) {
            let ignore = &ignores[at];
            if start <= ignore.silences.end && ignore.rules.iter().any(|named| finding.rule.is_named(named)) {
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
            let silenced = object_at(inventory, file, ignore.silences);
            let Some(found) = silenced.filter(|_| !used) else { continue };
            let inside = found.origin.window.start <= ignore.span.start && ignore.span.end <= found.origin.window.end;
            let unknown: Vec<&str> =
                ignore.rules.iter().map(String::as_str).filter(|named| rule(named).is_none()).collect();
            let what = match (unknown.is_empty(), ignore.rules.is_empty()) {
                (false, _) if inside => format!("there is no rule {}", escape_control(&unknown.join(", "))),
                // It may be text of a Secret above the object.
                (false, _) => "this comment names a rule that is none".into(),
                (true, true) => {
                    let example = RuleId::InvalidRoleArn;
                    format!("this comment names no rule: write # xaccount: ignore[{example}] and why")
                }
                (true, false) => "this comment silences nothing".into(),
            };
            let at =
                Location { window: found.location(ignore.span).window.filter(|_| inside), file, span: ignore.span };
            left.add(
                Diagnostic::note(what)
                    .at(at, "")
                    .help("remove it; it silences the line that it stands on, or the next"),
            );
        }
    }
    sorted(left.found)
}
