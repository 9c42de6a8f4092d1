//! `kubectl xaccount lint`.

mod fixed;
mod selected;
mod sources;

use std::rc::Rc;

use crate::output::{self, Screen, Wording};
use xaccount::capa;
use xaccount::diag::{Diagnostic, Severity, SourceMap};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::lint::{self, Context, Finding, LintResult};
use xaccount::session::Session;
use xaccount::status::{self, Options, Status};

use super::edit::{Delivery, Mode};
use super::empty::{ALLOW_EMPTY, ONLY_ALLOW_EMPTY, none_selected, only_array};
use super::input;
use super::request::selection;
use super::wrappers::Wrappers;
use super::{CommandError, ExitStatus, Messages, Printed, Terminal};
use crate::cli::{Level, Lint as Args, LintFormat, OutputFormat};
use selected::Selected;
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
        has_all_identities: args.input.recursive || sources.reads_identity_file,
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

/// The findings that the flags select.
///
/// # Errors
/// They select no cluster: a typo must not look like all is well.
fn shown(findings: Vec<Finding>, status: &Status<'_>, args: &Args) -> Result<Vec<Finding>, Diagnostic> {
    let selected = Selected::of(status, &selection(&args.clusters));
    if let Some(titles) = selected.none().filter(|_| !args.allow_empty) {
        return Err(none_selected(&args.clusters, titles).help(ALLOW_EMPTY));
    }
    let is_shown = |finding: &Finding| is_wanted(finding, args) && selected.has(finding);
    Ok(findings.into_iter().filter(is_shown).collect())
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

/// The requested answer.
enum LintAnswer {
    Findings(LintFormat),
    Fixes(Mode),
}

impl LintAnswer {
    /// What happens to the fixes, if they are requested.
    fn edits(&self) -> Option<Mode> {
        match self {
            Self::Findings(_) => None,
            Self::Fixes(mode) => Some(*mode),
        }
    }

    fn of(args: &Args) -> Result<Self, Diagnostic> {
        let output = match args.output {
            None if args.write => return Ok(Self::Fixes(Mode::Write { exit_code: false })),
            None if args.check => return Ok(Self::Fixes(Mode::Check)),
            None if args.fix => return Ok(Self::Fixes(Mode::Diff)),
            None => return Ok(Self::Findings(LintFormat::Text)),
            Some(LintFormat::Yaml) => OutputFormat::Yaml,
            Some(LintFormat::Patch) => OutputFormat::Patch,
            Some(LintFormat::JsonPatch) => OutputFormat::JsonPatch,
            Some(LintFormat::Report) => OutputFormat::Report,
            Some(format) if args.fix => {
                let error = Diagnostic::error("--fix changes files, but this format prints findings");
                let format = format!("{format:?}").to_lowercase();
                return Err(
                    error.help(format!("use -o {format} without --fix, or -o yaml, patch, json-patch or report"))
                );
            }
            Some(format) => return Ok(Self::Findings(format)),
        };
        if !args.fix {
            let error = Diagnostic::error("this format prints changes, but without --fix nothing changes");
            return Err(error.help("add --fix, or use -o text, json, sarif or github"));
        }
        Ok(Self::Fixes(Mode::Output(output)))
    }
}

impl Level {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// Whether a finding is shown. One that makes the exit status 1 always is.
fn is_wanted(finding: &Finding, args: &Args) -> bool {
    let is_in = |rules: &[&'static lint::Rule]| rules.iter().any(|rule| rule.id == finding.rule.id);
    if is_in(&args.ignore) {
        return false;
    }
    if !args.select.is_empty() {
        return is_in(&args.select);
    }
    Level::of(finding.diagnostic.severity) >= args.severity.min(args.error_on)
}

fn exit_status(findings: &[Finding], args: &Args) -> ExitStatus {
    let bad = findings.iter().any(|finding| Level::of(finding.diagnostic.severity) >= args.error_on);
    if bad && !args.exit_zero { ExitStatus::Found } else { ExitStatus::Done }
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

/// The inputs of `--fix`.
struct Fixes<'f> {
    inventory: &'f Inventory,
    sources: &'f Rc<Sources>,
    mode: Mode,
    args: &'f Args,
    terminal: &'f Terminal,
}

impl Fixes<'_> {
    /// Fixes the fixable findings; the others are printed to stderr.
    fn fix(&self, findings: &[Finding], mut messages: Messages) -> Result<Printed, CommandError> {
        let (inventory, mode, args) = (self.inventory, self.mode, self.args);
        let findings = &fixable(inventory, findings, &self.sources.session);
        let left: Vec<Finding> = findings.iter().filter(|finding| finding.fix.is_none()).cloned().collect();
        messages.findings(self.sources, left.iter().map(|finding| finding.diagnostic.clone()).collect());
        let outcome = &lint::fixes(inventory, findings);
        let (terminal, wording) = (self.terminal, &Wording::LINT);
        let session = &self.sources.session;
        let mut printed =
            Delivery { mode, session, inventory, outcome, terminal, wording }.run(messages, self.sources)?;
        if !left.is_empty() {
            let count = session.named().count();
            printed.summary.push(format!("not fixable automatically: {}", output::lint_summary(&left, count)));
        }
        let asks = matches!(mode, Mode::Diff | Mode::Check | Mode::Write { .. });
        if asks && printed.status == ExitStatus::Done {
            printed.status = exit_status(&left, args);
        }
        if args.exit_zero {
            printed.status = ExitStatus::Done;
        }
        Ok(printed)
    }
}

/// The findings, without the fixes that can't be made in the text. A refused fix does not prevent the others.
fn fixable(inventory: &Inventory, findings: &[Finding], session: &Session) -> Vec<Finding> {
    let refused = |findings: &mut dyn Iterator<Item = &Finding>| {
        let outcome = lint::fixes(inventory, findings);
        let errors = session.prove(&outcome.plans, |_, _, _| Ok(())).err().unwrap_or_default();
        // A problem of a whole file stops the run.
        if errors.iter().any(|error| error.primary.is_none()) { Vec::new() } else { errors }
    };
    let mut findings = findings.to_vec();
    let fixable: Vec<usize> = (0..findings.len()).filter(|&at| findings[at].fix.is_some()).collect();
    // Split in halves, so that a few refused fixes among thousands are found quickly.
    let mut doubtful = vec![&fixable[..]];
    while let Some(some) = doubtful.pop() {
        let errors = refused(&mut some.iter().map(|&at| &findings[at]));
        match some {
            [] => {}
            _ if errors.is_empty() => {}
            &[at] => {
                for error in errors {
                    let finding = &mut findings[at];
                    finding.fix = None;
                    finding.diagnostic.help.push(format!("can't be fixed automatically: {}", error.message));
                    finding.diagnostic.help.extend(error.help);
                }
            }
            some => {
                let (one, other) = some.split_at(some.len() / 2);
                doubtful.extend([one, other]);
            }
        }
    }
    findings
}

/// The last lines: the number of findings, or why there may be none.
fn summary_lines(inventory: &Inventory, findings: &[Finding], sources: &Sources) -> Vec<String> {
    let mut lines = vec![output::lint_summary(findings, sources.session.named().count())];
    let fixes = findings.iter().filter(|finding| finding.fix.is_some()).count();
    if fixes > 0 {
        lines.push(format!("{fixes} fixable: run again with --fix"));
    }
    let is_empty = findings.is_empty() && !inventory.objects().iter().any(|found| found.object.object_kind.is_capa());
    lines.extend(is_empty.then(|| "they contain no cluster or identity".to_owned()));
    let wrappers = if is_empty { Wrappers::any(inventory) } else { Wrappers::that_matter(inventory) };
    lines.extend((!wrappers.is_empty()).then(|| wrappers.not_checked()));
    lines
}
