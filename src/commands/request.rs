//! From flags to what is asked of the library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::map::MapFile;
use crate::cli::{AskedAccount, AskedMove, IdentityArgs, SelectArgs, TargetArgs};
use xaccount::account_map::AccountMap;
use xaccount::aws::{AccountId, check_inline_policy};
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files;
use xaccount::inject::{
    AccountMove, IdentityRequest, InjectRequest, MoveFrom, SpecifiedTarget, Target, known_accounts,
};
use xaccount::plan::Selection;

/// What the selecting flags mean.
pub(crate) fn selection(select: &SelectArgs) -> Selection {
    Selection {
        cluster_names: select.cluster_name.iter().map(globset::Glob::compile_matcher).collect(),
        labels: select.selector.clone(),
        namespace: select.namespace.clone(),
        only: None,
    }
}

/// The file that keeps identities, as a flag or the map says.
///
/// # Errors
/// They say two, or the map itself.
pub(crate) fn identity_file(flag: Option<&Path>, map: Option<&MapFile>) -> Result<Option<PathBuf>, Diagnostic> {
    let of_map = map.and_then(MapFile::identity_file);
    let same = |a: &Path, b: &Path| a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    match (flag, of_map) {
        (Some(flag), Some(of_map)) if !same(flag, &of_map) => {
            let (flag, of_map) = (flag.display(), of_map.display());
            Err(Diagnostic::error(format!("--identity-file says {flag}, and the map says {of_map}"))
                .help(format!("the map says so at {}", map.map_or_else(String::new, MapFile::identity_file_place)))
                .help("leave the flag out, change the map, or pass --no-config to go without it"))
        }
        (flag, of_map) => {
            let file = flag.map(Path::to_owned).or(of_map);
            match file.as_deref().filter(|file| map.is_some_and(|map| same(file, map.path()))) {
                Some(file) => Err(Diagnostic::error(format!(
                    "{} is the account map: it can't keep identities, too",
                    file.display()
                ))
                .help("name another file, as identities.yaml")),
                None => Ok(file),
            }
        }
    }
}

/// What the flags ask for, but for the identity file, which is one of the run or not. An account map says the target itself.
///
/// # Errors
/// No target, and a session policy that can't be read or that STS would refuse.
pub(crate) fn request(
    target: &TargetArgs,
    select: &SelectArgs,
    identity: &IdentityArgs,
    map: Option<&AccountMap>,
    explain: bool,
) -> Result<InjectRequest, Vec<Diagnostic>> {
    let moves = moves(&target.move_account, map).map_err(|error| vec![error])?;
    let mut account = match &target.role_arn {
        Some(role) => Some(Target::Role(role.clone())),
        None => specified_target(target).target(),
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
        identity_name: identity.identity_name.clone(),
        identity: identity_request(identity)?,
        identity_file: None,
        with_identity: !identity.no_identity,
        with_controller_identity: identity.with_controller_identity,
        api_version: identity.api_version,
        release: None,
        overwrite: target.overwrite,
        moves,
        orphans: target.orphan_resources.clone(),
        known: Arc::new(map.map(known_accounts).unwrap_or_default()),
        explain,
        specified: BTreeMap::new(),
    })
}

/// The changes of account that are asked for, names of the map resolved.
///
/// # Errors
/// A name that the map does not have, or any name without a map.
pub(crate) fn moves(asked: &[AskedMove], map: Option<&AccountMap>) -> Result<Vec<AccountMove>, Diagnostic> {
    let resolved = |one: &AskedMove| {
        let from = match &one.from {
            AskedAccount::Source => MoveFrom::Source,
            AskedAccount::Unknown => MoveFrom::Unknown,
            other => MoveFrom::Account(account_id(other, map)?),
        };
        Ok(AccountMove { from, to: account_id(&one.to, map)? })
    };
    asked.iter().map(resolved).collect()
}

fn account_id(asked: &AskedAccount, map: Option<&AccountMap>) -> Result<AccountId, Diagnostic> {
    let name = match asked {
        AskedAccount::Id(id) => return Ok(id.clone()),
        AskedAccount::Name(name) => name.as_str(),
        AskedAccount::Source => "source",
        AskedAccount::Unknown => "unknown",
    };
    let unknown = |what: &str| Diagnostic::error(format!("--move-account: '{}' is not {what}", escape_control(name)));
    let Some(map) = map else {
        return Err(unknown("an account id, and there is no account map (.xaccount.yaml) with names")
            .help("write 12 digits: --move-account 333333333333=222222222222"));
    };
    map.named(name).map(|account| account.account.value.clone()).map_err(|near| {
        let error = unknown("an account of the map");
        match near {
            Some(near) => error.help(format!("perhaps {near}")),
            None => error.help("write an account's name in the map, or 12 digits"),
        }
    })
}

/// The target where `--move-account` alone says it.
///
/// # Errors
/// Several targets.
fn target_of_moves(target: &TargetArgs, moves: &[AccountMove]) -> Result<Option<Target>, Diagnostic> {
    let Some(first) = moves.first() else { return Ok(None) };
    if let Some(other) = moves.iter().find(|one| one.to != first.to) {
        return Err(Diagnostic::error(format!(
            "two target accounts, {} and {}, and no account map",
            first.to, other.to
        ))
        .help("run once for each; or write an account map, which says which cluster belongs to which"));
    }
    Ok(SpecifiedTarget { account: Some(first.to.clone()), ..specified_target(target) }.target())
}

/// What of the target the flags say.
pub(crate) fn specified_target(target: &TargetArgs) -> SpecifiedTarget {
    match &target.role_arn {
        Some(role) => SpecifiedTarget::of_role(role),
        None => SpecifiedTarget {
            account: target.account.clone(),
            role: target.role_name.clone(),
            partition: target.partition,
        },
    }
}

/// What the flags say of the identities themselves.
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
            let bytes =
                files::read_only(path).map_err(|error| one(Diagnostic::error(format!("--inline-policy: {error}"))))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| one(Diagnostic::error(format!("{} is not UTF-8", path.display()))))?;
            let text = text.trim_end().to_owned();
            check_inline_policy(&text)
                .map_err(|error| one(Diagnostic::error(format!("--inline-policy {}: {error}", path.display()))))?;
            Some(text)
        }
    };
    Ok(IdentityRequest {
        source: identity.source_identity.clone(),
        allowed_namespaces: identity.allowed_namespaces.clone(),
        session_name: identity.session_name.as_ref().map(ToString::to_string),
        external_id: identity.external_id.as_ref().map(ToString::to_string),
        duration_seconds: identity.duration.map(|duration| duration.get()),
        inline_policy,
        annotations: identity.identity_annotation.clone(),
    })
}
