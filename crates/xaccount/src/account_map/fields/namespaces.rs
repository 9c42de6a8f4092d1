//! The field `allowedNamespaces`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::specified;
use crate::account_map::de::Spanned;

/// `served`, `all`, or a value as in CAPA's `allowedNamespaces`.
#[derive(Debug)]
pub(in crate::account_map) enum NamespacesFields {
    /// The namespaces of the clusters that the identity serves.
    Served,
    /// Every namespace.
    All,
    /// A value as in CAPA.
    Capa(CapaNamespaces),
}

/// The supported values of CAPA's `allowedNamespaces`: {}, a list, or one label.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AllowedNamespaces")]
pub(in crate::account_map) struct CapaNamespaces {
    /// Names of namespaces.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "Vec<String>")]
    pub(in crate::account_map) list: Option<Vec<Spanned<String>>>,
    /// One label of the namespaces.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "SelectorFields")]
    pub(in crate::account_map) selector: Option<SelectorFields>,
}

/// A selector of one label.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Selector")]
pub(in crate::account_map) struct SelectorFields {
    /// The label's key and value.
    pub(in crate::account_map) match_labels: BTreeMap<String, Spanned<String>>,
}

impl<'de> Deserialize<'de> for NamespacesFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NamespacesFields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("served, all, or a mapping with list or selector")
            }

            /// Null is an error: in CAPA it allows no namespace, but an omitted field here allows those of the clusters.
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Err(E::custom("allowedNamespaces is empty"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "served" => Ok(NamespacesFields::Served),
                    "all" => Ok(NamespacesFields::All),
                    _ => Err(E::custom(format!(
                        "'{}' is not a value of allowedNamespaces",
                        crate::diag::escape_control(text)
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

impl JsonSchema for NamespacesFields {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Namespaces".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let capa = generator.subschema_for::<CapaNamespaces>();
        schemars::json_schema!({"anyOf": [{"enum": ["served", "all"]}, capa]})
    }
}
