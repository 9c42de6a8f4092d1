//! Completion in each shell, and through kubectl.
//!
//! Missing shells are reported as skipped. `scripts/test` installs those that the system packages.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{make_fifo, peer, root, skip, testdata, xaccount};

const IDENTITY: &str = "cross-account-role-333333333333";

/// A directory with manifests and other files, and `bin` with the program.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for (name, from) in [
        ("cinder.yaml", "dkp/dkp-2.7-v1beta2.yaml"),
        ("ridge.yaml", "dkp/dkp-other-account.yaml"),
        ("my file.yml", "dkp/dkp-2.7-v1beta2.yaml"),
    ] {
        fs::copy(testdata(from), path.join(name)).unwrap();
    }
    fs::write(path.join("notes.txt"), "").unwrap();
    fs::write(path.join("policy.json"), "{}").unwrap();
    fs::write(path.join("broken.yaml"), "kind: AWSCluster\n\t- [").unwrap();
    fs::create_dir(path.join("clusters")).unwrap();
    fs::copy(testdata("dkp/dkp-other-account.yaml"), path.join("clusters/one.yaml")).unwrap();
    fs::create_dir(path.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), path.join("bin/kubectl-xaccount")).unwrap();
    directory
}

fn path_with(directory: &Path) -> String {
    format!("{}:{}", directory.join("bin").display(), std::env::var("PATH").unwrap_or_default())
}

/// Completes words, of which the last one is being typed; returns the values and the directive.
fn ask(directory: &Path, words: &[&str]) -> (Vec<String>, String) {
    let out = xaccount().current_dir(directory).arg("__complete").args(words).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{words:?}: {out:?}");
    answers(&out)
}

fn answers(out: &Output) -> (Vec<String>, String) {
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let directive = lines.pop().expect("a directive");
    (lines, directive)
}

fn values(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split('\t').next().unwrap()).collect()
}

/// Words, the values offered, and the directive.
type Question = (&'static [&'static str], &'static [&'static str], &'static str);

/// Verbs, flags and their fixed values; no values if there are none to offer.
const WORDS: &[Question] = &[
    (&["inj"], &["inject"], ":4"),
    (&["inject", "--color", ""], &["auto", "always", "never"], ":4"),
    (&["inject", "--color=a"], &["--color=auto", "--color=always"], ":4"),
    (&["--color", "ne"], &["never"], ":4"),
    (&["inject", "-o", ""], &["yaml", "patch", "json-patch", "report"], ":4"),
    (&["inject", "-oj"], &["-ojson-patch"], ":4"),
    (&["completion", ""], &["bash", "zsh", "fish", "powershell", "kubectl", "man"], ":4"),
    // The next word is not the value of such a flag.
    (&["inject", "--dry-run", "ci"], &["cinder.yaml"], ":4"),
    (&["inject", "-v", "ci"], &["cinder.yaml"], ":4"),
    (&["inject", "--dry-run="], &["--dry-run=client"], ":4"),
    // Fixed values.
    (&["inject", "--partition", "aws-i"], &["aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"], ":4"),
    (&["inject", "--api-version", "v1b"], &["v1beta1", "v1beta2"], ":4"),
    (&["inject", "--topology-variable", "i"], &["identityRef"], ":4"),
    (
        &["inject", "--source-identity", ""],
        &["AWSClusterControllerIdentity/default", "AWSClusterRoleIdentity/", "AWSClusterStaticIdentity/"],
        ":4",
    ),
    (&["inject", "--source-identity", "AWSClusterS"], &["AWSClusterStaticIdentity/"], ":6"),
    (&["inject", "--external-id", ""], &[], ":4"),
    (
        &["nothing", ""],
        &[
            "inject",
            "eject",
            "identity",
            "fn",
            "iam",
            "lint",
            "status",
            "map",
            "explain",
            "completion",
            "help",
            "version",
        ],
        ":4",
    ),
];

/// Files: manifests and directories, and flags only for a dash.
const PATHS: &[Question] = &[
    (
        &["inject", ""],
        &["broken.yaml", "cinder.yaml", "my file.yml", "policy.json", "ridge.yaml", "bin/", "clusters/"],
        ":4",
    ),
    (&["inject", "cl"], &["clusters/"], ":6"),
    (&["inject", "clusters/"], &["clusters/one.yaml"], ":4"),
    (&["inject", "-f", "r"], &["ridge.yaml"], ":4"),
    (&["inject", "-f", "ridge.yaml,ci"], &["ridge.yaml,cinder.yaml"], ":4"),
    (&["inject", "--filename=ri"], &["--filename=ridge.yaml"], ":4"),
    (&["inject", "cinder.yaml", "ri"], &["ridge.yaml"], ":4"),
    (&["inject", "--inline-policy", "p"], &["policy.json"], ":4"),
    (&["inject", "--identity-file", "ri"], &["ridge.yaml"], ":4"),
    (&["inject", "notes"], &[], ":4"),
    (&["inject", "--wri"], &["--write"], ":4"),
    (&["inject", "--in-p"], &["--in-place"], ":4"),
];

/// Values read from the manifests.
const FROM_MANIFESTS: &[Question] = &[
    (&["inject", "--identity-name", ""], &[], ":4"),
    (&["inject", "ridge.yaml", "--identity-name", ""], &[IDENTITY], ":4"),
    (&["inject", "-f", "cinder.yaml,ridge.yaml", "--identity-name", ""], &[IDENTITY], ":4"),
    (&["inject", "broken.yaml", "ridge.yaml", "--identity-name", ""], &[IDENTITY], ":4"),
    (&["inject", "nowhere.yaml", "clusters", "--identity-name", ""], &[IDENTITY], ":4"),
    (&["inject", "--account", "no", "ridge.yaml", "--identity-name", "x"], &[], ":4"),
    (
        &["inject", "--account", "no", "ridge.yaml", "--source-identity", "AWSClusterR"],
        &["AWSClusterRoleIdentity/cross-account-role-333333333333"],
        ":4",
    ),
    (&["inject", "-R", ".", "--cluster-name", "r"], &["ridge"], ":4"),
    (&["inject", "cinder.yaml", "ridge.yaml", "--cluster-name", ""], &["cinder", "ridge"], ":4"),
    (&["inject", "ridge.yaml", "-n", ""], &["default"], ":4"),
    (&["inject", "ridge.yaml", "--account", ""], &["333333333333"], ":4"),
    (
        &["inject", "ridge.yaml", "--role-arn", "arn:aws:iam::3"],
        &["arn:aws:iam::333333333333:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"],
        ":4",
    ),
    (&["inject", "ridge.yaml", "--move-account", ""], &["333333333333=", "source=", "unknown="], ":6"),
    (&["inject", "ridge.yaml", "--orphan-resources", ""], &["default/ridge"], ":4"),
    (
        &["inject", "ridge.yaml", "--account", "222222222222", "--move-account", "333333333333="],
        &["333333333333=222222222222"],
        ":4",
    ),
    (&["inject", "ridge.yaml", "--allowed-namespaces", ""], &["all", "default", "served"], ":4"),
    (&["inject", "ridge.yaml", "--allowed-namespaces", "team-a,"], &["team-a,default"], ":4"),
];

/// Verbs below a verb, and verbs other than `inject`.
const OTHER_VERBS: &[Question] = &[
    (&["iam", ""], &["trust", "permission", "source-trust", "target-permission"], ":4"),
    (&["iam", "target-permission", "--have", "p"], &["policy.json"], ":4"),
    (&["iam", "target-permission", "--only-features", "eks-i"], &["eks-iam-roles", "eks-idp"], ":4"),
    (&["iam", "target-permission", "--only-features", "lb-v2,machine-e"], &["lb-v2,machine-eip-pool"], ":4"),
    (&["iam", "trust", "--merge", "p"], &["policy.json"], ":4"),
    (&["iam", "trust", "-o", "c"], &["cli", "cloudformation", "clusterawsadm"], ":4"),
    (&["iam", "permission", "-f", "ridge.yaml", "--account", ""], &["333333333333"], ":4"),
    (&["status", "-f", "ridge.yaml", "--account", ""], &["333333333333"], ":4"),
    (&["status", "-o", "m"], &["mermaid", "map"], ":4"),
    (&["status", "--against", "ri"], &["ridge.yaml"], ":4"),
];

#[test]
fn values_come_from_the_flags_and_from_the_manifests_on_the_command_line() {
    let directory = directory();
    for (words, expected, directive) in [WORDS, PATHS, FROM_MANIFESTS, OTHER_VERBS].concat() {
        let (lines, said) = ask(directory.path(), words);
        assert_eq!((values(&lines), said.as_str()), (expected.to_vec(), directive), "{words:?}");
    }
}

#[test]
fn descriptions_follow_a_tab() {
    let directory = directory();
    let (lines, _) = ask(directory.path(), &["inject", "--mov"]);
    assert!(lines[0].starts_with("--move-account\tReplace references to account FROM"), "{lines:?}");
    let (lines, _) = ask(directory.path(), &["inject", "ridge.yaml", "--cluster-name", ""]);
    assert_eq!(lines, ["ridge\tAWSCluster default/ridge"]);
}

/// Every flag of the help is offered, and no hidden one.
#[test]
fn all_flags_are_offered() {
    let help = xaccount().args(["inject", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (lines, _) = ask(root().as_path(), &["inject", "--"]);
    let offered = values(&lines);
    let flags: Vec<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--").or(line.trim_start().get(4..)?.strip_prefix("--")))
        .filter_map(|line| line.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).next())
        .collect();
    assert!(flags.len() > 25, "{flags:?}");
    for flag in flags {
        assert!(offered.contains(&format!("--{flag}").as_str()), "--{flag} is not offered");
    }
    assert!(!offered.contains(&"--kustomize"));
}

/// A pipe without a writer, and a name that contains characters of the protocol.
#[test]
fn nothing_hangs_and_no_name_is_read_as_two() {
    let directory = directory();
    let path = directory.path();
    make_fifo(&path.join("pipe.yaml"));
    fs::write(path.join("x\nbad.yaml"), "").unwrap();
    let (lines, _) = ask(path, &["inject", "pipe.yaml", "ridge.yaml", "--identity-name", ""]);
    assert_eq!(values(&lines), [IDENTITY]);
    let (lines, _) = ask(path, &["inject", "x"]);
    assert!(lines.is_empty(), "{lines:?}");
}

/// The variable of the scripts by itself does not turn a command into a completion request.
#[test]
fn a_variable_in_the_environment_changes_no_verb() {
    let out = xaccount().env("_KUBECTL_XACCOUNT_COMPLETE", "fish").env("COMPLETE", "bash").arg("--version").output();
    assert!(String::from_utf8(out.unwrap().stdout).unwrap().starts_with("kubectl-xaccount "));
}

// --- the shells ------------------------------------------------------------------------------------------------------

/// A program on PATH.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn script(directory: &Path, what: &str) -> PathBuf {
    let out = xaccount().args(["completion", what]).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let file = directory.join(format!("script.{what}"));
    fs::write(&file, out.stdout).unwrap();
    file
}

/// Unfinished lines, and the same lines after the tab key. A blank at the end shows that the word is complete.
const TYPED: &[(&str, &str)] = &[
    ("kubectl-xaccount inj", "kubectl-xaccount inject "),
    ("kubectl-xaccount inject --color al", "kubectl-xaccount inject --color always "),
    ("kubectl-xaccount inject --color=ne", "kubectl-xaccount inject --color=never "),
    ("kubectl-xaccount inject --color a", "kubectl-xaccount inject --color a"),
    ("kubectl-xaccount inject ci", "kubectl-xaccount inject cinder.yaml "),
    ("kubectl-xaccount inject clu", "kubectl-xaccount inject clusters/"),
    ("kubectl-xaccount inject my", "kubectl-xaccount inject my\\ file.yml "),
    ("kubectl-xaccount inject my\\ fi", "kubectl-xaccount inject my\\ file.yml "),
    ("kubectl-xaccount inject \"my fi", "kubectl-xaccount inject \"my file.yml\" "),
    ("kubectl-xaccount inject -f ridge.yaml,ci", "kubectl-xaccount inject -f ridge.yaml,cinder.yaml "),
    ("kubectl-xaccount inject notes", "kubectl-xaccount inject notes"),
    (
        "kubectl-xaccount inject ridge.yaml --identity-name cr",
        "kubectl-xaccount inject ridge.yaml --identity-name cross-account-role-333333333333 ",
    ),
    (
        "kubectl-xaccount inject ridge.yaml --source-identity AWSClusterRoleIdentity/",
        "kubectl-xaccount inject ridge.yaml --source-identity AWSClusterRoleIdentity/cross-account-role-333333333333 ",
    ),
    // The characters at which bash splits words.
    (
        "kubectl-xaccount inject ridge.yaml --role-arn arn:aws:iam::33",
        "kubectl-xaccount inject ridge.yaml --role-arn \
         arn:aws:iam::333333333333:role/control-plane.cluster-api-provider-aws.sigs.k8s.io ",
    ),
    (
        "kubectl-xaccount inject ridge.yaml --account 222222222222 --move-account 333333333333=",
        "kubectl-xaccount inject ridge.yaml --account 222222222222 --move-account 333333333333=222222222222 ",
    ),
    (
        "kubectl-xaccount inject ridge.yaml --move-account 33",
        "kubectl-xaccount inject ridge.yaml --move-account 333333333333=",
    ),
];

/// Types the lines into an interactive shell whose setup is `setup`, with `OUT` as the file that it writes to.
fn type_into(directory: &Path, shell: &[&str], setup: &str) -> Vec<String> {
    let out = directory.join("out");
    fs::write(directory.join("setup"), setup).unwrap();
    let lines: String = TYPED.iter().map(|(line, _)| format!("{line}\n")).collect();
    fs::write(directory.join("lines"), lines).unwrap();
    let ran = Command::new("python3")
        .arg(root().join("scripts/peers/shells/type.py"))
        .args([directory.join("lines"), out.clone()])
        .args(shell)
        .current_dir(directory)
        .env("PATH", path_with(directory))
        .env("OUT", &out)
        .env("HOME", directory)
        .env("ZDOTDIR", directory)
        .env("TERM", "xterm")
        .env_remove("INPUTRC")
        .env_remove("BASH_ENV")
        .output()
        .expect("python3 starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn is_typed(shell: &str, said: &[String]) {
    assert_eq!(said.len(), TYPED.len(), "{shell}: {said:?}");
    for ((line, expected), said) in TYPED.iter().zip(said) {
        assert_eq!(said, expected, "{shell}, after: {line}");
    }
}

#[test]
fn bash() {
    for program in ["bash", "python3"] {
        if !has(program) {
            return skip("completion::bash", &format!("no {program}"));
        }
    }
    // Older versions don't report what is on the line.
    let old = Command::new("bash").args(["-c", "((BASH_VERSINFO[0] < 4))"]).status().unwrap().success();
    if old {
        return skip("completion::bash", "bash is older than 4.0 here");
    }
    let directory = directory();
    script(directory.path(), "bash");
    let setup = "\
        source ./script.bash\n\
        dump() { printf '%s\\n' \"$READLINE_LINE\" >>\"$OUT\"; READLINE_LINE=; }\n\
        bind -x '\"\\C-x\\C-p\": dump'\n\
        bind 'set bell-style none'\n\
        echo ready >>\"$OUT\"\n";
    let said = type_into(directory.path(), &["bash", "--noprofile", "--rcfile", "setup", "-i"], setup);
    is_typed("bash", &said);

    // The function by itself, as bash calls it, without a terminal.
    let asked = Command::new("bash")
        .args(["--norc", "-c"])
        .arg(
            "source ./script.bash\n\
             [[ $(complete -p kubectl-xaccount) == *' -F '*' kubectl-xaccount' ]] || exit 9\n\
             read -r -a registered <<<\"$(complete -p kubectl-xaccount)\"\n\
             COMP_WORDS=(kubectl-xaccount inject --color '') COMP_CWORD=3 COMP_LINE='kubectl-xaccount inject --color '\n\
             COMP_POINT=${#COMP_LINE}\n\
             \"${registered[${#registered[@]}-2]}\" kubectl-xaccount '' --color\n\
             printf '%s\\n' \"${COMPREPLY[@]}\"",
        )
        .current_dir(directory.path())
        .env("PATH", path_with(directory.path()))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "auto\nalways\nnever\n", "{asked:?}");
}

#[test]
fn zsh() {
    for program in ["zsh", "python3"] {
        if !has(program) {
            return skip("completion::zsh", &format!("no {program}"));
        }
    }
    let keys = "\
        dump() { print -r -- \"$BUFFER\" >>$OUT; BUFFER=; }\n\
        zle -N dump\n\
        bindkey -e\n\
        bindkey '^X^P' dump\n\
        setopt no_beep no_auto_remove_slash no_auto_param_slash no_auto_menu no_list_ambiguous\n\
        echo ready >>$OUT\n";
    // As in the help, and as a file that zsh reads when it first needs it.
    for setup in [
        "autoload -Uz compinit; compinit -u -D\nsource ./script.zsh\n",
        "fpath=(./functions $fpath)\nautoload -Uz compinit; compinit -u -D\n",
    ] {
        let directory = directory();
        let path = directory.path();
        let file = script(path, "zsh");
        fs::create_dir(path.join("functions")).unwrap();
        fs::copy(file, path.join("functions/_kubectl-xaccount")).unwrap();
        fs::write(path.join(".zshrc"), format!("{setup}{keys}")).unwrap();
        let said = type_into(path, &["zsh", "-d", "-i"], "");
        is_typed("zsh", &said);
    }
}

#[test]
fn fish() {
    if !has("fish") {
        return skip("completion::fish", "no fish");
    }
    let directory = directory();
    script(directory.path(), "fish");
    for (line, expected) in [
        ("kubectl-xaccount inject --color ", "auto\nalways\nnever\n"),
        ("kubectl-xaccount inject --color=al", "--color=always\n"),
        ("kubectl-xaccount inject cin", "cinder.yaml\n"),
        ("kubectl-xaccount inject clu", "clusters/\n"),
        ("kubectl-xaccount inject my", "my file.yml\n"),
        ("kubectl-xaccount inject ridge.yaml --identity-name ", "cross-account-role-333333333333\n"),
        ("kubectl-xaccount inject ridge.yaml --move-account 3", "333333333333=\n"),
        ("kubectl-xaccount inject notes", ""),
    ] {
        let out = Command::new("fish")
            .args(["--no-config", "-c", "source ./script.fish; complete -C $argv[1]", line])
            .current_dir(directory.path())
            .env("PATH", path_with(directory.path()))
            .env("HOME", directory.path())
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let values: String =
            text.lines().map(|line| format!("{}\n", line.split('\t').next().unwrap_or_default())).collect();
        assert_eq!(values, expected, "{line}{}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn powershell() {
    if !has("pwsh") {
        return skip("completion::powershell", "no pwsh");
    }
    let directory = directory();
    let file = script(directory.path(), "powershell");
    for (line, expected) in [
        ("kubectl-xaccount inject --color ", "auto\nalways\nnever\n"),
        ("kubectl-xaccount inject cin", "cinder.yaml\n"),
    ] {
        let ask = format!(
            "Get-Content -Raw '{}' | Invoke-Expression; \
             (TabExpansion2 '{line}' {}).CompletionMatches | ForEach-Object {{ $_.CompletionText }}",
            file.display(),
            line.len()
        );
        let out = Command::new("pwsh")
            .args(["-NoProfile", "-NonInteractive", "-Command", &ask])
            .current_dir(directory.path())
            .env("PATH", path_with(directory.path()))
            .env("HOME", directory.path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stdout), expected, "{line}: {out:?}");
    }
}

// --- kubectl ---------------------------------------------------------------------------------------------------------

/// The commands of the help that install the program for kubectl.
fn install_lines() -> String {
    let help = xaccount().args(["completion", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let lines: String = help
        .lines()
        .filter(|line| line.contains("kubectl_complete-xaccount"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(lines.lines().count(), 2, "{help}");
    lines
}

#[test]
fn through_kubectl() {
    let Some(kubectl) = peer("kubectl") else {
        return skip("completion::through_kubectl", "no kubectl");
    };
    let directory = directory();
    let path = directory.path();
    let local = path.join(".local/bin");
    fs::create_dir_all(&local).unwrap();
    symlink(&kubectl, path.join("bin/kubectl")).unwrap();
    let search = format!("{}:{}", local.display(), path_with(path));
    let command = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(path).env("PATH", &search).env("HOME", path).env("KUBECONFIG", path.join("no-such-file"));
        command
    };
    let installed = command("sh").args(["-e", "-c", &install_lines()]).output().unwrap();
    assert!(installed.status.success(), "{installed:?}");
    let mode = fs::metadata(local.join("kubectl_complete-xaccount")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);

    let questions: &[Question] = &[
        (&["in"], &["inject"], ":4"),
        (&["inject", "--color", ""], &["auto", "always", "never"], ":4"),
        (&["inject", "--color=al"], &["--color=always"], ":4"),
        (
            &["inject", ""],
            &["broken.yaml", "cinder.yaml", "my file.yml", "policy.json", "ridge.yaml", "bin/", "clusters/"],
            ":4",
        ),
        (&["inject", "clu"], &["clusters/"], ":6"),
        (&["inject", "ridge.yaml", "--identity-name", ""], &[IDENTITY], ":4"),
    ];
    for (words, expected, directive) in questions {
        let out = command(kubectl.to_str().unwrap()).args(["__complete", "xaccount"]).args(*words).output().unwrap();
        assert!(out.status.success(), "{out:?}");
        let (lines, said) = answers(&out);
        assert_eq!((values(&lines), said.as_str()), (expected.to_vec(), *directive), "{words:?}");
    }
    // The commands of docs/completion.md.
    let page = fs::read_to_string(root().join("docs/completion.md")).unwrap();
    let (_, block) = page.split_once("```console\n$ ").expect("a command");
    let (line, shown) = block.split_once('\n').unwrap();
    let out = command("sh").args(["-c", line]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), shown.split_once("```").unwrap().0, "{line}");
}

// --- the man page ----------------------------------------------------------------------------------------------------

#[test]
fn the_man_page_lists_all_flags_and_has_no_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let page = script(directory.path(), "man");
    let text = fs::read_to_string(&page).unwrap();
    for verb in ["inject", "fn", "completion"] {
        let help = xaccount().args([verb, "-h"]).output().unwrap();
        for word in String::from_utf8(help.stdout).unwrap().split(|c: char| !(c.is_ascii_lowercase() || c == '-')) {
            if let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) {
                let flag = format!("\\-\\-{}", flag.replace('-', "\\-"));
                assert!(text.contains(&flag), "the man page lacks {flag}");
            }
        }
        assert!(text.contains(&format!(".SH \"KUBECTL XACCOUNT {}\"", verb.to_uppercase())), "{text}");
    }
    assert!(text.is_ascii(), "groff reads other characters only with the right option");
    // `.TP`, the flag, its text.
    let lines: Vec<&str> = text.lines().collect();
    let flags = lines.windows(3).filter(|lines| lines[0] == ".TP");
    let mut count = 0;
    for lines in flags {
        count += 1;
        assert!(!lines[2].is_empty() && !lines[2].starts_with('.'), "{} has no text", lines[1]);
    }
    assert!(count > 150, "the man page has {count} flags");
    if !has("groff") {
        return skip("completion::the_man_page_names_all_and_has_no_mistakes", "no groff");
    }
    let groff = Command::new("groff").args(["-ww", "-man", "-Tutf8"]).arg(&page).output().unwrap();
    assert!(groff.status.success() && groff.stderr.is_empty(), "{}", String::from_utf8_lossy(&groff.stderr));
    let shown = String::from_utf8_lossy(&groff.stdout);
    // Each example is on a line of its own.
    assert!(shown.lines().any(|line| line.contains("source <(kubectl-xaccount completion bash)")), "{shown}");
    if has("man") {
        let man = Command::new("man").args(["--warnings", "-l"]).arg(&page).env("LC_ALL", "C.UTF-8").output().unwrap();
        assert!(man.status.success() && man.stderr.is_empty(), "{}", String::from_utf8_lossy(&man.stderr));
    }
}

/// docs/completion.md shows the commands of the help unchanged.
#[test]
fn the_page_shows_the_commands_of_the_help() {
    let page = fs::read_to_string(root().join("docs/completion.md")).unwrap();
    let help = xaccount().args(["completion", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    let (examples, _) = examples.split_once("\nUsage:\n").expect("usage after the examples");
    let mut count = 0;
    for line in examples.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(page.lines().any(|shown| shown.trim() == line), "docs/completion.md lacks: {line}");
        count += 1;
    }
    assert!(count >= 7, "{examples}");
}

#[test]
fn the_release_script_writes_all_scripts_and_the_man_page() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("extras");
    let status = Command::new(root().join("scripts/extras"))
        .arg(&out)
        .arg(env!("CARGO_BIN_EXE_kubectl-xaccount"))
        .status()
        .unwrap();
    assert!(status.success());
    for (what, name) in [
        ("bash", "kubectl-xaccount.bash"),
        ("zsh", "_kubectl-xaccount"),
        ("fish", "kubectl-xaccount.fish"),
        ("powershell", "kubectl-xaccount.ps1"),
        ("kubectl", "kubectl_complete-xaccount"),
        ("man", "kubectl-xaccount.1"),
    ] {
        let printed = xaccount().args(["completion", what]).output().unwrap().stdout;
        assert!(!printed.is_empty() && printed == fs::read(out.join(name)).unwrap(), "{what}");
    }
}
