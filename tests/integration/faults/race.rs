//! Files that change during a run, and two runs at once.
//!
//! The test holds the lock of the directory. A run that has read, planned and proved then waits for the lock, which the
//! system shows in /proc/locks; so each change happens between reading and writing, without sleeping and hoping.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Instant;

use rustix::fs::{FlockOperation, flock};

use super::*;
use crate::support::make_fifo;

/// Runs the lines in one directory; all of them wait to write until `change` is done.
fn while_they_wait(folder: &Path, lines: &[&str], change: impl FnOnce()) -> Vec<Output> {
    let lock = File::open(folder).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let children: Vec<Child> = lines.iter().map(|line| inject(folder, line).spawn().unwrap()).collect();
    let started = Instant::now();
    while !children.iter().all(waits) {
        if started.elapsed() > LIMIT {
            for child in children {
                kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
            }
            panic!("a run doesn't wait for the lock");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    change();
    drop(lock);
    children.into_iter().map(end).collect()
}

/// Whether a child waits for a lock: `3: -> FLOCK  ADVISORY  WRITE PID DEVICE:INODE 0 EOF`.
fn waits(child: &Child) -> bool {
    let pid = child.id().to_string();
    fs::read_to_string("/proc/locks").unwrap().lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1..3) == Some(&["->", "FLOCK"]) && words.contains(&pid.as_str())
    })
}

const LINE: &str = ". --identity-file ids.yaml --write";

#[test]
fn what_changed_since_it_was_read_is_not_overwritten() {
    type Change = fn(&Path);
    let again = "run the command again";
    let changes: [(&str, Change, [&str; 2]); 6] = [
        (
            "written to, at the same length",
            |at| fs::write(at.join("b.yaml"), old("B")).unwrap(),
            ["b.yaml was changed by someone else since it was read", again],
        ),
        (
            "replaced by an equal file",
            |at| {
                fs::write(at.join("new"), old("b")).unwrap();
                fs::rename(at.join("new"), at.join("b.yaml")).unwrap();
            },
            ["b.yaml was changed by someone else since it was read", again],
        ),
        ("removed", |at| fs::remove_file(at.join("b.yaml")).unwrap(), ["b.yaml was removed since it was read", again]),
        (
            "a FIFO now",
            |at| {
                fs::remove_file(at.join("b.yaml")).unwrap();
                make_fifo(&at.join("b.yaml"));
            },
            ["b.yaml is not a regular file", "can't be replaced"],
        ),
        (
            "a directory now",
            |at| {
                fs::remove_file(at.join("b.yaml")).unwrap();
                fs::create_dir(at.join("b.yaml")).unwrap();
            },
            ["b.yaml is not a regular file", "can't be replaced"],
        ),
        (
            "a link to an equal file now",
            |at| {
                fs::rename(at.join("b.yaml"), at.join("elsewhere")).unwrap();
                fs::copy(at.join("elsewhere"), at.join("other")).unwrap();
                symlink("other", at.join("b.yaml")).unwrap();
            },
            ["b.yaml was changed by someone else since it was read", again],
        ),
    ];
    for (what, change, words) in changes {
        let folder = clusters(&["a.yaml", "b.yaml", "c.yaml"]);
        let mut changed = BTreeMap::new();
        let outputs = while_they_wait(folder.path(), &[LINE], || {
            change(folder.path());
            changed = snapshot(folder.path());
        });
        let [output] = &outputs[..] else { unreachable!() };
        refused(output, &words);
        refused(output, &["nothing was written"]);
        assert_eq!(snapshot(folder.path()), changed, "{what}");
    }
}

#[test]
fn a_mode_that_was_set_since_is_kept() {
    let folder = clusters(&["a.yaml", "b.yaml"]);
    let outputs = while_they_wait(folder.path(), &[LINE], || {
        fs::set_permissions(folder.path().join("b.yaml"), fs::Permissions::from_mode(0o600)).unwrap();
    });
    done(&outputs[0]);
    assert_eq!(snapshot(folder.path())[Path::new("b.yaml")], Thing::File(new("b"), 0o600));
}

/// Checks that one of two runs did the work, and the other one was too late.
#[track_caller]
fn one_of_two(outputs: &[Output]) {
    let late: Vec<&Output> = outputs.iter().filter(|output| output.status.code() != Some(0)).collect();
    assert_eq!((outputs.len(), late.len()), (2, 1), "{outputs:?}");
    refused(late[0], &["nothing was written", "run the command again"]);
}

/// The second run reads everything again, and finds nothing left to do.
#[test]
fn two_equal_runs() {
    let folder = clusters(&["a.yaml", "b.yaml", "c.yaml"]);
    while_they_wait(folder.path(), &[LINE, LINE], || ()).iter().for_each(done);
    let after = snapshot(folder.path());
    assert_eq!(after.len(), 4);
    for name in ["a", "b", "c"] {
        assert!(matches!(&after[Path::new(&format!("{name}.yaml"))], Thing::File(text, _) if *text == new(name)));
    }
    assert!(matches!(&after[Path::new("ids.yaml")], Thing::File(text, _) if text == IDENTITY));
}

/// An identity file that another program creates meanwhile counts as existing.
#[test]
fn an_identity_file_that_is_created_meanwhile_is_read() {
    let folder = clusters(&["a.yaml"]);
    let outputs = while_they_wait(folder.path(), &["a.yaml --identity-file ids.yaml --write"], || {
        fs::write(folder.path().join("ids.yaml"), "kind: Mine\n").unwrap();
    });
    done(&outputs[0]);
    let after = snapshot(folder.path());
    assert!(matches!(&after[Path::new("a.yaml")], Thing::File(text, _) if *text == new("a")));
    let wanted = format!("kind: Mine\n---\n{IDENTITY}");
    assert!(matches!(&after[Path::new("ids.yaml")], Thing::File(text, _) if *text == wanted), "{after:?}");
    // The run plans with the other definition of the identity in such a file, and refuses.
    let folder = clusters(&["a.yaml"]);
    let other = IDENTITY.replace("role/control-plane", "role/other");
    let outputs = while_they_wait(folder.path(), &["a.yaml --identity-file ids.yaml --write"], || {
        fs::write(folder.path().join("ids.yaml"), &other).unwrap();
    });
    refused(&outputs[0], &["role/other"]);
    let after = snapshot(folder.path());
    assert!(matches!(&after[Path::new("a.yaml")], Thing::File(text, _) if *text == old("a")));
    assert!(matches!(&after[Path::new("ids.yaml")], Thing::File(text, _) if *text == other));
}

/// The names of the identities in a file.
fn identities(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("  name: ")).filter(|name| *name != "default").collect();
    names.sort_unstable();
    names
}

/// Each of several runs points a cluster at an account of its own, and all keep the identities in one new file: none
/// fails, and the file has each identity once, as after one run after the other.
#[test]
fn runs_that_create_one_identity_file_all_do_their_work() {
    let rounds = std::env::var("XACCOUNT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    for round in 0..rounds {
        let count = 2 + round % 3;
        let files: Vec<String> = (0..count).map(|n| format!("c{n}.yaml")).collect();
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        let folder = clusters(&names);
        let account = |n: usize| format!("{}", 222_222_222_222_u64 + n as u64 / 2);
        let children: Vec<Child> = (0..count)
            .map(|n| {
                let mut command = xaccount();
                // Two of four have the same account; every other one writes only the identity, before its cluster.
                command.current_dir(folder.path()).args(match (round + n) % 4 {
                    0 => vec!["identity"],
                    1 if count > 2 => vec!["inject", "."],
                    _ => vec!["inject", &files[n]],
                });
                if (round + n) % 4 == 1 {
                    command.arg(format!("--cluster-name=c{n}"));
                }
                command.args(["--identity-file", "ids.yaml", "--write", "--account", &account(n)]);
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let outputs: Vec<Output> = children.into_iter().map(end).collect();
        outputs.iter().for_each(done);
        let text = fs::read_to_string(folder.path().join("ids.yaml")).unwrap();
        let mut wanted: Vec<String> = (0..count).map(|n| format!("cross-account-role-{}", account(n))).collect();
        wanted.dedup();
        assert_eq!(identities(&text), wanted, "round {round}: {text}");
        for (n, file) in files.iter().enumerate() {
            let name = format!("c{n}");
            let pointed = new(&name).replace("222222222222", &account(n));
            let now = fs::read_to_string(folder.path().join(file)).unwrap();
            assert_eq!(now, if (round + n) % 4 == 0 { old(&name) } else { pointed }, "round {round}");
        }
        assert_eq!(snapshot(folder.path()).len(), count + 1, "round {round}");
    }
}

#[test]
fn two_runs_with_different_changes_of_one_file_lose_none() {
    let folder = folder();
    let file = folder.path().join("both.yaml");
    fs::write(&file, format!("{}---\n{}", old("a"), old("b"))).unwrap();
    let lines = ["a", "b"].map(|name| format!("both.yaml --no-identity --write --cluster-name {name}"));
    one_of_two(&while_they_wait(folder.path(), &[&lines[0], &lines[1]], || ()));
    let text = fs::read_to_string(&file).unwrap();
    let halves = [format!("{}---\n{}", new("a"), old("b")), format!("{}---\n{}", old("a"), new("b"))];
    assert!(halves.contains(&text), "{text}");
    lines.iter().for_each(|line| done(&run(&mut inject(folder.path(), line))));
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}---\n{}", new("a"), new("b")));
    assert_eq!(snapshot(folder.path()).len(), 1);
}

#[test]
fn two_runs_on_different_files_of_one_directory_both_do_their_work() {
    let folder = clusters(&["a.yaml", "b.yaml"]);
    // A leftover of a third run that was killed.
    fs::write(folder.path().join(".a.yaml.Ab0123456789.xaccount-tmp"), "half").unwrap();
    let outputs = while_they_wait(folder.path(), &["a.yaml --write", "b.yaml --write"], || ());
    outputs.iter().for_each(done);
    for name in ["a", "b"] {
        let text = fs::read_to_string(folder.path().join(format!("{name}.yaml"))).unwrap();
        assert_eq!(text, new_with_identity(name));
    }
    assert_eq!(snapshot(folder.path()).len(), 2);
}

/// Without the test holding the lock, in any order.
#[test]
fn runs_that_start_together() {
    let names: Vec<String> = (0..40).map(|n| format!("d{}/c{n}.yaml", n % 4)).collect();
    let files: Vec<&str> = names.iter().map(String::as_str).collect();
    for _ in 0..3 {
        let folder = clusters(&files);
        let line = "-R . --identity-file ids.yaml --write";
        let children: Vec<Child> = (0..3).map(|_| inject(folder.path(), line).spawn().unwrap()).collect();
        let outputs: Vec<Output> = children.into_iter().map(end).collect();
        assert!(outputs.iter().any(|output| output.status.code() == Some(0)), "{outputs:?}");
        for output in outputs.iter().filter(|output| output.status.code() != Some(0)) {
            let text = stderr(output);
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(text.contains("run the command again"), "{text}");
        }
        for (n, file) in files.iter().enumerate() {
            assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), new(&format!("c{n}")));
        }
        assert_eq!(fs::read_to_string(folder.path().join("ids.yaml")).unwrap(), IDENTITY);
        assert_eq!(snapshot(folder.path()).len(), 40 + 4 + 1);
    }
}
