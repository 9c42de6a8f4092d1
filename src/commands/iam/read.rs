//! The input of the verbs.

use std::path::{Path, PathBuf};

use xaccount::diag::Diagnostic;
use xaccount::files::Input;
use xaccount::inventory::Inventory;

use super::ask::PolicyRequest;
use super::manifests::Manifests;
use super::merged::Merging;
use super::owner;
use crate::cli::{ConfigArgs, ManifestArgs, PolicyArgs, PolicyFormat};
use crate::commands::map_file::MapFile;
use crate::commands::{CommandError, Messages, Terminal};

/// The input of a verb.
pub(super) struct Read {
    pub(super) manifests: Option<Manifests>,
    pub(super) merging: Option<Merging>,
    pub(super) map: Option<MapFile>,
}

impl Read {
    pub(super) fn new(
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

    pub(super) fn inventory(&self) -> Option<&Inventory> {
        self.manifests.as_ref().map(|manifests| &manifests.inventory)
    }

    /// Errors about the manifests.
    pub(super) fn refused(&self, errors: Vec<Diagnostic>) -> CommandError {
        match &self.manifests {
            Some(manifests) => CommandError::about(&manifests.session, manifests.explained(errors)),
            None => errors.into(),
        }
    }

    /// The messages before the result, and the document to change.
    pub(super) fn messages(self, ask: &PolicyRequest, terminal: &Terminal) -> (Messages, Option<Merging>) {
        let mut messages = Messages::default();
        match self.manifests {
            Some(manifests) => manifests.warn(&ask.warnings, &mut messages),
            None => messages.plain(ask.warnings.clone()),
        }
        if let Some(map) = &self.map {
            messages.note(map.used());
        }
        let decisions = ask.decisions.iter().filter(|_| terminal.explains());
        decisions.for_each(|line| messages.note(line));
        (messages, self.merging)
    }
}

/// The paths above which the account map is looked for: the manifests, else the working directory.
pub(super) fn map_search_paths(found: Option<&[Input]>) -> Vec<PathBuf> {
    let path = |input: &Input| input.path().map_or_else(|| PathBuf::from("-"), Path::to_owned);
    let paths: Vec<PathBuf> = found.unwrap_or_default().iter().map(path).collect();
    if paths.is_empty() { vec![PathBuf::from("-")] } else { paths }
}

/// Refuses formats that take no existing document.
pub(super) fn refuse_document(policy: &PolicyArgs) -> Result<(), Diagnostic> {
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
