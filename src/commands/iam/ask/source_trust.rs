//! What gives the source account's role to the CAPA pod.

use std::fmt::Display;

use xaccount::account_map::{CredentialKind, Credentials, Irsa, PodIdentity, STS_AUDIENCE, Spanned};
use xaccount::aws::{AccountId, Partition, RoleArn};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::{Diagnostic, Span};
use xaccount::iam::{PolicyChange, SourceTrust};
use xaccount::settings::Setting;

use super::credentials::PodCredentials;
use super::map::{self, Origins};
use super::{Partitions, PolicyRequest, PolicyRole, bad_source_role, boundary_arn, path_and_name, source_role_arn};
use crate::cli::{AskedCredentials, PolicyFormat, SourceTrust as SourceTrustArgs};
use crate::commands::iam::merged::Merging;
use crate::commands::map_file::MapFile;

/// Builds the change of `iam source-trust`.
pub(crate) fn source_trust(
    args: &SourceTrustArgs,
    merging: Option<&Merging>,
    map: Option<&MapFile>,
) -> Result<PolicyRequest, Diagnostic> {
    let (mut source, mut origins) = (args.source.clone(), Origins::default());
    let pod = PodCredentials::new(&mut source, args.partition, map)?;
    let credentials = credentials(args, &pod, map)?;
    refuse_unused(args, credentials.kind())?;
    if let Credentials::PodIdentity(PodIdentity { target_role: Some(role), .. }) = &credentials {
        // The map names the second role, and not that of the association.
        if source.source_role == DEFAULT_ROLE_NAME {
            let error = format!("missing --source-role, the role of the association: targetRoleARN is {}", role.value);
            return Err(Diagnostic::error(error).help("add --source-role NAME").help(format!(
                "for the policy of the second role: kubectl xaccount iam trust --role-arn {}",
                role.value
            )));
        }
        source.source_account = source.source_account.or_else(|| map?.map.source.account.clone().map(|one| one.value));
    } else if let Some(map) = map {
        map::source(&mut source, true, map, &mut origins)?;
    }
    let role = source_role_arn(&source)?;
    let of_document = merging.and_then(Merging::role);
    let partition = partition(args, role.as_ref(), &credentials, of_document.as_ref(), merging, map)?;
    let account = role.as_ref().map(RoleArn::account).or(source.source_account.as_ref()).cloned();
    let account = account.or_else(|| match &credentials {
        Credentials::PodIdentity(identity) => Some(identity.cluster_arn.value.account().clone()),
        _ => None,
    });
    let role = match (role, &account) {
        (Some(role), _) => Some(role),
        (None, Some(account)) => {
            let arn = RoleArn::new(partition, account, &source.source_role);
            Some(arn.map_err(|error| bad_source_role(&source.source_role, &error))?)
        }
        (None, None) => of_document.clone(),
    };
    if let (Some(role), Some(existing)) = (&role, of_document.filter(|existing| role.as_ref() != Some(existing))) {
        let error = Diagnostic::error(format!("the document is the trust policy of {existing}, not of {role}"));
        return Err(error.help("pass the document of that role, or select the role with --source-role"));
    }
    if source.source_role == DEFAULT_ROLE_NAME && pod.kind != Some(CredentialKind::InstanceProfile) {
        let error = "missing --source-role: no default role fits a service account";
        return Err(Diagnostic::error(error).help("add --source-role NAME, the role that the CAPA pod runs as"));
    }
    let trust = of(&credentials, partition, account.as_ref())?;
    if args.policy.output == Some(PolicyFormat::Cli) && account.is_none() {
        let error = "-o cli needs the account of the role that the script changes";
        return Err(Diagnostic::error(error).help("add --source-account 111111111111"));
    }
    if args.permissions_boundary.is_some() && args.policy.prints_document() {
        let error = "--permissions-boundary is for the formats that create a role";
        return Err(Diagnostic::error(error).help("add -o cli, cloudformation or terraform, or omit it"));
    }
    let asked = args.permissions_boundary.as_ref();
    let permissions_boundary = boundary_arn(asked, partition, account.as_ref(), "add --source-account 111111111111")?;
    let (path, name) = path_and_name(role.as_ref().map_or(source.source_role.as_str(), RoleArn::path_and_name));
    let owner = PolicyRole { partition, account, name, path, permissions_boundary, is_user: false };
    let decisions = vec![format!("the CAPA pod runs as {}, {}", credentials.kind(), pod.origin)];
    let arguments = script_arguments(args, &credentials, role.as_ref());
    let change = PolicyChange::SourceTrust(trust);
    Ok(PolicyRequest { change, owner, warnings: Vec::new(), arguments, decisions })
}

/// Refuses flags about a service account that other kinds don't have.
fn refuse_unused(args: &SourceTrustArgs, kind: CredentialKind) -> Result<(), Diagnostic> {
    let by_token = kind == CredentialKind::Irsa;
    let by_association = kind == CredentialKind::PodIdentity;
    let flags = [
        ("--audience", args.audience.is_some() && !by_token),
        ("--service-account", args.service_account.is_some() && !by_token && !by_association),
        ("--disable-session-tags", args.disable_session_tags && !by_association),
    ];
    match flags.iter().find(|(_, is_unused)| *is_unused) {
        Some((flag, _)) => {
            let error = format!("{flag} has no meaning if the CAPA pod runs as {kind}");
            Err(Diagnostic::error(error).help(format!("omit {flag}")))
        }
        None => Ok(()),
    }
}

/// What the pod runs as, whole.
///
/// # Errors
/// It is not specified, has no role whose policy could be printed, or lacks a value.
fn credentials(args: &SourceTrustArgs, pod: &PodCredentials, map: Option<&MapFile>) -> Result<Credentials, Diagnostic> {
    let of_map = map.and_then(|map| Some((map, map.map.source.credentials.as_ref()?)));
    let credentials = match (of_map, &args.source.source_credentials) {
        (Some((map, own)), _) => agreed(args, own, map)?,
        (None, Some(flag)) => of_flag(args, flag)?,
        (None, None) => {
            return Err(Diagnostic::error("what the CAPA pod runs as is not specified")
                .help("add it under source in the account map, for example: credentials: instanceProfile")
                .help("or pass --source-credentials instanceProfile, irsa=ISSUER or podIdentity=CLUSTER_ARN"));
        }
    };
    match &credentials {
        Credentials::User(name) => {
            let name = name.value.rsplit('/').next().unwrap_or_default();
            Err(Diagnostic::error(format!("the CAPA pod runs as the user {name}, and a user has no trust policy"))
                .help(pod.origin.as_str())
                .help("its keys are in the Secret capa-manager-bootstrap-credentials")
                .help(format!("to replace them: aws iam create-access-key --user-name {name}"))
                .help("what it may assume: kubectl xaccount iam permission"))
        }
        Credentials::AssumedRole { role, .. } => {
            let role = &role.value;
            let error = match role.name().starts_with("AWSReservedSSO_") {
                true => format!("IAM Identity Center owns the trust policy of {role}, the role of a permission set"),
                false => format!("who assumes {role} before CAPA uses it is not known here"),
            };
            Err(Diagnostic::error(error)
                .help(pod.origin.as_str())
                .help(format!("to allow a principal to assume it: kubectl xaccount iam trust --role-arn {role}")))
        }
        Credentials::InstanceProfile | Credentials::Irsa(_) | Credentials::PodIdentity(_) => Ok(credentials),
    }
}

/// The credentials of the map, with which the flags must agree.
fn agreed(args: &SourceTrustArgs, own: &Spanned<Credentials>, map: &MapFile) -> Result<Credentials, Diagnostic> {
    let place = || map.place(own.span);
    let same = |flag: &'static str, asked: Option<String>, existing: String| {
        map::agreed(asked.map(|asked| Setting::flag(flag, asked)), Some(Setting::map(existing, place()))).map(|_| ())
    };
    let service_account = |existing: &dyn Display| {
        same("--service-account", args.service_account.as_ref().map(ToString::to_string), existing.to_string())
    };
    match &own.value {
        Credentials::Irsa(irsa) => {
            service_account(&irsa.service_account)?;
            same("--audience", args.audience.clone(), irsa.audience.clone())?;
        }
        Credentials::PodIdentity(identity) => {
            service_account(&identity.service_account)?;
            let disabled = args.disable_session_tags.then(|| "true".to_owned());
            same("--disable-session-tags", disabled, (!identity.session_tags).to_string())?;
        }
        _ => {}
    }
    Ok(own.value.clone())
}

/// The credentials of the flags.
fn of_flag(args: &SourceTrustArgs, flag: &AskedCredentials) -> Result<Credentials, Diagnostic> {
    let service_account = args.service_account.clone().unwrap_or_default();
    let nowhere = Span::default();
    let missing = |what: &str, form: &str, command: &str| {
        Diagnostic::error(format!("--source-credentials {} lacks {what}", flag.kind()))
            .help(format!("pass --source-credentials {form}"))
            .help(format!("print it with: {command}"))
    };
    Ok(match flag {
        AskedCredentials::InstanceProfile => Credentials::InstanceProfile,
        AskedCredentials::User(name) => Credentials::User(Spanned { value: name.clone(), span: nowhere }),
        AskedCredentials::AssumedRole(role) => {
            Credentials::AssumedRole { role: Spanned { value: role.clone(), span: nowhere }, session_tags: false }
        }
        AskedCredentials::Irsa(issuer) => {
            let command = "kubectl get --raw /.well-known/openid-configuration";
            let value = issuer.clone().ok_or_else(|| missing("the issuer", "irsa=https://…", command))?;
            let audience = args.audience.clone().unwrap_or_else(|| STS_AUDIENCE.to_owned());
            Credentials::Irsa(Irsa { issuer: Spanned { value, span: nowhere }, audience, service_account })
        }
        AskedCredentials::PodIdentity(cluster) => {
            let command = "aws eks describe-cluster --name NAME --query cluster.arn";
            let value = cluster.clone().ok_or_else(|| missing("the cluster", "podIdentity=CLUSTER_ARN", command))?;
            let cluster_arn = Spanned { value, span: nowhere };
            let session_tags = !args.disable_session_tags;
            Credentials::PodIdentity(PodIdentity { cluster_arn, session_tags, target_role: None, service_account })
        }
    })
}

/// The statement's content.
fn of(credentials: &Credentials, partition: Partition, account: Option<&AccountId>) -> Result<SourceTrust, Diagnostic> {
    match credentials {
        Credentials::Irsa(irsa) => {
            let account = account.ok_or_else(|| {
                Diagnostic::error("missing --source-account, the account of the OIDC provider")
                    .help("add --source-account 111111111111")
            })?;
            Ok(SourceTrust::irsa(irsa, partition, account))
        }
        Credentials::PodIdentity(identity) => {
            let cluster = &identity.cluster_arn.value;
            match account.filter(|account| *account != cluster.account()) {
                Some(account) => {
                    let error = format!("the cluster {cluster} is not in the role's account, {account}");
                    Err(Diagnostic::error(error).help("an association and its role are in the account of the cluster"))
                }
                None => Ok(SourceTrust::pod_identity(identity)),
            }
        }
        _ => Ok(SourceTrust::InstanceProfile),
    }
}

fn partition(
    args: &SourceTrustArgs,
    role: Option<&RoleArn>,
    credentials: &Credentials,
    of_document: Option<&RoleArn>,
    merging: Option<&Merging>,
    map: Option<&MapFile>,
) -> Result<Partition, Diagnostic> {
    let mut all = Partitions(args.partition.iter().map(|partition| ("--partition".to_owned(), *partition)).collect());
    all.see(role.iter().map(|role| (format!("the role {role}"), role.partition())));
    if let Credentials::PodIdentity(identity) = credentials {
        let cluster = &identity.cluster_arn.value;
        all.see(std::iter::once((format!("the cluster {cluster}"), cluster.partition())));
    }
    if let Credentials::Irsa(irsa) = credentials {
        let issuer = &irsa.issuer.value;
        all.see(issuer.partition().map(|partition| (format!("the issuer {issuer}"), partition)).into_iter());
    }
    all.see(of_document.iter().map(|role| (format!("the document's role {role}"), role.partition())));
    let document =
        merging.and_then(|merging| Some((format!("the document in {}", merging.name()), merging.partition?)));
    all.see(document.into_iter());
    let of_map = map.and_then(|map| map.map.default_partition);
    all.see(of_map.map(|partition| ("the account map".to_owned(), partition)).into_iter());
    all.agreed().map(|(partition, _)| partition)
}

/// The arguments that request the same change without a map.
fn script_arguments(args: &SourceTrustArgs, credentials: &Credentials, role: Option<&RoleArn>) -> Vec<String> {
    let mut arguments = vec!["iam".to_owned(), "source-trust".to_owned()];
    arguments.extend(role.map(|role| format!("--source-role={role}")));
    let value = credentials.value().map(|value| format!("={value}")).unwrap_or_default();
    arguments.push(format!("--source-credentials={}{value}", credentials.kind()));
    match credentials {
        Credentials::Irsa(irsa) => {
            arguments.push(format!("--service-account={}", irsa.service_account));
            arguments.push(format!("--audience={}", irsa.audience));
        }
        Credentials::PodIdentity(identity) => {
            arguments.push(format!("--service-account={}", identity.service_account));
            arguments.extend((!identity.session_tags).then(|| "--disable-session-tags".to_owned()));
        }
        _ => {}
    }
    arguments.push("--no-config".to_owned());
    arguments.extend(args.policy.max_size.map(|size| format!("--max-size={size}")));
    arguments
}
