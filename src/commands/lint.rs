//! `kubectl xaccount lint`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId, Severity};
use xaccount::edit::Inputs;
use xaccount::files::{self, FindError, Input};
use xaccount::lint::{self, Context, Finding, Ignore};
use xaccount::output::{self, Shown};
use xaccount::run::{Run, Scan};
use xaccount::status::{self, Options};

use super::map::MapFile;
use super::{ExitStatus, Printed, Terminal, progress, stdin_twice};
use crate::cli::{Level, Lint as Args, LintFormat};

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Printed {
    answer(args, terminal).unwrap_or_else(Printed::error)
}

fn answer(args: &Args, terminal: &Terminal) -> Result<Printed, String> {
    let mut inputs = inputs(args).map_err(|error| terminal.diagnostics(&[error], None))?;
    let needles = capa::needles_for_lint();
    let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, go_on: true };
    let (run, read) = inputs.scan(&scan).map_err(|errors| terminal.diagnostics(&errors, Some(&inputs)))?;
    let stands = |file: FileId| match inputs.input(file).path() {
        Some(path) => path.to_owned(),
        None => PathBuf::from(inputs.name(file)),
    };
    let map = MapFile::find(&args.map, &inputs.named().map(stands).collect::<Vec<_>>(), terminal)?;
    let release = match (args.capa_version, &map) {
        (None, Some(map)) => map.release().map_err(|error| terminal.diagnostics(&[error], None))?,
        (said, _) => said,
    };
    let status = status::status(&run, &Options { release, namespace: args.namespace.clone() });
    let (read, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|one| one.rule.is_some());
    let context = Context { run: &run, status: &status, release_is_said: release.is_some() };
    let findings = lint::lint(&context, read);
    let findings = silenced(&inputs, &run, findings).map_err(|error| terminal.diagnostics(&[error], Some(&inputs)))?;
    let mut before = terminal.diagnostics(&[others, status.warnings.clone()].concat(), Some(&inputs));
    if let Some(map) = map.filter(|_| !terminal.quiet) {
        before.push_str(&map.used());
    }
    let shown: Vec<Finding> = findings.into_iter().filter(|finding| is_wanted(finding, args)).collect();
    let bad = shown.iter().any(|finding| Level::of(finding.diagnostic.severity) >= args.error_on);
    let stdout = text(&shown, &inputs, &context, args.output, terminal);
    let mut after = String::new();
    if !terminal.quiet {
        after = format!("{}\n", output::lint_summary(&shown, inputs.named().count()));
        if run.objects().iter().all(|found| !found.object.role.is_ours()) && shown.is_empty() {
            after.push_str(&nothing(args));
        }
    }
    let status = if bad && !args.exit_zero { ExitStatus::Found } else { ExitStatus::Done };
    Ok(Printed { before, stdout: stdout.into_bytes(), after, status })
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

/// The inputs that the command line names.
fn inputs(args: &Args) -> Result<Inputs, Diagnostic> {
    let paths: Vec<PathBuf> = args.paths.iter().chain(&args.filenames).cloned().collect();
    if paths.is_empty() {
        let error = Diagnostic::error("nothing to read: name files or directories");
        return Err(error.help("kubectl xaccount lint clusters/ -R").help(match std::io::stdin().is_terminal() {
            true => "or pipe manifests in and say so: dkp create cluster aws … | kubectl xaccount lint -f -",
            false => "standard input is read when it is named: kubectl xaccount lint -f -",
        }));
    }
    let found = files::find(&paths, args.recursive).map_err(|error| match &error {
        FindError::Url { url } => Diagnostic::error(format!("{url} is a URL, and URLs are not read"))
            .help(format!("curl -fsSL '{url}' | kubectl xaccount lint -f -")),
        other => Diagnostic::error(other.to_string()),
    })?;
    if let Some(path) = stdin_twice(&found) {
        let error = format!("standard input is named twice, as `-` and as {}", path.display());
        return Err(Diagnostic::error(error).help("name it once: -f -"));
    }
    let stdin_name = args.stdin_filename.as_deref().filter(|_| found.contains(&Input::Stdin));
    Inputs::new(found, &mut std::io::stdin().lock(), stdin_name, None, progress)
}

/// The findings that no comment silences. Only files that hold objects or findings are looked at again.
fn silenced(inputs: &Inputs, run: &Run, findings: Vec<Finding>) -> Result<Vec<Finding>, Diagnostic> {
    let found = findings.iter().filter_map(|finding| Some(finding.diagnostic.primary.as_ref()?.at.file));
    let files: BTreeSet<FileId> = run.objects().iter().map(|found| found.file).chain(found).collect();
    let mut comments: BTreeMap<FileId, Vec<Ignore>> = BTreeMap::new();
    for file in files {
        let ignores = lint::ignores(&inputs.bytes(file)?);
        if !ignores.is_empty() {
            comments.insert(file, ignores);
        }
    }
    Ok(lint::silence(run, findings, &comments))
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

fn text(
    findings: &[Finding],
    inputs: &Inputs,
    context: &Context<'_>,
    format: LintFormat,
    terminal: &Terminal,
) -> String {
    let shown =
        |file: FileId| Shown { name: inputs.name(file).to_owned(), bytes: inputs.bytes(file).unwrap_or_default() };
    match format {
        LintFormat::Text => {
            let file = |file: FileId| (inputs.name(file).to_owned(), inputs.bytes(file).ok());
            let texts =
                findings.iter().map(|finding| output::finding(&finding.diagnostic, file, terminal.stdout_colour));
            texts.map(|text| text + "\n").collect()
        }
        LintFormat::Json => format!("{:#}\n", output::lint_json(findings, &context.release().to_string(), shown)),
        LintFormat::Github => output::lint_github(findings, shown),
    }
}

/// Why nothing may have been found.
fn nothing(args: &Args) -> String {
    let mut paths = args.paths.iter().chain(&args.filenames);
    if !args.recursive && paths.any(|path| Path::is_dir(path)) {
        return "no cluster or identity is in them; directories are read without what is below them, unless -R is given\n"
            .into();
    }
    "no cluster or identity is in them\n".into()
}
