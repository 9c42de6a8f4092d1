//! `kubectl xaccount eject`.

use xaccount::capa;
use xaccount::diag::{Diagnostic, visible};
use xaccount::edit::Inputs;
use xaccount::eject::{self, Request, Target};
use xaccount::elsewhere;
use xaccount::inject::Failure;
use xaccount::run::Scan;

use super::inject::deliver::Delivery;
use super::inject::prepare::{Words, find, open, selection};
use super::inject::{Mode, nothing_to_point};
use super::{Printed, Terminal};
use crate::cli::Eject;

const WORDS: Words = Words { verb: "eject", flags: "" };

pub(crate) fn run(args: &Eject, terminal: &Terminal) -> Printed {
    let mode = Mode::of(&args.mode);
    let (request, mut inputs) = match prepare(args, mode, terminal.verbose > 0 && !terminal.quiet) {
        Ok(prepared) => prepared,
        Err(errors) => return Printed::error(terminal.diagnostics(&errors, None)),
    };
    let needles = capa::needles();
    let scan = Scan {
        needles: &needles,
        skip_templates: args.input.skip_templates,
        topology_variable: args.select.topology_variable.as_ref().map(|variable| variable.0.as_slice()),
    };
    let (run, mut warnings) = match inputs.scan(&scan) {
        Ok(scanned) => scanned,
        Err(errors) => return Printed::error(terminal.diagnostics(&errors, Some(&inputs))),
    };
    let outcome = match eject::draft(&run, &request) {
        Ok(draft) => {
            let named = elsewhere::named(&inputs, &run, &draft, std::env::home_dir().as_deref());
            draft.finish(&named)
        }
        Err(Failure::Nothing(_)) if args.input.allow_empty => eject::nothing(),
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
    outcome.decisions.iter().for_each(|line| before.push_str(&format!("{}\n", visible(line))));
    Delivery { mode, inputs: &mut inputs, run: &run, outcome: &outcome, terminal }.run(before)
}

fn prepare(args: &Eject, mode: Mode, explain: bool) -> Result<(Request, Inputs), Vec<Diagnostic>> {
    let one = |diagnostic: Diagnostic| vec![diagnostic];
    let asked = &args.references;
    let found = find(&args.input, mode, WORDS).map_err(one)?;
    let identity_file = asked.identity_file.as_deref();
    if let Some(path) = identity_file.filter(|path| !path.exists()) {
        let error = Diagnostic::error(format!("--identity-file {} does not exist", path.display()));
        return Err(one(error.help("check the spelling and the directory that you are in, or leave it out")));
    }
    let inputs = open(found, &args.input, identity_file, mode).map_err(one)?;
    let target = match (&asked.account, &asked.role_arn) {
        (Some(account), _) => Some(Target::Account(account.clone())),
        (None, Some(role)) => Some(Target::Role(role.clone())),
        (None, None) => None,
    };
    let request = Request {
        selection: selection(&args.select),
        identity_name: asked.identity_name.clone(),
        target,
        identity_file: identity_file.and_then(|path| inputs.find(path)),
        explain,
    };
    Ok((request, inputs))
}
