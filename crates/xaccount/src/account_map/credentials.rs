//! What the CAPA pod runs as, and what follows for the roles that it assumes.

use super::de::Spanned;
use crate::aws::RoleArn;

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

/// The service account of CAPA.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its namespace; by default `capa-system`.
    pub namespace: String,
    /// Its name; by default `capa-controller-manager`.
    pub name: String,
}

/// IAM roles for service accounts.
#[derive(Clone, Debug)]
pub struct Irsa {
    /// The OIDC issuer, with `https://` and without a final slash.
    pub issuer: Spanned<String>,
    /// The audience of the token; by default `sts.amazonaws.com`.
    pub audience: String,
    /// The service account.
    pub service_account: ServiceAccount,
}

/// EKS Pod Identity.
#[derive(Clone, Debug)]
pub struct PodIdentity {
    /// The ARN of the management cluster.
    pub cluster_arn: Spanned<String>,
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

    /// The kind, as it is written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InstanceProfile => "instanceProfile",
            Self::Irsa(_) => "irsa",
            Self::PodIdentity(_) => "podIdentity",
            Self::User(_) => "user",
            Self::AssumedRole { .. } => "assumedRole",
        }
    }
}
