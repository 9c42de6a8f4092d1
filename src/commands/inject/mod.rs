//! `kubectl xaccount inject`.

pub(super) mod deliver;
mod names;
pub(super) mod prepare;

use std::mem::ManuallyDrop;

use xaccount::capa;
use xaccount::diag::{Diagnostic, visible};
use xaccount::edit::Inputs;
use xaccount::inject::{self, Failure, Mapped, Nothing, Outcome, Request, SaidTarget, Selection};
use xaccount::owner_search::{self, Limits};
use xaccount::run::{self, Run, Scan};

use prepare::Prepared;
pub(super) use prepare::{request, said_target};

use super::map::MapFile;
use super::{Printed, Terminal};
use crate::cli::{Inject, InputArgs, ModeArgs, OutputFormat};
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

pub(crate) fn run(args: &Inject, terminal: &Terminal) -> Printed {
    let mode = Mode::of(&args.mode);
    let Prepared { request, said, mut inputs, map } = match prepare::prepare(args, mode, terminal) {
        Ok(prepared) => prepared,
        Err(text) => return Printed::error(text),
    };
    let needles = capa::needles();
    let scan = Scan {
        needles: &needles,
        skip_templates: args.input.skip_templates,
        topology_variable: args.select.topology_variable.as_ref().map(|variable| variable.0.as_slice()),
        go_on: false,
    };
    let (run, mut warnings) = match inputs.scan(&scan) {
        Ok(scanned) => scanned,
        Err(errors) => return Printed::error(terminal.diagnostics(&errors, Some(&inputs))),
    };
    let (run, nameless) = run.without_nameless();
    warnings.extend(nameless);
    let run = with_owners(run, &inputs, &request.selection, map.as_ref(), true);
    let outcome = match &map {
        None => inject::plan(&run, &request),
        Some(map) => by_map(&run, &request, map, &inputs, (&said, args.map.allow_unmapped)),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(Failure::Nothing(_)) if args.input.allow_empty => Outcome::nothing(&run, &request.selection),
        Err(Failure::Nothing(nothing)) => {
            warnings.push(nothing_to_point(&nothing, &inputs, &args.input));
            return Printed::error(terminal.diagnostics(&warnings, Some(&inputs)));
        }
        Err(Failure::Refused(errors)) => {
            warnings.extend(errors);
            return Printed::error(terminal.diagnostics(&warnings, Some(&inputs)));
        }
    };
    warnings.extend(outcome.warnings.iter().cloned());
    let mut before = terminal.diagnostics(&warnings, Some(&inputs));
    if let Some(map) = map.filter(|_| !terminal.quiet) {
        before.push_str(&map.used());
    }
    outcome.decisions.iter().for_each(|line| before.push_str(&format!("{}\n", visible(line))));
    // The program ends behind this: the system takes all of it back faster than it can be freed piece by piece.
    let (inputs, run, outcome) = (ManuallyDrop::new(inputs), ManuallyDrop::new(run), ManuallyDrop::new(outcome));
    Delivery { mode, inputs: &inputs, run: &run, outcome: &outcome, terminal }.run(before)
}

/// What to do where a map decides by path, and there is none.
const NO_PATH: &str = "a stream has no path: pass it as -f - with --stdin-filename PATH, the file that it counts as";

/// The run with the Clusters of other files, where the account of an object hangs on them.
pub(super) fn with_owners(
    run: Run,
    inputs: &Inputs,
    selection: &Selection,
    map: Option<&MapFile>,
    decides: bool,
) -> Run {
    let needs = match map.filter(|_| decides) {
        None => inject::needs(&run, selection, None),
        Some(map) => {
            let place = |span| map.place(span);
            let file = |file| map.file(inputs, file);
            let mapped =
                Mapped { map: &map.map, place: &place, file: &file, without_path: NO_PATH, allow_unmapped: true };
            inject::needs(&run, selection, Some(&mapped))
        }
    };
    let home = std::env::home_dir();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let limits = Limits { home: home.as_deref(), map: map.map(MapFile::directory), here: here.as_deref() };
    owner_search::with_owners(run, inputs, &needs, limits)
}

/// What the account map says of each cluster, planned.
fn by_map(
    run: &Run,
    request: &Request,
    map: &MapFile,
    inputs: &Inputs,
    (said, allow_unmapped): (&SaidTarget, bool),
) -> Result<Outcome, Failure> {
    let place = |span| map.place(span);
    let file = |file| map.file(inputs, file);
    let mapped = Mapped { map: &map.map, place: &place, file: &file, without_path: NO_PATH, allow_unmapped };
    inject::plan_mapped(run, request, &mapped, said)
}

/// Nothing to point is an error: a typo must not create a cluster in the wrong account.
pub(super) fn nothing_to_point(nothing: &Nothing, inputs: &Inputs, args: &InputArgs) -> Diagnostic {
    let listed = |mut names: Vec<String>| {
        names.truncate(20);
        names.join(", ")
    };
    match nothing {
        Nothing::NoneSelected(titles) => {
            Diagnostic::error("no object is selected by --cluster-name, --selector or --namespace as given")
                .help(format!("these can carry an identity reference: {}", listed(titles.clone())))
                .help("or pass --allow-empty if that is right")
        }
        Nothing::NoBearer => {
            let seen = run::kinds_seen(inputs.named().filter_map(|file| inputs.bytes(file).ok()));
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
