//! The account that an identity stands for.

use super::moves::KnownAccounts;
use crate::aws::{AccountId, RoleArn};
use crate::plan::{SOURCE, account_in_name};

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

    /// The account for a line of a summary; `words` name the identity.
    pub(super) fn short(&self, words: &str, known: &KnownAccounts) -> String {
        match self {
            Self::Account(account) => {
                let usual = account_in_name(words.rsplit('/').next().unwrap_or_default());
                let shown = known.shown(account);
                if usual.as_ref() == Some(account) { shown } else { format!("{shown}, {words}") }
            }
            Self::OtherPartition(arn) => format!("{} of partition {}", arn.account(), arn.partition().id()),
            Self::Management => format!("{SOURCE} ({words})"),
            Self::Unreadable(_) | Self::Unknown => format!("unknown ({words})"),
        }
    }
}
