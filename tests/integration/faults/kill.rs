//! The program is killed while it writes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::suite::say;

const FILES: usize = 500;
const DIRECTORIES: usize = 5;
const KILLS: usize = 40;
const MODE: u32 = 0o640;
const NAME: &str = "cross-account-role-222222222222";
const LINE: &str = "-q -R . --identity-file identities.yaml --write";

/// The moment at which the program is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// This long after its start.
    After(Duration),
    /// When a temporary file exists for the file at this many thousandths of the files that are still old.
    Staged(usize),
    /// When the file at this position has its new content.
    Renamed(usize),
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

struct Tree {
    home: tempfile::TempDir,
    /// In the order in which they are renamed.
    files: Vec<PathBuf>,
}

/// The state that a killed run left.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    old: usize,
    new: usize,
    temporary: usize,
}

impl Tree {
    fn new() -> Self {
        // In memory if possible: the program syncs, and on a busy disk a run then takes seconds. What a kill leaves is
        // the same.
        let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path =
            |n: usize| PathBuf::from(format!("d{}/c{:03}.yaml", n / (FILES / DIRECTORIES), n % (FILES / DIRECTORIES)));
        let tree = Self { home, files: (0..FILES).map(path).collect() };
        for n in 0..DIRECTORIES {
            fs::create_dir(tree.root().join(format!("d{n}"))).unwrap();
        }
        tree.reset();
        tree
    }

    fn root(&self) -> &Path {
        self.home.path()
    }

    fn name(n: usize) -> String {
        format!("cluster-{n}")
    }

    fn reset(&self) {
        let _ = fs::remove_file(self.root().join("identities.yaml"));
        for (n, file) in self.files.iter().enumerate() {
            let path = self.root().join(file);
            fs::write(&path, old(&Self::name(n))).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(MODE)).unwrap();
        }
    }

    /// Checks that everything is as after an undisturbed run, and that there are no other files.
    fn assert_complete(&self, what: &str) {
        let left = self.examine(what);
        assert_eq!((left.old, left.new, left.temporary), (0, FILES, 0), "{what}");
        assert_eq!(fs::read_to_string(self.root().join("identities.yaml")).unwrap(), IDENTITY, "{what}");
    }

    /// Checks that each file is whole, old or new, that no reference names a missing identity, and that all other files
    /// are temporary files that no program reads as manifests.
    fn examine(&self, what: &str) -> Left {
        let mut left = Left::default();
        for (n, file) in self.files.iter().enumerate() {
            let path = self.root().join(file);
            let text = fs::read_to_string(&path).unwrap();
            if text == old(&Self::name(n)) {
                left.old += 1;
            } else if text == new(&Self::name(n)) {
                left.new += 1;
            } else {
                panic!("{what}: {} is neither old nor new:\n{text}", file.display());
            }
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, MODE, "{what}: {}", file.display());
        }
        let mut known = 0;
        for (path, thing) in self.entries() {
            let name = path.file_name().unwrap();
            if self.files.binary_search(&path).is_ok() {
                known += 1;
            } else if path.as_os_str() == "identities.yaml" {
                assert!(matches!(&thing, Thing::File(text, _) if text == IDENTITY), "{what}: {thing:?}");
            } else if let (Thing::File(_, mode), true) = (&thing, is_temporary(name)) {
                // A temporary file must not be readable by more users than its target.
                let public = name.as_bytes().starts_with(b".identities.yaml.");
                assert!(public || mode & !MODE == 0, "{what}: {} has mode {mode:o}", path.display());
                left.temporary += 1;
            } else {
                panic!("{what}: {} is left over", path.display());
            }
        }
        assert_eq!(known, FILES, "{what}");
        let identity = fs::read_to_string(self.root().join("identities.yaml")).is_ok_and(|text| text == IDENTITY);
        assert!(identity || left.new == 0, "{what}: {} references, and their identity is missing", left.new);
        left
    }

    /// All files by their paths.
    fn entries(&self) -> impl Iterator<Item = (PathBuf, Thing)> {
        snapshot(self.root()).into_iter().filter(|(_, thing)| *thing != Thing::Directory)
    }

    /// Runs undisturbed to the end.
    fn complete(&self, what: &str) {
        let output = run(&mut inject(self.root(), LINE));
        assert_eq!(output.status.code(), Some(0), "{what}: {}", stderr(&output));
        self.assert_complete(what);
    }

    /// Starts a run and kills it at that moment. Returns false if the run ended first.
    fn kill(&self, moment: Moment) -> bool {
        let is_old = |n: &usize| fs::read_to_string(self.root().join(&self.files[*n])).unwrap() == old(&Self::name(*n));
        let remaining: Vec<usize> = (0..FILES).filter(is_old).collect();
        let mut command = inject(self.root(), LINE);
        let watched = match moment {
            Moment::Staged(part) | Moment::Renamed(part) => {
                self.root().join(&self.files[remaining[remaining.len() * part / 1000]])
            }
            Moment::After(_) => PathBuf::new(),
        };
        let stale = temporary_of(&watched);
        let before = fs::metadata(&watched).map_or(0, |metadata| metadata.ino());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        match moment {
            Moment::After(time) => std::thread::sleep(time),
            Moment::Staged(_) => {
                watch(&mut child, started, || temporary_of(&watched).iter().any(|name| !stale.contains(name)))
            }
            Moment::Renamed(_) => watch(&mut child, started, || fs::metadata(&watched).unwrap().ino() != before),
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.signal() == Some(9) || status.code() == Some(0), "{moment:?}: {status:?}");
        status.signal().is_some()
    }
}

/// Temporary files of this file.
fn temporary_of(file: &Path) -> Vec<OsString> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Vec::new();
    };
    let start = format!(".{}.", name.to_str().unwrap());
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| is_temporary(name) && name.as_bytes().starts_with(start.as_bytes())).collect()
}

/// Waits until a condition holds, or the child ends.
fn watch(child: &mut Child, started: Instant, so: impl Fn() -> bool) {
    while !so() && child.try_wait().unwrap().is_none() {
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("still running after {LIMIT:?}");
        }
        // A watcher that never sleeps would take the CPU from the process that it watches.
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// `.NAME.RANDOM.xaccount-tmp`: hidden, and without an ending that kubectl, kustomize or an editor reads as a manifest.
fn is_temporary(name: &OsStr) -> bool {
    let name = name.to_str().unwrap();
    name.starts_with('.') && name.contains(".yaml.") && name.ends_with(".xaccount-tmp")
}

#[test]
fn a_run_that_is_killed_leaves_whole_files_and_the_next_run_completes_the_work() {
    let seed = match std::env::var("XACCOUNT_FAULT_SEED") {
        Ok(seed) => seed.parse().expect("XACCOUNT_FAULT_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64,
    };
    let mut random = Random(seed);
    let tree = Tree::new();
    let started = Instant::now();
    tree.complete("undisturbed");
    let duration = started.elapsed();

    let (mut runs, mut killed, mut middle, mut mixed, mut littered, mut twice) = (0, 0, 0, 0, 0, 0);
    let mut again = false;
    // Some runs are over before they are killed.
    while killed < KILLS && runs < 2 * KILLS {
        let moment = match runs % 3 {
            0 => Moment::After(Duration::from_nanos(random.below(duration.as_nanos() as u64))),
            1 => Moment::Staged(random.below(1000) as usize),
            // Not the last ones: more files are renamed between the check and the kill.
            _ => Moment::Renamed(random.below(500) as usize),
        };
        let what = format!("XACCOUNT_FAULT_SEED={seed}, run {runs}, {moment:?}");
        if !again {
            tree.reset();
        }
        runs += 1;
        killed += usize::from(tree.kill(moment));
        let left = tree.examine(&what);
        mixed += usize::from(left.old > 0 && left.new > 0);
        littered += usize::from(left.temporary > 0);
        middle += usize::from(left.temporary > 0 || (left.old > 0 && left.new > 0));
        // Most of the runs that should complete it are killed as well, at the next moment; so is one with nothing to
        // complete because nothing was written.
        let untouched = left.new == 0 && left.temporary == 0;
        again = left.old > 0 && (untouched || random.below(3) > 0);
        twice += usize::from(again && left.temporary > 0);
        if !again {
            tree.complete(&what);
        }
    }
    say(&format!(
        "killed {killed} of {runs} runs: {middle} in the middle of writing, {mixed} of them with old and new files, \
         {littered} with temporary files left; {twice} were killed again before the work was completed"
    ));
    let what = format!("XACCOUNT_FAULT_SEED={seed}: {killed} killed, {middle} in the middle, {mixed} mixed");
    assert!(killed >= KILLS && middle >= KILLS / 2 && mixed >= KILLS / 5, "{what}");
    // Nothing is left to do.
    tree.complete(&what);
    let output = run(&mut inject(tree.root(), "-R . --identity-file identities.yaml --check"));
    done(&output);
    assert_eq!(output.stdout, b"");
}

/// The reverse: `eject` removes the identity last.
#[test]
fn a_killed_eject_leaves_no_reference_without_its_identity() {
    let tree = Tree::new();
    let line = format!("-q -R . --identity-file identities.yaml --identity-name {NAME} --write");
    let command = || {
        let mut command = xaccount();
        command.current_dir(tree.root()).arg("eject").args(line.split_whitespace()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let reset = || {
        fs::write(tree.root().join("identities.yaml"), IDENTITY).unwrap();
        for (n, file) in tree.files.iter().enumerate() {
            fs::write(tree.root().join(file), new(&Tree::name(n))).unwrap();
        }
    };
    let pointed = || {
        let texts = tree.files.iter().map(|file| fs::read_to_string(tree.root().join(file)).unwrap());
        texts.filter(|text| text.contains("identityRef")).count()
    };
    let there = || fs::read_to_string(tree.root().join("identities.yaml")).unwrap() == IDENTITY;
    let (mut mixed, mut runs) = (0, 0);
    while mixed < KILLS / 4 && runs < 4 * KILLS {
        reset();
        // At a rename: of the first file, or of a later one.
        let watched = tree.root().join(&tree.files[(runs * 37) % (FILES / 2)]);
        let before = fs::metadata(&watched).unwrap().ino();
        let mut child = command().spawn().unwrap();
        watch(&mut child, Instant::now(), || fs::metadata(&watched).unwrap().ino() != before);
        child.kill().unwrap();
        child.wait().unwrap();
        let left = pointed();
        assert!(there() || left == 0, "{left} references, and their identity is missing");
        mixed += usize::from(left > 0 && left < FILES);
        runs += 1;
    }
    assert!(mixed >= KILLS / 4, "only {mixed} of {runs} runs were killed between two renames");
    assert!(command().status().unwrap().success());
    assert_eq!((pointed(), there()), (0, false));
}
