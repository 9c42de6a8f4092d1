//! `kubectl xaccount lint`.

mod fixed;
mod sources;

use std::path::Path;

use crate::output::{self, LastShown};
use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId, Severity};
use xaccount::inventory::{Inventory, Scan};
use xaccount::lint::{self, Context, Finding, LintResult};
use xaccount::status::{self, Options};

use super::inject::Mode;
use super::inject::deliver::Delivery;
use super::{ExitStatus, Printed, Terminal, kustomize_patches};
use crate::cli::{Level, Lint as Args, LintFormat, OutputFormat};
use sources::Sources;

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Printed {
    answer(args, terminal).unwrap_or_else(Printed::error)
}

fn answer(args: &Args, terminal: &Terminal) -> Result<Printed, String> {
    let mode = LintAnswer::of(args).map_err(|error| terminal.diagnostics(&[error], None))?;
    let mut sources = Sources::read(args, terminal)?;
    let needles = capa::needles_for_lint();
    let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: true };
    let scanned = sources.inputs.scan(&scan);
    let (inventory, read) = scanned.map_err(|errors| terminal.diagnostics(&errors, Some(&sources.inputs)))?;
    let kustomizations = sources.kustomizations();
    let patches = kustomize_patches(&sources.inputs, None);
    // That patches are not judged needs no word here.
    let (inventory, _) = patches.set_aside(inventory, &sources.inputs);
    let map = sources.map.as_ref();
    let release = match (args.capa_version, map) {
        (None, Some(map)) => map.release().map_err(|error| terminal.diagnostics(&[error], None))?,
        (specified, _) => specified,
    };
    let status = status::status(&inventory, &Options { release, namespace: args.namespace.clone() });
    let context = Context {
        inventory: &inventory,
        status: &status,
        release_is_said: release.is_some(),
        annotations: map.map_or(&[], |map| &map.map.identity_annotations),
        source_account: map.and_then(|map| map.map.source.account.as_ref()).map(|account| &account.value),
        kustomizations: &kustomizations,
        trust: &sources.trust,
        permission: &sources.permission,
    };
    let LintResult { findings, others } = lint::lint(&context, read);
    let findings = sources
        .silence(&inventory, findings)
        .map_err(|errors| terminal.rendered(&errors, |file| sources.file(file)))?;
    let findings: Vec<Finding> = findings.into_iter().filter(|finding| is_wanted(finding, args)).collect();
    let others: Vec<Diagnostic> = patches.warnings().iter().cloned().chain(others).collect();
    let mut before = terminal.diagnostics(&others, Some(&sources.inputs));
    if let Some(map) = map.filter(|_| !terminal.quiet) {
        before.push_str(&map.used());
    }
    let mut printed = match mode {
        LintAnswer::Findings(format) => {
            let stdout = text(&inventory, &findings, &sources, (format, &context.release().to_string()), terminal);
            let status = exit_status(&findings, args);
            let after = if terminal.quiet { String::new() } else { meaning(&inventory, &findings, &sources, args) };
            Printed { before, stdout: stdout.into_bytes(), after, status }
        }
        LintAnswer::Fixes(mode) => fix(&inventory, &findings, &mut sources, (mode, args), before, terminal),
    };
    // An error counts whether or not a rule is named for it.
    let failed = others.iter().any(|one| one.severity == Severity::Error) && !args.exit_zero;
    if failed && printed.status == ExitStatus::Done {
        printed.status = ExitStatus::Found;
    }
    Ok(printed)
}

/// What is asked for.
enum LintAnswer {
    Findings(LintFormat),
    Fixes(Mode),
}

impl LintAnswer {
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
                let error = Diagnostic::error("--fix changes files, and this format is about findings");
                let help =
                    format!("leave --fix out, or take -o yaml, patch, json-patch or report ({format:?} is none)");
                return Err(error.help(help.to_lowercase()));
            }
            Some(format) => return Ok(Self::Findings(format)),
        };
        if !args.fix {
            let error = Diagnostic::error("this format is about changes, and without --fix nothing changes");
            return Err(error.help("add --fix, or take -o text, json, sarif or github"));
        }
        if output == OutputFormat::Patch
            && args.stdin_filename.is_none()
            && args.filenames.iter().any(|path| path.as_os_str() == "-")
        {
            return Err(Diagnostic::error("a patch needs a file name, and standard input has none")
                .help("add --stdin-filename PATH"));
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

/// Whether a finding is to be shown: what makes the exit status 1 always is.
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

/// The findings on stdout. `release` is the release of CAPA that judged.
fn text(
    inventory: &Inventory,
    findings: &[Finding],
    sources: &Sources,
    (format, release): (LintFormat, &str),
    terminal: &Terminal,
) -> String {
    let last = LastShown::default();
    let shown = |file: FileId| sources.shown(&last, file);
    match format {
        LintFormat::Json => format!("{:#}\n", output::lint_json(inventory, findings, release, shown)),
        LintFormat::Github => output::lint_github(findings, shown),
        LintFormat::Sarif => {
            let mended = fixed::each(inventory, findings, &sources.inputs);
            format!("{:#}\n", output::lint_sarif(findings, &mended, shown))
        }
        _ => findings_as_text(findings, sources, terminal.stdout_colour),
    }
}

fn findings_as_text<'f>(findings: impl IntoIterator<Item = &'f Finding>, sources: &Sources, colour: bool) -> String {
    let last = LastShown::default();
    let text =
        |finding: &Finding| output::finding(&finding.diagnostic, |file| sources.shown(&last, file), colour) + "\n";
    findings.into_iter().map(text).collect()
}

/// Mends what carries a fix; what is left over goes to stderr.
fn fix(
    inventory: &Inventory,
    findings: &[Finding],
    sources: &mut Sources,
    (mode, args): (Mode, &Args),
    mut before: String,
    terminal: &Terminal,
) -> Printed {
    let findings = &mendable(inventory, findings, sources);
    let left: Vec<Finding> = findings.iter().filter(|finding| finding.fix.is_none()).cloned().collect();
    let reported = left.iter().filter(|finding| !terminal.quiet || finding.diagnostic.severity == Severity::Error);
    before.push_str(&findings_as_text(reported, sources, terminal.stderr_colour));
    let outcome = lint::fixes(inventory, findings);
    let mut printed = Delivery { mode, inputs: &sources.inputs, inventory, outcome: &outcome, terminal }.run(before);
    if printed.status == ExitStatus::Error {
        return printed;
    }
    if !terminal.quiet && !left.is_empty() {
        let count = sources.inputs.named().count();
        printed.after.push_str(&format!("left to mend by hand: {}\n", output::lint_summary(&left, count)));
    }
    let asks = matches!(mode, Mode::Diff | Mode::Check | Mode::Write { .. });
    if asks && printed.status == ExitStatus::Done {
        printed.status = exit_status(&left, args);
    }
    if args.exit_zero {
        printed.status = ExitStatus::Done;
    }
    printed
}

/// The findings, without the fixes that the text does not let through: one of them is no reason not to mend the others.
fn mendable(inventory: &Inventory, findings: &[Finding], sources: &Sources) -> Vec<Finding> {
    let refused = |findings: &mut dyn Iterator<Item = &Finding>| {
        let outcome = lint::fixes(inventory, findings);
        let errors = sources.inputs.prove(&outcome.plans, |_, _, _| Ok(())).err().unwrap_or_default();
        // What is wrong with a file as a whole, stops the run.
        if errors.iter().any(|error| error.primary.is_none()) { Vec::new() } else { errors }
    };
    let mut findings = findings.to_vec();
    let fixable: Vec<usize> = (0..findings.len()).filter(|&at| findings[at].fix.is_some()).collect();
    // In halves, so that a few that are refused among thousands are found soon.
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
                    finding.diagnostic.help.push(format!("not mended: {}", error.message));
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

/// The last lines: how much was found, or why nothing may have been.
fn meaning(inventory: &Inventory, findings: &[Finding], sources: &Sources, args: &Args) -> String {
    let mut text = format!("{}\n", output::lint_summary(findings, sources.inputs.named().count()));
    let fixes = findings.iter().filter(|finding| finding.fix.is_some()).count();
    if fixes > 0 {
        let what = if fixes == 1 { "1 of them has".to_owned() } else { format!("{fixes} of them have") };
        text.push_str(&format!("{what} one right answer: --fix shows it\n"));
    }
    if findings.is_empty() && !inventory.objects().iter().any(|found| found.object.object_kind.is_capa()) {
        text.push_str("no cluster or identity is in them");
        let mut paths = args.paths.iter().chain(&args.filenames);
        if !args.recursive && paths.any(|path| Path::is_dir(path)) {
            text.push_str("; directories are read without what is below them, unless -R is given");
        }
        text.push('\n');
    }
    text
}
