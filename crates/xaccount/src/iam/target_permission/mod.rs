//! The permissions policy of the target account's role: what the controllers of CAPA call for the features that
//! manifests use, whether given policies allow it, and a policy that does.
//!
//! [`Table`] has the calls of a release by feature group, and clusterawsadm's statements by the same groups.
//! [`Uses`] is what manifests switch on, [`check()`] compares it with policies, and [`GroupSelection`] is what is printed.

mod check;
mod features;
mod fields;
mod given;
mod merge;
mod need;
mod print;
mod table;
#[cfg(test)]
mod tests;

pub use check::{ActionVerdict, CheckReport, MissingAction, MissingEffect, check};
pub use features::{FeatureGates, GroupReason, SubjectObject, Uses, needles};
pub use given::{GivenPolicies, NotPermissions};
pub use merge::{AddedPolicy, added};
pub use need::Surroundings;
pub use print::{GroupSelection, GroupStatement, Narrowing, PolicyPart, UnknownGroup, policy_document, statements_of};
pub use table::{ApiCall, FeatureGroup, NewerRelease, Phase, Table, table_of};
