//! The change that fixes each finding, as if it were the only one. Findings of different objects are proved together,
//! so that a list of thousands of objects is not parsed again for each of them.

use std::collections::HashMap;

use crate::output::FixedFiles;
use xaccount::diag::FileId;
use xaccount::inventory::{Inventory, ObjectId};
use xaccount::lint::{self, Applicability, Finding, FixEdit};
use xaccount::session::Session;

/// The proved change of each finding; `None` if a finding has no safe fix, or its fix can't be made. What reads SARIF
/// applies a fix with a click.
pub(super) fn each(inventory: &Inventory, findings: &[Finding], inputs: &Session) -> Vec<Option<FixedFiles>> {
    let mut out: Vec<Option<FixedFiles>> = vec![None; findings.len()];
    // In each round, no two findings are about the same object.
    let mut rounds: Vec<Vec<(usize, ObjectId)>> = Vec::new();
    let mut counts: HashMap<ObjectId, usize> = HashMap::new();
    let mut documents: HashMap<(FileId, String), Option<FixedFiles>> = HashMap::new();
    for (at, finding) in findings.iter().enumerate() {
        let safe = finding.fix.as_ref().filter(|_| finding.applicability() == Some(Applicability::Safe));
        match safe.map(|fix| &fix.change) {
            None => {}
            Some(FixEdit::Object { object, .. }) => {
                let round = counts.entry(*object).or_default();
                if *round == rounds.len() {
                    rounds.push(Vec::new());
                }
                rounds[*round].push((at, *object));
                *round += 1;
            }
            Some(FixEdit::Kustomization { .. }) => out[at] = alone(inventory, finding, inputs),
            Some(FixEdit::Document { file, object, .. }) => {
                let fixed = documents.entry((*file, object.to_string()));
                out[at] = fixed.or_insert_with(|| alone(inventory, finding, inputs)).clone();
            }
        }
    }
    for mut round in rounds {
        round.sort_by_key(|&(_, object)| object);
        together(inventory, findings, inputs, &round, &mut out);
    }
    out
}

/// Proves findings of different objects, sorted by object, at once; if that fails, in two halves.
fn together(
    inventory: &Inventory,
    findings: &[Finding],
    inputs: &Session,
    round: &[(usize, ObjectId)],
    out: &mut [Option<FixedFiles>],
) {
    match round {
        [] => {}
        &[(at, _)] => out[at] = alone(inventory, &findings[at], inputs),
        _ => match at_once(inventory, findings, inputs, round) {
            Some(all) => {
                for (&(at, _), fixed) in round.iter().zip(all) {
                    out[at] = Some(fixed);
                }
            }
            None => {
                let (one, other) = round.split_at(round.len() / 2);
                together(inventory, findings, inputs, one, out);
                together(inventory, findings, inputs, other, out);
            }
        },
    }
}

/// The change of each finding; `None` if they can't all be made, or a splice can't be attributed to one of them.
fn at_once(
    inventory: &Inventory,
    findings: &[Finding],
    inputs: &Session,
    round: &[(usize, ObjectId)],
) -> Option<Vec<FixedFiles>> {
    let outcome = lint::fixes(inventory, round.iter().map(|&(at, _)| &findings[at]));
    let proved = inputs.prove(&outcome.plans, |_, _, _| Ok(())).ok()?;
    let mut all: Vec<FixedFiles> = vec![Vec::new(); round.len()];
    let window = |place: usize| {
        let found = &inventory[round[place].1];
        (found.origin.file, found.origin.window)
    };
    for one in proved {
        for splice in one.edited().splices() {
            // Text added after an object begins where the next object begins.
            let start = (one.file(), splice.span.start);
            let before = |&(_, object): &(usize, ObjectId)| {
                let found = &inventory[object];
                (found.origin.file, found.origin.window.start) < start
            };
            let upto = round.partition_point(before);
            let place = upto.checked_sub(1)?;
            if window(place).0 != one.file() || splice.span.end > window(place).1.end {
                return None;
            }
            match all[place].last_mut() {
                Some((_, splices)) => splices.push(splice.clone()),
                None => all[place].push((one.file(), vec![splice.clone()])),
            }
        }
    }
    all.iter().all(|fixed| !fixed.is_empty()).then_some(all)
}

/// The change of one finding, if it can be made.
fn alone(inventory: &Inventory, finding: &Finding, inputs: &Session) -> Option<FixedFiles> {
    let outcome = lint::fixes(inventory, [finding]);
    let proved = inputs.prove(&outcome.plans, |_, _, _| Ok(())).ok()?;
    Some(proved.into_iter().map(|one| (one.file(), one.edited().splices().to_vec())).collect())
}
