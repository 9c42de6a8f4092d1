//! The roles of many accounts in one template or module, given to cfn-lint, the HCL parser of Terraform and an emulated
//! AWS.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::live::Cloud;
use super::{run, said};
use crate::support::{peer, skip, xaccount};

/// Two accounts, one of them with an external id, and both or none with a boundary.
fn map(has_boundary: bool) -> String {
    let boundary = if has_boundary { "defaults: {permissionsBoundary: capa-boundary}\n" } else { "" };
    format!(
        "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsource: {{account: \"111111111111\", roleName: capa}}\n{boundary}accounts:\n\
         - {{name: \"dev elopment\", account: \"222222222222\", externalID: \"a:1\", clusters: {{names: [\"dev-*\"]}}}}\n\
         - {{name: production, account: \"333333333333\", roleName: team/capa, clusters: {{names: [\"prod-*\"]}}}}\n"
    )
}

/// What the program prints for all accounts of a map.
fn printed(directory: &Path, has_boundary: bool, words: &[&str]) -> Vec<u8> {
    printed_for(directory, &map(has_boundary), words)
}

fn printed_for(directory: &Path, map: &str, words: &[&str]) -> Vec<u8> {
    fs::write(directory.join("map.yaml"), map).unwrap();
    let out = xaccount()
        .current_dir(directory)
        .args(["iam", "trust", "--config", "map.yaml", "--all"])
        .args(words)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", said(&out));
    out.stdout
}

const FORMS: [&[&str]; 3] = [&[], &["--tag-session", "--org-id", "o-a1b2c3d4e5"], &["--principal-form", "root-arn"]];

#[test]
fn cfn_lint_accepts_the_template_of_a_stack_set() {
    let Some(lint) = peer("cfn-lint") else {
        return skip("cfn_lint_accepts_the_template_of_a_stack_set", "no cfn-lint");
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("template.json");
    for has_boundary in [false, true] {
        for form in FORMS {
            let words = [&["-o", "cloudformation"], form].concat();
            let template = printed(directory.path(), has_boundary, &words);
            fs::write(&file, &template).unwrap();
            let out = run(&lint, &[], &file);
            let text = String::from_utf8_lossy(&template);
            assert!(out.status.success() && out.stdout.is_empty(), "{text}{}", said(&out));
            // It checks references into the table.
            fs::write(
                &file,
                text.replace("\"Ref\": \"SourcePrincipals\"", "\"Ref\": \"Nobody\"").replace("\"Path\"\n", "\"Way\"\n"),
            )
            .unwrap();
            assert!(!run(&lint, &[], &file).status.success());
        }
    }
}

#[test]
fn terraforms_parser_reads_the_module() {
    let (Some(hcldec), Some(hclfmt)) = (peer("hcldec"), peer("hclfmt")) else {
        return skip("terraforms_parser_reads_the_module", "no hcldec");
    };
    let directory = tempfile::tempdir().unwrap();
    let (file, specification) = (directory.path().join("roles.tf"), directory.path().join("roles.hcldec"));
    // Only the table: the rest refers to values that Terraform has.
    fs::write(&specification, "block {\n  block_type = \"locals\"\n  object {\n    attr \"capa_accounts\" {\n      type = any\n    }\n  }\n}\n")
        .unwrap();
    for has_boundary in [false, true] {
        for form in FORMS {
            let text =
                String::from_utf8(printed(directory.path(), has_boundary, &[&["-o", "terraform"], form].concat()))
                    .unwrap();
            fs::write(&file, &text).unwrap();
            let out = run(&hclfmt, &["-check"], &file);
            assert!(out.status.success(), "{text}{}", said(&out));
            // The expression for the roles of one account needs Terraform's data.
            let start = text.find("\n  capa_roles").unwrap();
            let end = text[start..].find("\n  }\n").unwrap() + start + "\n  }\n".len();
            let locals = format!("{}{}", &text[..start], &text[end..]);
            let only = &locals[locals.find("locals {").unwrap()..locals.find("resource ").unwrap()];
            fs::write(&file, only).unwrap();
            let out = run(&hcldec, &["--spec", specification.to_str().unwrap()], &file);
            assert!(out.status.success(), "{only}{}", said(&out));
            let read: Value = serde_json::from_slice(&out.stdout).unwrap();
            let accounts = &read["capa_accounts"];
            assert_eq!(accounts.as_object().unwrap().len(), 2, "{read}");
            assert_eq!(accounts["production"]["path"], "/team/");
            let policy: Value =
                serde_json::from_str(accounts["dev elopment"]["trust_policy"].as_str().unwrap()).unwrap();
            assert_eq!(policy["Statement"][1]["Condition"]["StringEquals"]["sts:ExternalId"], "a:1");
            let boundary = &accounts["production"]["permissions_boundary"];
            let wanted =
                if has_boundary { json!("arn:aws:iam::333333333333:policy/capa-boundary") } else { Value::Null };
            assert_eq!(*boundary, wanted);
        }
    }
}

#[test]
fn one_template_makes_the_role_of_each_account() {
    let Some(cloud) = Cloud::start("one_template_makes_the_role_of_each_account") else { return };
    let directory = tempfile::tempdir().unwrap();
    // Both have an external id: the emulated AWS does not look up the table in conditions.
    let map = map(false).replace("roleName: team/capa,", "roleName: team/capa, externalID: b2,");
    let template = printed_for(directory.path(), &map, &["-o", "cloudformation"]);
    let file = directory.path().join("template.json");
    fs::write(&file, template).unwrap();
    let body = format!("file://{}", file.display());
    for (account, role, external_id) in
        [("222222222222", "control-plane.cluster-api-provider-aws.sigs.k8s.io", "a:1"), ("333333333333", "capa", "b2")]
    {
        let create =
            ["cloudformation", "create-stack", "--stack-name", "capa", "--capabilities", "CAPABILITY_NAMED_IAM"];
        cloud.aws(account, &[&create[..], &["--template-body", &body]].concat());
        cloud.aws(account, &["cloudformation", "wait", "stack-create-complete", "--stack-name", "capa"]);
        let words = ["iam", "get-role", "--role-name", role, "--query", "Role.AssumeRolePolicyDocument.Statement[1]"];
        let statement = cloud.aws(account, &words);
        let principals = &statement["Principal"]["AWS"];
        let source = json!("arn:aws:iam::111111111111:role/capa");
        assert!(*principals == source || *principals == json!([source]), "{statement}");
        let id = &statement["Condition"]["StringEquals"]["sts:ExternalId"];
        assert_eq!(*id, json!([external_id]), "{statement}");
    }
}
