//! The flags of `explain`.

use clap::Args;

use xaccount::lint::Rule;

use super::help::TEMPLATE;
use super::lint::rule;

const EXAMPLE: &str = "\
Example:
  kubectl xaccount explain XA007";

const EXAMPLES: &str = "\
Examples:
  # List all rules of lint
  kubectl xaccount explain

  # What a rule finds, why, and how to fix it
  kubectl xaccount explain XA007";

/// Explain a rule of lint
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, help_template = TEMPLATE,
    override_usage = "kubectl xaccount explain [RULE]")]
pub(crate) struct Explain {
    /// Id or name of a rule [default: list all rules]
    #[arg(value_name = "RULE", value_parser = rule)]
    pub(crate) rule: Option<&'static Rule>,

    /// As `map schema`
    #[arg(long, conflicts_with = "rule", hide = true)]
    pub(crate) schema: bool,
}
