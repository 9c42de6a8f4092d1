//! Which findings of a state an older state does not have.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::Finding;
use crate::diag::{FileId, Location, RuleId, Severity};
use crate::inventory::{Inventory, Resource};

/// The findings of one of two states.
pub struct LintState<'s> {
    /// Its objects.
    pub inventory: &'s Inventory,
    /// Its findings.
    pub findings: &'s [Finding],
    /// The name of a file that is the same in both states.
    pub name: &'s dyn Fn(FileId) -> String,
    /// A hash of the document at a place.
    pub document: &'s dyn Fn(&Location) -> u64,
}

/// What two findings have in common if they are the same, wherever they are.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FindingText {
    rule: RuleId,
    /// A warning that becomes an error is new.
    severity: Severity,
    message: String,
    /// For what can't be read: its text. What a change does to it is not known.
    document: Option<u64>,
}

/// What a finding is about.
#[derive(Clone, PartialEq, Eq, Hash)]
enum FindingSubject {
    Object { group: String, kind: String, namespace: String, name: String },
    File(String),
    Nothing,
}

/// Whether each finding of the new state is new: the old state has no equal finding left to compare it with. Two findings are
/// equal if rule, severity, object and message are, or if the finding is not about an object, the file. Places are ignored, and
/// a file that has another name now is the same file.
pub fn new_findings(old: &LintState<'_>, new: &LintState<'_>) -> Vec<bool> {
    let (before, after) = (old.described(), new.described());
    let mut left: HashMap<&(FindingText, FindingSubject), usize> = HashMap::new();
    before.iter().for_each(|one| *left.entry(one).or_default() += 1);
    let mut is_new: Vec<bool> = after.iter().map(|one| !take(&mut left, one)).collect();
    // The rest of a file that is gone may be in one that has come.
    let (was, is) = (old.files(), new.files());
    let mut moved: HashMap<&FindingText, usize> = HashMap::new();
    for (one, count) in left {
        if matches!(&one.1, FindingSubject::File(name) if !is.contains(name)) {
            *moved.entry(&one.0).or_default() += count;
        }
    }
    for ((statement, subject), is_new) in after.iter().zip(&mut is_new) {
        let has_come = matches!(subject, FindingSubject::File(name) if !was.contains(name));
        if *is_new && has_come {
            *is_new = !take(&mut moved, statement);
        }
    }
    is_new
}

/// Takes one of the counted values, if there is one left.
fn take<K: Hash + Eq>(left: &mut HashMap<&K, usize>, key: &K) -> bool {
    match left.get_mut(key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

impl LintState<'_> {
    /// What each finding says, and about what.
    fn described(&self) -> Vec<(FindingText, FindingSubject)> {
        let files: HashSet<&str> = self.inventory.files().iter().map(|file| file.name.as_str()).collect();
        self.findings.iter().map(|finding| (self.statement(finding, &files), self.subject(finding))).collect()
    }

    fn statement(&self, finding: &Finding, files: &HashSet<&str>) -> FindingText {
        let diagnostic = &finding.diagnostic;
        let is_unread = matches!(finding.rule.id, RuleId::UnreadableDocument | RuleId::UncheckedTemplate);
        let at = diagnostic.primary.as_ref().map(|label| &label.at).filter(|_| is_unread);
        FindingText {
            rule: finding.rule.id,
            severity: diagnostic.severity,
            message: without_places(without_title(finding), |word| files.contains(word)),
            document: at.map(self.document),
        }
    }

    fn subject(&self, finding: &Finding) -> FindingSubject {
        let Some(at) = finding.diagnostic.primary.as_ref().map(|label| &label.at) else {
            return FindingSubject::Nothing;
        };
        // One of several objects stands for all of them.
        match finding.rule.id {
            RuleId::NotServed | RuleId::UnknownApiVersion => return FindingSubject::File((self.name)(at.file)),
            RuleId::NoControllerIdentity => return FindingSubject::Nothing,
            _ => {}
        }
        let found = self.object_at(at).and_then(|found| Some((found, found.object.name.clone()?)));
        let Some((found, name)) = found else { return FindingSubject::File((self.name)(at.file)) };
        let group = found.object.api_version.split_once('/').map_or("", |(group, _)| group);
        FindingSubject::Object {
            group: group.to_owned(),
            kind: found.object.kind.clone(),
            namespace: self.inventory.namespace_of(found).to_owned(),
            name,
        }
    }

    /// The object that contains a place.
    fn object_at(&self, at: &Location) -> Option<&Resource> {
        let start = |found: &Resource| (found.origin.file, found.origin.window.start);
        let after = self.inventory.objects().partition_point(|found| start(found) <= (at.file, at.span.start));
        let found = self.inventory.objects()[..after].last()?;
        (found.origin.file == at.file && at.span.start < found.origin.window.end).then_some(found)
    }

    /// The names of all files.
    fn files(&self) -> HashSet<String> {
        (0..self.inventory.files().len()).map(|file| (self.name)(FileId(file))).collect()
    }
}

/// The message; without the object's title, if the object stands for others of its file.
fn without_title(finding: &Finding) -> &str {
    let message = &finding.diagnostic.message;
    match finding.rule.id {
        RuleId::NotServed | RuleId::UnknownApiVersion => message.split_once(": ").map_or(message, |(_, rest)| rest),
        _ => message,
    }
}

/// A message with `FILE` for each file, and without line numbers.
fn without_places(message: &str, is_file: impl Fn(&str) -> bool) -> String {
    let is_outside = |c: char| matches!(c, '(' | ')' | ',' | ';' | ':' | '\'' | '"' | '`');
    let mut text = String::with_capacity(message.len());
    for word in message.split_inclusive(char::is_whitespace) {
        let core = word.trim_matches(|c: char| c.is_whitespace() || is_outside(c));
        let mut stem = core;
        while let Some((rest, digits)) = stem.rsplit_once(':')
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            stem = rest;
        }
        let has_ending = [".yaml", ".yml", ".json"].iter().any(|ending| stem.ends_with(ending));
        match !core.is_empty() && (is_file(stem) || has_ending) {
            true => text.push_str(&word.replacen(core, "FILE", 1)),
            false => text.push_str(word),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_not_part_of_a_message() {
        for (message, expected) in [
            ("x: a/b.yaml:12:3: no", "x: FILE: no"),
            ("x (git:HEAD~1/a.yaml:12), and Kustomization:7", "x (FILE), and FILE"),
            ("./a.yaml lists it", "FILE lists it"),
            ("arn:aws:iam::222222222222 is 7:8", "arn:aws:iam::222222222222 is 7:8"),
            ("", ""),
        ] {
            assert_eq!(without_places(message, |word| word == "Kustomization"), expected);
        }
    }
}
