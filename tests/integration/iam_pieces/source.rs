//! The script around the source account's role, with an `aws` that a test controls and with an emulated AWS.

use serde_json::{Value, json};
use xaccount::account_map::ServiceAccount;
use xaccount::aws::{AccountId, Partition};
use xaccount::iam::SourceTrust;
use xaccount::iam::render::{self, PolicyTarget, Side};

use super::live::{Cloud, SOURCE, document, trusts};
use super::said;
use super::script::{ODD, Stage, error, shells, writes};

const ISSUER: &str = "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE";
const CLUSTER: &str = "arn:aws:eks:us-east-1:111111111111:cluster/mgmt";

fn irsa(audience: &str) -> SourceTrust {
    let issuer: xaccount::aws::Issuer = ISSUER.parse().unwrap();
    let provider = issuer.provider_arn(Partition::Aws, &SOURCE.parse().unwrap());
    let service_account = ServiceAccount::default();
    SourceTrust::Irsa { issuer, provider, audience: audience.to_owned(), service_account }
}

fn pod_identity(session_tags: bool, target_role: Option<&str>) -> SourceTrust {
    let cluster = CLUSTER.parse().unwrap();
    let target_role = target_role.map(|role| role.parse().unwrap());
    SourceTrust::PodIdentity { cluster, service_account: ServiceAccount::default(), session_tags, target_role }
}

fn script(trust: &SourceTrust, profile: Option<&str>, word: &str) -> String {
    let account: AccountId = SOURCE.parse().unwrap();
    let arguments = ["iam", "source-trust", word].map(str::to_owned);
    let target = PolicyTarget {
        side: Side::Trust,
        partition: Partition::Aws,
        account: Some(&account),
        role_name: "capa",
        role_path: "/team/",
        policy_name: "",
        document: "{}",
        statements: &[],
        profile,
        arguments: &arguments,
        permissions_boundary: None,
        remove: false,
    };
    render::source_script(&target, trust)
}

/// A script of each kind, with odd words.
pub(super) fn scripts() -> Vec<String> {
    let second = "arn:aws:iam::222222222222:role/second";
    let mut kinds = vec![SourceTrust::InstanceProfile, pod_identity(true, None), pod_identity(false, Some(second))];
    kinds.extend(ODD.map(irsa));
    kinds.iter().flat_map(|trust| ODD.map(|odd| script(trust, Some(odd), odd))).collect()
}

/// Answers of an account in which only the role exists.
fn only_the_role() -> Stage {
    let stage = Stage::new();
    stage.answer("get-caller-identity", SOURCE);
    let missing = "(NoSuchEntity) when calling the GetOpenIDConnectProvider operation: none";
    stage.answer("get-open-id-connect-provider.error", missing);
    stage.answer("list-pod-identity-associations", "\n");
    stage.answer("describe-addon.error", &error("ResourceNotFoundException", "No addon"));
    stage
}

#[test]
fn nothing_is_created_before_everything_was_looked_at() {
    // The call that fails, how, and what stderr has.
    let failing = [
        (irsa("sts.amazonaws.com"), "get-caller-identity", "333333333333", "but the role is in account 111111111111"),
        (irsa("sts.amazonaws.com"), "get-open-id-connect-provider.error", "(AccessDenied)", "(AccessDenied)"),
        (irsa("sts.amazonaws.com"), "get-role.error", "(AccessDenied)", "can't be read"),
        (irsa("sts.amazonaws.com"), "kubectl.error", "", "can't be edited"),
        (irsa("sts.amazonaws.com"), "get-role.then", "{}", "someone else changed the policy"),
        (pod_identity(true, None), "list-pod-identity-associations.error", "(AccessDenied)", "(AccessDenied)"),
        (pod_identity(true, None), "describe-addon.error", "(AccessDenied)", "(AccessDenied)"),
        (pod_identity(true, None), "get-role.kill", "", ""),
    ];
    for shell in shells() {
        for (trust, name, answer, wanted) in &failing {
            let stage = only_the_role();
            stage.answer(name, answer);
            let (out, calls) = stage.run_text(&shell, &script(trust, None, "x"), &[]);
            assert!(!out.status.success() && !writes(&calls), "{name}: {}", said(&out));
            assert!(String::from_utf8_lossy(&out.stderr).contains(wanted), "{name}: {}", said(&out));
        }
        // The service account has another role: the script names the command, and changes nothing.
        let stage = only_the_role();
        stage.answer("list-pod-identity-associations", "a-1\n");
        stage.answer("describe-pod-identity-association", "arn:aws:iam::111111111111:role/other\tNone\tFalse\n");
        let (out, calls) = stage.run_text(&shell, &script(&pod_identity(true, None), None, "x"), &[]);
        assert!(!out.status.success() && !writes(&calls), "{}", said(&out));
        let wanted = "aws eks update-pod-identity-association --region us-east-1 --cluster-name mgmt --association-id a-1 --role-arn";
        assert!(said(&out).contains(wanted), "{}", said(&out));
    }
}

#[test]
fn what_is_missing_is_created_in_order() {
    let verbs = |calls: &[Vec<String>]| -> Vec<String> {
        let is_write = |call: &&Vec<String>| writes(std::slice::from_ref(call));
        calls.iter().filter(is_write).map(|call| call[2].clone()).collect()
    };
    for shell in shells() {
        for (trust, wanted, next) in [
            (
                irsa("sts.amazonaws.com"),
                &["create-open-id-connect-provider", "update-assume-role-policy"][..],
                "eks.amazonaws.com/role-arn=arn:aws:iam::111111111111:role/team/capa",
            ),
            (
                pod_identity(false, Some("arn:aws:iam::222222222222:role/second")),
                &["create-addon", "update-assume-role-policy", "create-pod-identity-association"],
                "--external-id=us-east-1/111111111111/mgmt/capa-system/capa-controller-manager",
            ),
            (SourceTrust::InstanceProfile, &["update-assume-role-policy"], "patch secret"),
        ] {
            let stage = only_the_role();
            let text = script(&trust, None, "x");
            let (out, calls) = stage.run_text(&shell, &text, &["--dry-run"]);
            assert!(out.status.success() && !writes(&calls), "{}", said(&out));
            assert!(said(&out).ends_with("nothing was changed: --dry-run\n"), "{}", said(&out));
            assert_eq!(said(&out).contains("would "), wanted.len() > 1, "{}", said(&out));
            let (out, calls) = stage.run_text(&shell, &text, &[]);
            assert!(out.status.success() && out.stderr.is_empty(), "{}", said(&out));
            assert_eq!(verbs(&calls), wanted);
            assert!(said(&out).contains(next), "{}", said(&out));
        }
        // A provider without the audience gets it, and a role that is missing is created.
        let stage = only_the_role();
        std::fs::remove_file(stage.path("answers/get-open-id-connect-provider.error")).unwrap();
        stage.answer("get-open-id-connect-provider", "one\tother\n");
        stage.answer("get-role.error", "(NoSuchEntity) when calling the GetRole operation");
        let (out, calls) = stage.run_text(&shell, &script(&irsa("me"), None, "x"), &[]);
        assert!(out.status.success(), "{}", said(&out));
        assert_eq!(verbs(&calls), ["add-client-id-to-open-id-connect-provider", "create-role"]);
        let made = calls.iter().find(|call| call[2] == "create-role").unwrap();
        assert!(made.contains(&"--path=/team/".to_owned()), "{made:?}");
    }
}

#[test]
fn the_emulated_aws_has_the_provider_the_association_and_the_role() {
    let Some(cloud) = Cloud::start("the_emulated_aws_has_the_provider_the_association_and_the_role") else { return };
    let flags = |kind: &'static str| {
        let credentials = ["--source-credentials", kind, "--source-profile", "the source"];
        [&["source-trust", "--source-account", SOURCE, "--source-role", "capa"][..], &credentials].concat()
    };
    let irsa = flags("irsa=https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE");
    let trust = || {
        let words = ["iam", "get-role", "--role-name", "capa", "--query", "Role.AssumeRolePolicyDocument"];
        cloud.aws(SOURCE, &words)
    };
    let run = |words: &[&str], changes: bool| {
        let out = cloud.run_script(words);
        let text = said(&out);
        assert!(out.status.success(), "{text}");
        assert_eq!(text.contains("+++ merged.json"), changes, "{text}");
        assert_eq!(
            text.contains("created") || text.contains("updated") || text.contains("associated "),
            changes,
            "{text}"
        );
    };
    run(&irsa, true);
    let federated = trust()["Statement"].clone();
    assert_eq!(federated.as_array().unwrap().len(), 1);
    let provider = "arn:aws:iam::111111111111:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE";
    let found = cloud.aws(SOURCE, &["iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn", provider]);
    assert_eq!(found["ClientIDList"], json!(["sts.amazonaws.com"]));
    run(&irsa, false);

    let network = "subnetIds=subnet-1,subnet-2";
    let role = "arn:aws:iam::111111111111:role/capa";
    let cluster = ["eks", "create-cluster", "--name", "mgmt", "--role-arn", role, "--resources-vpc-config", network];
    cloud.aws(SOURCE, &cluster);
    let pod = flags("podIdentity=arn:aws:eks:us-east-1:111111111111:cluster/mgmt");
    run(&pod, true);
    let statements = trust()["Statement"].as_array().unwrap().clone();
    assert_eq!((statements.len(), &statements[0]), (2, &federated[0]));
    assert_eq!(statements[1]["Principal"], json!({ "Service": "pods.eks.amazonaws.com" }));
    let list = ["eks", "list-pod-identity-associations", "--cluster-name", "mgmt"];
    let associations: Value = cloud.aws(SOURCE, &list)["associations"].clone();
    assert_eq!(associations.as_array().unwrap().len(), 1);
    assert_eq!(associations[0]["serviceAccount"], "capa-controller-manager");
    run(&pod, false);

    // A role of machines keeps its statement.
    let ec2 = trusts(&json!({ "Service": "ec2.amazonaws.com" }));
    let old = document(&[&ec2]).to_string();
    cloud.aws(SOURCE, &["iam", "update-assume-role-policy", "--role-name", "capa", "--policy-document", &old]);
    run(&flags("instanceProfile"), false);
    run(&irsa, true);
    assert_eq!(trust(), document(&[&ec2, &federated[0]]));
}
