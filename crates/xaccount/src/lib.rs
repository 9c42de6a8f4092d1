//! What `kubectl-xaccount` knows and does, without a command line: point Cluster API AWS clusters at another AWS account,
//! without touching another byte.
//!
//! ```
//! use xaccount::{Manifests, Target};
//!
//! let yaml = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}   # ours\n";
//! let manifests = Manifests::from_bytes("heron.yaml", yaml);
//! let change = xaccount::inject(&manifests, Target::account("222222222222")?)?;
//! assert!(change.bytes("heron.yaml")?.starts_with(yaml.as_bytes()));
//! for cluster in xaccount::status(change.manifests())?.clusters() {
//!     assert_eq!(cluster.account.word(), "222222222222");
//! }
//! # Ok::<(), xaccount::Error>(())
//! ```
//!
//! [`Manifests`] are texts in memory. [`inject()`] and [`eject()`] give [`ChangedManifests`], which are proved; [`status()`]
//! says what CAPA will do with each cluster, and [`lint()`] what is wrong. All four fail with one [`Error`]. The examples
//! `inject_bytes`, `verdict` and `lint_json` are small programs around them.
//!
//! # Limitations
//!
//! The functions at the root read no file and ask no cluster. What the commands of the same names find on disk is missing:
//!
//! - Whether a cluster runs already is looked for in its manifest alone. There is neither Git's HEAD nor a dump of the
//!   management cluster, so a manifest without a mark of life (`metadata.uid`, `status.ready`, …) counts as a
//!   cluster that does not exist yet, and changes account. A manifest with one is refused, as by the command. Where a
//!   manifest may be that of a running cluster, compare with the management cluster before you apply the result.
//! - An account map (`.xaccount.yaml`) is not followed: among the files it is an error of [`inject()`] and [`eject()`].
//!   [`status()`] and [`lint()`] read none either: neither its release, source account and annotations, nor its `lint.ignore`.
//!   [`lint()`] takes no IAM policy documents.
//! - Kustomize patches are known by the kustomizations among the files, not by those beside and above them.
//! - The `Cluster` that an object belongs to, and other users of an identity, are looked up among the files only.
//! - Templates are errors. A topology `Cluster` needs a variable that says its provider.
//! - Nothing is written. [`session`] and [`files`] replace files all or nothing; `std::fs::write` does not.
//! - Messages name flags of `kubectl xaccount`. Those about the request are fields of [`InjectRequest`] and [`EjectRequest`];
//!   `--skip-templates`, `--topology-variable`, `--live` and the flags of the account map have no counterpart.
//!
//! What can't be edited with certainty is refused: see the limitations of [`lossless_yaml`].
//!
//! # Modules
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
//! - [`settings`]: a setting and where it comes from: flag, map or default
//! - [`inventory`]: all objects of the files, each with its place; what kustomizations say of the files
//! - [`plan`]: the words that all verbs share: what is selected, what changes, in which order it is written
//! - [`iam`]: the trust and permission policies of both accounts, from what is asked to a plan; before it `manifest_checks`,
//!   what every verb says about a manifest
//! - [`mod@inject`]: from an inventory and a request to a plan
//! - [`mod@status`]: which cluster is in which account, through which identities, and may it
//! - [`mod@lint`]: what is wrong in manifests, and what mends it
//! - [`mod@eject`]: the same as `inject` the other way
//! - [`files`]: find, read, lock and replace files, all or nothing
//! - [`session`]: files to an inventory, plans to proved files; nothing else calls the engine on a file
//! - [`usages`]: who else names an identity that is to be removed
//! - [`patches`]: which inputs are kustomize patches, by the kustomizations in and above them
//! - [`owner_search`]: the Clusters of files that are no inputs
//! - [`krm`]: the ResourceList of a KRM function, in and out
//! - `facade`: the verbs over manifests in memory, which are at the root
//!
//! A module uses only those above it. The library never prints, never exits and never reads the environment.

pub mod diag;
mod refusal;

mod templates;

pub mod aws;
pub mod kubernetes;

pub mod capa;

pub mod account_map;

pub mod settings;

pub mod inventory;

mod manifest_checks;

pub mod plan;

pub mod iam;
pub mod inject;
pub mod status;

pub mod lint;

pub mod eject;

pub mod files;

pub mod session;

pub mod usages;

pub mod patches;

pub mod owner_search;

pub mod krm;

mod facade;

pub use diag::Diagnostic;
pub use eject::EjectRequest;
pub use facade::{
    ChangedManifests, ChangedObject, Error, ErrorKind, LintReport, Manifests, SourcePlace, StatusReport, eject, inject,
    lint, status,
};
pub use inject::{InjectRequest, Target};
pub use json_patch;
