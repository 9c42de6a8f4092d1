//! `--against`: the findings of an older state, to show only those that a change brings.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xxhash_rust::xxh3::xxh3_64;

use super::evaluate::{Evaluated, evaluate, with_scan};
use super::sources::{Sources, USAGE};
use crate::cli::Lint as Args;
use crate::commands::revision::{Against, MissingInputs, Revision, root_in};
use crate::commands::{CommandError, Messages, input, map_file};
use lossless_yaml::Source;
use xaccount::diag::{Diagnostic, FileId, Location, RuleId, Severity, SourceFiles, escape_control};
use xaccount::inventory::Inventory;
use xaccount::kustomization_search::{Kustomizations, in_memory};
use xaccount::lint::{Finding, LintState, new_findings};
use xaccount::session::{Session, path_bytes};

/// An older state.
pub(super) struct Older {
    /// Its name in messages: `main`, or its paths.
    pub(super) name: String,
    sources: Rc<Sources>,
    evaluated: Evaluated,
    /// What could not be read, as warnings.
    unread: Vec<Diagnostic>,
    roots: Roots,
}

/// What file names are relative to, so that they are the same in both states.
enum Roots {
    /// The root of a repository, and its name in the names of the older state.
    Repository(PathBuf, String),
    /// The inputs of each state.
    Paths { old: Vec<PathBuf>, new: Vec<PathBuf> },
}

/// The files of an older state, before the rules are applied.
struct OldFiles {
    session: Session,
    roots: Roots,
    unread: Vec<Diagnostic>,
}

impl Older {
    /// Reads the state that `--against` names; `None` without the flag. What can't be read has no findings.
    ///
    /// # Errors
    /// It is neither a path nor a revision, or `git` fails.
    pub(super) fn read(args: &Args, new: &Sources) -> Result<Option<Self>, CommandError> {
        if args.against.is_empty() {
            return Ok(None);
        }
        let inputs = input::paths(&args.input);
        let name = args.against.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(",");
        let OldFiles { mut session, roots, mut unread } = match Against::of(&args.against, &inputs)? {
            Against::Revision(revision) => {
                let named: Vec<PathBuf> = inputs.iter().chain(new.identity_file.as_ref()).cloned().collect();
                let Revision { files, unread, root } =
                    Revision::read(&revision, &named, args.input.recursive, MissingInputs::New)?;
                let roots = Roots::Repository(root, root_in(&revision) + "/");
                OldFiles { session: Session::in_memory(files), roots, unread }
            }
            Against::Paths(old) => {
                let found = input::find_paths(&old, args.input.recursive, &USAGE)?;
                let session = input::open(found, &args.input, new.identity_file.as_deref(), None)?;
                OldFiles { session, roots: Roots::Paths { old, new: inputs }, unread: Vec::new() }
            }
        };
        let (inventory, mut read, failed) = with_scan(|scan| session.scan_readable(scan));
        let (documents, files): (Vec<_>, Vec<_>) = failed.into_iter().partition(|one| one.rule.is_some());
        read.extend(documents);
        unread.extend(files);
        let inventory = input::placed(inventory, args.clusters.default_namespace.as_deref());
        let kustomizations = roots.kustomizations(&session, &inventory);
        let sources = new.of_session(session);
        let mut evaluated = evaluate(&sources, inventory, &kustomizations, read, args)?;
        let errors = std::mem::take(&mut evaluated.others).into_iter().filter(|one| one.severity == Severity::Error);
        unread.extend(errors);
        Ok(Some(Self { name: escape_control(&name).into_owned(), sources: Rc::new(sources), evaluated, unread, roots }))
    }

    /// Whether each finding is new.
    pub(super) fn new_findings(&self, new: &Sources, inventory: &Inventory, findings: &[Finding]) -> Vec<bool> {
        let (old_name, new_name) = (|file| self.old_name(file), |file| self.new_name(new, file));
        let by_name: HashMap<String, FileId> = new.session.named().map(|file| (new_name(file), file)).collect();
        let counterpart = |file: FileId| new.map.as_ref()?.relative(&new.session, *by_name.get(&old_name(file))?);
        let old_findings =
            self.sources.older_findings(&self.evaluated.inventory, &self.evaluated.findings, counterpart);
        let (old_document, new_document) = (document(&self.sources.session), document(&new.session));
        new_findings(
            &LintState {
                inventory: &self.evaluated.inventory,
                findings: &old_findings,
                name: &old_name,
                document: &old_document,
            },
            &LintState { inventory, findings, name: &new_name, document: &new_document },
        )
    }

    /// Adds a warning for each file and document that could not be read, unless the new state has the same document.
    pub(super) fn warn(&self, new: &Sources, findings: &[Finding], messages: &mut Messages) {
        let (old_document, new_document) = (document(&self.sources.session), document(&new.session));
        let existing: HashSet<u64> = unread_documents(findings).map(|(_, at)| new_document(at)).collect();
        let documents = unread_documents(&self.evaluated.findings);
        let changed = documents.filter(|(_, at)| !existing.contains(&old_document(at))).map(|(one, _)| one);
        let help = "it counts as without findings: those of its objects are shown as new";
        let warning =
            |one: &Diagnostic| Diagnostic { severity: Severity::Warning, help: vec![help.to_owned()], ..one.clone() };
        messages.about(&self.sources, self.unread.iter().chain(changed).map(warning).collect());
    }

    /// A file's name, as the new state would have it.
    fn old_name(&self, file: FileId) -> String {
        let session = &self.sources.session;
        match &self.roots {
            _ if file.0 >= session.len() => self.sources.source(file).name,
            Roots::Repository(_, root) => {
                let name = session.name(file);
                name.strip_prefix(root.as_str()).unwrap_or(name).to_owned()
            }
            Roots::Paths { old, .. } => below(session, file, old),
        }
    }

    /// A file's name, as the older state would have it.
    fn new_name(&self, new: &Sources, file: FileId) -> String {
        match &self.roots {
            _ if file.0 >= new.session.len() => new.source(file).name,
            Roots::Repository(root, _) => {
                let relative = map_file::relative(&new.session, file, root);
                relative.map_or_else(|| new.session.name(file).to_owned(), |name| escape_control(&name).into_owned())
            }
            Roots::Paths { new: roots, .. } => below(&new.session, file, roots),
        }
    }
}

/// The findings about documents that can't be read, and their places.
fn unread_documents(findings: &[Finding]) -> impl Iterator<Item = (&Diagnostic, &Location)> {
    let is_unread = |one: &&Finding| matches!(one.rule.id, RuleId::UnreadableDocument | RuleId::UncheckedTemplate);
    findings.iter().filter(is_unread).filter_map(|one| Some((&one.diagnostic, &one.diagnostic.primary.as_ref()?.at)))
}

impl Roots {
    /// The kustomizations around the files.
    fn kustomizations(&self, session: &Session, inventory: &Inventory) -> Kustomizations {
        match self {
            Self::Repository(_, root) => in_memory(session, inventory, root.trim_end_matches('/')),
            Self::Paths { .. } => input::kustomizations(session, inventory, None),
        }
    }
}

/// The path of a file below the input that it was found in; the name of a file that is an input itself.
fn below(session: &Session, file: FileId, inputs: &[PathBuf]) -> String {
    let Some(path) = session.input(file).path() else { return session.name(file).to_owned() };
    let relative = inputs.iter().find_map(|input| path.strip_prefix(input).ok());
    let name = match relative {
        Some(relative) if !relative.as_os_str().is_empty() => relative,
        _ => path.file_name().map_or(path, Path::new),
    };
    String::from_utf8_lossy(&path_bytes(name)).into_owned()
}

/// Hashes the document at a place.
fn document(session: &Session) -> impl Fn(&Location) -> u64 {
    |at| {
        let bytes =
            if at.file.0 < session.len() { session.bytes(at.file).unwrap_or_default() } else { Default::default() };
        let segment =
            Source::new(&bytes).segments().find(|one| one.span.start <= at.span.start && at.span.start < one.span.end);
        let text = segment.map_or(&bytes[..], |segment| &bytes[segment.span.range()]);
        xxh3_64(text.trim_ascii())
    }
}
