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
  kubectl xaccount explain XA007

  # The JSON Schema of the account map, for an editor
  kubectl xaccount explain --schema > .xaccount.schema.json
  # and in the first line of .xaccount.yaml:
  # yaml-language-server: $schema=.xaccount.schema.json";

/// Explain a rule of lint, or print the JSON Schema of the account map
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, help_template = TEMPLATE,
    override_usage = "kubectl xaccount explain [RULE | --schema]")]
pub(crate) struct Explain {
    /// Id or name of a rule [default: list all rules]
    #[arg(value_name = "RULE", value_parser = rule)]
    pub(crate) rule: Option<&'static Rule>,

    /// Print the JSON Schema of .xaccount.yaml, for editors
    #[arg(long, conflicts_with = "rule")]
    pub(crate) schema: bool,
}
