//! Finds the Clusters and classes in files that are not inputs: the account of an object can depend on them, and a run
//! over one file must come to the same result as a run over the whole tree.
//!
//! These files are read and never edited. One that can't be read stops a run only if it may reference an object of the
//! run.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::capa::{CAPI_GROUP, ObjectKind, REFERENCING_KINDS};
use crate::diag::{Diagnostic, FileId, line_of};
use crate::files::{self, Input};
use crate::inject::Needs;
use crate::inventory::{Builds, Inventory, ObjectId, Other, Others, Scan, Unread, scan};
use crate::kustomization_search::{Kustomizations, SearchRoots};
use crate::session::{Session, path_bytes};
use lossless_yaml::parallel;
use lossless_yaml::{Needles, Source};

/// The limits of the search.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchLimits<'l> {
    /// The home directory: an account map or a Git work tree there does not count.
    pub home: Option<&'l Path>,
    /// The directory of the account map, canonical, if there is one.
    pub map: Option<&'l Path>,
    /// The working directory, canonical: files below it are shown relative to it, and standard input without a name is
    /// in it.
    pub here: Option<&'l Path>,
}

/// The inventory with the objects of other files that its own objects need, where `builds` puts them. The search covers all manifests below the
/// account map; for a file that is not below it, those below the root of its Git work tree; without one, those in its
/// directory.
#[must_use]
pub fn with_owners(
    inventory: Inventory,
    inputs: &Session,
    needs: &Needs,
    builds: &Builds,
    limits: SearchLimits<'_>,
) -> Inventory {
    if needs.is_empty() {
        return inventory;
    }
    let wanted = Wanted::new(&inventory, needs);
    let mut paths = SearchPaths::default();
    let known: Vec<Option<PathBuf>> = (0..inputs.len()).map(|file| paths.of(inputs, FileId(file))).collect();
    let mut others = Others::default();
    for root in roots(&inventory, &known, needs, limits) {
        search(&root, &known, &wanted, builds, limits, &mut others);
    }
    inventory.with_others(others, |file| Some(text(known.get(file.0)?.as_deref()?.parent()?)))
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&path_bytes(path)).into_owned()
}

/// Real paths of inputs. Most files are not links, so each directory is resolved once.
#[derive(Default)]
struct SearchPaths(HashMap<PathBuf, Option<PathBuf>>);

impl SearchPaths {
    /// The path without links; for standard input, that of the file that it counts as.
    fn of(&mut self, inputs: &Session, file: FileId) -> Option<PathBuf> {
        match inputs.input(file) {
            Input::File(path) => self.real(path),
            Input::Stdin if inputs.name(file) != "-" => self.real(Path::new(inputs.name(file))),
            Input::Stdin | Input::Stream(_) => None,
        }
    }

    fn real(&mut self, path: &Path) -> Option<PathBuf> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return files::real(path) };
        if path.is_symlink() {
            return files::real(path);
        }
        let real = self.0.entry(parent.to_owned()).or_insert_with_key(|parent| files::real(parent));
        real.as_ref().map(|real| real.join(name))
    }
}

/// A directory to search.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SearchDirectory {
    path: PathBuf,
    /// Whether it is searched recursively.
    recursive: bool,
}

/// The directories to search for what these objects need.
fn roots(
    inventory: &Inventory,
    known: &[Option<PathBuf>],
    needs: &Needs,
    limits: SearchLimits<'_>,
) -> Vec<SearchDirectory> {
    let files: BTreeSet<FileId> = needs
        .owners
        .iter()
        .chain(&needs.templates)
        .chain(&needs.of_classes)
        .map(|&index| inventory[index].origin.file)
        .collect();
    let mut roots: BTreeSet<SearchDirectory> = BTreeSet::new();
    for file in files {
        let directory = match &known[file.0] {
            Some(path) => path.parent().map(Path::to_owned),
            None => limits.here.map(Path::to_owned),
        };
        roots.extend(directory.map(|directory| root_of(&directory, limits)));
    }
    let whole: Vec<PathBuf> = roots.iter().filter(|root| root.recursive).map(|root| root.path.clone()).collect();
    let below = |root: &Path| whole.iter().any(|other| root != other && root.starts_with(other));
    roots.into_iter().filter(|root| !below(&root.path) && (root.recursive || !whole.contains(&root.path))).collect()
}

fn root_of(directory: &Path, limits: SearchLimits<'_>) -> SearchDirectory {
    let home = limits.home.and_then(|home| home.canonicalize().ok());
    let is_tree = |root: &&Path| root.parent().is_some() && Some(*root) != home.as_deref();
    let map = limits.map.filter(|map| directory.starts_with(map)).filter(is_tree);
    let git = || directory.ancestors().find(|above| above.join(".git").exists()).filter(is_tree);
    match map.or_else(git) {
        Some(root) => SearchDirectory { path: root.to_owned(), recursive: true },
        None => SearchDirectory { path: directory.to_owned(), recursive: false },
    }
}

/// What to search for.
struct Wanted<'r> {
    /// Kind and name of each object.
    objects: Vec<(&'r str, &'r str)>,
    needles: Needles,
    /// Whether all topology Clusters count, whatever they reference.
    with_topologies: bool,
    /// Whether Clusters count. Otherwise only classes and their templates are needed.
    with_clusters: bool,
}

/// Up to this many names are searched for one by one; for more, it is cheaper to read all Clusters.
const FEW: usize = 16;

impl<'r> Wanted<'r> {
    fn new(inventory: &'r Inventory, needs: &Needs) -> Self {
        let of = |indices: &[ObjectId]| -> BTreeSet<(&'r str, &'r str)> {
            let objects = indices.iter().map(|&index| &inventory[index].object);
            objects.filter_map(|object| Some((object.kind.as_str(), object.name.as_deref()?))).collect()
        };
        let templates = of(&needs.templates);
        let objects: BTreeSet<_> = of(&needs.owners).union(&templates).copied().collect();
        let few = objects.len() <= FEW && objects.iter().all(|(_, name)| name.is_ascii());
        let mut groups: Vec<[&str; 2]> = match few {
            true => objects.iter().map(|&(kind, name)| [name, kind]).collect(),
            false => vec![["infrastructureRef", CAPI_GROUP], ["controlPlaneRef", CAPI_GROUP]],
        };
        let with_topologies = !templates.is_empty();
        if with_topologies {
            // All classes and templates count, whatever they reference: the nearest one of a name is used.
            groups.extend([["topology", CAPI_GROUP], ["ClusterClass", CAPI_GROUP]]);
            groups.extend(templates.iter().filter(|_| !few).map(|&(kind, _)| [kind, "metadata"]));
        }
        let with_clusters = !objects.is_empty();
        if !needs.of_classes.is_empty() {
            // A patch may keep a part of the template's reference.
            groups.push(["ClusterClass", CAPI_GROUP]);
            let rows = REFERENCING_KINDS.iter().filter(|row| row.template);
            groups.extend(rows.map(|row| [row.kind, "metadata"]));
        }
        let needles = Needles::new(groups.iter().map(<[&str; 2]>::as_slice));
        Self { needles, objects: objects.into_iter().collect(), with_topologies, with_clusters }
    }

    /// The objects that a text may name: it contains their names, or an escape that may spell them.
    fn named_in<'w>(&'w self, text: &[u8]) -> impl Iterator<Item = (&'r str, &'r str)> + use<'w, 'r> {
        let possible = self.needles.possible(text);
        let topology = self.with_topologies && memmem::find(text, b"topology").is_some();
        let existing: HashSet<(&str, &str)> = self
            .objects
            .iter()
            .filter(|(kind, name)| {
                let both = [kind, name].into_iter().all(|word| memmem::find(text, word.as_bytes()).is_some());
                both || possible || topology && kind.ends_with("Template")
            })
            .copied()
            .collect();
        self.objects.iter().copied().filter(move |one| existing.contains(one))
    }
}

/// Reads the manifests in a directory that are not inputs of the run.
fn search(
    root: &SearchDirectory,
    known: &[Option<PathBuf>],
    wanted: &Wanted<'_>,
    builds: &Builds,
    limits: SearchLimits<'_>,
    others: &mut Others,
) {
    let inputs: HashSet<&Path> = known.iter().flatten().map(PathBuf::as_path).collect();
    let shown = |path: &Path| text(limits.here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path));
    let unread = |path: &Path, of: Vec<(&str, &str)>, what: String| -> Vec<Unread> {
        let directory = path.parent().map(text);
        let one = |(kind, name): (&str, &str)| Unread {
            of: (kind.to_owned(), name.to_owned()),
            directory: directory.clone(),
            what: what.clone(),
        };
        of.into_iter().map(one).collect()
    };
    let mut found: Vec<PathBuf> = Vec::new();
    for path in files::below(&root.path, root.recursive) {
        match path {
            Ok(path) if inputs.contains(path.as_path()) => {}
            Ok(path) => found.push(path),
            Err((path, error)) => {
                let what = format!("{} can't be read ({error}) and may reference it", shown(&path));
                others.unread.extend(unread(&path, wanted.objects.clone(), what));
            }
        }
    }
    let size = |path: &PathBuf| files::size(path);
    let read = parallel::map_sized(&found, size, |path| {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let what = format!("{} can't be read ({error}) and may reference it", shown(path));
                return (None, unread(path, wanted.objects.clone(), what));
            }
        };
        let (objects, problems) = read(&bytes, wanted);
        let problems = problems
            .into_iter()
            .flat_map(|problem| unread(path, problem.of, format!("{}:{} {}", shown(path), problem.line, problem.why)));
        let other = (!objects.is_empty()).then(|| Other {
            name: shown(path),
            directory: path.parent().map(text),
            below_map: limits.map.and_then(|map| path.strip_prefix(map).ok()).map(text),
            objects,
        });
        (other, problems.collect())
    });
    let matters =
        |(_, (other, unread)): &(PathBuf, (Option<Other>, Vec<Unread>))| other.is_some() || !unread.is_empty();
    let read: Vec<_> = found.into_iter().zip(read).filter(matters).collect();
    // Patches are skipped, as in a run that has the file as an input.
    let place = SearchRoots { home: limits.home, here: limits.here };
    let kustomizations = Kustomizations::of_files(read.iter().map(|(path, _)| path.clone()), place);
    for (path, (mut other, unread)) in read.into_iter().filter(|(path, _)| !kustomizations.names(path)) {
        let objects = other.iter_mut().flat_map(|other| &mut other.objects);
        objects.for_each(|found| builds.put(&[text(&path)], &mut found.object));
        others.files.extend(other);
        others.unread.extend(unread);
    }
}

/// A text that can't be read, and the objects that it may name.
struct SearchProblem<'r> {
    of: Vec<(&'r str, &'r str)>,
    line: usize,
    why: &'static str,
}

/// The Clusters, classes and templates of a file, and the parts of it that can't be read.
fn read<'r>(bytes: &[u8], wanted: &Wanted<'r>) -> (Vec<crate::inventory::Resource>, Vec<SearchProblem<'r>>) {
    let source = Source::new(bytes);
    if source.is_utf16(&wanted.needles) {
        return (
            Vec::new(),
            vec![SearchProblem { of: wanted.objects.clone(), line: 1, why: "is UTF-16 and may reference it" }],
        );
    }
    if !wanted.needles.literal(bytes) && !wanted.needles.possible(bytes) {
        return (Vec::new(), Vec::new());
    }
    let options = Scan { needles: &wanted.needles, skip_templates: true, topology_variable: None, keep_going: true };
    let scanned = scan(FileId(0), bytes, &options).unwrap_or_default();
    let line = |at: usize| line_of(bytes, at);
    let mut problems: Vec<SearchProblem<'r>> = Vec::new();
    for warning in &scanned.warnings {
        let at = place(warning);
        let document = source.segments().find(|document| document.span.range().contains(&at));
        let text = document.map_or(bytes, |document| document.bytes);
        problems.push(SearchProblem {
            of: wanted.named_in(text).collect(),
            line: line(at),
            why: "can't be read with certainty and may reference it",
        });
    }
    let mut objects = scanned.objects;
    objects.retain(|found| match &found.object.object_kind {
        ObjectKind::Cluster { .. } => wanted.with_clusters,
        ObjectKind::Class(_) => true,
        ObjectKind::Referencing { kind_row, .. } => kind_row.template,
        _ => false,
    });
    for found in objects.iter().filter(|found| found.object.twice.is_some()) {
        let why = "has a duplicate key and may reference it";
        problems.push(SearchProblem {
            of: wanted.named_in(&bytes[found.origin.window.range()]).collect(),
            line: found.origin.line,
            why,
        });
    }
    problems.retain(|problem| !problem.of.is_empty());
    (objects, problems)
}

/// The offset of a problem.
fn place(diagnostic: &Diagnostic) -> usize {
    diagnostic.primary.as_ref().map_or(0, |label| label.at.span.start)
}
