//! The library of `kubectl-xaccount`: points Cluster API AWS clusters at another AWS account, without changing any
//! other byte of their manifests.
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
//! [`Manifests`] are files in memory. [`inject()`] and [`eject()`] return [`ChangedManifests`], which are proved;
//! [`status()`] shows what CAPA will do with each cluster, and [`lint()`] finds mistakes. All four return the same
//! [`Error`]. The examples `inject_bytes`, `verdict` and `lint_json` are small programs that use them.
//!
//! # Limitations
//!
//! The functions at the root don't read files or ask a cluster. They lack what the commands of the same names find on
//! disk:
//!
//! - Only its manifest shows whether a cluster is running. There is neither Git's HEAD nor a dump of the management
//!   cluster, so a manifest without a field that shows life (`metadata.uid`, `status.ready`, …) counts as a cluster
//!   that does not exist yet, and changes account. A manifest with such a field is refused, as by the command. If a
//!   manifest may be that of a running cluster, compare it with the management cluster before you apply the result.
//! - Account maps (`.xaccount.yaml`) are not supported: among the files, one is an error of [`inject()`] and
//!   [`eject()`]. [`status()`] and [`lint()`] ignore its release, source account, annotations and `lint.ignore`.
//! - [`lint()`] takes no IAM policy documents.
//! - Kustomizations and objects of Flux count if they are among the files; others around them are unknown.
//! - The `Cluster` that an object belongs to, and other users of an identity, are searched for among the files only.
//! - Templates are errors. A topology `Cluster` needs a variable that specifies its provider, or its
//!   `ClusterClass` among the files.
//! - Nothing is written. [`session`] and [`files`] replace files all or nothing; `std::fs::write` does not.
//! - Messages name flags of `kubectl xaccount`. Flags of the request are fields of [`InjectRequest`] and
//!   [`EjectRequest`]; `--skip-templates`, `--topology-variable`, `--live` and the flags of the account map have no
//!   counterpart.
//!
//! A file that can't be edited with certainty is refused: see the limitations of [`lossless_yaml`].
//!
//! # Modules
//!
//! ```text
//! bytes ─► lossless-yaml ─► inventory ─► inject · eject · lint · status · iam ─► session ─► files
//!                               ▲          (each: inventory -> plan or findings)  (plan -> proved bytes)
//!          capa, aws, kubernetes, account_map (facts and checks, no I/O)
//! ```
//!
//! - [`diag`]: diagnostics, of which every error is made; `refusal` adds help to what [`lossless_yaml`] refuses
//! - [`aws`]: account ids, role ARNs, partitions, the limits of STS
//! - [`kubernetes`]: names, labels and label selectors
//! - [`kustomize`]: what decides which objects are applied: kustomizations, and the objects of Flux and Argo CD
//! - [`capa`]: facts about Cluster API Provider AWS as tables, and its objects with their spans
//! - [`account_map`]: `.xaccount.yaml`, which assigns clusters to accounts
//! - [`settings`]: a setting and where it comes from: flag, map or default
//! - [`inventory`]: all objects of the files, each with its place, and what kustomizations build from them
//! - [`plan`]: types that all verbs share: the selection, the changes, and the order in which files are written
//! - [`iam`]: the trust and permissions policies of both accounts, from a request to a plan; above it
//!   `manifest_checks`, the checks that all verbs share
//! - [`mod@inject`]: turns an inventory and a request into a plan
//! - [`mod@status`]: the account and the identities of each cluster, and whether CAPA allows it
//! - [`mod@lint`]: finds mistakes in manifests, and fixes for them
//! - [`mod@eject`]: undoes `inject`
//! - [`files`]: finds, reads, locks and replaces files, all or nothing
//! - [`session`]: turns files into an inventory, and plans into proved files; only it calls the engine on a file
//! - [`usages`]: finds what else names an identity that could be removed
//! - [`kustomization_search`]: reads the kustomizations around the inputs
//! - [`owner_search`]: finds the Clusters in files that are not inputs
//! - [`krm`]: the ResourceList of a KRM function, input and output
//! - `facade`: the verbs over manifests in memory, which are at the root
//!
//! A module uses only those above it. The library never prints, never exits and never reads the environment.

pub mod diag;
mod refusal;

mod templates;

pub mod aws;
pub mod kubernetes;

pub mod kustomize;

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

pub mod kustomization_search;

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
