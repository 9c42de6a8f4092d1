//! `kubectl xaccount eject`.

use std::rc::Rc;

use xaccount::aws::Partition;
use xaccount::capa;
use xaccount::diag::Diagnostic;
use xaccount::eject::{self, EjectRequest, EjectTarget, RemovedAccess};
use xaccount::inventory::{Inventory, Scan};
use xaccount::plan::{Failure, IdentityFile, Outcome};
use xaccount::session::Session;
use xaccount::usages;

use super::edit::{Delivery, Mode, refuse_inputs};
use super::empty::no_cluster;
use super::input::{self, Usage, counted};
use super::live::LiveSource;
use super::map_file::MapFile;
use super::owners::with_owners;
use super::prune::{UserSearch, emptied, generated, refuse_live};
use super::request::{account_id, identity_file, selection};
use super::wrappers::{NOT_EDITED, Wrappers};
use super::{CommandError, Messages, Printed, Terminal};
use crate::cli::{AskedAccount, Eject};
use crate::output::Wording;

const USAGE: Usage = Usage { verb: "eject", flags: "", edits: true, reads_kustomizations: false, prints: "-o yaml" };

/// What a run works on.
struct PreparedEject {
    request: EjectRequest,
    session: Session,
    map: Option<MapFile>,
}

pub(crate) fn run(args: &Eject, terminal: &Terminal) -> Result<Printed, CommandError> {
    input::note_unread(&args.input, terminal);
    let mode = Mode::of(&args.mode);
    let PreparedEject { request, mut session, map } = prepare(args, mode, terminal)?;
    let needles = capa::needles();
    let scan = input::scan(&needles, args.scan.skip_templates, None);
    let scanned = session.scan(&scan);
    let session = Rc::new(session);
    let (inventory, warnings) = scanned.map_err(|errors| CommandError::about(&session, errors))?;
    let work = EjectWork { args, session: &session, scan: &scan, map: map.as_ref() };
    let (inventory, outcome, warnings) = work.outcome(inventory, warnings, request)?;
    let mut messages = Messages::default();
    messages.about(&session, warnings);
    if let Some(map) = &map {
        messages.note(map.used());
    }
    outcome.decisions.iter().for_each(|line| messages.note(line));
    let (inventory, outcome) = (&inventory, &outcome);
    let wording = if args.prune.prune { &Wording::PRUNE } else { &Wording::EJECT };
    Delivery { mode, session: &session, inventory, outcome, terminal, wording }.run(messages, &session)
}

/// All that a plan depends on.
struct EjectWork<'w> {
    args: &'w Eject,
    session: &'w Rc<Session>,
    scan: &'w Scan<'w>,
    map: Option<&'w MapFile>,
}

impl EjectWork<'_> {
    /// The changes to make, and warnings about them.
    fn outcome(
        &self,
        inventory: Inventory,
        mut warnings: Vec<Diagnostic>,
        mut request: EjectRequest,
    ) -> Result<(Inventory, Outcome, Vec<Diagnostic>), CommandError> {
        let (args, session) = (self.args, self.session);
        let about = |errors: Vec<Diagnostic>| CommandError::about(session, errors);
        let identity_file = match request.identity_file {
            Some(IdentityFile::Existing(file)) => session.input(file).path(),
            _ => None,
        };
        let (inventory, of_skipped, kustomizations) =
            counted(session, inventory, identity_file).map_err(|error| about(vec![error]))?;
        warnings.extend(of_skipped);
        let inventory = input::placed(inventory, args.select.default_namespace.as_deref());
        let builds = &kustomizations.builds;
        // eject doesn't use the map to select clusters; only flags select them.
        let inventory = with_owners(inventory, session, &request.selection, self.map, builds, false);
        let search = UserSearch::new(self.map, args.prune.live.as_deref());
        search.limit(&mut request, &inventory, session, builds);
        let outcome = match self.plan(&inventory, &request, &search) {
            Ok(outcome) => outcome,
            Err(Failure::EmptySelection(_)) if args.scan.allow_empty => {
                Outcome::nothing(&inventory, &request.selection)
            }
            Err(Failure::EmptySelection(nothing)) => {
                warnings.push(no_cluster(&nothing, session, &inventory, &args.select, &USAGE));
                return Err(about(warnings));
            }
            Err(Failure::Refused(errors)) => {
                warnings.extend(errors);
                return Err(about(warnings));
            }
        };
        if let Some(source) = LiveSource::of(args.prune.live.as_deref(), &args.prune.cluster)? {
            let removed = RemovedAccess::of(&inventory, &outcome);
            refuse_live(source, self.scan, &inventory, &removed).map_err(about)?;
        }
        warnings.extend(outcome.warnings.iter().cloned());
        warnings.extend(emptied(session, &outcome, builds));
        warnings.extend(Wrappers::beside(&inventory, &USAGE, NOT_EDITED));
        Ok((inventory, outcome, warnings))
    }

    /// The plan: references to remove, and identities that nothing else references.
    fn plan(&self, inventory: &Inventory, request: &EjectRequest, search: &UserSearch<'_>) -> Result<Outcome, Failure> {
        let draft = eject::draft(inventory, request)?;
        Ok(draft.finish(|draft| usages::named(self.session, inventory, draft, search.limits())))
    }
}

fn prepare(args: &Eject, mode: Mode, terminal: &Terminal) -> Result<PreparedEject, CommandError> {
    let references = &args.references;
    let found = input::find(&args.input, &USAGE)?;
    refuse_inputs(&found, &args.input, mode, &USAGE)?;
    if let Some(path) = references.identity_file.as_ref().filter(|path| !path.exists()) {
        let error = Diagnostic::error(format!("--identity-file {} does not exist", path.display()));
        return Err(error.help("check the spelling and the current directory, or omit the flag").into());
    }
    let map = input::map_above(&found, &args.input, &args.map, terminal)?;
    let identity_file = identity_file(references.identity_file.as_deref(), map.as_ref())?.map(|file| file.value);
    let session = input::open(found, &args.input, identity_file.as_deref(), None)?;
    let target = match (&references.account, &references.role_arn) {
        (Some(account), _) => Some(target(account, map.as_ref())?),
        (None, Some(role)) => Some(EjectTarget::Role(role.clone())),
        (None, None) => None,
    };
    let request = EjectRequest {
        selection: selection(&args.select),
        identity_names: references.identity_name.clone(),
        target,
        identity_file: identity_file.and_then(|path| session.find(&path)).map(IdentityFile::Existing),
        prune: args.prune.prune,
        generated: generated(map.as_ref())?,
        has_dump: args.prune.live.is_some(),
        explain: terminal.explains(),
        ..EjectRequest::default()
    };
    Ok(PreparedEject { request, session, map })
}

/// The target of `--account`: the account, or its role in the map if it has several.
fn target(asked: &AskedAccount, map: Option<&MapFile>) -> Result<EjectTarget, Diagnostic> {
    let id = account_id("--account", asked, map.map(MapFile::named))?;
    let entries = map.map_or(&[][..], |map| &map.map.accounts);
    let is_one_of_several = entries.iter().filter(|entry| entry.account.value == id).count() > 1;
    let named = |name: &String| {
        let entry = entries.iter().find(|entry| entry.name.value == *name)?;
        entry.role(map.map_or(Partition::Aws, |map| map.partition(entry)))
    };
    Ok(match asked {
        AskedAccount::Name(name) if is_one_of_several => {
            named(name).map_or(EjectTarget::Account(id), EjectTarget::Role)
        }
        _ => EjectTarget::Account(id),
    })
}
