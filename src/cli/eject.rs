//! The flags of `eject`.

use std::path::PathBuf;

use clap::Args;

use xaccount::aws::RoleArn;

use super::args::{ConfigArgs, InputArgs, ModeArgs, ScanArgs, SelectArgs};
use super::help::{MORE, TEMPLATE};
use super::prune::PruneArgs;
use super::values::{AskedAccount, account_or_name, dns_name, role_arn};

const EXAMPLE: &str = "\
Example:
  kubectl xaccount eject foo.yaml";

const EXAMPLES: &str = "\
Examples:
  # Show what would change; nothing is written, exit status 1
  kubectl xaccount eject foo.yaml

  # Write it; a second run changes nothing
  kubectl xaccount eject foo.yaml --write

  # A whole repository, only references to one account
  kubectl xaccount eject clusters/ -R \\
    --identity-file clusters/identities.yaml --account 222222222222 --write

  # One identity and all references to it
  kubectl xaccount eject clusters/ -R \\
    --identity-name cross-account-role-222222222222 --write

  # Also the identities that nothing uses any more, now or in a later run
  kubectl xaccount eject clusters/ -R --prune --write";

const NOTES: &str = "\
What stays:
  References to AWSClusterControllerIdentity and AWSClusterStaticIdentity, and
  the document AWSClusterControllerIdentity/default, which CAPA and other
  identities need.
  An AWSClusterRoleIdentity is removed together with the last reference to it,
  if all of this holds; otherwise it stays, and a line says why:
  - its content is exactly what inject generates, without a comment;
  - it is in the file of a cluster that referenced it;
  - nothing else references it: no file of this run, and no manifest in the Git
    work tree (without Git: below the account map, or in the same directory).
  With --prune, every unused identity of the files is removed if everything in
  it is what inject writes without flags or with the account map. With
  --identity-name, also one that was edited. One with a comment stays.

Order:
  A cluster can't be deleted after its identity (CAPA issue 2371). Delete the
  clusters in the management cluster, wait until they are gone, then prune and
  apply. --live=FILE checks that with a dump of the management cluster.

Running clusters:
  Don't use eject on a running cluster. CAPA's webhook fills the gap with
  AWSClusterControllerIdentity/default, and the cluster silently moves to the
  credentials of the source account. Use git revert to go back to the reference
  that the cluster was created with.

Exit status:
  0  done; with the default diff and with --check: nothing to change
  1  the diff or --check found something to change, or --write --exit-code
     changed something
  2  an error or wrong usage; nothing was written, and stdout is empty";

/// Remove the references again, and identities that nothing uses
///
/// Undoes inject: removes references to AWSClusterRoleIdentities from the selected clusters, and identities that nothing references any more. Usually this restores the file byte for byte; if inject replaced a reference or created the mapping around it, it restores the meaning. Prints a diff by default.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = NOTES,
    help_template = TEMPLATE, override_usage = "kubectl xaccount eject PATH... [-R] [flags]")]
pub(crate) struct Eject {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) references: ReferenceArgs,
    #[command(flatten)]
    pub(crate) prune: PruneArgs,
    #[command(flatten)]
    pub(crate) map: ConfigArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which references")]
pub(crate) struct ReferenceArgs {
    /// Only references to identities of this account: 12 digits, or its name in the account map
    #[arg(long, value_name = "ID", conflicts_with = "role_arn", value_parser = account_or_name)]
    pub(crate) account: Option<AskedAccount>,

    /// Only references to identities of this role
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Option<RoleArn>,

    /// Only references to this AWSClusterRoleIdentity, which is removed too; may be repeated
    #[arg(long, value_name = "NAME", value_parser = dns_name)]
    pub(crate) identity_name: Vec<String>,

    /// File of the identities [default: the account map's]; without --prune or --identity-name they are kept
    #[arg(long, value_name = "PATH")]
    pub(crate) identity_file: Option<PathBuf>,
}
