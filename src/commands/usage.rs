//! Wrong usage: what clap found, as a message that looks like every other one.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::live::DUMP;
use xaccount::diag::Diagnostic;

/// What kubectl users type and no verb has: the flag, and what to type instead.
const FROM_KUBECTL: &[(&[&str], &str)] = &[
    (&["-A", "--all-namespaces"], "every namespace of the files is read; -n NS reads only some"),
    (&["-w", "--watch"], "to write files: -i, or --write; files are not watched"),
    (&["--sort-by", "--template", "--jsonpath"], "kubectl xaccount status PATH -o json | jq .clusters"),
    (&["--field-selector"], "select by --cluster-name, -l SELECTOR or -n NS"),
    (&["--show-labels", "-L"], "-o wide shows more columns, and -o json all of them"),
    (&["--force", "--yes", "-y"], "files are written with --write; a refusal names the flag that allows it"),
];

/// Flags of kubectl that select or concern a live cluster.
const OF_A_CLUSTER: &[&str] =
    &["--context", "--kubeconfig", "--cluster", "--user", "--server", "-s", "--as", "--token", "--request-timeout"];

/// The error as a message, with what to type next.
pub(crate) fn diagnostic(error: &clap::Error, words: &[String]) -> Diagnostic {
    let verb = verb(words);
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let first = |kind| context(kind).into_iter().next().unwrap_or_default();
    let flag = || bare(&first(ContextKind::InvalidArg)).to_owned();
    let (message, mut help) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            // clap lists the nearest last.
            let near: Vec<String> = context(ContextKind::SuggestedSubcommand).into_iter().rev().collect();
            let help = if near.is_empty() { Vec::new() } else { vec![format!("similar verbs: {}", near.join(", "))] };
            (format!("unknown verb '{}'", first(ContextKind::InvalidSubcommand)), help)
        }
        ErrorKind::UnknownArgument => unknown_argument(
            &first(ContextKind::InvalidArg),
            context(ContextKind::SuggestedArg),
            verb == "kubectl xaccount fn",
        ),
        ErrorKind::InvalidValue if first(ContextKind::InvalidValue).is_empty() => {
            let help = one_of(&context(ContextKind::ValidValue));
            (format!("{} needs a value", flag()), help)
        }
        ErrorKind::InvalidValue => {
            let (flag, value) = (flag(), first(ContextKind::InvalidValue));
            let mut help: Vec<String> = Vec::new();
            help.extend(context(ContextKind::SuggestedValue).into_iter().map(|near| format!("perhaps {near}")));
            help.extend(one_of(&context(ContextKind::ValidValue)));
            (format!("invalid value '{value}' for {flag}"), help)
        }
        ErrorKind::ValueValidation => {
            let (flag, value) = (flag(), first(ContextKind::InvalidValue));
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            (format!("invalid value '{value}' for {flag}"), vec![why])
        }
        ErrorKind::ArgumentConflict => {
            let others: Vec<String> = context(ContextKind::PriorArg).iter().map(|one| bare(one).to_owned()).collect();
            let flag = flag();
            let message = match others.as_slice() {
                [] => format!("{flag} can't be used more than once"),
                [other] if *other == flag => format!("{flag} can't be used more than once"),
                others => format!("{flag} can't be used with {}", others.join(" and ")),
            };
            (message, Vec::new())
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = context(ContextKind::InvalidArg);
            (format!("missing {}", missing.iter().map(|one| bare(one)).collect::<Vec<_>>().join(" and ")), Vec::new())
        }
        _ => (first_sentence(error), Vec::new()),
    };
    help.push(format!("{verb} --help"));
    help.into_iter().fold(Diagnostic::error(message), Diagnostic::help)
}

/// A flag or an argument without the form of its value: `--account` of `--account <ID>`, `RULE` of `[RULE]`.
fn bare(shown: &str) -> &str {
    match shown.strip_prefix('[').or(shown.strip_prefix('<')) {
        Some(argument) => argument.split([']', '>']).next().unwrap_or_default(),
        None => shown.split([' ', '[', '=']).next().unwrap_or_default(),
    }
}

fn unknown_argument(flag: &str, near: Vec<String>, is_function: bool) -> (String, Vec<String>) {
    if is_function && !flag.starts_with('-') {
        let message = format!("unexpected argument '{flag}': fn reads a ResourceList from standard input");
        return (message, vec!["to edit files: kubectl xaccount inject".to_owned()]);
    }
    let name = flag.split('=').next().unwrap_or_default();
    let help = match FROM_KUBECTL.iter().find(|(flags, _)| flags.contains(&name)) {
        _ if OF_A_CLUSTER.contains(&name) => vec![format!(
            "this program reads files, not a cluster: {DUMP} --context NAME | kubectl xaccount status -f -"
        )],
        Some((_, instead)) => vec![(*instead).to_owned()],
        None => near.into_iter().map(|near| format!("perhaps {near}")).collect(),
    };
    let what = if flag.starts_with('-') { "flag" } else { "argument" };
    (format!("unknown {what} '{flag}'"), help)
}

fn one_of(values: &[String]) -> Vec<String> {
    if values.is_empty() { Vec::new() } else { vec![format!("one of {}", values.join(", "))] }
}

/// What clap prints, without its label, as one line.
fn first_sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The verb of a command line, as it is typed: `kubectl xaccount iam trust`.
fn verb(words: &[String]) -> String {
    let mut command = crate::cli::whole();
    let mut typed = String::from("kubectl xaccount");
    for word in words.iter().skip(1) {
        let Some(verb) = command.find_subcommand(word) else { break };
        typed.push(' ');
        typed.push_str(verb.get_name());
        command = verb.clone();
    }
    typed
}
