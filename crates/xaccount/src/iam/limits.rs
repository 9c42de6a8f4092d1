//! The maximum length of a policy, counted as IAM does.

/// Characters of a role's trust policy: the default of the quota `ACLSizePerRole`, which AWS raises on request.
///
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub const TRUST: usize = 2048;

/// Characters of all inline policies of a role together.
///
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub const INLINE: usize = 10_240;

/// A policy is longer than IAM allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy would have {count} characters, but IAM allows {most} for {}", if *.trust { "a trust policy" } else { "all inline policies of a role together" })]
pub struct TooLong {
    /// Its length in characters, as IAM counts.
    pub count: usize,
    /// The limit.
    pub most: usize,
    /// Whether it is a trust policy.
    pub trust: bool,
}

impl TooLong {
    /// How the length is counted, and ways to shorten the policy or raise the limit.
    pub fn help(&self) -> [&'static str; 3] {
        if self.trust {
            [
                "white space outside of strings is not counted",
                "list all principals in one statement, or trust the source account's :root under a condition",
                "or ask AWS to raise the quota ACLSizePerRole, then pass --max-size N",
            ]
        } else {
            [
                "white space outside of strings is not counted",
                "use managed policies, ten per role, 6,144 characters each: aws iam create-policy, then aws iam attach-role-policy",
                "or create the roles under one path and grant that path: arn:aws:iam::*:role/xaccount/*",
            ]
        }
    }
}

/// Number of characters of a JSON text, without white space outside of strings.
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
/// The document is longer than that, or than the default quota.
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
