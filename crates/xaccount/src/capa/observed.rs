//! What controllers have written into an object of a management cluster: conditions, finalizer, deletion.
//!
//! `Ready` proves nothing about credentials: if CAPA gets none, it returns before it writes anything, and the object keeps
//! its last state (`pkg/cloud/scope`, `NewClusterScope` and its siblings, v2.1.0 to v2.13.0).

use lossless_yaml::{NodeId, Tree};

use super::field::descend;

/// What controllers wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// `metadata.creationTimestamp`
    pub created: Option<String>,
    /// `metadata.deletionTimestamp`
    pub deleting_since: Option<String>,
    /// Whether Cluster API adopted it; CAPA skips it before.
    pub has_owner: bool,
    /// Whether CAPA's finalizer is set, which follows the first session. None if the kind has no such finalizer.
    pub has_finalizer: Option<bool>,
    /// Whether another program manages it: the annotation `cluster.x-k8s.io/managed-by`, with any value.
    pub is_externally_managed: bool,
    /// Its conditions.
    pub conditions: Vec<ReportedCondition>,
}

/// A condition, without its message, which may quote data of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedCondition {
    /// `Ready`
    pub name: String,
    /// `True`, `False` or `Unknown`
    pub status: String,
    /// The reason.
    pub reason: Option<String>,
    /// `lastTransitionTime`
    pub since: Option<String>,
    /// The ARN of the principal that AWS refused, from the message.
    pub principal: Option<String>,
}

/// Conditions about credentials, which only CAPA v2.0 and older stored, and no later release corrects.
pub const OLD_CONDITIONS: [&str; 2] = ["PrincipalUsageAllowed", "PrincipalCredentialRetrieved"];

/// The finalizers of CAPA that follow the first session: `api/v1beta2/awscluster_types.go`,
/// `controlplane/{eks,rosa}/api/v1beta2`, v2.13.0.
const FINALIZERS: [(&str, &str); 3] = [
    ("AWSCluster", "awscluster.infrastructure.cluster.x-k8s.io"),
    ("AWSManagedControlPlane", "awsmanagedcontrolplane.controlplane.cluster.x-k8s.io"),
    ("ROSAControlPlane", "rosacontrolplane.controlplane.cluster.x-k8s.io"),
];

/// What controllers wrote into an object that an API server returned.
pub(super) fn observed(tree: &Tree<'_>, object: NodeId, kind: &str) -> Option<Box<Observed>> {
    let metadata = tree.value(object, "metadata")?;
    let text = |node: NodeId, key: &str| tree.value(node, key).and_then(|value| tree.text(value)).map(str::to_owned);
    text(metadata, "uid").filter(|uid| !uid.is_empty())?;
    let items =
        |node: NodeId, path: &[&str]| descend(tree, node, path).and_then(|list| tree.items(list)).unwrap_or_default();
    let finalizer = FINALIZERS.iter().find(|(of, _)| *of == kind).map(|(_, finalizer)| *finalizer);
    let has = |wanted: &str| items(metadata, &["finalizers"]).iter().any(|&one| tree.text(one) == Some(wanted));
    let mut conditions: Vec<ReportedCondition> = Vec::new();
    // The second place is that of the next API version of CAPA.
    for path in [&["status", "conditions"][..], &["status", "deprecated", "v1beta1", "conditions"]] {
        for &item in items(object, path) {
            let (Some(name), Some(status)) = (text(item, "type"), text(item, "status")) else { continue };
            if conditions.iter().any(|known| known.name == name) {
                continue;
            }
            let (reason, since) = (text(item, "reason"), text(item, "lastTransitionTime"));
            let principal = text(item, "message").and_then(|message| refused_principal(&message));
            conditions.push(ReportedCondition { name, status, reason, since, principal });
        }
    }
    Some(Box::new(Observed {
        created: text(metadata, "creationTimestamp"),
        deleting_since: text(metadata, "deletionTimestamp"),
        has_owner: !items(metadata, &["ownerReferences"]).is_empty(),
        has_finalizer: finalizer.map(has),
        is_externally_managed: descend(tree, metadata, &["annotations", "cluster.x-k8s.io/managed-by"]).is_some(),
        conditions,
    }))
}

/// The principal in an error of AWS: `User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: …`.
/// Another ARN in the message may be anyone's.
fn refused_principal(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User: arn:aws")?;
    let (arn, after) = rest.split_once(' ')?;
    let is_plain = arn.chars().all(|letter| letter.is_ascii_graphic());
    (is_plain && after.starts_with("is not authorized to perform")).then(|| format!("arn:aws{arn}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_principal_of_a_message_is_kept() {
        let arn = "arn:aws:iam::222222222222:user/bootstrapper.cluster-api-provider-aws.sigs.k8s.io";
        let message =
            format!("AccessDenied: User: {arn} is not authorized to perform: ec2:X on resource: arn:aws:ec2:::y");
        assert_eq!(refused_principal(&message).as_deref(), Some(arn));
        for message in ["", "on resource: arn:aws:ec2:::y", "User: arn:aws:iam::222222222222:user/a was deleted"] {
            assert_eq!(refused_principal(message), None, "{message}");
        }
    }
}
