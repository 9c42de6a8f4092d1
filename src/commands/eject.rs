//! `kubectl xaccount eject`.

use xaccount::capa;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::eject::{self, EjectRequest, EjectTarget};
use xaccount::inventory::Scan;
use xaccount::plan::Failure;
use xaccount::session::Session;
use xaccount::usages::{self, UsageLimits};

use super::inject::deliver::Delivery;
use super::inject::prepare::{UsageHint, find, identity_file, map_above, open, selection};
use super::inject::{Mode, nothing_to_point, with_owners};
use super::map::MapFile;
use super::{Printed, Terminal, counted};
use crate::cli::Eject;
use crate::output::Wording;

const USAGE: UsageHint = UsageHint { verb: "eject", flags: "" };

pub(crate) fn run(args: &Eject, terminal: &Terminal) -> Printed {
    let mode = Mode::of(&args.mode);
    let PreparedEject { request, mut inputs, map } = match prepare(args, mode, terminal) {
        Ok(prepared) => prepared,
        Err(text) => return Printed::error(text),
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
        Err(errors) => return Printed::error(terminal.diagnostics(&errors, Some(&inputs))),
    };
    let identity_file = request.identity_file.and_then(|file| inputs.input(file).path());
    let (inventory, specified) = match counted(&inputs, inventory, identity_file) {
        Ok(counted) => counted,
        Err(error) => return Printed::error(terminal.diagnostics(&[error], Some(&inputs))),
    };
    warnings.extend(specified);
    // The map names no cluster here: what is taken out is what the flags select.
    let inventory = with_owners(inventory, &inputs, &request.selection, map.as_ref(), false);
    let outcome = match eject::draft(&inventory, &request) {
        Ok(draft) => {
            let home = std::env::home_dir();
            let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
            let map = map.as_ref().map(MapFile::directory);
            let limits = UsageLimits { home: home.as_deref(), map, here: here.as_deref() };
            let named = usages::named(&inputs, &inventory, &draft, limits);
            draft.finish(&named)
        }
        Err(Failure::EmptySelection(_)) if args.input.allow_empty => eject::nothing(&inventory, &request.selection),
        Err(Failure::EmptySelection(nothing)) => {
            warnings.push(nothing_to_point(&nothing, &inputs, &inventory, &args.input));
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
    outcome.decisions.iter().for_each(|line| before.push_str(&format!("{}\n", escape_control(line))));
    Delivery { mode, inputs: &inputs, inventory: &inventory, outcome: &outcome, terminal, wording: &Wording::EJECT }
        .run(before)
}

/// What a run works on.
struct PreparedEject {
    request: EjectRequest,
    inputs: Session,
    map: Option<MapFile>,
}

/// The error is text for stderr.
fn prepare(args: &Eject, mode: Mode, terminal: &Terminal) -> Result<PreparedEject, String> {
    let one = |diagnostic: Diagnostic| terminal.diagnostics(&[diagnostic], None);
    let asked = &args.references;
    let found = find(&args.input, mode, USAGE).map_err(one)?;
    if let Some(path) = asked.identity_file.as_ref().filter(|path| !path.exists()) {
        let error = Diagnostic::error(format!("--identity-file {} does not exist", path.display()));
        return Err(one(error.help("check the spelling and the directory that you are in, or leave it out")));
    }
    let map = map_above(&found, &args.input, &args.map, terminal)?;
    let identity_file = identity_file(asked.identity_file.as_deref(), map.as_ref()).map_err(one)?;
    let inputs = open(found, &args.input, identity_file.as_deref(), mode, None).map_err(one)?;
    let target = match (&asked.account, &asked.role_arn) {
        (Some(account), _) => Some(EjectTarget::Account(account.clone())),
        (None, Some(role)) => Some(EjectTarget::Role(role.clone())),
        (None, None) => None,
    };
    let request = EjectRequest {
        selection: selection(&args.select),
        identity_name: asked.identity_name.clone(),
        target,
        identity_file: identity_file.and_then(|path| inputs.find(&path)),
        explain: terminal.verbose > 0 && !terminal.quiet,
    };
    Ok(PreparedEject { request, inputs, map })
}
