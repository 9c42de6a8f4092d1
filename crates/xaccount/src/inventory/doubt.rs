//! Checks whether kubectl could see a CAPA object in a document that we read differently.
//!
//! kubectl splits a stream at other lines than YAML does, first tries to read a text that begins with a brace as JSON,
//! and reads only the first document of each piece, with a parser of libyaml's lineage (apimachinery,
//! `pkg/util/yaml/decoder.go`; cli-runtime, `pkg/resource/visitor.go`). If the answer is not certain, it is yes.

use crate::capa::{self, Typed};
use crate::kubernetes::base64;
use lossless_yaml::{Seen, first_document};

/// Whether kubectl could see an object of Cluster API or CAPA in a document.
pub(super) fn may_hold_capa(document: &[u8]) -> bool {
    let text = String::from_utf8_lossy(document);
    // Whether kubectl reads its first line as a separator or as content depends on the text before the document.
    let behind = text.split_once('\n').filter(|(line, _)| line.strip_prefix("---").is_some_and(cuts));
    pieces(&text).chain(behind.into_iter().flat_map(|(_, behind)| pieces(behind))).any(|piece| {
        let piece = piece.strip_prefix('\u{feff}').unwrap_or(piece);
        let json = piece.trim_start().starts_with('{');
        json || first_document(piece).is_none_or(|seen| holds_capa(&seen, &[], &[], true))
    })
}

/// The first line at which kubectl splits a stream but YAML does not: `---` is followed by a comment without a space
/// before it, or by characters that are white space only for kubectl.
pub(super) fn odd_separator(document: &[u8]) -> Option<usize> {
    let starts = memchr::memmem::find_iter(document, b"\n---").map(|at| at + 1);
    let first = document.starts_with(b"---").then_some(0);
    first.into_iter().chain(starts).find(|&at| {
        let line = document[at + 3..].split(|&byte| byte == b'\n').next().unwrap_or_default();
        let odd = !matches!(line.first(), None | Some(b' ' | b'\t' | b'\r'));
        odd && cuts(&String::from_utf8_lossy(line))
    })
}

/// Whether kubectl reads `---` followed by this text as a separator of documents.
fn cuts(behind: &str) -> bool {
    matches!(behind.trim().chars().next(), None | Some('#'))
}

/// The pieces into which kubectl splits a text, without the separator lines, except one at the very start.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let piece = rest?;
        let mut at = 0;
        while at < piece.len() {
            let end = piece[at..].find('\n').map_or(piece.len(), |n| at + n + 1);
            if at > 0 && piece[at..end].strip_prefix("---").is_some_and(cuts) {
                rest = Some(&piece[end..]);
                return Some(&piece[..at]);
            }
            at = end;
        }
        rest = None;
        Some(piece)
    })
}

/// Whether the value is a CAPA object, or a list with one, by any reading of duplicate and merged keys. `versions` and
/// `kinds` are those that the list gives to an item without them.
fn holds_capa(seen: &Seen, versions: &[String], kinds: &[String], whole: bool) -> bool {
    let no_members = Vec::new();
    let members = match seen {
        Seen::Mapping(members) => members,
        // An item of a list that is null has the list's kind.
        Seen::Other if !whole => &no_members,
        _ => return false,
    };
    let mut work = 10_000;
    let mut values = |name: &str| {
        let mut values = Vec::new();
        collect(members, name, &mut values, &mut work);
        values
    };
    let (said_versions, said_kinds, items) = (values("apiVersion"), values("kind"), values("items"));
    let (versions, kinds) = (texts(&said_versions, versions), texts(&said_kinds, kinds));
    let is_capa =
        versions.iter().any(|version| kinds.iter().any(|kind| capa::classify(version, kind) != Typed::Foreign));
    // Merges of merges multiply.
    if is_capa || work == 0 {
        return true;
    }
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.strip_suffix("List").unwrap_or(kind).to_owned()).collect();
    items.iter().any(|items| match items {
        Seen::Sequence(items) => items.iter().any(|item| holds_capa(item, &versions, &kinds, false)),
        _ => false,
    })
}

/// The texts that values can stand for. A missing, empty or other value can stand for the texts that the list gives.
fn texts(values: &[&Seen], given: &[String]) -> Vec<String> {
    let mut texts: Vec<String> = values.iter().flat_map(|value| spellings(value)).collect();
    if values.is_empty() || values.iter().any(|value| !matches!(value, Seen::Text(text) if !text.is_empty())) {
        texts.extend(given.iter().cloned());
    }
    texts
}

/// All values of a key: its own, and those that a `<<` supplies.
fn collect<'s>(members: &'s [(Seen, Seen)], name: &str, values: &mut Vec<&'s Seen>, work: &mut usize) {
    for (key, value) in members {
        if spellings(key).any(|key| key == name) {
            values.push(value);
        }
        // With a merge tag, any key is a merge key, and the second reader drops the tag.
        let sources = match value {
            Seen::Sequence(sources) => sources.as_slice(),
            one => std::slice::from_ref(one),
        };
        for source in sources.iter().filter(|_| matches!(key, Seen::Text(key) if key == "<<")) {
            *work = work.saturating_sub(1);
            if let (Seen::Mapping(members), 1..) = (source, *work) {
                collect(members, name, values, work);
            }
        }
    }
}

/// The texts that a text can stand for: itself, and its base64 decoding if a tag makes it binary. The second reader
/// drops such a tag.
fn spellings(seen: &Seen) -> impl Iterator<Item = String> {
    let text = match seen {
        Seen::Text(text) => Some(text),
        _ => None,
    };
    text.cloned().into_iter().chain(text.and_then(|text| base64(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectls_own_separators_are_recognized() {
        for (text, at) in
            [("---#c\na", Some(0)), ("a\n---\u{a0}\nb", Some(2)), ("a\n---\u{b}", Some(2)), ("---\u{85}#\n", Some(0))]
        {
            assert_eq!(odd_separator(text.as_bytes()), at, "{text:?}");
        }
        for text in ["---\na\n", "--- # c\n", "---a\n", "----\n", "a ---#\n", "---\r\n", "---"] {
            assert_eq!(odd_separator(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(pieces("a\n---#c\nb\n--- x\nc\n---\n").collect::<Vec<_>>(), ["a\n", "b\n--- x\nc\n", ""]);
        assert_eq!(pieces("--- #c\na\n---\n---\nb\n").collect::<Vec<_>>(), ["--- #c\na\n", "---\nb\n"]);
    }

    #[test]
    fn what_kubectl_could_read_as_capa() {
        let version = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n";
        for text in [
            "kind: AWSCluster\n",
            "kind: Pod\nkind: AWSCluster\n",
            "kind: Pod\n<<: {kind: AWSCluster}\n",
            "kind: Pod\n<<: [{a: b}, {kind: AWSCluster}]\n",
            "kind: !!binary QVdTQ2x1c3Rlcg==\n",
            "!!binary a2luZA==: AWSCluster\n",
            "a: b # \u{2028}kind: AWSCluster\n",
            "kind: AWSClusterList\nitems: [{}]\n",
            "kind: AWSClusterList\nitems: [~]\n",
            "kind: AWSClusterList\nitems: [{kind: 5}]\n",
            "kind: \"AWSClu\\x73ter\"\n",
            "a: [\n",
        ] {
            assert!(may_hold_capa(format!("{version}{text}").as_bytes()), "{text}");
        }
        assert!(may_hold_capa(format!("---#c\n{{kind: AWSCluster, {}}}\n", version.trim_end()).as_bytes()));
        for text in [
            "kind: Pod\n",
            "kind: Pod\na: {kind: AWSCluster}\n",
            "kind: PodList\nitems: [{kind: Pod}]\n",
            "a: AWSCluster\n",
        ] {
            assert!(!may_hold_capa(format!("{version}{text}").as_bytes()), "{text}");
        }
    }
}
