//! The fields of the source account.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::clusters::{EntryFields, OneOrMore};
use super::specified;
use crate::account_map::de::Spanned;

/// The source account: the account of the management cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Source")]
pub(in crate::account_map) struct SourceFields {
    /// Its id, 12 digits in quotes.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub(in crate::account_map) account: Option<Spanned<String>>,
    /// The IAM role of the CAPA pod: a name, or a path and a name.
    pub(in crate::account_map) role_name: Option<Spanned<String>>,
    /// What the CAPA pod runs as.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "CredentialFields")]
    pub(in crate::account_map) credentials: Option<Spanned<CredentialFields>>,
    /// The version of CAPA on the management cluster, for example 2.9.
    pub(in crate::account_map) capa_version: Option<Spanned<String>>,
    /// Whether the identity file keeps AWSClusterControllerIdentity/default.
    pub(in crate::account_map) controller_identity: Option<Spanned<bool>>,
    /// The management cluster.
    pub(in crate::account_map) management_cluster: Option<ManagementClusterFields>,
    /// The AWS organisation of the accounts, as in o-a1b2c3d4e5.
    #[serde(rename = "organizationID")]
    #[schemars(regex(pattern = r"^o-[a-z0-9]{10,32}$"))]
    pub(in crate::account_map) organization_id: Option<Spanned<String>>,
    /// Clusters that stay in this account.
    pub(in crate::account_map) clusters: Option<OneOrMore<EntryFields>>,
}

/// The management cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ManagementCluster")]
pub(in crate::account_map) struct ManagementClusterFields {
    /// A name for people.
    pub(in crate::account_map) name: Spanned<String>,
    /// The uid of its namespace kube-system.
    pub(in crate::account_map) uid: Option<Spanned<String>>,
}

/// What the CAPA pod runs as: `instanceProfile`, or one kind with its fields.
#[derive(Debug)]
pub(in crate::account_map) enum CredentialFields {
    /// The role of the node that the pod runs on.
    InstanceProfile,
    /// One of the kinds with fields; the reader refuses none and several.
    Kinds(Box<CredentialKinds>),
}

/// The kinds of credentials, of which exactly one is set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "CredentialKinds", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::account_map) struct CredentialKinds {
    /// IAM roles for service accounts: the role of the service account, from its token.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "IrsaFields")]
    pub(in crate::account_map) irsa: Option<Spanned<IrsaFields>>,
    /// EKS Pod Identity: the role of the service account, from an association.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "PodIdentityFields")]
    pub(in crate::account_map) pod_identity: Option<Spanned<PodIdentityFields>>,
    /// The keys of an IAM user.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "UserFields")]
    pub(in crate::account_map) user: Option<Spanned<UserFields>>,
    /// A role that was assumed before, such as temporary keys from IAM Identity Center.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "AssumedRoleFields")]
    pub(in crate::account_map) assumed_role: Option<Spanned<AssumedRoleFields>>,
}

/// IAM roles for service accounts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Irsa")]
pub(in crate::account_map) struct IrsaFields {
    /// The OIDC issuer of the management cluster, with https://.
    #[schemars(regex(pattern = "^https://.*[^/]$"))]
    pub(in crate::account_map) issuer: Spanned<String>,
    /// The audience of the token; by default, sts.amazonaws.com.
    pub(in crate::account_map) audience: Option<Spanned<String>>,
    /// The namespace of CAPA; by default, capa-system.
    pub(in crate::account_map) namespace: Option<Spanned<String>>,
    /// The service account of CAPA; by default, capa-controller-manager.
    pub(in crate::account_map) service_account: Option<Spanned<String>>,
}

/// EKS Pod Identity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "PodIdentity")]
pub(in crate::account_map) struct PodIdentityFields {
    /// The ARN of the management cluster in EKS.
    #[serde(rename = "clusterARN")]
    pub(in crate::account_map) cluster_arn: Spanned<String>,
    /// Whether the association sends no session tags; by default, it sends them.
    pub(in crate::account_map) disable_session_tags: Option<Spanned<bool>>,
    /// The role that EKS assumes after the role of the association, instead of roleName.
    #[serde(rename = "targetRoleARN")]
    pub(in crate::account_map) target_role_arn: Option<Spanned<String>>,
    /// The namespace of CAPA; by default, capa-system.
    pub(in crate::account_map) namespace: Option<Spanned<String>>,
    /// The service account of CAPA; by default, capa-controller-manager.
    pub(in crate::account_map) service_account: Option<Spanned<String>>,
}

/// The keys of an IAM user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "User")]
pub(in crate::account_map) struct UserFields {
    /// Its name, or its path and name.
    pub(in crate::account_map) name: Spanned<String>,
}

/// A role that was assumed before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AssumedRole")]
pub(in crate::account_map) struct AssumedRoleFields {
    /// The ARN of the role.
    #[serde(rename = "roleARN")]
    pub(in crate::account_map) role_arn: Spanned<String>,
    /// Whether its session has transitive session tags; by default, it has none.
    pub(in crate::account_map) session_tags: Option<Spanned<bool>>,
}

/// The kinds, for messages.
pub(in crate::account_map) const KINDS: &str = "instanceProfile, irsa, podIdentity, user, assumedRole";

impl<'de> Deserialize<'de> for CredentialFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = CredentialFields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "one of {KINDS}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "instanceProfile" => Ok(CredentialFields::InstanceProfile),
                    "irsa" | "podIdentity" | "user" | "assumedRole" => {
                        Err(E::custom(format!("the kind {text} needs its fields")))
                    }
                    _ => Err(E::custom(format!(
                        "'{}' is not a kind of credentials: use one of {KINDS}",
                        crate::diag::escape_control(text)
                    ))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                CredentialKinds::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|kinds| CredentialFields::Kinds(Box::new(kinds)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for CredentialFields {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Credentials".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let kinds = generator.subschema_for::<CredentialKinds>();
        schemars::json_schema!({"anyOf": [{"const": "instanceProfile"}, kinds]})
    }
}
