//! The principals that may assume the target account's role.

use std::collections::BTreeSet;

use xaccount::account_map::CredentialKind;
use xaccount::aws::{ExternalId, OrgId, Partition, Principal, RoleArn};
use xaccount::capa::{DEFAULT_ROLE_NAME, IdentityKind};
use xaccount::diag::{Diagnostic, Severity};
use xaccount::iam::manifests::{RoleHop, RoleUse, picked, uses};
use xaccount::iam::{Conditions, Grant, KnownKey, PolicyChange, PrincipalForm, Subjects};
use xaccount::inventory::Inventory;
use xaccount::settings::Setting;

use super::credentials::PodCredentials;
use super::known;
use super::map::{self, Origins};
use super::target::TargetRoles;
use super::{
    Partitions, PolicyRequest, PolicyRole, bad_source_role, boundary_arn, flag_target, path_and_name, same_account,
    source_role_arn, target_from,
};
use crate::cli::{ConditionArgs, PolicyFormat, Trust};
use crate::commands::iam::merged::Merging;
use crate::commands::map_file::MapFile;

/// What the flags, the manifests, the document and the map say together.
struct Resolved<'u, 'r> {
    /// The flags, completed with the values of the map.
    args: Trust,
    origins: Origins,
    /// The role whose trust policy is requested, if it is known.
    target: Option<RoleArn>,
    /// The identities that assume it.
    picked: Vec<&'u RoleUse<'r>>,
    pod: PodCredentials,
    partition: Partition,
    /// The origin of each value, for `-v`.
    decisions: Vec<String>,
}

/// Builds the grant of `iam trust`: who may assume the target account's role.
pub(crate) fn trust(
    args: &Trust,
    inventory: Option<&Inventory>,
    merging: Option<&Merging>,
    map: Option<&MapFile>,
) -> Result<PolicyRequest, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let uses = inventory.map(uses).transpose()?;
    let resolved = resolve(args, uses.as_deref(), merging, map).map_err(one)?;
    let Resolved { args, origins, target, picked, pod, partition, mut decisions } = resolved;
    let (args, target) = (&args, target.as_ref());
    let source = source_role_arn(&args.source.role).map_err(one)?;
    let controller = controller(args, source, partition).map_err(one)?;
    let (principals, mut warnings) = principals(args, controller.as_ref(), &picked).map_err(one)?;
    if let Some(target) = target.filter(|_| !args.source.allow_same_account) {
        refuse_same_account(&principals, target).map_err(one)?;
    }
    let conditions = conditions(args, &picked)?;
    decisions.extend(values_from(args, &principals, &conditions, &origins));
    needs_account(args, target.is_none()).map_err(one)?;
    let known = known(args, &picked, map, target, controller.as_ref().zip(pod.kind));
    let (principal_form, tag_session) = (args.conditions.principal_form(), args.tag_session);
    let mut grant =
        Grant { subjects: Subjects::Principals(principals), principal_form, conditions, tag_session, known };
    let arguments = script_arguments(args, &grant, target);
    grant.known.extend(target.map(|role| known::one("aws:ResourceAccount", role.account().as_str())));
    warnings.dedup();
    warnings.extend(trusted_by_name(args, &grant));
    let owner = owner(args, target, partition, map).map_err(one)?;
    Ok(PolicyRequest { change: PolicyChange::Grant(grant), owner, warnings, arguments, decisions })
}

/// Completes the flags with what the manifests, the document and the map have.
fn resolve<'u, 'r>(
    args: &Trust,
    uses: Option<&'u [RoleUse<'r>]>,
    merging: Option<&Merging>,
    map: Option<&MapFile>,
) -> Result<Resolved<'u, 'r>, Diagnostic> {
    let by_flag = args.tag_session;
    let (mut args, mut origins) = (args.clone(), Origins::default());
    let mut target_roles = TargetRoles::of_flags(&args.target, map)?;
    let pod = PodCredentials::new(&mut args.source.role, args.target.partition, map)?;
    // Session tags go through every hop. With --source-principal, others assume the role.
    args.tag_session |= args.source.source_principal.is_empty() && pod.sends_tags;
    if let Some(map) = map {
        let of_document = merging.is_some_and(|merging| merging.role().is_some());
        let needs_target = uses.is_none() && !of_document;
        complete(&mut args, &mut target_roles, needs_target, map, &mut origins)?;
    }
    let picked = uses.map(|uses| pick_one(uses, &target_roles)).transpose()?.unwrap_or_default();
    let document_role = merging.and_then(Merging::role);
    let mut partitions = Partitions::new(&target_roles, merging);
    let source = source_role_arn(&args.source.role)?;
    partitions.see(picked.iter().map(|one| (one.found.title(), one.role.partition())));
    partitions.see(source.iter().map(|role| (format!("--source-role {role}"), role.partition())));
    partitions
        .see(args.source.source_principal.iter().map(|one| (format!("--source-principal {one}"), one.partition())));
    partitions.see(document_role.iter().map(|role| (format!("the document's role {role}"), role.partition())));
    let (partition, partition_from) = partitions.agreed()?;
    let TrustingRole { role: target, decision } =
        trusting_role(&target_roles, partition, &picked, document_role, &origins)?;
    let by_other = map.map(|map| assumed_in_map(&mut args, by_flag, map, target.as_ref(), &picked, &mut origins));
    if !by_other.transpose()?.unwrap_or_default() {
        assumed_by_user(&mut args, &pod);
    }
    let decisions = std::iter::once(partition_from).chain(decision).collect();
    Ok(Resolved { args, origins, target, picked, pod, partition, decisions })
}

/// The origin of each principal and external id.
fn values_from(args: &Trust, principals: &[Principal], conditions: &Conditions, origins: &Origins) -> Vec<String> {
    let principals = principals
        .iter()
        .map(|principal| format!("principal {principal} from {}", principal_from(args, principal, origins)));
    let from = external_ids_from(args, origins);
    let ids = conditions.external_ids.iter().map(|id| format!("external id {id} from {from}"));
    principals.chain(ids).collect()
}

/// The role whose trust policy is requested.
fn owner(
    args: &Trust,
    target: Option<&RoleArn>,
    partition: Partition,
    map: Option<&MapFile>,
) -> Result<PolicyRole, Diagnostic> {
    let (path, name) = path_and_name(target.map_or(&*args.target.role_name, RoleArn::path_and_name));
    let account = target.map(|role| role.account().clone());
    let of_map = map.zip(target).and_then(|(map, role)| map::entry(map, role)?.permissions_boundary.as_ref());
    if args.permissions_boundary.is_some()
        && matches!(args.policy.output, None | Some(PolicyFormat::Json | PolicyFormat::Cli))
    {
        let error = "--permissions-boundary is for the formats that create a role";
        return Err(Diagnostic::error(error).help("add -o cloudformation, terraform or clusterawsadm, or omit it"));
    }
    let asked = args.permissions_boundary.as_ref().or(of_map.map(|boundary| &boundary.value));
    let permissions_boundary = boundary_arn(asked, partition, account.as_ref(), "add --account 222222222222")?;
    Ok(PolicyRole { partition, account, name, path, permissions_boundary, is_user: false })
}

/// What is known about the requests, besides the conditions.
fn known(
    args: &Trust,
    picked: &[&RoleUse<'_>],
    map: Option<&MapFile>,
    target: Option<&RoleArn>,
    controller: Option<(&Principal, CredentialKind)>,
) -> Vec<KnownKey> {
    let mut known = known::of_flags(&args.change.context);
    let entry = map.zip(target).and_then(|(map, role)| map::entry(map, role));
    known.extend(known::session_name(None, picked, entry));
    // With --source-principal, the credentials of the pod do not say who assumes the role.
    if let Some((controller, kind)) = controller.filter(|_| args.source.source_principal.is_empty()) {
        known.extend(known::of_credentials(Some(controller), Some(kind), args.tag_session));
    }
    known
}

/// Adds who assumes the role of `target` according to the map. If there are manifests, they say which identity does.
/// Returns whether it is another identity than the controller's.
///
/// # Errors
/// A flag that contradicts the map.
fn assumed_in_map(
    args: &mut Trust,
    by_flag: bool,
    map: &MapFile,
    target: Option<&RoleArn>,
    picked: &[&RoleUse],
    origins: &mut Origins,
) -> Result<bool, Diagnostic> {
    if let Some(role) = target {
        of_map(args, map, role, origins)?;
    }
    let hub = target.filter(|_| picked.is_empty()).map(|role| assumed_by(args, by_flag, map, role));
    Ok(hub.transpose()?.unwrap_or_default())
}

/// Adds what the map specifies: who assumes the role, and the role if no manifest or document has it.
///
/// # Errors
/// A flag that contradicts the map, or an account whose role is not known.
fn complete(
    args: &mut Trust,
    target: &mut TargetRoles,
    needs_target: bool,
    map: &MapFile,
    origins: &mut Origins,
) -> Result<(), Diagnostic> {
    let needed = args.source.source_principal.is_empty();
    map::source(&mut args.source.role, needed, map, origins)?;
    if needs_target {
        target.complete(true, None, map, origins)?;
    }
    match target.warnings.first() {
        Some(warning) => Err(Diagnostic { severity: Severity::Error, ..warning.clone() }),
        None => Ok(()),
    }
}

/// Refuses a script without the account of the role that it changes.
fn needs_account(args: &Trust, is_unknown: bool) -> Result<(), Diagnostic> {
    match args.policy.output {
        Some(PolicyFormat::Cli) if is_unknown => {
            Err(Diagnostic::error("-o cli needs the account of the role that the script changes")
                .help("add --account 222222222222 or --role-arn ARN"))
        }
        _ => Ok(()),
    }
}

/// The role whose trust policy is requested, if known.
struct TrustingRole {
    role: Option<RoleArn>,
    /// Its origin, for `-v`.
    decision: Option<String>,
}

/// The role that manifests, flags and the document to merge into name, which must agree.
fn trusting_role(
    args: &TargetRoles,
    partition: Partition,
    picked: &[&RoleUse<'_>],
    document_role: Option<RoleArn>,
    origins: &Origins,
) -> Result<TrustingRole, Diagnostic> {
    let flags = flag_target(args, partition)?;
    if picked.is_empty() && flags.len() > 1 {
        let error = Diagnostic::error("a trust policy belongs to one role, but several are specified");
        return Err(error.help("run the command once for each --account or --role-arn"));
    }
    let target = picked.first().map(|one| one.role.clone()).or_else(|| flags.first().cloned());
    if let Some(existing) = &document_role {
        agrees_with_document(args, target.as_ref(), existing)?;
    }
    let decision = match (&target, picked.first(), &document_role) {
        (Some(role), Some(one), _) => Some(format!("role {role} from {}", one.found.title())),
        (Some(role), None, _) => Some(target_from(args, role, origins)),
        (None, _, Some(role)) => Some(format!("role {role} from the document")),
        (None, _, None) => None,
    };
    Ok(TrustingRole { role: target.or(document_role), decision })
}

/// Refuses a role, or a name of one, that is not the role of the document to merge into.
fn agrees_with_document(args: &TargetRoles, target: Option<&RoleArn>, existing: &RoleArn) -> Result<(), Diagnostic> {
    let name = &args.role_name;
    match target {
        Some(target) if target != existing => {
            let error = Diagnostic::error(format!("the document is the trust policy of {existing}, not of {target}"));
            Err(error.help("pass the requested role's document, or select the role with --role-arn"))
        }
        None if name != DEFAULT_ROLE_NAME && path_and_name(name).1 != existing.name() => {
            let error =
                Diagnostic::error(format!("the document is the trust policy of {existing}, but --role-name is {name}"));
            Err(error.help(format!("omit --role-name, or pass the trust policy of {name}")))
        }
        _ => Ok(()),
    }
}

/// The arguments that request the same grant without manifests and map.
fn script_arguments(args: &Trust, grant: &Grant, target: Option<&RoleArn>) -> Vec<String> {
    let conditions = &grant.conditions;
    let mut arguments = vec!["iam".to_owned(), "trust".to_owned()];
    arguments.extend(grant.arns().iter().map(|arn| format!("--source-principal={arn}")));
    arguments.extend(target.map(|role| format!("--role-arn={role}")));
    arguments.extend(conditions.external_ids.iter().map(|id| format!("--external-id={id}")));
    arguments.extend(conditions.org_id.iter().map(|id| format!("--org-id={}", id.as_str())));
    arguments.extend(conditions.session_name.iter().map(|name| format!("--session-name={name}")));
    arguments.extend(args.tag_session.then(|| "--tag-session".to_owned()));
    let by_root = grant.principal_form == PrincipalForm::RootArn;
    arguments.extend(by_root.then(|| "--principal-form=root-arn".to_owned()));
    arguments.extend(args.source.allow_same_account.then(|| "--allow-same-account".to_owned()));
    arguments.extend(known::arguments(&grant.known));
    // The arguments contain the map's values already, and the script may run anywhere.
    arguments.push("--no-config".to_owned());
    arguments.extend(args.policy.for_script(&args.change));
    arguments
}

/// The warning about who is trusted as well if a role is named in a condition.
fn trusted_by_name(args: &Trust, grant: &Grant) -> Option<Diagnostic> {
    if grant.principal_form == PrincipalForm::Arn || args.change.remove {
        return None;
    }
    let warning =
        format!("whoever may create a role or a user with this ARN is trusted, too: {}", grant.arns().join(", "));
    Some(
        Diagnostic::warning(warning).help("without --principal-form root-arn, AWS trusts only the one that exists now"),
    )
}

/// What the map has for the role: the external id and the organisation. A flag may repeat it.
fn of_map(args: &mut Trust, map: &MapFile, role: &RoleArn, origins: &mut Origins) -> Result<(), Diagnostic> {
    external_id_of_map(args, map, role, origins)?;
    if let Some(organization) = &map.map.source.organization {
        let text = |id: &OrgId| id.as_str().to_owned();
        let flag = args.conditions.org_id.as_ref().map(|id| Setting::flag("--org-id", text(id)));
        map::agreed(flag, Some(Setting::map(text(&organization.value), map.place(organization.span))))?;
        args.conditions.org_id = Some(organization.value.clone());
    }
    Ok(())
}

/// Sets who assumes the role according to the map, if it is another identity. `by_flag`: `--tag-session` is specified.
/// Returns whether it is.
fn assumed_by(args: &mut Trust, by_flag: bool, map: &MapFile, role: &RoleArn) -> Result<bool, Diagnostic> {
    let source = map::entry(map, role).and_then(|entry| entry.source_identity.as_ref());
    let Some(source) = source.filter(|source| source.value.kind != IdentityKind::Controller) else { return Ok(false) };
    // The credentials of another identity assume this role, and not the controller's own.
    let hub = map::hub(map, &source.value, role.partition());
    if source.value.kind == IdentityKind::Static {
        // Its keys are those of a user, whose sessions have no tags.
        args.tag_session = by_flag;
    }
    if !args.source.source_principal.is_empty() {
        return Ok(true);
    }
    match hub {
        Some(hub) => {
            args.source.source_principal = vec![hub.into()];
            args.source.role.source_account = None;
            args.source.role.source_role = DEFAULT_ROLE_NAME.to_owned();
            Ok(true)
        }
        None => {
            let error = format!("missing --source-principal: {} assumes the role", source.value);
            Err(Diagnostic::error(error)
                .help(format!("set in the account map at {}", map.place(source.span)))
                .help("add --source-principal ARN, the role or the user of that identity"))
        }
    }
}

/// Sets the user that the CAPA pod runs as, if no flag specifies a principal.
fn assumed_by_user(args: &mut Trust, pod: &PodCredentials) {
    if let Some(user) = pod.user.as_ref().filter(|_| args.source.source_principal.is_empty()) {
        args.source.source_principal = vec![user.clone()];
        args.source.role.source_account = None;
    }
}

fn external_id_of_map(
    args: &mut Trust,
    map: &MapFile,
    role: &RoleArn,
    origins: &mut Origins,
) -> Result<(), Diagnostic> {
    let Some(id) = map::entry(map, role).and_then(|entry| entry.external_id.as_ref()) else { return Ok(()) };
    let flags = &args.conditions.external_id;
    let is_other = flags.iter().any(|asked| *asked != id.value);
    let flag = is_other.then(|| flags.iter().map(ExternalId::as_str).collect::<Vec<_>>().join(", "));
    let flag = flag.map(|ids| Setting::flag("--external-id", ids));
    let agreed = map::agreed(flag, Some(Setting::map(id.value.to_string(), map.place(id.span))))?;
    args.conditions.external_id = vec![id.value.clone()];
    if let Some(agreed) = agreed {
        origins.insert("--external-id", agreed.origin);
    }
    Ok(())
}

/// Refuses a principal in the role's own account.
fn refuse_same_account(principals: &[Principal], target: &RoleArn) -> Result<(), Diagnostic> {
    match principals.iter().find(|principal| principal.account() == target.account()) {
        Some(same) => Err(same_account(same.account(), &format!("{same} and {target}"))),
        None => Ok(()),
    }
}

/// The origin of the external ids.
fn external_ids_from(args: &Trust, origins: &Origins) -> String {
    match args.conditions.external_id.is_empty() {
        true => "the identities of -f".to_owned(),
        false => origins.of("--external-id").to_string(),
    }
}

/// The origin of a principal.
fn principal_from(args: &Trust, principal: &Principal, origins: &Origins) -> String {
    let role = &args.source.role;
    if args.source.source_principal.contains(principal) {
        "--source-principal".to_owned()
    } else if principal.as_str() == role.source_role {
        "--source-role".to_owned()
    } else if role.source_account.as_ref() != Some(principal.account()) {
        "the identity before it in the chain".to_owned()
    } else {
        let name = match role.source_role == DEFAULT_ROLE_NAME {
            true => "the role that DKP creates".to_owned(),
            false => origins.of("--source-role").to_string(),
        };
        format!("{} and {name}", origins.of("--source-account"))
    }
}

/// The uses of the selected role.
fn pick_one<'u, 'r>(uses: &'u [RoleUse<'r>], target: &TargetRoles) -> Result<Vec<&'u RoleUse<'r>>, Diagnostic> {
    let found = picked(uses, &target.role_arn, &target.account)?;
    let roles: BTreeSet<&str> = found.iter().map(|one| one.role.as_str()).collect();
    match roles.len() {
        1 => Ok(found),
        0 => Err(Diagnostic::error("no AWSClusterRoleIdentity in the manifests")
            .help("create one with kubectl xaccount inject, or omit -f")),
        _ => {
            let listed = roles.into_iter().collect::<Vec<_>>().join(", ");
            Err(Diagnostic::error("a trust policy belongs to one role, but the manifests have several")
                .help(format!("pick one with --account or --role-arn: {listed}")))
        }
    }
}

/// The role that the CAPA pod runs as, if it is specified.
fn controller(args: &Trust, source: Option<RoleArn>, partition: Partition) -> Result<Option<Principal>, Diagnostic> {
    let role = &args.source.role;
    match (source, &role.source_account) {
        (Some(role), _) => Ok(Some(role.into())),
        (None, Some(account)) => {
            let arn = RoleArn::new(partition, account, &role.source_role);
            Ok(Some(arn.map_err(|error| bad_source_role(&role.source_role, &error))?.into()))
        }
        (None, None) if role.source_role != DEFAULT_ROLE_NAME => {
            let name = &role.source_role;
            let why = format!("missing --source-account: --source-role {name} is a name, not an ARN");
            Err(Diagnostic::error(why).help("add --source-account 111111111111"))
        }
        (None, None) => Ok(None),
    }
}

/// The principals that assume the target's role, and warnings about flags that are not needed.
fn principals(
    args: &Trust,
    controller: Option<&Principal>,
    picked: &[&RoleUse<'_>],
) -> Result<(Vec<Principal>, Vec<Diagnostic>), Diagnostic> {
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    for one in picked {
        let title = one.found.title();
        match &one.source {
            RoleHop::Controller => {}
            RoleHop::Role(_, Some(role)) => all.push(role.clone().into()),
            RoleHop::Role(name, None) => {
                return Err(Diagnostic::error(format!(
                    "the source of {title}, AWSClusterRoleIdentity {name}, is not in the files"
                ))
                .at(one.found.head(), "")
                .help("pass its file too: the role of that identity is the one to trust"));
            }
            RoleHop::Static(name) if args.source.source_principal.is_empty() => {
                let why = format!("{title}: missing --source-principal, the user of AWSClusterStaticIdentity {name}");
                return Err(Diagnostic::error(why)
                    .at(one.found.head(), "")
                    .help("its keys assume the role; add --source-principal arn:aws:iam::ACCOUNT:user/NAME"));
            }
            RoleHop::Static(_) => {}
        }
    }
    all.extend(args.source.source_principal.iter().cloned());
    let by_controller = picked.is_empty() || picked.iter().any(|one| one.source == RoleHop::Controller);
    match controller {
        Some(controller) if by_controller => all.push(controller.clone()),
        // According to the manifests, others assume the role: the controller is not granted access as well.
        Some(controller) => {
            let message =
                format!("{controller} is not trusted: in the manifests, {} assumes the role", all_named(&all));
            let warning = Diagnostic::warning(message).help("to trust it too, add --source-principal ARN");
            warnings.push(match picked.first() {
                Some(one) => warning.at(one.found.head(), ""),
                None => warning,
            });
        }
        None if by_controller && all.is_empty() => {
            return Err(Diagnostic::error("missing --source-account (the management cluster's account)")
                .help("add --source-account 111111111111")
                .help("or --source-principal ARN, for a user or another role"));
        }
        None => {}
    }
    Ok((all, warnings))
}

fn all_named(principals: &[Principal]) -> String {
    principals.iter().map(Principal::as_str).collect::<Vec<_>>().join(", ")
}

/// The conditions that the flags and the identities request.
fn conditions(args: &Trust, picked: &[&RoleUse<'_>]) -> Result<Conditions, Vec<Diagnostic>> {
    let external_ids = external_ids(args, picked)?;
    session_name(args, picked).map_err(|error| vec![error])?;
    let ConditionArgs { org_id, session_name, .. } = &args.conditions;
    Ok(Conditions { external_ids, org_id: org_id.clone(), session_name: session_name.clone() })
}

/// The external ids to require: those of the flags, which the identities must have too, else those of the identities.
fn external_ids(args: &Trust, picked: &[&RoleUse<'_>]) -> Result<Vec<ExternalId>, Vec<Diagnostic>> {
    let asked = &args.conditions.external_id;
    let specified = |one: &RoleUse<'_>| {
        one.external_id.as_ref().map_or("no external id".to_owned(), |id| format!("the external id {id}"))
    };
    if !asked.is_empty() {
        let other = |one: &&&RoleUse<'_>| !one.external_id.as_ref().is_some_and(|id| asked.contains(id));
        let errors: Vec<Diagnostic> = picked
            .iter()
            .filter(other)
            .map(|one| {
                Diagnostic::error(format!("{} has {}, but another one is requested", one.found.title(), specified(one)))
                    .at(one.found.head(), "")
                    .help("AWS would answer AccessDenied: use the same external id in both")
            })
            .collect();
        return if errors.is_empty() { Ok(asked.clone()) } else { Err(errors) };
    }
    let with = picked.iter().find(|one| one.external_id.is_some());
    let without = picked.iter().find(|one| one.external_id.is_none());
    if let (Some(with), Some(without)) = (with, without) {
        return Err(vec![
            Diagnostic::error(format!("two identities assume {}, but only one has an external id", with.role))
                .at(with.found.head(), specified(with))
                .also(without.found.head(), "no external id")
                .help("a trust policy that requires it would deny the other one: use the same external id in both"),
        ]);
    }
    let ids: BTreeSet<&ExternalId> = picked.iter().filter_map(|one| one.external_id.as_ref()).collect();
    Ok(ids.into_iter().cloned().collect())
}

/// Refuses identities that do not have the requested session name.
fn session_name(args: &Trust, picked: &[&RoleUse<'_>]) -> Result<(), Diagnostic> {
    let Some(asked) = &args.conditions.session_name else { return Ok(()) };
    match picked.iter().find(|one| one.session_name.as_deref() != Some(asked.as_str())) {
        None => Ok(()),
        Some(other) => {
            let no_name = || "no session name, so each session gets another".to_owned();
            let existing = other.session_name.as_ref().map_or_else(no_name, |name| format!("the session name {name}"));
            Err(Diagnostic::error(format!("{} has {existing}, but {asked} is requested", other.found.title()))
                .at(other.found.head(), "")
                .help("AWS would answer AccessDenied: use the same session name in both"))
        }
    }
}
