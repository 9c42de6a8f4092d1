//! Tests of `write.rs` and `target.rs`.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::target::Render;
use super::target::resolve;
use super::write::rename_all;
use super::*;
use lossless_yaml::parallel::with_threads;

fn upper(old: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&old.to_ascii_uppercase())
}

fn fixed(_: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"new\n")
}

/// A replacement of a file that was just read.
fn existing(path: impl Into<PathBuf>) -> Replacement<'static> {
    let path = path.into();
    let expected = Some(read(&path).unwrap().1);
    Replacement { path, expected, known: None, render: &upper }
}

fn new(path: impl Into<PathBuf>) -> Replacement<'static> {
    Replacement { path: path.into(), expected: None, known: None, render: &fixed }
}

fn with<'a>(replacement: Replacement<'_>, render: &'a Render<'a>) -> Replacement<'a> {
    let Replacement { path, expected, .. } = replacement;
    Replacement { path, expected, known: None, render }
}

/// A directory with files `f000`, `f001`, …, each with its name in it.
fn tree(count: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..count).map(|n| directory.path().join(format!("f{n:03}"))).collect();
    for path in &paths {
        fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
    }
    (directory, paths)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// All names, so that a leftover temporary file is found.
fn names(directory: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Root can write everywhere, so that such a test proves nothing.
#[cfg(unix)]
fn skipped_for_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if root {
        let _ = writeln!(io::stderr(), "skipped for root: {test}");
    }
    root
}

#[test]
fn a_file_whose_bytes_are_known_is_compared_with_them() {
    for length in [5, super::content::LARGE + 5] {
        let (directory, paths) = tree(1);
        let path = &paths[0];
        let mut content = vec![b'a'; length];
        fs::write(path, &content).unwrap();
        let (bytes, expected) = read(path).unwrap();
        let replacement =
            || Replacement { path: path.clone(), expected: Some(expected), known: Some(&bytes), render: &upper };

        // Same length and time of the last write: only the last byte differs.
        content[length - 1] = b'b';
        fs::write(path, &content).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(expected.modified).unwrap();
        let error = replace_all(&[replacement()]).unwrap_err();
        assert!(matches!(error, WriteError::Changed { .. }), "{error}");
        assert!(fs::read(path).unwrap() == content);
        assert_eq!(names(directory.path()).len(), 1);

        content[length - 1] = b'a';
        fs::write(path, &content).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(expected.modified).unwrap();
        replace_all(&[replacement()]).unwrap();
        assert!(fs::read(path).unwrap() == vec![b'A'; length]);
        assert_eq!(names(directory.path()).len(), 1);
    }
}

#[test]
fn few_and_many_files_are_replaced() {
    for (count, threads) in
        [(0, 8), (1, 8), (16, 8), (17, 8), (63, 8), (64, 1), (64, 2), (64, 8), (300, 1), (300, 2), (300, 8)]
    {
        let (directory, paths) = tree(count);
        let replacements: Vec<_> = paths.iter().map(existing).collect();
        with_threads(threads, || replace_all(&replacements)).unwrap();
        for path in &paths {
            assert_eq!(text(path), path.file_name().unwrap().to_str().unwrap().to_uppercase());
        }
        assert_eq!(names(directory.path()).len(), count);
    }
}

#[test]
fn many_directories_and_new_files() {
    let root = tempfile::tempdir().unwrap();
    let mut replacements = Vec::new();
    for n in 0..40 {
        let directory = root.path().join(n.to_string());
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("a"), "a").unwrap();
        replacements.push(existing(directory.join("a")));
        replacements.push(new(directory.join("b")));
    }
    replace_all(&replacements).unwrap();
    for n in 0..40 {
        let directory = root.path().join(n.to_string());
        assert_eq!(text(&directory.join("a")), "A");
        assert_eq!(text(&directory.join("b")), "new\n");
        assert_eq!(names(&directory), ["a", "b"]);
    }
}

#[test]
fn a_large_file_is_replaced_together_with_small_ones() {
    let (directory, mut paths) = tree(70);
    let large = directory.path().join("f005");
    fs::write(&large, vec![b'x'; 9 << 20]).unwrap();
    paths.sort();
    with_threads(8, || replace_all(&paths.iter().map(existing).collect::<Vec<_>>())).unwrap();
    assert_eq!(fs::read(&large).unwrap(), vec![b'X'; 9 << 20]);
    assert_eq!(text(&paths[69]), "F069");
}

#[test]
fn a_changed_file_stops_all() {
    for (count, threads) in [(3, 8), (200, 1), (200, 2), (300, 8)] {
        let (directory, paths) = tree(count);
        let replacements: Vec<_> = paths.iter().map(existing).collect();
        // The error is for the first of two changed files, whichever thread is faster.
        fs::write(&paths[count - 1], "else").unwrap();
        fs::write(&paths[count - 2], "else").unwrap();
        let error = with_threads(threads, || replace_all(&replacements)).unwrap_err();
        assert!(matches!(&error, WriteError::Changed { path } if *path == paths[count - 2]), "{error}");
        assert!(error.to_string().contains("nothing was written"), "{error}");
        assert_eq!(text(&paths[0]), "f000");
        assert_eq!(names(directory.path()).len(), count);
    }
}

/// The same file, length and time: the bytes are compared, too.
#[test]
fn a_change_that_only_the_hash_shows_stops_all() {
    let (directory, paths) = tree(3);
    let replacements: Vec<_> = paths.iter().map(existing).collect();
    let modified = fs::metadata(&paths[2]).unwrap().modified().unwrap();
    fs::write(&paths[2], "else").unwrap();
    fs::File::options().write(true).open(&paths[2]).unwrap().set_modified(modified).unwrap();
    let error = replace_all(&replacements).unwrap_err();
    assert!(matches!(&error, WriteError::Changed { path } if *path == paths[2]), "{error}");
    assert_eq!((text(&paths[0]), text(&paths[2])), ("f000".into(), "else".into()));
    assert_eq!(names(directory.path()).len(), 3);
}

#[test]
fn a_change_while_we_write_is_found_before_the_first_rename() {
    let (directory, paths) = tree(3);
    let changed = paths[0].clone();
    // The third file is written after the first one was compared.
    let render = move |old: &[u8], out: &mut dyn Write| {
        fs::write(&changed, "someone else")?;
        out.write_all(old)
    };
    let mut replacements: Vec<_> = paths[..2].iter().map(existing).collect();
    replacements.push(with(existing(&paths[2]), &render));
    let error = replace_all(&replacements).unwrap_err();
    assert!(matches!(&error, WriteError::Changed { path } if *path == paths[0]), "{error}");
    assert_eq!((text(&paths[0]), text(&paths[1])), ("someone else".into(), "f001".into()));
    assert_eq!(names(directory.path()).len(), 3);
}

#[test]
fn removed_files_new_files_that_exist_and_missing_directories() {
    let (directory, paths) = tree(2);
    let removed = existing(&paths[1]);
    fs::remove_file(&paths[1]).unwrap();
    let first = existing(&paths[0]);
    let error = replace_all(&[first, removed]).unwrap_err();
    assert!(matches!(&error, WriteError::Removed { path } if *path == paths[1]), "{error}");

    let error = replace_all(&[new(&paths[0])]).unwrap_err();
    assert!(matches!(error, WriteError::Exists { .. }), "{error}");

    let error = replace_all(&[existing(&paths[0]), existing(&paths[0])]).unwrap_err();
    assert!(matches!(error, WriteError::SameFile { .. }), "{error}");
    assert_eq!(text(&paths[0]), "f000");
    assert_eq!(names(directory.path()), ["f000"]);
}

#[test]
fn the_directories_of_a_new_file_are_created_or_removed_again() {
    let (directory, paths) = tree(1);
    let path = directory.path().join("no/such/new.yaml");
    // Another writer is faster with the other file: nothing stays.
    let changed = existing(&paths[0]);
    fs::write(&paths[0], "someone else's, longer").unwrap();
    let error = replace_all(&[changed, new(&path)]).unwrap_err();
    assert!(matches!(error, WriteError::Changed { .. }), "{error}");
    assert_eq!(names(directory.path()), ["f000"]);

    replace_all(&[existing(&paths[0]), new(&path)]).unwrap();
    assert_eq!(names(&directory.path().join("no/such")), ["new.yaml"]);
    assert_eq!(names(directory.path()), ["f000", "no"]);
}

#[test]
fn a_new_file_never_overwrites() {
    let (directory, paths) = tree(1);
    let path = directory.path().join("new.yaml");
    let racing = path.clone();
    let render = move |_: &[u8], _: &mut dyn Write| fs::write(&racing, "someone else's");
    let error = replace_all(&[existing(&paths[0]), with(new(&path), &render)]).unwrap_err();
    assert!(matches!(error, WriteError::Exists { .. }), "{error}");
    assert_eq!((text(&path), text(&paths[0])), ("someone else's".into(), "f000".into()));

    // Past the check, the rename itself refuses.
    fs::remove_file(&path).unwrap();
    let replacements = [new(&path)];
    let targets = resolve(&replacements).unwrap();
    let staged = targets[0].stage(false, true).unwrap();
    fs::write(&path, "someone else's").unwrap();
    assert!(matches!(staged.rename(), Err(RenameError::Exists)));
    assert_eq!(text(&path), "someone else's");
    assert_eq!(names(directory.path()), ["f000", "new.yaml"]);
}

#[test]
fn an_error_of_render_leaves_no_file() {
    for (count, threads) in [(4, 8), (100, 1), (100, 2), (300, 8)] {
        let (directory, paths) = tree(count);
        for (kind, message) in
            [(io::ErrorKind::StorageFull, "the disk is full"), (io::ErrorKind::Other, "can't be written")]
        {
            let render = move |_: &[u8], out: &mut dyn Write| {
                out.write_all(b"half")?;
                Err(io::Error::from(kind))
            };
            let mut replacements: Vec<_> = paths.iter().map(existing).collect();
            replacements[count - 1] = with(existing(&paths[count - 1]), &render);
            let error = with_threads(threads, || replace_all(&replacements)).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("nothing was changed"), "{error}");
            assert_eq!(text(&paths[0]), "f000");
            assert_eq!(names(directory.path()).len(), count);
        }
    }
}

#[test]
fn a_failure_between_two_renames_reports_new_and_old_files() {
    let (directory, paths) = tree(4);
    let replacements: Vec<_> = paths.iter().map(existing).collect();
    let targets = resolve(&replacements).unwrap();
    let staged = targets.iter().map(|target| target.stage(false, true).unwrap()).collect();
    let locks = lock([directory.path().to_owned()]).unwrap();
    fs::write(&paths[1], "someone else").unwrap();
    let error = rename_all(staged, &locks).unwrap_err();
    let message = error.to_string();
    let WriteError::Partial { written, failed, left, source } = error else {
        unreachable!("{message}");
    };
    assert_eq!(written, paths[..1]);
    assert_eq!(failed, paths[1]);
    assert_eq!(left, paths[2..]);
    assert!(matches!(source, RenameError::Changed));
    assert!(message.starts_with("1 of 4 files were written, then "), "{message}");
    assert_eq!((text(&paths[0]), text(&paths[2])), ("F000".into(), "f002".into()));
    assert_eq!(names(directory.path()).len(), 4);
}

#[test]
fn stale_temporary_files_are_removed() {
    let (directory, paths) = tree(1);
    let stale = directory.path().join(".f000.Ab0123456789.xaccount-tmp");
    fs::write(stale, "half").unwrap();
    replace_all(&[existing(&paths[0])]).unwrap();
    assert_eq!(names(directory.path()), ["f000"]);
}

#[test]
fn two_runs_on_one_directory_never_mix() {
    let (directory, paths) = tree(100);
    let run = |letter: u8| {
        let render = move |_: &[u8], out: &mut dyn Write| out.write_all(&[letter; 3000]);
        let replacements: Vec<_> = paths.iter().map(|path| with(existing(path), &render)).collect();
        replace_all(&replacements)
    };
    for _ in 0..5 {
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| run(b'1'));
            let two = scope.spawn(|| run(b'2'));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert!(one.is_ok() || two.is_ok());
        for error in [one, two].into_iter().filter_map(Result::err) {
            assert!(matches!(error, WriteError::Changed { .. }), "{error}");
        }
        let first = fs::read(&paths[0]).unwrap();
        assert!(paths.iter().all(|path| fs::read(path).unwrap() == first));
        assert_eq!(names(directory.path()).len(), 100);
    }
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_symbolic_link_stays() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for directory in ["real", "links"] {
            fs::create_dir(at(directory)).unwrap();
        }
        fs::write(at("real/a"), "a").unwrap();
        symlink("../real/a", at("links/one")).unwrap();
        symlink("one", at("links/two")).unwrap();
        replace_all(&[existing(at("links/two"))]).unwrap();
        assert_eq!(text(&at("real/a")), "A");
        assert_eq!(fs::read_link(at("links/two")).unwrap(), Path::new("one"));
        assert_eq!(fs::read_link(at("links/one")).unwrap(), Path::new("../real/a"));
        assert_eq!(names(&at("links")), ["one", "two"]);
        // The link and its target are the same file.
        let error = replace_all(&[existing(at("links/one")), existing(at("real/a"))]).unwrap_err();
        assert!(matches!(error, WriteError::SameFile { .. }), "{error}");
        // A new file is not written through a link to a missing file.
        symlink("nowhere", at("links/three")).unwrap();
        let error = replace_all(&[new(at("links/three"))]).unwrap_err();
        assert!(matches!(error, WriteError::Exists { .. }), "{error}");
    }

    #[test]
    fn mode_and_owner_are_kept() {
        let (_directory, paths) = tree(4);
        let modes = [0o600, 0o644, 0o777, 0o4755];
        for (path, mode) in paths.iter().zip(modes) {
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::chown(path, Some(1234), Some(4321)).unwrap();
            }
            set_mode(path, mode);
        }
        let owner = |path: &PathBuf| fs::metadata(path).map(|now| (now.uid(), now.gid())).unwrap();
        let before: Vec<_> = paths.iter().map(owner).collect();
        replace_all(&paths.iter().map(existing).collect::<Vec<_>>()).unwrap();
        for (path, old) in paths.iter().zip(modes) {
            // The system clears setuid of a file that an ordinary user writes to.
            assert_eq!(mode(path) & 0o777, old & 0o777, "{old:o}");
        }
        assert_eq!(paths.iter().map(owner).collect::<Vec<_>>(), before);
    }

    #[test]
    fn a_new_file_has_the_mode_of_any_new_file() {
        let (directory, _) = tree(0);
        let ours = directory.path().join("ours");
        let plain = directory.path().join("plain");
        replace_all(&[new(&ours)]).unwrap();
        fs::write(&plain, "").unwrap();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn names_that_are_not_utf_8_or_very_long() {
        let (directory, _) = tree(0);
        let paths = [
            directory.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe.yaml")),
            directory.path().join("n".repeat(255)),
        ];
        for path in paths {
            if fs::write(&path, "a").is_ok() {
                replace_all(&[existing(&path)]).unwrap();
                assert_eq!(text(&path), "A");
            }
        }
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused() {
        let (directory, paths) = tree(1);
        let expected = Some(read(&paths[0]).unwrap().1);
        for path in [directory.path().to_owned(), "/dev/null".into(), "..".into(), "/".into()] {
            let error = replace_all(&[Replacement { path, expected, known: None, render: &upper }]).unwrap_err();
            assert!(matches!(error, WriteError::NotRegular { .. }), "{error}");
        }
    }

    #[test]
    fn a_read_only_file_or_directory_is_refused() {
        if skipped_for_root("a_read_only_file_or_directory_is_refused") {
            return;
        }
        let (directory, paths) = tree(2);
        let replacements: Vec<_> = paths.iter().map(existing).collect();
        set_mode(&paths[1], 0o444);
        let error = replace_all(&replacements).unwrap_err();
        assert!(matches!(&error, WriteError::ReadOnlyFile { path, .. } if *path == paths[1]), "{error}");
        set_mode(&paths[1], 0o644);
        set_mode(directory.path(), 0o555);
        let error = replace_all(&replacements).unwrap_err();
        set_mode(directory.path(), 0o755);
        assert!(matches!(error, WriteError::ReadOnlyDirectory { .. }), "{error}");
        assert_eq!(text(&paths[0]), "f000");
        assert_eq!(names(directory.path()).len(), 2);
    }
}
