//! Flags that several verbs share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use xaccount::aws::{AccountId, DurationSeconds, ExternalId, Partition, RoleArn, SessionName};
use xaccount::capa::{IdentityKind, Version};
use xaccount::inject::AllowedNamespaces;
use xaccount::kubernetes::LabelSelector;

use super::values::{
    AskedMove, TopologyVariable, account, account_move, annotation, dns_name, glob, namespaced_name, path, role_arn,
    role_name, role_name_help, source_identity, topology_variable,
};

/// What a verb reads.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Files or directories; - is standard input
    #[arg(value_name = "PATH", value_parser = path())]
    pub(crate) paths: Vec<PathBuf>,

    /// The same as PATH, as kubectl has it; may be repeated, or separated by commas
    #[arg(short = 'f', long = "filename", value_name = "PATH", value_delimiter = ',', value_parser = path())]
    pub(crate) filenames: Vec<PathBuf>,

    /// Directories with all that is below them
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,

    /// As which file standard input counts, in headings and reports
    #[arg(long, hide_short_help = true, value_name = "PATH")]
    pub(crate) stdin_filename: Option<String>,

    /// Not read: build it and pipe it in
    #[arg(short = 'k', long, value_name = "DIR", hide = true)]
    pub(crate) kustomize: Option<PathBuf>,
}

/// How a verb reads it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct ScanArgs {
    /// Leave Go, Helm and Jinja templates that hold our kinds alone, with a warning
    #[arg(long)]
    pub(crate) skip_templates: bool,

    /// A run that finds nothing to point is no error
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// The target account, 12 digits
    #[arg(long, value_name = "ID", conflicts_with = "role_arn", value_parser = account)]
    pub(crate) account: Option<AccountId>,

    /// The role to assume in the target account
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Option<RoleArn>,

    #[arg(long, value_name = "NAME", help = role_name_help(), conflicts_with = "role_arn", value_parser = role_name)]
    pub(crate) role_name: Option<String>,

    /// Partition of the role, with --account [default: that of the cluster's region, else aws]
    #[arg(long, hide_short_help = true, conflicts_with = "role_arn")]
    pub(crate) partition: Option<Partition>,

    /// Replace what says something else, within one account
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Replace a reference to account FROM by one to account TO. Moves no VPC and no machine
    ///
    /// FROM and TO are ids, or names of the account map; FROM may also be `source`, the account of the management cluster, or `unknown`, with the exact --cluster-name. --account need not be repeated.
    #[arg(long, value_name = "FROM=TO", value_parser = account_move)]
    pub(crate) move_account: Vec<AskedMove>,

    /// With --move-account, for a cluster that shows life itself: leave its resources behind. May be repeated
    #[arg(long, hide_short_help = true, value_name = "NAMESPACE/NAME", value_parser = namespaced_name)]
    pub(crate) orphan_resources: Vec<String>,

    /// A dump of the management cluster (kubectl get … -A -o yaml): a cluster that it has may run, in the account that it shows
    ///
    /// Such a cluster changes account only if that is asked for with --move-account and --orphan-resources. Where the dump has the object, that counts instead of Git's HEAD.
    #[arg(long, hide_short_help = true, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_parser = path())]
    pub(crate) live: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Account map")]
pub(crate) struct ConfigArgs {
    /// The account map [default: the nearest .xaccount.yaml above the files, as far as the Git root]
    #[arg(long, hide_short_help = true, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,

    /// Go without an account map
    #[arg(long, hide_short_help = true)]
    pub(crate) no_config: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Account map")]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Leave clusters alone that the account map does not name
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_unmapped: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which clusters")]
pub(crate) struct SelectArgs {
    /// Only clusters whose name matches; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    pub(crate) cluster_name: Vec<globset::Glob>,

    /// Only objects whose labels match, as kubectl has it
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<LabelSelector>,

    /// Only objects in this namespace, and objects without one
    #[arg(short = 'n', long, value_name = "NS")]
    pub(crate) namespace: Option<String>,

    /// A topology variable that is to hold the reference though it is not there yet: identityRef, or clusterConfig.aws
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = topology_variable)]
    pub(crate) topology_variable: Option<TopologyVariable>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityArgs {
    /// Name of the identity [default: cross-account-role-ID, and -ROLE for a role other than the default one]
    #[arg(long, value_name = "NAME", value_parser = dns_name)]
    pub(crate) identity_name: Option<String>,

    /// Keep identities in this file, out of the clusters' files; made if it is not there
    #[arg(long, value_name = "PATH")]
    pub(crate) identity_file: Option<PathBuf>,

    /// Neither make nor mend identities
    #[arg(long, hide_short_help = true, conflicts_with_all = [
        "identity_file", "with_controller_identity", "source_identity", "allowed_namespaces", "session_name", "external_id",
        "duration", "inline_policy", "identity_annotation", "api_version"])]
    pub(crate) no_identity: bool,

    /// The identity whose credentials assume the role [default: AWSClusterControllerIdentity/default]
    #[arg(long, hide_short_help = true, value_name = "KIND/NAME", value_parser = source_identity)]
    pub(crate) source_identity: Option<(IdentityKind, String)>,

    /// Namespaces whose clusters may use the identity: all, NAME,NAME or KEY=VALUE [default: all]
    #[arg(long, hide_short_help = true, value_name = "WHICH")]
    pub(crate) allowed_namespaces: Option<AllowedNamespaces>,

    /// Session name in the target account's CloudTrail
    #[arg(long, hide_short_help = true, value_name = "NAME")]
    pub(crate) session_name: Option<SessionName>,

    /// External id that the role's trust policy asks for
    #[arg(long, hide_short_help = true, value_name = "ID")]
    pub(crate) external_id: Option<ExternalId>,

    /// Length of a session in seconds, 900 to 43200
    #[arg(long, hide_short_help = true, value_name = "SECONDS")]
    pub(crate) duration: Option<DurationSeconds>,

    /// File with a session policy as JSON
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub(crate) inline_policy: Option<PathBuf>,

    /// Also add AWSClusterControllerIdentity/default, if no file has it
    #[arg(long, hide_short_help = true)]
    pub(crate) with_controller_identity: bool,

    /// Annotation of identities that are made; may be repeated
    #[arg(long, hide_short_help = true, value_name = "KEY=VALUE", value_parser = annotation)]
    pub(crate) identity_annotation: Vec<(String, String)>,

    /// Version of new identities [default: that of the objects that they serve]
    #[arg(long, hide_short_help = true, value_name = "VERSION")]
    pub(crate) api_version: Option<Version>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct ModeArgs {
    /// Print a diff and write nothing (the default)
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client",
          value_parser = ["client"], hide_possible_values = true, conflicts_with_all = ["write", "check"])]
    pub(crate) dry_run: Option<String>,

    /// Write the files; for - the result goes to stdout
    #[arg(short = 'i', long, visible_alias = "in-place", conflicts_with_all = ["check", "output"])]
    pub(crate) write: bool,

    /// Only say which files would change
    #[arg(long, conflicts_with = "output")]
    pub(crate) check: bool,

    /// Print the result (yaml), a patch for git (patch), patches for kustomize and Flux (json-patch) or a report (report)
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<OutputFormat>,

    /// With --write: exit with 1 when anything was changed
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
    Report,
}
