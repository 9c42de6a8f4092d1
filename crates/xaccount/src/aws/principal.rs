//! A principal that assumes a role: the `AWS` principal of a trust policy.

use std::fmt;
use std::str::FromStr;

use super::account::placeholder;
use super::{AccountId, AccountIdError, Partition, RoleArn, RoleArnError};

/// The kind of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// `arn:aws:iam::ACCOUNT:root`, the whole account; a bare account id means the same.
    Account,
    /// `arn:aws:iam::ACCOUNT:role/…`
    Role,
    /// `arn:aws:iam::ACCOUNT:user/…`
    User,
}

/// A permanent principal that a trust policy can name: a role, a user or an account.
///
/// Displays as the ARN that belongs in the policy. A session (`assumed-role`) is not accepted, because it is temporary:
/// a policy trusts its role instead. Source: IAM user guide, "AWS JSON policy elements: Principal".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    arn: String,
    partition: Partition,
    account: AccountId,
    kind: PrincipalKind,
}

/// Why a text is not a principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalError {
    /// `*`, which allows everyone, or a wildcard in an ARN, which AWS refuses.
    #[error(
        "the principal {text:?} has a wildcard; AWS refuses wildcards inside an ARN, and '*' alone allows everyone"
    )]
    Wildcard {
        /// The text as given.
        text: String,
    },
    /// Only an account id.
    #[error(
        "{account} is a whole account; write the ARN of one role or user, or arn:aws:iam::{account}:root for every principal of the account"
    )]
    WholeAccount {
        /// The account.
        account: AccountId,
    },
    /// Not a role, and not another supported principal.
    #[error("{0}")]
    Role(RoleArnError),
    /// The account in it is not an account id.
    #[error("{0}")]
    Account(AccountIdError),
    /// A user without a name, or with a character that is not allowed in a name.
    #[error("{text:?} is not the ARN of a user; write arn:aws:iam::ACCOUNT:user/NAME")]
    User {
        /// The text as given.
        text: String,
    },
}

impl PrincipalError {
    /// What to type instead, if it can be known.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::Role(error) => error.suggestion(),
            Self::Account(error) => error.suggestion(),
            Self::Wildcard { .. } | Self::User { .. } | Self::WholeAccount { .. } => None,
        }
    }
}

impl Principal {
    /// The principal of a whole account: its `:root`.
    pub fn account_root(partition: Partition, account: AccountId) -> Self {
        Self { arn: format!("arn:{partition}:iam::{account}:root"), partition, account, kind: PrincipalKind::Account }
    }

    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// The partition.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The account that it is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The kind.
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }
}

impl From<RoleArn> for Principal {
    fn from(role: RoleArn) -> Self {
        Self {
            arn: role.as_str().to_owned(),
            partition: role.partition(),
            account: role.account().clone(),
            kind: PrincipalKind::Role,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        if text.contains(['*', '?']) {
            return Err(PrincipalError::Wildcard { text: text.to_owned() });
        }
        if let Ok(account) = text.parse::<AccountId>() {
            return Err(PrincipalError::WholeAccount { account });
        }
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = fields[..] else {
            return Ok(text.parse::<RoleArn>().map_err(PrincipalError::Role)?.into());
        };
        let user = resource.strip_prefix("user/");
        let known = arn == "arn" && service == "iam" && region.is_empty() && placeholder(text).is_none();
        match partition.parse::<Partition>() {
            Ok(partition) if known && (resource == "root" || user.is_some()) => {
                let account: AccountId = account.parse().map_err(PrincipalError::Account)?;
                let Some(user) = user else { return Ok(Self::account_root(partition, account)) };
                // A user's path and name have the same rules as a role's (IAM API reference, `CreateUser`).
                if RoleArn::new(partition, &account, user).is_err() {
                    return Err(PrincipalError::User { text: text.to_owned() });
                }
                Ok(Self { arn: text.to_owned(), partition, account, kind: PrincipalKind::User })
            }
            _ => Ok(text.parse::<RoleArn>().map_err(PrincipalError::Role)?.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permanent_principals_are_accepted() {
        for (text, kind) in [
            ("arn:aws:iam::111111111111:root", PrincipalKind::Account),
            ("arn:aws-cn:iam::111111111111:user/team/ann", PrincipalKind::User),
            ("arn:aws:iam::111111111111:role/a/b", PrincipalKind::Role),
        ] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!((principal.as_str(), principal.kind()), (text, kind));
            assert_eq!(principal.account().as_str(), "111111111111");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, message) in [
            ("*", "allows everyone"),
            ("arn:aws:iam::111111111111:role/x*", "wildcard"),
            ("arn:aws:iam::1111:root", "has 4 digits"),
            ("arn:aws:iam::111111111111:user/", "not the ARN of a user"),
            ("arn:aws:iam::111111111111:user/a b", "not the ARN of a user"),
            ("arn:aws:sts::111111111111:assumed-role/x/me", "session"),
            ("arn:aws:iam::${ACCOUNT}:root", "placeholder"),
            ("control-plane", "name"),
            ("111111111111", "arn:aws:iam::111111111111:root"),
        ] {
            let error = text.parse::<Principal>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
