//! `inject` and `eject` in memory.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use json_patch::PatchOperation;

use super::error::Error;
use super::manifests::{Manifests, ReadManifests};
use super::place::MemoryFile;
use super::request::{no_account_map, wrong, wrong_selection};
use crate::capa::needles;
use crate::diag::{Diagnostic, FileId, escape_control};
use crate::eject::{EjectRequest, draft};
use crate::inject::{InjectRequest, plan};
use crate::inventory::{Inventory, Skipped};
use crate::kustomization_search::refused_identity_file;
use crate::plan::{ChangeKind, IdentityFile, Outcome, write_order};
use crate::session::{self, shown};
use crate::usages::{UsageLimits, named};

/// Manifests with a change that is proved: two independent readers agree that each new text is the old one with exactly
/// the planned change.
#[derive(Clone, Debug)]
pub struct ChangedManifests {
    /// The files with their new bytes; a new file comes last.
    manifests: Manifests,
    /// Indices of the files that differ, in the order in which to write them.
    changed: Vec<usize>,
    /// The inventory before the change.
    inventory: Inventory,
    outcome: Outcome,
    warnings: Vec<Diagnostic>,
}

/// An object that changes.
#[derive(Clone, Debug)]
pub struct ChangedObject<'c> {
    /// The name of its file.
    pub file: &'c str,
    /// The line of its first key in the old text, from 1; `None` for a new object.
    pub line: Option<usize>,
    /// Its kind, namespace and name: `AWSCluster default/heron`.
    pub title: String,
    /// What happens to it.
    pub kind: ChangeKind,
    /// The old value in words, if it had one.
    pub before: Option<&'c str>,
    /// The new value in words.
    pub after: &'c str,
    /// The change as RFC 6902, relative to the object; empty for a new object.
    pub operations: &'c [PatchOperation],
}

/// Points clusters at a target account: sets the identity reference of each selected object, and adds the
/// `AWSClusterRoleIdentity` that it names. The request is a [`Target`](crate::Target), or an [`InjectRequest`] with
/// more.
///
/// ```
/// use xaccount::{ErrorKind, Manifests, Target};
///
/// let yaml = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";
/// let manifests = Manifests::from_bytes("heron.yaml", yaml);
/// let change = xaccount::inject(&manifests, Target::account("222222222222")?)?;
/// for object in change.objects() {
///     println!("{object}");
/// }
/// assert!(change.bytes("heron.yaml")?.starts_with(yaml.as_bytes()));
///
/// // A second run changes nothing.
/// assert!(xaccount::inject(change.manifests(), Target::account("222222222222")?)?.is_unchanged());
///
/// // A cluster that is or was in a management cluster is not moved.
/// let live = Manifests::from_bytes("heron.yaml", yaml.replace("heron", "heron, uid: 0c1b"));
/// let error = xaccount::inject(&live, Target::account("222222222222")?).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Refused);
/// # Ok::<(), xaccount::Error>(())
/// ```
///
/// Only the manifests are searched for signs that a cluster is running: there is neither Git's HEAD nor a dump of the
/// management cluster. A manifest without a `metadata.uid`, or another field that only an API server or a controller
/// writes, counts as a cluster that does not exist yet. If that may be wrong, check the management cluster before you
/// apply the result.
///
/// # Errors
/// Everything that the command refuses to write, an account map among the files, and an invalid request.
pub fn inject(manifests: &Manifests, request: impl Into<InjectRequest>) -> Result<ChangedManifests, Error> {
    let mut request = request.into();
    let identity_file = match &mut request.identity_file {
        Some(file) => Some(resolve(manifests, &mut file.value)?),
        None => None,
    };
    let wrong: Vec<Diagnostic> = no_account_map(manifests.names()).into_iter().chain(wrong(&request)).collect();
    if !wrong.is_empty() {
        return Err(Error::requests(wrong));
    }
    let read = read(manifests, identity_file.as_deref())?;
    match plan(&read.inventory, &request) {
        Ok(outcome) => proved(manifests, read, outcome),
        Err(failure) => Err(manifests.failed(read.warnings, failure)),
    }
}

/// Removes the references to role identities again, and the identities that `inject` added and that nothing references
/// any more.
///
/// ```
/// use xaccount::{EjectRequest, Manifests, Target};
///
/// let yaml = "\
/// apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
/// kind: AWSCluster
/// metadata: {name: heron}
/// spec:
///   region: us-east-1
/// ";
/// let manifests = Manifests::from_bytes("heron.yaml", yaml);
/// let change = xaccount::inject(&manifests, Target::account("222222222222")?)?;
/// let back = xaccount::eject(change.manifests(), &EjectRequest::default())?;
/// assert_eq!(back.bytes("heron.yaml")?, yaml.as_bytes());
/// # Ok::<(), xaccount::Error>(())
/// ```
///
/// Only the given files are searched for other users of an identity, so an identity that is used elsewhere can be
/// removed. Pass all manifests of a repository, and check the management cluster before you delete an identity there.
///
/// # Errors
/// Everything that the command refuses to write, an account map among the files, and an invalid request.
pub fn eject(manifests: &Manifests, request: &EjectRequest) -> Result<ChangedManifests, Error> {
    let mut request = request.clone();
    let identity_file = match &mut request.identity_file {
        Some(file) => Some(resolve(manifests, file)?),
        None => None,
    };
    let wrong = no_account_map(manifests.names()).into_iter().chain(wrong_selection(&request.selection));
    let wrong: Vec<Diagnostic> = wrong.collect();
    if !wrong.is_empty() {
        return Err(Error::requests(wrong));
    }
    let read = read(manifests, identity_file.as_deref())?;
    let outcome = draft(&read.inventory, &request).map(|draft| {
        // Files in memory have no directory, so only they are searched.
        draft.finish(|draft| named(&read.session, &read.inventory, draft, UsageLimits::default()))
    });
    match outcome {
        Ok(outcome) => proved(manifests, read, outcome),
        Err(failure) => Err(manifests.failed(read.warnings, failure)),
    }
}

/// Finds the file that keeps identities, and returns its name.
fn resolve(manifests: &Manifests, file: &mut IdentityFile) -> Result<String, Error> {
    let refused = |message: String| Err(Error::request(Diagnostic::error(message)));
    let IdentityFile::New(path) = file else {
        return refused("specify the identity file by name: IdentityFile::named(\"identities.yaml\")".to_owned());
    };
    let name = shown(path);
    if let Some(at) = manifests.position(&name) {
        *file = IdentityFile::Existing(FileId(at));
        return Ok(name);
    }
    if name == "-" || name.is_empty() || Path::new(&name).extension().is_some_and(|extension| extension == "json") {
        let text = escape_control(&name);
        return refused(format!("'{text}' can't be a new identity file: identities are kept in a YAML file"));
    }
    Ok(name)
}

/// Reads the manifests for both verbs.
fn read(manifests: &Manifests, identity_file: Option<&str>) -> Result<ReadManifests, Error> {
    let read = manifests.read(&needles(), false)?;
    match identity_file.and_then(|file| refused_identity_file(file, read.kustomizations.builds.patch(file))) {
        Some(error) => Err(manifests.refused(vec![error])),
        None => Ok(read.counted()),
    }
}

/// Proves a plan.
fn proved(manifests: &Manifests, read: ReadManifests, outcome: Outcome) -> Result<ChangedManifests, Error> {
    let ReadManifests { session, inventory, mut warnings, .. } = read;
    let proved = session.prove(&outcome.plans, |_, old, edited| session::content(edited, old));
    let proved = proved.map_err(|errors| manifests.refused(errors))?;
    let mut files = manifests.files.clone();
    let mut differs: HashSet<FileId> = HashSet::new();
    for one in proved.into_iter().filter(|one| !one.edited().is_unchanged()) {
        let file = one.file();
        differs.insert(file);
        files[file.0] = MemoryFile::new(files[file.0].name.clone(), one.into_made());
    }
    let mut changed = Vec::new();
    if let Some((path, plan)) = &outcome.new_file {
        let text = session::new_text(plan).map_err(|error| manifests.refused(vec![error]))?;
        changed.push(files.len());
        files.push(MemoryFile::new(shown(path), text));
    }
    let order = write_order(&inventory, &outcome);
    changed.extend(order.into_iter().filter(|file| differs.contains(file)).map(|file| file.0));
    warnings.extend(outcome.warnings.iter().cloned());
    let objects = outcome.changes.iter().filter_map(|change| change.object);
    warnings.extend(inventory.overridden(objects.map(|index| &inventory[index])));
    let manifests = Manifests { files, ..manifests.clone() };
    Ok(ChangedManifests { manifests, changed, inventory, outcome, warnings })
}

impl ChangedManifests {
    /// The bytes of a file: the new ones, or the old ones if it does not change.
    ///
    /// # Errors
    /// There is no such file.
    pub fn bytes(&self, name: &str) -> Result<&[u8], Error> {
        self.manifests.bytes(name).ok_or_else(|| {
            let message = format!("{} is not one of the manifests", escape_control(name));
            Error::request(Diagnostic::error(message))
        })
    }

    /// The files that differ, and their new bytes. If they are written in this order, no reference is without its
    /// identity at any moment.
    pub fn changed_files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.changed.iter().map(|&file| &self.manifests.files[file]);
        files.map(|file| (file.name.as_str(), file.bytes.as_slice()))
    }

    /// Whether no file differs.
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// The objects that change, and the new ones.
    pub fn objects(&self) -> impl Iterator<Item = ChangedObject<'_>> {
        let mut added = self.outcome.added.iter();
        self.outcome.changes.iter().filter_map(move |change| {
            let (file, line, title) = match change.object {
                Some(index) => {
                    let found = &self.inventory[index];
                    (found.origin.file.0, Some(found.origin.line), found.title())
                }
                None => {
                    let new = added.next()?;
                    let file = match &new.file {
                        IdentityFile::Existing(file) => file.0,
                        IdentityFile::New(_) => self.inventory.files().len(),
                    };
                    (file, None, new.title.clone())
                }
            };
            Some(ChangedObject {
                file: &self.manifests.files.get(file)?.name,
                line,
                title,
                kind: change.kind,
                before: change.before.as_deref(),
                after: &change.after,
                operations: &change.operations,
            })
        })
    }

    /// The selected objects that can carry a reference and are skipped, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.outcome.skipped
    }

    /// The warnings. [`Manifests::place`] of the original manifests returns their places.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// What was decided, and why, if the request has `explain`.
    pub fn decisions(&self) -> &[String] {
        &self.outcome.decisions
    }

    /// The manifests with the change, for another verb.
    pub fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// The same, by value.
    pub fn into_manifests(self) -> Manifests {
        self.manifests
    }
}

impl fmt::Display for ChangedObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.line.map_or_else(|| self.file.to_owned(), |line| format!("{}:{line}", self.file));
        let change = match self.before {
            Some(before) => format!("{before} -> {}", self.after),
            None => self.after.to_owned(),
        };
        f.write_str(&escape_control(&format!("{place}: {}: {change}", self.title)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facade::{Error, ErrorKind};
    use crate::inject::Target;

    const CLUSTER: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";

    fn injected(files: &[(&str, &str)]) -> Result<ChangedManifests, Error> {
        inject(&Manifests::new(files.iter().copied())?, Target::account("222222222222")?)
    }

    #[test]
    fn an_account_map_among_the_files_is_refused() {
        for name in [".xaccount.yaml", "clusters/.xaccount.yaml"] {
            let error = injected(&[("clusters/heron.yaml", CLUSTER), (name, "")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().starts_with(&format!("{name} is an account map")), "{error}");
        }
        assert!(injected(&[("heron.yaml", CLUSTER), ("my.xaccount.yaml", "")]).is_ok());
    }

    #[test]
    fn a_patch_is_not_a_cluster() {
        let base = ("base/heron.yaml", CLUSTER);
        let patch = ("prod/heron.yaml", CLUSTER);
        let kustomization = ("prod/kustomization.yaml", "resources: [../base]\npatches:\n- path: ./heron.yaml\n");
        let change = injected(&[base, patch, kustomization]).unwrap();
        assert_eq!(change.changed_files().map(|(name, _)| name).collect::<Vec<_>>(), ["base/heron.yaml"]);
        let notes: Vec<&str> = change.warnings().iter().map(|note| note.message.as_str()).collect();
        let note =
            "prod/heron.yaml is a kustomize patch and is skipped: prod/kustomization.yaml:3 names it under patches";
        assert_eq!(notes, [note]);

        let error = injected(&[patch, kustomization]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EmptySelection);
        let broken = injected(&[base, ("base/kustomization.yaml", "patches: [")]).unwrap();
        assert!(broken.warnings()[0].message.starts_with("base/kustomization.yaml:"), "{:?}", broken.warnings());

        let manifests = Manifests::new([base, patch, kustomization]).unwrap();
        let mut request = InjectRequest::from(Target::account("222222222222").unwrap());
        request.identity_file = Some(IdentityFile::named("prod/heron.yaml").into());
        assert!(inject(&manifests, request).unwrap_err().to_string().contains("can't keep identities"));
    }

    #[test]
    fn the_error_has_the_first_place_and_how_many_more() {
        let live = CLUSTER.replace("heron", "heron, uid: a");
        let error = injected(&[("a.yaml", &live), ("b.yaml", "kind: AWSCluster\nspec: [\n")]).unwrap_err();
        assert!(error.to_string().starts_with("b.yaml:"), "{error}");
        let error = injected(&[("a.yaml", "kind: AWSCluster\nspec: [\n"), ("b.yaml", "kind: AWSCluster\nspec: [\n")]);
        let error = error.unwrap_err();
        assert!(error.to_string().starts_with("a.yaml:") && error.to_string().ends_with(" (and 1 more)"), "{error}");
        assert!(error.with_places().all(|(_, place)| place.is_some()));
        let error = injected(&[("a.yaml", &live)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().starts_with("a.yaml:3:"), "{error}");
        assert_eq!(injected(&[]).unwrap_err().to_string(), "nothing here can carry an identity reference");
    }
}
