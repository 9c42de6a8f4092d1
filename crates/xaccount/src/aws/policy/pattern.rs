//! The wildcards of IAM.

/// Whether a pattern matches the whole text: `*` is any number of characters, also none; `?` is exactly one.
///
/// Source: IAM user guide, "IAM JSON policy elements: Resource", "Using wildcards in resource ARNs".
pub fn glob(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let fold = |text: &str| -> Vec<char> {
        if ignore_case { text.chars().flat_map(char::to_lowercase).collect() } else { text.chars().collect() }
    };
    let (pattern, text) = (fold(pattern), fold(text));
    let (mut p, mut t) = (0, 0);
    // Where to continue if the pattern after the last `*` does not match: that `*` then matches one more character.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            back = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|&c| c == '?' || c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after, from)) = back {
            back = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*", "a", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("?", "", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("arn:aws:iam::*:role/x", "arn:aws:iam::222222222222:role/x", true),
            ("**?", "", false),
            ("A", "a", false),
        ] {
            assert_eq!(glob(pattern, text, false), fits, "{pattern} {text}");
        }
        assert!(glob("STS:assume*", "sts:AssumeRole", true));
        // A pattern that would make a recursive matcher slow.
        assert!(!glob(&"*a".repeat(30), &"b".repeat(5000), false));
    }
}
