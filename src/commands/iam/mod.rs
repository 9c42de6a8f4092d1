//! `kubectl xaccount iam`.

mod all;
mod ask;
mod deliver;
mod manifests;
mod merged;
mod new_files;
mod owner;
mod read;
mod target_permission;

use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::iam::render::Side;

use super::map_file::MapFile;
use super::{CommandError, Printed, Terminal};
use crate::cli::{ChangeArgs, Iam, IamVerb, Permission, PolicyArgs, PolicyFormat, SourceTrust, Trust};
use deliver::PolicyDelivery;
use merged::Merging;
use read::{Read, map_search_paths, refuse_document};

pub(crate) fn run(args: &Iam, terminal: &Terminal) -> Result<Printed, CommandError> {
    match &args.verb {
        IamVerb::Trust(args) => trust(args, terminal),
        IamVerb::Permission(args) => permission(args, terminal),
        IamVerb::SourceTrust(args) => source_trust(args, terminal),
        IamVerb::TargetPermission(args) => target_permission::run(args, terminal),
    }
}

fn trust(args: &Trust, terminal: &Terminal) -> Result<Printed, CommandError> {
    refuse_without_document(&args.policy, &args.change)?;
    refuse_new_role(args.new_role, &args.policy)?;
    if args.all {
        return all::trust(args, terminal);
    }
    let read = Read::new(&args.manifests, &args.policy, &args.config, terminal)?;
    let ask = ask::trust(args, read.inventory(), read.merging.as_ref(), read.map.as_ref())
        .map_err(|errors| read.refused(errors))?;
    let document = ask.document(args.new_role || !args.policy.prints_document());
    let (messages, merging) = read.messages(&ask, terminal);
    let is_bare = merging.is_none() && !args.new_role && !args.change.remove && args.policy.output.is_none();
    let hint = is_bare.then(|| {
        let role = ask.title();
        let (what, them) = if document.is_array() { ("two statements", "them") } else { ("a statement", "it") };
        format!("{what} for the trust policy of {role}; --merge adds {them} to an existing document, --new-role prints a whole one")
    });
    let profile = args.target_profile.as_deref();
    let delivery = PolicyDelivery {
        side: Side::Trust,
        ask: &ask,
        policy: &args.policy,
        change: &args.change,
        policy_name: "",
        profile,
        terminal,
    };
    delivery.run(&document, merging, messages, hint)
}

/// The policy of the source account's role itself. It needs no manifests.
fn source_trust(args: &SourceTrust, terminal: &Terminal) -> Result<Printed, CommandError> {
    refuse_new_role(args.new_role, &args.policy)?;
    let merging = Merging::read(&args.policy)?;
    refuse_document(&args.policy)?;
    let map = MapFile::find(&args.config, &map_search_paths(None), terminal)?;
    let read = Read { manifests: None, merging, map };
    let ask = ask::source_trust(args, read.merging.as_ref(), read.map.as_ref())?;
    let document = ask.document(args.new_role || !args.policy.prints_document());
    let (messages, merging) = read.messages(&ask, terminal);
    let is_bare = merging.is_none() && !args.new_role && args.policy.output.is_none();
    let hint = is_bare.then(|| {
        format!(
            "a statement for the trust policy of {}; -o cli prints a script with the commands around it",
            ask.title()
        )
    });
    let (profile, change) = (args.source_profile.as_deref(), &ChangeArgs::default());
    let (side, policy) = (Side::Trust, &args.policy);
    let delivery = PolicyDelivery { side, ask: &ask, policy, change, policy_name: "", profile, terminal };
    delivery.run(&document, merging, messages, hint)
}

/// Refuses `--new-role` with a format that is not the document.
fn refuse_new_role(new_role: bool, policy: &PolicyArgs) -> Result<(), Diagnostic> {
    if new_role && !policy.prints_document() {
        let error = "--new-role prints a JSON document, and can't be combined with other formats of -o";
        return Err(Diagnostic::error(error).help("omit --new-role or -o"));
    }
    Ok(())
}

fn permission(args: &Permission, terminal: &Terminal) -> Result<Printed, CommandError> {
    refuse_without_document(&args.policy, &args.change)?;
    let read = Read::new(&args.manifests, &args.policy, &args.config, terminal)?;
    let ask = ask::permission(args, read.inventory(), read.merging.as_ref(), read.map.as_ref())
        .map_err(|errors| read.refused(errors))?;
    let (messages, merging) = read.messages(&ask, terminal);
    let json = args.policy.prints_document();
    let hint = if args.change.remove { None } else { ask.counted(merging.is_none() && json) };
    let profile = args.source_profile.as_deref();
    let policy_name = policy_name(args, merging.as_ref())?;
    let policy_name = policy_name.as_str();
    let side = Side::Permission;
    let delivery =
        PolicyDelivery { side, ask: &ask, policy: &args.policy, change: &args.change, policy_name, profile, terminal };
    delivery.run(&ask.change.document(), merging, messages, hint)
}

/// The name of the inline policy: the flag's, else the document's, else the default.
///
/// # Errors
/// The flag and the document have different names.
fn policy_name(args: &Permission, merging: Option<&Merging>) -> Result<String, Diagnostic> {
    let given = merging.map(|merging| &merging.given);
    let of_document = given.and_then(|given| given.policy_name());
    if let (Some(role), false) =
        (given.and_then(|given| given.role_name()), args.source.source_role == DEFAULT_ROLE_NAME)
    {
        let asked = args.source.source_role.rsplit('/').next().unwrap_or_default();
        if asked != role {
            let error =
                Diagnostic::error(format!("the document belongs to the role {role}, but --source-role is {asked}"));
            return Err(error.help(format!("omit --source-role, or pass the policy of the role {asked}")));
        }
    }
    match (&args.policy_name, of_document) {
        (Some(asked), Some(existing)) if asked != existing => {
            Err(Diagnostic::error(format!("the document is the policy {existing}, but --policy-name is {asked}"))
                .help(format!("omit --policy-name, or pass the policy {asked}")))
        }
        (Some(name), _) => Ok(name.clone()),
        (None, existing) => Ok(existing.unwrap_or("xaccount-assume-role").to_owned()),
    }
}

/// Refuses modes that need an existing document.
fn refuse_without_document(policy: &PolicyArgs, change: &ChangeArgs) -> Result<(), Diagnostic> {
    let flags = [(change.remove, "--remove"), (change.overwrite, "--overwrite")];
    match flags.into_iter().find(|(given, _)| *given) {
        Some((_, flag)) if policy.merge.is_none() && policy.output != Some(PolicyFormat::Cli) => {
            Err(Diagnostic::error(format!("{flag} needs an existing policy document"))
                .help("add --merge FILE, or -o cli for a script that changes the live policy"))
        }
        _ => Ok(()),
    }
}
