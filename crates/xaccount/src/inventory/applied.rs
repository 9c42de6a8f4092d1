//! What kustomizations do with an object: the namespace that it is applied to, and what patches change.

use super::builds::{BuildChange, BuildPath, Builds, FluxBuild};
use crate::capa::{Applied, AppliedPlace, Object, ObjectKind, PatchedReference, Uncertain};
use crate::diag::escape_control;
use crate::kustomize::{Patched, directory};

impl Builds {
    /// What kustomizations do with an object of a file with these names; `None` if it is applied as it is.
    fn applied(&self, names: &[String], object: &Object) -> Option<Applied> {
        let ways = self.ways(names);
        let mut places: Vec<AppliedPlace> = Vec::new();
        for way in &ways {
            let place = self.applied_place(way, object);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let is_plain =
            |place: &AppliedPlace| place.from.is_none() && place.changed_by().is_none() && place.labels.is_empty();
        if places.iter().all(is_plain) { None } else { Some(Applied { places }) }
    }

    /// Puts an object of a file with these names where it is applied.
    pub(crate) fn put(&self, names: &[String], object: &mut Object) {
        if let Some(applied) = self.applied(names, object) {
            // A label counts if every place has it.
            let mut labels = applied.places.first().map_or_else(Vec::new, |first| first.labels.clone());
            labels.retain(|label| applied.places.iter().all(|place| place.labels.contains(label)));
            object.labels = object.labels.with(&labels);
            object.applied = Some(Box::new(applied));
        }
    }

    fn applied_place(&self, way: &BuildPath, object: &Object) -> AppliedPlace {
        let own = object.namespace.clone().filter(|own| !own.is_empty());
        let scoped = is_cluster_scoped(object);
        let set = self.namespace(way).filter(|_| !scoped);
        let (namespace, from) = match set {
            Some((namespace, from)) => (Some(namespace), Some(from)),
            None => (own, None),
        };
        let (reference, uncertain) = match self.changed(way, object, namespace.as_deref()) {
            None => (None, None),
            Some(Ok(reference)) => (Some(reference), None),
            Some(Err(uncertain)) => (None, Some(uncertain)),
        };
        AppliedPlace { namespace, from, labels: self.labels(way), reference, uncertain }
    }

    /// The namespace that a way sets, and its place.
    fn namespace(&self, way: &BuildPath) -> Option<(String, String)> {
        let flux = way.flux.map(|index| &self.flux[index]).filter(|build| build.is_own);
        let of_flux = flux.and_then(|build| Some((build.flux.namespace.as_ref()?.0.clone(), build.place.clone())));
        of_flux.or_else(|| {
            self.members(way).into_iter().find_map(|one| {
                let (namespace, span) = self.all[one].namespace.as_ref()?;
                Some((namespace.clone(), self.all[one].place(*span)))
            })
        })
    }

    /// The labels that a way adds, the last one of a key counts.
    fn labels(&self, way: &BuildPath) -> Vec<(String, String)> {
        let inner = self.members(way).into_iter().rev().flat_map(|one| &self.all[one].labels);
        let outer = way.flux.into_iter().flat_map(|index| &self.flux[index].flux.labels);
        let mut labels: Vec<(String, String)> = Vec::new();
        for (key, value) in inner.chain(outer) {
            labels.retain(|(known, _)| known != key);
            labels.push((key.clone(), value.clone()));
        }
        labels
    }

    /// The reference that a patch sets, or why the manifest does not show what is applied; `None` if it does.
    fn changed(
        &self,
        way: &BuildPath,
        object: &Object,
        namespace: Option<&str>,
    ) -> Option<Result<PatchedReference, Uncertain>> {
        let decisive = decisive(object);
        if decisive.is_empty() {
            return None;
        }
        let members = self.members(way);
        let set = members.iter().filter_map(|&one| self.all[one].namespace.as_ref());
        let set = set.map(|(namespace, _)| namespace.as_str()).chain(namespace);
        let namespaces: Vec<&str> = [object.written_namespace().unwrap_or("default")].into_iter().chain(set).collect();
        let patched = Patched {
            api_version: &object.api_version,
            kind: &object.kind,
            name: object.name.as_deref().unwrap_or_default(),
            namespaces: &namespaces,
            decisive: &decisive,
        };
        let uncertain = |place: &str, why: &'static str| {
            Some(Err(Uncertain { place: place.to_owned(), why, build: self.command(way) }))
        };
        let matters = |change: &&BuildChange| change.effect.may_change(change.target.as_ref(), &patched);
        let build = way.flux.map(|index| &self.flux[index]);
        let of_flux = build.iter().flat_map(|build| &build.effects);
        let patches = of_flux.chain(members.iter().flat_map(|&one| &self.effects[one]));
        let mut patches = patches.filter(matters);
        let patch = patches.next();
        if let Some(build) = build {
            if build.flux.is_remote {
                return uncertain(&build.place, "applies it to another management cluster");
            }
            if !build.is_own && build.flux.namespace.is_some() && !is_cluster_scoped(object) {
                return uncertain(&build.place, "may apply it to another namespace");
            }
        }
        let patch = patch?;
        // With several patches, their order decides.
        let alone = patches.next().is_none();
        match &object.object_kind {
            ObjectKind::Referencing { reference, .. } if alone => {
                match patch.effect.reference(patch.target.as_ref(), &patched, &reference.path) {
                    Some((kind, name)) => Some(Ok(PatchedReference { place: patch.place.clone(), kind, name })),
                    None => uncertain(&patch.place, "changes it with a patch"),
                }
            }
            _ => uncertain(&patch.place, "changes it with a patch"),
        }
    }

    /// The command that prints what a way builds.
    fn command(&self, way: &BuildPath) -> String {
        match (way.flux, way.chain.first()) {
            (Some(index), _) => self.flux[index].command(),
            (None, Some(&root)) => match directory(&self.all[root].name) {
                "" => "kubectl kustomize .".to_owned(),
                directory => format!("kubectl kustomize {}", escape_control(directory)),
            },
            (None, None) => "kubectl kustomize .".to_owned(),
        }
    }
}

impl FluxBuild {
    /// The command that prints what it applies.
    fn command(&self) -> String {
        let file = self.place.rsplit_once(':').map_or(self.place.as_str(), |(file, _)| file);
        let path = if self.flux.path.is_empty() { "." } else { &self.flux.path };
        let name = &self.id.1;
        let command = format!("flux build kustomization {name} --path ./{path} --kustomization-file {file} --dry-run");
        escape_control(&command.replace("./.", ".")).into_owned()
    }
}

fn is_cluster_scoped(object: &Object) -> bool {
    match &object.object_kind {
        ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..) => true,
        ObjectKind::Referencing { kind_row, .. } => kind_row.cluster_scoped,
        _ => false,
    }
}

/// The fields of an object that decide its account, or whether an identity may be used.
fn decisive(object: &Object) -> Vec<Vec<String>> {
    let path = |tokens: &[&str]| tokens.iter().map(|&token| token.to_owned()).collect();
    match &object.object_kind {
        ObjectKind::Referencing { reference, .. } => vec![reference.path.clone()],
        ObjectKind::Cluster { class: Some(_), .. } => {
            vec![path(&["spec", "topology", "variables"]), path(&["spec", "topology", "class"])]
        }
        ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..) => vec![path(&["spec"])],
        ObjectKind::Namespace => vec![path(&["metadata", "labels"])],
        _ => Vec::new(),
    }
}
