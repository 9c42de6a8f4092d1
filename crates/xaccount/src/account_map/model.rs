//! The account map, checked and ready to use.

use std::sync::OnceLock;

use super::allowed_namespaces::AllowedNamespaces;
use super::credentials::{Credentials, PodIdentity};
use super::de::{Spanned, nearest};
use super::entry::{Entry, Glob};
use super::index::EntryIndex;
use super::naming::default_identity_name;
use crate::aws::{
    AccountId, DurationSeconds, ExternalId, OrgId, Partition, PermissionsBoundary, Principal, RoleArn, SessionName,
};
use crate::capa::{DEFAULT_ROLE_NAME, IdentityKind};
use crate::diag::SpannedError;

/// Which cluster belongs to which AWS account.
#[derive(Clone, Debug)]
pub struct AccountMap {
    /// The source account: the account of the management cluster.
    pub source: Source,
    /// The file for identities, relative to the map, with `/`.
    pub identity_file: Option<Spanned<String>>,
    /// Annotations of created identities.
    pub identity_annotations: Vec<(String, Spanned<String>)>,
    /// Labels of created identities.
    pub identity_labels: Vec<(String, Spanned<String>)>,
    /// Whether clusters that match no account are skipped; by default, they are errors.
    pub ignores_unmapped: bool,
    /// The partition of accounts that set none.
    pub default_partition: Option<Partition>,
    /// The target accounts in their order; those of `accountsFrom` that the map itself does not list come last.
    pub accounts: Vec<Account>,
    /// The rules that lint ignores.
    pub lint_ignores: Vec<LintIgnore>,
    /// What is allowed, but probably wrong.
    pub warnings: Vec<SpannedError>,
    /// The index of the entries, created on first use.
    pub(super) index: OnceLock<Box<EntryIndex>>,
}

/// A rule that lint ignores.
#[derive(Clone, Debug)]
pub struct LintIgnore {
    /// Its id or name, as written.
    pub rule: Spanned<String>,
    /// Globs of the files for which it is ignored, relative to the map; empty means all files.
    pub paths: Vec<Glob>,
    /// The reason.
    pub reason: Spanned<String>,
}

/// The source account: the account of the management cluster.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its id.
    pub account: Option<Spanned<AccountId>>,
    /// The IAM role of the CAPA pod: a name, or a path and a name.
    pub role_name: Option<Spanned<String>>,
    /// What the CAPA pod runs as, if specified.
    pub credentials: Option<Spanned<Credentials>>,
    /// The version of CAPA on the management cluster.
    pub capa_version: Option<Spanned<String>>,
    /// Whether the identity file keeps `AWSClusterControllerIdentity/default`.
    pub controller_identity: Option<Spanned<bool>>,
    /// The management cluster.
    pub management_cluster: Option<ManagementCluster>,
    /// The AWS organisation of the accounts.
    pub organization: Option<Spanned<OrgId>>,
    /// Clusters that stay in it.
    pub clusters: Vec<Entry>,
}

/// The management cluster.
#[derive(Clone, Debug)]
pub struct ManagementCluster {
    /// Its name for people.
    pub name: Spanned<String>,
    /// The uid of its namespace `kube-system`.
    pub uid: Option<Spanned<String>>,
}

/// A target account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name for people.
    pub name: Spanned<String>,
    /// Its id.
    pub account: Spanned<AccountId>,
    /// Whether the map itself lists it, and not only the file of `accountsFrom`.
    pub is_listed: bool,
    /// The role, if the map specifies its ARN.
    pub role_arn: Option<Spanned<RoleArn>>,
    /// The role's name, or its path and name.
    pub role_name: Option<Spanned<String>>,
    /// The role's partition.
    pub partition: Option<Spanned<Partition>>,
    /// The role's permissions boundary: the name or the ARN of a policy.
    pub permissions_boundary: Option<Spanned<PermissionsBoundary>>,
    /// The identity's name.
    pub identity_name: Option<Spanned<String>>,
    /// `spec.externalID`
    pub external_id: Option<Spanned<ExternalId>>,
    /// `spec.sessionName`
    pub session_name: Option<Spanned<SessionName>>,
    /// `spec.durationSeconds`
    pub duration_seconds: Option<Spanned<DurationSeconds>>,
    /// `spec.allowedNamespaces`; by default [`AllowedNamespaces::Served`].
    pub allowed_namespaces: Option<Spanned<AllowedNamespaces>>,
    /// `spec.sourceIdentityRef`
    pub source_identity: Option<Spanned<IdentityName>>,
    /// The identity to reference, if it exists already and is not managed here.
    pub identity_ref: Option<Spanned<IdentityName>>,
    /// The clusters that belong to it.
    pub clusters: Vec<Entry>,
    /// The templates that belong to it.
    pub templates: Vec<Glob>,
}

/// The kind and the name of an identity. Displays as `KIND/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityName {
    /// The kind.
    pub kind: IdentityKind,
    /// The name.
    pub name: String,
}

impl std::fmt::Display for IdentityName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.name(), self.name)
    }
}

impl Source {
    /// The ARN of the principal that the CAPA pod has, as far as the map says: with this partition, and the default role
    /// of CAPA's control plane if the map names no role.
    pub fn principal(&self, partition: Partition) -> Option<String> {
        if let Some(other) = self.other_principal(partition) {
            return Some(other.value.as_str().to_owned());
        }
        let name = self.role_name.as_ref().map_or(DEFAULT_ROLE_NAME, |name| name.value.as_str());
        RoleArn::new(partition, &self.account.as_ref()?.value, name).ok().map(|role| role.as_str().to_owned())
    }

    /// The principal that assumes the targets' roles and that is not the role of `roleName`: a user, in this partition, or
    /// another role.
    pub fn other_principal(&self, partition: Partition) -> Option<Spanned<Principal>> {
        let of_role =
            |role: &Spanned<RoleArn>| Some(Spanned { value: role.value.as_str().parse().ok()?, span: role.span });
        match self.credentials.as_ref()?.value {
            Credentials::User(ref name) => {
                let account = self.account.as_ref()?;
                let arn = format!("arn:{partition}:iam::{}:user/{}", account.value, name.value.trim_start_matches('/'));
                Some(Spanned { value: arn.parse().ok()?, span: name.span })
            }
            Credentials::AssumedRole { ref role, .. } => of_role(role),
            Credentials::PodIdentity(PodIdentity { target_role: Some(ref role), .. }) => of_role(role),
            Credentials::PodIdentity(_) | Credentials::InstanceProfile | Credentials::Irsa(_) => None,
        }
    }
}

impl Account {
    /// The role, in the partition that the map sets, else `default`; `None` for an identity that is not managed here.
    pub fn role(&self, default: Partition) -> Option<RoleArn> {
        if self.identity_ref.is_some() {
            return None;
        }
        if let Some(arn) = &self.role_arn {
            return Some(arn.value.clone());
        }
        let partition = self.partition.as_ref().map_or(default, |partition| partition.value);
        let name = self.role_name.as_ref().map_or(DEFAULT_ROLE_NAME, |name| &name.value);
        RoleArn::new(partition, &self.account.value, name).ok()
    }

    /// The identity that its clusters reference.
    pub fn identity(&self) -> Option<IdentityName> {
        if let Some(existing) = &self.identity_ref {
            return Some(existing.value.clone());
        }
        // The name does not contain the partition.
        let default = || self.role(Partition::Aws).map(|role| default_identity_name(&role));
        let name = self.identity_name.as_ref().map(|name| name.value.clone()).or_else(default)?;
        Some(IdentityName { kind: IdentityKind::Role, name })
    }

    /// Its id and name, for messages: `222222222222 (development)`.
    pub fn title(&self) -> String {
        format!("{} ({})", self.account.value, crate::diag::escape_control(&self.name.value))
    }
}

impl AccountMap {
    /// The account with this name.
    ///
    /// # Errors
    /// There is no such account. The value is the most similar name, if there is one.
    pub fn named(&self, name: &str) -> Result<&Account, Option<&str>> {
        let found = self.accounts.iter().find(|account| account.name.value == name);
        found.ok_or_else(|| nearest(name, self.accounts.iter().map(|account| account.name.value.as_str())))
    }

    /// The accounts that this map uses: those that it lists or that match clusters, and those whose identities are their
    /// sources. Others are only in the file of `accountsFrom`, for other maps.
    pub fn used(&self) -> Vec<&Account> {
        let has_own =
            |account: &&Account| account.is_listed || !account.clusters.is_empty() || !account.templates.is_empty();
        let mut used: Vec<&Account> = self.accounts.iter().filter(has_own).collect();
        let mut next = 0;
        while let Some(account) = used.get(next) {
            next += 1;
            let Some(source) = &account.source_identity else { continue };
            let is_source = |one: &&Account| one.identity().as_ref() == Some(&source.value);
            if let Some(source) = self.accounts.iter().find(is_source)
                && !used.iter().any(|one| std::ptr::eq(*one, source))
            {
                used.push(source);
            }
        }
        used
    }
}
