//! In which account the resources of a cluster are: ARNs that CAPA wrote into its objects from answers of AWS.
//!
//! Not included, because users write them, or they may be of another account by design: role ARNs of the spec, KMS keys,
//! the owner of AMIs, and the role of an identity. ROSA is not included, because CAPA v2.12.1 and newer may use another
//! account than the identity's for it (`rosacontrolplane_controller.go`, `resolveCreatorForTargetAccount`).

use lossless_yaml::{NodeId, Tree};

use super::field::descend;
use super::tables::{CONTROL_PLANE_GROUP, IDENTITY_GROUP};
use crate::aws::AccountId;

/// A field of an object that shows an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEvidence {
    /// The resource, for people: `load balancer`.
    pub resource: &'static str,
    /// The path of the field: `status.networkStatus.apiServerElb.arn`.
    pub path: &'static str,
    /// The account.
    pub account: AccountId,
}

/// A row of the table.
struct EvidenceRow {
    group: &'static str,
    kind: &'static str,
    /// With `[]` after the name of a list whose items have the rest of the path.
    path: &'static str,
    resource: &'static str,
}

const fn row(group: &'static str, kind: &'static str, path: &'static str, resource: &'static str) -> EvidenceRow {
    EvidenceRow { group, kind, path, resource }
}

/// The kind of machine pools, which have no identity of their own.
const MACHINE_POOL: &str = "AWSMachinePool";

/// The strongest evidence first. A status can't be set with `kubectl apply`.
const TABLE: [EvidenceRow; 6] = [
    // pkg/cloud/services/elb/loadbalancer.go, reconcileV2LB; v2.1.0 and v2.4.0. A classic load balancer has no ARN.
    row(IDENTITY_GROUP, "AWSCluster", "status.networkStatus.apiServerElb.arn", "load balancer"),
    row(IDENTITY_GROUP, "AWSCluster", "status.networkStatus.secondaryAPIServerELB.arn", "second load balancer"),
    // pkg/cloud/services/eks/addons.go, getInstalledState
    row(CONTROL_PLANE_GROUP, "AWSManagedControlPlane", "status.addons[].arn", "EKS add-on"),
    // pkg/cloud/services/eks/oidc.go, reconcileOIDCProvider: written once
    row(CONTROL_PLANE_GROUP, "AWSManagedControlPlane", "status.oidcProvider.arn", "OIDC provider"),
    // pkg/cloud/services/eks/identity_provider.go
    row(CONTROL_PLANE_GROUP, "AWSManagedControlPlane", "status.identityProviderStatus.arn", "identity provider"),
    // exp/controllers/awsmachinepool_controller.go: the ARN of the Auto Scaling group
    row(IDENTITY_GROUP, MACHINE_POOL, "spec.providerID", "Auto Scaling group"),
];

/// The field manager of CAPA (`main.go`, UserAgent, v0.6.9 to v2.13.0).
const CAPA_MANAGER: &str = "cluster-api-provider-aws-controller";

/// Everything that an object shows, in the order of the table.
pub(super) fn evidence(tree: &Tree<'_>, object: NodeId, api_version: &str, kind: &str) -> Box<[AccountEvidence]> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let mut found: Vec<AccountEvidence> = Vec::new();
    for row in TABLE.iter().filter(|row| (row.group, row.kind) == (group, kind)) {
        // A spec can be copied from elsewhere: it counts only if the API server says that CAPA wrote it.
        if row.path.starts_with("spec.") && !is_written_by_capa(tree, object) {
            continue;
        }
        for arn in texts(tree, object, row.path) {
            let Some(account) = account_of(arn) else { continue };
            let one = AccountEvidence { resource: row.resource, path: row.path, account };
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found.into()
}

/// Whether objects of this kind are read only for their evidence.
pub(super) fn is_only_evidence(api_version: &str, kind: &str) -> bool {
    kind == MACHINE_POOL && api_version.starts_with(IDENTITY_GROUP)
}

/// The texts at a path.
fn texts<'t>(tree: &'t Tree<'_>, object: NodeId, path: &str) -> Vec<&'t str> {
    let (before, after) = match path.split_once("[].") {
        Some((before, after)) => (before, Some(after)),
        None => (path, None),
    };
    let keys: Vec<&str> = before.split('.').collect();
    let Some(node) = descend(tree, object, &keys) else { return Vec::new() };
    match after {
        None => tree.text(node).into_iter().collect(),
        Some(key) => {
            let items = tree.items(node).unwrap_or_default().iter();
            items.filter_map(|&item| tree.text(tree.value(item, key)?)).collect()
        }
    }
}

/// Whether CAPA owns `spec.providerID`. `kubectl get -o yaml` omits `managedFields`, unless `--show-managed-fields` is
/// specified.
fn is_written_by_capa(tree: &Tree<'_>, object: NodeId) -> bool {
    let Some(fields) = descend(tree, object, &["metadata", "managedFields"]) else { return false };
    tree.items(fields).unwrap_or_default().iter().any(|&entry| {
        let manager = tree.value(entry, "manager").and_then(|manager| tree.text(manager));
        manager == Some(CAPA_MANAGER) && descend(tree, entry, &["fieldsV1", "f:spec", "f:providerID"]).is_some()
    })
}

/// The account of an ARN. Some ARNs have none, or `aws`.
fn account_of(arn: &str) -> Option<AccountId> {
    let mut parts = arn.split(':');
    let is_arn = parts.next() == Some("arn") && parts.next().is_some_and(|partition| partition.starts_with("aws"));
    parts.nth(2).filter(|_| is_arn)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::object::view;
    use lossless_yaml::yaml;

    fn shown(kind: &str, rest: &str) -> Vec<String> {
        let group = if kind.contains("Managed") { "controlplane" } else { "infrastructure" };
        let text = format!("apiVersion: {group}.cluster.x-k8s.io/v1beta2\nkind: {kind}\n{rest}\n");
        let tree = yaml::read(&text, 0).unwrap();
        let object = view(&tree, tree.root, None).unwrap();
        object.evidence.iter().map(|one| format!("{} {}", one.resource, one.account)).collect()
    }

    const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:222222222222:loadbalancer/net/dev-1-k8s/50dc6c495c0c9188";

    #[test]
    fn what_capa_wrote_is_evidence() {
        let status = format!("status: {{networkStatus: {{apiServerElb: {{arn: '{ARN}'}}}}}}");
        assert_eq!(shown("AWSCluster", &status), ["load balancer 222222222222"]);
        let addon = |account: &str, name: &str| {
            format!("{{name: {name}, arn: 'arn:aws-cn:eks:cn-north-1:{account}:addon/a/{name}/1'}}")
        };
        let (cni, dns, other) =
            (addon("222222222222", "cni"), addon("222222222222", "dns"), addon("333333333333", "x"));
        let status = format!(
            "status: {{addons: [{cni}, {dns}, {other}, {{name: y}}], oidcProvider: {{arn: 'arn:aws:iam::222222222222:oidc-provider/o'}}}}"
        );
        let expected = ["EKS add-on 222222222222", "EKS add-on 333333333333", "OIDC provider 222222222222"];
        assert_eq!(shown("AWSManagedControlPlane", &status), expected);
    }

    #[test]
    fn what_users_write_is_not() {
        let role = "arn:aws:iam::222222222222:role/a";
        for (kind, rest) in [
            ("AWSCluster", format!("spec: {{networkStatus: {{apiServerElb: {{arn: '{ARN}'}}}}}}")),
            (
                "AWSCluster",
                "status: {networkStatus: {apiServerElb: {dnsName: a.elb.amazonaws.com, arn: ''}}}".to_owned(),
            ),
            ("AWSCluster", "status: {networkStatus: {apiServerElb: {arn: 'arn:aws:iam::aws:policy/a'}}}".to_owned()),
            ("AWSManagedControlPlane", format!("spec: {{addons: [{{serviceAccountRoleARN: '{role}'}}]}}")),
            ("AWSClusterTemplate", format!("status: {{networkStatus: {{apiServerElb: {{arn: '{ARN}'}}}}}}")),
        ] {
            assert!(shown(kind, &rest).is_empty(), "{kind} {rest}");
        }
    }

    #[test]
    fn a_provider_id_counts_only_if_capa_wrote_it() {
        let asg = "spec: {providerID: 'arn:aws:autoscaling:us-west-2:222222222222:autoScalingGroup:1:autoScalingGroupName/a'}";
        let of = |manager: &str, field: &str| {
            format!(
                "metadata: {{managedFields: [{{manager: {manager}, fieldsV1: {{'f:spec': {{'f:{field}': {{}}}}}}}}]}}\n{asg}"
            )
        };
        let capa = "cluster-api-provider-aws-controller";
        assert_eq!(shown("AWSMachinePool", &of(capa, "providerID")), ["Auto Scaling group 222222222222"]);
        for rest in [asg.to_owned(), of("kubectl", "providerID"), of(capa, "minSize")] {
            assert!(shown("AWSMachinePool", &rest).is_empty(), "{rest}");
        }
    }
}
