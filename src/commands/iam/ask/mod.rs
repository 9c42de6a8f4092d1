//! Builds the requested change from flags, manifests and the account map.

mod credentials;
mod known;
mod map;
mod permission;
mod source_trust;
mod target;
mod trust;

use std::collections::BTreeSet;

use serde_json::Value;

use xaccount::aws::{AccountId, Partition, PermissionsBoundary, RoleArn, RoleArnError};
use xaccount::capa::DEFAULT_ROLE_NAME;
use xaccount::diag::Diagnostic;
use xaccount::iam::{NO_ROLE_ACROSS_PARTITIONS, PartitionMismatch, PolicyChange, Subjects};

pub(super) use permission::permission;
pub(super) use source_trust::source_trust;
pub(super) use trust::trust;

use map::Origins;
use target::TargetRoles;

use super::merged::Merging;
use crate::cli::SourceRoleArgs;
use crate::commands::map_file::MapFile;
use crate::output;

/// The name of the account of a role in the map.
pub(super) fn entry_of(map: &MapFile, role: &RoleArn) -> Option<String> {
    map::entry(map, role).map(|entry| entry.name.value.clone())
}

/// The requested change, and the role whose policy gets it.
pub(super) struct PolicyRequest {
    pub(super) change: PolicyChange,
    pub(super) owner: PolicyRole,
    /// Warnings about identities in the manifests that this grant does not cover.
    pub(super) warnings: Vec<Diagnostic>,
    /// The arguments that request the same change without manifests and map.
    pub(super) arguments: Vec<String>,
    /// The origin of each value, for `-v`.
    pub(super) decisions: Vec<String>,
}

/// The role that a policy belongs to.
pub(super) struct PolicyRole {
    pub(super) partition: Partition,
    /// Its account, if known.
    pub(super) account: Option<AccountId>,
    pub(super) name: String,
    pub(super) path: String,
    /// The ARN of its permissions boundary, in the formats that create the role.
    pub(super) permissions_boundary: Option<String>,
    /// Whether it is a user instead: the CAPA pod runs as one.
    pub(super) is_user: bool,
}

impl PolicyRequest {
    /// What is printed without an existing document: a `whole` one, or the statements alone.
    pub(super) fn document(&self, whole: bool) -> Value {
        if whole {
            return self.change.document();
        }
        let mut statements = self.change.statements();
        // One statement goes into the list of a document as it is, and so do the items of a list.
        if statements.len() == 1 { statements.remove(0) } else { statements.into() }
    }

    /// The role that the policy belongs to, and its account.
    pub(super) fn title(&self) -> String {
        let unknown = match self.change {
            PolicyChange::Grant(_) => "the target account",
            PolicyChange::SourceTrust(_) => "the source account",
        };
        let account = self.owner.account.as_ref().map_or(unknown.to_owned(), |account| format!("account {account}"));
        format!("role {} in {account}", self.owner.name)
    }

    /// The number of roles that a permission grants. `whole`: the document is printed whole, and could replace another.
    pub(super) fn counted(&self, whole: bool) -> Option<String> {
        let PolicyChange::Grant(grant) = &self.change else { return None };
        let Subjects::Roles(roles) = &grant.subjects else { return None };
        let accounts = roles.iter().map(RoleArn::account).collect::<BTreeSet<_>>().len();
        let put = if self.owner.is_user { "put-user-policy" } else { "put-role-policy" };
        let warning = match whole {
            true => format!("; {put} replaces the existing policy: pass all manifests, or --merge"),
            false => String::new(),
        };
        let (roles, accounts) = (output::count(grant.arns().len(), "role"), output::count(accounts, "account"));
        Some(format!("grants {roles} in {accounts}{warning}"))
    }
}

/// The roles that flags name in target accounts.
fn flag_target(target: &TargetRoles, partition: Partition) -> Result<Vec<RoleArn>, Diagnostic> {
    let of_account = |account: &AccountId| {
        RoleArn::new(partition, account, &target.role_name)
            .map_err(|error| Diagnostic::error(format!("--role-name: {error}")))
    };
    let mut roles: Vec<RoleArn> = target.account.iter().map(of_account).collect::<Result<_, _>>()?;
    roles.extend(target.role_arn.iter().cloned());
    Ok(roles)
}

/// The ARN of the permissions boundary of a role in this account.
///
/// # Errors
/// The account of a name is unknown, or the policy is in another account.
fn boundary_arn(
    boundary: Option<&PermissionsBoundary>,
    partition: Partition,
    account: Option<&AccountId>,
    way: &str,
) -> Result<Option<String>, Diagnostic> {
    let Some(boundary) = boundary else { return Ok(None) };
    if let Some(owner) = account.and_then(|account| boundary.other_account(account)) {
        let error = format!("the permissions boundary is in account {owner}, but it must be in the role's account");
        return Err(Diagnostic::error(error).help("pass the name of a policy in the role's account"));
    }
    if let Some(other) = boundary.other_partition(partition) {
        let error = format!("the permissions boundary is in partition {other}, but the role is in {partition}");
        return Err(Diagnostic::error(error).help("pass the name of a policy in the role's account"));
    }
    match boundary.arn(partition, account) {
        Some(arn) => Ok(Some(arn)),
        None => {
            let error = format!("the account of the permissions boundary {boundary} is unknown");
            Err(Diagnostic::error(error).help(way).help("or pass the ARN of the policy"))
        }
    }
}

fn bad_source_role(text: &str, error: &RoleArnError) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("--source-role: {error}"));
    if text.starts_with("arn:") && text.contains(":user/") {
        return diagnostic
            .help("for a user: iam trust --source-principal ARN")
            .help("and iam permission without --source-role and -o, whose document aws iam put-user-policy takes");
    }
    match error.suggestion() {
        Some(right) if !diagnostic.message.contains(&right) => diagnostic.help(format!("perhaps {right}")),
        _ => diagnostic,
    }
}

/// `--source-role` if it is an ARN, which must be in `--source-account`.
fn source_role_arn(args: &SourceRoleArgs) -> Result<Option<RoleArn>, Diagnostic> {
    if !args.source_role.contains(':') {
        return Ok(None);
    }
    let role: RoleArn =
        args.source_role.parse().map_err(|error: RoleArnError| bad_source_role(&args.source_role, &error))?;
    match &args.source_account {
        Some(account) if account != role.account() => {
            Err(Diagnostic::error(format!("--source-role {role} is not in --source-account {account}"))
                .help("omit one of them"))
        }
        _ => Ok(Some(role)),
    }
}

fn same_account(account: &AccountId, what: &str) -> Diagnostic {
    Diagnostic::error(format!("source and target are the same account, {account}: {what}"))
        .help("pass --allow-same-account if this is intended; a cluster in the source account needs no role identity")
}

/// The origin of a role of `flag_target`, in a sentence.
fn target_from(target: &TargetRoles, role: &RoleArn, origins: &Origins) -> String {
    if target.role_arn.contains(role) {
        return format!("role {role} from {}", origins.of("--role-arn"));
    }
    let name = if target.role_name == DEFAULT_ROLE_NAME { "the role that DKP creates" } else { "--role-name" };
    format!("role {role} from {} and {name}", origins.of("--account"))
}

/// A role's path, with both slashes, and its name.
fn path_and_name(role: &str) -> (String, String) {
    let role = role.strip_prefix('/').unwrap_or(role);
    match role.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name.to_owned()),
        None => ("/".to_owned(), role.to_owned()),
    }
}

const FLAG: &str = "--partition";

/// The specified partitions, each with its origin.
struct Partitions(Vec<(String, Partition)>);

impl Partitions {
    fn new(target: &TargetRoles, merging: Option<&Merging>) -> Self {
        let flag = target.partition.map(|partition| (FLAG.to_owned(), partition));
        let document =
            merging.and_then(|merging| Some((format!("the document in {}", merging.name()), merging.partition?)));
        let mut all = Self(flag.into_iter().chain(document).collect());
        all.see(target.role_arn.iter().map(|role| (format!("the role {role}"), role.partition())));
        all
    }

    fn see(&mut self, more: impl Iterator<Item = (String, Partition)>) {
        self.0.extend(more);
    }

    /// The partition, and its origin in a sentence.
    fn agreed(&self) -> Result<(Partition, String), Diagnostic> {
        let Some((first, partition)) = self.0.first() else {
            return Ok((Partition::Aws, "partition aws (the default)".to_owned()));
        };
        match self.0.iter().find(|(_, other)| other != partition) {
            None => Ok((*partition, format!("partition {partition} from {first}"))),
            Some((role, role_partition)) => {
                let subject = if first == FLAG { "the requested policy (--partition)" } else { first };
                let mismatch = PartitionMismatch {
                    subject,
                    region: None,
                    partition: *partition,
                    role,
                    role_partition: *role_partition,
                };
                let help = format!("{NO_ROLE_ACROSS_PARTITIONS}: each needs a management cluster of its own");
                Err(mismatch.error().help(help))
            }
        }
    }
}
