//! What the account map adds to the flags.

use std::collections::BTreeMap;

use xaccount::account_map::Account;
use xaccount::aws::{Partition, RoleArn};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::inject::target_is_source;

use crate::cli::{IamTargetArgs, SourceRoleArgs};
use crate::commands::map::MapFile;

/// The flags whose values are the map's, and where in it.
#[derive(Default)]
pub(super) struct Setting(BTreeMap<&'static str, String>);

impl Setting {
    /// From where the value of a flag is.
    pub(super) fn from<'s>(&'s self, flag: &'s str) -> &'s str {
        self.0.get(flag).map_or(flag, String::as_str)
    }

    pub(super) fn insert(&mut self, flag: &'static str, place: String) {
        self.0.insert(flag, place);
    }
}

/// The source account's role. `needed`: nothing else says who assumes the role.
///
/// # Errors
/// A flag that contradicts the map.
pub(super) fn source(
    args: &mut SourceRoleArgs,
    needed: bool,
    map: &MapFile,
    specified: &mut Setting,
) -> Result<(), Diagnostic> {
    let source = &map.map.source;
    let arn = args.source_role.parse::<RoleArn>().ok();
    if let Some(account) = &source.account {
        let place = map.place(account.span);
        let by_flag = args.source_account.as_ref().or(arn.as_ref().map(RoleArn::account));
        match by_flag {
            Some(other) if *other != account.value => {
                return Err(contradiction("--source-account", other.as_str(), account.value.as_str(), &place));
            }
            None if needed => {
                args.source_account = Some(account.value.clone());
                specified.insert("--source-account", place);
            }
            _ => {}
        }
    }
    if let (Some(role), None) = (&source.role_name, arn) {
        let place = map.place(role.span);
        if args.source_role != DEFAULT_ROLE_NAME && args.source_role != role.value {
            return Err(contradiction("--source-role", &args.source_role, &role.value, &place));
        }
        args.source_role.clone_from(&role.value);
        specified.insert("--source-role", place);
    }
    Ok(())
}

/// The target roles: those of the accounts that flags name as the map has them, else all of the map. `one`: only one role is
/// of use.
///
/// # Errors
/// Several accounts where one is of use; a flag that contradicts the map.
pub(super) fn target(
    args: &mut IamTargetArgs,
    one: bool,
    map: &MapFile,
    specified: &mut Setting,
) -> Result<(), Diagnostic> {
    let accounts = &map.map.accounts;
    let mut entries: Vec<&Account> = Vec::new();
    if args.account.is_empty() && args.role_arn.is_empty() {
        if one && accounts.len() > 1 {
            return Err(Diagnostic::error("a trust policy belongs to one role, and the map names several accounts")
                .help(format!("pick one with --account: {}", map.accounts())));
        }
        entries.extend(accounts);
    } else {
        for account in std::mem::take(&mut args.account) {
            let before = entries.len();
            entries.extend(accounts.iter().filter(|entry| entry.account.value == account));
            if let Some(source) = map.map.source.account.as_ref().filter(|source| source.value == account) {
                return Err(target_is_source(&account, &map.place(source.span)));
            }
            if entries.len() == before {
                return Err(Diagnostic::error(format!("--account says {account}, which is no account of the map"))
                    .help(format!("the map has {}", map.accounts()))
                    .help("add it to the map, or pass --no-config to go without it"));
            }
        }
    }
    for entry in entries {
        let place = map.place(entry.account.span);
        let other = |name: &str| args.role_name != DEFAULT_ROLE_NAME && args.role_name != name;
        match (&entry.role_arn, &entry.role_name) {
            (Some(role), _) => {
                let name = role.value.path_and_name();
                if other(name) {
                    return Err(contradiction("--role-name", &args.role_name, name, &map.place(role.span)));
                }
                args.role_arn.push(role.value.clone());
            }
            (None, Some(role)) if other(&role.value) => {
                return Err(contradiction("--role-name", &args.role_name, &role.value, &map.place(role.span)));
            }
            (None, role) if role.is_some() || entry.partition.is_some() => {
                let partition =
                    entry.partition.as_ref().map(|one| one.value).or(args.partition).unwrap_or(Partition::Aws);
                let name = role.as_ref().map_or(&args.role_name, |role| &role.value);
                let arn = RoleArn::new(partition, &entry.account.value, name);
                args.role_arn.push(arn.map_err(|error| Diagnostic::error(error.to_string()))?);
            }
            _ => args.account.push(entry.account.value.clone()),
        }
        specified.insert("--account", place.clone());
        specified.insert("--role-arn", place);
    }
    Ok(())
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

fn contradiction(flag: &str, by_flag: &str, by_map: &str, place: &str) -> Diagnostic {
    Diagnostic::error(format!("{flag} says {by_flag}, and the map says {by_map}"))
        .help(format!("the map says so at {place}"))
        .help("leave the flag out, change the map, or pass --no-config to go without it")
}
