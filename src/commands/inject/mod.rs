//! `kubectl xaccount inject`.

pub(super) mod deliver;
mod head;
pub(super) mod live;
mod names;
pub(super) mod prepare;

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use xaccount::capa;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::inject::{self, Evidence, InjectRequest, Mapped, Proposal, SpecifiedTarget, Unasked};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::owner_search::{self, SearchLimits};
use xaccount::plan::{EmptySelection, Failure, IdentityFile, Outcome, Selection};
use xaccount::session::Session;

use prepare::Prepared;
pub(super) use prepare::{request, specified_target};

use super::map::MapFile;
use super::{ExitStatus, Printed, Terminal, all_skipped, counted};
use crate::cli::{Inject, InputArgs, ModeArgs, OutputFormat};
use crate::output::Wording;
use deliver::Delivery;

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Diff,
    Write { exit_code: bool },
    Check,
    Output(OutputFormat),
}

impl Mode {
    pub(super) fn of(args: &ModeArgs) -> Self {
        match args.output {
            Some(format) => Self::Output(format),
            None if args.write => Self::Write { exit_code: args.exit_code },
            None if args.check => Self::Check,
            None => Self::Diff,
        }
    }
}

/// How often a run begins again, each time because another one has written the identity file meanwhile.
const ATTEMPTS: usize = 100;

/// What a run came to that is to begin again, and what it read from standard input.
pub(super) struct Outrun {
    printed: Printed,
    stdin: Option<Vec<u8>>,
}

pub(crate) fn run(args: &Inject, terminal: &Terminal) -> Printed {
    until_done(|stdin| attempt(args, terminal, stdin))
}

/// Runs to the end; where another run was faster with the identity file, from the beginning: all that was read may be old.
pub(super) fn until_done(mut attempt: impl FnMut(Option<&[u8]>) -> Result<Printed, Outrun>) -> Printed {
    let mut stdin = None;
    for _ in 1..ATTEMPTS {
        match attempt(stdin.as_deref()) {
            Ok(printed) => return printed,
            Err(outrun) => stdin = outrun.stdin,
        }
    }
    attempt(stdin.as_deref()).unwrap_or_else(|outrun| outrun.printed)
}

/// What was printed, if the identity file is still what it was when the plan was made.
pub(super) fn unless_outrun(
    printed: Printed,
    mode: Mode,
    inputs: &Session,
    file: Option<&IdentityFile>,
) -> Result<Printed, Outrun> {
    let writes = matches!(mode, Mode::Write { .. }) && printed.status == ExitStatus::Error;
    match file.filter(|_| writes) {
        Some(file) if inputs.is_stale(file) => Err(Outrun { printed, stdin: inputs.stdin() }),
        _ => Ok(printed),
    }
}

/// `stdin` is what an attempt before this one read from there.
fn attempt(args: &Inject, terminal: &Terminal, stdin: Option<&[u8]>) -> Result<Printed, Outrun> {
    let mode = Mode::of(&args.mode);
    let Prepared { request, specified, mut inputs, map } = match prepare::prepare(args, mode, stdin, terminal) {
        Ok(prepared) => prepared,
        Err(text) => return Ok(Printed::error(text)),
    };
    let needles = capa::needles();
    let scan = Scan {
        needles: &needles,
        skip_templates: args.input.skip_templates,
        topology_variable: args.select.topology_variable.as_ref().map(|variable| variable.0.as_slice()),
        keep_going: false,
    };
    let (inventory, mut warnings) = match inputs.scan(&scan) {
        Ok(scanned) => scanned,
        Err(errors) => return Ok(Printed::error(terminal.diagnostics(&errors, Some(&inputs)))),
    };
    let (inventory, said_of_skipped) = match counted(&inputs, inventory, identity_file(&request, &inputs).as_deref()) {
        Ok(counted) => counted,
        Err(error) => return Ok(Printed::error(terminal.diagnostics(&[error], Some(&inputs)))),
    };
    warnings.extend(said_of_skipped);
    let inventory = with_owners(inventory, &inputs, &request.selection, map.as_ref(), true);
    let mut evidence = Evidence::default();
    if let Some(path) = &args.target.live {
        match live::read(path, &scan) {
            Ok((live, warning)) => {
                evidence.live = Some(live);
                warnings.extend(warning);
            }
            Err(error) => return Ok(Printed::error(terminal.diagnostics(&[error], None))),
        }
    }
    let plan =
        Plan { inventory: &inventory, request: &request, specified: &specified, inputs: &inputs, scan: &scan, mode };
    let outcome = match plan.outcome(map.as_ref(), args.map.allow_unmapped, evidence) {
        Ok(outcome) => outcome,
        Err(Failure::EmptySelection(_)) if args.input.allow_empty => Outcome::nothing(&inventory, &request.selection),
        Err(Failure::EmptySelection(nothing)) => {
            warnings.push(nothing_to_point(&nothing, &inputs, &inventory, &args.input));
            return Ok(Printed::error(terminal.diagnostics(&warnings, Some(&inputs))));
        }
        Err(Failure::Refused(errors)) => {
            warnings.extend(errors);
            return Ok(Printed::error(terminal.diagnostics(&warnings, Some(&inputs))));
        }
    };
    warnings.extend(outcome.warnings.iter().cloned());
    let mut before = terminal.diagnostics(&warnings, Some(&inputs));
    if let Some(map) = map.filter(|_| !terminal.quiet) {
        before.push_str(&map.used());
    }
    outcome.decisions.iter().for_each(|line| before.push_str(&format!("{}\n", escape_control(line))));
    // The program ends behind this: the system takes all of it back faster than it can be freed piece by piece.
    let (inputs, inventory, outcome) =
        (ManuallyDrop::new(inputs), ManuallyDrop::new(inventory), ManuallyDrop::new(outcome));
    let printed = Delivery {
        mode,
        inputs: &inputs,
        inventory: &inventory,
        outcome: &outcome,
        terminal,
        wording: &Wording::INJECT,
    }
    .run(before);
    unless_outrun(printed, mode, &inputs, request.identity_file.as_ref())
}

/// The path of the file that keeps identities.
fn identity_file(request: &InjectRequest, inputs: &Session) -> Option<PathBuf> {
    match request.identity_file.as_ref()? {
        IdentityFile::There(file) => inputs.input(*file).path().map(Path::to_owned),
        IdentityFile::New(path) => Some(path.clone()),
    }
}

/// What to do where a map decides by path, and there is none.
const NO_PATH: &str = "a stream has no path: pass it as -f - with --stdin-filename PATH, the file that it counts as";

/// The run with the Clusters of other files, where the account of an object hangs on them.
pub(super) fn with_owners(
    inventory: Inventory,
    inputs: &Session,
    selection: &Selection,
    map: Option<&MapFile>,
    decides: bool,
) -> Inventory {
    let needs = match map.filter(|_| decides) {
        None => inject::needs(&inventory, selection, None),
        Some(map) => {
            let place = |span| map.place(span);
            let file = |file| map.file(inputs, file);
            let mapped =
                Mapped { map: &map.map, place: &place, file: &file, without_path: NO_PATH, allow_unmapped: true };
            inject::needs(&inventory, selection, Some(&mapped))
        }
    };
    let home = std::env::home_dir();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let limits = SearchLimits { home: home.as_deref(), map: map.map(MapFile::directory), here: here.as_deref() };
    owner_search::with_owners(inventory, inputs, &needs, limits)
}

/// All that a plan hangs on.
struct Plan<'p> {
    inventory: &'p Inventory,
    request: &'p InjectRequest,
    specified: &'p SpecifiedTarget,
    inputs: &'p Session,
    scan: &'p Scan<'p>,
    mode: Mode,
}

impl Plan<'_> {
    /// What is to be done, for the account of the flags or for what the map says of each cluster.
    fn outcome(&self, map: Option<&MapFile>, allow_unmapped: bool, evidence: Evidence) -> Result<Outcome, Failure> {
        let Some(map) = map else {
            let proposal = inject::propose(self.inventory, self.request)?;
            return self.judged(proposal, evidence, None);
        };
        let place = |span| map.place(span);
        let file = |file| map.file(self.inputs, file);
        let mapped = Mapped { map: &map.map, place: &place, file: &file, without_path: NO_PATH, allow_unmapped };
        let proposal = inject::propose_mapped(self.inventory, self.request, &mapped, self.specified)?;
        self.judged(proposal, evidence, Some(&mapped))
    }

    fn judged(
        &self,
        proposal: Proposal,
        mut evidence: Evidence,
        mapped: Option<&Mapped<'_>>,
    ) -> Result<Outcome, Failure> {
        // GitOps renders from Git on every run, where the reference is never committed.
        if !matches!(self.mode, Mode::Output(_)) {
            let files = proposal.files_that_cross(self.inventory);
            if !files.is_empty() {
                evidence.head = head::head(&files, self.inputs, self.inventory, self.scan)
                    .map_err(|error| Failure::Refused(vec![error]))?;
            }
        }
        let unasked = if self.mode == Mode::Diff { Unasked::Warned } else { Unasked::Refused };
        proposal.judge(self.inventory, self.request, &evidence, unasked, mapped)
    }
}

/// Nothing to point is an error: a typo must not create a cluster in the wrong account.
pub(super) fn nothing_to_point(
    nothing: &EmptySelection,
    inputs: &Session,
    inventory: &Inventory,
    args: &InputArgs,
) -> Diagnostic {
    let listed = |mut names: Vec<String>| {
        names.truncate(20);
        names.join(", ")
    };
    if let (EmptySelection::NoReferencingObject, Some(error)) = (nothing, all_skipped(inventory)) {
        return error;
    }
    match nothing {
        EmptySelection::NoneSelected(titles) => {
            Diagnostic::error("no object is selected by --cluster-name, --selector or --namespace as given")
                .help(format!("these can carry an identity reference: {}", listed(titles.clone())))
                .help("or pass --allow-empty if that is right")
        }
        EmptySelection::NoReferencingObject => {
            let seen = inventory::kinds_seen(inputs.named().filter_map(|file| inputs.bytes(file).ok()));
            let seen = if seen.is_empty() { "no object at all".to_owned() } else { listed(seen) };
            let mut error = Diagnostic::error("nothing here can carry an identity reference")
                .help(format!("seen: {seen}"))
                .help("wanted: AWSCluster, AWSManagedControlPlane, a ROSA kind, their templates, or a topology Cluster with an aws or eks variable")
                .help("a topology Cluster whose variable is not there yet: --topology-variable clusterConfig.aws; one of another provider is left alone")
                .help("or pass --allow-empty if that is right");
            let mut paths = args.paths.iter().chain(&args.filenames);
            if !args.recursive && paths.any(|path| path.is_dir()) {
                error = error.help("directories are read without what is below them, unless -R is given");
            }
            error
        }
    }
}
