//! The flags of `identity`.

use clap::Args;

use xaccount::aws::{AccountId, Partition, RoleArn};

use super::args::{ConfigArgs, IdentityArgs, ModeArgs};
use super::values::{AskedMove, account, account_move, role_arn, role_name, role_name_help};

const EXAMPLES: &str = "\
Examples:
  # The identity of an account, for kubectl apply or Git
  kubectl xaccount identity --account 222222222222

  # Those of all accounts of the account map
  kubectl xaccount identity

  # What is missing in a file, as a diff; --write adds it
  kubectl xaccount identity --identity-file clusters/identities.yaml

Exit status:
  0  done; with the diff and with --check: nothing to change
  1  the diff or --check found something to change; --write --exit-code changed something
  2  an error or wrong usage; nothing was written, and nothing is on stdout";

/// Print the identities of accounts, before any cluster exists
///
/// Prints an AWSClusterRoleIdentity for each account that the flags name, else for each account of the account map: what inject would make for a cluster there. One that the identity file of the map has is printed as that file has it, brought up to date; one with allowedNamespaces: served for which no namespace is known is omitted. With --identity-file it is a diff of that file, in which identities that are there are mended field by field, and missing ones added.
#[derive(Debug, Args)]
#[command(after_help = "--help lists more flags, and has examples", after_long_help = EXAMPLES,
    override_usage = "kubectl xaccount identity [--account ID... | --role-arn ARN...] [--identity-file FILE] [mode] [flags]",
    mut_arg("no_identity", |flag| flag.hide(true)),
    mut_arg("dry_run", |flag| flag.help("With --identity-file: print a diff and write nothing (the default there)")),
    mut_arg("write", |flag| flag.help("With --identity-file, or that of the map: write the file")))]
pub(crate) struct Identity {
    #[command(flatten)]
    pub(crate) target: AccountArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct AccountArgs {
    /// The target account, 12 digits. May be repeated [default: all accounts of the account map]
    #[arg(long, value_name = "ID", value_parser = account)]
    pub(crate) account: Vec<AccountId>,

    /// The role in the target account. May be repeated
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Vec<RoleArn>,

    #[arg(long, value_name = "NAME", help = role_name_help(), conflicts_with = "role_arn", value_parser = role_name)]
    pub(crate) role_name: Option<String>,

    /// Partition of the accounts [default: aws]
    #[arg(long, hide_short_help = true, conflicts_with = "role_arn")]
    pub(crate) partition: Option<Partition>,

    /// Leave an identity file that is a Go, Helm or Jinja template alone, with a warning
    #[arg(long, hide_short_help = true)]
    pub(crate) skip_templates: bool,

    /// Replace what an identity says otherwise, within one account
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Let an identity of account FROM be one of account TO. Moves no VPC and no machine
    #[arg(long, value_name = "FROM=TO", value_parser = account_move)]
    pub(crate) move_account: Vec<AskedMove>,
}
