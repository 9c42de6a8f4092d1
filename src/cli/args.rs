//! Flags that several verbs share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::account_map::IdentityName;
use xaccount::aws::{DurationSeconds, ExternalId, Partition, RoleText, SessionName};
use xaccount::capa::Version;
use xaccount::inject::AllowedNamespaces;

use super::values::{
    AskedAccount, AskedMove, ROLE_NAME_HELP, TopologyVariable, TypedSelector, account_move, account_or_name,
    annotation, dns_name, glob, label, namespaced_name, path, role_name, role_name_long_help, role_text,
    source_identity, topology_variable,
};

/// What a verb reads.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Files or directories; - is standard input
    #[arg(value_name = "PATH", value_parser = path())]
    pub(crate) paths: Vec<PathBuf>,

    /// Files or directories, as PATH; may be repeated or separated by commas
    #[arg(short = 'f', long = "filename", value_name = "PATH", value_delimiter = ',', value_parser = path())]
    pub(crate) filenames: Vec<PathBuf>,

    /// Read directories recursively
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,

    /// Name of standard input in diffs and reports
    #[arg(long, hide_short_help = true, value_name = "PATH")]
    pub(crate) stdin_filename: Option<String>,

    /// Not supported: pipe the build in with -f -
    #[arg(short = 'k', long, value_name = "DIR", hide = true)]
    pub(crate) kustomize: Option<PathBuf>,
}

/// How a verb reads it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct ScanArgs {
    /// Skip Go, Helm and Jinja templates with a warning, instead of an error
    #[arg(long)]
    pub(crate) skip_templates: bool,

    /// Don't fail when no cluster matches
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// Target account: 12 digits, or its name in the account map
    #[arg(long, value_name = "ID", conflicts_with = "role_arn", value_parser = account_or_name)]
    pub(crate) account: Option<AskedAccount>,

    /// Role to assume in the target account
    ///
    /// In a template for clusterctl, Flux or envsubst, the ARN can have placeholders as well: 'arn:aws:iam::${ACCOUNT}:role/NAME'. It is written as it is, and compared as text.
    #[arg(long, value_name = "ARN", value_parser = role_text)]
    pub(crate) role_arn: Option<RoleText>,

    #[arg(long, value_name = "NAME", help = ROLE_NAME_HELP, long_help = role_name_long_help(), conflicts_with = "role_arn", value_parser = role_name)]
    pub(crate) role_name: Option<String>,

    /// Partition of the role, with --account [default: that of the cluster's region, else aws]
    #[arg(long, hide_short_help = true, conflicts_with = "role_arn")]
    pub(crate) partition: Option<Partition>,

    /// Replace an existing reference, if the account stays the same
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Replace references to account FROM with references to account TO; VPCs and machines stay where they are
    ///
    /// FROM and TO are account ids, or names from the account map. FROM can also be `source` (the source account), or `unknown` together with an exact --cluster-name. TO is `unknown` if --role-arn has a placeholder. --account can be omitted.
    #[arg(long, value_name = "FROM=TO", value_parser = account_move)]
    pub(crate) move_account: Vec<AskedMove>,

    /// With --move-account: also move this cluster, whose manifest shows that it runs, and orphan its resources; may be repeated
    #[arg(long, hide_short_help = true, value_name = "NAMESPACE/NAME", value_parser = namespaced_name)]
    pub(crate) orphan_resources: Vec<String>,

    /// Read the management cluster, or this dump of it (kubectl get … -A -o yaml), to find clusters that may run
    ///
    /// Without FILE, it is the cluster of the kubeconfig's context. A cluster in it may run in the account that it shows. It changes account only with --move-account and --orphan-resources. For such a cluster, Git's HEAD is not checked.
    #[arg(long, hide_short_help = true, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_parser = path())]
    pub(crate) live: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Account map")]
pub(crate) struct ConfigArgs {
    /// Account map [default: the nearest .xaccount.yaml above the files, up to the Git root]
    #[arg(long, hide_short_help = true, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,

    /// Don't use an account map
    #[arg(long, hide_short_help = true)]
    pub(crate) no_config: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Account map")]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Skip clusters that match no entry of the account map, instead of an error
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_unmapped: bool,
}

/// Which clusters a verb is about.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which clusters")]
pub(crate) struct SelectArgs {
    /// Only clusters with this name; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    pub(crate) cluster_name: Vec<globset::Glob>,

    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<TypedSelector>,

    /// Only objects in this namespace; may be repeated or separated by commas
    #[arg(short = 'n', long, value_name = "NS", value_delimiter = ',')]
    pub(crate) namespace: Vec<String>,

    /// Namespace of objects that set none, where they will be applied [default: default]
    #[arg(long, hide_short_help = true, value_name = "NS", value_parser = dns_name)]
    pub(crate) default_namespace: Option<String>,
}

/// The variable that a topology Cluster lacks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which clusters")]
pub(crate) struct TopologyArgs {
    /// Topology variable to create for the reference if it does not exist yet: identityRef, clusterConfig.aws or clusterConfig.eks
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = topology_variable)]
    pub(crate) topology_variable: Option<TopologyVariable>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityArgs {
    /// Name of the identity [default: cross-account-role-ID, plus -ROLE for another role]
    #[arg(long, value_name = "NAME", value_parser = dns_name)]
    pub(crate) identity_name: Option<String>,

    /// File for the identities, separate from the clusters' files; created if it does not exist
    #[arg(long, value_name = "PATH")]
    pub(crate) identity_file: Option<PathBuf>,

    /// Neither create nor update identities
    #[arg(long, hide_short_help = true, conflicts_with_all = [
        "identity_file", "with_controller_identity", "source_identity", "allowed_namespaces", "session_name", "external_id",
        "duration", "inline_policy", "identity_annotation", "identity_label", "api_version"])]
    pub(crate) no_identity: bool,

    /// Identity whose credentials assume the role [default: AWSClusterControllerIdentity/default]
    #[arg(long, hide_short_help = true, value_name = "KIND/NAME", value_parser = source_identity)]
    pub(crate) source_identity: Option<IdentityName>,

    /// Namespaces that may use the identity: all, served (those of its clusters), NAME,NAME or KEY=VALUE [default: all; with an account map: served]
    #[arg(long, hide_short_help = true, value_name = "WHICH")]
    pub(crate) allowed_namespaces: Option<AllowedNamespaces>,

    /// Session name in the target account's CloudTrail
    #[arg(long, hide_short_help = true, value_name = "NAME")]
    pub(crate) session_name: Option<SessionName>,

    /// External id that the role's trust policy requires
    #[arg(long, hide_short_help = true, value_name = "ID")]
    pub(crate) external_id: Option<ExternalId>,

    /// Session duration in seconds, 900 to 43200
    #[arg(long, hide_short_help = true, value_name = "SECONDS")]
    pub(crate) duration: Option<DurationSeconds>,

    /// JSON file with a session policy
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub(crate) inline_policy: Option<PathBuf>,

    /// Also add AWSClusterControllerIdentity/default, if no file has it
    #[arg(long, hide_short_help = true)]
    pub(crate) with_controller_identity: bool,

    /// Annotation for new identities; may be repeated
    #[arg(long, hide_short_help = true, value_name = "KEY=VALUE", value_parser = annotation)]
    pub(crate) identity_annotation: Vec<(String, String)>,

    /// Label for new identities; may be repeated
    #[arg(long, hide_short_help = true, value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) identity_label: Vec<(String, String)>,

    /// API version of new identities [default: that of the clusters that use them]
    #[arg(long, hide_short_help = true, value_name = "VERSION")]
    pub(crate) api_version: Option<Version>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct ModeArgs {
    /// Print a diff and write nothing (default)
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client",
          value_parser = ["client"], hide_possible_values = true, conflicts_with_all = ["write", "check"])]
    pub(crate) dry_run: Option<String>,

    /// Write the files; for - print the result
    #[arg(short = 'i', long, visible_alias = "in-place", conflicts_with_all = ["check", "output"])]
    pub(crate) write: bool,

    /// Print the names of the files that would change
    #[arg(long, conflicts_with = "output")]
    pub(crate) check: bool,

    /// Print the result (yaml), a git patch (patch), kustomize and Flux patches (json-patch) or a report (json)
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<OutputFormat>,

    /// With --write: exit with 1 if anything was changed
    #[arg(long, requires = "write")]
    pub(crate) exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// The whole result
    Yaml,
    /// A diff for git apply
    Patch,
    /// Patches for kustomize and Flux
    JsonPatch,
    /// A report as JSON
    #[value(alias = "json")]
    Report,
}
