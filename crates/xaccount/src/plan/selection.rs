//! The objects that a request selects, and why there is no plan.

use std::collections::BTreeSet;
use std::fmt;

use globset::GlobMatcher;

use crate::diag::{Diagnostic, escape_control};
use crate::inventory::{Inventory, ObjectId, Placement, Resource, SkipReason, Skipped};
use crate::kubernetes::LabelSelector;
use crate::manifest_checks::{self, NO_PROVIDER};

/// Which objects are selected: an object must match everything that is specified.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Globs of cluster names: at least one must match.
    pub cluster_names: Vec<GlobMatcher>,
    /// A label selector.
    pub labels: Option<LabelSelector>,
    /// Namespaces, of which one must be the object's.
    pub namespaces: Vec<String>,
    /// Only these of the inventory's objects.
    pub only: Option<BTreeSet<ObjectId>>,
}

/// Why no object is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmptySelection {
    /// No object of the inventory can carry a reference.
    NoReferencingObject,
    /// Objects can carry a reference, but none is selected; the titles of these objects.
    NoneSelected(Vec<String>),
}

/// Why there is no plan.
#[derive(Clone, Debug)]
pub enum Failure {
    /// No object is selected.
    EmptySelection(EmptySelection),
    /// The manifests are invalid, or contradict the request.
    Refused(Vec<Diagnostic>),
}

impl fmt::Display for EmptySelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoReferencingObject => "nothing here can carry an identity reference",
            Self::NoneSelected(_) => "no object is selected",
        })
    }
}

impl std::error::Error for EmptySelection {}

/// One line: the first error, and how many more there are.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptySelection(nothing) => nothing.fmt(f),
            Self::Refused(errors) => match errors.as_slice() {
                [] => f.write_str("refused"),
                [only] => f.write_str(&escape_control(&only.message)),
                [first, more @ ..] => write!(f, "{} (and {} more)", escape_control(&first.message), more.len()),
            },
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The same, with errors that were found before.
    pub(crate) fn after(self, mut errors: Vec<Diagnostic>) -> Self {
        match self {
            Self::EmptySelection(nothing) if errors.is_empty() => Self::EmptySelection(nothing),
            Self::EmptySelection(_) => Self::Refused(errors),
            Self::Refused(more) => {
                errors.extend(more);
                Self::Refused(errors)
            }
        }
    }
}

/// The selected objects.
///
/// # Errors
/// No object can carry a reference, none of those that can is selected, or it is ambiguous which ones are.
pub fn selected(inventory: &Inventory, selection: &Selection) -> Result<Vec<ObjectId>, Failure> {
    select(inventory, selection).map_err(|failure| failure.after(manifest_checks::impossible(inventory).collect()))
}

/// The selected objects, without the errors about other objects.
pub(crate) fn select(inventory: &Inventory, selection: &Selection) -> Result<Vec<ObjectId>, Failure> {
    let referencing: Vec<ObjectId> = match &selection.only {
        // They can carry a reference, and were selected before.
        Some(only) => only.iter().copied().collect(),
        None => referencing(inventory).collect(),
    };
    if referencing.is_empty() {
        return Err(Failure::EmptySelection(EmptySelection::NoReferencingObject));
    }
    let (mut selected, mut doubts) = (Vec::new(), Vec::new());
    for &index in &referencing {
        match selection.selects(inventory, index) {
            Ok(true) => selected.push(index),
            Ok(false) => {}
            Err(doubt) => doubts.push(doubt),
        }
    }
    if !doubts.is_empty() {
        return Err(Failure::Refused(doubts));
    }
    if selected.is_empty() {
        let titles: BTreeSet<String> =
            referencing.iter().map(|&index| cluster_title(inventory, &inventory[index])).collect();
        let titles = titles.into_iter().collect();
        return Err(Failure::EmptySelection(EmptySelection::NoneSelected(titles)));
    }
    Ok(selected)
}

/// `NAMESPACE/NAME` of an object's cluster, as `--namespace` and `--cluster-name` select it.
pub fn cluster_title(inventory: &Inventory, found: &Resource) -> String {
    let name = inventory.cluster_name(found).or(found.object.name.as_deref()).unwrap_or("(no name)");
    format!("{}/{name}", inventory.namespace_of(found))
}

impl Selection {
    /// Whether an object of the inventory is selected, if it can carry a reference.
    ///
    /// # Errors
    /// Its cluster or its labels are ambiguous.
    pub fn selects(&self, inventory: &Inventory, index: ObjectId) -> Result<bool, Diagnostic> {
        if self.only.as_ref().is_some_and(|only| !only.contains(&index)) {
            return Ok(false);
        }
        matches(inventory, &inventory[index], self)
    }

    /// Whether it excludes nothing.
    pub fn is_everything(&self) -> bool {
        self.cluster_names.is_empty() && self.labels.is_none() && self.namespaces.is_empty() && self.only.is_none()
    }

    /// Whether an object may be selected, depending on the name of its cluster.
    pub(crate) fn may_select(&self, inventory: &Inventory, found: &Resource) -> bool {
        let labels = self.labels.as_ref();
        self.in_namespace(inventory, found)
            && labels
                .is_none_or(|asked| found.object.labels.twice().is_some() || found.object.labels.match_selector(asked))
    }

    fn in_namespace(&self, inventory: &Inventory, found: &Resource) -> bool {
        let own = || inventory.namespaces_of(found);
        self.namespaces.is_empty() || self.namespaces.iter().any(|one| own().contains(&one.as_str()))
    }
}

impl Selection {
    /// Why an object can't be selected by namespace: it is applied to others as well, where a change has the same effect.
    fn only_some(&self, inventory: &Inventory, found: &Resource) -> Option<Diagnostic> {
        let places = inventory.places(found);
        let is_other = |place: &&Placement<'_>| !self.namespaces.iter().any(|one| one == place.namespace);
        let other = places.iter().find(is_other).filter(|_| !self.namespaces.is_empty())?;
        let from = other.from.map_or(String::new(), |from| format!(" ({})", escape_control(from)));
        let all: Vec<&str> = inventory.namespaces_of(found);
        Some(
            Diagnostic::error(format!(
                "{}: it is also applied to namespace {}{from}, which --namespace does not select",
                found.title(),
                escape_control(other.namespace)
            ))
            .at(found.head(), "")
            .help(format!("to select all of them: -n {}", escape_control(&all.join(","))))
            .help("to point one of them: set identityRef with a patch in its kustomization (-o json-patch prints it)"),
        )
    }

    /// Whether a namespace is selected.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|one| one == namespace)
    }
}

/// The objects that can carry a reference, except those in the identity file.
pub(crate) fn referencing(inventory: &Inventory) -> impl Iterator<Item = ObjectId> {
    let all = inventory.entries().filter(|(_, found)| {
        !inventory.file(found.origin.file).identities_only && found.object.references().next().is_some()
    });
    all.map(|(index, _)| index)
}

/// Selected topology Clusters that may run on AWS or not.
fn unclear<'r>(inventory: &'r Inventory, selection: &'r Selection) -> impl Iterator<Item = &'r Resource> {
    inventory.objects().iter().filter(|found| {
        manifest_checks::names_no_provider(found)
            && !inventory.file(found.origin.file).identities_only
            && matches(inventory, found, selection).unwrap_or(true)
    })
}

/// The selected objects whose reference can't be changed by any request.
pub(crate) fn skipped(inventory: &Inventory, selection: &Selection) -> Vec<Skipped> {
    let aside = inventory.set_aside_objects().iter().filter(|one| one.found.can_be_pointed());
    let aside = aside.filter(|one| matches(inventory, &one.found, selection).unwrap_or(true));
    let aside = aside.map(|one| Skipped::new(&one.found, one.reason, one.message.clone()));
    let unclear = unclear(inventory, selection).map(|found| Skipped::new(found, SkipReason::NoProvider, NO_PROVIDER));
    aside.chain(unclear).chain(inventory.not_read().iter().cloned()).collect()
}

/// Warnings about topology Clusters that may run on AWS, but have no variable for it.
pub(crate) fn warnings_of_unclear(inventory: &Inventory, selection: &Selection) -> Vec<Diagnostic> {
    let warning = |found: &Resource| {
        manifest_checks::no_provider(found)
            .help("to add one, pass --topology-variable with clusterConfig.aws, clusterConfig.eks or identityRef")
    };
    unclear(inventory, selection).map(warning).collect()
}

/// Whether a glob matches a cluster's name. A name with a placeholder `${…}` also matches as it is typed, although braces
/// have a meaning in a glob.
fn is_named(cluster: &str, glob: &GlobMatcher) -> bool {
    glob.is_match(cluster) || glob.glob().glob() == cluster
}

fn matches(inventory: &Inventory, found: &Resource, selection: &Selection) -> Result<bool, Diagnostic> {
    if !selection.in_namespace(inventory, found) {
        return Ok(false);
    }
    if let Some(doubt) = selection.only_some(inventory, found) {
        return Err(doubt);
    }
    if let Some(selector) = &selection.labels {
        if let Some((key, span)) = found.object.labels.twice() {
            return Err(manifest_checks::label_twice(found, key, span));
        }
        if !found.object.labels.match_selector(selector) {
            return Ok(false);
        }
    }
    if selection.cluster_names.is_empty() {
        return Ok(true);
    }
    inventory.by_cluster_name(found, |name| {
        name.is_some_and(|name| selection.cluster_names.iter().any(|glob| is_named(name, glob)))
    })
}

/// Warnings about each `--cluster-name` that matches nothing: it may be a typing error.
pub(crate) fn names_that_fit_nothing(inventory: &Inventory, selection: &Selection) -> impl Iterator<Item = Diagnostic> {
    let fits = |name: &globset::GlobMatcher| {
        let referencing = inventory.objects().iter().filter(|found| found.object.references().next().is_some());
        referencing.filter_map(|found| inventory.cluster_name(found)).any(|cluster| is_named(cluster, name))
    };
    selection.cluster_names.iter().filter(move |name| !fits(name)).map(|name| {
        let text = name.glob().glob();
        Diagnostic::warning(format!("--cluster-name {text} matches no cluster here"))
            .help("check the spelling; for several names, repeat --cluster-name or write {a,b}")
    })
}
