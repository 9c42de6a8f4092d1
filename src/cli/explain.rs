//! The flags of `explain`.

use clap::Args;

use xaccount::lint::Rule;

use super::lint::rule;

const EXAMPLES: &str = "\
Examples:
  # All rules of lint, a line each
  kubectl xaccount explain

  # What a rule finds, why, and how it is mended
  kubectl xaccount explain XA007

  # The account map's schema, for an editor that knows JSON Schema
  kubectl xaccount explain --schema > .xaccount.schema.json
  # and in the first line of .xaccount.yaml:
  # yaml-language-server: $schema=.xaccount.schema.json";

/// Explain a rule of lint, or print the JSON Schema of the account map
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Explain {
    /// Id or name of a rule; without one, all are listed
    #[arg(value_name = "RULE", value_parser = rule)]
    pub(crate) rule: Option<&'static Rule>,

    /// The JSON Schema of .xaccount.yaml, for editors
    #[arg(long, conflicts_with = "rule")]
    pub(crate) schema: bool,
}
