//! One document as a tree with byte spans.
//!
//! The tree is the text as written, not its meaning: `<<` is a key, an alias is an alias, scalars are untyped. Spans
//! inside a tree count from the start of the document's text; [`Tree::span`] converts them to file offsets.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::{Map, Value};

use crate::resolve::resolves_to_other;
use crate::span::Span;

/// Maximum number of nodes of a value: nested aliases can turn a few lines into billions of nodes.
const MOST_NODES: usize = 100_000;

/// Maximum depth of a value.
const DEEPEST_VALUE: usize = 32;

/// Whether a document is read as YAML or as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// RFC 8259 JSON.
    Json,
}

/// Whether a text contains a line break that only YAML 1.1 knows. Very few do; the check decodes nothing.
pub fn has_odd_break(text: &[u8]) -> bool {
    ["\u{85}", "\u{2028}", "\u{2029}"].iter().any(|odd| memmem::find(text, odd.as_bytes()).is_some())
}

/// Index of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// The notation of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// The scalar is not written: there is nothing where a value could be.
    Absent,
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data<'s> {
    /// A scalar, its escapes and folding resolved.
    Scalar {
        /// The text.
        text: Cow<'s, str>,
        /// How it is written.
        style: ScalarStyle,
    },
    /// A mapping, with its entries in order, including duplicates.
    Mapping {
        /// Keys and values.
        entries: Vec<(NodeId, NodeId)>,
        /// `{…}` rather than indented lines.
        flow: bool,
    },
    /// A sequence.
    Sequence {
        /// The items.
        items: Vec<NodeId>,
        /// `[…]` rather than `-` lines.
        flow: bool,
    },
    /// `*name`, and the node to which it refers.
    Alias(NodeId),
}

/// An anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The `&name` token.
    pub span: Span,
    /// Whether an alias refers to it.
    pub used: bool,
}

/// One node. It is small, because a text of up to 4 GiB can have millions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'s> {
    /// Its content.
    pub data: Data<'s>,
    start: u32,
    end: u32,
    properties: Option<Box<Properties>>,
}

/// The tag and anchor before a node's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) tag: Option<Span>,
    pub(super) anchor: Option<Anchor>,
}

impl<'s> Node<'s> {
    pub(super) fn new(data: Data<'s>, span: Span) -> Self {
        let mut node = Self { data, start: 0, end: 0, properties: None };
        node.start = offset(span.start);
        node.set_end(span.end);
        node
    }

    pub(super) fn set_end(&mut self, end: usize) {
        self.end = offset(end);
    }

    pub(super) fn properties_mut(&mut self) -> &mut Properties {
        self.properties.get_or_insert_default()
    }

    /// The content, without tag and anchor. A block collection begins at its first key or item and ends with the
    /// content of its last. A block scalar ends where the parser stopped, which may be inside the next line's indent.
    pub fn span(&self) -> Span {
        Span::new(self.start as usize, self.end as usize)
    }

    /// The tag token, if one is written.
    pub fn tag(&self) -> Option<Span> {
        self.properties.as_ref()?.tag
    }

    /// The anchor, if one is written.
    pub fn anchor(&self) -> Option<&Anchor> {
        self.properties.as_ref()?.anchor.as_ref()
    }
}

/// An offset as 32 bits: the readers refuse longer texts.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree<'s> {
    pub(super) nodes: Vec<Node<'s>>,
    /// The root node.
    pub root: NodeId,
    /// Comments in order, with `#`, without the line break.
    pub comments: Vec<Span>,
    /// The document's text.
    pub text: &'s str,
    /// Where the text begins in the file.
    pub base: usize,
    /// The format of the document.
    pub format: Format,
}

/// Where a member comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The mapping has no such member.
    Absent,
    /// Written in this mapping.
    Own {
        /// The key.
        key: NodeId,
        /// The value, as written: it may be an alias.
        value: NodeId,
    },
    /// Supplied by a `<<` of this mapping.
    Inherited {
        /// The value in the other mapping.
        value: NodeId,
    },
    /// A duplicate, or written before a `<<` that supplies it too: readers disagree.
    Ambiguous {
        /// The second key, or the `<<`.
        key: NodeId,
    },
}

/// An error: too many nested merges, or an ambiguous one.
struct TooMuch;

impl<'s> Tree<'s> {
    /// The node.
    pub fn node(&self, id: NodeId) -> &Node<'s> {
        &self.nodes[id.0 as usize]
    }

    /// The span of a node, in bytes of the file.
    pub fn span(&self, id: NodeId) -> Span {
        self.node(id).span().shifted(self.base)
    }

    /// The node, or the node to which it is an alias.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.node(id).data {
            Data::Alias(target) => target,
            _ => id,
        }
    }

    /// The scalar's text, aliases followed; `None` for a collection.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.resolve(id)).data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether the node is null for every YAML reader: absent, `~`, or `null` in its three spellings.
    pub fn is_null(&self, id: NodeId) -> bool {
        let node = self.node(self.resolve(id));
        match &node.data {
            Data::Scalar { style: ScalarStyle::Absent, .. } => node.tag().is_none(),
            Data::Scalar { text, style: ScalarStyle::Plain } => {
                node.tag().is_none() && matches!(text.as_ref(), "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Whether the scalar is something other than a string: a number, a boolean or null, as sigs.k8s.io/yaml reads it.
    pub fn is_typed(&self, id: NodeId) -> bool {
        let node = self.node(self.resolve(id));
        let Data::Scalar { text, style } = &node.data else { return false };
        match (node.tag(), style) {
            (Some(tag), _) => matches!(&self.text[tag.range()], "!!int" | "!!float" | "!!bool" | "!!null"),
            (None, ScalarStyle::Plain) => resolves_to_other(text),
            (None, ScalarStyle::Absent) => true,
            (None, _) => false,
        }
    }

    /// Whether the node, aliases followed, is this value for every reader: members in the same order, numbers in the same
    /// text. Never true for a node with a tag or a merge key.
    pub fn says(&self, id: NodeId, value: &Value) -> bool {
        let id = self.resolve(id);
        let node = self.node(id);
        if node.tag().is_some() {
            return false;
        }
        match (&node.data, value) {
            (Data::Mapping { entries, .. }, Value::Object(members)) => {
                entries.len() == members.len()
                    && entries.iter().zip(members).all(|(&(key, inner), (name, member))| {
                        let named = self.text(key) == Some(name) && !self.is_merge(key);
                        named && self.node(key).tag().is_none() && self.says(inner, member)
                    })
            }
            (Data::Sequence { items, .. }, Value::Array(values)) => {
                items.len() == values.len() && items.iter().zip(values).all(|(&item, value)| self.says(item, value))
            }
            (Data::Scalar { .. }, Value::Null) => self.is_null(id),
            (Data::Scalar { text, .. }, Value::String(planned)) => text == planned && !self.is_typed(id),
            (Data::Scalar { text, style: ScalarStyle::Plain }, other) => *text == other.to_string(),
            _ => false,
        }
    }

    /// The value for which [`says`](Self::says) is true; `None` if there is none, for example because of a tag, a merge
    /// key or a duplicate key, or if it is unusually deep or large.
    pub fn as_value(&self, id: NodeId) -> Option<Value> {
        let mut left = MOST_NODES;
        let value = self.built_value(id, 0, &mut left)?;
        self.says(id, &value).then_some(value)
    }

    fn built_value(&self, id: NodeId, depth: usize, left: &mut usize) -> Option<Value> {
        *left = left.checked_sub(1)?;
        if depth > DEEPEST_VALUE {
            return None;
        }
        let id = self.resolve(id);
        Some(match &self.node(id).data {
            Data::Mapping { entries, .. } => {
                let mut members = Map::new();
                for &(key, value) in entries {
                    let member = self.built_value(value, depth + 1, left)?;
                    if members.insert(self.text(key)?.to_owned(), member).is_some() {
                        return None;
                    }
                }
                Value::Object(members)
            }
            Data::Sequence { items, .. } => {
                Value::Array(items.iter().map(|&item| self.built_value(item, depth + 1, left)).collect::<Option<_>>()?)
            }
            Data::Scalar { .. } if self.is_null(id) => Value::Null,
            Data::Scalar { text, .. } if !self.is_typed(id) => Value::String(text.to_string()),
            Data::Scalar { text, .. } => serde_json::from_str(text).ok()?,
            Data::Alias(_) => return None,
        })
    }

    /// The entries of a mapping, aliases followed.
    pub fn entries(&self, id: NodeId) -> Option<&[(NodeId, NodeId)]> {
        match &self.node(self.resolve(id)).data {
            Data::Mapping { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The items of a sequence, aliases followed.
    pub fn items(&self, id: NodeId) -> Option<&[NodeId]> {
        match &self.node(self.resolve(id)).data {
            Data::Sequence { items, .. } => Some(items),
            _ => None,
        }
    }

    /// Whether the key is the merge key `<<`.
    pub fn is_merge(&self, key: NodeId) -> bool {
        let node = self.node(key);
        node.tag().is_none() && matches!(&node.data, Data::Scalar { text, style: ScalarStyle::Plain } if text == "<<")
    }

    /// The member of a mapping, with `<<` handled as readers of libyaml's lineage do: a later `<<` wins over an earlier
    /// key. `Absent` for anything that is not a mapping.
    pub fn get(&self, mapping: NodeId, name: &str) -> Lookup {
        self.lookup(mapping, name, &mut 10_000)
    }

    /// As [`get`](Self::get). `work` limits the number of mappings that are searched: merges of merges multiply.
    fn lookup(&self, mapping: NodeId, name: &str, work: &mut usize) -> Lookup {
        let Some(entries) = self.entries(mapping) else {
            return Lookup::Absent;
        };
        let mut found = Lookup::Absent;
        for &(key, value) in entries {
            let here = if self.is_merge(key) {
                match self.merged(value, name, work) {
                    Ok(None) => continue,
                    Ok(Some(inherited)) => Lookup::Inherited { value: inherited },
                    Err(TooMuch) => return Lookup::Ambiguous { key },
                }
            } else if self.text(key) == Some(name) {
                Lookup::Own { key, value }
            } else {
                continue;
            };
            found = match (found, here) {
                (Lookup::Absent | Lookup::Inherited { .. }, here) => here,
                _ => Lookup::Ambiguous { key },
            };
        }
        found
    }

    fn merged(&self, source: NodeId, name: &str, work: &mut usize) -> Result<Option<NodeId>, TooMuch> {
        let sources = match self.items(source) {
            Some(items) => items,
            None => std::slice::from_ref(&source),
        };
        for &one in sources {
            *work = work.checked_sub(1).ok_or(TooMuch)?;
            match self.lookup(one, name, work) {
                Lookup::Own { value, .. } | Lookup::Inherited { value } => return Ok(Some(value)),
                Lookup::Ambiguous { .. } => return Err(TooMuch),
                Lookup::Absent => {}
            }
        }
        Ok(None)
    }

    /// The member's value, own or inherited; `None` if it is absent or readers disagree.
    pub fn value(&self, mapping: NodeId, name: &str) -> Option<NodeId> {
        match self.get(mapping, name) {
            Lookup::Own { value, .. } | Lookup::Inherited { value } => Some(value),
            _ => None,
        }
    }

    /// The comments' texts in order, including `#`.
    pub fn comment_texts(&self) -> impl Iterator<Item = &str> {
        self.comments.iter().map(|span| &self.text[span.range()])
    }

    /// The first anchor on the node, or on a node inside it, that an alias uses.
    pub fn shared_anchor(&self, id: NodeId) -> Option<Span> {
        let node = self.node(id);
        if let Some(anchor) = node.anchor()
            && anchor.used
        {
            return Some(anchor.span);
        }
        match &node.data {
            Data::Mapping { entries, .. } => {
                entries.iter().find_map(|&(key, value)| self.shared_anchor(key).or_else(|| self.shared_anchor(value)))
            }
            Data::Sequence { items, .. } => items.iter().find_map(|&item| self.shared_anchor(item)),
            _ => None,
        }
    }

    /// The first `<<` with a tag or in quotes, which some readers merge and others don't.
    pub fn odd_merge(&self) -> Option<NodeId> {
        let keys = self.nodes.iter().flat_map(|node| match &node.data {
            Data::Mapping { entries, .. } => entries.as_slice(),
            _ => &[],
        });
        keys.map(|&(key, _)| key).find(|&key| self.text(key) == Some("<<") && !self.is_merge(key))
    }

    /// The first key with a tag that can change its text.
    pub fn tagged_key(&self) -> Option<NodeId> {
        let tagged =
            |key: NodeId| self.node(self.resolve(key)).tag().is_some_and(|tag| &self.text[tag.range()] != "!!str");
        self.nodes.iter().find_map(|node| match &node.data {
            Data::Mapping { entries, .. } => entries.iter().map(|&(key, _)| key).find(|&key| tagged(key)),
            _ => None,
        })
    }

    /// The first line break that only YAML 1.1 knows (U+0085, U+2028, U+2029), outside of quotes: YAML 1.1 readers
    /// begin a new line there, YAML 1.2 readers do not.
    pub fn odd_break(&self) -> Option<Span> {
        let odd = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
        if self.format == Format::Json || !has_odd_break(self.text.as_bytes()) {
            return None;
        }
        let mut quoted: Vec<Span> = self
            .nodes
            .iter()
            .filter(|node| {
                matches!(&node.data, Data::Scalar { style: ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, .. })
            })
            .map(Node::span)
            .collect();
        quoted.sort();
        let inside = |at: usize| {
            let behind = quoted.partition_point(|span| span.start <= at);
            quoted[..behind].last().is_some_and(|span| at < span.end)
        };
        let at = self.text.char_indices().find(|&(at, c)| odd(c) && !inside(at));
        at.map(|(at, c)| Span::new(at, at + c.len_utf8()).shifted(self.base))
    }

    /// The first key that is not a scalar, such as `{{ name }}` in YAML.
    pub fn complex_key(&self) -> Option<NodeId> {
        self.nodes.iter().find_map(|node| match &node.data {
            Data::Mapping { entries, .. } => entries.iter().map(|&(key, _)| key).find(|&key| self.text(key).is_none()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::parse::parse;
    use crate::source::Source;

    #[test]
    fn a_tree_has_a_value_if_a_value_says_it_all() {
        let value = |text: &str| {
            let source = Source::new(text.as_bytes());
            let document = source.segments().next().unwrap();
            let tree = parse(&document).unwrap();
            tree.as_value(tree.root)
        };
        assert_eq!(
            value("b: {c: ~, d: [1, -2, true, 'y', x]}\na: |\n  t\n"),
            Some(json!({"b": {"c": null, "d": [1, -2, true, "y", "x"]}, "a": "t\n"}))
        );
        assert_eq!(value("a: &x {b: 1}\nc: *x\n"), Some(json!({"a": {"b": 1}, "c": {"b": 1}})));
        for odd in [
            "a: 1\na: 2\n",
            "a: !x 1\n",
            "!x a: 1\n",
            "a: &x {b: 1}\n<<: *x\n",
            "a: 1.50\n",
            "a: 0x10\n",
            "a: True\n",
            "a: y\n",
        ] {
            assert_eq!(value(odd), None, "{odd}");
        }
        let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(value(&deep), None);
    }
}
