//! Tests of the tables, and of the policy against the calls.

use std::collections::{BTreeMap, BTreeSet};

use super::features::{FeatureGates, GroupReason, Uses};
use super::given::GivenPolicies;
use super::need::Surroundings;
use super::print::{GroupSelection, GroupStatement, Narrowing, PolicyPart, policy_document, statements_of};
use super::table::{Table, table_of};
use super::{ActionVerdict, MissingEffect, check};
use crate::aws::Partition;
use crate::diag::FileId;
use crate::iam::limits::PolicyKind;

fn table() -> &'static Table {
    table_of(None).0
}

/// Groups that every cluster needs.
const EVERY: [&str; 8] =
    ["network-read", "lb-read", "bastion-read", "lb-any-delete", "bastion-any-delete", "security-groups", "tags", "gc"];

/// What a manifest would use that switches on these groups.
fn uses_of(groups: &[&'static str]) -> Uses {
    let reason = |group: &&'static str| GroupReason {
        group,
        file: FileId(0),
        line: 1,
        object: "AWSCluster heron".into(),
        what: String::new(),
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    Uses {
        reasons: EVERY.iter().chain(groups).map(reason).collect(),
        clusters: 1,
        regions: [Some("us-west-2".to_owned())].into(),
        has_machines: true,
        profiles: texts(&["nodes.cluster-api-provider-aws.sigs.k8s.io", "builders"]),
        buckets: texts(&["heron-bootstrap"]),
        secret_prefixes: texts(&["heron/"]),
        hook_roles: texts(&["arn:aws:iam::222222222222:role/hooks"]),
        eks_keys: texts(&["arn:aws:kms:us-west-2:222222222222:key/1"]),
        boundaries: texts(&["arn:aws:iam::222222222222:policy/boundary"]),
        cluster_names: texts(&["heron.dev"]),
        ..Uses::default()
    }
}

fn surroundings() -> Surroundings {
    let account = "222222222222".parse().ok();
    Surroundings { partition: Some(Partition::Aws), account, role: None }
}

fn given(statements: &[GroupStatement]) -> GivenPolicies {
    let mut given = GivenPolicies::default();
    given.add("", policy_document(statements).to_string().as_bytes()).unwrap();
    given
}

#[test]
fn the_columns_are_words_that_the_tables_know() {
    let table = table();
    let known = |name: &str| table.group(name).is_some();
    for call in &table.calls {
        let is_other = ["source-account", "no-permission"].contains(&call.group);
        assert!(known(call.group) || is_other, "{call:?}");
        assert!(call.site.is_some() || call.reason.is_some(), "{call:?}");
        assert!(call.phase.is_none() || is_other || !call.resources.is_empty(), "{call:?}");
    }
    for grant in &table.grants {
        assert!(known(grant.group), "{grant:?}");
        assert!(grant.action.contains(':') && !grant.resources.is_empty(), "{grant:?}");
    }
    let switched: BTreeSet<&str> = table.switches.iter().map(|switch| switch.group).collect();
    assert!(switched.iter().all(|group| known(group)));
    let unswitched: Vec<&str> =
        table.groups.iter().map(|group| group.name).filter(|name| !switched.contains(name)).collect();
    // Neither has calls of its own.
    assert_eq!(unswitched, ["core", "unattributed"]);
    assert!(unswitched.iter().all(|group| table.calls_of(group).next().is_none()));
    let gated = table.groups.iter().filter(|group| group.gate.is_some()).count();
    assert_eq!(gated, 4);
}

/// An action is in one group, but for those that several features need and no group that is always printed has.
#[test]
fn every_action_is_in_one_group_or_documented_as_several() {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for grant in &table().grants {
        groups.entry(grant.action).or_default().insert(grant.group);
    }
    let several: Vec<&str> = groups.iter().filter(|(_, groups)| groups.len() > 1).map(|(action, _)| *action).collect();
    let documented: Vec<&str> = SEVERAL.split_whitespace().collect();
    assert_eq!(several, documented);
    for call in table().calls.iter().filter(|call| call.is_of_target()) {
        assert!(groups.contains_key(call.action.unwrap()), "no group grants {call:?}");
    }
}

const SEVERAL: &str = "
autoscaling:CreateOrUpdateTags autoscaling:DeleteTags autoscaling:DescribeAutoScalingGroups
autoscaling:DescribeInstanceRefreshes autoscaling:DescribeLifecycleHooks ec2:AllocateAddress ec2:CreateLaunchTemplate
ec2:CreateLaunchTemplateVersion ec2:DeleteLaunchTemplate ec2:DeleteLaunchTemplateVersions ec2:DescribePublicIpv4Pools
ec2:DisassociateAddress ec2:ReleaseAddress ec2:RunInstances eks:UntagResource elasticloadbalancing:AddTags
elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:RemoveTags
iam:CreateServiceLinkedRole iam:PassRole
";

/// The printed policy of each feature allows all calls of the feature: the two tables are written apart.
#[test]
fn the_policy_of_a_feature_allows_its_calls() {
    let table = table();
    let all: Vec<&'static str> = table.groups.iter().map(|group| group.name).collect();
    let singles = all.iter().map(|name| vec![*name]);
    for chosen in singles.chain([all.clone()]) {
        for narrowing in [Narrowing::None, Narrowing::Names] {
            let names: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
            let selection = GroupSelection::new(table, &names).unwrap();
            let uses = uses_of(&chosen);
            let statements = statements_of(table, &selection, &uses, narrowing);
            let report = check(table, &uses, &surroundings(), &given(&statements));
            let failing: Vec<String> = report
                .findings
                .iter()
                .filter(|finding| !is_condition_of_roles(finding, narrowing))
                .map(|finding| format!("{} {:?}", finding.action, finding.verdict))
                .collect();
            assert_eq!(failing, Vec::<String>::new(), "{chosen:?} {narrowing:?}");
            assert!(report.needed > 10, "{chosen:?}: {}", report.needed);
        }
    }
}

/// The conditions of `--narrow names` on roles depend on the policy and the boundary of a request, which CAPA takes from
/// the manifests.
fn is_condition_of_roles(finding: &super::MissingAction<'_>, narrowing: Narrowing) -> bool {
    let actions = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DetachRolePolicy"];
    let by_condition = |why: &str| why.contains("iam:PolicyARN") || why.contains("iam:PermissionsBoundary");
    narrowing == Narrowing::Names
        && actions.contains(&finding.action)
        && matches!(&finding.verdict, ActionVerdict::Unknown(why) if by_condition(why))
}

#[test]
fn without_a_group_its_calls_are_missing() {
    let table = table();
    let selection = GroupSelection::new(table, &["lb-v2".to_owned()]).unwrap();
    let uses = uses_of(&["vpc-managed"]);
    let given = given(&statements_of(table, &selection, &uses, Narrowing::None));
    let report = check(table, &uses, &surroundings(), &given);
    let effect =
        |action: &str| report.findings.iter().find(|finding| finding.action == action).map(|finding| finding.effect);
    assert_eq!(effect("ec2:CreateVpc"), Some(MissingEffect::Hard));
    assert_eq!(effect("ec2:DeleteVpc"), Some(MissingEffect::OnlyOnDelete));
    assert_eq!(effect("ec2:DescribeVpcs"), None);
    assert!(report.summary().starts_with("This role can't create the cluster: "), "{}", report.summary());
}

/// If several calls need an action, the one that says most counts: what certainly happens before what may, and what
/// prevents the creation before what prevents the deletion.
#[test]
fn the_worst_call_of_an_action_counts() {
    let uses = uses_of(&["vpc-managed", "vpc-s3-endpoint", "machines"]);
    let none = r#"{"Statement": [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]}"#;
    let mut given = GivenPolicies::default();
    given.add("", none.as_bytes()).unwrap();
    let report = check(table(), &uses, &surroundings(), &given);
    assert_eq!(report.findings.len(), report.needed);
    for (action, effect, group, when) in [
        ("ec2:DescribeVpcEndpoints", MissingEffect::Hard, "vpc-s3-endpoint", None),
        ("ec2:DescribeVpcs", MissingEffect::Hard, "network-read", None),
        ("ec2:DescribeDhcpOptions", MissingEffect::Soft, "machines", None),
        ("ec2:DeleteVpcEndpoints", MissingEffect::OnlyOnDelete, "vpc-s3-endpoint", None),
        ("elasticloadbalancing:DeleteLoadBalancer", MissingEffect::OnlyOnDelete, "lb-any-delete", None),
        (
            "elasticloadbalancing:DeleteTargetGroup",
            MissingEffect::OnlyOnDelete,
            "gc",
            Some("if Services left load balancers"),
        ),
    ] {
        let finding = report.findings.iter().find(|finding| finding.action == action).unwrap();
        assert_eq!((finding.effect, finding.call.group, finding.call.when), (effect, group, when), "{action}");
    }
}

#[test]
fn the_additions_are_eleven_actions_and_resources() {
    let of = |added: bool| -> BTreeSet<&str> {
        table().grants.iter().filter(|grant| grant.is_added == added).map(|grant| grant.action).collect()
    };
    let missing: Vec<&str> = of(true).difference(&of(false)).copied().collect();
    assert_eq!(
        missing,
        [
            "autoscaling:ResumeProcesses",
            "autoscaling:SuspendProcesses",
            "ec2:AllocateHosts",
            "ec2:AssociateAddress",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeHosts",
            "ec2:DescribePublicIpv4Pools",
            "ec2:ReleaseHosts",
            "elasticloadbalancing:AttachLoadBalancerToSubnets",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
        ]
    );
    let by_resource: Vec<&str> = of(true).intersection(&of(false)).copied().collect();
    assert_eq!(
        by_resource,
        [
            "eks:DescribeIdentityProviderConfig",
            "eks:DisassociateIdentityProviderConfig",
            "eks:UntagResource",
            "iam:CreateServiceLinkedRole",
            "iam:GetPolicy",
        ]
    );
}

/// For names that clusterawsadm's patterns cover, its policy lacks the additions and nothing else.
#[test]
fn clusterawsadm_lacks_the_additions_alone() {
    let statement = |grant: &super::table::GrantRow| GroupStatement {
        group: grant.group,
        sid: String::new(),
        actions: vec![grant.action],
        resources: grant.resources.split(',').map(str::to_owned).collect(),
        condition: grant.condition.map(|(operator, key, value)| (operator, key, vec![value.to_owned()])),
    };
    let table = table();
    let own: Vec<GroupStatement> = table.grants.iter().filter(|grant| !grant.is_added).map(statement).collect();
    let groups: Vec<&'static str> = table.groups.iter().map(|group| group.name).collect();
    let bucket = "cluster-api-provider-aws-heron".to_owned();
    let uses = Uses { reasons: uses_of(&groups).reasons, buckets: [bucket].into(), ..Uses::default() };
    let report = check(table, &uses, &surroundings(), &given(&own));
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.action).collect();
    let mut added: BTreeSet<&str> = table.grants.iter().filter(|row| row.is_added).map(|row| row.action).collect();
    // Whether a key has clusterawsadm's alias is not known.
    added.extend(["kms:CreateGrant", "kms:DescribeKey"]);
    assert_eq!(found, added);
}

#[test]
fn parts_fit_in_managed_policies_and_have_all_statements() {
    let table = table();
    let statements = statements_of(table, &GroupSelection::new(table, &[]).unwrap(), &Uses::default(), Narrowing::None);
    let parts = PolicyPart::split(&statements);
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|part| part.count <= PolicyKind::Managed.most()));
    let split: Vec<GroupStatement> = parts.into_iter().flat_map(|part| part.statements).collect();
    assert_eq!(split, statements);
    let sids: BTreeSet<&str> = statements.iter().map(|statement| statement.sid.as_str()).collect();
    assert_eq!(sids.len(), statements.len());
    assert!(sids.iter().all(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric())));
}

fn read(text: &str, gates: &[(&str, bool)]) -> Uses {
    let gates = FeatureGates(gates.iter().map(|(name, on)| ((*name).to_owned(), *on)).collect());
    let mut uses = Uses::default();
    uses.read((FileId(0), text.as_bytes()), table(), &gates, &|_| true).unwrap();
    uses
}

/// The groups that a spec switches on, without those of every cluster.
fn groups(kind: &str, spec: &str) -> String {
    let group = if kind == "AWSManagedControlPlane" { "controlplane" } else { "infrastructure" };
    let text = format!(
        "apiVersion: {group}.cluster.x-k8s.io/v1beta2\nkind: {kind}\nmetadata: {{name: heron}}\nspec: {spec}\n"
    );
    let uses = read(&text, &[]);
    let names: Vec<&str> = uses.groups().into_keys().filter(|name| !EVERY.contains(name)).collect();
    names.join(" ")
}

#[test]
fn switches() {
    let own = "sigs.k8s.io/cluster-api-provider-aws/cluster/heron: owned";
    for (kind, spec, expected) in [
        ("AWSCluster", "{}", "lb-classic vpc-managed"),
        ("AWSCluster", "{network: {vpc: {id: vpc-1}}}", "lb-classic"),
        ("AWSCluster", "{network: {vpc: {id: ''}}}", "lb-classic vpc-managed"),
        ("AWSCluster", &format!("{{network: {{vpc: {{id: vpc-1, tags: {{{own}}}}}}}}}"), "lb-classic vpc-managed"),
        (
            "AWSCluster",
            "{network: {vpc: {id: vpc-1, tags: {sigs.k8s.io/cluster-api-provider-aws/cluster/x: owned}}}}",
            "lb-classic",
        ),
        ("AWSCluster", "{network: {vpc: {id: vpc-1, tags: {team: capa}}}}", "lb-classic"),
        ("AWSCluster", "{network: {vpc: {id: vpc-1, ipv6: {}}}}", "lb-classic"),
        ("AWSCluster", "{network: {vpc: {ipv6: {}}}}", "lb-classic vpc-ipv6 vpc-managed"),
        (
            "AWSCluster",
            "{network: {subnets: [{availabilityZone: us-east-1-wl1-x}]}}",
            "lb-classic vpc-managed vpc-wavelength",
        ),
        ("AWSCluster", "{controlPlaneLoadBalancer: {loadBalancerType: nlb}}", "lb-v2 vpc-managed"),
        ("AWSCluster", "{controlPlaneLoadBalancer: {loadBalancerType: disabled}}", "vpc-managed"),
        ("AWSCluster", "{controlPlaneLoadBalancer: {loadBalancerType: '${TYPE}'}}", "lb-classic lb-v2 vpc-managed"),
        ("AWSCluster", "{secondaryControlPlaneLoadBalancer: {name: x}}", "lb-classic lb-v2 vpc-managed"),
        ("AWSCluster", "{bastion: {enabled: false}}", "lb-classic vpc-managed"),
        ("AWSCluster", "{bastion: {enabled: true}}", "bastion lb-classic vpc-managed"),
        ("AWSCluster", "{s3Bucket: {name: x}}", "lb-classic s3-bucket vpc-managed vpc-s3-endpoint"),
        ("AWSCluster", "{s3Bucket: {name: x}, network: {vpc: {id: vpc-1}}}", "lb-classic s3-bucket"),
        ("AWSMachine", "{}", "bootstrap-secretsmanager machines"),
        ("AWSMachine", "{cloudInit: {insecureSkipSecretsManager: true}}", "machines"),
        ("AWSMachine", "{cloudInit: {secureSecretsBackend: ssm-parameter-store}}", "bootstrap-ssm machines"),
        ("AWSMachine", "{ignition: {version: '3.1'}}", "machines"),
        ("AWSMachine", "{elasticIpPool: {}}", "bootstrap-secretsmanager machine-eip-pool machines"),
        ("AWSMachinePool", "{suspendProcesses: {all: true}}", "machine-pool-suspend machine-pools"),
        ("AWSManagedMachinePool", "{awsLaunchTemplate: {}}", "eks-nodegroups managed-pool-launch-template"),
        ("AWSFargateProfile", "{}", "eks-fargate"),
        ("AWSManagedControlPlane", "{network: {vpc: {id: x}}}", "eks-addons eks-ami-lookup eks-control-plane"),
        (
            "AWSManagedControlPlane",
            "{network: {vpc: {id: x}}, accessEntries: [{}], accessConfig: {authenticationMode: api}}",
            "eks-access-entries eks-addons eks-ami-lookup eks-control-plane",
        ),
        ("AWSMachinePoolTemplate", "{}", "machine-pools"),
        ("AWSFantasy", "{}", ""),
    ] {
        assert_eq!(groups(kind, spec), expected, "{kind} {spec}");
    }
    let template = read(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterTemplate\nspec:\n  template:\n    spec:\n      \
         bastion:\n        enabled: true\n",
        &[],
    );
    let bastion = template.groups()["bastion"].clone();
    assert_eq!((bastion.line, bastion.what.as_str()), (7, "spec.template.spec.bastion.enabled is true"));
}

#[test]
fn gates_switch_groups_on() {
    let text = "apiVersion: controlplane.cluster.x-k8s.io/v1beta2\nkind: AWSManagedControlPlane\n\
        spec: {associateOIDCProvider: true}\n";
    let unknown = read(text, &[]);
    assert!(unknown.gated.contains_key("eks-iam-roles") && unknown.gated.contains_key("eks-oidc-provider"));
    assert!(!unknown.groups().contains_key("eks-iam-roles"));
    let off = read(text, &[("EKSEnableIAM", false)]);
    assert!(!off.gated.contains_key("eks-iam-roles") && !off.groups().contains_key("eks-iam-roles"));
    let on = read(text, &[("EKSEnableIAM", true)]);
    assert!(on.groups().contains_key("eks-iam-roles") && on.groups().contains_key("eks-oidc-provider"));
}

#[test]
fn a_document_that_cannot_be_read_is_an_error() {
    let mut uses = Uses::default();
    let broken = (FileId(0), b"kind: AWSMachineTemplate\nspec: [".as_slice());
    assert!(uses.read(broken, table(), &FeatureGates::default(), &|_| true).is_err());
    let other = (FileId(0), b"kind: Deployment\nspec: [".as_slice());
    assert!(uses.read(other, table(), &FeatureGates::default(), &|_| true).is_ok());
}

#[test]
fn a_newer_release_gets_the_newest_table() {
    let release = |text: &str| table_of(text.parse().ok()).1.is_some();
    assert!(!release("v2.13.4") && !release("v2.9.0"));
    assert!(release("v2.14.0"));
}
