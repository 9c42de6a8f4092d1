//! The namespaces that may use one identity, as the API has them.

use serde_json::{Value, json};

use crate::account_map::AllowedNamespaces;
use crate::capa::Namespaces;
use crate::kubernetes::ApiLabelSelector;

impl AllowedNamespaces {
    /// The same for an identity that clusters in these namespaces use.
    pub(super) fn resolved(&self, served: impl FnOnce() -> Vec<String>) -> FixedNamespaces {
        match self {
            Self::All => FixedNamespaces::All,
            Self::List(names) => FixedNamespaces::List(names.clone()),
            Self::Label(key, value) => FixedNamespaces::Label(key.clone(), value.clone()),
            Self::Served => FixedNamespaces::AtLeast(served()),
        }
    }
}

/// The namespaces that may use one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FixedNamespaces {
    /// Every namespace: `{}`.
    All,
    /// The listed namespaces.
    List(Vec<String>),
    /// The namespaces with this label.
    Label(String, String),
    /// These namespaces, and those that an existing identity lists already.
    AtLeast(Vec<String>),
}

impl FixedNamespaces {
    /// The names, if it only has names.
    pub(super) fn names(&self) -> Option<&[String]> {
        match self {
            Self::List(names) | Self::AtLeast(names) => Some(names),
            Self::All | Self::Label(..) => None,
        }
    }

    /// As fields of the API.
    pub(super) fn to_namespaces(&self) -> Namespaces {
        let labels = |key: &String, value: &String| Some([(key.clone(), value.clone())].into());
        match self {
            Self::All => Namespaces::default(),
            Self::List(names) | Self::AtLeast(names) => {
                Namespaces { list: Some(names.clone()), ..Namespaces::default() }
            }
            Self::Label(key, value) => {
                let selector = ApiLabelSelector { labels: labels(key, value), expressions: None };
                Namespaces { selector, ..Namespaces::default() }
            }
        }
    }

    /// The value of `spec.allowedNamespaces`.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::All => json!({}),
            Self::List(names) | Self::AtLeast(names) => json!({"list": names}),
            Self::Label(key, value) => json!({"selector": {"matchLabels": {key.as_str(): value}}}),
        }
    }
}
