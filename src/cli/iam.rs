//! The flags of `iam`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use xaccount::aws::{AccountId, ExternalId, OrgId, Partition, Principal, RoleArn, SessionName};
use xaccount::capa::DEFAULT_ROLE_NAME;

use super::args::ConfigArgs;
use super::help::{MORE, TEMPLATE, VERBS_TEMPLATE};
use super::iam_shared::{ManifestArgs, PolicyFormat, policy_name};
use super::target_permission::TargetPermission;
use super::values::{
    AskedAccount, ROLE_NAME_HELP, account, account_or_name, path, role_arn, role_name, role_name_long_help,
    with_suggestion,
};

const IAM_EXAMPLES: &str = "\
Two policies let the management cluster in the source account create clusters in
a target account:

  source account                         target account
  role of the CAPA pod  --AssumeRole-->  role that CAPA assumes
  permissions policy:                    trust policy:
  iam permission                         iam trust

Nothing here writes to AWS. docs/iam.md has more.";

/// Print or merge the trust and permissions policies of both accounts
#[derive(Clone, Debug, Args)]
#[command(after_long_help = IAM_EXAMPLES, help_template = VERBS_TEMPLATE,
    override_usage = "kubectl xaccount iam VERB [flags]", subcommand_help_heading = "Verbs", subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Iam {
    #[command(subcommand)]
    pub(crate) verb: IamVerb,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum IamVerb {
    Trust(Box<Trust>),
    Permission(Box<Permission>),
    TargetPermission(Box<TargetPermission>),
}

const IAM_EXIT_STATUS: &str = "\
Exit status:
  0  done; with the diff of --merge FILE and with --check: nothing to change
  1  the diff or --check found something to change, or access that --remove
     can't remove or that lacks a requested condition; or --write --exit-code
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
  # Print the statement to add to the role's trust policy in the target account
  kubectl xaccount iam trust --source-account 111111111111

  # Merge it into the live policy; nothing is lost or duplicated
  aws iam get-role --role-name R --query Role.AssumeRolePolicyDocument |
    kubectl xaccount iam trust --source-account 111111111111 --merge - \\
    > trust.json

  # Show the change to a file as a diff; --write writes the file
  kubectl xaccount iam trust --source-account 111111111111 --merge trust.json

  # Use the external id of the identity in the manifests
  kubectl xaccount iam trust --source-account 111111111111 \\
    -f clusters/ -R --account 222222222222

  # Print a script that changes the live policy: read it, then run it in the
  # target account
  kubectl xaccount iam trust --source-account 111111111111 \\
    --account 222222222222 -o cli > trust.sh";

/// Print who may assume the target account's role (its trust policy)
///
/// Prints the statement that allows the source account's role to assume the target account's role. AWS refuses a single statement as a policy document, so it can't replace a role's whole trust policy by accident. --merge adds the statement to an existing document. If the document already has an equal or wider grant, it does not change. A Deny that defeats the grant is an error.
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

    /// Also allow sts:TagSession, which EKS Pod Identity needs
    #[arg(long, hide_short_help = true, help_heading = "Conditions")]
    pub(crate) tag_session: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Print a whole document for create-role, including the statement for EC2
    #[arg(long, hide_short_help = true, conflicts_with = "merge", help_heading = "Mode")]
    pub(crate) new_role: bool,

    /// AWS CLI profile for the target account, used by the script of -o cli
    #[arg(long, hide_short_help = true, value_name = "NAME", help_heading = "Mode")]
    pub(crate) target_profile: Option<String>,
}

const PERMISSION_EXAMPLES: &str = "\
Examples:
  # Print one least-privilege policy for all roles in the manifests
  kubectl xaccount iam permission -f clusters/ -R

  # Print it for accounts, without manifests
  kubectl xaccount iam permission --account 222222222222 --account 333333333333

  # Merge it into the live inline policy
  aws iam get-role-policy --role-name R --policy-name xaccount-assume-role |
    kubectl xaccount iam permission -f clusters/ -R --merge - > permission.json

  # Print a script that changes the live policy: read it, then run it in the
  # source account
  kubectl xaccount iam permission -f clusters/ -R \\
    --source-account 111111111111 -o cli > permission.sh";

/// Print which roles the source account's role may assume (its permissions policy)
///
/// Prints a policy document that allows sts:AssumeRole on the target accounts' roles, and nothing else. The roles are those of the AWSClusterRoleIdentity objects in the manifests, or the role of each --account. --merge adds them to an existing document.
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

    /// Print the policy of this role instead, which is a hop in a chain of roles
    #[arg(long, hide_short_help = true, value_name = "ARN", value_parser = role_arn, help_heading = "Source")]
    pub(crate) for_role: Option<RoleArn>,

    /// Also allow sts:TagSession, which EKS Pod Identity needs
    #[arg(long, hide_short_help = true, help_heading = "Source")]
    pub(crate) tag_session: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Name of the inline policy for -o cli, cloudformation and terraform [default: xaccount-assume-role]
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = policy_name, help_heading = "Mode")]
    pub(crate) policy_name: Option<String>,

    /// AWS CLI profile for the source account, used by the script of -o cli
    #[arg(long, hide_short_help = true, value_name = "NAME", help_heading = "Mode")]
    pub(crate) source_profile: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) role: SourceRoleArgs,

    /// A user or role that may also assume the role, as with dkp's bootstrap credentials; may be repeated
    #[arg(long, value_name = "ARN", value_parser = principal)]
    pub(crate) source_principal: Vec<Principal>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceRoleArgs {
    /// Account id of the management cluster (12 digits)
    #[arg(long, value_name = "ID", value_parser = account)]
    pub(crate) source_account: Option<AccountId>,

    /// The role that the CAPA pod runs as: a name, path and name, or an ARN
    #[arg(long, value_name = "ROLE", default_value = DEFAULT_ROLE_NAME, hide_default_value = true,
          help = "Role that the CAPA pod runs as: name, path and name, or ARN [default: the role of DKP and NKP]",
          long_help = format!("Role that the CAPA pod runs as: name, path and name, or ARN [default: {DEFAULT_ROLE_NAME}]"))]
    pub(crate) source_role: String,

    /// Allow source and target to be the same account
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_same_account: bool,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct IamTargetArgs {
    /// Target account: 12 digits, or its name in the account map; with -f, use only roles of this account. May be repeated
    #[arg(long, value_name = "ID", value_parser = account_or_name)]
    pub(crate) account: Vec<AskedAccount>,

    /// ARN of the role in the target account; with -f, use only this role. May be repeated
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Vec<RoleArn>,

    #[arg(long, value_name = "NAME", default_value = DEFAULT_ROLE_NAME, hide_default_value = true, help = ROLE_NAME_HELP,
          long_help = role_name_long_help(), value_parser = role_name)]
    pub(crate) role_name: String,

    /// AWS partition of both accounts [default: from the merged document or an ARN, else aws]
    #[arg(long, hide_short_help = true)]
    pub(crate) partition: Option<Partition>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Conditions")]
pub(crate) struct ConditionArgs {
    /// Require this external id; may be repeated to accept one of several [default: from the identities of -f]
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Vec<ExternalId>,

    /// Require a principal of this organisation
    #[arg(long, value_name = "ID")]
    pub(crate) org_id: Option<OrgId>,

    /// Require this session name
    #[arg(long, value_name = "NAME")]
    pub(crate) session_name: Option<SessionName>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct PolicyArgs {
    /// Add the grant to the policy in this file, bare or as the AWS CLI prints it; - reads stdin and prints the result
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) merge: Option<PathBuf>,

    /// Remove the grant from the document of --merge instead
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) remove: bool,

    /// Replace other conditions for the same principal, and add the requested ones where they are missing
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// With --remove and -o json: if no statement is left, print nothing instead of an error
    #[arg(long, requires_all = ["remove", "output"], hide_short_help = true)]
    pub(crate) allow_empty: bool,

    /// A condition key of CAPA's requests and its value, for example aws:PrincipalTag/team=capa; KEY= if it is absent. May be repeated
    ///
    /// Decides whether conditions of existing statements hold. The external id, the session name, the organisation and the accounts are known from the manifests, the flags and the account map. Several values of one key mean that each of them is possible. With an ARN and a blank before the key, it is for this role or principal alone.
    #[arg(long, value_name = "KEY=VALUE", value_parser = context, hide_short_help = true)]
    pub(crate) context: Vec<ContextEntry>,

    /// Print a diff and write nothing (the default with --merge FILE)
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client", hide_short_help = true,
          value_parser = ["client"], hide_possible_values = true, conflicts_with_all = ["write", "check"])]
    pub(crate) dry_run: Option<String>,

    /// Write the file of --merge
    #[arg(short = 'i', long, visible_alias = "in-place", requires = "merge", conflicts_with_all = ["check", "output"])]
    pub(crate) write: bool,

    /// Only check whether the file of --merge would change
    #[arg(long, requires = "merge", conflicts_with = "output")]
    pub(crate) check: bool,

    /// Output format: json (the document), cli (a script), cloudformation, terraform or clusterawsadm
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<PolicyFormat>,

    /// With --write: exit with status 1 if the file changed
    #[arg(long, hide_short_help = true, requires = "write")]
    pub(crate) exit_code: bool,

    /// Maximum length of the policy in characters, if AWS raised your quota
    #[arg(long, hide_short_help = true, value_name = "N")]
    pub(crate) max_size: Option<usize>,
}

impl PolicyArgs {
    /// Whether the output is the document itself, and not what changes or creates a role.
    pub(crate) fn prints_document(&self) -> bool {
        matches!(self.output, None | Some(PolicyFormat::Json))
    }

    /// The flags that a script passes on to its merge.
    pub(crate) fn for_script(&self) -> Vec<String> {
        let flags = [(self.remove, "--remove"), (self.overwrite, "--overwrite")];
        let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
        flags.chain(self.max_size.map(|size| format!("--max-size={size}"))).collect()
    }
}

/// A value of `--context`.
#[derive(Clone, Debug)]
pub(crate) struct ContextEntry {
    /// The principal or the role whose requests it is about; `None` for all.
    pub(crate) subject: Option<String>,
    pub(crate) key: String,
    /// `None`: the requests do not have the key.
    pub(crate) value: Option<String>,
}

fn context(text: &str) -> Result<ContextEntry, String> {
    let (subject, rest) = match text.split_once(' ') {
        Some((subject, rest)) if subject.starts_with("arn:") => (Some(subject.to_owned()), rest),
        _ => (None, text),
    };
    match rest.split_once('=') {
        Some((key, value)) if key.contains(':') && !key.contains(char::is_whitespace) => {
            let value = (!value.is_empty()).then(|| value.to_owned());
            Ok(ContextEntry { subject, key: key.to_owned(), value })
        }
        _ => Err("write KEY=VALUE with a condition key, for example sts:RoleSessionName=capa".into()),
    }
}

fn principal(text: &str) -> Result<Principal, String> {
    text.parse::<Principal>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}
