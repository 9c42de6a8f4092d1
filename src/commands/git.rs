//! The `git` on PATH, which only reads here.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// Variables that Git sets for hooks and other programs that it runs (`git rev-parse --local-env-vars`, v2.39). Each could make
/// `git` read another repository than the one that contains the file.
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

/// The root of the work tree that a directory is in.
pub(super) fn root_above(directory: &Path) -> Option<&Path> {
    directory.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok())
}

/// A `git` command for one repository: independent of the environment's, without network access and locks.
pub(super) fn command(root: &Path) -> Command {
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

/// A running `git cat-file --batch` of one repository.
pub(super) struct Objects {
    child: Child,
    /// `None` after it is closed.
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    /// All that it writes to stderr, after it has ended.
    stderr: Option<JoinHandle<String>>,
}

impl Objects {
    /// # Errors
    /// `git` can't be run; of the kind `NotFound` if it is not on PATH.
    pub(super) fn start(root: &Path) -> io::Result<Self> {
        let mut command = command(root);
        command.args(["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (requests, replies, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(requests), Some(replies), Some(mut stderr)) = (requests, replies, stderr) else {
            return Err(io::Error::other("git has no pipes"));
        };
        // Read in a thread of its own, so that `git` does not block on a pipe full of warnings.
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            // If this fails, what was read until then is enough.
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self { child, requests: Some(requests), replies: BufReader::new(replies), stderr: Some(stderr) })
    }

    /// The id and the content of the object of this name; `None` if the repository does not have it.
    ///
    /// # Errors
    /// `git` ended, or the object is not of this kind (`blob` or `tree`).
    pub(super) fn get(&mut self, name: &[u8], kind: &str) -> io::Result<Option<(String, Vec<u8>)>> {
        let Some(requests) = &mut self.requests else { return Err(io::ErrorKind::BrokenPipe.into()) };
        requests.write_all(&[name, b"\n"].concat())?;
        requests.flush()?;
        let mut line = Vec::new();
        self.replies.read_until(b'\n', &mut line)?;
        if line.strip_suffix(b" missing\n") == Some(name) {
            return Ok(None);
        }
        let odd = || io::Error::other(String::from_utf8_lossy(&line).trim_end().to_owned());
        let text = std::str::from_utf8(&line).map_err(|_| odd())?;
        // `ID TYPE SIZE`
        let fields: Vec<&str> = text.trim_end().split(' ').collect();
        let [id, found, size] = fields[..] else { return Err(odd()) };
        if found != kind {
            return Err(odd());
        }
        let mut content = vec![0; size.parse().map_err(|_| odd())?];
        self.replies.read_exact(&mut content)?;
        self.replies.read_exact(&mut [0])?;
        Ok(Some((id.to_owned(), content)))
    }

    /// Why `git` failed: what it wrote to stderr, or else `error`.
    pub(super) fn end(&mut self, error: &io::Error) -> String {
        self.requests = None;
        let stderr = self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default();
        if stderr.trim().is_empty() { error.to_string() } else { stderr.trim().to_owned() }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.requests = None;
        // It ends when its standard input is closed.
        let _ = self.child.wait();
    }
}
