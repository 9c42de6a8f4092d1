//! A full disk, and missing permissions.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::*;
use crate::support::skip;

/// Runs a shell script in a mount namespace of its own, so that nothing stays mounted, whatever happens. The script has
/// the program as `$xaccount`, and leaves its results in `folder`. The error is the reason why there is no namespace.
fn with_mounts(folder: &Path, script: &str) -> Result<(), String> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        // Without root, become root of a user namespace.
        command.args(if geteuid().is_root() { &["-m"][..] } else { &["-m", "-r"] });
        command.args(["sh", "-euc", script]).current_dir(folder);
        command.env("xaccount", xaccount().get_program());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let probe = unshare("mkdir probe; mount -t tmpfs tmpfs probe").spawn().map_err(|error| format!("unshare: {error}"));
    let probe = end(probe?);
    if !probe.status.success() {
        return Err(format!("nothing can be mounted: {}", stderr(&probe).trim()));
    }
    fs::remove_dir(folder.join("probe")).map_err(|error| error.to_string())?;
    done(&run(&mut unshare(script)));
    Ok(())
}

/// The output of a run in the script, from the files `NAME.status`, `NAME.stdout` and `NAME.stderr`.
fn output(folder: &Path, name: &str) -> Output {
    let read = |what: &str| fs::read(folder.join(format!("{name}.{what}"))).unwrap();
    let status: i32 = String::from_utf8(read("status")).unwrap().trim().parse().unwrap();
    let status = std::process::ExitStatus::from_raw(status << 8);
    Output { status, stdout: read("stdout"), stderr: read("stderr") }
}

/// Runs the program in the script: `try NAME ARGUMENTS`.
const TRY: &str = r#"
try() {
    name=$1; shift; status=0
    "$xaccount" inject "$@" --account 222222222222 >"$name.stdout" 2>"$name.stderr" || status=$?
    echo "$status" >"$name.status"
}
"#;

/// 60 clusters, each in a file of one page.
fn many(folder: &Path, directory: &str) -> Vec<String> {
    let files: Vec<String> = (0..60).map(|n| format!("{directory}/c{n:02}.yaml")).collect();
    write_clusters(folder, &files.iter().map(String::as_str).collect::<Vec<_>>());
    files
}

#[test]
fn a_full_disk_changes_nothing() {
    // Space for half of the new files: in pages, and in inodes.
    for size in ["size=360k", "nr_inodes=100"] {
        let folder = folder();
        let at = |path: &str| folder.path().join(path);
        // The first of two file systems has enough space.
        let files = many(folder.path(), "big");
        many(folder.path(), "full");
        let script = format!(
            r#"{TRY}
            mkdir mounted; mount -t tmpfs -o {size} tmpfs mounted
            mkdir mounted/full; cp -p full/* mounted/full
            try full -R big mounted/full --identity-file big/ids.yaml --write
            cp -a mounted/full after; cp -a big after-big
            mount -o remount,size=10m,nr_inodes=1000 mounted
            try room -R big mounted/full --identity-file big/ids.yaml --write
            cp -a mounted/full room; cp -a big room-big
            "#
        );
        if let Err(why) = with_mounts(folder.path(), &script) {
            return skip("a_full_disk_changes_nothing", &why);
        }
        let full = output(folder.path(), "full");
        refused(&full, &["error: the disk is full (No space left on device", "mounted/full/c", ".yaml", "free space"]);
        refused(&full, &["nothing was changed"]);
        assert_eq!(snapshot(&at("after")), snapshot(&at("full")), "{size}");
        assert_eq!(snapshot(&at("after-big")), snapshot(&at("full")), "{size}");
        // With enough space, the same command succeeds.
        done(&output(folder.path(), "room"));
        for file in files {
            let name = file.strip_prefix("big/").unwrap();
            let wanted = new(name.strip_suffix(".yaml").unwrap());
            assert_eq!(fs::read_to_string(at("room").join(name)).unwrap(), wanted);
            assert_eq!(fs::read_to_string(at("room-big").join(name)).unwrap(), wanted);
        }
        assert_eq!((snapshot(&at("room")).len(), snapshot(&at("room-big")).len()), (60, 61));
    }
}

/// A limit that needs no mount: the system does not let a file grow, or stops the program with a signal.
#[test]
fn a_limit_on_the_size_of_files() {
    let folder = clusters(&["a.yaml", "c.yaml"]);
    let path = folder.path().join("b.yaml");
    fs::write(&path, format!("{}{}", old("b"), "# a comment\n".repeat(10_000))).unwrap();
    let before = snapshot(folder.path());
    let line = ". --identity-file ids.yaml --write";
    // 16 blocks are 8 or 16 KiB, depending on the shell.
    let limited = |prepare: &str| {
        let command = inject(folder.path(), line);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{prepare} ulimit -c 0; ulimit -f 16; exec \"$0\" \"$@\"")]);
        shell.arg(command.get_program()).args(command.get_args()).current_dir(folder.path());
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run(&mut shell)
    };
    let refusal = limited("trap '' XFSZ;");
    refused(&refusal, &["b.yaml can't be written: File too large", "nothing was changed"]);
    assert_eq!(snapshot(folder.path()), before);

    // Killed by the signal; the next run removes what it leaves.
    let killed = limited("");
    assert!(killed.status.signal().is_some(), "{killed:?}");
    let mut left = snapshot(folder.path());
    left.retain(|path, _| !path.to_str().unwrap().ends_with(".xaccount-tmp"));
    assert_eq!(left, before);
    done(&run(&mut inject(folder.path(), line)));
    let after = snapshot(folder.path());
    assert_eq!(after.len(), 4);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}{}", new("b"), "# a comment\n".repeat(10_000)));
}

#[test]
fn a_file_system_that_is_mounted_read_only() {
    let folder = clusters(&["a/a.yaml", "b/b.yaml"]);
    let script = format!(
        "{TRY}
        mount --bind b b; mount -o remount,ro,bind b
        try write -R a b --identity-file a/ids.yaml --write
        try new a/a.yaml --identity-file b/ids.yaml --write
        try print b/b.yaml -o yaml
        "
    );
    let before = snapshot(folder.path());
    if let Err(why) = with_mounts(folder.path(), &script) {
        return skip("a_file_system_that_is_mounted_read_only", &why);
    }
    let cause = ["Read-only file system", "nothing was written", "mount its file system for writing", "-o yaml"];
    let write = output(folder.path(), "write");
    refused(&write, &cause);
    refused(&write, &["b/b.yaml can't be replaced, because its directory "]);
    let new = output(folder.path(), "new");
    refused(&new, &cause);
    refused(&new, &["b/ids.yaml can't be "]);
    let print = output(folder.path(), "print");
    done(&print);
    assert_eq!(String::from_utf8(print.stdout).unwrap(), new_with_identity("b"));
    let mut after = snapshot(folder.path());
    after.retain(|path, _| path.starts_with("a") || path.starts_with("b"));
    assert_eq!(after, before);
}

/// A file that is a mount point, as in a container, can't be renamed over. The program knows this before it renames
/// others.
#[test]
fn a_file_that_is_a_mount_of_its_own() {
    let folder = clusters(&["a.yaml", "b.yaml", "c.yaml", "elsewhere/b.yaml"]);
    let before = snapshot(folder.path());
    let script = format!(
        "{TRY}
        mount --bind elsewhere/b.yaml b.yaml
        try alone b.yaml --write
        try among . --identity-file elsewhere/ids.yaml --write
        mkdir after after/elsewhere; mv alone.* among.* after
        cp -p *.yaml after; cp -p elsewhere/* after/elsewhere; ls -A >after/names
        "
    );
    if let Err(why) = with_mounts(folder.path(), &script) {
        return skip("a_file_that_is_a_mount_of_its_own", &why);
    }
    let after = folder.path().join("after");
    for name in ["alone", "among"] {
        let words = ["b.yaml can't be replaced", "busy", "mount its directory instead", "nothing was changed"];
        refused(&output(&after, name), &words);
    }
    assert_eq!(fs::read_to_string(after.join("names")).unwrap(), "a.yaml\nafter\nb.yaml\nc.yaml\nelsewhere\n");
    let mut left = snapshot(&after);
    left.retain(|path, _| before.contains_key(path));
    assert_eq!(left, before);
    // Without the mount, it is replaced.
    done(&run(&mut inject(folder.path(), "b.yaml --write")));
    assert_eq!(fs::read_to_string(folder.path().join("b.yaml")).unwrap(), new_with_identity("b"));
}

/// A user who is not root, for whom file modes count: the current user, or `nobody` if the test runs as root.
struct PlainUser {
    folder: tempfile::TempDir,
    program: Option<tempfile::TempDir>,
}

const NOBODY: u32 = 65534;

impl PlainUser {
    /// Creates a cluster of this user in each of `files`.
    fn with(files: &[&str]) -> Self {
        let folder = clusters(files);
        let program = geteuid().is_root().then(|| {
            // The build may be in a place that only root can read.
            let home = super::folder();
            let program = home.path().join("xaccount");
            let built = xaccount().get_program().to_owned();
            fs::hard_link(&built, &program).or_else(|_| fs::copy(&built, &program).map(drop)).unwrap();
            home
        });
        let user = Self { folder, program };
        if user.is_nobody() {
            give(user.folder.path(), NOBODY);
            for path in snapshot(user.folder.path()).keys() {
                give(&user.at(path), NOBODY);
            }
        }
        user
    }

    fn is_nobody(&self) -> bool {
        self.program.is_some()
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn runs(&self, line: &str) -> Output {
        let command = inject(self.folder.path(), line);
        let Some(program) = &self.program else {
            return run(&mut { command });
        };
        let mut theirs = Command::new(program.path().join("xaccount"));
        theirs.args(command.get_args()).current_dir(self.folder.path()).uid(NOBODY).gid(NOBODY);
        run(theirs.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }
}

fn give(path: &Path, owner: u32) {
    std::os::unix::fs::chown(path, Some(owner), Some(owner)).unwrap();
}

const LINE: &str = "-R . --identity-file ids.yaml --write";

#[test]
fn an_unreadable_or_unwritable_file_stops_the_run() {
    let user = PlainUser::with(&["a.yaml", "d/b.yaml", "e.yaml"]);
    let owned = fs::metadata(user.at("a.yaml")).unwrap();
    let faults: [(&str, u32, &[&str]); 5] = [
        ("d/b.yaml", 0o444, &["d/b.yaml is read-only for you (Permission denied", "chmod u+w"]),
        ("d/b.yaml", 0o000, &["d/b.yaml cannot be read: Permission denied"]),
        (
            "d",
            0o555,
            &["d/b.yaml can't be replaced, because its directory ", "/d is read-only for you (Permission denied"],
        ),
        ("d", 0o000, &["the directory ./d cannot be listed: Permission denied"]),
        // The new file is written first.
        ("", 0o555, &["ids.yaml can't be replaced, because its directory ", "is read-only for you (Permission denied"]),
    ];
    for (path, mode, words) in faults {
        let before = fs::metadata(user.at(path)).unwrap().mode() & 0o7777;
        let all = snapshot(user.folder.path());
        user.mode(path, mode);
        let output = user.runs(LINE);
        user.mode(path, before);
        refused(&output, words);
        assert_eq!(snapshot(user.folder.path()), all, "{path} {mode:o}");
    }
    let now = fs::metadata(user.at("a.yaml")).unwrap();
    assert_eq!((now.ino(), now.mtime_nsec()), (owned.ino(), owned.mtime_nsec()));
    // Without the fault it works, so each refusal above had that one cause.
    done(&user.runs(LINE));
    assert_eq!(fs::read_to_string(user.at("d/b.yaml")).unwrap(), new("b"));
}

#[test]
fn a_file_of_another_owner_keeps_its_owner_or_is_not_changed() {
    let user = PlainUser::with(&["a.yaml", "d/b.yaml"]);
    if !user.is_nobody() {
        return skip("a_file_of_another_owner_keeps_its_owner_or_is_not_changed", "only root can change owners");
    }
    let all = snapshot(user.folder.path());
    // Every user may write to it, but its replacement would belong to the current user.
    give(&user.at("d/b.yaml"), 0);
    user.mode("d/b.yaml", 0o666);
    refused(&user.runs(LINE), &["d/b.yaml can't keep its owner and group 0:0", "nothing was written", "chown"]);
    // In a directory like /tmp, not even a rename over it is allowed.
    give(&user.at("d"), 0);
    user.mode("d", 0o1777);
    let words = ["d/b.yaml can't be replaced", "read-only for you (Operation not permitted", "nothing was written"];
    refused(&user.runs(LINE), &words);
    user.mode("d", 0o755);
    user.mode("d/b.yaml", 0o644);
    assert_eq!(snapshot(user.folder.path()), all);
    // Root may, and gives the new file the owner of the old one.
    done(&run(&mut inject(user.folder.path(), LINE)));
    let owner = |path: &str| fs::metadata(user.at(path)).unwrap().uid();
    assert_eq!((owner("a.yaml"), owner("d/b.yaml")), (NOBODY, 0));
    assert_eq!(fs::read_to_string(user.at("d/b.yaml")).unwrap(), new("b"));
}
