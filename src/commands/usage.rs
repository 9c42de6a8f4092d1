//! Wrong usage: what clap found, as a message that looks like every other one.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::management_cluster::DUMP;
use xaccount::diag::Diagnostic;

/// Flags of kubectl that no verb has, the flag that a verb needs for the advice to hold, and what to type instead.
const FROM_KUBECTL: &[(&[&str], &str, &str)] = &[
    (&["-A", "--all-namespaces"], "namespace", "every namespace of the files is read; -n NS reads only some"),
    (&["-w", "--watch", "--force", "--yes", "-y"], "write", "to write files: -i, or --write"),
    (&["--sort-by", "--template", "--jsonpath"], "no-headers", "-o json prints data, for example for jq"),
    (&["--field-selector"], "cluster-name", "select by --cluster-name, -l SELECTOR or -n NS"),
    (&["--show-labels", "-L"], "no-headers", "-o wide shows more columns, and -o json all data"),
];

/// Flags of kubectl that select or concern a live cluster.
const OF_A_CLUSTER: &[&str] =
    &["--context", "--kubeconfig", "--cluster", "--user", "--server", "-s", "--as", "--token", "--request-timeout"];

/// A flag that exists only to be refused.
const REFUSED: &str = "--kustomize";

/// The error as a message, with what to type next.
pub(crate) fn diagnostic(error: &clap::Error, words: &[String]) -> Diagnostic {
    let verb = TypedVerb::of(words);
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
        ErrorKind::UnknownArgument => {
            unknown_argument(&first(ContextKind::InvalidArg), context(ContextKind::SuggestedArg), &verb)
        }
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
    help.push(format!("{} --help", verb.typed));
    help.into_iter().fold(Diagnostic::error(message), Diagnostic::help)
}

/// A flag or an argument without the form of its value: `--account` of `--account <ID>`, `RULE` of `[RULE]`.
fn bare(shown: &str) -> &str {
    match shown.strip_prefix('[').or(shown.strip_prefix('<')) {
        Some(argument) => argument.split([']', '>']).next().unwrap_or_default(),
        None => shown.split([' ', '[', '=']).next().unwrap_or_default(),
    }
}

fn unknown_argument(flag: &str, near: Vec<String>, verb: &TypedVerb) -> (String, Vec<String>) {
    if verb.command.get_name() == "fn" && !flag.starts_with('-') {
        let message = format!("unexpected argument '{flag}': fn reads a ResourceList from standard input");
        return (message, vec!["to edit files: kubectl xaccount inject".to_owned()]);
    }
    let name = flag.split('=').next().unwrap_or_default();
    let kubectl = FROM_KUBECTL.iter().find(|(flags, needs, _)| flags.contains(&name) && verb.has(needs));
    let help = match kubectl {
        _ if OF_A_CLUSTER.contains(&name) => vec![format!(
            "this program reads files, not a cluster: {DUMP} --context NAME | kubectl xaccount status -f -"
        )],
        Some((_, _, instead)) => vec![(*instead).to_owned()],
        None => near.into_iter().filter(|near| near != REFUSED).map(|near| format!("perhaps {near}")).collect(),
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

/// The error for words of `help` that are not a verb.
pub(crate) fn unknown_verb(words: &[String]) -> Option<Diagnostic> {
    let mut command = crate::cli::whole();
    for word in words {
        match command.find_subcommand(word) {
            Some(verb) => command = verb.clone(),
            None => {
                let error = Diagnostic::error(format!("unknown verb '{}'", words.join(" ")));
                return Some(error.help("kubectl xaccount help"));
            }
        }
    }
    None
}

/// The verb of a command line.
struct TypedVerb {
    /// `kubectl xaccount iam trust`
    typed: String,
    command: clap::Command,
}

impl TypedVerb {
    fn of(words: &[String]) -> Self {
        let mut command = crate::cli::whole();
        let mut typed = String::from("kubectl xaccount");
        for word in words.iter().skip(1) {
            let Some(verb) = command.find_subcommand(word) else { break };
            typed.push(' ');
            typed.push_str(verb.get_name());
            command = verb.clone();
        }
        Self { typed, command }
    }

    /// Whether it has a flag of this name.
    fn has(&self, flag: &str) -> bool {
        self.command.get_arguments().any(|arg| arg.get_long() == Some(flag))
    }
}
