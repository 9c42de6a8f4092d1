//! `eject` is the reverse of `inject`: byte for byte if the parent of the reference had other members or was an empty
//! `spec:`, otherwise by value.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use lossless_yaml::{Source, apply};
use xaccount::diag::FileId;
use xaccount::eject::{self, EjectRequest};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::plan::Failure;

use super::judge::{Ran, bearer, chunks, effective, inject, numbered_comments};
use super::manifest::streams;
use super::{KIND, NAME, cases, runner};
use crate::suite::oracle::{Reader, Tree};
use crate::suite::{restored, say};

/// `eject` on a single file in memory.
fn eject(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let needles = xaccount::capa::needles();
    let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    let scanned =
        inventory::scan(FileId(0), bytes, &options).map_err(|errors| format!("scan: {}", errors[0].message))?;
    let file = inventory::File {
        name: "0.yaml".into(),
        is_json_for_kubectl: scanned.is_json_for_kubectl,
        json_list: scanned.json_list,
        identities_only: false,
    };
    let run = Inventory::new(vec![file], scanned.objects);
    let request = EjectRequest::default();
    let outcome = match eject::draft(&run, &request) {
        Ok(draft) => draft.finish(|_| HashMap::new()),
        Err(Failure::EmptySelection(_)) => return Ok(bytes.to_vec()),
        Err(Failure::Refused(errors)) => return Err(format!("plan: {}", errors[0].message)),
    };
    let Some(plan) = outcome.plans.get(&FileId(0)) else { return Ok(bytes.to_vec()) };
    let edited = apply(&Source::new(bytes), plan).map_err(|refusal| format!("proof: {}", refusal.reason))?;
    let new = edited.to_bytes(bytes).unwrap();
    restored(bytes, &new, edited.splices()).unwrap();
    assert_eq!(edited.is_unchanged(), new == bytes);
    Ok(new)
}

/// The expected result for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Back {
    /// Every byte is as before.
    Exact,
    /// The value is as before.
    Value,
    /// The text had something that `eject` also removes, or that it can't remove.
    Open,
}

/// The objects of a document, including those in lists.
fn objects<'t>(tree: &'t Tree, out: &mut Vec<&'t Tree>) {
    match effective(tree, "items") {
        Some(Tree::Seq(items, _)) => items.iter().for_each(|item| objects(item, out)),
        _ => out.push(tree),
    }
}

fn back_of(object: &Tree, alone_in_lines: bool) -> Back {
    let Some(path) = bearer(object) else {
        return if effective(object, "kind").and_then(Tree::text) == Some(KIND) { Back::Open } else { Back::Exact };
    };
    let (last, parents) = path.split_last().unwrap();
    let parent = parents.iter().try_fold(object, |at, key| effective(at, key));
    match parent {
        Some(parent @ Tree::Map(entries, _)) => match effective(parent, last) {
            // A value from a merge key would still exist, so it can't be removed.
            Some(_) if !entries.iter().any(|(key, _)| key.text() == Some(last)) => Back::Open,
            Some(there) if effective(there, "kind").and_then(Tree::text) == Some(KIND) => Back::Open,
            // Its members, and a comment next to it, are removed as well, or prevent the removal.
            Some(_) => Back::Open,
            None if entries.iter().any(|(key, _)| key.text() == Some("<<")) => Back::Open,
            None if entries.is_empty() => Back::Value,
            None => Back::Exact,
        },
        Some(Tree::Scalar(text, ..)) if text.is_empty() && alone_in_lines && parents.len() == 1 => Back::Exact,
        _ => Back::Value,
    }
}

/// The expected result for a document, as one of the other parsers sees it.
fn back(part: &str, json: bool) -> Back {
    let lines = || part.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let first = lines().find(|line| !line.starts_with('#') && !line.starts_with("---"));
    // Also on the marker's line.
    let in_lines = first.is_some_and(|line| !line.starts_with(['{', '['])) && !part.contains("--- {");
    let trees = documents(part, json, Reader::Saphyr).unwrap_or_default();
    let back = trees.iter().map(|tree| {
        let mut all = Vec::new();
        objects(tree, &mut all);
        let alone = in_lines && all.len() == 1 && std::ptr::eq(all[0], tree);
        all.iter().map(|object| back_of(object, alone)).fold(Back::Exact, Back::max)
    });
    back.fold(Back::Exact, Back::max)
}

/// The tree without references and the parents that are then empty, so that absent and empty values compare as equal.
fn unsaid(tree: &Tree) -> Tree {
    match tree {
        Tree::Map(entries, tag) if matches!(tree.get("items"), Some(Tree::Seq(..))) => {
            let entries = entries.iter().map(|(key, value)| match value {
                Tree::Seq(items, tag) if key.text() == Some("items") => {
                    (key.clone(), Tree::Seq(items.iter().map(unsaid).collect(), tag.clone()))
                }
                _ => (key.clone(), value.clone()),
            });
            Tree::Map(entries.collect(), tag.clone())
        }
        _ => bearer(tree).and_then(|path| cut(tree, path)).unwrap_or_else(|| tree.clone()),
    }
}

/// The tree without the value at the path; `None` if nothing remains.
fn cut(tree: &Tree, path: &[&str]) -> Option<Tree> {
    let (key, rest) = path.split_first()?;
    let Tree::Map(entries, tag) = tree else { return (!tree.is_null()).then(|| tree.clone()) };
    let kept = entries.iter().filter_map(|(name, value)| {
        let value = if name.text() == Some(key) { cut(value, rest)? } else { value.clone() };
        Some((name.clone(), value))
    });
    let kept: Vec<_> = kept.collect();
    (!kept.is_empty()).then(|| Tree::Map(kept, tag.clone()))
}

/// JSON values are separated by their own parser.
fn parts(text: &str, json: bool) -> Vec<&str> {
    if json { vec![text.trim_start_matches('\u{feff}')] } else { chunks(text) }
}

fn documents(part: &str, json: bool, reader: Reader) -> Result<Vec<Tree>, String> {
    if json {
        let each = serde_json::Deserializer::from_str(part).into_iter::<Tree>();
        return each.collect::<Result<_, _>>().map_err(|error| error.to_string());
    }
    reader.read(part)
}

fn same_value(old: &str, new: &str, json: bool) -> Result<(), String> {
    for reader in Reader::ALL {
        let specified = |text: &str| -> Result<Vec<Tree>, String> {
            let mut out = Vec::new();
            for part in parts(text, json) {
                out.extend(documents(part, json, reader)?.iter().map(unsaid));
            }
            out.retain(|tree| !tree.is_null());
            Ok(out)
        };
        let Ok(old) = specified(old) else { continue };
        if specified(new).as_ref() != Ok(&old) {
            return Err(format!("{reader:?} sees a different value"));
        }
    }
    Ok(())
}

#[test]
fn eject_reverses_inject() {
    let counts = Cell::new([0_usize; 4]);
    let refusals: std::cell::RefCell<BTreeMap<String, usize>> = std::cell::RefCell::default();
    let result = runner(cases(1200)).run(&streams(), |stream| {
        let text = stream.write();
        let brace = Source::new(text.as_bytes()).begins_with_brace();
        let Ran::Edited(injected, _, true) = inject(&[text.as_bytes()], brace)? else { return Ok(()) };
        let json = stream.json.is_some();
        let old = parts(&text, json);
        let each: Vec<Back> = old.iter().map(|part| back(part, json)).collect();
        let wanted = each.iter().copied().fold(Back::Exact, Back::max);
        let shown = |ejected: &[u8]| {
            let [injected, ejected] = [&injected[0], ejected].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            format!("{wanted:?}\n--- the input\n{text}\n--- injected\n{injected}\n--- ejected\n{ejected}")
        };
        let mut now = counts.get();
        let ejected = match eject(&injected[0]) {
            Ok(ejected) => ejected,
            Err(why) if wanted == Back::Open => {
                now[3] += 1;
                counts.set(now);
                *refusals.borrow_mut().entry(why).or_default() += 1;
                return Ok(());
            }
            Err(why) => return Err(TestCaseError::fail(format!("{why}: {}", shown(b"")))),
        };
        now[wanted as usize] += 1;
        counts.set(now);
        let seen = String::from_utf8_lossy(&ejected).into_owned();
        prop_assert_eq!(numbered_comments(&text), numbered_comments(&seen));
        if wanted != Back::Open {
            same_value(&text, &seen, json).map_err(|why| TestCaseError::fail(format!("{why}: {}", shown(&ejected))))?;
        }
        if wanted == Back::Exact {
            prop_assert!(seen == text, "{}", shown(&ejected));
        } else {
            let new = parts(&seen, json);
            for ((old, new), back) in old.iter().zip(&new).zip(&each).filter(|_| old.len() == new.len()) {
                prop_assert!(*back != Back::Exact || old == new, "{old}\n---\n{new}\n--- in {}", shown(&ejected));
            }
        }
        // The identity is removed, and no reference names it.
        if wanted != Back::Open && !text.contains(NAME) {
            prop_assert!(!seen.contains(NAME), "{}", shown(&ejected));
        }
        match eject(&ejected) {
            Ok(again) => prop_assert!(again == ejected, "a second run: {}", shown(&again)),
            Err(why) => return Err(TestCaseError::fail(format!("a second run: {why}: {}", shown(&ejected)))),
        }
        Ok(())
    });
    let [exact, value, open, refused] = counts.get();
    say(&format!(
        "properties: injected and ejected: {exact} byte for byte, {value} by value, {open} with older references or identities, {refused} refused"
    ));
    if std::env::var_os("XACCOUNT_SHOW_REFUSED").is_some() {
        refusals.borrow().iter().for_each(|(why, count)| say(&format!("    {count} {why}")));
    }
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(exact * 10 > cases(1200) as usize, "only {exact} are restored byte for byte");
    assert!(value > 0 && open > 0);
}
