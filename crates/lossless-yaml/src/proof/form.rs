//! The first half of the proof: compares two trees of our own reader in lock-step.

use std::collections::HashMap;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::plan::ObjectChange;
use crate::pointer::tokens;
use crate::tree::{Data, Lookup, NodeId, ScalarStyle, Tree};
use crate::write;

/// What may differ at a node and below it.
#[derive(Default)]
struct Want<'v> {
    /// The node becomes this.
    set: Option<&'v Value>,
    /// The node is removed, with its key.
    removed: bool,
    /// Below a mapping: by key. Below a sequence: by index.
    below: HashMap<String, Want<'v>>,
    /// Items added at the end of a sequence.
    added: Vec<&'v Value>,
    /// The number of the last operation here or below.
    last: usize,
}

impl<'v> Want<'v> {
    fn of(changes: &'v [&ObjectChange]) -> Result<Self, String> {
        let mut root = Self::default();
        let all = changes.iter().flat_map(|(object, operations)| operations.iter().map(move |one| (object, one)));
        for (number, (object, operation)) in all.enumerate() {
            let (path, value) = match operation {
                PatchOperation::Add(add) => (&add.path, Some(&add.value)),
                PatchOperation::Replace(replace) => (&replace.path, Some(&replace.value)),
                PatchOperation::Remove(remove) => (&remove.path, None),
                PatchOperation::Test(_) => continue,
                _ => return Err("an operation is not add, remove, replace or test".into()),
            };
            let mut path: Vec<String> = tokens(&object.base).into_iter().chain(tokens(path)).collect();
            let item = path.pop_if(|last| last == "-");
            let mut at = &mut root;
            for token in path {
                at.last = number;
                at = at.below.entry(token).or_default();
                if at.removed {
                    return Err("an operation refers to something that another one removes".into());
                }
            }
            at.last = number;
            match (value, item) {
                (Some(value), Some(_)) => at.added.push(value),
                (Some(value), None) => at.set = Some(value),
                (None, None) if at.set.is_none() && at.below.is_empty() && at.added.is_empty() => at.removed = true,
                (None, _) => return Err("an operation removes something to which another one refers".into()),
            }
        }
        Ok(root)
    }

    /// Whether operations, applied one after the other, refer to the same items of a sequence as in the old text: no
    /// operation on an item after a removed one may come later.
    fn keeps_indices(&self) -> bool {
        let mut items: Vec<(usize, &Self)> =
            self.below.iter().filter_map(|(name, want)| Some((name.parse().ok()?, want))).collect();
        items.sort_by_key(|&(index, _)| std::cmp::Reverse(index));
        let mut latest = None;
        items.iter().all(|(_, want)| {
            let kept = !want.removed || latest < Some(want.last);
            latest = latest.max(Some(want.last));
            kept
        })
    }
}

/// Checks that `new` is `old` with exactly the operations applied, in every detail that a reader can see.
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
    let set = want.and_then(|want| want.set);
    if let Some(rest) = set.and_then(|value| kept(old, a, value)) {
        return wrapped(old, a, new, b, rest);
    }
    let tag = |tree: &Tree<'_>, id: NodeId| tree.node(id).tag().map(|span| tree.text[span.range()].to_owned());
    let anchor =
        |tree: &Tree<'_>, id: NodeId| tree.node(id).anchor().map(|anchor| tree.text[anchor.span.range()].to_owned());
    if tag(old, a) != tag(new, b) || anchor(old, a) != anchor(new, b) {
        return Err("a tag or an anchor changes".into());
    }
    if let Some(value) = set {
        return value_at(new, b, value);
    }
    let inside = want.is_some_and(|want| !want.below.is_empty() || !want.added.is_empty());
    match (&was.data, &is.data) {
        (Data::Scalar { .. } | Data::Alias(_), _) if inside => Err("the planned change does not fit".into()),
        (Data::Scalar { text: s, style: x }, Data::Scalar { text: t, style: y }) if s == t && x == y => Ok(()),
        (Data::Alias(_), Data::Alias(_)) if old.text[was.span().range()] == new.text[is.span().range()] => Ok(()),
        // An emptied collection gets brackets: without them, it would be null.
        (Data::Sequence { items: xs, flow: f }, Data::Sequence { items: ys, flow: g }) if f == g || ys.is_empty() => {
            sequence(old, xs, new, ys, want)
        }
        (Data::Mapping { entries: xs, flow: f }, Data::Mapping { entries: ys, flow: g }) if f == g || ys.is_empty() => {
            mapping(old, xs, new, NewMapping { node: b, entries: ys }, want)
        }
        _ => Err("an unplanned value changes".into()),
    }
}

/// The rest of a planned array that begins with the old value, which then stays as written.
fn kept<'v>(old: &Tree<'_>, a: NodeId, planned: &'v Value) -> Option<&'v [Value]> {
    let (first, rest) = planned.as_array()?.split_first()?;
    let whole = match &old.node(a).data {
        Data::Mapping { flow, .. } | Data::Sequence { flow, .. } => *flow,
        Data::Scalar { style, .. } => !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) && !old.is_null(a),
        Data::Alias(_) => false,
    };
    (whole && old.says(a, first)).then_some(rest)
}

fn sequence(
    old: &Tree<'_>,
    xs: &[NodeId],
    new: &Tree<'_>,
    ys: &[NodeId],
    want: Option<&Want<'_>>,
) -> Result<(), String> {
    let none = Want::default();
    let want = want.unwrap_or(&none);
    if !want.keeps_indices() {
        return Err("an operation refers to an item after one that is already removed".into());
    }
    if !want.below.keys().all(|name| name.parse::<usize>().is_ok_and(|index| index < xs.len())) {
        return Err("the planned change does not fit".into());
    }
    let mut rest = ys.iter();
    for (index, &x) in xs.iter().enumerate() {
        // Avoids formatting each index of a long list.
        let wanted = if want.below.is_empty() { None } else { want.below.get(&index.to_string()) };
        if wanted.is_some_and(|want| want.removed) {
            continue;
        }
        let &y = rest.next().ok_or("an item of a sequence is lost")?;
        node(old, x, new, y, wanted)?;
    }
    if rest.len() != want.added.len() {
        return Err("the number of items in a sequence changes".into());
    }
    rest.zip(&want.added).try_for_each(|(&y, value)| value_at(new, y, value))
}

/// A mapping of the new tree.
struct NewMapping<'t> {
    node: NodeId,
    entries: &'t [(NodeId, NodeId)],
}

fn mapping(
    old: &Tree<'_>,
    xs: &[(NodeId, NodeId)],
    new: &Tree<'_>,
    new_mapping: NewMapping<'_>,
    want: Option<&Want<'_>>,
) -> Result<(), String> {
    let NewMapping { node: b, entries: ys } = new_mapping;
    let below = |tree: &Tree<'_>, key: NodeId| {
        let want = want?;
        tree.text(key).filter(|_| !tree.is_merge(key)).and_then(|name| want.below.get(name))
    };
    let removed = |key: NodeId| below(old, key).is_some_and(|want| want.removed);
    let mut rest = xs.iter().filter(|(key, _)| !removed(*key));
    let mut met = xs.iter().filter(|(key, _)| removed(*key)).count();
    let mut new_seen = false;
    for &(key, value) in ys {
        let name = new.text(key).filter(|_| !new.is_merge(key));
        let wanted = below(new, key);
        if let Some(Want { set: Some(planned), .. }) = wanted
            && !xs.iter().any(|&(k, _)| !old.is_merge(k) && old.text(k) == name)
        {
            value_at(new, value, planned)?;
            new_seen = true;
            met += 1;
            continue;
        }
        if new_seen && new.is_merge(key) {
            return Err("a merge key ('<<') comes after a new key: for other readers, it would win".into());
        }
        let Some(&(old_key, old_value)) = rest.next() else {
            return Err("an unplanned key appears".into());
        };
        node(old, old_key, new, key, None)?;
        met += usize::from(wanted.is_some());
        node(old, old_value, new, value, wanted)?;
    }
    if rest.next().is_some() {
        return Err("a key is lost".into());
    }
    if want.is_some_and(|want| want.below.len() != met) {
        return Err("the planned change is missing".into());
    }
    let deleted = |(name, want): (&String, &Want<'_>)| !want.removed || matches!(new.get(b, name), Lookup::Absent);
    if !want.is_none_or(|want| want.below.iter().all(deleted)) {
        return Err("a merge key ('<<') still supplies the removed key".into());
    }
    Ok(())
}

/// Checks that a new array in brackets has the old node, in every detail, as its first item, and then `rest`.
fn wrapped(old: &Tree<'_>, a: NodeId, new: &Tree<'_>, b: NodeId, rest: &[Value]) -> Result<(), String> {
    let is = new.node(b);
    if is.tag().is_some() || is.anchor().is_some() {
        return Err("a tag or an anchor appears".into());
    }
    match &is.data {
        Data::Sequence { items, flow: true } if items.len() == rest.len() + 1 => {
            node(old, a, new, items[0], None)?;
            items[1..].iter().zip(rest).try_for_each(|(&item, value)| is_value(new, item, value))
        }
        _ => Err("a value changes when it is put into an array".into()),
    }
}

/// Checks that a node is exactly this value, written so that every reader reads it as such.
pub(super) fn is_value(tree: &Tree<'_>, id: NodeId, value: &Value) -> Result<(), String> {
    if tree.node(id).tag().is_some() || tree.node(id).anchor().is_some() {
        return Err("a tag or an anchor appears".into());
    }
    value_at(tree, id, value)
}

/// As [`is_value`], but the tag and anchor of `id` itself are not checked: a filled null keeps them.
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
        (Data::Scalar { style: ScalarStyle::Absent, .. }, Value::Null) => tree.is_null(id),
        (Data::Scalar { text, style: ScalarStyle::Plain }, other) => *text == other.to_string(),
        _ => false,
    };
    if equal { Ok(()) } else { wrong() }
}
