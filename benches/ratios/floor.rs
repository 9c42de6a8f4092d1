//! The floors: the minimum that a program has to do for a case. Each is a process of its own, as the tool is: this
//! program, called with `--floor NAME PATH…`.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::data::files;

pub(crate) fn command(name: &str, paths: &[&Path]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--floor", name]).args(paths);
    command
}

pub(crate) fn run(name: &str, paths: &[PathBuf]) {
    match (name, paths) {
        // `cp`, and fsync of the copy.
        ("copy", [from, to]) => {
            let _ = fs::remove_file(to);
            fs::copy(from, to).unwrap();
            File::open(to).unwrap().sync_all().unwrap();
        }
        ("read", [tree]) => files(tree).for_each(|path| drop(black_box(fs::read(path).unwrap()))),
        // The same number of bytes to the same number of new files, and one sync for all.
        ("write", [tree, to]) => {
            let to = to.join(std::process::id().to_string());
            write(tree, &to, "");
            sync(&to);
        }
        // The same to temporary files next to the existing ones, which are then renamed over them.
        ("replace", [tree, to]) => {
            let written = write(tree, to, ".floor");
            sync(to);
            written.iter().for_each(|path| fs::rename(path, path.with_extension("")).unwrap());
            sync(to);
        }
        _ => panic!("no floor {name} of {} paths", paths.len()),
    }
}

/// Writes as many bytes as the files of `tree` have, to files of the same names plus an extension.
fn write(tree: &Path, to: &Path, extension: &str) -> Vec<PathBuf> {
    let bytes = vec![b'x'; 1 << 20];
    let one = |path: PathBuf| {
        let size = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        let mut to = to.join(path.strip_prefix(tree).unwrap()).into_os_string();
        to.push(extension);
        let to = PathBuf::from(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, &bytes[..size]).unwrap();
        to
    };
    files(tree).map(one).collect()
}

/// Flushes all that the system has not written yet, so that a measured write pays only for itself.
pub(crate) fn sync(path: &Path) {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(path).unwrap()).unwrap();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        rustix::fs::sync();
    }
}
