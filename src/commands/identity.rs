//! `kubectl xaccount identity`.

use std::path::PathBuf;

use xaccount::account_map::Account;
use xaccount::aws::AccountId;
use xaccount::capa;
use xaccount::diag::{Diagnostic, visible};
use xaccount::edit::Inputs;
use xaccount::inject::{self, IdentityFile, Mapped, Request, SaidTarget, Target};
use xaccount::run::{Run, Scan};

use super::inject::deliver::Delivery;
use super::inject::prepare::{identity_file, identity_request};
use super::inject::{Mode, Outrun, unless_outrun, until_done};
use super::map::MapFile;
use super::{ExitStatus, Printed, Terminal, progress};
use crate::cli::{AccountArgs, Identity, OutputFormat};

pub(crate) fn run(args: &Identity, terminal: &Terminal) -> Printed {
    until_done(|_| identities(args, terminal).unwrap_or_else(|text| Ok(Printed::error(text))))
}

/// The error is text for stderr.
fn identities(args: &Identity, terminal: &Terminal) -> Result<Result<Printed, Outrun>, String> {
    let all = |errors: Vec<Diagnostic>| terminal.diagnostics(&errors, None);
    let one = |error: Diagnostic| all(vec![error]);
    if args.identity.no_identity {
        return Err(one(Diagnostic::error("--no-identity leaves nothing to do here")));
    }
    let place = args.identity.identity_file.clone().unwrap_or_else(|| PathBuf::from("-"));
    let map = MapFile::find(&args.config, &[place], terminal)?;
    let flag = args.identity.identity_file.as_deref();
    let file = identity_file(flag, map.as_ref()).map_err(one)?;
    let mode = Mode::of(&args.mode);
    // Without a file to compare with, the documents are printed, as they are where the map alone names one.
    let print = match mode {
        Mode::Diff => flag.is_none() && args.mode.dry_run.is_none(),
        Mode::Output(OutputFormat::Yaml) => flag.is_none(),
        _ => false,
    };
    if file.is_none() && !print {
        return Err(one(Diagnostic::error("there is no file to write to or to compare with")
            .help("add --identity-file identities.yaml; or leave the mode out to print the documents")));
    }
    let file = file.filter(|_| !print);
    let mut inputs = Inputs::new(Vec::new(), &mut std::io::empty(), None, file.as_deref(), progress).map_err(one)?;
    let identity = identity_request(&args.identity).map_err(all)?;
    let to_file = match &file {
        None => IdentityFile::New(PathBuf::from("identities.yaml")),
        Some(path) => inputs.find(path).map_or_else(|| IdentityFile::New(path.clone()), IdentityFile::There),
    };
    let base = Request {
        identity,
        identity_name: args.identity.identity_name.clone(),
        with_controller_identity: args.identity.with_controller_identity,
        api_version: args.identity.api_version,
        overwrite: args.target.overwrite,
        moves: args.target.move_account.clone(),
        explain: terminal.verbose > 0 && !terminal.quiet,
        identity_file: Some(to_file),
        ..Request::default()
    };
    let needles = capa::needles();
    let scan =
        Scan { needles: &needles, skip_templates: args.target.skip_templates, topology_variable: None, go_on: false };
    let (run, mut warnings) = inputs.scan(&scan).map_err(|errors| terminal.diagnostics(&errors, Some(&inputs)))?;
    let requests = requests(args, &run, &base, map.as_ref()).map_err(all)?;
    let outcome =
        inject::plan_identities(&run, &requests).map_err(|errors| terminal.diagnostics(&errors, Some(&inputs)))?;
    warnings.extend(outcome.warnings.iter().cloned());
    let mut before = terminal.diagnostics(&warnings, Some(&inputs));
    if let Some(map) = map.filter(|_| !terminal.quiet) {
        before.push_str(&map.used());
    }
    outcome.decisions.iter().for_each(|line| before.push_str(&format!("{}\n", visible(line))));
    let mode = if print { Mode::Output(OutputFormat::Yaml) } else { mode };
    let mut printed = Delivery { mode, inputs: &inputs, run: &run, outcome: &outcome, terminal }.run(before);
    if print {
        printed.after.clear();
    }
    if outcome.changes.is_empty() && outcome.new_file.is_none() && printed.status != ExitStatus::Error {
        printed.after = match terminal.quiet {
            true => String::new(),
            false => "nothing to change: the identities are there\n".to_owned(),
        };
    }
    Ok(unless_outrun(printed, mode, &inputs, base.identity_file.as_ref()))
}

/// A request for each account that the flags name, as the map has it; without such flags, for each of the map.
fn requests(
    args: &Identity,
    run: &Run,
    base: &Request,
    map: Option<&MapFile>,
) -> Result<Vec<Request>, Vec<Diagnostic>> {
    match map {
        Some(map) => by_map(&args.target, run, base, map),
        None => {
            let requests: Vec<Request> = by_flags(&args.target)
                .into_iter()
                .map(|target| Request { target: Some(target), ..base.clone() })
                .collect();
            if requests.is_empty() {
                let error = Diagnostic::error("no account, and no account map (.xaccount.yaml) above this directory");
                return Err(vec![
                    error.help("--account 222222222222, or --role-arn arn:aws:iam::222222222222:role/NAME"),
                ]);
            }
            Ok(requests)
        }
    }
}

fn by_flags(target: &AccountArgs) -> Vec<Target> {
    let accounts = target.account.iter().filter_map(|account| said(target, Some(account)).target());
    let roles = target.role_arn.iter().map(|role| Target::Role(role.clone()));
    accounts.chain(roles).collect()
}

/// What the flags say of one of the accounts, or of all.
fn said(target: &AccountArgs, account: Option<&AccountId>) -> SaidTarget {
    SaidTarget { account: account.cloned(), role: target.role_name.clone(), partition: target.partition }
}

fn by_map(target: &AccountArgs, run: &Run, base: &Request, map: &MapFile) -> Result<Vec<Request>, Vec<Diagnostic>> {
    let place = |span| map.place(span);
    let mapped = Mapped { map: &map.map, place: &place, relative: &|_| None, allow_unmapped: true };
    let accounts = target.account.iter().map(|account| said(target, Some(account)));
    let mut wanted: Vec<SaidTarget> = accounts.chain(target.role_arn.iter().map(SaidTarget::of_role)).collect();
    if wanted.is_empty() {
        wanted.push(said(target, None));
    }
    let (mut requests, mut errors) = (Vec::new(), Vec::new());
    for said in &wanted {
        let is_meant = |entry: &&Account| said.account.as_ref().is_none_or(|account| entry.account.value == *account);
        let entries: Vec<&Account> = map.map.accounts.iter().filter(is_meant).collect();
        match (&said.account, entries.is_empty()) {
            (Some(account), true) => errors.push(unknown(account, map)),
            (None, true) => errors.push(Diagnostic::error("the account map has no accounts")),
            _ => {}
        }
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for entry in entries {
            match inject::for_account(run, base, &mapped, entry, said) {
                Ok(request) => right.push(request),
                Err(more) => wrong.extend(more),
            }
        }
        // Of an account with several roles, those that were asked for.
        if right.is_empty() || said.account.is_none() {
            errors.extend(wrong);
        }
        requests.extend(right);
    }
    if errors.is_empty() { Ok(requests) } else { Err(errors) }
}

/// An account that the map does not have may be a typing error.
fn unknown(account: &AccountId, map: &MapFile) -> Diagnostic {
    Diagnostic::error(format!("the account {account} is not in the account map"))
        .help(format!("it has {}", map.accounts()))
        .help("add it to the accounts of the map, or pass --no-config to go without it")
}
