//! The flags of `iam`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use xaccount::aws::{AccountId, ExternalId, OrgId, Partition, Principal, RoleArn, SessionName};
use xaccount::capa::DEFAULT_ROLE_NAME;

use super::args::{ConfigArgs, InputArgs};
use super::help::{MORE, TEMPLATE};
use super::values::{ROLE_NAME_HELP, account, path, role_arn, role_name, role_name_long_help, with_suggestion};

const IAM_EXAMPLES: &str = "\
Two policies let the management cluster in the source account create clusters in
a target account:

  source account                         target account
  role of the CAPA pod  --AssumeRole-->  role that CAPA assumes
  permissions policy:                    trust policy:
  iam permission                         iam trust

Nothing here writes to AWS. docs/iam.md has more.";

/// Print or merge the trust and permission policies of both accounts
#[derive(Clone, Debug, Args)]
#[command(after_long_help = IAM_EXAMPLES, help_template = IAM_TEMPLATE,
    override_usage = "kubectl xaccount iam VERB [flags]", subcommand_help_heading = "Verbs", subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Iam {
    #[command(subcommand)]
    pub(crate) verb: IamVerb,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum IamVerb {
    Trust(Box<Trust>),
    Permission(Box<Permission>),
}

/// The list of verbs, and the picture of both accounts.
const IAM_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading}
  {usage}

{all-args}{after-help}";

const IAM_EXIT_STATUS: &str = "\
Exit status:
  0  done; with the diff of --merge FILE and with --check: nothing to change
  1  the diff or --check found something to change, or --write --exit-code
     changed something
  2  an error or wrong usage; nothing was written, and stdout is empty";

const TRUST_EXAMPLE: &str = "\
Example:
  kubectl xaccount iam trust --source-account 111111111111 --merge trust.json";

const PERMISSION_EXAMPLE: &str = "\
Example:
  kubectl xaccount iam permission -f clusters/ -R";

const TRUST_EXAMPLES: &str = "\
Examples:
  # The statement, to be added to the role's trust policy in the target account
  kubectl xaccount iam trust --source-account 111111111111

  # Merged into what is there today; nothing is dropped, and nothing doubled
  aws iam get-role --role-name R --query Role.AssumeRolePolicyDocument |
    kubectl xaccount iam trust --source-account 111111111111 --merge - \\
    > trust.json

  # The same with a file, as a diff; --write writes it
  kubectl xaccount iam trust --source-account 111111111111 --merge trust.json

  # With the external id that the manifests say
  kubectl xaccount iam trust --source-account 111111111111 \\
    -f clusters/ -R --account 222222222222

  # A script that merges into what is live: read it, then run it in the target account
  kubectl xaccount iam trust --source-account 111111111111 \\
    --account 222222222222 -o cli > trust.sh";

/// Who may assume the target account's role
///
/// Prints the statement that lets the source account's role assume the target account's role: a bare statement, which AWS refuses as a document, so that nobody replaces a role's whole trust policy with it by accident. --merge adds it to the document that is there; an equal or wider grant means unchanged bytes, and a Deny that defeats it is an error.
#[derive(Clone, Debug, Args)]
#[command(before_help = TRUST_EXAMPLE, before_long_help = TRUST_EXAMPLES, after_help = MORE,
    after_long_help = IAM_EXIT_STATUS, help_template = TEMPLATE,
    override_usage = "kubectl xaccount iam trust --source-account ID [--merge FILE] [flags]")]
pub(crate) struct Trust {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: IamTargetArgs,
    #[command(flatten)]
    pub(crate) manifests: ManifestArgs,
    #[command(flatten)]
    pub(crate) conditions: ConditionArgs,

    /// Allow sts:TagSession too, which sessions of EKS Pod Identity need
    #[arg(long, hide_short_help = true, help_heading = "Conditions")]
    pub(crate) tag_session: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Print a whole document for create-role, with what EC2 needs
    #[arg(long, hide_short_help = true, conflicts_with = "merge", help_heading = "Mode")]
    pub(crate) new_role: bool,

    /// Profile of the AWS CLI for the target account, in the script of -o cli
    #[arg(long, hide_short_help = true, value_name = "NAME", help_heading = "Mode")]
    pub(crate) target_profile: Option<String>,
}

const PERMISSION_EXAMPLES: &str = "\
Examples:
  # One least-privilege policy for every role that the manifests assume
  kubectl xaccount iam permission -f clusters/ -R

  # For accounts, without manifests
  kubectl xaccount iam permission --account 222222222222 --account 333333333333

  # Merged into the inline policy that is there today
  aws iam get-role-policy --role-name R --policy-name xaccount-assume-role |
    kubectl xaccount iam permission -f clusters/ -R --merge - > permission.json

  # A script that merges into the live policy: read it, then run it in the
  # source account
  kubectl xaccount iam permission -f clusters/ -R --source-account 111111111111 \\
    -o cli > permission.sh";

/// What the source account's role may assume
///
/// Prints a policy document that allows sts:AssumeRole on the target accounts' roles and on nothing else: on those that the manifests' AWSClusterRoleIdentity objects name, or on the role of each --account. --merge adds them to the document that is there.
#[derive(Clone, Debug, Args)]
#[command(before_help = PERMISSION_EXAMPLE, before_long_help = PERMISSION_EXAMPLES, after_help = MORE,
    after_long_help = IAM_EXIT_STATUS, help_template = TEMPLATE,
    override_usage = "kubectl xaccount iam permission (PATH... [-R] | --account ID...) [flags]")]
pub(crate) struct Permission {
    #[command(flatten)]
    pub(crate) target: IamTargetArgs,
    #[command(flatten)]
    pub(crate) manifests: ManifestArgs,
    #[command(flatten)]
    pub(crate) source: SourceRoleArgs,

    /// The policy of this role instead: what it assumes as a hop of a chain
    #[arg(long, hide_short_help = true, value_name = "ARN", value_parser = role_arn, help_heading = "Source")]
    pub(crate) for_role: Option<RoleArn>,

    /// Allow sts:TagSession too, which sessions of EKS Pod Identity need
    #[arg(long, hide_short_help = true, help_heading = "Source")]
    pub(crate) tag_session: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Name of the inline policy, for -o cli, cloudformation and terraform [default: xaccount-assume-role]
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = policy_name, help_heading = "Mode")]
    pub(crate) policy_name: Option<String>,

    /// Profile of the AWS CLI for the source account, in the script of -o cli
    #[arg(long, hide_short_help = true, value_name = "NAME", help_heading = "Mode")]
    pub(crate) source_profile: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) role: SourceRoleArgs,

    /// A user or another role that assumes the role too, as with dkp's bootstrap credentials; may be repeated
    #[arg(long, value_name = "ARN", value_parser = principal)]
    pub(crate) source_principal: Vec<Principal>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceRoleArgs {
    /// The account of the management cluster, 12 digits
    #[arg(long, value_name = "ID", value_parser = account)]
    pub(crate) source_account: Option<AccountId>,

    /// The role that the CAPA pod runs as: a name, path and name, or an ARN
    #[arg(long, value_name = "ROLE", default_value = DEFAULT_ROLE_NAME, hide_default_value = true,
          help = "Role that the CAPA pod runs as: name, path and name, or ARN [default: the role of DKP and NKP]",
          long_help = format!("Role that the CAPA pod runs as: name, path and name, or ARN [default: {DEFAULT_ROLE_NAME}]"))]
    pub(crate) source_role: String,

    /// Source and target may be one account
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_same_account: bool,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct IamTargetArgs {
    /// The target account, 12 digits; with -f, the one that is meant. May be repeated
    #[arg(long, value_name = "ID", value_parser = account)]
    pub(crate) account: Vec<AccountId>,

    /// The role in the target account; with -f, the one that is meant. May be repeated
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Vec<RoleArn>,

    #[arg(long, value_name = "NAME", default_value = DEFAULT_ROLE_NAME, hide_default_value = true, help = ROLE_NAME_HELP,
          long_help = role_name_long_help(), value_parser = role_name)]
    pub(crate) role_name: String,

    /// Partition of both accounts [default: that of the merged document or of an ARN, else aws]
    #[arg(long, hide_short_help = true)]
    pub(crate) partition: Option<Partition>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct ManifestArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Leave Go, Helm and Jinja templates that hold our kinds alone, with a warning
    #[arg(long, hide_short_help = true)]
    pub(crate) skip_templates: bool,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Conditions")]
pub(crate) struct ConditionArgs {
    /// Ask for this external id, or one of several [default: what the identities of -f say]
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Vec<ExternalId>,

    /// Ask for a principal of this organisation
    #[arg(long, value_name = "ID")]
    pub(crate) org_id: Option<OrgId>,

    /// Ask for this session name
    #[arg(long, value_name = "NAME")]
    pub(crate) session_name: Option<SessionName>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct PolicyArgs {
    /// Add to the document in this file, bare or as the AWS CLI prints it; - is standard input, and the result goes to stdout
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) merge: Option<PathBuf>,

    /// Take the grant out of the merged document instead
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) remove: bool,

    /// Replace the conditions under which the same principal is let in already
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Print a diff and write nothing (the default with --merge FILE)
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client", hide_short_help = true,
          value_parser = ["client"], hide_possible_values = true, conflicts_with_all = ["write", "check"])]
    pub(crate) dry_run: Option<String>,

    /// Write the file of --merge
    #[arg(short = 'i', long, visible_alias = "in-place", requires = "merge", conflicts_with_all = ["check", "output"])]
    pub(crate) write: bool,

    /// Only say whether the file of --merge would change
    #[arg(long, requires = "merge", conflicts_with = "output")]
    pub(crate) check: bool,

    /// Print the document (json), a script (cli), or a piece for cloudformation, terraform or clusterawsadm
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<PolicyFormat>,

    /// With --write: exit with 1 when anything was changed
    #[arg(long, hide_short_help = true, requires = "write")]
    pub(crate) exit_code: bool,

    /// The quota for the policy's length in characters, where AWS raised it
    #[arg(long, hide_short_help = true, value_name = "N")]
    pub(crate) max_size: Option<usize>,
}

impl PolicyArgs {
    /// The flags that count for the merge that a script asks for.
    pub(crate) fn for_script(&self) -> Vec<String> {
        let flags = [(self.remove, "--remove"), (self.overwrite, "--overwrite")];
        let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
        flags.chain(self.max_size.map(|size| format!("--max-size={size}"))).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// The document
    Json,
    /// A shell script for the AWS CLI
    Cli,
    /// A CloudFormation template
    Cloudformation,
    /// A Terraform resource
    Terraform,
    /// A configuration of clusterawsadm
    Clusterawsadm,
}

fn principal(text: &str) -> Result<Principal, String> {
    text.parse::<Principal>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

/// Source: IAM API reference, `PutRolePolicy`, `PolicyName`.
fn policy_name(text: &str) -> Result<String, String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=128).contains(&text.len()) && text.chars().all(letter) {
        Ok(text.into())
    } else {
        Err("the name of a policy has 1 to 128 letters, digits and _+=,.@-".into())
    }
}
