//! The engine and `inject` on generated manifests: whatever the text looks like, the result is right, or the run is
//! refused.
//!
//! `XACCOUNT_CASES=N` runs N cases of each property instead of a few hundred. Other parsers (see `suite/oracle.rs`) and
//! an independent cut into documents decide what is right.

mod eject;
mod fleet;
mod forms;
mod join;
mod judge;
mod life;
mod lint;
mod manifest;
mod once;
mod remove;
mod running;
mod seen;
mod text;
mod threads;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};

use lossless_yaml::Source;

use self::judge::{Ran, idempotent, inject, right, shown};
use self::manifest::{Stream, streams};
use crate::suite::say;
use crate::support::xaccount;

const ACCOUNT: &str = "222222222222";
const KIND: &str = "AWSClusterRoleIdentity";
const NAME: &str = "cross-account-role-222222222222";

/// The generated kinds, and the path of their reference.
const REFERENCING_KINDS: [(&str, &str, &[&str]); 3] = [
    ("infrastructure.cluster.x-k8s.io/v1beta2", "AWSCluster", &["spec", "identityRef"]),
    ("controlplane.cluster.x-k8s.io/v1beta1", "AWSManagedControlPlane", &["spec", "identityRef"]),
    ("infrastructure.cluster.x-k8s.io/v1beta1", "AWSClusterTemplate", &["spec", "template", "spec", "identityRef"]),
];

fn cases(default: u32) -> u32 {
    let asked = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(default)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 20_000,
        max_local_rejects: u32::MAX,
        ..Config::default()
    })
}

/// How often each outcome happened, for a report and for minimum counts.
#[derive(Default)]
struct Tally(Cell<[usize; 4]>, std::cell::RefCell<BTreeMap<String, usize>>);

impl Tally {
    fn count(&self, ran: &Ran) {
        let mut counts = self.0.get();
        counts[match ran {
            Ran::Edited(_, _, true) => 0,
            Ran::Edited(..) => 1,
            Ran::Refused(_) => 2,
            Ran::EmptySelection => 3,
        }] += 1;
        self.0.set(counts);
        if let Ran::Refused(why) = ran {
            *self.1.borrow_mut().entry(why.clone()).or_default() += 1;
        }
    }

    fn say(&self, property: &str) {
        let [edited, right, refused, nothing] = self.0.get();
        say(&format!(
            "properties: {property}: {edited} edited, {right} unchanged, {refused} refused, {nothing} without clusters"
        ));
        if std::env::var_os("XACCOUNT_SHOW_REFUSED").is_some() {
            let mut why: Vec<_> = self.1.borrow().iter().map(|(why, count)| (*count, why.clone())).collect();
            why.sort();
            why.iter().rev().take(40).for_each(|(count, why)| say(&format!("    {count} {why}")));
        }
    }
}

fn fail(why: String, text: &[u8], ran: &Ran) -> TestCaseError {
    TestCaseError::fail(format!("{why}\n--- the input\n{}\n--- {}", String::from_utf8_lossy(text), shown(ran)))
}

#[test]
fn a_manifest_is_edited_right_or_refused() {
    let tally = Tally::default();
    let tame = Cell::new(0);
    let result = runner(cases(1200)).run(&streams(), |stream| {
        let text = stream.write();
        // A text that begins with a brace can't get a second document.
        let brace = Source::new(text.as_bytes()).begins_with_brace();
        let ran = inject(&[text.as_bytes()], brace)?;
        tally.count(&ran);
        if std::env::var_os("XACCOUNT_SHOW_PROOF").is_some()
            && matches!(&ran, Ran::Refused(why) if why.starts_with("proof"))
        {
            say(&format!("=== {ran:?}\n{text}"));
        }
        match &ran {
            Ran::Edited(new, made, _) => {
                right(text.as_bytes(), &new[0], stream.json.is_some(), true)
                    .map_err(|why| fail(why, text.as_bytes(), &ran))?;
                if made.is_none() {
                    idempotent(&new[0], brace).map_err(|why| fail(why.to_string(), text.as_bytes(), &ran))?;
                }
                tame.set(tame.get() + usize::from(stream.tame));
            }
            Ran::Refused(why) if stream.tame && !why.contains("inside a block scalar") => {
                return Err(fail("a text without a trap is refused".into(), text.as_bytes(), &ran));
            }
            _ => {}
        }
        Ok(())
    });
    tally.say("generated");
    result.unwrap_or_else(|error| panic!("{error}"));
    let [edited, ..] = tally.0.get();
    assert!(edited * 3 > cases(1200) as usize, "only {edited} are edited");
    assert!(tame.get() > 0);
}

/// Texts that are inserted at random places.
const PIECES: [&str; 36] = [
    "\n",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "-",
    "?",
    "? ",
    "#",
    " #",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "\\",
    "|",
    ">",
    "&a1 ",
    "*a1",
    "!!str ",
    "!x ",
    "<<: *a1\n",
    "---\n",
    "...\n",
    "\r",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "%",
    "identityRef: ",
    "spec:\n",
];

#[test]
fn a_text_changed_at_random_is_edited_right_or_refused() {
    let piece = prop_oneof![4 => select(&PIECES[..]).prop_map(str::to_owned), 1 => Just(String::new())];
    let change = (any::<Index>(), 0..3_usize, piece);
    let tally = Tally::default();
    let result = runner(cases(1200)).run(&(streams(), proptest::collection::vec(change, 1..4)), |(stream, changes)| {
        let mut text: Vec<char> = stream.write().chars().collect();
        for (at, gone, piece) in &changes {
            let at = at.index(text.len() + 1);
            let end = (at + gone).min(text.len());
            text.splice(at..end, piece.chars());
        }
        let text: String = text.into_iter().collect();
        let brace = Source::new(text.as_bytes()).begins_with_brace();
        let ran = inject(&[text.as_bytes()], brace)?;
        tally.count(&ran);
        if let Ran::Edited(new, made, _) = &ran {
            let json = Source::new(text.as_bytes()).format() == lossless_yaml::Format::Json;
            right(text.as_bytes(), &new[0], json, false).map_err(|why| fail(why, text.as_bytes(), &ran))?;
            if made.is_none() {
                idempotent(&new[0], brace).map_err(|why| fail(why.to_string(), text.as_bytes(), &ran))?;
            }
        }
        Ok(())
    });
    tally.say("changed at random");
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_order_of_files_does_not_matter() {
    let tally = Tally::default();
    let three = proptest::collection::vec(streams(), 3);
    let result = runner(cases(300)).run(&(three, Just(vec![0_usize, 1, 2]).prop_shuffle()), |(streams, order)| {
        let texts: Vec<String> = streams.iter().map(Stream::write).collect();
        let files: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let shuffled: Vec<&[u8]> = order.iter().map(|&at| files[at]).collect();
        let (a, b) = (inject(&files, true)?, inject(&shuffled, true)?);
        tally.count(&a);
        match (&a, &b) {
            (Ran::Edited(one, made, _), Ran::Edited(other, made_too, _)) => {
                prop_assert_eq!(made, made_too);
                for (at, &from) in order.iter().enumerate() {
                    prop_assert!(other[at] == one[from], "file {} depends on its position", from);
                    right(files[from], &one[from], streams[from].json.is_some(), true)
                        .map_err(|why| fail(why, files[from], &a))?;
                }
                Ok(())
            }
            (Ran::Refused(_), Ran::Refused(_)) | (Ran::EmptySelection, Ran::EmptySelection) => Ok(()),
            _ => Err(TestCaseError::fail(format!("in one order {}, in the other {}", shown(&a), shown(&b)))),
        }
    });
    tally.say("three files");
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_program_does_what_it_reports() {
    let tally = Tally::default();
    let binary_cases = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse::<u32>().ok());
    let result = runner(binary_cases.map_or(60, |cases| (cases / 20).max(20))).run(&streams(), |stream| {
        let text = stream.write();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("in.yaml");
        fs::write(&file, &text).unwrap();
        let brace = Source::new(text.as_bytes()).begins_with_brace();
        let run = |mode: &[&str]| {
            let mut command = xaccount();
            command.current_dir(directory.path()).args(["inject", "in.yaml", "--account", ACCOUNT, "--allow-empty"]);
            if brace {
                command.args(["--identity-file", "identities.yaml"]);
            }
            let status = command.args(mode).output().unwrap().status.code();
            (status, fs::read(&file).unwrap())
        };
        let ran = inject(&[text.as_bytes()], brace)?;
        tally.count(&ran);
        let (diff, same) = run(&[]);
        prop_assert!(same == text.as_bytes(), "the diff writes");
        let (check, same) = run(&["--check"]);
        prop_assert!(same == text.as_bytes(), "--check writes");
        prop_assert_eq!(diff, check);
        let (write, written) = run(&["--write"]);
        let expected = match &ran {
            Ran::Edited(new, _, changed) => (Some(i32::from(*changed)), Some(0), new[0].clone()),
            Ran::EmptySelection => (Some(0), Some(0), text.as_bytes().to_vec()),
            Ran::Refused(_) => (Some(2), Some(2), text.as_bytes().to_vec()),
        };
        if (check, write, &written) != (expected.0, expected.1, &expected.2) {
            let why =
                format!("--check exits {check:?}, --write {write:?}; expected {:?}, {:?}", expected.0, expected.1);
            return Err(fail(why, text.as_bytes(), &ran));
        }
        if write == Some(0) {
            prop_assert_eq!(run(&["--check"]).0, Some(0), "after --write");
            prop_assert_eq!(run(&["--write", "--exit-code"]), (Some(0), written));
        }
        Ok(())
    });
    tally.say("through the program");
    result.unwrap_or_else(|error| panic!("{error}"));
}
