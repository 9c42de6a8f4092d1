//! `kubectl xaccount map init`, and what `status -o map` prints.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use serde::Deserialize;

use xaccount::aws::AccountId;
use xaccount::capa;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files;
use xaccount::inventory::Provenance;
use xaccount::session::Session;
use xaccount::status::{self, AccountClusters, MapOptions, Options, Status};

use crate::cli::MapInit;
use crate::commands::empty::nothing_found;
use crate::commands::input::{self, Usage, all_skipped};
use crate::commands::wrappers::Wrappers;
use crate::commands::{CommandError, Messages, Printed, Terminal, map_file};
use crate::output::{self, count};

const USAGE: Usage = Usage { verb: "map init", flags: "", edits: false, reads_kustomizations: false, prints: "" };

/// The command that prints the accounts of an organisation.
const LIST_ACCOUNTS: &str = "aws organizations list-accounts > accounts.json";

pub(crate) fn run(args: &MapInit, terminal: &Terminal) -> Result<Printed, CommandError> {
    input::note_unread(&args.input, terminal);
    let names = match &args.organizations {
        Some(path) => organization(path)?,
        None => BTreeMap::new(),
    };
    let found = input::find(&args.input, &USAGE)?;
    let mut session = input::open(found, &args.input, None, None)?;
    let needles = capa::needles_with_surroundings();
    let scanned = session.scan(&input::scan(&needles, args.skip_templates, None));
    let session = Rc::new(session);
    let about = |errors: Vec<Diagnostic>| CommandError::about(&session, errors);
    let (inventory, mut warnings) = scanned.map_err(about)?;
    let inventory = input::placed(inventory, args.default_namespace.as_deref());
    let (inventory, notes, _) = input::counted(&session, inventory, None)?;
    warnings.extend(notes);
    let status = status::status(&inventory, &Options::default());
    if status.rows.is_empty() && !args.allow_empty {
        let error = all_skipped(&inventory).unwrap_or_else(|| nothing_found(&session, &inventory, &USAGE, None));
        return Err(about(warnings.into_iter().chain([error]).collect()));
    }
    warnings.extend(Wrappers::beside(&inventory, &USAGE, "not in the map"));
    let mut messages = Messages::default();
    messages.about(&session, warnings);
    let Generated { text, notes } = generated(&session, &status, &names, args.source_account.as_ref())?;
    Ok(Printed { messages, summary: notes, ..Printed::of(text) })
}

/// A map's text, and lines about it.
pub(crate) struct Generated {
    pub(crate) text: Vec<u8>,
    pub(crate) notes: Vec<String>,
}

/// The map of these clusters, whose paths are relative to the working directory.
///
/// # Errors
/// As [`output::account_map`].
pub(crate) fn generated<O: Provenance>(
    session: &Session,
    status: &Status<'_, O>,
    names: &BTreeMap<AccountId, String>,
    source: Option<&AccountId>,
) -> Result<Generated, Diagnostic> {
    // A map that is found above the files is in the directory where this is run.
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let path = |file| map_file::relative(session, file, &here);
    let map = status::map(status, &MapOptions { path: &path, names, source });
    let mut notes: Vec<String> =
        map.not_expressed.iter().map(|sentence| format!("Warning: {}", escape_control(sentence))).collect();
    let count_of = |one: &AccountClusters| match one {
        AccountClusters::Clusters(clusters) => clusters.len(),
        AccountClusters::Source => 0,
    };
    let placed = map.clusters.iter().map(count_of).sum::<usize>();
    notes.push(format!(
        "{} in {}, {} in the source account",
        count(placed, "cluster"),
        count(map.clusters.len(), "account"),
        map.source_clusters.len()
    ));
    Ok(Generated { text: output::account_map(&map)?, notes })
}

/// The output of `aws organizations list-accounts`, as JSON or YAML (AWS CLI command reference, `list-accounts`).
#[derive(Deserialize)]
struct Organization {
    #[serde(rename = "Accounts")]
    accounts: Vec<OrganizationAccount>,
}

#[derive(Deserialize)]
struct OrganizationAccount {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Name")]
    name: Option<String>,
}

/// The names of the accounts in an organisation.
///
/// # Errors
/// The file can't be read, or is something else.
fn organization(path: &Path) -> Result<BTreeMap<AccountId, String>, Diagnostic> {
    let name = escape_control(&path.display().to_string()).into_owned();
    let bytes = files::read_limited(path)
        .map_err(|error| Diagnostic::error(format!("--organizations: {error}")).help(LIST_ACCOUNTS))?;
    let wrong = |why: String| {
        Diagnostic::error(format!("--organizations: {name} is not the output of list-accounts: {why}"))
            .help(LIST_ACCOUNTS)
    };
    let read: Organization = serde_yaml::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let mut names = BTreeMap::new();
    for account in read.accounts {
        let id: AccountId = account.id.parse().map_err(|error| wrong(format!("{error}")))?;
        names.extend(account.name.map(|name| (id, name)));
    }
    Ok(names)
}
