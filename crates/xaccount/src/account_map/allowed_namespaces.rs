//! The namespaces that may use an identity: the value of `allowedNamespaces` in the map, and of `--allowed-namespaces`.

use crate::kubernetes::names::{is_dns_label, is_label_value, is_qualified_name};

/// The namespaces that may use an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedNamespaces {
    /// Every namespace: `{}`.
    All,
    /// The listed namespaces.
    List(Vec<String>),
    /// The namespaces with this label.
    Label(String, String),
    /// The namespaces of the clusters that use the identity; those that an existing one lists stay.
    Served,
}

impl std::fmt::Display for AllowedNamespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Served => f.write_str("served"),
            Self::List(names) => f.write_str(&names.join(",")),
            Self::Label(key, value) => write!(f, "{key}={value}"),
        }
    }
}

impl std::str::FromStr for AllowedNamespaces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("'{text}' does not specify namespaces ({why}): use all, served, NAME,NAME or KEY=VALUE")
        };
        match text {
            "all" => return Ok(Self::All),
            "served" => return Ok(Self::Served),
            // It looks like a word of the same kind: a namespace of this name is rarer than the mistake.
            "none" => return Err(wrong("an identity that no namespace may use is of no use")),
            _ => {}
        }
        if let Some((key, value)) = text.split_once('=') {
            if !is_qualified_name(key) || !is_label_value(value) {
                return Err(wrong("not a single label"));
            }
            return Ok(Self::Label(key.into(), value.into()));
        }
        let names: Vec<String> = text.split(',').map(str::to_owned).collect();
        if let Some(word) = names.iter().find(|name| matches!(name.as_str(), "all" | "served")) {
            return Err(wrong(&format!("'{word}' can't be combined with names")));
        }
        match names.iter().find(|name| !is_dns_label(name)) {
            Some(name) => Err(wrong(&format!("'{name}' is not a namespace name, and CAPA matches names exactly"))),
            None => Ok(Self::List(names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_all_names_or_a_label() {
        assert_eq!("all".parse(), Ok(AllowedNamespaces::All));
        assert_eq!("served".parse(), Ok(AllowedNamespaces::Served));
        assert_eq!("a,b-1".parse(), Ok(AllowedNamespaces::List(vec!["a".into(), "b-1".into()])));
        assert_eq!("k=v".parse(), Ok(AllowedNamespaces::Label("k".into(), "v".into())));
        for bad in
            ["", "team-*", "Team", "a, b", "a,,b", "=v", "a=b,c=d", "a=b,c", "all,b", "served,b", "none", "a b=c"]
        {
            assert!(bad.parse::<AllowedNamespaces>().is_err(), "{bad}");
        }
    }
}
