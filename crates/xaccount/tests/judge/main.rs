//! `status` next to CAPA's own code. The judges of `tests/judge` at the root answer what a release of CAPA does with random
//! manifests; `status` must say the same.
//!
//! As a test, this checks the committed sample, without the judges. With `JUDGES`, the directory of the peers, it compares
//! `JUDGE_CASES` random cases, from the seed `JUDGE_SEED` on; with `UPDATE_JUDGE_SAMPLE=1` it writes a new sample.
//! `scripts/judge` builds the judges and does both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod compare;
mod completion;
mod findings;
mod generate;
mod judges;
mod known;
mod random;
mod run;
mod sample;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use compare::{Agreement, agreement, status};
use judges::{Hop, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};
use xaccount::capa::Reason;

fn main() -> ExitCode {
    let Some(peers) = env::var_os("JUDGES").map(PathBuf::from) else {
        let tests = vec![
            Trial::test("the_sample_agrees", the_sample_agrees),
            Trial::test("lint_finds_what_is_refused", lint_finds_what_is_refused),
            Trial::test("a_changed_verdict_differs", a_changed_verdict_differs),
            Trial::test("the_same_seed_is_the_same_case", the_same_seed_is_the_same_case),
        ];
        return libtest_mimic::run(&Arguments::from_args(), tests).exit_code();
    };
    if env::var_os("UPDATE_JUDGE_SAMPLE").is_some() {
        sample::update(&peers);
        return ExitCode::SUCCESS;
    }
    let number = |name: &str, default| match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    };
    run::compare(&peers, number("JUDGE_CASES", 100_000), number("JUDGE_SEED", 1_000_000))
}

fn the_sample_agrees() -> Result<(), Failed> {
    let lines = sample::read();
    let mut differences = Vec::new();
    for line in &lines {
        let case = line.case();
        let own = status(&case, line.form());
        if let Agreement::Different(why) = agreement(&case, &line.verdict, &own, || line.completed.clone()) {
            differences.push(run::shown(&case, &line.verdict, &own, why));
        }
    }
    if !(1001..2000).contains(&lines.len()) {
        return Err(format!("{} cases in the sample", lines.len()).into());
    }
    match differences.len() {
        0 => Ok(()),
        number => {
            differences.truncate(5);
            Err(format!("{number} of {} cases differ:\n\n{}", lines.len(), differences.join("\n")).into())
        }
    }
}

/// `lint` has an error for each identity that is refused, and none that says so without a reason.
fn lint_finds_what_is_refused() -> Result<(), Failed> {
    let mut refused = 0;
    for line in sample::read() {
        let case = line.case();
        refused += line.verdict.refused.len();
        if let Some(why) = findings::differences(&case, &line.verdict).first() {
            return Err(run::shown(&case, &line.verdict, &status(&case, line.form()), why).into());
        }
    }
    if refused > 300 { Ok(()) } else { Err(format!("only {refused} objects are refused").into()) }
}

/// A comparison that accepts everything would not find a wrong verdict.
fn a_changed_verdict_differs() -> Result<(), Failed> {
    let mut changes = 0;
    for line in sample::read() {
        let case = line.case();
        let own = status(&case, line.form());
        // What is unknown, or refused by STS alone, is right for several verdicts.
        let is_same = line.verdict.verdict == own.outcome.name() && own.reason != Some(Reason::AssumeRoleRefused);
        for changed in is_same.then(|| changed(&line.verdict)).into_iter().flatten() {
            changes += 1;
            if !matches!(agreement(&case, &changed, &own, || None), Agreement::Different(_)) {
                return Err(run::shown(&case, &changed, &own, "accepted with a changed verdict").into());
            }
        }
    }
    match changes {
        1000.. => Ok(()),
        _ => Err(format!("only {changes} changes were compared").into()),
    }
}

/// Wrong verdicts: other outcomes, and other requests to STS.
fn changed(verdict: &Verdict) -> Vec<Verdict> {
    let others = ["permitted", "denied", "crash"].into_iter().filter(|other| verdict.verdict != *other);
    let mut changed: Vec<Verdict> =
        others.map(|other| Verdict { verdict: other.into(), reason: String::new(), ..verdict.clone() }).collect();
    let fields: [fn(&mut Hop); 5] = [
        |hop| hop.name.push('x'),
        |hop| hop.role_arn = Some("arn:aws:iam::444444444444:role/capa".into()),
        |hop| hop.session_name = Some("another".into()),
        |hop| hop.external_id = Some("another".into()),
        |hop| hop.duration_seconds = Some(1000),
    ];
    if verdict.verdict == "permitted" {
        changed.extend((0..verdict.chain.len()).flat_map(|at| fields.map(|change| (at, change))).map(
            |(at, change)| {
                let mut other = verdict.clone();
                change(&mut other.chain[at]);
                other
            },
        ));
    }
    changed
}

fn the_same_seed_is_the_same_case() -> Result<(), Failed> {
    let case = |seed| generate::case("v2.13.0", seed);
    match (0..500).all(|seed| case(seed) == case(seed)) && case(1) != case(2) {
        true => Ok(()),
        false => Err("cases are not reproducible".into()),
    }
}
