//! The flags of `status`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::capa::Release;

use super::args::{ConfigArgs, InputArgs, SelectArgs};
use super::cluster::ClusterArgs;
use super::help::{MORE, TEMPLATE};
use super::values::{AskedAccount, account_or_name, path};

const EXAMPLE: &str = "\
Example:
  kubectl xaccount status clusters/ -R";

const EXAMPLES: &str = "\
Examples:
  # Every cluster with its account, and whether CAPA allows it
  kubectl xaccount status clusters/ -R

  # Which clusters use an account, and which namespaces may use it
  kubectl xaccount status clusters/ -R --account 222222222222

  # Which clusters a change moves to another account
  kubectl xaccount status clusters/ -R --against main --exit-code

  # The management cluster of a context, all namespaces
  kubectl xaccount status -A --context management

  # What the user of a context needs for that
  kubectl xaccount status --print-rbac | kubectl apply -f -

  # A dump of a management cluster, without a connection
  kubectl get clusters,awsclusters,awsri,awsci,ns -A -o yaml > live.yaml
  kubectl xaccount status --live=live.yaml

  # An account map generated from the manifests
  kubectl xaccount status clusters/ -R -o map > .xaccount.yaml";

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  with --exit-code: a cluster is not permitted, unknown or not as mapped, or
     a file can't be read; with --against: a cluster moved, or may have moved
  2  an error or wrong usage; stdout is empty";

/// Show each cluster's account and identity, and whether CAPA allows it
///
/// Evaluates every cluster as CAPA's controller does: the identity must exist and allow the cluster's namespace, and so must each identity that it gets its credentials from. Manifests are read as `kubectl apply` sends them, with the defaults and refusals of CAPA's webhooks and the fields that the API server drops. What is not in the files is `unknown`. Without PATH, the objects are read from the management cluster of the kubeconfig's context, with get and list only, and never a Secret. With an account map, a cluster in another account than the map says is `not as mapped`. Bodies of Secrets are not read.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = EXIT_STATUS,
    help_template = TEMPLATE,
    override_usage = "kubectl xaccount status PATH... [-R] [-o FORMAT] [flags]\n       kubectl xaccount status [-n NS | -A] [flags]")]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Skip Go, Helm and Jinja templates with a warning
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) skip_templates: bool,

    /// Don't fail when no cluster matches
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) allow_empty: bool,

    /// Fail when a file can't be read, instead of a warning
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) strict: bool,

    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// Show which clusters use this account, and which namespaces may use it
    #[arg(long, value_name = "ID|NAME", value_parser = account_or_name, conflicts_with = "against",
          help_heading = "Question")]
    pub(crate) account: Option<AskedAccount>,

    /// Show which clusters move, compared with these files or with a Git revision (REV or git:REV)
    #[arg(long, value_name = "PATH|REV", value_delimiter = ',', value_parser = path(), help_heading = "Question")]
    pub(crate) against: Vec<PathBuf>,

    /// Release of CAPA to evaluate for [default: the account map's, else the newest that serves the files' API versions]
    #[arg(long, value_name = "RELEASE", help_heading = "Question")]
    pub(crate) capa_version: Option<Release>,

    #[command(flatten)]
    pub(crate) map: ConfigArgs,

    /// Read the management cluster of the context, which is the default without PATH; or this dump of one
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_parser = path(), conflicts_with_all = ["paths", "filenames"], help_heading = "Management cluster")]
    pub(crate) live: Option<PathBuf>,

    /// Read all namespaces of the management cluster, not only that of the context
    #[arg(short = 'A', long, conflicts_with = "namespace", help_heading = "Management cluster")]
    pub(crate) all_namespaces: bool,

    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,

    /// Print the least ClusterRole that reading a management cluster needs, as YAML
    #[arg(long, hide_short_help = true, help_heading = "Management cluster")]
    pub(crate) print_rbac: bool,

    /// Print more columns (wide), names (name), data (json, yaml), a flowchart (mermaid) or an account map (map)
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Mode")]
    pub(crate) output: Option<StatusFormat>,

    /// Print tables without a header line
    #[arg(long, help_heading = "Mode")]
    pub(crate) no_headers: bool,

    /// With --exit-code: exit with 1, too, if no object shows that a cluster's resources are in its account
    #[arg(long, hide_short_help = true, requires = "exit_code", conflicts_with_all = ["against", "account"], help_heading = "Mode")]
    pub(crate) require_evidence: bool,

    /// Exit with 1 if a cluster is not permitted, or with --against, if a cluster moved or may have moved
    #[arg(long, help_heading = "Mode")]
    pub(crate) exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// More columns
    Wide,
    /// Names, as kubectl prints them
    Name,
    /// Data as JSON
    Json,
    /// Data as YAML
    Yaml,
    /// A Mermaid flowchart
    Mermaid,
    /// The account map
    Map,
}
