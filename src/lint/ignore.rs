//! `# xaccount: ignore[XA007] reason`, on the line of a finding or on a line of its own above it.

use memchr::memmem;

use crate::diag::Span;

const WORDS: &[u8] = b"xaccount: ignore[";

/// A comment that silences rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// What it names: ids or names of rules, as written.
    pub rules: Vec<String>,
    /// Why; may be empty.
    pub reason: String,
    /// The line that it stands on, from 1.
    pub line: usize,
    /// The line whose findings it silences: its own, or the next that is no comment where it stands alone.
    pub silences: usize,
    /// The comment, from its `#`.
    pub span: Span,
}

/// The comments of a file that silence rules. A text in a block scalar that looks like one counts for one: it can silence
/// nothing but the text beside it.
pub fn ignores(bytes: &[u8]) -> Vec<Ignore> {
    memmem::find_iter(bytes, WORDS).filter_map(|at| read(bytes, at)).collect()
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
    let (rules, reason) = text.split_once(']')?;
    let line = memchr::memchr_iter(b'\n', &bytes[..start]).count() + 1;
    let alone = bytes[start..hash].trim_ascii().is_empty();
    let mut silences = line;
    if alone {
        silences += 1;
        for next in bytes[end..].split(|&byte| byte == b'\n').skip(1) {
            let next = next.trim_ascii();
            if !next.is_empty() && next[0] != b'#' {
                break;
            }
            silences += 1;
        }
    }
    Some(Ignore {
        rules: rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect(),
        reason: reason.trim().to_owned(),
        line,
        silences,
        span: Span::new(hash, end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_silences_its_line_or_the_next() {
        let text = "a: 1 # xaccount: ignore[XA001] because\n# xaccount: ignore[XA002, role-arn]\n# more\n\nb: 2\nc: 'x#xaccount: ignore[XA003]'\n";
        let seen: Vec<_> = ignores(text.as_bytes())
            .into_iter()
            .map(|one| (one.rules.join(" "), one.reason, one.line, one.silences))
            .collect();
        let expected = [("XA001", "because", 1, 1), ("XA002 role-arn", "", 2, 5)];
        assert_eq!(seen, expected.map(|(rules, reason, line, to)| (rules.to_owned(), reason.to_owned(), line, to)));
    }
}
