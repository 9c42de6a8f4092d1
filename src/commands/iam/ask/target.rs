//! The target roles that flags and the account map specify.

use xaccount::account_map::Account;
use xaccount::aws::{AccountId, Partition, RoleArn};
use xaccount::capa::{DEFAULT_ROLE_NAME, IdentityKind};
use xaccount::diag::Diagnostic;
use xaccount::inject::target_is_source;
use xaccount::settings::{Origin, Setting};

use super::map::{Origins, agreed, hub, of_map};
use crate::cli::{AskedAccount, IamTargetArgs};
use crate::commands::map_file::MapFile;
use crate::commands::request::account_id;

/// The target roles.
#[derive(Clone)]
pub(super) struct TargetRoles {
    /// Accounts, with the role of `role_name`.
    pub(super) account: Vec<AccountId>,
    pub(super) role_arn: Vec<RoleArn>,
    pub(super) role_name: String,
    pub(super) partition: Option<Partition>,
    /// The names of the map in the flags.
    names: Vec<String>,
    /// Warnings about accounts of the map that are skipped.
    pub(super) warnings: Vec<Diagnostic>,
}

impl TargetRoles {
    /// Those of the flags. A name is replaced with the account's id, or with its role if the account has several.
    ///
    /// # Errors
    /// A name that the map does not have.
    pub(super) fn of_flags(args: &IamTargetArgs, map: Option<&MapFile>) -> Result<Self, Diagnostic> {
        let (mut account, mut role_arn, mut names) = (Vec::new(), args.role_arn.clone(), Vec::new());
        for asked in &args.account {
            let id = account_id("--account", asked, map.map(MapFile::named))?;
            let AskedAccount::Name(name) = asked else {
                account.push(id);
                continue;
            };
            names.push(name.clone());
            let entry = map.map(|map| map.named().named("--account", name)).transpose()?;
            let is_one_of_several =
                map.is_some_and(|map| map.map.accounts.iter().filter(|entry| entry.account.value == id).count() > 1);
            let partition = |entry: &Account| {
                let of_map = || map.map_or(Partition::Aws, |map| map.partition(entry));
                args.partition.unwrap_or_else(of_map)
            };
            match entry.and_then(|entry| entry.role(partition(entry))) {
                Some(role) if is_one_of_several => role_arn.push(role),
                _ => account.push(id),
            }
        }
        let (role_name, partition) = (args.role_name.clone(), args.partition);
        Ok(Self { account, role_arn, role_name, partition, names, warnings: Vec::new() })
    }

    /// Replaces the accounts with the roles that the map has for them; without accounts and roles, those of all accounts
    /// that it lists. `one`: only one role can be used. `hop` is the role whose policy is requested, if it is not the
    /// source account's.
    ///
    /// # Errors
    /// Several accounts although only one can be used; a flag that contradicts the map.
    pub(super) fn complete(
        &mut self,
        one: bool,
        hop: Option<&RoleArn>,
        map: &MapFile,
        origins: &mut Origins,
    ) -> Result<(), Diagnostic> {
        for entry in self.entries(one, map)? {
            if !self.is_assumed(entry, one, hop, map) {
                continue;
            }
            let by_flag = || {
                let flag = Some(&self.role_name).filter(|name| *name != DEFAULT_ROLE_NAME);
                flag.map(|name| Setting::flag("--role-name", name.clone()))
            };
            if let Some(arn) = &entry.role_arn {
                let name = arn.value.path_and_name().to_owned();
                agreed(by_flag(), Some(Setting::map(name, map.place(arn.span))))?;
                self.role_arn.push(arn.value.clone());
            } else {
                let name = agreed(by_flag(), entry.role_name.as_ref().map(|name| of_map(map, name)))?;
                let partition = match (&entry.partition, self.partition) {
                    (None, Some(flag)) => flag,
                    _ => map.partition(entry),
                };
                if entry.role_name.is_some() || partition != Partition::Aws {
                    let name = name.map_or_else(|| self.role_name.clone(), |name| name.value);
                    let arn = RoleArn::new(partition, &entry.account.value, &name);
                    self.role_arn.push(arn.map_err(|error| Diagnostic::error(error.to_string()))?);
                } else {
                    self.account.push(entry.account.value.clone());
                }
            }
            let origin = Origin::Map(map.place(entry.account.span));
            origins.insert("--account", origin.clone());
            origins.insert("--role-arn", origin);
        }
        Ok(())
    }

    /// The map's entries for the accounts, which are removed; without accounts and roles, all entries that it lists.
    fn entries<'m>(&mut self, one: bool, map: &'m MapFile) -> Result<Vec<&'m Account>, Diagnostic> {
        let accounts = &map.map.accounts;
        let name = map.named().name;
        if self.account.is_empty() && self.role_arn.is_empty() {
            let listed: Vec<&Account> = map.map.used();
            if one && listed.len() > 1 {
                let error = "a trust policy belongs to one role, but the map has several accounts";
                return Err(
                    Diagnostic::error(error).help(format!("pick one with --account: {}", map.named().accounts()))
                );
            }
            return Ok(listed);
        }
        let mut entries: Vec<&Account> = Vec::new();
        for account in std::mem::take(&mut self.account) {
            let is_named = |entry: &&Account| {
                self.names.contains(&entry.name.value) || !self.names.iter().any(|name| is_of(map, name, &account))
            };
            let own: Vec<&Account> =
                accounts.iter().filter(|entry| entry.account.value == account).filter(is_named).collect();
            if let Some(source) = map.map.source.account.as_ref().filter(|source| source.value == account) {
                return Err(target_is_source(&account, &map.place(source.span)));
            }
            if own.is_empty() {
                return Err(Diagnostic::error(format!("account {account} (--account) is not in {name}"))
                    .help(format!("it has {}", map.named().accounts()))
                    .help("add it to the map, or pass --no-config to ignore the map"));
            }
            if one && own.len() > 1 {
                return Err(several_roles(&account, &own, name));
            }
            entries.extend(own);
        }
        Ok(entries)
    }

    /// Whether the requested policy is about an entry's role. Adds a warning if another identity assumes it.
    fn is_assumed(&mut self, entry: &Account, one: bool, hop: Option<&RoleArn>, map: &MapFile) -> bool {
        let skipped = |why: String| Diagnostic::warning(format!("account {}: {why}", entry.title()));
        if let Some(existing) = &entry.identity_ref {
            let warning = skipped(format!("{} is not managed by the map, and its role is not known", existing.value));
            let place = map.place(existing.span);
            self.warnings.push(warning.help(format!("pass --role-arn with its role; identityRef is at {place}")));
            return false;
        }
        let source = entry.source_identity.as_ref().filter(|source| source.value.kind != IdentityKind::Controller);
        let partition = self.partition.unwrap_or(Partition::Aws);
        match (source, hop) {
            // The principals of a trust policy are found later.
            _ if one => true,
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(source), Some(hop)) => hub(map, &source.value, partition).as_ref() == Some(hop),
            (Some(source), None) => {
                let warning =
                    skipped(format!("skipped, because {} assumes its role and not the controller", source.value));
                self.warnings.push(match hub(map, &source.value, partition) {
                    Some(role) => warning.help(format!("--for-role {role} prints that role's policy")),
                    None => warning.help("the role of that identity needs the permission"),
                });
                false
            }
        }
    }
}

/// Whether a name of the map is one of this account.
fn is_of(map: &MapFile, name: &str, account: &AccountId) -> bool {
    map.map.named(name).is_ok_and(|entry| entry.account.value == *account)
}

fn several_roles(account: &AccountId, entries: &[&Account], map: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("account {account} has {} roles in {map}", entries.len()));
    entries.iter().fold(error, |error, entry| {
        let role =
            entry.role(Partition::Aws).map_or_else(String::new, |role| format!("  # role {}", role.path_and_name()));
        error.help(format!("--account {}{role}", entry.name.value))
    })
}
