//! An account map and its name, for messages.

use xaccount::account_map::{Account, AccountMap};
use xaccount::diag::{Diagnostic, escape_control};

/// Ways to resolve a contradiction between a flag and the account map.
pub(crate) const WAYS_OUT: &str = "omit the flag, change the map, or pass --no-config to ignore the map";

/// What to do if the map selects by path and the input has no path.
pub(crate) const NO_PATH: &str =
    "a stream has no path: with -f -, set it by --stdin-filename PATH, or pass --no-config";

/// An account map, and its name in messages.
#[derive(Clone, Copy)]
pub(crate) struct NamedMap<'m> {
    pub(crate) map: &'m AccountMap,
    pub(crate) name: &'m str,
}

impl<'m> NamedMap<'m> {
    /// The account that a flag names.
    ///
    /// # Errors
    /// The map has no account of that name.
    pub(crate) fn named(self, flag: &str, name: &str) -> Result<&'m Account, Diagnostic> {
        self.map.named(name).map_err(|near| {
            let (map, name) = (self.name, escape_control(name));
            let error = Diagnostic::error(format!("{flag}: {map} has no account named '{name}'"));
            match near {
                Some(near) => error.help(format!("perhaps {near}")),
                None => error.help(format!("it has {}", self.accounts())),
            }
        })
    }

    /// The accounts by id and name, for messages.
    pub(crate) fn accounts(self) -> String {
        match self.map.accounts.is_empty() {
            true => "no accounts".to_owned(),
            false => self.map.accounts.iter().map(Account::title).collect::<Vec<_>>().join(", "),
        }
    }
}
