//! Fields that need permissions which clusterawsadm's own policies don't grant.
//!
//! Source: Cluster API Provider AWS v2.13.0, `cmd/clusterawsadm/cloudformation/bootstrap/`, compared with the calls of the
//! controllers; `iam/target_permission` has the tables.

use lossless_yaml::{NodeId, Tree};

use super::field::{Field, descend};
use crate::diag::Span;
use crate::templates::is_filled_in;

/// A field, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeyondClusterawsadm {
    /// The place of its value.
    pub span: Span,
    /// The field, below the object's spec.
    pub field: &'static str,
    /// The actions, with the resource if only that is missing.
    pub needs: &'static str,
}

/// When a field needs more.
enum NeedsMore {
    /// If it is set.
    Always,
    /// If its text has another beginning.
    WithoutPrefix(&'static str),
    /// If its text has another end.
    WithoutSuffix(&'static str),
}

/// Kinds, whose templates have the same fields below `spec.template.spec`; field; when; actions.
const ROWS: [(&[&str], &str, NeedsMore, &str); 9] = [
    (
        &["AWSMachinePool"],
        "suspendProcesses",
        NeedsMore::Always,
        "autoscaling:SuspendProcesses and autoscaling:ResumeProcesses",
    ),
    (
        &["AWSMachine"],
        "dynamicHostAllocation",
        NeedsMore::Always,
        "ec2:AllocateHosts, ec2:DescribeHosts and ec2:ReleaseHosts",
    ),
    (&["AWSMachine"], "elasticIpPool", NeedsMore::Always, "ec2:AssociateAddress"),
    (&["AWSMachine"], "elasticIpPool.publicIpv4Pool", NeedsMore::Always, "ec2:DescribePublicIpv4Pools"),
    (
        &["AWSManagedControlPlane"],
        "oidcIdentityProviderConfig",
        NeedsMore::Always,
        "eks:DescribeIdentityProviderConfig and eks:DisassociateIdentityProviderConfig on the identity provider's configuration",
    ),
    (
        &["AWSCluster"],
        "s3Bucket.name",
        NeedsMore::WithoutPrefix("cluster-api-provider-aws-"),
        "S3 actions on a bucket whose name does not begin with cluster-api-provider-aws-",
    ),
    (
        &["AWSMachine"],
        "cloudInit.secretPrefix",
        NeedsMore::Always,
        "actions on secrets outside of aws.cluster.x-k8s.io/",
    ),
    (
        &["AWSMachine"],
        "iamInstanceProfile",
        NeedsMore::WithoutSuffix(PROFILE_SUFFIX),
        "iam:PassRole on a role whose name does not end with .cluster-api-provider-aws.sigs.k8s.io",
    ),
    (
        &["AWSMachinePool"],
        "awsLaunchTemplate.iamInstanceProfile",
        NeedsMore::WithoutSuffix(PROFILE_SUFFIX),
        "iam:PassRole on a role whose name does not end with .cluster-api-provider-aws.sigs.k8s.io",
    ),
];

/// The end of the names of clusterawsadm's instance profiles; CAPA passes the role of the same name.
const PROFILE_SUFFIX: &str = ".cluster-api-provider-aws.sigs.k8s.io";

/// The fields of an object that need more.
pub(super) fn beyond_clusterawsadm(
    tree: &Tree<'_>,
    node: NodeId,
    api_version: &str,
    kind: &str,
) -> Vec<BeyondClusterawsadm> {
    let is_of_capa =
        |group: &str| group == "infrastructure.cluster.x-k8s.io" || group == "controlplane.cluster.x-k8s.io";
    if !kind.starts_with("AWS") || !api_version.split_once('/').is_some_and(|(group, _)| is_of_capa(group)) {
        return Vec::new();
    }
    let (kind, path) = match kind.strip_suffix("Template") {
        Some(kind) => (kind, &["spec", "template", "spec"][..]),
        None => (kind, &["spec"][..]),
    };
    let rows = ROWS.iter().filter(|(kinds, ..)| kinds.contains(&kind));
    rows.filter_map(|&(_, field, ref needs, actions)| {
        let (above, last) = field.rsplit_once('.').map_or((None, field), |(above, last)| (Some(above), last));
        let parent = descend(tree, node, &path.iter().copied().chain(above).collect::<Vec<_>>())?;
        let value = tree.value(parent, last).filter(|&value| !tree.is_null(value))?;
        let text = Field::of(tree, parent, last);
        let lacks = |fits: &dyn Fn(&str) -> bool| {
            text.text().is_some_and(|text| !text.is_empty() && !is_filled_in(text) && !fits(text))
        };
        let is_needed = match needs {
            NeedsMore::Always => tree.items(value).is_none_or(|items| !items.is_empty()) && text.text() != Some(""),
            NeedsMore::WithoutPrefix(prefix) => lacks(&|text| text.starts_with(prefix)),
            NeedsMore::WithoutSuffix(suffix) => lacks(&|text| text.ends_with(suffix)),
        };
        is_needed.then(|| BeyondClusterawsadm { span: tree.span(value), field, needs: actions })
    })
    .collect()
}
