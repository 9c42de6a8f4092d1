//! The engine and `inject` on generated manifests: whatever the text looks like, the result is right or there is none.
//!
//! `XACCOUNT_CASES=N` runs N cases of each property instead of a few hundred. What is right is judged by other parsers
//! (see `suite/oracle.rs`) and by a cut into documents of its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};

use xaccount::diag::FileId;
use xaccount::inject::{self, Failure, IdentityFile, IdentityRequest, Outcome, Request, Selection, Target};
use xaccount::lossless::{Edited, Source, apply};
use xaccount::run::{self, Run, Scan};

use crate::suite::oracle::{Reader, Tree, pointed};
use crate::suite::{restored, say};
use crate::support::xaccount;

const ACCOUNT: &str = "222222222222";
const KIND: &str = "AWSClusterRoleIdentity";
const NAME: &str = "cross-account-role-222222222222";

/// The kinds that are generated, and where they carry a reference.
const BEARERS: [(&str, &str, &[&str]); 3] = [
    ("infrastructure.cluster.x-k8s.io/v1beta2", "AWSCluster", &["spec", "identityRef"]),
    ("controlplane.cluster.x-k8s.io/v1beta1", "AWSManagedControlPlane", &["spec", "identityRef"]),
    ("infrastructure.cluster.x-k8s.io/v1beta1", "AWSClusterTemplate", &["spec", "template", "spec", "identityRef"]),
];

// --- what is generated -----------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq)]
enum Quote {
    Plain,
    Single,
    Double,
    /// Double quotes, the first letter as `\xNN`.
    Escaped,
}

#[derive(Clone, Debug)]
enum Node {
    Text(String, Quote),
    /// Nothing, `~` or `null`.
    Null(u8),
    /// `|` or `>`, chomping, lines.
    Block(bool, u8, Vec<String>),
    Map(Vec<Entry>, Form),
    Seq(Vec<Node>, Form),
    /// An anchor on the node.
    Anchored(Box<Node>),
    /// One of the anchors so far, a text where there is none.
    Alias(Index),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Block,
    /// Brackets on one line.
    Flow,
    /// Brackets over several lines.
    Lines,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Lines above: blank, or a comment at its own or another column.
    above: Vec<Option<usize>>,
    key: Key,
    value: Node,
    /// A comment on the key's line.
    comment: bool,
    /// Blanks behind the colon.
    gap: usize,
}

#[derive(Clone, Debug)]
enum Key {
    Name(String, Quote),
    /// `<<`, of one of the mappings anchored so far; left out where there is none.
    Merge(Index),
}

#[derive(Clone, Debug)]
enum Content {
    Object(Vec<Entry>, Form),
    List(Vec<(Vec<Entry>, Form)>, Form),
    Comments,
    Nothing,
    /// A template, or text that is not YAML at all; nothing of ours.
    Broken(&'static str),
}

#[derive(Clone, Debug)]
struct Document {
    marker: &'static str,
    content: Content,
    /// Indentation, and whether sequences stand at the column of their key.
    step: usize,
    flush: bool,
    /// `...` behind it.
    end: bool,
}

#[derive(Clone)]
struct Stream {
    documents: Vec<Document>,
    bom: bool,
    crlf: bool,
    newline: bool,
    json: Option<bool>,
    /// Without anchors, aliases, merges and broken neighbours: such a stream must be edited.
    tame: bool,
}

const TEXTS: [&str; 46] = [
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

const KEYS: [&str; 16] = [
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

const LINES: [&str; 12] =
    ["---", "...", "kind: AWSCluster", "", "  deeper", "# no comment", "a: b", " x", "\ttab", "end ", "%d", "{{ .x }}"];

const BROKEN: [&str; 5] =
    ["a: {{ .Values.b }}: c\n", "x: [\n", "\t- a\n", "a: 'b\n", "{{- if x }}\nkind: Pod\n{{- end }}\n"];

fn quote() -> impl Strategy<Value = Quote> {
    prop_oneof![6 => Just(Quote::Plain), 2 => Just(Quote::Single), 2 => Just(Quote::Double), 1 => Just(Quote::Escaped)]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![5 => Just(Form::Block), 2 => Just(Form::Flow), 1 => Just(Form::Lines)]
}

fn text() -> impl Strategy<Value = Node> {
    (select(&TEXTS[..]), quote()).prop_map(|(text, quote)| Node::Text(text.into(), quote))
}

fn node() -> BoxedStrategy<Node> {
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

/// What stands around a key: the lines above, a comment behind it, blanks behind its colon.
fn dress() -> impl Strategy<Value = (Vec<Option<usize>>, bool, usize)> + Clone {
    let above = prop_oneof![1 => Just(None), 2 => (0..3_usize).prop_map(Some)];
    (proptest::collection::vec(above, 0..2), prop::bool::weighted(0.2), 1..3_usize)
}

fn dressed(key: Key, value: Node, (above, comment, gap): (Vec<Option<usize>>, bool, usize)) -> Entry {
    Entry { above, key, value, comment, gap }
}

fn entry(value: impl Strategy<Value = Node> + Clone + 'static) -> BoxedStrategy<Entry> {
    (select(&KEYS[..]), quote(), value, dress())
        .prop_map(|(key, quote, value, dress)| dressed(Key::Name(key.into(), quote), value, dress))
        .boxed()
}

fn fill(range: std::ops::Range<usize>) -> BoxedStrategy<Vec<Entry>> {
    proptest::collection::vec(entry(node()), range).boxed()
}

fn named(key: &'static str, value: impl Strategy<Value = Node> + 'static) -> BoxedStrategy<Entry> {
    (key_quote(), value, dress())
        .prop_map(move |(quote, value, dress)| dressed(Key::Name(key.into(), quote), value, dress))
        .boxed()
}

fn key_quote() -> impl Strategy<Value = Quote> {
    prop_oneof![12 => Just(Quote::Plain), 1 => Just(Quote::Single), 1 => Just(Quote::Double), 1 => Just(Quote::Escaped)]
}

fn said(text: &'static str) -> impl Strategy<Value = Node> {
    key_quote().prop_map(move |quote| Node::Text(text.into(), quote))
}

fn mapping(entries: impl Strategy<Value = Vec<Entry>> + 'static) -> BoxedStrategy<Node> {
    (entries, form()).prop_map(|(entries, form)| Node::Map(entries, form)).boxed()
}

/// An identity reference in every state that inject mends without being asked twice.
fn identity_ref() -> impl Strategy<Value = Node> {
    prop_oneof![
        (0..3_u8).prop_map(Node::Null),
        form().prop_map(|form| Node::Map(Vec::new(), form)),
        mapping(
            (named("kind", said("AWSClusterControllerIdentity")), named("name", said("default")))
                .prop_map(|(a, b)| vec![a, b])
        ),
        mapping(named("name", said("default")).prop_map(|entry| vec![entry])),
        mapping((named("name", said(NAME)), named("kind", said(KIND))).prop_map(|(a, b)| vec![a, b])),
        mapping(
            (named("name", (0..3_u8).prop_map(Node::Null)), named("kind", said("AWSClusterControllerIdentity")))
                .prop_map(|(a, b)| vec![a, b])
        ),
    ]
    .boxed()
}

/// One that inject may refuse.
fn other_ref() -> BoxedStrategy<Node> {
    prop_oneof![
        mapping((named("kind", said(KIND)), named("name", said("other"))).prop_map(|(a, b)| vec![a, b])),
        text(),
        node(),
    ]
    .boxed()
}

fn spec(tame: bool) -> BoxedStrategy<Node> {
    let reference = prop_oneof![
        3 => Just(None).boxed(),
        2 => named("identityRef", identity_ref()).prop_map(Some).boxed(),
        1 => named("identityRef", other_ref()).prop_map(move |entry| (!tame).then_some(entry)).boxed(),
    ];
    let merges = proptest::collection::vec(
        (any::<Index>(), dress()).prop_map(|(index, dress)| dressed(Key::Merge(index), Node::Null(0), dress)),
        0..2,
    );
    let region = proptest::option::of(named("region", said("us-west-2")));
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

fn metadata() -> BoxedStrategy<Node> {
    mapping((named("name", said("foo")), fill(0..2)).prop_map(|(name, others)| {
        let mut entries = vec![name];
        entries.extend(others.into_iter().filter(|entry| !matches!(&entry.key, Key::Name(key, _) if key == "name")));
        entries
    }))
    .boxed()
}

fn object(tame: bool) -> BoxedStrategy<Vec<Entry>> {
    let bearer = (select(&BEARERS[..]), any::<u8>()).prop_flat_map(move |((version, kind, path), kept)| {
        let spec = spec(tame).prop_map(move |spec| match path.len() {
            2 => spec,
            _ => {
                let around = |key: &str, value: Node| Entry {
                    above: Vec::new(),
                    key: Key::Name(key.into(), Quote::Plain),
                    value,
                    comment: false,
                    gap: 1,
                };
                // A template's spec may end on the way.
                let inner = match kept % 8 {
                    0 => Node::Null(0),
                    1 => Node::Map(Vec::new(), Form::Flow),
                    _ => Node::Map(vec![around("spec", spec)], Form::Block),
                };
                Node::Map(vec![around("template", inner)], Form::Block)
            }
        });
        let spec = proptest::option::weighted(0.95, named("spec", spec));
        // What a spec may merge, perhaps with a reference in it.
        let shared = (fill(0..2), proptest::option::of(named("identityRef", identity_ref())), form());
        let shared = shared.prop_map(|(mut entries, reference, form)| {
            entries.extend(reference);
            Node::Anchored(Box::new(Node::Map(entries, form)))
        });
        let shared = proptest::option::of(named("x-shared", shared)).prop_map(move |shared| shared.filter(|_| !tame));
        let head = (named("apiVersion", said(version)), named("kind", said(kind)), named("metadata", metadata()));
        (head, shared, spec)
            .prop_map(|((a, b, c), d, e)| [Some(a), Some(b), Some(c), d, e].into_iter().flatten().collect::<Vec<_>>())
    });
    let foreign = |version: &'static str, kind: &'static str, key: &'static str| {
        (named("apiVersion", said(version)), named("kind", said(kind)), named(key, mapping(fill(0..4))))
            .prop_map(|(a, b, c)| vec![a, b, c])
    };
    let identity = (
        named("apiVersion", said("infrastructure.cluster.x-k8s.io/v1beta2")),
        named("kind", said(KIND)),
        named("metadata", mapping(named("name", said(NAME)).prop_map(|name| vec![name]))),
        named(
            "spec",
            mapping(
                (
                    named(
                        "roleARN",
                        said("arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"),
                    ),
                    named("allowedNamespaces", form().prop_map(|form| Node::Map(Vec::new(), form))),
                    proptest::option::of(named(
                        "sourceIdentityRef",
                        mapping(
                            (named("kind", said("AWSClusterControllerIdentity")), named("name", said("default")))
                                .prop_map(|(a, b)| vec![a, b]),
                        ),
                    )),
                )
                    .prop_map(|(a, b, c)| [Some(a), Some(b), c].into_iter().flatten().collect()),
            ),
        ),
    )
        .prop_map(|(a, b, c, d)| vec![a, b, c, d]);
    prop_oneof![
        8 => bearer,
        1 => foreign("cluster.x-k8s.io/v1beta1", "Cluster", "spec"),
        1 => foreign("v1", "Secret", "stringData"),
        2 => foreign("v1", "ConfigMap", "data"),
        1 => foreign("example.com/v1", "Thing", "spec"),
        1 => identity,
    ]
    .prop_shuffle()
    .boxed()
}

fn document(tame: bool) -> BoxedStrategy<Document> {
    let own = form().prop_map(|form| if form == Form::Block { Form::Block } else { Form::Flow });
    let broken = move || select(&BROKEN[..]).prop_map(Content::Broken);
    let content = prop_oneof![
        10 => (object(tame), own).prop_map(|(entries, form)| Content::Object(entries, form)),
        2 => (proptest::collection::vec((object(tame), form()), 0..3), form())
            .prop_map(|(items, form)| Content::List(items, form)),
        1 => Just(Content::Comments),
        1 => Just(Content::Nothing),
        1 => broken(),
    ]
    .prop_filter("a tame stream has no broken part", move |content| !tame || !matches!(content, Content::Broken(_)));
    let marker = select(&["---\n", "--- # c\n", "---\t\n", "---\n# between\n", "---   \n\n"][..]);
    (marker, content, 1..5_usize, any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(marker, content, step, flush, end)| Document { marker, content, step, flush, end })
        .boxed()
}

fn stream(tame: bool) -> impl Strategy<Value = Stream> {
    let json = prop_oneof![7 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let marks = (prop::bool::weighted(0.1), prop::bool::weighted(0.25), prop::bool::weighted(0.8));
    (proptest::collection::vec(document(tame), 1..4), marks, json).prop_map(move |(documents, marks, json)| {
        let (bom, crlf, newline) = marks;
        Stream { documents, bom, crlf, newline, json, tame }
    })
}

fn streams() -> impl Strategy<Value = Stream> {
    any::<bool>().prop_flat_map(stream)
}

// --- how it is written -----------------------------------------------------------------------------------------------

struct Writer {
    out: String,
    step: usize,
    flush: bool,
    tame: bool,
    /// Comments are numbered, so that none can be lost or moved unseen.
    comments: usize,
    /// Whether each anchor so far stands for a mapping; nothing before its node is complete.
    anchors: Vec<Option<bool>>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({:?}, tame: {})", self.write(), self.tame)
    }
}

impl Stream {
    fn write(&self) -> String {
        let mut out = match self.json {
            Some(pretty) => self.json(pretty),
            None => self.yaml(),
        };
        if !self.newline {
            out.truncate(out.trim_end_matches('\n').len());
        }
        if self.crlf {
            out = out.replace('\n', "\r\n");
        }
        if self.bom { format!("\u{feff}{out}") } else { out }
    }

    fn yaml(&self) -> String {
        let mut out = String::new();
        let mut comments = 0;
        for (index, document) in self.documents.iter().enumerate() {
            if index > 0 || document.step % 2 == 0 {
                out.push_str(document.marker);
            }
            let mut writer = Writer {
                out: String::new(),
                step: document.step,
                flush: document.flush,
                tame: self.tame,
                comments,
                anchors: Vec::new(),
            };
            match &document.content {
                Content::Object(entries, Form::Block) => writer.entries(entries, 0, false),
                Content::Object(entries, form) => {
                    writer.flow_map(entries, *form, 0);
                    writer.out.push('\n');
                }
                Content::List(items, form) => {
                    writer.out.push_str("apiVersion: v1\nkind: List\nitems:");
                    let items = items.iter().map(|(entries, form)| Node::Map(entries.clone(), *form)).collect();
                    writer.value(&Node::Seq(items, *form), 0, false, 1);
                }
                Content::Comments => writer.comment_line(0),
                Content::Nothing => {}
                Content::Broken(text) => writer.out.push_str(text),
            }
            comments = writer.comments;
            out.push_str(&writer.out);
            // libyaml takes no `...` without a document before it.
            let bare = matches!(document.content, Content::Comments | Content::Nothing);
            if document.end && !(bare && self.tame) {
                out.push_str("...\n");
            }
        }
        out
    }

    fn json(&self, pretty: bool) -> String {
        let object = |entries: &[Entry]| serde_json::Value::Object(json_members(entries));
        let mut out = String::new();
        for document in &self.documents {
            let value = match &document.content {
                Content::Object(entries, _) => object(entries),
                Content::List(items, _) => {
                    let items: Vec<_> = items.iter().map(|(entries, _)| object(entries)).collect();
                    serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items})
                }
                _ => continue,
            };
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            out.push_str(&text.unwrap());
            out.push('\n');
        }
        out
    }
}

fn json_members(entries: &[Entry]) -> serde_json::Map<String, serde_json::Value> {
    let named = entries.iter().filter_map(|entry| match &entry.key {
        Key::Name(name, _) => Some((name.clone(), json_value(&entry.value))),
        Key::Merge(_) => None,
    });
    named.collect()
}

fn json_value(node: &Node) -> serde_json::Value {
    match node {
        Node::Text(text, _) => text.clone().into(),
        Node::Null(_) | Node::Alias(_) => serde_json::Value::Null,
        Node::Block(_, _, lines) => lines.join("\n").into(),
        Node::Map(entries, _) => serde_json::Value::Object(json_members(entries)),
        Node::Seq(items, _) => items.iter().map(json_value).collect(),
        Node::Anchored(node) => json_value(node),
    }
}

fn scalar(text: &str, quote: Quote, in_flow: bool) -> String {
    let safe =
        |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c) || (!in_flow && "${}=".contains(c)) || c > '\u{a0}';
    let plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '$' && !in_flow || c > '\u{a0}')
        && text.chars().all(safe);
    let control = text.contains(|c: char| c.is_control());
    match quote {
        Quote::Plain if plain => text.to_owned(),
        Quote::Plain | Quote::Single if !control => format!("'{}'", text.replace('\'', "''")),
        Quote::Escaped if text.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            let rest = serde_json::to_string(&text[1..]).unwrap();
            format!("\"\\x{:02x}{}", text.as_bytes()[0], &rest[1..])
        }
        _ => serde_json::to_string(text).unwrap(),
    }
}

impl Writer {
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# comment {}.", self.comments)
    }

    fn comment_line(&mut self, indent: usize) {
        let comment = self.comment();
        self.out.push_str(&format!("{}{comment}\n", " ".repeat(indent)));
    }

    /// What stands for an alias or a merge here.
    fn alias(&self, index: &Index, map: bool) -> Option<String> {
        let fit: Vec<usize> =
            (0..self.anchors.len()).filter(|&at| self.anchors[at].is_some_and(|is| is || !map)).collect();
        (!fit.is_empty() && !self.tame).then(|| format!("*a{}", index.get(&fit) + 1))
    }

    fn key(&self, key: &Key, in_flow: bool) -> Option<String> {
        match key {
            Key::Name(name, quote) => Some(scalar(name, *quote, in_flow)),
            Key::Merge(index) => self.alias(index, true).map(|_| "<<".to_owned()),
        }
    }

    /// Entries of a block mapping; `first_inline` where the first one stands behind a dash.
    fn entries(&mut self, entries: &[Entry], indent: usize, mut first_inline: bool) {
        let mut seen: Vec<&str> = Vec::new();
        for entry in entries {
            if let Key::Name(name, _) = &entry.key {
                if seen.contains(&name.as_str()) {
                    continue;
                }
                seen.push(name);
            }
            let Some(key) = self.key(&entry.key, false) else { continue };
            if !first_inline {
                for above in &entry.above {
                    match above {
                        None => self.out.push('\n'),
                        Some(shift) => self.comment_line((indent + shift).saturating_sub(1)),
                    }
                }
                self.out.push_str(&" ".repeat(indent));
            }
            first_inline = false;
            self.out.push_str(&key);
            self.out.push(':');
            match &entry.key {
                Key::Merge(index) => {
                    let alias = self.alias(index, true).unwrap_or_default();
                    self.out.push_str(&format!(" {alias}\n"));
                }
                Key::Name(..) => self.value(&entry.value, indent, entry.comment, entry.gap),
            }
        }
        if first_inline {
            // Nothing was written behind the dash.
            self.out.push_str("{}\n");
        }
    }

    fn end_line(&mut self, comment: bool) {
        if comment {
            let comment = self.comment();
            self.out.push_str(&format!(" {comment}"));
        }
        self.out.push('\n');
    }

    /// What stands behind the colon of a key at `indent`, up to the end of its last line.
    fn value(&mut self, node: &Node, indent: usize, comment: bool, gap: usize) {
        let blanks = " ".repeat(gap);
        match node {
            Node::Anchored(inner) if self.tame => self.value(inner, indent, comment, gap),
            Node::Anchored(inner) => {
                self.anchors.push(None);
                let at = self.anchors.len();
                self.out.push_str(&format!(" &a{at}"));
                self.value(inner, indent, comment, gap);
                self.anchors[at - 1] = Some(matches!(**inner, Node::Map(..)));
            }
            Node::Text(text, quote) => {
                self.out.push_str(&format!("{blanks}{}", scalar(text, *quote, false)));
                self.end_line(comment);
            }
            Node::Null(kind) => {
                self.out.push_str(["", " ~", " null"][usize::from(*kind)]);
                self.end_line(comment);
            }
            Node::Alias(index) => {
                let text = self.alias(index, false).unwrap_or_else(|| "none".into());
                self.out.push_str(&format!("{blanks}{text}"));
                self.end_line(comment);
            }
            Node::Block(fold, chomp, lines) => {
                // libyaml, and with it kubectl, takes no tab on the line that shows the indentation.
                let first = lines.iter().find(|line| !line.is_empty());
                let indicator = if first.is_some_and(|line| line.starts_with([' ', '\t'])) {
                    self.step.to_string()
                } else {
                    String::new()
                };
                let sign = if *fold { '>' } else { '|' };
                self.out.push_str(&format!(" {sign}{indicator}{}", ["", "-", "+"][usize::from(*chomp)]));
                self.end_line(comment);
                for line in lines {
                    if !line.is_empty() {
                        self.out.push_str(&" ".repeat(indent + self.step));
                    }
                    self.out.push_str(line);
                    self.out.push('\n');
                }
            }
            Node::Map(entries, Form::Block) if entries.iter().any(|entry| self.key(&entry.key, false).is_some()) => {
                self.end_line(comment);
                self.entries(entries, indent + self.step, false);
            }
            Node::Seq(items, Form::Block) if !items.is_empty() => {
                self.end_line(comment);
                let column = if self.flush { indent } else { indent + self.step };
                for item in items {
                    self.out.push_str(&" ".repeat(column));
                    self.item(item, column);
                }
            }
            other => {
                self.out.push_str(&blanks);
                self.flow(other, indent + self.step);
                self.end_line(comment);
            }
        }
    }

    fn item(&mut self, item: &Node, column: usize) {
        match item {
            Node::Map(entries, Form::Block) if entries.iter().any(|entry| self.key(&entry.key, false).is_some()) => {
                self.out.push_str("- ");
                self.entries(entries, column + 2, true);
            }
            Node::Seq(items, Form::Block) if !items.is_empty() => {
                self.out.push_str("- ");
                for (index, inner) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(&" ".repeat(column + 2));
                    }
                    self.item(inner, column + 2);
                }
            }
            other => {
                self.out.push('-');
                // A block scalar, an anchor: as behind a key at the dash.
                let (step, flush) = (self.step, self.flush);
                (self.step, self.flush) = (step.max(2), false);
                self.value(other, column, false, 1);
                (self.step, self.flush) = (step, flush);
            }
        }
    }

    fn flow(&mut self, node: &Node, indent: usize) {
        match node {
            Node::Anchored(inner) if self.tame => self.flow(inner, indent),
            Node::Anchored(inner) => {
                self.anchors.push(None);
                let at = self.anchors.len();
                self.out.push_str(&format!("&a{at} "));
                self.flow(inner, indent);
                self.anchors[at - 1] = Some(matches!(**inner, Node::Map(..)));
            }
            Node::Text(text, quote) => self.out.push_str(&scalar(text, *quote, true)),
            Node::Null(kind) => self.out.push_str(["null", "~", "null"][usize::from(*kind)]),
            Node::Alias(index) => {
                let text = self.alias(index, false).unwrap_or_else(|| "none".into());
                self.out.push_str(&format!("{text} "));
            }
            Node::Block(_, _, lines) => self.out.push_str(&scalar(&lines.join("\n"), Quote::Double, true)),
            Node::Map(entries, form) => self.flow_map(entries, *form, indent),
            Node::Seq(items, form) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.between(index, *form, indent);
                    self.flow(item, indent + 2);
                }
                self.close(items.is_empty(), *form, indent);
                self.out.push(']');
            }
        }
    }

    fn between(&mut self, index: usize, form: Form, indent: usize) {
        match (form, index) {
            (Form::Lines, _) => {
                if index > 0 {
                    self.out.push(',');
                }
                if index % 2 == 1 {
                    self.end_line(true);
                } else {
                    self.out.push('\n');
                }
                self.out.push_str(&" ".repeat(indent.max(1)));
            }
            (_, 0) => {}
            _ => self.out.push_str(", "),
        }
    }

    fn close(&mut self, empty: bool, form: Form, indent: usize) {
        if !empty && form == Form::Lines {
            self.out.push('\n');
            self.out.push_str(&" ".repeat(indent.max(1)));
        } else if empty && form == Form::Lines {
            self.out.push(' ');
        }
    }

    fn flow_map(&mut self, entries: &[Entry], form: Form, indent: usize) {
        self.out.push('{');
        let mut seen: Vec<&str> = Vec::new();
        for entry in entries {
            if let Key::Name(name, _) = &entry.key
                && seen.contains(&name.as_str())
            {
                continue;
            }
            let Some(key) = self.key(&entry.key, true) else { continue };
            let alias = match &entry.key {
                Key::Merge(index) => self.alias(index, true),
                Key::Name(..) => None,
            };
            self.between(seen.len(), form, indent);
            seen.push(if let Key::Name(name, _) = &entry.key { name } else { "\u{1}" });
            self.out.push_str(&format!("{key}: "));
            match alias {
                Some(alias) => self.out.push_str(&format!("{alias} ")),
                None => self.flow(&entry.value, indent + 2),
            }
        }
        self.close(seen.is_empty(), form, indent);
        self.out.push('}');
    }
}

// --- what is run -----------------------------------------------------------------------------------------------------

fn request(identity_file: bool) -> Request {
    Request {
        target: Target::Account {
            account: ACCOUNT.parse().unwrap(),
            role: xaccount::capa::DEFAULT_ROLE_NAME.into(),
            partition: None,
        },
        selection: Selection::default(),
        identity_name: None,
        identity: IdentityRequest::default(),
        identity_file: identity_file.then(|| IdentityFile::New(PathBuf::from("identities.yaml"))),
        with_identity: true,
        with_controller_identity: false,
        api_version: None,
        overwrite: false,
        moves: Vec::new(),
        explain: false,
    }
}

#[derive(Debug)]
enum Ran {
    /// New content by file, and that of the new identity file.
    Edited(Vec<Vec<u8>>, Option<Vec<u8>>, bool),
    /// Nothing to point in these files.
    Nothing,
    Refused(String),
}

/// `inject` on files in memory.
fn inject(files: &[&[u8]], identity_file: bool) -> Result<Ran, TestCaseError> {
    let needles = xaccount::capa::needles();
    let options = Scan { needles: &needles, skip_templates: false, topology_variable: None };
    let mut run_files = Vec::new();
    let mut found = Vec::new();
    for (index, bytes) in files.iter().enumerate() {
        match run::scan(FileId(index), bytes, &options) {
            Ok(scanned) => {
                run_files.push(run::File {
                    name: format!("{index}.yaml"),
                    brace: scanned.brace,
                    identities_only: false,
                });
                found.extend(scanned.objects);
            }
            Err(errors) => return Ok(Ran::Refused(format!("scan: {}", errors[0].message))),
        }
    }
    let outcome: Outcome = match inject::plan(&Run::new(run_files, found), &request(identity_file)) {
        Ok(outcome) => outcome,
        Err(Failure::Nothing(_)) => return Ok(Ran::Nothing),
        Err(Failure::Refused(errors)) => return Ok(Ran::Refused(format!("plan: {}", errors[0].message))),
    };
    let mut changed = false;
    let mut out: Vec<Vec<u8>> = files.iter().map(|bytes| bytes.to_vec()).collect();
    for (file, plan) in &outcome.plans {
        let old = files[file.0];
        let edited: Edited = match apply(&Source::new(old), plan) {
            Ok(edited) => edited,
            Err(refusal) => return Ok(Ran::Refused(format!("proof: {}", refusal.message))),
        };
        let new = edited.to_bytes(old);
        restored(old, &new, edited.splices()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(edited.is_unchanged(), new == old);
        changed |= new != old;
        out[file.0] = new;
    }
    let made = match &outcome.new_file {
        Some((_, plan)) => match apply(&Source::new(b""), plan) {
            Ok(edited) => Some(edited.to_bytes(b"")),
            Err(refusal) => return Err(TestCaseError::fail(format!("a new file is refused: {refusal}"))),
        },
        None => None,
    };
    changed |= made.is_some();
    Ok(Ran::Edited(out, made, changed))
}

// --- what is right ---------------------------------------------------------------------------------------------------

/// A text cut before each `---` line and behind each `...` line.
fn chunks(text: &str) -> Vec<&str> {
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

/// Where the object carries a reference, if it is one that does.
fn bearer(tree: &Tree) -> Option<&'static [&'static str]> {
    let (version, kind) = (effective(tree, "apiVersion")?.text()?, effective(tree, "kind")?.text()?);
    let group = version.split_once('/')?.0;
    let known = |v: &str| v.split_once('/').is_some_and(|(known, _)| known == group);
    BEARERS.iter().find(|(v, k, _)| *k == kind && known(v)).map(|(.., path)| *path)
}

/// A member as kubectl sees it: the last one, be it its own or a `<<`'s.
fn effective<'t>(tree: &'t Tree, name: &str) -> Option<&'t Tree> {
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

/// Whether every bearer of the document names the identity.
fn all_pointed(tree: &Tree) -> Result<(), String> {
    if let (Some(kind), Some(Tree::Seq(items, _))) = (effective(tree, "kind"), effective(tree, "items"))
        && kind.text().is_some_and(|kind| kind.ends_with("List"))
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
        Err(format!("an object is left out: its reference is {reference:?}"))
    }
}

/// Whether `new` is `old` with every bearer's reference, and nothing else.
fn rightly_changed(old: &Tree, new: &Tree) -> Result<(), String> {
    if old == new {
        return Ok(());
    }
    if let (Some(kind), Tree::Map(was, s), Tree::Map(is, t)) = (old.get("kind"), old, new)
        && kind.text().is_some_and(|kind| kind.ends_with("List"))
    {
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
        // CAPA leaves the source out of no identity: the one of our name gets it.
        None if effective(old, "kind").and_then(Tree::text) == Some(KIND) => mended(old, new),
        None => Err("an object of another kind changes".into()),
    }
}

/// Whether an identity of our name only got the role and the source that it lacked.
fn mended(old: &Tree, new: &Tree) -> Result<(), String> {
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
        // A spec that is not there, or null, is made as a whole.
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
        return Err("an identity is mended wrongly".into());
    }
    Ok(())
}

fn is_identity(tree: &Tree) -> bool {
    let at = |path: &[&str]| path.iter().try_fold(tree, |at, key| at.get(key)).and_then(Tree::text);
    at(&["kind"]) == Some(KIND)
        && at(&["metadata", "name"]) == Some(NAME)
        && at(&["spec", "roleARN"])
            == Some("arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io")
}

fn numbered_comments(text: &str) -> Vec<&str> {
    let number = |at: usize| text[at..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |n| at + n);
    text.match_indices("# comment ").map(|(at, sign)| &text[at..number(at + sign.len())]).collect()
}

/// Whether the new file is the old one, pointed, with perhaps an identity behind it. `all` where every bearer must be
/// pointed in the end; a text changed at random may hold what we and others don't take for an object.
fn right(old: &[u8], new: &[u8], json: bool, all: bool) -> Result<(), String> {
    let old = std::str::from_utf8(old).map_err(|_| "an input that is not UTF-8 is edited")?;
    let new = std::str::from_utf8(new).map_err(|_| "the output is not UTF-8")?;
    if numbered_comments(old) != numbered_comments(new) {
        return Err("comments change".into());
    }
    if json {
        let values = |text: &str| -> Result<Vec<Tree>, String> {
            let text = text.trim_start_matches('\u{feff}');
            let each = serde_json::Deserializer::from_str(text).into_iter::<Tree>();
            each.collect::<Result<_, _>>().map_err(|error| format!("it is no JSON: {error}"))
        };
        let (was, is) = (values(old)?, values(new)?);
        if was.len() != is.len() {
            return Err("another number of JSON values".into());
        }
        return was.iter().zip(&is).try_for_each(|(a, b)| {
            rightly_changed(a, b)?;
            if all { all_pointed(b) } else { Ok(()) }
        });
    }
    let (was, is) = (chunks(old), chunks(new));
    if is.len() < was.len() || is.len() > was.len() + 1 {
        return Err(format!("{} parts become {}", was.len(), is.len()));
    }
    for (index, (a, b)) in was.iter().zip(&is).enumerate() {
        let last = index + 1 == was.len();
        // A new document behind it gives the last line its line break.
        let ended = format!("{a}{}", if b.strip_prefix(a) == Some("\r\n") { "\r\n" } else { "\n" });
        let grown = last && is.len() > was.len() && !a.ends_with('\n');
        let mut agree = 0;
        for reader in Reader::ALL {
            // To libyaml that break is one more in a block scalar at the very end, as a note says.
            let before = if grown && reader == Reader::Libyaml { &ended } else { *a };
            let Ok(before) = reader.read(before) else { continue };
            let after = match reader.read(b) {
                Ok(after) => after,
                Err(error) => return Err(format!("{reader:?} can't read a part any more: {error}")),
            };
            agree += 1;
            // An empty document behind a dangling `---` takes the identity.
            let empty = before.iter().all(Tree::is_null);
            if last && empty && is.len() == was.len() && after.first().is_some_and(is_identity) && after.len() == 1 {
                continue;
            }
            if before.len() != after.len() {
                return Err(format!("{reader:?}: {} documents become {}", before.len(), after.len()));
            }
            for (a, b) in before.iter().zip(&after) {
                rightly_changed(a, b).map_err(|why| format!("{reader:?}: {why}"))?;
                if all {
                    all_pointed(b).map_err(|why| format!("{reader:?}: {why}"))?;
                }
            }
        }
        // The second parser sees only those items of a list that change: one that nobody else reads may stand beside them.
        let list = a.contains("List");
        if a != b && !(grown && *b == ended) && agree == 0 && !list {
            return Err("a part changes that no other parser can read".into());
        }
    }
    for added in &is[was.len()..] {
        for reader in Reader::ALL {
            let trees =
                reader.read(added).map_err(|error| format!("{reader:?} can't read the new document: {error}"))?;
            if trees.len() != 1 || !is_identity(&trees[0]) {
                return Err(format!("{reader:?} sees something else than an identity added"));
            }
        }
    }
    Ok(())
}

/// Whether a second run on the result changes nothing.
fn idempotent(new: &[u8], identity_file: bool) -> Result<(), TestCaseError> {
    match inject(&[new], identity_file)? {
        Ran::Edited(again, ..) if again[0] == new => Ok(()),
        other => Err(TestCaseError::fail(format!("a second run: {}", shown(&other)))),
    }
}

fn shown(ran: &Ran) -> String {
    match ran {
        Ran::Edited(files, ..) => format!("edited to\n{}", String::from_utf8_lossy(&files[0])),
        other => format!("{other:?}"),
    }
}

/// Texts that were refused without need once, found here.
const REFUSED: [(&str, &str); 3] = [
    (
        "the last member of a list's item has no value",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n  kind: AWSCluster\n  \
         metadata:\n    name: foo\n  spec:\n",
    ),
    (
        "two items of a list change, and one uses an anchor of the other",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n  kind: AWSCluster\n  \
         metadata: {name: foo}\n  spec: {region: &r us-west-2}\n- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n  \
         kind: AWSCluster\n  metadata: {name: bar}\n  spec: {region: *r }\n",
    ),
    (
        "a `...` behind nothing but comments joins the next document",
        "# c\n...\n---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: foo\n",
    ),
];

/// Texts that were edited wrongly once, found by the text changed at random; kubectl 1.37 sees the same as libyaml.
const WRONG: [(&str, &str); 4] = [
    (
        "U+0085 before a second `spec`: the same key for libyaml's readers alone, which take the last",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a}\nspec:\n  region: \
         us-west-2\n\u{85}spec:\n  region: us-west-2\n",
    ),
    (
        "U+0085 before a `<<` in brackets: a merge key for libyaml's readers alone, which lets it win over the new member",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: a\n\
         x: &a1 {identityRef: {kind: AWSClusterRoleIdentity, name: other}}\nspec: {a: b,\u{85} <<: *a1 }\n",
    ),
    (
        "U+0085 before a `kind`: an AWSCluster for libyaml's readers alone, left out without a word",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: a\n---\n\
         apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nmetadata:\n  name: b\n\u{85}kind: AWSCluster\nspec: {}\n",
    ),
    (
        "a CRLF file that ends with a bare U+000D: the document added behind it makes a text that is refused from then on",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\r\nkind: AWSCluster\r\nmetadata: {name: a}\r\nspec: {}\r",
    ),
];

#[test]
fn what_was_wrong_once_is_refused_or_right() {
    for (what, text) in WRONG {
        let ran = inject(&[text.as_bytes()], false).unwrap();
        let Ran::Edited(new, ..) = &ran else { continue };
        let seen = Reader::Libyaml.read(std::str::from_utf8(&new[0]).unwrap()).unwrap();
        let pointed = seen.iter().try_for_each(all_pointed);
        assert!(pointed.is_ok(), "{what}: {pointed:?}: {}", shown(&ran));
        right(text.as_bytes(), &new[0], false, true).unwrap();
        idempotent(&new[0], false).unwrap();
    }
}

#[test]
fn what_was_refused_once_is_edited() {
    for (what, text) in REFUSED {
        let ran = inject(&[text.as_bytes()], false).unwrap();
        let Ran::Edited(new, ..) = &ran else { panic!("{what}: {}", shown(&ran)) };
        right(text.as_bytes(), &new[0], false, true).unwrap();
        idempotent(&new[0], false).unwrap();
    }
}

// --- the properties --------------------------------------------------------------------------------------------------

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
        ..Config::default()
    })
}

/// How often what happened, to be said and held to a floor.
#[derive(Default)]
struct Tally(Cell<[usize; 4]>, std::cell::RefCell<BTreeMap<String, usize>>);

impl Tally {
    fn count(&self, ran: &Ran) {
        let mut counts = self.0.get();
        counts[match ran {
            Ran::Edited(_, _, true) => 0,
            Ran::Edited(..) => 1,
            Ran::Refused(_) => 2,
            Ran::Nothing => 3,
        }] += 1;
        self.0.set(counts);
        if let Ran::Refused(why) = ran {
            *self.1.borrow_mut().entry(why.clone()).or_default() += 1;
        }
    }

    fn say(&self, property: &str) {
        let [edited, right, refused, nothing] = self.0.get();
        say(&format!(
            "properties: {property}: {edited} edited, {right} right already, {refused} refused, {nothing} hold nothing of ours"
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
        // What begins with a brace takes no second document.
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
            Ran::Refused(_) if stream.tame => {
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

#[test]
fn a_text_changed_at_random_is_edited_right_or_refused() {
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
            let json = Source::new(text.as_bytes()).format() == xaccount::lossless::Format::Json;
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
                    prop_assert!(other[at] == one[from], "file {} differs by its place", from);
                    right(files[from], &one[from], streams[from].json.is_some(), true)
                        .map_err(|why| fail(why, files[from], &a))?;
                }
                Ok(())
            }
            (Ran::Refused(_), Ran::Refused(_)) | (Ran::Nothing, Ran::Nothing) => Ok(()),
            _ => Err(TestCaseError::fail(format!("in one order {}, in the other {}", shown(&a), shown(&b)))),
        }
    });
    tally.say("three files");
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_program_does_what_it_says() {
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
            Ran::Nothing => (Some(0), Some(0), text.as_bytes().to_vec()),
            Ran::Refused(_) => (Some(2), Some(2), text.as_bytes().to_vec()),
        };
        if (check, write, &written) != (expected.0, expected.1, &expected.2) {
            let why = format!("--check says {check:?}, --write {write:?}; expected {:?}, {:?}", expected.0, expected.1);
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
