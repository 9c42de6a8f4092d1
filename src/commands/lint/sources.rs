//! What `lint` reads: manifests, the account map, kustomizations, policies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xaccount::diag::{Diagnostic, FileId, Location, OneSource, SourceFile, SourceFiles, Span};
use xaccount::files;
use xaccount::iam::may_show;
use xaccount::inventory::Inventory;
use xaccount::lint::{self, Finding, Ignore, PolicyFile};
use xaccount::session::Session;

use crate::cli::Lint as Args;
use crate::commands::edit::{Mode, refuse_inputs};
use crate::commands::input::{self, Usage};
use crate::commands::map::MapFile;
use crate::commands::{CommandError, Terminal};

/// The inputs of a run.
pub(super) struct Sources {
    pub(super) session: Session,
    pub(super) map: Option<MapFile>,
    /// Whether the identity file of the map was read.
    pub(super) reads_identity_file: bool,
    pub(super) trust: Vec<PolicyFile>,
    pub(super) permission: Vec<PolicyFile>,
    /// Name and text of the other files; their ids follow those of the inputs.
    extra: Vec<(String, Vec<u8>)>,
}

const USAGE: Usage =
    Usage { verb: "lint", flags: "", edits: false, reads_kustomizations: true, prints: "--fix -o yaml" };

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
        let found = input::find(&args.input, &USAGE)?;
        if let Some(mode) = edits {
            refuse_inputs(&found, &args.input, mode, &USAGE)?;
        }
        let map = input::map_above(&found, &args.input, &args.map, terminal)?;
        let identity_file = map.as_ref().and_then(MapFile::identity_file).filter(|path| path.exists());
        let session = input::open(found, &args.input, identity_file.as_deref(), None)?;
        let reads_identity_file = identity_file.is_some();
        let mut sources =
            Self { session, map, reads_identity_file, trust: Vec::new(), permission: Vec::new(), extra: Vec::new() };
        if let Some((name, bytes)) = sources.map.as_ref().map(MapFile::text) {
            sources.extra.push((name.to_owned(), bytes.to_vec()));
        }
        let policies = |sources: &mut Self, paths: &[PathBuf]| -> Result<Vec<PolicyFile>, CommandError> {
            paths.iter().map(|path| sources.policy(path)).collect()
        };
        sources.trust = policies(&mut sources, &args.trust_policy)?;
        sources.permission = policies(&mut sources, &args.permission_policy)?;
        Ok(sources)
    }

    fn policy(&mut self, path: &Path) -> Result<PolicyFile, CommandError> {
        let bytes = files::read_only(path).map_err(|error| Diagnostic::error(error.to_string()))?;
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

    /// The findings that neither the map nor a comment silences. Only files with objects or findings are read again.
    pub(super) fn silence(
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
        let findings = lint::silence(inventory, findings, &comments);
        let Some(map) = &self.map else { return Ok(findings) };
        let path = |file: FileId| if file.0 < self.session.len() { map.relative(&self.session, file) } else { None };
        // The map is the first file after the inputs.
        let place = |span: Span| Location {
            file: FileId(self.session.len()),
            span,
            window: Some(Span::new(0, map.text().1.len())),
        };
        lint::silence_by_map(findings, &map.map.lint_ignores, path, place)
    }
}
