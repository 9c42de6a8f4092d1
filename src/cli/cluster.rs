//! The flags of kubectl that select a cluster, for verbs that read one.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{go_duration, path};

/// Which management cluster is read, and as whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Management cluster")]
pub(crate) struct ClusterArgs {
    /// Context of the kubeconfig [default: its current-context]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// Kubeconfig [default: KUBECONFIG, else ~/.kube/config; in a pod its service account]
    #[arg(long, hide_short_help = true, value_name = "FILE", value_parser = path())]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// User to impersonate
    #[arg(long = "as", hide_short_help = true, value_name = "USER")]
    pub(crate) impersonate: Option<String>,

    /// Group to impersonate; may be repeated
    #[arg(long, hide_short_help = true, value_name = "GROUP", requires = "impersonate")]
    pub(crate) as_group: Vec<String>,

    /// Longest time for one request: 5s, 2m; 0 means no limit [default: 60s]
    #[arg(long, hide_short_help = true, value_name = "DURATION", value_parser = go_duration)]
    pub(crate) request_timeout: Option<Duration>,
}

impl ClusterArgs {
    /// The first of these flags that was specified.
    pub(crate) fn first_flag(&self) -> Option<&'static str> {
        [
            (self.context.is_some(), "--context"),
            (self.kubeconfig.is_some(), "--kubeconfig"),
            (self.impersonate.is_some(), "--as"),
            (self.request_timeout.is_some(), "--request-timeout"),
        ]
        .into_iter()
        .find_map(|(is_given, flag)| is_given.then_some(flag))
    }
}
