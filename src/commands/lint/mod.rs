//! `kubectl xaccount lint`.

mod answer;
mod fix;
mod fixed;
mod selected;
mod shown;
mod sources;

use std::rc::Rc;

use crate::output::{self, Screen};
use xaccount::capa;
use xaccount::diag::{Diagnostic, Severity, SourceMap};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::lint::{self, Applicability, Context, Finding, LintResult};
use xaccount::session::Session;
use xaccount::status::{self, Options};

use super::empty::{ONLY_ALLOW_EMPTY, only_array};
use super::input;
use super::wrappers::Wrappers;
use super::{CommandError, ExitStatus, Messages, Printed, Terminal};
use crate::cli::{Lint as Args, LintFormat};
use answer::LintAnswer;
use fix::Fixes;
use shown::{exit_status, shown};
use sources::Sources;

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    let mode = LintAnswer::of(args)?;
    input::note_unread(&args.input, terminal);
    let mut sources = Sources::read(args, mode.edits(), terminal)?;
    let needles = capa::needles_for_lint();
    let scan = Scan { keep_going: true, ..input::scan(&needles, false, None) };
    let scanned = sources.session.scan(&scan);
    let sources = Rc::new(sources);
    let (inventory, read) = scanned.map_err(|errors| CommandError::about(&sources, errors))?;
    let inventory = input::placed(inventory, &args.clusters);
    let kustomizations = input::kustomizations(&sources.session, &inventory, None);
    // No note about skipped patches: `lint` skips them by design.
    let (inventory, _) = kustomizations.place(inventory, &sources.session);
    let map = sources.map.as_ref();
    let release = match (args.capa_version, map) {
        (None, Some(map)) => map.release()?,
        (specified, _) => specified,
    };
    let status = status::status(&inventory, &Options { release });
    let context = Context {
        inventory: &inventory,
        status: &status,
        release_is_specified: release.is_some(),
        annotations: map.map_or(&[], |map| &map.map.identity_annotations),
        source_account: map.and_then(|map| map.map.source.account.as_ref()).map(|account| &account.value),
        builds: &kustomizations.builds,
        trust: &sources.trust,
        permission: &sources.permission,
    };
    let LintResult { findings, others } = lint::lint(&context, read);
    let findings = sources.silence(&inventory, findings).map_err(|errors| CommandError::about(&sources, errors))?;
    if findings.is_empty() && others.is_empty() {
        refuse_nothing(&inventory, &sources.session, args)
            .map_err(|error| CommandError::about(&sources, vec![error]))?;
    }
    let findings = shown(findings, &status, args)?;
    // An error without a rule counts as well.
    let failed = others.iter().any(|one| one.severity == Severity::Error) && !args.exit_zero;
    let mut messages = Messages::default();
    messages.about(&sources, kustomizations.warnings.iter().cloned().chain(others).collect());
    if let Some(map) = map {
        messages.note(map.used());
    }
    let mut printed = match mode {
        LintAnswer::Findings(format) => {
            let release = context.release().to_string();
            let stdout =
                text(&inventory, &findings, &sources, Format { format, release: &release, screen: terminal.stdout });
            let status = exit_status(&findings, args);
            let summary = summary_lines(&inventory, &findings, &sources);
            Printed { messages, stdout: stdout.into_bytes(), summary, status }
        }
        LintAnswer::Fixes(mode) => {
            let work = Fixes { inventory: &inventory, sources: &sources, mode, args, terminal };
            work.fix(&findings, messages)?
        }
    };
    if failed && printed.status == ExitStatus::Done {
        printed.status = ExitStatus::Found;
    }
    Ok(printed)
}

/// Refuses a run that reads no Kubernetes object: `kustomize build broken | lint -f -` must not pass.
fn refuse_nothing(inventory: &Inventory, session: &Session, args: &Args) -> Result<(), Diagnostic> {
    let seen = || inventory::kinds_seen(session.named().filter_map(|file| session.bytes(file).ok()));
    if args.allow_empty || !inventory.objects().is_empty() || !seen().is_empty() {
        return Ok(());
    }
    let none = || Diagnostic::error("there is no Kubernetes object in these files").help(ONLY_ALLOW_EMPTY);
    Err(only_array(session).unwrap_or_else(none))
}

/// How findings are printed.
struct Format<'f> {
    format: LintFormat,
    /// The CAPA release that the manifests were evaluated for.
    release: &'f str,
    screen: Screen,
}

/// The findings on stdout.
fn text(inventory: &Inventory, findings: &[Finding], sources: &Sources, format: Format<'_>) -> String {
    let files = SourceMap::new(sources);
    match format.format {
        LintFormat::Json => format!("{:#}\n", output::lint_json(inventory, findings, format.release, &files)),
        LintFormat::Github => output::lint_github(findings, &files),
        LintFormat::Sarif => {
            let fixes = fixed::each(inventory, findings, &sources.session);
            format!("{:#}\n", output::lint_sarif(findings, &fixes, &files))
        }
        _ => {
            let text = |finding: &Finding| output::finding(&finding.diagnostic, &files, format.screen) + "\n";
            findings.iter().map(text).collect()
        }
    }
}

/// The last lines: the number of findings, or why there may be none.
fn summary_lines(inventory: &Inventory, findings: &[Finding], sources: &Sources) -> Vec<String> {
    let mut lines = vec![output::lint_summary(findings, sources.session.named().count())];
    lines.extend(fixable_lines(findings));
    let is_empty = findings.is_empty() && !inventory.objects().iter().any(|found| found.object.object_kind.is_capa());
    lines.extend(is_empty.then(|| "they contain no cluster or identity".to_owned()));
    let wrappers = if is_empty { Wrappers::any(inventory) } else { Wrappers::that_matter(inventory) };
    lines.extend((!wrappers.is_empty()).then(|| wrappers.not_checked()));
    lines
}

/// How many findings are fixable, by the flag that fixes them.
fn fixable_lines(findings: &[Finding]) -> Vec<String> {
    let count = |wanted| findings.iter().filter(|finding| finding.applicability() == Some(wanted)).count();
    match (count(Applicability::Safe), count(Applicability::Unsafe)) {
        (0, 0) => Vec::new(),
        (safe, 0) => vec![format!("{safe} fixable: run again with --fix")],
        (0, risky) => vec![format!("{risky} fixable: run again with --fix=unsafe")],
        (safe, risky) => {
            vec![format!("{safe} fixable: run again with --fix"), format!("{risky} more with --fix=unsafe")]
        }
    }
}
