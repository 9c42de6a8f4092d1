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
    /// The line whose findings it silences: its own, or the next that is no comment where it stands alone.
    pub silences: Span,
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
        let text = "a: 1 # xaccount: ignore[XA001] because\n# xaccount: ignore[XA002, role-arn]\n# more\n\nb: 2\nc: 'x#xaccount: ignore[XA003]'\n";
        let seen: Vec<_> = ignores(text.as_bytes())
            .into_iter()
            .map(|one| (one.rules.join(" "), one.reason, &text[one.silences.range()]))
            .collect();
        let expected = [("XA001", "because", "a: 1 # xaccount: ignore[XA001] because"), ("XA002 role-arn", "", "b: 2")];
        assert_eq!(seen, expected.map(|(rules, reason, line)| (rules.to_owned(), reason.to_owned(), line)));
    }
}
