//! The pre-filter, compared with "does any parsed scalar name a CAPA kind".

use granit_parser::{Event as G, Parser as Granit};

use lossless_yaml::{Source, documents, parse};
use xaccount::capa;

/// The words of `capa::needles`, in groups; a document must contain all words of a group.
fn needle_groups() -> Vec<Vec<&'static str>> {
    let mut groups: Vec<Vec<&'static str>> =
        capa::REFERENCING_KINDS.iter().map(|kind_row| vec![kind_row.kind]).collect();
    groups.push(vec!["AWSClusterRoleIdentity"]);
    groups.push(vec!["topology", "cluster.x-k8s.io"]);
    groups
}

/// A document that the pre-filter skips has no scalar, read by two parsers, that contains a needle.
pub fn prefilter(data: &[u8]) {
    let needles = capa::needles();
    let source = Source::new(data);
    if source.is_utf16(&needles) {
        return;
    }
    let passed: Vec<usize> = documents(&source, &needles).into_iter().map(|document| document.index).collect();
    let groups = needle_groups();
    for segment in source.segments() {
        if passed.contains(&segment.index) {
            continue;
        }
        let mut scalars: Vec<String> = Vec::new();
        if let Ok(tree) = parse(&segment) {
            if let Ok(text) = std::str::from_utf8(segment.bytes) {
                granit_scalars(text, &mut scalars);
            }
            drop(tree);
        }
        if segment.bytes.len() < 1 << 16 {
            libyaml_scalars(segment.bytes, &mut scalars);
        }
        for group in &groups {
            let holds = |word: &&str| scalars.iter().any(|scalar| scalar.contains(*word));
            assert!(!group.iter().all(holds), "skipped, but {group:?} is in {scalars:?}");
        }
    }
}

fn granit_scalars(text: &str, out: &mut Vec<String>) {
    for result in Granit::new_from_str(text) {
        let Ok((event, _)) = result else { return };
        if let G::Scalar(text, _, _, tag) = event {
            if tag.is_some_and(|tag| tag.to_string().ends_with("binary")) {
                out.extend(base64(&text));
            }
            out.push(text.into_owned());
        }
    }
}

fn libyaml_scalars(text: &[u8], out: &mut Vec<String>) {
    use serde::Deserialize as _;
    // No known input makes it panic or hang; what it refuses, it does not read.
    for document in serde_yaml::Deserializer::from_slice(text) {
        let Ok(value) = serde_yaml::Value::deserialize(document) else { return };
        collect(&value, out, &mut 10_000);
    }
}

fn collect(value: &serde_yaml::Value, out: &mut Vec<String>, left: &mut usize) {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return;
    }
    match value {
        serde_yaml::Value::String(text) => out.push(text.clone()),
        serde_yaml::Value::Sequence(items) => items.iter().for_each(|item| collect(item, out, left)),
        serde_yaml::Value::Mapping(entries) => entries.iter().for_each(|(key, value)| {
            collect(key, out, left);
            collect(value, out, left);
        }),
        serde_yaml::Value::Tagged(tagged) => {
            if let (true, serde_yaml::Value::String(text)) = (tagged.tag.to_string().ends_with("binary"), &tagged.value)
            {
                out.extend(base64(text));
            }
            collect(&tagged.value, out, left);
        }
        _ => {}
    }
}

/// Base64 as in YAML 1.1's `!!binary`, with white space allowed between the characters.
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
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}
