//! The flags of `iam target-permission`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::aws::Partition;
use xaccount::capa::{DEFAULT_ROLE_NAME, Release};

use super::args::ConfigArgs;
use super::help::{MORE, TEMPLATE};
use super::iam_shared::{ManifestArgs, PolicyFormat, policy_name};
use super::values::{AskedAccount, ROLE_NAME_HELP, account_or_name, path, role_name, role_name_long_help};

const EXAMPLE: &str = "\
Example:
  kubectl xaccount iam target-permission -f clusters/ -R --have policy.json";

const EXAMPLES: &str = "\
Examples:
  # What a role lacks for these manifests; exit status 1 if something is missing
  aws iam get-role-policy --role-name R --policy-name P > policy.json
  kubectl xaccount iam target-permission -f clusters/ -R --have policy.json

  # The same with all its policies: attached and inline ones add up
  kubectl xaccount iam target-permission -f clusters/ -R \\
    --have policy.json,attached.json

  # Print the policy, with a statement for each feature group
  kubectl xaccount iam target-permission -f clusters/ -R

  # Without EKS, machine pools and S3, as managed policies in files
  kubectl xaccount iam target-permission -f clusters/ -R --output-dir policies \\
    --only-features vpc-managed,lb-v2,machines,bootstrap-secretsmanager

  # Add what a policy lacks; a diff first, --write writes the file
  kubectl xaccount iam target-permission -f clusters/ -R --merge policy.json";

const EXIT_STATUS: &str = "\
Exit status:
  0  done; with --have: nothing is missing; with the diff of --merge FILE and
     with --check: nothing to change
  1  --have found an action that is missing or that can't be decided; the diff
     or --check found something to change; or --write --exit-code changed
     something
  2  an error or wrong usage; nothing was written, and stdout is empty";

/// Print what CAPA needs in the target account, or what a role lacks
///
/// Prints the permissions policy of the target account's role: clusterawsadm's statements by feature group, and what CAPA calls beyond them. With --have, compares existing policies with what the features of the manifests need, and prints only what is missing, with CAPA's call and the line of the manifest.
#[derive(Clone, Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = EXIT_STATUS,
    help_template = TEMPLATE, override_usage = "kubectl xaccount iam target-permission PATH... [-R] [--have FILE] [flags]")]
pub(crate) struct TargetPermission {
    #[command(flatten)]
    pub(crate) manifests: ManifestArgs,

    /// Print what is missing in these policies of the role; may be repeated or separated by commas
    ///
    /// Documents as the AWS CLI prints them (get-role-policy, get-policy-version), or bare. Attached and inline policies add up. - is standard input.
    #[arg(long, value_name = "FILE", value_delimiter = ',', value_parser = path(), help_heading = "Question",
          conflicts_with_all = ["only_features", "narrow", "output_dir", "merge", "write", "check", "dry_run", "policy_name", "target_profile"])]
    pub(crate) have: Vec<PathBuf>,

    /// Release of CAPA [default: the account map's, else the newest known]
    #[arg(long, value_name = "RELEASE", help_heading = "Question")]
    pub(crate) capa_version: Option<Release>,

    /// Feature gates of CAPA's controller, which no manifest shows: EKSEnableIAM=true,…
    #[arg(long, value_name = "GATE=BOOL", value_delimiter = ',', value_parser = gate, help_heading = "Question")]
    pub(crate) feature_gates: Vec<(String, bool)>,

    /// Target account: 12 digits, or its name in the account map; only its clusters count
    #[arg(long, value_name = "ID", value_parser = account_or_name, help_heading = "Target")]
    pub(crate) account: Option<AskedAccount>,

    #[arg(long, value_name = "NAME", default_value = DEFAULT_ROLE_NAME, hide_default_value = true, hide_short_help = true,
          help = ROLE_NAME_HELP, long_help = role_name_long_help(), value_parser = role_name, help_heading = "Target")]
    pub(crate) role_name: String,

    /// AWS partition of the account [default: from the role or the regions, else aws]
    #[arg(long, hide_short_help = true, help_heading = "Target")]
    pub(crate) partition: Option<Partition>,

    /// Print only these feature groups, and those that every cluster needs
    #[arg(long, value_name = "GROUP", value_delimiter = ',', help_heading = "Policy")]
    pub(crate) only_features: Vec<String>,

    /// Limit resources to the names in the manifests: S3 buckets, secrets, queues, and policies and boundaries of EKS roles
    #[arg(long, value_name = "WHAT", hide_possible_values = true, help_heading = "Policy")]
    pub(crate) narrow: Option<Narrow>,

    /// Write one file per managed policy into this directory
    #[arg(long, value_name = "DIR", value_parser = path(), help_heading = "Mode", conflicts_with_all = ["merge", "output", "write", "check", "dry_run"])]
    pub(crate) output_dir: Option<PathBuf>,

    /// Add what is missing to the policy in this file, bare or as the AWS CLI prints it; - reads stdin and prints the result
    #[arg(long, value_name = "FILE", value_parser = path(), help_heading = "Mode")]
    pub(crate) merge: Option<PathBuf>,

    /// Print a diff and write nothing (the default with --merge FILE)
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client", hide_short_help = true,
          value_parser = ["client"], hide_possible_values = true, requires = "merge", conflicts_with_all = ["write", "check"], help_heading = "Mode")]
    pub(crate) dry_run: Option<String>,

    /// Write the file of --merge
    #[arg(short = 'i', long, visible_alias = "in-place", requires = "merge", conflicts_with_all = ["check", "output"], help_heading = "Mode")]
    pub(crate) write: bool,

    /// Only check whether the file of --merge would change
    #[arg(long, requires = "merge", conflicts_with = "output", help_heading = "Mode")]
    pub(crate) check: bool,

    /// Output format: json, cli (a script), cloudformation, terraform or clusterawsadm; with --have: json
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Mode")]
    pub(crate) output: Option<PolicyFormat>,

    /// With --write: exit with status 1 if the file changed
    #[arg(long, hide_short_help = true, requires = "write", help_heading = "Mode")]
    pub(crate) exit_code: bool,

    /// Name of the policy, or of the policies before their numbers [default: xaccount-target-permission]
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = policy_name, help_heading = "Mode")]
    pub(crate) policy_name: Option<String>,

    /// AWS CLI profile for the target account, used by the script of -o cli
    #[arg(long, hide_short_help = true, value_name = "NAME", help_heading = "Mode")]
    pub(crate) target_profile: Option<String>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// What `--narrow` limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Narrow {
    /// Resources whose names CAPA takes from the manifests
    Names,
}

/// The feature gates of CAPA (`feature/feature.go`, v2.13.0).
const GATES: [&str; 13] = [
    "EKS",
    "EKSEnableIAM",
    "EKSAllowAddRoles",
    "EKSFargate",
    "MachinePool",
    "MachinePoolMachines",
    "EventBridgeInstanceState",
    "AutoControllerIdentityCreator",
    "BootstrapFormatIgnition",
    "ExternalResourceGC",
    "AlternativeGCStrategy",
    "TagUnmanagedNetworkResources",
    "ROSA",
];

fn gate(text: &str) -> Result<(String, bool), String> {
    let form = "write GATE=true or GATE=false, as for CAPA's own flag";
    let (name, value) = text.split_once('=').ok_or(form)?;
    if !GATES.contains(&name) {
        return Err(format!("CAPA has no feature gate {name}; it has {}", GATES.join(", ")));
    }
    match value {
        "true" => Ok((name.to_owned(), true)),
        "false" => Ok((name.to_owned(), false)),
        _ => Err(form.to_owned()),
    }
}
