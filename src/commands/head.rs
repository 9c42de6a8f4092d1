//! The files of a run as they are in Git's HEAD, read with the `git` on PATH.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;

use xaccount::capa::ObjectKind;
use xaccount::diag::{Diagnostic, FileId, escape_control};
use xaccount::files::Input;
use xaccount::inject::ObservedObjects;
use xaccount::inventory::{self, File, Inventory, Resource, Scan};
use xaccount::session::{Session, path_bytes};

use super::git::{self, Objects, root_above};

/// The objects of these files in HEAD, and the identities that they reference. `None` if no file is in the HEAD of a
/// repository, or if there is no `git`.
///
/// # Errors
/// `git` can't read a repository, so that it is unknown whether a cluster is in its HEAD.
pub(crate) fn head(
    files: &BTreeSet<FileId>,
    inputs: &Session,
    inventory: &Inventory,
    scan: &Scan<'_>,
) -> Result<Option<ObservedObjects>, Diagnostic> {
    let mut repositories = Repositories::default();
    let mut read = Versions { scan, inputs, unreadable: BTreeSet::new(), objects: BTreeMap::new() };
    for &file in files {
        read.read(file, &mut repositories)?;
    }
    // An identity can be in any file of the inventory: read those that have one now first, then all others.
    let with_identities = |found: &&Resource| matches!(found.object.object_kind, ObjectKind::Identity(..));
    let now: BTreeSet<FileId> =
        inventory.objects().iter().filter(with_identities).map(|found| found.origin.file).collect();
    let all: BTreeSet<FileId> = (0..inputs.len()).map(FileId).collect();
    for more in [now, all] {
        if read.has_all_identities() {
            break;
        }
        for file in more {
            read.read(file, &mut repositories)?;
        }
    }
    if read.objects.is_empty() && read.unreadable.is_empty() {
        return Ok(None);
    }
    let names = inventory.files().iter();
    let names = names
        .map(|file| File {
            name: file.name.clone(),
            is_json_for_kubectl: false,
            json_list: None,
            identities_only: false,
        })
        .collect();
    let objects = read.objects.into_values().flatten().collect();
    let observed = Inventory::new(names, objects).with_default_namespace(inventory.default_namespace());
    let observed = observed.with_classes_of(inventory, true);
    Ok(Some(ObservedObjects::head(observed, read.unreadable)))
}

/// What was read from HEAD.
struct Versions<'v> {
    scan: &'v Scan<'v>,
    inputs: &'v Session,
    unreadable: BTreeSet<FileId>,
    /// By file, with an entry for each file that was read.
    objects: BTreeMap<FileId, Vec<Resource>>,
}

impl Versions<'_> {
    fn read(&mut self, file: FileId, repositories: &mut Repositories) -> Result<(), Diagnostic> {
        let Input::File(path) = self.inputs.input(file) else { return Ok(()) };
        if self.objects.contains_key(&file) {
            return Ok(());
        }
        let Some(bytes) = repositories.version(path)? else { return Ok(()) };
        // An error about HEAD's version would be useless: only problems of the current file are reported.
        let scan = Scan { keep_going: true, skip_templates: false, ..*self.scan };
        let objects = match inventory::scan(file, &bytes, &scan) {
            Ok(scanned) => {
                if !scanned.warnings.is_empty() {
                    self.unreadable.insert(file);
                }
                scanned.objects
            }
            Err(_) => {
                self.unreadable.insert(file);
                Vec::new()
            }
        };
        self.objects.insert(file, objects);
        Ok(())
    }

    /// Whether all referenced role identities were found.
    fn has_all_identities(&self) -> bool {
        let objects = || self.objects.values().flatten();
        let existing: BTreeSet<&str> = objects()
            .filter(|found| matches!(found.object.object_kind, ObjectKind::Identity(..)))
            .filter_map(|found| found.object.name.as_deref())
            .collect();
        let mut named = objects()
            .flat_map(|found| found.object.references())
            .filter_map(|reference| reference.state.role_identity());
        named.all(|name| existing.contains(name))
    }
}

/// The repositories of the run, each with its HEAD.
#[derive(Default)]
struct Repositories {
    /// The nearest directory with `.git`, by directory.
    roots: BTreeMap<PathBuf, Option<PathBuf>>,
    /// By root; `None` if `git` can't be used for it.
    heads: BTreeMap<PathBuf, Option<Head>>,
}

impl Repositories {
    /// A file's content in HEAD; `None` where HEAD doesn't have it, or there is no HEAD.
    fn version(&mut self, path: &Path) -> Result<Option<Vec<u8>>, Diagnostic> {
        let Ok(whole) = path.canonicalize() else { return Ok(None) };
        let Some(directory) = whole.parent() else { return Ok(None) };
        let root = self.roots.entry(directory.to_owned()).or_insert_with(|| root_above(directory).map(Path::to_owned));
        let Some(root) = root.clone() else { return Ok(None) };
        let Ok(below) = whole.strip_prefix(&root) else { return Ok(None) };
        if !self.heads.contains_key(&root) {
            self.heads.insert(root.clone(), Head::start(&root)?);
        }
        let Some(Some(head)) = self.heads.get_mut(&root) else { return Ok(None) };
        head.version(&path_bytes(below))
    }
}

/// HEAD of one repository.
struct Head {
    root: PathBuf,
    objects: Objects,
    /// The id of the root's tree.
    tree: String,
    trees: BTreeMap<String, Rc<Entries>>,
}

/// Mode and id by name.
type Entries = BTreeMap<Vec<u8>, (Vec<u8>, String)>;

impl Head {
    /// `None` if there is no `git`, or no repository.
    fn start(root: &Path) -> Result<Option<Self>, Diagnostic> {
        let mut objects = match Objects::start(root) {
            Ok(objects) => objects,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cant_read(root, &error.to_string())),
        };
        match objects.get(b"HEAD^{tree}", "tree") {
            Ok(Some((tree, _))) => Ok(Some(Self { root: root.to_owned(), objects, tree, trees: BTreeMap::new() })),
            Ok(None) if has_head(root) => Err(cant_read(root, &lost().to_string())),
            // No commit yet.
            Ok(None) => Ok(None),
            Err(error) => {
                let why = objects.end(&error);
                // An empty directory `.git`, or the file of a worktree whose repository is not on this machine.
                if why.contains("not a git repository") { Ok(None) } else { Err(cant_read(root, &why)) }
            }
        }
    }

    /// The content of a file in HEAD, found through the trees and not by name: a name with a line feed can't be requested, and git
    /// answers `missing` both for a name that HEAD doesn't have and for an object that the repository has lost.
    fn version(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, Diagnostic> {
        self.walk(path).map_err(|error| {
            let why = self.objects.end(&error);
            cant_read(&self.root, &why)
        })
    }

    fn walk(&mut self, path: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut at = self.tree.clone();
        let mut parts = path.split(|&b| b == b'/').peekable();
        while let Some(part) = parts.next() {
            let tree = self.entries(&at)?;
            let Some((mode, object)) = tree.get(part) else { return Ok(None) };
            // Anything else is a symbolic link or a submodule.
            let wanted: &[&[u8]] =
                if parts.peek().is_some() { &[b"40000"] } else { &[b"100644", b"100755", b"100664"] };
            if !wanted.contains(&mode.as_slice()) {
                return Ok(None);
            }
            at = object.clone();
        }
        self.objects.get(at.as_bytes(), "blob")?.ok_or_else(lost).map(|(_, content)| Some(content))
    }

    /// The entries of a tree: mode and id by name.
    fn entries(&mut self, id: &str) -> io::Result<Rc<Entries>> {
        if let Some(existing) = self.trees.get(id) {
            return Ok(Rc::clone(existing));
        }
        let (_, content) = self.objects.get(id.as_bytes(), "tree")?.ok_or_else(lost)?;
        let mut entries = Entries::new();
        let mut rest = content.as_slice();
        while !rest.is_empty() {
            // `MODE NAME\0ID`, the id as bytes.
            let blank = rest.iter().position(|&b| b == b' ').ok_or_else(lost)?;
            let end = rest.iter().position(|&b| b == 0).filter(|&end| end > blank).ok_or_else(lost)?;
            let after = end + 1 + id.len() / 2;
            let object = rest.get(end + 1..after).ok_or_else(lost)?;
            let object = object.iter().map(|byte| format!("{byte:02x}")).collect();
            entries.insert(rest[blank + 1..end].to_vec(), (rest[..blank].to_vec(), object));
            rest = &rest[after..];
        }
        let entries = Rc::new(entries);
        self.trees.insert(id.to_owned(), Rc::clone(&entries));
        Ok(entries)
    }
}

/// Whether HEAD refers to a commit, even if that commit is missing.
fn has_head(root: &Path) -> bool {
    let mut command = git::command(root);
    command.args(["rev-parse", "-q", "--verify", "HEAD"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn lost() -> io::Error {
    io::Error::other("an object of HEAD is missing or broken")
}

fn cant_read(root: &Path, why: &str) -> Diagnostic {
    let root = root.display().to_string();
    Diagnostic::error(format!("git can't read HEAD of {}", escape_control(&root)))
        .help(format!("git reports: {}", escape_control(why.lines().next().unwrap_or_default())))
        .help("HEAD shows which clusters may run already: fix the repository so that `git log` works there, and run again")
}
