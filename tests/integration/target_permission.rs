//! The tables of `iam target-permission`, compared with CAPA's code and with the policies that clusterawsadm generates.
//!
//! `scripts/peers/go` runs `scripts/peers/capa-calls` on CAPA's module, and keeps what it printed with clusterawsadm's own
//! expected templates; without them, these tests are reported as skipped.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use xaccount::iam::target_permission::{Table, table_of};

use crate::support::{peer, skip, target, xaccount};

/// What `scripts/peers/go` keeps of the release.
fn kept(table: &Table) -> Option<PathBuf> {
    let directory = target().join("peers/capa-calls").join(table.release);
    directory.join("calls.tsv").is_file().then_some(directory)
}

#[test]
fn the_calls_are_those_of_capas_code() {
    let (table, _) = table_of(None);
    let Some(directory) = kept(table) else {
        return skip("the_calls_are_those_of_capas_code", "no capa-calls");
    };
    let text = fs::read_to_string(directory.join("calls.tsv")).unwrap();
    let found: BTreeSet<String> = text
        .lines()
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [file, number, function, method] = columns[..] else { panic!("{line}") };
            format!("{file}:{number} {function} calls {method}")
        })
        .collect();
    let known: BTreeSet<String> = table
        .calls
        .iter()
        .filter_map(|call| Some(format!("{} {} calls {}", call.site?, call.function, call.method)))
        .collect();
    let new: Vec<&String> = found.difference(&known).collect();
    let gone: Vec<&String> = known.difference(&found).collect();
    assert!(new.is_empty(), "calls of CAPA {} that are not in calls.tsv: {new:#?}", table.release);
    assert!(gone.is_empty(), "calls of calls.tsv that CAPA {} does not make: {gone:#?}", table.release);
    assert_eq!(known.len(), 303);
}

/// One action of a policy with its resources and its condition, as text.
type Grants = BTreeSet<String>;

fn grant(action: &str, resources: &str, condition: &str) -> String {
    let mut resources: Vec<&str> = resources.split(',').collect();
    resources.sort_unstable();
    format!("{action} on {} {condition}", resources.join(","))
}

fn list(value: &Value) -> Vec<&str> {
    match value.as_array() {
        Some(items) => items.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    }
}

/// The grants of the policies that clusterawsadm attaches to the role of the controllers.
fn of_template(text: &str) -> Grants {
    let template: Value = serde_yaml::from_str(text).unwrap();
    let mut grants = Grants::new();
    for name in ["AWSIAMManagedPolicyControllers", "AWSIAMManagedPolicyControllersEKS"] {
        let statements = &template["Resources"][name]["Properties"]["PolicyDocument"]["Statement"];
        for statement in statements.as_array().into_iter().flatten() {
            let condition = statement["Condition"].as_object().into_iter().flatten().next().map_or(
                String::new(),
                |(operator, keys)| {
                    let (key, value) = keys.as_object().unwrap().iter().next().unwrap();
                    format!("{operator} {key}={}", value.as_str().unwrap())
                },
            );
            // Its templates are of one partition, and the table is for all.
            let resources =
                list(&statement["Resource"]).join(",").replace("arn:aws:iam::aws:policy/", "arn:*:iam::aws:policy/");
            grants.extend(list(&statement["Action"]).into_iter().map(|action| grant(action, &resources, &condition)));
        }
    }
    grants
}

/// The grants of the table that clusterawsadm has, without those of some groups.
fn of_table(table: &Table, is_off: impl Fn(&str, &str) -> bool) -> Grants {
    let rows = table.grants.iter().filter(|row| !row.is_added && !is_off(row.group, row.action));
    let mut grants: Grants = rows
        .map(|row| {
            let condition = row.condition.map(|(operator, key, value)| format!("{operator} {key}={value}"));
            grant(row.action, row.resources, &condition.unwrap_or_default())
        })
        .collect();
    // It never holds: resource and condition name different services. The table has one that does.
    if !is_off("eks-fargate", "iam:CreateServiceLinkedRole") {
        grants.insert(grant(
            "iam:CreateServiceLinkedRole",
            "arn:aws:iam::*:role/aws-service-role/eks-fargate-pods.amazonaws.com/AWSServiceRoleForAmazonEKSForFargate",
            "StringLike iam:AWSServiceName=eks-fargate.amazonaws.com",
        ));
    }
    grants
}

/// Whether a group is off unless a switch of clusterawsadm is set.
fn is_off_by_default(group: &str, action: &str) -> bool {
    match group {
        "s3-bucket" | "bootstrap-ssm" | "eventbridge" | "eks-oidc-provider" => true,
        "eks-iam-roles" => action != "iam:GetPolicy",
        _ => false,
    }
}

fn differences(found: &Grants, known: &Grants) -> Vec<String> {
    let new = found.difference(known).map(|grant| format!("only clusterawsadm: {grant}"));
    new.chain(known.difference(found).map(|grant| format!("only grants.tsv: {grant}"))).collect()
}

#[test]
fn the_policy_is_clusterawsadms_for_each_of_its_switches() {
    let (table, _) = table_of(None);
    let Some(directory) = kept(table) else {
        return skip("the_policy_is_clusterawsadms_for_each_of_its_switches", "no capa-calls");
    };
    let fixture =
        |name: &str| of_template(&fs::read_to_string(directory.join("fixtures").join(format!("{name}.yaml"))).unwrap());
    let with = |groups: &'static [&str]| {
        of_table(table, move |group, action| is_off_by_default(group, action) && !groups.contains(&group))
    };
    let no_eks = |group: &str, action: &str| {
        let is_eks = group.starts_with("eks-") && group != "eks-access-entries";
        let of_node_groups = group == "eks-nodegroups" && action.starts_with("autoscaling:");
        is_off_by_default(group, action) || is_eks && !of_node_groups
    };
    let ssm = |group: &str, action: &str| match group {
        "bootstrap-ssm" => false,
        "bootstrap-secretsmanager" => true,
        _ => is_off_by_default(group, action),
    };
    for (name, known) in [
        ("default", with(&[])),
        ("with_s3_bucket", with(&["s3-bucket"])),
        ("with_all_secret_backends", with(&["bootstrap-ssm"])),
        ("with_ssm_secret_backend", of_table(table, ssm)),
        ("with_eks_disable", of_table(table, no_eks)),
        ("with_bootstrap_user", with(&[])),
        ("with_extra_statements", with(&[])),
    ] {
        assert_eq!(differences(&fixture(name), &known), Vec::<String>::new(), "{name}");
    }
    // The switches that change a name, or add what the target account's role does not need.
    for (name, only) in [
        ("with_different_instance_profiles", "iam:PassRole on arn:*:iam::*:role/customrole "),
        (
            "with_eks_kms_prefix",
            "kms:CreateGrant on * ForAnyValue:StringLike kms:ResourceAliases=alias/custom-prefix-*",
        ),
        ("with_allow_assume_role", "sts:AssumeRole on arn:*:iam::*:role/*.cluster-api-provider-aws.sigs.k8s.io "),
    ] {
        let found = fixture(name);
        assert!(found.contains(only), "{name}: {:#?}", differences(&found, &with(&[])));
        assert!(found.difference(&with(&[])).count() <= 2, "{name}");
    }
}

/// Two switches have no expected template in CAPA's module, so clusterawsadm itself prints them.
#[test]
fn the_policy_is_clusterawsadms_for_roles_of_eks_and_events() {
    let (table, _) = table_of(None);
    let Some(clusterawsadm) = peer("clusterawsadm") else {
        return skip("the_policy_is_clusterawsadms_for_roles_of_eks_and_events", "no clusterawsadm");
    };
    let directory = tempfile::tempdir().unwrap();
    let configuration = directory.path().join("configuration.yaml");
    let text = "apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1\nkind: AWSIAMConfiguration\nspec:\n  \
        eks: {iamRoleCreation: true}\n  eventBridge: {enable: true}\n";
    fs::write(&configuration, text).unwrap();
    let output = Command::new(clusterawsadm)
        .args(["bootstrap", "iam", "print-cloudformation-template", "--config"])
        .arg(&configuration)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = of_template(&String::from_utf8(output.stdout).unwrap());
    let known = of_table(table, |group, _| ["s3-bucket", "bootstrap-ssm"].contains(&group));
    assert_eq!(differences(&found, &known), Vec::<String>::new());
}

/// The policy of some groups in a format.
fn printed(format: &str) -> String {
    let groups =
        "vpc-managed,lb-v2,machines,machine-pools,s3-bucket,eks-fargate,eks-kms,eks-idp,eks-iam-roles,eventbridge";
    let line = format!("iam target-permission --account 222222222222 --only-features {groups} -o {format}");
    let output = xaccount().args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Gives a format to a program that reads it.
fn judged(test: &str, program: &str, arguments: &[&str], file: &str, text: &str) {
    let Some(judge) = peer(program) else { return skip(test, &format!("no {program}")) };
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(file), text).unwrap();
    let output = Command::new(judge).args(arguments).arg(file).current_dir(directory.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn other_tools_read_the_policies() {
    let test = "other_tools_read_the_policies";
    judged(test, "cfn-lint", &[], "template.yaml", &printed("cloudformation"));
    judged(test, "hclfmt", &["-check"], "policy.tf", &printed("terraform"));
    judged(test, "shellcheck", &["--severity=style"], "policy.sh", &printed("cli"));
}

/// With the printed configuration, clusterawsadm's own role gets the additions.
#[test]
fn clusterawsadm_reads_its_configuration() {
    let Some(clusterawsadm) = peer("clusterawsadm") else {
        return skip("clusterawsadm_reads_its_configuration", "no clusterawsadm");
    };
    let directory = tempfile::tempdir().unwrap();
    let configuration = directory.path().join("configuration.yaml");
    fs::write(&configuration, printed("clusterawsadm")).unwrap();
    let mut command = Command::new(clusterawsadm);
    command.args(["bootstrap", "iam", "print-cloudformation-template", "--config"]).arg(&configuration);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let template: Value = serde_yaml::from_slice(&output.stdout).unwrap();
    let role = template["Resources"]["AWSIAMRoleControlPlane"]["Properties"].to_string();
    for action in ["ec2:DeleteNetworkInterface", "iam:UpdateAssumeRolePolicy", "eks:DisassociateIdentityProviderConfig"]
    {
        assert!(role.contains(action), "{action}: {role}");
    }
    // What clusterawsadm grants itself is not repeated.
    assert!(!role.contains("ec2:CreateVpc"), "{role}");
    let controllers = template["Resources"]["AWSIAMManagedPolicyControllers"].to_string();
    assert!(controllers.contains("s3:CreateBucket") && controllers.contains("events:PutRule"), "{controllers}");
}

/// An `aws` that keeps policies in files, and records what changes.
const AWS: &str = r#"#!/bin/sh
for word; do
    case $word in
    --policy-arn=*) name=${word##*/} ;;
    --policy-name=*) name=${word#*=} ;;
    --policy-document=file://*) document=${word#*file://} ;;
    esac
done
case "$1 $2" in
'sts get-caller-identity') echo "${ACCOUNT-222222222222}" ;;
'iam get-policy')
    [ -e "$name" ] || { echo 'An error occurred (NoSuchEntity) when calling the GetPolicy operation' >&2; exit 254; }
    echo v1 ;;
'iam get-policy-version') cat "$name" ;;
'iam create-policy' | 'iam create-policy-version') cp "$document" "$name" && echo "$2 $name" >>calls ;;
'iam list-attached-role-policies') [ ! -e "$name.attached" ] || echo "$name" ;;
'iam attach-role-policy') touch "$name.attached" && echo "$2 $name" >>calls ;;
*) exit 99 ;;
esac"#;

#[test]
fn the_script_creates_attaches_and_updates() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("policy.sh"), printed("cli")).unwrap();
    fs::write(path("aws"), AWS).unwrap();
    fs::set_permissions(path("aws"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str], account: &str| {
        let search = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg("policy.sh").args(arguments).current_dir(directory.path());
        command.env("PATH", search).env("ACCOUNT", account).output().unwrap()
    };
    let calls = || fs::read_to_string(path("calls")).unwrap_or_default();
    let ours = "222222222222";
    assert!(!run(&[], "333333333333").status.success());
    assert!(run(&["--dry-run"], ours).status.success());
    assert_eq!(calls(), "");
    // `list-attached-role-policies` of the stand-in gets no name, so that each run attaches again, which AWS allows.
    let first = run(&[], ours);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let created = "create-policy xaccount-target-permission-1\nattach-role-policy xaccount-target-permission-1\n\
        create-policy xaccount-target-permission-2\nattach-role-policy xaccount-target-permission-2\n";
    assert_eq!(calls(), created);
    fs::remove_file(path("calls")).unwrap();
    assert!(run(&[], ours).status.success());
    assert!(!calls().contains("create-policy"), "{}", calls());
    fs::write(path("xaccount-target-permission-2"), "{}\n").unwrap();
    let third = run(&[], ours);
    assert!(String::from_utf8_lossy(&third.stdout).contains("\n-{}\n"));
    assert!(calls().contains("create-policy-version xaccount-target-permission-2\n"), "{}", calls());
    let documents = ["1", "2"].map(|number| fs::read_to_string(path(&format!("xaccount-target-permission-{number}"))));
    assert!(documents.iter().flatten().all(|text| serde_json::from_str::<Value>(text).is_ok()));
}
