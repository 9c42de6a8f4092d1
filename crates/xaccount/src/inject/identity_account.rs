//! The account that an identity stands for.

use crate::aws::{AccountId, RoleArn};

/// The account that an identity stands for, as far as the files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentityAccount {
    /// This account.
    Account(AccountId),
    /// An account of this number in another partition.
    OtherPartition(RoleArn),
    /// The management cluster's own account, chosen by somebody.
    Management,
    /// The identity is in the files, but its role ARN can't be read; its text.
    Unreadable(String),
    /// The files don't say.
    Unknown,
}

impl IdentityAccount {
    /// Where the role of an identity is, seen from the role that is wanted.
    pub(super) fn of(arn: RoleArn, wanted: &RoleArn) -> Self {
        if arn.account() == wanted.account() && arn.partition() != wanted.partition() {
            Self::OtherPartition(arn)
        } else {
            Self::Account(arn.account().clone())
        }
    }

    /// The account, and in parentheses what says so.
    pub(super) fn with(&self, words: &str) -> String {
        match self {
            Self::Account(account) => format!("{account} ({words})"),
            Self::OtherPartition(arn) => format!("{} of partition {} ({words})", arn.account(), arn.partition().id()),
            Self::Management => format!("management account ({words})"),
            Self::Unreadable(_) | Self::Unknown => format!("account not in these files ({words})"),
        }
    }
}
