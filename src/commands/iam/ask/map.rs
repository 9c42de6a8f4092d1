//! Completes the flags with values of the account map.

use std::collections::BTreeMap;
use std::fmt::Display;

use xaccount::account_map::{Account, Spanned};
use xaccount::aws::{Partition, RoleArn};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::inject::target_is_source;
use xaccount::settings::{self, Origin, Setting};

use crate::cli::{IamTargetArgs, SourceRoleArgs};
use crate::commands::map::MapFile;
use crate::commands::request::WAYS_OUT;

/// The origins of the values of flags, by flag.
#[derive(Default)]
pub(super) struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    /// The origin of a flag's value.
    pub(super) fn of(&self, flag: &'static str) -> Origin {
        self.0.get(flag).cloned().unwrap_or(Origin::Flag(flag))
    }

    pub(super) fn insert(&mut self, flag: &'static str, origin: Origin) {
        self.0.insert(flag, origin);
    }
}

/// The value that a flag and the map agree on.
///
/// # Errors
/// The flag and the map have different values.
pub(super) fn agreed<T: PartialEq + Display>(
    flag: Option<Setting<T>>,
    map: Option<Setting<T>>,
) -> Result<Option<Setting<T>>, Diagnostic> {
    settings::agreed(flag, map).map_err(|contradiction| contradiction.diagnostic(None, WAYS_OUT))
}

/// A value of the map.
pub(super) fn of_map<T: Clone>(map: &MapFile, one: &Spanned<T>) -> Setting<T> {
    Setting::map(one.value.clone(), map.place(one.span))
}

/// Sets the source account's role. `needed`: no other flag specifies who assumes the role.
///
/// # Errors
/// A flag that contradicts the map.
pub(super) fn source(
    args: &mut SourceRoleArgs,
    needed: bool,
    map: &MapFile,
    origins: &mut Origins,
) -> Result<(), Diagnostic> {
    let source = &map.map.source;
    let arn = args.source_role.parse::<RoleArn>().ok();
    if let Some(account) = &source.account {
        let by_flag = args.source_account.clone().or(arn.as_ref().map(|arn| arn.account().clone()));
        let is_open = by_flag.is_none();
        let by_flag = by_flag.map(|account| Setting::flag("--source-account", account));
        let agreed = agreed(by_flag, Some(of_map(map, account)))?;
        if let Some(account) = agreed.filter(|_| is_open && needed) {
            args.source_account = Some(account.value);
            origins.insert("--source-account", account.origin);
        }
    }
    if let (Some(role), None) = (&source.role_name, arn) {
        let by_flag = Some(&args.source_role).filter(|role| *role != DEFAULT_ROLE_NAME);
        let by_flag = by_flag.map(|role| Setting::flag("--source-role", role.clone()));
        if let Some(role) = agreed(by_flag, Some(of_map(map, role)))? {
            args.source_role = role.value;
            origins.insert("--source-role", role.origin);
        }
    }
    Ok(())
}

/// Sets the target roles: those that the map has for the accounts in the flags, else all of the map. `one`: only one
/// role can be used.
///
/// # Errors
/// Several accounts although only one can be used; a flag that contradicts the map.
pub(super) fn target(
    args: &mut IamTargetArgs,
    one: bool,
    map: &MapFile,
    origins: &mut Origins,
) -> Result<(), Diagnostic> {
    for entry in entries(args, one, map)? {
        let by_flag = || {
            let flag = Some(&args.role_name).filter(|name| *name != DEFAULT_ROLE_NAME);
            flag.map(|name| Setting::flag("--role-name", name.clone()))
        };
        if let Some(arn) = &entry.role_arn {
            let name = arn.value.path_and_name().to_owned();
            agreed(by_flag(), Some(Setting::map(name, map.place(arn.span))))?;
            args.role_arn.push(arn.value.clone());
        } else {
            let name = agreed(by_flag(), entry.role_name.as_ref().map(|name| of_map(map, name)))?;
            if entry.role_name.is_some() || entry.partition.is_some() {
                let partition = entry.partition.as_ref().map(|one| one.value).or(args.partition);
                let name = name.map_or_else(|| args.role_name.clone(), |name| name.value);
                let arn = RoleArn::new(partition.unwrap_or(Partition::Aws), &entry.account.value, &name);
                args.role_arn.push(arn.map_err(|error| Diagnostic::error(error.to_string()))?);
            } else {
                args.account.push(entry.account.value.clone());
            }
        }
        let origin = Origin::Map(map.place(entry.account.span));
        origins.insert("--account", origin.clone());
        origins.insert("--role-arn", origin);
    }
    Ok(())
}

/// The map's entries for the accounts in the flags, which are removed from the flags; without such flags, all entries.
fn entries<'m>(args: &mut IamTargetArgs, one: bool, map: &'m MapFile) -> Result<Vec<&'m Account>, Diagnostic> {
    let accounts = &map.map.accounts;
    if args.account.is_empty() && args.role_arn.is_empty() {
        if one && accounts.len() > 1 {
            return Err(Diagnostic::error("a trust policy belongs to one role, but the map has several accounts")
                .help(format!("pick one with --account: {}", map.accounts())));
        }
        return Ok(accounts.iter().collect());
    }
    let mut entries: Vec<&Account> = Vec::new();
    for account in std::mem::take(&mut args.account) {
        let before = entries.len();
        entries.extend(accounts.iter().filter(|entry| entry.account.value == account));
        if let Some(source) = map.map.source.account.as_ref().filter(|source| source.value == account) {
            return Err(target_is_source(&account, &map.place(source.span)));
        }
        if entries.len() == before {
            return Err(Diagnostic::error(format!("account {account} (--account) is not in the account map"))
                .help(format!("the map has {}", map.accounts()))
                .help("add it to the map, or pass --no-config to ignore the map"));
        }
    }
    Ok(entries)
}

/// The entry of the map for a role.
pub(super) fn entry<'m>(map: &'m MapFile, role: &RoleArn) -> Option<&'m Account> {
    let of_account = || map.map.accounts.iter().filter(|entry| entry.account.value == *role.account());
    let names = |entry: &&Account| match (&entry.role_arn, &entry.role_name) {
        (Some(arn), _) => arn.value == *role,
        (None, Some(name)) => role.path_and_name() == name.value,
        (None, None) => true,
    };
    of_account().find(names)
}
