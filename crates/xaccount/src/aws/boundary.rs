//! Permissions boundaries of roles.

use std::fmt;
use std::str::FromStr;

use super::{AccountId, Partition};
use crate::diag::escape_control;

/// A permissions boundary: the name of a policy in the role's account, or the ARN of a policy.
///
/// Source: IAM API reference, `CreateRole`, `PermissionsBoundary`; `CreatePolicy`, `PolicyName`: `[\w+=,.@-]{1,128}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionsBoundary {
    text: String,
    /// The account of the policy in an ARN; `aws` for a policy of AWS.
    owner: Option<String>,
    /// The partition in an ARN.
    partition: Option<Partition>,
}

/// A text is not the name or the ARN of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not the name or the ARN of a policy", escape_control(.0))]
pub struct PermissionsBoundaryError(String);

impl PermissionsBoundary {
    /// The account of the policy, if it is an ARN of another account than this one.
    pub fn other_account(&self, account: &AccountId) -> Option<&str> {
        self.owner.as_deref().filter(|owner| *owner != "aws" && *owner != account.as_str())
    }

    /// The partition of an ARN, if it is not this one: a role and its boundary are in one partition.
    pub fn other_partition(&self, partition: Partition) -> Option<Partition> {
        self.partition.filter(|own| *own != partition)
    }

    /// The ARN for a role in this account; `None` for a name without an account.
    pub fn arn(&self, partition: Partition, account: Option<&AccountId>) -> Option<String> {
        match &self.owner {
            Some(_) => Some(self.text.clone()),
            None => Some(format!("arn:{partition}:iam::{}:policy/{}", account?, self.text)),
        }
    }
}

impl fmt::Display for PermissionsBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PermissionsBoundary {
    type Err = PermissionsBoundaryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| {
            (1..=128).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
        };
        let is_path = |path: &str| path.bytes().all(|b| (0x21..=0x7e).contains(&b) && !b"\"'$`\\".contains(&b));
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let owner = match parts[..] {
            ["arn", partition, "iam", "", owner, policy] => {
                let name = policy.strip_prefix("policy/").and_then(|policy| policy.rsplit('/').next());
                let is_known = partition.parse::<Partition>().is_ok() && name.is_some_and(is_name) && is_path(policy);
                let is_owner = owner == "aws" || owner.parse::<AccountId>().is_ok();
                (is_known && is_owner).then(|| Some(owner.to_owned()))
            }
            _ => is_name(text).then_some(None),
        };
        match owner {
            Some(owner) => {
                let partition = parts.get(1).filter(|_| owner.is_some()).and_then(|partition| partition.parse().ok());
                Ok(Self { text: text.to_owned(), owner, partition })
            }
            None => Err(PermissionsBoundaryError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns() {
        let account: AccountId = "111111111111".parse().unwrap();
        let parsed = |text: &str| text.parse::<PermissionsBoundary>().unwrap();
        let arn = |text: &str| parsed(text).arn(Partition::AwsCn, Some(&account)).unwrap();
        assert_eq!(arn("capa"), "arn:aws-cn:iam::111111111111:policy/capa");
        let own = "arn:aws-cn:iam::222222222222:policy/team/capa";
        assert_eq!(arn(own), own);
        assert_eq!(parsed(own).other_account(&account), Some("222222222222"));
        assert_eq!(parsed("arn:aws:iam::aws:policy/PowerUserAccess").other_account(&account), None);
        assert_eq!(parsed("capa").arn(Partition::Aws, None), None);
        for text in
            ["", "a b", "arn:aws:iam::1:policy/x", "arn:aws:iam::111111111111:role/x", "arn:aws:iam::aws:policy/$x/y"]
        {
            assert!(text.parse::<PermissionsBoundary>().is_err(), "{text}");
        }
    }
}
