//! What the known kustomizations build, and from which files. No I/O.

use std::collections::{HashMap, HashSet};

use super::inventory::Inventory;
use super::resource::Resource;
use crate::capa::{ObjectKind, Uncertain};
use crate::diag::FileId;
use crate::kustomize::{
    Application, FluxKustomization, GitOps, Kustomization, NameReference, PatchEffect, PatchTarget, directory,
    more_fields, name_references, plain,
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
    /// The kustomizations that each one lists, and those that list it.
    below: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
    /// The directories of kustomizations that can't be read, and their places.
    unreadable: Vec<(String, String)>,
    /// Whether there are too many ways to follow.
    is_incomplete: bool,
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
    /// Whether its source is this repository for certain, and nothing changes it.
    pub(super) is_own: bool,
    /// Whether there is a kustomization in the directory.
    pub(super) has_kustomization: bool,
    pub(super) effects: Vec<BuildChange>,
}

/// A patch or a replacement, as read.
#[derive(Debug)]
pub(super) struct BuildChange {
    pub(super) place: String,
    pub(super) target: Option<PatchTarget>,
    pub(super) effect: PatchEffect,
    /// Whether it runs after the namespace and the names of its kustomization are set.
    pub(super) is_late: bool,
}

/// A way in which a file gets into a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildPath {
    /// The Kustomization of Flux that applies it.
    pub(super) flux: Option<usize>,
    /// The kustomizations from the outermost one to that which lists the file.
    pub(super) chain: Vec<usize>,
}

/// Where the inputs of a run are.
pub struct Places<'p> {
    /// The plain paths of each input.
    pub files: Vec<Vec<String>>,
    /// The directories of kustomizations that can't be read, and their places.
    pub unreadable: Vec<(String, String)>,
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
        let links = listed.filter_map(|path| Some(((places.link)(&path)?, path)));
        let links = links.map(|(to, path)| (path, to)).collect();
        let (files, unreadable) = (places.files, places.unreadable);
        let mut builds = Self { all, directories, effects, references, links, files, unreadable, ..Self::default() };
        builds.connect();
        builds.patches = builds.patches();
        builds.walk();
        // What kustomizations change in the objects of Flux decides how these are followed.
        builds.flux = builds.flux(inventory, places.root);
        if !builds.flux.is_empty() {
            builds.walk();
        }
        builds
    }

    /// Finds which kustomizations list which.
    fn connect(&mut self) {
        let below = |one: &Kustomization| one.listed().flat_map(|path| self.in_directory(&path).to_vec()).collect();
        let below: Vec<Vec<usize>> = self.all.iter().map(below).collect();
        let mut above = vec![Vec::new(); self.all.len()];
        for (one, listed) in below.iter().enumerate() {
            listed.iter().for_each(|&listed| above[listed].push(one));
        }
        // A component that is not here may change anything: it may be remote.
        for (index, one) in self.all.iter().enumerate() {
            let missing = one.components.iter().find(|(path, _)| self.in_directory(&one.beside(path)).is_empty());
            if let Some((_, span)) = missing {
                let change =
                    BuildChange { place: one.place(*span), target: None, effect: PatchEffect::Unknown, is_late: true };
                self.effects[index].push(change);
            }
        }
        (self.below, self.above) = (below, above);
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

    /// Where a kustomization lists an input: `clusters/kustomization.yaml:4`.
    pub fn listed_at(&self, file: FileId) -> Option<String> {
        let names = self.names(file);
        let lines = self.all.iter().flat_map(|one| one.resources.iter().map(move |(path, span)| (one, path, *span)));
        lines.filter(|(one, path, _)| names.contains(&one.beside(path))).map(|(one, _, span)| one.place(span)).next()
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

    /// The files whose objects each kustomization changes.
    pub(crate) fn files_of_each(&self) -> Vec<HashSet<FileId>> {
        let mut files = vec![HashSet::new(); self.all.len()];
        for file in (0..self.files.len()).map(FileId) {
            for one in self.ways_of(file).iter().flat_map(|way| self.members(way)) {
                files[one].insert(file);
            }
        }
        files
    }

    /// Whether a file is applied by a build that does not rename it.
    pub(crate) fn keeps_names(&self, file: FileId) -> bool {
        let ways = self.ways_of(file);
        ways.is_empty() || !ways.iter().all(|way| self.renames(way))
    }

    /// Whether a build applies the objects of a file under other names.
    pub fn renames_objects_of(&self, file: FileId) -> bool {
        self.ways_of(file).iter().any(|way| self.renames(way))
    }

    fn renames(&self, way: &BuildPath) -> bool {
        let flux = way.flux.is_some_and(|index| !self.flux[index].flux.renames.is_empty());
        flux || self.members(way).into_iter().any(|one| !self.all[one].renames.is_empty())
    }

    /// A kustomization, those from which it builds, and those that build from it.
    pub(crate) fn related(&self, kustomization: usize) -> Vec<&Kustomization> {
        let down = self.reach(kustomization, &self.below);
        let up = self.reach(kustomization, &self.above);
        down.into_iter().chain(up).map(|index| &self.all[index]).collect()
    }

    fn reach(&self, from: usize, next: &[Vec<usize>]) -> Vec<usize> {
        let (mut reached, mut seen) = (vec![from], HashSet::from([from]));
        let mut at = 0;
        while let Some(&one) = reached.get(at) {
            at += 1;
            reached.extend(next[one].iter().copied().filter(|other| seen.insert(*other)));
        }
        reached
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

    /// The name references that a kustomization, or one from which it builds, defines; `None` if one can't be read.
    fn name_references(&self, kustomization: usize) -> Option<Vec<&NameReference>> {
        let down = self.reach(kustomization, &self.below);
        let all = down.into_iter().map(|one| self.references[one].as_ref()).collect::<Option<Vec<_>>>()?;
        Some(all.into_iter().flatten().collect())
    }

    /// Whether a kustomization renames some references to objects of a type. A configuration that can't be read may.
    pub(super) fn has_name_references(&self, kustomization: usize, api_version: &str, kind: &str) -> bool {
        let known = self.name_references(kustomization);
        known.is_none_or(|known| known.iter().any(|one| one.named.selects(api_version, kind)))
    }

    /// Whether kustomize renames a reference at a path of an object together with the object that it names. Both need the
    /// same namespace: it does not know that an identity has none (`api/filters/nameref/nameref.go`).
    pub(crate) fn renames_reference(&self, kustomization: usize, [named, user]: [&Resource; 2], path: &str) -> bool {
        let covers = |one: &&NameReference| {
            one.path == path
                && one.named.selects(&named.object.api_version, &named.object.kind)
                && one.user.selects(&user.object.api_version, &user.object.kind)
        };
        let known = self.name_references(kustomization);
        let is_covered = known.is_none_or(|known| known.iter().any(covers));
        is_covered && self.kustomize_namespace(named) == self.kustomize_namespace(user)
    }

    /// The namespace of an object as kustomize sees it, which sets one on cluster-scoped objects of other groups, too.
    fn kustomize_namespace(&self, found: &Resource) -> String {
        let set = self.ways_of(found.origin.file).into_iter().find_map(|way| {
            self.members(&way).into_iter().find_map(|one| Some(self.all[one].namespace.as_ref()?.0.clone()))
        });
        set.unwrap_or_else(|| found.object.written_namespace().unwrap_or("default").to_owned())
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
        let mut roots: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
        let mut applied: HashSet<usize> = HashSet::new();
        for (index, build) in self.flux.iter().enumerate() {
            let own = self.in_directory(&build.directory);
            let kustomizations = if own.is_empty() { self.generated(&build.directory) } else { own.to_vec() };
            if build.is_own {
                applied.extend(&kustomizations);
            }
            roots.push((Some(index), kustomizations));
        }
        let is_root =
            |index: &usize| self.above[*index].is_empty() && !applied.contains(index) && !self.all[*index].is_component;
        roots.extend((0..self.all.len()).filter(is_root).map(|index| (None, vec![index])));
        let mut walk = Walk { builds: self, left: MOST_STEPS, ways: HashMap::new() };
        for (flux, kustomizations) in roots {
            for root in kustomizations {
                walk.descend(&BuildPath { flux, chain: vec![root] });
            }
        }
        let Walk { left, ways, .. } = walk;
        (self.is_incomplete, self.ways) = (left == 0, ways);
    }

    /// Why a file may be part of a build that is not known.
    pub(super) fn unreadable_above(&self, path: &str) -> Option<Uncertain> {
        let of = |place: &str, why: &'static str| Uncertain {
            place: place.to_owned(),
            why,
            build: "kubectl kustomize DIRECTORY".to_owned(),
        };
        if self.is_incomplete && self.ways.contains_key(path) {
            return Some(of("kustomizations", "are nested too deeply to follow"));
        }
        let (_, place) = self.unreadable.iter().find(|(directory, _)| below(directory, path))?;
        Some(of(place, UNREADABLE))
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
        let mut of_flux = build.into_iter().flat_map(|build| {
            build.flux.components.iter().rev().map(|path| plain(&format!("{}/{path}", build.directory)))
        });
        if build.is_some_and(|build| !build.has_kustomization) {
            of_flux.by_ref().for_each(|path| self.add_components(&path, &mut members));
        }
        for (position, &one) in way.chain.iter().enumerate() {
            members.push(one);
            // Flux adds its components after those of the kustomization.
            if position == 0 {
                of_flux.by_ref().for_each(|path| self.add_components(&path, &mut members));
            }
            let next = way.chain.get(position + 1);
            for (path, _) in self.all[one].components.iter().rev() {
                let path = self.all[one].beside(path);
                // A Component changes what the earlier ones add, not what later ones do.
                if next.is_some_and(|next| self.in_directory(&path).contains(next)) {
                    break;
                }
                self.add_components(&path, &mut members);
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

    /// Whether a kustomization lists the directory of another one as a generator or transformer: its objects are not
    /// applied.
    pub(super) fn is_plugin(&self, kustomization: usize) -> bool {
        let own = directory(&self.all[kustomization].path);
        let plugins = |one: &Kustomization| {
            one.generators.iter().chain(&one.transformers).any(|(path, _)| one.beside(path) == own)
        };
        self.all.iter().any(plugins)
    }

    /// Whether one root builds from a kustomization more than once for one namespace: kustomize refuses two objects of one
    /// name.
    pub(super) fn is_repeated(&self, kustomization: usize) -> bool {
        let mut seen: HashSet<(Option<usize>, &[usize])> = HashSet::new();
        let mut roots: HashSet<(Option<usize>, usize, Option<&str>)> = HashSet::new();
        for way in self.ways.values().flatten() {
            let Some(at) = way.chain.iter().position(|one| *one == kustomization) else { continue };
            if seen.insert((way.flux, &way.chain[..=at])) {
                let mut set = self.members(way).into_iter().filter_map(|one| self.all[one].namespace.as_ref());
                let namespace = set.next().map(|(namespace, _)| namespace.as_str());
                if !roots.insert((way.flux, way.chain[0], namespace)) {
                    return true;
                }
            }
        }
        false
    }

    /// The plain paths of an input.
    pub(crate) fn names(&self, file: FileId) -> &[String] {
        self.files.get(file.0).map_or(&[], Vec::as_slice)
    }
}

/// What a kustomization changes.
fn changes(one: &Kustomization, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<BuildChange> {
    let read = |path: &str| read(&one.beside(path));
    let mut changes: Vec<BuildChange> = Vec::new();
    for patch in &one.patches {
        let is_late = matches!(patch.key, "patchesJson6902" | "replacements");
        let place = one.place(patch.span);
        let change = |(target, effect)| BuildChange { place: place.clone(), target, effect, is_late };
        changes.extend(patch.effects(&read).into_iter().map(change));
    }
    for (path, span) in &one.configurations {
        let unknown = || vec![(None, PatchEffect::Unknown)];
        let fields = read(path).and_then(|bytes| more_fields(&bytes));
        let effects =
            fields.map_or_else(unknown, |all| all.iter().flat_map(|patch| patch.effects(&|_| None)).collect());
        let place = one.place(*span);
        changes.extend(effects.into_iter().map(|(target, effect)| BuildChange {
            place: place.clone(),
            target,
            effect,
            is_late: true,
        }));
    }
    // A transformer can be a program: what it changes is not known.
    changes.extend(one.transformers.iter().map(|(_, span)| BuildChange {
        place: one.place(*span),
        target: None,
        effect: PatchEffect::Unknown,
        is_late: true,
    }));
    changes
}

/// A walk through kustomizations.
struct Walk<'b> {
    builds: &'b Builds,
    /// How many more steps it may take.
    left: usize,
    ways: HashMap<String, Vec<BuildPath>>,
}

/// What a kustomization that can't be read does.
pub(crate) const UNREADABLE: &str = "can't be read, and may change it";

/// The maximum number of steps: ways multiply if every kustomization lists another one twice.
const MOST_STEPS: usize = 200_000;
/// The maximum length of a way.
const MOST_DEEP: usize = 100;

impl Walk<'_> {
    /// Adds the ways of the files that the last kustomization of a chain lists, and of those below.
    fn descend(&mut self, way: &BuildPath) {
        let Some(&last) = way.chain.last() else { return };
        if way.chain.len() > MOST_DEEP {
            self.left = 0;
        }
        for path in self.builds.all[last].listed() {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            match self.builds.in_directory(&path) {
                [] => {
                    for path in self.builds.both(path) {
                        self.ways.entry(path).or_default().push(way.clone());
                    }
                }
                // kustomize refuses a cycle.
                below => {
                    for &below in below.iter().filter(|below| !way.chain.contains(below)) {
                        let chain = way.chain.iter().copied().chain([below]).collect();
                        self.descend(&BuildPath { chain, ..way.clone() });
                    }
                }
            }
        }
    }
}

/// The name references that the configurations of a kustomization define.
fn references(one: &Kustomization, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<NameReference>> {
    let mut found = Vec::new();
    for (path, _) in &one.configurations {
        found.extend(name_references(&read(&one.beside(path))?)?);
    }
    Some(found)
}

impl Builds {
    /// The Kustomizations of Flux among the objects.
    fn flux(&self, inventory: &Inventory, root: &dyn Fn(FileId) -> Option<String>) -> Vec<FluxBuild> {
        let kustomizations = || {
            inventory.objects().iter().filter_map(|found| match &found.object.object_kind {
                ObjectKind::GitOps(GitOps::Flux(flux)) => Some((found, &**flux)),
                _ => None,
            })
        };
        let own = own_source(kustomizations().map(|(found, flux)| source_of(found, flux)));
        let build = |(found, flux): (&Resource, &FluxKustomization)| {
            let root = root(found.origin.file)?;
            let place = inventory.place(found);
            let effects = flux.patches.iter().flat_map(|patch| {
                let is_late = patch.key == "patchesJson6902";
                let place = &place;
                let change = move |(target, effect)| BuildChange { place: place.clone(), target, effect, is_late };
                patch.effects(&|_| None).into_iter().map(change)
            });
            let mut object = (*found.object).clone();
            self.put(self.names(found.origin.file), &mut object);
            let directory = if root.is_empty() { flux.path.clone() } else { plain(&format!("{root}/{}", flux.path)) };
            Some(FluxBuild {
                id: (object.own_namespace().unwrap_or_default().to_owned(), object.name.clone().unwrap_or_default()),
                title: found.title(),
                has_kustomization: !self.in_directory(&directory).is_empty(),
                is_own: own.as_ref().is_some_and(|own| *own == source_of(found, flux)) && object.uncertain().is_none(),
                effects: effects.collect(),
                flux: flux.clone(),
                directory,
                place: place.clone(),
            })
        };
        kustomizations().filter_map(build).collect()
    }
}

/// The kind, namespace and name of a source.
fn source_of(found: &Resource, flux: &FluxKustomization) -> [String; 3] {
    let [kind, namespace, name] = flux.source.clone();
    let own = || found.object.written_namespace().unwrap_or_default().to_owned();
    [kind, if namespace.is_empty() { own() } else { namespace }, name]
}

/// The source that is this repository: the only one, or the one that `flux bootstrap` makes.
fn own_source(all: impl Iterator<Item = [String; 3]>) -> Option<[String; 3]> {
    let mut sources: Vec<[String; 3]> = all.filter(|[kind, ..]| kind == "GitRepository").collect();
    sources.sort_unstable();
    sources.dedup();
    match sources.len() {
        1 => sources.pop(),
        _ => sources.into_iter().find(|[_, _, name]| name == "flux-system"),
    }
}

/// The Applications of Argo CD among the objects.
pub(crate) fn applications(inventory: &Inventory) -> Vec<(&Resource, &Application)> {
    let argo = inventory.objects().iter().filter_map(|found| match &found.object.object_kind {
        ObjectKind::GitOps(GitOps::Argo(application)) => Some((found, &**application)),
        _ => None,
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
