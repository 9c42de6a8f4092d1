//! `kubectl xaccount inject`.

pub(super) mod deliver;
mod names;
pub(super) mod prepare;

use std::mem::ManuallyDrop;

use xaccount::capa;
use xaccount::diag::{Diagnostic, visible};
use xaccount::edit::Inputs;
use xaccount::inject::{self, Failure, IdentityFile, Mapped, Nothing, Outcome, Request, SaidTarget};
use xaccount::run::{self, Run, Scan};

use prepare::Prepared;
pub(super) use prepare::{request, said_target};

use super::map::MapFile;
use super::{ExitStatus, Printed, Terminal};
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
    inputs: &Inputs,
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
    let Prepared { request, said, mut inputs, map } = match prepare::prepare(args, mode, stdin, terminal) {
        Ok(prepared) => prepared,
        Err(text) => return Ok(Printed::error(text)),
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
        Err(errors) => return Ok(Printed::error(terminal.diagnostics(&errors, Some(&inputs)))),
    };
    let outcome = match &map {
        None => inject::plan(&run, &request),
        Some(map) => by_map(&run, &request, map, &inputs, (&said, args.map.allow_unmapped)),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(Failure::Nothing(_)) if args.input.allow_empty => Outcome::default(),
        Err(Failure::Nothing(nothing)) => {
            warnings.push(nothing_to_point(&nothing, &inputs, &args.input));
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
    outcome.decisions.iter().for_each(|line| before.push_str(&format!("{}\n", visible(line))));
    // The program ends behind this: the system takes all of it back faster than it can be freed piece by piece.
    let (inputs, run, outcome) = (ManuallyDrop::new(inputs), ManuallyDrop::new(run), ManuallyDrop::new(outcome));
    let printed = Delivery { mode, inputs: &inputs, run: &run, outcome: &outcome, terminal }.run(before);
    unless_outrun(printed, mode, &inputs, request.identity_file.as_ref())
}

/// What the account map says of each cluster, planned.
fn by_map(
    run: &Run,
    request: &Request,
    map: &MapFile,
    inputs: &Inputs,
    (said, allow_unmapped): (&SaidTarget, bool),
) -> Result<Outcome, Failure> {
    inject::selected(run, &request.selection).map_err(Failure::Nothing)?;
    let place = |span| map.place(span);
    let relative = |file| map.relative(inputs, file);
    let mapped = Mapped { map: &map.map, place: &place, relative: &relative, allow_unmapped };
    let requests = inject::mapped(run, request, &mapped, said).map_err(Failure::Refused)?;
    inject::plan_each(run, &requests)
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
