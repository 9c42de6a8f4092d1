//! What `kubectl-xaccount` knows and does, without a command line: point Cluster API AWS clusters at another AWS account,
//! without touching another byte.
//!
//! ```text
//! bytes ─► lossless-yaml ─► inventory ─► inject · eject · lint · status · iam ─► session ─► files
//!                               ▲          (each: inventory -> plan or findings)  (plan -> proved bytes)
//!          capa, aws, kubernetes, account_map (facts and checks, no I/O)
//! ```
//!
//! - [`diag`]: diagnostics, what every error is made of; beside it `refusal`, what to do about what [`lossless_yaml`] refuses
//! - [`aws`]: account ids, role ARNs, partitions, what STS takes
//! - [`kubernetes`]: names, labels and label selectors
//! - [`capa`]: what Cluster API Provider AWS says, as tables, and its objects read through spans
//! - [`account_map`]: `.xaccount.yaml`, which cluster belongs to which account
//! - [`inventory`]: all objects of the files, each with its place
//! - [`kustomization`]: which files are patches of objects, and what renames them
//! - [`iam`]: the trust and permission policies of both accounts, from what is asked to a plan; before it `manifest_checks`,
//!   what every verb says about a manifest
//! - [`inject`]: from an inventory and a request to a plan
//! - [`status`]: which cluster is in which account, through which identities, and may it
//! - [`lint`]: what is wrong in manifests, and what mends it
//! - [`eject`]: the same as `inject` the other way
//! - [`files`]: find, read, lock and replace files, all or nothing
//! - [`session`]: files to an inventory, plans to proved files; nothing else calls the engine on a file
//! - [`usages`]: who else names an identity that is to be removed
//! - [`patches`]: which inputs are kustomize patches, by the kustomizations in and above them
//! - [`owner_search`]: the Clusters of files that are no inputs
//! - [`krm`]: the ResourceList of a KRM function, in and out
//!
//! A module uses only those above it. The library never prints, never exits and never reads the environment.

pub mod diag;
mod refusal;

pub mod aws;
pub mod kubernetes;

pub mod capa;

pub mod account_map;

pub mod inventory;

pub mod kustomization;

mod manifest_checks;

pub mod iam;
pub mod inject;
pub mod status;

pub mod lint;

pub mod eject;

pub mod files;

pub mod patches;
pub mod session;
pub mod usages;

pub mod owner_search;

pub mod krm;
