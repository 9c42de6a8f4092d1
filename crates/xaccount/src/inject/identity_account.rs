//! The account of an identity.

use super::moves::KnownAccounts;
use crate::account_map::IdentityName;
use crate::aws::{AccountId, RoleArn, RoleText};
use crate::plan::{SOURCE, account_in_name};

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
    pub(super) fn of(arn: RoleArn, wanted: &RoleText) -> Self {
        if Some(arn.account()) == wanted.account() && Some(arn.partition()) != wanted.partition() {
            Self::OtherPartition(arn)
        } else {
            Self::Account(arn.account().clone())
        }
    }

    /// Whether it is the account of a role. A role ARN with a placeholder only has the account of the same text.
    pub(super) fn is_of(&self, role: &RoleText) -> bool {
        match self {
            Self::Account(account) => role.account() == Some(account),
            Self::Unreadable(text) => matches!(role, RoleText::Template(_)) && text == role.as_str(),
            Self::OtherPartition(_) | Self::Management | Self::Unknown => false,
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

/// What a reference names now.
pub(super) enum Existing {
    /// Nothing, or CAPA's default; the text describes it.
    NotSet(String),
    /// The wanted identity, or another one of the wanted role.
    Right(IdentityName),
    /// Another identity: its kind and name, and its account.
    Other(String, IdentityAccount),
}
