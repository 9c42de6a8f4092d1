//! The flags of `inject`.

use clap::Args;

use super::args::{IdentityArgs, InputArgs, MapArgs, ModeArgs, ScanArgs, SelectArgs, TargetArgs, TopologyArgs};
use super::cluster::ClusterArgs;
use super::help::{EDIT_EXIT_STATUS, MORE, TEMPLATE};

const EXAMPLE: &str = "\
Example:
  kubectl xaccount inject foo.yaml --account 222222222222";

const EXAMPLES: &str = "\
Examples:
  # Show what would change; nothing is written, exit status 1
  kubectl xaccount inject foo.yaml --account 222222222222

  # Write it; a second run changes nothing
  kubectl xaccount inject foo.yaml --account 222222222222 --write

  # From dkp to the cluster in one pipe
  dkp create cluster aws --cluster-name=foo --dry-run --output=yaml |
    kubectl xaccount inject -f - --account 222222222222 -o yaml |
    kubectl create -f -

  # A whole repository, with the accounts of the account map
  kubectl xaccount inject clusters/ -R --write

  # A whole repository, with the identities in their own file
  kubectl xaccount inject clusters/ -R --account 222222222222 \\
    --identity-file clusters/identities.yaml --write";

/// Point clusters at a target account
///
/// Gives every selected cluster an identityRef to an AWSClusterRoleIdentity of the target account, and adds that identity if it does not exist. Prints a diff by default. Bytes outside the edit stay as they are.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = EDIT_EXIT_STATUS,
    help_template = TEMPLATE,
    override_usage = "kubectl xaccount inject PATH... [-R] [--account ID | --role-arn ARN] [flags]")]
pub(crate) struct Inject {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,

    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) topology: TopologyArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}
