//! What the verbs that remove identities share: what `inject` would write, what the management cluster uses, and which files
//! are left without an object.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use xaccount::capa::{IdentityKind, ObjectKind};
use xaccount::diag::{Diagnostic, FileId, escape_control};
use xaccount::eject::{self, EjectRequest, RemovedAccess};
use xaccount::inject::{self, GeneratedIdentities, InjectRequest, SpecifiedTarget};
use xaccount::inventory::{Builds, Inventory, Scan};
use xaccount::plan::Outcome;
use xaccount::session::{self, Session};
use xaccount::usages::{self, UsageLimits};

use super::live::{self, LiveSource};
use super::map_file::MapFile;

/// The directories that limit the search for users of identities.
pub(crate) struct UserSearch<'r> {
    home: Option<PathBuf>,
    here: Option<PathBuf>,
    map: Option<&'r MapFile>,
    /// The account map, and the dump.
    not_users: Vec<PathBuf>,
}

impl<'r> UserSearch<'r> {
    pub(crate) fn new(map: Option<&'r MapFile>, dump: Option<&Path>) -> Self {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
        let dump = dump.and_then(|dump| dump.canonicalize().ok());
        let not_users = map.map(|map| map.path().to_owned()).into_iter().chain(dump).collect();
        Self { home: std::env::home_dir(), here, map, not_users }
    }

    pub(crate) fn limits(&self) -> UsageLimits<'_> {
        UsageLimits {
            home: self.home.as_deref(),
            map: self.map.map(MapFile::directory),
            not_users: &self.not_users,
            here: self.here.as_deref(),
        }
    }

    /// Adds the files to a request of which the search does not find all users.
    pub(crate) fn limit(&self, request: &mut EjectRequest, inventory: &Inventory, inputs: &Session, builds: &Builds) {
        let identities = inventory.objects().iter();
        let identities = identities.filter(|found| matches!(found.object.object_kind, ObjectKind::Identity(..)));
        let files: BTreeSet<FileId> = identities.map(|found| found.origin.file).collect();
        request.renamed = files.iter().copied().filter(|&file| builds.renames_objects_of(file)).collect();
        let is_untraced = |file: &FileId| !usages::has_tree(inputs, *file, self.limits());
        request.untraced = files.into_iter().filter(is_untraced).collect();
    }
}

/// The identities that `inject` writes with the account map.
///
/// # Errors
/// An account of the map is not valid.
pub(crate) fn generated(map: Option<&MapFile>) -> Result<GeneratedIdentities, Vec<Diagnostic>> {
    let Some(map) = map else { return Ok(GeneratedIdentities::default()) };
    let (inventory, base, none) = (Inventory::default(), InjectRequest::default(), SpecifiedTarget::default());
    // An identity that exists already is not generated.
    let accounts = map.map.accounts.iter().filter(|account| account.identity_ref.is_none());
    let requests: Result<Vec<InjectRequest>, Vec<Diagnostic>> = map.with_mapped(None, true, |mapped| {
        accounts.map(|account| inject::for_account(&inventory, &base, mapped, account, &none)).collect()
    });
    let unmanaged = map.map.accounts.iter().filter_map(|account| Some(account.identity_ref.as_ref()?.value.clone()));
    let unmanaged = unmanaged.filter(|one| one.kind == IdentityKind::Role).map(|one| one.name);
    Ok(GeneratedIdentities::of(requests?).with_unmanaged(unmanaged))
}

/// Refuses a plan that removes what an object in the management cluster uses.
///
/// # Errors
/// The cluster can't be read, a dump of it has no cluster, or an object in it uses what is removed.
pub(crate) fn refuse_live(
    source: LiveSource<'_>,
    scan: &Scan<'_>,
    inventory: &Inventory,
    removed: &[RemovedAccess],
) -> Result<(), Vec<Diagnostic>> {
    let dump = live::users(source, scan, inventory).map_err(|error| vec![error])?;
    match eject::in_use(&dump, removed) {
        errors if errors.is_empty() => Ok(()),
        errors => Err(errors),
    }
}

/// A warning for each file that a plan leaves without an object.
pub(crate) fn emptied(session: &Session, outcome: &Outcome, builds: &Builds) -> Vec<Diagnostic> {
    let removes = |file: &FileId| !outcome.plans[file].removed_documents.is_empty();
    let files = outcome.plans.keys().copied().filter(removes);
    files.filter(|&file| is_emptied(session, outcome, file)).map(|file| without_object(session, builds, file)).collect()
}

fn without_object(session: &Session, builds: &Builds, file: FileId) -> Diagnostic {
    let name = escape_control(session.name(file));
    let line = builds.listed_at(file).map_or(String::new(), |place| format!(", and its line at {place}"));
    Diagnostic::warning(format!("{name} is left without an object: kubectl apply -f {name} would be an error"))
        .help(format!("delete the file{line}"))
}

/// Whether only comments and markers are left of a file.
fn is_emptied(session: &Session, outcome: &Outcome, file: FileId) -> bool {
    let plan = &outcome.plans[&file];
    // An error is reported when the plan is carried out.
    let proved = session.prove([(&file, plan)], |_, bytes, edited| session::content(edited, bytes));
    let content = proved.ok().and_then(|mut proved| proved.pop()).map(session::Proved::into_made);
    content.is_some_and(|content| {
        let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&content);
        let is_nothing = |line: &[u8]| {
            let line = line.trim_ascii();
            line.is_empty() || line.starts_with(b"#") || line == b"---" || line == b"..."
        };
        content.split(|&byte| byte == b'\n').all(is_nothing)
    })
}
