//! The flags of `eject`.

use std::path::PathBuf;

use clap::Args;

use xaccount::aws::{AccountId, RoleArn};

use super::args::{ConfigArgs, InputArgs, ModeArgs, ScanArgs, SelectArgs};
use super::values::{account, dns_name, role_arn};

const EJECT_EXAMPLES: &str = "\
Examples:
  # Show what would change; nothing is written, exit status 1
  kubectl xaccount eject foo.yaml

  # Write it; a second run changes nothing
  kubectl xaccount eject foo.yaml --write

  # A whole repository: only what names identities of one account
  kubectl xaccount eject clusters/ -R --identity-file clusters/identities.yaml \\
    --account 222222222222 --write

  # One identity with all references to it, also out of a file that keeps identities
  kubectl xaccount eject clusters/ -R --identity-name cross-account-role-222222222222 --write

What stays:
  A reference to AWSClusterControllerIdentity or AWSClusterStaticIdentity stays: inject wrote
  neither. So does the document AWSClusterControllerIdentity/default, for CAPA and other identities
  need it.
  An AWSClusterRoleIdentity goes with the last reference to it, if it says what inject would write,
  stands in the file of a cluster that named it, has no comment, and nothing else names it: not in
  the files of this run, and in no manifest of the Git work tree, else below the account map, else
  in the same directory. Otherwise it stays, and a line says why.

A cluster that runs is not for eject: CAPA's webhook fills the gap with
AWSClusterControllerIdentity/default, and the cluster silently moves to the management account's
credentials. Go back with git revert to the reference that it was made with.

Exit status:
  0  done; with the default diff and with --check: nothing to change
  1  the diff or --check found something to change; --write --exit-code changed something
  2  an error or wrong usage; nothing was written, and nothing is on stdout";

/// Take the references out again, and identities that nobody uses
///
/// The way back of inject: takes references to AWSClusterRoleIdentities out of the selected clusters, and the identities that nothing names any more. A file is then what it was before inject, byte for byte, where the reference's parent holds something else or was an empty 'spec:'; else it means the same. Prints a diff unless told otherwise.
#[derive(Debug, Args)]
#[command(after_help = "--help lists more flags, and has examples", after_long_help = EJECT_EXAMPLES, override_usage = "kubectl xaccount eject [PATH]... [-f PATH]... [-R] [mode] [flags]",
    mut_arg("topology_variable", |flag| flag.hide(true)))]
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
    pub(crate) map: ConfigArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which references")]
pub(crate) struct ReferenceArgs {
    /// Only references to identities of this account, 12 digits, as far as these files hold them
    #[arg(long, value_name = "ID", conflicts_with = "role_arn", value_parser = account)]
    pub(crate) account: Option<AccountId>,

    /// Only references to identities of this role
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Option<RoleArn>,

    /// Only references to this AWSClusterRoleIdentity; it goes from whichever of these files it stands in
    #[arg(long, value_name = "NAME", value_parser = dns_name)]
    pub(crate) identity_name: Option<String>,

    /// The file that keeps identities [default: the account map's]; none goes from it unless --identity-name asks
    #[arg(long, value_name = "PATH")]
    pub(crate) identity_file: Option<PathBuf>,
}
