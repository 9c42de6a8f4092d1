//! Paths that are not files, or are not what they seem to be.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::support::make_fifo;

/// The same command, started by a shell with these `redirections`.
fn by_shell(shell: &str, command: &Command, redirections: &str) -> Command {
    let mut outer = Command::new(shell);
    outer.args(["-c", &format!("exec \"$0\" \"$@\" {redirections}")]);
    outer.arg(command.get_program()).args(command.get_args());
    outer.current_dir(command.get_current_dir().unwrap());
    for (name, _) in command.get_envs() {
        outer.env_remove(name);
    }
    outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    outer
}

/// The same command, with this on a pipe as its standard input.
fn fed(command: &mut Command, text: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A command that refuses to read is not an error here.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    end(child)
}

#[test]
fn a_fifo_is_read_and_never_written() {
    let folder = folder();
    let fifo = folder.path().join("fifo.yaml");
    make_fifo(&fifo);
    // The pipe has no writer, so a run that opens it waits for ever.
    let output = run(&mut inject(folder.path(), "fifo.yaml --write"));
    refused(&output, &["fifo.yaml is a pipe or a device and can't be written", "-o yaml"]);
    // In a directory it is not a manifest, even without a writer at its other end.
    let output = run(&mut inject(folder.path(), ". --write"));
    refused(&output, &["no cluster found", "no Kubernetes object"]);
    // As an identity file it must not be opened either.
    let output = run(&mut inject(folder.path(), "- --identity-file fifo.yaml"));
    refused(&output, &["fifo.yaml is not a regular file"]);

    let child = inject(folder.path(), "fifo.yaml -o yaml").spawn().unwrap();
    fs::write(&fifo, old("a")).unwrap();
    let output = end(child);
    done(&output);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), new_with_identity("a"));
    assert_eq!(snapshot(folder.path()), [("fifo.yaml".into(), Thing::Other)].into());
}

#[test]
fn process_substitution() {
    if Command::new("bash").args(["-c", "true"]).status().is_err() {
        return crate::support::skip("process_substitution", "no bash");
    }
    let folder = clusters(&["a.yaml", "b.yaml"]);
    fs::write(folder.path().join("policy.json"), r#"{"Version":"2012-10-17","Statement":[]}"#).unwrap();
    let before = snapshot(folder.path());
    let plain = inject(folder.path(), "-o yaml");
    let output = run(&mut by_shell("bash", &plain, "<(cat a.yaml)"));
    done(&output);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), new_with_identity("a"));
    let output = run(&mut by_shell("bash", &inject(folder.path(), "--write"), "b.yaml <(cat a.yaml)"));
    refused(&output, &["is a pipe or a device and can't be written"]);
    let output = run(&mut by_shell("bash", &plain, "a.yaml --inline-policy <(cat policy.json)"));
    done(&output);
    assert!(String::from_utf8(output.stdout).unwrap().contains(r#"\"2012-10-17\""#));
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn standard_input_by_its_path() {
    let folder = clusters(&["a.yaml"]);
    let before = snapshot(folder.path());
    for path in ["/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"] {
        if !Path::new(path).exists() {
            continue;
        }
        // A pipe.
        let output = fed(&mut inject(folder.path(), &format!("{path} -o yaml")), &old("a"));
        done(&output);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), new_with_identity("a"), "{path}");
        let output = fed(&mut inject(folder.path(), &format!("{path} --write")), &old("a"));
        refused(&output, &[path, "is a pipe or a device and can't be written"]);
        // Each name would get a part of the input, or both the same.
        for line in [format!("- {path} -o yaml"), format!("{path} -f - -o yaml")] {
            let words = [path, "standard input is named twice", "only once"];
            refused(&fed(&mut inject(folder.path(), &line), &old("a")), &words);
            refused(&run(&mut by_shell("sh", &inject(folder.path(), &line), "<a.yaml")), &words);
        }
        // If the shell opened a file, that file is read.
        let output = run(&mut by_shell("sh", &inject(folder.path(), &format!("{path} -o yaml")), "<a.yaml"));
        done(&output);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), new_with_identity("a"), "{path}");
    }
    assert_eq!(snapshot(folder.path()), before);
    // The link to it is followed, like all links.
    if cfg!(target_os = "linux") {
        done(&run(&mut by_shell("sh", &inject(folder.path(), "/dev/stdin --write"), "<a.yaml")));
        assert_eq!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), new_with_identity("a"));
        assert_eq!(snapshot(folder.path()).len(), 1);
    }
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    if !Path::new("/dev/full").exists() {
        return crate::support::skip("a_result_that_cannot_be_printed_is_an_error", "the system has no /dev/full");
    }
    let folder = clusters(&["a.yaml"]);
    let output = run(&mut by_shell("sh", &inject(folder.path(), "a.yaml -o yaml"), ">/dev/full"));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("error: can't write to standard output: No space left"), "{}", stderr(&output));
}

#[test]
fn loops_of_links_end_and_each_file_is_read_once() {
    let folder = clusters(&["a.yaml", "d/b.yaml", "x.yaml/c.yaml"]);
    let at = |path: &str| folder.path().join(path);
    symlink("..", at("d/up")).unwrap();
    symlink(".", at("d/here.yaml")).unwrap();
    symlink("../d", at("x.yaml/d")).unwrap();
    symlink("../a.yaml", at("d/a.yaml")).unwrap();
    symlink("../d/b.yaml", at("x.yaml/b.yaml")).unwrap();
    symlink(".", at("all")).unwrap();
    let links = |all: &BTreeMap<PathBuf, Thing>| all.values().filter(|thing| matches!(thing, Thing::Link(_))).count();
    assert_eq!(links(&snapshot(folder.path())), 6);
    done(&run(&mut inject(folder.path(), "-R all d . --identity-file ids.yaml --write")));
    let after = snapshot(folder.path());
    assert_eq!(links(&after), 6);
    for (path, name) in [("a.yaml", "a"), ("d/b.yaml", "b"), ("x.yaml/c.yaml", "c")] {
        assert_eq!(fs::read_to_string(at(path)).unwrap(), new(name));
    }
    assert_eq!(after.len(), 3 + 2 + 6 + 1);

    // Links that lead to each other.
    symlink("two.yaml", at("one.yaml")).unwrap();
    symlink("one.yaml", at("two.yaml")).unwrap();
    for line in [". -R --check", "two.yaml --check"] {
        refused(&run(&mut inject(folder.path(), line)), &[".yaml cannot be read: Too many levels of symbolic links"]);
    }
}

#[test]
fn directories_named_like_files() {
    let folder = clusters(&["a.yaml", "d.yaml/b.yaml"]);
    fs::create_dir(folder.path().join("e.yaml")).unwrap();
    done(&run(&mut inject(folder.path(), ". --write")));
    assert_eq!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), new_with_identity("a"));
    assert_eq!(fs::read_to_string(folder.path().join("d.yaml/b.yaml")).unwrap(), old("b"));
    done(&run(&mut inject(folder.path(), "d.yaml --write")));
    assert_eq!(fs::read_to_string(folder.path().join("d.yaml/b.yaml")).unwrap(), new_with_identity("b"));
    let before = snapshot(folder.path());
    refused(&run(&mut inject(folder.path(), "e.yaml --write")), &["no cluster found", "no Kubernetes object"]);
    write_clusters(folder.path(), &["c.yaml"]);
    let output = run(&mut inject(folder.path(), "c.yaml --identity-file e.yaml --write"));
    refused(&output, &["e.yaml is not a regular file"]);
    fs::remove_file(folder.path().join("c.yaml")).unwrap();
    assert_eq!(snapshot(folder.path()), before);
}

#[test]
fn missing_files_and_links_that_lead_nowhere() {
    let folder = clusters(&["a.yaml"]);
    let at = |path: &str| folder.path().join(path);
    fs::create_dir(at("d")).unwrap();
    symlink("nowhere.yaml", at("d/link.yaml")).unwrap();
    // Emacs' lock of a file that is being edited.
    symlink("me@here.1:2", at(".#a.yaml")).unwrap();
    let before = snapshot(folder.path());
    let nowhere = ["d/link.yaml does not exist", "a symbolic link to a missing file", "fix or remove it"];
    for line in ["a.yaml d/link.yaml --write", "-R . --write", "a.yaml --write --identity-file d/link.yaml"] {
        refused(&run(&mut inject(folder.path(), line)), &nowhere);
    }
    // A diff doesn't promise what can't be written.
    refused(&run(&mut inject(folder.path(), "a.yaml --identity-file d/link.yaml")), &nowhere);
    refused(&run(&mut inject(folder.path(), "a.yaml none.yaml --write")), &["none.yaml does not exist", "spelling"]);
    assert_eq!(snapshot(folder.path()), before);
    // A run that fails leaves no directory.
    fs::write(at("file"), "").unwrap();
    let output = run(&mut inject(folder.path(), "a.yaml --identity-file file/such/ids.yaml --write"));
    refused(&output, &["file/such", "Not a directory"]);
    fs::remove_file(at("file")).unwrap();
    assert_eq!(snapshot(folder.path()), before);
    done(&run(&mut inject(folder.path(), ". --write")));
    assert_eq!(fs::read_to_string(at("a.yaml")).unwrap(), new_with_identity("a"));
}

/// The program has found its files when it begins to read standard input, and reads them when standard input ends.
#[test]
fn a_file_that_is_removed_or_replaced_before_it_is_read() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 3] = [
        (|path| fs::remove_file(path).unwrap(), "b.yaml cannot be read: No such file or directory"),
        (
            |path| {
                fs::remove_file(path).unwrap();
                make_fifo(path);
            },
            "b.yaml is not a regular file",
        ),
        (
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            "b.yaml is not a regular file",
        ),
    ];
    for (change, words) in changes {
        let folder = clusters(&["a.yaml", "b.yaml", "c.yaml"]);
        let mut child = inject(folder.path(), "- . --write").stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // More than a pipe holds, so that this ends only when the program reads.
        stdin.write_all("# a comment\n".repeat(200_000).as_bytes()).unwrap();
        change(&folder.path().join("b.yaml"));
        let changed = snapshot(folder.path());
        drop(stdin);
        refused(&end(child), &[words]);
        assert_eq!(snapshot(folder.path()), changed);
    }
}

#[test]
fn names_that_are_not_utf_8() {
    let folder = folder();
    let name = OsString::from_vec(b"b\xff \xe9.yaml".to_vec());
    let path = folder.path().join(&name);
    if fs::write(&path, old("b")).is_err() {
        return crate::support::skip("names_that_are_not_utf_8", "the file system takes no such name");
    }
    // With U+FFFD in place of the bytes, the two names would be one.
    let other = folder.path().join(OsStr::from_bytes(b"b\xfe \xe9.yaml"));
    fs::write(&other, "kind: Nothing\n").unwrap();

    // Output for other programs contains the name itself.
    let output = run(&mut inject(folder.path(), ". --check"));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(output.stdout, b"./b\xff \xe9.yaml\n");
    let patch = run(inject(folder.path(), "-o patch").arg(&name));
    done(&patch);
    let applied = self::folder();
    fs::write(applied.path().join(&name), old("b")).unwrap();
    let mut git = Command::new("git");
    git.args(["apply", "-"]).current_dir(applied.path()).env("GIT_CEILING_DIRECTORIES", applied.path());
    git.stdout(Stdio::piped()).stderr(Stdio::piped());
    match git.stdin(Stdio::piped()).spawn() {
        Err(_) => crate::support::skip("names_that_are_not_utf_8, git apply", "no git"),
        Ok(mut git) => {
            git.stdin.take().unwrap().write_all(&patch.stdout).unwrap();
            done(&end(git));
            assert_eq!(fs::read_to_string(applied.path().join(&name)).unwrap(), new_with_identity("b"));
        }
    }

    // Messages show that there is a byte that can't be printed.
    let output = run(inject(folder.path(), "--write --overwrite").arg(folder.path().join(OsStr::from_bytes(b"n\xff"))));
    refused(&output, &["n\u{fffd} does not exist"]);
    done(&run(&mut inject(folder.path(), ". --write")));
    assert_eq!(fs::read_to_string(&path).unwrap(), new_with_identity("b"));
    assert_eq!(fs::read_to_string(&other).unwrap(), "kind: Nothing\n");
    assert_eq!(snapshot(folder.path()).len(), 2);
}
