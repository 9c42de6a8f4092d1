//! Finds what else names an identity: in the other files of a run, and in files around them that the run did not read.
//!
//! Whatever may name it counts: a comment, a text inside another object, a template, a file that can't be read. Keeping
//! an unused identity is harmless; removing one that a cluster uses is not.

mod names;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::capa::{IdentityKind, ObjectKind, ROLE_IDENTITY, State};
use crate::diag::{FileId, LineIndex, Span};
use crate::eject::Draft;
use crate::files::{self, Input};
use crate::inventory::{Inventory, ObjectId};
use crate::session::Session;
use crate::templates::is_filled_in;
use lossless_yaml::parallel;
use lossless_yaml::{Data, Document, Letters, NodeId, Source, Tree, parse};
use names::IdentityNames;

/// The limits of the search.
#[derive(Clone, Copy, Debug, Default)]
pub struct UsageLimits<'l> {
    /// The home directory: a Git work tree there does not count.
    pub home: Option<&'l Path>,
    /// The directory of the account map, if there is one.
    pub map: Option<&'l Path>,
    /// Files that name identities and do not use them, canonical: the account map, and a dump of the management cluster.
    pub not_users: &'l [PathBuf],
    /// The working directory, canonical: files below it are shown relative to it.
    pub here: Option<&'l Path>,
}

/// For each identity that a draft has to decide about, what else names it, in a few words. Identities that nothing names are
/// omitted.
///
/// The search covers the files of the inventory, and all manifests below the root of the Git work tree of the
/// identity's file; without one, those below the account map; without that, those in its directory. If that is not the tree
/// of the account map, it covers that one, too. A work tree that is the home directory or the root of the file system does
/// not count.
pub fn named(
    inputs: &Session,
    inventory: &Inventory,
    draft: &Draft<'_>,
    limits: UsageLimits<'_>,
) -> HashMap<ObjectId, String> {
    let wanted = by_name(inventory, draft.undecided());
    if wanted.is_empty() {
        return HashMap::new();
    }
    let names: Vec<&str> = wanted.keys().copied().collect();
    let known = KnownNames::of(inventory, draft, &names);
    let mut out = in_inventory(inputs, &wanted, &known, limits);
    let (roots, read) = (roots(inputs, inventory, &wanted, limits), not_searched(inputs, limits));
    for (root, wanted) in roots {
        let names = IdentityNames::new(wanted.iter().map(|&(name, _)| name).collect());
        let whys = first_of_each(searched(inputs, &root, &names, &read, limits.here), names.len());
        for (why, (_, object)) in whys.into_iter().zip(wanted) {
            if let Some(why) = why {
                out.entry(object).or_insert(why);
            }
        }
    }
    out
}

/// Whether the search around a file covers a whole tree: a Git work tree, or what is below the account map.
pub fn has_tree(inputs: &Session, file: FileId, limits: UsageLimits<'_>) -> bool {
    path(inputs, file).and_then(|path| root_of(&path, limits)).is_some_and(|root| root.recursive)
}

/// The manifests around a file that the run has not read: those that [`named`] searches for users of its identities.
///
/// # Errors
/// A directory can't be listed, or a link leads nowhere: what it should be may use any identity. It says so in a few words.
pub fn around(inputs: &Session, file: FileId, limits: UsageLimits<'_>) -> Result<Vec<Input>, String> {
    let roots = path(inputs, file).map_or_else(Vec::new, |path| roots_of(&path, limits));
    let (read, mut all) = (not_searched(inputs, limits), Vec::new());
    for root in roots {
        let found = manifests(inputs, &root, limits.here)?;
        let is_read = |path: &PathBuf| path.canonicalize().is_ok_and(|real| read.contains(&real));
        let from_here = |path: PathBuf| match limits.here.and_then(|here| path.strip_prefix(here).ok()) {
            Some(below) => below.to_owned(),
            None => path,
        };
        all.extend(found.into_iter().filter(|path| !is_read(path)).map(from_here).map(Input::File));
    }
    Ok(all)
}

/// For each of these identities, what mentions it in the files of the inventory, in a few words, other than references of
/// the inventory's objects and identities of its name.
pub fn unknown_users(
    inputs: &Session,
    inventory: &Inventory,
    identities: &BTreeSet<&str>,
    limits: UsageLimits<'_>,
) -> HashMap<String, String> {
    let names: Vec<&str> = identities.iter().copied().collect();
    let known = KnownNames::of_references(inventory, &names);
    let whys = in_files(inputs, &names, &known, limits);
    names.into_iter().zip(whys).filter_map(|(name, why)| Some((name.to_owned(), why?))).collect()
}

/// Identities by their names.
fn by_name(inventory: &Inventory, identities: impl Iterator<Item = ObjectId>) -> BTreeMap<&str, Vec<ObjectId>> {
    let mut wanted: BTreeMap<&str, Vec<ObjectId>> = BTreeMap::new();
    for object in identities {
        if let Some(name) = inventory[object].object.name.as_deref() {
            wanted.entry(name).or_default().push(object);
        }
    }
    wanted
}

/// What else names identities in the files of the inventory.
fn in_inventory(
    inputs: &Session,
    wanted: &BTreeMap<&str, Vec<ObjectId>>,
    known: &KnownNames,
    limits: UsageLimits<'_>,
) -> HashMap<ObjectId, String> {
    let names: Vec<&str> = wanted.keys().copied().collect();
    let whys = in_files(inputs, &names, known, limits);
    let mut out = HashMap::new();
    for (why, objects) in whys.into_iter().zip(wanted.values()) {
        out.extend(why.into_iter().flat_map(|why| objects.iter().map(move |&object| (object, why.clone()))));
    }
    out
}

/// The first mention of each name in the files of a run.
fn in_files(inputs: &Session, names: &[&str], known: &KnownNames, limits: UsageLimits<'_>) -> Vec<Option<String>> {
    let names = IdentityNames::new(names.to_vec());
    let not_users: HashSet<FileId> = limits.not_users.iter().filter_map(|path| inputs.find(path)).collect();
    let files: Vec<FileId> = (0..inputs.len()).map(FileId).filter(|file| !not_users.contains(file)).collect();
    let size = |file: &FileId| inputs.size(*file);
    let here = parallel::map_sized(&files, size, |&file| {
        let shown = inputs.name(file);
        let Ok(bytes) = inputs.bytes(file) else { return Mentions::all(format!("{shown} can't be read again")) };
        search(&bytes, shown, &names, |name, at| known.has(file, name, at))
    });
    first_of_each(here, names.len())
}

/// What a file mentions of the names that are searched for.
#[derive(Debug, Default)]
struct Mentions {
    /// The indices of names that it may mention, and where, in a few words.
    some: Vec<(usize, String)>,
    /// The same for all other names.
    others: Option<String>,
}

impl Mentions {
    fn all(why: String) -> Self {
        Self { some: Vec::new(), others: Some(why) }
    }
}

/// The first mention of each name.
fn first_of_each(files: Vec<Mentions>, names: usize) -> Vec<Option<String>> {
    let mut out: Vec<Option<String>> = vec![None; names];
    for file in files {
        for (name, why) in file.some {
            out[name].get_or_insert(why);
        }
        if let Some(why) = file.others {
            for existing in &mut out {
                existing.get_or_insert_with(|| why.clone());
            }
            break;
        }
    }
    out
}

/// The mentions of identities in the files of the inventory that don't count: the removed references, the identities
/// themselves, and removed identities.
struct KnownNames(HashMap<(FileId, usize), Vec<Span>>);

impl KnownNames {
    fn of(inventory: &Inventory, draft: &Draft<'_>, names: &[&str]) -> Self {
        let mut known: HashMap<(FileId, usize), Vec<Span>> = HashMap::new();
        for (number, name) in names.iter().enumerate() {
            for &(file, span) in draft.removed_refs(name) {
                known.entry((file, number)).or_default().push(span);
            }
            let own = inventory.identities(IdentityKind::Role, name).iter().copied();
            for found in own.chain(draft.removed()).map(|index| &inventory[index]) {
                known.entry((found.origin.file, number)).or_default().push(found.origin.window);
            }
        }
        Self::joined(known)
    }

    /// All references of an inventory's objects to these names, and the identities of these names.
    fn of_references(inventory: &Inventory, names: &[&str]) -> Self {
        let mut known: HashMap<(FileId, usize), Vec<Span>> = HashMap::new();
        let numbers: HashMap<&str, usize> = names.iter().enumerate().map(|(number, &name)| (name, number)).collect();
        for found in inventory.objects() {
            let mut add = |name: Option<&str>, span: Option<Span>| {
                let (Some(&number), Some(span)) = (name.and_then(|name| numbers.get(name)), span) else { return };
                known.entry((found.origin.file, number)).or_default().push(span);
            };
            let mut add_state = |state: &State| {
                if let State::Set(to) = state {
                    add(to.name.text(), to.name.span());
                }
            };
            match &found.object.object_kind {
                ObjectKind::Identity(identity, _) => {
                    add_state(&identity.source);
                    add(found.object.name.as_deref(), Some(found.origin.window));
                }
                _ => found.object.references().for_each(|reference| add_state(&reference.state)),
            }
        }
        Self::joined(known)
    }

    fn joined(mut known: HashMap<(FileId, usize), Vec<Span>>) -> Self {
        for spans in known.values_mut() {
            spans.sort_unstable();
            // Spans that meet are joined.
            spans.dedup_by(|next, before| {
                let meet = next.start <= before.end;
                before.end = if meet { before.end.max(next.end) } else { before.end };
                meet
            });
        }
        Self(known)
    }

    fn has(&self, file: FileId, name: usize, at: usize) -> bool {
        let Some(spans) = self.0.get(&(file, name)) else { return false };
        let after = spans.partition_point(|span| span.start <= at);
        after.checked_sub(1).is_some_and(|last| at < spans[last].end)
    }
}

/// A directory, and whether it is searched recursively.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Root {
    directory: PathBuf,
    recursive: bool,
}

/// The directories to search around the files of identities, with the names and the objects of these identities.
fn roots<'w>(
    inputs: &Session,
    inventory: &Inventory,
    wanted: &BTreeMap<&'w str, Vec<ObjectId>>,
    limits: UsageLimits<'_>,
) -> HashMap<Root, Vec<(&'w str, ObjectId)>> {
    let mut roots: HashMap<Root, Vec<(&str, ObjectId)>> = HashMap::new();
    let mut of_file: HashMap<FileId, Vec<Root>> = HashMap::new();
    for (&name, &object) in wanted.iter().flat_map(|(name, objects)| objects.iter().map(move |object| (name, object))) {
        let file = inventory[object].origin.file;
        let of_file = of_file
            .entry(file)
            .or_insert_with(|| path(inputs, file).map_or_else(Vec::new, |path| roots_of(&path, limits)));
        for root in of_file {
            roots.entry(root.clone()).or_default().push((name, object));
        }
    }
    roots
}

/// The file's path; for standard input, that of the file that it counts as.
fn path(inputs: &Session, file: FileId) -> Option<PathBuf> {
    match inputs.input(file) {
        Input::File(path) => Some(path.clone()),
        Input::Stdin if inputs.name(file) != "-" => Some(PathBuf::from(inputs.name(file))),
        _ => None,
    }
}

fn root_of(path: &Path, limits: UsageLimits<'_>) -> Option<Root> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = path.canonicalize().ok().and_then(|real| Some(real.parent()?.to_owned()));
    let directory = directory.or_else(|| parent.canonicalize().ok())?;
    let map = limits.map.filter(|map| directory.starts_with(map));
    Some(match work_tree(&directory, limits).or(map) {
        Some(root) => Root { directory: root.to_owned(), recursive: true },
        None => Root { directory, recursive: false },
    })
}

/// The root of the Git work tree of a canonical directory.
fn work_tree<'d>(directory: &'d Path, limits: UsageLimits<'_>) -> Option<&'d Path> {
    let home = limits.home.and_then(|home| home.canonicalize().ok());
    let git = directory.ancestors().find(|directory| directory.join(".git").exists());
    git.filter(|git| git.parent().is_some() && Some(*git) != home.as_deref())
}

/// The directories to search around a file: its own tree, and that of the account map, whose clusters use its identities
/// even if the file is in a submodule or in another repository. None of them is below another.
fn roots_of(path: &Path, limits: UsageLimits<'_>) -> Vec<Root> {
    let of_map = limits.map.map(|map| work_tree(map, limits).unwrap_or(map));
    let of_map = of_map.map(|directory| Root { directory: directory.to_owned(), recursive: true });
    let mut roots: Vec<Root> = Vec::new();
    for root in root_of(path, limits).into_iter().chain(of_map) {
        let covers =
            |one: &Root, other: &Root| one == other || one.recursive && other.directory.starts_with(&one.directory);
        if !roots.iter().any(|one| covers(one, &root)) {
            roots.retain(|one| !covers(&root, one));
            roots.push(root);
        }
    }
    roots
}

/// The files that are not searched for users: those of the run, which are known, and those that are not users.
fn not_searched(inputs: &Session, limits: UsageLimits<'_>) -> HashSet<PathBuf> {
    let files = (0..inputs.len()).map(FileId);
    let read = files.filter_map(|file| path(inputs, file)?.canonicalize().ok());
    read.chain(limits.not_users.iter().cloned()).collect()
}

/// The manifests of a directory. The error says why others may use identities, in a few words.
fn manifests(inputs: &Session, root: &Root, here: Option<&Path>) -> Result<Vec<PathBuf>, String> {
    let found = files::find_present(std::slice::from_ref(&root.directory), root.recursive)
        .map_err(|error| format!("other files may reference it: {error}"))?;
    match found.broken.first() {
        // Where it leads, for example into a submodule, there may be a cluster.
        Some(link) => {
            let link = shown_from(inputs, link, here);
            Err(format!("{link} is a symbolic link that leads nowhere, and the missing file may reference it"))
        }
        None => Ok(found.inputs.iter().filter_map(Input::path).map(Path::to_owned).collect()),
    }
}

fn shown_from(inputs: &Session, path: &Path, here: Option<&Path>) -> String {
    inputs.shown(here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path))
}

/// Searches the manifests of a directory, except the files that the run has `read`.
fn searched(
    inputs: &Session,
    root: &Root,
    names: &IdentityNames<'_>,
    read: &HashSet<PathBuf>,
    here: Option<&Path>,
) -> Vec<Mentions> {
    let found = match manifests(inputs, root, here) {
        Ok(found) => found,
        Err(why) => return vec![Mentions::all(why)],
    };
    let size = |path: &PathBuf| files::size(path);
    parallel::map_sized(&found, size, |path| {
        if path.canonicalize().is_ok_and(|real| read.contains(&real)) {
            return Mentions::default();
        }
        let name = shown_from(inputs, path, here);
        match files::read_only(path) {
            Ok(bytes) => search(&bytes, &name, names, |_, _| false),
            Err(_) => Mentions::all(format!("{name} can't be read and may reference it")),
        }
    })
}

/// What a file with the name `file` mentions. A mention for which `known` is true, by name and offset, does not count.
fn search(bytes: &[u8], file: &str, names: &IdentityNames<'_>, known: impl Fn(usize, usize) -> bool) -> Mentions {
    let mut out = Mentions::default();
    let Some(mentions) = names.mentions(bytes) else {
        out.others = Some(format!("{file} may reference it"));
        return out;
    };
    let mut first: HashMap<usize, usize> = HashMap::new();
    for (name, at) in mentions {
        if !first.contains_key(&name) && !known(name, at) {
            first.insert(name, at);
        }
    }
    let lines = LineIndex::new(bytes);
    let place = |at: usize, why: &str| format!("{file}:{} {why}", lines.line(at));
    out.some = first.iter().map(|(&name, &at)| (name, place(at, "mentions it"))).collect();
    if first.len() < names.len() {
        let mut doubts = Doubts { names, reported: first.into_keys().collect(), some: Vec::new() };
        let others = doubts.of(&Source::new(bytes));
        out.some.extend(doubts.some.iter().map(|&(name, at, why)| (name, place(at, why))));
        out.others = others.map(|(at, why)| place(at, why));
    }
    out
}

/// Places that may name identities without containing their names literally.
struct Doubts<'n> {
    names: &'n IdentityNames<'n>,
    /// The names that are reported already.
    reported: HashSet<usize>,
    /// The reported names, each with a place and its text.
    some: Vec<(usize, usize, &'static str)>,
}

impl Doubts<'_> {
    /// Searches a file up to a place that may name all names that are not reported by then.
    fn of(&mut self, source: &Source<'_>) -> Option<(usize, &'static str)> {
        if let Some(half) = source.halved() {
            let why = "is UTF-16 and may reference it";
            if memmem::find(&half, ROLE_IDENTITY.as_bytes()).is_some() {
                return Some((0, why));
            }
            self.names.in_text(&half).into_iter().for_each(|name| self.tell(name, 0, why));
        }
        source.segments().find_map(|document| self.of_document(&document))
    }

    /// The same for one document.
    fn of_document(&mut self, document: &Document<'_>) -> Option<(usize, &'static str)> {
        let word = [ROLE_IDENTITY, "identityRef"].iter().find_map(|word| memmem::find(document.bytes, word.as_bytes()));
        let spelled = Letters::spelled(document.bytes);
        if self.reported.len() == self.names.len() || word.is_none() && !self.names.letters.meet(&spelled) {
            return None;
        }
        let at = document.span.start + word.unwrap_or(0);
        let tree = match parse(document) {
            Ok(tree) => tree,
            Err(_) if word.is_some() => return Some((at, "can't be read and may reference it")),
            Err(_) => {
                self.tell_of(&spelled, at, "can't be read and may reference it");
                return None;
            }
        };
        if !spelled.is_empty() {
            // Literal names were found before, or don't count.
            for name in self.names.hidden(&tree, document.bytes) {
                if self.names.letters_of(name).meet(&spelled) {
                    self.tell(name, at, "mentions it");
                }
            }
        }
        let template =
            word.is_some() && (tree.complex_key().is_some() || is_template(&tree, tree.root, self.names.only()));
        template.then_some((at, "is a template and may reference it"))
    }

    fn tell(&mut self, name: usize, at: usize, why: &'static str) {
        if self.reported.insert(name) {
            self.some.push((name, at, why));
        }
    }

    /// Reports all names with one of these letters.
    fn tell_of(&mut self, letters: &Letters, at: usize, why: &'static str) {
        for name in 0..self.names.len() {
            if self.names.letters_of(name).meet(letters) {
                self.tell(name, at, why);
            }
        }
    }
}

/// Whether the document has a reference, perhaps to a role identity, whose name or whole value is a placeholder, or a
/// text that may contain such a reference. A name that is `only`, the only one that is searched for, is not in doubt: its
/// mentions are found as text.
fn is_template(tree: &Tree<'_>, at: NodeId, only: Option<&str>) -> bool {
    let filled = |id: NodeId| tree.text(id).is_some_and(is_filled_in);
    let doubtful = |id: NodeId| filled(id) && tree.text(id) != only;
    let member = |key| tree.value(at, key);
    let role = member("kind").is_some_and(|kind| filled(kind) || tree.text(kind) == Some(ROLE_IDENTITY));
    let reference = role && member("name").is_some_and(doubtful) || member("identityRef").is_some_and(filled);
    let below = |id: NodeId| is_template(tree, id, only);
    match &tree.node(at).data {
        Data::Mapping { entries, .. } => reference || entries.iter().any(|&(key, value)| below(key) || below(value)),
        Data::Sequence { items, .. } => items.iter().any(|&item| below(item)),
        Data::Scalar { text, .. } => text.contains(ROLE_IDENTITY) && is_filled_in(text),
        Data::Alias(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "cross-account-role-222222222222";

    fn specified(text: &str) -> Option<String> {
        let mentions = search(text.as_bytes(), "f", &IdentityNames::new(vec![NAME]), |_, _| false);
        first_of_each(vec![mentions], 1).remove(0)
    }

    #[test]
    fn whatever_may_name_an_identity_counts() {
        for (text, why) in [
            ("a: 1\nn: NAME\n", "f:2 mentions it"),
            ("# NAME.\n", "f:1 mentions it"),
            ("a: |\n  role/NAME,\n", "f:2 mentions it"),
            ("a: \"cross\\x2daccount-role-222222222222\"\n", "f:1 mentions it"),
            ("a: 1\n---\nkind: AWSClusterRoleIdentity\nname: x{{ y }}\n", "f:3 is a template and may reference it"),
            ("ref: {kind: AWSClusterRoleIdentity, name: \"${ID}\"}\n", "f:1 is a template and may reference it"),
            ("a: |\n  kind: AWSClusterRoleIdentity\n  name: {{ .id }}\n", "f:2 is a template and may reference it"),
            ("kind: AWSClusterRoleIdentity\nname: {{ .y }}\n", "f:1 is a template and may reference it"),
            ("spec:\n  identityRef: ${REF}\n", "f:2 is a template and may reference it"),
            ("identityRef:\n  kind: ${KIND}\n  name: ${ID}\n", "f:1 is a template and may reference it"),
            ("identityRef: {{ toYaml .ref }}\n", "f:1 is a template and may reference it"),
            ("{{ if }}\nkind: AWSClusterRoleIdentity\n", "f:2 can't be read and may reference it"),
            ("a: [\nkind: AWSClusterRoleIdentity\n", "f:2 can't be read and may reference it"),
        ] {
            assert_eq!(specified(&text.replace("NAME", NAME)).as_deref(), Some(why), "{text}");
        }
        for text in [
            "a: NAME-team-a\n",
            "a: my-NAME\n",
            "a: NAME.x\n",
            "a: [\n",
            "kind: AWSClusterRoleIdentity\nname: other\n",
            "{{ x }}: [\n",
            "a: {{ x }}\n",
            "identityRef: {kind: AWSClusterRoleIdentity, name: other}\nregion: ${REGION}\n",
            "identityRef: {kind: AWSClusterStaticIdentity, name: \"${ID}\"}\n",
            "a: \"\\x20\"\n",
        ] {
            assert_eq!(specified(&text.replace("NAME", NAME)), None, "{text}");
        }
        let utf16: Vec<u8> = format!("a: {NAME}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mentions = search(&utf16, "f", &IdentityNames::new(vec![NAME]), |_, _| false);
        assert_eq!(mentions.some, [(0, "f:1 is UTF-16 and may reference it".to_owned())]);
    }

    #[test]
    fn a_name_with_a_placeholder_is_compared_as_text() {
        const NAME: &str = "capa-${ID}";
        let text = "identityRef: {kind: AWSClusterRoleIdentity, name: \"capa-${ID}\"}\n";
        let found = |text: &str, names: &[&str], known: bool| {
            let mentions = search(text.as_bytes(), "f", &IdentityNames::new(names.to_vec()), |_, _| known);
            first_of_each(vec![mentions], names.len())
        };
        assert_eq!(found(text, &[NAME], true), [None]);
        assert_eq!(found(text, &[NAME], false), [Some("f:1 mentions it".to_owned())]);
        let doubt = Some("f:1 is a template and may reference it".to_owned());
        assert_eq!(found(&text.replace("ID", "OTHER"), &[NAME], false)[0], doubt);
        assert_eq!(found(text, &[NAME, "b"], true)[1], doubt);
    }

    #[test]
    fn the_work_tree_is_the_root_unless_it_is_home() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().canonicalize().unwrap();
        let below = home.join("repository/clusters");
        std::fs::create_dir_all(below.join("dev")).unwrap();
        let file = below.join("dev/a.yaml");
        std::fs::write(&file, "").unwrap();
        let root = |path: &Path, map: Option<&Path>| {
            root_of(path, UsageLimits { home: Some(&home), map, ..UsageLimits::default() })
                .map(|root| (root.directory, root.recursive))
        };
        assert_eq!(root(&file, None), Some((below.join("dev"), false)));
        assert_eq!(root(&file, Some(&below)), Some((below.clone(), true)));
        assert_eq!(root(&file, Some(&below.join("prod"))), Some((below.join("dev"), false)));
        std::fs::create_dir(home.join(".git")).unwrap();
        assert_eq!(root(&file, None), Some((below.join("dev"), false)));
        let roots = |path: &Path, map: &Path| -> Vec<PathBuf> {
            let limits = UsageLimits { home: Some(&home), map: Some(map), ..UsageLimits::default() };
            roots_of(path, limits).into_iter().map(|root| root.directory).collect()
        };
        // A submodule: the clusters that use its identities are in the work tree of the map.
        std::fs::write(below.join("dev/.git"), "gitdir: elsewhere\n").unwrap();
        assert_eq!(roots(&file, &below), std::slice::from_ref(&below));
        assert_eq!(roots(&file, &below.join("prod")), [below.join("dev"), below.join("prod")]);
        std::fs::remove_file(below.join("dev/.git")).unwrap();
        std::fs::write(home.join("repository/.git"), "gitdir: elsewhere\n").unwrap();
        assert_eq!(root(&file, None), Some((home.join("repository"), true)));
        assert_eq!(root(&below.join("new.yaml"), Some(&below)), Some((home.join("repository"), true)));
    }
}
