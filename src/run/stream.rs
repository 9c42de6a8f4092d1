//! Whole files, for what is said and printed of them.

use crate::capa;
use crate::lossless::{Format, Source, parse};

/// The kinds of all objects of some files, in the order of their first appearance; for the error that says that none of
/// them is ours.
pub fn kinds_seen<B: AsRef<[u8]>>(files: impl IntoIterator<Item = B>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for bytes in files {
        for document in Source::new(bytes.as_ref()).segments() {
            let Ok(tree) = parse(&document) else { continue };
            let Some(object) = capa::view(&tree, tree.root, None) else {
                continue;
            };
            let title = format!("{} {}", object.api_version, object.kind);
            if !seen.contains(&title) {
                seen.push(title);
            }
        }
    }
    seen
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
        let marked = source.format() == Format::Yaml && first.is_none_or(|document| starts_marked(document.bytes));
        if !out.is_empty() && !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        // JSON in front would make kubectl take the whole stream for JSON.
        if !marked && (index > 0 || source.begins_with_brace()) {
            out.extend_from_slice(b"---\n");
        }
        let body = if index > 0 { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) } else { bytes };
        out.extend_from_slice(body);
    }
    out
}

/// Whether a document's text has a `---` before its content.
fn starts_marked(text: &[u8]) -> bool {
    text.split(|&b| b == b'\n')
        .find(|line| !line.trim_ascii().is_empty() && !line.trim_ascii_start().starts_with(b"#"))
        .is_some_and(|line| line.starts_with(b"---"))
}
