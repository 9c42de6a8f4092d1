//! `lint` in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::manifests::{Manifests, ReadManifests};
use crate::capa::{Release, needles_for_lint};
use crate::diag::{Diagnostic, FileId};
use crate::lint::{Context, Finding, Ignore, LintResult, ignores, silence};
use crate::status::{Options, status};

/// What `lint` found.
#[derive(Clone, Debug)]
pub struct LintReport {
    findings: Vec<Finding>,
    release: Release,
    warnings: Vec<Diagnostic>,
}

/// Finds cross-account mistakes. A document that can't be read is a finding too. A comment `# xaccount: ignore[XA001]
/// why` silences the line that it is on, or the next.
///
/// ```
/// use xaccount::Manifests;
///
/// let yaml = "\
/// apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
/// kind: AWSClusterRoleIdentity
/// metadata: {name: prod}
/// spec:
///   allowedNamespaces: {}
///   roleARN: arn:aws:iam::222222222222:instance-profile/capa
///   sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}
/// ";
/// let manifests = Manifests::from_bytes("prod.yaml", yaml);
/// let report = xaccount::lint(&manifests)?;
/// let finding = report.findings().iter().find(|finding| finding.rule.name == "role-arn").ok_or("a finding")?;
/// let place = finding.diagnostic.primary.as_ref().and_then(|label| manifests.place(label.at)).ok_or("a place")?;
/// assert_eq!(place.to_string(), "prod.yaml:6:12");
/// assert!(finding.diagnostic.to_string().starts_with("error[XA001]: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// None at present: mistakes in the manifests are findings.
pub fn lint(manifests: &Manifests) -> Result<LintReport, Error> {
    let read = manifests.read(&needles_for_lint(), true)?;
    let ReadManifests { session, inventory, kustomizations, warnings } = read;
    // Skipped patches are not findings.
    let (inventory, _) = kustomizations.place(inventory, &session);
    let options = Options { release: manifests.release };
    let status = status(&inventory, &options);
    let context = Context {
        inventory: &inventory,
        status: &status,
        release_is_specified: manifests.release.is_some(),
        has_all_identities: false,
        annotations: &[],
        map: None,
        staying: &[],
        builds: &kustomizations.builds,
        trust: &[],
        permission: &[],
    };
    let LintResult { findings, others } = crate::lint::lint(&context, warnings);
    let with_findings = findings.iter().filter_map(|finding| Some(finding.diagnostic.primary.as_ref()?.at.file));
    let files: BTreeSet<FileId> =
        inventory.objects().iter().map(|found| found.origin.file).chain(with_findings).collect();
    let comments = files.into_iter().filter_map(|file| Some((file, ignores(&manifests.files.get(file.0)?.bytes))));
    let comments: BTreeMap<FileId, Vec<Ignore>> = comments.filter(|(_, ignores)| !ignores.is_empty()).collect();
    let findings = silence(&inventory, findings, &comments);
    let warnings = kustomizations.warnings.iter().cloned().chain(others).collect();
    let release = context.release();
    Ok(LintReport { findings, release, warnings })
}

impl LintReport {
    /// The findings, by file and place.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The release of CAPA that the manifests were checked for.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Warnings that don't belong to a rule.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}
