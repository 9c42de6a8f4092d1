//! The flags of `lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::capa::Release;
use xaccount::lint::{self, Rule};

use super::args::{ConfigArgs, InputArgs, SelectArgs};
use super::help::{MORE, TEMPLATE};
use super::values::path;

const EXAMPLE: &str = "\
Example:
  kubectl xaccount lint clusters/ -R";

const EXAMPLES: &str = "\
Examples:
  # Find mistakes in a directory
  kubectl xaccount lint clusters/ -R

  # Evaluate for another release of CAPA
  kubectl xaccount lint clusters/ -R --capa-version 2.9

  # Only the findings that a change brings
  kubectl xaccount lint clusters/ -R --against main

  # What a rule finds, and how to fix it
  kubectl xaccount explain XA007

  # Fix what can be fixed automatically: first the diff, then the files
  kubectl xaccount lint clusters/ -R --fix
  kubectl xaccount lint clusters/ -R --fix --write

  # Also the fixes that someone has to decide
  kubectl xaccount lint clusters/ -R --fix=unsafe

  # For GitHub code scanning
  kubectl xaccount lint clusters/ -R -o sarif --exit-zero > xaccount.sarif";

const NOTES: &str = "\
Ignore a finding:
  A comment on the line, or on the line above it, silences a rule there:
  # xaccount: ignore[XA020] another pipeline creates the namespace

Exit status:
  0  no finding is an error (or as severe as --error-on); with --fix: also
     nothing to change
  1  a finding is an error; with --fix: something would change; with --fix
     --write: an error is left that --fix can't fix
  2  an error or wrong usage, or no Kubernetes object was read; stdout is empty";

/// Find cross-account mistakes in manifests
///
/// Checks clusters, identities and what they depend on, across all files of the run. An error is what the API server, CAPA or AWS will refuse; a warning says what goes wrong, and when. Neither the management cluster nor AWS is contacted.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = NOTES,
    help_template = TEMPLATE, override_usage = "kubectl xaccount lint PATH... [-R] [-o FORMAT] [flags]")]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Don't fail when the files contain no Kubernetes object
    #[arg(long, help_heading = "Input")]
    pub(crate) allow_empty: bool,

    #[command(flatten)]
    pub(crate) clusters: SelectArgs,

    /// Only findings that these files or this Git revision (REV or git:REV) don't have
    #[arg(long, value_name = "PATH|REV", value_delimiter = ',', value_parser = path(), help_heading = "Rules")]
    pub(crate) against: Vec<PathBuf>,

    /// Release of CAPA to evaluate for [default: the account map's, else the newest that serves the files' API versions]
    #[arg(long, value_name = "RELEASE", help_heading = "Rules")]
    pub(crate) capa_version: Option<Release>,

    /// Only these rules, by id or name
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = "Rules")]
    pub(crate) select: Vec<&'static Rule>,

    /// Ignore these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule, help_heading = "Rules")]
    pub(crate) ignore: Vec<&'static Rule>,

    /// Minimum severity to show: note, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "warning", hide_possible_values = true, help_heading = "Rules")]
    pub(crate) severity: Level,

    /// Minimum severity to fail on (exit status 1): note, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "error", hide_possible_values = true, help_heading = "Rules")]
    pub(crate) error_on: Level,

    /// Trust policy of a target role, as printed by aws iam get-role; may be repeated
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = "Policies")]
    pub(crate) trust_policy: Vec<PathBuf>,

    /// Permissions policy of the source role, as printed by aws iam get-role-policy; may be repeated
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = "Policies")]
    pub(crate) permission_policy: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) map: ConfigArgs,

    /// Print text, data (json), or a format for GitHub code scanning (sarif) or annotations (github). With --fix: yaml, patch, json-patch or report
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Mode")]
    pub(crate) output: Option<LintFormat>,

    /// Count the findings of each rule instead of printing them
    #[arg(long, conflicts_with = "fix", help_heading = "Mode")]
    pub(crate) statistics: bool,

    /// Fix what can be fixed automatically: print a diff and write nothing. --fix=unsafe also makes fixes that someone has to decide
    #[arg(long, value_name = "safe|unsafe", num_args = 0..=1, require_equals = true, default_missing_value = "safe",
          hide_possible_values = true, help_heading = "Mode")]
    pub(crate) fix: Option<FixLevel>,

    /// With --fix: write the files
    #[arg(short = 'i', long, visible_alias = "in-place", requires = "fix", conflicts_with_all = ["check", "output"], help_heading = "Mode")]
    pub(crate) write: bool,

    /// With --fix: print the names of the files that would change
    #[arg(long, requires = "fix", conflicts_with = "output", help_heading = "Mode")]
    pub(crate) check: bool,

    /// Exit with 0 even if findings are errors
    #[arg(long, help_heading = "Mode")]
    pub(crate) exit_zero: bool,
}

/// A minimum severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    Note,
    Warning,
    Error,
}

/// Which fixes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixLevel {
    /// Only safe ones
    Safe,
    /// Also those that someone has to decide
    Unsafe,
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
    lint::rule(text).ok_or_else(|| format!("unknown rule '{text}'; to list all rules: kubectl xaccount explain"))
}
