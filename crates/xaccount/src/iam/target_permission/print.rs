//! The policy that is printed: clusterawsadm's statements by feature group, and what CAPA calls beyond them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::aws::policy::glob;
use crate::iam::limits::{self, PolicyKind};
use crate::templates::is_filled_in;

use super::features::Uses;
use super::need::{parameter, queue};
use super::table::{FeatureGroup, GrantRow, Table};

/// A name of `--only-features` that no group has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown feature group '{name}'")]
pub struct UnknownGroup {
    /// The name.
    pub name: String,
    /// The names of the groups that can be chosen.
    pub known: Vec<&'static str>,
}

/// The groups that are printed.
#[derive(Clone, Debug)]
pub struct GroupSelection {
    /// In the order of the table.
    pub groups: Vec<&'static FeatureGroup>,
    /// Whether all groups are printed because none were chosen.
    pub is_default: bool,
}

impl GroupSelection {
    /// The chosen groups, those that they extend, and those that every cluster needs; without a choice, all.
    ///
    /// # Errors
    /// A name that no group has.
    pub fn new(table: &'static Table, chosen: &[String]) -> Result<Self, UnknownGroup> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for name in chosen {
            let mut group = table.group(name).ok_or_else(|| UnknownGroup {
                name: name.clone(),
                known: table.groups.iter().filter(|group| !group.is_always).map(|group| group.name).collect(),
            })?;
            names.insert(group.name);
            while let Some(extended) = group.extends.and_then(|name| table.group(name)) {
                names.insert(extended.name);
                group = extended;
            }
        }
        let is_default = chosen.is_empty();
        let is_selected = |group: &&FeatureGroup| is_default || group.is_always || names.contains(group.name);
        Ok(Self { groups: table.groups.iter().filter(is_selected).collect(), is_default })
    }
}

/// Whether resources are limited to the names in the manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// clusterawsadm's patterns, and names of the manifests that they don't cover.
    None,
    /// The names of the manifests, where CAPA uses no others.
    Names,
}

/// One statement of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStatement {
    /// Its group.
    pub group: &'static str,
    /// `VpcManaged`; a second statement of a group has a word or a number more.
    pub sid: String,
    /// The actions.
    pub actions: Vec<&'static str>,
    /// The resources.
    pub resources: Vec<String>,
    /// Operator, key and values.
    pub condition: Option<(&'static str, &'static str, Vec<String>)>,
}

impl GroupStatement {
    /// The statement as JSON, with some of its actions.
    pub(super) fn with_actions(&self, sid: &str, actions: &[&str]) -> Value {
        let mut statement = Map::new();
        statement.insert("Sid".into(), json!(sid));
        statement.insert("Effect".into(), json!("Allow"));
        statement.insert("Action".into(), one_or_list(actions));
        statement.insert("Resource".into(), one_or_list(&self.resources));
        if let Some((operator, key, values)) = &self.condition {
            statement.insert("Condition".into(), json!({ *operator: { *key: one_or_list(values) } }));
        }
        statement.into()
    }

    /// The statement as JSON.
    pub fn to_value(&self) -> Value {
        self.with_actions(&self.sid, &self.actions)
    }
}

fn one_or_list(texts: &[impl AsRef<str>]) -> Value {
    match texts {
        [one] => json!(one.as_ref()),
        texts => texts.iter().map(|text| text.as_ref()).collect(),
    }
}

/// The statements of the selected groups. An action that several of them need is in the first one only: IAM limits the
/// length of a policy.
pub fn statements_of(
    table: &'static Table,
    selection: &GroupSelection,
    uses: &Uses,
    narrowing: Narrowing,
) -> Vec<GroupStatement> {
    let mut statements: Vec<GroupStatement> = Vec::new();
    for group in &selection.groups {
        let first = statements.len();
        for row in table.grants.iter().filter(|row| row.group == group.name) {
            let (resources, condition) = placed(row, uses, narrowing);
            let has = |one: &GroupStatement| {
                one.actions.contains(&row.action) && one.resources == resources && one.condition == condition
            };
            if statements.iter().any(has) {
                continue;
            }
            let same = |one: &&mut GroupStatement| one.resources == resources && one.condition == condition;
            match statements[first..].iter_mut().find(same) {
                Some(statement) => {
                    if !statement.actions.contains(&row.action) {
                        statement.actions.push(row.action);
                    }
                }
                None => statements.push(GroupStatement {
                    group: group.name,
                    sid: String::new(),
                    actions: vec![row.action],
                    resources,
                    condition,
                }),
            }
        }
        if group.name == "eks-kms" {
            statements.extend(by_key(uses));
        }
        name_statements(&mut statements[first..]);
    }
    statements
}

/// The statement for keys whose ARNs are in the manifests: clusterawsadm's condition on an alias does not hold for a key
/// without that alias.
fn by_key(uses: &Uses) -> Option<GroupStatement> {
    let resources: Vec<String> = uses.eks_keys.iter().filter(|key| key.starts_with("arn:")).cloned().collect();
    let actions = vec!["kms:CreateGrant", "kms:DescribeKey"];
    (!resources.is_empty()).then(|| GroupStatement {
        group: "eks-kms",
        sid: String::new(),
        actions,
        resources,
        condition: None,
    })
}

/// Sets the Sids of a group's statements: the group's name, and for further statements the action or a number.
fn name_statements(statements: &mut [GroupStatement]) {
    let mut taken: Vec<String> = Vec::new();
    for (index, statement) in statements.iter_mut().enumerate() {
        let words = statement.group.split('-').filter_map(|word| word.split_at_checked(1));
        let base: String = words.map(|(first, rest)| first.to_ascii_uppercase() + rest).collect();
        let by_action = || {
            let [action] = statement.actions[..] else { return None };
            Some(base.clone() + action.split_once(':')?.1)
        };
        let mut sid =
            if index == 0 { base.clone() } else { by_action().unwrap_or_else(|| format!("{base}{}", index + 1)) };
        if taken.contains(&sid) {
            sid = format!("{base}{}", index + 1);
        }
        taken.push(sid.clone());
        statement.sid = sid;
    }
}

/// The policies that CAPA attaches to the roles that it creates for EKS (`pkg/cloud/services/eks/roles.go`, v2.13.0).
const EKS_POLICIES: [&str; 5] = [
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEKSClusterPolicy",
    "AmazonEKSFargatePodExecutionRolePolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
];

/// Operator, key and values.
type RowCondition = Option<(&'static str, &'static str, Vec<String>)>;

/// The resources and the condition of a row, with the names of the manifests.
fn placed(row: &GrantRow, uses: &Uses, narrowing: Narrowing) -> (Vec<String>, RowCondition) {
    let mut resources: Vec<String> = row.resources.split(',').map(str::to_owned).collect();
    let mut condition = row.condition.map(|(operator, key, value)| (operator, key, vec![value.to_owned()]));
    let is_narrow = narrowing == Narrowing::Names;
    let service = row.action.split(':').next().unwrap_or_default();
    let named = names_of(row, service, uses);
    if is_narrow && named.is_complete {
        resources = named.arns;
    } else {
        let is_covered = |arn: &String| resources.iter().any(|pattern| glob(pattern, arn, false));
        let more: Vec<String> = named.arns.iter().filter(|arn| !is_covered(arn)).cloned().collect();
        resources.extend(more.into_iter().filter(|_| service != "sqs" && service != "events"));
    }
    if row.action == "iam:GetPolicy" {
        resources.extend(uses.additional_policies.iter().cloned());
    }
    if is_narrow && row.group == "eks-iam-roles" {
        match row.action {
            "iam:AttachRolePolicy" => {
                let managed = EKS_POLICIES.iter().map(|name| format!("arn:*:iam::aws:policy/{name}"));
                let policies = managed.chain(uses.additional_policies.iter().cloned()).collect();
                condition = Some(("ArnLike", "iam:PolicyARN", policies));
            }
            "iam:CreateRole" | "iam:DetachRolePolicy" if !uses.boundaries.is_empty() => {
                let boundaries = uses.boundaries.iter().cloned().collect();
                condition = Some(("StringEquals", "iam:PermissionsBoundary", boundaries));
            }
            _ => {}
        }
    }
    (resources, condition)
}

/// Resources that the manifests name.
#[derive(Default)]
struct NamedResources {
    arns: Vec<String>,
    /// Whether CAPA uses no other resources for the action.
    is_complete: bool,
}

fn names_of(row: &GrantRow, service: &str, uses: &Uses) -> NamedResources {
    let all = |names: &BTreeSet<String>, arns: &dyn Fn(&str) -> Vec<String>| -> Vec<String> {
        names.iter().filter(|name| !is_filled_in(name)).flat_map(|name| arns(name)).collect()
    };
    // A name that is filled in later could be any.
    let is_certain = [&uses.buckets, &uses.secret_prefixes, &uses.cluster_names, &uses.profiles, &uses.hook_roles]
        .into_iter()
        .all(|names| !names.iter().any(|name| is_filled_in(name)));
    let complete = |arns: Vec<String>| NamedResources { is_complete: is_certain && !arns.is_empty(), arns };
    match (service, row.action) {
        ("s3", _) => {
            complete(all(&uses.buckets, &|name| vec![format!("arn:*:s3:::{name}"), format!("arn:*:s3:::{name}/*")]))
        }
        ("secretsmanager", _) => {
            let arns = all(&uses.secret_prefixes, &|prefix| vec![format!("arn:*:secretsmanager:*:*:secret:{prefix}*")]);
            NamedResources { is_complete: is_certain && !arns.is_empty() && uses.unprefixed_machines == 0, arns }
        }
        ("ssm", action) if action != "ssm:GetParameter" => {
            let arn = |prefix: &str| vec![format!("arn:*:ssm:*:*:parameter/{}*", parameter(prefix))];
            let arns = all(&uses.secret_prefixes, &arn);
            NamedResources { is_complete: is_certain && !arns.is_empty() && uses.unprefixed_machines == 0, arns }
        }
        ("sqs", _) => complete(all(&uses.cluster_names, &|name| vec![format!("arn:*:sqs:*:*:{}", queue(name))])),
        ("events", _) => {
            complete(all(&uses.cluster_names, &|name| vec![format!("arn:*:events:*:*:rule/{name}-ec2-rule")]))
        }
        ("iam", "iam:PassRole") if row.condition.is_none() => {
            let arns = match row.group {
                "machine-pool-hooks" => all(&uses.hook_roles, &|arn| vec![arn.to_owned()]),
                _ => all(&uses.profiles, &|name| vec![format!("arn:*:iam::*:role/{name}")]),
            };
            // A role can have another name than its instance profile.
            NamedResources { arns, is_complete: false }
        }
        _ => NamedResources::default(),
    }
}

/// A policy of its own, with some of the statements.
#[derive(Clone, Debug)]
pub struct PolicyPart {
    /// Its statements.
    pub statements: Vec<GroupStatement>,
    /// Its length, as IAM counts.
    pub count: usize,
}

impl PolicyPart {
    /// The document.
    pub fn document(&self) -> Value {
        policy_document(&self.statements)
    }

    /// The statements in as many managed policies as are needed, in their order.
    pub fn split(statements: &[GroupStatement]) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for statement in statements {
            let grown = parts.last().map(|part| {
                let mut statements = part.statements.clone();
                statements.push(statement.clone());
                Self::of(statements)
            });
            match (grown, parts.last_mut()) {
                (Some(grown), Some(last)) if grown.count <= PolicyKind::Managed.most() => *last = grown,
                _ => parts.push(Self::of(vec![statement.clone()])),
            }
        }
        parts
    }

    fn of(statements: Vec<GroupStatement>) -> Self {
        let count = limits::count(&policy_document(&statements).to_string());
        Self { statements, count }
    }
}

/// A document with these statements.
pub fn policy_document(statements: &[GroupStatement]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements.iter().map(GroupStatement::to_value).collect::<Vec<_>>() })
}
