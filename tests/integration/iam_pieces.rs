//! The policies of `iam` in the formats of other tools, given to those tools: shellcheck and shells, cfn-lint, the HCL
//! parser of Terraform, clusterawsadm, and the AWS CLI with an AWS that enforces policies.

mod accounts;
mod live;
mod script;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use xaccount::aws::{AccountId, Partition};
use xaccount::capa::{CONTROLLERS_ROLE_NAME, DEFAULT_ROLE_NAME};
use xaccount::iam::render::{self, PieceError, PolicyTarget, Side};

use crate::support::{peer, skip};

/// The input for one policy: the trust policy or the permissions policy.
struct Sample {
    side: Side,
    account: Option<AccountId>,
    role: String,
    path: String,
    policy: String,
    document: String,
    statements: Vec<Value>,
    profile: Option<String>,
    arguments: Vec<String>,
}

impl Sample {
    fn trust() -> Self {
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::111111111111:role/control-plane.cluster-api-provider-aws.sigs.k8s.io" },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": ["0123", "true", "on"] } },
        });
        let mut tags = json!({ "Effect": "Allow", "Action": "sts:TagSession" });
        tags["Principal"] = statement["Principal"].clone();
        let ec2 = json!({
            "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole",
        });
        let document = json!({ "Version": "2012-10-17", "Statement": [ec2, statement, tags] });
        let arguments = ["iam", "trust", "--source-account=111111111111", "--account=222222222222"];
        Self::new(Side::Trust, "222222222222", &document, vec![statement, tags], &arguments)
    }

    fn permission() -> Self {
        let statement = json!({
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
        });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let arguments = ["iam", "permission", "--account=222222222222"];
        Self::new(Side::Permission, "111111111111", &document, vec![statement], &arguments)
    }

    fn new(side: Side, account: &str, document: &Value, statements: Vec<Value>, arguments: &[&str]) -> Self {
        Self {
            side,
            account: Some(account.parse().unwrap()),
            role: DEFAULT_ROLE_NAME.to_owned(),
            path: "/".to_owned(),
            policy: "xaccount-assume-role".to_owned(),
            document: document.to_string(),
            statements,
            profile: None,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    fn target(&self) -> PolicyTarget<'_> {
        PolicyTarget {
            side: self.side,
            partition: Partition::AwsUsGov,
            account: self.account.as_ref(),
            role_name: &self.role,
            role_path: &self.path,
            policy_name: &self.policy,
            document: &self.document,
            statements: &self.statements,
            profile: self.profile.as_deref(),
            arguments: &self.arguments,
            permissions_boundary: None,
            remove: false,
        }
    }
}

/// Both policies, with usual names and with the oddest ones that IAM accepts.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for make in [Sample::trust, Sample::permission] {
        samples.push(make());
        let odd = "-7+=,.@_z".to_owned();
        let path = "/a\"b\\$${c}%{d}'`#/".to_owned();
        samples.push(Sample { role: odd.clone(), policy: odd, path, account: None, ..make() });
    }
    samples
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn run(program: &Path, arguments: &[&str], file: &Path) -> Output {
    Command::new(program).args(arguments).arg(file).output().unwrap()
}

#[test]
fn cfn_lint_accepts_the_templates() {
    let Some(lint) = peer("cfn-lint") else { return skip("cfn_lint_accepts_the_templates", "no cfn-lint") };
    let directory = tempfile::tempdir().unwrap();
    let lint = |files: &[PathBuf]| Command::new(&lint).args(files).output().unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (number, sample) in samples().into_iter().enumerate() {
        let template = render::cloudformation(&sample.target());
        let parsed: Value = serde_json::from_str(&template).unwrap();
        let (_, resource) = parsed["Resources"].as_object().unwrap().iter().next().unwrap();
        let properties = &resource["Properties"];
        assert_eq!(properties["RoleName"], *sample.role);
        let key = match sample.side {
            Side::Trust => {
                assert_eq!(properties["Path"], *sample.path);
                "AssumeRolePolicyDocument"
            }
            Side::Permission => {
                assert_eq!(properties["PolicyName"], *sample.policy);
                "PolicyDocument"
            }
        };
        // Compared as texts, because the order of keys matters.
        assert_eq!(properties[key].to_string(), sample.document);

        // cfn-lint knows fewer paths than IAM does.
        let template = render::cloudformation(&Sample { path: "/team/".to_owned(), ..sample }.target());
        good.push(directory.path().join(format!("{number}-good.json")));
        fs::write(&good[number], &template).unwrap();
        bad.push(directory.path().join(format!("{number}-bad.json")));
        fs::write(&bad[number], template.replace("\"Effect\"", "\"Affect\"")).unwrap();
    }
    let out = lint(&good);
    assert!(out.status.success() && out.stdout.is_empty(), "{}", said(&out));
    // It checks documents.
    let text = said(&lint(&bad));
    assert!(bad.iter().all(|file| text.contains(file.to_str().unwrap())), "{text}");
}

/// A specification of the resources for hcldec; its value is one resource by type and name.
fn hcl_specification(kind: &str, attributes: &[&str]) -> String {
    let attribute = |name: &&str| format!("attr \"{name}\" {{\n  type = string\n  required = true\n}}\n");
    let attributes: String = attributes.iter().map(attribute).collect();
    let ignored =
        "block \"lifecycle\" {\n  object {\n    attr \"ignore_changes\" {\n      type = list(string)\n    }\n  }\n}\n";
    let lifecycle = if kind == "aws_iam_role" { ignored } else { "" };
    format!(
        "block_map {{\n  block_type = \"resource\"\n  labels = [\"type\", \"name\"]\n  object {{\n{attributes}{lifecycle}  }}\n}}\n"
    )
}

#[test]
fn terraforms_parser_gives_the_document_back() {
    let (Some(hcldec), Some(hclfmt)) = (peer("hcldec"), peer("hclfmt")) else {
        return skip("terraforms_parser_gives_the_document_back", "no hcldec");
    };
    let directory = tempfile::tempdir().unwrap();
    let (file, specification) = (directory.path().join("role.tf"), directory.path().join("role.hcldec"));
    // Characters that HCL, heredocs and Unicode's normal forms could change.
    let tricky = r##"{"Version":"2012-10-17","Statement":["${aws:username}","$${a}$$$${b}","%{c}%%{d}","${","%{","$","%",
        "\"\\\\\n\t\/","caf\u00e9 é","e\u0301 DECOMPOSED","\ud83d\ude00 😀","POLICY","\nPOLICY\n","  POLICY","#//<<-X"]}"##;
    let of_references = r#"{"description":"","max_session_duration":"","permissions_boundary":"","tags":""}"#;
    let tricky = &tricky.replace("DECOMPOSED", "e\u{301}");
    for mut sample in samples() {
        tricky.clone_into(&mut sample.document);
        let (kind, key, attributes) = match sample.side {
            Side::Trust => ("aws_iam_role", "assume_role_policy", ["name", "path", "assume_role_policy"]),
            Side::Permission => ("aws_iam_role_policy", "policy", ["name", "role", "policy"]),
        };
        let text = render::terraform(&sample.target());
        fs::write(&file, &text).unwrap();
        fs::write(&specification, hcl_specification(kind, &attributes)).unwrap();
        let arguments = ["--spec", specification.to_str().unwrap(), "--vars", of_references];
        let out = run(&hcldec, &arguments, &file);
        assert!(out.status.success(), "{text}{}", said(&out));
        let read: Value = serde_json::from_slice(&out.stdout).unwrap();
        let (name, resource) = read[kind].as_object().unwrap().iter().next().unwrap();
        let document: Value = serde_json::from_str(resource[key].as_str().unwrap()).unwrap();
        assert_eq!(document.to_string(), serde_json::from_str::<Value>(tricky).unwrap().to_string());
        match sample.side {
            Side::Trust => assert_eq!([&resource["name"], &resource["path"]], [&sample.role, &sample.path]),
            Side::Permission => assert_eq!([&resource["name"], &resource["role"]], [&sample.policy, &sample.role]),
        }
        let address = format!("terraform import {kind}.{name} ");
        assert!(text.contains(&address), "{text}");

        let out = run(&hclfmt, &["-check"], &file);
        assert!(out.status.success(), "{}", said(&out));
    }
}

/// The statement with a list wherever IAM accepts a list or a string.
fn listed(statement: &Value) -> Value {
    let list = |value: &Value| if value.is_string() { json!([value]) } else { value.clone() };
    let mut statement = statement.clone();
    for key in ["Action", "Resource"] {
        if let Some(value) = statement.get_mut(key) {
            *value = list(value);
        }
    }
    if let Some(principals) = statement.get_mut("Principal").and_then(|value| value.get_mut("AWS")) {
        *principals = list(principals);
    }
    statement
}

#[test]
fn clusterawsadm_puts_the_statement_into_the_role() {
    let Some(clusterawsadm) = peer("clusterawsadm") else {
        return skip("clusterawsadm_puts_the_statement_into_the_role", "no clusterawsadm");
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("configuration.yaml");
    let template = |configuration: &str| -> Value {
        fs::write(&file, configuration).unwrap();
        let arguments = ["bootstrap", "iam", "print-cloudformation-template", "--config"];
        let out = run(&clusterawsadm, &arguments, &file);
        assert!(out.status.success(), "{configuration}{}", said(&out));
        serde_yaml::from_slice(&out.stdout).unwrap()
    };
    let bare = "apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1\nkind: AWSIAMConfiguration\n";
    let govcloud = template(&format!("{bare}spec:\n  partition: aws-us-gov\n"));
    assert_ne!(govcloud, template(bare), "the partition makes no difference");
    let roles = [(DEFAULT_ROLE_NAME, "AWSIAMRoleControlPlane"), (CONTROLLERS_ROLE_NAME, "AWSIAMRoleControllers")];
    for (role, id) in roles {
        for make in [Sample::trust, Sample::permission] {
            for path in ["/", "/a\"b\\'#/"] {
                let sample = Sample { role: role.to_owned(), path: path.to_owned(), ..make() };
                adds_the_statements(&sample, id, &govcloud, &template);
            }
        }
    }
}

/// Whether the template of clusterawsadm with a sample's piece is the one without it, plus the statements and the path.
fn adds_the_statements(sample: &Sample, id: &str, without: &Value, template: &impl Fn(&str) -> Value) {
    let configuration = render::clusterawsadm(&sample.target()).unwrap();
    let mut made = template(&configuration);
    let properties = &mut made["Resources"][id]["Properties"];
    assert_eq!(properties["RoleName"], *sample.role);
    // Without the statement and the path, nothing differs.
    let added = match sample.side {
        Side::Trust => {
            let statements = &mut properties["AssumeRolePolicyDocument"]["Statement"];
            let statements = statements.as_array_mut().unwrap();
            statements.split_off(statements.len() - sample.statements.len())
        }
        Side::Permission => {
            let policies = properties.as_object_mut().unwrap().remove("Policies").unwrap();
            assert_eq!(policies.as_array().unwrap().len(), 1);
            policies[0]["PolicyDocument"]["Statement"].as_array().unwrap().clone()
        }
    };
    assert_eq!(added, sample.statements.iter().map(listed).collect::<Vec<_>>(), "{configuration}");
    for (_, resource) in made["Resources"].as_object_mut().unwrap() {
        let properties = resource["Properties"].as_object_mut().unwrap();
        if let Some(found) = properties.remove("Path") {
            assert_eq!(found, sample.path);
        }
    }
    assert_eq!(made, *without, "{configuration}");
}

#[test]
fn clusterawsadm_has_two_roles() {
    let sample = Sample { role: "other".to_owned(), ..Sample::trust() };
    let error = render::clusterawsadm(&sample.target()).unwrap_err();
    assert_eq!(error, PieceError::NoRoleOfClusterawsadm { name: "other".to_owned() });
    let text = error.to_string();
    assert!(text.contains(DEFAULT_ROLE_NAME) && text.contains(CONTROLLERS_ROLE_NAME), "{text}");
}
