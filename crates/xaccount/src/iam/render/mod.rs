//! A policy in the formats of other tools: a script for the AWS CLI, CloudFormation, Terraform, clusterawsadm.

mod cloudformation;
mod clusterawsadm;
mod json_text;
mod script;
mod terraform;

pub use cloudformation::cloudformation;
pub use clusterawsadm::clusterawsadm;
pub use script::script;
pub use terraform::terraform;

use serde_json::Value;

use crate::aws::{AccountId, Partition};

/// Which of the two policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The trust policy of the target account's role.
    Trust,
    /// The permissions policy of the source account's role.
    Permission,
}

/// A policy, and the role that it belongs to.
#[derive(Clone, Debug)]
pub struct PolicyTarget<'h> {
    /// Which policy it is.
    pub side: Side,
    /// The partition of both accounts.
    pub partition: Partition,
    /// The account of the role that the policy belongs to, if known.
    pub account: Option<&'h AccountId>,
    /// The role that the policy belongs to, without its path. A valid name in IAM: letters, digits and `+=,.@_-`.
    pub role_name: &'h str,
    /// Its path, with both slashes; `/` for none.
    pub role_path: &'h str,
    /// Name of the inline policy, of the same characters; not used for a trust policy.
    pub policy_name: &'h str,
    /// The whole policy document as JSON text. CloudFormation and Terraform own all of a trust policy.
    pub document: &'h str,
    /// The granting statements alone.
    pub statements: &'h [Value],
    /// Profile of the AWS CLI, if specified.
    pub profile: Option<&'h str>,
    /// The arguments of `kubectl xaccount` that print the document: `iam`, `trust`, `--source-account=…`. Without a
    /// mode.
    pub arguments: &'h [String],
    /// Whether the grant is removed instead of added; only a script does that.
    pub remove: bool,
}

/// Why a tool's format can't contain a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PieceError {
    /// clusterawsadm creates roles with fixed names.
    #[error(
        "clusterawsadm does not create a role {name}; its configuration has {} and {}",
        crate::capa::DEFAULT_ROLE_NAME,
        crate::capa::CONTROLLERS_ROLE_NAME
    )]
    NoRoleOfClusterawsadm {
        /// The requested role.
        name: String,
    },
}

impl PolicyTarget<'_> {
    /// The role and its account, for comments and descriptions.
    fn place(&self) -> String {
        let account = self.account.map(|account| format!(" in account {account}")).unwrap_or_default();
        format!("the role {}{account}", self.role_name)
    }
}
