//! The generated manifests, with everything that people and tools do to YAML.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{KIND, NAME, REFERENCING_KINDS};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quote {
    Plain,
    Single,
    Double,
    /// Double quotes, the first letter as `\xNN`.
    Escaped,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String, Quote),
    /// An empty value, `~` or `null`.
    Null(u8),
    /// `|` or `>`, chomping, lines.
    Block(bool, u8, Vec<String>),
    Map(Vec<Entry>, Form),
    Seq(Vec<Node>, Form),
    /// An anchor on the node.
    Anchored(Box<Node>),
    /// One of the anchors so far; a text if there is none.
    Alias(Index),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Block,
    /// Brackets on one line.
    Flow,
    /// Brackets over several lines.
    Lines,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The lines above: blank, or a comment at its own or another column.
    pub(super) above: Vec<Option<usize>>,
    pub(super) key: Key,
    pub(super) value: Node,
    /// A comment on the key's line.
    pub(super) comment: bool,
    /// Blanks after the colon.
    pub(super) gap: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Key {
    Name(String, Quote),
    /// `<<` with one of the mappings anchored so far; omitted if there is none.
    Merge(Index),
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Object(Vec<Entry>, Form),
    List(Vec<(Vec<Entry>, Form)>, Form),
    Comments,
    EmptySelection,
    /// A template, or text that is not YAML at all, without CAPA objects.
    Broken(&'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) marker: &'static str,
    pub(super) content: Content,
    /// Indentation, and whether sequences are at the column of their key.
    pub(super) step: usize,
    pub(super) flush: bool,
    /// `...` after it.
    pub(super) end: bool,
}

#[derive(Clone)]
pub(super) struct Stream {
    pub(super) documents: Vec<Document>,
    pub(super) bom: bool,
    pub(super) crlf: bool,
    pub(super) newline: bool,
    /// The text after the last document: markers, blanks and comments.
    pub(super) tail: &'static str,
    pub(super) json: Option<bool>,
    /// Without anchors, aliases, merges and broken neighbours: such a stream must be edited.
    pub(super) tame: bool,
}

pub(super) const TEXTS: [&str; 46] = [
    "a",
    "us-west-2",
    "yes",
    "0755",
    "1.0",
    "~",
    "null",
    "",
    "a: b",
    " lead",
    "trail ",
    "#x",
    "a #b",
    "é—🎉",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "- a",
    "*a",
    "&a",
    "!t",
    "{x",
    "[y",
    "@",
    "`",
    "%p",
    "---",
    "...",
    "line1\nline2",
    "tab\there",
    "kind: AWSCluster",
    "${VAR}",
    "${X:=y}",
    "<<",
    "=",
    "0x1f",
    "1_000",
    "2026-01-01",
    "12:30",
    "?",
    ":",
    "-",
    "identityRef",
    "18446744073709551617",
    ".nan",
    "x,y]z}",
];

pub(super) const KEYS: [&str; 16] = [
    "a",
    "b",
    "region2",
    "x-y",
    "a b",
    "x: y",
    "é",
    "\"q\"",
    "yes",
    "1",
    "kind",
    "name",
    "spec",
    "identityRef",
    "cluster.x-k8s.io/name",
    "",
];

pub(super) const LINES: [&str; 12] =
    ["---", "...", "kind: AWSCluster", "", "  deeper", "# no comment", "a: b", " x", "\ttab", "end ", "%d", "{{ .x }}"];

pub(super) const BROKEN: [&str; 5] =
    ["a: {{ .Values.b }}: c\n", "x: [\n", "\t- a\n", "a: 'b\n", "{{- if x }}\nkind: Pod\n{{- end }}\n"];

/// Possible ends of a file. A file without a final newline has this end without its newlines.
pub(super) const TAILS: [&str; 12] = [
    "---\n",
    "--- \n",
    "---\n\n  \n",
    "--- ",
    "---\n---\n",
    "...\n",
    "...\n   ",
    "...\n\n \n",
    "...\n---\n",
    "\n\n",
    "   ",
    "# the end\n",
];

pub(super) fn quote() -> impl Strategy<Value = Quote> {
    prop_oneof![6 => Just(Quote::Plain), 2 => Just(Quote::Single), 2 => Just(Quote::Double), 1 => Just(Quote::Escaped)]
}

pub(super) fn form() -> impl Strategy<Value = Form> {
    prop_oneof![5 => Just(Form::Block), 2 => Just(Form::Flow), 1 => Just(Form::Lines)]
}

pub(super) fn text() -> impl Strategy<Value = Node> {
    (select(&TEXTS[..]), quote()).prop_map(|(text, quote)| Node::Text(text.into(), quote))
}

pub(super) fn node() -> BoxedStrategy<Node> {
    let lines = proptest::collection::vec(select(&LINES[..]).prop_map(str::to_owned), 0..4);
    let leaf = prop_oneof![
        6 => text(),
        1 => (0..3_u8).prop_map(Node::Null),
        2 => (any::<bool>(), 0..3_u8, lines).prop_map(|(fold, chomp, lines)| Node::Block(fold, chomp, lines)),
        1 => any::<Index>().prop_map(Node::Alias),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            3 => (proptest::collection::vec(entry(inner.clone()), 0..4), form())
                .prop_map(|(entries, form)| Node::Map(entries, form)),
            3 => (proptest::collection::vec(inner.clone(), 0..4), form()).prop_map(|(items, form)| Node::Seq(items, form)),
            1 => inner.prop_map(|node| match node {
                Node::Anchored(_) | Node::Alias(_) => node,
                other => Node::Anchored(Box::new(other)),
            }),
        ]
    })
    .boxed()
}

/// The text around a key: the lines above, a comment after it, blanks after its colon.
pub(super) fn dress() -> impl Strategy<Value = (Vec<Option<usize>>, bool, usize)> + Clone {
    let above = prop_oneof![1 => Just(None), 2 => (0..3_usize).prop_map(Some)];
    (proptest::collection::vec(above, 0..2), prop::bool::weighted(0.2), 1..3_usize)
}

pub(super) fn dressed(key: Key, value: Node, (above, comment, gap): (Vec<Option<usize>>, bool, usize)) -> Entry {
    Entry { above, key, value, comment, gap }
}

pub(super) fn entry(value: impl Strategy<Value = Node> + Clone + 'static) -> BoxedStrategy<Entry> {
    (select(&KEYS[..]), quote(), value, dress())
        .prop_map(|(key, quote, value, dress)| dressed(Key::Name(key.into(), quote), value, dress))
        .boxed()
}

pub(super) fn fill(range: std::ops::Range<usize>) -> BoxedStrategy<Vec<Entry>> {
    proptest::collection::vec(entry(node()), range).boxed()
}

pub(super) fn named(key: &'static str, value: impl Strategy<Value = Node> + 'static) -> BoxedStrategy<Entry> {
    (key_quote(), value, dress())
        .prop_map(move |(quote, value, dress)| dressed(Key::Name(key.into(), quote), value, dress))
        .boxed()
}

pub(super) fn key_quote() -> impl Strategy<Value = Quote> {
    prop_oneof![12 => Just(Quote::Plain), 1 => Just(Quote::Single), 1 => Just(Quote::Double), 1 => Just(Quote::Escaped)]
}

pub(super) fn specified(text: &'static str) -> impl Strategy<Value = Node> {
    key_quote().prop_map(move |quote| Node::Text(text.into(), quote))
}

pub(super) fn mapping(entries: impl Strategy<Value = Vec<Entry>> + 'static) -> BoxedStrategy<Node> {
    (entries, form()).prop_map(|(entries, form)| Node::Map(entries, form)).boxed()
}

/// An identity reference in each state that inject updates without a flag.
pub(super) fn identity_ref() -> impl Strategy<Value = Node> {
    prop_oneof![
        (0..3_u8).prop_map(Node::Null),
        form().prop_map(|form| Node::Map(Vec::new(), form)),
        mapping(
            (named("kind", specified("AWSClusterControllerIdentity")), named("name", specified("default")))
                .prop_map(|(a, b)| vec![a, b])
        ),
        mapping(named("name", specified("default")).prop_map(|entry| vec![entry])),
        mapping((named("name", specified(NAME)), named("kind", specified(KIND))).prop_map(|(a, b)| vec![a, b])),
        mapping(
            (named("name", (0..3_u8).prop_map(Node::Null)), named("kind", specified("AWSClusterControllerIdentity")))
                .prop_map(|(a, b)| vec![a, b])
        ),
    ]
    .boxed()
}

/// A reference that inject may refuse.
pub(super) fn other_ref() -> BoxedStrategy<Node> {
    prop_oneof![
        mapping((named("kind", specified(KIND)), named("name", specified("other"))).prop_map(|(a, b)| vec![a, b])),
        text(),
        node(),
    ]
    .boxed()
}

pub(super) fn spec(tame: bool) -> BoxedStrategy<Node> {
    let reference = prop_oneof![
        3 => Just(None).boxed(),
        2 => named("identityRef", identity_ref()).prop_map(Some).boxed(),
        1 => named("identityRef", other_ref()).prop_map(move |entry| (!tame).then_some(entry)).boxed(),
    ];
    let merges = proptest::collection::vec(
        (any::<Index>(), dress()).prop_map(|(index, dress)| dressed(Key::Merge(index), Node::Null(0), dress)),
        0..2,
    );
    let region = proptest::option::of(named("region", specified("us-west-2")));
    let full = (reference, region, merges, fill(0..4)).prop_map(|(reference, region, merges, others)| {
        let mut entries: Vec<Entry> = others;
        entries.retain(|entry| !matches!(&entry.key, Key::Name(name, _) if name == "identityRef"));
        entries.extend(reference);
        entries.extend(region);
        entries.extend(merges);
        entries
    });
    let full = (full.prop_shuffle(), form()).prop_map(|(entries, form)| Node::Map(entries, form));
    let node = prop_oneof![
        12 => full,
        1 => (0..3_u8).prop_map(Node::Null),
        1 => form().prop_map(|form| Node::Map(Vec::new(), form)),
    ];
    (node, 0..10, any::<Index>())
        .prop_map(move |(node, how, index)| match how {
            8 => Node::Anchored(Box::new(node)),
            9 if !tame => Node::Alias(index),
            _ => node,
        })
        .boxed()
}

pub(super) fn metadata() -> BoxedStrategy<Node> {
    mapping((named("name", specified("foo")), fill(0..2)).prop_map(|(name, others)| {
        let mut entries = vec![name];
        entries.extend(others.into_iter().filter(|entry| !matches!(&entry.key, Key::Name(key, _) if key == "name")));
        entries
    }))
    .boxed()
}

/// A template's spec around that of its object, or one that ends before it.
fn in_template(spec: Node, kept: u8) -> Node {
    let around = |key: &str, value: Node| Entry {
        above: Vec::new(),
        key: Key::Name(key.into(), Quote::Plain),
        value,
        comment: false,
        gap: 1,
    };
    let inner = match kept % 8 {
        0 => Node::Null(0),
        1 => Node::Map(Vec::new(), Form::Flow),
        _ => Node::Map(vec![around("spec", spec)], Form::Block),
    };
    Node::Map(vec![around("template", inner)], Form::Block)
}

/// An object that carries a reference.
fn bearer(tame: bool) -> BoxedStrategy<Vec<Entry>> {
    (select(&REFERENCING_KINDS[..]), any::<u8>())
        .prop_flat_map(move |((version, kind, path), kept)| {
            let spec = spec(tame).prop_map(move |spec| if path.len() == 2 { spec } else { in_template(spec, kept) });
            let spec = proptest::option::weighted(0.95, named("spec", spec));
            // Members that a spec may merge, sometimes with a reference.
            let shared = (fill(0..2), proptest::option::of(named("identityRef", identity_ref())), form());
            let shared = shared.prop_map(|(mut entries, reference, form)| {
                entries.extend(reference);
                Node::Anchored(Box::new(Node::Map(entries, form)))
            });
            let shared =
                proptest::option::of(named("x-shared", shared)).prop_map(move |shared| shared.filter(|_| !tame));
            let head = (
                named("apiVersion", specified(version)),
                named("kind", specified(kind)),
                named("metadata", metadata()),
            );
            (head, shared, spec).prop_map(|((a, b, c), d, e)| {
                [Some(a), Some(b), Some(c), d, e].into_iter().flatten().collect::<Vec<_>>()
            })
        })
        .boxed()
}

fn identity() -> BoxedStrategy<Vec<Entry>> {
    (
        named("apiVersion", specified("infrastructure.cluster.x-k8s.io/v1beta2")),
        named("kind", specified(KIND)),
        named("metadata", mapping(named("name", specified(NAME)).prop_map(|name| vec![name]))),
        named(
            "spec",
            mapping(
                (
                    named(
                        "roleARN",
                        specified("arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"),
                    ),
                    named("allowedNamespaces", form().prop_map(|form| Node::Map(Vec::new(), form))),
                    proptest::option::of(named(
                        "sourceIdentityRef",
                        mapping(
                            (
                                named("kind", specified("AWSClusterControllerIdentity")),
                                named("name", specified("default")),
                            )
                                .prop_map(|(a, b)| vec![a, b]),
                        ),
                    )),
                )
                    .prop_map(|(a, b, c)| [Some(a), Some(b), c].into_iter().flatten().collect()),
            ),
        ),
    )
        .prop_map(|(a, b, c, d)| vec![a, b, c, d])
        .boxed()
}

pub(super) fn object(tame: bool) -> BoxedStrategy<Vec<Entry>> {
    let foreign = |version: &'static str, kind: &'static str, key: &'static str| {
        (named("apiVersion", specified(version)), named("kind", specified(kind)), named(key, mapping(fill(0..4))))
            .prop_map(|(a, b, c)| vec![a, b, c])
    };
    prop_oneof![
        8 => bearer(tame),
        1 => foreign("cluster.x-k8s.io/v1beta1", "Cluster", "spec"),
        1 => foreign("v1", "Secret", "stringData"),
        2 => foreign("v1", "ConfigMap", "data"),
        1 => foreign("example.com/v1", "Thing", "spec"),
        1 => identity(),
    ]
    .prop_shuffle()
    .boxed()
}

pub(super) fn document(tame: bool) -> BoxedStrategy<Document> {
    let own = form().prop_map(|form| if form == Form::Block { Form::Block } else { Form::Flow });
    let broken = move || select(&BROKEN[..]).prop_map(Content::Broken);
    let content = prop_oneof![
        10 => (object(tame), own).prop_map(|(entries, form)| Content::Object(entries, form)),
        2 => (proptest::collection::vec((object(tame), form()), 0..3), form())
            .prop_map(|(items, form)| Content::List(items, form)),
        1 => Just(Content::Comments),
        1 => Just(Content::EmptySelection),
        1 => broken(),
    ]
    .prop_filter("a tame stream has no broken part", move |content| !tame || !matches!(content, Content::Broken(_)));
    let marker = select(&["---\n", "--- # c\n", "---\t\n", "---\n# between\n", "---   \n\n"][..]);
    (marker, content, 1..5_usize, any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(marker, content, step, flush, end)| Document { marker, content, step, flush, end })
        .boxed()
}

pub(super) fn stream(tame: bool) -> impl Strategy<Value = Stream> {
    let json = prop_oneof![7 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let marks = (prop::bool::weighted(0.1), prop::bool::weighted(0.25), prop::bool::weighted(0.8));
    let tail = prop_oneof![3 => Just(""), 1 => select(&TAILS[..])];
    (proptest::collection::vec(document(tame), 1..4), marks, tail, json).prop_map(
        move |(documents, marks, tail, json)| {
            let (bom, crlf, newline) = marks;
            // libyaml does not accept `...` without a document before it. Blanks may be text of a block scalar.
            let ended =
                |last: &Document| last.end || matches!(last.content, Content::Comments | Content::EmptySelection);
            let odd = tail == "   " || tail.starts_with("...") && documents.last().is_some_and(ended);
            let tail = if json.is_some() || tame && odd { "" } else { tail };
            Stream { documents, bom, crlf, newline, tail, json, tame }
        },
    )
}

pub(super) fn streams() -> impl Strategy<Value = Stream> {
    any::<bool>().prop_flat_map(stream)
}
