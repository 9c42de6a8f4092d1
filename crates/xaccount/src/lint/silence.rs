//! Silences findings, and reports comments and map entries that silence nothing.

use std::collections::BTreeMap;

use super::{Finding, Findings, Ignore, rule, rules::UNUSED_IGNORE, sorted};
use crate::account_map::LintIgnore;
use crate::diag::{Diagnostic, FileId, Location, RuleId, Span, escape_control};
use crate::inventory::{Inventory, Resource};

/// Removes the findings that `lint.ignore` of the account map silences, and adds one for each entry that silences
/// nothing. `path` returns a file's path relative to the map, and `map` a location in the map's own file.
///
/// # Errors
/// An entry names an unknown rule.
pub fn silence_by_map(
    findings: Vec<Finding>,
    ignores: &[LintIgnore],
    path: impl Fn(FileId) -> Option<String>,
    map: impl Fn(Span) -> Location,
) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let unknown = ignores.iter().filter(|ignore| rule(&ignore.rule.value).is_none()).map(|ignore| {
        Diagnostic::error(format!("unknown rule '{}'", escape_control(&ignore.rule.value)))
            .at(map(ignore.rule.span), "")
            .help("to list the rules: kubectl xaccount explain")
    });
    let unknown: Vec<Diagnostic> = unknown.collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let mut used = vec![false; ignores.len()];
    let mut kept = Findings::of(&UNUSED_IGNORE);
    kept.found.extend(findings.into_iter().filter(|finding| {
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
        let note = Diagnostic::note(format!("the lint.ignore entry for {} silences nothing", ignore.rule.value));
        kept.add(note.at(map(ignore.rule.span), "").help("remove the entry"));
    }
    Ok(sorted(kept.found))
}

/// Indices of the comments that silence each line, by the line's start.
type Lines = BTreeMap<usize, Vec<usize>>;

fn lines(ignores: &[Ignore]) -> Lines {
    let mut lines = Lines::new();
    for (at, ignore) in ignores.iter().enumerate() {
        lines.entry(ignore.silences.start).or_default().push(at);
    }
    lines
}

/// The CAPA object that contains a line.
fn object_at(inventory: &Inventory, file: FileId, line: Span) -> Option<&Resource> {
    let after = inventory
        .objects()
        .partition_point(|found| (found.origin.file, found.origin.window.start) <= (file, line.start));
    let found = inventory.objects()[..after].last()?;
    let inside = found.origin.file == file && line.end <= found.origin.window.end;
    Some(found).filter(|found| inside && found.object.object_kind.is_capa())
}

/// Removes the findings that comments silence, and adds one for each comment that silences nothing. `comments` are
/// those of the files with objects or findings.
pub fn silence(
    inventory: &Inventory,
    findings: Vec<Finding>,
    comments: &BTreeMap<FileId, Vec<Ignore>>,
) -> Vec<Finding> {
    let mut used: BTreeMap<FileId, Vec<bool>> =
        comments.iter().map(|(&file, ignores)| (file, vec![false; ignores.len()])).collect();
    let lines: BTreeMap<FileId, Lines> = comments.iter().map(|(&file, ignores)| (file, lines(ignores))).collect();
    let mut kept = Findings::of(&UNUSED_IGNORE);
    kept.found.extend(findings.into_iter().filter(|finding| {
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
            // Comments outside of CAPA objects are not reported.
            let silenced = object_at(inventory, file, ignore.silences);
            let Some(found) = silenced.filter(|_| !used) else { continue };
            let inside = found.origin.window.start <= ignore.span.start && ignore.span.end <= found.origin.window.end;
            let unknown: Vec<&str> =
                ignore.rules.iter().map(String::as_str).filter(|named| rule(named).is_none()).collect();
            let what = match (unknown.is_empty(), ignore.rules.is_empty()) {
                (false, _) if inside => format!("unknown rule {}", escape_control(&unknown.join(", "))),
                // The comment may be part of a Secret above the object: don't show its text.
                (false, _) => "this comment names an unknown rule".into(),
                (true, true) => {
                    let example = RuleId::InvalidRoleArn;
                    format!("this comment names no rule: write # xaccount: ignore[{example}] REASON")
                }
                (true, false) => "this comment silences nothing".into(),
            };
            let at =
                Location { window: found.location(ignore.span).window.filter(|_| inside), file, span: ignore.span };
            kept.add(
                Diagnostic::note(what)
                    .at(at, "")
                    .help("remove it; a comment silences its own line, or the next one if it is alone on its line"),
            );
        }
    }
    sorted(kept.found)
}
