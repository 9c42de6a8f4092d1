//! The trust policies of the roles of all target accounts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use xaccount::aws::RoleArn;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::iam::PolicyChange;
use xaccount::iam::manifests::uses;
use xaccount::iam::render::{self, AccountRole, AccountsError, Side};

use super::ask::{self, PolicyRequest};
use super::deliver::PolicyDelivery;
use super::new_files::write_new;
use super::read::Read;
use crate::cli::{AskedAccount, PolicyFormat, Trust};
use crate::commands::{CommandError, Messages, Printed, Terminal};
use crate::output;

/// A role, and what its trust policy needs.
struct OneRole {
    /// The name of the account in the map, else of the role.
    name: String,
    args: Trust,
    ask: PolicyRequest,
}

/// Writes a file for each account, or prints a template for all of them.
///
/// # Errors
/// No role is known, the format can't contain all of them, or a file can't be written.
pub(super) fn trust(args: &Trust, terminal: &Terminal) -> Result<Printed, CommandError> {
    let format = args.policy.output;
    if args.output_dir.is_none() && !matches!(format, Some(PolicyFormat::Cloudformation | PolicyFormat::Terraform)) {
        return Err(Diagnostic::error("--all needs a directory for its files")
            .help("add --output-dir DIR, which gets a file for each account")
            .help("or -o cloudformation for a stack set, or -o terraform for one module with for_each")
            .into());
    }
    let read = Read::new(&args.manifests, &args.policy, &args.config, terminal)?;
    let (roles, mut warnings) = roles(args, &read).map_err(|errors| read.refused(errors))?;
    if roles.is_empty() {
        let error =
            Diagnostic::error("no target account has a role").help("add accounts to the account map, or pass -f");
        return Err(error.into());
    }
    warnings.extend(roles.iter().flat_map(|role| role.ask.warnings.iter().cloned()));
    warnings.dedup();
    let mut messages = Messages::default();
    match read.manifests {
        Some(manifests) => manifests.warn(&warnings, &mut messages),
        None => messages.plain(warnings),
    }
    if let Some(map) = &read.map {
        messages.note(map.used());
    }
    let count = output::count(roles.len(), "role");
    let Some(directory) = &args.output_dir else {
        let stdout = together(&roles, format)?.into_bytes();
        return Ok(Printed { messages, summary: vec![format!("{count} in one document")], ..Printed::of(stdout) });
    };
    let files = files_of(&roles, directory, terminal)?;
    let written = write_new(&files)?;
    let stdout: String = files.keys().map(|path| format!("{}\n", escape_control(&path.to_string_lossy()))).collect();
    let kept = files.len() - written;
    let summary = match kept {
        0 => format!("{} written", output::count(written, "file")),
        _ => format!("{} written, {kept} unchanged", output::count(written, "file")),
    };
    Ok(Printed { messages, summary: vec![summary], ..Printed::of(stdout.into_bytes()) })
}

/// The roles of the manifests, or else of the account map.
fn roles(args: &Trust, read: &Read) -> Result<(Vec<OneRole>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    let mut add = |name: Option<String>, args: Trust| -> Result<(), Vec<Diagnostic>> {
        let ask = ask::trust(&args, read.inventory(), None, read.map.as_ref())?;
        // Role names are often the same in all accounts.
        let account = ask.owner.account.as_ref().map(|account| format!("-{account}")).unwrap_or_default();
        let name = name.unwrap_or_else(|| format!("{}{account}", ask.owner.name));
        all.push(OneRole { name, args, ask });
        Ok(())
    };
    if let Some(inventory) = read.inventory() {
        let mut arns: Vec<RoleArn> = uses(inventory)?.into_iter().map(|one| one.role).collect();
        arns.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        arns.dedup();
        for arn in arns {
            let name = read.map.as_ref().and_then(|map| ask::entry_of(map, &arn));
            let mut one = args.clone();
            one.target.role_arn = vec![arn];
            add(name, one)?;
        }
        return Ok((all, warnings));
    }
    let Some(map) = &read.map else {
        let error = Diagnostic::error("--all needs an account map or manifests");
        return Err(vec![error.help("pass --config FILE, or -f clusters/ -R").help("map init makes an account map")]);
    };
    for entry in map.map.used() {
        if let Some(existing) = &entry.identity_ref {
            let warning =
                format!("account {}: skipped, because the role of {} is not known", entry.title(), existing.value);
            warnings.push(Diagnostic::warning(warning));
            continue;
        }
        let mut one = args.clone();
        one.target.account = vec![AskedAccount::Name(entry.name.value.clone())];
        add(Some(entry.name.value.clone()), one)?;
    }
    Ok((all, warnings))
}

/// All roles in one template or module.
fn together(roles: &[OneRole], format: Option<PolicyFormat>) -> Result<String, Diagnostic> {
    let mut all = Vec::new();
    for OneRole { name, ask, .. } in roles {
        let (PolicyChange::Grant(grant), Some(account)) = (&ask.change, &ask.owner.account) else { continue };
        all.push(AccountRole {
            name,
            account,
            role_name: &ask.owner.name,
            role_path: &ask.owner.path,
            permissions_boundary: ask.owner.permissions_boundary.as_deref(),
            grant,
        });
    }
    let text = match format {
        Some(PolicyFormat::Terraform) => render::for_each(&all),
        _ => render::stack_set(&all),
    };
    text.map_err(|error: AccountsError| {
        Diagnostic::error(error.to_string()).help("add --output-dir DIR, which gets a file for each account")
    })
}

/// The files and their texts.
fn files_of(
    roles: &[OneRole],
    directory: &Path,
    terminal: &Terminal,
) -> Result<BTreeMap<PathBuf, String>, CommandError> {
    let mut files = BTreeMap::new();
    for OneRole { name, args, ask } in roles {
        let (policy, change) = (&args.policy, &args.change);
        let profile = args.target_profile.as_deref();
        let delivery = PolicyDelivery { side: Side::Trust, ask, policy, change, policy_name: "", profile, terminal };
        let text = delivery.text(&ask.document(!args.policy.prints_document()))?;
        let ending = match policy.output {
            Some(PolicyFormat::Cli) => "sh",
            Some(PolicyFormat::Terraform) => "tf",
            Some(PolicyFormat::Clusterawsadm) => "yaml",
            None | Some(PolicyFormat::Json | PolicyFormat::Cloudformation) => "json",
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let account = ask.owner.account.as_ref().map_or("unknown".to_owned(), ToString::to_string);
        let name = name.strip_suffix(&format!("-{account}")).unwrap_or(&name);
        let path = directory.join(format!("{account}-{name}.{ending}"));
        if files.insert(path.clone(), text).is_some() {
            let error = format!("two roles would be in the file {}", path.display());
            return Err(Diagnostic::error(error).help("give the accounts of the map different names").into());
        }
    }
    Ok(files)
}
