//! Tests of `find.rs`.

use std::fs;
use std::path::Path;

use super::*;

/// Creates files (and their directories) below a new directory.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

/// The names found, relative to the root.
fn names(root: &Path, paths: &[&str], recursive: bool) -> Result<Vec<String>, FindError> {
    let paths: Vec<_> = paths.iter().map(|path| if *path == "-" { "-".into() } else { root.join(path) }).collect();
    let shown = |input: &Input| match input {
        Input::Stdin => "-".to_owned(),
        Input::File(path) => path.strip_prefix(root).unwrap().display().to_string(),
        Input::Stream(path) => format!("<{}", path.display()),
    };
    find(&paths, recursive).map(|found| found.iter().map(shown).collect())
}

#[test]
fn a_directory_is_read_as_its_manifests_in_order() {
    let root = tree(&[
        "b.yml",
        "a.yaml",
        "C.json",
        "d.YAML",
        "e.yaml.bak",
        "f.txt",
        ".h.yaml",
        "a/z.yaml",
        "a/b/y.yaml",
        "b.d/x.json",
        ".a.yaml.Ab0123456789.xaccount-tmp",
    ]);
    let flat = names(root.path(), &[""], false).unwrap();
    assert_eq!(flat, [".h.yaml", "C.json", "a.yaml", "b.yml"]);
    let deep = names(root.path(), &[""], true).unwrap();
    assert_eq!(deep, [".h.yaml", "C.json", "a/b/y.yaml", "a/z.yaml", "a.yaml", "b.d/x.json", "b.yml"]);
    assert!(names(root.path(), &["a/b"], false).is_ok_and(|found| found == ["a/b/y.yaml"]));
}

#[test]
fn named_files_need_no_extension_and_keep_their_order() {
    let root = tree(&["f.txt", "b.yaml", "a.yaml", "d/x.yaml"]);
    let found = names(root.path(), &["f.txt", "-", "d", "b.yaml", "a.yaml"], false).unwrap();
    assert_eq!(found, ["f.txt", "-", "d/x.yaml", "b.yaml", "a.yaml"]);
}

#[test]
fn a_file_is_included_once() {
    let root = tree(&["a.yaml", "b.yaml", "c.yaml"]);
    let found = names(root.path(), &["b.yaml", "", "a.yaml", "b.yaml"], true).unwrap();
    assert_eq!(found, ["b.yaml", "a.yaml", "c.yaml"]);
    #[cfg(unix)]
    {
        fs::hard_link(root.path().join("a.yaml"), root.path().join("z.yaml")).unwrap();
        let all = ["a.yaml", "b.yaml", "c.yaml", "z.yaml"];
        assert_eq!(names(root.path(), &[""], false).unwrap(), all, "replacing one hard link does not change the other");
        assert_eq!(names(root.path(), &["z.yaml", "z.yaml", "a.yaml"], false).unwrap(), ["z.yaml", "a.yaml"]);
    }
}

#[test]
fn what_is_refused() {
    let root = tree(&[".a.yaml.Ab0123456789.xaccount-tmp"]);
    let refused = |path: &str| find(&[path.into()], false).unwrap_err();
    assert!(matches!(find(&["-".into(), "-".into()], false), Err(FindError::StdinTwice)));
    assert!(matches!(refused(""), FindError::Empty));
    for url in ["http://example.com/a.yaml", "https://example.com/a.yaml"] {
        let message = refused(url).to_string();
        assert!(message.contains(&format!("curl -fsSL '{url}' | ")), "{message}");
    }
    let message = refused("no/such/file.yaml").to_string();
    assert!(message.starts_with("no/such/file.yaml does not exist;"), "{message}");
    assert!(matches!(
        names(root.path(), &[".a.yaml.Ab0123456789.xaccount-tmp"], false),
        Err(FindError::Temporary { .. })
    ));
}

#[cfg(unix)]
#[test]
fn symbolic_links() {
    use std::os::unix::fs::symlink;
    let root = tree(&["real/a.yaml", "real/sub/b.yaml", "else/c.txt"]);
    let at = |path: &str| root.path().join(path);
    symlink("real", at("link")).unwrap();
    symlink("../else/c.txt", at("real/c.yaml")).unwrap();
    symlink("..", at("real/sub/loop")).unwrap();
    symlink("sub", at("real/dir.yaml")).unwrap();
    symlink("me@host.1:2", at("real/.#a.yaml")).unwrap();
    let found = names(root.path(), &["link"], true).unwrap();
    assert_eq!(found, ["link/a.yaml", "link/c.yaml", "link/sub/b.yaml"]);
    // A link and its target are one file.
    let both = names(root.path(), &["real", "else/c.txt", "link/a.yaml"], false).unwrap();
    assert_eq!(both, ["real/a.yaml", "real/c.yaml"]);
    symlink("nowhere", at("real/d.yaml")).unwrap();
    let message = names(root.path(), &["real"], false).unwrap_err().to_string();
    assert!(message.contains("link to a missing file"), "{message}");
}

#[cfg(unix)]
#[test]
fn streams_sockets_and_names_that_are_not_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;
    let root = tree(&[]);
    let socket = root.path().join("s.yaml");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(matches!(find(&[socket], false), Err(FindError::Special { .. })));
    let null = PathBuf::from("/dev/null");
    let found = find(&[null.clone(), null.clone()], false).unwrap();
    assert_eq!(found, [Input::Stream(null)]);
    let path = root.path().join(OsStr::from_bytes(b"\xff.yaml"));
    // macOS does not allow such names.
    if fs::write(&path, "").is_ok() {
        let found = find(&[root.path().to_owned()], false).unwrap();
        assert_eq!(found, [Input::File(path)]);
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_listed() {
    use std::os::unix::fs::PermissionsExt;
    let root = tree(&["d/a.yaml"]);
    let closed = root.path().join("d");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let found = names(root.path(), &[""], true);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    // Root can list everything.
    if !rustix::process::geteuid().is_root() {
        assert!(matches!(found, Err(FindError::Directory { path, .. }) if path == closed));
    }
}
