//! What kustomizations do with an object: the namespace that it is applied to, and what patches change.

use super::builds::{BuildChange, BuildPath, Builds, FluxBuild};
use crate::capa::{Applied, AppliedPlace, Object, ObjectKind, PatchedReference, Uncertain};
use crate::diag::escape_control;
use crate::kustomize::{Patched, PatchedName, directory};

/// An object on its way through a build.
struct Journey<'b> {
    builds: &'b Builds,
    way: &'b BuildPath,
    object: &'b Object,
    /// The kustomizations that change it, the outermost first.
    members: Vec<usize>,
}

impl Builds {
    /// Puts an object of a file with these names where it is applied.
    pub(crate) fn put(&self, names: &[String], object: &mut Object) {
        let mut places: Vec<AppliedPlace> = Vec::new();
        for way in &self.ways(names) {
            let place = Journey { builds: self, way, object, members: self.members(way) }.place();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let unreadable = names.iter().find_map(|name| self.unreadable_above(name));
        if let Some(uncertain) = unreadable.filter(|_| !decisive(object).is_empty()) {
            if places.is_empty() {
                places.push(AppliedPlace::as_written(object));
            }
            places.iter_mut().for_each(|place| place.uncertain = Some(uncertain.clone()));
        }
        let is_plain = |place: &AppliedPlace| *place == AppliedPlace::as_written(object);
        if places.iter().all(is_plain) {
            return;
        }
        // A label counts if every place has it.
        let mut labels = places.first().map_or_else(Vec::new, |first| first.labels.clone());
        labels.retain(|label| places.iter().all(|place| place.labels.contains(label)));
        object.labels = object.labels.with(&labels);
        object.applied = Some(Box::new(Applied { places }));
    }
}

impl Journey<'_> {
    fn place(&self) -> AppliedPlace {
        let set = self.namespace().filter(|_| !is_cluster_scoped(self.object));
        let (namespace, from) = match set {
            Some((namespace, from)) => (Some(namespace), Some(from)),
            None => (self.object.written_namespace().map(str::to_owned), None),
        };
        let (reference, uncertain) = match self.changed() {
            None => (None, None),
            Some(Ok(reference)) => (Some(reference), None),
            Some(Err(uncertain)) => (None, Some(uncertain)),
        };
        AppliedPlace { namespace, from, labels: self.labels(), region: self.region(), reference, uncertain }
    }

    /// The Kustomization of Flux that applies it.
    fn flux(&self) -> Option<&FluxBuild> {
        self.way.flux.map(|index| &self.builds.flux[index])
    }

    /// The same, if its source is this repository.
    fn own_flux(&self) -> Option<&FluxBuild> {
        self.flux().filter(|build| build.is_own)
    }

    /// The namespace that the build sets, and its place.
    fn namespace(&self) -> Option<(String, String)> {
        let of_flux =
            self.own_flux().and_then(|build| Some((build.flux.namespace.as_ref()?.0.clone(), build.place.clone())));
        of_flux.or_else(|| {
            self.members.iter().find_map(|&one| {
                let (namespace, span) = self.builds.all[one].namespace.as_ref()?;
                Some((namespace.clone(), self.builds.all[one].place(*span)))
            })
        })
    }

    /// The labels that the build adds; the last one of a key counts.
    fn labels(&self) -> Vec<(String, String)> {
        let inner = self.members.iter().rev().flat_map(|&one| &self.builds.all[one].labels);
        let outer = self.own_flux().into_iter().flat_map(|build| &build.flux.labels);
        let mut labels: Vec<(String, String)> = Vec::new();
        for (key, value) in inner.chain(outer) {
            labels.retain(|(known, _)| known != key);
            labels.push((key.clone(), value.clone()));
        }
        labels
    }

    /// What the object is called after the innermost kustomizations, up to but without the outermost `count`.
    fn names(&self, count: usize) -> Vec<PatchedName> {
        let mut last = PatchedName {
            namespace: self.object.written_namespace().unwrap_or("default").to_owned(),
            name: self.object.name.clone().unwrap_or_default(),
        };
        let mut names = vec![last.clone()];
        for &one in self.members.iter().skip(count).rev() {
            let one = &self.builds.all[one];
            if let Some((namespace, _)) = &one.namespace {
                last.namespace.clone_from(namespace);
            }
            last.name = one.renamed(&last.name);
            if names.last() != Some(&last) {
                names.push(last.clone());
            }
        }
        names
    }

    /// The patches that change one of the fields, the outermost first, each with the position of its kustomization and
    /// what the object is called there.
    fn patches(&self, fields: &[Vec<String>]) -> Vec<(usize, &BuildChange, Vec<PatchedName>)> {
        let mut found = Vec::new();
        let mut add = |group: usize, change, skipped: usize| {
            let change: &BuildChange = change;
            // kustomize runs patches before it sets the namespace and the names of a kustomization, and what is late
            // after that (`api/internal/target/kusttarget_configplugin.go`).
            let names = self.names(if change.is_late { skipped.saturating_sub(1) } else { skipped });
            if change.effect.may_change(change.target.as_ref(), &self.patched(&names, fields)) {
                found.push((group, change, names));
            }
        };
        // Flux adds its patches to the kustomization of the directory.
        let is_joined = self.flux().is_some_and(|build| build.has_kustomization);
        for change in self.flux().into_iter().flat_map(|build| &build.effects) {
            add(0, change, usize::from(is_joined));
        }
        for (position, &one) in self.members.iter().enumerate() {
            for change in &self.builds.effects[one] {
                add(position + usize::from(!is_joined), change, position + 1);
            }
        }
        found
    }

    fn patched<'p>(&'p self, names: &'p [PatchedName], decisive: &'p [Vec<String>]) -> Patched<'p> {
        Patched { api_version: &self.object.api_version, kind: &self.object.kind, names, decisive }
    }

    fn uncertain(&self, place: &str, why: &'static str) -> Uncertain {
        Uncertain { place: place.to_owned(), why, build: self.command() }
    }

    /// The reference that a patch sets, or why the manifest does not show what is applied; `None` if it does.
    fn changed(&self) -> Option<Result<PatchedReference, Uncertain>> {
        let fields = decisive(self.object);
        if fields.is_empty() {
            return None;
        }
        if self.object.is_local_config {
            let place = self.way.chain.first().map(|&root| self.builds.all[root].name.as_str());
            let place = place.or(self.flux().map(|build| build.place.as_str())).unwrap_or_default();
            return Some(Err(self.uncertain(place, "drops it: its annotation config.kubernetes.io/local-config")));
        }
        let patches = self.patches(&fields);
        if let Some(uncertain) = self.of_flux(&patches).or_else(|| self.renamed()) {
            return Some(Err(uncertain));
        }
        let (group, patch, names) = patches.first()?;
        let uncertain = || Some(Err(self.uncertain(&patch.place, "changes it with a patch")));
        // The outermost kustomization is the last one to change it. In one kustomization, the order decides.
        let is_alone = patches.iter().filter(|(other, ..)| other == group).count() == 1;
        match &self.object.object_kind {
            ObjectKind::Referencing { reference, .. } if is_alone => {
                let patched = self.patched(names, &fields);
                match patch.effect.reference(patch.target.as_ref(), &patched, &reference.path) {
                    Some((kind, name)) => Some(Ok(PatchedReference { place: patch.place.clone(), kind, name })),
                    None => uncertain(),
                }
            }
            _ => uncertain(),
        }
    }

    /// Why a Kustomization of Flux can't be followed.
    fn of_flux(&self, patches: &[(usize, &BuildChange, Vec<PatchedName>)]) -> Option<Uncertain> {
        let build = self.flux()?;
        if build.flux.is_remote {
            return Some(self.uncertain(&build.place, "applies it to another management cluster"));
        }
        let is_patched =
            patches.iter().any(|(_, change, _)| build.effects.iter().any(|one| std::ptr::eq(one, *change)));
        let moves = build.flux.namespace.is_some() && !is_cluster_scoped(self.object);
        let changes = moves || is_patched || !build.flux.renames.is_empty() || !build.flux.components.is_empty();
        (!build.is_own && changes)
            .then(|| self.uncertain(&build.place, "may change it: its source may be another repository"))
    }

    /// Why an identity, a class or a Secret has another name than its references: they keep the old one.
    fn renamed(&self) -> Option<Uncertain> {
        let is_named = matches!(
            self.object.object_kind,
            ObjectKind::Identity(..)
                | ObjectKind::Static(..)
                | ObjectKind::Controller(_)
                | ObjectKind::Class(_)
                | ObjectKind::Secret
        );
        if !is_named {
            return None;
        }
        let why = "renames it, and perhaps not the references to it";
        if let Some(build) = self.flux().filter(|build| !build.flux.renames.is_empty()) {
            return Some(self.uncertain(&build.place, why));
        }
        self.members.iter().find_map(|&one| {
            let (_, _, span) = self.builds.all[one].renames.first()?;
            // Without a common namespace, kustomize may not see that the two belong together.
            let is_covered = self.namespace().is_some()
                && self.builds.has_name_references(one, &self.object.api_version, &self.object.kind);
            (!is_covered).then(|| self.uncertain(&self.builds.all[one].place(*span), why))
        })
    }

    /// The region that a patch sets.
    fn region(&self) -> Option<String> {
        let ObjectKind::Referencing { kind_row, .. } = &self.object.object_kind else { return None };
        let path: Vec<String> = kind_row.parent.iter().chain(&["region"]).map(|&key| key.to_owned()).collect();
        let fields = [path];
        self.patches(&fields).iter().find_map(|(_, change, names)| {
            change.effect.text(change.target.as_ref(), &self.patched(names, &fields), &fields[0])
        })
    }

    /// The command that prints what the way builds.
    fn command(&self) -> String {
        match (self.flux(), self.way.chain.first()) {
            (Some(build), _) => build.command(),
            (None, Some(&root)) => match directory(&self.builds.all[root].name) {
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

/// The fields of an object that decide the account of a cluster, or whether an identity may be used.
fn decisive(object: &Object) -> Vec<Vec<String>> {
    let path = |tokens: &[&str]| tokens.iter().map(|&token| token.to_owned()).collect();
    match &object.object_kind {
        ObjectKind::Referencing { reference, .. } => vec![reference.path.clone()],
        ObjectKind::Cluster { .. } => {
            ["variables", "class", "classRef"].map(|key| path(&["spec", "topology", key])).to_vec()
        }
        ObjectKind::Class(_)
        | ObjectKind::Identity(..)
        | ObjectKind::Controller(_)
        | ObjectKind::Static(..)
        | ObjectKind::GitOps(_) => vec![path(&["spec"])],
        ObjectKind::Namespace => vec![path(&["metadata", "labels"])],
        ObjectKind::Secret => vec![path(&["metadata", "name"])],
        _ => Vec::new(),
    }
}
