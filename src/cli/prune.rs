//! The flags of verbs that remove identities.

use std::path::PathBuf;

use clap::Args;

use super::cluster::ClusterArgs;
use super::values::path;

#[derive(Debug, Args)]
#[command(next_help_heading = "Unused identities")]
pub(crate) struct PruneArgs {
    /// Remove identities that nothing uses any more
    ///
    /// An AWSClusterRoleIdentity is removed if nothing references it, and if everything in it is what inject writes: without flags, or with the account map. One that was edited is kept, unless --identity-name names it. AWSClusterControllerIdentity/default is never removed.
    #[arg(long)]
    pub(crate) prune: bool,

    /// Read the management cluster, or this dump of it: refuse to remove an identity that an object there uses
    ///
    /// Without FILE, it is the cluster of the kubeconfig's context. An object that is being deleted uses its identity, too. The command that writes a dump is in the error about a file that is not one.
    #[arg(long, hide_short_help = true, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_parser = path())]
    pub(crate) live: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
