//! The default names of identities.

use crate::aws::{AccountId, RoleArn, RoleText};
use crate::capa::DEFAULT_ROLE_NAME;

/// The default name of a role's identity: `cross-account-role-<account>`, followed by the role's path and name if it is
/// not the default role.
///
/// Identities are cluster-scoped, so a name must identify the account and the role. If the path and the name are not
/// valid in a Kubernetes name, six hexadecimal digits of their hash (xxh3) follow.
pub fn default_identity_name(role: &RoleArn) -> String {
    let mut name = format!("cross-account-role-{}", role.account());
    if role.path() != "/" || role.name() != DEFAULT_ROLE_NAME {
        // IAM names that differ only in case are the same.
        let written = role.path_and_name().to_ascii_lowercase();
        let tail = written.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        // DNS-1123: each part between dots begins and ends with a letter or digit.
        let parts: Vec<_> =
            tail.split('.').map(|part| part.trim_matches('-')).filter(|part| !part.is_empty()).collect();
        let tail = parts.join(".");
        if !tail.is_empty() {
            name = format!("{name}-{tail}");
        }
        if tail != written {
            // `a_b` and `a-b` are two roles: the hash distinguishes them.
            name = format!("{name}-{:06x}", xxhash_rust::xxh3::xxh3_64(written.as_bytes()) >> 40);
        }
    }
    name
}

/// The default name of a role's identity, also of one with placeholders: it has the account's placeholder, so that the
/// templating step makes the usual name of it. `None` if the path or the name of the role has a placeholder.
pub(crate) fn default_name(role: &RoleText) -> Option<String> {
    match role {
        RoleText::Arn(arn) => Some(default_identity_name(arn)),
        RoleText::Template(template) => {
            let (example, account) = template.of_one_role()?;
            Some(default_identity_name(example).replacen(example.account().as_str(), account, 1))
        }
    }
}

/// Whether a text that could be the name of an account is rather a mistyped account id, or a part of an ARN: it is mostly
/// digits, or has a character of an ARN or of a placeholder.
pub fn looks_like_account_id(text: &str) -> bool {
    const DIGITS: usize = 10;
    const LETTERS: usize = 2;
    let digits = text.chars().filter(|c| c.is_numeric()).count();
    let only_digits = text.bytes().all(|b| b.is_ascii_digit() || b" -_.".contains(&b));
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    (digits > 0 && only_digits) || (digits >= DIGITS && letters <= LETTERS) || text.contains([':', '$', '{', '<', '%'])
}

/// The account in an identity name that [`default_identity_name`] made.
pub(crate) fn account_in_name(name: &str) -> Option<AccountId> {
    let rest = name.strip_prefix("cross-account-role-")?;
    let (account, tail) = rest.split_at_checked(12)?;
    if !tail.is_empty() && !tail.starts_with('-') {
        return None;
    }
    account.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_names_say_account_and_role() {
        let name = |arn: &str| default_identity_name(&arn.parse().unwrap());
        assert_eq!(
            name("arn:aws:iam::012345678901:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"),
            "cross-account-role-012345678901"
        );
        assert_eq!(name("arn:aws:iam::222222222222:role/Team-A"), "cross-account-role-222222222222-team-a");
        let hashed = |arn: &str, plain: &str| {
            let name = name(arn);
            let hash = name.strip_prefix(plain).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
            assert!(hash.len() == 6 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
        };
        hashed("arn:aws:iam::222222222222:role/Team_A", "cross-account-role-222222222222-team-a");
        hashed("arn:aws:iam::222222222222:role/x/y/r+", "cross-account-role-222222222222-x-y-r");
        hashed("arn:aws:iam::222222222222:role/_", "cross-account-role-222222222222");
        assert_eq!(account_in_name("cross-account-role-222222222222-team-a").unwrap().as_str(), "222222222222");
        assert!(account_in_name("cross-account-role-2222222222223").is_none());
        let default_name = |arn: &str| default_name(&arn.parse().unwrap());
        assert_eq!(
            default_name("arn:aws:iam::${A:=2}:role/team-a").as_deref(),
            Some("cross-account-role-${A:=2}-team-a")
        );
        assert_eq!(default_name("arn:aws:iam::${A}:role/${B}"), None);
    }
}
