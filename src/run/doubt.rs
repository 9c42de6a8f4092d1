//! Whether kubectl could see an object of ours in a text where the first reader sees none.
//!
//! kubectl cuts a stream at other lines than YAML does, takes what begins with a brace for JSON first, and reads by a
//! parser of libyaml's lineage, the first document of each piece alone (apimachinery, `pkg/util/yaml/decoder.go`; cli-runtime,
//! `pkg/resource/visitor.go`). This follows it; where the second reader gives up for a limit of its own, the answer is yes.

use crate::capa::{self, Typed};
use crate::lossless::json;
use crate::lossless::{Data, NodeId, Seen, Tree, Unread, first_document};

/// Whether kubectl could see an object of Cluster API or CAPA in a part of a file. Bytes that are not UTF-8 are a character
/// to it.
pub(super) fn may_hold_ours(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    pieces(&text).any(|piece| {
        let mut rest = piece.strip_prefix('\u{feff}').unwrap_or(piece);
        if rest.trim_start().starts_with('{') {
            match json_values(rest) {
                Json::Ours => return true,
                Json::Behind(at) => rest = &rest[at..],
            }
            // A first value, and then YAML from the next line on.
            let line = rest.find('\n').map_or("", |at| &rest[at + 1..]);
            if yaml_holds_ours(line) {
                return true;
            }
        }
        yaml_holds_ours(rest)
    })
}

/// Whether a line is one at which kubectl cuts a stream though YAML does not: what follows `---` is a comment, or blanks that
/// are none to YAML.
pub(super) fn odd_separator(bytes: &[u8]) -> Option<usize> {
    let starts = memchr::memmem::find_iter(bytes, b"\n---").map(|at| at + 1);
    let first = bytes.starts_with(b"---").then_some(0);
    first.into_iter().chain(starts).find(|&at| {
        let line = bytes[at + 3..].split(|&byte| byte == b'\n').next().unwrap_or_default();
        let odd = !matches!(line.first(), None | Some(b' ' | b'\t' | b'\r'));
        odd && cuts(&String::from_utf8_lossy(line))
    })
}

/// Whether kubectl takes `---` and this for a line between documents.
fn cuts(behind: &str) -> bool {
    matches!(behind.trim().chars().next(), None | Some('#'))
}

/// The pieces into which kubectl cuts a text, without the lines at which it does. It stops at a line with something else
/// behind `---`; that is content here.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let piece = rest?;
        let mut at = 0;
        while at < piece.len() {
            let end = piece[at..].find('\n').map_or(piece.len(), |n| at + n + 1);
            if piece[at..end].strip_prefix("---").is_some_and(cuts) {
                rest = Some(&piece[end..]);
                return Some(&piece[..at]);
            }
            at = end;
        }
        rest = None;
        Some(piece)
    })
}

enum Json {
    Ours,
    /// None of the values is ours; they end here.
    Behind(usize),
}

/// The JSON values at the start of a text.
fn json_values(text: &str) -> Json {
    let mut behind = 0;
    for value in json::values(text.as_bytes()) {
        match value {
            Ok(span) => {
                // Half a surrogate pair is a character to kubectl.
                let ours = json::read(&text[span.range()], 0).map_or(true, |tree| tree_holds_ours(&tree, tree.root));
                if ours {
                    return Json::Ours;
                }
                behind = span.end;
            }
            Err(error) if error.is_limit() => return Json::Ours,
            Err(_) => break,
        }
    }
    Json::Behind(behind)
}

fn tree_holds_ours(tree: &Tree<'_>, node: NodeId) -> bool {
    holds_ours(&of_tree(tree, node), &[], &[], true)
}

/// A JSON tree as the second reader would see it, as deep as an object's names stand.
fn of_tree(tree: &Tree<'_>, node: NodeId) -> Seen {
    match &tree.node(node).data {
        Data::Mapping { entries, .. } => Seen::Mapping(
            entries.iter().map(|&(key, value)| (of_tree(tree, key), of_tree(tree, value))).collect(),
        ),
        Data::Sequence { items, .. } => Seen::Sequence(items.iter().map(|&item| of_tree(tree, item)).collect()),
        Data::Scalar { text, .. } if !tree.is_typed(node) => Seen::Text(text.clone().into_owned()),
        Data::Scalar { .. } | Data::Alias(_) => Seen::Other,
    }
}

fn yaml_holds_ours(text: &str) -> bool {
    // kubectl knows this escape, and the second reader does not. Outside of double quotes the blank changes nothing that counts.
    let known = text.replace("\\'", " '");
    match first_document(&known) {
        Ok(seen) => holds_ours(&seen, &[], &[], true),
        Err(Unread::Limit) => true,
        Err(Unread::Broken) => false,
    }
}

/// Whether the value is an object of ours, or a list with one, by any reading of keys that are written twice or merged in.
/// `versions` and `kinds` are those that the list gives to an item that says none.
fn holds_ours(seen: &Seen, versions: &[String], kinds: &[String], list: bool) -> bool {
    let no_members = Vec::new();
    let members = match seen {
        Seen::Mapping(members) => members,
        // An item of a list that is null has the list's kind.
        Seen::Other if !list => &no_members,
        _ => return false,
    };
    let mut work = 10_000;
    let mut texts = |name: &str, given: &[String]| {
        let mut values = Vec::new();
        collect(members, name, &mut values, &mut work);
        let mut texts: Vec<String> = values.iter().flat_map(|value| spellings(value)).collect();
        if values.is_empty() || values.iter().any(|value| !matches!(value, Seen::Text(text) if !text.is_empty())) {
            texts.extend(given.iter().cloned());
        }
        (texts, values)
    };
    let (versions, _) = texts("apiVersion", versions);
    let (kinds, _) = texts("kind", kinds);
    let (_, items) = texts("items", &[]);
    let ours = versions.iter().any(|version| kinds.iter().any(|kind| capa::classify(version, kind) != Typed::Foreign));
    // Each look into a mapping is work: merges of merges multiply.
    if ours || work == 0 {
        return true;
    }
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.strip_suffix("List").unwrap_or(kind).to_owned()).collect();
    items.iter().any(|items| match items {
        Seen::Sequence(items) => items.iter().any(|item| holds_ours(item, &versions, &kinds, false)),
        _ => false,
    })
}

/// All values of a key: its own, and those that a `<<` supplies.
fn collect<'s>(members: &'s [(Seen, Seen)], name: &str, values: &mut Vec<&'s Seen>, work: &mut usize) {
    for (key, value) in members {
        if spellings(key).any(|key| key == name) {
            values.push(value);
        } else if matches!(key, Seen::Text(key) if key == "<<") {
            let sources = match value {
                Seen::Sequence(sources) => sources.as_slice(),
                one => std::slice::from_ref(one),
            };
            for source in sources {
                *work = work.saturating_sub(1);
                if let (Seen::Mapping(members), 1..) = (source, *work) {
                    collect(members, name, values, work);
                }
            }
        }
    }
}

/// What a text may stand for: itself, and what it says in base64, where a tag makes it binary. The second reader drops such a
/// tag.
fn spellings(seen: &Seen) -> impl Iterator<Item = String> {
    let text = match seen {
        Seen::Text(text) => Some(text),
        _ => None,
    };
    text.cloned().into_iter().chain(text.and_then(|text| base64(text)))
}

/// Base64 as `!!binary` has it, white space allowed.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xFF) as u8);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}
