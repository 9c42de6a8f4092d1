//! `# xaccount: ignore[XA007] reason`, on the line of a finding or on a line of its own above it.

use std::collections::HashSet;

use memchr::memmem;

use crate::diag::Span;
use lossless_yaml::{Source, parse};

const USAGE: &[u8] = b"xaccount: ignore";

/// A comment that silences rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// Ids or names of rules, as written; empty if the comment has no brackets.
    pub rules: Vec<String>,
    /// The reason; may be empty.
    pub reason: String,
    /// The line whose findings it silences: its own, or, if the comment is alone on its line, the next with content.
    pub silences: Span,
    /// The comment, from its `#`.
    pub span: Span,
}

/// The comments of a file that silence rules. Text inside a scalar that looks like such a comment does not count,
/// unless the document can't be parsed.
pub fn ignores(bytes: &[u8]) -> Vec<Ignore> {
    let ignores: Vec<Ignore> = memmem::find_iter(bytes, USAGE).filter_map(|at| read(bytes, at)).collect();
    if ignores.is_empty() {
        return ignores;
    }
    // Both the comments and the documents are in the order of the file.
    let mut rest = ignores.into_iter().peekable();
    let mut kept = Vec::new();
    for document in Source::new(bytes).segments() {
        let before = |ignore: &Ignore| ignore.span.start < document.span.start || ignore.span.end > document.span.end;
        while let Some(outside) = rest.next_if(|ignore| ignore.span.start < document.span.end && before(ignore)) {
            kept.push(outside);
        }
        let mut inside = Vec::new();
        while let Some(ignore) = rest.next_if(|ignore| ignore.span.start < document.span.end && !before(ignore)) {
            inside.push(ignore);
        }
        let tree = if inside.is_empty() { None } else { parse(&document).ok() };
        if let Some(tree) = tree {
            let comments: HashSet<usize> = tree.comments.iter().map(|comment| comment.start + tree.base).collect();
            inside.retain(|ignore| comments.contains(&ignore.span.start));
        }
        kept.extend(inside);
    }
    kept.extend(rest);
    kept
}

fn read(bytes: &[u8], at: usize) -> Option<Ignore> {
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
    let hash = start + bytes[start..at].trim_ascii_end().len().checked_sub(1)?;
    let begins = hash == start || matches!(bytes[hash - 1], b' ' | b'\t');
    if bytes[hash] != b'#' || !begins {
        return None;
    }
    let text = std::str::from_utf8(&bytes[at + USAGE.len()..end]).ok()?;
    // A comment without brackets names no rule, and is reported as unused.
    let (rules, reason) = text.strip_prefix('[').and_then(|text| text.split_once(']')).unwrap_or_default();
    let mut silences = Span::new(start, end);
    while bytes[silences.range()].trim_ascii().first().is_none_or(|&byte| byte == b'#') && silences.end < bytes.len() {
        let next = silences.end + 1;
        let end = memchr::memchr(b'\n', &bytes[next..]).map_or(bytes.len(), |length| next + length);
        silences = Span::new(next, end);
    }
    Some(Ignore {
        rules: rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect(),
        reason: reason.trim().to_owned(),
        silences,
        span: Span::new(hash, end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_silences_its_line_or_the_next() {
        let text = "a: 1 # xaccount: ignore[XA001] because\n# xaccount: ignore[XA002, role-arn]\n# more\n\nb: 2\n\
                    c: 'x # xaccount: ignore[XA003]'\nd: |\n  # xaccount: ignore[XA004]\ne: 3\n# xaccount: ignore XA005\nf: 4\n";
        let seen: Vec<_> = ignores(text.as_bytes())
            .into_iter()
            .map(|one| (one.rules.join(" "), one.reason, &text[one.silences.range()]))
            .collect();
        let expected = [
            ("XA001", "because", "a: 1 # xaccount: ignore[XA001] because"),
            ("XA002 role-arn", "", "b: 2"),
            ("", "", "f: 4"),
        ];
        assert_eq!(seen, expected.map(|(rules, reason, line)| (rules.to_owned(), reason.to_owned(), line)));
    }
}
