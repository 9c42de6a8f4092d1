//! The comparison of random cases, on demand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use crate::compare::{Agreement, Status, agreement, status};
use crate::completion::completed;
use crate::findings;
use crate::generate::{Case, case};
use crate::judges::{Judge, RELEASES, Verdict};
use crate::known::known;

/// Cases that are passed to a judge at once.
const CHUNK: usize = 2000;
/// Differences that are printed in full, per reason.
const SHOWN: usize = 3;

/// What was counted.
#[derive(Default)]
struct Counts {
    /// Whether known differences count like others.
    all: bool,
    cases: usize,
    unknown: usize,
    /// By what is known, and the difference.
    known: BTreeMap<(&'static str, &'static str), usize>,
    different: BTreeMap<&'static str, Vec<String>>,
    /// Cases and equal verdicts, by the judge's verdict.
    verdicts: BTreeMap<String, (usize, usize)>,
}

/// Compares this many cases, spread over the releases, and prints the counts and the first differences.
pub(crate) fn compare(peers: &Path, cases: u64, seed: u64) -> ExitCode {
    let mut differs = false;
    for (index, (directory, release)) in (0..3).zip(RELEASES) {
        let share = cases / 3 + u64::from(index < cases % 3);
        let start = Instant::now();
        let mut judge = Judge::start(peers, directory);
        let mut counts = Counts { all: std::env::var_os("JUDGE_ALL").is_some(), ..Counts::default() };
        let seeds: Vec<u64> = (seed..seed + share).collect();
        for seeds in seeds.chunks(CHUNK) {
            counts.add(release, seeds, &mut judge);
        }
        counts.print(release, start.elapsed().as_secs_f64());
        differs |= !counts.different.is_empty();
    }
    if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Counts {
    fn add(&mut self, release: &'static str, seeds: &[u64], judge: &mut Judge) {
        let cases: Vec<Case> = seeds.iter().map(|&seed| case(release, seed)).collect();
        let verdicts = judge.verdicts(&cases);
        for (((&seed, case), verdict), own) in seeds.iter().zip(&cases).zip(&verdicts).zip(statuses(seeds, &cases)) {
            self.cases += 1;
            for why in findings::differences(case, verdict) {
                let text = format!("seed {seed}: {}", shown(case, verdict, &own, why));
                self.different.entry(why).or_default().push(text);
            }
            let counted = self.verdicts.entry(format!("{} {}", verdict.verdict, verdict.reason)).or_default();
            counted.0 += 1;
            match agreement(case, verdict, &own, || completed(case, verdict, judge)) {
                Agreement::Same => counted.1 += 1,
                Agreement::HonestUnknown => self.unknown += 1,
                Agreement::Different(why) => match known(case, verdict, &own).filter(|_| !self.all) {
                    Some(known) => *self.known.entry((known, why)).or_default() += 1,
                    None => {
                        let text = format!("seed {seed}: {}", shown(case, verdict, &own, why));
                        self.different.entry(why).or_default().push(text);
                    }
                },
            }
        }
    }

    fn print(&self, release: &str, seconds: f64) {
        let same: usize = self.verdicts.values().map(|(_, same)| same).sum();
        let different: usize = self.different.values().map(Vec::len).sum();
        let known: usize = self.known.values().sum();
        println!(
            "CAPA {release}: {} cases, {same} same, {} honest unknown, {known} known, {different} different, {seconds:.1} s",
            self.cases, self.unknown
        );
        for (verdict, (cases, same)) in &self.verdicts {
            println!("  {verdict}: {cases} cases, {same} same");
        }
        for ((known, why), number) in &self.known {
            println!("  known: {number}: {known}: {why}");
        }
        for (why, texts) in &self.different {
            println!("  different: {}: {why}", texts.len());
        }
        for texts in self.different.values() {
            // The shortest say most.
            let mut texts: Vec<&String> = texts.iter().collect();
            texts.sort_by_key(|text| text.len());
            for text in texts.iter().take(SHOWN) {
                println!("\n{text}");
            }
        }
    }
}

/// What `status` says about each case.
fn statuses(seeds: &[u64], cases: &[Case]) -> Vec<Status> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = cases.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let one = |(&seed, case): (&u64, &Case)| status(case, usize::try_from(seed).unwrap());
        let parts = seeds.chunks(size).zip(cases.chunks(size));
        let running: Vec<_> = parts
            .map(|(seeds, cases)| scope.spawn(move || seeds.iter().zip(cases).map(one).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// A difference in full: the objects, what the judge answers, and what `status` says.
pub(crate) fn shown(case: &Case, judge: &Verdict, own: &Status, why: &str) -> String {
    let objects: Vec<String> = case.objects.iter().map(|object| format!("  {object}\n")).collect();
    let refused: Vec<String> = judge.refused.iter().map(|(at, why)| format!("  refused {at}: {why}\n")).collect();
    let judge_chain = serde_json::to_string(&judge.chain).unwrap();
    let own_chain = serde_json::to_string(&own.chain).unwrap();
    format!(
        "{why} (CAPA {})\n{}judge: {} {} {}\n  {judge_chain}\n{}status: {} {} {}\n  {own_chain}\n",
        case.release,
        objects.concat(),
        judge.verdict,
        judge.reason,
        judge.message,
        refused.concat(),
        own.outcome.name(),
        own.reason.map_or("", |reason| reason.name()),
        own.message,
    )
}
