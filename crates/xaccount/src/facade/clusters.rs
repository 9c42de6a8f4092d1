//! `status` in memory.

use super::error::Error;
use super::manifests::{Manifests, ReadManifests};
use crate::capa::{Release, needles_with_surroundings};
use crate::diag::Diagnostic;
use crate::inventory::Inventory;
use crate::status::{self, Options, Row};

/// What CAPA will do with each cluster, as far as the manifests show.
#[derive(Clone, Debug)]
pub struct StatusReport {
    inventory: Inventory,
    release: Release,
    rows: Vec<Row>,
    warnings: Vec<Diagnostic>,
}

/// Evaluates every cluster: in which account it is, through which identities, and whether CAPA allows that.
///
/// ```
/// use xaccount::Manifests;
///
/// let yaml = "\
/// apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
/// kind: AWSCluster
/// metadata: {name: heron, namespace: dev}
/// spec: {identityRef: {kind: AWSClusterRoleIdentity, name: prod}}
/// ---
/// apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
/// kind: AWSClusterRoleIdentity
/// metadata: {name: prod}
/// spec:
///   allowedNamespaces: {list: [prod]}
///   roleARN: arn:aws:iam::222222222222:role/capa
///   sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}
/// ";
/// let report = xaccount::status(&Manifests::from_bytes("heron.yaml", yaml))?;
/// let [cluster] = report.clusters() else { panic!("one cluster") };
/// assert!(cluster.is_refused());
/// assert_eq!(cluster.account.word(), "222222222222");
/// assert!(cluster.to_string().starts_with("dev/heron: denied, account 222222222222: "));
/// # Ok::<(), xaccount::Error>(())
/// ```
///
/// # Errors
/// Every document that names a CAPA kind and can't be read.
pub fn status(manifests: &Manifests) -> Result<StatusReport, Error> {
    let ReadManifests { inventory, mut warnings, .. } = manifests.read(&needles_with_surroundings(), false)?.counted();
    let options = Options { release: manifests.release };
    let status = status::status(&inventory, &options);
    let (release, rows) = (status.cluster_state.release(), status.rows);
    warnings.extend(status.warnings);
    Ok(StatusReport { inventory, release, rows, warnings })
}

impl StatusReport {
    /// The clusters and their templates, in the order of the files: one row for each reference that differs.
    pub fn clusters(&self) -> &[Row] {
        &self.rows
    }

    /// The release of CAPA that they are evaluated for.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The warnings.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// All objects, indexed by [`Row::object`], and the files.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}
