//! The flags of `fn`, on the command line or in a functionConfig.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, Parser};

use super::args::{IdentityArgs, SelectArgs, TargetArgs, TopologyArgs};
use super::help::{MORE, TEMPLATE};

const EXAMPLE: &str = "\
Example:
  kpt fn eval clusters \\
    --exec 'kubectl-xaccount fn --account=222222222222'";

const EXAMPLES: &str = "\
Examples:
  # kpt, in place
  kpt fn eval clusters --exec \\
    'kubectl-xaccount fn --account=222222222222 --identity-file=identities.yaml'

  # kustomize, with the ConfigMap as a transformer; kubectl kustomize silently
  # ignores exec functions
  kustomize build --enable-alpha-plugins --enable-exec .";

const NOTES: &str = "\
functionConfig:
  Instead of flags, a functionConfig can be used: a ConfigMap with the flags'
  names as keys of its data. A flag without a value is \"true\" there; several
  values are written one per line.

Exit status:
  0  done, also if no cluster matches
  2  an error: the items are printed unchanged, and results say why; for wrong
     flags and lists that can't be read, stdout is empty";

/// Run inject as a KRM function
///
/// Reads a ResourceList from standard input and prints it with its clusters pointed at the target account. New identities are added after the other items; with --identity-file, their path annotation is that file. Results say what was changed.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = NOTES,
    help_template = TEMPLATE, override_usage = "kubectl xaccount fn (--account ID | --role-arn ARN) [flags]")]
pub(crate) struct Function {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) topology: TopologyArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Whether any of these flags is on the command line; see [`Function::is_specified`].
    #[arg(skip)]
    pub(crate) specified: bool,
}

/// The flags of `fn`, as a functionConfig sets them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct FunctionConfig {
    #[command(flatten)]
    function: Function,
}

impl Function {
    /// Whether any of these flags is on the command line.
    pub(crate) fn is_specified(matches: &ArgMatches) -> bool {
        matches.subcommand_matches("fn").is_some_and(|given| {
            let flags = FunctionConfig::command();
            let specified =
                |flag: &clap::Arg| given.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine);
            flags.get_arguments().any(specified)
        })
    }

    /// The flags that a functionConfig's data set.
    ///
    /// # Errors
    /// A sentence: a key that is not a flag, or a value that the flag does not take.
    pub(crate) fn from_data(data: &[(String, String)]) -> Result<Self, String> {
        let command = FunctionConfig::command();
        let mut words = Vec::new();
        for (key, value) in data {
            if let "inline-policy" | "live" = key.as_str() {
                return Err(format!(
                    "data.{key} is not allowed, because it names a file of this machine: pass --{key} as a flag"
                ));
            }
            let Some(flag) = command.get_arguments().find(|flag| flag.get_long() == Some(key)) else {
                let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
                return Err(format!("data.{key} is not a flag of fn; the flags are: {}", known.join(", ")));
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
