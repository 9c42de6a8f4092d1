//! `kubectl xaccount lint`.

mod against;
mod answer;
mod evaluate;
mod fix;
mod fixed;
mod selected;
mod shown;
mod sources;

use std::rc::Rc;

use crate::output;
use xaccount::capa::Release;
use xaccount::diag::{Diagnostic, Severity, SourceMap};
use xaccount::inventory::{self, Inventory};
use xaccount::lint::{Applicability, Finding};
use xaccount::session::Session;

use super::empty::{ONLY_ALLOW_EMPTY, only_array};
use super::input;
use super::revision::refuse_stdin_twice;
use super::wrappers::Wrappers;
use super::{CommandError, ExitStatus, Messages, Printed, Terminal};
use crate::cli::{Lint as Args, LintFormat};
use against::Older;
use answer::LintAnswer;
use evaluate::{Evaluated, evaluate, with_scan};
use fix::Fixes;
use shown::{exit_status, shown};
use sources::Sources;

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    let mode = LintAnswer::of(args)?;
    refuse_stdin_twice(&input::paths(&args.input), &args.against)?;
    input::note_unread(&args.input, terminal);
    let mut sources = Sources::read(args, mode.edits(), terminal)?;
    let scanned = with_scan(|scan| sources.session.scan(scan));
    let sources = Rc::new(sources);
    let (inventory, read) = scanned.map_err(|errors| CommandError::about(&sources, errors))?;
    let inventory = input::placed(inventory, args.clusters.default_namespace.as_deref());
    let kustomizations = input::kustomizations(&sources.session, &inventory, None);
    let Evaluated { inventory, findings, others, selected, release } =
        evaluate(&sources, inventory, &kustomizations, read, args)?;
    let findings = sources.silence(&inventory, findings).map_err(|errors| CommandError::about(&sources, errors))?;
    if findings.is_empty() && others.is_empty() {
        refuse_nothing(&inventory, &sources.session, args)
            .map_err(|error| CommandError::about(&sources, vec![error]))?;
    }
    let older = Older::read(args, &sources)?;
    let mut messages = Messages::default();
    if let Some(older) = &older {
        older.warn(&sources, &findings, &mut messages);
    }
    let findings = shown(findings, &selected, args)?;
    let (findings, known) = without_known(findings, older.as_ref(), &sources, &inventory);
    // An error without a rule counts as well.
    let failed = others.iter().any(|one| one.severity == Severity::Error) && !args.exit_zero;
    messages.about(&sources, kustomizations.warnings.iter().cloned().chain(others).collect());
    if let Some(map) = &sources.map {
        messages.note(map.used());
    }
    let result = LintRun { inventory: &inventory, findings: &findings, sources: &sources, release, args, terminal };
    let mut printed = result.answer(mode, messages)?;
    printed.summary.extend(known);
    if failed && printed.status == ExitStatus::Done {
        printed.status = ExitStatus::Found;
    }
    Ok(printed)
}

/// The findings that an older state does not have, and a line about the others.
fn without_known(
    findings: Vec<Finding>,
    older: Option<&Older>,
    sources: &Sources,
    inventory: &Inventory,
) -> (Vec<Finding>, Option<String>) {
    let Some(older) = older else { return (findings, None) };
    let is_new = older.new_findings(sources, inventory, &findings);
    let known = is_new.iter().filter(|is_new| !**is_new).count();
    let noun = if known == 1 { "finding" } else { "findings" };
    let line = (known > 0).then(|| format!("{known} {noun} also in {}: not shown", older.name));
    let new = findings.into_iter().zip(is_new).filter_map(|(finding, is_new)| is_new.then_some(finding));
    (new.collect(), line)
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

/// What is printed, and what it depends on.
struct LintRun<'r> {
    inventory: &'r Inventory,
    findings: &'r [Finding],
    sources: &'r Rc<Sources>,
    /// The CAPA release that the manifests were evaluated for.
    release: Release,
    args: &'r Args,
    terminal: &'r Terminal,
}

impl LintRun<'_> {
    fn answer(&self, answer: LintAnswer, messages: Messages) -> Result<Printed, CommandError> {
        let Self { inventory, findings, sources, args, terminal, .. } = *self;
        let stdout = match answer {
            LintAnswer::Findings(format) => self.text(format),
            LintAnswer::Statistics(LintFormat::Json) => {
                format!("{:#}\n", output::lint_statistics_json(findings, &self.release.to_string()))
            }
            LintAnswer::Statistics(_) => output::lint_statistics(findings),
            LintAnswer::Fixes(mode) => {
                return Fixes { inventory, sources, mode, args, terminal }.fix(findings, messages);
            }
        };
        let (status, summary) = (exit_status(findings, args), summary_lines(inventory, findings, sources, args));
        Ok(Printed { messages, stdout: stdout.into_bytes(), summary, status })
    }

    /// The findings on stdout.
    fn text(&self, format: LintFormat) -> String {
        let Self { inventory, findings, sources, .. } = *self;
        let files = SourceMap::new(&**sources);
        match format {
            LintFormat::Json => {
                format!("{:#}\n", output::lint_json(inventory, findings, &self.release.to_string(), &files))
            }
            LintFormat::Github => output::lint_github(findings, &files),
            LintFormat::Sarif => {
                let fixes = fixed::each(inventory, findings, &sources.session);
                format!("{:#}\n", output::lint_sarif(findings, &fixes, &files))
            }
            _ => {
                let screen = self.terminal.stdout;
                let text = |finding: &Finding| output::finding(&finding.diagnostic, &files, screen) + "\n";
                findings.iter().map(text).collect()
            }
        }
    }
}

/// The last lines: the number of findings, or why there may be none.
fn summary_lines(inventory: &Inventory, findings: &[Finding], sources: &Sources, args: &Args) -> Vec<String> {
    let noun = if args.against.is_empty() { "findings" } else { "new findings" };
    let mut lines = vec![output::lint_summary(findings, noun, sources.session.named().count())];
    lines.extend(fixable_lines(inventory, findings, &sources.session));
    let is_empty = findings.is_empty() && !inventory.objects().iter().any(|found| found.object.object_kind.is_capa());
    lines.extend(is_empty.then(|| "they contain no cluster or identity".to_owned()));
    let wrappers = if is_empty { Wrappers::any(inventory) } else { Wrappers::that_matter(inventory) };
    lines.extend((!wrappers.is_empty()).then(|| wrappers.not_checked()));
    lines
}

/// Maximum number of fixes that are tried only to count them.
const MOST_TRIED: usize = 500;

/// How many findings are fixable, by the flag that fixes them. A comment or an anchor can prevent a fix.
fn fixable_lines(inventory: &Inventory, findings: &[Finding], session: &Session) -> Vec<String> {
    let with_fix = findings.iter().filter(|finding| finding.fix.is_some()).count();
    let tried = (1..=MOST_TRIED).contains(&with_fix).then(|| fix::fixable(inventory, findings.to_vec(), session));
    let findings = tried.as_deref().unwrap_or(findings);
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
