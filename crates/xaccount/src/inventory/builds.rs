//! What the known kustomizations build, and from which files. No I/O.

use std::collections::{HashMap, HashSet};

use super::inventory::Inventory;
use super::resource::Resource;
use crate::capa::ObjectKind;
use crate::diag::{FileId, Span};
use crate::kustomize::{
    Application, FluxKustomization, GitOps, Kustomization, NameReference, PatchEffect, PatchTarget, directory,
    name_references, plain,
};

/// All known kustomizations, and what they do with files.
///
/// Files are named by their plain paths. A file on disk has two if it is a link.
#[derive(Debug, Default)]
pub struct Builds {
    pub(crate) all: Vec<Kustomization>,
    pub(crate) flux: Vec<FluxBuild>,
    /// The kustomizations of each directory.
    directories: HashMap<String, Vec<usize>>,
    /// Where the links that kustomizations list lead to.
    links: HashMap<String, String>,
    /// What names a file as a patch.
    patches: HashMap<String, String>,
    /// The ways in which a file gets into a build.
    ways: HashMap<String, Vec<BuildPath>>,
    /// What each kustomization changes.
    pub(super) effects: Vec<Vec<BuildChange>>,
    /// The name references that the configurations of each kustomization define; `None` if one can't be read.
    references: Vec<Option<Vec<NameReference>>>,
    /// The names of the inputs.
    files: Vec<Vec<String>>,
}

/// A Kustomization of Flux.
#[derive(Debug)]
pub(crate) struct FluxBuild {
    pub(crate) flux: FluxKustomization,
    /// Its namespace and name.
    pub(crate) id: (String, String),
    /// `Kustomization flux-system/clusters`
    pub(crate) title: String,
    /// Its file and line.
    pub(crate) place: String,
    /// The directory that it applies.
    pub(crate) directory: String,
    /// Whether its source is this repository for certain.
    pub(super) is_own: bool,
    pub(super) effects: Vec<BuildChange>,
}

/// A patch or a replacement, as read.
#[derive(Debug)]
pub(super) struct BuildChange {
    pub(super) place: String,
    pub(super) target: Option<PatchTarget>,
    pub(super) effect: PatchEffect,
}

/// A way in which a file gets into a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildPath {
    /// The Kustomization of Flux that applies it.
    pub(super) flux: Option<usize>,
    /// The kustomizations from the outermost one to that which lists the file.
    pub(super) chain: Vec<usize>,
}

/// An object of Flux or Argo CD among the inputs.
struct Applier<'r> {
    found: &'r Resource,
    gitops: &'r GitOps,
}

/// Where the inputs of a run are.
pub struct Places<'p> {
    /// The plain paths of each input.
    pub files: Vec<Vec<String>>,
    /// Reads another file by its plain path.
    pub read: &'p dyn Fn(&str) -> Option<Vec<u8>>,
    /// The plain path that a link leads to; `None` if a path is not a link.
    pub link: &'p dyn Fn(&str) -> Option<String>,
    /// The root of the repository that an input is in.
    pub root: &'p dyn Fn(FileId) -> Option<String>,
}

impl Builds {
    /// What these kustomizations, and the objects of Flux in an inventory, build.
    pub fn new(all: Vec<Kustomization>, inventory: &Inventory, places: Places<'_>) -> Self {
        let mut directories: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, one) in all.iter().enumerate() {
            directories.entry(directory(&one.path).to_owned()).or_default().push(index);
        }
        let effects = all.iter().map(|one| changes(one, places.read)).collect();
        let references = all.iter().map(|one| references(one, places.read)).collect();
        let listed = all.iter().flat_map(|one| one.listed().chain(one.patch_files()).collect::<Vec<_>>());
        let links =
            listed.filter_map(|path| Some(((places.link)(&path)?, path))).map(|(to, path)| (path, to)).collect();
        let mut builds = Self { all, directories, effects, references, links, files: places.files, ..Self::default() };
        builds.patches = builds.patches();
        builds.flux = flux(inventory, places.root);
        builds.walk();
        builds
    }

    /// What names a file as a patch, unless something lists it as a resource.
    pub fn patch(&self, path: &str) -> Option<&str> {
        self.patches.get(&plain(path)).map(String::as_str)
    }

    /// What names an input as a patch.
    pub(super) fn patch_of(&self, file: FileId) -> Option<&str> {
        self.files.get(file.0)?.iter().find_map(|path| self.patches.get(path)).map(String::as_str)
    }

    /// Whether a file is part of a build.
    pub fn lists(&self, path: &str) -> bool {
        !self.ways(&[plain(path)]).is_empty()
    }

    /// Whether an input is part of a build.
    pub(crate) fn is_built(&self, file: FileId) -> bool {
        !self.ways_of(file).is_empty()
    }

    /// The kustomizations that build from an input: those that list it, and those above them.
    pub(crate) fn that_build(&self, file: FileId) -> HashSet<usize> {
        self.ways_of(file).into_iter().flat_map(|way| way.chain).collect()
    }

    /// The Kustomizations of Flux that apply an input.
    pub(crate) fn appliers(&self, file: FileId) -> HashSet<usize> {
        self.ways_of(file).into_iter().filter_map(|way| way.flux).collect()
    }

    /// The files whose objects a kustomization changes.
    pub(crate) fn files_of(&self, kustomization: usize) -> HashSet<FileId> {
        let is_built = |file: &FileId| self.ways_of(*file).iter().any(|way| self.members(way).contains(&kustomization));
        (0..self.files.len()).map(FileId).filter(is_built).collect()
    }

    /// A kustomization, those from which it builds, and those that build from it.
    pub(crate) fn related(&self, kustomization: usize) -> Vec<&Kustomization> {
        let down = self.reach(kustomization, |one| self.below(one));
        let up = self.reach(kustomization, |one| {
            (0..self.all.len()).filter(|&other| self.below(other).contains(&one)).collect()
        });
        down.into_iter().chain(up).map(|index| &self.all[index]).collect()
    }

    fn reach(&self, from: usize, next: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
        let (mut reached, mut seen) = (vec![from], HashSet::from([from]));
        let mut at = 0;
        while let Some(&one) = reached.get(at) {
            at += 1;
            reached.extend(next(one).into_iter().filter(|other| seen.insert(*other)));
        }
        reached
    }

    /// The kustomizations that one lists.
    fn below(&self, one: usize) -> Vec<usize> {
        self.all[one].listed().flat_map(|path| self.in_directory(&path).to_vec()).collect()
    }

    pub(super) fn in_directory(&self, path: &str) -> &[usize] {
        let own = self.directories.get(path);
        own.or_else(|| self.directories.get(self.links.get(path)?)).map_or(&[], Vec::as_slice)
    }

    /// A path, and where it leads to if it is a link.
    fn both(&self, path: String) -> impl Iterator<Item = String> {
        let target = self.links.get(&path).cloned();
        std::iter::once(path).chain(target)
    }

    /// Whether kustomize renames a reference together with the object that it names: a configuration of the kustomization,
    /// or of one from which it builds, defines it. A configuration that can't be read may.
    pub(crate) fn renames_reference(&self, kustomization: usize, wanted: &NameReference) -> bool {
        let fits = |one: &NameReference| {
            one.kind == wanted.kind && one.path == wanted.path && (one.user.is_empty() || one.user == wanted.user)
        };
        let down = self.reach(kustomization, |one| self.below(one));
        down.into_iter().any(|one| self.references[one].as_ref().is_none_or(|known| known.iter().any(fits)))
    }

    fn patches(&self) -> HashMap<String, String> {
        let mut named: HashMap<String, String> = HashMap::new();
        for one in &self.all {
            for (patch, path) in one.patches.iter().filter_map(|patch| Some((patch, patch.content.file()?))) {
                let why = || format!("{} names it under {}", one.place(patch.span), patch.key);
                for path in self.both(one.beside(path)) {
                    named.entry(path).or_insert_with(why);
                }
            }
        }
        for path in self.all.iter().flat_map(Kustomization::listed).flat_map(|path| self.both(path)) {
            named.remove(&path);
        }
        named
    }

    /// The ways of a file with these names.
    pub(super) fn ways(&self, names: &[String]) -> Vec<BuildPath> {
        let listed = names.iter().filter_map(|path| self.ways.get(path)).flatten().cloned();
        let generated = names.iter().flat_map(|path| {
            let builds = self.flux.iter().enumerate().filter(|(_, build)| self.generates(build, path));
            builds.map(|(index, _)| BuildPath { flux: Some(index), chain: Vec::new() })
        });
        listed.chain(generated).collect()
    }

    fn ways_of(&self, file: FileId) -> Vec<BuildPath> {
        self.ways(self.names(file))
    }

    /// Finds the ways of all files.
    fn walk(&mut self) {
        let listed: HashSet<usize> = (0..self.all.len()).flat_map(|one| self.below(one)).collect();
        let mut roots: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
        let mut applied: HashSet<usize> = HashSet::new();
        let mut ways: HashMap<String, Vec<BuildPath>> = HashMap::new();
        for (index, build) in self.flux.iter().enumerate() {
            let own = self.in_directory(&build.directory);
            let kustomizations = if own.is_empty() { self.generated(&build.directory) } else { own.to_vec() };
            if build.is_own {
                applied.extend(&kustomizations);
            }
            roots.push((Some(index), kustomizations));
        }
        let is_root =
            |index: &usize| !listed.contains(index) && !applied.contains(index) && !self.all[*index].is_component;
        roots.extend((0..self.all.len()).filter(is_root).map(|index| (None, vec![index])));
        for (flux, kustomizations) in roots {
            let mut seen = HashSet::new();
            for root in kustomizations {
                self.descend(&BuildPath { flux, chain: vec![root] }, &mut seen, &mut ways);
            }
        }
        self.ways = ways;
    }

    /// Adds the ways of the files that the last kustomization of a chain lists, and of those below.
    fn descend(&self, way: &BuildPath, seen: &mut HashSet<usize>, ways: &mut HashMap<String, Vec<BuildPath>>) {
        let Some(&last) = way.chain.last() else { return };
        if !seen.insert(last) {
            return;
        }
        for path in self.all[last].listed() {
            match self.in_directory(&path) {
                [] => self.both(path).for_each(|path| ways.entry(path).or_default().push(way.clone())),
                below => {
                    for &below in below {
                        let chain = way.chain.iter().copied().chain([below]).collect();
                        self.descend(&BuildPath { chain, ..way.clone() }, seen, ways);
                    }
                }
            }
        }
    }

    /// Whether a Kustomization of Flux applies a file of a directory without a kustomization: it then applies all
    /// manifests below it (fluxcd/pkg@0180cac2, `kustomize/kustomize_generator.go`).
    fn generates(&self, build: &FluxBuild, path: &str) -> bool {
        let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
        is_yaml
            && below(&build.directory, path)
            && above(path)
                .take_while(|directory| *directory == build.directory || below(&build.directory, directory))
                .all(|directory| self.in_directory(directory).is_empty())
    }

    /// The uppermost kustomizations below a directory.
    fn generated(&self, top: &str) -> Vec<usize> {
        let is_uppermost = |path: &str| {
            let mut between = above(path).take_while(|directory| below(top, directory));
            between.all(|directory| self.in_directory(directory).is_empty())
        };
        let mut found: Vec<usize> = Vec::new();
        for (directory, own) in &self.directories {
            if below(top, directory) && is_uppermost(directory) {
                found.extend(own);
            }
        }
        found.sort_unstable();
        found
    }

    /// The kustomizations of a way with their Components, the outermost first: the last one to change an object.
    pub(super) fn members(&self, way: &BuildPath) -> Vec<usize> {
        let mut members = Vec::new();
        let build = way.flux.map(|index| &self.flux[index]);
        for (build, path) in
            build.iter().flat_map(|build| build.flux.components.iter().rev().map(move |path| (build, path)))
        {
            self.add_components(&plain(&format!("{}/{path}", build.directory)), &mut members);
        }
        for &one in &way.chain {
            members.push(one);
            for (path, _) in self.all[one].components.iter().rev() {
                self.add_components(&self.all[one].beside(path), &mut members);
            }
        }
        members
    }

    /// Adds the Components of a directory, and those that they list.
    fn add_components(&self, directory: &str, members: &mut Vec<usize>) {
        for &one in self.in_directory(directory) {
            if !members.contains(&one) {
                members.push(one);
                for (path, _) in self.all[one].components.iter().rev() {
                    self.add_components(&self.all[one].beside(path), members);
                }
            }
        }
    }

    /// The plain paths of an input.
    pub(crate) fn names(&self, file: FileId) -> &[String] {
        self.files.get(file.0).map_or(&[], Vec::as_slice)
    }
}

/// What a kustomization changes.
fn changes(one: &Kustomization, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<BuildChange> {
    let read = |path: &str| read(&one.beside(path));
    let change = |span: Span, (target, effect): (Option<PatchTarget>, PatchEffect)| BuildChange {
        place: one.place(span),
        target,
        effect,
    };
    let mut changes: Vec<BuildChange> = Vec::new();
    for patch in &one.patches {
        changes.extend(patch.effects(&read).into_iter().map(|effect| change(patch.span, effect)));
    }
    // A transformer can be a program: what it changes is not known.
    changes.extend(one.transformers.iter().map(|(_, span)| change(*span, (None, PatchEffect::Unknown))));
    changes
}

/// The name references that the configurations of a kustomization define.
fn references(one: &Kustomization, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<NameReference>> {
    let mut found = Vec::new();
    for (path, _) in &one.configurations {
        found.extend(name_references(&read(&one.beside(path))?)?);
    }
    Some(found)
}

/// The Kustomizations of Flux among the objects.
fn flux(inventory: &Inventory, root: &dyn Fn(FileId) -> Option<String>) -> Vec<FluxBuild> {
    let appliers: Vec<Applier<'_>> = inventory.objects().iter().filter_map(applier).collect();
    let kustomizations = || {
        appliers.iter().filter_map(|one| match one.gitops {
            GitOps::Flux(flux) => Some((one.found, &**flux)),
            GitOps::Argo(_) => None,
        })
    };
    let own = own_source(kustomizations().map(|(_, flux)| flux));
    let builds = kustomizations().filter_map(|(found, flux)| {
        let root = root(found.origin.file)?;
        let place = inventory.place(found);
        let effects = flux
            .patches
            .iter()
            .flat_map(|patch| patch.effects(&|_| None))
            .map(|(target, effect)| BuildChange { place: place.clone(), target, effect });
        let namespace = found.object.namespace.clone().unwrap_or_default();
        Some(FluxBuild {
            id: (namespace, found.object.name.clone().unwrap_or_default()),
            title: found.title(),
            directory: if root.is_empty() { flux.path.clone() } else { plain(&format!("{root}/{}", flux.path)) },
            is_own: own.is_some_and(|own| *own == flux.source),
            effects: effects.collect(),
            flux: flux.clone(),
            place,
        })
    });
    builds.collect()
}

/// The source that is this repository: the only one, or the one that `flux bootstrap` makes.
fn own_source<'f>(all: impl Iterator<Item = &'f FluxKustomization> + Clone) -> Option<&'f (String, String)> {
    let git = all.map(|flux| &flux.source).filter(|(kind, _)| kind == "GitRepository");
    let mut sources: Vec<&(String, String)> = git.collect();
    sources.sort_unstable();
    sources.dedup();
    match sources.as_slice() {
        [only] => Some(only),
        many => many.iter().copied().find(|(_, name)| name == "flux-system"),
    }
}

fn applier(found: &Resource) -> Option<Applier<'_>> {
    match &found.object.object_kind {
        ObjectKind::GitOps(gitops) => Some(Applier { found, gitops }),
        _ => None,
    }
}

/// The Applications of Argo CD that apply one of these files, with the place of each.
pub(crate) fn applications(inventory: &Inventory) -> Vec<(&Resource, &Application)> {
    let all = inventory.objects().iter().filter_map(applier);
    let argo = all.filter_map(|one| match one.gitops {
        GitOps::Argo(application) => Some((one.found, &**application)),
        GitOps::Flux(_) => None,
    });
    argo.collect()
}

/// Whether a path is below a directory.
pub(crate) fn below(top: &str, path: &str) -> bool {
    match top {
        "" => !path.is_empty() && !path.starts_with('/'),
        "/" => path.starts_with('/') && path != "/",
        top => path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/')),
    }
}

/// The directories above a path, the nearest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path).filter(|path| !path.is_empty() && *path != "/");
    std::iter::from_fn(move || {
        let here = directory(rest?);
        rest = (!here.is_empty() && here != "/").then_some(here);
        Some(here)
    })
}
