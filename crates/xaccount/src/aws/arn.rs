//! The ARN of an IAM role.

use std::fmt;
use std::str::FromStr;

use super::arn_shape::{self, ArnParts};
use super::{AccountId, Partition, RoleArnError};

/// A valid ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role[/PATH]/NAME`.
///
/// The text is kept exactly. Two values are equal when their texts are: AWS keeps the case of a role name (though two
/// names in one account may not differ in case alone). Sources: IAM user guide, "IAM identifiers"; IAM API reference,
/// `CreateRole` (`RoleName`: `[\w+=,.@-]{1,64}`; `Path`: `/` or `/[\x21-\x7E]+/`, at most 512 characters) and `arnType`
/// (20 to 2,048 characters).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    text: String,
    partition: Partition,
    account: AccountId,
    /// Where the path begins in `text`: at the `/` after `role`.
    path_start: usize,
    /// Where the name begins in `text`; the path ends there.
    name_start: usize,
}

impl RoleArn {
    /// The ARN of a role, from its name (`control-plane`) or its path and name (`/team/a/control-plane`, with or
    /// without the first slash).
    ///
    /// # Errors
    /// [`RoleArnError::Name`], [`RoleArnError::Path`] or [`RoleArnError::Placeholder`].
    pub fn new(partition: Partition, account: &AccountId, role_name_or_path: &str) -> Result<Self, RoleArnError> {
        let role = role_name_or_path.strip_prefix('/').unwrap_or(role_name_or_path);
        format!("arn:{partition}:iam::{account}:role/{role}").parse()
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition, for example [`Partition::AwsCn`] in `arn:aws-cn:…`.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The account that the role is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The path of the role, with both slashes: `/`, or `/a/b/`.
    pub fn path(&self) -> &str {
        &self.text[self.path_start..self.name_start]
    }

    /// The path and the name in one text, as IAM's tools accept them: `NAME`, or `a/b/NAME`.
    pub fn path_and_name(&self) -> &str {
        self.text[self.path_start..].trim_start_matches('/')
    }

    /// The name of the role, without its path.
    pub fn name(&self) -> &str {
        &self.text[self.name_start..]
    }
}

impl AsRef<str> for RoleArn {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for RoleArn {
    type Err = RoleArnError;

    fn from_str(text: &str) -> Result<Self, RoleArnError> {
        let ArnParts { partition, account, role } = arn_shape::check(text)?;
        let path_start = text.len() - role.len() - 1;
        let name_start = text.len() - role.rsplit('/').next().map_or(0, str::len);
        Ok(Self { text: text.to_owned(), partition, account, path_start, name_start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_text_cut_up() {
        let table = [
            (
                "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
                Partition::Aws,
                "222222222222",
                "/",
                "control-plane.cluster-api-provider-aws.sigs.k8s.io",
            ),
            (
                "arn:aws-us-gov:iam::012345678901:role/team/a/Role_1+=,.@-",
                Partition::AwsUsGov,
                "012345678901",
                "/team/a/",
                "Role_1+=,.@-",
            ),
            ("arn:aws-cn:iam::000000000001:role/a:b//c/x", Partition::AwsCn, "000000000001", "/a:b//c/", "x"),
            (
                "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
                Partition::Aws,
                "222222222222",
                "/aws-reserved/sso.amazonaws.com/eu-west-1/",
                "AWSReservedSSO_Admin_0123456789abcdef",
            ),
        ];
        for (text, partition, account, path, name) in table {
            let arn: RoleArn = text.parse().unwrap();
            assert_eq!(arn.to_string(), text);
            assert_eq!(arn.partition(), partition);
            assert_eq!(arn.account().as_str(), account);
            assert_eq!((arn.path(), arn.name()), (path, name));
            let again = RoleArn::new(partition, arn.account(), &format!("{path}{name}")).unwrap();
            assert_eq!(again, arn);
        }
    }

    #[test]
    fn limits_are_inclusive() {
        let account: AccountId = "222222222222".parse().unwrap();
        let new = |role: &str| RoleArn::new(Partition::Aws, &account, role);
        assert!(new(&"n".repeat(64)).is_ok());
        assert!(matches!(new(&"n".repeat(65)), Err(RoleArnError::Name { .. })));
        assert!(new(&format!("{}/n", "p".repeat(510))).is_ok());
        assert!(matches!(new(&format!("{}/n", "p".repeat(511))), Err(RoleArnError::Path { .. })));
        assert!(matches!(new(""), Err(RoleArnError::Name { .. })));
        assert!(matches!(new("a/"), Err(RoleArnError::Name { .. })));
        assert!(matches!(new("a b"), Err(RoleArnError::Name { .. })));
        assert!(matches!(new("${ROLE}"), Err(RoleArnError::Placeholder { .. })));
    }
}
