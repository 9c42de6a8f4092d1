//! The fields of the map, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::de::{Node, Spanned};
use crate::diag::SpannedError;
use lossless_yaml::{Data, NodeId, Tree};

/// `apiVersion` of the map.
pub const API_VERSION: &str = "xaccount.dev/v1alpha1";

/// `kind` of the map.
pub const KIND: &str = "AccountMap";

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
    /// The target accounts.
    #[serde(default)]
    pub(super) accounts: Vec<Spanned<AccountFields>>,
    /// Settings of lint.
    pub(super) lint: Option<LintFields>,
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

/// The source account: the account of the management cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Source")]
pub(super) struct SourceFields {
    /// Its id, 12 digits in quotes.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub(super) account: Option<Spanned<String>>,
    /// The IAM role of the CAPA pod: a name, or a path and a name.
    pub(super) role_name: Option<Spanned<String>>,
    /// The version of CAPA on the management cluster, for example 2.9.
    pub(super) capa_version: Option<Spanned<String>>,
    /// Clusters that stay in this account.
    pub(super) clusters: Option<OneOrMore<EntryFields>>,
}

/// A target account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Account")]
pub(super) struct AccountFields {
    /// A name for people, different for each account.
    pub(super) name: Spanned<String>,
    /// Its id, 12 digits in quotes.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub(super) account: Spanned<String>,
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
    /// The namespaces that may use the identity; by default, all.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "NamespacesFields")]
    pub(super) allowed_namespaces: Option<Spanned<NamespacesFields>>,
    /// The clusters that belong to the account.
    pub(super) clusters: Option<OneOrMore<EntryFields>>,
    /// Globs of names of AWSClusterTemplates and other templates that belong to the account.
    #[serde(default)]
    pub(super) templates: Vec<Spanned<String>>,
}

/// A selection of clusters: every key that is given must match, by one of its globs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Clusters")]
pub(super) struct EntryFields {
    /// Globs of cluster names.
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
    /// Globs of namespaces.
    #[serde(default)]
    pub(super) namespaces: Vec<Spanned<String>>,
    /// Globs of files, relative to this file; ** crosses directories.
    #[serde(default)]
    pub(super) paths: Vec<Spanned<String>>,
    /// Clusters to exclude.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "ExceptFields")]
    pub(super) except: Option<Spanned<ExceptFields>>,
}

/// Clusters to exclude: every key that is given must match, by one of its globs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Except")]
pub(super) struct ExceptFields {
    /// Globs of cluster names.
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
    /// Globs of namespaces.
    #[serde(default)]
    pub(super) namespaces: Vec<Spanned<String>>,
    /// Globs of files, relative to this file; ** crosses directories.
    #[serde(default)]
    pub(super) paths: Vec<Spanned<String>>,
}

/// One value, or a list of values.
#[derive(Debug)]
pub(super) struct OneOrMore<T>(pub(super) Vec<Spanned<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Spanned::<ListItems<T>>::deserialize(deserializer)?;
        let span = whole.span;
        Ok(Self(match whole.value {
            ListItems::One(value) => vec![Spanned { value, span }],
            ListItems::More(values) => values,
        }))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({"anyOf": [one.clone(), {"type": "array", "items": one}]})
    }
}

enum ListItems<T> {
    One(T),
    More(Vec<Spanned<T>>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ListItems<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = ListItems<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a mapping or a list of mappings")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(ListItems::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(ListItems::More)
            }
        }
        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

/// `served`, or a value as in CAPA's `allowedNamespaces`.
#[derive(Debug)]
pub(super) enum NamespacesFields {
    /// The namespaces of the clusters that the identity serves.
    Served,
    /// A value as in CAPA.
    Capa(CapaNamespaces),
}

/// The supported values of CAPA's `allowedNamespaces`: {}, a list, or one label.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AllowedNamespaces")]
pub(super) struct CapaNamespaces {
    /// Names of namespaces.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "Vec<String>")]
    pub(super) list: Option<Vec<Spanned<String>>>,
    /// One label of the namespaces.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "SelectorFields")]
    pub(super) selector: Option<SelectorFields>,
}

/// A selector of one label.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Selector")]
pub(super) struct SelectorFields {
    /// The label's key and value.
    pub(super) match_labels: BTreeMap<String, Spanned<String>>,
}

impl<'de> Deserialize<'de> for NamespacesFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NamespacesFields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("'served' or a mapping with list or selector")
            }

            /// Null is an error: in CAPA it allows no namespace, but an omitted field here allows every namespace.
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Err(E::custom("allowedNamespaces is empty: write served, {list: [NAME]}, or {} for all"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "served" => Ok(NamespacesFields::Served),
                    _ => Err(E::custom(format!(
                        "'{text}' is not a value of allowedNamespaces: write served, {{list: [NAME]}}, or {{}} for all"
                    ))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                CapaNamespaces::deserialize(de::value::MapAccessDeserializer::new(map)).map(NamespacesFields::Capa)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Deserializes a field that must not be null if it is given.
fn specified<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl JsonSchema for NamespacesFields {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Namespaces".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let capa = generator.subschema_for::<CapaNamespaces>();
        schemars::json_schema!({"anyOf": [{"const": "served"}, capa]})
    }
}

impl Fields {
    /// Reads the fields of a document.
    ///
    /// # Errors
    /// The first error of its form.
    pub(super) fn read(tree: &Tree<'_>, id: NodeId) -> Result<Self, SpannedError> {
        no_surprises(tree, id)?;
        Self::deserialize(Node { tree, id }).map_err(|error| {
            let refusal = SpannedError::new(error.message, error.span.unwrap_or_else(|| tree.span(id)));
            match error.help {
                Some(help) => refusal.help(help),
                None => refusal,
            }
        })
    }
}

/// Refuses what readers could read differently: duplicate keys, merge keys and aliases.
fn no_surprises(tree: &Tree<'_>, id: NodeId) -> Result<(), SpannedError> {
    match &tree.node(id).data {
        Data::Alias(_) => {
            Err(SpannedError::new("an account map can't contain aliases", tree.span(id)).help("write the value out"))
        }
        Data::Sequence { items, .. } => items.iter().try_for_each(|&item| no_surprises(tree, item)),
        Data::Mapping { entries, .. } => entries.iter().enumerate().try_for_each(|(at, &(key, value))| {
            if tree.is_merge(key) {
                return Err(SpannedError::new("an account map can't contain merge keys", tree.span(key))
                    .help("write the fields out"));
            }
            let name = tree.text(key);
            if entries[..at].iter().any(|&(other, _)| tree.text(other) == name) {
                let name = crate::diag::escape_control(name.unwrap_or_default()).into_owned();
                return Err(SpannedError::new(format!("duplicate field {name}"), tree.span(key)));
            }
            no_surprises(tree, value)
        }),
        Data::Scalar { .. } => Ok(()),
    }
}

/// The JSON Schema of the map (draft 2020-12).
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Fields);
    for (field, value) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{field}")) {
            property["const"] = value.into();
        }
    }
    schema.to_value()
}
