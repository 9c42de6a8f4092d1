//! Whole files, for what is said and printed of them.

use crate::capa;
use crate::diag::visible;
use crate::lossless::{Format, NodeId, Source, Tree, parse};

/// The kinds of all objects of some files, in the order of their first appearance; for the error that says that none of
/// them is ours.
pub fn kinds_seen<B: AsRef<[u8]>>(files: impl IntoIterator<Item = B>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for bytes in files {
        for document in Source::new(bytes.as_ref()).segments() {
            if let Ok(tree) = parse(&document) {
                kinds(&tree, tree.root, &mut seen);
            }
        }
    }
    seen
}

/// The kind of an object, or of the items of a List.
fn kinds(tree: &Tree<'_>, node: NodeId, seen: &mut Vec<String>) {
    let Some(object) = capa::view(tree, node, None) else { return };
    if let Some(items) = tree.value(node, "items").and_then(|items| tree.items(items)) {
        items.iter().for_each(|&item| kinds(tree, item, seen));
        return;
    }
    let title = visible(&format!("{} {}", object.api_version, object.kind)).into_owned();
    if !seen.contains(&title) {
        seen.push(title);
    }
}

/// Files as one stream: each begins with a marker of its own where it has none, and a byte-order mark stays only in front.
pub fn joined<B: AsRef<[u8]>>(files: &[B]) -> Vec<u8> {
    let files: Vec<&[u8]> = files.iter().map(AsRef::as_ref).filter(|bytes| !bytes.is_empty()).collect();
    if let [only] = files[..] {
        return only.to_vec();
    }
    let mut out: Vec<u8> = Vec::with_capacity(files.iter().map(|bytes| bytes.len() + 8).sum());
    for (index, bytes) in files.iter().enumerate() {
        let source = Source::new(bytes);
        let first = source.segments().next();
        let marked = source.format() == Format::Yaml
            && first.is_none_or(|document| first_line(document.bytes).starts_with(b"---"));
        if !out.is_empty() && !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        let directive = first.is_some_and(|document| first_line(document.bytes).starts_with(b"%"));
        if directive && index > 0 {
            // A directive is one only behind an end marker.
            out.extend_from_slice(b"...\n");
        } else if !marked && (index > 0 || source.begins_with_brace()) {
            // JSON in front would make kubectl take the whole stream for JSON.
            out.extend_from_slice(b"---\n");
        }
        let body = if index > 0 { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) } else { bytes };
        out.extend_from_slice(body);
    }
    out
}

/// The first line that is neither blank nor a comment.
fn first_line(text: &[u8]) -> &[u8] {
    text.split(|&b| b == b'\n')
        .find(|line| !line.trim_ascii().is_empty() && !line.trim_ascii_start().starts_with(b"#"))
        .unwrap_or_default()
}
