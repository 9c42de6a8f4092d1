//! The files of a run as Git's HEAD has them, read with the `git` on PATH.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::thread::JoinHandle;

use xaccount::capa::{ObjectKind, ROLE_IDENTITY, State};
use xaccount::diag::{Diagnostic, FileId, escape_control};
use xaccount::files::Input;
use xaccount::inject::ObservedObjects;
use xaccount::inventory::{self, File, Inventory, Resource, Scan};
use xaccount::session::{Session, path_bytes};

/// What Git sets for the programs that it runs, hooks among them (`git rev-parse --local-env-vars`, v2.39): each could lead to
/// another repository than the one that the file is in.
const OF_GIT: [&str; 16] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
];

/// The version of each of these files in HEAD, and those of the identities that they name; `None` where no file is in HEAD of a
/// repository, or there is no `git`.
///
/// # Errors
/// A repository that `git` can't read: whether a cluster is in its HEAD is not known then.
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
    // An identity may be in any file of the inventory: first those that have some now, then those that may have had some.
    let with_identities = |found: &&Resource| matches!(found.object.object_kind, ObjectKind::Identity(..));
    let now: BTreeSet<FileId> =
        inventory.objects().iter().filter(with_identities).map(|found| found.origin.file).collect();
    let all: BTreeSet<FileId> = (0..inputs.len()).map(FileId).collect();
    for more in [now, all] {
        if read.all_identities_are_there() {
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
        .map(|file| File { name: file.name.clone(), is_json_for_kubectl: false, identities_only: false })
        .collect();
    let objects = read.objects.into_values().flatten().collect();
    let observed = Inventory::new(names, objects).with_default_namespace(inventory.default_namespace());
    Ok(Some(ObservedObjects::head(observed, read.unreadable)))
}

/// What was read of HEAD.
struct Versions<'v> {
    scan: &'v Scan<'v>,
    inputs: &'v Session,
    unreadable: BTreeSet<FileId>,
    /// By file; every file that was asked for has an entry.
    objects: BTreeMap<FileId, Vec<Resource>>,
}

impl Versions<'_> {
    fn read(&mut self, file: FileId, repositories: &mut Repositories) -> Result<(), Diagnostic> {
        let Input::File(path) = self.inputs.input(file) else { return Ok(()) };
        if self.objects.contains_key(&file) {
            return Ok(());
        }
        let Some(bytes) = repositories.version(path)? else { return Ok(()) };
        // What can't be read is said of the file as it is, not of what it was.
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

    /// Whether every role identity that a reference names was found.
    fn all_identities_are_there(&self) -> bool {
        let objects = || self.objects.values().flatten();
        let existing: BTreeSet<&str> = objects()
            .filter(|found| matches!(found.object.object_kind, ObjectKind::Identity(..)))
            .filter_map(|found| found.object.name.as_deref())
            .collect();
        let mut named =
            objects().flat_map(|found| found.object.references()).filter_map(|reference| match &reference.state {
                State::Set(to) if to.kind.text() == Some(ROLE_IDENTITY) => to.name.text(),
                _ => None,
            });
        named.all(|name| existing.contains(name))
    }
}

/// The repositories of the run, each with a `git` that answers.
#[derive(Default)]
struct Repositories {
    /// The nearest directory with `.git`, by directory.
    roots: BTreeMap<PathBuf, Option<PathBuf>>,
    /// By root; `None` where `git` has nothing to say of it.
    git: BTreeMap<PathBuf, Option<Git>>,
}

impl Repositories {
    /// A file's content in HEAD; `None` where HEAD doesn't have it, or there is no HEAD.
    fn version(&mut self, path: &Path) -> Result<Option<Vec<u8>>, Diagnostic> {
        let Ok(whole) = path.canonicalize() else { return Ok(None) };
        let Some(directory) = whole.parent() else { return Ok(None) };
        let root = self.roots.entry(directory.to_owned()).or_insert_with(|| {
            directory.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
        });
        let Some(root) = root.clone() else { return Ok(None) };
        let Ok(below) = whole.strip_prefix(&root) else { return Ok(None) };
        if !self.git.contains_key(&root) {
            self.git.insert(root.clone(), Git::start(&root)?);
        }
        let Some(Some(git)) = self.git.get_mut(&root) else { return Ok(None) };
        git.version(&path_bytes(below))
    }
}

/// `git cat-file --batch` in one repository.
struct Git {
    root: PathBuf,
    child: Child,
    /// `None` once it is closed.
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
    /// What it writes to stderr, all of it once it has ended.
    specified: Option<JoinHandle<String>>,
    /// The id of HEAD's tree.
    head: String,
    trees: BTreeMap<String, Rc<Entries>>,
}

/// Mode and id by name.
type Entries = BTreeMap<Vec<u8>, (Vec<u8>, String)>;

impl Git {
    /// `None` where there is no `git`, or no repository.
    fn start(root: &Path) -> Result<Option<Self>, Diagnostic> {
        let mut command = git(root);
        command.args(["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cant_read(root, &error.to_string())),
        };
        let (ask, answer, specified) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(ask), Some(answer), Some(mut specified)) = (ask, answer, specified) else { return Ok(None) };
        // Read beside the answers, so that a pipe full of warnings stops nothing.
        let specified = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What it did not say is not known either way.
            let _ = specified.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut git = Self {
            root: root.to_owned(),
            child,
            ask: Some(ask),
            answer: BufReader::new(answer),
            specified: Some(specified),
            head: String::new(),
            trees: BTreeMap::new(),
        };
        match git.object(b"HEAD^{tree}") {
            Ok(Some((tree, _))) => {
                git.head = tree;
                Ok(Some(git))
            }
            Ok(None) if has_head(root) => Err(cant_read(root, &lost().to_string())),
            // No commit yet.
            Ok(None) => Ok(None),
            Err(error) => {
                let specified = git.end(&error);
                // An empty directory `.git`, or the file of a worktree whose repository is not on this machine.
                if specified.contains("not a git repository") { Ok(None) } else { Err(cant_read(root, &specified)) }
            }
        }
    }

    /// The content of a file in HEAD. The trees are walked, as a name on a line of its own can have no line feed, and as git says
    /// `missing` of a name that HEAD doesn't have and of an object that the repository has lost.
    fn version(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, Diagnostic> {
        self.walk(path).map_err(|error| {
            let specified = self.end(&error);
            cant_read(&self.root, &specified)
        })
    }

    fn walk(&mut self, path: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut at = self.head.clone();
        let mut parts = path.split(|&b| b == b'/').peekable();
        while let Some(part) = parts.next() {
            let tree = self.tree(&at)?;
            let Some((mode, object)) = tree.get(part) else { return Ok(None) };
            // A symbolic link or a submodule is in the file's place.
            let wanted: &[&[u8]] =
                if parts.peek().is_some() { &[b"40000"] } else { &[b"100644", b"100755", b"100664"] };
            if !wanted.contains(&mode.as_slice()) {
                return Ok(None);
            }
            at = object.clone();
        }
        self.object(at.as_bytes()).and_then(|content| content.ok_or_else(lost)).map(|(_, content)| Some(content))
    }

    /// The entries of a tree: mode and id by name.
    fn tree(&mut self, id: &str) -> io::Result<Rc<Entries>> {
        if let Some(existing) = self.trees.get(id) {
            return Ok(Rc::clone(existing));
        }
        let (_, content) = self.object(id.as_bytes())?.ok_or_else(lost)?;
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

    /// The id and the content of the object of this name.
    fn object(&mut self, name: &[u8]) -> io::Result<Option<(String, Vec<u8>)>> {
        let Some(ask) = &mut self.ask else { return Err(io::ErrorKind::BrokenPipe.into()) };
        ask.write_all(&[name, b"\n"].concat())?;
        ask.flush()?;
        let mut line = Vec::new();
        self.answer.read_until(b'\n', &mut line)?;
        if line.strip_suffix(b" missing\n") == Some(name) {
            return Ok(None);
        }
        let odd = || io::Error::other(String::from_utf8_lossy(&line).trim_end().to_owned());
        let text = std::str::from_utf8(&line).map_err(|_| odd())?;
        // `ID TYPE SIZE`
        let fields: Vec<&str> = text.trim_end().split(' ').collect();
        let [id, "blob" | "tree", size] = fields[..] else { return Err(odd()) };
        let mut content = vec![0; size.parse().map_err(|_| odd())?];
        self.answer.read_exact(&mut content)?;
        self.answer.read_exact(&mut [0])?;
        Ok(Some((id.to_owned(), content)))
    }

    /// Why it failed, in its own words if it has some.
    fn end(&mut self, error: &io::Error) -> String {
        self.ask = None;
        let specified = self.specified.take().and_then(|specified| specified.join().ok()).unwrap_or_default();
        if specified.trim().is_empty() { error.to_string() } else { specified.trim().to_owned() }
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        self.ask = None;
        // It ends when it is asked nothing more.
        let _ = self.child.wait();
    }
}

/// `git` for one repository: none that the environment names, no network and no lock.
pub(super) fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    OF_GIT.iter().for_each(|name| {
        command.env_remove(name);
    });
    // A partial clone would fetch what is missing.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "").env("GIT_OPTIONAL_LOCKS", "0");
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    let mut directory = OsString::from("--git-dir=");
    directory.push(root.join(".git"));
    command.current_dir(root).arg(directory);
    command
}

/// Whether HEAD names a commit, be it there or not.
fn has_head(root: &Path) -> bool {
    let mut command = git(root);
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
        .help(format!("git says: {}", escape_control(why.lines().next().unwrap_or_default())))
        .help("whether a cluster that would change account is there already is not known; make `git log` work there and run again")
}
