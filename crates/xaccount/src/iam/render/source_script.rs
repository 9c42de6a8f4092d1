//! The script around the source account's role: what must exist before the CAPA pod gets it, and what follows.

use super::PolicyTarget;
use super::script::{CONFIRM_READ, MAKE_DIRECTORY, START, UPDATE_TRUST, WARN_OF_STACK, account_check, word, words};
use crate::account_map::ServiceAccount;
use crate::aws::{ClusterArn, RoleArn};
use crate::iam::SourceTrust;

/// The Deployment of CAPA, and the Secret with its keys (CAPA `config/manager/manager.yaml` and
/// `config/default/credentials.yaml` with the prefix of `config/default/kustomization.yaml`, v2.13.0).
const DEPLOYMENT: &str = "capa-controller-manager";
const SECRET: &str = "capa-manager-bootstrap-credentials";

/// A POSIX shell script for the AWS CLI that creates the role or changes its trust policy, and creates what it needs: the
/// OIDC provider of IRSA, or the association and the add-on of EKS Pod Identity. At the end it prints what to do in the
/// management cluster, which it does not change. Whatever exists is kept; an association with another role is an error.
///
/// Source: AWS CLI command reference, `iam` and `eks`; EKS user guide, "Create an IAM OIDC provider for your cluster" and
/// "Assign an IAM role to a Kubernetes service account".
pub fn source_script(target: &PolicyTarget<'_>, trust: &SourceTrust) -> String {
    let arguments = words(target.arguments);
    let role = target.role_name;
    let names = format!("role={}\npath={}\n", word(role), word(target.role_path));
    let account = target.account.map(|account| format!("account={}\n", word(account.as_str()))).unwrap_or_default();
    let check = target.account.map(|_| account_check(target.profile, "--source-profile")).unwrap_or_default();
    let profile = target.profile.map(|profile| format!(" --profile={}", word(profile))).unwrap_or_default();
    let place = target.account.map_or("the role's account".to_owned(), |account| format!("account {account}"));
    let ScriptSteps { names: of_kind, look, make } = ScriptSteps::of(trust, &role_arn(target));
    let next = next(trust, &role_arn(target));
    let boundary = target.permissions_boundary.map(|arn| format!(" --permissions-boundary={}", word(arn)));
    let boundary = boundary.unwrap_or_default();
    format!(
        r#"#!/bin/sh
# Gives the role {role} to the CAPA pod.
#
#     sh FILE [--dry-run]
#
# Run it with credentials of {place}. It looks at what exists, shows what it would change, and then creates or
# changes only what is missing. With --dry-run it changes nothing. It is safe to run again. It does not touch the
# management cluster: at the end it prints the commands for that.
set -eu

{names}{account}{of_kind}
# The script reads error messages below, and newer versions of the AWS CLI can print them in other formats.
export AWS_CLI_ERROR_FORMAT=legacy

call_aws() {{
    aws{profile} "$@"
}}

print_policy() {{
    kubectl xaccount{arguments} "$@" -o json
}}

{START}{check}
{MAKE_DIRECTORY}{look}{LOOK_AT_ROLE}{CONFIRM_ALL}{CONFIRM_READ}{make}{WARN_IF_EXISTS}
{WRITE_ROLE}{after}
cat <<'NEXT'

{next}NEXT
"#,
        WARN_IF_EXISTS = format_args!("if [ -z \"$new_role\" ]; then\n{}fi", indented(WARN_OF_STACK)),
        WRITE_ROLE = WRITE_ROLE.replace("UPDATE", &indented(UPDATE_TRUST)).replace("BOUNDARY", &boundary),
        after = ScriptSteps::after(trust),
    )
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

/// The role's ARN; without an account, its name.
fn role_arn(target: &PolicyTarget<'_>) -> String {
    let name = target.role_path.trim_start_matches('/').to_owned() + target.role_name;
    match target.account {
        Some(account) => format!("arn:{}:iam::{account}:role/{name}", target.partition),
        None => name,
    }
}

const LOOK_AT_ROLE: &str = r#"read_policy() {
    call_aws iam get-role --role-name="$role" --query Role.AssumeRolePolicyDocument --output json
}

new_role=
if call_aws iam get-role --role-name="$role" --query Role.Path --output text >"$files/path" 2>"$files/error"; then
    [ "$(cat "$files/path")" = "$path" ] ||
        fail "the role $role has the path $(cat "$files/path"), not $path: correct roleName in the account map, or --source-role; nothing was changed"
fi
if read_policy >"$files/live.json" 2>"$files/error"; then
    print_policy --merge - <"$files/live.json" >"$files/merged.json" ||
        fail "the policy can't be edited; nothing was changed"
elif grep -q '(NoSuchEntity)' "$files/error"; then
    new_role=yes
    : >"$files/live.json"
    print_policy -q --new-role >"$files/merged.json" || fail "the policy can't be created; nothing was changed"
    echo "would create the role $role in account $found" >>"$files/steps"
else
    cat "$files/error" >&2
    fail "the trust policy of the role $role can't be read; nothing was changed"
fi
cat "$files/steps"
if cmp -s "$files/live.json" "$files/merged.json"; then
    echo "account $found, role $role: the trust policy is unchanged"
else
    echo "account $found, role $role:"
    differ=0
    (cd "$files" && diff -u live.json merged.json) || differ=$?
    [ "$differ" -eq 1 ] || fail "the difference can't be shown; nothing was changed"
fi

"#;

const CONFIRM_ALL: &str = r#"if [ -n "$dry_run" ]; then
    echo 'nothing was changed: --dry-run'
    exit 0
fi
"#;

const WRITE_ROLE: &str = r#"if [ -n "$new_role" ]; then
    call_aws iam create-role --role-name="$role" --path="$path"BOUNDARY \
        --assume-role-policy-document="file://$files/merged.json" >/dev/null || fail "AWS did not create the role $role"
    echo "created the role $role in account $found"
elif ! cmp -s "$files/live.json" "$files/merged.json"; then
UPDATEfi
"#;

/// The parts of the script that depend on the kind.
struct ScriptSteps {
    /// Variables.
    names: String,
    /// Finds out what is missing.
    look: &'static str,
    /// Creates what the role's trust policy names.
    make: &'static str,
}

impl ScriptSteps {
    fn of(trust: &SourceTrust, role: &str) -> Self {
        match trust {
            SourceTrust::InstanceProfile => Self { names: String::new(), look: NO_STEPS, make: "" },
            SourceTrust::Irsa { issuer, provider, audience, .. } => {
                let [issuer, provider, audience] = [issuer.as_str(), provider, audience].map(word);
                let names = format!("issuer={issuer}\nprovider={provider}\naudience={audience}\n");
                Self { names, look: LOOK_AT_PROVIDER, make: MAKE_PROVIDER }
            }
            SourceTrust::PodIdentity { cluster, service_account, session_tags, target_role } => {
                let ServiceAccount { namespace, name } = service_account;
                let values = [cluster.region(), cluster.name(), namespace, name, role].map(word);
                let [region, cluster, namespace, name, role] = values;
                let more = more(target_role.as_ref(), *session_tags);
                // As the AWS CLI prints them, and as they would be set.
                let second = target_role.as_ref().map_or("None", |role| role.as_str());
                let disabled = if *session_tags { "False" } else { "True" };
                let wanted = word(&format!("{role} {second} {disabled}"));
                let target = target_role.as_ref().map(|role| format!(" --target-role-arn {role}")).unwrap_or_default();
                let tags = if *session_tags { "--no-disable-session-tags" } else { "--disable-session-tags" };
                let update = word(&format!(" --role-arn {role}{target} {tags}"));
                let names = format!(
                    "role_arn={role}\nwanted={wanted}\nupdate={update}\nregion={region}\ncluster={cluster}\nnamespace={namespace}\nservice_account={name}\n\
                     associate() {{\n    call_aws eks create-pod-identity-association --region=\"$region\" \
                     --cluster-name=\"$cluster\" \\\n        --namespace=\"$namespace\" \
                     --service-account=\"$service_account\" --role-arn=\"$role_arn\"{more}\n}}\n"
                );
                Self { names, look: LOOK_AT_ASSOCIATION, make: MAKE_ADDON }
            }
        }
    }

    /// What needs the role.
    fn after(trust: &SourceTrust) -> &'static str {
        match trust {
            SourceTrust::PodIdentity { .. } => MAKE_ASSOCIATION,
            SourceTrust::InstanceProfile | SourceTrust::Irsa { .. } => "",
        }
    }
}

/// Further arguments of the association.
fn more(target_role: Option<&RoleArn>, session_tags: bool) -> String {
    let target = target_role.map(|role| format!(" \\\n        --target-role-arn={}", word(role.as_str())));
    let tags = if session_tags { "" } else { " \\\n        --disable-session-tags" };
    target.unwrap_or_default() + tags
}

const NO_STEPS: &str = ": >\"$files/steps\"\n";

const LOOK_AT_PROVIDER: &str = r#": >"$files/steps"
new_provider=
new_audience=
if call_aws iam get-open-id-connect-provider --open-id-connect-provider-arn="$provider" \
    --query ClientIDList --output text >"$files/audiences" 2>"$files/error"; then
    tr '\t' '\n' <"$files/audiences" | grep -qxF -e "$audience" || {
        new_audience=yes
        echo "would add the audience $audience to the OIDC provider $provider" >>"$files/steps"
    }
elif grep -q '(NoSuchEntity)' "$files/error"; then
    new_provider=yes
    echo "would create the OIDC provider $provider with the audience $audience" >>"$files/steps"
else
    cat "$files/error" >&2
    fail "the OIDC provider $provider can't be read; nothing was changed"
fi
"#;

const MAKE_PROVIDER: &str = r#"if [ -n "$new_provider" ]; then
    call_aws iam create-open-id-connect-provider --url="$issuer" --client-id-list="$audience" >/dev/null ||
        fail "AWS did not create the OIDC provider $provider"
    echo "created the OIDC provider $provider"
elif [ -n "$new_audience" ]; then
    call_aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn="$provider" \
        --client-id="$audience" || fail "AWS did not add the audience $audience to the OIDC provider $provider"
    echo "added the audience $audience to the OIDC provider $provider"
fi
"#;

const LOOK_AT_ASSOCIATION: &str = r#": >"$files/steps"
new_addon=
new_association=
call_aws eks list-pod-identity-associations --region="$region" --cluster-name="$cluster" --namespace="$namespace" \
    --service-account="$service_account" --query 'associations[].associationId' --output text >"$files/association" ||
    fail "the associations of $namespace/$service_account can't be read; nothing was changed"
association=$(tr -d '\n' <"$files/association")
if [ -z "$association" ] || [ "$association" = None ]; then
    new_association=yes
    echo "would associate $namespace/$service_account in the cluster $cluster with the role $role_arn" >>"$files/steps"
else
    call_aws eks describe-pod-identity-association --region="$region" --cluster-name="$cluster" \
        --association-id="$association" \
        --query 'association.[roleArn, targetRoleArn, disableSessionTags]' --output text >"$files/existing" ||
        fail "the association $association can't be read; nothing was changed"
    existing=$(tr '\t' ' ' <"$files/existing" | tr -d '\n')
    [ "$existing" = "$wanted" ] ||
        fail "$namespace/$service_account has an association with other values (role, second role, session tags disabled): $existing instead of $wanted. To change it, run aws eks update-pod-identity-association --region $region --cluster-name $cluster --association-id $association$update; nothing was changed"
fi
if ! call_aws eks describe-addon --region="$region" --cluster-name="$cluster" --addon-name=eks-pod-identity-agent \
    >/dev/null 2>"$files/error"; then
    grep -q '(ResourceNotFoundException)' "$files/error" || {
        cat "$files/error" >&2
        fail "the add-ons of the cluster $cluster can't be read; nothing was changed"
    }
    new_addon=yes
    echo "would install the add-on eks-pod-identity-agent in the cluster $cluster" >>"$files/steps"
fi
"#;

const MAKE_ADDON: &str = r#"if [ -n "$new_addon" ]; then
    call_aws eks create-addon --region="$region" --cluster-name="$cluster" --addon-name=eks-pod-identity-agent \
        >/dev/null || fail "AWS did not install the add-on eks-pod-identity-agent"
    echo "installed the add-on eks-pod-identity-agent in the cluster $cluster"
fi
"#;

const MAKE_ASSOCIATION: &str = r#"if [ -n "$new_association" ]; then
    associate >/dev/null || fail "AWS did not associate $namespace/$service_account with the role $role_arn"
    echo "associated $namespace/$service_account in the cluster $cluster with the role $role_arn"
fi
"#;

/// What to do in the management cluster.
fn next(trust: &SourceTrust, role: &str) -> String {
    let restart = |namespace: &str| format!("  kubectl -n {namespace} rollout restart deployment {DEPLOYMENT}\n");
    let empty = |namespace: &str| {
        format!("  kubectl -n {namespace} patch secret {SECRET} -p '{{\"data\":{{\"credentials\":\"Cg==\"}}}}'\n")
    };
    let keys = "Keys in that Secret would be used instead of the role, so it must be empty:\n";
    match trust {
        SourceTrust::InstanceProfile => {
            let namespace = ServiceAccount::default().namespace;
            format!(
                "Then, in the management cluster. {keys}\n{}{}\nThe machines of the control plane need an instance profile with this role.\n",
                empty(&namespace),
                restart(&namespace)
            )
        }
        SourceTrust::Irsa { service_account: ServiceAccount { namespace, name }, .. } => format!(
            "Then, in the management cluster:\n\n  kubectl -n {namespace} annotate serviceaccount {name} \\\n    \
             eks.amazonaws.com/role-arn={role} --overwrite\n{}\nclusterctl sets that annotation from \
             AWS_CONTROLLER_IAM_ROLE: set it there, too, or an upgrade removes it.\n",
            restart(namespace)
        ),
        SourceTrust::PodIdentity { cluster, service_account, session_tags, target_role } => {
            let ServiceAccount { namespace, .. } = service_account;
            let hop =
                target_role.as_ref().map(|second| second_hop(second, role, cluster, service_account, *session_tags));
            format!(
                "Then, in the management cluster. {keys}\n{}{}{}",
                empty(namespace),
                restart(namespace),
                hop.unwrap_or_default()
            )
        }
    }
}

/// What the second role's trust policy needs. Without session tags, EKS sends an external id (EKS user guide, "Access AWS
/// resources using EKS Pod Identity target IAM roles").
fn second_hop(
    second: &RoleArn,
    role: &str,
    cluster: &ClusterArn,
    ServiceAccount { namespace, name }: &ServiceAccount,
    session_tags: bool,
) -> String {
    let mut trust = match session_tags {
        true => "--tag-session".to_owned(),
        false => {
            format!("--external-id={}/{}/{}/{namespace}/{name}", cluster.region(), cluster.account(), cluster.name())
        }
    };
    let mut permission = if session_tags { " --tag-session".to_owned() } else { String::new() };
    // Both roles may be in the cluster's account.
    if second.account() == cluster.account() {
        trust.push_str(" --allow-same-account");
        permission.push_str(" --allow-same-account");
    }
    format!(
        "\nEKS assumes a second role with this one. Allow that in both policies:\n\n  kubectl xaccount iam trust \
         --role-arn {second} \\\n    --source-role {role} {trust} --no-config\n  kubectl xaccount iam permission \
         --role-arn {second} \\\n    --source-role {role}{permission} --no-config\n"
    )
}
