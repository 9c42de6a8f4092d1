//! Accounts in a line about a cluster.

use crate::account_map::default_identity_name;
use crate::aws::RoleArn;
use crate::capa::DEFAULT_ROLE_NAME;

/// The account of the management cluster, in a line about a cluster.
pub(crate) const SOURCE: &str = "source";

/// A role for a line about a cluster: its account, and the role and the identity where they are not the default ones.
pub(crate) fn account_in_a_line(role: &RoleArn, identity: &str, account: String) -> String {
    let mut line = account;
    if role.path() != "/" || role.name() != DEFAULT_ROLE_NAME {
        line.push_str(&format!(", role {}", role.path_and_name()));
    }
    if identity != default_identity_name(role) {
        line.push_str(&format!(", identity {identity}"));
    }
    line
}
