//! A change to a policy, whichever policy it is.

use serde_json::Value;

use super::{Grant, MergeOptions, MergeOutcome, SourceTrust, merge};
use crate::diag::SpannedError;

/// What is added to a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// Permission to assume a role, in either policy.
    Grant(Grant),
    /// What gives the source account's role to the CAPA pod. It is only added.
    SourceTrust(SourceTrust),
}

impl PolicyChange {
    /// The statements to add.
    pub fn statements(&self) -> Vec<Value> {
        match self {
            Self::Grant(grant) => grant.statements(),
            Self::SourceTrust(trust) => vec![trust.statement()],
        }
    }

    /// A whole document with these statements. For a trust policy, it is one that a new role needs.
    pub fn document(&self) -> Value {
        match self {
            Self::Grant(grant) if grant.is_trust() => grant.new_role_document(),
            Self::Grant(grant) => grant.document(),
            Self::SourceTrust(trust) => trust.document(),
        }
    }

    /// Adds the statements to a document of strict JSON, unless it already has equal or wider ones.
    ///
    /// # Errors
    /// As [`merge()`] and [`SourceTrust::merge`].
    pub fn merge(&self, document: &[u8], options: &MergeOptions) -> Result<MergeOutcome, Vec<SpannedError>> {
        match self {
            Self::Grant(grant) => merge(document, grant, options),
            Self::SourceTrust(trust) => trust.merge(document),
        }
    }
}
