//! The fields of the map, as written.

mod clusters;
mod namespaces;
mod source;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::de::{Node, Spanned, moved};
use crate::diag::SpannedError;
use lossless_yaml::{Data, NodeId, Tree};

pub(super) use clusters::{EntryFields, ExceptFields, OneOrMore};
pub(super) use namespaces::NamespacesFields;
pub(super) use source::{
    AssumedRoleFields, CredentialFields, CredentialKinds, IrsaFields, KINDS, ManagementClusterFields,
    PodIdentityFields, SourceFields, UserFields,
};

/// `apiVersion` of the map and of a file of shared accounts.
pub const API_VERSION: &str = "xaccount.dev/v1alpha1";

/// `kind` of the map.
pub const KIND: &str = "AccountMap";

/// `kind` of a file of shared accounts, which `accountsFrom` names.
pub const LIST_KIND: &str = "AccountList";

/// Which cluster belongs to which AWS account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AccountMap")]
pub(super) struct Fields {
    /// xaccount.dev/v1alpha1
    pub(super) api_version: Spanned<String>,
    /// AccountMap
    pub(super) kind: Spanned<String>,
    /// Ignored here; a functionConfig has it.
    #[allow(dead_code)]
    metadata: Option<BTreeMap<String, Ignored>>,
    /// The source account: the account of the management cluster.
    pub(super) source: Option<SourceFields>,
    /// The file for identities, relative to this file.
    pub(super) identity_file: Option<Spanned<String>>,
    /// Annotations of created identities.
    #[serde(default)]
    pub(super) identity_annotations: BTreeMap<String, Spanned<String>>,
    /// Labels of created identities.
    #[serde(default)]
    pub(super) identity_labels: BTreeMap<String, Spanned<String>>,
    /// What to do with a cluster that matches no account: error (the default), or ignore.
    #[schemars(extend("enum" = ["error", "ignore", null]))]
    pub(super) unmapped: Option<Spanned<String>>,
    /// Settings of every account that does not set its own.
    pub(super) defaults: Option<DefaultsFields>,
    /// A file of accounts that several maps share, relative to this file.
    pub(super) accounts_from: Option<Spanned<String>>,
    /// The target accounts.
    #[serde(default)]
    pub(super) accounts: Vec<Spanned<AccountFields>>,
    /// Settings of lint.
    pub(super) lint: Option<LintFields>,
}

/// The accounts that several maps share.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AccountList")]
pub(super) struct ListFields {
    /// xaccount.dev/v1alpha1
    pub(super) api_version: Spanned<String>,
    /// AccountList
    pub(super) kind: Spanned<String>,
    /// The target accounts.
    #[serde(default)]
    pub(super) accounts: Vec<Spanned<AccountFields>>,
}

/// Settings of every account that does not set its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Defaults")]
pub(super) struct DefaultsFields {
    /// The role to assume: a name, or a path and a name.
    pub(super) role_name: Option<Spanned<String>>,
    /// Partition of the role.
    pub(super) partition: Option<Spanned<String>>,
    /// Session name in the account's CloudTrail.
    pub(super) session_name: Option<Spanned<String>>,
    /// Length of a session in seconds, 900 to 43200.
    pub(super) duration_seconds: Option<Spanned<i64>>,
    /// The namespaces that may use the identity; by default, served.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "NamespacesFields")]
    pub(super) allowed_namespaces: Option<Spanned<NamespacesFields>>,
    /// Name or ARN of the permissions boundary of the role.
    pub(super) permissions_boundary: Option<Spanned<String>>,
}

/// Settings of lint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Lint")]
pub(super) struct LintFields {
    /// Rules to ignore, each with a reason.
    #[serde(default)]
    pub(super) ignore: Vec<IgnoreFields>,
}

/// A rule to ignore.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Ignore")]
pub(super) struct IgnoreFields {
    /// Its id or its name.
    pub(super) rule: Spanned<String>,
    /// Globs of files, relative to this file; ** crosses directories. By default, all files.
    #[serde(default)]
    pub(super) paths: Vec<Spanned<String>>,
    /// The reason.
    pub(super) reason: Spanned<String>,
}

/// Any value, ignored.
#[derive(Debug)]
pub(super) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Ignored {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Any".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

/// A target account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Account")]
pub(super) struct AccountFields {
    /// A name for people, different for each account.
    pub(super) name: Spanned<String>,
    /// Its id, 12 digits in quotes; may be omitted if accountsFrom has an account of this name.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub(super) account: Option<Spanned<String>>,
    /// The role to assume: a name, or a path and a name. By default, the role that DKP creates.
    pub(super) role_name: Option<Spanned<String>>,
    /// The ARN of the role, instead of roleName and partition.
    #[serde(rename = "roleARN")]
    pub(super) role_arn: Option<Spanned<String>>,
    /// Partition of the role. By default, that of the cluster's region, otherwise aws.
    pub(super) partition: Option<Spanned<String>>,
    /// Name of the identity. By default, cross-account-role-ACCOUNT.
    pub(super) identity_name: Option<Spanned<String>>,
    /// The external id that the role's trust policy requires.
    #[serde(rename = "externalID")]
    pub(super) external_id: Option<Spanned<String>>,
    /// Session name in the account's CloudTrail.
    pub(super) session_name: Option<Spanned<String>>,
    /// Length of a session in seconds, 900 to 43200.
    pub(super) duration_seconds: Option<Spanned<i64>>,
    /// The namespaces that may use the identity; by default, served: those of the account's clusters.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "NamespacesFields")]
    pub(super) allowed_namespaces: Option<Spanned<NamespacesFields>>,
    /// The identity whose credentials assume the role. By default, AWSClusterControllerIdentity/default.
    pub(super) source_identity: Option<Spanned<IdentityRefFields>>,
    /// An identity that exists already and that this map does not manage, instead of a role.
    pub(super) identity_ref: Option<Spanned<IdentityRefFields>>,
    /// Name or ARN of the permissions boundary of the role.
    pub(super) permissions_boundary: Option<Spanned<String>>,
    /// The clusters that belong to the account.
    pub(super) clusters: Option<OneOrMore<EntryFields>>,
    /// Globs of names of AWSClusterTemplates and other templates that belong to the account.
    #[serde(default)]
    pub(super) templates: Vec<Spanned<String>>,
}

/// A reference to an identity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "IdentityReference")]
pub(super) struct IdentityRefFields {
    /// AWSClusterRoleIdentity, AWSClusterStaticIdentity or AWSClusterControllerIdentity
    pub(super) kind: Spanned<String>,
    /// Its name.
    pub(super) name: Spanned<String>,
}

/// Deserializes a field that must not be null if it is given.
fn specified<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Deserializes a document of this kind. The spans of its values and errors are offset by `base`.
///
/// # Errors
/// The first error of its form.
pub(super) fn read<'de, T: Deserialize<'de>>(
    tree: &Tree<'_>,
    id: NodeId,
    base: usize,
    kind: &str,
) -> Result<T, SpannedError> {
    no_surprises(tree, id, base)?;
    T::deserialize(Node { tree, id, base }).map_err(|error| {
        let whole = || moved(tree.span(id), base);
        let refusal = SpannedError::new(error.message, error.span.unwrap_or_else(whole));
        match error.help {
            Some(help) => refusal.help(help),
            None => refusal.help(header(kind)),
        }
    })
}

/// How a document of this kind begins, for messages.
pub(super) fn header(kind: &str) -> String {
    format!("it begins with apiVersion: {API_VERSION}, kind: {kind}")
}

/// Refuses what readers could read differently: duplicate keys, merge keys and aliases.
fn no_surprises(tree: &Tree<'_>, id: NodeId, base: usize) -> Result<(), SpannedError> {
    let error = |message: String, id: NodeId| SpannedError::new(message, moved(tree.span(id), base));
    match &tree.node(id).data {
        Data::Alias(_) => Err(error("an account map can't contain aliases".to_owned(), id).help("write the value out")),
        Data::Sequence { items, .. } => items.iter().try_for_each(|&item| no_surprises(tree, item, base)),
        Data::Mapping { entries, .. } => entries.iter().enumerate().try_for_each(|(at, &(key, value))| {
            if tree.is_merge(key) {
                return Err(
                    error("an account map can't contain merge keys".to_owned(), key).help("write the fields out")
                );
            }
            let name = tree.text(key);
            if entries[..at].iter().any(|&(other, _)| tree.text(other) == name) {
                let name = crate::diag::escape_control(name.unwrap_or_default()).into_owned();
                return Err(error(format!("duplicate field {name}"), key).help("remove one of the two"));
            }
            no_surprises(tree, value, base)
        }),
        Data::Scalar { .. } => Ok(()),
    }
}

/// The JSON Schema of the map (draft 2020-12).
pub fn schema() -> serde_json::Value {
    schema_of(schemars::schema_for!(Fields), KIND)
}

/// The JSON Schema of a file of shared accounts (draft 2020-12).
pub fn list_schema() -> serde_json::Value {
    schema_of(schemars::schema_for!(ListFields), LIST_KIND)
}

fn schema_of(mut schema: schemars::Schema, kind: &str) -> serde_json::Value {
    for (field, value) in [("apiVersion", API_VERSION), ("kind", kind)] {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{field}")) {
            property["const"] = value.into();
        }
    }
    schema.to_value()
}
