//! `--have`: what policies lack for the manifests.

use std::rc::Rc;

use xaccount::diag::{Diagnostic, FileId, OneSource, Span, SpannedError, escape_control};
use xaccount::iam::target_permission::{GivenPolicies, check};
use xaccount::iam::{PolicyInput, PolicyOwner, may_show};
use xaccount::session::Session;

use super::read::Target;
use crate::cli::{PolicyFormat, TargetPermission as Args};
use crate::commands::iam::manifests::USAGE;
use crate::commands::{CommandError, ExitStatus, Printed, Terminal, input, progress};
use crate::output;

/// Compares the policies with what the manifests need.
pub(super) fn run(args: &Args, target: Target, terminal: &Terminal) -> Result<Printed, CommandError> {
    if let Some(format) = args.output.filter(|format| *format != PolicyFormat::Json) {
        let name = clap::ValueEnum::to_possible_value(&format).map(|value| value.get_name().to_owned());
        let error = format!("--have prints what is missing, not a policy for -o {}", name.unwrap_or_default());
        return Err(Diagnostic::error(error)
            .help("omit -o, or pass -o json; without --have, the policy is printed")
            .into());
    }
    let role = target.role_name().ok().map(str::to_owned);
    let (given, doubts) = policies(args, role.as_deref())?;
    let Target { table, uses, surroundings, session, mut messages, .. } = target;
    messages.plain(doubts);
    let Some(session) = session else { return Err(Diagnostic::error("no manifests").into()) };
    let report = check(table, &uses, &surroundings, &given);
    let place = |file: FileId, line: usize| super::read::place(&session, file, line);
    let stdout = match args.output {
        Some(_) => format!("{:#}\n", output::missing_json(&report, table.release, place)),
        None => output::missing(&report, place, terminal.stdout),
    };
    let mut summary = Vec::new();
    // The other gates are rare, and need nothing if they are off, which is the default.
    let is_common = |gate: &str| gate == "EKSEnableIAM" || terminal.explains();
    let gated = uses.gated.iter().filter(|(_, gate)| is_common(gate));
    let gated: Vec<String> = gated.map(|(group, gate)| format!("{group} ({gate})")).collect();
    if !gated.is_empty() {
        summary.push(format!(
            "not compared, because feature gates of the controller decide: {}; pass --feature-gates if it has them on",
            gated.join(", ")
        ));
    }
    if terminal.explains() {
        let unexplained: Vec<&str> = table.unexplained().collect();
        summary.push(format!("not compared, because no call of them is known: {}", unexplained.join(", ")));
        for reason in uses.groups().values() {
            summary.push(format!("{}: {} ({})", reason.group, reason.title(), place(reason.file, reason.line)));
        }
    }
    if !report.findings.is_empty() {
        summary.push(
            "without --have, a policy that allows it is printed; --merge FILE adds what is missing to a policy"
                .to_owned(),
        );
    }
    let status = if report.findings.is_empty() { ExitStatus::Done } else { ExitStatus::Found };
    Ok(Printed { messages, stdout: stdout.into_bytes(), summary, status })
}

/// The policies of `--have`, and warnings about those that may not be the role's. `role`: its name.
fn policies(args: &Args, role: Option<&str>) -> Result<(GivenPolicies, Vec<Diagnostic>), CommandError> {
    if let Some(directory) = args.have.iter().find(|path| path.is_dir()) {
        let error = format!("{} is a directory; --have takes policy documents", directory.display());
        return Err(Diagnostic::error(error).help("pass the files, separated by commas").into());
    }
    let found = input::find_paths(&args.have, false, &USAGE)?;
    let mut session = Session::new(found, &mut std::io::stdin().lock(), None, None, progress::show)?;
    let (mut given, mut doubts) = (GivenPolicies::default(), Vec::new());
    let files: Vec<FileId> = session.named().collect();
    for &file in &files {
        let bytes = session.load(file)?.to_vec();
        let name = session.name(file).to_owned();
        let shown = if files.len() == 1 { "" } else { &name };
        doubts.extend(add(&mut given, &name, shown, &bytes, role)?);
    }
    Ok((given, doubts))
}

/// Adds one document. Returns a warning if it is not, or may not be, a policy of the role.
fn add(
    given: &mut GivenPolicies,
    name: &str,
    shown: &str,
    bytes: &[u8],
    role: Option<&str>,
) -> Result<Option<Diagnostic>, CommandError> {
    let refused = |refusal: SpannedError, text: &[u8], window: Option<Span>| {
        let source = OneSource::new(name.to_owned(), text.to_vec());
        CommandError::about(&Rc::new(source), vec![refusal.in_file(FileId(0), window)])
    };
    let input = PolicyInput::read(bytes).map_err(|(refusal, text)| {
        let window = may_show(&text).then(|| Span::new(0, text.len()));
        refused(refusal, &text, window)
    })?;
    given.add(shown, input.document().as_bytes()).map_err(|refusal| {
        let whole = input.whole().as_bytes();
        let offset = input.offset();
        let window = Span::new(offset, offset + input.document().len());
        let refusal = SpannedError { span: refusal.span.shifted(offset), ..refusal };
        refused(refusal, whole, may_show(whole).then_some(window))
    })?;
    let of = match (input.owner(), input.role_name()) {
        (Some(PolicyOwner::User(user)), _) => Some(format!("the user {user}")),
        (Some(PolicyOwner::Group(group)), _) => Some(format!("the group {group}")),
        (_, Some(other)) if role.is_some_and(|role| role != other) => Some(format!("the role {other}")),
        _ => None,
    };
    Ok(of.map(|of| {
        let message = format!("{name} is a policy of {}", escape_control(&of));
        let wanted = role.unwrap_or("the target account's role");
        Diagnostic::warning(message).help(format!("the answer is right only if {wanted} has the same policy"))
    }))
}
