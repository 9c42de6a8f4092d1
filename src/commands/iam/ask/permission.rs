//! The permissions of the source account's role.

use std::collections::BTreeSet;

use xaccount::aws::{Partition, Principal, PrincipalKind, RoleArn};
use xaccount::diag::Diagnostic;
use xaccount::iam::manifests::{RoleHop, RoleUse, picked, uses};
use xaccount::iam::{Conditions, Grant, KnownKey, PolicyChange, PrincipalForm, Subjects};
use xaccount::inventory::Inventory;

use super::credentials::PodCredentials;
use super::known;
use super::map::{self, Origins};
use super::target::TargetRoles;
use super::{
    Partitions, PolicyRequest, PolicyRole, bad_source_role, flag_target, path_and_name, same_account, source_role_arn,
    target_from,
};
use crate::cli::{Permission, PolicyFormat, SourceRoleArgs};
use crate::commands::iam::merged::Merging;
use crate::commands::map_file::MapFile;

/// Builds the grant of `iam permission`: which roles the source account's role may assume.
pub(crate) fn permission(
    args: &Permission,
    inventory: Option<&Inventory>,
    merging: Option<&Merging>,
    map: Option<&MapFile>,
) -> Result<PolicyRequest, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let uses = inventory.map(uses).transpose()?;
    let (mut args, mut origins) = (args.clone(), Origins::default());
    let mut target = TargetRoles::of_flags(&args.target, map).map_err(one)?;
    let pod = match args.for_role {
        None => PodCredentials::new(&mut args.source, args.target.partition, map).map_err(one)?,
        Some(_) => PodCredentials { sends_tags: map.is_some_and(map::sends_tags), ..PodCredentials::default() },
    };
    // Session tags go through every hop.
    args.tag_session |= pod.sends_tags;
    refuse_user(&args, &pod).map_err(one)?;
    if let Some(map) = map {
        complete(&mut args, &mut target, inventory.is_none(), map, &mut origins).map_err(one)?;
    }
    let (args, target) = (&args, &target);
    let source = source_role_arn(&args.source).map_err(one)?;
    let picked = uses.as_deref().map(|uses| picked(uses, &target.role_arn, &target.account));
    let picked = picked.transpose().map_err(one)?;
    let mut partitions = Partitions::new(target, merging);
    partitions.see(source.iter().map(|role| (format!("--source-role {role}"), role.partition())));
    partitions.see(picked.iter().flatten().map(|one| (one.found.title(), one.role.partition())));
    let (partition, partition_from) = partitions.agreed().map_err(one)?;
    let (roles, warnings) = roles(args, target, picked.as_deref(), partition)?;
    let source = match source {
        Some(role) => Some(role),
        None => role_in_source_account(&args.source, partition).map_err(one)?,
    };
    let owner = owner(args, source.as_ref(), merging, partition, pod.user.is_some());
    refuse(args, &roles, &owner).map_err(one)?;
    let mut decisions = vec![partition_from];
    decisions.extend(roles_from(&roles, target, picked.as_deref(), &origins));
    let mut known = known(args, &roles, picked.as_deref().unwrap_or_default(), map, &pod);
    let of_context = known::arguments(&known);
    let role = args.for_role.as_ref().or(source.as_ref());
    let caller = pod.user.or_else(|| role.cloned().map(Principal::from));
    // A user's, group's or managed policy is not, or not only, the source role's.
    if merging.is_none_or(|merging| merging.given.owner().is_none()) {
        known.extend(caller.iter().flat_map(of_caller));
    }
    let (principal_form, tag_session) = (PrincipalForm::Arn, args.tag_session);
    let conditions = Conditions::default();
    let grant = Grant { subjects: Subjects::Roles(roles), principal_form, conditions, tag_session, known };
    let arguments = script_arguments(args, &grant, role, of_context);
    Ok(PolicyRequest { change: PolicyChange::Grant(grant), owner, warnings, arguments, decisions })
}

/// The roles that the source account's role may assume, and warnings about others.
///
/// # Errors
/// There is none.
fn roles(
    args: &Permission,
    target: &TargetRoles,
    picked: Option<&[&RoleUse<'_>]>,
    partition: Partition,
) -> Result<(Vec<RoleArn>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (roles, warnings) = match picked {
        None => (flag_target(target, partition).map_err(|error| vec![error])?, target.warnings.clone()),
        Some(picked) => assumed_by(args.for_role.as_ref(), picked),
    };
    if roles.is_empty() {
        return Err(target.warnings.iter().cloned().chain([no_roles(args, picked)]).collect());
    }
    Ok((roles, warnings))
}

/// The role whose policy is requested.
fn owner(
    args: &Permission,
    source: Option<&RoleArn>,
    merging: Option<&Merging>,
    partition: Partition,
    is_user: bool,
) -> PolicyRole {
    let (path, name) = changed_role(args, source, merging);
    let account = args.for_role.as_ref().or(source).map(|role| role.account().clone());
    PolicyRole { partition, account, name, path, permissions_boundary: None, is_user }
}

/// Refuses a role in the source account, and a script without an account.
fn refuse(args: &Permission, roles: &[RoleArn], owner: &PolicyRole) -> Result<(), Diagnostic> {
    if let Some(role) = roles.iter().find(|role| Some(role.account()) == owner.account.as_ref())
        && !args.allow_same_account
    {
        return Err(same_account(role.account(), &format!("the source and {role}")));
    }
    if args.policy.output == Some(PolicyFormat::Cli) && owner.account.is_none() {
        return Err(Diagnostic::error("-o cli needs the account of the role that the script changes")
            .help("add --source-account 111111111111"));
    }
    Ok(())
}

/// The origin of each role.
fn roles_from(
    roles: &[RoleArn],
    target: &TargetRoles,
    picked: Option<&[&RoleUse<'_>]>,
    origins: &Origins,
) -> Vec<String> {
    match picked {
        None => roles.iter().map(|role| target_from(target, role, origins)).collect(),
        Some(picked) => picked
            .iter()
            .filter(|one| roles.contains(&one.role))
            .map(|one| format!("role {} from {}", one.role, one.found.title()))
            .collect(),
    }
}

/// The arguments that request the same grant without manifests and map.
fn script_arguments(args: &Permission, grant: &Grant, role: Option<&RoleArn>, context: Vec<String>) -> Vec<String> {
    let mut arguments = vec!["iam".to_owned(), "permission".to_owned()];
    arguments.extend(grant.arns().iter().map(|arn| format!("--role-arn={arn}")));
    arguments.extend(role.map(|role| format!("--source-role={role}")));
    arguments.extend(args.allow_same_account.then(|| "--allow-same-account".to_owned()));
    arguments.extend(args.tag_session.then(|| "--tag-session".to_owned()));
    arguments.extend(context);
    // The arguments contain the map's values already, and the script may run anywhere.
    arguments.push("--no-config".to_owned());
    arguments.extend(args.policy.for_script(&args.change));
    arguments
}

/// What is known about the requests for each role.
fn known(
    args: &Permission,
    roles: &[RoleArn],
    picked: &[&RoleUse<'_>],
    map: Option<&MapFile>,
    pod: &PodCredentials,
) -> Vec<KnownKey> {
    let mut known = known::of_flags(&args.change.context);
    for role in roles {
        let uses: Vec<&RoleUse<'_>> = picked.iter().copied().filter(|one| one.role == *role).collect();
        let entry = map.and_then(|map| map::entry(map, role));
        let subject = Some(role.as_str());
        known.extend(known::external_id(subject, &uses, entry));
        known.extend(known::session_name(subject, &uses, entry));
    }
    if let Some(map) = map {
        let organization = map.map.source.organization.as_ref();
        known.extend(organization.map(|id| known::one("aws:PrincipalOrgID", id.value.as_str())));
    }
    known.extend(known::of_credentials(None, pod.kind, args.tag_session));
    known.dedup();
    known
}

/// The keys of whoever has the permissions policy.
fn of_caller(caller: &Principal) -> Vec<KnownKey> {
    let kind = match caller.kind() {
        PrincipalKind::User => "User",
        PrincipalKind::Role | PrincipalKind::Account => "AssumedRole",
    };
    vec![
        known::one("aws:PrincipalArn", caller.as_str()),
        known::one("aws:PrincipalAccount", caller.account().as_str()),
        known::one("aws:PrincipalType", kind),
    ]
}

/// Adds what the map specifies: whose policy it is, and the roles if no manifest has them.
///
/// # Errors
/// A flag that contradicts the map, or a form that does not fit the source.
fn complete(
    args: &mut Permission,
    target: &mut TargetRoles,
    needs_target: bool,
    map: &MapFile,
    origins: &mut Origins,
) -> Result<(), Diagnostic> {
    map::source(&mut args.source, args.for_role.is_none(), map, origins)?;
    match needs_target {
        true => target.complete(false, args.for_role.as_ref(), map, origins),
        false => Ok(()),
    }
}

/// Refuses a form that changes a role, if the CAPA pod runs as a user.
fn refuse_user(args: &Permission, pod: &PodCredentials) -> Result<(), Diagnostic> {
    let Some(user) = pod.user.as_ref().filter(|_| !args.policy.prints_document()) else { return Ok(()) };
    let name = user.as_str().rsplit('/').next().unwrap_or_default();
    let error = format!("this form changes a role, but the CAPA pod runs as the user {name}");
    Err(Diagnostic::error(error)
        .help(pod.origin.as_str())
        .help(format!("print the document without -o, and attach it: aws iam put-user-policy --user-name {name} …")))
}

/// The role that the flags specify by name and account.
fn role_in_source_account(args: &SourceRoleArgs, partition: Partition) -> Result<Option<RoleArn>, Diagnostic> {
    let of_account = |account| RoleArn::new(partition, account, &args.source_role);
    args.source_account.as_ref().map(of_account).transpose().map_err(|error| bad_source_role(&args.source_role, &error))
}

/// Path and name of the role whose policy is changed.
fn changed_role(args: &Permission, source: Option<&RoleArn>, merging: Option<&Merging>) -> (String, String) {
    match (args.for_role.as_ref().or(source), merging.and_then(|merging| merging.given.role_name())) {
        (Some(role), _) => (role.path().to_owned(), role.name().to_owned()),
        (None, Some(role)) => ("/".to_owned(), role.to_owned()),
        (None, None) => path_and_name(&args.source.source_role),
    }
}

/// The roles that the controller or, as a hop of a chain, a role assumes; and warnings about the other identities.
fn assumed_by(hop: Option<&RoleArn>, picked: &[&RoleUse<'_>]) -> (Vec<RoleArn>, Vec<Diagnostic>) {
    let (mut roles, mut warnings) = (Vec::new(), Vec::new());
    for one in picked {
        let title = one.found.title();
        let other = match (&one.source, hop) {
            (RoleHop::Controller, None) => None,
            (RoleHop::Role(_, Some(role)), Some(hop)) if role == hop => None,
            (_, Some(_)) => continue,
            (RoleHop::Role(_, Some(role)), None) => Some((
                format!("{title} is skipped: the role {role} assumes {}, not the controller", one.role),
                format!("--for-role {role} prints that role's policy"),
            )),
            (RoleHop::Role(name, None), None) => Some((
                format!("{title} is skipped: its source AWSClusterRoleIdentity {name} is not in the files"),
                "the role of that identity needs the permission".to_owned(),
            )),
            (RoleHop::Static(name), None) => Some((
                format!("{title} is skipped: the keys of AWSClusterStaticIdentity {name} assume {}", one.role),
                "the IAM user of these keys needs the permission".to_owned(),
            )),
        };
        match other {
            None => roles.push(one.role.clone()),
            Some((message, help)) => {
                warnings.push(Diagnostic::warning(message).at(one.found.head(), "").help(help));
            }
        }
    }
    (roles, warnings)
}

fn no_roles(args: &Permission, picked: Option<&[&RoleUse<'_>]>) -> Diagnostic {
    let Some(picked) = picked else {
        return Diagnostic::error("no target role specified")
            .help("pass -f clusters/ -R for the roles in the manifests, or --account 222222222222, or --role-arn ARN");
    };
    if picked.is_empty() {
        return Diagnostic::error("no AWSClusterRoleIdentity in the manifests")
            .help("create one with kubectl xaccount inject, or pass --account 222222222222 instead of -f");
    }
    let hops: BTreeSet<&str> = picked
        .iter()
        .filter_map(|one| match &one.source {
            RoleHop::Role(_, Some(role)) => Some(role.as_str()),
            _ => None,
        })
        .collect();
    let error = match &args.for_role {
        Some(role) => Diagnostic::error(format!("no identity in the manifests has {role} as its source")),
        None => Diagnostic::error("no role in the manifests is assumed by the controller itself"),
    };
    let hops: Vec<&str> = hops.into_iter().collect();
    if hops.is_empty() {
        error
    } else {
        error.help(format!("print the policy of a role that assumes others: --for-role {}", hops.join(", --for-role ")))
    }
}
