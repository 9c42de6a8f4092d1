//! Converts flags to requests of the library.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::map_file::MapFile;
use super::named_map::NamedMap;
pub(crate) use super::named_map::WAYS_OUT;
use crate::cli::{AskedAccount, AskedMove, IdentityArgs, SelectArgs, TargetArgs};
use xaccount::aws::{AccountId, RoleText, check_inline_policy};
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files;
use xaccount::inject::{
    AccountMove, IdentityRequest, InjectRequest, MoveFrom, SpecifiedTarget, Target, known_accounts,
};
use xaccount::plan::Selection;
use xaccount::settings::{Setting, agreed};

/// The selection that the flags specify.
pub(crate) fn selection(select: &SelectArgs) -> Selection {
    Selection {
        cluster_names: select.cluster_name.iter().map(globset::Glob::compile_matcher).collect(),
        labels: select.selector.as_ref().map(|typed| typed.selector.clone()),
        namespaces: select.namespace.clone(),
        only: None,
    }
}

/// A path that equals every other path of the same file.
struct SameFile(PathBuf);

impl PartialEq for SameFile {
    fn eq(&self, other: &Self) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        self.0 == other.0 || real(&self.0).is_some_and(|one| real(&other.0) == Some(one))
    }
}

impl fmt::Display for SameFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// The identity file that a flag or the account map specifies.
///
/// # Errors
/// The flag and the map specify different files, or the file is the map itself.
pub(crate) fn identity_file(
    flag: Option<&Path>,
    map: Option<&MapFile>,
) -> Result<Option<Setting<PathBuf>>, Diagnostic> {
    let of_map = map.and_then(|map| Some(Setting::map(SameFile(map.identity_file()?), map.identity_file_place())));
    let of_flag = flag.map(|flag| Setting::flag("--identity-file", SameFile(flag.to_owned())));
    let file = agreed(of_flag, of_map).map_err(|contradiction| contradiction.diagnostic(None, WAYS_OUT))?;
    let Some(file) = file else { return Ok(None) };
    if map.is_some_and(|map| file.value == SameFile(map.path().to_owned())) {
        return Err(Diagnostic::error(format!("{} is the account map: it can't keep identities, too", file.value))
            .help("name another file, as identities.yaml"));
    }
    // As it is typed.
    Ok(Some(file.with(flag.map_or_else(|| file.value.0.clone(), Path::to_owned))))
}

/// The request that the flags specify, without the identity file. With an account map, the map specifies the targets.
///
/// # Errors
/// No target, and a session policy that can't be read or that STS would refuse.
pub(crate) fn request(
    target: &TargetArgs,
    select: &SelectArgs,
    identity: &IdentityArgs,
    map: Option<NamedMap<'_>>,
    explain: bool,
) -> Result<InjectRequest, Vec<Diagnostic>> {
    let template = target.role_arn.as_ref().filter(|role| matches!(role, RoleText::Template(_)));
    if let Some(role) = template.filter(|_| map.is_some()) {
        let message =
            format!("the account of --role-arn {role} is unknown, so it can't be compared with the account map");
        return Err(vec![Diagnostic::error(message).help("pass --no-config to ignore the map, or omit --role-arn")]);
    }
    let moves = moves(&target.move_account, map, template.is_some()).map_err(|error| vec![error])?;
    let mut account = match &target.role_arn {
        Some(role) => Some(Target::Role(Setting::flag("--role-arn", role.clone()))),
        None => specified_target(target, map).map_err(|error| vec![error])?.target(),
    };
    if account.is_none() && map.is_none() {
        account = target_of_moves(target, &moves).map_err(|error| vec![error])?;
    }
    // With a map, each object gets its own.
    if account.is_none() && map.is_none() {
        let error = Diagnostic::error("no target account, and no account map (.xaccount.yaml) above the files");
        return Err(vec![error.help("--account 222222222222, or --role-arn arn:aws:iam::222222222222:role/NAME")]);
    }
    Ok(InjectRequest {
        target: account,
        selection: selection(select),
        identity_name: identity.identity_name.clone().map(|name| Setting::flag("--identity-name", name)),
        identity: identity_request(identity)?,
        identity_file: None,
        existing_identity: None,
        with_identity: !identity.no_identity,
        with_controller_identity: identity.with_controller_identity,
        api_version: identity.api_version,
        release: None,
        overwrite: target.overwrite,
        moves,
        orphans: target.orphan_resources.clone(),
        known: Arc::new(map.map(|map| known_accounts(map.map)).unwrap_or_default()),
        explain,
    })
}

/// The requested changes of account, with names of the map resolved. `to_template`: the target is a role ARN with a
/// placeholder, so its account is unknown.
///
/// # Errors
/// A name that the map does not have, or any name without a map; a move to an unknown account, if that of the target is known.
pub(crate) fn moves(
    asked: &[AskedMove],
    map: Option<NamedMap<'_>>,
    to_template: bool,
) -> Result<Vec<AccountMove>, Diagnostic> {
    let resolved = |one: &AskedMove| {
        let from = match &one.from {
            AskedAccount::Source => MoveFrom::Source,
            AskedAccount::Unknown => MoveFrom::Unknown,
            other => MoveFrom::Account(account_id("--move-account", other, map)?),
        };
        let to = match &one.to {
            AskedAccount::Unknown if to_template => None,
            AskedAccount::Unknown => {
                let message =
                    format!("--move-account {from}=unknown: TO must be an account id, or a name from the account map");
                return Err(Diagnostic::error(message)
                    .help("TO can only be unknown with a --role-arn that has a placeholder: 'arn:aws:iam::${ACCOUNT}:role/NAME'"));
            }
            known => Some(account_id("--move-account", known, map)?),
        };
        Ok(AccountMove { from, to })
    };
    asked.iter().map(resolved).collect()
}

/// The id of an account that a flag names by id or by its name in the map.
///
/// # Errors
/// The map has no account of that name, or there is no map.
pub(crate) fn account_id(flag: &str, asked: &AskedAccount, map: Option<NamedMap<'_>>) -> Result<AccountId, Diagnostic> {
    let name = match asked {
        AskedAccount::Id(id) => return Ok(id.clone()),
        AskedAccount::Name(name) => name.as_str(),
        AskedAccount::Source => "source",
        AskedAccount::Unknown => "unknown",
    };
    let shown = escape_control(name);
    if let (AskedAccount::Name(name), Some(map)) = (asked, map)
        && name == "source"
        && let Some(source) = &map.map.source.account
    {
        return Ok(source.value.clone());
    }
    let Some(map) = map else {
        return Err(Diagnostic::error(format!(
            "{flag}: '{shown}' is not an account id, and there is no account map (.xaccount.yaml) with names"
        ))
        .help("an account id has 12 digits: 222222222222"));
    };
    map.named(flag, name).map(|account| account.account.value.clone())
}

/// The target account if only `--move-account` specifies it.
///
/// # Errors
/// Several targets.
fn target_of_moves(target: &TargetArgs, moves: &[AccountMove]) -> Result<Option<Target>, Diagnostic> {
    // Without a role ARN, each move has an account.
    let mut accounts = moves.iter().filter_map(|one| one.to.as_ref());
    let Some(first) = accounts.next() else { return Ok(None) };
    if let Some(other) = accounts.find(|other| *other != first) {
        return Err(Diagnostic::error(format!("two target accounts, {first} and {other}, and no account map"))
            .help("run once for each; or write an account map, which says which cluster belongs to which"));
    }
    let account = Some(Setting::flag("--move-account", first.clone()));
    Ok(SpecifiedTarget { account, ..specified_target(target, None)? }.target())
}

/// The parts of the target that the flags specify.
///
/// # Errors
/// A name that the map does not have.
pub(crate) fn specified_target(target: &TargetArgs, map: Option<NamedMap<'_>>) -> Result<SpecifiedTarget, Diagnostic> {
    Ok(match &target.role_arn {
        Some(RoleText::Arn(role)) => SpecifiedTarget::of_role(&Setting::flag("--role-arn", role.clone())),
        // It is never compared with a map.
        Some(RoleText::Template(_)) => SpecifiedTarget::default(),
        None => SpecifiedTarget {
            account: specified_account(target.account.as_ref(), map)?,
            name: specified_name(target.account.as_ref()),
            role: target.role_name.clone().map(|name| Setting::flag("--role-name", name)),
            partition: target.partition.map(|partition| Setting::flag("--partition", partition)),
        },
    })
}

/// The account of `--account`.
///
/// # Errors
/// A name that the map does not have.
pub(crate) fn specified_account(
    asked: Option<&AskedAccount>,
    map: Option<NamedMap<'_>>,
) -> Result<Option<Setting<AccountId>>, Diagnostic> {
    let account = asked.map(|asked| account_id("--account", asked, map)).transpose()?;
    Ok(account.map(|account| Setting::flag("--account", account)))
}

/// The name of `--account`, if it is one of the map.
pub(crate) fn specified_name(asked: Option<&AskedAccount>) -> Option<Setting<String>> {
    match asked {
        Some(AskedAccount::Name(name)) => Some(Setting::flag("--account", name.clone())),
        _ => None,
    }
}

/// The properties of new identities that the flags specify.
///
/// # Errors
/// A session policy that can't be read or that STS would refuse; a file for identities that can't be one.
pub(crate) fn identity_request(identity: &IdentityArgs) -> Result<IdentityRequest, Vec<Diagnostic>> {
    let one = |diagnostic: Diagnostic| vec![diagnostic];
    if let Some(path) = &identity.identity_file {
        let json = path.extension().is_some_and(|extension| extension == "json");
        if path.as_os_str() == "-" || (json && !path.exists()) {
            let error =
                Diagnostic::error(format!("--identity-file {}: identities are kept in a YAML file", path.display()));
            return Err(one(error.help("--identity-file identities.yaml")));
        }
    }
    let inline_policy = match &identity.inline_policy {
        None => None,
        Some(path) => {
            let bytes = files::read_limited(path)
                .map_err(|error| one(Diagnostic::error(format!("--inline-policy: {error}"))))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| one(Diagnostic::error(format!("{} is not UTF-8", path.display()))))?;
            let text = text.trim_end().to_owned();
            check_inline_policy(&text)
                .map_err(|error| one(Diagnostic::error(format!("--inline-policy {}: {error}", path.display()))))?;
            Some(text)
        }
    };
    let (annotations, labels) = (identity.identity_annotation.iter(), identity.identity_label.iter());
    Ok(IdentityRequest {
        source: identity.source_identity.clone().map(|source| Setting::flag("--source-identity", source)),
        allowed_namespaces: identity
            .allowed_namespaces
            .clone()
            .map(|which| Setting::flag("--allowed-namespaces", which)),
        session_name: identity.session_name.as_ref().map(|name| Setting::flag("--session-name", name.to_string())),
        external_id: identity.external_id.as_ref().map(|id| Setting::flag("--external-id", id.to_string())),
        duration_seconds: identity.duration.map(|duration| Setting::flag("--duration", duration.get())),
        inline_policy,
        annotations: annotations.cloned().map(|one| Setting::flag("--identity-annotation", one)).collect(),
        labels: labels.cloned().map(|one| Setting::flag("--identity-label", one)).collect(),
        served: BTreeSet::new(),
    })
}
