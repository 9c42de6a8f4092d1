//! `# xaccount: ignore[XA007] reason`, on the line of a finding or on a line of its own above it.

use memchr::memmem;

use crate::diag::Span;
use crate::lossless::{Source, parse};

const WORDS: &[u8] = b"xaccount: ignore";

/// A comment that silences rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// What it names: ids or names of rules, as written; nothing where the brackets lack.
    pub rules: Vec<String>,
    /// Why; may be empty.
    pub reason: String,
    /// The line whose findings it silences: its own, or the next that is no comment where it stands alone.
    pub silences: Span,
    /// The comment, from its `#`.
    pub span: Span,
}

/// The comments of a file that silence rules. What looks like one in a text, in a block scalar for one, is none; where a
/// document can't be read, it counts.
pub fn ignores(bytes: &[u8]) -> Vec<Ignore> {
    let mut ignores: Vec<Ignore> = memmem::find_iter(bytes, WORDS).filter_map(|at| read(bytes, at)).collect();
    if ignores.is_empty() {
        return ignores;
    }
    let source = Source::new(bytes);
    for document in source.segments() {
        let inside = |span: Span| document.span.start <= span.start && span.end <= document.span.end;
        if !ignores.iter().any(|ignore| inside(ignore.span)) {
            continue;
        }
        let Ok(tree) = parse(&document) else { continue };
        let comments: Vec<usize> = tree.comments.iter().map(|comment| comment.start + tree.base).collect();
        ignores.retain(|ignore| !inside(ignore.span) || comments.contains(&ignore.span.start));
    }
    ignores
}

fn read(bytes: &[u8], at: usize) -> Option<Ignore> {
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
    let hash = start + bytes[start..at].trim_ascii_end().len().checked_sub(1)?;
    let begins = hash == start || matches!(bytes[hash - 1], b' ' | b'\t');
    if bytes[hash] != b'#' || !begins {
        return None;
    }
    let text = std::str::from_utf8(&bytes[at + WORDS.len()..end]).ok()?;
    // One without brackets names no rule, and is told as one that is of no use.
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
