//! `kubectl xaccount completion`, and the answers to the shells that ask while somebody types.

mod found;
mod man;
mod values;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;

use clap::{Command, CommandFactory};
use clap_complete::engine::{self, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Fish, Powershell, Shells, Zsh};

use super::{ExitStatus, Printed};
use crate::cli::{Cli, Completion, CompletionOf};
use found::Found;

/// Not `kubectl xaccount`: a script for that name takes the place of kubectl's own completion.
const NAME: &str = "kubectl-xaccount";

/// Set by the scripts of clap_complete to the name of the shell. Our own name, so that nobody sets it by accident.
const VARIABLE: &str = "_KUBECTL_XACCOUNT_COMPLETE";

/// As a file `_kubectl-xaccount` in `fpath`, the script is read by the first call, which has to complete, too.
const ZSH_AUTOLOAD: &str = "\
if [[ ${funcstack[1]} == _kubectl-xaccount ]]; then
    _clap_dynamic_completer_kubectl_xaccount \"$@\"
fi
";

// The directives of cobra (cobra.dev, completions.go, `ShellCompDirective`).
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

pub(crate) fn run(args: &Completion) -> Printed {
    let text = match args.what {
        CompletionOf::Bash => Ok(include_bytes!("completion.bash").to_vec()),
        CompletionOf::Zsh => script(&Zsh).map(|text| [text.as_slice(), ZSH_AUTOLOAD.as_bytes()].concat()),
        CompletionOf::Fish => script(&Fish),
        CompletionOf::Powershell => script(&Powershell),
        CompletionOf::Kubectl => Ok(include_bytes!("kubectl_complete-xaccount").to_vec()),
        CompletionOf::Man => man::page(),
    };
    printed(text)
}

fn script(shell: &dyn EnvCompleter) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut text)?;
    Ok(text)
}

fn printed(text: io::Result<Vec<u8>>) -> Printed {
    match text {
        Ok(stdout) => Printed { before: String::new(), stdout, after: String::new(), status: ExitStatus::Done },
        Err(error) => Printed::error(format!("error: {error}\n")),
    }
}

/// The answer, if these arguments are a shell's question and no verb.
///
/// - `__complete WORD…` comes from `kubectl_complete-xaccount` and from the bash script; the last word is being typed.
/// - `-- kubectl-xaccount WORD…` with the variable set comes from the scripts of clap_complete.
pub(crate) fn answer(mut arguments: Vec<OsString>) -> Option<Printed> {
    let first = arguments.first()?;
    if first == "__complete" {
        arguments[0] = NAME.into();
        if arguments.len() == 1 {
            arguments.push(OsString::new());
        }
        let at = arguments.len() - 1;
        return Some(printed(candidates(arguments, at).map(|candidates| lines(&candidates).into_bytes())));
    }
    if first != "--" || arguments.len() < 2 {
        return None;
    }
    let shell = std::env::var(VARIABLE).ok()?;
    let shells = Shells::builtins();
    let shell = shells.completer(&shell)?;
    arguments.remove(0);
    // zsh alone says where the cursor is; it drops the word that is being typed where that is empty.
    let at = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|at| at.parse().ok());
    let at = at.unwrap_or(arguments.len() - 1).min(arguments.len());
    let mut text = Vec::new();
    let mut command = command(&arguments, at);
    let here = std::env::current_dir().ok();
    let result = shell.write_complete(&mut command, arguments, here.as_deref(), &mut text);
    Some(printed(result.map(|()| text)))
}

fn candidates(words: Vec<OsString>, at: usize) -> io::Result<Vec<CompletionCandidate>> {
    let mut command = command(&words, at);
    let here = std::env::current_dir().ok();
    engine::complete(&mut command, words, at, here.as_deref())
}

/// Candidates as cobra prints them: one a line with a tab before its description, then the directive.
fn lines(candidates: &[CompletionCandidate]) -> String {
    let mut text = String::new();
    for candidate in candidates {
        let value = candidate.get_value().to_string_lossy();
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = match help.lines().next() {
            None | Some("") => writeln!(text, "{value}"),
            Some(help) => writeln!(text, "{value}\t{help}"),
        };
    }
    let goes_on = |candidate: &CompletionCandidate| {
        let value = candidate.get_value().as_encoded_bytes();
        value.ends_with(b"/") || value.ends_with(b"=")
    };
    let no_space = if !candidates.is_empty() && candidates.iter().all(goes_on) { NO_SPACE } else { 0 };
    let _ = writeln!(text, ":{}", NO_FILES | no_space);
    text
}

/// The command line as the engine is to see it, with the word at `at` being typed.
fn command(words: &[OsString], at: usize) -> Command {
    let typed = words.get(at).map_or(OsStr::new(""), OsString::as_os_str).as_encoded_bytes();
    let found = Found::new(&words[1.min(at)..at]);
    let mut command = values::complete(Cli::command(), &found);
    // Adds the global flags to each verb.
    command.build();
    let flags = typed.starts_with(b"-");
    adapt(command, flags, typed.contains(&b'='))
}

/// Two things that the engine does not do by itself: flags are offered only to a word that begins with a dash, as kubectl
/// and fish have it, and a flag whose value must follow `=` takes no next word.
fn adapt(command: Command, flags: bool, has_equals: bool) -> Command {
    command
        .mut_args(|arg| {
            let arg = if arg.is_require_equals_set() && !has_equals { arg.num_args(0) } else { arg };
            if flags || arg.is_positional() { arg } else { arg.hide(true) }
        })
        .mut_subcommands(|verb| adapt(verb, flags, has_equals))
}
