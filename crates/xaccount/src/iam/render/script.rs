use super::{PolicyTarget, Side};

/// A POSIX shell script for the AWS CLI that merges the grant into the policy that AWS has, and shows the difference before
/// it writes.
///
/// It calls `kubectl xaccount` for the merge: IAM replaces a whole policy at once, and a fixed text would drop what was added
/// to it meanwhile. The text of a policy goes through files only, never through the shell. Names of roles are unique in an
/// account, whatever their path, so that no call names the path.
///
/// Source: AWS CLI command reference, `iam`, `cloudformation describe-stack-resources` and "Structured error output".
pub fn script(half: &PolicyTarget<'_>) -> String {
    let (what, edit, write, profile_flag) = match half.side {
        Side::Trust => ("trust policy".to_owned(), EDIT_TRUST.to_owned(), WRITE_TRUST, "--target-profile"),
        Side::Permission => {
            let missing = if half.remove { NOTHING_TO_REMOVE } else { MAKE };
            let edit = EDIT_PERMISSION.replace("MISSING", missing);
            (format!("inline policy {}", half.policy_name), edit, WRITE_PERMISSION, "--source-profile")
        }
    };
    let does = if half.remove { "Takes a grant out of" } else { "Merges a grant into" };
    let mut names = format!("role={}\n", word(half.role_name));
    if half.side == Side::Permission {
        names.push_str(&format!("policy={}\n", word(half.policy_name)));
    }
    names.extend(half.account.map(|account| format!("account={}\n", word(account.as_str()))));
    let check = half.account.map(|_| account_check(half.profile, profile_flag)).unwrap_or_default();
    let account = half.account.map_or("the role's account".to_owned(), |account| format!("account {account}"));
    let profile = half.profile.map(|profile| format!(" --profile={}", word(profile))).unwrap_or_default();
    let (role, arguments) = (half.role_name, words(half.arguments));
    format!(
        r#"#!/bin/sh
# {does} a policy that AWS has: the {what}
# of the role {role}.
#
#     sh FILE [--dry-run]
#
# Run it with credentials of {account}. It reads the policy, makes the change that the call of
# kubectl xaccount below asks for, and shows the difference. Nothing is changed before that, and nothing at
# all with --dry-run. It may be run again: what is as it should be stays so.
set -eu

{names}
# Errors are read below, and newer versions of the AWS CLI have other forms of them, too.
export AWS_CLI_ERROR_FORMAT=legacy

call_aws() {{
    aws{profile} "$@"
}}

print_policy() {{
    kubectl xaccount{arguments} "$@" -o json
}}

{START}{check}
{MAKE_DIRECTORY}{edit}
{COMPARE}{WARN_OF_STACK}
{CONFIRM}{write}"#
    )
}

/// The part of a script that refuses credentials of another account than the role's.
fn account_check(profile: Option<&str>, profile_flag: &str) -> String {
    let way = match profile {
        Some(_) => format!("print this script with another {profile_flag}"),
        None => "set AWS_PROFILE".to_owned(),
    };
    format!(
        r#"[ "$found" = "$account" ] ||
    fail "these are credentials of account $found, but the role is in account $account: {way}; nothing was changed"
"#
    )
}

/// Messages, the arguments, and whose credentials these are.
const START: &str = r#"fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

warn() {
    printf 'Warning: %s\n' "$*" >&2
}

case $* in
'' | --dry-run) dry_run=$* ;;
*) fail "unknown argument: $*; there is only --dry-run" ;;
esac

kubectl xaccount --version >/dev/null 2>&1 ||
    fail "kubectl xaccount does not run here: is the plugin kubectl-xaccount on PATH? Nothing was changed"
found=$(call_aws sts get-caller-identity --query Account --output text) ||
    fail "AWS doesn't say whose credentials these are; nothing was changed"
"#;

/// A directory for the texts of the policy, which is removed however the script ends.
const MAKE_DIRECTORY: &str = r#"files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

"#;

/// The end, where nothing changes; or the difference.
const COMPARE: &str = r#"if cmp -s "$files/live.json" "$files/merged.json"; then
    echo "account $found, role $role: unchanged, nothing to do"
    exit 0
fi
echo "account $found, role $role:"
differ=0
(cd "$files" && diff -u live.json merged.json) || differ=$?
[ "$differ" -eq 1 ] || fail "the difference can't be shown; nothing was changed"

"#;

/// The end of a dry run; or a last look at the policy before it is written.
const CONFIRM: &str = r#"if [ -n "$dry_run" ]; then
    echo 'nothing was changed: --dry-run'
    exit 0
fi
# IAM knows no locks: what somebody else changed meanwhile would be lost.
read_policy >"$files/again.json" 2>/dev/null || :
cmp -s "$files/live.json" "$files/again.json" ||
    fail "the policy was changed by someone else meanwhile; nothing was changed: run this again"
"#;

const EDIT_TRUST: &str = r#"read_policy() {
    call_aws iam get-role --role-name="$role" --query Role.AssumeRolePolicyDocument --output json
}

read_policy >"$files/live.json" || fail "the trust policy of the role $role can't be read; nothing was changed"
print_policy --merge - <"$files/live.json" >"$files/merged.json" ||
    fail "the policy can't be edited; nothing was changed"
"#;

const EDIT_PERMISSION: &str = r#"read_policy() {
    call_aws iam get-role-policy --role-name="$role" --policy-name="$policy" --query PolicyDocument --output json
}

if read_policy >"$files/live.json" 2>"$files/error"; then
    print_policy --merge - <"$files/live.json" >"$files/merged.json" ||
        fail "the policy can't be edited; nothing was changed"
elif grep -q '(NoSuchEntity) when calling the GetRolePolicy operation' "$files/error"; then
    # There is no policy of that name yet.
    MISSING
else
    cat "$files/error" >&2
    fail "the policy $policy of the role $role can't be read; nothing was changed"
fi
"#;

// That no stack has the role is an error, and one without a code of its own.
const WARN_OF_STACK: &str = r#"# A role is in no region, but a stack is: only one in the region that aws uses here is found.
if stack=$(call_aws cloudformation describe-stack-resources --physical-resource-id="$role" \
    --query 'StackResources[0].StackName' --output text 2>"$files/error"); then
    warn "$role is in the CloudFormation stack $stack, whose next update may revert this: change its template, too"
elif ! grep -q '(ValidationError).* does not exist' "$files/error"; then
    cat "$files/error" >&2
    warn "it can't be told whether $role is in a CloudFormation stack, whose next update might revert this"
fi
"#;

const MAKE: &str = r#"print_policy -q >"$files/merged.json" || fail "the policy can't be made; nothing was changed""#;

const NOTHING_TO_REMOVE: &str = r#"echo "account $found, role $role: unchanged, there is no policy $policy"
    exit 0"#;

const WRITE_TRUST: &str = r#"call_aws iam update-assume-role-policy --role-name="$role" --policy-document="file://$files/merged.json" ||
    fail "AWS did not update the trust policy of the role $role"
echo "updated the trust policy of the role $role in account $found"
"#;

const WRITE_PERMISSION: &str = r#"call_aws iam put-role-policy --role-name="$role" --policy-name="$policy" \
    --policy-document="file://$files/merged.json" || fail "AWS did not put the policy $policy into the role $role"
echo "put the inline policy $policy into the role $role in account $found"
"#;

/// Words of a command behind others. Each flag begins a line, so that a long command can be read.
fn words(words: &[String]) -> String {
    let lead = |text: &str| if text.starts_with('-') { " \\\n        " } else { " " };
    words.iter().map(|text| lead(text).to_owned() + &word(text)).collect()
}

/// A word of a command. In double quotes, four characters are not themselves (POSIX, Shell Command Language, 2.2.3).
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}
