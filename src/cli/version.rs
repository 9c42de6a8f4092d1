//! The flags of `version`.

use clap::{Args, ValueEnum};

use super::help::TEMPLATE;

const EXAMPLE: &str = "\
Example:
  kubectl xaccount version -o json";

/// Print the version
///
/// Prints the version of this program, the commit that it was built from, and the newest release of CAPA that it knows.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, help_template = TEMPLATE, override_usage = "kubectl xaccount version [-o json|yaml]")]
pub(crate) struct Version {
    /// Print data: json or yaml
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<VersionFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VersionFormat {
    Json,
    Yaml,
}
