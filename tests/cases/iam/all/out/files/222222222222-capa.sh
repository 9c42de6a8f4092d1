#!/bin/sh
# Merges a grant into the live trust policy
# of the role capa.
#
#     sh FILE [--dry-run]
#
# Run it with credentials of account 222222222222. It reads the policy, changes a copy with the
# kubectl xaccount command below, shows the difference, and then updates the policy. With --dry-run it
# changes nothing. It is safe to run again: a policy that already has the change is not updated.
set -eu

role=capa
account=222222222222

# The script reads error messages below, and newer versions of the AWS CLI can print them in other formats.
export AWS_CLI_ERROR_FORMAT=legacy

call_aws() {
    aws "$@"
}

print_policy() {
    kubectl xaccount iam trust \
        --source-principal=arn:aws:iam::111111111111:role/control-plane.cluster-api-provider-aws.sigs.k8s.io \
        --role-arn=arn:aws:iam::222222222222:role/capa \
        --no-config "$@" -o json
}

fail() {
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
[ "$found" = "$account" ] ||
    fail "these are credentials of account $found, but the role is in account $account: set AWS_PROFILE; nothing was changed"

files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

read_policy() {
    call_aws iam get-role --role-name="$role" --query Role.AssumeRolePolicyDocument --output json
}

read_policy >"$files/live.json" || fail "the trust policy of the role $role can't be read; nothing was changed"
print_policy --merge - <"$files/live.json" >"$files/merged.json" ||
    fail "the policy can't be edited; nothing was changed"

if cmp -s "$files/live.json" "$files/merged.json"; then
    echo "account $found, role $role: unchanged, nothing to do"
    exit 0
fi
echo "account $found, role $role:"
differ=0
(cd "$files" && diff -u live.json merged.json) || differ=$?
[ "$differ" -eq 1 ] || fail "the difference can't be shown; nothing was changed"

# A role has no region, but a stack does: only a stack in the region that aws uses here is found.
if stack=$(call_aws cloudformation describe-stack-resources --physical-resource-id="$role" \
    --query 'StackResources[0].StackName' --output text 2>"$files/error"); then
    warn "$role is in the CloudFormation stack $stack, whose next update may revert this: change its template, too"
elif ! grep -q '(ValidationError).* does not exist' "$files/error"; then
    cat "$files/error" >&2
    warn "can't find out whether $role is in a CloudFormation stack, whose next update might revert this"
fi

if [ -n "$dry_run" ]; then
    echo 'nothing was changed: --dry-run'
    exit 0
fi
# IAM has no locks: a change that someone else made in the meantime would be lost.
if ! read_policy >"$files/again.json" 2>"$files/error" && ! grep -q '(NoSuchEntity)' "$files/error"; then
    cat "$files/error" >&2
    fail "the policy can't be read again before the update; nothing was changed: run this script again"
fi
cmp -s "$files/live.json" "$files/again.json" ||
    fail "someone else changed the policy in the meantime; nothing was changed: run this script again"
call_aws iam update-assume-role-policy --role-name="$role" --policy-document="file://$files/merged.json" \
    2>"$files/error" || {
    cat "$files/error" >&2
    ! grep -q 'Invalid principal in policy' "$files/error" ||
        warn "a principal of the policy does not exist: create the source role first, and replace ids of deleted roles (AROA...)"
    fail "AWS did not update the trust policy of the role $role"
}
echo "updated the trust policy of the role $role in account $found"
