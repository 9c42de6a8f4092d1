//! What the CAPA pod runs as, and what follows for the roles that it assumes.

use super::de::Spanned;
use crate::aws::{ClusterArn, Issuer, RoleArn};

/// What the CAPA pod runs as.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The role of the node that it runs on.
    InstanceProfile,
    /// IAM roles for service accounts: the role of the service account, from its token.
    Irsa(Irsa),
    /// EKS Pod Identity: the role of the service account, from an association.
    PodIdentity(PodIdentity),
    /// The keys of an IAM user: its name, or its path and name.
    User(Spanned<String>),
    /// A role that was assumed before.
    AssumedRole {
        /// The role.
        role: Spanned<RoleArn>,
        /// Whether its session has transitive session tags.
        session_tags: bool,
    },
}

/// The kinds of [`Credentials`]. Displays as in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// `instanceProfile`
    InstanceProfile,
    /// `irsa`
    Irsa,
    /// `podIdentity`
    PodIdentity,
    /// `user`
    User,
    /// `assumedRole`
    AssumedRole,
}

impl std::fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InstanceProfile => "instanceProfile",
            Self::Irsa => "irsa",
            Self::PodIdentity => "podIdentity",
            Self::User => "user",
            Self::AssumedRole => "assumedRole",
        })
    }
}

/// The service account of CAPA. Displays as `NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace; by default `capa-system`.
    pub namespace: String,
    /// Its name; by default `capa-controller-manager`.
    pub name: String,
}

/// Where CAPA runs by default (CAPA `config/default/kustomization.yaml`, `config/rbac/service_account.yaml`, v2.13.0).
impl Default for ServiceAccount {
    fn default() -> Self {
        Self { namespace: "capa-system".to_owned(), name: "capa-controller-manager".to_owned() }
    }
}

impl std::fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The audience of a token for STS (EKS user guide, "Assign IAM roles to Kubernetes service accounts").
pub const STS_AUDIENCE: &str = "sts.amazonaws.com";

/// IAM roles for service accounts.
#[derive(Clone, Debug)]
pub struct Irsa {
    /// The OIDC issuer of the management cluster.
    pub issuer: Spanned<Issuer>,
    /// The audience of the token; by default `sts.amazonaws.com`.
    pub audience: String,
    /// The service account.
    pub service_account: ServiceAccount,
}

/// EKS Pod Identity.
#[derive(Clone, Debug)]
pub struct PodIdentity {
    /// The ARN of the management cluster.
    pub cluster_arn: Spanned<ClusterArn>,
    /// Whether the session has the six session tags of EKS, which are transitive.
    pub session_tags: bool,
    /// The role that EKS assumes after that of the association.
    pub target_role: Option<Spanned<RoleArn>>,
    /// The service account.
    pub service_account: ServiceAccount,
}

impl Credentials {
    /// Whether session tags are passed on, so that both accounts must allow `sts:TagSession` (EKS user guide, "Grant pods
    /// access to AWS resources based on tags"; IAM user guide, "Pass session tags in AWS STS").
    pub fn sends_tags(&self) -> bool {
        match self {
            Self::PodIdentity(identity) => identity.session_tags,
            Self::AssumedRole { session_tags, .. } => *session_tags,
            Self::InstanceProfile | Self::Irsa(_) | Self::User(_) => false,
        }
    }

    /// The value that the kind needs: an issuer, a cluster's ARN, a user's name or a role's ARN.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::InstanceProfile => None,
            Self::Irsa(irsa) => Some(irsa.issuer.value.as_str()),
            Self::PodIdentity(identity) => Some(identity.cluster_arn.value.as_str()),
            Self::User(name) => Some(name.value.trim_start_matches('/')),
            Self::AssumedRole { role, .. } => Some(role.value.as_str()),
        }
    }

    /// The kind.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::InstanceProfile => CredentialKind::InstanceProfile,
            Self::Irsa(_) => CredentialKind::Irsa,
            Self::PodIdentity(_) => CredentialKind::PodIdentity,
            Self::User(_) => CredentialKind::User,
            Self::AssumedRole { .. } => CredentialKind::AssumedRole,
        }
    }
}
