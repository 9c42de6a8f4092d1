//! git and GNU patch, and the comparison of a patched file with the one that `--write` writes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::cases::{Tree, execute, read_tree, words, write_tree};

/// A program that applies patches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Applier {
    Git,
    GnuPatch,
}

impl Applier {
    pub(super) const ALL: [Self; 2] = [Self::Git, Self::GnuPatch];

    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::GnuPatch => "patch",
        }
    }

    /// Whether the program is installed; BSD's `patch` is another program.
    pub(super) fn is_installed(self) -> bool {
        static GIT: OnceLock<bool> = OnceLock::new();
        static PATCH: OnceLock<bool> = OnceLock::new();
        let there = || {
            let output = Command::new(self.program()).arg("--version").output();
            output
                .is_ok_and(|output| self == Self::Git || String::from_utf8_lossy(&output.stdout).contains("GNU patch"))
        };
        match self {
            Self::Git => *GIT.get_or_init(there),
            Self::GnuPatch => *PATCH.get_or_init(there),
        }
    }

    /// Applies a patch in a directory; returns the error, if any.
    pub(super) fn apply(self, directory: &Path, patch: &[u8]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), patch).unwrap();
        let mut command = Command::new(self.program());
        match self {
            Self::Git => git(&mut command).args(["apply", "--whitespace=nowarn"]),
            Self::GnuPatch => command.args(["-p1", "--batch", "--no-backup-if-mismatch", "-i"]),
        };
        let output = command.arg(file.path()).current_dir(directory).stdin(Stdio::null()).output().unwrap();
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
        }
    }
}

/// git without the user's settings, above all without a conversion of line endings.
pub(super) fn git(command: &mut Command) -> &mut Command {
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env_remove("GIT_DIR").args([
        "-c",
        "core.autocrlf=false",
        "-c",
        "core.safecrlf=false",
    ])
}

/// The results of several comparisons.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) applied: usize,
    /// Files whose patch would show a Secret.
    pub(super) unfit: Vec<String>,
    pub(super) skipped: [usize; 2],
    pub(super) failures: Vec<String>,
}

impl Tally {
    /// Compares `args -o patch`, applied, with `args --write`.
    pub(super) fn compare(&mut self, name: &str, files: &Tree, args: &[String]) {
        let run = |mode: &str| {
            let directory = tempfile::tempdir().unwrap();
            write_tree(directory.path(), files);
            let args: Vec<String> = args.iter().cloned().chain(words(mode)).collect();
            let output = execute(directory.path(), &args, b"");
            (output, read_tree(directory.path()))
        };
        let (patch, untouched) = run("-o patch");
        assert_eq!(untouched, *files, "{name}");
        let stderr = String::from_utf8_lossy(&patch.stderr);
        if patch.status.code() == Some(2) && stderr.contains("a patch of") {
            self.unfit.push(name.to_owned());
            return;
        }
        if patch.status.code() != Some(0) {
            self.failures.push(format!("{name}: -o patch: {stderr}"));
            return;
        }
        let (write, written) = run("--write");
        assert_eq!(write.status.code(), Some(0), "{name}");
        for applier in Applier::ALL {
            self.apply(applier, name, &patch.stdout, files, &written);
        }
    }

    /// Compares a patched file with the `written` one.
    pub(super) fn apply(&mut self, applier: Applier, name: &str, patch: &[u8], files: &Tree, written: &Tree) {
        if !applier.is_installed() {
            let index = Applier::ALL.into_iter().position(|one| one == applier).unwrap();
            self.skipped[index] += 1;
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), files);
        let result = applier.apply(directory.path(), patch);
        let after = read_tree(directory.path());
        let why = match result {
            Err(message) => message,
            Ok(()) if after != *written => differing(written, &after),
            Ok(()) => {
                self.applied += 1;
                return;
            }
        };
        let patch = String::from_utf8_lossy(patch);
        self.failures.push(format!("{name}: {}: {why}\n{patch}", applier.program()));
    }

    /// Ends the comparisons: fails with everything that went wrong.
    pub(super) fn end(self) {
        for (applier, skipped) in Applier::ALL.into_iter().zip(self.skipped) {
            if skipped > 0 {
                eprintln!("skipped: no {} ({skipped} comparisons)", applier.program());
            }
        }
        assert!(self.failures.is_empty(), "{} failed:\n{}", self.failures.len(), self.failures.join("\n"));
        assert!(self.applied > 0 || self.skipped != [0, 0], "nothing was applied");
    }
}

fn differing(wanted: &Tree, seen: &Tree) -> String {
    let mut out = String::from("the bytes differ from those of --write:");
    for name in wanted.keys().chain(seen.keys()) {
        if wanted.get(name) != seen.get(name) {
            let text = |tree: &Tree| tree.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            out.push_str(&format!("\n{name}: wanted {:?}\n  seen {:?}", text(wanted), text(seen)));
        }
    }
    out
}
