//! The flags of `status`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::aws::AccountId;
use xaccount::capa::Release;

use super::args::{ConfigArgs, InputArgs};
use super::values::{account, path};

const EXAMPLES: &str = "\
Examples:
  # Every cluster with its account, and why CAPA will let it have the credentials or not
  kubectl xaccount status -f clusters/ -R

  # Who uses an account, and from which namespaces it may be used
  kubectl xaccount status -f clusters/ -R --account 222222222222

  # Which clusters a change moves to another account
  kubectl xaccount status -f clusters/ -R --against ../main/clusters --exit-code

  # What a live management cluster holds
  kubectl get awsclusters,awsmanagedcontrolplanes,awsri,awssi,awsci,namespaces -A -o yaml |
    kubectl xaccount status -f -

  # The account map that these manifests obey
  kubectl xaccount status -f clusters/ -R -o map > .xaccount.yaml

Exit status:
  0  done
  1  with --exit-code: a cluster is not permitted, or not known to be; with --against: a cluster
     moved, or may have
  2  an error or wrong usage; nothing is on stdout";

/// Show which cluster is in which account, through which identity, and may it
///
/// Judges every cluster as CAPA's controller will: the identity exists, lets the cluster's namespace in, and so does each source behind it. Manifests are taken as kubectl apply would send them, with what CAPA's webhooks fill in and refuse and what the API server drops. What is not in the files is unknown, and never guessed. Bodies of Secrets are not read.
#[derive(Debug, Args)]
#[command(after_help = "--help lists more flags, and has examples", after_long_help = EXAMPLES,
    override_usage = "kubectl xaccount status -f PATH... [-R] [--account ID | --against PATH] [-o FORMAT] [flags]")]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Leave Go, Helm and Jinja templates that hold our kinds alone, with a warning
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) skip_templates: bool,

    /// A run that finds no cluster is no error
    #[arg(long, hide_short_help = true, help_heading = "Input")]
    pub(crate) allow_empty: bool,

    /// Only clusters in this namespace; objects without one count as in it
    #[arg(short = 'n', long, value_name = "NS", help_heading = "Question")]
    pub(crate) namespace: Option<String>,

    /// Who uses this account, and from which namespaces it may be used
    #[arg(long, value_name = "ID", value_parser = account, conflicts_with = "against", help_heading = "Question")]
    pub(crate) account: Option<AccountId>,

    /// Only clusters whose account is another one in these files, which are the state before
    #[arg(long, value_name = "PATH", value_delimiter = ',', value_parser = path(), help_heading = "Question")]
    pub(crate) against: Vec<PathBuf>,

    /// The release of CAPA that judges [default: the account map's, else the newest that serves the files' API versions]
    #[arg(long, value_name = "RELEASE", help_heading = "Question")]
    pub(crate) capa_version: Option<Release>,

    #[command(flatten)]
    pub(crate) map: ConfigArgs,

    /// Print more columns (wide), data (json, yaml), a picture (mermaid) or the account map (map)
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Mode")]
    pub(crate) output: Option<StatusFormat>,

    /// Exit with 1 when a cluster is not permitted; with --against, when a cluster moved, or may have
    #[arg(long, help_heading = "Mode")]
    pub(crate) exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// More columns
    Wide,
    /// Data as JSON
    Json,
    /// Data as YAML
    Yaml,
    /// A Mermaid flowchart
    Mermaid,
    /// The account map
    Map,
}
