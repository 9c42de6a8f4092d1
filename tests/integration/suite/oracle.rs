//! What other parsers see, and whether a new text is the old one with exactly one member set. Shares no code with
//! `crates/lossless-yaml/src/proof`: it has its own trees, readers and comparison.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

/// No manifest has more nodes, with aliases expanded.
const NODES: usize = 200_000;

/// A document as a parser sees it, with aliases expanded, entries in order, duplicates and `<<` included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// Its text; what the reader reports about its type or quoting; its tag.
    Scalar(String, &'static str, Option<String>),
    Seq(Vec<Tree>, Option<String>),
    Map(Vec<(Tree, Tree)>, Option<String>),
}

use Tree::{Map, Scalar, Seq};

impl Tree {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Scalar(text, ..) => Some(text),
            _ => None,
        }
    }

    /// The value of the last entry with this key, which kubectl uses; `<<` is not followed.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Map(entries, _) => entries.iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Null in every schema, or a text that means null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Scalar(text, "plain" | "null", None) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    fn is_string(&self, wanted: &str) -> bool {
        matches!(self, Scalar(text, "plain" | "quoted" | "string", None) if text == wanted)
    }

    fn is_merge(&self) -> bool {
        matches!(self, Scalar(text, "plain" | "string", None) if text == "<<")
    }
}

/// A parser that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// saphyr-parser, YAML 1.2.
    Saphyr,
    /// libyaml by way of `yaml_serde`, YAML 1.1; the lineage of kubectl's reader.
    Libyaml,
}

impl Reader {
    pub(crate) const ALL: [Self; 2] = [Self::Saphyr, Self::Libyaml];

    /// All documents of a stream.
    pub(crate) fn read(self, text: &str) -> Result<Vec<Tree>, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Saphyr => saphyr(text),
            Self::Libyaml => serde_yaml::Deserializer::from_str(text)
                .map(|document| Tree::deserialize(document).map_err(|error| error.to_string()))
                .collect(),
        }
    }
}

fn saphyr(text: &str) -> Result<Vec<Tree>, String> {
    let mut documents = Vec::new();
    let mut open: Vec<(Tree, Option<Tree>, usize)> = Vec::new();
    let mut anchors: std::collections::HashMap<usize, Tree> = std::collections::HashMap::new();
    let mut nodes = 0;
    let name = |tag: Option<std::borrow::Cow<'_, saphyr_parser::Tag>>| tag.map(|t| format!("{}{}", t.handle, t.suffix));
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let done = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let kind = if style == ScalarStyle::Plain { "plain" } else { "quoted" };
                let scalar = Scalar(text.into_owned(), kind, name(tag));
                if anchor != 0 {
                    anchors.insert(anchor, scalar.clone());
                }
                scalar
            }
            Event::SequenceStart(anchor, tag) => {
                open.push((Seq(Vec::new(), name(tag)), None, anchor));
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                open.push((Map(Vec::new(), name(tag)), None, anchor));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (tree, _, anchor) = open.pop().ok_or("an end without a start")?;
                if anchor != 0 {
                    anchors.insert(anchor, tree.clone());
                }
                tree
            }
            Event::Alias(anchor) => {
                // An alias in its own anchor: no reader of Kubernetes accepts it, but it must stay as it is.
                let own = open.iter().any(|(.., at)| *at == anchor).then(|| Scalar(anchor.to_string(), "alias", None));
                let tree = own.or_else(|| anchors.get(&anchor).cloned()).ok_or("an alias of nothing")?;
                nodes += size(&tree);
                tree
            }
            Event::DocumentStart(_) => {
                // An anchor does not reach into the next document.
                anchors.clear();
                continue;
            }
            _ => continue,
        };
        nodes += 1;
        if nodes > NODES {
            return Err("too many nodes".into());
        }
        match open.last_mut() {
            None => documents.push(done),
            Some((Seq(items, _), ..)) => items.push(done),
            Some((Map(entries, _), waiting, _)) => match waiting.take() {
                Some(key) => entries.push((key, done)),
                None => *waiting = Some(done),
            },
            Some((Scalar(..), ..)) => return Err("a scalar with content".into()),
        }
    }
    Ok(documents)
}

fn size(tree: &Tree) -> usize {
    match tree {
        Scalar(..) => 1,
        Seq(items, _) => 1 + items.iter().map(size).sum::<usize>(),
        Map(entries, _) => 1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>(),
    }
}

struct TreeVisitor;

fn scalar(kind: &'static str, text: impl ToString) -> Tree {
    Scalar(text.to_string(), kind, None)
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Tree, E> {
        Ok(scalar("bool", v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Tree, E> {
        Ok(scalar("int", v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Tree, E> {
        Ok(scalar("int", v))
    }
    fn visit_i128<E>(self, v: i128) -> Result<Tree, E> {
        Ok(scalar("int", v))
    }
    fn visit_u128<E>(self, v: u128) -> Result<Tree, E> {
        Ok(scalar("int", v))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Tree, E> {
        Ok(scalar("float", v.to_bits()))
    }
    fn visit_str<E>(self, v: &str) -> Result<Tree, E> {
        Ok(scalar("string", v))
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(scalar("null", ""))
    }
    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(scalar("null", ""))
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Seq(items, None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Map(entries, None))
    }
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Tree, A::Error> {
        let (tag, content) = access.variant::<Tree>()?;
        let tag = tag.text().map(str::to_owned);
        Ok(match content.newtype_variant::<Tree>()? {
            Scalar(text, kind, _) => Scalar(text, kind, tag),
            Seq(items, _) => Seq(items, tag),
            Map(entries, _) => Map(entries, tag),
        })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

/// Whether `new` is `old` except for the reference at `path`, whose last step is the member to set: there it must be a
/// mapping with this kind and name. An existing reference may be completed or changed only in these two members.
///
/// All other entries keep their order; a null on the path becomes a mapping without other entries.
pub(crate) fn pointed(old: &Tree, new: &Tree, path: &[&str], kind: &str, name: &str) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else {
        return reference(old, new, kind, name);
    };
    if let (Seq(was, s), Seq(is, t)) = (old, new) {
        let at: usize = step.parse().map_err(|_| "no index")?;
        if s != t || was.len() != is.len() || at >= was.len() {
            return Err("another sequence".into());
        }
        return was.iter().zip(is).enumerate().try_for_each(|(index, (a, b))| match index == at {
            true => pointed(a, b, rest, kind, name),
            false if a == b => Ok(()),
            false => Err(format!("item {index} changes")),
        });
    }
    let Map(is, new_tag) = new else { return Err(format!("no mapping contains '{step}'")) };
    let none = Vec::new();
    let was = match old {
        Map(was, old_tag) if old_tag == new_tag => was,
        null if null.is_null() && new_tag.is_none() => &none,
        _ => return Err(format!("the parent of '{step}' is not a mapping, or its tag changes")),
    };
    let find = |entries: &[(Tree, Tree)]| -> Result<Option<usize>, String> {
        let mut found = entries.iter().enumerate().filter(|(_, (key, _))| key.text() == Some(step));
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|(index, _)| index)),
            _ => Err(format!("'{step}' exists twice")),
        }
    };
    let at = find(is)?.ok_or_else(|| format!("'{step}' does not exist"))?;
    if !is[at].0.is_string(step) && find(was)?.is_none() {
        return Err(format!("the key '{step}' is not plain text"));
    }
    let before = match find(was)? {
        Some(index) => was[index].1.clone(),
        None => {
            if is[at..].iter().any(|(key, _)| key.is_merge()) {
                return Err("a merge key follows the new key".into());
            }
            Scalar(String::new(), "null", None)
        }
    };
    let others = |entries: &[(Tree, Tree)], without: Option<usize>| -> Vec<(Tree, Tree)> {
        let keep = entries.iter().enumerate().filter(|(index, _)| Some(*index) != without);
        keep.map(|(_, entry)| entry.clone()).collect()
    };
    if others(was, find(was)?) != others(is, Some(at)) {
        return Err(format!("an entry next to '{step}' changes"));
    }
    pointed(&before, &is[at].1, rest, kind, name)
}

fn reference(old: &Tree, new: &Tree, kind: &str, name: &str) -> Result<(), String> {
    let Map(is, _) = new else { return Err("the reference is not a mapping".into()) };
    for (key, wanted) in [("kind", kind), ("name", name)] {
        let mut found = is.iter().filter(|(k, _)| k.text() == Some(key));
        match (found.next(), found.next()) {
            (Some((_, value)), None) if value.is_string(wanted) => {}
            (found, _) => return Err(format!("the reference's {key} is {found:?}")),
        }
    }
    let others = |tree: &Tree| -> Vec<(Tree, Tree)> {
        let Map(entries, _) = tree else { return Vec::new() };
        entries.iter().filter(|(key, _)| !matches!(key.text(), Some("kind" | "name"))).cloned().collect()
    };
    if others(old) != others(new) {
        return Err("another member of the reference changes".into());
    }
    Ok(())
}

/// What other parsers see in an edit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Readers that see exactly the change.
    pub(crate) agree: usize,
    /// Readers that can't read the old text, and so give no answer.
    pub(crate) silent: usize,
    /// Readers that see something else, and what.
    pub(crate) wrong: Vec<String>,
}

/// Asks every reader whether `new` is `old` with the reference at `path`. A reader that can read the old text but not
/// the new one disagrees.
pub(crate) fn judge(old: &str, new: &str, path: &[&str], kind: &str, name: &str) -> Verdict {
    let mut verdict = Verdict::default();
    for reader in Reader::ALL {
        let Ok(was) = reader.read(old) else {
            verdict.silent += 1;
            continue;
        };
        let seen = match reader.read(new) {
            Err(error) => Err(format!("can't be read any more: {error}")),
            Ok(is) => match (&was[..], &is[..]) {
                ([was], [is]) => pointed(was, is, path, kind, name),
                _ => Err(format!("{} documents become {}", was.len(), is.len())),
            },
        };
        match seen {
            Ok(()) => verdict.agree += 1,
            Err(why) => verdict.wrong.push(format!("{reader:?}: {why}")),
        }
    }
    verdict
}
