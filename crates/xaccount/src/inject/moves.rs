//! Requested changes of account, and what the account map specifies about accounts.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::aws::{AccountId, RoleText};
use crate::diag::escape_control;
use crate::plan::account_in_name;

/// A requested change of account: `--move-account FROM=TO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMove {
    /// The account that clusters leave.
    pub from: MoveFrom,
    /// The account that they move to; `None` for that of a role ARN with a placeholder, which is unknown.
    pub to: Option<AccountId>,
}

/// The account that a cluster is moved from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveFrom {
    /// The account of the management cluster.
    Source,
    /// A known account.
    Account(AccountId),
    /// An account that can't be determined.
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
        let to = self.to.as_ref().map_or("unknown", AccountId::as_str);
        write!(f, "--move-account {}={to}", self.from)
    }
}

/// What the account map specifies about accounts, independent of the objects.
#[derive(Clone, Debug, Default)]
pub struct KnownAccounts {
    /// The account of the management cluster.
    pub source: Option<AccountId>,
    /// The account of each role identity, by its name; `None` if two accounts share the name.
    pub identities: HashMap<String, Option<AccountId>>,
    /// The account of each static identity, by its name; `None` if two accounts share the name.
    pub statics: HashMap<String, Option<AccountId>>,
    /// The name of each account.
    pub names: BTreeMap<AccountId, String>,
}

impl KnownAccounts {
    /// The account of an identity with this name, if the name alone determines it.
    pub(super) fn by_name(&self, identity: &str) -> Option<AccountId> {
        self.identities.get(identity).cloned().flatten().or_else(|| account_in_name(identity))
    }

    /// The account of a role, as [`Self::shown`]; the whole ARN if the account is a placeholder.
    pub(super) fn shown_of(&self, role: &RoleText) -> String {
        role.account().map_or_else(|| role.to_string(), |account| self.shown(account))
    }

    /// The account id, followed by its name in parentheses if there is one.
    pub(super) fn shown(&self, account: &AccountId) -> String {
        match self.names.get(account) {
            Some(name) => format!("{account} ({})", escape_control(name)),
            None => account.to_string(),
        }
    }
}
