//! The flags of `iam`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use xaccount::account_map::{CredentialKind, ServiceAccount};
use xaccount::aws::{
    AccountId, ClusterArn, ExternalId, Issuer, OrgId, Partition, PermissionsBoundary, Principal, RoleArn, SessionName,
};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::iam::PrincipalForm;
use xaccount::kubernetes::names;

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
    SourceTrust(Box<SourceTrust>),
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
    #[command(flatten)]
    pub(crate) change: ChangeArgs,

    /// The roles of all accounts of the map or of -f: a file each with --output-dir, or all in one template
    ///
    /// Without --output-dir, -o cloudformation prints one template for a stack set, and -o terraform one module with for_each.
    #[arg(long, hide_short_help = true, conflicts_with_all = ["merge", "write", "check", "dry_run", "account", "role_arn", "new_role"], help_heading = "Mode")]
    pub(crate) all: bool,

    /// With --all: write a file for each account into this directory, named by account id and name
    #[arg(long, hide_short_help = true, value_name = "DIR", value_parser = path(), requires = "all", help_heading = "Mode")]
    pub(crate) output_dir: Option<PathBuf>,

    /// Print a whole document for create-role, including the statement for EC2
    #[arg(long, hide_short_help = true, conflicts_with = "merge", help_heading = "Mode")]
    pub(crate) new_role: bool,

    /// Permissions boundary of the role, in the formats that create one: name of a policy in its account, or ARN
    #[arg(long, hide_short_help = true, value_name = "POLICY", value_parser = permissions_boundary, help_heading = "Mode")]
    pub(crate) permissions_boundary: Option<PermissionsBoundary>,

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

    /// Allow source and target to be the same account
    #[arg(long, hide_short_help = true, help_heading = "Source")]
    pub(crate) allow_same_account: bool,

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
    #[command(flatten)]
    pub(crate) change: ChangeArgs,

    /// Name of the inline policy for -o cli, cloudformation and terraform [default: xaccount-assume-role]
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = policy_name, help_heading = "Mode")]
    pub(crate) policy_name: Option<String>,

    /// AWS CLI profile for the source account, used by the script of -o cli
    #[arg(long, hide_short_help = true, value_name = "NAME", help_heading = "Mode")]
    pub(crate) source_profile: Option<String>,
}

const SOURCE_TRUST_EXAMPLE: &str = "\
Example:
  kubectl xaccount iam source-trust";

const SOURCE_TRUST_EXAMPLES: &str = "\
Examples:
  # Print the statement for what the account map has as source.credentials
  kubectl xaccount iam source-trust

  # Without a map: a role that the CAPA pod gets from its service account
  kubectl xaccount iam source-trust --source-account 111111111111 \\
    --source-role capa --source-credentials irsa=https://oidc.example.com/id/X

  # Merge it into the live policy; nothing is lost or duplicated
  aws iam get-role --role-name R --query Role.AssumeRolePolicyDocument |
    kubectl xaccount iam source-trust --merge - > trust.json

  # Print a script with all commands: OIDC provider, role and association, and
  # what to do in the management cluster
  kubectl xaccount iam source-trust -o cli > source.sh";

const SOURCE_TRUST_EXIT_STATUS: &str = "\
Exit status:
  0  done; with the diff of --merge FILE and with --check: nothing to change
  1  the diff or --check found something to change, or a statement that allows
     other service accounts or clusters; or --write --exit-code changed
     something
  2  an error or wrong usage; nothing was written, and stdout is empty";

/// Print what gives the source account's role to the CAPA pod (its own trust policy)
///
/// Prints the statement for the trust policy of the role that the CAPA pod runs as: for EC2 (an instance profile), for a service account through IRSA, or for EKS Pod Identity. What it runs as comes from source.credentials in the account map, or from --source-credentials. -o cli prints a script with the commands around it.
#[derive(Clone, Debug, Args)]
#[command(before_help = SOURCE_TRUST_EXAMPLE, before_long_help = SOURCE_TRUST_EXAMPLES, after_help = MORE,
    after_long_help = SOURCE_TRUST_EXIT_STATUS, help_template = TEMPLATE,
    override_usage = "kubectl xaccount iam source-trust [--merge FILE] [flags]")]
pub(crate) struct SourceTrust {
    #[command(flatten)]
    pub(crate) source: SourceRoleArgs,

    /// Service account of the CAPA pod [default: capa-system/capa-controller-manager]
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = service_account, help_heading = "Source")]
    pub(crate) service_account: Option<ServiceAccount>,

    /// Audience of the tokens, for irsa [default: sts.amazonaws.com]
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = "Source")]
    pub(crate) audience: Option<String>,

    /// For podIdentity: the association has no session tags
    #[arg(long, hide_short_help = true, help_heading = "Source")]
    pub(crate) disable_session_tags: bool,

    /// AWS partition of the source account [default: from an ARN, else aws]
    #[arg(long, hide_short_help = true, help_heading = "Source")]
    pub(crate) partition: Option<Partition>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,

    /// Print a whole document for create-role
    #[arg(long, hide_short_help = true, conflicts_with = "merge", help_heading = "Mode")]
    pub(crate) new_role: bool,

    /// Permissions boundary of the role, in the formats that create one: name of a policy in its account, or ARN
    #[arg(long, hide_short_help = true, value_name = "POLICY", value_parser = permissions_boundary, help_heading = "Mode")]
    pub(crate) permissions_boundary: Option<PermissionsBoundary>,

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

    /// Allow source and target to be the same account
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_same_account: bool,
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

    /// What the CAPA pod runs as: instanceProfile, irsa, podIdentity, user=NAME or assumedRole=ARN
    ///
    /// podIdentity adds sts:TagSession, user=NAME is the principal instead of a role. iam source-trust needs irsa=ISSUER and podIdentity=CLUSTER_ARN. The same as source.credentials of the account map, for runs without a map.
    #[arg(long, hide_short_help = true, value_name = "KIND", value_parser = source_credentials)]
    pub(crate) source_credentials: Option<AskedCredentials>,
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

    /// How to name a role or a user: by its ARN (role), or by its account with a condition on its ARN (root-arn)
    ///
    /// With root-arn, the source role may be created later, or again: AWS stores the id of a role that is named as a principal, but not of one in a condition. Whoever may create a role of that name in the source account is trusted.
    #[arg(
        long,
        value_name = "FORM",
        default_value = "role",
        hide_default_value = true,
        hide_short_help = true,
        hide_possible_values = true
    )]
    principal_form: AskedPrincipalForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AskedPrincipalForm {
    Role,
    RootArn,
}

impl ConditionArgs {
    pub(crate) fn principal_form(&self) -> PrincipalForm {
        match self.principal_form {
            AskedPrincipalForm::Role => PrincipalForm::Arn,
            AskedPrincipalForm::RootArn => PrincipalForm::RootArn,
        }
    }
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct PolicyArgs {
    /// Add the grant to the policy in this file, bare or as the AWS CLI prints it; - reads stdin and prints the result
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) merge: Option<PathBuf>,

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
    pub(crate) fn for_script(&self, change: &ChangeArgs) -> Vec<String> {
        let flags = [(change.remove, "--remove"), (change.overwrite, "--overwrite")];
        let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
        flags.chain(self.max_size.map(|size| format!("--max-size={size}"))).collect()
    }
}

/// How a grant changes an existing document.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct ChangeArgs {
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

/// A value of `--source-credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskedCredentials {
    InstanceProfile,
    Irsa(Option<Issuer>),
    PodIdentity(Option<ClusterArn>),
    /// A user's name, or its path and name.
    User(String),
    AssumedRole(RoleArn),
}

impl AskedCredentials {
    pub(crate) fn kind(&self) -> CredentialKind {
        match self {
            Self::InstanceProfile => CredentialKind::InstanceProfile,
            Self::Irsa(_) => CredentialKind::Irsa,
            Self::PodIdentity(_) => CredentialKind::PodIdentity,
            Self::User(_) => CredentialKind::User,
            Self::AssumedRole(_) => CredentialKind::AssumedRole,
        }
    }

    /// The value after the kind, if it was specified.
    pub(crate) fn value(&self) -> Option<&str> {
        match self {
            Self::InstanceProfile => None,
            Self::Irsa(issuer) => issuer.as_ref().map(Issuer::as_str),
            Self::PodIdentity(cluster) => cluster.as_ref().map(ClusterArn::as_str),
            Self::User(name) => Some(name),
            Self::AssumedRole(role) => Some(role.as_str()),
        }
    }
}

fn source_credentials(text: &str) -> Result<AskedCredentials, String> {
    let (kind, value) = text.split_once('=').map_or((text, None), |(kind, value)| (kind, Some(value)));
    match (kind, value) {
        ("instanceProfile", None) => Ok(AskedCredentials::InstanceProfile),
        ("irsa", value) => {
            let issuer = value.map(str::parse::<Issuer>).transpose().map_err(|error| error.to_string())?;
            Ok(AskedCredentials::Irsa(issuer))
        }
        ("podIdentity", value) => {
            let cluster = value.map(str::parse::<ClusterArn>).transpose().map_err(|error| error.to_string())?;
            Ok(AskedCredentials::PodIdentity(cluster))
        }
        ("user", Some(name)) => {
            let arn = format!("arn:aws:iam::000000000000:user/{}", name.trim_start_matches('/'));
            match arn.parse::<Principal>() {
                Ok(_) => Ok(AskedCredentials::User(name.trim_start_matches('/').to_owned())),
                Err(_) => Err("user= takes the name of an IAM user, or its path and name".to_owned()),
            }
        }
        ("assumedRole", Some(arn)) => role_arn(arn).map(AskedCredentials::AssumedRole),
        ("user", None) => Err("write user=NAME".to_owned()),
        ("assumedRole", None) => Err("write assumedRole=ARN".to_owned()),
        _ => {
            Err("write instanceProfile, irsa[=ISSUER], podIdentity[=CLUSTER_ARN], user=NAME or assumedRole=ARN"
                .to_owned())
        }
    }
}

fn service_account(text: &str) -> Result<ServiceAccount, String> {
    match text.split_once('/') {
        Some((namespace, name)) if names::is_dns_label(namespace) && names::is_dns_subdomain(name) => {
            Ok(ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err("write NAMESPACE/NAME, such as capa-system/capa-controller-manager".to_owned()),
    }
}

fn permissions_boundary(text: &str) -> Result<PermissionsBoundary, String> {
    text.parse::<PermissionsBoundary>().map_err(|error| error.to_string())
}

fn principal(text: &str) -> Result<Principal, String> {
    text.parse::<Principal>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}
