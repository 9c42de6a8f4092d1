use super::{PolicyTarget, Side};

/// A POSIX shell script for the AWS CLI that merges the grant into the live policy, and shows the difference before it
/// writes.
///
/// It calls `kubectl xaccount` for the merge: IAM replaces a whole policy at once, and a fixed text would remove what
/// was added to the policy in the meantime. The text of a policy is passed in files only, never through the shell. Role
/// names are unique in an account, whatever their path, so no call needs the path.
///
/// Source: AWS CLI command reference, `iam`, `cloudformation describe-stack-resources` and "Structured error output".
pub fn script(target: &PolicyTarget<'_>) -> String {
    let (what, edit, profile_flag) = match target.side {
        Side::Trust => ("trust policy".to_owned(), EDIT_TRUST.to_owned(), "--target-profile"),
        Side::Permission => {
            let (missing, empty) = if target.remove { (NOTHING_TO_REMOVE, " --allow-empty") } else { (MAKE, "") };
            let edit = EDIT_PERMISSION.replace("MISSING", missing).replace(" EMPTY", empty);
            (format!("inline policy {}", target.policy_name), edit, "--source-profile")
        }
    };
    let write = match (target.side, target.remove) {
        (Side::Trust, false) => WRITE_TRUST.to_owned(),
        (Side::Trust, true) => WRITE_TRUST.to_owned() + FINISH,
        (Side::Permission, false) => WRITE_PERMISSION.to_owned(),
        (Side::Permission, true) => format!("{DELETE_EMPTY}{WRITE_PERMISSION}{FINISH}"),
    };
    let arguments = words(target.arguments);
    let check_function = match target.remove {
        true => format!("\ncheck_policy() {{\n    kubectl xaccount{arguments} --merge - --check\n}}\n"),
        false => String::new(),
    };
    let (check_removal, finish) = if target.remove { (CHECK_REMOVAL, "finish") } else { ("", "exit 0") };
    let [edit, compare, confirm] = [&edit, COMPARE, CONFIRM].map(|text| text.replace("FINISH", finish));
    let does = if target.remove { "Removes a grant from" } else { "Merges a grant into" };
    let mut names = format!("role={}\n", word(target.role_name));
    if target.side == Side::Permission {
        names.push_str(&format!("policy={}\n", word(target.policy_name)));
    }
    names.extend(target.account.map(|account| format!("account={}\n", word(account.as_str()))));
    let check = target.account.map(|_| account_check(target.profile, profile_flag)).unwrap_or_default();
    let account = target.account.map_or("the role's account".to_owned(), |account| format!("account {account}"));
    let profile = target.profile.map(|profile| format!(" --profile={}", word(profile))).unwrap_or_default();
    let role = target.role_name;
    format!(
        r#"#!/bin/sh
# {does} the live {what}
# of the role {role}.
#
#     sh FILE [--dry-run]
#
# Run it with credentials of {account}. It reads the policy, changes a copy with the
# kubectl xaccount command below, shows the difference, and then updates the policy. With --dry-run it
# changes nothing. It is safe to run again: a policy that already has the change is not updated.
set -eu

{names}
# The script reads error messages below, and newer versions of the AWS CLI can print them in other formats.
export AWS_CLI_ERROR_FORMAT=legacy

call_aws() {{
    aws{profile} "$@"
}}

print_policy() {{
    kubectl xaccount{arguments} "$@" -o json
}}
{check_function}
{START}{check}
{MAKE_DIRECTORY}{edit}{check_removal}
{compare}{WARN_OF_STACK}
{confirm}{write}"#
    )
}

/// The part of a script that refuses credentials of an account other than the role's.
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

/// The functions for messages, the check of the arguments, and the account of the credentials.
const START: &str = r#"fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

warn() {
    printf 'Warning: %s\n' "$*" >&2
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

kubectl xaccount --version >/dev/null 2>&1 ||
    fail "kubectl xaccount does not run here: is the plugin kubectl-xaccount on PATH? Nothing was changed"
found=$(call_aws sts get-caller-identity --query Account --output text) ||
    fail "the account of the credentials is unknown: aws sts get-caller-identity failed; nothing was changed"
"#;

/// A directory for the policy's files, which is removed however the script ends.
const MAKE_DIRECTORY: &str = r#"files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

"#;

/// Exits if nothing changes; otherwise shows the difference.
const COMPARE: &str = r#"if cmp -s "$files/live.json" "$files/merged.json"; then
    echo "account $found, role $role: unchanged, nothing to do"
    FINISH
fi
echo "account $found, role $role:"
differ=0
(cd "$files" && diff -u live.json merged.json) || differ=$?
[ "$differ" -eq 1 ] || fail "the difference can't be shown; nothing was changed"

"#;

/// Exits after a dry run; otherwise reads the policy once more before it is written.
const CONFIRM: &str = r#"if [ -n "$dry_run" ]; then
    echo 'nothing was changed: --dry-run'
    FINISH
fi
# IAM has no locks: a change that someone else made in the meantime would be lost.
if ! read_policy >"$files/again.json" 2>"$files/error" && ! grep -q '(NoSuchEntity)' "$files/error"; then
    cat "$files/error" >&2
    fail "the policy can't be read again before the update; nothing was changed: run this script again"
fi
cmp -s "$files/live.json" "$files/again.json" ||
    fail "someone else changed the policy in the meantime; nothing was changed: run this script again"
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

: >"$files/role"
if ! call_aws iam get-role --role-name="$role" --query Role.RoleName --output text \
    >"$files/role" 2>"$files/error"; then
    # Credentials without iam:GetRole get another error; then the message below shows what is missing.
    ! grep -q '(NoSuchEntity) when calling the GetRole operation' "$files/error" ||
        fail "the role $role does not exist in account $found: create it, or print this script for another role; nothing was changed"
fi
if read_policy >"$files/live.json" 2>"$files/error"; then
    print_policy EMPTY --merge - <"$files/live.json" >"$files/merged.json" ||
        fail "the policy can't be edited; nothing was changed"
elif grep -q '(NoSuchEntity) when calling the GetRolePolicy operation' "$files/error" &&
    { [ -s "$files/role" ] || grep -q 'The role policy with name' "$files/error"; }; then
    # There is no policy of that name yet.
    MISSING
else
    cat "$files/error" >&2
    fail "the policy $policy of the role $role can't be read; nothing was changed"
fi
"#;

// If no stack has the role, AWS returns an error, which has no code of its own.
const WARN_OF_STACK: &str = r#"# A role has no region, but a stack does: only a stack in the region that aws uses here is found.
if stack=$(call_aws cloudformation describe-stack-resources --physical-resource-id="$role" \
    --query 'StackResources[0].StackName' --output text 2>"$files/error"); then
    warn "$role is in the CloudFormation stack $stack, whose next update may revert this: change its template, too"
elif ! grep -q '(ValidationError).* does not exist' "$files/error"; then
    cat "$files/error" >&2
    warn "can't find out whether $role is in a CloudFormation stack, whose next update might revert this"
fi
"#;

const MAKE: &str =
    r#"print_policy -q >"$files/merged.json" || fail "the policy can't be created; nothing was changed""#;

const NOTHING_TO_REMOVE: &str = r#"echo "account $found, role $role: unchanged, policy $policy does not exist"
    exit 0"#;

/// After a removal, finds out whether other statements still allow access, and exits with 1 at the end if they do.
const CHECK_REMOVAL: &str = r#"
# Other statements may still allow access: the warnings above name them.
stays=0
if [ -s "$files/merged.json" ]; then
    check_policy <"$files/merged.json" >/dev/null 2>&1 || stays=1
fi
finish() {
    [ "$stays" -eq 0 ] || fail "other statements still allow access: see the warnings above"
    exit 0
}
"#;

const FINISH: &str = "finish\n";

/// Deletes a policy of which nothing is left: AWS refuses an empty one.
const DELETE_EMPTY: &str = r#"if [ ! -s "$files/merged.json" ]; then
    call_aws iam delete-role-policy --role-name="$role" --policy-name="$policy" ||
        fail "AWS did not delete the policy $policy of the role $role"
    echo "deleted the inline policy $policy of the role $role in account $found: it contained nothing else"
    finish
fi
"#;

const WRITE_TRUST: &str = r#"call_aws iam update-assume-role-policy --role-name="$role" --policy-document="file://$files/merged.json" \
    2>"$files/error" || {
    cat "$files/error" >&2
    ! grep -q 'Invalid principal in policy' "$files/error" ||
        warn "a principal of the policy does not exist: create the source role first, and replace ids of deleted roles (AROA...)"
    fail "AWS did not update the trust policy of the role $role"
}
echo "updated the trust policy of the role $role in account $found"
"#;

const WRITE_PERMISSION: &str = r#"call_aws iam put-role-policy --role-name="$role" --policy-name="$policy" \
    --policy-document="file://$files/merged.json" || fail "AWS did not put the policy $policy into the role $role"
echo "put the inline policy $policy into the role $role in account $found"
"#;

/// Arguments as shell text, to be appended to a command. Each flag starts a line, so that a long command is readable.
fn words(words: &[String]) -> String {
    let lead = |text: &str| if text.starts_with('-') { " \\\n        " } else { " " };
    words.iter().map(|text| lead(text).to_owned() + &word(text)).collect()
}

/// An argument as shell text. In double quotes, four characters are special (POSIX, Shell Command Language, 2.2.3).
pub(super) fn word(text: &str) -> String {
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
