//! How long a policy may be, counted as IAM counts.

/// Characters of a role's trust policy: the default of the quota `ACLSizePerRole`, which AWS raises on request.
///
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub const TRUST: usize = 2048;

/// Characters of all inline policies of a role together.
///
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub const INLINE: usize = 10_240;

/// A policy is longer than IAM takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy would have {count} characters, and IAM takes {most}{} (white space outside of strings does not count)", if *.trust { " for a trust policy" } else { " for all inline policies of a role together" })]
pub struct TooLong {
    /// Its length in characters, as IAM counts.
    pub count: usize,
    /// The limit.
    pub most: usize,
    /// Whether it is a trust policy.
    pub trust: bool,
}

impl TooLong {
    /// The ways round.
    pub fn help(&self) -> [&'static str; 2] {
        if self.trust {
            [
                "one statement with a list of principals is shorter than a statement for each; or trust the source account's :root under a condition",
                "the quota can be raised: ask AWS for ACLSizePerRole, then pass --max-size N",
            ]
        } else {
            [
                "a managed policy takes 6,144 characters more, and a role takes ten of them: aws iam create-policy, attach-role-policy",
                "or give roles one path, and grant the path: arn:aws:iam::*:role/xaccount/*",
            ]
        }
    }
}

/// Characters of a JSON text but for white space outside of strings.
pub fn count(document: &str) -> usize {
    let (mut in_string, mut escaped) = (false, false);
    let counts = |c: &char| {
        let space = !in_string && c.is_ascii_whitespace();
        if escaped {
            escaped = false;
        } else if *c == '"' {
            in_string = !in_string;
        } else {
            escaped = in_string && *c == '\\';
        }
        !space
    };
    document.chars().filter(counts).count()
}

/// Checks a document's length. `most`: a raised quota, in characters.
///
/// # Errors
/// It is longer than that, or than the default quota.
pub fn check(document: &str, trust: bool, most: Option<usize>) -> Result<(), TooLong> {
    let most = most.unwrap_or(if trust { TRUST } else { INLINE });
    let count = count(document);
    if count > most { Err(TooLong { count, most, trust }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_counts_inside_strings_alone() {
        for (text, length) in [("{ }", 2), ("{\"a b\": \"c\\\" d\"}\n", 15), ("[\"\\\\\", \"é\"]", 10), ("", 0)] {
            assert_eq!(count(text), length, "{text}");
        }
        let long = format!("[\"{}\"]\n", "x".repeat(TRUST - 4));
        assert_eq!(check(&long, true, None), Ok(()));
        assert!(check(&long.replacen('x', "xx", 1), true, None).is_err());
        assert_eq!(check(&long.replacen('x', "xx", 1), true, Some(4096)), Ok(()));
        assert_eq!(check(&long.replacen('x', "xx", 1), false, None), Ok(()));
    }
}
