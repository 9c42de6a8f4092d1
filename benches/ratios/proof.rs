//! The cost of the proof, measured through the library.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use lossless_yaml::{Document, ObjectRef, Plan, Source, apply, documents, parse};
use rustix::time::{ClockId, clock_gettime};

use crate::measure::milliseconds;

/// Wall time, and CPU time of all threads.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration, Duration) {
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let (start, before) = (Instant::now(), cpu());
    let result = work();
    (result, start.elapsed(), cpu() - before)
}

/// The table's line about the proof. `whole` is the CPU time of the tool's whole run with `--write`.
pub(crate) fn share(bundle: &Path, whole: Duration) -> String {
    let (bytes, ..) = timed(|| fs::read(bundle).unwrap());
    let source = Source::new(&bytes);
    let needles = xaccount::capa::needles();
    let (candidates, _, split) = timed(|| documents(&source, &needles));
    let (_, _, parsed) = timed(|| candidates.iter().for_each(|one| drop(black_box(parse(one).unwrap()))));
    let edited: Vec<&Document<'_>> =
        candidates.iter().filter(|one| memchr::memmem::find(one.bytes, b"\nkind: AWSCluster\n").is_some()).collect();
    let (_, _, once) = timed(|| edited.iter().for_each(|one| drop(black_box(parse(one).unwrap()))));
    let value = serde_json::json!({"kind": "AWSClusterRoleIdentity", "name": "cross-account-role-222222222222"});
    let change = |document: &&Document<'_>| {
        let path = PointerBuf::parse("/spec/identityRef").unwrap();
        let add = PatchOperation::Add(AddOperation { path, value: value.clone() });
        (ObjectRef { document: document.span, base: PointerBuf::new() }, vec![add].into())
    };
    let plan = Plan { changes: edited.iter().map(change).collect(), ..Plan::default() };
    let (result, wall, proved) = timed(|| apply(&source, &plan).unwrap());
    assert_eq!(result.splices().len(), edited.len());
    let proof = proved.saturating_sub(once);
    format!(
        "Proof: apply() of {} edits takes {} CPU ({} wall), parsing the same documents once {}; the difference (splices, \
         second parse, form, second reader twice, patch) is {}, {:.0} % of the {} CPU of the whole `--write` run. Besides: \
         cutting and filtering {} CPU, parsing all {} candidates once {}.",
        edited.len(),
        milliseconds(proved),
        milliseconds(wall),
        milliseconds(once),
        milliseconds(proof),
        proof.as_secs_f64() / whole.as_secs_f64() * 100.0,
        milliseconds(whole),
        milliseconds(split),
        candidates.len(),
        milliseconds(parsed),
    )
}
