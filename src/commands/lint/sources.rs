//! What `lint` reads: manifests, the account map, kustomizations, policies.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::output::{LastShown, Shown};
use xaccount::diag::{Diagnostic, FileId, Location, Span};
use xaccount::files::{self, FileBytes, FindError, Input};
use xaccount::iam::may_show;
use xaccount::inventory::Inventory;
use xaccount::kustomization::{self, Kustomization};
use xaccount::lint::{self, Finding, Ignore, PolicyFile};
use xaccount::session::Session;

use super::super::map::MapFile;
use super::super::{Terminal, no_build, progress, stdin_twice};
use crate::cli::Lint as Args;

/// What a run looks at.
pub(super) struct Sources {
    pub(super) inputs: Session,
    pub(super) map: Option<MapFile>,
    pub(super) trust: Vec<PolicyFile>,
    pub(super) permission: Vec<PolicyFile>,
    /// Files that are no inputs, behind them: name and text.
    beside: Vec<(String, Vec<u8>)>,
}

impl Sources {
    /// Reads all but the manifests. The error is text for stderr.
    pub(super) fn read(args: &Args, terminal: &Terminal) -> Result<Self, String> {
        let inputs = inputs(args).map_err(|error| terminal.diagnostics(&[error], None))?;
        let stands = |file: FileId| match inputs.input(file).path() {
            Some(path) => path.to_owned(),
            None => PathBuf::from(inputs.name(file)),
        };
        let map = MapFile::find(&args.map, &inputs.named().map(stands).collect::<Vec<_>>(), terminal)?;
        let mut sources = Self { inputs, map, trust: Vec::new(), permission: Vec::new(), beside: Vec::new() };
        if let Some((name, bytes)) = sources.map.as_ref().map(MapFile::text) {
            sources.beside.push((name.to_owned(), bytes.to_vec()));
        }
        let policies = |sources: &mut Self, paths: &[PathBuf]| -> Result<Vec<PolicyFile>, String> {
            paths.iter().map(|path| sources.policy(path, terminal)).collect()
        };
        sources.trust = policies(&mut sources, &args.trust_policy)?;
        sources.permission = policies(&mut sources, &args.permission_policy)?;
        Ok(sources)
    }

    fn policy(&mut self, path: &Path, terminal: &Terminal) -> Result<PolicyFile, String> {
        let bytes = files::read_only(path)
            .map_err(|error| terminal.diagnostics(&[Diagnostic::error(error.to_string())], None))?;
        let file = FileId(self.inputs.len() + self.beside.len());
        let name = self.inputs.shown(path);
        match lint::policy(file, &bytes) {
            Ok((policy, text)) => {
                self.beside.push((name, text));
                Ok(policy)
            }
            Err((refusal, text)) => {
                let error = refusal.in_file(file, may_show(&text).then(|| Span::new(0, text.len())));
                Err(terminal.rendered(&[error], |_| (name.clone(), Some(FileBytes::Kept(&text)))))
            }
        }
    }

    /// The kustomizations among the inputs. Those that can't be read are said with the patches.
    pub(super) fn kustomizations(&self) -> Vec<Kustomization> {
        let is_one = |file: &FileId| {
            let name = self.inputs.name(*file);
            kustomization::FILE_NAMES.contains(&name.rsplit_once('/').map_or(name, |(_, name)| name))
        };
        let read = |file| {
            let bytes = self.inputs.bytes(file).ok()?;
            kustomization::kustomization(file, self.inputs.name(file), &bytes).ok()
        };
        self.inputs.named().filter(is_one).filter_map(read).collect()
    }

    /// A file's name and text, whichever it is.
    pub(super) fn file(&self, file: FileId) -> (String, Option<FileBytes<'_>>) {
        match file.0.checked_sub(self.inputs.len()).and_then(|index| self.beside.get(index)) {
            Some((name, bytes)) => (name.clone(), Some(FileBytes::Kept(bytes))),
            None => (self.inputs.name(file).to_owned(), self.inputs.bytes(file).ok()),
        }
    }

    /// The same as findings show it: `last` are the files that were shown.
    pub(super) fn shown<'s>(&'s self, last: &LastShown<'s>, file: FileId) -> Rc<Shown<'s>> {
        last.get(file, || {
            let (name, bytes) = self.file(file);
            Shown::new(name, bytes)
        })
    }

    /// The findings that neither the map nor a comment silences. Only files that hold objects or findings are looked at
    /// again.
    pub(super) fn silence(
        &self,
        inventory: &Inventory,
        findings: Vec<Finding>,
    ) -> Result<Vec<Finding>, Vec<Diagnostic>> {
        let found = findings.iter().filter_map(|finding| Some(finding.diagnostic.primary.as_ref()?.at.file));
        let inputs = inventory.objects().iter().map(|found| found.file).chain(found);
        let files: BTreeSet<FileId> = inputs.filter(|file| file.0 < self.inputs.len()).collect();
        let mut comments: BTreeMap<FileId, Vec<Ignore>> = BTreeMap::new();
        for file in files {
            let ignores = lint::ignores(&self.inputs.bytes(file).map_err(|error| vec![error])?);
            if !ignores.is_empty() {
                comments.insert(file, ignores);
            }
        }
        let findings = lint::silence(inventory, findings, &comments);
        let Some(map) = &self.map else { return Ok(findings) };
        let path = |file: FileId| if file.0 < self.inputs.len() { map.relative(&self.inputs, file) } else { None };
        // The map is the first of the files beside the inputs.
        let place = |span: Span| Location {
            file: FileId(self.inputs.len()),
            span,
            window: Some(Span::new(0, map.text().1.len())),
        };
        lint::silence_by_map(findings, &map.map.lint_ignores, path, place)
    }
}

/// The inputs that the command line names.
fn inputs(args: &Args) -> Result<Session, Diagnostic> {
    if let Some(directory) = &args.kustomize {
        let (error, pipe) = no_build(directory, "lint", "reads");
        let files =
            format!("the files themselves, with their places: kubectl xaccount lint {} -R", directory.display());
        return Err(error.help(format!("what is built: {pipe}")).help(files));
    }
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
    if let Some(Input::Stream(path)) = found.iter().find(|input| args.write && matches!(input, Input::Stream(_))) {
        let error = Diagnostic::error(format!("{} is a pipe or a device and can't be written", path.display()));
        return Err(error.help("use --fix -o yaml and redirect the output"));
    }
    let stdin_name = args.stdin_filename.as_deref().filter(|_| found.contains(&Input::Stdin));
    Session::new(found, &mut std::io::stdin().lock(), stdin_name, None, progress)
}
