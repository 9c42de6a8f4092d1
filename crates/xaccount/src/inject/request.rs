//! A request of `inject`: the target, the selection and the options.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::moves::{AccountMove, KnownAccounts};
use crate::account_map::{AllowedNamespaces, IdentityName};
use crate::aws::{AccountId, AccountIdError, Partition, RoleArn, RoleArnError, RoleText};
use crate::capa::{DEFAULT_ROLE_NAME, Release, Version};
use crate::diag::Diagnostic;
use crate::plan::{IdentityFile, Selection, default_name};
use crate::settings::Setting;

/// The account to point at.
#[derive(Clone, Debug)]
pub enum Target {
    /// Exactly this role. Its ARN may have placeholders if the manifests have some, too.
    Role(Setting<RoleText>),
    /// The role of this name in this account.
    Account {
        /// The account.
        account: Setting<AccountId>,
        /// The role's name, optionally after its path.
        role: Setting<String>,
        /// The partition. The default is that of the cluster's region, or else `aws`.
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

/// A request of `inject`.
#[derive(Clone, Debug)]
pub struct InjectRequest {
    /// The account to point at; `None` if the account map specifies it, see [`propose_mapped`](super::propose_mapped).
    pub target: Option<Target>,
    /// The objects to change.
    pub selection: Selection,
    /// The name of the identity, if specified.
    pub identity_name: Option<Setting<String>>,
    /// The requested fields of the identity.
    pub identity: IdentityRequest,
    /// The file that keeps identities: one of the run, or a new one.
    pub identity_file: Option<Setting<IdentityFile>>,
    /// The identity to reference instead of the target's own, if it exists already and is not managed here.
    pub existing_identity: Option<Setting<IdentityName>>,
    /// Whether identities are created and updated.
    pub with_identity: bool,
    /// Whether to create `AWSClusterControllerIdentity/default`, too.
    pub with_controller_identity: bool,
    /// The API version of new identities, if specified.
    pub api_version: Option<Version>,
    /// The release of CAPA that reads the result, if known.
    pub release: Option<Setting<Release>>,
    /// Whether to replace an existing reference or field if the account stays the same.
    pub overwrite: bool,
    /// The requested changes of account.
    pub moves: Vec<AccountMove>,
    /// Clusters that may change account although they are or were in a management cluster: `NAMESPACE/NAME`.
    pub orphans: Vec<String>,
    /// What the account map specifies about accounts.
    pub known: Arc<KnownAccounts>,
    /// Whether to record what was decided and why.
    pub explain: bool,
}

impl InjectRequest {
    /// A request for a target, with the defaults for everything else.
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
            existing_identity: None,
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

/// The requested fields of the identity; `None` if not specified.
#[derive(Clone, Debug, Default)]
pub struct IdentityRequest {
    /// `spec.sourceIdentityRef`.
    pub source: Option<Setting<IdentityName>>,
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
    /// `metadata.annotations` of new identities.
    pub annotations: Vec<Setting<(String, String)>>,
    /// `metadata.labels` of new identities.
    pub labels: Vec<Setting<(String, String)>>,
    /// Namespaces that use the identity, besides those of the selected objects: for `served`.
    pub served: BTreeSet<String>,
}

impl IdentityRequest {
    /// Whether its namespaces are those of the clusters that use it.
    pub fn is_served(&self) -> bool {
        matches!(&self.allowed_namespaces, Some(Setting { value: AllowedNamespaces::Served, .. }))
    }
}

/// The name of the identity of a request without objects; `None` if it has no target or an invalid one.
pub fn identity_name(request: &InjectRequest) -> Option<String> {
    let role = role_of(request.target.as_ref()?).ok()?;
    match &request.identity_name {
        Some(name) => Some(name.value.clone()),
        None => default_name(&role),
    }
}

/// The role of a target, without a region that decides the partition.
pub(super) fn role_of(target: &Target) -> Result<RoleText, Diagnostic> {
    match target {
        Target::Role(role) => Ok(role.value.clone()),
        Target::Account { account, role, partition } => {
            let partition = partition.as_ref().map_or(Partition::Aws, |partition| partition.value);
            let role = RoleArn::new(partition, &account.value, &role.value);
            role.map(RoleText::Arn).map_err(|error| Diagnostic::error(error.to_string()))
        }
    }
}
