//! The account of an identity.

use crate::aws::{AccountId, RoleArn};

/// The account of an identity, as far as the files determine it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentityAccount {
    /// A known account.
    Account(AccountId),
    /// An account with the number of the target, but in another partition.
    OtherPartition(RoleArn),
    /// The source account, set explicitly with a controller identity.
    Management,
    /// The identity is in the files, but its role ARN can't be parsed; the text of the ARN.
    Unreadable(String),
    /// The files don't determine it.
    Unknown,
}

impl IdentityAccount {
    /// The account of an identity's role, compared with the wanted role.
    pub(super) fn of(arn: RoleArn, wanted: &RoleArn) -> Self {
        if arn.account() == wanted.account() && arn.partition() != wanted.partition() {
            Self::OtherPartition(arn)
        } else {
            Self::Account(arn.account().clone())
        }
    }

    /// The account, followed by `words` in parentheses.
    pub(super) fn with(&self, words: &str) -> String {
        match self {
            Self::Account(account) => format!("{account} ({words})"),
            Self::OtherPartition(arn) => format!("{} of partition {} ({words})", arn.account(), arn.partition().id()),
            Self::Management => format!("management account ({words})"),
            Self::Unreadable(_) | Self::Unknown => format!("account not in these files ({words})"),
        }
    }
}
