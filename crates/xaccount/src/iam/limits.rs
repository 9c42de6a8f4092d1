//! The maximum length of a policy, counted as IAM does.

/// Characters of a role's trust policy: the default of the quota `ACLSizePerRole`, which AWS raises on request.
///
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub const TRUST: usize = 2048;

/// Kinds of policies, each with its own maximum length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A role's trust policy.
    Trust,
    /// A policy inside a role.
    RoleInline,
    /// A policy inside a user.
    UserInline,
    /// A policy inside a group.
    GroupInline,
    /// A managed policy.
    Managed,
}

impl PolicyKind {
    /// The maximum in characters. The inline policies of a role, user or group have it together.
    ///
    /// Source: IAM user guide, "IAM and AWS STS quotas".
    pub fn most(self) -> usize {
        match self {
            Self::Trust => TRUST,
            Self::RoleInline => 10_240,
            Self::UserInline => 2048,
            Self::GroupInline => 5120,
            Self::Managed => 6144,
        }
    }

    /// What has that maximum.
    fn title(self) -> &'static str {
        match self {
            Self::Trust => "a trust policy",
            Self::RoleInline => "all inline policies of a role together",
            Self::UserInline => "all inline policies of a user together",
            Self::GroupInline => "all inline policies of a group together",
            Self::Managed => "a managed policy",
        }
    }
}

/// A policy is longer than IAM allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy would have {count} characters, but IAM allows {most} for {}", .kind.title())]
pub struct TooLong {
    /// Its length in characters, as IAM counts.
    pub count: usize,
    /// The limit.
    pub most: usize,
    /// What kind of policy it is.
    pub kind: PolicyKind,
}

impl TooLong {
    /// How the length is counted, and ways to shorten the policy or raise the limit.
    pub fn help(&self) -> [&'static str; 3] {
        let counted = "white space outside of strings is not counted";
        let path = "or create the roles under one path and grant that path: arn:aws:iam::*:role/xaccount/*";
        match self.kind {
            PolicyKind::Trust => [
                counted,
                "list all principals in one statement, or trust the source account's :root under a condition",
                "or ask AWS to raise the quota ACLSizePerRole, then pass --max-size N",
            ],
            PolicyKind::Managed => [
                counted,
                "put the rest into a second managed policy: kubectl xaccount iam permission --account …",
                path,
            ],
            PolicyKind::UserInline => [
                counted,
                "use managed policies, 6,144 characters each: aws iam create-policy, then aws iam attach-user-policy",
                path,
            ],
            PolicyKind::GroupInline => [
                counted,
                "use managed policies, 6,144 characters each: aws iam create-policy, then aws iam attach-group-policy",
                path,
            ],
            PolicyKind::RoleInline => [
                counted,
                "use managed policies, ten per role, 6,144 characters each: aws iam create-policy, then aws iam attach-role-policy",
                path,
            ],
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
pub fn check(document: &str, kind: PolicyKind, most: Option<usize>) -> Result<(), TooLong> {
    let most = most.unwrap_or(kind.most());
    let count = count(document);
    if count > most { Err(TooLong { count, most, kind }) } else { Ok(()) }
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
        assert_eq!(check(&long, PolicyKind::Trust, None), Ok(()));
        let longer = long.replacen('x', "xx", 1);
        assert!(check(&longer, PolicyKind::Trust, None).is_err());
        assert_eq!(check(&longer, PolicyKind::Trust, Some(4096)), Ok(()));
    }

    #[test]
    fn each_kind_has_its_own_limit() {
        for (kind, most) in [
            (PolicyKind::Trust, 2048),
            (PolicyKind::RoleInline, 10_240),
            (PolicyKind::UserInline, 2048),
            (PolicyKind::GroupInline, 5120),
            (PolicyKind::Managed, 6144),
        ] {
            let long = format!("[\"{}\"]", "x".repeat(most - 4));
            assert_eq!(check(&long, kind, None), Ok(()), "{kind:?}");
            assert!(check(&long.replacen('x', "xx", 1), kind, None).is_err(), "{kind:?}");
        }
    }
}
