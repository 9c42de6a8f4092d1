//! The flags of `map`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use xaccount::aws::AccountId;

use super::args::{ConfigArgs, InputArgs};
use super::help::{MORE, TEMPLATE, VERBS_TEMPLATE};
use super::values::{account, dns_name, namespaced_name, path};

const MAP_NOTES: &str = "\
The account map, .xaccount.yaml, says which cluster belongs to which AWS
account. docs/account-map.md has all of it.";

/// Start an account map, show its schema, and which entry a cluster matches
#[derive(Debug, Args)]
#[command(after_long_help = MAP_NOTES, help_template = VERBS_TEMPLATE, override_usage = "kubectl xaccount map VERB [flags]",
    subcommand_help_heading = "Verbs", subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct AccountMapArgs {
    #[command(subcommand)]
    pub(crate) verb: MapVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MapVerb {
    Init(Box<MapInit>),
    Which(Box<MapWhich>),
    Schema(MapSchema),
}

const INIT_EXAMPLE: &str = "\
Example:
  kubectl xaccount map init clusters/ -R > .xaccount.yaml";

const INIT_EXAMPLES: &str = "\
Examples:
  # A map of the clusters in a repository; inject --check accepts it
  kubectl xaccount map init clusters/ -R > .xaccount.yaml

  # The same with the names of the accounts in AWS Organizations
  aws organizations list-accounts > accounts.json
  kubectl xaccount map init clusters/ -R --organizations accounts.json

  # From a live management cluster
  kubectl get awsclusters,awsmanagedcontrolplanes,awsri,awssi,awsci,namespaces \\
    -A -o yaml | kubectl xaccount map init -f - > .xaccount.yaml";

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  2  an error or wrong usage; stdout is empty";

/// Print an account map of the existing clusters
///
/// Prints a commented account map in which each cluster stays where it is: a cluster that references a role identity belongs to the account of the role, and a cluster without one stays in the source account. What the manifests contain and a map can't express is a warning and a comment; without one, `inject --check` accepts the map. An account map above the files is not read.
#[derive(Debug, Args)]
#[command(before_help = INIT_EXAMPLE, before_long_help = INIT_EXAMPLES, after_help = MORE, after_long_help = EXIT_STATUS,
    help_template = TEMPLATE, override_usage = "kubectl xaccount map init PATH... [-R] [--organizations FILE] [flags]")]
pub(crate) struct MapInit {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Skip Go, Helm and Jinja templates with a warning, instead of an error
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) skip_templates: bool,

    /// Don't fail when there is no cluster
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) allow_empty: bool,

    /// Namespace of objects that set none, where they will be applied [default: default]
    #[arg(long, hide_short_help = true, value_name = "NS", value_parser = dns_name, help_heading = "Input")]
    pub(crate) default_namespace: Option<String>,

    /// Output of `aws organizations list-accounts`, for the names of the accounts
    #[arg(long, value_name = "FILE", value_parser = path(), help_heading = "Accounts")]
    pub(crate) organizations: Option<PathBuf>,

    /// Account id of the management cluster, 12 digits
    #[arg(long, value_name = "ID", value_parser = account, help_heading = "Accounts")]
    pub(crate) source_account: Option<AccountId>,
}

const WHICH_EXAMPLE: &str = "\
Example:
  kubectl xaccount map which dev/foo";

const WHICH_EXAMPLES: &str = "\
Examples:
  # The account of a cluster, and the line of the map that says so
  kubectl xaccount map which dev/foo

  # A cluster that no manifest has yet, in a file that it will be in
  kubectl xaccount map which dev/foo --path clusters/dev/foo.yaml";

/// Show which account a cluster belongs to, and which line of the map says so
///
/// The cluster's manifests are found below the map's directory, or in PATH. A cluster that no manifest has is matched by its name and namespace, and by --path.
#[derive(Debug, Args)]
#[command(before_help = WHICH_EXAMPLE, before_long_help = WHICH_EXAMPLES, after_help = MORE, after_long_help = EXIT_STATUS,
    help_template = TEMPLATE, override_usage = "kubectl xaccount map which NAMESPACE/NAME [-f PATH...] [flags]")]
pub(crate) struct MapWhich {
    /// The cluster; without a namespace in its manifests, it is in default
    #[arg(value_name = "NAMESPACE/NAME", value_parser = namespaced_name)]
    pub(crate) cluster: String,

    /// Files or directories with the cluster's manifests [default: all below the map's directory]
    #[arg(short = 'f', long = "filename", value_name = "PATH", value_delimiter = ',', value_parser = path(),
          help_heading = "Input")]
    pub(crate) filenames: Vec<PathBuf>,

    /// Read directories recursively
    #[arg(short = 'R', long, help_heading = "Input")]
    pub(crate) recursive: bool,

    /// Namespace of objects that set none, where they will be applied [default: default]
    #[arg(long, hide_short_help = true, value_name = "NS", value_parser = dns_name, help_heading = "Input")]
    pub(crate) default_namespace: Option<String>,

    /// File of a cluster that no manifest has yet, for the paths of the map
    #[arg(long, value_name = "FILE", conflicts_with = "filenames", help_heading = "Input")]
    pub(crate) path: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Print data: json or yaml
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Mode")]
    pub(crate) output: Option<DataFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    Json,
    Yaml,
}

const SCHEMA_EXAMPLE: &str = "\
Example:
  kubectl xaccount map schema > .xaccount.schema.json";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  # The JSON Schema of the account map, for an editor
  kubectl xaccount map schema > .xaccount.schema.json
  # and in the first line of .xaccount.yaml:
  # yaml-language-server: $schema=.xaccount.schema.json

  # The schema of a file that accountsFrom names
  kubectl xaccount map schema AccountList > .xaccount-accounts.schema.json";

/// Print the JSON Schema of the account map, for editors
#[derive(Debug, Args)]
#[command(before_help = SCHEMA_EXAMPLE, before_long_help = SCHEMA_EXAMPLES, help_template = TEMPLATE,
    override_usage = "kubectl xaccount map schema [AccountMap | AccountList]")]
pub(crate) struct MapSchema {
    /// AccountMap, or AccountList for a file that accountsFrom names [default: AccountMap]
    #[arg(value_name = "KIND", default_value = "AccountMap", hide_default_value = true, hide_possible_values = true)]
    pub(crate) kind: MapKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MapKind {
    #[value(name = "AccountMap")]
    Map,
    #[value(name = "AccountList")]
    List,
}
