//! `kubectl xaccount iam`.

mod ask;
mod deliver;
mod manifests;
mod merged;
mod owner;
mod target_permission;

use std::path::{Path, PathBuf};

use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::files::Input;
use xaccount::iam::render::Side;
use xaccount::inventory::Inventory;

use super::map_file::MapFile;
use super::{CommandError, Messages, Printed, Terminal};
use crate::cli::{ConfigArgs, Iam, IamVerb, ManifestArgs, Permission, PolicyArgs, PolicyFormat, Trust};
use ask::GrantRequest;
use deliver::PolicyDelivery;
use manifests::Manifests;
use merged::Merging;

pub(crate) fn run(args: &Iam, terminal: &Terminal) -> Result<Printed, CommandError> {
    match &args.verb {
        IamVerb::Trust(args) => trust(args, terminal),
        IamVerb::Permission(args) => permission(args, terminal),
        IamVerb::TargetPermission(args) => target_permission::run(args, terminal),
    }
}

/// The input of both verbs.
struct Read {
    manifests: Option<Manifests>,
    merging: Option<Merging>,
    map: Option<MapFile>,
}

impl Read {
    fn new(
        manifests: &ManifestArgs,
        policy: &PolicyArgs,
        config: &ConfigArgs,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        let found = Manifests::find(manifests, policy.merge.as_deref())?;
        let merging = Merging::read(policy)?;
        // Whose policy it is comes first: another form would not make it a role's.
        if let Some((owner, given)) =
            merging.as_ref().and_then(|merging| Some((merging.given.owner()?, &merging.given)))
        {
            owner::refuse_role(owner, given.policy_name(), policy)?;
        }
        refuse_document(policy)?;
        let map = MapFile::find(config, &map_search_paths(found.as_deref()), terminal)?;
        let identity_file = map.as_ref().and_then(MapFile::identity_file).filter(|path| path.exists());
        let read = |found| Manifests::read(found, manifests, identity_file.as_deref());
        let manifests = found.map(read).transpose()?;
        Ok(Self { manifests, merging, map })
    }

    fn inventory(&self) -> Option<&Inventory> {
        self.manifests.as_ref().map(|manifests| &manifests.inventory)
    }

    /// Errors about the manifests.
    fn refused(&self, errors: Vec<Diagnostic>) -> CommandError {
        match &self.manifests {
            Some(manifests) => CommandError::about(&manifests.session, manifests.explained(errors)),
            None => errors.into(),
        }
    }

    /// The messages before the result, and the document to change.
    fn messages(self, ask: &GrantRequest, terminal: &Terminal) -> (Messages, Option<Merging>) {
        let mut messages = Messages::default();
        if let Some(manifests) = self.manifests {
            manifests.warn(&ask.warnings, &mut messages);
        }
        if let Some(map) = &self.map {
            messages.note(map.used());
        }
        let decisions = ask.decisions.iter().filter(|_| terminal.explains());
        decisions.for_each(|line| messages.note(line));
        (messages, self.merging)
    }
}

fn trust(args: &Trust, terminal: &Terminal) -> Result<Printed, CommandError> {
    refuse_without_document(&args.policy)?;
    if args.new_role && !args.policy.prints_document() {
        let error = "--new-role prints a JSON document, and can't be combined with other formats of -o";
        return Err(Diagnostic::error(error).help("omit --new-role or -o").into());
    }
    let read = Read::new(&args.manifests, &args.policy, &args.config, terminal)?;
    let ask = ask::trust(args, read.inventory(), read.merging.as_ref(), read.map.as_ref())
        .map_err(|errors| read.refused(errors))?;
    let document = if args.new_role || args.policy.output.is_some_and(|format| format != PolicyFormat::Json) {
        ask.grant.new_role_document()
    } else {
        let mut statements = ask.grant.statements();
        // One statement goes into the list of a document as it is, and so do the items of a list.
        if statements.len() == 1 { statements.remove(0) } else { statements.into() }
    };
    let (messages, merging) = read.messages(&ask, terminal);
    let is_bare = merging.is_none() && !args.new_role && !args.policy.remove && args.policy.output.is_none();
    let hint = is_bare.then(|| {
        let role = ask.title();
        let (what, them) = if document.is_array() { ("two statements", "them") } else { ("a statement", "it") };
        format!("{what} for the trust policy of {role}; --merge adds {them} to an existing document, --new-role prints a whole one")
    });
    let profile = args.target_profile.as_deref();
    let delivery =
        PolicyDelivery { side: Side::Trust, ask: &ask, policy: &args.policy, policy_name: "", profile, terminal };
    delivery.run(&document, merging, messages, hint)
}

fn permission(args: &Permission, terminal: &Terminal) -> Result<Printed, CommandError> {
    refuse_without_document(&args.policy)?;
    let read = Read::new(&args.manifests, &args.policy, &args.config, terminal)?;
    let ask = ask::permission(args, read.inventory(), read.merging.as_ref(), read.map.as_ref())
        .map_err(|errors| read.refused(errors))?;
    let (messages, merging) = read.messages(&ask, terminal);
    let json = args.policy.prints_document();
    let hint = if args.policy.remove { None } else { ask.counted(merging.is_none() && json) };
    let profile = args.source_profile.as_deref();
    let policy_name = policy_name(args, merging.as_ref())?;
    let policy_name = policy_name.as_str();
    let side = Side::Permission;
    let delivery = PolicyDelivery { side, ask: &ask, policy: &args.policy, policy_name, profile, terminal };
    delivery.run(&ask.grant.document(), merging, messages, hint)
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

/// The paths above which the account map is looked for: the manifests, else the working directory.
fn map_search_paths(found: Option<&[Input]>) -> Vec<PathBuf> {
    let path = |input: &Input| input.path().map_or_else(|| PathBuf::from("-"), Path::to_owned);
    let paths: Vec<PathBuf> = found.unwrap_or_default().iter().map(path).collect();
    if paths.is_empty() { vec![PathBuf::from("-")] } else { paths }
}

/// Refuses modes that need an existing document.
fn refuse_without_document(policy: &PolicyArgs) -> Result<(), Diagnostic> {
    let flags = [(policy.remove, "--remove"), (policy.overwrite, "--overwrite")];
    match flags.into_iter().find(|(given, _)| *given) {
        Some((_, flag)) if policy.merge.is_none() && policy.output != Some(PolicyFormat::Cli) => {
            Err(Diagnostic::error(format!("{flag} needs an existing policy document"))
                .help("add --merge FILE, or -o cli for a script that changes the live policy"))
        }
        _ => Ok(()),
    }
}

/// Refuses formats that take no existing document.
fn refuse_document(policy: &PolicyArgs) -> Result<(), Diagnostic> {
    match policy.output {
        Some(PolicyFormat::Cli) if policy.merge.is_some() => {
            Err(Diagnostic::error("--merge can't be combined with -o cli, whose script changes the live policy")
                .help("omit --merge"))
        }
        Some(PolicyFormat::Clusterawsadm) if policy.merge.is_some() => {
            Err(Diagnostic::error("--merge can't be combined with -o clusterawsadm, which takes no whole document")
                .help("omit --merge: clusterawsadm adds the statements to its own"))
        }
        _ => Ok(()),
    }
}
