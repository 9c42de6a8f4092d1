//! The fields that select clusters.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::specified;
use crate::account_map::de::Spanned;

/// A selection of clusters: every key that is given must match, by one of its globs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Clusters")]
pub(in crate::account_map) struct EntryFields {
    /// Globs of cluster names.
    #[serde(default)]
    pub(in crate::account_map) names: Vec<Spanned<String>>,
    /// Globs of namespaces.
    #[serde(default)]
    pub(in crate::account_map) namespaces: Vec<Spanned<String>>,
    /// Globs of files, relative to this file; ** crosses directories.
    #[serde(default)]
    pub(in crate::account_map) paths: Vec<Spanned<String>>,
    /// Clusters to exclude.
    #[serde(default, deserialize_with = "specified")]
    #[schemars(with = "ExceptFields")]
    pub(in crate::account_map) except: Option<Spanned<ExceptFields>>,
}

/// Clusters to exclude: every key that is given must match, by one of its globs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Except")]
pub(in crate::account_map) struct ExceptFields {
    /// Globs of cluster names.
    #[serde(default)]
    pub(in crate::account_map) names: Vec<Spanned<String>>,
    /// Globs of namespaces.
    #[serde(default)]
    pub(in crate::account_map) namespaces: Vec<Spanned<String>>,
    /// Globs of files, relative to this file; ** crosses directories.
    #[serde(default)]
    pub(in crate::account_map) paths: Vec<Spanned<String>>,
}

/// One value, or a list of values.
#[derive(Debug)]
pub(in crate::account_map) struct OneOrMore<T>(pub(in crate::account_map) Vec<Spanned<T>>);

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
