//! The requests of a call: their resources as ARNs, and what is known of its condition keys.

use std::collections::BTreeSet;

use crate::aws::policy::{Knowledge, KnownValues};
use crate::aws::{AccountId, Partition};
use crate::templates::is_filled_in;

use super::features::Uses;
use super::table::ApiCall;

/// The names of the two instance profiles that clusterawsadm and DKP create (`iam` of CAPA v2.13.0, and DKP's page).
const PROFILES: [&str; 2] =
    ["control-plane.cluster-api-provider-aws.sigs.k8s.io", "nodes.cluster-api-provider-aws.sigs.k8s.io"];

/// What is known about the target role and its account.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The partition.
    pub partition: Option<Partition>,
    /// The account.
    pub account: Option<AccountId>,
    /// The role's ARN.
    pub role: Option<String>,
}

impl Surroundings {
    /// The resources of a call's requests. A part that is not known is `*`, which only a wildcard of a policy covers. Empty
    /// if the manifests specify no such resource, so that the call is not made.
    pub(super) fn resources(&self, call: &ApiCall, uses: &Uses) -> Vec<String> {
        call.resources
            .iter()
            .flat_map(|resource| self.named(resource, uses))
            .flat_map(|arn| self.placed(&arn, uses))
            .collect()
    }

    /// The resource with the names of the manifests.
    fn named(&self, resource: &str, uses: &Uses) -> Vec<String> {
        let with = |placeholder: &str, names: Vec<String>| -> Vec<String> {
            names.iter().map(|name| resource.replace(placeholder, name)).collect()
        };
        let plain = |names: &BTreeSet<String>| -> Vec<String> { names.iter().map(|name| certain(name)).collect() };
        let or = |names: Vec<String>, default: &[&str]| match names.is_empty() {
            true => default.iter().map(|name| (*name).to_owned()).collect(),
            false => names,
        };
        if resource.contains("{profile}") {
            let defaults: &[&str] = if uses.has_machines { &[] } else { &PROFILES };
            return with("{profile}", or(plain(&uses.profiles), defaults));
        }
        if resource.contains("{bucket}") {
            return with("{bucket}", or(plain(&uses.buckets), &["*"]));
        }
        if resource.contains("{secret}") {
            return with("{secret}", or(plain(&uses.secret_prefixes), &["aws.cluster.x-k8s.io/"]));
        }
        // `pkg/cloud/services/instancestate`, v2.13.0, `GenerateQueueName` and `getEC2RuleName`.
        if resource.contains("{queue}") {
            let names = plain(&uses.cluster_names).iter().map(|name| queue(name)).collect();
            return with("{queue}", or(names, &["*-queue"]));
        }
        if resource.contains("{rule}") {
            let names = plain(&uses.cluster_names).iter().map(|name| format!("{name}-ec2-rule")).collect();
            return with("{rule}", or(names, &["*-ec2-rule"]));
        }
        if resource.contains("{parameter}") {
            let prefixes = uses.secret_prefixes.iter().map(|prefix| parameter(&certain(prefix))).collect();
            return with("{parameter}", or(prefixes, &["cluster.x-k8s.io/"]));
        }
        match resource {
            "{hook-role}" => plain(&uses.hook_roles),
            "{key}" => {
                let arns = plain(&uses.eks_keys).into_iter().filter(|key| key.starts_with("arn:")).collect();
                or(arns, &["arn:P:kms:R:A:key/*"])
            }
            _ => vec![resource.to_owned()],
        }
    }

    /// The ARN with partition, region and account, once for each region.
    fn placed(&self, arn: &str, uses: &Uses) -> Vec<String> {
        let mut parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, partition, _, region, account, _] = &mut parts[..] else { return vec![arn.to_owned()] };
        if *partition == "P" {
            *partition = self.partition.map_or("*", Partition::id);
        }
        if *account == "A" {
            *account = self.account.as_ref().map_or("*", AccountId::as_str);
        }
        if *region != "R" {
            return vec![parts.join(":")];
        }
        let regions: BTreeSet<&str> = uses.regions.iter().map(|region| region.as_deref().unwrap_or("*")).collect();
        let regions = if regions.is_empty() { BTreeSet::from(["*"]) } else { regions };
        regions
            .into_iter()
            .map(|region| {
                parts[3] = region;
                parts.join(":")
            })
            .collect()
    }

    /// What is known about a call's request.
    ///
    /// Source: IAM user guide, "AWS global condition context keys". IAM's requests go to one region of the partition,
    /// which is not the cluster's.
    pub(super) fn knowledge(&self, call: &ApiCall, uses: &Uses) -> Knowledge {
        let mut knowledge = Knowledge::default();
        for (key, value) in &call.keys {
            knowledge.learn(key, KnownValues::one_of([*value]));
        }
        if call.site.is_some() {
            knowledge.learn("aws:ViaAWSService", KnownValues::one_of(["false"]));
        }
        self.learn(&mut knowledge, call.action.unwrap_or_default(), uses);
        knowledge
    }

    /// What is known about every request for an action.
    pub(super) fn of_action(&self, action: &str, uses: &Uses) -> Knowledge {
        let mut knowledge = Knowledge::default();
        self.learn(&mut knowledge, action, uses);
        knowledge
    }

    fn learn(&self, knowledge: &mut Knowledge, action: &str, uses: &Uses) {
        knowledge.learn("aws:SecureTransport", KnownValues::one_of(["true"]));
        knowledge.learn("aws:PrincipalType", KnownValues::one_of(["AssumedRole"]));
        knowledge.learn("aws:PrincipalIsAWSService", KnownValues::one_of(["false"]));
        if let Some(role) = &self.role {
            knowledge.learn("aws:PrincipalArn", KnownValues::one_of([role.as_str()]));
        }
        if let Some(account) = &self.account {
            knowledge.learn("aws:PrincipalAccount", KnownValues::one_of([account.as_str()]));
        }
        let regional = !action.starts_with("iam:") && !action.starts_with("s3:");
        let regions: Option<Vec<&str>> = uses.regions.iter().map(Option::as_deref).collect();
        if let Some(regions) = regions.filter(|regions| regional && !regions.is_empty()) {
            knowledge.learn("aws:RequestedRegion", KnownValues::one_of(regions));
        }
    }
}

/// A name of a manifest; `*` if a templating step fills it in.
fn certain(name: &str) -> String {
    if is_filled_in(name) { "*".to_owned() } else { name.to_owned() }
}

/// The name of the queue of a cluster.
pub(super) fn queue(cluster: &str) -> String {
    cluster.replace('.', "-") + "-queue"
}

/// The name under which CAPA stores a parameter with a prefix (`pkg/cloud/services/ssm/secret.go`, v2.13.0): without `aws`
/// or `ssm` at its start, which AWS reserves.
pub(super) fn parameter(prefix: &str) -> String {
    let plain = prefix.strip_prefix('/').unwrap_or(prefix);
    let reserved =
        ["aws", "ssm"].iter().find(|word| plain.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(word)));
    let rest = reserved.map_or(plain, |word| &plain[word.len()..]);
    let rest = if reserved.is_some() { rest.strip_prefix('.').unwrap_or(rest) } else { rest };
    rest.strip_prefix('/').unwrap_or(rest).to_owned()
}
