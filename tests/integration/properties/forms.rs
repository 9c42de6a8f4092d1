//! Streams made so that readers may disagree: escapes, tags, duplicate keys, lists of every form, line breaks and
//! document markers of every kind, streams of JSON, UTF-16, bytes that are not text.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::Union;

const VERSION: &str = "infrastructure.cluster.x-k8s.io/v1beta2";

/// One of these texts.
fn one(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    select(texts).prop_map(str::to_owned).boxed()
}

/// Mostly the first text, otherwise one of the others.
fn mostly(first: &'static str, others: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![5 => Just(first.to_owned()), 1 => one(others)].boxed()
}

/// A kind as a value, in one of its spellings.
fn kind() -> BoxedStrategy<String> {
    one(&[
        "AWSCluster",
        "AWSCluster",
        "AWSCluster",
        "AWSCluster",
        "\"AWSClu\\x73ter\"",
        "\"AWSCl\\u0075ster\"",
        "\"\\U00000041WSCluster\"",
        "'AWSCluster'",
        "!!binary QVdTQ2x1c3Rlcg==",
        "!!str AWSCluster",
        "! AWSCluster",
        "!x AWSCluster",
        "!<tag:yaml.org,2002:binary> QVdTQ2x1c3Rlcg==",
        "&k AWSCluster",
        "\"AWS\\\n  Cluster\"",
        "\"AWSCluster\" # c",
        ">-\n  AWSCluster",
        "|-\n  AWSCluster",
        "\"AWSClu\\x73terRoleIdentity\"",
        "AWSClusterRoleIdentity",
        "ConfigMap",
        "List",
        "AWSClusterList",
        "\"AWSClu\\x73terList\"",
        "Flock",
        "\"\"",
        "",
        "~",
        "5",
    ])
}

/// The same inside JSON brackets.
fn json_kind() -> BoxedStrategy<String> {
    one(&[
        "\"AWSCluster\"",
        "\"AWSCl\\u0075ster\"",
        "\"\\u0041WSCluster\"",
        "\"AWSClusterRoleIdentity\"",
        "\"AWSCl\\u0075sterList\"",
        "\"List\"",
        "\"ConfigMap\"",
        "\"\"",
        "null",
    ])
}

fn key(name: &'static str) -> BoxedStrategy<String> {
    let spelled = match name {
        "kind" => one(&[
            "\"kind\"",
            "'kind'",
            "\"\\x6bind\"",
            "!!binary a2luZA==",
            "!!str kind",
            "&c kind",
            "? kind\n",
            "*k ",
        ]),
        "items" => one(&["\"items\"", "\"item\\x73\"", "!!binary aXRlbXM=", "? items\n"]),
        _ => one(&["\"apiVersion\"", "\"api\\x56ersion\"", "!!binary YXBpVmVyc2lvbg==", "? apiVersion\n"]),
    };
    prop_oneof![8 => Just(name.to_owned()), 1 => spelled].boxed()
}

fn version() -> BoxedStrategy<String> {
    mostly(VERSION, &["v1", "\"infrastructure.cluster.x-k8s.io/v1beta\\x32\"", "", "~", "5", "[a]", "example.com/v1"])
}

/// Minimal lines of block style, and traps.
const TRAPS: &[&str] = &[
    "# comment",
    "# \u{2028}kind: AWSCluster",
    "# \u{85}kind: \"AWSClu\\x73ter\"",
    "# \u{2029}",
    "a: b # \u{85}c: d",
    "a: \"\\'\"",
    "a: '\u{85}'",
    "a: \"\u{2028} b\"",
    "a: b\tc",
    "a:\tb",
    "\ta: b",
    "a: \\x41",
    "? a\n: b",
    "? [a]\n: b",
    "{ a }: b",
    "x: &k kind",
    "*k: AWSCluster",
    "*k : \"AWSClu\\x73ter\"",
    "<<: {kind: AWSCluster}",
    "<<: [{kind: \"AWSClu\\x73ter\"}, {a: b}]",
    "\"<<\": {kind: AWSCluster}",
    "!!merge <<: {kind: \"AWSClu\\x73ter\"}",
    "!!merge x: {kind: \"AWSClu\\x73ter\"}",
    "%YAML 1.1",
    "%TAG !b! tag:yaml.org,2002:",
    "%x",
    "---",
    "--- # c",
    "---#c",
    "---\u{a0}",
    "---\u{85}",
    "---\u{2028}",
    "---\u{b}",
    "--- a",
    "---a",
    "----",
    "...",
    "... # c",
    "...\u{85}",
    "...a",
    "\u{feff}",
    "\u{feff}a: b",
    "\u{feff}---",
    "a: [b, c",
    "a: {b: c}}",
    "a: 'b",
    "a: b: c",
    "a: \"b\" c",
    "a: @b",
    "a: `b",
    "a: %b",
    "a: - b",
    "a: ? b",
    "a: |\n  b",
    "a: |2\n  b",
    "a: >-\n  kind: AWSCluster",
    "a: !x b",
    "a: !!x b",
    "a: !<x> b",
    "a: ! b",
    "a: !x%41 b",
    "items:",
    "items: []",
    "items: {}",
    "items: x",
    "items: [{kind: AWSCluster}]",
    "kind: ConfigMap",
    "apiVersion: v1",
    "metadata: {name: n}",
    "metadata: {name: n, name: m}",
    "metadata:",
    "spec: {topology: {class: c}}",
    "a: \0",
    "a: \u{1}",
    "a: \u{7f}",
    "a: \u{9f}",
    "a: \u{ffff}",
    "a: \u{1f600}",
    "a: \"\\ud800\"",
    "a: \"\\ud83d\\ude00\"",
    "a: \"\\/\"",
    "a: \"\\z\"",
    "a: \"\\\n  b\"",
    "a: &x 1",
    "a: *x",
    "a: *unknown",
    "- a",
    "a",
    "",
    " ",
    "{{ a }}",
    "{{- if a }}",
    "#@ a",
    "{\"a\": 1}",
    "{\"apiVersion\": \"infrastructure.cluster.x-k8s.io/v1beta2\", \"kind\": \"AWSCl\\u0075ster\"}",
    "{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: \"AWSClu\\x73ter\"}",
    "{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2,kind: AWSCluster}",
    "{\"kind\":\"AWSCluster\",\"apiVersion\":\"infrastructure.cluster.x-k8s.io/v1beta2\"}",
];

/// One of these lines.
fn trap() -> BoxedStrategy<String> {
    one(TRAPS)
}

/// An object in block style.
fn block() -> BoxedStrategy<String> {
    let name = mostly(
        "metadata: {name: a}",
        &["metadata:\n  name: \"\\x61\"", "metadata: {namespace: n, name: b}", "metadata: &m {name: c}"],
    );
    let lines = (key("apiVersion"), version(), key("kind"), kind(), name)
        .prop_map(|(a, version, k, kind, name)| vec![format!("{a}: {version}"), format!("{k}: {kind}"), name]);
    let traps = prop_oneof![2 => Just(0..1), 2 => Just(1..2), 1 => Just(2..4)]
        .prop_flat_map(|count| proptest::collection::vec((trap(), any::<Index>()), count));
    (lines, traps, prop::bool::weighted(0.2), any::<Index>())
        .prop_map(|(mut lines, traps, twice, which)| {
            for (trap, at) in traps {
                let at = at.index(lines.len() + 1);
                lines.insert(at, trap);
            }
            if twice {
                let line = lines[which.index(lines.len())].clone();
                lines.push(line);
            }
            lines.join("\n") + "\n"
        })
        .boxed()
}

/// An object in flow style, as YAML or JSON.
fn flow() -> BoxedStrategy<String> {
    let more = one(&[
        "",
        "",
        "",
        ", a: b",
        ", \"a\":1",
        ", kind: x",
        ", items: []",
        ", <<: {a: b}",
        ", a: [b, {c: d}]",
        " # c\n",
        ", \"x\":\"\u{2028}\"",
    ]);
    let yaml = (version(), kind(), more).prop_map(|(version, kind, more)| {
        format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: f}}{more}}}")
    });
    let more = one(&[
        "",
        "",
        "",
        ",\"a\":\"\\ud800\"",
        ",\"a\":\"\\/\"",
        ",\"a\":\"\t\"",
        ",\"kind\":\"x\"",
        ",\"items\":[]",
        ",\"items\":null",
        ",",
        ",\"<<\":{\"kind\":\"AWSCluster\"}",
        ",\"a\":01",
        ",\"a\":\"\u{85}\"",
        ",\"a\":\"\u{ffff}\"",
    ]);
    let json = (json_kind(), more).prop_map(|(kind, more)| {
        format!("{{\"apiVersion\":\"{VERSION}\",\"kind\":{kind},\"metadata\":{{\"name\":\"j\"}}{more}}}")
    });
    prop_oneof![yaml, json].boxed()
}

fn indented(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        out.push_str(if index == 0 { first } else { rest });
        out.push_str(line);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// A list of any form.
fn list() -> BoxedStrategy<String> {
    let item = prop_oneof![
        block().prop_map(|text| indented(&text, "- ", "  ")),
        flow().prop_map(|text| indented(&text, "- ", "  ")),
        one(&[
            "- metadata: {name: i}\n",
            "- kind:\n  metadata: {name: i}\n",
            "- kind: \"\"\n",
            "- ~\n",
            "-\n",
            "- x\n",
            "- []\n",
            "- *k\n"
        ]),
        flow().prop_map(|text| format!("- kind: List\n  apiVersion: v1\n  items: [{text}]\n")),
    ];
    let head = one(&[
        "kind: List\napiVersion: v1\n",
        "kind: List\n",
        "apiVersion:\nkind: List\n",
        "apiVersion: 5\nkind: List\n",
        "kind: \"AWSClu\\x73terList\"\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n",
        "kind: AWSClusterList\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n",
        "kind: AWSCluster\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n",
        "kind: Flock\napiVersion: example.com/v1\n",
        "kind: List\nkind: List\n",
        "items: []\nkind: List\n",
        "x: &k {kind: AWSCluster, apiVersion: infrastructure.cluster.x-k8s.io/v1beta2}\nkind: List\n",
        "apiVersion: v1\n",
        "",
    ]);
    let key = prop_oneof![6 => key("items"), 1 => Just("<<: &l\n  items".to_owned())];
    (
        head,
        key,
        proptest::collection::vec(item, 0..4),
        one(&["", "", "", "items: []\n", "kind: List\n", "items:\n", "metadata: {}\n"]),
    )
        .prop_map(|(head, key, items, after)| {
            let items = items.concat();
            match key.starts_with("<<") {
                true => format!("{head}{key}:\n{}{after}", indented(&items, "  ", "  ")),
                false => format!("{head}{key}:\n{items}{after}"),
            }
        })
        .boxed()
}

/// JSON values one after the other, or in an array.
fn json_stream() -> BoxedStrategy<String> {
    let values =
        proptest::collection::vec((flow(), one(&["", "\n", " ", "\n---\n", ",", "\u{b}", "\u{85}", " x\n"])), 1..4);
    let values = values.prop_map(|values| values.into_iter().map(|(value, after)| value + &after).collect::<String>());
    let after = prop_oneof![4 => Just(String::new()), 1 => block(), 1 => trap()];
    let array = flow().prop_map(|value| format!("[{value}]\n"));
    let list = flow().prop_map(|value| format!("{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{value}]}}\n"));
    prop_oneof![4 => (values, after).prop_map(|(values, after)| values + &after), 1 => array, 1 => list].boxed()
}

fn deep() -> BoxedStrategy<String> {
    let depth = select(&[100_usize, 127, 130, 250, 260, 300][..]);
    (depth, any::<bool>())
        .prop_map(|(depth, json)| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            match json {
                true => format!("{{\"apiVersion\":\"{VERSION}\",\"kind\":\"AWSCl\\u0075ster\",\"x\":{open}{close}}}\n"),
                false => format!("apiVersion: {VERSION}\nkind: \"AWSClu\\x73ter\"\nx: {open}{close}\n"),
            }
        })
        .boxed()
}

/// Encodes the text as bytes.
fn encode(text: &str, how: u8) -> Vec<u8> {
    let units = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    match how {
        0 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        1 => text.replace('\n', "\r\n").into_bytes(),
        2 => text.replace('\n', "\r").into_bytes(),
        3 => text.replace('\n', "\u{2028}").into_bytes(),
        4 => [&[0xFF, 0xFE][..], &units(u16::to_le_bytes)].concat(),
        5 => [&[0xFE, 0xFF][..], &units(u16::to_be_bytes)].concat(),
        6 => units(u16::to_le_bytes),
        7 => [text.as_bytes(), b"# \xFF\n"].concat(),
        8 => text.replacen('\n', "\r", 1).into_bytes(),
        9 => text.replacen('\n', "\u{85}", 2).into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

/// Whole streams.
pub(super) fn streams() -> BoxedStrategy<Vec<u8>> {
    let document = Union::new_weighted(vec![(4, block()), (2, flow()), (3, list()), (2, json_stream()), (1, deep())]);
    let between = one(&[
        "",
        "---\n",
        "\n---\n",
        "---\n",
        "--- # c\n",
        "---#c\n",
        "...\n",
        "\n...\n---\n",
        "---\u{a0}\n",
        "---\r",
        "%YAML 1.1\n---\n",
        "# c\n",
        "%TAG ! tag:yaml.org,2002:\n---\n",
        "\u{feff}",
        "---\n\u{feff}",
        "\n",
        "---\n---\n",
        "--- ",
    ]);
    (proptest::collection::vec((between, document), 1..4), 0..30_u8)
        .prop_map(|(parts, how)| {
            let text: String = parts.into_iter().map(|(between, document)| between + &document).collect();
            encode(&text, how)
        })
        .boxed()
}

/// Texts that are inserted at random places.
const PIECES: [&[u8]; 40] = [
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
    b"\t",
    b":",
    b": ",
    b"- ",
    b"? ",
    b"#",
    b" #",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"'",
    b"\"",
    b"\\",
    b"\\x41",
    b"\\u0075",
    b"!!binary ",
    b"!!str ",
    b"!",
    b"&a ",
    b"*a",
    b"*a: ",
    b"<<: ",
    b"---",
    b"\n---\n",
    b"\n...\n",
    b"%",
    b"\xEF\xBB\xBF",
    b"\xC2\x85",
    b"\xE2\x80\xA8",
    b"\xFF",
    b"\0",
    b"items: ",
    b"kind: AWSCluster\n",
    b"kind: \"AWSClu\\x73ter\"\n",
];

/// A random change of a text: the place, the number of bytes removed, the bytes inserted; or a copy of a part at
/// another place.
pub(super) type Mutation = (Index, usize, Option<&'static [u8]>, Index);

pub(super) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let piece = proptest::option::weighted(0.8, select(&PIECES[..]));
    proptest::collection::vec(
        (any::<Index>(), prop_oneof![3 => 0..2_usize, 1 => 0..20_usize], piece, any::<Index>()),
        0..5,
    )
}

pub(super) fn mutate(text: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (at, gone, piece, to) in mutations {
        let at = at.index(text.len() + 1);
        let end = (at + gone).min(text.len());
        match piece {
            Some(piece) => drop(text.splice(at..end, piece.iter().copied())),
            None => {
                let part = text[at..end].to_vec();
                let to = to.index(text.len() + 1);
                text.splice(to..to, part);
            }
        }
    }
    text
}
