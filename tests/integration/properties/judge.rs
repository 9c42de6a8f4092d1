//! Runs `inject`, and checks the result with other parsers and an independent cut into documents.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use lossless_yaml::{Edited, Source, apply};
use xaccount::diag::FileId;
use xaccount::inject::{self, InjectRequest, Target};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::plan::{Failure, IdentityFile, Outcome};
use xaccount::settings::Setting;

use super::{ACCOUNT, KIND, NAME, REFERENCING_KINDS};
use crate::suite::oracle::{Reader, Tree, pointed};
use crate::suite::restored;

pub(super) fn request(identity_file: bool) -> InjectRequest {
    let target = Target::of_account(ACCOUNT.parse().unwrap());
    let identity_file = identity_file.then(|| IdentityFile::New(PathBuf::from("identities.yaml")));
    InjectRequest { identity_file: identity_file.map(Setting::default), ..InjectRequest::to(target) }
}

#[derive(Debug)]
pub(super) enum Ran {
    /// New content by file, the content of the new identity file, and whether anything changed.
    Edited(Vec<Vec<u8>>, Option<Vec<u8>>, bool),
    /// No cluster in these files.
    EmptySelection,
    Refused(String),
}

/// `inject` on files in memory.
pub(super) fn inject(files: &[&[u8]], identity_file: bool) -> Result<Ran, TestCaseError> {
    let needles = xaccount::capa::needles();
    let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    let mut run_files = Vec::new();
    let mut found = Vec::new();
    for (index, bytes) in files.iter().enumerate() {
        match inventory::scan(FileId(index), bytes, &options) {
            Ok(scanned) => {
                run_files.push(inventory::File {
                    name: format!("{index}.yaml"),
                    is_json_for_kubectl: scanned.is_json_for_kubectl,
                    json_list: scanned.json_list,
                    identities_only: false,
                });
                found.extend(scanned.objects);
            }
            Err(errors) => return Ok(Ran::Refused(format!("scan: {}", errors[0].message))),
        }
    }
    let outcome: Outcome = match inject::plan(&Inventory::new(run_files, found), &request(identity_file)) {
        Ok(outcome) => outcome,
        Err(Failure::EmptySelection(_)) => return Ok(Ran::EmptySelection),
        Err(Failure::Refused(errors)) => return Ok(Ran::Refused(format!("plan: {}", errors[0].message))),
    };
    let mut changed = false;
    let mut out: Vec<Vec<u8>> = files.iter().map(|bytes| bytes.to_vec()).collect();
    for (file, plan) in &outcome.plans {
        let old = files[file.0];
        let edited: Edited = match apply(&Source::new(old), plan) {
            Ok(edited) => edited,
            Err(refusal) => return Ok(Ran::Refused(format!("proof: {}", refusal.reason))),
        };
        let new = edited.to_bytes(old).unwrap();
        restored(old, &new, edited.splices()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(edited.is_unchanged(), new == old);
        changed |= new != old;
        out[file.0] = new;
    }
    let made = match &outcome.new_file {
        Some((_, plan)) => match apply(&Source::new(b""), plan) {
            Ok(edited) => Some(edited.to_bytes(b"").unwrap()),
            Err(refusal) => return Err(TestCaseError::fail(format!("a new file is refused: {refusal}"))),
        },
        None => None,
    };
    changed |= made.is_some();
    Ok(Ran::Edited(out, made, changed))
}

/// A text cut before each `---` line and after each `...` line.
pub(super) fn chunks(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
        let line = &text[at..end];
        let marker = |mark| {
            line.strip_prefix(mark)
                .is_some_and(|rest: &str| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        };
        if marker("---") && at > start {
            out.push(&text[start..at]);
            start = at;
        } else if marker("...") {
            out.push(&text[start..end]);
            start = end;
        }
        at = end;
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

/// The path of the object's reference, if it can carry one.
pub(super) fn bearer(tree: &Tree) -> Option<&'static [&'static str]> {
    let (version, kind) = (effective(tree, "apiVersion")?.text()?, effective(tree, "kind")?.text()?);
    let group = version.split_once('/')?.0;
    let known = |v: &str| v.split_once('/').is_some_and(|(known, _)| known == group);
    REFERENCING_KINDS.iter().find(|(v, k, _)| *k == kind && known(v)).map(|(.., path)| *path)
}

/// A member as kubectl sees it: the last one, whether its own or from a `<<`.
pub(super) fn effective<'t>(tree: &'t Tree, name: &str) -> Option<&'t Tree> {
    let Tree::Map(entries, _) = tree else { return None };
    let mut found = None;
    for (key, value) in entries {
        if matches!(key, Tree::Scalar(text, "plain" | "string", _) if text == "<<") {
            let merged = match value {
                Tree::Seq(items, _) => items.iter().find_map(|item| effective(item, name)),
                one => effective(one, name),
            };
            found = merged.or(found);
        } else if key.text() == Some(name) {
            found = Some(value);
        }
    }
    found
}

/// Checks that every object of the document that can carry a reference names the identity.
pub(super) fn all_pointed(tree: &Tree) -> Result<(), String> {
    // For kubectl, everything with items is a list, whatever its kind.
    if let Some(Tree::Seq(items, _)) = effective(tree, "items")
        && effective(tree, "kind").is_some()
        && effective(tree, "apiVersion").is_some()
    {
        return items.iter().try_for_each(all_pointed);
    }
    let Some(path) = bearer(tree) else { return Ok(()) };
    let reference = path.iter().try_fold(tree, |at, key| effective(at, key));
    let says = |key| reference.and_then(|reference| effective(reference, key)).and_then(Tree::text);
    if (says("kind"), says("name")) == (Some(KIND), Some(NAME)) {
        Ok(())
    } else {
        Err(format!("an object is not pointed: its reference is {reference:?}"))
    }
}

/// Checks that `new` is `old` plus the references, and nothing else.
pub(super) fn rightly_changed(old: &Tree, new: &Tree) -> Result<(), String> {
    if old == new {
        return Ok(());
    }
    if let (Some(Tree::Seq(..)), Tree::Map(was, s), Tree::Map(is, t)) = (old.get("items"), old, new) {
        if s != t || was.len() != is.len() {
            return Err("the list itself changes".into());
        }
        return was.iter().zip(is).try_for_each(|((k, a), (l, b))| match (a, b) {
            _ if k != l => Err("a key of the list changes".into()),
            (Tree::Seq(was, s), Tree::Seq(is, t)) if k.text() == Some("items") && s == t && was.len() == is.len() => {
                was.iter().zip(is).try_for_each(|(a, b)| rightly_changed(a, b))
            }
            _ if a == b => Ok(()),
            _ => Err("something of the list changes".into()),
        });
    }
    match bearer(old) {
        Some(path) => pointed(old, new, path, KIND, NAME),
        // CAPA requires a source in every identity: an identity with our name gets one.
        None if effective(old, "kind").and_then(Tree::text) == Some(KIND) => completed(old, new),
        None => Err("an object of another kind changes".into()),
    }
}

/// Checks that an identity with our name only got the role and the source that it lacked.
pub(super) fn completed(old: &Tree, new: &Tree) -> Result<(), String> {
    let without = |tree: &Tree| -> Tree {
        let cut = |tree: &Tree, keys: &[&str]| match tree {
            Tree::Map(entries, tag) => {
                let keep = entries.iter().filter(|(key, _)| !key.text().is_some_and(|key| keys.contains(&key)));
                Tree::Map(keep.cloned().collect(), tag.clone())
            }
            null if null.is_null() => Tree::Map(Vec::new(), None),
            other => other.clone(),
        };
        let Tree::Map(entries, tag) = tree else { return tree.clone() };
        let mut entries = entries.clone();
        for (key, value) in &mut entries {
            if key.text() == Some("spec") {
                *value = cut(value, &["roleARN", "sourceIdentityRef", "allowedNamespaces"]);
            }
        }
        // An absent or null spec is created as a whole.
        entries.retain(|(key, value)| key.text() != Some("spec") || *value != Tree::Map(Vec::new(), None));
        Tree::Map(entries, tag.clone())
    };
    if without(old) != without(new) {
        return Err("something else of an identity changes".into());
    }
    let at = |tree, key| effective(tree, "spec").and_then(|spec| effective(spec, key)).cloned();
    let kept =
        |key| at(old, key).is_none_or(|was| was.is_null() || was.text() == Some("") || at(new, key) == Some(was));
    if !is_identity(new) || !["roleARN", "allowedNamespaces"].into_iter().all(kept) {
        return Err("an identity is updated wrongly".into());
    }
    Ok(())
}

pub(super) fn is_identity(tree: &Tree) -> bool {
    let at = |path: &[&str]| path.iter().try_fold(tree, |at, key| at.get(key)).and_then(Tree::text);
    at(&["kind"]) == Some(KIND)
        && at(&["metadata", "name"]) == Some(NAME)
        && at(&["spec", "roleARN"])
            == Some("arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io")
}

pub(super) fn numbered_comments(text: &str) -> Vec<&str> {
    let number = |at: usize| text[at..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |n| at + n);
    text.match_indices("# comment ").map(|(at, sign)| &text[at..number(at + sign.len())]).collect()
}

/// Checks that the new file is the old one, pointed, with perhaps an identity after it. With `all`, every object that
/// can carry a reference must be pointed; in a text changed at random, readers may disagree about what is an object.
pub(super) fn right(old: &[u8], new: &[u8], json: bool, all: bool) -> Result<(), String> {
    let old = std::str::from_utf8(old).map_err(|_| "an input that is not UTF-8 is edited")?;
    let new = std::str::from_utf8(new).map_err(|_| "the output is not UTF-8")?;
    if numbered_comments(old) != numbered_comments(new) {
        return Err("comments change".into());
    }
    if json { json_values_right(old, new, all) } else { parts_right(old, new, all) }
}

fn json_values_right(old: &str, new: &str, all: bool) -> Result<(), String> {
    let values = |text: &str| -> Result<Vec<Tree>, String> {
        let text = text.trim_start_matches('\u{feff}');
        let each = serde_json::Deserializer::from_str(text).into_iter::<Tree>();
        each.collect::<Result<_, _>>().map_err(|error| format!("it is not JSON: {error}"))
    };
    let (was, is) = (values(old)?, values(new)?);
    if was.len() != is.len() {
        return Err("the number of JSON values changes".into());
    }
    was.iter().zip(&is).try_for_each(|(a, b)| object_right(a, b, all))
}

fn object_right(old: &Tree, new: &Tree, all: bool) -> Result<(), String> {
    rightly_changed(old, new)?;
    if all { all_pointed(new) } else { Ok(()) }
}

fn parts_right(old: &str, new: &str, all: bool) -> Result<(), String> {
    let (was, is) = (chunks(old), chunks(new));
    if is.len() < was.len() || is.len() > was.len() + 1 {
        return Err(format!("{} parts become {}", was.len(), is.len()));
    }
    let added = is.len() > was.len();
    for (index, (a, b)) in was.iter().zip(&is).enumerate() {
        let end = (index + 1 == was.len()).then_some(LastPart { added });
        part_right(a, b, end, all)?;
    }
    for added in &is[was.len()..] {
        for reader in Reader::ALL {
            let trees =
                reader.read(added).map_err(|error| format!("{reader:?} can't read the new document: {error}"))?;
            if trees.len() != 1 || !is_identity(&trees[0]) {
                return Err(format!("{reader:?} does not see exactly one added identity"));
            }
        }
    }
    Ok(())
}

/// The last part of the old text.
#[derive(Clone, Copy)]
struct LastPart {
    /// Whether the new text has one more part after it.
    added: bool,
}

/// Checks that all readers that can read a part see the planned change in it.
fn part_right(a: &str, b: &str, last: Option<LastPart>, all: bool) -> Result<(), String> {
    // A new document after it gives the last line its line break.
    let ended = format!("{a}{}", if b.strip_prefix(a) == Some("\r\n") { "\r\n" } else { "\n" });
    let grown = last.is_some_and(|last| last.added) && !a.ends_with('\n');
    let mut agree = 0;
    for reader in Reader::ALL {
        // For libyaml that break is one more in a block scalar at the very end, as a note says.
        let before = if grown && reader == Reader::Libyaml { &ended } else { a };
        let Ok(before) = reader.read(before) else { continue };
        let after = match reader.read(b) {
            Ok(after) => after,
            Err(error) => return Err(format!("{reader:?} can't read a part any more: {error}")),
        };
        agree += 1;
        // An empty document after a dangling `---` gets the identity.
        let takes_identity = last.is_some_and(|last| !last.added) && before.iter().all(Tree::is_null);
        if takes_identity && after.first().is_some_and(is_identity) && after.len() == 1 {
            continue;
        }
        if before.len() != after.len() {
            return Err(format!("{reader:?}: {} documents become {}", before.len(), after.len()));
        }
        for (a, b) in before.iter().zip(&after) {
            object_right(a, b, all).map_err(|why| format!("{reader:?}: {why}"))?;
        }
    }
    // The second parser sees only the items of a list that change; unchanged items may be unreadable for others.
    let list = a.contains("items");
    if a != b && !(grown && b == ended) && agree == 0 && !list {
        return Err("a part changes, and no other parser can read it".into());
    }
    Ok(())
}

/// Checks that a second run on the result changes nothing.
pub(super) fn idempotent(new: &[u8], identity_file: bool) -> Result<(), TestCaseError> {
    match inject(&[new], identity_file)? {
        Ran::Edited(again, ..) if again[0] == new => Ok(()),
        other => Err(TestCaseError::fail(format!("a second run: {}", shown(&other)))),
    }
}

pub(super) fn shown(ran: &Ran) -> String {
    match ran {
        Ran::Edited(files, ..) => format!("edited to\n{}", String::from_utf8_lossy(&files[0])),
        other => format!("{other:?}"),
    }
}
