//! The first half: two trees of our own reader, compared in lock-step.

use std::collections::HashMap;

use json_patch::PatchOperation;
use serde_json::Value;

use super::super::plan::{ObjectChange, tokens};
use super::super::tree::{Data, NodeId, ScalarStyle, Tree};
use super::super::write;

/// What may differ at a node and below it.
#[derive(Default)]
struct Want<'v> {
    /// The node becomes this.
    set: Option<&'v Value>,
    /// Below a mapping: by key. Below a sequence: by index.
    below: HashMap<String, Want<'v>>,
    /// Items added at the end of a sequence.
    added: Vec<&'v Value>,
}

impl<'v> Want<'v> {
    fn of(changes: &'v [&ObjectChange]) -> Result<Self, String> {
        let mut root = Self::default();
        for (object, operations) in changes {
            for operation in operations {
                let (path, value) = match operation {
                    PatchOperation::Add(add) => (&add.path, &add.value),
                    PatchOperation::Replace(replace) => (&replace.path, &replace.value),
                    PatchOperation::Test(_) => continue,
                    _ => return Err("an operation is not add, replace or test".into()),
                };
                let mut path: Vec<String> = tokens(&object.base).into_iter().chain(tokens(path)).collect();
                let last = path.pop_if(|last| last == "-");
                let at = path.into_iter().fold(&mut root, |at, token| at.below.entry(token).or_default());
                match last {
                    Some(_) => at.added.push(value),
                    None => at.set = Some(value),
                }
            }
        }
        Ok(root)
    }
}

/// Whether `new` is `old` with the operations, and nothing else, in every detail that a reader can see.
pub(super) fn equal(old: &Tree<'_>, new: &Tree<'_>, changes: &[&ObjectChange]) -> Result<(), String> {
    let want = Want::of(changes)?;
    node(old, old.root, new, new.root, Some(&want))?;
    if !old.comment_texts().eq(new.comment_texts()) {
        return Err("a comment changes".into());
    }
    Ok(())
}

fn node(old: &Tree<'_>, a: NodeId, new: &Tree<'_>, b: NodeId, want: Option<&Want<'_>>) -> Result<(), String> {
    let (was, is) = (old.node(a), new.node(b));
    let tag = |tree: &Tree<'_>, id: NodeId| tree.node(id).tag().map(|span| tree.text[span.range()].to_owned());
    let anchor =
        |tree: &Tree<'_>, id: NodeId| tree.node(id).anchor().map(|anchor| tree.text[anchor.span.range()].to_owned());
    if tag(old, a) != tag(new, b) || anchor(old, a) != anchor(new, b) {
        return Err("a tag or an anchor changes".into());
    }
    if let Some(value) = want.and_then(|want| want.set) {
        return value_at(new, b, value);
    }
    let inside = want.is_some_and(|want| !want.below.is_empty() || !want.added.is_empty());
    match (&was.data, &is.data) {
        (Data::Scalar { .. } | Data::Alias(_), _) if inside => Err("the planned change has no place".into()),
        (Data::Scalar { text: s, style: x }, Data::Scalar { text: t, style: y }) if s == t && x == y => Ok(()),
        (Data::Alias(_), Data::Alias(_)) if old.text[was.span().range()] == new.text[is.span().range()] => Ok(()),
        (Data::Sequence { items: xs, flow: f }, Data::Sequence { items: ys, flow: g }) if f == g => {
            let added = want.map_or(&[][..], |want| &want.added);
            if ys.len() != xs.len() + added.len() {
                return Err("the number of items in a sequence changes".into());
            }
            let index = |name: &String| name.parse::<usize>().is_ok_and(|index| index < xs.len());
            if !want.is_none_or(|want| want.below.keys().all(index)) {
                return Err("the planned change has no place".into());
            }
            let below = want.filter(|want| !want.below.is_empty());
            for (index, (&x, &y)) in xs.iter().zip(ys).enumerate() {
                node(old, x, new, y, below.and_then(|want| want.below.get(&index.to_string())))?;
            }
            ys[xs.len()..].iter().zip(added).try_for_each(|(&y, value)| value_at(new, y, value))
        }
        (Data::Mapping { entries: xs, flow: f }, Data::Mapping { entries: ys, flow: g }) if f == g => {
            mapping(old, xs, new, ys, want)
        }
        _ => Err("a value changes that was not to change".into()),
    }
}

fn mapping(
    old: &Tree<'_>,
    xs: &[(NodeId, NodeId)],
    new: &Tree<'_>,
    ys: &[(NodeId, NodeId)],
    want: Option<&Want<'_>>,
) -> Result<(), String> {
    let mut rest = xs.iter();
    let mut met = 0;
    let mut new_seen = false;
    for &(key, value) in ys {
        let name = new.text(key).filter(|_| !new.is_merge(key));
        let wanted = want.zip(name).and_then(|(want, name)| want.below.get(name));
        if let Some(Want { set: Some(planned), .. }) = wanted
            && !xs.iter().any(|&(k, _)| !old.is_merge(k) && old.text(k) == name)
        {
            value_at(new, value, planned)?;
            new_seen = true;
            met += 1;
            continue;
        }
        if new_seen && new.is_merge(key) {
            return Err("a merge key ('<<') stands behind a new key: kubectl would let it win".into());
        }
        let Some(&(old_key, old_value)) = rest.next() else {
            return Err("a key appears that was not to appear".into());
        };
        node(old, old_key, new, key, None)?;
        met += usize::from(wanted.is_some());
        node(old, old_value, new, value, wanted)?;
    }
    if rest.next().is_some() {
        return Err("a key is lost".into());
    }
    if want.is_some_and(|want| want.below.len() != met) {
        return Err("the planned change is not there".into());
    }
    Ok(())
}

/// Whether the root of a document is exactly this value, written so that every reader takes it for that.
pub(super) fn is_value(tree: &Tree<'_>, id: NodeId, value: &Value) -> Result<(), String> {
    if tree.node(id).tag().is_some() || tree.node(id).anchor().is_some() {
        return Err("a tag or an anchor appears".into());
    }
    value_at(tree, id, value)
}

/// The tag and anchor of `id` itself are the caller's business: a filled null keeps them.
fn value_at(tree: &Tree<'_>, id: NodeId, value: &Value) -> Result<(), String> {
    let wrong = || Err("a new value is not written as planned".to_owned());
    let equal = match (&tree.node(id).data, value) {
        (Data::Mapping { entries, .. }, Value::Object(members)) => {
            if entries.len() != members.len() {
                return wrong();
            }
            for (&(key, node), (name, member)) in entries.iter().zip(members) {
                if tree.text(key) != Some(name) || tree.is_merge(key) || tree.node(key).tag().is_some() {
                    return wrong();
                }
                is_value(tree, node, member)?;
            }
            true
        }
        (Data::Sequence { items, .. }, Value::Array(values)) => {
            if items.len() != values.len() {
                return wrong();
            }
            for (&node, item) in items.iter().zip(values) {
                is_value(tree, node, item)?;
            }
            true
        }
        (Data::Scalar { text, style }, Value::String(planned)) => {
            let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
            text == planned && (quoted || write::is_safe_plain(planned))
        }
        (Data::Scalar { text, style: ScalarStyle::Plain }, other) => *text == other.to_string(),
        _ => false,
    };
    if equal { Ok(()) } else { wrong() }
}
