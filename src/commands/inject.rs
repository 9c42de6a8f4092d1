//! `kubectl xaccount inject`.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::rc::Rc;

use xaccount::capa;
use xaccount::diag::Diagnostic;
use xaccount::inject::{self, Evidence, InjectRequest, Mapped, Proposal, SpecifiedTarget, Unasked};
use xaccount::inventory::{Inventory, Scan};
use xaccount::plan::{Failure, IdentityFile, Outcome};
use xaccount::session::Session;

use super::edit::{Attempt, Delivery, Mode, refuse_inputs, unless_outrun, until_done};
use super::empty::no_cluster;
use super::input::{self, Usage, counted};
use super::live::LiveSource;
use super::map_file::MapFile;
use super::owners::with_owners;
use super::request::{identity_file, request, specified_target};
use super::wrappers::{NOT_EDITED, Wrappers};
use super::{CommandError, Messages, Printed, Terminal, head, live};
use crate::cli::Inject;
use crate::output::Wording;

const USAGE: Usage = Usage {
    verb: "inject",
    flags: " --account 222222222222",
    edits: true,
    reads_kustomizations: false,
    prints: "-o yaml",
};

/// What a run works on.
struct Prepared {
    /// The request of the flags.
    request: InjectRequest,
    /// The parts of the target that flags specify.
    specified: SpecifiedTarget,
    session: Session,
    map: Option<MapFile>,
}

pub(crate) fn run(args: &Inject, terminal: &Terminal) -> Result<Printed, CommandError> {
    input::note_unread(&args.input, terminal);
    until_done(|stdin| {
        let mode = Mode::of(&args.mode);
        match prepare(args, mode, stdin, terminal) {
            Ok(prepared) => attempt(args, mode, prepared, terminal),
            Err(error) => Attempt::Done(Err(error)),
        }
    })
}

/// Reads the inputs. `stdin` has the bytes of standard input if an earlier attempt has read it.
fn prepare(args: &Inject, mode: Mode, stdin: Option<&[u8]>, terminal: &Terminal) -> Result<Prepared, CommandError> {
    let found = input::find(&args.input, &USAGE)?;
    refuse_inputs(&found, &args.input, mode, &USAGE)?;
    let map = input::map_above(&found, &args.input, &args.map.config, terminal)?;
    let named = map.as_ref().map(MapFile::named);
    let mut request = request(&args.target, &args.select, &args.identity, named, terminal.explains())?;
    let specified = specified_target(&args.target, named)?;
    let identity_file = identity_file(args.identity.identity_file.as_deref(), map.as_ref())?;
    let session = input::open(found, &args.input, identity_file.as_ref().map(|file| file.value.as_path()), stdin)?;
    request.identity_file = identity_file.map(|file| {
        file.with(match session.find(&file.value) {
            Some(id) => IdentityFile::Existing(id),
            None => IdentityFile::New(file.value.clone()),
        })
    });
    Ok(Prepared { request, specified, session, map })
}

fn attempt(args: &Inject, mode: Mode, prepared: Prepared, terminal: &Terminal) -> Attempt {
    let Prepared { request, specified, mut session, map } = prepared;
    let needles = capa::needles();
    let scan = input::scan(&needles, args.scan.skip_templates, args.topology.topology_variable.as_ref());
    let scanned = session.scan(&scan);
    let session = Rc::new(session);
    let identity_file = request.identity_file.as_ref().map(|file| &file.value);
    let (inventory, warnings) = match scanned {
        Ok(scanned) => scanned,
        Err(errors) => {
            return unless_outrun(Err(CommandError::about(&session, errors)), mode, &session, identity_file);
        }
    };
    let work = InjectWork { args, request: &request, specified: &specified, session: &session, scan: &scan, mode };
    let mut messages = Messages::default();
    let (inventory, outcome) = match work.outcome(inventory, warnings, map.as_ref(), &mut messages) {
        // The program ends after this: the system frees the memory faster than dropping each value would.
        Ok((inventory, outcome)) => (ManuallyDrop::new(inventory), ManuallyDrop::new(outcome)),
        // What contradicts the identity file may be what another run has just written.
        Err(error) => return unless_outrun(Err(error), mode, &session, identity_file),
    };
    if let Some(map) = &map {
        messages.note(map.used());
    }
    outcome.decisions.iter().for_each(|line| messages.note(line));
    let delivery = Delivery {
        mode,
        session: &session,
        inventory: &inventory,
        outcome: &outcome,
        terminal,
        wording: &Wording::INJECT,
    };
    unless_outrun(delivery.run(messages, &session), mode, &session, identity_file)
}

/// All that a plan depends on.
struct InjectWork<'w> {
    args: &'w Inject,
    request: &'w InjectRequest,
    specified: &'w SpecifiedTarget,
    session: &'w Rc<Session>,
    scan: &'w Scan<'w>,
    mode: Mode,
}

impl InjectWork<'_> {
    /// The changes to make. Warnings are added to `messages`.
    fn outcome(
        &self,
        inventory: Inventory,
        mut warnings: Vec<Diagnostic>,
        map: Option<&MapFile>,
        messages: &mut Messages,
    ) -> Result<(Inventory, Outcome), CommandError> {
        let about = |errors: Vec<Diagnostic>| CommandError::about(self.session, errors);
        let file = self.request.identity_file.as_ref().map(|file| &file.value);
        input::refuse_array(self.session, file).map_err(|error| about(vec![error]))?;
        let (inventory, of_skipped, kustomizations) =
            counted(self.session, inventory, self.identity_file().as_deref()).map_err(|error| about(vec![error]))?;
        warnings.extend(of_skipped);
        let inventory = input::placed(inventory, self.args.select.default_namespace.as_deref());
        let inventory =
            with_owners(inventory, self.session, &self.request.selection, map, &kustomizations.builds, true);
        let mut evidence = Evidence::default();
        if let Some(source) = LiveSource::of(self.args.target.live.as_deref(), &self.args.cluster)? {
            let (live, warning) = live::read(source, self.scan, &inventory)?;
            evidence.live = Some(live);
            warnings.extend(warning);
        }
        let outcome = match self.plan(&inventory, map, evidence) {
            Ok(outcome) => outcome,
            Err(Failure::EmptySelection(_)) if self.args.scan.allow_empty => {
                Outcome::nothing(&inventory, &self.request.selection)
            }
            Err(Failure::EmptySelection(nothing)) => {
                warnings.push(no_cluster(&nothing, self.session, &inventory, &self.args.select, &USAGE));
                return Err(about(warnings));
            }
            Err(Failure::Refused(errors)) => {
                warnings.extend(errors);
                return Err(about(warnings));
            }
        };
        warnings.extend(outcome.warnings.iter().cloned());
        if let Some(file) = self.identity_file() {
            let clusters = outcome.changes.iter().filter_map(|change| change.object).chain(outcome.unchanged.clone());
            warnings.extend(input::unlisted(&kustomizations, self.session, &inventory, &file, clusters));
        }
        warnings.extend(Wrappers::beside(&inventory, &USAGE, NOT_EDITED));
        messages.about(self.session, warnings);
        Ok((inventory, outcome))
    }

    /// The path of the identity file.
    fn identity_file(&self) -> Option<PathBuf> {
        match &self.request.identity_file.as_ref()?.value {
            IdentityFile::Existing(file) => self.session.input(*file).path().map(PathBuf::from),
            IdentityFile::New(path) => Some(path.clone()),
        }
    }

    /// The plan for the account of the flags, or for each cluster's account in the map.
    fn plan(&self, inventory: &Inventory, map: Option<&MapFile>, evidence: Evidence) -> Result<Outcome, Failure> {
        let Some(map) = map else {
            let proposal = inject::propose(inventory, self.request)?;
            return self.evaluated(proposal, inventory, evidence, None);
        };
        map.with_mapped(Some(self.session), self.args.map.allow_unmapped, |mapped| {
            let proposal = inject::propose_mapped(inventory, self.request, mapped, self.specified)?;
            self.evaluated(proposal, inventory, evidence, Some(mapped))
        })
    }

    fn evaluated(
        &self,
        proposal: Proposal,
        inventory: &Inventory,
        mut evidence: Evidence,
        mapped: Option<&Mapped<'_>>,
    ) -> Result<Outcome, Failure> {
        // Not for `-o`: a GitOps tool renders from Git on every run, and the reference is never committed.
        if !matches!(self.mode, Mode::Output(_)) {
            let files = proposal.files_that_cross(inventory);
            if !files.is_empty() {
                evidence.head = head::head(&files, self.session, inventory, self.scan)
                    .map_err(|error| Failure::Refused(vec![error]))?;
            }
        }
        let unasked = if self.mode == Mode::Diff { Unasked::Warned } else { Unasked::Refused };
        proposal.judge(inventory, self.request, &evidence, unasked, mapped)
    }
}
