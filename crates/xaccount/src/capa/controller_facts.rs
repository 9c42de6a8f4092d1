//! What manifests show about what the CAPA pod runs as, and whether it can get there.

use lossless_yaml::{NodeId, Tree};

use super::field::{Field, descend, meta};
use super::workload::{Workload, workload};
use crate::diag::Span;
use crate::kubernetes::base64;
use crate::templates::is_filled_in;

/// The ServiceAccount of CAPA (`config/rbac/service_account.yaml`, v2.13.0, with the prefix of `config/default`).
pub const SERVICE_ACCOUNT: &str = "capa-controller-manager";

/// The Secret with the keys of CAPA (`config/default/credentials.yaml`, v2.13.0, with the prefix of `config/default`).
pub const KEYS_SECRET: &str = "capa-manager-bootstrap-credentials";

/// The variable with these keys, in the Secret that an `InfrastructureProvider` of the Cluster API operator names in
/// `spec.configSecret` (kubernetes-sigs/cluster-api-operator, "Provider credentials"; clusterctl's name for it).
const KEYS_VARIABLE: &str = "AWS_B64ENCODED_CREDENTIALS";

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControllerFact {
    /// A ServiceAccount with the annotation of IRSA (EKS user guide, "Assign IAM roles to Kubernetes service accounts").
    ServiceAccountRole {
        /// The role's ARN, as written.
        role: String,
        /// The place of the annotation's value.
        span: Span,
    },
    /// A Secret with keys for the pod, or an object from which another program makes that Secret. The keys themselves
    /// are not kept.
    Keys,
    /// A template of machines on which a pod can't reach the instance metadata service: it requires tokens, and its
    /// answers make one hop only (CAPA `api/v1beta2/types.go`, `InstanceMetadataOptions.SetDefaults`: the default is 1).
    OneHop {
        /// The place of `httpTokens`.
        span: Span,
    },
    /// A Deployment or a running Pod of CAPA.
    Workload(Workload),
    /// Machines that are made from an `AWSMachineTemplate`.
    Machines {
        /// The name of the template.
        template: String,
        /// The name of the cluster, if the object has it.
        cluster: Option<String>,
    },
}

/// What an object of this type shows.
pub(super) fn controller_fact(tree: &Tree<'_>, node: NodeId, api_version: &str, kind: &str) -> Option<ControllerFact> {
    if let Some(workload) = workload(tree, node, api_version, kind) {
        return Some(ControllerFact::Workload(workload));
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("", "ServiceAccount") => {
            let annotations = descend(tree, node, &["metadata", "annotations"])?;
            match Field::of(tree, annotations, "eks.amazonaws.com/role-arn") {
                Field::Text(role, span) if !role.is_empty() && !is_filled_in(&role) => {
                    Some(ControllerFact::ServiceAccountRole { role, span })
                }
                _ => None,
            }
        }
        ("", "Secret") => has_keys(tree, node).then_some(ControllerFact::Keys),
        ("bitnami.com", "SealedSecret") | ("external-secrets.io", "ExternalSecret") => {
            (meta(tree, node, "name").as_deref() == Some(KEYS_SECRET)).then_some(ControllerFact::Keys)
        }
        ("infrastructure.cluster.x-k8s.io", "AWSMachineTemplate") => {
            let options = descend(tree, node, &["spec", "template", "spec", "instanceMetadataOptions"])?;
            let hops = Field::of(tree, options, "httpPutResponseHopLimit");
            let is_null = tree.value(options, "httpPutResponseHopLimit").is_some_and(|value| tree.is_null(value));
            let is_one = matches!(hops, Field::Absent) || is_null || hops.whole_number().is_some_and(|hops| hops <= 1);
            match Field::of(tree, options, "httpTokens") {
                Field::Text(tokens, span) if tokens == "required" && is_one => Some(ControllerFact::OneHop { span }),
                _ => None,
            }
        }
        ("controlplane.cluster.x-k8s.io", "KubeadmControlPlane") => {
            // `spec` in between is new in v1beta2 of Cluster API.
            let old = descend(tree, node, &["spec", "machineTemplate", "infrastructureRef"]);
            let new = || descend(tree, node, &["spec", "machineTemplate", "spec", "infrastructureRef"]);
            machines(tree, node, old.or_else(new)?)
        }
        ("cluster.x-k8s.io", "MachineDeployment") => {
            let reference = descend(tree, node, &["spec", "template", "spec", "infrastructureRef"])?;
            machines(tree, node, reference)
        }
        _ => None,
    }
}

fn machines(tree: &Tree<'_>, node: NodeId, reference: NodeId) -> Option<ControllerFact> {
    if Field::of(tree, reference, "kind").text() != Some("AWSMachineTemplate") {
        return None;
    }
    let template = Field::of(tree, reference, "name").text()?.to_owned();
    let spec = descend(tree, node, &["spec"])?;
    let cluster = Field::of(tree, spec, "clusterName").text().map(str::to_owned);
    Some(ControllerFact::Machines { template, cluster })
}

/// Whether a Secret has keys for the pod. The value `Cg==`, a line feed, has no text.
fn has_keys(tree: &Tree<'_>, node: NodeId) -> bool {
    let is_of_pod = meta(tree, node, "name").as_deref() == Some(KEYS_SECRET);
    [("data", true), ("stringData", false)].into_iter().any(|(part, is_encoded)| {
        let Some(entries) = tree.value(node, part) else { return false };
        let has = |key: &str, twice: bool| {
            let text = Field::of(tree, entries, key);
            text.text().is_some_and(|text| is_text(text, usize::from(is_encoded) + usize::from(twice)))
        };
        is_of_pod && has("credentials", false) || has(KEYS_VARIABLE, true)
    })
}

/// Whether there is text below so many layers of base64. A placeholder does not count, because its value is unknown.
fn is_text(text: &str, layers: usize) -> bool {
    let mut text = text.trim().to_owned();
    for _ in 0..layers {
        if is_filled_in(&text) {
            return false;
        }
        text = base64(&text).unwrap_or_default().trim().to_owned();
    }
    !text.is_empty() && !is_filled_in(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_seen_below_base64() {
        assert!(is_text("W2RlZmF1bHRdCg==", 1) && is_text("[default]", 0));
        // "Cg==" is a line feed, and "Q2c9PQ==" is "Cg==".
        for (text, layers) in [("", 0), ("", 1), ("Cg==", 1), ("Q2c9PQ==", 2), ("${AWS_B64ENCODED_CREDENTIALS}", 1)] {
            assert!(!is_text(text, layers), "{text}");
        }
    }
}
