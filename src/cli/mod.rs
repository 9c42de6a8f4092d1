//! The command line: verbs and flags.

mod args;
mod cluster;
mod completion;
mod eject;
mod explain;
mod function;
mod help;
mod iam;
mod iam_shared;
mod identity;
mod inject;
mod lazy;
mod lint;
mod map;
mod prune;
mod status;
mod target_permission;
mod values;
mod version;

use std::ffi::OsString;
use std::path::Path;

use clap::{Args, Command, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use args::{ConfigArgs, IdentityArgs, InputArgs, ModeArgs, OutputFormat, SelectArgs, TargetArgs};
pub(crate) use cluster::ClusterArgs;
pub(crate) use completion::{Completion, CompletionOf};
pub(crate) use eject::Eject;
pub(crate) use explain::Explain;
pub(crate) use function::Function;
pub(crate) use help::{Help, fitted_help};
pub(crate) use iam::{
    AskedCredentials, ChangeArgs, ConditionArgs, ContextEntry, Iam, IamTargetArgs, IamVerb, Permission, PolicyArgs,
    SourceRoleArgs, SourceTrust, Trust,
};
pub(crate) use iam_shared::{ManifestArgs, PolicyFormat};
pub(crate) use identity::{AccountArgs, Identity};
pub(crate) use inject::Inject;
pub(crate) use lazy::Lazy;
pub(crate) use lint::{FixLevel, Level, Lint, LintFormat};
pub(crate) use map::{AccountMapArgs, DataFormat, MapInit, MapKind, MapVerb, MapWhich};
pub(crate) use status::{Status, StatusFormat};
pub(crate) use target_permission::TargetPermission;
pub(crate) use values::{AskedAccount, AskedMove, TopologyVariable};
pub(crate) use version::{Version, VersionFormat};

/// Point Cluster API AWS clusters at another AWS account.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-xaccount",
    bin_name = "kubectl xaccount",
    version = env!("XACCOUNT_VERSION"),
    about = "Point Cluster API AWS clusters at another AWS account",
    long_about = "Point Cluster API AWS clusters at another AWS account.\n\n\
        Edits the manifests of Cluster API Provider AWS (dkp, nkp, clusterctl, Git) so that clusters are created in a \
        target account: the identity reference of each cluster, and the AWSClusterRoleIdentity that it names. Prints a \
        diff first, and changes no other byte.",
    before_help = EXAMPLE,
    after_help = "all flags and examples of a verb: kubectl xaccount VERB --help",
    after_long_help = EXIT_STATUS,
    help_template = help::TEMPLATE,
    override_usage = "kubectl xaccount VERB [flags]",
    subcommand_help_heading = "Verbs",
    disable_help_flag = true,
    disable_version_flag = true,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,

    #[command(flatten)]
    pub(crate) global: Global,
}

const EXAMPLE: &str = "\
Example:
  kubectl xaccount inject foo.yaml --account 222222222222";

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  the diff or --check found something to change, lint found an error, or
     status --exit-code found a cluster that is not permitted or that moved
  2  an error or wrong usage; stdout is empty";

/// Flags of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = help::GLOBAL_HEADING)]
pub(crate) struct Global {
    /// Use colours: auto, always or never; auto respects NO_COLOR and CLICOLOR_FORCE
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorWhen,

    /// Print what was decided and why
    #[arg(short = 'v', long = "verbose", alias = "v", value_name = "LEVEL", num_args = 0..=1, require_equals = true,
          default_value = "0", default_missing_value = "1", global = true, hide_default_value = true)]
    pub(crate) verbose: u8,

    /// Print only errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Print help
    #[arg(short, long, action = clap::ArgAction::Help, global = true, long_help = "Print help; -h prints less")]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// The verbs. A variant's doc comment is its line in the list of verbs and must equal the first line of the verb's own help,
/// because flags are built late, see [`Lazy`].
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Point clusters at a target account
    Inject(Lazy<Inject>),
    /// Remove the references again, and identities that nothing uses
    Eject(Lazy<Eject>),
    /// Print the identities of accounts, before any cluster exists
    Identity(Lazy<Identity>),
    /// Run inject as a KRM function
    #[command(name = "fn")]
    Function(Lazy<Function>),
    /// Print or merge the trust and permissions policies of both accounts
    Iam(Lazy<Iam>),
    /// Find cross-account mistakes in manifests
    Lint(Lazy<Lint>),
    /// Show each cluster's account and identity, and whether CAPA allows it
    Status(Lazy<Status>),
    /// Start an account map, show its schema, and which entry a cluster matches
    Map(Lazy<AccountMapArgs>),
    /// Explain a rule of lint
    Explain(Lazy<Explain>),
    /// Print completion for kubectl or a shell, or the man page
    Completion(Lazy<Completion>),
    /// Print help for a verb
    Help(Lazy<Help>),
    /// Print the version
    Version(Lazy<Version>),
}

/// The whole command line, with the flags of every verb built.
pub(crate) fn whole() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// The words of the command line. The name of an existing file is never parsed as a flag: pre-commit passes names such as
/// `-dash.yaml` unchanged, and the hook can't put `--` before them, because users add their own flags after the hook's.
pub(crate) fn command_line(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut flags = true;
    let path = |word: OsString| {
        flags &= word != "--";
        let file = Path::new(&word);
        let dashed = flags && word.as_encoded_bytes().starts_with(b"-") && file.extension().is_some();
        if dashed && file.is_file() { Path::new(".").join(file).into_os_string() } else { word }
    };
    words.map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a terminal, help is wrapped at 80 columns, and a wrapped command can't be copied.
    #[test]
    fn no_line_of_an_example_is_wrapped() {
        fn check(command: &clap::Command) {
            let texts = [command.get_before_help(), command.get_before_long_help(), command.get_after_long_help()];
            for line in texts
                .into_iter()
                .flatten()
                .flat_map(|text| text.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
            {
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&whole());
    }
}
