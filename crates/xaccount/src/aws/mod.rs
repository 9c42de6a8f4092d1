//! AWS values of an identity: account ids, partitions and regions, IAM role ARNs, and the limits of `sts:AssumeRole`.
//!
//! Everything here is a checked value or a pure function: no network, no files, no environment. A value of one of these
//! types is always valid, and displays as the exact text it was parsed from. Every error describes the text and, if
//! possible, what to type instead (`suggestion`).
//!
//! Sources: IAM API reference (data types and `CreateRole`), STS API reference (`AssumeRole`), and botocore's
//! `partitions.json`; each item names its own.

mod account;
mod arn;
mod arn_error;
mod arn_shape;
mod boundary;
mod eks;
mod partition;
pub mod policy;
mod principal;
mod role_text;
mod sts;

pub use account::{AccountId, AccountIdError};
pub use arn::RoleArn;
pub use arn_error::RoleArnError;
pub use boundary::{PermissionsBoundary, PermissionsBoundaryError};
pub use eks::{ClusterArn, ClusterArnError, Issuer, IssuerError};
pub use partition::{Partition, UnknownPartition};
pub use principal::{Principal, PrincipalError, PrincipalKind};
pub use role_text::{RoleTemplate, RoleText};
pub use sts::{
    DurationError, DurationSeconds, ExternalId, InlinePolicyError, OrgId, SessionName, StsTextError,
    check_inline_policy,
};
