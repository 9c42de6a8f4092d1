//! What is asked for.

use std::sync::Arc;

use super::moves::{AccountMove, KnownAccounts};
use super::namespaces::AllowedNamespaces;
use crate::aws::{AccountId, AccountIdError, Partition, RoleArn, RoleArnError};
use crate::capa::{DEFAULT_ROLE_NAME, IdentityKind, Release, Version};
use crate::diag::Diagnostic;
use crate::plan::{IdentityFile, Selection, default_identity_name};
use crate::settings::Setting;

/// The account to point at.
#[derive(Clone, Debug)]
pub enum Target {
    /// Exactly this role.
    Role(Setting<RoleArn>),
    /// The role of this name in this account.
    Account {
        /// The account.
        account: Setting<AccountId>,
        /// Name of the role, perhaps with its path before it.
        role: Setting<String>,
        /// The partition; by default that of the cluster's region, else `aws`.
        partition: Option<Setting<Partition>>,
    },
}

impl Target {
    /// The default role in an account.
    pub fn of_account(account: AccountId) -> Self {
        let role = Setting::default(DEFAULT_ROLE_NAME.to_owned());
        Self::Account { account: Setting::default(account), role, partition: None }
    }

    /// The default role in an account, by its 12 digits.
    ///
    /// # Errors
    /// The text is not an account id.
    pub fn account(id: &str) -> Result<Self, AccountIdError> {
        Ok(Self::of_account(id.parse()?))
    }

    /// A role, by its ARN.
    ///
    /// # Errors
    /// The text is not the ARN of a role.
    pub fn role(arn: &str) -> Result<Self, RoleArnError> {
        Ok(Self::Role(Setting::default(arn.parse()?)))
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct InjectRequest {
    /// The account to point at; `None` where the account map is to say it, see [`propose_mapped`](super::propose_mapped).
    pub target: Option<Target>,
    /// Which objects.
    pub selection: Selection,
    /// Name of the identity, if one was asked for.
    pub identity_name: Option<Setting<String>>,
    /// What the identity is to say, where it was asked for.
    pub identity: IdentityRequest,
    /// The file that keeps identities: of the run, or to be made.
    pub identity_file: Option<Setting<IdentityFile>>,
    /// Whether identities are made and mended at all.
    pub with_identity: bool,
    /// Also emit `AWSClusterControllerIdentity/default`.
    pub with_controller_identity: bool,
    /// Version of new identities, if one was asked for.
    pub api_version: Option<Version>,
    /// The release of CAPA that reads the result, where it is known.
    pub release: Option<Setting<Release>>,
    /// Replace what says something else within one account.
    pub overwrite: bool,
    /// Changes of account that were asked for.
    pub moves: Vec<AccountMove>,
    /// Clusters that show life and may change account all the same: `NAMESPACE/NAME`.
    pub orphans: Vec<String>,
    /// What the account map says of accounts.
    pub known: Arc<KnownAccounts>,
    /// Whether to say what was decided and why.
    pub explain: bool,
}

impl InjectRequest {
    /// A request for a target, and nothing else asked for.
    pub fn to(target: Target) -> Self {
        Self { target: Some(target), ..Self::default() }
    }
}

impl From<Target> for InjectRequest {
    fn from(target: Target) -> Self {
        Self::to(target)
    }
}

impl From<&Target> for InjectRequest {
    fn from(target: &Target) -> Self {
        Self::to(target.clone())
    }
}

impl From<&Self> for InjectRequest {
    fn from(request: &Self) -> Self {
        request.clone()
    }
}

impl Default for InjectRequest {
    fn default() -> Self {
        Self {
            target: None,
            selection: Selection::default(),
            identity_name: None,
            identity: IdentityRequest::default(),
            identity_file: None,
            with_identity: true,
            with_controller_identity: false,
            api_version: None,
            release: None,
            overwrite: false,
            moves: Vec::new(),
            orphans: Vec::new(),
            known: Arc::default(),
            explain: false,
        }
    }
}

/// The identity's fields as asked for; `None` where nothing was said.
#[derive(Clone, Debug, Default)]
pub struct IdentityRequest {
    /// `spec.sourceIdentityRef`.
    pub source: Option<(IdentityKind, String)>,
    /// `spec.allowedNamespaces`.
    pub allowed_namespaces: Option<Setting<AllowedNamespaces>>,
    /// `spec.sessionName`.
    pub session_name: Option<Setting<String>>,
    /// `spec.externalID`.
    pub external_id: Option<Setting<String>>,
    /// `spec.durationSeconds`.
    pub duration_seconds: Option<Setting<u32>>,
    /// `spec.inlinePolicy`.
    pub inline_policy: Option<String>,
    /// `metadata.annotations` of identities that we make.
    pub annotations: Vec<Setting<(String, String)>>,
}

/// The name of the identity that a request without objects is about; `None` where it has no target, or one that can't be.
pub fn identity_name(request: &InjectRequest) -> Option<String> {
    let role = role_of(request.target.as_ref()?).ok()?;
    Some(request.identity_name.as_ref().map_or_else(|| default_identity_name(&role), |name| name.value.clone()))
}

/// The role of a target, where no region says the partition.
pub(super) fn role_of(target: &Target) -> Result<RoleArn, Diagnostic> {
    match target {
        Target::Role(role) => Ok(role.value.clone()),
        Target::Account { account, role, partition } => {
            let partition = partition.as_ref().map_or(Partition::Aws, |partition| partition.value);
            RoleArn::new(partition, &account.value, &role.value).map_err(|error| Diagnostic::error(error.to_string()))
        }
    }
}
