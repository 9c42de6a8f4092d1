//! A policy in the formats of other tools: a script for the AWS CLI, CloudFormation, Terraform, clusterawsadm.

mod accounts;
mod cloudformation;
mod clusterawsadm;
mod json_text;
mod managed;
mod script;
mod source_script;
mod terraform;

pub use accounts::{AccountRole, AccountsError, for_each, stack_set};
pub use cloudformation::cloudformation;
pub use clusterawsadm::clusterawsadm;
pub use managed::{ManagedPolicies, ManagedPolicy};
pub use script::script;
pub use source_script::source_script;
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
    /// The ARN of the permissions boundary of the role, in the formats that create one.
    pub permissions_boundary: Option<&'h str>,
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
    /// A role of IAM Identity Center or of a service. Source: IAM API reference, `PutRolePolicy` and
    /// `UpdateAssumeRolePolicy`, `UnmodifiableEntity`: only the service that created it can modify it.
    #[error("AWS refuses to modify the role {name}: it belongs to {}", if *.is_permission_set { "a permission set of IAM Identity Center" } else { "an AWS service" })]
    Unmodifiable {
        /// The requested role.
        name: String,
        /// Whether it is the role of a permission set; otherwise it is a service-linked role.
        is_permission_set: bool,
    },
}

impl PieceError {
    /// What to do instead.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoRoleOfClusterawsadm { .. } => None,
            Self::Unmodifiable { is_permission_set: true, .. } => {
                Some("print the document without -o, and set it as the inline policy of the permission set")
            }
            Self::Unmodifiable { .. } => Some("specify another role"),
        }
    }
}

impl PolicyTarget<'_> {
    /// Checks that the role can be modified. Source: IAM user guide, "Service-linked roles"; IAM Identity Center user
    /// guide, "Referencing permission sets in resource policies".
    ///
    /// # Errors
    /// It is a service-linked role, or the role of a permission set.
    pub fn is_modifiable(&self) -> Result<(), PieceError> {
        let is = |path: &str, prefix: &str| self.role_path.starts_with(path) || self.role_name.starts_with(prefix);
        let is_permission_set = is("/aws-reserved/", "AWSReservedSSO_");
        if is_permission_set || is("/aws-service-role/", "AWSServiceRoleFor") {
            return Err(PieceError::Unmodifiable { name: self.role_name.to_owned(), is_permission_set });
        }
        Ok(())
    }

    /// The role and its account, for comments and descriptions.
    fn place(&self) -> String {
        let account = self.account.map(|account| format!(" in account {account}")).unwrap_or_default();
        format!("the role {}{account}", self.role_name)
    }
}
