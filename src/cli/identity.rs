//! The flags of `identity`.

use clap::Args;

use xaccount::aws::{Partition, RoleArn};

use super::args::{ConfigArgs, IdentityArgs, ModeArgs};
use super::help::{EDIT_EXIT_STATUS, MORE, TEMPLATE};
use super::prune::PruneArgs;
use super::values::{
    AskedAccount, AskedMove, ROLE_NAME_HELP, account_move, account_or_name, dns_name, role_arn, role_name,
    role_name_long_help,
};

const EXAMPLE: &str = "\
Example:
  kubectl xaccount identity --account 222222222222";

const EXAMPLES: &str = "\
Examples:
  # The identity of an account, for kubectl apply or Git
  kubectl xaccount identity --account 222222222222

  # The identities of all accounts of the account map
  kubectl xaccount identity

  # What is missing in a file, as a diff; --write adds it
  kubectl xaccount identity --identity-file clusters/identities.yaml

  # What no cluster of the account map needs; --write removes it
  kubectl xaccount identity --prune";

/// Print the identities of accounts, before any cluster exists
///
/// Prints an AWSClusterRoleIdentity for each account of the flags, or else of the account map: what inject would write for a cluster in that account. If the identity file of the map already has the identity, it is printed as in that file, with outdated fields updated. An identity with `allowedNamespaces: served` is omitted while no namespace is known. With --identity-file, prints a diff of that file: existing identities are updated field by field, and missing ones added.
///
/// With --prune, prints a diff that removes from the identity file what no cluster below the account map, or elsewhere in its Git work tree, needs: unused identities, and namespaces of `served` identities.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, after_help = MORE, after_long_help = EDIT_EXIT_STATUS,
    help_template = TEMPLATE,
    override_usage = "kubectl xaccount identity [--account ID...] [--identity-file FILE] [flags]",
    mut_arg("no_identity", |flag| flag.hide(true)),
    mut_arg("dry_run", |flag| flag.help("With --identity-file: print a diff and write nothing (default)")),
    mut_arg("prune", |flag| flag.help("Remove identities and namespaces from the identity file that no cluster of the account map needs")
        .conflicts_with_all(NOT_WITH_PRUNE)),
    mut_arg("live", |flag| flag.requires("prune")),
    mut_arg("write", |flag| flag.help("With --identity-file, or that of the map: write the file")))]
pub(crate) struct Identity {
    #[command(flatten)]
    pub(crate) target: AccountArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) unused: UnusedArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}

/// Flags that describe identities to create.
const NOT_WITH_PRUNE: [&str; 16] = [
    "identity_label",
    "account",
    "role_arn",
    "role_name",
    "partition",
    "overwrite",
    "move_account",
    "source_identity",
    "allowed_namespaces",
    "session_name",
    "external_id",
    "duration",
    "inline_policy",
    "with_controller_identity",
    "identity_annotation",
    "api_version",
];

#[derive(Debug, Args)]
#[command(next_help_heading = "Unused identities")]
pub(crate) struct UnusedArgs {
    #[command(flatten)]
    pub(crate) prune: PruneArgs,

    /// Namespace of clusters below the account map that set none, where they will be applied [default: default]
    #[arg(long, hide_short_help = true, value_name = "NS", value_parser = dns_name)]
    pub(crate) default_namespace: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct AccountArgs {
    /// Target account: 12 digits, or its name in the account map; may be repeated [default: all accounts of the map]
    #[arg(long, value_name = "ID", value_parser = account_or_name)]
    pub(crate) account: Vec<AskedAccount>,

    /// Role in the target account; may be repeated
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Vec<RoleArn>,

    #[arg(long, value_name = "NAME", help = ROLE_NAME_HELP, long_help = role_name_long_help(), conflicts_with = "role_arn", value_parser = role_name)]
    pub(crate) role_name: Option<String>,

    /// Partition of the accounts [default: aws]
    #[arg(long, hide_short_help = true, conflicts_with = "role_arn")]
    pub(crate) partition: Option<Partition>,

    /// Skip an identity file that is a Go, Helm or Jinja template, with a warning
    #[arg(long, hide_short_help = true)]
    pub(crate) skip_templates: bool,

    /// Replace fields of an existing identity that differ, if the account stays the same
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Change an identity of account FROM into one of account TO; VPCs and machines stay where they are
    #[arg(long, value_name = "FROM=TO", value_parser = account_move)]
    pub(crate) move_account: Vec<AskedMove>,
}
