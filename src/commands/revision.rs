//! Manifests as a Git revision has them, read with the `git` on PATH.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use super::head::git;
use xaccount::diag::{Diagnostic, escape_control};

/// What `--against` names.
pub(crate) enum Against {
    Paths(Vec<PathBuf>),
    Revision(String),
}

impl Against {
    /// Tells paths from a revision: `git:REV` is a revision, and what begins with `.` or `/` is a path.
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

/// The revision that a value names; `None` where it is a path.
fn revision_of(value: &Path, inputs: &[PathBuf]) -> Result<Option<String>, Diagnostic> {
    let Some(text) = value.to_str() else { return Ok(None) };
    if let Some(revision) = text.strip_prefix("git:") {
        return Ok(Some(revision.to_owned()));
    }
    let is_path = text == "-" || text.is_empty() || text.starts_with(['.', '/']) || value.is_absolute();
    if is_path {
        return Ok(None);
    }
    let names_commit = repository(inputs).is_ok_and(|root| commit(&root, text).is_some());
    match (value.exists(), names_commit) {
        (true, false) => Ok(None),
        (false, true) => Ok(Some(text.to_owned())),
        (true, true) => Err(Diagnostic::error(format!("'{}' is a path and a Git revision", escape_control(text)))
            .help(format!("for the revision: --against git:{text}"))
            .help(format!("for the path: --against ./{text}"))),
        (false, false) => {
            Err(Diagnostic::error(format!("'{}' is neither a path nor a Git revision", escape_control(text)))
                .help("check the spelling; git log --oneline lists revisions"))
        }
    }
}

/// A copy of the inputs as a revision has them. It is removed with this value.
pub(crate) struct Checkout {
    directory: TempDir,
    /// The inputs in the copy, as far as the revision has them.
    pub(crate) paths: Vec<PathBuf>,
    revision: String,
}

impl Checkout {
    /// The name of a file of the copy: `main:clusters/dev/a.yaml`.
    pub(crate) fn name(&self, copy: &str) -> String {
        let below = Path::new(copy).strip_prefix(self.directory.path()).unwrap_or(Path::new(copy));
        format!("{}:{}", self.revision, below.display())
    }

    /// A message with the names that files have in the revision.
    pub(crate) fn renamed(&self, message: &str) -> String {
        message.replace(&format!("{}/", self.directory.path().display()), &format!("{}:", self.revision))
    }

    /// Copies the manifests below these paths, and all kustomizations of the repository, which say what is a patch.
    ///
    /// # Errors
    /// The inputs are not in one repository, the revision does not exist, or `git` fails.
    pub(crate) fn of(revision: &str, inputs: &[PathBuf]) -> Result<Self, Diagnostic> {
        let root = repository(inputs)?;
        let shown = escape_control(revision).into_owned();
        let Some(commit) = commit(&root, revision) else {
            return Err(Diagnostic::error(format!("--against: '{shown}' is not a Git revision of {}", root.display()))
                .help("check the spelling; git log --oneline lists revisions"));
        };
        let failed = |error: io::Error| {
            Diagnostic::error(format!("git can't read {shown} of {}: {error}", root.display()))
                .help("git log --oneline must work there")
        };
        let wanted: Vec<PathBuf> = inputs.iter().filter_map(|path| below(path, &root)).collect();
        let directory = TempDir::new().map_err(failed)?;
        // The search for kustomizations and the account map ends at the root of the repository.
        std::fs::create_dir(directory.path().join(".git")).map_err(failed)?;
        let files = listed(&root, &commit, &wanted).map_err(failed)?;
        copy(&root, &files, directory.path()).map_err(failed)?;
        let paths = wanted.iter().map(|path| directory.path().join(path)).filter(|path| path.exists()).collect();
        Ok(Self { directory, paths, revision: revision.to_owned() })
    }
}

/// A file of a revision.
struct Blob {
    path: PathBuf,
    id: String,
}

/// The manifests of a commit below some paths, and its kustomizations. Links are not followed.
fn listed(root: &Path, commit: &str, wanted: &[PathBuf]) -> io::Result<Vec<Blob>> {
    let output = git(root).args(["ls-tree", "-r", "-z", "--full-tree", commit]).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(said(&output.stderr));
    }
    let is_wanted = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_kustomization = matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization");
        let is_manifest = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        let is_named = wanted.iter().any(|wanted| path == wanted);
        is_kustomization || is_named || is_manifest && wanted.iter().any(|wanted| path.starts_with(wanted))
    };
    // `100644 blob ID<TAB>PATH<NUL>`
    let blob = |line: &[u8]| {
        let tab = line.iter().position(|&byte| byte == b'\t')?;
        let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
        let (mode, kind, id) = (words.next()?, words.next()?, words.next()?);
        let path = PathBuf::from(String::from_utf8_lossy(&line[tab + 1..]).into_owned());
        // A path that leads out of the copy is in no tree that Git made.
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let is_file = kind == "blob" && mode.starts_with("100");
        (is_file && plain && is_wanted(&path)).then(|| Blob { path, id: id.to_owned() })
    };
    Ok(output.stdout.split(|&byte| byte == 0).filter_map(blob).collect())
}

/// Writes the files into a directory.
fn copy(root: &Path, files: &[Blob], to: &Path) -> io::Result<()> {
    // A file instead of a pipe: git would stop reading while its own answers wait to be read.
    let ids: String = files.iter().map(|file| format!("{}\n", file.id)).collect();
    let mut asked = tempfile::tempfile()?;
    asked.write_all(ids.as_bytes())?;
    io::Seek::rewind(&mut asked)?;
    let mut command = git(root);
    command.args(["cat-file", "--batch"]).stdin(asked).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let Some(answer) = child.stdout.take() else { return Err(io::Error::other("git has no output")) };
    let mut answer = BufReader::new(answer);
    let result = files.iter().try_for_each(|file| {
        // `ID blob LENGTH`, the content, a line end.
        let mut line = String::new();
        answer.read_line(&mut line)?;
        let length = line.trim_end().rsplit(' ').next().and_then(|length| length.parse::<u64>().ok());
        let Some(length) = length.filter(|_| line.contains(" blob ")) else {
            return Err(io::Error::other(format!("{} is missing or broken", file.path.display())));
        };
        let path = to.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        io::copy(&mut answer.by_ref().take(length), &mut File::create(path)?)?;
        answer.read_exact(&mut [0])
    });
    drop(answer);
    let status = child.wait()?;
    result.and_then(|()| if status.success() { Ok(()) } else { Err(io::Error::other("git failed")) })
}

fn said(stderr: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(stderr);
    io::Error::other(text.lines().next().unwrap_or("git failed").to_owned())
}

/// The root of the repository that the inputs are in.
fn repository(inputs: &[PathBuf]) -> Result<PathBuf, Diagnostic> {
    let root = |path: &PathBuf| {
        let whole = path.canonicalize().ok()?;
        whole.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
    };
    let mut found: Option<PathBuf> = None;
    for path in inputs {
        let Some(own) = root(path) else {
            return Err(Diagnostic::error(format!("{} is not in a Git repository", path.display()))
                .help("--against REV compares with files of a Git revision; name paths to compare with instead"));
        };
        if found.as_ref().is_some_and(|found| *found != own) {
            return Err(Diagnostic::error("these files are in two Git repositories: --against REV reads one")
                .help("run once for each"));
        }
        found = Some(own);
    }
    found.ok_or_else(|| Diagnostic::error("--against REV needs files in a Git repository"))
}

/// A path from the root of the repository.
fn below(path: &Path, root: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()?.strip_prefix(root).ok().map(Path::to_owned)
}

/// The id of the commit that a revision names.
fn commit(root: &Path, revision: &str) -> Option<String> {
    let mut command = git(root);
    command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]);
    let output = command.stdin(Stdio::null()).output().ok()?;
    let id = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| id.trim().to_owned())
}
