//! Completes the flags with values of the account map.

use std::collections::BTreeMap;
use std::fmt::Display;

use xaccount::account_map::{Account, IdentityName, Spanned};
use xaccount::aws::{Partition, RoleArn};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::settings::{self, Origin, Setting};

use crate::cli::SourceRoleArgs;
use crate::commands::map_file::MapFile;
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
    let partition = map.map.default_partition.unwrap_or(Partition::Aws);
    let other = source.other_principal(partition).filter(|_| needed);
    if let Some(role) = other.and_then(|principal| {
        Some(Spanned { value: principal.value.as_str().parse::<RoleArn>().ok()?, span: principal.span })
    }) {
        return role_of_credentials(args, &role, map, origins);
    }
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

/// Sets the source account's role to the one of `source.credentials`.
fn role_of_credentials(
    args: &mut SourceRoleArgs,
    role: &Spanned<RoleArn>,
    map: &MapFile,
    origins: &mut Origins,
) -> Result<(), Diagnostic> {
    let flag = Some(&args.source_role).filter(|flag| *flag != DEFAULT_ROLE_NAME);
    let flag = flag.map(|flag| Setting::flag("--source-role", flag.clone()));
    if let Some(agreed) = agreed(flag, Some(Setting::map(role.value.to_string(), map.place(role.span))))? {
        origins.insert("--source-role", agreed.origin);
    }
    args.source_role = role.value.to_string();
    args.source_account = None;
    Ok(())
}

/// Whether the sessions of the CAPA pod have session tags, which are passed on.
pub(super) fn sends_tags(map: &MapFile) -> bool {
    map.map.source.credentials.as_ref().is_some_and(|credentials| credentials.value.sends_tags())
}

/// The entry of the map for a role.
pub(super) fn entry<'m>(map: &'m MapFile, role: &RoleArn) -> Option<&'m Account> {
    let of_account = || map.map.accounts.iter().filter(|entry| entry.account.value == *role.account());
    // The map may leave the partition to the region of each cluster.
    of_account().find(|entry| entry.role(role.partition()).as_ref() == Some(role))
}

/// The role of another identity, if the map has it: the one whose credentials assume an account's role.
pub(super) fn hub(map: &MapFile, identity: &IdentityName, partition: Partition) -> Option<RoleArn> {
    let entry = map.map.accounts.iter().find(|entry| entry.identity().as_ref() == Some(identity))?;
    // A role assumes another one only in its own partition.
    entry.role(partition)
}
