//! Every CAPA object that kubectl sees is read, or the run refuses.
//!
//! `objects` reports what kubectl sees: a program on kubectl's own libraries that `scripts/peers/go` builds. The
//! streams are those of the fuzz corpus, the generators, yaml-test-suite and the cases, and the files below the
//! directories of `XACCOUNT_STREAMS` (separated as in `PATH`), unchanged and changed at random.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use xaccount::capa::{self, ObjectKind, Typed};
use xaccount::diag::FileId;
use xaccount::inject;
use xaccount::inventory::{self, Inventory, ObjectId, Scan};
use xaccount::plan::Failure;

use super::forms::{self, Mutation};
use super::judge::request;
use super::manifest;
use crate::suite::{say, suite_texts};
use crate::support::{peer, root, skip, xaccount};

/// The program that reports what kubectl sees.
struct Kubectl {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// An object as kubectl sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    kind: String,
    name: String,
}

impl Kubectl {
    fn start(program: &Path) -> Self {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    fn ask(&mut self, text: &[u8]) -> Value {
        self.stdin.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).unwrap();
        self.stdin.write_all(text).unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// The CAPA objects in a text.
    fn is_capa(&mut self, text: &[u8]) -> Vec<Seen> {
        let answer = self.ask(text);
        let objects = answer["objects"].as_array().unwrap().iter();
        let is_capa = objects.filter(|object| {
            let text = |key: &str| object[key].as_str().unwrap();
            match capa::classify(text("apiVersion"), text("kind")) {
                Typed::Foreign | Typed::Class => false,
                Typed::Cluster => object["topology"] == true,
                Typed::ReferencingKind(..) | Typed::Identity(..) | Typed::Refused(_) => true,
            }
        });
        let seen = |object: &Value| Seen {
            kind: object["kind"].as_str().unwrap().to_owned(),
            name: folded(object["name"].as_str().unwrap()),
        };
        is_capa.map(seen).collect()
    }
}

impl Drop for Kubectl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A name as kubectl reads it if it is quoted and contains a line break of YAML 1.1 alone. No object can have such a
/// name.
fn folded(name: &str) -> String {
    name.replace(['\u{85}', '\u{2028}', '\u{2029}'], " ")
}

/// The CAPA objects that `inject` accounts for; `None` if it refuses.
fn accounted(text: &[u8]) -> Option<Vec<Seen>> {
    let needles = capa::needles();
    let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    let scanned = inventory::scan(FileId(0), text, &options).ok()?;
    let file = inventory::File {
        name: "in.yaml".into(),
        is_json_for_kubectl: scanned.is_json_for_kubectl,
        json_list: scanned.json_list,
        identities_only: false,
    };
    let (run, _) = Inventory::new(vec![file], scanned.objects).without_nameless();
    let outcome = match inject::plan(&run, &request(true)) {
        Ok(outcome) => outcome,
        Err(Failure::EmptySelection(_)) => xaccount::plan::Outcome::nothing(&run, &request(true).selection),
        Err(Failure::Refused(_)) => return None,
    };
    let changed = outcome.changes.iter().filter_map(|change| change.object);
    let pointed: Vec<ObjectId> = changed.chain(outcome.unchanged.iter().copied()).collect();
    let seen = run.entries().filter(|(index, found)| match &found.object.object_kind {
        ObjectKind::Referencing { .. } => pointed.contains(index),
        ObjectKind::Cluster { .. } | ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..) => {
            true
        }
        _ => false,
    });
    let seen = seen.map(|(_, found)| Seen {
        kind: found.object.kind.clone(),
        name: folded(found.object.name.as_deref().unwrap_or_default()),
    });
    let name = |name: &Option<String>| folded(name.as_deref().unwrap_or_default());
    let skipped =
        outcome.skipped.iter().filter_map(|one| Some(Seen { kind: one.kind.clone()?, name: name(&one.name) }));
    // An identity without a name is not in a report; a warning reports that it is skipped.
    let aside = run.set_aside_objects().iter().map(|one| &one.found).filter(|found| !found.can_be_pointed());
    let aside = aside.map(|found| Seen { kind: found.object.kind.clone(), name: name(&found.object.name) });
    Some(seen.chain(skipped).chain(aside).collect())
}

/// The objects that kubectl sees and we don't.
fn missed(kubectl: &mut Kubectl, text: &[u8]) -> Vec<Seen> {
    let seen = kubectl.is_capa(text);
    if seen.is_empty() {
        return seen;
    }
    let Some(accounted) = accounted(text) else { return Vec::new() };
    let mut left: BTreeMap<Seen, usize> = BTreeMap::new();
    accounted.into_iter().for_each(|seen| *left.entry(seen).or_default() += 1);
    let mut take = |seen: &Seen| match left.get_mut(seen) {
        Some(count @ 1..) => {
            *count -= 1;
            true
        }
        _ => false,
    };
    // If the name is a duplicate key, we read no name.
    let nameless = |seen: &Seen| Seen { name: String::new(), ..seen.clone() };
    seen.into_iter().filter(|seen| !take(seen) && !take(&nameless(seen))).collect()
}

/// The same text, made smaller as long as an object is missed.
fn smallest(kubectl: &mut Kubectl, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let mut size = text.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < text.len() {
            let end = (at + size).min(text.len());
            let without = [&text[..at], &text[end..]].concat();
            match missed(kubectl, &without).is_empty() {
                true => at = end,
                false => text = without,
            }
        }
        size /= 2;
    }
    text
}

/// The number of streams, and of those in which kubectl sees a CAPA object.
#[derive(Default)]
struct Count {
    streams: usize,
    is_capa: usize,
    refused: usize,
}

struct Hunt {
    kubectl: Kubectl,
    count: Count,
    failures: Vec<String>,
}

impl Hunt {
    fn look(&mut self, name: &str, text: &[u8]) {
        self.count.streams += 1;
        let seen = !self.kubectl.is_capa(text).is_empty();
        self.count.is_capa += usize::from(seen);
        self.count.refused += usize::from(seen && accounted(text).is_none());
        if self.failures.len() < 20 && !missed(&mut self.kubectl, text).is_empty() {
            let small = smallest(&mut self.kubectl, text);
            let why = missed(&mut self.kubectl, &small);
            self.failures
                .push(format!("{name}: {why:?} in\n{}", small.escape_ascii().to_string().replace("\\n", "\\n\n")));
        }
    }
}

/// All files below a directory.
fn below(directory: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => below(&path, out),
            false => out.push(path),
        }
    }
}

/// The streams to begin with: the fuzz corpus, the cases, the files named in the environment.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let own = [
        "fuzz/corpus/edit",
        "fuzz/corpus/lint",
        "fuzz/corpus/prefilter",
        "fuzz/corpus/splitter",
        "tests/cases",
        "testdata",
    ];
    own.iter().for_each(|directory| below(&root().join(directory), &mut files));
    let more = std::env::var_os("XACCOUNT_STREAMS").unwrap_or_default();
    std::env::split_paths(&more).filter(|path| path.is_dir()).for_each(|path| below(&path, &mut files));
    let small = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.len() < 64 << 10);
    let named = |path: PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    files.into_iter().filter(small).map(named).collect()
}

/// A foreign text around, before and after a cluster.
fn with_cluster(text: &str, how: usize) -> String {
    let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: \"AWSClu\\x73ter\"\n";
    match how {
        0 => format!("{head}spec:\n  {}\n", text.replace('\n', "\n  ")),
        1 => format!("{head}{text}"),
        2 => format!("{text}\n---\n{head}"),
        _ => format!("{text}{}{head}", if text.ends_with('\n') { "" } else { "\n" }),
    }
}

#[test]
fn what_kubectl_sees_is_read_or_refused() {
    let Some(program) = peer("objects") else { return skip("what_kubectl_sees_is_read_or_refused", "no objects") };
    let cases = super::cases(2_000) as usize;
    let mut hunt = Hunt { kubectl: Kubectl::start(&program), count: Count::default(), failures: Vec::new() };
    let asked = std::env::var("XACCOUNT_SEED").ok().and_then(|text| text.parse::<u8>().ok());
    let random = match asked {
        Some(seed) => TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
        None => TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    };
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut seeds = seeds();
    for (name, text) in &seeds {
        hunt.look(name, text);
    }
    match suite_texts() {
        Ok(texts) => {
            for (id, text) in texts {
                for how in 0..4 {
                    let text = with_cluster(&text, how);
                    hunt.look(&id, text.as_bytes());
                    seeds.push((id.clone(), text.into_bytes()));
                }
            }
        }
        Err(why) => say(&format!("properties: seen by kubectl: without yaml-test-suite: {why}")),
    }
    let (generated, hostile) = (manifest::streams(), forms::streams());
    let chosen = (any::<proptest::sample::Index>(), forms::mutations());
    let mut draw =
        |name: &str, text: Vec<u8>, mutations: &[Mutation]| hunt.look(name, &forms::mutate(&text, mutations));
    for number in 0..cases {
        let (which, mutations) = chosen.new_tree(&mut runner).unwrap().current();
        match number % 4 {
            0 => {
                let text = generated.new_tree(&mut runner).unwrap().current().write();
                draw("generated", text.into_bytes(), &mutations);
            }
            1 => {
                let (name, text) = &seeds[which.index(seeds.len())];
                draw(name, text.clone(), &mutations);
            }
            _ => {
                let text = hostile.new_tree(&mut runner).unwrap().current();
                draw("hostile", text, if number % 8 < 4 { &[] } else { &mutations });
            }
        }
    }
    let Count { streams, is_capa, refused } = hunt.count;
    say(&format!(
        "properties: seen by kubectl: {streams} streams, {is_capa} with CAPA objects, {refused} of them refused"
    ));
    let failures = &hunt.failures;
    assert!(
        failures.is_empty(),
        "{} streams contain objects that are missed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    assert!(is_capa * 10 > streams, "only {is_capa} of {streams} streams contain a CAPA object");
    assert!(refused < is_capa, "every such stream is refused");
}

/// The peer is compared with kubectl itself, on what both can read.
#[test]
fn the_peer_sees_what_kubectl_prints() {
    let test = "the_peer_sees_what_kubectl_prints";
    let (Some(program), Some(kubectl)) = (peer("objects"), peer("kubectl")) else { return skip(test, "no kubectl") };
    let mut peer = Kubectl::start(&program);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("in.yaml");
    let mut runner = TestRunner::deterministic();
    let hostile = forms::streams();
    let mut same = 0;
    for _ in 0..super::cases(60).min(400) {
        let text = hostile.new_tree(&mut runner).unwrap().current();
        fs::write(&file, &text).unwrap();
        let out = Command::new(&kubectl)
            .args(["label", "--local", "-f", "in.yaml", "x=y"])
            .args(["-o", "jsonpath={.apiVersion} {.kind} {.metadata.name}{'\\n'}"])
            .current_dir(directory.path())
            .env("HOME", directory.path())
            .output()
            .unwrap();
        let answer = peer.ask(&text);
        // kubectl does not accept items without an apiVersion, and prints an invalid one as it is.
        let whole = |line: &String| line.starts_with("v1 ") || line.split(' ').next().unwrap().contains('/');
        let text_of = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
        let line = |object: &Value| {
            format!("{} {} {}", text_of(object, "apiVersion"), text_of(object, "kind"), text_of(object, "name"))
        };
        let objects = answer["objects"].as_array().unwrap().iter().filter(|object| object["kind"] != "");
        let seen: Vec<String> = objects.map(line).filter(whole).collect();
        let printed: Vec<String> =
            String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).filter(whole).collect();
        assert_eq!(seen, printed, "{}\n{}", text.escape_ascii(), String::from_utf8_lossy(&out.stderr));
        same += usize::from(!printed.is_empty());
    }
    assert!(same > 5, "kubectl reads only {same} of the streams");
}

/// The program itself, on some of the streams: `-o report` names each object, or the run ends with 2.
#[test]
fn the_report_names_what_kubectl_sees() {
    let Some(program) = peer("objects") else { return skip("the_report_names_what_kubectl_sees", "no objects") };
    let mut kubectl = Kubectl::start(&program);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("in.yaml");
    let mut runner = TestRunner::deterministic();
    let hostile = forms::streams();
    let mut named = 0;
    for number in 0..super::cases(120).min(2_000) {
        let text = match number % 2 {
            0 => manifest::streams().new_tree(&mut runner).unwrap().current().write().into_bytes(),
            _ => hostile.new_tree(&mut runner).unwrap().current(),
        };
        let seen = kubectl.is_capa(&text);
        fs::write(&file, &text).unwrap();
        let out = xaccount()
            .current_dir(directory.path())
            .args(["inject", "in.yaml", "--account", super::ACCOUNT, "--no-config", "--allow-empty", "-o", "report"])
            .args(["--identity-file", "identities.yaml"])
            .output()
            .unwrap();
        if out.status.code() == Some(2) {
            continue;
        }
        assert_eq!(out.status.code(), Some(0), "{}", text.escape_ascii());
        let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        let entries = |list: &str| report[list].as_array().cloned().unwrap_or_default();
        let objects =
            [entries("changes"), entries("unchanged")].concat().into_iter().map(|entry| entry["object"].clone());
        let names: Vec<(Value, Value)> =
            objects.chain(entries("skipped")).map(|object| (object["kind"].clone(), object["name"].clone())).collect();
        // Identities that nothing here needs are not in a report.
        for seen in seen.iter().filter(|seen| capa::REFERENCING_KINDS.iter().any(|bearer| bearer.kind == seen.kind)) {
            let name = if seen.name.is_empty() { Value::Null } else { seen.name.clone().into() };
            // If the name is a duplicate key, we read no name.
            let known = [name, Value::Null].into_iter().any(|name| names.contains(&(seen.kind.clone().into(), name)));
            assert!(known, "{seen:?} of\n{}", text.escape_ascii());
            named += 1;
        }
    }
    assert!(named > 5, "only {named} objects are in a report");
}
