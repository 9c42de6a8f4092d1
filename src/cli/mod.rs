//! All flags.

mod args;
mod completion;
mod eject;
mod explain;
mod function;
mod iam;
mod identity;
mod inject;
mod lazy;
mod lint;
mod status;
mod values;

use std::ffi::OsString;
use std::path::Path;

use clap::{Args, Command, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use args::{ConfigArgs, IdentityArgs, InputArgs, ModeArgs, OutputFormat, SelectArgs, TargetArgs};
pub(crate) use completion::{Completion, CompletionOf};
pub(crate) use eject::Eject;
pub(crate) use explain::Explain;
pub(crate) use function::Function;
pub(crate) use iam::{
    Iam, IamTargetArgs, IamVerb, ManifestArgs, Permission, PolicyArgs, PolicyFormat, SourceRoleArgs, Trust,
};
pub(crate) use identity::{AccountArgs, Identity};
pub(crate) use inject::Inject;
pub(crate) use lazy::Lazy;
pub(crate) use lint::{Level, Lint, LintFormat};
pub(crate) use status::{Status, StatusFormat};
pub(crate) use values::{AskedAccount, AskedMove, TopologyVariable};

/// Point Cluster API AWS clusters at another AWS account.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-xaccount",
    bin_name = "kubectl xaccount",
    version = env!("XACCOUNT_VERSION"),
    about = "Point Cluster API AWS clusters at another AWS account",
    long_about = "Point Cluster API AWS clusters at another AWS account.\n\n\
        Edits the manifests of Cluster API Provider AWS (dkp, nkp, clusterctl, Git) so that clusters are created in a \
        target account: the identity reference on each cluster, and the AWSClusterRoleIdentity that it names. Shows a \
        diff first; changes no other byte.",
    after_long_help = EXIT_STATUS,
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

const EXIT_STATUS: &str = "Exit status: 0 done; 1 the diff or --check found something to change, lint an error, or status with\n--exit-code a cluster that is not permitted or that moved; 2 an error or wrong usage.";

/// Flags of every verb.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Colour: auto, always or never. NO_COLOR and CLICOLOR_FORCE count for auto
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorWhen,

    /// Say what was decided and why (also -v=N, as kubectl)
    #[arg(short = 'v', long = "verbose", alias = "v", value_name = "LEVEL", num_args = 0..=1, require_equals = true,
          default_value = "0", default_missing_value = "1", global = true, hide_default_value = true)]
    pub(crate) verbose: u8,

    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// Each says in a line what its own help begins with: the flags are made late, see [`Lazy`].
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Point clusters at a target account
    Inject(Lazy<Inject>),
    /// Take the references out again, and identities that nobody uses
    Eject(Lazy<Eject>),
    /// Print the identities of accounts, before any cluster exists
    Identity(Lazy<Identity>),
    /// The same as inject, as a KRM function
    #[command(name = "fn")]
    Function(Lazy<Function>),
    /// Print or merge the trust and permission policies of both accounts
    Iam(Lazy<Iam>),
    /// Find cross-account mistakes in manifests
    Lint(Lazy<Lint>),
    /// Show which cluster is in which account, through which identity, and may it
    Status(Lazy<Status>),
    /// Explain a rule of lint, or print the JSON Schema of the account map
    Explain(Lazy<Explain>),
    /// Print completion for kubectl or a shell, or the man page
    Completion(Lazy<Completion>),
}

/// The command line with the flags of every verb.
pub(crate) fn whole() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// The words of the command line, in which the name of a file is never taken for a flag: pre-commit passes names as they
/// are, `-dash.yaml` too, and no `--` can stand before them, because users' own flags come behind the hook's.
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

    /// The help is wrapped at 100 columns, and a command that is wrapped can't be copied.
    #[test]
    fn no_line_of_an_example_is_wrapped() {
        fn check(command: &clap::Command) {
            let after = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in after.lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
