//! Managed policies of a role in the formats of other tools.

use serde_json::{Value, json};

use super::cloudformation::logical_id;
use super::json_text::laid_out;
use super::script::word;
use super::terraform::{identifier, quoted, without_templates};
use crate::aws::{AccountId, Partition};
use lossless_yaml::yaml_text;

/// A managed policy.
#[derive(Clone, Debug)]
pub struct ManagedPolicy {
    /// Its name, of the characters that IAM allows.
    pub name: String,
    /// The document.
    pub document: Value,
    /// A line about each statement.
    pub comments: Vec<String>,
}

/// Managed policies, and the role that they are attached to.
#[derive(Clone, Debug)]
pub struct ManagedPolicies<'m> {
    /// What they are for, in a sentence.
    pub about: String,
    /// The policies.
    pub policies: &'m [ManagedPolicy],
    /// The role, without its path.
    pub role_name: &'m str,
    /// The account.
    pub account: Option<&'m AccountId>,
    /// The partition.
    pub partition: Partition,
    /// Profile of the AWS CLI, if specified.
    pub profile: Option<&'m str>,
}

impl ManagedPolicies<'_> {
    /// The head of a file: what it is for.
    fn head(&self) -> String {
        let account = self.account.map(|account| format!(" in account {account}")).unwrap_or_default();
        format!("# {}\n# For the role {}{account}.\n", self.about, self.role_name)
    }

    fn comments(policy: &ManagedPolicy) -> String {
        policy.comments.iter().map(|line| format!("#   {line}\n")).collect()
    }

    /// A CloudFormation template in YAML. Resource type: AWS CloudFormation template reference, `AWS::IAM::ManagedPolicy`.
    pub fn cloudformation(&self) -> String {
        let mut text = self.head() + "# The stack owns the policies, but not the role, which must exist.\n";
        for policy in self.policies {
            text += &format!("#\n# {}:\n{}", policy.name, Self::comments(policy));
        }
        let resource = |policy: &ManagedPolicy| {
            json!({
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "ManagedPolicyName": policy.name,
                    "Roles": [self.role_name],
                    "PolicyDocument": policy.document,
                },
            })
        };
        let resources: Value =
            self.policies.iter().map(|policy| (logical_id(&policy.name, "Policy"), resource(policy))).collect();
        text + &yaml_text(&json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources }))
    }

    /// Terraform resources: the policies and their attachments. Sources: the pages of `aws_iam_policy` and
    /// `aws_iam_role_policy_attachment` of the AWS provider.
    pub fn terraform(&self) -> String {
        let mut text = self.head();
        for policy in self.policies {
            let (resource, name) = (identifier(&policy.name), quoted(&policy.name));
            let document = without_templates(&laid_out(&policy.document.to_string(), 4));
            text += &format!(
                r#"
# Statements of this policy:
{}resource "aws_iam_policy" "{resource}" {{
  name = {name}

  policy = <<-POLICY
    {document}
  POLICY
}}

resource "aws_iam_role_policy_attachment" "{resource}" {{
  role       = {}
  policy_arn = aws_iam_policy.{resource}.arn
}}
"#,
                Self::comments(policy),
                quoted(self.role_name),
            );
        }
        text
    }

    /// A POSIX shell script for the AWS CLI that creates or updates the policies and attaches them. It shows what it will
    /// change first. `account`: whose credentials it accepts.
    ///
    /// Source: AWS CLI command reference, `iam`; IAM user guide, "Versioning IAM policies" (five versions).
    pub fn script(&self, account: &AccountId) -> String {
        let profile = self.profile.map(|profile| format!(" --profile={}", word(profile))).unwrap_or_default();
        let settings = format!(
            "account={account}\nrole={}\narns=arn:{}:iam::$account:policy\n",
            word(self.role_name),
            self.partition.id()
        );
        let mut text = SCRIPT_HEAD.replace("ABOUT\n", &self.head()).replace("SETTINGS\n", &settings);
        text = text.replace("aws PROFILE", &format!("aws{profile}"));
        for policy in self.policies {
            let document = spaced(&policy.document);
            text += &format!(
                "\n# Statements of this policy:\n{}put_policy {} <<'POLICY'\n{document}\nPOLICY\n",
                Self::comments(policy),
                word(&policy.name)
            );
        }
        text
    }
}

/// The document as the AWS CLI prints it, with four blanks per level, so that a diff shows only real changes.
fn spaced(document: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Writing to a `Vec` can't fail.
    let _ = serde::Serialize::serialize(document, &mut serializer);
    String::from_utf8_lossy(&out).into_owned()
}

const SCRIPT_HEAD: &str = r#"#!/bin/sh
ABOUT
# Creates or updates managed policies, and attaches them to the role. Shows the differences first; with --dry-run, it
# changes nothing. Run it with credentials of that account; it needs iam:GetPolicy, GetPolicyVersion, CreatePolicy,
# CreatePolicyVersion, ListAttachedRolePolicies and AttachRolePolicy.
set -eu
SETTINGS
# The script reads error messages below, and newer versions of the AWS CLI can print them in other formats.
export AWS_CLI_ERROR_FORMAT=legacy

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

case $* in
'' | --dry-run) dry_run=$* ;;
-h | --help)
    # The comment at the top.
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit
    ;;
*) fail "unknown argument: $*; the only ones are --dry-run and --help" ;;
esac

call_aws() {
    aws PROFILE "$@"
}

found=$(call_aws sts get-caller-identity --query Account --output text) ||
    fail 'the account of the credentials is unknown; nothing was changed'
[ "$found" = "$account" ] || fail "these are credentials of account $found, not of $account; nothing was changed"
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

put_policy() {
    policy=$1
    cat >"$files/new.json"
    arn=$arns/$policy
    change=update
    if version=$(call_aws iam get-policy --policy-arn="$arn" --query Policy.DefaultVersionId --output text \
        2>"$files/error"); then
        call_aws iam get-policy-version --policy-arn="$arn" --version-id="$version" --query PolicyVersion.Document \
            --output json >"$files/live.json" || fail "the policy $policy can't be read"
    elif grep -q '(NoSuchEntity)' "$files/error"; then
        change=create
        : >"$files/live.json"
    else
        cat "$files/error" >&2
        fail "the policy $policy can't be read"
    fi
    differ=0
    (cd "$files" && diff -u live.json new.json) || differ=$?
    [ "$differ" -le 1 ] || fail "the difference can't be shown"
    attached=$(call_aws iam list-attached-role-policies --role-name="$role" \
        --query "AttachedPolicies[?PolicyArn=='$arn'].PolicyName" --output text) ||
        fail "the policies of the role $role can't be read"
    if [ -n "$dry_run" ]; then
        echo "policy $policy: nothing was changed: --dry-run"
        return
    fi
    if [ "$change" = create ]; then
        call_aws iam create-policy --policy-name="$policy" --policy-document="file://$files/new.json" >/dev/null ||
            fail "AWS did not create the policy $policy"
    elif [ "$differ" -eq 1 ]; then
        call_aws iam create-policy-version --policy-arn="$arn" --policy-document="file://$files/new.json" \
            --set-as-default >/dev/null ||
            fail "AWS did not update the policy $policy; it keeps five versions: delete one with delete-policy-version"
    fi
    if [ -z "$attached" ]; then
        call_aws iam attach-role-policy --role-name="$role" --policy-arn="$arn" ||
            fail "AWS did not attach the policy $policy to the role $role"
    fi
    echo "policy $policy of the role $role: up to date"
}
"#;
