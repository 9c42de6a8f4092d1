//! The flags of `lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::capa::Release;
use xaccount::lint::{self, Rule};

use super::args::{ConfigArgs, InputArgs};

const EXAMPLES: &str = "\
Examples:
  # What is wrong in a directory, and where
  kubectl xaccount lint clusters/ -R

  # As another release of CAPA would judge it
  kubectl xaccount lint clusters/ -R --capa-version 2.9

  # What a rule means, and how to mend what it finds
  kubectl xaccount explain XA007

  # Mend what has one right answer: the diff, then the files
  kubectl xaccount lint clusters/ -R --fix
  kubectl xaccount lint clusters/ -R --fix --write

  # For GitHub code scanning, which takes findings whatever the exit status says
  kubectl xaccount lint clusters/ -R -o sarif --exit-zero > xaccount.sarif

A comment silences a rule on its line, or on the line below it:
  # xaccount: ignore[XA020] the namespace is made by another pipeline

Exit status:
  0  nothing is an error, or as bad as --error-on says; with --fix, nothing would change besides
  1  something is; with --fix, it would change, and with --fix --write, it is left over
  2  an error or wrong usage; nothing is on stdout";

/// Find cross-account mistakes in manifests
///
/// Looks at clusters, identities and what they hang on, over all files of the inventory: an identity in another file counts. An error is what the API server, CAPA or AWS will refuse; a warning says what goes wrong, and when. Nothing is asked of a cluster or of AWS.
#[derive(Debug, Args)]
#[command(after_help = "--help lists more flags, and has examples", after_long_help = EXAMPLES,
    override_usage = "kubectl xaccount lint [PATH]... [-f PATH]... [-R] [-o FORMAT] [flags]")]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// The namespace that objects go to which say none
    #[arg(short = 'n', long, value_name = "NS", help_heading = "Input")]
    pub(crate) namespace: Option<String>,

    /// The release of CAPA that judges [default: the account map's, else the newest that serves the files' API versions]
    #[arg(long, value_name = "RELEASE", help_heading = "Rules")]
    pub(crate) capa_version: Option<Release>,

    /// Only these rules, by id or name
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = "Rules")]
    pub(crate) select: Vec<&'static Rule>,

    /// Not these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = "Rules")]
    pub(crate) ignore: Vec<&'static Rule>,

    /// The least that is shown: note, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "warning", hide_possible_values = true, help_heading = "Rules")]
    pub(crate) severity: Level,

    /// The least that makes the exit status 1: note, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "error", hide_possible_values = true, help_heading = "Rules")]
    pub(crate) error_on: Level,

    /// Trust policy of a target role, as a file that aws iam get-role printed; may be repeated
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = "Policies")]
    pub(crate) trust_policy: Vec<PathBuf>,

    /// Permission policy of the source role, as a file that aws iam get-role-policy printed; may be repeated
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = "Policies")]
    pub(crate) permission_policy: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) map: ConfigArgs,

    /// Print text, data (json), or what GitHub takes: code scanning (sarif), annotations (github). With --fix: yaml, patch, json-patch or report
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Mode")]
    pub(crate) output: Option<LintFormat>,

    /// Mend what has one right answer: show the diff, and write nothing
    #[arg(long, help_heading = "Mode")]
    pub(crate) fix: bool,

    /// With --fix: write the files
    #[arg(short = 'i', long, visible_alias = "in-place", requires = "fix", conflicts_with_all = ["check", "output"], help_heading = "Mode")]
    pub(crate) write: bool,

    /// With --fix: only say which files would change
    #[arg(long, requires = "fix", conflicts_with = "output", help_heading = "Mode")]
    pub(crate) check: bool,

    /// Exit with 0 whatever is found
    #[arg(long, help_heading = "Mode")]
    pub(crate) exit_zero: bool,
}

/// How bad something is at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    Note,
    Warning,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LintFormat {
    Text,
    Json,
    Sarif,
    Github,
    Yaml,
    Patch,
    JsonPatch,
    Report,
}

pub(super) fn rule(text: &str) -> Result<&'static Rule, String> {
    lint::rule(text).ok_or_else(|| format!("there is no rule '{text}': kubectl xaccount explain lists them"))
}
