//! Evidence in a manifest that its object is, or was, in a management cluster.
//!
//! A status block alone is not evidence: Go programs print `status: {ready: false, networkStatus: {…}}`,
//! `creationTimestamp: null` and `controlPlaneEndpoint: {host: "", port: 0}` for clusters that never existed.

use crate::diag::Span;
use lossless_yaml::{Lookup, NodeId, Tree};

use super::tables::{CAPI_GROUP, CONTROL_PLANE_GROUP, IDENTITY_GROUP};

/// A field that only an API server or a controller fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its path, with dots: `metadata.uid`.
    pub path: &'static str,
    /// Where it is written.
    pub span: Span,
}

/// The values of a field that count as evidence.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// A text that is not empty.
    Text,
    /// A time other than Go's zero time.
    Time,
    /// `true`.
    True,
    /// This text.
    Is(&'static str),
    /// A text with this suffix, or with this suffix and `.cn` after it.
    Ends(&'static str),
    /// A mapping or list that is not empty.
    Filled,
    /// A list with this text.
    Lists(&'static str),
    /// A mapping with a key of this prefix whose value is this text.
    Tagged(&'static str, &'static str),
    /// A list of conditions in which the condition of this type is true.
    Condition(&'static str),
}

/// A row of the table.
struct MarkRow {
    /// Group and kind; empty for any.
    kinds: &'static [(&'static str, &'static str)],
    path: &'static str,
    sign: Sign,
}

const ANY: &[(&str, &str)] = &[];
const AWS_CLUSTER: &[(&str, &str)] = &[(IDENTITY_GROUP, "AWSCluster")];
const EKS: &[(&str, &str)] = &[(CONTROL_PLANE_GROUP, "AWSManagedControlPlane")];
const ROSA: &[(&str, &str)] = &[(CONTROL_PLANE_GROUP, "ROSAControlPlane")];
const CLUSTER: &[(&str, &str)] = &[(CAPI_GROUP, "Cluster")];

const fn row(kinds: &'static [(&'static str, &'static str)], path: &'static str, sign: Sign) -> MarkRow {
    MarkRow { kinds, path, sign }
}

/// Every mark. Not included, because they prove nothing: `metadata.generation`; ids of an existing VPC or subnets and a
/// control plane endpoint in the spec; `status.ready` of AWSManagedCluster and ROSACluster, which CAPA sets before any
/// AWS call (`controllers/{awsmanagedcluster,rosacluster}_controller.go`), and the infrastructure status of their
/// Cluster.
const TABLE: &[MarkRow] = &[
    // Set only by the API server (apimachinery, `pkg/apis/meta/v1/types.go`, ObjectMeta).
    row(ANY, "metadata.uid", Sign::Text),
    row(ANY, "metadata.resourceVersion", Sign::Text),
    row(ANY, "metadata.creationTimestamp", Sign::Time),
    // CAPA, `api/v1beta2/awscluster_types.go` (AWSClusterStatus, ClusterFinalizer) and `network_types.go`
    // (NetworkStatus); v1alpha3 has `network` instead of `networkStatus`.
    row(AWS_CLUSTER, "status.ready", Sign::True),
    row(AWS_CLUSTER, "status.networkStatus.securityGroups", Sign::Filled),
    row(AWS_CLUSTER, "status.networkStatus.apiServerElb.dnsName", Sign::Text),
    row(AWS_CLUSTER, "status.network.securityGroups", Sign::Filled),
    row(AWS_CLUSTER, "status.network.apiServerElb.dnsName", Sign::Text),
    row(AWS_CLUSTER, "status.failureDomains", Sign::Filled),
    row(AWS_CLUSTER, "status.conditions", Sign::Condition("VpcReady")),
    row(AWS_CLUSTER, "metadata.finalizers", Sign::Lists("awscluster.infrastructure.cluster.x-k8s.io")),
    // `api/v1beta2/tags.go` (NameAWSProviderOwned): written back into the spec by `pkg/cloud/services/network/vpc.go`;
    // v1alpha3 has `networkSpec` instead of `network`.
    row(AWS_CLUSTER, "spec.network.vpc.tags", Sign::Tagged(OWNED, "owned")),
    row(AWS_CLUSTER, "spec.networkSpec.vpc.tags", Sign::Tagged(OWNED, "owned")),
    // CAPA, `controlplane/eks/api/v1beta2/awsmanagedcontrolplane_types.go`; the endpoint comes from EKS
    // (`pkg/cloud/services/eks/cluster.go`).
    row(EKS, "status.ready", Sign::True),
    row(EKS, "status.initialized", Sign::True),
    row(EKS, "status.version", Sign::Text),
    row(EKS, "status.addons", Sign::Filled),
    row(EKS, "status.conditions", Sign::Condition("EKSControlPlaneReady")),
    row(EKS, "spec.controlPlaneEndpoint.host", Sign::Ends(".eks.amazonaws.com")),
    // CAPA, `controlplane/rosa/api/v1beta2/{rosacontrolplane,conditions_consts}.go`.
    row(ROSA, "status.id", Sign::Text),
    row(ROSA, "status.consoleURL", Sign::Text),
    row(ROSA, "status.version", Sign::Text),
    row(ROSA, "status.conditions", Sign::Condition("ROSAControlPlaneReady")),
    // Cluster API, `api/v1beta1/cluster_phase_types.go` (a phase that needs an endpoint),
    // `api/v1beta1/cluster_types.go`, `api/core/v1beta2/cluster_types.go`.
    row(CLUSTER, "status.phase", Sign::Is("Provisioned")),
    row(CLUSTER, "status.controlPlaneReady", Sign::True),
    row(CLUSTER, "status.initialization.controlPlaneInitialized", Sign::True),
];

/// More marks of a Cluster whose infrastructure is an AWSCluster.
const OF_AWS_CLUSTER: &[MarkRow] = &[
    row(CLUSTER, "status.infrastructureReady", Sign::True),
    row(CLUSTER, "status.initialization.infrastructureProvisioned", Sign::True),
];

const OWNED: &str = "sigs.k8s.io/cluster-api-provider-aws/cluster/";

/// The first mark of an object, in the order of the table.
pub(super) fn mark(tree: &Tree<'_>, object: NodeId, api_version: &str, kind: &str) -> Option<Box<Mark>> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let fits = |row: &&MarkRow| row.kinds.is_empty() || row.kinds.contains(&(group, kind));
    let infrastructure =
        || at(tree, object, "spec.infrastructureRef.kind").ok().flatten().and_then(|node| tree.text(node));
    let more = if kind == "Cluster" && infrastructure() == Some("AWSCluster") { OF_AWS_CLUSTER } else { &[] };
    TABLE.iter().chain(more).filter(fits).find_map(|row| {
        let span = match at(tree, object, row.path) {
            // The value depends on the reader: it counts as evidence, to be safe.
            Err(span) => span,
            Ok(node) => {
                let node = node.filter(|&node| row.sign.is_given(tree, node))?;
                tree.span(node)
            }
        };
        Some(Box::new(Mark { path: row.path, span }))
    })
}

/// The value at a path, if it exists and is not null; the error is the place of a duplicate key on the path.
fn at(tree: &Tree<'_>, object: NodeId, path: &str) -> Result<Option<NodeId>, Span> {
    let mut node = object;
    for key in path.split('.') {
        node = match tree.get(node, key) {
            Lookup::Own { value, .. } | Lookup::Inherited { value } => value,
            Lookup::Ambiguous { key } => return Err(tree.span(key)),
            Lookup::Absent => return Ok(None),
        };
    }
    Ok(Some(node).filter(|&node| !tree.is_null(node)))
}

impl Sign {
    fn is_given(self, tree: &Tree<'_>, node: NodeId) -> bool {
        let text = |node: NodeId| tree.text(node).filter(|text| !text.is_empty() && !tree.is_null(node));
        let member = |node: NodeId, key: &str| tree.value(node, key).and_then(text);
        match self {
            Self::Text => text(node).is_some(),
            Self::Time => text(node).is_some_and(|text| !text.starts_with("0001-01-01")),
            Self::True => text(node).is_some_and(is_true),
            Self::Is(wanted) => text(node) == Some(wanted),
            Self::Ends(end) => {
                text(node).is_some_and(|text| text.strip_suffix(".cn").unwrap_or(text).trim_end().ends_with(end))
            }
            Self::Filled => {
                tree.entries(node).is_some_and(|entries| !entries.is_empty())
                    || tree.items(node).is_some_and(|items| !items.is_empty())
            }
            Self::Lists(wanted) => {
                tree.items(node).is_some_and(|items| items.iter().any(|&item| text(item) == Some(wanted)))
            }
            Self::Tagged(start, wanted) => tree.entries(node).is_some_and(|entries| {
                let is = |&(key, value): &(NodeId, NodeId)| {
                    tree.text(key).is_some_and(|key| key.starts_with(start)) && text(value) == Some(wanted)
                };
                entries.iter().any(is)
            }),
            Self::Condition(name) => tree.items(node).is_some_and(|items| {
                let is =
                    |&item: &NodeId| member(item, "type") == Some(name) && member(item, "status").is_some_and(is_true);
                items.iter().any(is)
            }),
        }
    }
}

/// Whether YAML 1.1 or a condition treats the text as true.
fn is_true(text: &str) -> bool {
    ["true", "yes", "on", "y"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::object::{Object, view};
    use super::super::tables::REFERENCING_KINDS;
    use lossless_yaml::yaml;

    fn mark(group: &str, kind: &str, rest: &str) -> Option<&'static str> {
        let text = format!("apiVersion: {group}/v1beta2\nkind: {kind}\n{rest}\n");
        let tree = yaml::read(&text, 0).unwrap();
        let object: Object = view(&tree, tree.root, None).unwrap();
        object.alive.map(|mark| mark.path)
    }

    const INFRA: &str = "infrastructure.cluster.x-k8s.io";
    const CONTROL: &str = "controlplane.cluster.x-k8s.io";
    const CAPI: &str = "cluster.x-k8s.io";

    #[test]
    fn every_kind_shows_life_by_what_an_api_server_writes() {
        for (group, kind) in
            REFERENCING_KINDS.iter().map(|kind_row| (kind_row.group, kind_row.kind)).chain([(CAPI, "Cluster")])
        {
            // Some kinds have only v1beta2, and all of them have it.
            for (rest, path) in [
                ("metadata: {uid: 1-2}", Some("metadata.uid")),
                ("metadata: {resourceVersion: \"7\"}", Some("metadata.resourceVersion")),
                ("metadata: {resourceVersion: 7}", Some("metadata.resourceVersion")),
                ("metadata: {creationTimestamp: 2024-01-01T00:00:00Z}", Some("metadata.creationTimestamp")),
                ("metadata: {uid: a, uid: ''}", Some("metadata.uid")),
                ("metadata: {creationTimestamp: null}", None),
                ("metadata: {creationTimestamp: \"0001-01-01T00:00:00Z\"}", None),
                ("metadata: {uid: '', resourceVersion: , generation: 7}", None),
                ("metadata: {annotations: {uid: a}}", None),
                ("status: {}", None),
                ("status:", None),
                ("status: {ready: false, networkStatus: {apiServerElb: {attributes: {}}}, conditions: []}", None),
            ] {
                assert_eq!(mark(group, kind, rest), path, "{kind} {rest}");
            }
        }
    }

    /// Checks the mark of each manifest of this kind: the text after its head, and the path of the mark.
    fn have_marks(group: &str, kind: &str, table: &[(&str, Option<&str>)]) {
        for &(rest, path) in table {
            assert_eq!(mark(group, kind, rest), path, "{kind} {rest}");
        }
    }

    #[test]
    fn each_kind_has_marks_of_its_own() {
        have_marks(
            INFRA,
            "AWSCluster",
            &[
                ("status: {ready: true}", Some("status.ready")),
                (
                    "status: {networkStatus: {apiServerElb: {dnsName: a.elb.amazonaws.com}}}",
                    Some("status.networkStatus.apiServerElb.dnsName"),
                ),
                (
                    "status: {networkStatus: {securityGroups: {node: {id: sg-1}}}}",
                    Some("status.networkStatus.securityGroups"),
                ),
                ("status: {failureDomains: {a: {}}}", Some("status.failureDomains")),
                ("status: {failureDomains: {}}", None),
                ("status: {conditions: [{type: VpcReady, status: \"True\"}]}", Some("status.conditions")),
                ("status: {conditions: [{type: VpcReady, status: \"False\"}]}", None),
                ("status: {conditions: [{type: Paused, status: \"True\"}]}", None),
                ("metadata: {finalizers: [awscluster.infrastructure.cluster.x-k8s.io]}", Some("metadata.finalizers")),
                ("metadata: {finalizers: [example.com/hold]}", None),
                (
                    "spec: {network: {vpc: {tags: {sigs.k8s.io/cluster-api-provider-aws/cluster/a: owned}}}}",
                    Some("spec.network.vpc.tags"),
                ),
                (
                    "spec: {network: {vpc: {id: vpc-1, tags: {sigs.k8s.io/cluster-api-provider-aws/cluster/a: shared}}}}",
                    None,
                ),
                ("spec: {controlPlaneEndpoint: {host: lb.example.com}}", None),
            ],
        );
        have_marks(INFRA, "AWSClusterTemplate", &[("status: {ready: true}", None)]);
        have_marks(
            CAPI,
            "Cluster",
            &[
                ("status: {phase: Provisioned}", Some("status.phase")),
                ("status: {phase: Provisioning}", None),
                ("status: {infrastructureReady: true}", None),
                (
                    "spec: {infrastructureRef: {kind: AWSCluster}}\nstatus: {infrastructureReady: true}",
                    Some("status.infrastructureReady"),
                ),
                ("spec: {infrastructureRef: {kind: AWSManagedCluster}}\nstatus: {infrastructureReady: true}", None),
            ],
        );
    }

    #[test]
    fn each_control_plane_has_marks_of_its_own() {
        have_marks(
            CONTROL,
            "AWSManagedControlPlane",
            &[
                ("status: {initialized: true}", Some("status.initialized")),
                ("status: {version: v1.30}", Some("status.version")),
                ("status: {addons: [{name: vpc-cni}]}", Some("status.addons")),
                ("status: {externalManagedControlPlane: true}", None),
                ("spec: {eksClusterName: dev_a}", None),
                (
                    "spec: {controlPlaneEndpoint: {host: https://A.gr7.us-west-2.eks.amazonaws.com}}",
                    Some("spec.controlPlaneEndpoint.host"),
                ),
                (
                    "spec: {controlPlaneEndpoint: {host: A.yl4.cn-north-1.eks.amazonaws.com.cn}}",
                    Some("spec.controlPlaneEndpoint.host"),
                ),
                // What a dry run writes.
                ("spec: {controlPlaneEndpoint: {host: '', port: 0}}\nstatus: {ready: false, initialized: false}", None),
            ],
        );
        have_marks(
            CONTROL,
            "ROSAControlPlane",
            &[("status: {id: abc}", Some("status.id")), ("spec: {version: 4.15.0}", None)],
        );
    }
}
