//! The flags of `fn`, on the command line or in a functionConfig.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, Parser};

use super::args::{IdentityArgs, SelectArgs, TargetArgs};

const EXAMPLES: &str = "\
What to do is said by flags, or by a functionConfig: a ConfigMap whose data has the flags' names as
keys. A flag without a value is \"true\" there; several values stand one a line.

Examples:
  # kpt, in place
  kpt fn eval clusters \\
    --exec 'kubectl-xaccount fn --account=222222222222 --identity-file=identities.yaml'

  # kustomize, with the ConfigMap as a transformer; kubectl kustomize skips exec functions silently
  kustomize build --enable-alpha-plugins --enable-exec .

Exit status:
  0  done; nothing to point is no error here
  2  an error; the items come out unchanged, and results say why. Wrong flags and unreadable lists
     print nothing";

/// The same as inject, as a KRM function
///
/// Reads a ResourceList from standard input and prints it with the clusters in it pointed at the target account. New identities are items behind the others; with --identity-file their path annotation is that file. Results say what was changed.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES, override_usage = "kubectl xaccount fn [(--role-arn ARN | --account ID)] [flags]")]
pub(crate) struct Function {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Whether the command line says any of these; see [`Function::is_specified`].
    #[arg(skip)]
    pub(crate) specified: bool,
}

/// The flags of `fn`, as a functionConfig says them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct FunctionConfig {
    #[command(flatten)]
    function: Function,
}

impl Function {
    /// Whether a command line says any of these flags.
    pub(crate) fn is_specified(matches: &ArgMatches) -> bool {
        matches.subcommand_matches("fn").is_some_and(|given| {
            let flags = FunctionConfig::command();
            let specified =
                |flag: &clap::Arg| given.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine);
            flags.get_arguments().any(specified)
        })
    }

    /// The flags that a functionConfig's data say.
    ///
    /// # Errors
    /// A sentence: a key that is no flag, or a value that the flag does not take.
    pub(crate) fn from_data(data: &[(String, String)]) -> Result<Self, String> {
        let command = FunctionConfig::command();
        let mut words = Vec::new();
        for (key, value) in data {
            if let "inline-policy" | "live" = key.as_str() {
                return Err(format!("{key} names a file of this machine, and data may not: pass --{key} as a flag"));
            }
            let Some(flag) = command.get_arguments().find(|flag| flag.get_long() == Some(key)) else {
                let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
                return Err(format!("data.{key} is no flag of fn; these are: {}", known.join(", ")));
            };
            match (flag.get_action(), value.as_str()) {
                (ArgAction::SetTrue, "true") => words.push(format!("--{key}")),
                (ArgAction::SetTrue, "false") => {}
                (ArgAction::SetTrue, _) => return Err(format!("data.{key} is '{value}': write \"true\" or \"false\"")),
                _ if value.is_empty() => words.push(format!("--{key}=")),
                _ => words.extend(value.lines().map(|line| format!("--{key}={line}"))),
            }
        }
        FunctionConfig::try_parse_from(words).map(|config| config.function).map_err(|error| {
            let text = error.render().to_string();
            let first = text.split("\n\n").next().unwrap_or_default();
            first.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
        })
    }
}
