//! What `lint` reads: manifests, the account map, kustomizations, policies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xaccount::diag::{Diagnostic, FileId, Location, OneSource, RuleId, SourceFile, SourceFiles, Span};
use xaccount::files;
use xaccount::iam::may_show;
use xaccount::inventory::Inventory;
use xaccount::lint::{self, Finding, Ignore, PolicyFile};
use xaccount::session::Session;

use crate::cli::Lint as Args;
use crate::commands::edit::{Mode, refuse_inputs};
use crate::commands::input::{self, Usage};
use crate::commands::map_file::MapFile;
use crate::commands::{CommandError, Terminal};

/// The inputs of a run.
pub(super) struct Sources {
    pub(super) session: Session,
    pub(super) map: Option<Rc<MapFile>>,
    /// The identity file of the map, which is read as well.
    pub(super) identity_file: Option<PathBuf>,
    pub(super) trust: Vec<PolicyFile>,
    pub(super) permission: Vec<PolicyFile>,
    /// Name and text of the other files; their ids follow those of the inputs.
    extra: Vec<(String, Vec<u8>)>,
}

pub(super) const USAGE: Usage =
    Usage { verb: "lint", flags: "", edits: false, reads_kustomizations: true, prints: "--fix -o yaml" };

/// Refuses `--fix unsafe`: the level would be read as a path.
fn refuse_level_as_path(args: &Args) -> Result<(), Diagnostic> {
    let paths = input::paths(&args.input);
    let is_level = |path: &&PathBuf| path.as_os_str() == "unsafe" && !path.exists();
    match paths.iter().find(is_level).filter(|_| args.fix.is_some()) {
        None => Ok(()),
        Some(path) => {
            let level = path.display();
            Err(Diagnostic::error(format!("--fix takes '{level}' only after an equals sign"))
                .help(format!("--fix={level}")))
        }
    }
}

impl SourceFiles for Sources {
    fn source(&self, file: FileId) -> SourceFile<'_> {
        match file.0.checked_sub(self.session.len()).and_then(|index| self.extra.get(index)) {
            Some((name, bytes)) => SourceFile::new(name.clone(), bytes),
            None => self.session.source(file),
        }
    }
}

impl Sources {
    /// Reads everything but the manifests. `edits` is what happens to fixes.
    pub(super) fn read(args: &Args, edits: Option<Mode>, terminal: &Terminal) -> Result<Self, CommandError> {
        refuse_level_as_path(args)?;
        let found = input::find(&args.input, &USAGE)?;
        if let Some(mode) = edits {
            refuse_inputs(&found, &args.input, mode, &USAGE)?;
        }
        let map = input::map_above(&found, &args.input, &args.map, terminal)?.map(Rc::new);
        let identity_file = map.as_deref().and_then(MapFile::identity_file).filter(|path| path.exists());
        let session = input::open(found, &args.input, identity_file.as_deref(), None)?;
        let mut sources =
            Self { session, map, identity_file, trust: Vec::new(), permission: Vec::new(), extra: Vec::new() };
        if let Some((name, bytes)) = sources.map.as_deref().map(MapFile::text) {
            sources.extra.push((name.to_owned(), bytes.to_vec()));
        }
        let policies = |sources: &mut Self, paths: &[PathBuf]| -> Result<Vec<PolicyFile>, CommandError> {
            paths.iter().map(|path| sources.policy(path)).collect()
        };
        sources.trust = policies(&mut sources, &args.trust_policy)?;
        sources.permission = policies(&mut sources, &args.permission_policy)?;
        sources.refuse_swapped()?;
        Ok(sources)
    }

    /// The same with the manifests of another session.
    pub(super) fn of_session(&self, session: Session) -> Self {
        let policy = |policy: &PolicyFile| {
            let mut policy = policy.clone();
            policy.file = FileId(policy.file.0 - self.session.len() + session.len());
            policy
        };
        let policies = |all: &[PolicyFile]| all.iter().map(policy).collect();
        let (trust, permission) = (policies(&self.trust), policies(&self.permission));
        let (map, identity_file) = (self.map.clone(), self.identity_file.clone());
        Self { session, map, identity_file, trust, permission, extra: self.extra.clone() }
    }

    /// Refuses a permissions policy as a trust policy, and the other way round.
    fn refuse_swapped(&self) -> Result<(), CommandError> {
        let name = |policy: &PolicyFile| self.source(policy.file).name;
        let error = |policy: &PolicyFile, is: &str, flag: &str, right: &str| {
            let error = format!("{flag}: {} is a {is} policy", name(policy));
            Err(Diagnostic::error(error).help(format!("pass it with {right}")).into())
        };
        if let Some(policy) =
            self.trust.iter().find(|one| one.policy.statements.iter().any(|one| one.resource.is_some()))
        {
            return error(policy, "permissions", "--trust-policy", "--permission-policy");
        }
        let is_trust = |one: &&PolicyFile| one.policy.statements.iter().any(|one| one.principals.is_some());
        match self.permission.iter().find(is_trust) {
            Some(policy) => error(policy, "trust", "--permission-policy", "--trust-policy"),
            None => Ok(()),
        }
    }

    fn policy(&mut self, path: &Path) -> Result<PolicyFile, CommandError> {
        let bytes = files::read_limited(path).map_err(|error| Diagnostic::error(error.to_string()))?;
        let file = FileId(self.session.len() + self.extra.len());
        let name = self.session.shown(path);
        match lint::policy(file, &bytes) {
            Ok((policy, text)) => {
                self.extra.push((name, text));
                Ok(policy)
            }
            Err((refusal, text)) => {
                let error = refusal.in_file(file, may_show(&text).then(|| Span::new(0, text.len())));
                Err(CommandError::about(&Rc::new(OneSource::new(name, text)), vec![error]))
            }
        }
    }

    /// The findings that neither the map nor a comment silences.
    pub(super) fn silence(
        &self,
        inventory: &Inventory,
        findings: Vec<Finding>,
    ) -> Result<Vec<Finding>, Vec<Diagnostic>> {
        let findings = self.silence_by_comments(inventory, findings)?;
        self.silence_by_map(findings, |map, file| map.relative(&self.session, file))
    }

    /// The findings of an older state. The map silences none of them: in a file that was renamed, it may silence no longer.
    /// What it silences decides only which of its own entries are unused. `path` returns a file's path relative to the map.
    pub(super) fn older_findings(
        &self,
        inventory: &Inventory,
        findings: &[Finding],
        path: impl Fn(FileId) -> Option<String>,
    ) -> Vec<Finding> {
        let silenced = self.silence_by_comments(inventory, findings.to_vec());
        let mut findings = silenced.unwrap_or_else(|_| findings.to_vec());
        let by_map = self.silence_by_map(findings.clone(), |_, file| path(file)).unwrap_or_default();
        let map = Some(FileId(self.session.len()));
        let is_unused = |one: &Finding| one.diagnostic.primary.as_ref().map(|label| label.at.file) == map;
        findings.extend(by_map.into_iter().filter(|one| one.rule.id == RuleId::UnusedIgnore && is_unused(one)));
        findings
    }

    /// The findings that no comment silences. Only files with objects or findings are read again.
    fn silence_by_comments(
        &self,
        inventory: &Inventory,
        findings: Vec<Finding>,
    ) -> Result<Vec<Finding>, Vec<Diagnostic>> {
        let found = findings.iter().filter_map(|finding| Some(finding.diagnostic.primary.as_ref()?.at.file));
        let inputs = inventory.objects().iter().map(|found| found.origin.file).chain(found);
        let files: BTreeSet<FileId> = inputs.filter(|file| file.0 < self.session.len()).collect();
        let mut comments: BTreeMap<FileId, Vec<Ignore>> = BTreeMap::new();
        for file in files {
            let ignores = lint::ignores(&self.session.bytes(file).map_err(|error| vec![error])?);
            if !ignores.is_empty() {
                comments.insert(file, ignores);
            }
        }
        Ok(lint::silence(inventory, findings, &comments))
    }

    /// The findings that the map does not silence. `path` returns a file's path relative to the map.
    fn silence_by_map(
        &self,
        findings: Vec<Finding>,
        path: impl Fn(&MapFile, FileId) -> Option<String>,
    ) -> Result<Vec<Finding>, Vec<Diagnostic>> {
        let Some(map) = &self.map else { return Ok(findings) };
        let path = |file: FileId| if file.0 < self.session.len() { path(map, file) } else { None };
        // The map is the first file after the inputs.
        let place = |span: Span| Location {
            file: FileId(self.session.len()),
            span,
            window: Some(Span::new(0, map.text().1.len())),
        };
        lint::silence_by_map(findings, &map.map.lint_ignores, path, place)
    }
}
