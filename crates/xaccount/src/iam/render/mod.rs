//! One half of the job as other tools take it: a script for the AWS CLI, CloudFormation, Terraform, clusterawsadm.

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

/// Which policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The trust policy of the target account's role.
    Trust,
    /// The permission policy of the source account's role.
    Permission,
}

/// One half of the job.
#[derive(Clone, Debug)]
pub struct PolicyTarget<'h> {
    /// Which policy it is.
    pub side: Side,
    /// The partition of both accounts.
    pub partition: Partition,
    /// The account of the role that the policy belongs to, where it is known.
    pub account: Option<&'h AccountId>,
    /// The role that the policy belongs to, without its path. A name that IAM takes: letters, digits and `+=,.@_-`.
    pub role_name: &'h str,
    /// Its path, with both slashes; `/` for none.
    pub role_path: &'h str,
    /// Name of the inline policy, of the same characters; of no meaning for a trust policy.
    pub policy_name: &'h str,
    /// The whole policy document as JSON text. For a trust policy what CloudFormation and Terraform will own: all of it.
    pub document: &'h str,
    /// The granting statements alone.
    pub statements: &'h [Value],
    /// Profile of the AWS CLI, where one was given.
    pub profile: Option<&'h str>,
    /// The words behind `kubectl xaccount` that print the document: `iam`, `trust`, `--source-account=…`. Without a mode.
    pub arguments: &'h [String],
    /// Whether the grant is taken out instead; only a script does that.
    pub remove: bool,
}

/// What a tool can't hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PieceError {
    /// clusterawsadm makes roles of fixed names.
    #[error(
        "clusterawsadm makes no role {name}; its configuration has a place for {} and {}",
        crate::capa::DEFAULT_ROLE_NAME,
        crate::capa::CONTROLLERS_ROLE_NAME
    )]
    NoRoleOfClusterawsadm {
        /// The role that was asked for.
        name: String,
    },
}

impl PolicyTarget<'_> {
    /// The role, for people.
    fn place(&self) -> String {
        let account = self.account.map(|account| format!(" in account {account}")).unwrap_or_default();
        format!("the role {}{account}", self.role_name)
    }
}
