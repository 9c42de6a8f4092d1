//! Manifests in memory, and what a verb reads from them.

use std::collections::HashSet;

use super::error::{Error, ErrorKind};
use super::place::{MemoryFile, SourcePlace};
use crate::capa::Release;
use crate::diag::{Diagnostic, Location, escape_control};
use crate::inventory::{Inventory, Scan};
use crate::kustomization_search::{Kustomizations, in_memory};
use crate::kustomize::plain;
use crate::plan::{EmptySelection, Failure};
use crate::session::Session;
use lossless_yaml::Needles;

/// Manifests in memory: YAML or JSON files by name, with `/` between the parts of a name.
///
/// Nothing is parsed before a verb runs, so a text that one verb refuses can still be linted. Clones share the bytes.
///
/// ```
/// use xaccount::Manifests;
///
/// let manifests = Manifests::new([
///     ("clusters/heron.yaml", "kind: AWSCluster\n"),
///     ("clusters/identities.yaml", "# identities of all clusters\n"),
/// ])?;
/// assert_eq!(manifests.names().collect::<Vec<_>>(), ["clusters/heron.yaml", "clusters/identities.yaml"]);
/// assert!(Manifests::new([("a.yaml", ""), ("./a.yaml", "")]).is_err());
/// # Ok::<(), xaccount::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Manifests {
    pub(super) files: Vec<MemoryFile>,
    pub(super) release: Option<Release>,
    pub(super) default_namespace: Option<String>,
}

impl Manifests {
    /// The manifests of one file.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { files: vec![MemoryFile::new(name.into(), bytes.into())], release: None, default_namespace: None }
    }

    /// The manifests of several files, by their names. An identity in one of them counts for the clusters in all of
    /// them, and a kustomization among them decides which of them are patches.
    ///
    /// # Errors
    /// Two files with the same name.
    pub fn new<N: Into<String>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (N, B)>) -> Result<Self, Error> {
        let files: Vec<MemoryFile> =
            files.into_iter().map(|(name, bytes)| MemoryFile::new(name.into(), bytes.into())).collect();
        let mut seen = HashSet::new();
        match files.iter().find(|file| !seen.insert(plain(&file.name))) {
            None => Ok(Self { files, release: None, default_namespace: None }),
            Some(twice) => {
                let message = format!("two files have the name {}", escape_control(&twice.name));
                Err(Error::request(Diagnostic::error(message)))
            }
        }
    }

    /// The same, evaluated for a release of CAPA by [`status()`](super::status) and [`lint()`](super::lint). The
    /// default is the newest that serves the API versions of the files.
    #[must_use]
    pub fn with_release(self, release: Release) -> Self {
        Self { release: Some(release), ..self }
    }

    /// The same, applied to a namespace other than `default` where an object sets none.
    #[must_use]
    pub fn with_default_namespace(self, namespace: impl Into<String>) -> Self {
        Self { default_namespace: Some(namespace.into()), ..self }
    }

    /// The names of the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// The bytes of a file; `None` if it is not one of the manifests.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        Some(&self.files[self.position(name)?].bytes)
    }

    /// The index of the file with a name, however its path is written.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let wanted = plain(name);
        self.files.iter().position(|file| plain(&file.name) == wanted)
    }

    /// Where a diagnostic's location is; `None` for a file that is not one of the manifests.
    pub fn place(&self, at: Location) -> Option<SourcePlace> {
        Some(self.files.get(at.file.0)?.place(at.span.start))
    }

    /// Reads the documents that contain one of the needles. With `keep_going`, a document that can't be read is a
    /// warning.
    pub(super) fn read(&self, needles: &Needles, keep_going: bool) -> Result<ReadManifests, Error> {
        let mut session = Session::in_memory(self.files.iter().map(|file| (file.name.clone(), file.bytes.clone())));
        let scan = Scan { needles, skip_templates: false, topology_variable: None, keep_going };
        let (inventory, warnings) = session.scan(&scan).map_err(|errors| self.refused(errors))?;
        let inventory = match &self.default_namespace {
            Some(namespace) => inventory.with_default_namespace(namespace),
            None => inventory,
        };
        let kustomizations = in_memory(&session, &inventory, "");
        Ok(ReadManifests { session, inventory, kustomizations, warnings })
    }

    /// The error of a verb that refuses the manifests.
    pub(super) fn refused(&self, diagnostics: Vec<Diagnostic>) -> Error {
        self.error(ErrorKind::Refused, diagnostics)
    }

    /// The error of a verb that makes no plan; `warnings` were found before.
    pub(super) fn failed(&self, mut warnings: Vec<Diagnostic>, failure: Failure) -> Error {
        match failure {
            Failure::EmptySelection(nothing) => {
                let mut error = Diagnostic::error(nothing.to_string());
                if let EmptySelection::NoneSelected(mut titles) = nothing {
                    titles.truncate(20);
                    error = error.help(format!("these can carry an identity reference: {}", titles.join(", ")));
                }
                warnings.push(error);
                self.error(ErrorKind::EmptySelection, warnings)
            }
            Failure::Refused(errors) => {
                warnings.extend(errors);
                self.refused(warnings)
            }
        }
    }

    fn error(&self, kind: ErrorKind, diagnostics: Vec<Diagnostic>) -> Error {
        let place = |diagnostic: &Diagnostic| self.place(diagnostic.primary.as_ref()?.at);
        let places = diagnostics.iter().map(place).collect();
        Error::new(kind, diagnostics, places)
    }
}

/// The input of a verb.
pub(super) struct ReadManifests {
    pub(super) session: Session,
    pub(super) inventory: Inventory,
    pub(super) kustomizations: Kustomizations,
    /// The warnings.
    pub(super) warnings: Vec<Diagnostic>,
}

impl ReadManifests {
    /// The same, without what can't be applied as an object: kustomize patches, and objects without a name.
    pub(super) fn counted(self) -> Self {
        let Self { session, inventory, kustomizations, mut warnings } = self;
        let (inventory, notes) = kustomizations.place(inventory, &session);
        let (inventory, nameless) = inventory.without_nameless();
        warnings.extend(notes.into_iter().chain(nameless));
        Self { session, inventory, kustomizations, warnings }
    }
}
