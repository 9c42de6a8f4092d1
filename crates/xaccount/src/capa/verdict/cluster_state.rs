//! Builds the facts that verdicts depend on from objects.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::admit::{self, AdmittedIdentity, Evaluated};
use super::call;
use super::facts::Facts;
use super::outcome::{MANAGER_NAMESPACE, Scope, Start};
use super::steps::Steps;
use crate::capa::allowed::Namespaces;
use crate::capa::field::IdentityReference;
use crate::capa::labels::Labels;
use crate::capa::object::{AppliedPlace, Object, ObjectKind};
use crate::capa::release::Release;
use crate::capa::support::is_unserved;
use crate::capa::tables::IdentityKind;

/// The object that is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its namespace, or that it is cluster-scoped.
    pub scope: Scope,
    /// Where CAPA starts for it.
    pub start: Start,
    /// Whether CAPA creates a missing `AWSClusterControllerIdentity/default` for it.
    pub makes_controller_identity: bool,
}

impl Subject {
    /// The subject for a reference of an object, in a release. `namespace` is the one that it is applied to; `None` if
    /// that is not known.
    pub fn of(object: &Object, reference: &IdentityReference, release: Release, namespace: Option<&str>) -> Self {
        let scope = match (&object.object_kind, namespace) {
            (ObjectKind::Referencing { kind_row, .. }, _) if kind_row.cluster_scoped => Scope::Cluster,
            (_, Some(name)) => Scope::Namespace(name.to_owned()),
            (_, None) => Scope::Unknown,
        };
        let start = admit::start(object, reference, release);
        Self { scope, makes_controller_identity: admit::makes_controller_identity(object, &start, release), start }
    }
}

/// All facts that the verdicts depend on.
#[derive(Clone)]
pub struct ClusterState(pub(super) Arc<Facts>);

impl std::fmt::Debug for ClusterState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterState").field("release", &self.0.release).finish_non_exhaustive()
    }
}

impl ClusterState {
    /// The facts in objects for a release of CAPA, from identities, Namespaces, Secrets and clusters. `namespace` is
    /// the one of objects without a namespace.
    pub fn new<'o>(
        objects: impl IntoIterator<Item = &'o Object>,
        releases: Evaluated,
        namespace: Option<&str>,
    ) -> Self {
        let release = releases.release;
        let mut identities: HashMap<(IdentityKind, String), Option<AdmittedIdentity>> = HashMap::new();
        let mut namespaces: HashMap<String, Option<Labels>> = HashMap::new();
        let (mut secrets, mut made): (HashSet<String>, _) = (HashSet::new(), false);
        for object in objects {
            // A template is not a cluster.
            let template = object.is_template();
            let is_unserved = releases.is_specified && is_unserved(object, release);
            made |= !template && !is_unserved && makes_controller_identity(object, release);
            let Some(name) = object.name.clone() else { continue };
            match &object.object_kind {
                ObjectKind::Namespace => {
                    for (name, labels) in as_applied(object, name) {
                        add_namespace(&mut namespaces, name, labels);
                    }
                }
                ObjectKind::Secret => {
                    if object.own_namespace().or(namespace) == Some(MANAGER_NAMESPACE)
                        && object.uncertain().is_none()
                        && object.refusals().next().is_none()
                    {
                        secrets.insert(name);
                    }
                }
                _ => {
                    let Some((kind, identity)) = admit::identity(object, releases) else { continue };
                    let identity = Some(identity);
                    let existing = identities.entry((kind, name)).or_insert_with(|| identity.clone());
                    if *existing != identity {
                        *existing = None;
                    }
                }
            }
        }
        let steps =
            Steps::new(identities, &|name| secrets.contains(name), |step, source| call::judge(step, source, release));
        Self(Arc::new(Facts { release, steps, namespaces, made }))
    }

    /// The release of CAPA that is assumed.
    pub fn release(&self) -> Release {
        self.0.release
    }

    /// The names of all namespaces in the objects, as a Namespace or in an identity's list, sorted.
    pub fn namespaces(&self) -> Vec<&str> {
        let listed = self.0.steps.iter().filter_map(|step| step.gate.stored()?.list.as_deref());
        let mut names: Vec<&str> = self
            .0
            .namespaces
            .keys()
            .chain(listed.flatten())
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Why `AWSClusterControllerIdentity/default` of the objects is refused, if CAPA then creates its own: for every
    /// namespace (`exp/controlleridentitycreator`).
    pub fn replaced_controller_identity(&self) -> Option<&str> {
        let step = self.0.steps.get(self.0.steps.find(IdentityKind::Controller.name(), "default")?);
        let stop = step.stop.as_ref().filter(|_| step.is_known && step.may_be_made && self.0.made)?;
        Some(&stop.message)
    }

    /// The namespaces that may use an identity, if known; an inner `None` allows no namespace.
    pub fn allowed(&self, kind: IdentityKind, name: &str) -> Option<Option<&Namespaces>> {
        let step = self.0.steps.get(self.0.steps.find(kind.name(), name)?);
        step.is_known.then(|| step.gate.stored())
    }
}

/// Whether CAPA creates the controller identity for an object, as it is applied somewhere. If it is uncertain what is
/// applied, it may not.
pub fn makes_controller_identity(object: &Object, release: Release) -> bool {
    let makes = |reference: &IdentityReference| {
        admit::makes_controller_identity(object, &admit::start(object, reference, release), release)
    };
    let places = object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
    let in_place = |place: &AppliedPlace| match (&place.reference, &place.uncertain) {
        (_, Some(_)) => false,
        (Some(patched), None) => object.references().any(|reference| makes(&patched.in_place_of(reference))),
        (None, None) => object.references().any(makes),
    };
    if places.is_empty() { object.references().any(makes) } else { places.iter().any(in_place) }
}

/// The names and labels of a Namespace as it is applied: a kustomization with a `namespace` renames it
/// (`api/internal/konfig/builtinpluginconsts/namespace.go` of kubernetes-sigs/kustomize). Labels that a patch changes are
/// not known.
fn as_applied(object: &Object, own: String) -> Vec<(String, Option<Labels>)> {
    let places = object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
    // The API server refuses such a Namespace; the one that exists has other labels.
    let is_refused = object.refusals().next().is_some();
    if places.is_empty() {
        return vec![(own, (!is_refused).then(|| object.labels.clone()))];
    }
    let one = |place: &AppliedPlace| {
        let labels = (place.uncertain.is_none() && !is_refused).then(|| object.labels.with(&place.labels));
        (place.namespace.clone().unwrap_or_else(|| own.clone()), labels)
    };
    places.iter().map(one).collect()
}

/// Adds a Namespace. The labels of one with several manifests are not known, unless they are equal.
fn add_namespace(namespaces: &mut HashMap<String, Option<Labels>>, name: String, labels: Option<Labels>) {
    let existing = namespaces.entry(name).or_insert_with(|| labels.clone());
    if *existing != labels {
        *existing = None;
    }
}
