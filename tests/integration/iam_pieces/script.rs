//! The script for the AWS CLI: checked by shellcheck and shells, and run with an `aws` and a `kubectl` that a test
//! controls.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use xaccount::iam::render::{self, PolicyTarget, Side};

use super::{Sample, said};
use crate::support::{peer, skip};

/// Words that a shell would split, replace or run.
pub(super) const ODD: [&str; 6] = ["it's \"$HOME\" `id` $(id) \\ \\\\ !", "a\nb", "*", "~", "--x=é;&|<>(){}[]#", "\\"];

/// Scripts for both policies, with and without an account, with and without odd words.
fn variants() -> Vec<Sample> {
    let mut samples = super::samples();
    for odd in ODD {
        for mut sample in [Sample::trust(), Sample::permission()] {
            sample.profile = Some(odd.to_owned());
            sample.arguments.push(odd.to_owned());
            sample.arguments.push(format!("--flag={odd}"));
            samples.push(sample);
        }
    }
    samples
}

#[test]
fn shellcheck_and_shells_find_nothing_wrong() {
    let Some(shellcheck) = peer("shellcheck") else {
        return skip("shellcheck_and_shells_find_nothing_wrong", "no shellcheck");
    };
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let variants = variants();
    let targets =
        variants.iter().flat_map(|sample| [false, true].map(|remove| PolicyTarget { remove, ..sample.target() }));
    let scripts: Vec<String> = targets.map(|target| render::script(&target)).chain(super::source::scripts()).collect();
    for (number, script) in scripts.iter().enumerate() {
        let file = directory.path().join(format!("{number}.sh"));
        fs::write(&file, script).unwrap();
        for shell in shells() {
            let out = super::run(&shell, &["-n"], &file);
            assert!(out.status.success() && out.stderr.is_empty(), "{}", said(&out));
        }
        files.push(file);
    }
    let out = Command::new(&shellcheck).arg("--norc").args(&files).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

pub(super) fn shells() -> Vec<PathBuf> {
    let shells: Vec<_> = ["sh", "dash", "bash"].into_iter().filter_map(peer).collect();
    assert!(!shells.is_empty());
    shells
}

/// An `aws` that answers a call with the file of its name, or with that and `.error` on stderr and a failure. It keeps
/// the document that it receives. `kubectl` replaces `[]` with a statement; with the file `empty`, it leaves nothing, and
/// with the file `stays`, `--check` finds that access stays.
const AWS: &str = r#"#!/bin/sh
printf '%s\0' aws "$@" end >>"$ANSWERS/log"
case $1 in --profile=*) shift ;; esac
name=$ANSWERS/$2
[ ! -f "$name.kill" ] || kill -s TERM "$PPID"
if [ -f "$name.error" ]; then
    cat "$name.error" >&2
    exit 254
fi
case "$*" in *Role.Path*) exec echo /team/ ;; esac
[ ! -f "$name" ] || cat "$name"
# What somebody else writes after the first reading, or what goes wrong then.
[ ! -f "$name.then" ] || mv "$name.then" "$name"
[ ! -f "$name.then-error" ] || mv "$name.then-error" "$name.error"
for word; do
    case $word in --policy-document=file://*)
        rm -f "$ANSWERS/get-role-policy.error"
        cp "${word#*=file://}" "$ANSWERS/get-role"
        cp "${word#*=file://}" "$ANSWERS/get-role-policy" ;;
    esac
done
"#;

const KUBECTL: &str = r#"#!/bin/sh
printf '%s\0' kubectl "$@" end >>"$ANSWERS/log"
if [ "$2" = --version ]; then
    [ ! -f "$ANSWERS/plugin.error" ]
    exit
fi
[ ! -f "$ANSWERS/kubectl.error" ] || exit 2
for word; do
    if [ "$word" = --check ]; then
        cat >/dev/null
        [ ! -f "$ANSWERS/stays" ] || exit 1
        exit 0
    fi
    if [ "$word" = --allow-empty ] && [ -f "$ANSWERS/empty" ]; then
        exec cat >/dev/null
    fi
done
for word; do
    if [ "$word" = --merge ]; then
        exec sed 's/\[\]/["$(touch pwned)", `touch pwned`]/'
    fi
done
echo 'a new document'
"#;

/// A directory with the two programs and their answers.
pub(super) struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new() -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap() };
        for directory in ["bin", "answers", "tmp dir", "work"] {
            fs::create_dir(stage.path(directory)).unwrap();
        }
        for (name, text) in [("bin/aws", AWS), ("bin/kubectl", KUBECTL)] {
            fs::write(stage.path(name), text).unwrap();
            fs::set_permissions(stage.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        stage.answer("get-caller-identity", "222222222222\n");
        stage.answer("get-role", "{\"Statement\": []}\n");
        stage.answer("get-role-policy", "{\"Statement\": []}\n");
        stage.answer("describe-stack-resources.error", &error("ValidationError", "Stack for r does not exist"));
        stage
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn answer(&self, name: &str, text: &str) {
        fs::write(self.path("answers").join(name), text).unwrap();
    }

    /// Runs the script, piped into the shell as users do, and returns the calls since the last time.
    fn run(&self, shell: &PathBuf, sample: &Sample, arguments: &[&str]) -> (Output, Vec<Vec<String>>) {
        self.run_target(shell, &sample.target(), arguments)
    }

    fn run_target(&self, shell: &PathBuf, target: &PolicyTarget<'_>, words: &[&str]) -> (Output, Vec<Vec<String>>) {
        self.run_text(shell, &render::script(target), words)
    }

    pub(super) fn run_text(&self, shell: &PathBuf, script: &str, words: &[&str]) -> (Output, Vec<Vec<String>>) {
        fs::write(self.path("script"), script).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let out = Command::new(shell)
            .arg("-s")
            .arg("--")
            .args(words)
            .stdin(fs::File::open(self.path("script")).unwrap())
            .current_dir(self.path("work"))
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("ANSWERS", self.path("answers"))
            .env("TMPDIR", self.path("tmp dir"))
            .output()
            .unwrap();
        for empty in ["tmp dir", "work"] {
            assert_eq!(fs::read_dir(self.path(empty)).unwrap().count(), 0, "{empty}: {}", said(&out));
        }
        let log = self.path("answers/log");
        let words = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        let words: Vec<String> = words.split_terminator('\0').map(str::to_owned).collect();
        (out, words.split(|word| word == "end").filter(|call| !call.is_empty()).map(<[_]>::to_vec).collect())
    }
}

pub(super) fn error(code: &str, text: &str) -> String {
    let operation = if text.starts_with("Stack") { "DescribeStackResources" } else { "GetRolePolicy" };
    format!("\nAn error occurred ({code}) when calling the {operation} operation: {text}\n")
}

/// Whether one of the calls changes anything.
pub(super) fn writes(calls: &[Vec<String>]) -> bool {
    let writes = [
        "update-assume-role-policy",
        "put-role-policy",
        "delete-role-policy",
        "create-role",
        "create-open-id-connect-provider",
        "add-client-id-to-open-id-connect-provider",
        "create-addon",
        "create-pod-identity-association",
    ];
    calls.iter().flatten().any(|word| writes.contains(&word.as_str()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn odd_words_reach_the_programs_as_they_are() {
    for shell in shells() {
        for sample in variants() {
            let stage = Stage::new();
            let account = sample.account.as_ref().map_or("333333333333".to_owned(), |id| id.as_str().to_owned());
            stage.answer("get-caller-identity", &account);
            let (out, calls) = stage.run(&shell, &sample, &[]);
            assert!(out.status.success(), "{}", said(&out));
            assert!(writes(&calls));
            for call in calls {
                if call[0] == "kubectl" && call[2] != "--version" {
                    let wanted = [&["xaccount".to_owned()], &sample.arguments[..]].concat();
                    assert_eq!(call[1..=wanted.len()], wanted);
                    assert_eq!(call[wanted.len() + 1..], ["--merge", "-", "-o", "json"]);
                } else if call[0] != "kubectl" {
                    let profile = sample.profile.as_ref().map(|profile| format!("--profile={profile}"));
                    let found = call.get(1).filter(|word| word.starts_with("--profile="));
                    assert_eq!(found, profile.as_ref());
                    let role = format!("--role-name={}", sample.role);
                    assert!(!call.contains(&"iam".to_owned()) || call.contains(&role), "{call:?}");
                }
            }
        }
    }
}

#[test]
fn the_difference_is_shown_then_written_once() {
    for shell in shells() {
        for sample in [Sample::trust(), Sample::permission()] {
            let stage = Stage::new();
            let account = sample.account.as_ref().unwrap().as_str();
            stage.answer("get-caller-identity", account);
            let (out, calls) = stage.run(&shell, &sample, &["--dry-run"]);
            assert!(out.status.success() && out.stderr.is_empty(), "{}", said(&out));
            assert!(!writes(&calls), "{calls:?}");
            let shown = text(&out.stdout);
            assert!(shown.contains("\n-{\"Statement\": []}\n+{\"Statement\": [\"$(touch pwned)\""), "{shown}");
            assert!(shown.ends_with("nothing was changed: --dry-run\n"), "{shown}");

            let (out, calls) = stage.run(&shell, &sample, &[]);
            assert!(out.status.success() && out.stderr.is_empty() && writes(&calls), "{}", said(&out));
            let done = text(&out.stdout);
            // The output does not contain the names of temporary files.
            let before = shown.strip_suffix("nothing was changed: --dry-run\n").unwrap().lines();
            let same = before
                .zip(done.lines())
                .all(|(one, other)| one == other || one.starts_with("+++") || one.starts_with("---"));
            assert!(same && done.contains(account) && !done.contains("nothing"), "{shown}{done}");

            let (out, calls) = stage.run(&shell, &sample, &[]);
            assert!(out.status.success() && !writes(&calls), "{}", said(&out));
            assert!(text(&out.stdout).contains("unchanged"), "{}", said(&out));
        }
    }
}

#[test]
fn only_a_missing_policy_is_created() {
    let sample = Sample::permission();
    for shell in shells() {
        let stage = Stage::new();
        stage.answer("get-caller-identity", "111111111111");
        stage.answer("get-role-policy.error", &error("NoSuchEntity", "The role policy with name p cannot be found."));
        let (out, calls) = stage.run(&shell, &sample, &[]);
        assert!(out.status.success() && writes(&calls), "{}", said(&out));
        assert_eq!(fs::read_to_string(stage.path("answers/get-role-policy")).unwrap(), "a new document\n");

        // Without permission to read the role, the message shows what is missing.
        fs::remove_file(stage.path("answers/get-role")).unwrap();
        stage.answer("get-role.error", "(AccessDenied) when calling the GetRole operation: no");
        stage.answer("get-role-policy.error", &error("NoSuchEntity", "The role policy with name p cannot be found."));
        let (out, calls) = stage.run(&shell, &sample, &[]);
        assert!(out.status.success() && writes(&calls), "{}", said(&out));
        stage.answer("get-role-policy.error", &error("NoSuchEntity", "The role with name r cannot be found."));
        let (out, calls) = stage.run(&shell, &sample, &[]);
        assert!(!out.status.success() && !writes(&calls), "{}", said(&out));
        assert!(text(&out.stderr).contains("The role with name r cannot be found"), "{}", said(&out));

        for code in ["AccessDenied", "Throttling", "NoSuchEntityToo"] {
            stage.answer("get-role-policy.error", &error(code, "user NoSuchEntity"));
            let (out, calls) = stage.run(&shell, &sample, &[]);
            assert!(!out.status.success() && !writes(&calls), "{}", said(&out));
            assert!(text(&out.stderr).contains(code), "{}", said(&out));
        }
    }
}

#[test]
fn a_missing_role_is_not_a_missing_policy() {
    let sample = Sample::permission();
    for shell in shells() {
        for (remove, arguments) in [(false, &[][..]), (false, &["--dry-run"]), (true, &[]), (true, &["--dry-run"])] {
            let stage = Stage::new();
            stage.answer("get-caller-identity", "111111111111");
            let missing = "(NoSuchEntity) when calling the GetRole operation: The role with name r cannot be found.";
            stage.answer("get-role.error", missing);
            stage.answer("get-role-policy.error", &error("NoSuchEntity", "The role with name r cannot be found."));
            let (out, calls) = stage.run_target(&shell, &PolicyTarget { remove, ..sample.target() }, arguments);
            assert!(!out.status.success() && !writes(&calls), "{}", said(&out));
            assert!(text(&out.stderr).contains("does not exist in account 111111111111"), "{}", said(&out));
        }
    }
}

#[test]
fn a_policy_without_statements_is_deleted() {
    let sample = Sample::permission();
    let target = PolicyTarget { remove: true, ..sample.target() };
    for shell in shells() {
        let stage = Stage::new();
        stage.answer("get-caller-identity", "111111111111");
        stage.answer("empty", "");
        let (out, calls) = stage.run_target(&shell, &target, &["--dry-run"]);
        assert!(out.status.success() && !writes(&calls), "{}", said(&out));
        assert!(text(&out.stdout).contains("\n-{\"Statement\": []}\n"), "{}", said(&out));
        let (out, calls) = stage.run_target(&shell, &target, &[]);
        assert!(out.status.success() && out.stderr.is_empty(), "{}", said(&out));
        let deletion = calls.iter().find(|call| call.contains(&"delete-role-policy".to_owned())).unwrap();
        let wanted = ["--role-name", "--policy-name"].map(|flag| deletion.iter().any(|word| word.starts_with(flag)));
        assert_eq!(wanted, [true, true], "{deletion:?}");
        assert!(!calls.iter().flatten().any(|word| word == "put-role-policy"), "{calls:?}");
        stage.answer("delete-role-policy.error", "(AccessDenied)");
        let (out, _) = stage.run_target(&shell, &target, &[]);
        assert!(!out.status.success() && text(&out.stderr).contains("did not delete"), "{}", said(&out));
    }
}

#[test]
fn access_that_a_removal_leaves_is_a_failure() {
    for shell in shells() {
        for (sample, document) in [(Sample::trust(), "get-role"), (Sample::permission(), "get-role-policy")] {
            let target = PolicyTarget { remove: true, ..sample.target() };
            let stage = Stage::new();
            stage.answer("get-caller-identity", sample.account.as_ref().unwrap().as_str());
            let (out, calls) = stage.run_target(&shell, &target, &[]);
            assert!(out.status.success() && writes(&calls), "{}", said(&out));
            stage.answer(document, "{\"Statement\": []}\n");
            stage.answer("stays", "");
            // What can be removed is removed.
            for has_changes in [true, false] {
                let (out, calls) = stage.run_target(&shell, &target, &[]);
                assert_eq!((out.status.code(), writes(&calls)), (Some(1), has_changes), "{}", said(&out));
                assert!(text(&out.stderr).contains("other statements still allow access"), "{}", said(&out));
            }
        }
    }
}

#[test]
fn what_fails_stops_it_before_it_writes() {
    // The call that fails, how it fails, and the text expected on stderr.
    let table: [(Side, &str, &str, &str); 14] = [
        (
            Side::Trust,
            "get-caller-identity",
            "333333333333",
            "account 333333333333, but the role is in account 222222222222",
        ),
        (Side::Permission, "get-caller-identity", "", "but the role is in account 111111111111"),
        (Side::Trust, "get-caller-identity.error", "no credentials", "account of the credentials is unknown"),
        (Side::Trust, "get-role.error", "(NoSuchEntity) when calling the GetRole operation", "NoSuchEntity"),
        (Side::Trust, "kubectl.error", "", "can't be edited"),
        (Side::Permission, "kubectl.error", "", "can't be edited"),
        (Side::Trust, "plugin.error", "", "is the plugin kubectl-xaccount on PATH"),
        (Side::Trust, "get-role.then", "{}", "someone else changed the policy"),
        (Side::Permission, "get-role-policy.then", "{}", "someone else changed the policy"),
        (Side::Trust, "get-role.then-error", "(Throttling) slow down", "(Throttling) slow down"),
        (Side::Permission, "get-role-policy.then-error", "(Throttling) slow down", "can't be read again"),
        (Side::Trust, "get-role.kill", "", ""),
        (Side::Permission, "get-role-policy.kill", "", ""),
        (Side::Permission, "get-role-policy.error", "weird", "weird"),
    ];
    for shell in shells() {
        for (side, name, answer, wanted) in table {
            let sample = if side == Side::Trust { Sample::trust() } else { Sample::permission() };
            let stage = Stage::new();
            stage.answer("get-caller-identity", sample.account.as_ref().unwrap().as_str());
            stage.answer(name, answer);
            let (out, calls) = stage.run(&shell, &sample, &[]);
            assert!(!out.status.success() && !writes(&calls), "{name}: {}", said(&out));
            let stderr = text(&out.stderr);
            assert!(stderr.contains(wanted), "{name}: {stderr}");
            assert!(
                wanted.is_empty()
                    || stderr.contains("error: ") && stderr.to_lowercase().contains("nothing was changed"),
                "{stderr}"
            );
        }
        let stage = Stage::new();
        let (out, calls) = stage.run(&shell, &Sample::trust(), &["--dryrun"]);
        assert!(!out.status.success() && calls.is_empty(), "{}", said(&out));
        // A refusal by AWS is not reported as success.
        stage.answer("update-assume-role-policy.error", "(MalformedPolicyDocument)");
        let (out, _) = stage.run(&shell, &Sample::trust(), &[]);
        assert!(!out.status.success() && text(&out.stderr).contains("did not update"), "{}", said(&out));
        assert!(!text(&out.stdout).contains("updated"), "{}", said(&out));
        assert!(!text(&out.stderr).contains("create the source role"), "{}", said(&out));
        stage.answer("update-assume-role-policy.error", "(MalformedPolicyDocument) Invalid principal in policy: x");
        let (out, _) = stage.run(&shell, &Sample::trust(), &[]);
        assert!(!out.status.success() && text(&out.stderr).contains("create the source role"), "{}", said(&out));
    }
}

#[test]
fn a_stack_that_has_the_role_is_named() {
    let gone = "describe-stack-resources.error";
    let answers: BTreeMap<&str, (&str, &str)> = [
        ("the owner", ("capa-stack", "is in the CloudFormation stack capa-stack")),
        ("not allowed", ("(AccessDenied) when calling", "can't find out")),
        ("no region", ("You must specify a region.", "can't find out")),
    ]
    .into();
    for shell in shells() {
        for (&what, &(answer, wanted)) in &answers {
            let stage = Stage::new();
            if what == "the owner" {
                fs::remove_file(stage.path("answers").join(gone)).unwrap();
                stage.answer("describe-stack-resources", answer);
            } else {
                stage.answer(gone, answer);
            }
            let (out, calls) = stage.run(&shell, &Sample::trust(), &[]);
            assert!(out.status.success() && writes(&calls), "{what}: {}", said(&out));
            let stderr = text(&out.stderr);
            assert!(stderr.contains("Warning: ") && stderr.contains(wanted), "{what}: {stderr}");
        }
    }
}
