//! Manifests as a Git revision has them, read with the `git` on PATH. Nothing is written, and no program of the
//! repository's configuration runs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use super::git::{self, Objects, root_above};
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files::is_manifest;
use xaccount::kustomize::{is_kustomization, kustomization};
use xaccount::session::path_bytes;

/// Links are followed so many times.
const MOST_LINKS: usize = 8;

/// Refuses standard input as both states.
///
/// # Errors
/// It is named more than once.
pub(crate) fn refuse_stdin_twice(inputs: &[PathBuf], against: &[PathBuf]) -> Result<(), Diagnostic> {
    if inputs.iter().chain(against).filter(|path| path.as_os_str() == "-").count() > 1 {
        let error = Diagnostic::error("standard input is named twice, but it can be read only once");
        return Err(error.help("keep one of them in a file"));
    }
    Ok(())
}

/// The value of `--against`.
pub(crate) enum Against {
    Paths(Vec<PathBuf>),
    Revision(String),
}

impl Against {
    /// Distinguishes paths from a revision: `git:REV` is a revision, and what begins with `.` or `/` is a path.
    ///
    /// # Errors
    /// A name that is both or neither, and a revision with anything next to it.
    pub(crate) fn of(values: &[PathBuf], inputs: &[PathBuf]) -> Result<Self, Diagnostic> {
        let mut revisions = Vec::new();
        for value in values {
            revisions.extend(revision_of(value, inputs)?);
        }
        match revisions.as_slice() {
            [] => Ok(Self::Paths(values.to_owned())),
            [only] if values.len() == 1 => Ok(Self::Revision(only.clone())),
            _ => Err(Diagnostic::error("--against takes one Git revision, or files and directories")
                .help("--against main")
                .help("--against ../main/clusters")),
        }
    }
}

/// The revision that a value names; `None` if it is a path.
fn revision_of(value: &Path, inputs: &[PathBuf]) -> Result<Option<String>, Diagnostic> {
    let Some(text) = value.to_str() else { return Ok(None) };
    if let Some(revision) = text.strip_prefix("git:") {
        return Ok(Some(revision.to_owned()));
    }
    if text == "-" || text.is_empty() || text.starts_with(['.', '/']) || value.is_absolute() {
        return Ok(None);
    }
    let shown = escape_control(text);
    let repository = Repository::of(inputs);
    let names_commit = match &repository {
        Ok(repository) => repository.commit(text)?.is_some(),
        Err(_) => false,
    };
    match (value.exists(), names_commit) {
        (true, false) => Ok(None),
        (false, true) => Ok(Some(text.to_owned())),
        (true, true) => Err(Diagnostic::error(format!("'{shown}' is a path and a Git revision"))
            .help(format!("for the revision: --against git:{text}"))
            .help(format!("for the path: --against ./{text}"))),
        (false, false) => Err(match repository {
            Ok(_) => Diagnostic::error(format!("'{shown}' is neither a path nor a Git revision"))
                .help("check the spelling; to list revisions: git log --oneline"),
            Err(error) => {
                Diagnostic::error(format!("'{shown}' does not exist, and can't be a Git revision")).help(error.message)
            }
        }),
    }
}

/// The inputs of a run as a revision has them.
#[derive(Default)]
pub(crate) struct Revision {
    /// Names, as `git:main/clusters/a.yaml`, and contents. Kustomizations of the whole repository are among them, because they
    /// decide which files are patches.
    pub(crate) files: Vec<(String, Arc<Vec<u8>>)>,
    /// What the revision may have and can't be read.
    pub(crate) unread: Vec<Diagnostic>,
    /// The root of the repository, canonical.
    pub(crate) root: PathBuf,
}

/// What happens to inputs that a revision does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingInputs {
    /// They are reported, and if all are missing, that is an error.
    Reported,
    /// They are new, or have another name now: what the revision has and the work tree does not is read, too.
    New,
}

impl Revision {
    /// Reads the manifests at these paths.
    ///
    /// # Errors
    /// The inputs are not in one repository, the revision does not exist or has none of the inputs, or `git` fails.
    pub(crate) fn read(
        revision: &str,
        inputs: &[PathBuf],
        recursive: bool,
        missing: MissingInputs,
    ) -> Result<Self, Diagnostic> {
        let repository = Repository::of(inputs)?;
        let shown = escape_control(revision).into_owned();
        let Some(commit) = repository.commit(revision)? else {
            return Err(Diagnostic::error(format!(
                "--against: '{shown}' is not a Git revision of {}",
                repository.root.display()
            ))
            .help("check the spelling; to list revisions: git log --oneline"));
        };
        let tree = repository.tree(&commit)?;
        let wanted = Wanted::new(inputs, &repository.root, recursive);
        let mut read = Self { root: repository.root.clone(), ..Self::default() };
        let is_missing = wanted.paths.iter().any(|path| !tree.has(path));
        if missing == MissingInputs::Reported {
            read.report_missing(&shown, &wanted, &tree)?;
        }
        let reads_removed = is_missing && missing == MissingInputs::New;
        let mut objects = Objects::start(&repository.root).map_err(|error| repository.failed(&error))?;
        for (path, entry) in &tree.0 {
            let name = || name_in(&shown, path);
            let text = String::from_utf8_lossy(path);
            match entry.kind {
                TreeEntryKind::File
                    if wanted.has(path)
                        || is_kustomization(&text)
                        || reads_removed && is_removed(&repository.root, &text) =>
                {
                    read.files.push((name(), Arc::new(repository.content(&mut objects, &entry.id)?)));
                }
                TreeEntryKind::Link if wanted.has(path) => match repository.resolved(&mut objects, &tree, path)? {
                    Some(content) => read.files.push((name(), Arc::new(content))),
                    None => read.unread.push(Diagnostic::warning(format!(
                        "{} is a link to something outside of the repository or to a missing file",
                        name()
                    ))),
                },
                TreeEntryKind::Submodule if wanted.reaches(path) => read.unread.push(Diagnostic::warning(format!(
                    "{} is a submodule, whose files --against REV does not read",
                    name()
                ))),
                _ => {}
            }
        }
        read.add_parts(&shown, &repository, &tree, &mut objects)?;
        Ok(read)
    }

    /// Adds the files that kustomizations name as patches or configurations: they decide what becomes of the objects.
    fn add_parts(
        &mut self,
        revision: &str,
        repository: &Repository,
        tree: &CommitTree,
        objects: &mut Objects,
    ) -> Result<(), Diagnostic> {
        let root = format!("{}/", root_in(revision));
        let kustomizations = self.files.iter().filter(|(name, _)| is_kustomization(name));
        let read = kustomizations.filter_map(|(name, bytes)| kustomization(None, name, name, bytes).ok());
        let mut parts: BTreeSet<String> = read.flat_map(|one| one.parts()).collect();
        parts.retain(|part| !self.files.iter().any(|(name, _)| name == part));
        for name in parts {
            let entry = name.strip_prefix(&root).and_then(|path| tree.0.get(path.as_bytes()));
            if let Some(TreeEntry { kind: TreeEntryKind::File, id }) = entry {
                self.files.push((name, Arc::new(repository.content(objects, id)?)));
            }
        }
        Ok(())
    }

    /// Notes the inputs that the revision does not have: their clusters would look new.
    fn report_missing(&mut self, revision: &str, wanted: &Wanted, tree: &CommitTree) -> Result<(), Diagnostic> {
        let missing: Vec<&Vec<u8>> = wanted.paths.iter().filter(|path| !tree.has(path)).collect();
        let shown = |path: &[u8]| escape_control(&String::from_utf8_lossy(path)).into_owned();
        if missing.len() == wanted.paths.len()
            && let Some(first) = missing.first()
        {
            return Err(Diagnostic::error(format!("{} does not exist in {revision}", shown(first)))
                .help("if it was moved, pass its old path too, or compare with a checkout: --against PATH"));
        }
        self.unread.extend(missing.into_iter().map(|path| {
            Diagnostic::warning(format!("{} does not exist in {revision}: its clusters may have moved", shown(path)))
        }));
        Ok(())
    }
}

/// The name of a revision's root: `git:main`.
pub(crate) fn root_in(revision: &str) -> String {
    format!("git:{}", escape_control(revision))
}

/// The name of a file of a revision: `git:main/clusters/a.yaml`. The revision is a directory in it, so that kustomizations
/// find their files by relative paths.
fn name_in(revision: &str, path: &[u8]) -> String {
    format!("{}/{}", root_in(revision), escape_control(&String::from_utf8_lossy(path)))
}

/// Whether a manifest of a revision is no longer in the work tree.
fn is_removed(root: &Path, path: &str) -> bool {
    is_manifest(Path::new(path)) && !root.join(path).exists()
}

/// The inputs, as paths from the root of the repository.
struct Wanted {
    paths: HashSet<Vec<u8>>,
    recursive: bool,
}

impl Wanted {
    fn new(inputs: &[PathBuf], root: &Path, recursive: bool) -> Self {
        let below = |path: &PathBuf| Some(path_bytes(path.canonicalize().ok()?.strip_prefix(root).ok()?).into_owned());
        Self { paths: inputs.iter().filter_map(below).collect(), recursive }
    }

    /// Whether a file of the tree is one of the inputs.
    fn has(&self, path: &[u8]) -> bool {
        let is_below = |path: &[u8]| match self.recursive {
            true => above(path).any(|directory| self.paths.contains(directory)),
            false => above(path).next().is_some_and(|directory| self.paths.contains(directory)),
        };
        self.paths.contains(path) || is_manifest(Path::new(&*String::from_utf8_lossy(path))) && is_below(path)
    }

    /// Whether a directory of the tree can contain an input.
    fn reaches(&self, directory: &[u8]) -> bool {
        self.paths.contains(directory)
            || self.recursive && above(directory).any(|directory| self.paths.contains(directory))
            || self.paths.iter().any(|path| above(path).any(|above| above == directory))
    }
}

/// The directories that a path is in, the nearest first, the root as an empty path last.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = (!path.is_empty()).then_some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let directory = path.iter().rposition(|&byte| byte == b'/').map_or(&path[..0], |slash| &path[..slash]);
        rest = (!directory.is_empty()).then_some(directory);
        Some(directory)
    })
}

/// The kind of an entry of a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TreeEntryKind {
    File,
    Link,
    Submodule,
}

struct TreeEntry {
    kind: TreeEntryKind,
    id: String,
}

/// All files of a commit, by path.
struct CommitTree(BTreeMap<Vec<u8>, TreeEntry>);

impl CommitTree {
    /// Whether there is a file at a path, or a file below it.
    fn has(&self, path: &[u8]) -> bool {
        let below = [path, b"/"].concat();
        path.is_empty()
            || self.0.contains_key(path)
            || self.0.range(below.clone()..).next().is_some_and(|(first, _)| first.starts_with(&below))
    }
}

/// A repository.
struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository that all inputs are in.
    fn of(inputs: &[PathBuf]) -> Result<Self, Diagnostic> {
        if inputs.iter().any(|path| path.as_os_str() == "-") {
            return Err(Diagnostic::error("--against REV needs files: standard input has no path in Git"));
        }
        let mut roots: HashSet<PathBuf> = HashSet::new();
        let mut known: HashSet<PathBuf> = HashSet::new();
        for path in inputs {
            let Ok(whole) = path.canonicalize() else { continue };
            let directory = if whole.is_dir() { whole.as_path() } else { whole.parent().unwrap_or(&whole) };
            if !known.insert(directory.to_owned()) {
                continue;
            }
            let root = root_above(directory);
            let Some(root) = root else {
                return Err(Diagnostic::error(format!("{} is not in a Git repository", path.display()))
                    .help("to compare with files: --against PATH"));
            };
            roots.insert(root.to_owned());
        }
        let mut roots = roots.into_iter();
        match (roots.next(), roots.next()) {
            (Some(root), None) => Ok(Self { root }),
            (None, _) => Err(Diagnostic::error("--against REV needs files in a Git repository")),
            (Some(_), Some(_)) => {
                Err(Diagnostic::error("these files are in two Git repositories, and --against REV reads one")
                    .help("run once for each"))
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Diagnostic {
        let root = escape_control(&self.root.display().to_string()).into_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Diagnostic::error("git is not on PATH, and --against REV needs it"),
            _ => Diagnostic::error(format!("git can't read {root}: {error}"))
                .help("it must work there: git log --oneline"),
        }
    }

    /// The id of the commit that a revision names; `None` if there is none.
    fn commit(&self, revision: &str) -> Result<Option<String>, Diagnostic> {
        let mut command = git::command(&self.root);
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]);
        let output = command.stdin(Stdio::null()).output().map_err(|error| self.failed(&error))?;
        // 1 is the answer no; anything else is a repository that can't be read.
        match output.status.code() {
            Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
            Some(1) => Ok(None),
            _ if String::from_utf8_lossy(&output.stderr).contains("Needed a single revision") => Ok(None),
            _ => Err(self.failed(&first_line(&output.stderr))),
        }
    }

    /// The files of a commit.
    fn tree(&self, commit: &str) -> Result<CommitTree, Diagnostic> {
        let mut command = git::command(&self.root);
        command.args(["ls-tree", "-r", "-z", "--full-tree", commit]);
        let output = command.stdin(Stdio::null()).output().map_err(|error| self.failed(&error))?;
        if !output.status.success() {
            return Err(self.failed(&first_line(&output.stderr)));
        }
        // `100644 blob ID<TAB>PATH<NUL>`
        let entry = |line: &[u8]| {
            let tab = line.iter().position(|&byte| byte == b'\t')?;
            let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
            let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
            let kind = match mode {
                "120000" => TreeEntryKind::Link,
                "160000" => TreeEntryKind::Submodule,
                _ => TreeEntryKind::File,
            };
            Some((line[tab + 1..].to_owned(), TreeEntry { kind, id: id.to_owned() }))
        };
        Ok(CommitTree(output.stdout.split(|&byte| byte == 0).filter_map(entry).collect()))
    }

    /// The content that a link leads to; `None` if it is not a file of the tree.
    fn resolved(&self, objects: &mut Objects, tree: &CommitTree, link: &[u8]) -> Result<Option<Vec<u8>>, Diagnostic> {
        let mut path = link.to_owned();
        for _ in 0..MOST_LINKS {
            let Some(TreeEntry { kind, id }) = tree.0.get(&path) else { return Ok(None) };
            match kind {
                TreeEntryKind::File => return self.content(objects, id).map(Some),
                TreeEntryKind::Link => {
                    let target = self.content(objects, id)?;
                    let Some(next) = joined(&path, &target) else { return Ok(None) };
                    path = next;
                }
                TreeEntryKind::Submodule => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The content of the blob with this id.
    fn content(&self, objects: &mut Objects, id: &str) -> Result<Vec<u8>, Diagnostic> {
        match objects.get(id.as_bytes(), "blob") {
            Ok(Some((_, content))) => Ok(content),
            Ok(None) | Err(_) => Err(self.failed(&io::Error::other(format!("the object {id} is missing or broken")))),
        }
    }
}

/// The path that a link leads to, from the root of the tree; `None` if it leads out of the tree.
fn joined(link: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    if target.starts_with(b"/") {
        return None;
    }
    let directory = above(link).next().unwrap_or_default();
    let mut parts: Vec<&[u8]> = directory.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

fn first_line(stderr: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(stderr);
    io::Error::other(escape_control(text.lines().next().unwrap_or("git failed")).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_inside_of_the_tree() {
        let joined = |link: &str, target: &str| {
            joined(link.as_bytes(), target.as_bytes()).map(|path| String::from_utf8(path).unwrap())
        };
        assert_eq!(joined("a/l.yaml", "../shared/./x.yaml").as_deref(), Some("shared/x.yaml"));
        assert_eq!(joined("l.yaml", "x.yaml").as_deref(), Some("x.yaml"));
        assert_eq!(joined("a/l.yaml", "../../x.yaml"), None);
        assert_eq!(joined("a/l.yaml", "/etc/x.yaml"), None);
    }

    #[test]
    fn only_the_named_directory_is_read_without_recursion() {
        let wanted =
            |recursive| Wanted { paths: HashSet::from([b"clusters".to_vec(), b"x/a.txt".to_vec()]), recursive };
        for (path, flat, deep) in [
            ("clusters/a.yaml", true, true),
            ("clusters/b/a.yaml", false, true),
            ("clusters/a.txt", false, false),
            ("clusters2/a.yaml", false, false),
            ("x/a.txt", true, true),
        ] {
            assert_eq!(wanted(false).has(path.as_bytes()), flat, "{path}");
            assert_eq!(wanted(true).has(path.as_bytes()), deep, "{path}");
        }
        let everything = Wanted { paths: HashSet::from([Vec::new()]), recursive: true };
        assert!(everything.has(b"a/b.yaml") && everything.has(b"b.yaml"));
    }
}
