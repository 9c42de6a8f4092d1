//! `kubectl xaccount inject`.

use std::io::IsTerminal;
use std::path::PathBuf;

use xaccount::aws::check_inline_policy;
use xaccount::capa::{self, IdentityKind};
use xaccount::diag::{Diagnostic, FileId};
use xaccount::edit::{Inputs, Proved};
use xaccount::files::{self, FindError, Input};
use xaccount::inject::{
    self, Failure, IdentityFile, IdentityRequest, Nothing, Outcome, Request, Selection, Target,
};
use xaccount::lossless::{Edited, Source, apply};
use xaccount::output::{self, FileDiff, NewFile};
use xaccount::run::{self, Run, Scan};

use super::{ExitStatus, Printed, Terminal, progress};
use crate::cli::{Inject, OutputFormat};

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Diff,
    Write { exit_code: bool },
    Check,
    Output(OutputFormat),
}

impl Mode {
    fn of(args: &Inject) -> Self {
        match args.mode.output {
            Some(format) => Self::Output(format),
            None if args.mode.write => Self::Write {
                exit_code: args.mode.exit_code,
            },
            None if args.mode.check => Self::Check,
            None => Self::Diff,
        }
    }
}

pub(crate) fn run(args: &Inject, terminal: &Terminal) -> Printed {
    let mode = Mode::of(args);
    let (request, mut inputs) = match prepare(args, mode) {
        Ok(prepared) => prepared,
        Err(errors) => return Printed::error(terminal.diagnostics(&errors, None)),
    };
    let needles = capa::needles();
    let scan = Scan {
        needles: &needles,
        skip_templates: args.input.skip_templates,
        topology_variable: args
            .select
            .topology_variable
            .as_ref()
            .map(|variable| variable.0.as_slice()),
    };
    let (run, mut warnings) = match inputs.scan(&scan) {
        Ok(scanned) => scanned,
        Err(errors) => return Printed::error(terminal.diagnostics(&errors, Some(&inputs))),
    };
    let outcome = match inject::plan(&run, &request) {
        Ok(outcome) => outcome,
        Err(Failure::Refused(errors)) => {
            return Printed::error(terminal.diagnostics(&errors, Some(&inputs)));
        }
        Err(Failure::Nothing(_)) if args.input.allow_empty => {
            let stderr = terminal.diagnostics(&warnings, Some(&inputs));
            return deliver(mode, &inputs, &run, &Outcome::default(), terminal, stderr);
        }
        Err(Failure::Nothing(nothing)) => {
            let error = nothing_to_point(&nothing, &inputs, args);
            return Printed::error(
                terminal.diagnostics(&[warnings, vec![error]].concat(), Some(&inputs)),
            );
        }
    };
    warnings.extend(outcome.warnings.iter().cloned());
    let mut stderr = terminal.diagnostics(&warnings, Some(&inputs));
    if terminal.verbose > 0 {
        outcome
            .decisions
            .iter()
            .for_each(|line| stderr.push_str(&format!("{line}\n")));
    }
    deliver(mode, &inputs, &run, &outcome, terminal, stderr)
}

// --- what is asked for ---------------------------------------------------------------------------------------------

fn prepare(args: &Inject, mode: Mode) -> Result<(Request, Inputs), Vec<Diagnostic>> {
    let one = |diagnostic: Diagnostic| vec![diagnostic];
    let paths: Vec<PathBuf> = args
        .input
        .paths
        .iter()
        .chain(&args.input.filenames)
        .cloned()
        .collect();
    if let Some(directory) = &args.input.kustomize {
        let pipe = format!(
            "kubectl kustomize {} | kubectl xaccount inject -f - …",
            directory.display()
        );
        return Err(one(Diagnostic::error(
            "-k is not read: inject edits files, and a build has none",
        )
        .help(pipe)));
    }
    if paths.is_empty() {
        let mut error = Diagnostic::error("nothing to read: name files or directories")
            .help("kubectl xaccount inject foo.yaml --account 222222222222");
        error = error.help(if std::io::stdin().is_terminal() {
            "or pipe manifests in and say so: dkp create cluster aws … | kubectl xaccount inject -f - …"
        } else {
            "standard input is read when it is named: kubectl xaccount inject -f - …"
        });
        return Err(one(error));
    }
    let target = match (&args.target.role_arn, &args.target.account) {
        (Some(role), _) => Target::Role(role.clone()),
        (None, Some(account)) => Target::Account {
            account: account.clone(),
            role: args.target.role_name.clone(),
            partition: args.target.partition,
        },
        (None, None) => {
            return Err(one(Diagnostic::error("no target account").help(
                "--account 222222222222, or --role-arn arn:aws:iam::222222222222:role/NAME",
            )));
        }
    };
    let found =
        files::find(&paths, args.input.recursive).map_err(|error| one(find_error(&error)))?;
    if matches!(mode, Mode::Write { .. })
        && let Some(Input::Stream(path)) =
            found.iter().find(|input| matches!(input, Input::Stream(_)))
    {
        let error = Diagnostic::error(format!(
            "{} is a pipe or a device and can't be written",
            path.display()
        ))
        .help("use -o yaml and redirect the output");
        return Err(one(error));
    }
    let inline_policy = match &args.identity.inline_policy {
        None => None,
        Some(path) => {
            let (bytes, _) =
                files::read(path).map_err(|error| one(Diagnostic::error(error.to_string())))?;
            let text = String::from_utf8(bytes).map_err(|_| {
                one(Diagnostic::error(format!(
                    "{} is not UTF-8",
                    path.display()
                )))
            })?;
            let text = text.trim_end().to_owned();
            check_inline_policy(&text).map_err(|error| {
                one(Diagnostic::error(format!(
                    "--inline-policy {}: {error}",
                    path.display()
                )))
            })?;
            Some(text)
        }
    };
    let identity_file = args.identity.identity_file.as_deref();
    let inputs = Inputs::new(
        found,
        &mut std::io::stdin().lock(),
        args.input.stdin_filename.as_deref(),
        identity_file,
        progress,
    )
    .map_err(one)?;
    let identity = &args.identity;
    let request = Request {
        target,
        selection: Selection {
            cluster_names: args
                .select
                .cluster_name
                .iter()
                .map(globset::Glob::compile_matcher)
                .collect(),
            labels: args.select.selector.clone(),
            namespace: args.select.namespace.clone(),
        },
        identity_name: identity.identity_name.clone(),
        identity: IdentityRequest {
            source: identity.source_identity.clone(),
            allowed_namespaces: identity.allowed_namespaces.clone(),
            session_name: identity.session_name.as_ref().map(ToString::to_string),
            external_id: identity.external_id.as_ref().map(ToString::to_string),
            duration_seconds: identity.duration.map(|duration| duration.get()),
            inline_policy,
            annotations: identity.identity_annotation.clone(),
        },
        identity_file: identity_file.map(|path| match inputs.find(path) {
            Some(file) => IdentityFile::There(file),
            None => IdentityFile::New(path.to_owned()),
        }),
        with_identity: !identity.no_identity,
        with_controller_identity: identity.with_controller_identity,
        api_version: identity.api_version,
        overwrite: args.target.overwrite,
        moves: args.target.move_account.clone(),
    };
    if let (Some((IdentityKind::Role, name)), Some(own)) =
        (&request.identity.source, &request.identity_name)
        && name == own
    {
        return Err(one(Diagnostic::error(format!(
            "the identity '{name}' can't be its own source: CAPA would never end"
        ))));
    }
    Ok((request, inputs))
}

fn find_error(error: &FindError) -> Diagnostic {
    Diagnostic::error(error.to_string())
}

/// Nothing to point is an error: a typo must not create a cluster in the wrong account.
fn nothing_to_point(nothing: &Nothing, inputs: &Inputs, args: &Inject) -> Diagnostic {
    let listed = |mut names: Vec<String>| {
        names.truncate(20);
        names.join(", ")
    };
    match nothing {
        Nothing::NoneSelected(titles) => {
            Diagnostic::error("no object matches --cluster-name, --selector and --namespace")
                .help(format!(
                    "these can carry an identity reference: {}",
                    listed(titles.clone())
                ))
                .help("or pass --allow-empty if that is right")
        }
        Nothing::NoBearer => {
            let seen = run::kinds_seen(
                (0..inputs.len()).filter_map(|index| inputs.bytes(FileId(index)).ok()),
            );
            let seen = if seen.is_empty() {
                "no object at all".to_owned()
            } else {
                listed(seen)
            };
            let mut error = Diagnostic::error("nothing here can carry an identity reference")
                .help(format!("seen: {seen}"))
                .help("wanted: AWSCluster, AWSManagedControlPlane, a ROSA kind, their templates, or a topology Cluster with an aws or eks variable")
                .help("or pass --allow-empty if that is right");
            if !args.input.recursive {
                error = error
                    .help("directories are read without what is below them, unless -R is given");
            }
            error
        }
    }
}

// --- what comes out ------------------------------------------------------------------------------------------------

/// Proves all, then prints or writes.
fn deliver(
    mode: Mode,
    inputs: &Inputs,
    run: &Run,
    outcome: &Outcome,
    terminal: &Terminal,
    mut stderr: String,
) -> Printed {
    let fail = |stderr: String, errors: &[Diagnostic]| {
        Printed::error(stderr + &terminal.diagnostics(errors, Some(inputs)))
    };
    let proved = match inputs.prove(&outcome.plans, |file, bytes, edited| {
        made(mode, inputs, run, outcome, file, bytes, edited)
    }) {
        Ok(proved) => proved,
        Err(errors) => return fail(stderr, &errors),
    };
    let new = match &outcome.new_file {
        None => None,
        Some((path, plan)) => match apply(&Source::new(&[]), plan) {
            Ok(edited) => Some((path.as_path(), edited)),
            Err(refusal) => return fail(stderr, &[Diagnostic::error(refusal.message)]),
        },
    };
    for one in &proved {
        for note in one.edited.notes() {
            let note = Diagnostic::warning(format!("{}: {note}", inputs.name(one.file)));
            stderr.push_str(&terminal.diagnostics(&[note], None));
        }
    }
    let changed = proved.iter().any(|one| !one.edited.is_unchanged()) || new.is_some();
    let mut stdout = Vec::new();
    let mut status = if changed {
        ExitStatus::Found
    } else {
        ExitStatus::Done
    };
    match mode {
        Mode::Diff | Mode::Output(OutputFormat::Patch) => {
            let diffs = diffs(
                &proved,
                new.as_ref().map(|(path, edited)| (*path, edited)),
                outcome,
            );
            if mode == Mode::Diff {
                stdout = output::diff(&diffs, terminal.stdout_colour).into_bytes();
            } else {
                status = ExitStatus::Done;
                if let Some(unfit) = diffs.iter().find_map(|diff| diff.fit().err()) {
                    let error = Diagnostic::error(unfit.to_string())
                        .help("use --write, or --identity-file to leave that place alone, or end the file with a newline first");
                    return fail(stderr, &[error]);
                }
                stdout = output::diff(&diffs, false).into_bytes();
            }
        }
        Mode::Check => {
            let mut names: Vec<String> = proved
                .iter()
                .map(|one| inputs.name(one.file).to_owned())
                .collect();
            names.extend(new.iter().map(|(path, _)| path.display().to_string()));
            names
                .iter()
                .for_each(|name| stdout.extend_from_slice(format!("{name}\n").as_bytes()));
        }
        Mode::Write { exit_code } => {
            let new = new.as_ref().map(|(path, edited)| (*path, edited));
            if let Err(error) = inputs.write(&proved, new) {
                return fail(stderr, &[Diagnostic::error(error.to_string())]);
            }
            if !exit_code {
                status = ExitStatus::Done;
            }
            match stdin_result(inputs, &proved) {
                Ok(bytes) => stdout = bytes,
                Err(error) => return fail(stderr, &[error]),
            }
        }
        Mode::Output(OutputFormat::Yaml) => {
            status = ExitStatus::Done;
            match stream(inputs, &proved, new.as_ref().map(|(_, edited)| edited)) {
                Ok(bytes) => stdout = bytes,
                Err(error) => return fail(stderr, &[error]),
            }
        }
        Mode::Output(OutputFormat::JsonPatch) => {
            status = ExitStatus::Done;
            stdout = json_text(&output::json_patch(run, outcome));
            for added in &outcome.added {
                stderr.push_str(&format!(
                    "{} is new, which a JSON patch can't say: add it as a resource (-o yaml, or --write --identity-file)\n",
                    added.title
                ));
            }
        }
        Mode::Output(OutputFormat::Report) => {
            status = ExitStatus::Done;
            stdout = json_text(&output::report(run, outcome));
        }
    }
    if !terminal.quiet {
        output::cluster_lines(run, outcome)
            .iter()
            .for_each(|line| stderr.push_str(&format!("{line}\n")));
        let written = matches!(mode, Mode::Write { .. });
        stderr.push_str(&format!("{}\n", output::summary(outcome, run, written)));
    }
    Printed {
        stdout,
        stderr,
        status,
    }
}

/// What is made of a file while its bytes are at hand.
enum Made {
    Nothing,
    Diff(FileDiff),
    Bytes(Vec<u8>),
}

fn made(
    mode: Mode,
    inputs: &Inputs,
    run: &Run,
    outcome: &Outcome,
    file: FileId,
    bytes: &[u8],
    edited: &Edited,
) -> Made {
    let whole = || {
        let mut out = Vec::with_capacity(bytes.len() + 1024);
        // Writing to memory can't fail.
        let _ = edited.write_to(bytes, &mut out);
        Made::Bytes(out)
    };
    match mode {
        Mode::Diff | Mode::Output(OutputFormat::Patch) => {
            let changed: Vec<usize> = outcome
                .changes
                .iter()
                .filter_map(|change| change.object)
                .collect();
            let added: Vec<&str> = outcome
                .added
                .iter()
                .filter(|added| matches!(added.file, IdentityFile::There(there) if there == file))
                .map(|added| added.title.as_str())
                .collect();
            Made::Diff(output::of_file(run, file, bytes, edited, &changed, &added))
        }
        Mode::Output(OutputFormat::Yaml) => whole(),
        Mode::Write { .. } if !matches!(inputs.input(file), Input::File(_)) => whole(),
        _ => Made::Nothing,
    }
}

fn diffs(
    proved: &[Proved<Made>],
    new: Option<(&std::path::Path, &Edited)>,
    outcome: &Outcome,
) -> Vec<FileDiff> {
    let mut diffs: Vec<FileDiff> = proved
        .iter()
        .filter_map(|one| match &one.made {
            Made::Diff(diff) => Some(diff.clone()),
            _ => None,
        })
        .collect();
    if let Some((path, edited)) = new {
        let text: String = edited
            .splices()
            .iter()
            .map(|splice| splice.text.as_str())
            .collect();
        let titles: Vec<&str> = outcome
            .added
            .iter()
            .filter(|added| matches!(added.file, IdentityFile::New(_)))
            .map(|added| added.title.as_str())
            .collect();
        let name = path
            .to_string_lossy()
            .replace(if cfg!(windows) { '\\' } else { '/' }, "/");
        let heading = format!("{}  {name}:1", titles.join(", "));
        diffs.push(output::new_file(NewFile {
            name: &name,
            text: &text,
            heading: &heading,
        }));
    }
    diffs
}

/// The new bytes of standard input with `--write`, as gofmt prints them.
fn stdin_result(inputs: &Inputs, proved: &[Proved<Made>]) -> Result<Vec<u8>, Diagnostic> {
    let Some(file) = (0..inputs.len())
        .map(FileId)
        .find(|&file| *inputs.input(file) == Input::Stdin)
    else {
        return Ok(Vec::new());
    };
    match proved.iter().find(|one| one.file == file) {
        Some(Proved {
            made: Made::Bytes(bytes),
            ..
        }) => Ok(bytes.clone()),
        _ => inputs.bytes(file).map(std::borrow::Cow::into_owned),
    }
}

/// All inputs with their changes as one stream that `kubectl apply -f -` takes.
fn stream(
    inputs: &Inputs,
    proved: &[Proved<Made>],
    new: Option<&Edited>,
) -> Result<Vec<u8>, Diagnostic> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for index in 0..inputs.len() {
        let file = FileId(index);
        match proved.iter().find(|one| one.file == file) {
            Some(Proved {
                made: Made::Bytes(bytes),
                ..
            }) => parts.push(bytes.clone()),
            _ => parts.push(inputs.bytes(file)?.into_owned()),
        }
    }
    if let Some(edited) = new {
        let mut bytes = Vec::new();
        let _ = edited.write_to(&[], &mut bytes);
        parts.push(bytes);
    }
    Ok(run::joined(&parts))
}

fn json_text(value: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
