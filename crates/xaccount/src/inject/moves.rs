//! Changes of account as they are asked for, and what is known of accounts beforehand.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::aws::AccountId;
use crate::diag::escape_control;
use crate::plan::account_in_name;

/// A change of account that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMove {
    /// From where.
    pub from: MoveFrom,
    /// To where.
    pub to: AccountId,
}

/// The account that a cluster is moved from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveFrom {
    /// The account of the management cluster.
    Source,
    /// This one.
    Account(AccountId),
    /// One that nothing says.
    Unknown,
}

impl fmt::Display for MoveFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("source"),
            Self::Account(id) => f.write_str(id.as_str()),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl fmt::Display for AccountMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--move-account {}={}", self.from, self.to)
    }
}

/// What the account map says of accounts, whatever the objects are.
#[derive(Clone, Debug, Default)]
pub struct KnownAccounts {
    /// The account of the management cluster.
    pub source: Option<AccountId>,
    /// The account of each identity name; `None` where two accounts would have one.
    pub identities: HashMap<String, Option<AccountId>>,
    /// What people call an account.
    pub names: BTreeMap<AccountId, String>,
}

impl KnownAccounts {
    /// The account that an identity of this name stands for, as far as the name alone says.
    pub(super) fn by_name(&self, identity: &str) -> Option<AccountId> {
        self.identities.get(identity).cloned().flatten().or_else(|| account_in_name(identity))
    }

    /// The id, and the name in parentheses.
    pub(super) fn shown(&self, account: &AccountId) -> String {
        match self.names.get(account) {
            Some(name) => format!("{account} ({})", escape_control(name)),
            None => account.to_string(),
        }
    }
}
