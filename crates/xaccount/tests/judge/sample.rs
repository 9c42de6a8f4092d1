//! The committed sample: cases with the verdicts of the judges, so that a test needs no Go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compare::{Agreement, agreement, status};
use crate::completion::completed;
use crate::generate::{Case, case};
use crate::judges::{Judge, RELEASES, Verdict};
use crate::known::known;

/// Cases per release.
const SIZE: usize = 360;
/// Cases with more bytes are left to the random runs.
const BYTES: usize = 750;

/// A line of the sample.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    release: String,
    seed: u64,
    objects: Vec<Value>,
    pub(crate) verdict: Verdict,
    /// The verdict after missing objects are added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completed: Option<Verdict>,
}

impl Line {
    pub(crate) fn case(&self) -> Case {
        let (_, release) = RELEASES.into_iter().find(|(_, release)| *release == self.release).expect("a release");
        Case { release, objects: self.objects.clone() }
    }

    /// Selects the form of the files.
    pub(crate) fn form(&self) -> usize {
        usize::try_from(self.seed).unwrap()
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge/sample.jsonl")
}

/// The committed sample.
pub(crate) fn read() -> Vec<Line> {
    let text = std::fs::read_to_string(path()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Asks the judges for a new sample: as many cases of each class as of each other, the rare ones completely.
pub(crate) fn update(peers: &Path) {
    let mut text = String::new();
    for (directory, release) in RELEASES {
        let mut judge = Judge::start(peers, directory);
        let cases: Vec<Case> = (0..6_000).map(|seed| case(release, seed)).collect();
        let verdicts = judge.verdicts(&cases);
        let mut classes: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        for ((seed, case), mut verdict) in (0..).zip(cases).zip(verdicts) {
            let length: usize = case.objects.iter().map(|object| object.to_string().len()).sum();
            if length > BYTES {
                continue;
            }
            let class = class(&case, &verdict);
            let kept = classes.entry(class).or_default();
            if kept.len() < SIZE / 8 {
                let mut completed = completed(&case, &verdict, &mut judge);
                let own = status(&case, usize::try_from(seed).unwrap());
                let found = agreement(&case, &verdict, &own, || completed.clone());
                if matches!(found, Agreement::Different(_)) && known(&case, &verdict, &own).is_some() {
                    continue;
                }
                completed.iter_mut().chain([&mut verdict]).for_each(shorten);
                kept.push(Line { release: release.into(), seed, objects: case.objects, verdict, completed });
            }
        }
        for line in in_turn(classes.into_values().collect()) {
            text += &serde_json::to_string(&line).unwrap();
            text.push('\n');
        }
    }
    std::fs::write(path(), text).unwrap();
}

/// Cases of different classes differ in the verdict, or in what the manifests consist of.
fn class(case: &Case, verdict: &Verdict) -> String {
    let kind = &case.objects[0]["kind"];
    let last = verdict.chain.last().map_or("", |hop| hop.kind.as_str());
    let hops = verdict.chain.len();
    format!("{} {} {kind} {last} {hops} {}", verdict.verdict, verdict.reason, verdict.refused.len().min(2))
}

/// The first line of each class, then the second of each, and so on.
fn in_turn(mut classes: Vec<Vec<Line>>) -> Vec<Line> {
    let mut taken = Vec::new();
    while taken.len() < SIZE && classes.iter().any(|class| !class.is_empty()) {
        for class in classes.iter_mut().filter(|class| !class.is_empty()) {
            taken.push(class.remove(0));
        }
    }
    taken.truncate(SIZE);
    taken
}

/// Keeps only what a comparison uses, and the beginning of messages, for readers.
fn shorten(verdict: &mut Verdict) {
    let short = |message: &mut String| *message = message.chars().take(40).collect();
    short(&mut verdict.message);
    verdict.refused.values_mut().for_each(short);
}
