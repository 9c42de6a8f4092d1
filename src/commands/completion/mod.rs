//! `kubectl xaccount completion`, and the answers to the shells that ask while somebody types.

mod found;
mod man;
mod values;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;

use clap::Command;
use clap_complete::engine::{self, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Fish, Powershell};

use super::{CommandError, Printed};
use crate::cli::{self, Completion, CompletionOf};
use found::ManifestNames;
use xaccount::diag::Diagnostic;

/// Not `kubectl xaccount`: a script for that name takes the place of kubectl's own completion.
const NAME: &str = "kubectl-xaccount";

/// Set by the scripts of clap_complete to the name of the shell. The name is unusual, so that it is not set by accident.
const VARIABLE: &str = "_KUBECTL_XACCOUNT_COMPLETE";

// The directives of cobra (cobra.dev, completions.go, `ShellCompDirective`).
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

pub(crate) fn run(args: &Completion) -> Result<Printed, CommandError> {
    let text = match args.what {
        CompletionOf::Bash => Ok(include_bytes!("completion.bash").to_vec()),
        CompletionOf::Zsh => Ok(include_bytes!("completion.zsh").to_vec()),
        CompletionOf::Fish => script(&Fish),
        CompletionOf::Powershell => script(&Powershell),
        CompletionOf::Kubectl => Ok(include_bytes!("kubectl_complete-xaccount").to_vec()),
        CompletionOf::Man => man::page(NAME),
    };
    printed(text)
}

fn script(shell: &dyn EnvCompleter) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    // The name is looked up on PATH when the key is pressed.
    shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut text)?;
    Ok(text)
}

fn printed(text: io::Result<Vec<u8>>) -> Result<Printed, CommandError> {
    text.map(Printed::of).map_err(|error| Diagnostic::error(error.to_string()).into())
}

/// The answer, if these arguments are a shell's question and no verb.
///
/// - `__complete WORD…` comes from `kubectl_complete-xaccount`, bash and zsh.
/// - `-- kubectl-xaccount WORD…` with the variable set comes from the scripts of clap_complete.
///
/// The last word is being typed.
pub(crate) fn answer(mut arguments: Vec<OsString>) -> Option<Result<Printed, CommandError>> {
    let first = arguments.first()?;
    if first == "__complete" {
        arguments[0] = NAME.into();
        if arguments.len() == 1 {
            arguments.push(OsString::new());
        }
        return Some(printed(candidates(arguments).map(|candidates| lines(&candidates).into_bytes())));
    }
    if first != "--" || arguments.len() < 2 {
        return None;
    }
    let shell: &dyn EnvCompleter = match std::env::var(VARIABLE).ok()?.as_str() {
        "fish" => &Fish,
        "powershell" => &Powershell,
        _ => return None,
    };
    arguments.remove(0);
    let mut text = Vec::new();
    let mut command = command(&arguments);
    let here = std::env::current_dir().ok();
    let result = shell.write_complete(&mut command, arguments, here.as_deref(), &mut text);
    Some(printed(result.map(|()| text)))
}

fn candidates(words: Vec<OsString>) -> io::Result<Vec<CompletionCandidate>> {
    let mut command = command(&words);
    let here = std::env::current_dir().ok();
    let last = words.len() - 1;
    engine::complete(&mut command, words, last, here.as_deref())
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

/// The command line as the engine is to see it: the program's name and more words, of which the last is being typed.
fn command(words: &[OsString]) -> Command {
    let typed = words.last().map_or(OsStr::new(""), OsString::as_os_str).as_encoded_bytes();
    let before = words.get(1..words.len() - 1).unwrap_or_default();
    let command = values::complete(cli::whole(), &ManifestNames::new(before));
    adapt(command, typed.starts_with(b"-"), typed.contains(&b'='))
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
